"""The documents name only what is there, and leave out nothing a reader looks for."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from domain.notices import NoticeEvent
from domain.statuses import TRANSITIONS
from starters.cli import app

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
HEADS = {entry.name for entry in ROOT.iterdir()} - {".venv", "var"}
"""What a path in the repository begins with; two folders are only there after a run."""
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands(group: Any, before: str = "") -> Iterator[str]:
    for name, command in getattr(group, "commands", {}).items():
        below = list(commands(command, f"{before}{name} "))
        yield from below or [before + name]


COMMANDS = set(commands(typer.main.get_command(app)))


def text_of(*names: str) -> str:
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in names)


def code_in(document: Path) -> Iterator[str]:
    """What is set as code, but for drawings, whose arrows look like anything."""
    text = document.read_text(encoding="utf-8")
    yield from (body for language, body in FENCED.findall(text) if language != "mermaid")
    yield from re.findall(r"`([^`]+)`", FENCED.sub("", text))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_a_document_names_only_what_is_there(document: Path) -> None:
    for code in code_in(document):
        for word in (word.strip(".,:;()'\"") for word in code.split()):
            if word.split("/")[0] in HEADS or word.endswith((".py", ".toml", ".md", ".yml")):
                assert (ROOT / word).exists(), word
        for first, second in re.findall(r"\bdiploma\s+([a-z-]+)(?:\s+([a-z-]+))?", code):
            assert {first, f"{first} {second}"} & COMMANDS, f"{first} {second}"
        for target in re.findall(r"\bmake ([a-z]+)", code):
            assert f"\n{target}:" in text_of("Makefile"), target
    for link in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
        assert "://" in link or (document.parent / link).exists(), link


def test_every_command_is_explained() -> None:
    told = text_of("README.md", "docs/runbook.md")
    assert not {name for name in COMMANDS if not re.search(rf"(`|diploma ){name}\b", told)}


def test_every_figure_of_the_procedure_has_its_place_named() -> None:
    told = text_of("docs/places.md")
    for section, figures in tomllib.loads(text_of("profiles/default/procedure.toml")).items():
        for key in figures:
            assert re.search(rf"\[{section}[].].*\b{key}\b", told), f"{section}.{key}"


def test_every_event_has_its_mail() -> None:
    assert {file.stem for file in ROOT.glob("templates/mail/*.j2")} == set(NoticeEvent)


def test_the_drawing_of_the_states_is_that_of_the_code() -> None:
    drawn = set(re.findall(r"\n    ([A-Z_]+) --> ([A-Z_]+)", text_of("docs/architecture.md")))
    assert drawn == {(status, after) for status in TRANSITIONS for after in TRANSITIONS[status]}
