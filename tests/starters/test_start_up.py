"""A command imports what it needs, and every command of a module can be reached."""

import asyncio
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from terminal import EXAMPLES, Cli, Ended, finished

from starters import commands

ENGINE = "temporalio"
PROBE = """
import sys
from starters import cli
code = cli.main()
print(sorted({module.partition(".")[0] for module in sys.modules}))
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("arguments", "free_of"),
    [
        (("check", str(EXAMPLES / "1-straight.json")), {ENGINE, "aiosmtplib", "sqlalchemy"}),
        (("holders", "list"), {ENGINE, "aiosmtplib", "sqlalchemy"}),
        (("terms", "--json"), {ENGINE, "aiosmtplib"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_command_that_needs_no_engine_starts_without(
    arguments: tuple[str, ...], free_of: set[str]
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, check=True, text=True
    )
    loaded = ended.stdout.splitlines()[-1]
    assert "'typer'" in loaded
    assert not {library for library in free_of if f"'{library}'" in loaded}


def test_the_table_of_commands_names_all_there_are_and_where() -> None:
    found: dict[str, str] = {}
    for file in pkgutil.iter_modules(commands.__path__):
        app = importlib.import_module(f"starters.commands.{file.name}").app
        own = app.info.name
        names = [own] if own else list(typer.main.get_group(app).commands)
        found |= dict.fromkeys(names, file.name)
    assert found == commands.MODULES


NARROW = {"COLUMNS": "60", "FORCE_COLOR": "1"}


@pytest.mark.parametrize(
    ("arguments", "surroundings"),
    [
        (("check", str(EXAMPLES / "2-incomplete.json")), {}),
        (("holders", "list"), NARROW),
        (("list",), {}),
        (("list", "--help"), NARROW),
        (("--version",), {}),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
async def test_a_forked_command_does_what_the_installed_one_does_afresh(
    lonely: Cli, arguments: tuple[str, ...], surroundings: dict[str, str]
) -> None:
    there = lonely.but(**surroundings)
    installed = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("diploma"),
        *arguments,
        env=there.env,
        cwd=there.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    afresh: Ended = await finished(installed)
    assert await there(*arguments) == afresh
