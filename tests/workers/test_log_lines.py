"""What a line of the log shows besides its text: the case, the step, and the engine's run (R13)."""

import _asyncio
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import temporalio.bridge.temporal_sdk_bridge as core  # type: ignore[import-not-found] # it is no Python

from workers.lines import SAID_ELSEWHERE, Line, line_of

NUMBER = "7K3M-9QXT-2B4D-6"
RUN = "0197a3c1-5f0e-7d3c-9a40-3f6f2c1d8e55"


class Kept(logging.Handler):
    """Keeps the lines of a logger."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(line_of(record))


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    log = logging.getLogger("diploma")
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


LOG = logging.getLogger("diploma.tests")


def test_a_line_names_the_case_the_step_and_the_attempt(kept: Kept) -> None:
    details = {"workflow_id": f"duplicate/{NUMBER}", "activity_type": "open_case", "attempt": 3}
    LOG.warning("trouble", extra={"temporal_activity": details})
    (line,) = kept.lines
    assert (line["control_number"], line["step"], line["attempt"]) == (NUMBER, "open_case", 3)
    assert "dropped" not in line


@pytest.mark.parametrize("stranger", ["duplicate/Ivanova", "4509-1234-5678-9", ""])
def test_an_id_that_is_no_control_number_is_not_shown(kept: Kept, stranger: str) -> None:
    LOG.warning("trouble", extra={"temporal_workflow": {"workflow_id": stranger}})
    assert kept.lines[0].keys() == {"timestamp", "level", "logger", "event"}


def test_of_the_fields_of_the_engines_core_only_the_run_is_shown(kept: Kept) -> None:
    class Entry:
        target = "temporalio_sdk_core::worker"
        fields = {"run_id": RUN, "failure": "Ivanova"}  # noqa: RUF012 - as core's are

    LOG.warning("trouble", extra={"temporal_log": Entry()})
    assert kept.lines[0]["run"] == RUN
    assert "Ivanova" not in str(kept.lines)


def test_texts_of_code_that_is_no_python_are_spoken_there_still() -> None:
    speakers = b"".join(Path(str(library.__file__)).read_bytes() for library in (core, _asyncio))
    # asyncio puts the kind of the future in front by itself.
    spoken = {re.sub(r"^(Task|Future) ", "", text) for text in SAID_ELSEWHERE}
    assert not {text for text in spoken if text.encode() not in speakers}
