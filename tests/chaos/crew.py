"""A stack whose workers are commands of their own, which can be killed, and so can its server."""

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from helpers import until
from temporalio.client import Client
from terminal import Cli, clean_environment

from starters.server import port_is_free
from starters.stack import EmbeddedStack, Ports
from starters.up import exports
from workers.main import CaseWorker


class Ground(EmbeddedStack):
    """A stack on a database file, without a worker of its own."""

    def __init__(self, folder: Path, *, day_seconds: float) -> None:
        super().__init__(folder, Ports.free(ui=False), day_seconds=day_seconds)
        self.killed = 0
        """How often the server was."""

    def worker(self, client: Client) -> CaseWorker:
        """Nobody: who works here are commands."""
        return _Nobody(client, self.settings(), self.keys)

    def command(self) -> Cli:
        """The command line beside this stack, set up as its workers are."""
        told = dict(line.split("=", 1) for line in exports(self))
        env = clean_environment(
            **told,
            DIPLOMA_DAY_SECONDS=str(self.day_seconds),
            DIPLOMA_SMTP__HOST=self.outside.host,
            DIPLOMA_SMTP__PORT=str(self.outside.smtp_port),
            DIPLOMA_SMTP__TIMEOUT_SECONDS="3",
        )
        return Cli(env, self.folder)

    async def server_dies(self) -> None:
        """Kill the server without a chance to say anything, and start another on its file."""
        process = self.server._process
        assert process is not None
        process.kill()
        await process.wait()
        self.killed += 1

        async def is_gone() -> bool:
            return port_is_free(self.ports.temporal)

        await until(is_gone)
        await self.server.__aenter__()


class _Nobody(CaseWorker):
    async def __aenter__(self) -> Self:
        return self


class Crew:
    """Workers, each a command of its own; whoever ends has a successor at once.

    So does a service manager: a worker begun while the server is away says so and ends.
    """

    def __init__(self, command: Cli, log: Path) -> None:
        self.killed = 0
        """How many were."""
        self._command = command
        self._log = log
        self._workers: list[asyncio.subprocess.Process] = []

    async def keep_one(self) -> None:
        """Have a worker at work until cancelled."""
        while True:
            with self._log.open("ab") as log:
                worker = await self._command.start("worker", stdout=subprocess.DEVNULL, stderr=log)
            self._workers.append(worker)
            try:
                await worker.wait()
            finally:
                self._workers.remove(worker)
                if worker.returncode is None:
                    worker.kill()
                    await worker.wait()

    async def one(self) -> asyncio.subprocess.Process:
        """One of them, once there is one."""

        async def is_there() -> bool:
            return bool(self._workers)

        await until(is_there)
        return self._workers[0]

    def one_dies(self, chance: random.Random) -> None:
        """Kill one of them without a chance to say anything."""
        if self._workers:
            chance.choice(self._workers).kill()
            self.killed += 1


@asynccontextmanager
async def working(stack: Ground, workers: int, **settings: str) -> AsyncIterator[Crew]:
    """Some workers beside a stack that is up."""
    crew = Crew(stack.command().but(**settings), stack.folder / "workers.log")
    kept = [asyncio.create_task(crew.keep_one()) for _ in range(workers)]
    try:
        yield crew
    finally:
        for worker in kept:
            worker.cancel()
        await asyncio.wait(kept)
