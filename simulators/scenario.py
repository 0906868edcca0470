"""What a case file may ask of the outside world, under its key "simulation"."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.application import DeliveryMethod
from domain.base import Frozen
from domain.messages import HolderVerdict, Objection
from domain.statuses import CaseStatus

Days = Annotated[float, Field(ge=0, le=36_500, allow_inf_nan=False)]
"""Calendar days of the procedure; fractions are fine."""


class HolderFault(StrEnum):
    """How a holder's API may misbehave when asked for an answer."""

    HANG = "hang"
    ERROR_500 = "error_500"
    BUSY_429 = "busy_429"
    HTML = "html"
    WRONG_SCHEMA = "wrong_schema"
    WRONG_CASE = "wrong_case"


class MailFault(StrEnum):
    """How the mail server may misbehave when handed a mail."""

    GREYLIST_451 = "greylist_451"
    REJECT_550 = "reject_550"
    HANG_AFTER_DOT = "hang_after_dot"
    """Keeps the mail and never says so."""
    DROP_AFTER_DOT = "drop_after_dot"
    """Keeps the mail and hangs up instead of saying so."""


class SmsFault(StrEnum):
    """How the SMS gateway may misbehave when handed a message."""

    ERROR_500 = "error_500"
    BUSY_429 = "busy_429"
    REJECT_422 = "reject_422"
    HANG = "hang"
    """Keeps the message and never says so."""


class Step(Frozen):
    """When an errand is answered, counted from its arrival."""

    after_days: Days
    faults: tuple[HolderFault, ...] = ()
    """Played once each, in order, one for every question asked, before the normal behaviour."""


class VerificationStep(Step):
    """One round of the document check; without objections it confirms."""

    after_days: Days = 3
    objections: tuple[Objection, ...] = ()
    verdict: HolderVerdict | None = None
    """The answer when it is neither a confirmation nor objections."""
    new_holder_inn: str | None = None
    closure_protocol: str | None = None
    copy_reference: str | None = None


class HandOverStep(Step):
    """How the duplicate is handed over; the application's own method unless one is named."""

    after_days: Days = 1
    method: DeliveryMethod | None = None
    tracked: bool = False
    """The holder says when a parcel is sent, and only later what became of it."""
    delivered_after_days: Days = 3
    returned: bool = False
    """The first tracked parcel of the case comes back; what follows is as applied for by then."""

    def delivery(self) -> Step:
        """When the fate of a tracked parcel is told."""
        return Step(after_days=self.delivered_after_days)


class PaymentStep(Frozen):
    """When an invoice is paid, counted from its creation; never by default."""

    after_days: Days | None = None


class PhoneStep(Frozen):
    """When the applicant enters a one-time code, counted from the text message; None: never."""

    confirm_after_days: Days | None = 0


class ApplicantStep(Frozen):
    """What the applicant does some days after the case has reached a status."""

    when: CaseStatus
    after_days: Days = 0
    correct: str | None = None
    """Path of a correction file, relative to the case file."""
    withdraw: bool = False
    lift: bool = False
    """Staff report that the passport is mended."""


class Scenario(Frozen):
    """How the outside behaves in one case."""

    verification: tuple[VerificationStep, ...] = Field((VerificationStep(),), min_length=1)
    """One step for each time a holder is asked; after the last all is confirmed in its time."""
    production: Step = Step(after_days=5)
    hand_over: HandOverStep = HandOverStep()
    payment: PaymentStep = PaymentStep()
    phone: PhoneStep = PhoneStep()
    applicant: tuple[ApplicantStep, ...] = ()
    outcome: CaseStatus = CaseStatus.ISSUED
    """How the case should end; the demo compares."""
    mail_faults: tuple[MailFault, ...] = ()
    """Played once each, in order, one for every mail of the case that arrives."""
    sms_faults: tuple[SmsFault, ...] = ()
    """Played once each, in order, one for every text message of the case that arrives."""

    def verification_in(self, asked: int) -> VerificationStep:
        """The step of the time a holder is asked, counted from 1 over rounds and hops."""
        if asked <= len(self.verification):
            return self.verification[asked - 1]
        return VerificationStep(after_days=self.verification[-1].after_days)
