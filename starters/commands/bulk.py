"""The command that submits many applications at once."""

import logging
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from temporalio.client import Client

from starters import bulk as many
from starters import display, records
from starters.bulk import REPORT_COLUMNS, Summary, report_rows
from starters.console import BAD_INPUT, INTERRUPTED, Json, Stop, print_json, with_client
from starters.table_files import check_target, write_table

app = typer.Typer()

MOST_SHOWN = 50
"""Refusals shown on the terminal; a report holds all of them."""


@app.command()
def bulk(
    source: Annotated[
        Path, typer.Argument(help="Folder with *.json files, or a CSV table of applications.")
    ],
    report: Annotated[
        Path | None, typer.Option("--report", help="CSV of what was refused, and why.")
    ] = None,
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, max=100, help="In flight at most.")
    ] = 20,
    as_json: Json = False,
) -> None:
    """Submit many applications; each submission has one case, however often this is repeated."""
    # Of a server that went away each call in flight would warn at each of its retries.
    logging.getLogger("temporalio.core").setLevel(logging.ERROR)
    if report is not None:
        check_target(report)
    entries = many.entries_of(source)
    run = many.Run(entries)

    async def submit(client: Client) -> None:
        async with records.register() as register:
            with display.progress("submitting", len(entries), quiet=as_json) as tell:
                await run.submit_all(client, register, at_once, tell)

    try:
        with_client(submit)
    except KeyboardInterrupt:
        raise Stop(INTERRUPTED, "") from None
    finally:
        summary = run.summary()
        _show(summary, as_json=as_json)
        if report is not None:
            write_table(report, REPORT_COLUMNS, report_rows(summary.refusals))
    if summary.refused:
        raise Stop(BAD_INPUT, "")


def _show(summary: Summary, *, as_json: bool) -> None:
    if as_json:
        print_json(summary.model_dump(mode="json"))
        return
    if summary.refusals:
        shown = islice(report_rows(summary.refusals), MOST_SHOWN)
        narrow = ("submission_id", "code", "message")
        display.out.print(display.text_table(REPORT_COLUMNS, shown, first_to_go=narrow))
    if summary.refused > MOST_SHOWN:
        display.out.print(f"... and {summary.refused - MOST_SHOWN} more; --report has them all")
    counts = {
        "read": summary.read,
        "submitted": summary.submitted,
        "submitted before": summary.submitted_before,
        "refused": summary.refused,
        "not reached": summary.not_reached,
    }
    display.out.print(", ".join(f"{name} {count}" for name, count in counts.items()))
    if summary.will_be_turned_down:
        display.out.print(f"of those submitted, will be turned down: {summary.will_be_turned_down}")
    if summary.not_reached:
        display.out.print("Give the same command again: it goes on where it stopped.")
