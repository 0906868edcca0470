"""Every case ever recorded still replays, and a change that would break one is caught."""

import asyncio
import copy
import gzip
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from helpers import replayer, trial_keys
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import PayloadCodec
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from adapters.sealing.codec import SealingCodec
from workflows.contracts import DUPLICATE_REQUEST, CaseOutcome, CaseRequest
from workflows.duplicate_request import DuplicateRequest

OWN_PYTHON = f"-py{sys.version_info.major}{sys.version_info.minor}-"
HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json.gz"))


def history_of(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(
        f"duplicate/{file.name}", gzip.decompress(file.read_bytes()).decode()
    )


def test_there_are_recorded_cases() -> None:
    assert len(HISTORIES) >= 9


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PayloadCodec]:
    """That of a worker which takes cases on that began before anything was sealed."""
    with closing(trial_keys(tmp_path_factory.mktemp("keys"))) as keys:
        yield SealingCodec(keys.ring, accepts_plaintext=True)


@pytest.mark.parametrize(
    "file",
    [
        # Each case is recorded under two Pythons; with every change the other one's are enough.
        pytest.param(file, marks=[pytest.mark.proof] if OWN_PYTHON in file.name else [])
        for file in HISTORIES
    ],
    ids=lambda file: file.name,
)
async def test_a_recorded_case_replays(file: Path, codec: PayloadCodec) -> None:
    await replayer(codec).replay_workflow(history_of(file))


@pytest.mark.proof
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "file", [file for file in HISTORIES if OWN_PYTHON in file.name], ids=lambda file: file.name
)
async def test_a_recorded_case_replays_however_little_of_it_is_there(
    file: Path, codec: PayloadCodec, record_property: Callable[[str, object], None]
) -> None:
    histories = list(beginnings_of(history_of(file)))

    async def given() -> AsyncIterator[WorkflowHistory]:
        for history in histories:
            yield history

    found = await replayer(codec).replay_workflows(given(), raise_on_replay_failure=False)
    failed = len(found.replay_failures)
    record_property("beginnings", [len(histories) - failed, len(histories)])
    assert found.replay_failures == {}


def beginnings_of(history: WorkflowHistory) -> Iterator[WorkflowHistory]:
    """The history as it was at each of its workflow tasks: begun and not yet reported."""
    for place, event in enumerate(history.events):
        if event.HasField("workflow_task_completed_event_attributes"):
            # Failures are told apart by their run.
            run = f"{history.run_id}-{place}"
            begun = copy.deepcopy(history.events[:place])
            begun[0].workflow_execution_started_event_attributes.original_execution_run_id = run
            yield WorkflowHistory(history.workflow_id, begun)


@workflow.defn(name=DUPLICATE_REQUEST, sandboxed=False)
class Edited(DuplicateRequest):
    """The workflow with an edit that running cases would not survive."""

    @workflow.init
    def __init__(self, request: CaseRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: CaseRequest) -> CaseOutcome:
        await asyncio.sleep(1)
        return await super().run(request)


@pytest.mark.parametrize("file", HISTORIES[:3], ids=lambda file: file.name)
async def test_an_incompatible_edit_is_caught(file: Path) -> None:
    with pytest.raises(NondeterminismError):
        await Replayer(workflows=[Edited], data_converter=pydantic_data_converter).replay_workflow(
            history_of(file)
        )
