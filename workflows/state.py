"""All of a case that must survive continuing as new, in one model."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from activities.case import CaseSetup
from domain.application import Application, DocumentKind
from domain.base import Frozen, Instant, JsonObject
from domain.deficiencies import Deficiency
from domain.errands import Errand, ErrandKind
from domain.fees import Fee
from domain.messages import (
    Correction,
    Decision,
    HandOver,
    HolderReply,
    ParcelReport,
    PaymentReceived,
    ProductionRecord,
)
from domain.notices import Notice
from domain.pauses import Pause
from domain.payments import Invoice
from domain.register import Paper, PaperState
from domain.routes import Route
from domain.statuses import CaseStatus
from domain.terms import Rung, Window

REGISTER_SINCE = 2
"""The version of the story since which a case is kept in the register."""
CHANCERY_SINCE = 3
"""The version since which records and mails of a moment are one step, and timers are one alarm."""
HANDS_ALONG_SINCE = 4
"""The version since which they go along with the question to the holder, if there is one."""
TAKES_NUMBER_SINCE = 5
"""The version since which that step takes the number of the duplicate with the answer."""
TIMELINE_KEPT = 200
PARKED_KEPT = 50
MESSAGES_REMEMBERED = 500
"""Bounds that keep the state far below the engine's limit however much a case is sent."""


class Hop(Frozen):
    """A holder the case has been with, in procedure time."""

    since: Instant
    route: Route
    holder: str


class TimelineEntry(Frozen):
    """One thing that happened, in procedure time; nothing personal in it."""

    at: Instant
    event: str
    detail: str = ""


class ParkedMessage(Frozen):
    """A message nobody could apply, kept for a person with the reason."""

    at: Instant
    message: str
    reason: str


class PendingCorrection(Frozen):
    """A correction waiting to be looked at."""

    ticket: int
    correction: Correction
    awaited: bool = False
    """True when a caller waits for the answer."""


class Running(Frozen):
    """A window on the clock and the rungs of its ladder climbed so far (R4)."""

    window: Window
    climbed: tuple[Rung, ...] = ()
    repeats: int = 0


class Charge(Frozen):
    """An invoice and what became of it (R7)."""

    invoice: Invoice
    fees: tuple[Fee, ...] = ()
    """What it is for, line by line."""
    void: bool = False
    """Replaced by another, because what is due has changed."""
    payment: PaymentReceived | None = None
    refund_id: str | None = None
    """Set once the payment was given back."""
    earned: bool = False
    """True when it was paid for work already done: it is not given back any more (R7)."""

    @property
    def is_open(self) -> bool:
        """True while the invoice waits to be paid."""
        return not self.void and self.payment is None

    @property
    def kept(self) -> int:
        """What was paid and not given back, in roubles."""
        return self.payment.amount if self.payment and self.refund_id is None else 0


class Postponed(Frozen):
    """Something the outside did not do; all three on the engine's clock."""

    since: Instant
    tries: int
    until: Instant


class CertificateState(Frozen):
    """The temporary certificate as the case knows it (R10)."""

    number: str
    state: PaperState
    valid_until: date | None = None


class CaseState(BaseModel):
    """Where a case stands. New fields need defaults: older runs are read back too."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    control_number: str
    draft: JsonObject
    """The application as it came, corrected; of use only until it is readable."""

    status: CaseStatus = CaseStatus.NOT_SENT
    route: Route = Route.INSTITUTION
    setup: CaseSetup | None = None
    application: Application | None = None
    reasons: tuple[Deficiency, ...] = ()
    """What is open against the application."""
    examined: list[str] = []
    """The scans that were looked at."""
    scan_faults: tuple[Deficiency, ...] = ()
    """What was found wrong with them."""
    cleaned: dict[str, str] = {}
    """Hashes of files as they were handed in, and of what the application has instead."""
    superseded: tuple[str, ...] = ()
    """Hashes of contents that the case needs no more, until the store has forgotten them."""
    accepted: bool = False
    """True once the application was registered."""

    stage: Running | None = None
    """The promise of the service that is running or, while the applicant owes, stands still."""
    response: Running | None = None
    """The applicant's own term to correct (R5)."""
    case_cap: Running | None = None
    pauses: list[Pause] = []
    changed_while_suspended: bool = False
    """True when a correction came meanwhile, so that more than the passport is to be looked at."""
    suspended_from: CaseStatus | None = None

    hops: list[Hop] = []
    """The route taken so far."""
    hop: int = 1
    liquidated: bool = False
    """True once the institution is known to be no more."""
    holder_has_answered: bool = False
    """True when the present holder has answered a document check before."""
    closure_protocol: str | None = None
    copy_reference: str | None = None

    check_round: int = 1
    settled_errands: list[str] = []
    """Keys of errands not to be asked for again: a letter went out, or the holder's system
    gave an answer that only a person can sort out."""
    reply: HolderReply | None = None
    production: ProductionRecord | None = None
    hand_over: HandOver | None = None
    lifted: bool = False
    withdrawn: bool = False
    consent_withdrawn_at: Instant | None = None
    """Set once the applicant took back the consent to the processing of personal data (R13)."""

    charges: list[Charge] = []
    in_instalments: bool = False
    """True when the archive is paid for its copy first, and for the duplicate later (R7)."""
    agreed: HolderReply | None = None
    """The holder's consent to production, kept until the rest of the fee is paid."""

    contact_confirmed: bool = False
    codes_wanted: int = 0
    codes_sent: int = 0
    code_phone: str | None = None
    """Where the last code was to go."""
    new_phone: bool = False
    """True until a code went to the telephone a correction has changed."""

    certificates_wanted: int = 0
    """Requests for a temporary certificate or its renewal not passed on yet."""
    certificate_asked_on: date | None = None
    certificate_runs: int = 0
    """How often its workflow was started in this case."""
    certificate: CertificateState | None = None

    parcel: ParcelReport | None = None
    """The parcel on its way."""
    parcel_news: ParcelReport | None = None
    """What was heard of it and not looked at yet."""
    parcels_returned: int = 0
    collection: Running | None = None
    """The time in which a returned parcel can be collected (R9)."""

    prepared: Decision | None = None
    """A decision that waits for a second officer (R12)."""

    calendar_years: list[int] = []
    """Years newly published, not taken over yet."""
    projections: int = 0
    """Counts how often the dates of the case were computed anew."""

    papers: dict[str, Paper] = {}
    """Papers of the case by id, as the register has them or is about to."""
    taken_numbers: list[str] = []
    """Ids of papers the register would not take: their number is another's."""
    revision: int = 0
    noted: int = 0
    """Entries of the timeline ever made."""
    recorded: int = 0
    """Entries of the timeline the register has."""
    papers_recorded: dict[str, Paper] = {}
    submitted_at: Instant | None = None
    """What the first submission was answered with, and every repetition is."""
    ended_at: Instant | None = None

    corrections: list[PendingCorrection] = []
    tickets: int = 0
    answered: dict[int, tuple[Deficiency, ...]] = {}
    """What was still wrong after a correction, by ticket, until its sender has the answer."""

    outbox: list[Notice] = []
    notices: int = 0
    mails_sent: int = 0
    mails_rejected: list[str] = []
    written_at: Instant | None = None
    """When people were last written to at once, on the engine's clock: so far time has come."""
    handed_along: list[str] = []
    """Keys of notices that went along with a question to the holder, until they are heard of."""
    mail_postponed: dict[str, Postponed] = {}
    """Notices the mail server did not take yet, by key."""
    record_postponed: Postponed | None = None
    """Set while the register is away."""
    trouble: str = ""
    """What keeps records or mails from going out, in English; empty when nothing does."""

    assignee: str | None = None
    parked: list[ParkedMessage] = []
    parked_total: int = 0
    seen: list[str] = []
    timeline: list[TimelineEntry] = []

    def note(self, at: Instant, event: str, detail: str = "") -> None:
        """Add to the timeline, forgetting the oldest entries of a very long case."""
        self.noted += 1
        self.timeline.append(TimelineEntry(at=at, event=event, detail=detail))
        del self.timeline[:-TIMELINE_KEPT]

    def park(self, at: Instant, message: str, reason: str) -> None:
        """Keep for a person that a message could not be applied, and why."""
        self.parked.append(ParkedMessage(at=at, message=message[:60], reason=reason))
        self.parked_total += 1
        del self.parked[:-PARKED_KEPT]

    def is_repeated(self, identity: str) -> bool:
        """True when this message came before; otherwise it is remembered."""
        if identity in self.seen:
            return True
        self.seen.append(identity)
        del self.seen[:-MESSAGES_REMEMBERED]
        return False

    @model_validator(mode="before")
    @classmethod
    def _one_invoice_of_old(cls, data: Any) -> Any:
        """Version 0.1.0 kept a single invoice beside its payment."""
        if isinstance(data, dict) and data.get("invoice") and "charges" not in data:
            refund = f"{data['control_number']}.refund" if data.get("refunded") else None
            kept = {"invoice": data["invoice"], "payment": data.get("payment")}
            return {**data, "charges": [{**kept, "refund_id": refund}]}
        return data

    @property
    def kept_in_register(self) -> bool:
        """True for cases begun since there is a register; older ones take none of its steps."""
        return self.setup is not None and self.setup.story >= REGISTER_SINCE

    @property
    def has_chancery(self) -> bool:
        """True for cases begun since there is a chancery."""
        return self.setup is not None and self.setup.story >= CHANCERY_SINCE

    @property
    def hands_along(self) -> bool:
        """True for cases begun since records and mails go along with the question to the holder."""
        return self.setup is not None and self.setup.story >= HANDS_ALONG_SINCE

    @property
    def takes_number(self) -> bool:
        """True for cases begun since the number of a duplicate is taken with the answer."""
        return self.setup is not None and self.setup.story >= TAKES_NUMBER_SINCE

    @property
    def open_charge(self) -> Charge | None:
        """The invoice that waits to be paid."""
        return next((charge for charge in self.charges if charge.is_open), None)

    @property
    def paid(self) -> int:
        """What was paid online and not given back, in roubles."""
        return sum(charge.kept for charge in self.charges)

    @property
    def owed_back(self) -> int:
        """What has to be given back when the request is given up, in roubles (R7)."""
        return sum(charge.kept for charge in self.charges if not charge.earned)

    @property
    def receipt_attached(self) -> bool:
        """True when the applicant proved the payment with a scan (R2)."""
        known = self.application
        return known is not None and known.has_any((DocumentKind.PAYMENT_PROOF,))

    @property
    def awaits_code(self) -> bool:
        """True while the applicant has a one-time code to enter (R1)."""
        known = self.application
        asked = self.kept_in_register and known is not None and known.needs_code()
        return asked and not self.contact_confirmed

    @property
    def scans(self) -> list[str]:
        """What an examination of scans is about: each of them, and whether it has to be a PDF."""
        documents = self.application.documents if self.application else ()
        scans = [f"{scan.kind}:{scan.sha256}" for scan in documents if scan.sha256]
        return [*scans, "pdf only"] if scans and self.route is Route.ARCHIVE else scans

    @property
    def has_new_scans(self) -> bool:
        """True while there are scans nobody has looked at."""
        return self.has_chancery and self.scans != self.examined

    @property
    def overdue(self) -> bool:
        """True while a term of ours is broken: that of the stage or that of the whole case."""
        if self.status.awaits_applicant or self.status.is_final:
            return False
        running = (self.stage, self.case_cap)
        return any(item is not None and Rung.BREACH in item.climbed for item in running)

    def the_setup(self) -> CaseSetup:
        """The setup of an opened case.

        Raises:
            RuntimeError: The case was not opened yet; a defect in the story.
        """
        if self.setup is None:
            raise RuntimeError("the case was not opened yet")
        return self.setup

    def errand(self, kind: ErrandKind) -> Errand:
        """The errand of a kind in the current round.

        Raises:
            RuntimeError: The application is not readable yet; a defect in the story.
        """
        if self.application is None:
            raise RuntimeError("the application is not readable yet")
        handing_over = kind in {ErrandKind.HAND_OVER, ErrandKind.DELIVERY}
        return Errand(
            control_number=self.control_number,
            kind=kind,
            round=self.check_round + (self.parcels_returned if handing_over else 0),
            hop=self.hop,
            application=self.application,
        )
