"""The whole stack killed again and again: the case goes on, and nothing is done twice."""

import asyncio
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from helpers import until
from terminal import EXAMPLES, Cli, clean_environment, finished

from starters.files import read_object
from starters.server import free_ports
from workflows import policies

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]
MOMENTS = ("IN_REVIEW", "IN_PRODUCTION")
REPEATED_AFTER = policies.OUTSIDE_CALL.total_seconds()
"""A death in the middle of a question to the holder: it is asked again after its time is up."""


class Stack:
    """`diploma up` as a process, on ports and a folder it keeps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "stack"
        names = (
            "--port",
            "--ui-port",
            "--outside-port",
            "--smtp-port",
            "--site-port",
            "--codec-port",
        )
        self.ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
        self._process: asyncio.subprocess.Process | None = None
        self._lonely = Cli(clean_environment(), folder)
        self.diploma = Cli(
            clean_environment(
                TEMPORAL_ADDRESS=f"127.0.0.1:{self.ports['--port']}",
                DIPLOMA_HOLDERS_BASE_URL=f"http://127.0.0.1:{self.ports['--outside-port']}",
                DIPLOMA_SECRETS_FOLDER=str(self.folder),
                DIPLOMA_KEYRING_URL=f"sqlite:///{self.folder / 'keys.db'}",
                DIPLOMA_REGISTER_URL=f"sqlite:///{self.folder / 'register.db'}",
            ),
            folder,
        )

    async def up(self, *more: str) -> None:
        """Start it and wait until it is ready."""
        options = [text for pair in self.ports.items() for text in pair]
        self._process = await self._lonely.start(
            "up", "--folder", str(self.folder), *options, *more
        )
        assert self._process.stdout is not None
        lines = []
        async with asyncio.timeout(30):
            while line := await self._process.stdout.readline():
                lines.append(line.decode())
                if line.startswith(b"Ready"):
                    return
        ended = await finished(self._process)
        pytest.fail(f"the stack did not come up: {lines} {ended.err}")

    async def is_killed(self) -> None:
        """Kill the worker and the server, both without a chance to say anything."""
        assert self._process is not None
        (server,) = children_of(self._process.pid)
        for victim in (self._process.pid, server):
            os.kill(victim, signal.SIGKILL)
        await self._process.wait()

        async def is_gone() -> bool:
            return not is_running(server)

        await until(is_gone)

    async def stops(self) -> int:
        """Stop it as a service manager would; returns its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return (await finished(self._process)).code

    async def is_cleared_away(self) -> None:
        """Leave nothing behind when a test has failed."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()  # the server ends with it
            await self._process.wait()

    async def sees(self, number: str, status: str) -> Any:
        """Wait until a case stands in a status and its mails are out."""
        found: list[Any] = []

        async def there() -> bool:
            found[:] = [await self.diploma.view(number)]
            return bool(found[0]["status"] == status and found[0]["mails"]["waiting"] == 0)

        await until(there, REPEATED_AFTER + 30)
        return found[0]

    def mails(self) -> Counter[tuple[str, str]]:
        """How often each mail arrived: its Message-ID and subject."""
        found: Counter[tuple[str, str]] = Counter()
        for file in (self.folder / "mail").glob("*.eml"):
            mail = message_from_bytes(file.read_bytes())
            found[mail["Message-ID"], mail["To"]] += 1
        return found


def children_of(pid: int) -> list[int]:
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text().split()]


def is_running(pid: int) -> bool:
    """True unless the process is gone, or dead and only not yet collected by its new parent."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    started = Stack(tmp_path)
    yield started
    await started.is_cleared_away()


@pytest.mark.timeout(3 * REPEATED_AFTER)
async def test_a_case_survives_every_death_of_the_stack(stack: Stack) -> None:
    await stack.up("--day-seconds", "1")
    number = await stack.diploma.submits(EXAMPLES / "1-straight.json")
    for moment in MOMENTS:
        await stack.sees(number, moment)
        await stack.is_killed()
        await stack.up()
    view = await stack.sees(number, "ISSUED")
    assert await stack.stops() == 0
    entered = [entry["event"] for entry in view["timeline"] if entry["event"].isupper()]
    assert entered == ["SUBMITTED", "ACCEPTED", "IN_REVIEW", "IN_PRODUCTION", "READY", "ISSUED"]
    mails = stack.mails()
    assert max(mails.values()) <= 2
    events = Counter(
        re.sub(rf"[<>]|{number}\.|@.*", "", key).rpartition(".")[0] for key, _ in mails
    )
    told = ("submitted", "accepted", "in_review", "in_production", "ready", "issued")
    assert {event: events[event] for event in told} == dict.fromkeys(told, 1)
    nothing_personal_in(stack.folder / "logs" / "worker.log")


def nothing_personal_in(log: Path) -> None:
    applicant = read_object(EXAMPLES / "1-straight.json")["applicant"]
    assert isinstance(applicant, dict)
    name, passport = applicant["name"], applicant["passport"]
    assert isinstance(name, dict)
    assert isinstance(passport, dict)
    secrets = [*name.values(), passport["number"], applicant["snils"], applicant["email"]]
    text = log.read_text(encoding="utf-8")
    assert "IN_REVIEW" in text
    assert not [secret for secret in secrets if str(secret) in text]
