"""Whatever is typed behind `diploma`: the command does it, or says in a line what is wrong."""

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mutations import junk
from terminal import EXAMPLES, called

from starters import cli
from starters.console import BAD_INPUT, FAILED, NO_SUCH_CASE, UNREACHABLE

STAYS = {("up",), ("demo",), ("verify-site",), ("codec", "serve")}
"""Commands that would go on until somebody stops them."""
ENDS = {0, BAD_INPUT, FAILED, NO_SUCH_CASE, UNREACHABLE}
FILES = ("odd", "odd.json", "odd.csv", "odd.pdf", "odd.toml")
NUMBER = "7K3M-9QXT-2B4D-6"

Command = tuple[tuple[str, ...], tuple[str, ...]]
"""Words of a command, and its options."""


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[Command]:
    """All commands there are, with what can be said to them."""
    for name in group.list_commands(None):
        found = group.get_command(None, name)
        if hasattr(found, "list_commands"):
            yield from commands(found, (*words, name))
        elif (*words, name) not in STAYS:
            options = (option for part in found.params for option in (*part.opts,))
            yield (
                (*words, name),
                tuple(option for option in options if option.startswith("-")),
            )


COMMANDS = sorted(commands(typer.main.get_group(cli.app)))

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
values = (
    st.sampled_from(
        [
            *(
                "",
                "-",
                "--",
                "---",
                "-1",
                "0",
                "1",
                "99999999999",
                "1e9",
                "nan",
                "٣",
                " ",
                "*",
                "a",
            ),
            *("2026-11-23", "2026-02-30", "0001-01-01", "9999-12-31", "23.11.2026", "2026", "1776"),
            *(NUMBER, NUMBER.lower(), NUMBER.replace("-", ""), "../" + NUMBER, "77", "institution"),
            *(".", "/", "/dev/null", "missing", "folder", "~", "http://", "\n", "[bold]", "{x}"),
            *FILES,
            *(str(file) for file in sorted(EXAMPLES.glob("1*.json"))),
        ]
    )
    | texts
    | st.binary(max_size=8).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))
)
contents = (
    st.binary(max_size=200)
    | st.sampled_from([file.read_bytes() for file in sorted(EXAMPLES.glob("*/*.*"))])
    | junk.map(lambda value: repr(value).encode("utf-8", "surrogatepass"))
)


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, ...]:
    """A command with options and values of its own and of nobody's."""
    words, options = draw(st.sampled_from(COMMANDS))
    said = values
    if options:
        said = values | st.sampled_from(options)
        said |= st.builds("{}={}".format, st.sampled_from(options), values)
    return (*words, *draw(st.lists(said, max_size=5)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nothing is but what a test puts there; the home of whoever calls is there too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "folder").mkdir()
    return tmp_path


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(line=lines(), content=contents)
@example(line=("check", "-"), content=b"{}")
def test_any_command_is_done_or_told(
    line: tuple[str, ...], content: bytes, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in FILES:
        (folder / name).write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        for stream in (sys.stdout, sys.stderr):  # as Python opens them, where names are not UTF-8
            cast("io.TextIOWrapper", stream).reconfigure(errors="backslashreplace")
        ended = called(capsys, *line)
    assert ended.code in ENDS
    assert ended.out or ended.err or ended.code == 0
