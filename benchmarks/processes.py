"""The processes measured, and what the kernel says of them. Linux only."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from starters.server import EmbeddedServer

ROOT = Path(__file__).resolve().parent.parent
PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
STOP_SECONDS = 30


class MeasuredServer(EmbeddedServer):
    """The server of `diploma up` and `diploma demo`, whose process can be looked at."""

    @property
    def pid(self) -> int:
        """Its process id, once it runs."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid


class WorkerProcess:
    """A worker in a process of its own; an async context manager."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log_file: Path,
        hears: Callable[[str], None],
    ) -> None:
        """Describe the worker.

        Args:
            command: Program and arguments.
            environment: All its variables.
            log_file: Where its stderr goes.
            hears: Called with every line it prints.
        """
        self._command = command
        self._environment = environment
        self._log_file = log_file
        self._hears = hears
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """Its process id, once it runs."""
        if self._process is None:
            raise RuntimeError("the worker does not run")
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            await self.kill()

    async def start(self) -> None:
        """Start it, or another one after a kill."""
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=ROOT,
                env=dict(self._environment),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self._listening = asyncio.create_task(self._listen(self._process))

    async def kill(self) -> None:
        """Kill it as a power cut would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is not None:
            async for line in process.stdout:
                self._hears(line.decode().strip())


def cpu_seconds(pid: int) -> float:
    """Computing of a process and all it started, so far."""
    return sum(_ticks(member) for member in _family(pid)) / TICK


def resident_bytes(pid: int) -> int:
    """Memory a process and all it started hold."""
    return PAGE * sum(
        int((PROC / str(member) / "statm").read_text().split()[1]) for member in _family(pid)
    )


def busy_seconds() -> float:
    """Computing of everybody on the machine, so far."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(
        int, (PROC / "stat").read_text().splitlines()[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) / TICK


def _family(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    for children in (PROC / str(pid) / "task").glob("*/children"):
        for child in children.read_text().split():
            yield from _family(int(child))


def _ticks(pid: int) -> int:
    """Its own, and those of children that have ended."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))
