"""The command that compares the document store with the register."""

import asyncio
from collections.abc import Iterable

import typer

from activities.ports import ContentDamaged, ContentMissing, DocumentStore, StoredHash
from domain.base import Frozen
from starters import display, records
from starters.console import FAILED, Json, Stop, print_json, say
from workers.settings import load_settings

app = typer.Typer(
    name="store", help="The document store: whether all scans and papers are there and unharmed."
)

COLUMNS = ("control number", "kind", "hash", "state")
MISSING, DAMAGED = "missing", "damaged"


class Loss(Frozen):
    """A content that a case needs and the store cannot give."""

    control_number: str
    kind: str
    sha256: str
    state: str
    """Missing or damaged."""


@app.callback()
def store() -> None:
    """Keep `check` a command of its own, though there is no other."""


@app.command()
def check(as_json: Json = False) -> None:
    """Read back every scan and paper the register knows of; name those missing or damaged."""
    documents = load_settings().document_store()
    needed = asyncio.run(_needed())
    states = _states(documents, {entry.sha256 for entry in needed}, quiet=as_json)
    lost = [
        Loss(**entry.model_dump(), state=states[entry.sha256])
        for entry in needed
        if entry.sha256 in states
    ]
    if as_json:
        found = [loss.model_dump() for loss in lost]
        print_json({"ok": not lost, "checked": len(needed), "lost": found})
    elif lost:
        rows = (tuple(loss.model_dump().values()) for loss in lost)
        display.out.print(display.text_table(COLUMNS, rows))
        display.out.print(
            "Restore them from a backup; cases that wait for them go on by themselves."
        )
    else:
        say({}, f"Nothing is missing or damaged; checked: {len(needed)}.", as_json=False)
    if lost:
        raise Stop(FAILED, "")


async def _needed() -> list[StoredHash]:
    async with records.register() as register:
        return await register.stored_hashes()


def _states(documents: DocumentStore, hashes: Iterable[str], *, quiet: bool) -> dict[str, str]:
    """What is wrong with contents, by hash; good ones are left out."""
    states: dict[str, str] = {}
    ordered = sorted(hashes)
    with display.progress("reading", len(ordered), quiet=quiet) as tell:
        for done, sha256 in enumerate(ordered, start=1):
            try:
                documents.get(sha256)
            except ContentMissing:
                states[sha256] = MISSING
            except ContentDamaged:
                states[sha256] = DAMAGED
            tell(done)
    return states
