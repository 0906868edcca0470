"""A pytest plugin: runs all property tests with more and more examples until a time is over.

`make fuzz` loads it. Each run of a test has another seed and twice the examples of its last one,
until a run takes a minute. What fails is told with the options that make it fail again.
"""

import random
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, seed, settings
from hypothesis.statistics import collector

LONG_RUN = 60
"""Seconds; a longer run is not doubled any more, so that all tests have their turn."""
HANGS = 15 * LONG_RUN
"""Seconds; no run takes so long, on a busy machine either."""


@dataclass
class Record:
    """What became of one test so far."""

    asked: settings
    """What it asks of hypothesis itself."""
    times: int
    """How many times the examples it asks for, in its next run."""
    examples: int = 0
    seconds: float = 0
    failed_with: str = ""
    """The options that make it fail again."""

    def count(self, statistics: Any) -> None:
        """Add the examples of a run, by what hypothesis tells of its phases."""
        phases = (phase for phase in statistics.values() if isinstance(phase, dict))
        self.examples += sum(len(phase.get("test-cases", ())) for phase in phases)


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long, and what to begin with."""
    group = parser.getgroup("fuzzing")
    group.addoption("--fuzz-minutes", type=float, default=0, help="but each test at least once")
    group.addoption("--fuzz-seed", type=int, help="of the first run; the next run has the next")
    group.addoption("--fuzz-times", type=int, default=1, help="the examples, in the first runs")


def pytest_configure(config: pytest.Config) -> None:
    """Begin."""
    config.pluginmanager.register(Fuzzer(config))


class Fuzzer:
    """Runs the property tests in turn, and remembers what became of them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._ends_at = time.monotonic() + config.getoption("fuzz_minutes") * 60
        given: int | None = config.getoption("fuzz_seed")
        self._seed = random.SystemRandom().randrange(10**6) if given is None else given
        self._times: int = config.getoption("fuzz_times")
        self._records: dict[str, Record] = {}

    def pytest_report_header(self) -> str:
        return f"seed: {self._seed}"

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if is_hypothesis_test(getattr(item, "obj", None))]
        for item in items:
            item.add_marker(pytest.mark.timeout(HANGS), append=False)
            asked = _function(item)._hypothesis_internal_use_settings
            self._records[item.nodeid] = Record(asked, self._times)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed or session.config.option.collectonly:
            return None  # pytest's own loop says what is the matter
        waiting = deque(session.items)
        while waiting:
            item = waiting.popleft()
            # After the last one all fixtures end, so the same test can come once more.
            if self._is_to_run_again(item, waiting[0] if waiting else None):
                waiting.append(item)
            self._seed += 1
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
        return True

    def _is_to_run_again(self, item: pytest.Item, following: pytest.Item | None) -> bool:
        record, began = self._records[item.nodeid], time.monotonic()
        examples = record.examples
        _prepare(item, record, self._seed)
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        now = time.monotonic()
        record.seconds += now - began
        record.times *= 1 if now - began > LONG_RUN else 2
        was_skipped = record.examples == examples
        return now < self._ends_at and not (record.failed_with or was_skipped)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        told: Any = collector  # typed as though nobody could be told
        with told.with_value(self._records[item.nodeid].count):
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            record = self._records[report.nodeid]
            record.failed_with = f"--fuzz-seed={self._seed} --fuzz-times={record.times}"
            # Told at once, too: the end may be an hour away, or never come.
            reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
            reporter.write_line(f"\n{report.nodeid} {record.failed_with}\n{report.longreprtext}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("fuzzing")
        for test, record in self._records.items():
            terminalreporter.line(f"{record.examples:9,} {record.seconds:7.1f} s  {test}")
        for test, record in self._records.items():
            if record.failed_with:
                terminalreporter.line(f"FAILED: pytest -p fuzzing {record.failed_with} '{test}'")


def _function(item: pytest.Item) -> Any:
    assert isinstance(item, pytest.Function)
    return item.function


def _prepare(item: pytest.Item, record: Record, number: int) -> None:
    """Give a test its seed, and its settings in the way of hypothesis' own plugin."""
    function = seed(number)(_function(item))
    function._hypothesis_internal_use_settings = settings(
        record.asked,
        max_examples=record.asked.max_examples * record.times,
        deadline=None,
        database=None,  # else what failed before would come first, and no seed tell what follows
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
