"""The findings as tables: for the terminal, and as docs/performance.md."""

import os
import platform
import re
import statistics
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import NamedTuple

from rich.table import Table as Shown

from benchmarks.bench import Findings, Sleep
from benchmarks.measures import AT_ONCE, Run
from benchmarks.processes import PROC
from benchmarks.sides import HOLDER_THINKS, Plain, Product, Unsealed
from starters.server import temporal_executable

LEAST_RATIO = 1.0
"""Cases a second of the product, to those of the plain shape."""
MOST_CPU = 1.0
"""Likewise, computing per case."""
MOST_EVENTS, MOST_BYTES = 45, 12_000
"""Of a straight case's history."""
MOST_SLOWER = 0.15
"""How much slower cases may be carried in a crowd."""
MOST_WAKING = 20.0
"""Seconds until all who slept have answered."""
COMMAND_SECONDS = {"status": 1.0, "check": 0.7}
MEGA = 1024 * 1024
_PREFACE = f"""# Performance

Written by `make bench`, which anyone can repeat; `make bench BENCH=quick` takes a look in a few minutes. It carries
the straight case (`examples/1-straight.json`) through the complete product, with everything on: validation, sealing,
register, papers, mails over SMTP, search attributes, real days. Beside it, in the same run, it carries the same
shape of case as plain Temporal code (`benchmarks/plain/`): eight steps that do nothing, three waits with a deadline
and an answer each, the SDK's own converter, and nothing else.

- Each side has a server and a worker for each core, in processes of their own, with default settings and the same
  database pragmas. The sides take turns, each time on new files. Figures are medians of the rounds.
- Holder and mail server are real ones on loopback, in the process of the driver. Its computing is counted to neither
  side, but takes place on the same cores.
- A case waits until an answer is there, {HOLDER_THINKS:g} s after it has asked. A plain case gets it by a signal. The
  product's holder says "in a second" (202 with a Retry-After), and is asked again then, as an authority's system is.
- A plain case has ended when its workflow has. A product's case has ended when the mail has arrived that tells of the
  hand-over, and the register says so; its workflow listens to late messages for some more days, asleep.
- Computing per case is what the kernel counts for the processes, children included, a moment after the last case.
- Submission is from the call to the control number: the product's own submission, register and all, against a
  plain start."""
"""What was measured, for who reads the figures."""


class Table(NamedTuple):
    """Rows under a head; the first column is text."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def tables(found: Findings) -> Iterator[Table]:
    """Everything measured, as far as it was."""
    yield Table("What is wanted", ("", "Wanted", "Measured", "Kept"), tuple(_wanted(found)))
    yield _side_by_side("Side by side, engine on a file", found.on_file)
    if found.in_memory:
        yield _side_by_side("Side by side, engine in memory", found.in_memory)
    if found.crowded:
        yield _crowded(found)
        yield _asleep(found)
    if found.length is not None:
        yield Table(
            "History of one straight case that is alone",
            ("", "Events", "Bytes"),
            tuple(
                (when, str(length[0]), f"{length[1]:,}")
                for when, length in (
                    ("when the duplicate is issued", found.length.issued),
                    ("when its aftercare is over, and it is closed", found.length.closed),
                )
                if length is not None
            ),
        )
    if found.commands:
        yield Table(
            "Commands, as whole processes",
            ("", "Median, s"),
            tuple((f"`diploma {name}`", f"{took:.2f}") for name, took in found.commands.items()),
        )


def shown(table: Table) -> Shown:
    """A table for the terminal."""
    made = Shown(*table.head, title=table.title, caption=table.note or None)
    for column in made.columns[1:]:
        column.justify = "right"
    for row in table.rows:
        made.add_row(*row)
    return made


def document(found: Findings) -> str:
    """The whole of docs/performance.md."""
    parts = [_PREFACE, "## Conditions", "\n".join(_conditions(found))]
    for table in tables(found):
        parts += [f"## {table.title}", "\n".join(_markdown(table))]
        parts += [table.note] if table.note else []
    return "\n\n".join(parts) + "\n"


def _markdown(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(table.head)} |"
    yield f"|---|{'---:|' * (len(table.head) - 1)}"
    yield from (f"| {' | '.join(row)} |" for row in table.rows)


def _conditions(found: Findings) -> Iterator[str]:
    extent = found.extent
    runs = [run for runs in found.on_file.values() for run in runs]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3
    yield f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, on {os.cpu_count()} cores ({_processor()}), {memory:.0f} GB"
    yield (
        f"- diploma-duplicates {metadata.version('diploma-duplicates')}, Python "
        f"{platform.python_version()}, temporalio {metadata.version('temporalio')}, {_server()}, "
        f"{platform.system()} {platform.release()}"
    )
    yield (
        f"- rounds: {extent.rounds}, of {extent.cases} cases, {AT_ONCE} at once, after {extent.warm_up} to warm up;"
        f" holders answer after {HOLDER_THINKS:g} s"
    )
    yield (
        "- What else ran on this machine meanwhile took "
        f"{statistics.median(run.others for run in runs):.1f} cores"
    )


def _processor() -> str:
    found = re.search(r"model name\s*: (.*)", (PROC / "cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _server() -> str:
    command = [str(temporal_executable()), "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return told.strip()


# --- what is wanted ----------------------------------------------------------------------


def _wanted(found: Findings) -> Iterator[tuple[str, str, str, str]]:
    """What is asked for, how much of it, what was measured, and whether that is enough."""
    rate, cpu = (_ratio(found.on_file, figure) for figure in (_rate, _cpu))
    yield (
        "cases a second, product : plain",
        f"≥ {LEAST_RATIO:.1f}",
        f"{rate:.2f}",
        _kept(rate >= LEAST_RATIO),
    )
    yield "computing, product : plain", f"≤ {MOST_CPU:.1f}", f"{cpu:.2f}", _kept(cpu <= MOST_CPU)
    if found.length is not None:
        events, size = found.length.closed or found.length.issued
        yield "events of a history", f"≤ {MOST_EVENTS}", str(events), _kept(events <= MOST_EVENTS)
        yield "bytes of a history", f"≤ {MOST_BYTES:,}", f"{size:,}", _kept(size <= MOST_BYTES)
    if found.crowded:
        runs = found.crowded[Product.name]
        few, many = min(runs), max(runs)
        slower = 1 - runs[many].rate / runs[few].rate
        yield (
            f"cases a second, fewer at {many:,} open than at {few}",
            f"≤ {MOST_SLOWER:.0%}",
            f"{slower:.0%}",
            _kept(slower <= MOST_SLOWER),
        )
        sleep = found.asleep[Product.name]
        yield (
            f"{sleep.sleepers:,} sleeping cases answer other workers",
            f"≤ {MOST_WAKING:.0f} s",
            f"{sleep.answered:.1f} s",
            _kept(sleep.answered <= MOST_WAKING),
        )
    for name, took in found.commands.items():
        most = COMMAND_SECONDS[name]
        yield f"`diploma {name}`", f"< {most:.1f} s", f"{took:.2f} s", _kept(took < most)


def _kept(kept: bool) -> str:
    return "yes" if kept else "**no**"


# --- figures of runs ---------------------------------------------------------------------

Figure = Callable[[Run], float]


def _rate(run: Run) -> float:
    return run.rate


def _cpu(run: Run) -> float:
    return run.cpu


IN_A_CROWD = 6
"""So many of the rows are shown for each crowd."""
_ROWS: tuple[tuple[str, Figure, str], ...] = (
    ("cases a second", _rate, ".2f"),
    ("computing per case, ms", lambda run: run.cpu * 1000, ".0f"),
    ("of this the workers", lambda run: run.worker_cpu * 1000, ".0f"),
    ("of this the server", lambda run: run.server_cpu * 1000, ".0f"),
    ("submission, p50, ms", lambda run: _percentile(run.submissions, 50) * 1000, ".0f"),
    ("submission, p99, ms", lambda run: _percentile(run.submissions, 99) * 1000, ".0f"),
    ("the driver, counted to neither side", lambda run: run.driver_cpu * 1000, ".0f"),
    ("events of a history", lambda run: run.events, ".0f"),
    ("bytes of a history", lambda run: run.history_bytes, ",.0f"),
)


def _side_by_side(title: str, sides: Mapping[str, Sequence[Run]]) -> Table:
    rows = [
        (
            name,
            *(f"{statistics.median(map(figure, runs)):{form}}" for runs in sides.values()),
            f"{_ratio(sides, figure):.2f}",
        )
        for name, figure, form in _ROWS
    ]
    note = ""
    if Unsealed.name in sides:
        sealing = _ratio(sides, _cpu, beside=Unsealed.name) - 1
        note = f"Sealing, with the compression before it, changes the product's computing by {sealing:+.0%}."
    return Table(title, ("", *sides, "product : plain"), tuple(rows), note)


def _ratio(sides: Mapping[str, Sequence[Run]], figure: Figure, beside: str = Plain.name) -> float:
    """The product's figure to another side's: the median of what the rounds give."""
    pairs = zip(sides[Product.name], sides[beside], strict=True)
    return statistics.median(figure(ours) / figure(theirs) for ours, theirs in pairs)


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


# --- crowds ------------------------------------------------------------------------------


def _crowded(found: Findings) -> Table:
    rows = [
        (
            f"{crowd:,}",
            name,
            *(f"{figure(runs[crowd]):{form}}" for _, figure, form in _ROWS[:IN_A_CROWD]),
        )
        for crowd in found.extent.crowds
        for name, runs in found.crowded.items()
    ]
    head = ("Open", "Side", *(name for name, _, _ in _ROWS[:IN_A_CROWD]))
    note = "So many cases sleep until a holder answers, while others are carried."
    return Table("While others are open", head, tuple(rows), note)


def _asleep(found: Findings) -> Table:
    sides = found.asleep
    many = found.extent.sleepers
    half = many // 2
    rows: tuple[tuple[str, Callable[[Sleep], float], str], ...] = (
        ("seconds until all have answered other workers", lambda side: side.answered, ".1f"),
        ("memory of the workers, none asleep, MB", lambda side: side.fresh_memory / MEGA, ".0f"),
        (f"{many:,} asleep, one looked at, MB", lambda side: side.uncached_memory / MEGA, ".0f"),
        (f"{half:,} of them looked at, MB", lambda side: side.half_memory / MEGA, ".0f"),
        ("the others looked at, too, MB", lambda side: side.all_memory / MEGA, ".0f"),
        (
            "1,000 sleeping cases in its cache, MB",
            lambda side: (side.half_memory - side.uncached_memory) / MEGA / half * 1000,
            ".0f",
        ),
        ("idle, none asleep, % of a core", lambda side: side.fresh_idle * 100, ".1f"),
        (
            f"idle, {many:,} asleep, % of a core",
            lambda side: side.uncached_idle * 100,
            ".1f",
        ),
    )
    return Table(
        f"{many:,} sleeping cases, their workers killed, others started",
        ("", *sides),
        tuple(
            (name, *(f"{of(side):{form}}" for side in sides.values())) for name, of, form in rows
        ),
    )
