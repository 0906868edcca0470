"""Names, ids and documents that outsiders hold on to."""

from datetime import date
from enum import StrEnum

from temporalio.common import SearchAttributeKey

from domain.base import Frozen, Instant, JsonObject
from domain.deficiencies import Deficiency
from domain.errands import ErrandKind
from domain.fees import Fee
from domain.messages import HandOver, ProductionRecord
from domain.pauses import Pause
from domain.statuses import CaseStatus
from workflows.state import CaseState, Hop, ParkedMessage, TimelineEntry

TASK_QUEUE = "diploma-duplicates"
DUPLICATE_REQUEST = "DuplicateRequest"
CASE_VIEW = "case_view"

CASE_STATUS = SearchAttributeKey.for_keyword("CaseStatus")
ROUTE = SearchAttributeKey.for_keyword("Route")
REGION = SearchAttributeKey.for_keyword("Region")
ASSIGNEE = SearchAttributeKey.for_keyword("Assignee")
REFUSAL_REASONS = SearchAttributeKey.for_keyword_list("RefusalReasons")
STAGE_DUE_AT = SearchAttributeKey.for_datetime("StageDueAt")
OVERDUE = SearchAttributeKey.for_bool("Overdue")
SEARCH_ATTRIBUTES = (
    CASE_STATUS,
    ROUTE,
    REGION,
    ASSIGNEE,
    REFUSAL_REASONS,
    STAGE_DUE_AT,
    OVERDUE,
)

SUBMITTED_AT_MEMO = "submitted_at"
"""Memo with the moment of the first submission, so that every repetition is answered alike."""


class Signal(StrEnum):
    """Facts told to a case; each takes exactly one JSON object."""

    CORRECTION_SUBMITTED = "correction_submitted"
    HOLDER_REPLIED = "holder_replied"
    PAYMENT_RECEIVED = "payment_received"
    PRODUCTION_FINISHED = "production_finished"
    DUPLICATE_HANDED_OVER = "duplicate_handed_over"
    WITHDRAW_REQUESTED = "withdraw_requested"
    SUSPENSION_LIFTED = "suspension_lifted"


class Update(StrEnum):
    """Requests that are answered or turned down."""

    SUBMIT_CORRECTION = "submit_correction"
    RECORD_HOLDER_REPLY = "record_holder_reply"
    CLAIM = "claim"
    DECIDE = "decide"


def workflow_id(control_number: str) -> str:
    """Id of the workflow that carries a case."""
    return f"duplicate/{control_number}"


class CaseRequest(Frozen):
    """Input of a `DuplicateRequest`: the application as it came, examined by the case itself."""

    control_number: str
    application: JsonObject
    state: CaseState | None = None
    """Set when a long case continues as new; never by a starter."""


class CaseOutcome(Frozen):
    """How a case ended."""

    control_number: str
    status: CaseStatus


class CorrectionAnswer(Frozen):
    """Answer to a correction: where the case stands and what is still wrong."""

    status: CaseStatus
    still_wrong: tuple[Deficiency, ...] = ()
    processed: bool = True
    """False when the correction is kept but not yet looked at; `case_view` will tell."""


class Acknowledgement(Frozen):
    """A message was taken."""

    status: CaseStatus
    remark: str = ""


class StageView(Frozen):
    """What the case waits for and until when."""

    awaited: str
    from_whom: str
    next_step: str
    earliest_on: date | None = None
    due_on: date | None = None
    due_at: Instant | None = None
    """Engine time; in an accelerated run the accelerated instant."""
    provisional: bool = False


class FeesView(Frozen):
    """Fees of a case, in whole roubles."""

    items: tuple[Fee, ...]
    total: int
    due: int
    invoice_id: str | None = None
    pay_url: str | None = None
    receipt_attached: bool = False
    """True when the applicant proved the payment with a scan instead."""
    paid: int = 0
    refunded: int = 0


class MailsView(Frozen):
    """What became of the notices of a case."""

    sent: int = 0
    waiting: int = 0
    rejected: tuple[str, ...] = ()
    """Keys of notices no mail server will take."""


class CaseView(Frozen):
    """Answer to the query `case_view`: everything about a case but the person."""

    control_number: str
    status: CaseStatus
    status_label: str
    route: str
    route_taken: tuple[Hop, ...]
    region: str
    holder: str
    assignee: str | None
    overdue: bool
    stage: StageView | None
    case_due_on: date | None
    respond_by: date | None
    reasons: tuple[Deficiency, ...]
    pauses: tuple[Pause, ...]
    fees: FeesView | None
    mails: MailsView
    check_round: int
    errand: ErrandKind | None
    closure_protocol: str | None
    copy_reference: str | None
    production: ProductionRecord | None
    hand_over: HandOver | None
    parked: tuple[ParkedMessage, ...]
    parked_total: int
    timeline: tuple[TimelineEntry, ...]
    """Newest last; procedure time."""
