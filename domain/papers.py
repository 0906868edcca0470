"""The papers the service issues: what each says, and what anyone finds out by checking one."""

import hashlib
import hmac
import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field

from domain.application import Application, DeliveryMethod, NameChange, OriginalDiploma
from domain.base import Frozen, Instant, IsoDate
from domain.errands import ErrandKind
from domain.fees import Fee
from domain.messages import ProductionRecord
from domain.numbers import ALPHABET
from domain.register import PaperKind
from domain.retention import CATEGORIES, SYSTEM


class PaperTemplate(StrEnum):
    """The papers; each has a template named after it."""

    SUBMISSION_RECEIPT = "submission_receipt"
    HOLDER_LETTER = "holder_letter"
    INVOICE = "invoice"
    TEMPORARY_CERTIFICATE = "temporary_certificate"
    SUBSTITUTE_CERTIFICATE = "substitute_certificate"
    ACCEPTANCE_ACT = "acceptance_act"
    ELECTRONIC_DUPLICATE = "electronic_duplicate"
    ACT_OF_DESTRUCTION = "act_of_destruction"


Given = Annotated[str, Field(min_length=1)]
"""Words a paper is worth nothing without."""


class Graduate(Frozen):
    """Who the paper is about, and the education it is about."""

    name: Given
    """Full name now."""
    name_on_diploma: str = ""
    """Full name in the lost diploma, when it is another one."""
    birth_date: IsoDate
    institution: Given
    specialty: Given
    enrolled_in: int | None = None
    """Year, when known; an application does not name it."""
    graduated_in: int
    """Year."""

    @classmethod
    def of(cls, application: Application) -> Self:
        """The graduate an application is about."""
        person = application.applicant
        renamed = not person.name.same_as(person.name_on_diploma)
        return cls(
            name=person.name.full(),
            name_on_diploma=person.name_on_diploma.full() if renamed else "",
            birth_date=person.birth_date,
            institution=application.institution.name,
            specialty=application.specialty,
            graduated_in=application.graduation_year,
        )


class PaperFrame(Frozen):
    """What every paper shows."""

    control_number: Given
    dated: IsoDate
    """The procedure day on which it is made out."""
    verification_url: Given
    """Where anyone can check it; leads there from the QR code, the secret included."""
    verification_code: Given
    """The secret alone, for typing; see `verification_code`."""


class SubmissionReceipt(PaperFrame):
    """Confirms that an application came in, and when (R8)."""

    template: Literal[PaperTemplate.SUBMISSION_RECEIPT] = PaperTemplate.SUBMISSION_RECEIPT
    submitted_at: Instant
    """Shown on the clocks of its own zone: give it in the region's."""
    graduate: Graduate
    scope: Given
    """What is to be duplicated, in Russian: «диплом и приложение к нему»."""
    documents: tuple[str, ...] = ()
    """What came with the application, as people call it."""
    fees: tuple[Fee, ...] = ()
    pay_url: str = ""


class HolderLetter(PaperFrame):
    """Asks a records holder for something (R6)."""

    template: Literal[PaperTemplate.HOLDER_LETTER] = PaperTemplate.HOLDER_LETTER
    holder: Given
    request: ErrandKind
    graduate: Graduate
    scope: Given
    original: OriginalDiploma
    answer_by: IsoDate | None = None
    delivery: DeliveryMethod | None = None
    """For a hand-over: which way."""
    delivery_address: str = ""
    """For a hand-over by post."""
    tracking: str = ""
    """For a delivery: the parcel's number."""
    collect_by: IsoDate | None = None
    """For a hand-over after the parcel came back: until when to keep it."""


class PaymentInvoice(PaperFrame):
    """What is to be paid, for what and where (R7)."""

    template: Literal[PaperTemplate.INVOICE] = PaperTemplate.INVOICE
    number: Given
    payer: Given
    fees: tuple[Fee, ...] = Field(min_length=1)
    """Of this invoice; the total is computed from them, never given."""
    pay_url: str = ""
    pay_by: IsoDate | None = None


class TemporaryCertificate(PaperFrame):
    """Stands for the diploma while its duplicate is made (R10)."""

    template: Literal[PaperTemplate.TEMPORARY_CERTIFICATE] = PaperTemplate.TEMPORARY_CERTIFICATE
    number: Given
    graduate: Graduate
    valid_until: IsoDate
    """Last day."""


class SubstituteCertificate(PaperFrame):
    """Stands for the diploma of a closed institution whose records are lost (R6)."""

    template: Literal[PaperTemplate.SUBSTITUTE_CERTIFICATE] = PaperTemplate.SUBSTITUTE_CERTIFICATE
    number: Given
    graduate: Graduate
    closure_protocol: Given
    """Number and date: «№ 5 от 01.02.2011»."""
    holder: str = ""
    """Who looked for the records."""


class AcceptanceAct(PaperFrame):
    """Signed by both sides when a duplicate is collected (акт приёма-передачи, R9)."""

    template: Literal[PaperTemplate.ACCEPTANCE_ACT] = PaperTemplate.ACCEPTANCE_ACT
    number: Given
    holder: Given
    """Who hands over."""
    graduate: Graduate
    """Who collects."""
    document_name: Given
    """What is handed over, as the federal register calls it."""
    duplicate: ProductionRecord


class ElectronicDuplicate(PaperFrame):
    """The duplicate itself as a file (R9)."""

    template: Literal[PaperTemplate.ELECTRONIC_DUPLICATE] = PaperTemplate.ELECTRONIC_DUPLICATE
    document_name: Given
    """As the federal register calls it."""
    graduate: Graduate
    duplicate: ProductionRecord
    original: OriginalDiploma
    name_change: NameChange | None = None
    """The civil registry's certificate, when the names differ."""
    holder: str = ""
    """Whose records it was made from."""


class ActOfDestruction(PaperFrame):
    """Says that all personal data of a case were destroyed; nothing personal in it (R13).

    It says what order 179 of Roskomnadzor of 28.10.2022 asks of such an act. The number of the
    case stands for the person, as "other information relating to a particular person".
    """

    template: Literal[PaperTemplate.ACT_OF_DESTRUCTION] = PaperTemplate.ACT_OF_DESTRUCTION
    operator: Given
    """Who answers for the data: name and address."""
    officer: Given
    """Staff identifier of whoever had them destroyed."""
    reason: Given
    categories: Given = CATEGORIES
    system: Given = SYSTEM
    destroyed_at: Instant
    """Shown on the clocks of its own zone."""
    contents: int
    """Scans and papers deleted from the document store."""


AnyPaper = Annotated[
    SubmissionReceipt
    | HolderLetter
    | PaymentInvoice
    | TemporaryCertificate
    | SubstituteCertificate
    | AcceptanceAct
    | ElectronicDuplicate
    | ActOfDestruction,
    Discriminator("template"),
]
"""Any paper with everything it says; as JSON it tells by `template` which one it is."""

PAPER_MODELS: dict[PaperTemplate, type[AnyPaper]] = {
    PaperTemplate.SUBMISSION_RECEIPT: SubmissionReceipt,
    PaperTemplate.HOLDER_LETTER: HolderLetter,
    PaperTemplate.INVOICE: PaymentInvoice,
    PaperTemplate.TEMPORARY_CERTIFICATE: TemporaryCertificate,
    PaperTemplate.SUBSTITUTE_CERTIFICATE: SubstituteCertificate,
    PaperTemplate.ACCEPTANCE_ACT: AcceptanceAct,
    PaperTemplate.ELECTRONIC_DUPLICATE: ElectronicDuplicate,
    PaperTemplate.ACT_OF_DESTRUCTION: ActOfDestruction,
}
"""What each paper says."""

KEPT_AS = {
    PaperTemplate.TEMPORARY_CERTIFICATE: PaperKind.TEMPORARY_CERTIFICATE,
    PaperTemplate.SUBSTITUTE_CERTIFICATE: PaperKind.SUBSTITUTE_CERTIFICATE,
    PaperTemplate.ELECTRONIC_DUPLICATE: PaperKind.DUPLICATE,
}
"""Papers that can be in force or not, and what the register calls them; others were just sent."""


class PaperIdentity(Frozen):
    """Which paper a file is, whatever the file is called; every PDF says so of itself."""

    control_number: str
    template: PaperTemplate
    dated: IsoDate
    number: str = ""
    """The paper's own, when it has one."""

    @property
    def paper_id(self) -> str:
        """The register's id of the paper, and what its verification code is made from."""
        return paper_id(self.control_number, self.template, self.number)


def paper_id(control_number: str, template: PaperTemplate, number: str = "") -> str:
    """The register's id of a paper of a case; of certificates, a case may have several."""
    kept = f"{control_number}/{KEPT_AS.get(template, template)}"
    if template is not PaperTemplate.TEMPORARY_CERTIFICATE:
        return kept
    return f"{kept}/{number.rpartition('/')[2]}"


LEAST_KEY_BYTES = 16
"""Of the key verification codes are made with."""
_CODE_SYMBOLS = 10
_READ_AS = str.maketrans("OIL", "011")


def verification_code(paper_id: str, key: bytes) -> str:
    """The secret by which a printed paper is looked up, XXXXX-XXXXX.

    Control numbers are printed on envelopes and quoted in mails; whoever knows one must not
    find out by it what the paper says. 50 bits are few enough to type and too many to try.

    Args:
        paper_id: The register's id of the paper.
        key: The service's secret, at least 16 bytes; codes change with it.

    Raises:
        ValueError: The key is too short.
    """
    if len(key) < LEAST_KEY_BYTES:
        raise ValueError(f"the key of verification codes needs {LEAST_KEY_BYTES} bytes or more")
    seed = f"diploma-duplicates/verification-code/1/{paper_id}"
    value = int.from_bytes(hmac.digest(key, seed.encode(), hashlib.sha256))
    symbols = "".join(ALPHABET[value >> 5 * place & 31] for place in range(_CODE_SYMBOLS))
    return f"{symbols[:5]}-{symbols[5:]}"


def is_verification_code(typed: str, paper_id: str, key: bytes) -> bool:
    """True when this is the code of the paper, however it was typed; in constant time."""
    symbols = re.sub(r"[\s\-]", "", typed).upper().translate(_READ_AS)
    expected = verification_code(paper_id, key).replace("-", "")
    return hmac.compare_digest(symbols.encode("utf-8", "replace"), expected.encode())


class Finding(StrEnum):
    """What the check of a signed file came to."""

    GENUINE = "genuine"
    TOO_LARGE = "too_large"
    NOT_PDF = "not_pdf"
    UNSIGNED = "unsigned"
    SEVERAL_SIGNATURES = "several_signatures"
    CHANGED = "changed"
    FOREIGN = "foreign"
    CERTIFICATE_NOT_VALID = "certificate_not_valid"


FINDING_LABELS = {
    Finding.GENUINE: "Документ подлинный: его подписала служба, и с тех пор он не менялся.",
    Finding.TOO_LARGE: "Файл слишком большой: таких документов служба не выдаёт.",
    Finding.NOT_PDF: "Это не документ PDF.",
    Finding.UNSIGNED: "В документе нет электронной подписи.",
    Finding.SEVERAL_SIGNATURES: (
        "В документе несколько электронных подписей, а служба ставит ровно одну."
    ),
    Finding.CHANGED: "Документ изменён или повреждён после подписания.",
    Finding.FOREIGN: "Документ подписан, но не службой.",
    Finding.CERTIFICATE_NOT_VALID: (
        "Подпись принадлежит службе, но её сертификат в указанное время не действовал."
    ),
}
"""What people read of a check."""


class Verification(Frozen):
    """The outcome of checking a signed file (R8)."""

    finding: Finding
    signer: str = ""
    """Whom the certificate names; only for a signature that is ours."""
    signed_at: Instant | None = None
    """As the service's own clock had it; only for a signature that is ours."""
    stamped_at: Instant | None = None
    """As an authority for time had it; None for a signature without a stamp (level B-B)."""
    trial: bool = False
    """True when the key was made up for trials: such a paper proves nothing to anybody."""
    paper: PaperIdentity | None = None
    """Which paper it says it is; only for a signature that is ours."""

    @property
    def valid(self) -> bool:
        """True when the file is, byte for byte, one that the service has signed."""
        return self.finding is Finding.GENUINE

    @property
    def reason(self) -> str:
        """The finding in Russian."""
        return FINDING_LABELS[self.finding]
