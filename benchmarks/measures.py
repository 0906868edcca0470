"""What is measured of a side, in seconds and bytes."""

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from temporalio.client import WorkflowQueryFailedError
from temporalio.service import RPCError

from benchmarks.processes import ROOT, busy_seconds, cpu_seconds, resident_bytes
from benchmarks.sides import Side

AT_ONCE = 60
"""Cases under way at the same time: enough to keep a few cores busy, although they sleep most
of the time, and few enough that each gets to sleep before it is answered."""
CASE_SECONDS = 300
"""No case takes so long; one that does is stuck, and that has to be looked into."""
SETTLE_SECONDS = 1.5
"""What a case still does after its last mail belongs to it."""
LOOK_EVERY = 0.1
IDLE_SECONDS = 10
START_SECONDS = 5
"""Before idleness is looked at: one worker has answered, and another may still be starting."""
QUERIES_AT_ONCE = 250
QUERY_SECONDS = 30
"""So long one query may take before it is asked anew; the server looks for a dead worker for ten."""

Tick = Callable[[], None]
"""Called whenever one more is done."""


class Computing(NamedTuple):
    """Seconds of computing."""

    worker: float
    server: float
    driver: float
    """Ours, counted to nobody."""
    machine: float
    """Of everybody."""


class Run(NamedTuple):
    """Cases carried from submission to their end."""

    cases: int
    seconds: float
    used: Computing
    settling: float
    """Seconds `used` was counted after the last case ended."""
    submissions: tuple[float, ...]
    """Seconds from submission to control number, of each case."""
    events: float
    history_bytes: float
    """Of a case's history, as the server reports; medians."""

    @property
    def rate(self) -> float:
        """Cases a second."""
        return self.cases / self.seconds

    @property
    def worker_cpu(self) -> float:
        """Seconds per case."""
        return self.used.worker / self.cases

    @property
    def server_cpu(self) -> float:
        """Seconds per case."""
        return self.used.server / self.cases

    @property
    def driver_cpu(self) -> float:
        """Seconds per case."""
        return self.used.driver / self.cases

    @property
    def cpu(self) -> float:
        """Of worker and server, seconds per case."""
        return self.worker_cpu + self.server_cpu

    @property
    def others(self) -> float:
        """Cores that others kept busy meanwhile."""
        ours = self.used.worker + self.used.server + self.used.driver
        return max(self.used.machine - ours, 0) / (self.seconds + self.settling)


async def carry(side: Side, cases: int, tick: Tick, at_once: int = AT_ONCE) -> Run:
    """Submit cases, so many at once, and carry each to its end."""
    submissions: list[float] = []
    places = asyncio.Semaphore(at_once)
    finished: list[str] = []

    async def carry_one() -> None:
        async with places:
            began = time.perf_counter()
            case_id = await side.begin()
            submissions.append(time.perf_counter() - began)
            await _comes(side.courses[case_id].ended, f"the end of {case_id}")
            finished.append(case_id)
            tick()

    before, began = _computing(side), time.perf_counter()
    await _all(carry_one() for _ in range(cases))
    seconds = time.perf_counter() - began
    await asyncio.sleep(SETTLE_SECONDS)
    used = Computing(*(late - early for late, early in zip(_computing(side), before, strict=True)))
    sizes = [await _size_at_the_end(side, case_id) for case_id in finished]
    return Run(
        cases=cases,
        seconds=seconds,
        used=used,
        settling=SETTLE_SECONDS,
        submissions=tuple(submissions),
        events=statistics.median(events for events, _ in sizes),
        history_bytes=statistics.median(size for _, size in sizes),
    )


async def put_to_sleep(side: Side, cases: int, tick: Tick, at_once: int = AT_ONCE) -> list[str]:
    """Submit cases nobody answers, and wait until each waits for its holder."""
    places = asyncio.Semaphore(at_once)
    sleepers: list[str] = []

    async def begin_one() -> None:
        async with places:
            case_id = await side.begin()
            await _comes(side.courses[case_id].waits, f"the first question of {case_id}")
            sleepers.append(case_id)
            tick()

    side.holder_answers = False
    await _all(begin_one() for _ in range(cases))
    await asyncio.sleep(SETTLE_SECONDS)
    side.holder_answers = True
    return sleepers


async def all_answer(side: Side, sleepers: Sequence[str], tick: Tick) -> float:
    """Seconds until every case has answered a query, asked again if need be."""
    places = asyncio.Semaphore(QUERIES_AT_ONCE)

    async def ask(case_id: str) -> None:
        async with places:
            while not await _answers(side, case_id):
                pass
            tick()

    began = time.perf_counter()
    async with asyncio.timeout(CASE_SECONDS):
        await _all(ask(case_id) for case_id in sleepers)
    return time.perf_counter() - began


async def idle_worker(side: Side) -> float:
    """Share of a core the workers take while nothing happens, once all of them have started."""
    await asyncio.sleep(START_SECONDS)
    before = _workers_cpu(side)
    await asyncio.sleep(IDLE_SECONDS)
    return (_workers_cpu(side) - before) / IDLE_SECONDS


def worker_memory(side: Side) -> int:
    """Bytes the workers hold."""
    return sum(map(resident_bytes, side.workers.pids))


def _workers_cpu(side: Side) -> float:
    return sum(map(cpu_seconds, side.workers.pids))


async def wall_time(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Seconds a whole process takes that must succeed."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=dict(environment),
        stdout=asyncio.subprocess.DEVNULL,
    )
    if await process.wait():
        raise RuntimeError(f"{command[1]} failed")
    return time.perf_counter() - began


async def size(side: Side, case_id: str) -> tuple[int, int]:
    """Events and bytes of a case's history, as the server reports them."""
    description = await side.handle(case_id).describe()
    return description.history_length, description.raw_info.history_size_bytes


async def _size_at_the_end(side: Side, case_id: str) -> tuple[int, int]:
    async with asyncio.timeout(CASE_SECONDS):
        while not await side.has_ended(case_id):  # noqa: ASYNC110 - seen from outside
            await asyncio.sleep(LOOK_EVERY)
    return await size(side, case_id)


async def _answers(side: Side, case_id: str) -> bool:
    try:
        async with asyncio.timeout(QUERY_SECONDS):
            await side.look(case_id)
    except (TimeoutError, RPCError, WorkflowQueryFailedError):
        return False  # no worker has found its way to the case yet
    return True


async def _comes(event: asyncio.Event, what: str) -> None:
    try:
        async with asyncio.timeout(CASE_SECONDS):
            await event.wait()
    except TimeoutError:
        raise RuntimeError(f"{what} did not come within {CASE_SECONDS} s") from None


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


def _computing(side: Side) -> Computing:
    return Computing(
        _workers_cpu(side),
        cpu_seconds(side.server.pid),
        time.process_time(),
        busy_seconds(),
    )
