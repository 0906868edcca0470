"""A pytest plugin: runs every proof of the fault table and writes docs/reliability.md.

A test reports figures with pytest's own `record_property`: a unit and [held, of], as in
record_property("points", [18, 18]); under the name "note" it reports a remark. Whatever the
table says comes from these and from the outcomes of this very run.
"""

import os
import platform
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from fault_table import ROWS, Row
from pydantic import TypeAdapter

from starters.server import temporal_executable

SEED = "CHAOS_SEED"
"""Variable that makes all that is random the same again."""
NOTE = "note"
INTRODUCTION = """\
# Reliability

Written by a run of `make chaos`, from what its tests found: not to be edited. Real parts throughout: Temporal's
server, our workers as processes, mail and HTTP servers on loopback. A figure says how many held, of how many.
"""


@dataclass
class Outcome:
    """What became of one test."""

    passed: bool = True
    seconds: float = 0
    figures: dict[str, tuple[int, int]] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)

    def add(self, report: pytest.TestReport) -> None:
        """Take in what is reported of its setup, its call or its teardown."""
        self.passed &= report.passed
        self.seconds += report.duration
        for name, value in report.user_properties:
            if name == NOTE:
                self.notes.add(str(value))
            else:
                self.figures[name] = figure_of(value)

    def counted_as(self, unit: str) -> dict[str, tuple[int, int]]:
        """Its figures; a test without any, or one that failed in spite of them, is one itself."""
        if self.figures and (self.passed or any(held < of for held, of in self.figures.values())):
            return self.figures
        return {**self.figures, unit: (int(self.passed), 1)}


Outcomes = dict[str, Outcome]


@dataclass
class Run:
    """A run of all proofs, or a part of it."""

    seconds: float
    outcomes: Outcomes

    def after(self, file: Path) -> "Run":
        """All parts of the run so far; the file keeps them for the next one."""
        whole = self
        if file.exists():
            before = _KEPT.validate_json(file.read_bytes())
            whole = Run(before.seconds + self.seconds, {**before.outcomes, **self.outcomes})
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_KEPT.dump_json(whole))
        return whole


_KEPT = TypeAdapter(Run)


def figure_of(value: Any) -> tuple[int, int]:
    """How many held and of how many, as a test has reported them."""
    held, of = value
    return int(held), int(of)


# --- hooks --------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a trial write elsewhere."""
    parser.addoption("--report", type=Path, help="file the report is written to")
    parser.addoption("--kept", type=Path, help="file of outcomes, of earlier parts of a run, too")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed before the processes of xdist begin, which inherit it."""
    os.environ.setdefault(SEED, str(random.SystemRandom().randrange(10**6)))
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Reporter(config))


def pytest_report_header() -> str:
    """Print the seed."""
    return f"seed: {SEED}={os.environ[SEED]}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all that the table names, whether it takes long or not."""
    for item in items:
        if any(row.is_proven_by(item.nodeid) for row in ROWS):
            item.add_marker(pytest.mark.proof)


class _Reporter:
    """Gathers what becomes of the tests, in the process that hears of all of them."""

    def __init__(self, config: pytest.Config) -> None:
        self._file = config.getoption("report") or config.rootpath / "docs" / "reliability.md"
        self._kept: Path | None = config.getoption("kept")
        self._began = time.monotonic()
        self._outcomes: Outcomes = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._outcomes.setdefault(report.nodeid, Outcome()).add(report)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            return
        run = Run(time.monotonic() - self._began, self._outcomes)
        if self._kept is not None:
            run = run.after(self._kept)
        self._file.write_text(text_of(run.outcomes, run.seconds), encoding="utf-8")


# --- the text -----------------------------------------------------------------------------


def text_of(outcomes: Outcomes, seconds: float, rows: Iterable[Row] = ROWS) -> str:
    """The report as Markdown."""
    found = [(row, proofs_of(row, outcomes)) for row in rows]
    broken = [row for row, proofs in found if not holds(row, proofs)]
    parts = [
        INTRODUCTION,
        _circumstances(seconds),
        f"**{len(found) - len(broken)} of {len(found)} rows hold.**\n",
        _table(
            ("fault", "must hold", "figure", "seconds"),
            (
                (row.fault, row.holds, figure(row, proofs), _seconds(proofs))
                for row, proofs in found
            ),
        ),
        *(_details(row, proofs) for row, proofs in found if row.detailed and proofs),
        *_notes(outcomes),
    ]
    return "\n".join(parts)


def proofs_of(row: Row, outcomes: Outcomes) -> Outcomes:
    """What became of the proofs of a row."""
    return {test: outcome for test, outcome in outcomes.items() if row.is_proven_by(test)}


def holds(row: Row, proofs: Outcomes) -> bool:
    """True when every proof named was run and nothing fell short."""
    all_run = all(any(proof in test for test in proofs) for proof in row.proofs)
    return all_run and all(held == of for held, of in sums(row, proofs).values())


def sums(row: Row, proofs: Outcomes) -> dict[str, tuple[int, int]]:
    """The figures of all proofs of a row, added up by unit."""
    held, of = Counter[str](), Counter[str]()
    for outcome in proofs.values():
        for unit, (some, all_) in outcome.counted_as(row.unit).items():
            held[unit] += some
            of[unit] += all_
    return {unit: (held[unit], of[unit]) for unit in of}


def figure(row: Row, proofs: Outcomes) -> str:
    missing = [proof for proof in row.proofs if not any(proof in test for test in proofs)]
    figures = [f"{held:,}/{of:,} {unit}" for unit, (held, of) in sums(row, proofs).items()]
    figures += [f"{len(missing)} not run"] if missing else []
    text = ", ".join(figures)
    return text if holds(row, proofs) else f"**{text}**"


def _seconds(proofs: Outcomes) -> str:
    return f"{sum(outcome.seconds for outcome in proofs.values()):.1f}"


def _circumstances(seconds: float) -> str:
    cli = subprocess.run([temporal_executable(), "--version"], capture_output=True, check=True)
    facts = (
        ("date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("version", version("diploma-duplicates")),
        ("seed", f"`{SEED}={os.environ[SEED]} make chaos` does the same again"),
        ("whole run", f"{seconds / 60:.1f} minutes"),
        ("cores", str(len(os.sched_getaffinity(0)))),
        ("Python", platform.python_version()),
        ("temporalio", version("temporalio")),
        ("Temporal", cli.stdout.decode().strip().removeprefix("temporal version ")),
    )
    return _table(("", ""), facts)


def _details(row: Row, proofs: Outcomes) -> str:
    lines = (
        (_name(test), ", ".join(f"{held:,}/{of:,} {unit}" for unit, (held, of) in figures))
        for test, outcome in proofs.items()
        if (figures := outcome.counted_as(row.unit).items())
    )
    return f"## {row.fault[0].upper()}{row.fault[1:]}\n\n{_table(('', 'figure'), sorted(lines))}"


def _name(test: str) -> str:
    """What a test is about: its parameters, or else its name in words."""
    called, _, told = test.rpartition("::")[2].partition("[")
    return told.removesuffix("]") or called.removeprefix("test_").replace("_", " ")


def _notes(outcomes: Outcomes) -> Iterator[str]:
    notes = sorted({note for outcome in outcomes.values() for note in outcome.notes})
    if notes:
        yield "## Notes\n"
        yield "".join(f"- {note}\n" for note in notes)


def _table(head: tuple[str, ...], lines: Iterable[tuple[Any, ...]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ("---",) * len(head), *lines))
