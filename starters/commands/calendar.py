"""Commands for the official production calendar: which days are worked, year by year (R4)."""

import asyncio
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from temporalio.client import Client

from adapters.production_calendar import official_calendar
from domain.calendar import SATURDAY
from domain.messages import CalendarPublished
from domain.register import CalendarYear
from starters import cases, display, records
from starters.console import FAILED, Json, Stop, print_json, with_client
from starters.files import BadFile, read_bytes, shown
from workers.temporal import Unreachable
from workflows.reception import message_faults

app = typer.Typer(
    name="calendar", help="The official calendar: load a year that was published, tell the cases."
)

Year = Annotated[int, typer.Argument(min=2005, max=2100, help="As in 2028.")]
CalendarFile = Annotated[
    Path,
    typer.Argument(help="TOML with year, days_off (Monday to Friday) and working_days (weekends)."),
]


@app.command()
def show(year: Year, as_json: Json = False) -> None:
    """Show which days of a year are off or worked against the week, and whether it is published."""
    calendar = official_calendar(date(year, 1, 1), 366, asyncio.run(records.loaded_years()))
    first = date(year, 1, 1).toordinal()
    days = [date.fromordinal(first + n) for n in range(366)]
    days = [day for day in days if day.year == year]
    off = [day for day in days if day.isoweekday() < SATURDAY and not calendar.is_working(day)]
    on = [day for day in days if day.isoweekday() >= SATURDAY and calendar.is_working(day)]
    worked = sum(calendar.is_working(day) for day in days)
    published = not calendar.is_provisional(date(year, 12, 31))
    if as_json:
        print_json(
            {
                "year": year,
                "published": published,
                "working_days_in_all": worked,
                "days_off": [day.isoformat() for day in off],
                "working_days": [day.isoformat() for day in on],
            }
        )
        return
    said = "published" if published else "provisional: nobody has published it yet"
    display.out.print(f"{year} ({said}): {worked} working days")
    display.out.print("days off from Monday to Friday:", ", ".join(f"{day:%d.%m}" for day in off))
    display.out.print("weekend days worked:", ", ".join(f"{day:%d.%m}" for day in on) or "none")


@app.command()
def load(file: CalendarFile, as_json: Json = False) -> None:
    """Load a published year, and have the open deadlines of running cases computed anew."""
    year = _read(file)

    async def keep() -> None:
        async with records.register() as register:
            await register.load_calendar_year(year)

    asyncio.run(keep())
    try:
        told = with_client(lambda client: _tell(client, year.year))
    except Unreachable as error:
        raise Stop(
            FAILED,
            f"{year.year} is loaded for new cases, but running ones were not told ({error}): "
            "load the file again when the server is back",
        ) from None
    if as_json:
        print_json({"year": year.year, "cases_told": told})
    else:
        display.out.print(f"{year.year} is loaded; {told} running cases compute their dates anew.")


async def _tell(client: Client, year: int) -> int:
    """Tell every running case; repeating it is harmless."""
    news, told = CalendarPublished(years=(year,)), 0
    async for number in cases.running(client):
        told += await cases.tell_if_there(client, number, news)
    return told


def _read(file: Path) -> CalendarYear:
    """The year in a file.

    Raises:
        BadFile: Not TOML, or days that do not fit; all of them are named.
    """
    try:
        content = tomllib.loads(read_bytes(file).decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise BadFile(f"{shown(file)}: not TOML; write year, days_off and working_days") from None
    try:
        year = CalendarYear.model_validate(content)
    except ValidationError as error:
        raise BadFile(f"{shown(file)}: {'; '.join(message_faults(error)[:5])}") from None
    wrong = [day for day in (*year.days_off, *year.working_days) if day.year != year.year]
    wrong += [day for day in year.days_off if day.isoweekday() >= SATURDAY]
    wrong += [day for day in year.working_days if day.isoweekday() < SATURDAY]
    if wrong:
        named = ", ".join(sorted({day.isoformat() for day in wrong})[:10])
        raise BadFile(
            f"{shown(file)}: {named}: days_off are Mondays to Fridays and working_days are "
            f"weekend days, all of {year.year}"
        )
    if not FEWEST_DAYS_OFF <= len(year.days_off) <= MOST_DAYS_OFF:
        raise BadFile(
            f"{shown(file)}: {len(year.days_off)} days_off; a Russian year has "
            f"{FEWEST_DAYS_OFF} to {MOST_DAYS_OFF} from Monday to Friday: give all of them"
        )
    return year


FEWEST_DAYS_OFF, MOST_DAYS_OFF = 8, 30
"""Holidays on workdays of any year since 2005, generously: fewer or more is a broken file."""
