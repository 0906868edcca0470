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
WORKERS = os.cpu_count() or 1
"""Processes of each side: a Python process computes on one core only."""


class MeasuredServer(EmbeddedServer):
    """The server of `diploma up` and `diploma demo`, whose process can be looked at."""

    @property
    def pid(self) -> int:
        """Its process id, once it runs."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid


class Workers:
    """Workers in processes of their own, one for each core; an async context manager."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log_file: Path,
        hears: Callable[[str], None],
    ) -> None:
        """Describe the workers.

        Args:
            command: Program and arguments.
            environment: All its variables.
            log_file: Where their stderr goes.
            hears: Called with every line they print.
        """
        self._command = command
        self._environment = environment
        self._log_file = log_file
        self._hears = hears
        self._processes: list[asyncio.subprocess.Process] = []
        self._listening: set[asyncio.Task[None]] = set()

    @property
    def pids(self) -> list[int]:
        """Their process ids."""
        return [process.pid for process in self._processes]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self._processes:
            if process.returncode is None:
                process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                for process in self._processes:
                    await process.wait()
        except TimeoutError:
            await self.kill()

    async def start(self) -> None:
        """Start them, or others after a kill."""
        with self._log_file.open("ab") as log:
            self._processes = [
                await asyncio.create_subprocess_exec(
                    *self._command,
                    cwd=ROOT,
                    env=dict(self._environment),
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                )
                for _ in range(WORKERS)
            ]
        self._listening = {
            asyncio.create_task(self._listen(process)) for process in self._processes
        }

    async def kill(self) -> None:
        """Kill them as a power cut would (SIGKILL)."""
        for process in self._processes:
            if process.returncode is None:
                process.kill()
            await process.wait()

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
