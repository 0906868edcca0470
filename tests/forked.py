"""Our command in a process forked from one that has imported already what commands need.

What is imported may not look at the environment, nor start a thread: all of it is the child's.
"""

import asyncio
import importlib
import multiprocessing
import os
import pkgutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from starters import commands, display
from starters.__main__ import main

NEEDED = (
    "pytest",
    "workers.main",
    "starters.__main__",
    "starters.cli",
    "starters.server",
    "simulators.client",
    *(module.name for module in pkgutil.iter_modules(commands.__path__, "starters.commands.")),
    "adapters.register.database",
    "adapters.register.schema",
)
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(list(NEEDED))
AT_MOST = 50
"""Seconds for one command; less than a test has."""


async def run_forked(
    arguments: Sequence[str], env: dict[str, str], folder: Path
) -> tuple[int, str, str]:
    """The exit code of a command, what it printed, and its complaints."""
    with TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        process = PROCESSES.Process(target=_command, args=(arguments, env, folder, out, err))
        process.start()
        try:
            await _end_of(process.sentinel)
        finally:
            if process.is_alive():
                process.kill()
            process.join()
        assert process.exitcode is not None
        return process.exitcode, _read(out), _read(err)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


async def _end_of(sentinel: int) -> None:
    """Wait until a process has ended; joining it in a thread would race with the next start."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sentinel, ended.set)
    try:
        async with asyncio.timeout(AT_MOST):
            await ended.wait()
    finally:
        loop.remove_reader(sentinel)


def _command(
    arguments: Sequence[str], env: dict[str, str], folder: Path, out: Path, err: Path
) -> None:
    """Become what a fresh process would be, and do what it would do; never returns."""
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(folder)
    for number, file, flags in (
        (0, Path(os.devnull), os.O_RDONLY),
        (1, out, os.O_WRONLY | os.O_CREAT),
        (2, err, os.O_WRONLY | os.O_CREAT),
    ):
        opened = os.open(file, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = ["diploma", *arguments]
    importlib.reload(display)  # consoles look at the environment when they are made
    main()
