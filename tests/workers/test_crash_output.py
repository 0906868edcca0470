"""Whatever fails in a process leaves types and places in its output, and never a datum (R13)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FAILING = Path(__file__).with_name("failing_worker.py")
MARKER = "Ivanova-4509-123456"
TYPES = (
    "FirstFault",
    "SecondFault",
    "ZeroDivisionError",
    "IndexError",
    "ArithmeticError",
    "LookupError",
    "RuntimeWarning",
    "EOFError",
    "BufferError",
    "SystemError",
)


def ended(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(FAILING)],
        capture_output=True,
        check=False,
        cwd=FAILING.parent.parent.parent,
        env={"PYTHONPATH": os.curdir, "MARKER": MARKER, **environment},
        text=True,
        timeout=50,
    )


@pytest.fixture(scope="module")
def worker() -> subprocess.CompletedProcess[str]:
    return ended(LOG_FORMAT="json")


@pytest.fixture(scope="module")
def lines(worker: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in worker.stderr.splitlines()]


def test_a_failing_worker_gives_no_datum_away(worker: subprocess.CompletedProcess[str]) -> None:
    assert worker.returncode == 1
    assert MARKER not in worker.stdout + worker.stderr
    assert "Ivanova" not in worker.stderr


def test_every_failure_leaves_a_line_with_its_type_and_place(lines: list[dict[str, Any]]) -> None:
    said = [f"{line.get('exception', '')} {line.get('failure', '')}" for line in lines]
    for kind in TYPES:
        found = [line for line, text in zip(lines, said, strict=True) if kind in text]
        assert found, kind
        places = [line.get("exception") or line["place"] for line in found]
        assert all("failing_worker:" in place for place in places), kind


def test_of_a_chain_all_types_are_shown_with_their_places(lines: list[dict[str, Any]]) -> None:
    (chain,) = (line["exception"] for line in lines if line["event"] == "a chain of two")
    second, _, first = chain.partition(" <- ")
    assert second.startswith("SecondFault at fail_twice (failing_worker:")
    assert first.startswith("FirstFault at fail_once (failing_worker:")


def test_a_text_is_shown_as_far_as_it_stands_in_the_code(lines: list[dict[str, Any]]) -> None:
    said = [line["event"] for line in lines if line["logger"] == "asyncio.stranger"]
    unshown = "(a text that is not shown)"
    assert said == [
        "an answer from %s",
        "too few for %s and %s",
        "the applicant is ...",
        *(unshown, unshown, unshown),
    ]
    assert all(
        line["place"].startswith("failing_worker:")
        for line in lines
        if line["event"] == unshown and line["logger"] == "asyncio.stranger"
    )


def test_of_the_engines_core_known_texts_are_shown_and_the_part_of_it_that_spoke(
    lines: list[dict[str, Any]],
) -> None:
    spoken = [line for line in lines if line["logger"] == "temporalio.core"]
    assert [line["event"] for line in spoken] == [
        "Failing workflow task",
        "gRPC call ...",
        "(a text that is not shown)",
    ]
    assert [line.get("place") for line in spoken] == [None, *["temporalio_sdk_core::worker"] * 2]


def test_a_field_that_is_not_listed_or_has_another_form_is_dropped_and_named(
    lines: list[dict[str, Any]],
) -> None:
    (given,) = (line for line in lines if line["event"] == "fields")
    assert given["attempt"] == 2
    assert given["dropped"] == ["?", "applicant", "step"]
    (numbers,) = (line for line in lines if line["event"] == "numbers")
    assert numbers["dropped"] == ["attempt"]


@pytest.mark.parametrize("log_format", ["console", ""], ids=["for people", "not configured yet"])
def test_no_other_format_gives_a_datum_away(log_format: str) -> None:
    worker = ended(LOG_FORMAT=log_format)
    assert MARKER not in worker.stdout + worker.stderr
    assert all(kind in worker.stderr for kind in TYPES)


def test_a_log_nobody_can_write_to_gives_no_datum_away() -> None:
    worker = ended(LOG_FORMAT="json", UNWRITABLE="1")
    assert worker.returncode == 0
    assert MARKER not in worker.stdout + worker.stderr
