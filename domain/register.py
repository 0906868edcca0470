"""The register (реестр): what is kept of every case and every paper outside the engine (R9)."""

from datetime import date
from enum import StrEnum

from domain.base import Frozen, Instant, JsonObject
from domain.identifiers import blank_key
from domain.messages import ProductionRecord
from domain.routes import Route
from domain.statuses import CaseStatus


class PaperKind(StrEnum):
    """Papers the register knows."""

    ORIGINAL = "original"
    DUPLICATE = "duplicate"
    TEMPORARY_CERTIFICATE = "temporary_certificate"
    SUBSTITUTE_CERTIFICATE = "substitute_certificate"
    ARCHIVE_COPY = "archive_copy"
    ACCEPTANCE_ACT = "acceptance_act"


class PaperState(StrEnum):
    """Whether a paper can be relied on."""

    PREPARED = "prepared"
    """Its number is taken, but the applicant does not have it yet."""
    IN_FORCE = "in_force"
    REPLACED = "replaced"
    EXPIRED = "expired"
    ANNULLED = "annulled"


PAPER_LABELS = {
    PaperKind.ORIGINAL: "Диплом (оригинал)",
    PaperKind.DUPLICATE: "Дубликат диплома",
    PaperKind.TEMPORARY_CERTIFICATE: "Временная справка",
    PaperKind.SUBSTITUTE_CERTIFICATE: "Справка-заменитель",
    PaperKind.ARCHIVE_COPY: "Архивная копия",
    PaperKind.ACCEPTANCE_ACT: "Акт приёма-передачи",
}
"""How a paper is called to people."""

PAPER_STATE_LABELS = {
    PaperState.PREPARED: "подготовлен",
    PaperState.IN_FORCE: "действует",
    PaperState.REPLACED: "утрачен, заменён",
    PaperState.EXPIRED: "срок действия истёк",
    PaperState.ANNULLED: "аннулирован",
}
"""What people read of a paper's state."""


class Paper(Frozen):
    """A paper (документ) that is or was in somebody's hands; days are procedure days."""

    paper_id: str
    """Unique for ever; control number and kind, as in 7K3M-9QXT-2B4D-6/duplicate."""
    kind: PaperKind
    state: PaperState
    series: str = ""
    number: str = ""
    registration_number: str = ""
    issued_on: date | None = None
    valid_until: date | None = None
    changed_on: date


def paper_id(control_number: str, kind: PaperKind) -> str:
    """The id of the one paper of a kind in a case."""
    return f"{control_number}/{kind}"


def duplicate_paper(
    control_number: str, record: ProductionRecord, state: PaperState, today: date
) -> Paper:
    """The duplicate of a case as its holder has made it (R9)."""
    return Paper(
        paper_id=paper_id(control_number, PaperKind.DUPLICATE),
        kind=PaperKind.DUPLICATE,
        state=state,
        series=blank_key(record.series),
        number=blank_key(record.number),
        registration_number=record.registration_number,
        issued_on=record.issued_on,
        changed_on=today,
    )


class FederalRow(Frozen):
    """A row in the shape of the federal register of education documents (ФИС ФРДО, R9).

    All of it is a person's: kept under seal only, and gone once the case is erased (R13).
    """

    document_name: str
    document_kind: str
    document_status: str
    loss_confirmed: bool
    series: str
    number: str
    registration_number: str
    issued_on: date
    specialty: str
    graduation_year: int
    surname: str
    given_name: str
    patronymic: str
    birth_date: date
    snils: str
    institution: str
    institution_inn: str
    original_series: str
    original_number: str
    original_issued_on: date
    original_surname: str
    original_given_name: str
    original_patronymic: str


class RegisteredFederalRow(FederalRow):
    """A row of the federal register as it is kept: with its case."""

    control_number: str


class RegisteredEvent(Frozen):
    """An entry of a case's timeline; `place` counts from 1 and is never reused."""

    place: int
    at: Instant
    event: str
    detail: str = ""


class RegisteredCharge(Frozen):
    """An invoice with its payment and refund, in whole roubles (R7)."""

    invoice_id: str
    amount: int
    void: bool = False
    payment_id: str | None = None
    paid: int = 0
    refund_id: str | None = None
    refunded: int = 0
    earned: bool = False
    """True when it was paid for work done before the request was withdrawn."""


class RegisteredDocument(Frozen):
    """Metadata of a scan; its name may name a person and is left out (R13)."""

    place: int
    """Position in the application, from 0."""
    kind: str
    size_bytes: int
    sha256: str | None = None
    """Under which the document store keeps its content; None when only its size is known."""


class PaperFile(Frozen):
    """A paper as it was signed, kept in the document store; signed once, sent as often as needed."""

    file_key: str
    """Control number, template and the occasion; unique for ever."""
    control_number: str
    template: str
    """A PaperTemplate."""
    dated: date
    sha256: str


class CaseRecord(Frozen):
    """What a case writes into the register: all that changed since its last record."""

    control_number: str
    revision: int
    """Grows with every record of a case; an older one than the stored changes no facts."""
    submission_id: str | None
    submitted_at: Instant
    status: CaseStatus
    route: Route
    region: str
    holder: str
    assignee: str | None
    overdue: bool
    reasons: tuple[str, ...] = ()
    """Codes of the open reasons."""
    due_on: date | None = None
    provisional: bool = False
    ended_at: Instant | None = None
    view: JsonObject
    """The case's view without its timeline."""
    events: tuple[RegisteredEvent, ...] = ()
    """New entries of the timeline only."""
    charges: tuple[RegisteredCharge, ...] = ()
    """All of them."""
    documents: tuple[RegisteredDocument, ...] = ()
    """All of them; those stored before and not named any more are removed."""
    papers: tuple[Paper, ...] = ()
    """New and changed ones only, written in one transaction with everything else."""
    annul_certificate_on: date | None = None
    """Set when the case ends with this record, and its temporary certificate, if any, with it; a
    duplicate that is only prepared then is never handed over."""
    federal_row: FederalRow | None = None


class RecordAnswer(Frozen):
    """What the register says to a record."""

    taken_numbers: tuple[str, ...] = ()
    """Ids of papers whose series and number belong to another paper of their kind already.

    When there is any, nothing of the record was written.
    """
    overtaken_by: int | None = None
    """The stored revision, when it is above the record's; then nothing was written."""
    annulled: tuple[str, ...] = ()
    """Ids of papers this record annulled, now or when it was first written."""


class RegisteredCase(Frozen):
    """A case as the register keeps it, for lists and reports; nothing personal in it."""

    control_number: str
    submission_id: str | None
    submitted_at: Instant
    status: CaseStatus
    route: Route
    region: str
    holder: str
    assignee: str | None
    overdue: bool
    reasons: tuple[str, ...]
    due_on: date | None
    provisional: bool
    ended_at: Instant | None
    consent_withdrawn_at: Instant | None = None
    erased_at: Instant | None = None
    """When its key was destroyed (R13); since then nothing personal can be known of it."""


class StoredCase(Frozen):
    """All the register knows of one case; of an erased one no view, and papers without numbers."""

    case: RegisteredCase
    revision: int
    view: JsonObject
    """The case's view without its timeline; empty once erased."""
    events: tuple[RegisteredEvent, ...]
    charges: tuple[RegisteredCharge, ...]
    documents: tuple[RegisteredDocument, ...]
    papers: tuple[Paper, ...]


class CalendarYear(Frozen):
    """The official working days of a year, where they are not those of the calendar library."""

    year: int
    days_off: tuple[date, ...]
    """Every day off from Monday to Friday: holidays and days moved to."""
    working_days: tuple[date, ...] = ()
    """Saturdays and Sundays that are worked."""
