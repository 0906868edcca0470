"""How a case looks from outside: the view, the search attributes and the UI's details."""

from datetime import datetime
from typing import Any

from temporalio.common import SearchAttributeKey

from domain.application import DeliveryMethod
from domain.examination import CONSENT_NOT_CONFIRMED
from domain.fees import total, total_due
from domain.messages import HandOver
from domain.statuses import CaseStatus
from domain.terms import Window
from workflows import contracts
from workflows.contracts import CaseView, FeesView, InvoiceView, MailsView, StageView
from workflows.post import errand_of, refunded
from workflows.state import CaseState, Charge, Running

AWAITED = {
    CaseStatus.SUBMITTED: ("registration", "this service"),
    CaseStatus.ACCEPTED: ("start of the document check", "this service"),
    CaseStatus.IN_REVIEW: ("confirmation of the records", "the holder"),
    CaseStatus.RETURNED: ("the missing documents", "the applicant"),
    CaseStatus.REFUSED: ("corrected data", "the applicant"),
    CaseStatus.SUSPENDED: ("a mended passport", "the applicant, then staff"),
    CaseStatus.IN_PRODUCTION: ("the finished duplicate", "the holder"),
    CaseStatus.READY: ("hand-over to the applicant", "the holder"),
}
"""What a case in a status waits for, and from whom."""

NOT_YET = "Nothing to do before the due date. "
NEXT_STEP = {
    CaseStatus.SUBMITTED: "Nothing to do.",
    CaseStatus.ACCEPTED: "Nothing to do.",
    CaseStatus.IN_REVIEW: f"{NOT_YET}An answer that came by phone or letter is recorded with "
    "the update `record_holder_reply` or `diploma reply`.",
    CaseStatus.RETURNED: "The applicant sends a correction; staff can enter it with the signal "
    "`correction_submitted` or `diploma correct`.",
    CaseStatus.REFUSED: "The applicant sends a correction; staff can enter it with the signal "
    "`correction_submitted` or `diploma correct`.",
    CaseStatus.SUSPENDED: "When the passport is mended, send the signal "
    "`suspension_lifted` or use `diploma lift`.",
    CaseStatus.IN_PRODUCTION: f"{NOT_YET}An answer that came by phone or letter is recorded with "
    "the signal `production_finished` or `diploma reply`.",
    CaseStatus.READY: f"{NOT_YET}The hand-over is recorded with the signal "
    "`duplicate_handed_over` or `diploma reply`.",
}
"""What a person at the screen can do about it."""

CODE_AWAITED = (
    "the one-time code",
    "the applicant",
    (
        "The applicant enters the code from the text message with `diploma confirm`; another "
        "code is sent with the signal `code_requested` or `diploma resend-code`."
    ),
)
SCANS_AWAITED = (
    "the look at the scans",
    "this service",
    (
        "Nothing to do, unless the pending step says that a scan is lost: then restore the "
        "document store, or have the file submitted again."
    ),
)
PARCEL_AWAITED = (
    "delivery of the parcel",
    "the post",
    (
        f"{NOT_YET}When the parcel is back, send the signal "
        "`parcel_reported`; when it was delivered, `duplicate_handed_over`."
    ),
)
COLLECTION_AWAITED = (
    "collection of the returned parcel",
    "the applicant",
    "Have the acceptance act signed at the counter and send the signal `duplicate_handed_over`.",
)
"""Waits that are not those of the status: for what, from whom, and what a person can do."""

APPROVAL_STEP = "**A decision is prepared.** Another officer approves it with the update `decide`."

OVERDUE_STEP = "**Overdue.** The applicant has been told that we are late. "
CALL_STEP = "Call the holder now. "


def case_view(state: CaseState) -> CaseView:
    """Everything about a case but the person."""
    setup = state.setup
    calendar = setup.calendar if setup else None
    cap, response, collection = state.case_cap, state.response, state.collection
    return CaseView(
        control_number=state.control_number,
        status=state.status,
        status_label=state.status.label,
        route=state.route,
        route_taken=tuple(state.hops),
        region=setup.region if setup else "",
        holder=setup.holder.name if setup and setup.holder else "",
        assignee=state.assignee,
        overdue=state.overdue,
        stage=stage_view(state),
        case_due_on=cap.window.due_on(calendar) if cap and calendar else None,
        respond_by=response.window.due_on(calendar) if response and calendar else None,
        reasons=state.reasons,
        pauses=tuple(state.pauses),
        fees=_fees(state),
        mails=MailsView(
            sent=state.mails_sent + len(state.handed_along),
            waiting=len(state.outbox) - len(state.handed_along),
            rejected=tuple(state.mails_rejected),
            trouble=state.trouble,
        ),
        check_round=state.check_round,
        errand=errand_of(state),
        closure_protocol=state.closure_protocol,
        copy_reference=state.copy_reference,
        production=state.production,
        hand_over=_shown(state.hand_over),
        parked=tuple(state.parked),
        parked_total=state.parked_total,
        provisional=bool(cap and calendar and cap.window.is_provisional(calendar)),
        awaits_code=state.awaits_code and not state.status.is_final,
        parcel=state.parcel,
        parcels_returned=state.parcels_returned,
        collect_by=collection.window.due_on(calendar) if collection and calendar else None,
        papers=tuple(state.papers.values()),
        temporary_certificate=state.certificate,
        prepared_by=state.prepared.officer if state.prepared else None,
        timeline=tuple(state.timeline),
    )


def _shown(hand_over: HandOver | None) -> HandOver | None:
    """How it was handed over; a file's name may name a person (R13)."""
    if hand_over is None or hand_over.method is not DeliveryMethod.ELECTRONIC:
        return hand_over
    return hand_over.model_copy(update={"reference": "file"})


def _invoice(charge: Charge) -> InvoiceView:
    return InvoiceView(
        invoice_id=charge.invoice.invoice_id,
        amount=charge.invoice.amount,
        void=charge.void,
        paid=charge.payment.amount if charge.payment else 0,
        refunded=charge.payment.amount if charge.payment and charge.refund_id else 0,
    )


def stage_view(state: CaseState) -> StageView | None:
    """What the case waits for, from whom and until when; None when it waits for nothing."""
    if state.status not in AWAITED:
        return None
    awaited, whom = AWAITED[state.status]
    step = NEXT_STEP[state.status]
    if state.has_new_scans and state.status is CaseStatus.SUBMITTED:
        awaited, whom, step = SCANS_AWAITED
    elif state.awaits_code and (state.status is CaseStatus.SUBMITTED or _lacks_code(state)):
        awaited, whom, step = CODE_AWAITED
    elif state.collection is not None:
        awaited, whom, step = COLLECTION_AWAITED
    elif state.parcel is not None:
        awaited, whom, step = PARCEL_AWAITED
    elif state.prepared is not None and state.status is CaseStatus.IN_REVIEW:
        step = APPROVAL_STEP
    if state.overdue and not state.status.awaits_applicant:
        call = CALL_STEP if whom == "the holder" else ""
        step = OVERDUE_STEP + call + step.removeprefix(NOT_YET)
    setup = state.setup
    if setup and setup.holder and whom == "the holder":
        whom = setup.holder.name
    window = _window(state)
    if setup is None or window is None:
        return StageView(awaited=awaited, from_whom=whom, next_step=step)
    return StageView(
        awaited=awaited,
        from_whom=whom,
        next_step=step,
        earliest_on=window.earliest_on(setup.calendar),
        due_on=window.due_on(setup.calendar),
        due_at=setup.clock.engine_time(window.due_at(setup.calendar)),
        provisional=window.is_provisional(setup.calendar),
    )


def _lacks_code(state: CaseState) -> bool:
    """True when nothing else is wrong than that the code was not entered."""
    return {reason.code for reason in state.reasons} == {CONSENT_NOT_CONFIRMED}


def search_attributes(state: CaseState) -> list[tuple[SearchAttributeKey[Any], Any]]:
    """What ops can filter by; None where nothing is to be found. Nothing personal (R13)."""
    stage = stage_view(state)
    due_at: datetime | None = stage.due_at if stage else None
    return [
        (contracts.CASE_STATUS, state.status.value),
        (contracts.ROUTE, state.route.value),
        (contracts.REGION, (state.setup.region or None) if state.setup else None),
        (contracts.ASSIGNEE, state.assignee),
        (contracts.REFUSAL_REASONS, sorted({reason.code for reason in state.reasons}) or None),
        (contracts.STAGE_DUE_AT, due_at),
        (contracts.OVERDUE, state.overdue),
    ]


def details(state: CaseState) -> str:
    """The case in Markdown for the Temporal UI: readable in ten seconds, nothing personal."""
    lines = [f"## {state.status.label} · `{state.status}`", ""]
    lines += _stage_lines(state)
    if len(state.hops) > 1:
        lines.append(f"- **Route:** {' → '.join(hop.route for hop in state.hops)}")
    if state.parcel:
        lines.append(f"- **Parcel:** {state.parcel.tracking}")
    if state.certificate:
        lines.append(f"- **Temporary certificate:** {state.certificate.state}")
    if state.assignee:
        lines.append(f"- **Officer:** {state.assignee}")
    if state.trouble:
        lines.append(f"- **Cannot be written down or sent now:** {state.trouble}")
    if state.reasons:
        lines += ["", "### Open reasons", ""]
        lines += [f"- `{reason.code}` in `{reason.field}`" for reason in state.reasons]
    if state.mails_rejected:
        lines += ["", "### Mail that cannot be delivered: reach the person another way", ""]
        lines += [f"- `{key}`" for key in state.mails_rejected]
    if state.parked:
        lines += ["", f"### Messages for a person to sort out ({state.parked_total})", ""]
        lines += [f"- `{item.message}`: {item.reason}" for item in state.parked[-5:]]
    return "\n".join(lines)


def _stage_lines(state: CaseState) -> list[str]:
    """What the case waits for, from whom and until when."""
    stage = stage_view(state)
    if stage is None:
        ended = state.status.is_final
        return ["Nothing more to do: the case has ended." if ended else "Being opened."]
    lines = [f"- **Waits for:** {stage.awaited}", f"- **From:** {stage.from_whom}"]
    if stage.due_on:
        provisional = " (provisional: no calendar published)" if stage.provisional else ""
        lines.append(f"- **By:** {stage.due_on:%d.%m.%Y}{provisional}")
    if stage.earliest_on and stage.earliest_on != stage.due_on:
        lines.append(f"- **Not chased before:** {stage.earliest_on:%d.%m.%Y}")
    lines.append(f"- **Next step:** {stage.next_step}")
    return lines


def _window(state: CaseState) -> Window | None:
    running: Running | None = state.response if state.status.awaits_applicant else state.stage
    running = state.collection or running
    return running.window if running else None


def _fees(state: CaseState) -> FeesView | None:
    if state.setup is None:
        return None
    charge = state.charges[-1] if state.charges else None
    return FeesView(
        items=state.setup.fees,
        total=total(state.setup.fees),
        due=total_due(state.setup.fees),
        invoice_id=charge.invoice.invoice_id if charge else None,
        pay_url=charge.invoice.pay_url if charge and charge.is_open else None,
        invoices=tuple(_invoice(item) for item in state.charges),
        receipt_attached=state.receipt_attached,
        paid=sum(item.payment.amount for item in state.charges if item.payment),
        refunded=refunded(state),
    )
