"""Taking messages: each is applied once, or parked for a person; none can harm the case."""

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from temporalio.exceptions import ApplicationError

from domain.base import Frozen
from domain.certificates import CertificateChanged
from domain.messages import (
    Correction,
    HandOver,
    HolderReply,
    ParcelEvent,
    ParcelReport,
    PaymentReceived,
    ProductionRecord,
    WithdrawalRequested,
)
from domain.statuses import CaseStatus
from workflows.case import Case
from workflows.state import CaseState, CertificateState, PendingCorrection

M = TypeVar("M", bound=Frozen)

SINCE_REGISTER = frozenset(
    {
        "parcel_reported",
        "contact_confirmed",
        "code_requested",
        "certificate_requested",
        "certificate_changed",
        "calendar_published",
    }
)
"""Signals that cases begun before the register do not know."""
GIVEN_UP = frozenset({CaseStatus.WITHDRAWN, CaseStatus.CLOSED})
"""Ends after which a late payment goes back of itself (R7)."""
ISSUED_STAYS = (
    "what was issued stays in the register, as the law demands; "
    "personal data is erased when nothing is owed any more"
)
"""What an applicant has to be answered who takes back the consent too late (R13)."""
REFUSED_BY_CODEC = {
    b"not sealed": "was not sealed: send it by a command, or type it where the codec server is set",
    b"sealed for another case": "was sealed for another case, or by somebody without our keys",
    b"damaged": "was sealed, and damaged",
}
"""What a message is that the codec would not open, and what that means to a person."""
LONGEST_FIELD_NAME = 40
"""No field of ours has a longer name; a longer key is somebody's text."""


class UnreadableMessage(Exception):
    """A message that cannot be applied; the text names the fault and repeats nothing of it."""


class Reception:
    """Reads messages that anybody may have typed by hand, and puts them where they belong."""

    def __init__(self, case: Case) -> None:
        self._case = case

    def read_signal(self, name: str, kind: type[M], payload: tuple[Any, ...]) -> M | None:
        """The message of a signal; None, and parked, when it cannot be read."""
        if name in SINCE_REGISTER and self._is_older_case():
            self._case.park(name, "there is no such signal")
            return None
        try:
            return read(kind, payload)
        except UnreadableMessage as fault:
            self._case.park(name, str(fault))
            return None

    def _is_older_case(self) -> bool:
        """True for a case begun before these signals: it goes on as it was begun."""
        return self._case.state.setup is not None and not self._case.state.kept_in_register

    def read_update(self, kind: type[M], payload: tuple[Any, ...]) -> M:
        """The message of an update; its sender is told what is wrong with it.

        Raises:
            ApplicationError: It cannot be read.
        """
        try:
            return read(kind, payload)
        except UnreadableMessage as fault:
            raise turned_down(str(fault)) from None

    def sign(self, name: str, officer: str | None) -> None:
        """Name the officer who gave a message in another's place; without one nothing is noted."""
        if officer is not None:
            self._case.note(name, f"by {officer}")

    def check_in_review(self) -> None:
        """Turn down an answer to a document check that does not run.

        Raises:
            ApplicationError: No document check is running.
        """
        if self._case.state.status is not CaseStatus.IN_REVIEW:
            raise turned_down(f"no document check is running: {self._case.state.status}")

    def queue(self, correction: Correction, *, awaited: bool) -> int:
        """Keep a correction until the story looks at it; returns its ticket."""
        state = self._case.state
        state.tickets += 1
        state.corrections.append(
            PendingCorrection(
                ticket=state.tickets, correction=correction.unsigned(), awaited=awaited
            )
        )
        return state.tickets

    def take_correction(self, correction: Correction) -> None:
        """A correction that came by signal."""
        status = self._case.state.status
        not_looked_at_yet = {CaseStatus.NOT_SENT, CaseStatus.SUBMITTED}
        if not status.awaits_applicant and status not in not_looked_at_yet:
            self._case.park("correction_submitted", f"nothing is to be corrected: {status}")
        elif not self._is_repeated("correction", correction.correction_id):
            self.queue(correction, awaited=False)

    def take_reply(self, reply: HolderReply, source: str) -> str:
        """The answer to the document check; returns what became of it, empty when all is well."""
        state, reply = self._case.state, reply.unsigned()
        identity = f"reply:{reply.reply_id}"
        if reply == state.reply or (reply.reply_id and identity in state.seen):
            self._case.note("repeated", "reply")
            return "this answer was taken before"
        if state.status is not CaseStatus.IN_REVIEW or state.reply is not None:
            self._case.park("holder_replied", f"no answer is awaited: {state.status}, by {source}")
            return "kept for a person to sort out"
        state.reply = reply
        state.holder_has_answered = True
        state.is_repeated(identity)
        self._case.note("holder_replied", f"{reply.verdict}, by {source}")
        return ""

    def take_production(self, record: ProductionRecord) -> None:
        """The holder made the duplicate (R9)."""
        state, record = self._case.state, record.unsigned()
        if record == state.production:
            self._case.note("repeated", "production")
        elif state.status is not CaseStatus.IN_PRODUCTION or state.production is not None:
            self._case.park("production_finished", f"no duplicate is being made: {state.status}")
        else:
            state.production = record

    def take_parcel(self, report: ParcelReport) -> None:
        """The duplicate went to the post, or came back (R9)."""
        state, report = self._case.state, report.unsigned()
        sent = report.event is ParcelEvent.SENT
        if report == state.parcel_news or (sent and report == state.parcel):
            self._case.note("repeated", "parcel")
        elif state.status is not CaseStatus.READY or state.parcel_news or state.hand_over:
            self._case.park("parcel_reported", f"no parcel is on its way: {state.status}")
        elif sent is not (state.parcel is None) or state.collection is not None:
            self._case.park("parcel_reported", f"it does not fit what is known: {report.event}")
        elif state.parcel and state.parcel.tracking != report.tracking:
            self._case.park("parcel_reported", "the tracking number is another one's")
        else:
            state.parcel_news = report

    def take_certificate(self, change: CertificateChanged) -> None:
        """What became of the temporary certificate, told by its own workflow (R10)."""
        state = self._case.state
        if state.status.is_final:
            self._case.park("certificate_changed", f"the case has ended: {state.status}")
            return
        if not change.number.startswith(f"{state.control_number}/"):
            self._case.park("certificate_changed", "it is about another case")
            return
        state.certificate = CertificateState(
            number=change.number, state=change.state, valid_until=change.valid_until
        )
        self._case.note("temporary_certificate", change.event.removeprefix("certificate_"))
        self._case.tell(
            change.event, certificate_number=change.number, valid_until=change.valid_until
        )

    def take_hand_over(self, hand_over: HandOver) -> None:
        """The duplicate was handed over (R9)."""
        state, hand_over = self._case.state, hand_over.unsigned()
        if hand_over == state.hand_over:
            self._case.note("repeated", "hand-over")
        elif state.status is not CaseStatus.READY or state.hand_over is not None:
            self._case.park("duplicate_handed_over", f"nothing is ready for it: {state.status}")
        else:
            state.hand_over = hand_over

    def take_withdrawal(self, wish: WithdrawalRequested) -> None:
        """The applicant gives the request up; to take the consent back it is never too late."""
        state = self._case.state
        if wish.consent_withdrawn:
            state.consent_withdrawn_at = state.consent_withdrawn_at or self._case.now()
            self._case.note("consent_withdrawn")
        if not state.status.is_final and state.hand_over is None:
            state.withdrawn = True
        elif not wish.consent_withdrawn:
            self._case.park("withdraw_requested", f"too late: {state.status}")
        elif state.status not in GIVEN_UP:
            self._case.park("withdraw_requested", f"too late: {state.status}; {ISSUED_STAYS}")

    def take_payment(self, payment: PaymentReceived) -> None:
        """The payment system confirms the invoice; exactly its amount, exactly once (R7)."""
        state = self._case.state
        known = (item for item in state.charges if item.invoice.invoice_id == payment.invoice_id)
        charge = next(known, None)
        heard_of = {item.payment.payment_id for item in state.charges if item.payment}
        if payment.payment_id in heard_of:
            self._case.note("repeated", "payment")
        elif charge is None:
            self._case.park("payment_received", "there is no such invoice in this case")
        elif charge.payment is not None:
            self._case.park("payment_received", "the invoice is paid already: a second payment")
        elif payment.amount != charge.invoice.amount:
            self._case.park("payment_received", "the amount is not that of the invoice")
        elif state.status.is_final and not self._goes_back(state):
            self._case.park("payment_received", f"paid after the end: {state.status}")
        else:
            place = state.charges.index(charge)
            state.charges[place] = charge.model_copy(update={"payment": payment})
            self._case.note("payment_received")
            if charge.void:
                # The money is on the books, and goes back with the rest if the case is given up.
                self._case.park("payment_received", "a replaced invoice was paid: settle by hand")

    @staticmethod
    def _goes_back(state: CaseState) -> bool:
        """True when a late payment is refunded of itself, as long as the case still listens."""
        return state.status in GIVEN_UP and state.the_setup().terms.aftercare is not None

    def _is_repeated(self, kind: str, identity: str | None) -> bool:
        repeated = identity is not None and self._case.state.is_repeated(f"{kind}:{identity}")
        if repeated:
            self._case.note("repeated", kind)
        return repeated


def read(kind: type[M], payload: tuple[Any, ...]) -> M:
    """The one JSON object a message consists of.

    Raises:
        UnreadableMessage: Not exactly one JSON object, or fields that are wrong.
    """
    if len(payload) != 1:
        raise UnreadableMessage(f"takes exactly one JSON object, {len(payload)} were given")
    if isinstance(payload[0], bytes) and payload[0] in REFUSED_BY_CODEC:
        raise UnreadableMessage(REFUSED_BY_CODEC[payload[0]])
    if not isinstance(payload[0], dict):
        raise UnreadableMessage("takes a JSON object, something else was given")
    try:
        return kind.model_validate(payload[0])
    except ValidationError as error:
        raise UnreadableMessage("; ".join(message_faults(error)[:5])) from None


def turned_down(reason: str) -> ApplicationError:
    """What a caller gets who asks for something impossible."""
    return ApplicationError(reason, type="TurnedDown", non_retryable=True)


def message_faults(error: ValidationError) -> list[str]:
    """Field and fault of everything wrong with a message, without any of its content."""
    return [
        ": ".join(filter(None, (_place(detail["loc"]), _reason(detail))))
        for detail in error.errors(include_url=False, include_input=False)
    ]


def _reason(detail: ErrorDetails) -> str:
    """The library's words, or for our own faults of form their code in the catalogue."""
    return detail["type"] if detail["type"].isupper() else detail["msg"]


def _place(location: tuple[int | str, ...]) -> str:
    """The field's path; keys nobody expects may be anything, so only plain ones are repeated."""
    return ".".join(str(part) if isinstance(part, int) else plain_name(part) for part in location)


def plain_name(name: str) -> str:
    """A name as programs have them; anything else may be somebody's text and becomes ?."""
    plain = name.isascii() and name.replace("_", "").isalpha() and len(name) <= LONGEST_FIELD_NAME
    return name if plain else "?"
