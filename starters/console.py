"""What all commands share: options, exit codes, a connection, and ways to say things."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError

from adapters.profiles import load_holders, load_profile
from domain.base import JsonObject
from domain.deficiencies import Deficiency, ReasonCatalogue
from domain.examination import examine
from domain.profile import Profile
from domain.routes import Directory, Route
from starters import display
from starters.files import BadFile, read_object, shown
from starters.intake import ScanFile, take_in
from workers.settings import Settings, load_settings

if TYPE_CHECKING:  # and imported below where it is needed: other commands start faster without
    from temporalio.client import Client
    from temporalio.converter import PayloadCodec

FAILED, BAD_INPUT, UNREACHABLE, NO_SUCH_CASE, INTERRUPTED = 1, 2, 3, 4, 130
"""Exit codes besides 0."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
CaseFile = Annotated[Path, typer.Argument(help="Application as a JSON file, which may name scans.")]
Number = Annotated[str, typer.Argument(help="Control number, as in 7K3M-9QXT-2B4D-6.")]

T = TypeVar("T")
CONNECT_SECONDS = 8
SIMULATION_KEY = "simulation"
"""Part of a case file that only the simulators read; it never reaches the case."""


class Stop(Exception):
    """Ends a command with a message and an exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Case(NamedTuple):
    """What a case file holds."""

    application: JsonObject
    scans: tuple[ScanFile, ...] = ()
    """Files to be kept before the application is submitted."""
    scenario: JsonObject | None = None
    """What it asks of the simulators, if anything."""


def read_case(file: Path) -> Case:
    """What a case file holds, its scans taken in.

    Raises:
        BadFile: It, or a scan it names, cannot be read.
    """
    content = read_object(file)
    scenario = content.pop(SIMULATION_KEY, None)
    if scenario is not None and not isinstance(scenario, dict):
        raise BadFile(f"{shown(file)}: {SIMULATION_KEY} takes a JSON object")
    return Case(*take_in(content, file), scenario)


@cache
def _rules(folder: Path) -> tuple[Profile, Directory]:
    """Read once, however many applications are examined."""
    return load_profile(folder), load_holders(folder)


def examined(application: JsonObject) -> tuple[Deficiency, ...]:
    """Everything wrong with an application, by the rules of this machine's profile."""
    profile, holders = _rules(load_settings().profile)
    institution = application.get("institution")
    named = institution if isinstance(institution, dict) else {}
    region = named.get("region")
    today = datetime.now(ZoneInfo(profile.zone_of(region))).date()
    stop = holders.first_stop(str(named.get("inn")), str(region))
    pdf_only = stop is not None and stop.route is Route.ARCHIVE
    return examine(application, profile, today, pdf_only=pdf_only).deficiencies


def reasons() -> ReasonCatalogue:
    """The catalogue of this machine's profile."""
    profile, _ = _rules(load_settings().profile)
    return profile.reasons


async def play_scenario(application: JsonObject, scenario: JsonObject) -> None:
    """Tell the simulators what an example file asks of them.

    Raises:
        BadFile: They would not understand it.
    """
    from domain.numbers import control_number  # noqa: PLC0415
    from simulators.client import play  # noqa: PLC0415
    from simulators.scenario import Scenario  # noqa: PLC0415 - only example files have one

    try:
        wanted = Scenario.model_validate(scenario)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BadFile(f"{SIMULATION_KEY}.{place}: not what the simulators understand") from None
    played = await play(load_settings().holders_base_url, control_number(application), wanted)
    if not played:
        display.err.print("No simulators answer: the file's simulation is ignored.")


def read_message(
    kind: type[T], file: Path, content: JsonObject | None = None, *, as_json: bool
) -> T:
    """The message in a file, or in what was read of it.

    Raises:
        Stop: Fields are wrong; all are named.
    """
    from workflows.reception import message_faults  # noqa: PLC0415 - brings the engine

    content = read_object(file) if content is None else content
    try:
        return TypeAdapter(kind).validate_json(json.dumps(content))
    except ValidationError as error:
        faults = message_faults(error)
        if as_json:
            print_json({"ok": False, "faults": faults})
            raise Stop(BAD_INPUT, "") from None
        listed = "\n".join(f"  {fault}" for fault in faults)
        raise Stop(
            BAD_INPUT, f"{shown(file)} is not usable; see `diploma schema`:\n{listed}"
        ) from None


def follow_case(number: str, *, as_json: bool) -> None:
    """Print every status of a case until its end.

    Raises:
        Stop: Interrupted; the case goes on.
    """
    from starters import cases  # noqa: PLC0415 - brings the engine

    async def follow(client: "Client") -> BaseModel:
        last = None
        while True:
            row = await cases.row(client, number)
            if row.status != last and not as_json:
                display.out.print(display.status_text(row.status), row.status_label)
            last = row.status
            if row.status is not None and row.status.is_final:
                return row
            await asyncio.sleep(0.5)

    try:
        final = with_client(follow)
    except KeyboardInterrupt:
        raise Stop(INTERRUPTED, "No longer looking on; the case goes on.") from None
    if as_json:
        print_json(final.model_dump(mode="json"))


def with_client(work: "Callable[[Client], Coroutine[Any, Any, T]]") -> T:
    """What `work` gives with a connection to the server of the environment.

    Raises:
        Unreachable: There is none in time.
        InsecureConnection: It would be talked to in clear over a network.
    """
    from workers.keys import opened_keys  # noqa: PLC0415 - brings databases

    async def connected() -> T:
        settings = load_settings()
        with opened_keys(settings) as keys:
            return await work(await connection(settings, keys.codec))

    return asyncio.run(connected())


async def connection(
    settings: Settings, codec: "PayloadCodec", metrics_address: str | None = None
) -> "Client":
    """A connection to the server of the environment; with metrics for a worker only.

    Raises:
        Unreachable: There is none in time.
        InsecureConnection: It would be talked to in clear over a network.
    """
    from workers import temporal  # noqa: PLC0415 - brings the engine

    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await temporal.connect(
                codec,
                allow_plain=settings.allow_plain_temporal,
                identity=settings.officer,
                metrics_address=metrics_address,
            )
    except TimeoutError:
        raise temporal.Unreachable(
            f"the Temporal server took the connection but said nothing for {CONNECT_SECONDS} s"
        ) from None


def count(items: tuple[Deficiency, ...]) -> str:
    """How many deficiencies, in words."""
    return "1 deficiency" if len(items) == 1 else f"{len(items)} deficiencies"


def dumped(items: tuple[Deficiency, ...]) -> list[Any]:
    """Deficiencies as JSON."""
    return [item.model_dump(mode="json") for item in items]


def say(document: JsonObject, line: str, *, as_json: bool) -> None:
    """One line for a person, or the document."""
    if as_json:
        print_json(document)
    else:
        display.out.print(line, markup=False)


def print_json(document: Any) -> None:
    """Print a JSON document."""
    print(json.dumps(document, ensure_ascii=False, indent=2))
