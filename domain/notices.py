"""What people are told, when, and with which facts (R11)."""

from datetime import date
from enum import StrEnum

from domain.application import DeliveryMethod
from domain.base import Frozen, Instant
from domain.deficiencies import Deficiency
from domain.fees import Fee
from domain.messages import HandOver
from domain.paper_orders import PaperOrder


class Audience(StrEnum):
    """Whom a notice is for."""

    APPLICANT = "applicant"
    HOLDER = "holder"
    OPS = "ops"
    SUPPORT = "support"


class NoticeEvent(StrEnum):
    """What happened; each event has its own template, named after it."""

    # to the applicant
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    IN_REVIEW = "in_review"
    MOVED = "moved"
    RECHECK = "recheck"
    RETURNED = "returned"
    REFUSED = "refused"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    CORRECTION_INSUFFICIENT = "correction_insufficient"
    CORRECTION_REMINDER = "correction_reminder"
    DELAYED = "delayed"
    IN_PRODUCTION = "in_production"
    READY = "ready"
    PARCEL_SENT = "parcel_sent"
    PARCEL_RETURNED = "parcel_returned"
    COLLECT_REMINDER = "collect_reminder"
    ISSUED = "issued"
    SUBSTITUTE_ISSUED = "substitute_issued"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    REFUNDED = "refunded"
    DATES_CHANGED = "dates_changed"
    CERTIFICATE_ISSUED = "certificate_issued"
    CERTIFICATE_REMINDER = "certificate_reminder"
    CERTIFICATE_RENEWED = "certificate_renewed"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_ANNULLED = "certificate_annulled"
    # to the holder
    HOLDER_LETTER = "holder_letter"
    HOLDER_REMINDER = "holder_reminder"
    HOLDER_RECALL = "holder_recall"
    # to staff
    STAFF_WARNING = "staff_warning"
    STAFF_BREACH = "staff_breach"
    STAFF_ATTENTION = "staff_attention"


class NoticeChannel(StrEnum):
    """How a notice travels (R11)."""

    EMAIL = "email"
    SMS = "sms"


OWN_ACTS = frozenset(
    {NoticeEvent.SUBMITTED, NoticeEvent.CORRECTION_INSUFFICIENT, NoticeEvent.WITHDRAWN}
)
"""Confirmations of the applicant's own act, sent at any hour (R11)."""


class NoticeFacts(Frozen):
    """Everything a template may mention; absent facts stay None. Dates are procedure dates."""

    happened_on: date
    status_label: str = ""
    salutation: str = ""
    """Given name and patronymic of the applicant."""
    stage: str = ""
    """What is being waited for, in Russian: «проверка документов»."""
    earliest_on: date | None = None
    due_on: date | None = None
    provisional: bool = False
    """True when due_on lies in a year whose official calendar is not published."""
    next_by: date | None = None
    """The day by which the whole request should be done."""
    deficiencies: tuple[Deficiency, ...] = ()
    respond_by: date | None = None
    holder: str = ""
    holder_request: str = ""
    """For letters to a holder: what is asked of it (an ErrandKind)."""
    subject_name: str = ""
    """For letters to a holder: the graduate's full name in the diploma."""
    birth_date: date | None = None
    current_name: str = ""
    """For letters to a holder: the applicant's name now, when it is another one."""
    blank: str = ""
    """For letters to a holder: series and number of the lost original, when known."""
    scope: str = ""
    """For letters to a holder: what to duplicate, in Russian."""
    delivery_address: str = ""
    """For letters to a holder: where a parcel goes."""
    institution: str = ""
    specialty: str = ""
    graduation_year: int | None = None
    code_expected: bool = False
    """True when a one-time code went to the applicant's telephone and is waited for."""
    fees: tuple[Fee, ...] = ()
    fees_due: int = 0
    pay_url: str = ""
    refund: int = 0
    delivery: DeliveryMethod | None = None
    hand_over: HandOver | None = None
    route: str = ""
    """Which way the search goes (a Route)."""
    closure_protocol: str = ""
    """By which the institution was closed."""
    copy_reference: str = ""
    """Number of the archive's copy."""
    tracking: str = ""
    """The parcel's tracking number."""
    collect_by: date | None = None
    """Until when a returned parcel is kept for collection."""
    certificate_number: str = ""
    """Number of the temporary certificate (временная справка)."""
    valid_until: date | None = None
    """Last day of the temporary certificate."""
    attached: str = ""
    """What the paper is called that comes with the mail."""
    remark: str = ""
    """For staff: what needs a person, in English, nothing personal in it."""


class Notice(Frozen):
    """One message to one audience; `key` is unique in its case and never reused."""

    control_number: str
    event: NoticeEvent
    audience: Audience
    key: str
    channel: NoticeChannel = NoticeChannel.EMAIL
    recipient: str | None = None
    """Mail address or telephone; None for staff, whose addresses are settings."""
    not_before: Instant
    """Engine time; later than now when it would fall into the night (R11)."""
    errand_key: str | None = None
    """For letters to a holder: the errand asked for."""
    facts: NoticeFacts
    paper: PaperOrder | None = None
    """The paper that goes with it."""

    @property
    def addressee(self) -> str:
        """Whom it goes to, by which way: nobody's notices overtake each other."""
        return f"{self.audience}:{self.recipient}"


class Delivery(StrEnum):
    """What became of a notice."""

    SENT = "sent"
    REJECTED = "rejected"
    """The mail server will never take it; a person has to be told another way."""


class DeliveryReport(Frozen):
    """Outcome of one notice; nothing personal in it."""

    key: str
    delivery: Delivery
    reason: str = ""
    """For a rejection: the mail server's reply code."""


class NoticeClaim(Frozen):
    """Who may send the notices of a case, where two could."""

    settled: tuple[DeliveryReport, ...] = ()
    """Those somebody has sent already, or nobody will ever take."""
    others: bool = False
    """True while somebody else is at one of them."""
    again: tuple[str, ...] = ()
    """Those that somebody may have sent already: count the try before you do."""
    given_up: tuple[str, ...] = ()
    """Those that may have been sent twice: nobody gets them a third time."""
