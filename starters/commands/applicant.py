"""Commands for whoever hands in a request: portals, starter scripts, a clerk at the counter."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel
from temporalio.client import Client

from adapters.profiles import load_profile
from adapters.sealing.errors import KeyDestroyed
from domain.base import JsonObject
from domain.confirmation import CodeOutcome
from domain.deficiencies import ReasonKind
from domain.messages import (
    CertificateRequested,
    CodeRequested,
    Correction,
    WithdrawalRequested,
)
from domain.numbers import control_number, parse_control_number
from domain.register import RegisteredCase
from starters import cases, codes, consent, display, records
from starters.console import (
    BAD_INPUT,
    FAILED,
    CaseFile,
    Json,
    Number,
    Stop,
    dumped,
    examined,
    follow_case,
    play_scenario,
    print_json,
    read_case,
    read_message,
    say,
    with_client,
)
from starters.files import read_object
from starters.intake import keep, take_in
from starters.officers import MaybeOfficer, signed
from workers.settings import load_settings
from workflows.contracts import CorrectionAnswer, Signal, Update

app = typer.Typer()


@app.command()
def submit(
    file: CaseFile,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the case to its end.")] = False,
    as_json: Json = False,
) -> None:
    """Submit an application; the same application always yields the same case."""
    application, scans, scenario = read_case(file)
    found = examined(application)
    unreadable = [item for item in found if item.kind is ReasonKind.FORM]
    if unreadable:
        if as_json:
            print_json({"ok": False, "deficiencies": dumped(found)})
        else:
            display.err.print(display.deficiency_list("not submitted", found))
        raise Stop(BAD_INPUT, "")

    async def start(client: Client) -> tuple[cases.Submission, bool]:
        if scenario is not None:
            await play_scenario(application, scenario)
        await keep(scans, control_number(application))
        async with records.register() as register:
            return await cases.begin(client, register, application)

    submission, is_new = with_client(start)
    if as_json and not wait:
        print_json(submission.model_dump(mode="json"))
    elif not as_json:
        at = f"{submission.submitted_at.astimezone():%d.%m.%Y %H:%M:%S}"
        display.out.print(f"[bold]{submission.control_number}[/] submitted {at}")
        if not is_new:
            display.err.print(
                "Submitted before: nothing was changed now. To change it, use `diploma correct`."
            )
        elif found:
            display.out.print(display.deficiency_list("it will be turned down for", found))
    if wait:
        follow_case(submission.control_number, as_json=as_json)


@app.command()
def status(number: Number, as_json: Json = False) -> None:
    """Show one case: its stage, what it waits for, open reasons, timeline."""
    known = parse_control_number(number)

    async def look(client: Client) -> BaseModel:
        try:
            return await cases.view(client, known)
        except cases.NoWorker:
            row = await cases.row(client, known)
            if row.status is None or not row.status.is_final:
                return row
        except (cases.NoSuchCase, KeyDestroyed):
            pass
        async with records.register() as register:
            return await cases.view_on_record(register, known)

    found = with_client(look)
    if as_json:
        print_json(found.model_dump(mode="json"))
    elif isinstance(found, cases.CaseRow):
        display.out.print(display.case_table([found]))
        display.err.print("No worker is running: this is what the server knows by itself.")
    elif isinstance(found, cases.ErasedCase):
        display.out.print(display.erased_case(found), markup=False)
    else:
        display.out.print(display.case_panel(found))  # type: ignore[arg-type]


@app.command()
def correct(
    number: Number,
    file: Annotated[Path, typer.Argument(help="Correction as a JSON file.")],
    officer: MaybeOfficer = None,
    as_json: Json = False,
) -> None:
    """Correct a returned or refused application; answers what is still wrong."""
    known = parse_control_number(number)
    content, scans = take_in(read_object(file), file)
    correction = signed(read_message(Correction, file, content, as_json=as_json), officer)

    async def send(client: Client) -> CorrectionAnswer:
        await keep(scans, known)
        return await cases.update(
            client, known, Update.SUBMIT_CORRECTION, correction, CorrectionAnswer
        )

    answer = with_client(send)
    if as_json:
        print_json(answer.model_dump(mode="json"))
    elif answer.still_wrong:
        display.out.print(display.deficiency_list("still wrong", answer.still_wrong))
    elif answer.processed:
        display.out.print("Taken: nothing is missing any more, and the check goes on.")
    else:
        display.out.print("Taken; `diploma status` will show what became of it.")


@app.command()
def confirm(
    number: Number,
    code: Annotated[str, typer.Argument(help="The one-time code of the text message.")],
    officer: MaybeOfficer = None,
    as_json: Json = False,
) -> None:
    """Confirm the consent with the one-time code; a few wrong ones lock it for a while."""
    known = parse_control_number(number)
    policy = load_profile(load_settings().profile).confirmation

    async def try_code(client: Client) -> CodeOutcome:
        async with records.register() as register:
            return await codes.enter(client, register, policy, known, code.strip(), officer)

    outcome = with_client(try_code)
    if as_json:
        print_json({"control_number": known, "outcome": outcome.value})
    elif outcome is CodeOutcome.CONFIRMED:
        display.out.print(codes.said(outcome, policy))
    if outcome is not CodeOutcome.CONFIRMED:
        raise Stop(FAILED, "" if as_json else codes.said(outcome, policy))


@app.command(name="resend-code")
def resend_code(number: Number, officer: MaybeOfficer = None, as_json: Json = False) -> None:
    """Have another one-time code sent; the codes before it are of no use any more."""
    known = parse_control_number(number)
    wish = CodeRequested(officer=officer)
    with_client(lambda client: cases.signal(client, known, Signal.CODE_REQUESTED, wish))
    say(
        {"control_number": known, "requested": True},
        "Asked for; not too soon after the last one, and not too often.",
        as_json=as_json,
    )


@app.command()
def certificate(number: Number, officer: MaybeOfficer = None, as_json: Json = False) -> None:
    """Ask for a temporary certificate, or for the renewal of the one in force."""
    known = parse_control_number(number)
    wish = CertificateRequested(officer=officer)
    with_client(lambda client: cases.signal(client, known, Signal.CERTIFICATE_REQUESTED, wish))
    say({"control_number": known, "requested": True}, "Asked for.", as_json=as_json)


@app.command()
def withdraw(
    number: Number,
    with_consent: Annotated[
        bool,
        typer.Option("--consent", help="And the consent to the processing of personal data."),
    ] = False,
    officer: MaybeOfficer = None,
    as_json: Json = False,
) -> None:
    """Withdraw a request, possible until the duplicate is issued; the consent at any time."""
    known = parse_control_number(number)
    wish = WithdrawalRequested(consent_withdrawn=with_consent, officer=officer)
    if with_consent:
        _withdraw_consent(known, wish, as_json=as_json)
        return
    with_client(lambda client: cases.signal(client, known, Signal.WITHDRAW_REQUESTED, wish))
    say({"control_number": known, "requested": True}, "Withdrawal requested.", as_json=as_json)


def _withdraw_consent(number: str, wish: WithdrawalRequested, *, as_json: bool) -> None:
    async def take_back(client: Client) -> RegisteredCase | None:
        async with records.register() as register:
            return await consent.withdraw(client, register, number, wish)

    ended = with_client(take_back)
    document: JsonObject = {
        "control_number": number,
        "requested": ended is None,
        "consent_withdrawn": True,
        "follows": consent.said(ended),
    }
    say(document, consent.said(ended), as_json=as_json)
