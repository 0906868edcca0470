"""Commands for who runs the service: the stack, the worker, its settings and rules."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from pydantic import TypeAdapter

from adapters.production_calendar import official_calendar
from adapters.profiles import load_profile
from domain.application import Application
from domain.clock import MOSCOW
from domain.messages import Correction, HandOver, HolderReply, ParcelReport, ProductionRecord
from domain.terms import project
from starters import display, records
from starters.console import BAD_INPUT, FAILED, Json, Stop, connection, print_json
from workers.settings import listing, load_settings

app = typer.Typer()

FIRST_YEAR, LAST_YEAR = 2005, 2100
"""Years whose terms can be asked for: moved days are known, or none are announced yet."""

HolderAnswer: TypeAdapter[HolderReply | ProductionRecord | ParcelReport | HandOver] = TypeAdapter(
    HolderReply | ProductionRecord | ParcelReport | HandOver
)
"""What `diploma reply` takes: the answer to the document check, the production record, what
became of the parcel, or the hand-over."""


class SchemaName(StrEnum):
    """What a JSON Schema can be printed of."""

    APPLICATION = "application"
    CORRECTION = "correction"
    REPLY = "reply"


@app.command()
def schema(
    name: Annotated[SchemaName, typer.Argument()] = SchemaName.APPLICATION,
    as_json: Json = False,  # noqa: ARG001 - it is JSON in any case
) -> None:
    """Print the JSON Schema of an application, a correction or a holder's reply."""
    schemas: dict[SchemaName, Callable[[], dict[str, Any]]] = {
        SchemaName.APPLICATION: Application.model_json_schema,
        SchemaName.CORRECTION: Correction.model_json_schema,
        SchemaName.REPLY: HolderAnswer.json_schema,
    }
    print_json(schemas[name]())


@app.command()
def terms(
    start: Annotated[
        str | None, typer.Option("--from", help="Day of submission, as in 2026-04-29.")
    ] = None,
    expedited: Annotated[bool, typer.Option("--expedited")] = False,
    as_json: Json = False,
) -> None:
    """Show the latest day of every stage for a submission on a day (R4)."""
    day = _day(start) if start is not None else datetime.now(ZoneInfo(MOSCOW)).date()
    profile = load_profile(load_settings().profile)
    loaded = asyncio.run(records.loaded_years())
    dates = project(day, profile.terms, official_calendar(day, 730, loaded), expedited=expedited)
    if as_json:
        print_json(dates.model_dump(mode="json"))
        return
    for name, value in dates:
        if isinstance(value, date):
            display.out.print(f"{name.replace('_', ' '):16} {value:%d.%m.%Y}")
    if dates.provisional:
        display.out.print("Provisional: no official calendar is published for these dates yet.")


@app.command()
def settings(as_json: Json = False) -> None:
    """List the settings of the service with their present values and meanings."""
    rows = listing(load_settings())
    if as_json:
        print_json([{"name": name, "value": value, "meaning": text} for name, value, text in rows])
    else:
        display.out.print(display.setting_table(rows))


@app.command()
def worker(
    healthcheck: Annotated[
        bool, typer.Option("--healthcheck", help="Exit 0 when a worker here is alive.")
    ] = False,
) -> None:
    """Run a worker until SIGTERM; it then drains."""
    from workers import logs, main  # noqa: PLC0415 - other commands start faster without
    from workers.keys import opened_keys  # noqa: PLC0415

    chosen = load_settings()
    if healthcheck:
        if not main.is_alive(chosen.heartbeat_file):
            raise Stop(FAILED, "no sign of life; set DIPLOMA_HEARTBEAT_FILE for the worker too")
        return
    logs.configure(chosen.log_format, chosen.log_level)

    async def work() -> None:
        with opened_keys(chosen) as keys:
            client = await connection(chosen, keys.workers_codec, chosen.metrics_address)
            await main.run_until_told(client, chosen, keys)

    asyncio.run(work())


@app.command()
def up(
    folder: Annotated[Path, typer.Option("--folder", help="Where everything is kept.")] = Path(
        "var"
    ),
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Of the Temporal service.")
    ] = 7233,
    ui_port: Annotated[
        int, typer.Option("--ui-port", min=1, max=65535, help="Of the Web UI.")
    ] = 8233,
    outside_port: Annotated[
        int,
        typer.Option(
            "--outside-port", min=1, max=65535, help="Of the simulated holders and payments."
        ),
    ] = 8070,
    smtp_port: Annotated[
        int, typer.Option("--smtp-port", min=1, max=65535, help="Of the mail sink.")
    ] = 1025,
    site_port: Annotated[
        int,
        typer.Option("--site-port", min=1, max=65535, help="Of the page where papers are checked."),
    ] = 8071,
    codec_port: Annotated[
        int, typer.Option("--codec-port", min=1, max=65535, help="Of the codec server.")
    ] = 8072,
    day_seconds: Annotated[
        float | None,
        typer.Option(
            "--day-seconds",
            min=0.2,
            max=86_400,
            help="Real seconds a day lasts; as before in a folder that is used again.",
        ),
    ] = None,
) -> None:
    """Run the embedded stack in the foreground; it goes on with its cases when started again."""
    from starters import up as stack  # noqa: PLC0415 - other commands start faster without
    from starters.stack import Ports  # noqa: PLC0415

    ports = Ports(port, ui_port, outside_port, smtp_port, site_port, codec_port)
    asyncio.run(stack.stay_up(folder, ports, day_seconds))


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave all of it up afterwards.")] = False,
    day_seconds: Annotated[
        float, typer.Option("--day-seconds", min=0.2, max=60, help="Real seconds a day lasts.")
    ] = 1.0,
    as_json: Json = False,
) -> None:
    """Carry the example cases from submission to their ends, live, with accelerated days."""
    from starters import demo as show  # noqa: PLC0415 - other commands start faster without

    report = asyncio.run(show.play_examples(keep=keep, day_seconds=day_seconds, quiet=as_json))
    if as_json:
        print_json(report.model_dump(mode="json"))
    if not report.as_expected:
        raise Stop(FAILED, "some cases did not end as their files expect")


def _day(typed: str) -> date:
    with suppress(ValueError):
        day = date.fromisoformat(typed)
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            return day
    raise Stop(
        BAD_INPUT, f"--from takes a day of {FIRST_YEAR} to {LAST_YEAR}, written as in 2026-04-29"
    )
