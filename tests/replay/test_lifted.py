"""Who lifted a suspension is named now: cases in which an officer was given before still replay."""

import base64
import gzip
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from helpers import replayer, trial_keys
from temporalio.client import WorkflowHistory
from temporalio.converter import PayloadCodec

from adapters.sealing.codec import SealingCodec

FOLDER = Path(__file__).parent / "histories"
SUSPENDED = sorted(
    file
    for pattern in ("0.[123].0-*-8-passport-error.json.gz", "0.1.0-*-suspended-*.json.gz")
    for file in FOLDER.glob(pattern)
)
BY_OFFICER = base64.b64encode(b'{"officer":"petrova"}').decode()


def history_of(file: Path) -> WorkflowHistory:
    """A recorded case, as if its suspension had been lifted by a named officer."""
    content = json.loads(gzip.decompress(file.read_bytes()))
    for event in content["events"]:
        sent = event.get("workflowExecutionSignaledEventAttributes")
        if sent and sent["signalName"] == "suspension_lifted":
            sent["input"]["payloads"][0]["data"] = BY_OFFICER
    return WorkflowHistory.from_json(f"duplicate/{file.name}", content)


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PayloadCodec]:
    """That of a worker which takes cases on that began before anything was sealed."""
    with closing(trial_keys(tmp_path_factory.mktemp("keys"))) as keys:
        yield SealingCodec(keys.ring, accepts_plaintext=True)


@pytest.mark.parametrize("file", SUSPENDED, ids=lambda file: file.name)
async def test_a_case_whose_suspension_an_officer_lifted_replays(
    file: Path, codec: PayloadCodec
) -> None:
    await replayer(codec).replay_workflow(history_of(file))
