"""Commands for the key ring, and the master keys that open it (R13)."""

from typing import Annotated

import typer

from adapters.sealing.keyring import Rotation, Wrapped
from starters import display
from starters.console import Json, print_json, say
from workers.keys import opened_keys
from workers.settings import load_settings

app = typer.Typer(name="keys", help="The keys of cases, and the master keys that wrap them.")


@app.command()
def create(as_json: Json = False) -> None:
    """Make an empty key ring, and a master key where none is given; a first run only."""
    with opened_keys(load_settings()) as keys:
        keys.create()
    say({"ok": True}, "The key ring is there. Back it up apart from all else.", as_json=as_json)


@app.command()
def status(as_json: Json = False) -> None:
    """Show how many keys each master key wraps."""
    with opened_keys(load_settings()) as keys:
        found = keys.ring.wrapped()
    _show(found, as_json=as_json)


@app.command()
def rotate(as_json: Json = False) -> None:
    """Put a new master key first in its file, and wrap all keys with it, while all goes on."""
    with opened_keys(load_settings()) as keys:
        keys.rotate()
        done = keys.ring.rewrap()
    _tell(done, as_json=as_json)


@app.command()
def rewrap(as_json: Json = False) -> None:
    """Wrap all keys with the first master key; it may be interrupted and repeated at will."""
    with opened_keys(load_settings()) as keys:
        done = keys.ring.rewrap()
    _tell(done, as_json=as_json)


@app.command()
def forget(
    master_id: Annotated[str, typer.Argument(help="Of a master key that wraps nothing any more.")],
    as_json: Json = False,
) -> None:
    """Take a former master key out of its file: old copies of the ring become unreadable."""
    with opened_keys(load_settings()) as keys:
        keys.forget(master_id)
    say({"ok": True, "master_id": master_id}, "Taken away.", as_json=as_json)


def _show(found: tuple[Wrapped, ...], *, as_json: bool) -> None:
    if as_json:
        print_json([entry.model_dump() for entry in found])
        return
    rows = ((entry.master_id, str(entry.keys)) for entry in found)
    display.out.print(display.text_table(("master key", "keys"), rows))


def _tell(done: Rotation, *, as_json: bool) -> None:
    rest = f"; {done.left} need a master key that is missing" if done.left else ""
    say(done.model_dump(), f"Wrapped anew: {done.rewrapped}{rest}.", as_json=as_json)
