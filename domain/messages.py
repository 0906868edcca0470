"""What people and other systems tell a running case: one JSON object each."""

from enum import StrEnum
from operator import not_
from typing import Annotated, Self

from pydantic import Field, StrictInt, StringConstraints, field_validator, model_validator

from domain.application import DeliveryMethod, Document
from domain.base import Frozen, IsoDate, JsonObject, can_be_kept

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:\-]{0,99}$")]
"""An identifier another system gives a message or a person, so that it is known again."""
IDENTIFIER_FORM = "up to 100 Latin letters, digits and the signs . _ : -, as in officer-7"
"""The same for people."""
Note = Annotated[str, StringConstraints(max_length=500)]
Mark = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"
    ),
]
"""A short text of another system; no control characters, which some databases cannot keep."""
Tracking = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9\-]{3,39}$")]
"""The number of a parcel; nothing else can stand in it (R13)."""


class GivenForAnother(Frozen):
    """A message that staff may give in the place of its own sender (R12).

    What was not said is left out in JSON: workers of before 0.4.0 take no such field.
    """

    officer: Identifier | None = Field(default=None, exclude_if=not_)
    """The officer who gave it; None when it came from its own sender, or nobody said."""

    def unsigned(self) -> Self:
        """What was said, whoever gave it; so that the same said twice is the same."""
        return self.model_copy(update={"officer": None})


class Correction(GivenForAnother):
    """The applicant's answer to a return or a refusal, on the same control number (R5)."""

    correction_id: Identifier | None = None
    changes: JsonObject = Field(default_factory=dict)
    """Changed fields in the shape of the application (a JSON merge patch, RFC 7396)."""
    documents: tuple[Document, ...] = ()
    """Scans; each replaces those of its kind."""

    @field_validator("changes")
    @classmethod
    def _leaves_the_rest_alone(cls, changes: JsonObject) -> JsonObject:
        if "documents" in changes:
            raise ValueError("give scans under documents, beside changes: each replaces its kind")
        if "submission_id" in changes:
            raise ValueError("submission_id is not to be changed")
        if not can_be_kept(changes):
            raise ValueError("nested too deeply, or holds a number that is none")
        return changes


class HolderVerdict(StrEnum):
    """What the records holder found when it compared the application with its records."""

    CONFIRMED = "confirmed"
    """The records agree; an archive has found them."""
    OBJECTIONS = "objections"
    NOT_FOUND = "not_found"
    REORGANISED = "reorganised"
    """The institution has a successor, which has the records."""
    TRANSFERRED = "transferred"
    """The records were handed to an archive."""
    LIQUIDATED = "liquidated"
    """The institution is no more; its records went to the region's archive authority."""


class Objection(Frozen):
    """One thing the holder objects to: a code of the catalogue and the field it concerns."""

    code: Mark
    field: Mark


class HolderReply(GivenForAnother):
    """The records holder's answer to the document check."""

    reply_id: Identifier | None = None
    verdict: HolderVerdict
    objections: tuple[Objection, ...] = ()
    new_holder_inn: Mark | None = None
    """Who has the records now, when the case has to go on."""
    closure_protocol: Mark | None = None
    """Number and date of the protocol by which the institution was closed."""
    copy_reference: Mark | None = None
    """Number of the archive's copy (архивная копия), which comes before the duplicate."""
    note: Note | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.verdict is HolderVerdict.OBJECTIONS) != bool(self.objections):
            raise ValueError("objections go with the verdict objections, and with no other")
        return self


class ProductionRecord(GivenForAnother):
    """What the holder entered into its register when it made the duplicate (R9)."""

    series: Mark
    number: Mark
    registration_number: Mark
    issued_on: IsoDate


class HandOver(GivenForAnother):
    """How and when the duplicate was handed over (R9)."""

    method: DeliveryMethod
    handed_over_on: IsoDate
    reference: Mark
    """Tracking number of the parcel, number of the acceptance act (акт приёма-передачи) or file."""


class ParcelEvent(StrEnum):
    """What became of a parcel on its way (R9)."""

    SENT = "sent"
    RETURNED = "returned"
    """Not collected or not delivered; it is back with the holder."""


class ParcelReport(GivenForAnother):
    """The duplicate went to the post, or came back (R9)."""

    tracking: Tracking
    event: ParcelEvent
    reported_on: IsoDate


class PaymentReceived(Frozen):
    """The payment system confirms an invoice (R7)."""

    payment_id: Identifier
    invoice_id: Identifier
    amount: StrictInt = Field(gt=0)
    """Whole roubles."""


class WithdrawalRequested(GivenForAnother):
    """The applicant gives the request up; possible until the duplicate is issued."""

    reason: Note | None = None
    consent_withdrawn: bool = Field(default=False, exclude_if=not_)
    """True takes back the consent to the processing of personal data as well (R13)."""


class SuspensionLifted(GivenForAnother):
    """Staff found the error in the passport mended (R5)."""

    note: Note | None = None


class Claim(Frozen):
    """An officer takes a case over (R12)."""

    officer: Identifier


class Reassignment(Frozen):
    """A case goes from one officer to another (R12)."""

    officer: Identifier
    """Who takes it over."""
    by: Identifier
    """Who gives it away: the officer who has it, or a superior."""
    note: Note | None = None


class ContactConfirmed(GivenForAnother):
    """The applicant entered the right one-time code; the code itself is told to nobody (R1).

    With an officer: who vouches for it, having spoken to the applicant, or typed the code.
    """


class CodeRequested(GivenForAnother):
    """The applicant asks for another one-time code (R1)."""


class CertificateRequested(GivenForAnother):
    """The applicant asks for a temporary certificate, or for its renewal (R10)."""


class CalendarPublished(Frozen):
    """A year of the official calendar was published or changed (R4)."""

    years: tuple[Annotated[int, Field(ge=2005, le=2100)], ...] = Field(min_length=1)


class DecisionKind(StrEnum):
    """What an officer may decide by hand while documents are checked (R12)."""

    CONFIRM = "confirm"
    OBJECT = "object"


class Decision(Frozen):
    """An officer's decision on the document check (R12)."""

    officer: Identifier
    decision: DecisionKind
    objections: tuple[Objection, ...] = ()
    note: Note | None = None
    prepare: bool = False
    """True leaves it to another officer to decide: approver and preparer differ."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.decision is DecisionKind.OBJECT) != bool(self.objections):
            raise ValueError("objections go with the decision object, and with no other")
        return self

    def as_reply(self) -> HolderReply:
        """The decision as the answer it stands for."""
        confirmed = self.decision is DecisionKind.CONFIRM
        return HolderReply(
            verdict=HolderVerdict.CONFIRMED if confirmed else HolderVerdict.OBJECTIONS,
            objections=self.objections,
            note=self.note,
        )
