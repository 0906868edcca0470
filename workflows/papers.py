"""Which paper goes with which notice (R8, R9, R10)."""

from datetime import datetime

from domain.application import DeliveryMethod
from domain.errands import ErrandKind
from domain.notices import NoticeEvent, NoticeFacts
from domain.paper_orders import PaperOrder
from domain.papers import PaperTemplate
from workflows.state import CaseState

ASKING_FOR_MONEY = frozenset(
    {NoticeEvent.RETURNED, NoticeEvent.REFUSED, NoticeEvent.CORRECTION_INSUFFICIENT}
)
"""Notices that bring the invoice, when one is open."""


def paper_with(
    event: NoticeEvent, state: CaseState, facts: NoticeFacts, now: datetime
) -> PaperOrder | None:
    """The paper an e-mail brings; None for most.

    Args:
        event: What the mail tells.
        state: The case.
        facts: The facts of the mail; the paper says the same.
        now: In the region's zone.
    """
    if state.application is None:
        return None
    make = {
        NoticeEvent.SUBMITTED: _receipt,
        NoticeEvent.HOLDER_LETTER: _letter,
        NoticeEvent.CERTIFICATE_ISSUED: _certificate,
        NoticeEvent.CERTIFICATE_RENEWED: _certificate,
        NoticeEvent.SUBSTITUTE_ISSUED: _substitute,
        NoticeEvent.ISSUED: _duplicate_or_act,
    } | dict.fromkeys(ASKING_FOR_MONEY, _invoice)
    maker = make.get(event)
    return maker(state, facts, now) if maker else None


def _receipt(state: CaseState, facts: NoticeFacts, now: datetime) -> PaperOrder:
    submitted_at = state.submitted_at or now
    return PaperOrder(
        template=PaperTemplate.SUBMISSION_RECEIPT,
        dated=now.date(),
        submitted_at=submitted_at.astimezone(now.tzinfo),
        fees=facts.fees,
        pay_url=facts.pay_url,
    )


def _letter(state: CaseState, facts: NoticeFacts, now: datetime) -> PaperOrder:
    return PaperOrder(
        template=PaperTemplate.HOLDER_LETTER,
        dated=now.date(),
        holder=facts.holder or facts.institution,
        request=ErrandKind(facts.holder_request),
        answer_by=facts.due_on,
        delivery=facts.delivery,
        tracking=state.parcel.tracking if state.parcel else "",
        collect_by=facts.collect_by,
    )


def _invoice(state: CaseState, facts: NoticeFacts, now: datetime) -> PaperOrder | None:
    charge = state.open_charge
    if charge is None:
        return None
    return PaperOrder(
        template=PaperTemplate.INVOICE,
        dated=now.date(),
        number=charge.invoice.invoice_id,
        fees=charge.fees or facts.fees,
        pay_url=charge.invoice.pay_url,
        pay_by=facts.respond_by,
    )


def _certificate(_: CaseState, facts: NoticeFacts, now: datetime) -> PaperOrder:
    return PaperOrder(
        template=PaperTemplate.TEMPORARY_CERTIFICATE,
        dated=now.date(),
        number=facts.certificate_number,
        valid_until=facts.valid_until,
    )


def _substitute(state: CaseState, facts: NoticeFacts, now: datetime) -> PaperOrder:
    return PaperOrder(
        template=PaperTemplate.SUBSTITUTE_CERTIFICATE,
        dated=now.date(),
        number=f"{state.control_number}/S",
        closure_protocol=facts.closure_protocol,
        holder=facts.holder,
    )


def _duplicate_or_act(state: CaseState, facts: NoticeFacts, now: datetime) -> PaperOrder | None:
    """The file itself, or what was signed at the counter; a parcel speaks for itself."""
    hand_over = state.hand_over
    if hand_over is None or hand_over.method is DeliveryMethod.POST:
        return None
    electronic = hand_over.method is DeliveryMethod.ELECTRONIC
    return PaperOrder(
        template=PaperTemplate.ELECTRONIC_DUPLICATE if electronic else PaperTemplate.ACCEPTANCE_ACT,
        dated=now.date() if electronic else hand_over.handed_over_on,
        number="" if electronic else hand_over.reference,
        holder=facts.holder,
        duplicate=state.production,
    )
