"""Commands for staff: find cases, take them over, answer for holders."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from temporalio.client import Client

from domain.base import JsonObject
from domain.messages import Claim, HandOver, HolderReply, ParcelReport, ProductionRecord
from domain.numbers import parse_control_number
from domain.routes import Route
from domain.statuses import CaseStatus
from starters import cases, display
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
from workflows.contracts import Acknowledgement, Update

app = typer.Typer()


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
    found = with_client(
        lambda client: cases.rows(
            client, status=status_is, route=route, region=region, overdue=overdue, limit=limit
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
    as_json: Json = False,
) -> None:
    """Answer for a holder: document check, finished duplicate, parcel, or hand-over."""
    known = parse_control_number(number)
    answer = read_message(_kind_of_answer(read := read_object(file)), file, read, as_json=as_json)

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
    officer: Annotated[str, typer.Option("--officer", help="Your staff identifier.")],
    as_json: Json = False,
) -> None:
    """Take a case over; a case another officer has is not given away."""
    known = parse_control_number(number)
    try:
        request = Claim(officer=officer)
    except ValidationError:
        raise Stop(
            BAD_INPUT, "--officer: up to 100 Latin letters, digits and the signs . _ : -"
        ) from None
    with_client(lambda client: cases.update(client, known, Update.CLAIM, request, Acknowledgement))
    say({"control_number": known, "officer": officer}, "Claimed.", as_json=as_json)


def _kind_of_answer(content: JsonObject) -> Any:
    if "registration_number" in content:
        return ProductionRecord
    if "tracking" in content:
        return ParcelReport
    return HandOver if "handed_over_on" in content else HolderReply
