"""Commands for staff: find and count cases, take them over, decide, lift, answer for holders."""

import asyncio
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from temporalio.client import Client

from adapters.profiles import load_profile
from domain.base import Frozen, JsonObject
from domain.examination import name_objections
from domain.messages import (
    Claim,
    Decision,
    DecisionKind,
    HandOver,
    HolderReply,
    Objection,
    ParcelReport,
    ProductionRecord,
    Reassignment,
    SuspensionLifted,
)
from domain.numbers import parse_control_number
from domain.register import RegisteredCase
from domain.routes import Route
from domain.statuses import CaseStatus
from starters import cases, display, records, reports
from starters.console import (
    BAD_INPUT,
    Json,
    Number,
    Stop,
    print_json,
    read_message,
    say,
    with_client,
)
from starters.files import read_object
from starters.officers import AnotherOfficer, Assignee, By, MaybeOfficer, Officer, signed
from starters.table_files import STDOUT, check_target, write_table
from workers.settings import load_settings
from workflows.contracts import Acknowledgement, Signal, Update
from workflows.reception import message_faults

app = typer.Typer()


Note = Annotated[str | None, typer.Option("--note", help="For the record; nothing personal.")]
M = TypeVar("M", bound=Frozen)


@app.command(name="list")
def list_cases(
    status_is: Annotated[CaseStatus | None, typer.Option("--status", case_sensitive=False)] = None,
    route: Annotated[Route | None, typer.Option("--route", case_sensitive=False)] = None,
    region: Annotated[str | None, typer.Option("--region", help="Two-digit code.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Overdue cases only.")] = False,
    officer: Assignee = None,
    due_before: Annotated[
        datetime | None,
        typer.Option(
            "--due-before",
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            help="Stages whose last day is before this one.",
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Code of an open reason, as in NAME_MISMATCH.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 1000,
    as_json: Json = False,
) -> None:
    """List cases by status, route, region, officer, due date, open reason or overdue."""
    if region is not None and not re.fullmatch(r"[0-9]{2}", region):
        raise Stop(BAD_INPUT, "--region takes a two-digit code, as in 77")
    if reason is not None and not re.fullmatch(r"[A-Z_]{1,60}", reason):
        raise Stop(BAD_INPUT, "--reason takes the code of a reason, as in NAME_MISMATCH")
    found = with_client(
        lambda client: cases.rows(
            client,
            status=status_is,
            route=route,
            region=region,
            overdue=overdue,
            officer=officer,
            due_before=due_before.date() if due_before else None,
            reason=reason,
            limit=limit,
        )
    )
    if as_json:
        print_json([row.model_dump(mode="json") for row in found])
    else:
        display.out.print(display.case_table(found))
        display.out.print("1 case" if len(found) == 1 else f"{len(found)} cases")


@app.command()
def reply(
    number: Number,
    file: Annotated[Path, typer.Argument(help="The holder's answer as a JSON file.")],
    officer: MaybeOfficer = None,
    as_json: Json = False,
) -> None:
    """Answer for a holder: document check, finished duplicate, parcel, or hand-over."""
    known = parse_control_number(number)
    read = read_object(file)
    answer = signed(read_message(_kind_of_answer(read), file, read, as_json=as_json), officer)

    async def record(client: Client) -> str:
        if isinstance(answer, HolderReply):
            taken = await cases.update(
                client, known, Update.RECORD_HOLDER_REPLY, answer, Acknowledgement
            )
            return taken.remark
        if isinstance(answer, ProductionRecord | HandOver | ParcelReport):
            await cases.answer_for_holder(client, known, answer)
            return "Told the case; `diploma status` shows what became of it."
        return ""

    remark = with_client(record)
    say({"control_number": known, "remark": remark}, remark or "Recorded.", as_json=as_json)


@app.command()
def claim(
    number: Number,
    officer: Officer,
    as_json: Json = False,
) -> None:
    """Take a case over; a case another officer has is not given away."""
    known = parse_control_number(number)
    request = Claim(officer=officer)
    with_client(lambda client: cases.update(client, known, Update.CLAIM, request, Acknowledgement))
    say({"control_number": known, "officer": officer}, "Claimed.", as_json=as_json)


@app.command()
def reassign(
    number: Number,
    officer: AnotherOfficer,
    by: By,
    note: Note = None,
    as_json: Json = False,
) -> None:
    """Give a case to another officer, whoever has it now."""
    known = parse_control_number(number)
    request = _message(Reassignment, officer=officer, by=by, note=note)
    with_client(
        lambda client: cases.update(client, known, Update.REASSIGN, request, Acknowledgement)
    )
    say({"control_number": known, "officer": officer}, "Reassigned.", as_json=as_json)


@app.command()
def decide(
    number: Number,
    officer: Officer,
    confirm: Annotated[bool, typer.Option("--confirm", help="The records agree.")] = False,
    objections: Annotated[
        list[str] | None,
        typer.Option("--object", metavar="CODE:FIELD", help="They do not; once for each reason."),
    ] = None,
    note: Note = None,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Leave the decision to another officer.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Decide the document check by hand; who prepared a decision does not approve it."""
    known = parse_control_number(number)
    if confirm == bool(objections):
        raise Stop(BAD_INPUT, "give either --confirm or --object CODE:FIELD")
    request = _message(
        Decision,
        officer=officer,
        decision=DecisionKind.CONFIRM if confirm else DecisionKind.OBJECT,
        objections=_objections(objections or []),
        note=note,
        prepare=prepare,
    )
    taken = with_client(
        lambda client: cases.update(client, known, Update.DECIDE, request, Acknowledgement)
    )
    say(
        {"control_number": known, "officer": officer, "remark": taken.remark},
        f"Taken: {taken.remark}." if taken.remark else "Decided.",
        as_json=as_json,
    )


@app.command()
def lift(number: Number, officer: Officer, note: Note = None, as_json: Json = False) -> None:
    """Lift a suspension: the error in the passport is mended, and the case goes on."""
    known = parse_control_number(number)
    news = _message(SuspensionLifted, officer=officer, note=note)

    async def tell(client: Client) -> None:
        present = (await cases.row(client, known)).status
        if present is not CaseStatus.SUSPENDED:
            raise cases.TurnedDown(f"the case is not suspended: {present}")
        await cases.signal(client, known, Signal.SUSPENSION_LIFTED, news)

    with_client(tell)
    say({"control_number": known, "officer": officer}, "Lifted.", as_json=as_json)


@app.command()
def report(
    by: Annotated[reports.Grouping, typer.Option("--by", case_sensitive=False)],
    csv: Annotated[
        Path | None, typer.Option("--csv", help="File to write; - for the terminal.")
    ] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Cases that have not ended.")] = False,
    as_json: Json = False,
) -> None:
    """Count the cases of the register by group, and how many of them are overdue."""
    if csv is not None:
        check_target(csv)
    if csv == STDOUT and as_json:
        raise Stop(BAD_INPUT, "one of --csv - and --json; both write to the terminal")
    found = asyncio.run(_registered())
    counted = reports.report(
        (case for case in found if not (open_only and case.status.is_final)), by
    )
    rows = [(row.group, str(row.cases), str(row.overdue)) for row in (*counted.rows, counted.total)]
    if csv is not None:
        write_table(csv, reports.COLUMNS, rows)
    if as_json:
        print_json(counted.model_dump(mode="json"))
    elif csv != STDOUT:
        display.out.print(display.text_table(reports.COLUMNS, rows))


async def _registered() -> list[RegisteredCase]:
    async with records.register() as register:
        return await register.cases()


def _objections(typed: list[str]) -> tuple[Objection, ...]:
    """Objections by code and field; one the catalogue does not know would help nobody."""
    pairs = (item.partition(":") for item in typed)
    objections = tuple(_message(Objection, code=code, field=field) for code, _, field in pairs)
    _, unknown = name_objections(objections, load_profile(load_settings().profile))
    if unknown:
        raise Stop(
            BAD_INPUT,
            "--object takes a code of the catalogue of reasons and a field of the application, "
            "as in NAME_MISMATCH:applicant.name_on_diploma",
        )
    return objections


def _message(kind: type[M], **fields: Any) -> M:
    """A message of what was typed as options.

    Raises:
        Stop: Something is wrong; all of it is named, and nothing repeated.
    """
    try:
        return kind(**fields)
    except ValidationError as error:
        raise Stop(BAD_INPUT, "; ".join(message_faults(error))) from None


def _kind_of_answer(content: JsonObject) -> Any:
    if "registration_number" in content:
        return ProductionRecord
    if "tracking" in content:
        return ParcelReport
    return HandOver if "handed_over_on" in content else HolderReply
