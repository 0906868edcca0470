"""Commands for the register: its tables, the papers in it, rows for the federal register."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.access_log import AccessLog, Action
from domain.numbers import parse_control_number
from domain.register import PAPER_LABELS, PAPER_STATE_LABELS, Paper, RegisteredFederalRow
from starters import cases, display, records
from starters.console import BAD_INPUT, Json, Stop, print_json, say
from starters.officers import MaybeOfficer
from starters.reports import FEDERAL_COLUMNS, federal_cells
from starters.table_files import STDOUT, check_target, write_table
from workers.keys import opened_keys
from workers.settings import load_settings

app = typer.Typer(
    name="register", help="The register: its tables, papers issued, rows for the federal register."
)

NOT_NAMED = "not-named"
"""In the access log, of whoever gave no officer."""
PAPER_COLUMNS = ("control number", "paper", "state", "series", "number", "issued", "valid until")

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")]


@app.command()
def migrate(as_json: Json = False) -> None:
    """Create the tables of the register, or bring them up to date; harmless when they are."""
    from adapters.register import schema  # noqa: PLC0415 - other commands start faster without

    settings = load_settings()
    with opened_keys(settings) as keys:
        schema.migrate(settings.register_url, keys.sealer)
    told = f"The tables are up to date ({schema.HEAD})."
    say({"ok": True, "tables": schema.HEAD}, told, as_json=as_json)


@app.command()
def papers(
    number: Annotated[
        str | None, typer.Argument(help="Control number; without it, papers of all cases.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List every paper there ever was, in order of issue, with its state."""
    known = None if number is None else parse_control_number(number)
    found = asyncio.run(_papers(known))
    if as_json:
        print_json([_document(of_case, paper) for of_case, paper in found])
        return
    rows = (_cells(of_case, paper) for of_case, paper in found)
    display.out.print(display.text_table(PAPER_COLUMNS, rows, first_to_go=("valid until",)))
    display.out.print("1 paper" if len(found) == 1 else f"{len(found)} papers")


@app.command()
def federal(
    since: Day = None,
    until: Day = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="File to write, for its owner's eyes only.")
    ] = None,
    officer: MaybeOfficer = None,
    as_json: Json = False,
) -> None:
    """Export the duplicates issued between two days in the shape of the federal register.

    Rows written to a file count as exported: their cases may be erased when their time is over.
    """
    target = csv or STDOUT
    if target == STDOUT and sys.stdout is not None and sys.stdout.isatty():
        raise Stop(BAD_INPUT, "the rows hold personal data: name a file for them with --csv")
    check_target(target)
    rows = asyncio.run(_federal_rows(since, until))
    if rows:
        _write_down(officer, rows)
    if target == STDOUT and as_json:
        print_json([row.model_dump(mode="json", include=set(FEDERAL_COLUMNS)) for row in rows])
        return
    header = tuple(FEDERAL_COLUMNS.values())
    write_table(target, header, map(federal_cells, rows), private=True)
    if target != STDOUT:  # a pipe does not tell whether anybody kept what came out of it
        asyncio.run(_exported(rows))
        say({"ok": True, "rows": len(rows)}, f"rows: {len(rows)}", as_json=as_json)


def _write_down(officer: str | None, rows: list[RegisteredFederalRow]) -> None:
    """Say in the access log who took personal data out, before they have it (R13)."""
    settings = load_settings()
    with opened_keys(settings) as keys:
        AccessLog(settings.access_log, keys.ring).append(
            Action.EXPORT,
            officer or NOT_NAMED,
            cases=[row.control_number for row in rows],
            payloads=len(rows),
        )


async def _papers(number: str | None) -> list[tuple[str, Paper]]:
    async with records.register() as register:
        if number is not None and await register.find_case(number) is None:
            raise cases.NoSuchCase(number)
        return await register.papers(number)


async def _federal_rows(
    since: datetime | None, until: datetime | None
) -> list[RegisteredFederalRow]:
    async with records.register() as register:
        return await register.federal_rows(since and since.date(), until and until.date())


async def _exported(rows: list[RegisteredFederalRow]) -> None:
    if rows:
        async with records.register() as register:
            await register.federal_exported([row.control_number for row in rows], datetime.now(UTC))


def _document(number: str, paper: Paper) -> dict[str, object]:
    labels = {"label": PAPER_LABELS[paper.kind], "state_label": PAPER_STATE_LABELS[paper.state]}
    return {"control_number": number, **paper.model_dump(mode="json"), **labels}


def _cells(number: str, paper: Paper) -> tuple[str, ...]:
    days = (paper.issued_on, paper.valid_until)
    return (
        number,
        PAPER_LABELS[paper.kind],
        PAPER_STATE_LABELS[paper.state],
        paper.series,
        paper.number,
        *(f"{day:%d.%m.%Y}" if day else "" for day in days),
    )
