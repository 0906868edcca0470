"""All of a case that must survive continuing as new, in one model."""

from pydantic import BaseModel, ConfigDict

from activities.case import CaseSetup
from domain.application import Application
from domain.base import Frozen, Instant, JsonObject
from domain.deficiencies import Deficiency
from domain.errands import Errand, ErrandKind
from domain.messages import Correction, HandOver, HolderReply, PaymentReceived, ProductionRecord
from domain.notices import Notice
from domain.pauses import Pause
from domain.payments import Invoice
from domain.routes import Route
from domain.statuses import CaseStatus
from domain.terms import Rung, Window

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
    accepted: bool = False
    """True once the application was registered."""

    stage: Running | None = None
    """The promise of the service that is running or, while the applicant owes, stands still."""
    response: Running | None = None
    """The applicant's own term to correct (R5)."""
    case_cap: Running | None = None
    pauses: list[Pause] = []
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

    invoice: Invoice | None = None
    payment: PaymentReceived | None = None
    refunded: int = 0

    corrections: list[PendingCorrection] = []
    tickets: int = 0
    answered: dict[int, tuple[Deficiency, ...]] = {}
    """What was still wrong after a correction, by ticket, until its sender has the answer."""

    outbox: list[Notice] = []
    notices: int = 0
    mails_sent: int = 0
    mails_rejected: list[str] = []

    assignee: str | None = None
    parked: list[ParkedMessage] = []
    parked_total: int = 0
    seen: list[str] = []
    timeline: list[TimelineEntry] = []

    def note(self, at: Instant, event: str, detail: str = "") -> None:
        """Add to the timeline, forgetting the oldest entries of a very long case."""
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
        return Errand(
            control_number=self.control_number,
            kind=kind,
            round=self.check_round,
            hop=self.hop,
            application=self.application,
        )
