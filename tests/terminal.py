"""The command line under test: as a real process, or called in this one where that is enough."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from forked import run_forked

from starters import cli
from starters.server import temporal_executable

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
DAY_SECONDS = 0.5
"""Of the stack the tests share."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Cli:
    """Starts our command, and Temporal's own, with an environment."""

    env: dict[str, str]
    folder: Path

    def but(self, **changes: str) -> "Cli":
        """The same with other variables."""
        return Cli({**self.env, **changes}, self.folder)

    async def start(self, *arguments: str, **options: Any) -> asyncio.subprocess.Process:
        """Our command, running, in a fresh process."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "starters",
            *arguments,
            env=self.env,
            cwd=self.folder,
            preexec_fn=_heed_ctrl_c,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    async def __call__(self, *arguments: str) -> Ended:
        """Our command, to its end, in a forked process; whatever happens, no traceback."""
        ended = Ended(*await run_forked(arguments, self.env, self.folder))
        assert "Traceback" not in ended.err
        assert "Traceback" not in ended.out
        return ended

    async def temporal(self, *arguments: str) -> Ended:
        """Temporal's own command, as ops staff use it."""
        return await finished(
            await asyncio.create_subprocess_exec(
                temporal_executable(),
                *arguments,
                env=self.env,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )

    async def submits(self, file: Path) -> str:
        """The control number of a submitted file."""
        ended = await self("submit", str(file), "--json")
        assert ended.code == 0, ended.err
        return str(ended.document()["control_number"])

    async def view(self, number: str) -> Any:
        """The whole case as `diploma status --json` shows it."""
        ended = await self("status", number, "--json")
        assert ended.code == 0, ended.err
        return ended.document()

    def case_file(self, name: str, example: str = "1-straight", **changes: Any) -> Path:
        """An example under a submission id of its own, as a file."""
        content = json.loads((EXAMPLES / f"{example}.json").read_text(encoding="utf-8"))
        content |= {"submission_id": name, **changes}
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return file

    def json_file(self, name: str, content: Any) -> Path:
        """A message as a file."""
        file = self.folder / name
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return file


def _heed_ctrl_c() -> None:
    """A shell that runs the tests in the background lets them ignore Ctrl-C, and so us."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


async def finished(process: asyncio.subprocess.Process) -> Ended:
    """How a process ends."""
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, (out or b"").decode(), (err or b"").decode())


def clean_environment(**changes: str) -> dict[str, str]:
    """Ours without anything that would reach another server or set the service up."""
    foreign = ("TEMPORAL_", "DIPLOMA_", "FORCE_COLOR", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "TEMPORAL_CONFIG_FILE": os.devnull, **changes}


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    """The command called in this process: much faster, for what needs no process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["diploma", *arguments])
        patch.setattr(logging.getLogger(), "handlers", [])  # what logs here writes to our streams
        code = cli.main()
        for handler in logging.getLogger().handlers:
            handler.close()
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert "please report it" not in err
    return Ended(code, out, err)
