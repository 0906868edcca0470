"""The command `diploma`: for ops staff, starter scripts and newcomers."""

import asyncio
import errno
import json
import re
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.production_calendar import official_calendar
from adapters.profiles import load_profile
from domain.application import Application
from domain.base import JsonObject
from domain.clock import MOSCOW
from domain.deficiencies import Deficiency, ReasonKind
from domain.examination import examine
from domain.messages import (
    Claim,
    Correction,
    HandOver,
    HolderReply,
    ProductionRecord,
    WithdrawalRequested,
)
from domain.numbers import BadControlNumber, parse_control_number
from domain.routes import Route
from domain.statuses import CaseStatus
from domain.terms import project
from starters import cases, display
from starters.files import BadFile, read_object, shown
from workers import temporal
from workers.settings import listing, load_settings
from workflows.contracts import Acknowledgement, CorrectionAnswer, Signal, Update
from workflows.reception import message_faults

app = typer.Typer(
    name="diploma",
    help="Duplicate diplomas: submit requests, watch them, answer for holders.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

FAILED, BAD_INPUT, UNREACHABLE, NO_SUCH_CASE, INTERRUPTED = 1, 2, 3, 4, 130
"""Exit codes besides 0."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
CaseFile = Annotated[Path, typer.Argument(help="Application as a JSON file.")]
Number = Annotated[str, typer.Argument(help="Control number, as in 7K3M-9QXT-2B4D-6.")]

T = TypeVar("T")
CONNECT_SECONDS = 8
FIRST_YEAR, LAST_YEAR = 2005, 2100
"""Years whose terms can be asked for: moved days are known, or none are announced yet."""
SIMULATION_KEY = "simulation"
"""Part of a case file that only the simulators read; it never reaches the case."""


class SchemaName(StrEnum):
    """What a JSON Schema can be printed of."""

    APPLICATION = "application"
    CORRECTION = "correction"
    REPLY = "reply"


class Stop(Exception):
    """Ends a command with a message and an exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


HolderAnswer: TypeAdapter[HolderReply | ProductionRecord | HandOver] = TypeAdapter(
    HolderReply | ProductionRecord | HandOver
)
"""What `diploma reply` takes: the answer to the document check, the production record, or
the hand-over."""


@app.command()
def check(file: CaseFile, as_json: Json = False) -> None:
    """Validate an application without a server: everything wrong with it, at once."""
    application, _ = _read_case(file)
    found = _examine(application)
    if as_json:
        _print_json({"ok": not found, "deficiencies": _dumped(found)})
    elif found:
        display.err.print(display.deficiency_list(_count(found), found))
    else:
        display.out.print("The application is complete and correct.")
    if found:
        raise Stop(BAD_INPUT, "")


@app.command()
def submit(
    file: CaseFile,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the case to its end.")] = False,
    as_json: Json = False,
) -> None:
    """Submit an application; the same application always yields the same case."""
    application, scenario = _read_case(file)
    found = _examine(application)
    unreadable = [item for item in found if item.kind is ReasonKind.FORM]
    if unreadable:
        if as_json:
            _print_json({"ok": False, "deficiencies": _dumped(found)})
        else:
            display.err.print(display.deficiency_list("not submitted", found))
        raise Stop(BAD_INPUT, "")

    async def start(client: Client) -> cases.Submission:
        if scenario is not None:
            await _play(application, scenario)
        return await cases.submit(client, application)

    submission = _with_client(start)
    if as_json and not wait:
        _print_json(submission.model_dump(mode="json"))
    elif not as_json:
        display.out.print(
            f"[bold]{submission.control_number}[/] submitted "
            f"{submission.submitted_at.astimezone():%d.%m.%Y %H:%M:%S}"
        )
        if found:
            display.out.print(display.deficiency_list("it will be turned down for", found))
    if wait:
        _follow(submission.control_number, as_json=as_json)


@app.command()
def status(number: Number, as_json: Json = False) -> None:
    """Show one case: its stage, what it waits for, open reasons, timeline."""
    known = _number(number)

    async def look(client: Client) -> BaseModel:
        try:
            return await cases.view(client, known)
        except cases.NoWorker:
            return await cases.row(client, known)

    found = _with_client(look)
    if as_json:
        _print_json(found.model_dump(mode="json"))
    elif isinstance(found, cases.CaseRow):
        display.out.print(display.case_table([found]))
        display.err.print("No worker is running: this is what the server knows by itself.")
    else:
        display.out.print(display.case_panel(found))  # type: ignore[arg-type]


@app.command(name="list")
def list_cases(
    status_is: Annotated[CaseStatus | None, typer.Option("--status", case_sensitive=False)] = None,
    route: Annotated[Route | None, typer.Option("--route", case_sensitive=False)] = None,
    region: Annotated[str | None, typer.Option("--region", help="Two-digit code.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Overdue cases only.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 1000,
    as_json: Json = False,
) -> None:
    """List cases by status, route, region or overdue."""
    if region is not None and not re.fullmatch(r"[0-9]{2}", region):
        raise Stop(BAD_INPUT, "--region takes a two-digit code, as in 77")
    found = _with_client(
        lambda client: cases.rows(
            client, status=status_is, route=route, region=region, overdue=overdue, limit=limit
        )
    )
    if as_json:
        _print_json([row.model_dump(mode="json") for row in found])
    else:
        display.out.print(display.case_table(found))
        display.out.print("1 case" if len(found) == 1 else f"{len(found)} cases")


@app.command()
def correct(
    number: Number,
    file: Annotated[Path, typer.Argument(help="Correction as a JSON file.")],
    as_json: Json = False,
) -> None:
    """Correct a returned or refused application; answers what is still wrong."""
    known = _number(number)
    correction = _read_message(Correction, file, as_json=as_json)
    answer = _with_client(
        lambda client: cases.update(
            client, known, Update.SUBMIT_CORRECTION, correction, CorrectionAnswer
        )
    )
    if as_json:
        _print_json(answer.model_dump(mode="json"))
    elif answer.still_wrong:
        display.out.print(display.deficiency_list("still wrong", answer.still_wrong))
    elif answer.processed:
        display.out.print("Taken: nothing is missing any more, and the check goes on.")
    else:
        display.out.print("Taken; `diploma status` will show what became of it.")


@app.command()
def withdraw(number: Number, as_json: Json = False) -> None:
    """Withdraw a request; possible until the duplicate is issued."""
    known = _number(number)
    _with_client(
        lambda client: cases.signal(client, known, Signal.WITHDRAW_REQUESTED, WithdrawalRequested())
    )
    _say({"control_number": known, "requested": True}, "Withdrawal requested.", as_json=as_json)


@app.command()
def reply(
    number: Number,
    file: Annotated[Path, typer.Argument(help="The holder's answer as a JSON file.")],
    as_json: Json = False,
) -> None:
    """Answer for a holder: the document check, the finished duplicate, or its hand-over."""
    known = _number(number)
    answer = _read_message(_kind_of_answer(read := _read(file)), file, read, as_json=as_json)

    async def record(client: Client) -> str:
        if isinstance(answer, HolderReply):
            taken = await cases.update(
                client, known, Update.RECORD_HOLDER_REPLY, answer, Acknowledgement
            )
            return taken.remark
        if isinstance(answer, ProductionRecord | HandOver):
            await cases.answer_for_holder(client, known, answer)
            return "Told the case; `diploma status` shows what became of it."
        return ""

    remark = _with_client(record)
    _say({"control_number": known, "remark": remark}, remark or "Recorded.", as_json=as_json)


@app.command()
def claim(
    number: Number,
    officer: Annotated[str, typer.Option("--officer", help="Your staff identifier.")],
    as_json: Json = False,
) -> None:
    """Take a case over; a case another officer has is not given away."""
    known = _number(number)
    try:
        request = Claim(officer=officer)
    except ValidationError:
        raise Stop(
            BAD_INPUT, "--officer: up to 100 Latin letters, digits and the signs . _ : -"
        ) from None
    _with_client(lambda client: cases.update(client, known, Update.CLAIM, request, Acknowledgement))
    _say({"control_number": known, "officer": officer}, "Claimed.", as_json=as_json)


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
    _print_json(schemas[name]())


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
    dates = project(day, profile.terms, official_calendar(day), expedited=expedited)
    if as_json:
        _print_json(dates.model_dump(mode="json"))
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
        _print_json([{"name": name, "value": value, "meaning": text} for name, value, text in rows])
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

    chosen = load_settings()
    if healthcheck:
        if not main.is_alive(chosen.heartbeat_file):
            raise Stop(FAILED, "no sign of life; set DIPLOMA_HEARTBEAT_FILE for the worker too")
        return
    logs.configure(chosen.log_format, chosen.log_level)
    _with_client(lambda client: main.run_until_told(client, chosen))


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

    ports = Ports(temporal=port, ui=ui_port, outside=outside_port, smtp=smtp_port)
    _run(stack.stay_up(folder, ports, day_seconds))


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave all of it up afterwards.")] = False,
    day_seconds: Annotated[
        float, typer.Option("--day-seconds", min=0.2, max=60, help="Real seconds a day lasts.")
    ] = 1.2,
    as_json: Json = False,
) -> None:
    """Carry the example cases from submission to their ends, live, with accelerated days."""
    from starters import demo as show  # noqa: PLC0415 - other commands start faster without

    report = _run(show.play_examples(keep=keep, day_seconds=day_seconds, quiet=as_json))
    if as_json:
        _print_json(report.model_dump(mode="json"))
    if not report.as_expected:
        raise Stop(FAILED, "some cases did not end as their files expect")


def main() -> int:
    """Run a command and say how it ended; no traceback ever reaches a person."""
    try:
        code = app(prog_name=app.info.name, standalone_mode=False)
        if sys.stdout is not None:  # as it is when the caller closed it
            sys.stdout.flush()
    except Stop as stop:
        if str(stop):
            _complain(str(stop))
        return stop.code
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # rich and typer exit when the reader is gone
        return 0
    except Exception as error:  # noqa: BLE001 - the last place where a person can be spared
        return _explain(error)
    return code if isinstance(code, int) else 0  # typer returns 130 for Ctrl-C


def _complain(text: str) -> None:
    """One line on stderr, as long as it is; nothing when nobody can read it."""
    with suppress(OSError):
        display.err.print(text, markup=False, soft_wrap=True)


def _explain(error: Exception) -> int:
    """The exit code and the one line for an error that ends a command."""
    from adapters.mail_rendering import BadTemplate  # noqa: PLC0415
    from adapters.profiles import BadProfile  # noqa: PLC0415
    from starters.server import CannotStart  # noqa: PLC0415
    from workers.settings import BadSettings  # noqa: PLC0415

    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        command = context.command_path if context else app.info.name
        _complain(f"{error.format_message().rstrip('.')}. See `{command} --help`.")
        return BAD_INPUT
    bad_input = (BadFile, BadControlNumber, BadSettings, BadProfile, BadTemplate)
    known = (*bad_input, temporal.Unreachable, cases.TurnedDown, cases.NoWorker, CannotStart)
    if isinstance(error, bad_input):
        code = BAD_INPUT
    elif isinstance(error, temporal.Unreachable | RPCError):
        code = UNREACHABLE
    elif isinstance(error, cases.NoSuchCase):
        code = NO_SUCH_CASE
    else:
        code = FAILED
    if isinstance(error, cases.NoSuchCase):
        text = f"there is no case {error}"
    elif isinstance(error, RPCError):
        text = f"the Temporal server did not answer: {error.status.name}"
    elif isinstance(error, known):
        text = str(error)
    elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
        text = "no space left to write the output"
    else:
        text = f"unexpected {type(error).__name__}; please report it with the command you gave"
    _complain(text)
    return code


def _read(file: Path) -> JsonObject:
    return read_object(file)


def _read_case(file: Path) -> tuple[JsonObject, JsonObject | None]:
    """The application, and what the simulators are asked for if anything."""
    content = read_object(file)
    scenario = content.pop(SIMULATION_KEY, None)
    if scenario is not None and not isinstance(scenario, dict):
        raise BadFile(f"{shown(file)}: {SIMULATION_KEY} takes a JSON object")
    return content, scenario


def _examine(application: JsonObject) -> tuple[Deficiency, ...]:
    profile = load_profile(load_settings().profile)
    institution = application.get("institution")
    region = institution.get("region") if isinstance(institution, dict) else None
    today = datetime.now(ZoneInfo(profile.zone_of(region))).date()
    return examine(application, profile, today).deficiencies


async def _play(application: JsonObject, scenario: JsonObject) -> None:
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


def _read_message(
    kind: type[T], file: Path, content: JsonObject | None = None, *, as_json: bool
) -> T:
    content = read_object(file) if content is None else content
    try:
        return TypeAdapter(kind).validate_json(json.dumps(content))
    except ValidationError as error:
        faults = message_faults(error)
        if as_json:
            _print_json({"ok": False, "faults": faults})
            raise Stop(BAD_INPUT, "") from None
        listed = "\n".join(f"  {fault}" for fault in faults)
        raise Stop(
            BAD_INPUT, f"{shown(file)} is not usable; see `diploma schema`:\n{listed}"
        ) from None


def _kind_of_answer(content: JsonObject) -> Any:
    if "registration_number" in content:
        return ProductionRecord
    return HandOver if "handed_over_on" in content else HolderReply


def _day(typed: str) -> date:
    with suppress(ValueError):
        day = date.fromisoformat(typed)
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            return day
    raise Stop(
        BAD_INPUT, f"--from takes a day of {FIRST_YEAR} to {LAST_YEAR}, written as in 2026-04-29"
    )


def _number(typed: str) -> str:
    return parse_control_number(typed)


def _follow(number: str, *, as_json: bool) -> None:
    async def follow(client: Client) -> BaseModel:
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
        final = _with_client(follow)
    except KeyboardInterrupt:
        raise Stop(INTERRUPTED, "No longer looking on; the case goes on.") from None
    if as_json:
        _print_json(final.model_dump(mode="json"))


def _with_client(work: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
    async def connected() -> T:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                client = await temporal.connect()
        except TimeoutError:
            raise temporal.Unreachable(
                f"the Temporal server took the connection but said nothing for {CONNECT_SECONDS} s"
            ) from None
        return await work(client)

    return _run(connected())


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _count(items: tuple[Deficiency, ...]) -> str:
    return "1 deficiency" if len(items) == 1 else f"{len(items)} deficiencies"


def _dumped(items: tuple[Deficiency, ...]) -> list[Any]:
    return [item.model_dump(mode="json") for item in items]


def _say(document: JsonObject, line: str, *, as_json: bool) -> None:
    if as_json:
        _print_json(document)
    else:
        display.out.print(line, markup=False)


def _print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2))
