"""What the bench does, in order, and everything it found."""

import asyncio
import statistics
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.progress import Progress

from benchmarks import measures
from benchmarks.measures import Run, Tick
from benchmarks.sides import DIPLOMA, STRAIGHT, Plain, Product, Side, Unsealed

SHORT_DAY = 5.0
"""Seconds; short enough to see a case to the end of its aftercare, and longer than all before."""
CLOSED_SECONDS = 120
"""No such case listens longer."""


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    cases: int = 150
    """In each run."""
    warm_up: int = 20
    rounds: int = 3
    rounds_in_memory: int = 1
    crowds: tuple[int, ...] = (10, 100, 1000)
    """So many cases are open while others are carried."""
    sleepers: int = 2000
    """So many are asked after the workers' death."""
    commands: int = 7
    """Runs of each command."""
    to_the_end: bool = True
    """A case is followed until its workflow has closed."""


QUICK = Extent(
    cases=30,
    warm_up=10,
    rounds=1,
    rounds_in_memory=0,
    crowds=(10, 50),
    sleepers=50,
    commands=3,
    to_the_end=False,
)
"""For a look, not for figures."""


@dataclass(frozen=True)
class Sleep:
    """What sleeping cases cost the workers, in bytes and shares of a core, and how they wake."""

    sleepers: int
    answered: float
    """Seconds from the start of others until all have answered."""
    fresh_memory: int
    """Of workers that have looked at one case, while none sleeps."""
    fresh_idle: float
    """While nothing happens."""
    uncached_memory: int
    """Likewise, while all sleep, one of them in its cache."""
    uncached_idle: float
    half_memory: int
    """When half of them have been looked at."""
    all_memory: int
    """When the others have been looked at, too."""


@dataclass(frozen=True)
class Length:
    """Events and bytes of a straight case that is alone."""

    issued: tuple[int, int]
    closed: tuple[int, int] | None


@dataclass
class Findings:
    """Everything measured, by side."""

    extent: Extent
    on_file: dict[str, list[Run]] = field(default_factory=dict)
    in_memory: dict[str, list[Run]] = field(default_factory=dict)
    crowded: dict[str, dict[int, Run]] = field(default_factory=dict)
    asleep: dict[str, Sleep] = field(default_factory=dict)
    commands: dict[str, float] = field(default_factory=dict)
    """Median seconds."""
    length: Length | None = None


class Bench:
    """Measures everything; the sides take turns, so that noise of the machine hits all alike."""

    def __init__(self, extent: Extent, progress: Progress) -> None:
        self._extent = extent
        self._progress = progress
        self._found = Findings(extent)

    async def rounds(self) -> Findings:
        """The sides side by side, and nothing else."""
        for turn in range(1, self._extent.rounds + 1):
            for kind in (Plain, Product, Unsealed):
                run = await self._round(kind, turn, in_memory=False)
                self._found.on_file.setdefault(kind.name, []).append(run)
        for turn in range(1, self._extent.rounds_in_memory + 1):
            for kind in (Plain, Product):
                run = await self._round(kind, turn, in_memory=True)
                self._found.in_memory.setdefault(kind.name, []).append(run)
        return self._found

    async def all(self) -> Findings:
        """Everything."""
        await self.rounds()
        for kind in (Plain, Product):
            await self._crowd(kind)
        self._found.length = await self._one_alone()
        return self._found

    async def _round(self, kind: type[Side], turn: int, *, in_memory: bool) -> Run:
        place = "in memory" if in_memory else "on a file"
        async with self._staged(kind, in_memory=in_memory) as side:
            return await self._measure(side, f"{place}, round {turn}")

    async def _crowd(self, kind: type[Side]) -> None:
        """Carry cases while more and more others sleep; then wake those."""
        runs = self._found.crowded.setdefault(kind.name, {})
        sleepers: list[str] = []
        async with self._staged(kind) as side:
            fresh = await self._idle_anew(side, next(iter(side.courses)))
            for crowd in self._extent.crowds:
                await self._fill(side, sleepers, crowd)
                runs[crowd] = await self._measure(side, f"while {crowd} sleep")
            await self._fill(side, sleepers, self._extent.sleepers)
            self._found.asleep[kind.name] = await self._wake(side, sleepers, *fresh)
            if isinstance(side, Product):
                await self._time_commands(side, sleepers[0])

    async def _wake(
        self, side: Side, sleepers: list[str], fresh_memory: int, fresh_idle: float
    ) -> Sleep:
        await side.begin_anew()
        with self._shown(side, "other workers, all asked", len(sleepers)) as tick:
            answered = await measures.all_answer(side, sleepers, tick)
        uncached = await self._idle_anew(side, sleepers[0])
        memory = []
        half = len(sleepers) // 2
        for some in (sleepers[:half], sleepers[half:]):
            with self._shown(side, "looked at", len(some)) as tick:
                await measures.all_answer(side, some, tick)
            memory.append(measures.worker_memory(side))
        return Sleep(len(sleepers), answered, fresh_memory, fresh_idle, *uncached, *memory)

    async def _idle_anew(self, side: Side, case_id: str) -> tuple[int, float]:
        """Memory of other workers that have looked at one case, and what they do when idle."""
        await side.begin_anew()
        with self._shown(side, "other workers, idle", 1) as tick:
            await measures.all_answer(side, [case_id], tick)
            return measures.worker_memory(side), await measures.idle_worker(side)

    async def _time_commands(self, side: Product, number: str) -> None:
        for arguments in (("status", number), ("check", str(STRAIGHT))):
            with self._shown(side, f"diploma {arguments[0]}", self._extent.commands) as tick:
                times = []
                for _ in range(self._extent.commands):
                    times.append(
                        await measures.wall_time([DIPLOMA, *arguments], side.environment())
                    )
                    tick()
            self._found.commands[arguments[0]] = statistics.median(times)

    async def _one_alone(self) -> Length:
        """A case that nothing disturbs, to the end of its workflow."""
        async with self._staged(Product, warm_up=False, day_seconds=SHORT_DAY) as side:
            run = await self._carry(side, "one case to its end", 1)
            (case_id,) = side.courses
            closed = None
            if self._extent.to_the_end:
                with self._shown(side, "the end of its aftercare", 1):
                    async with asyncio.timeout(CLOSED_SECONDS):
                        await side.handle(case_id).result()
                closed = await measures.size(side, case_id)
        return Length((int(run.events), int(run.history_bytes)), closed)

    @asynccontextmanager
    async def _staged(
        self, kind: type[Side], *, warm_up: bool = True, **options: Any
    ) -> AsyncIterator[Side]:
        """A side on new files, which has worked a little already."""
        with TemporaryDirectory(prefix="bench-") as folder:
            async with kind(Path(folder), **options) as side:
                if warm_up:
                    await self._carry(side, "warming up", self._extent.warm_up)
                yield side

    async def _measure(self, side: Side, what: str) -> Run:
        """Carry cases, and say how fast they were."""
        run = await self._carry(side, what, self._extent.cases)
        self._progress.print(f"{side.name}, {what}: {run.rate:.2f} cases a second", markup=False)
        return run

    async def _carry(self, side: Side, what: str, cases: int) -> Run:
        with self._shown(side, what, cases) as tick:
            return await measures.carry(side, cases, tick)

    async def _fill(self, side: Side, sleepers: list[str], wanted: int) -> None:
        """Put cases to sleep until there are as many as wanted."""
        missing = wanted - len(sleepers)
        with self._shown(side, f"{wanted} are put to sleep", missing) as tick:
            sleepers += await measures.put_to_sleep(side, missing, tick)

    @contextmanager
    def _shown(self, side: Side, what: str, total: int) -> Iterator[Tick]:
        """Show a bar while the context is entered; gives what moves it on."""
        bar = self._progress.add_task(f"{side.name}: {what}", total=total)
        yield lambda: self._progress.advance(bar)
        self._progress.remove_task(bar)
