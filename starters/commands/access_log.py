"""Commands for the access log: was it changed, and who saw what (R13)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from adapters.access_log import Access, AccessLog, BadAccessLog
from domain.numbers import parse_control_number
from starters import display
from starters.console import FAILED, Json, Stop, print_json, say
from starters.officers import Officer
from workers.keys import opened_keys
from workers.settings import load_settings

app = typer.Typer(
    name="access-log", help="Who had personal data shown or exported: verify the log, read it."
)

COLUMNS = ("line", "when, UTC", "officer", "what", "namespace", "parts", "refused", "cases")


@app.command()
def verify(as_json: Json = False) -> None:
    """Find out whether anybody changed, moved or removed a line; names the first such one."""
    with _opened() as log:
        bad = log.verify()
        lines = 0 if bad else sum(1 for _ in log.entries())
    if bad is None:
        say({"ok": True, "lines": lines}, f"Nothing was changed; lines: {lines}.", as_json=as_json)
        return
    if as_json:
        print_json({"ok": False, "line": bad})
        raise Stop(FAILED, "")
    raise Stop(FAILED, f"line {bad} is missing or not as it was written")


@app.command()
def show(
    case: Annotated[
        str | None, typer.Option("--case", help="Control number, as in 7K3M-9QXT-2B4D-6.")
    ] = None,
    officer: Annotated[str | None, typer.Option("--officer", help="As in officer-7.")] = None,
    as_json: Json = False,
) -> None:
    """Show who had what opened or exported, the oldest first."""
    number = parse_control_number(case) if case is not None else None
    with _opened() as log:
        found = [
            entry
            for entry in log.entries()
            if number in {None, *entry.cases} and officer in {None, entry.officer}
        ]
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in found])
        return
    display.out.print(
        display.text_table(COLUMNS, map(_row, found), first_to_go=("namespace", "parts", "refused"))
    )


@app.command()
def renew(
    officer: Officer,
    as_json: Json = False,
) -> None:
    """Set the log aside, after a person has looked or when it is long, and begin a new one."""
    with _opened() as log:
        former = log.renew(officer)
    aside = str(former) if former else None
    where = f"; the former one is {aside}" if aside else ""
    say(
        {"ok": True, "former": aside},
        f"A new log has begun{where}.",
        as_json=as_json,
    )


@contextmanager
def _opened() -> Iterator[AccessLog]:
    settings = load_settings()
    try:
        with opened_keys(settings) as keys:
            yield AccessLog(settings.access_log, keys.ring)
    except BadAccessLog as error:
        raise Stop(FAILED, str(error)) from None


def _row(entry: Access) -> tuple[str, ...]:
    return (
        str(entry.place),
        f"{entry.at:%d.%m.%Y %H:%M:%S}",
        entry.officer,
        entry.action.value,
        entry.namespace,
        str(entry.payloads),
        str(entry.refused),
        ", ".join(entry.cases),
    )
