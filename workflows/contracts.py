"""Names, ids and documents that outsiders hold on to."""

from datetime import date
from enum import StrEnum

from temporalio.common import SearchAttributeKey

from activities.case import CaseSetup
from domain.application import Application
from domain.base import Frozen, Instant, JsonObject
from domain.deficiencies import Deficiency
from domain.errands import ErrandKind
from domain.fees import Fee
from domain.messages import HandOver, ParcelReport, ProductionRecord
from domain.pauses import Pause
from domain.register import Paper, PaperState
from domain.statuses import CaseStatus
from workflows.state import CaseState, CertificateState, Hop, ParkedMessage, TimelineEntry

TASK_QUEUE = "diploma-duplicates"
DUPLICATE_REQUEST = "DuplicateRequest"
TEMPORARY_CERTIFICATE = "TemporaryCertificate"
CASE_VIEW = "case_view"
CERTIFICATE_VIEW = "certificate_view"

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
    PARCEL_REPORTED = "parcel_reported"
    CONTACT_CONFIRMED = "contact_confirmed"
    CODE_REQUESTED = "code_requested"
    CERTIFICATE_REQUESTED = "certificate_requested"
    CERTIFICATE_CHANGED = "certificate_changed"
    CALENDAR_PUBLISHED = "calendar_published"


class CertificateSignal(StrEnum):
    """Facts told to the workflow of a temporary certificate; each takes one JSON object."""

    RENEWAL_REQUESTED = "renewal_requested"
    CASE_ENDED = "case_ended"


class Update(StrEnum):
    """Requests that are answered or turned down."""

    SUBMIT_CORRECTION = "submit_correction"
    RECORD_HOLDER_REPLY = "record_holder_reply"
    CLAIM = "claim"
    DECIDE = "decide"
    REASSIGN = "reassign"


def workflow_id(control_number: str) -> str:
    """Id of the workflow that carries a case."""
    return f"duplicate/{control_number}"


def certificate_workflow_id(control_number: str) -> str:
    """Id of the workflow that carries the temporary certificate of a case."""
    return f"temporary-certificate/{control_number}"


def update_id(update: Update, occasion: int | None) -> str | None:
    """Id of a question put to a case, the same whenever it is put again; None leaves it open."""
    return None if occasion is None else f"{update}-{occasion}"


class CaseRequest(Frozen):
    """Input of a `DuplicateRequest`: the application as it came, examined by the case itself."""

    control_number: str
    application: JsonObject
    state: CaseState | None = None
    """Set when a long case continues as new; never by a starter."""


class CertificateRequest(Frozen):
    """Input of a `TemporaryCertificate`: what its case knows."""

    control_number: str
    run: int
    """Counts the certificates of a case from 1."""
    setup: CaseSetup
    application: Application


class CertificateView(Frozen):
    """Answer to the query `certificate_view`."""

    control_number: str
    number: str
    state: PaperState
    issued_on: date | None = None
    valid_until: date | None = None
    due_on: date | None = None
    """Until when it is promised, while it is prepared."""
    renewals: int = 0


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


class InvoiceView(Frozen):
    """An invoice of a case, in whole roubles."""

    invoice_id: str
    amount: int
    void: bool = False
    """Replaced by another, because what is due has changed."""
    paid: int = 0
    refunded: int = 0


class FeesView(Frozen):
    """Fees of a case, in whole roubles."""

    items: tuple[Fee, ...]
    total: int
    due: int
    invoice_id: str | None = None
    pay_url: str | None = None
    invoices: tuple[InvoiceView, ...] = ()
    receipt_attached: bool = False
    """True when the applicant proved the payment with a scan instead."""
    paid: int = 0
    refunded: int = 0


class MailsView(Frozen):
    """What became of the notices of a case."""

    sent: int = 0
    """Those that went along with the question to a holder count as sent, unless it is known that
    they were not: the step comes back at once then."""
    waiting: int = 0
    rejected: tuple[str, ...] = ()
    """Keys of notices no mail server will take."""
    trouble: str = ""
    """What keeps records or mails from going out just now, in English; empty when nothing does."""


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
    provisional: bool = False
    """True when the case is due in a year whose official calendar is not published (R4)."""
    awaits_code: bool = False
    parcel: ParcelReport | None = None
    parcels_returned: int = 0
    collect_by: date | None = None
    """Until when a returned parcel is kept."""
    papers: tuple[Paper, ...] = ()
    """Every paper of the case, as the register has it."""
    temporary_certificate: CertificateState | None = None
    prepared_by: str | None = None
    """The officer whose decision waits for another one's approval."""
    timeline: tuple[TimelineEntry, ...] = ()
    """Newest last; procedure time."""
