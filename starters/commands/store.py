"""The command that compares the document store with the register."""

import asyncio
from collections.abc import Sequence

import typer

from activities.ports import ContentDamaged, ContentMissing, DocumentStore, StoredHash
from adapters.sealing.errors import KeyDestroyed, KeyUnknown
from domain.base import Frozen
from starters import display, records
from starters.console import FAILED, Json, Stop, print_json, say
from workers.keys import opened_keys
from workers.settings import load_settings

app = typer.Typer(
    name="store", help="The document store: whether all scans and papers are there and unharmed."
)

COLUMNS = ("control number", "kind", "hash", "state")
MISSING, DAMAGED = "missing", "damaged"
NO_KEY, ERASED = "key missing", "erased"


class Loss(Frozen):
    """A content that a case needs and the store cannot give."""

    control_number: str
    kind: str
    sha256: str
    state: str
    """Missing, damaged, or unreadable: its key is missing, or its case was erased."""


@app.callback()
def store() -> None:
    """Keep `check` a command of its own, though there is no other."""


@app.command()
def check(as_json: Json = False) -> None:
    """Read back every scan and paper the register knows of; name those lost or unreadable."""
    settings = load_settings()
    with opened_keys(settings) as keys:
        documents = settings.document_store(keys.sealer)
        needed = asyncio.run(_needed())
        lost = _losses(documents, needed, quiet=as_json)
    if as_json:
        found = [loss.model_dump() for loss in lost]
        print_json({"ok": not lost, "checked": len(needed), "lost": found})
    elif lost:
        rows = (tuple(loss.model_dump().values()) for loss in lost)
        display.out.print(display.text_table(COLUMNS, rows))
        display.out.print(
            "Restore them, or the ring where a key is missing, from a backup; "
            "cases that wait for them go on by themselves."
        )
    else:
        say(
            {}, f"Nothing is missing, damaged or unreadable; checked: {len(needed)}.", as_json=False
        )
    if lost:
        raise Stop(FAILED, "")


async def _needed() -> list[StoredHash]:
    async with records.register() as register:
        return await register.stored_hashes()


def _losses(documents: DocumentStore, needed: Sequence[StoredHash], *, quiet: bool) -> list[Loss]:
    lost = []
    with display.progress("reading", len(needed), quiet=quiet) as tell:
        for done, entry in enumerate(needed, start=1):
            if state := _fault(documents, entry):
                lost.append(Loss(**entry.model_dump(), state=state))
            tell(done)
    return lost


def _fault(documents: DocumentStore, entry: StoredHash) -> str | None:
    """What is wrong with a content; None when nothing is."""
    try:
        documents.get(entry.control_number, entry.sha256)
    except ContentMissing:
        return MISSING
    except ContentDamaged:
        return DAMAGED
    except KeyUnknown:
        return NO_KEY
    except KeyDestroyed:
        return ERASED
    return None
