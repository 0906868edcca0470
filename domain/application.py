"""The application for a duplicate, field by field (R1, R2)."""

import re
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    Tag,
    ValidationInfo,
    model_validator,
)

from domain import identifiers, text
from domain.base import Frozen, IsoDate

T = TypeVar("T")

EARLIEST_DATE = date(1920, 1, 1)
"""No living applicant was born, and no diploma of ours issued, before this day."""


class Intake(Frozen):
    """Validation context that switches the rules of form on.

    What was accepted once must load for ever, so a model read back from the engine's
    history is only typed, not judged again by rules that may since have changed.
    """

    today: date
    """The day the application is read, in the region's zone."""


def _judged(rule: Callable[[T], T]) -> AfterValidator:
    """Apply a rule of form at intake only."""

    def apply(value: T, info: ValidationInfo) -> T:
        return rule(value) if isinstance(info.context, Intake) else value

    return AfterValidator(apply)


def _past_date(value: date, info: ValidationInfo) -> date:
    if isinstance(info.context, Intake):
        if value > info.context.today:
            raise text.fault("DATE_IN_FUTURE")
        if value < EARLIEST_DATE:
            raise text.fault("DATE_TOO_EARLY")
    return value


def _past_year(value: int, info: ValidationInfo) -> int:
    if isinstance(info.context, Intake) and not (
        EARLIEST_DATE.year <= value <= info.context.today.year
    ):
        raise text.fault("YEAR_IMPOSSIBLE")
    return value


def _reference(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,99}", value):
        raise text.fault("REFERENCE_FORMAT")
    return value


def _region_code(value: str) -> str:
    if not re.fullmatch(r"[0-9]{2}", value):
        raise text.fault("REGION_UNKNOWN")
    return value


NamePart = Annotated[str, _judged(text.person_name_part)]
Title = Annotated[str, _judged(text.full_title)]
Line = Annotated[str, _judged(text.line_of_text)]
PastDate = Annotated[IsoDate, AfterValidator(_past_date)]
PastYear = Annotated[StrictInt, AfterValidator(_past_year)]
EmailAddress = Annotated[str, _judged(identifiers.email_address)]
PhoneNumber = Annotated[str, _judged(identifiers.phone_number)]
BlankMark = Annotated[str, _judged(identifiers.blank_mark)]
Reference = Annotated[str, _judged(_reference)]
"""An identifier given by another system: Latin letters, digits and ._:- only."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""The name of a content in the document store; no rule that could ever change."""


class LossReason(StrEnum):
    """Why a duplicate is needed."""

    LOSS = "loss"
    DAMAGE = "damage"
    NAME_CHANGE = "name_change"
    ERROR_IN_ORIGINAL = "error_in_original"


class Scope(StrEnum):
    """What is to be duplicated."""

    DIPLOMA = "diploma"
    SUPPLEMENT = "supplement"
    BOTH = "both"


class DeliveryMethod(StrEnum):
    """How the duplicate reaches the applicant (R9)."""

    POST = "post"
    PICKUP = "pickup"
    ELECTRONIC = "electronic"


class Channel(StrEnum):
    """How the application came in."""

    PORTAL = "portal"
    LETTER = "letter"
    IN_PERSON = "in_person"


class ConsentProof(StrEnum):
    """What confirms the consent to personal-data processing."""

    SMS_CODE = "sms_code"
    QUALIFIED_SIGNATURE = "qualified_signature"


class DocumentKind(StrEnum):
    """Kinds of scans (R2)."""

    PASSPORT_PERSONAL_PAGE = "passport_personal_page"
    PASSPORT_REGISTRATION_PAGE = "passport_registration_page"
    STUDY_CERTIFICATE = "study_certificate"
    REGISTER_EXTRACT = "register_extract"
    GRADE_BOOK = "grade_book"
    ENROLMENT_ORDER = "enrolment_order"
    GRADUATION_ORDER = "graduation_order"
    OLD_DIPLOMA_COPY = "old_diploma_copy"
    STUDY_PROOF_SUBSTITUTE = "study_proof_substitute"
    PAYMENT_PROOF = "payment_proof"
    CONSENT = "consent"
    NAME_CHANGE_CERTIFICATE = "name_change_certificate"
    ARCHIVE_REGISTER_EXTRACT = "archive_register_extract"
    BIRTH_CERTIFICATE = "birth_certificate"
    SNILS = "snils"
    INN = "inn"
    SCHOOL_CERTIFICATE = "school_certificate"
    NO_DEBT_CERTIFICATE = "no_debt_certificate"


_K = DocumentKind

DOCUMENT_LABELS = {
    _K.PASSPORT_PERSONAL_PAGE: "страница паспорта с личными данными",
    _K.PASSPORT_REGISTRATION_PAGE: "страница паспорта с регистрацией",
    _K.STUDY_CERTIFICATE: "справка об обучении",
    _K.REGISTER_EXTRACT: "выписка из реестра",
    _K.GRADE_BOOK: "зачётная книжка",
    _K.ENROLMENT_ORDER: "приказ о зачислении",
    _K.GRADUATION_ORDER: "приказ о выпуске",
    _K.OLD_DIPLOMA_COPY: "копия прежнего диплома",
    _K.STUDY_PROOF_SUBSTITUTE: "справка, заменяющая подтверждение обучения",
    _K.PAYMENT_PROOF: "квитанция об оплате",
    _K.CONSENT: "согласие на обработку персональных данных",
    _K.NAME_CHANGE_CERTIFICATE: "свидетельство о перемене имени",
    _K.ARCHIVE_REGISTER_EXTRACT: "выписка из реестра архивных документов",
    _K.BIRTH_CERTIFICATE: "свидетельство о рождении",
    _K.SNILS: "СНИЛС",
    _K.INN: "свидетельство ИНН",
    _K.SCHOOL_CERTIFICATE: "аттестат о среднем общем образовании",
    _K.NO_DEBT_CERTIFICATE: "справка об отсутствии задолженности",
}
"""How a kind of document is called to the applicant."""

SCOPE_LABELS = {
    Scope.DIPLOMA: "диплом",
    Scope.SUPPLEMENT: "приложение к диплому",
    Scope.BOTH: "диплом и приложение к нему",
}
"""How the scope is called in letters."""

STUDY_PROOFS = (
    DocumentKind.STUDY_CERTIFICATE,
    DocumentKind.REGISTER_EXTRACT,
    DocumentKind.GRADE_BOOK,
    DocumentKind.ENROLMENT_ORDER,
    DocumentKind.GRADUATION_ORDER,
    DocumentKind.OLD_DIPLOMA_COPY,
    DocumentKind.STUDY_PROOF_SUBSTITUTE,
)
"""Any one of these proves the studies (R2)."""


class PersonName(Frozen):
    """A person's full name (ФИО)."""

    surname: NamePart = Field(title="Фамилия")
    given_name: NamePart = Field(title="Имя")
    patronymic: NamePart | None = Field(default=None, title="Отчество")

    @model_validator(mode="after")
    def _one_alphabet(self, info: ValidationInfo) -> Self:
        # A surname all in Latin look-alikes shows only beside a Russian given name.
        if isinstance(info.context, Intake):
            text.check_one_alphabet(self.full())
        return self

    def full(self) -> str:
        """Surname, given name, patronymic in one line."""
        return " ".join(part for part in (self.surname, self.given_name, self.patronymic) if part)

    def address(self) -> str:
        """How a letter addresses the person."""
        return " ".join(part for part in (self.given_name, self.patronymic) if part)

    def same_as(self, other: "PersonName") -> bool:
        """True when the names differ at most in ё/е, letter case or composition (R1)."""
        return text.comparable(self.full()) == text.comparable(other.full())


class Passport(Frozen):
    """The applicant's Russian passport."""

    series: Annotated[str, _judged(identifiers.passport_series)] = Field(title="Серия паспорта")
    number: Annotated[str, _judged(identifiers.passport_number)] = Field(title="Номер паспорта")


class Applicant(Frozen):
    """The applicant (заявитель)."""

    name: PersonName = Field(title="ФИО")
    name_on_diploma: PersonName = Field(title="ФИО в дипломе")
    birth_date: PastDate = Field(title="Дата рождения")
    passport: Passport = Field(title="Паспорт")
    snils: Annotated[str, _judged(identifiers.snils)] = Field(title="СНИЛС")
    inn: Annotated[str, _judged(identifiers.person_inn)] | None = Field(default=None, title="ИНН")
    email: EmailAddress = Field(title="Электронная почта")
    phone: PhoneNumber = Field(title="Телефон")
    notify_by_sms: StrictBool = Field(default=False, title="Сообщать также по СМС")


class BlankNumber(Frozen):
    """Series and number printed on the lost blank."""

    series: BlankMark = Field(title="Серия диплома")
    number: BlankMark = Field(title="Номер диплома")


def _blank_tag(value: Any) -> str:
    return "unknown" if isinstance(value, str) else "BlankNumber"


BlankOrUnknown = Annotated[
    Annotated[BlankNumber, Tag("BlankNumber")] | Annotated[Literal["unknown"], Tag("unknown")],
    Discriminator(_blank_tag),  # without it one wrong digit is a fault of both alternatives
]


class OriginalDiploma(Frozen):
    """The diploma that was lost or damaged."""

    blank: BlankOrUnknown = Field(title="Серия и номер диплома")
    issued_on: PastDate = Field(title="Дата выдачи диплома")
    issued_in: Line = Field(title="Место выдачи диплома")


class Institution(Frozen):
    """The institution (образовательная организация) named in the diploma."""

    name: Title = Field(title="Наименование организации")
    inn: Annotated[str, _judged(identifiers.organisation_inn)] = Field(title="ИНН организации")
    region: Annotated[str, _judged(_region_code)] = Field(title="Код региона")
    email: EmailAddress | None = Field(default=None, title="Почта организации")
    phone: PhoneNumber | None = Field(default=None, title="Телефон организации")
    address: Line | None = Field(default=None, title="Адрес организации")


class Delivery(Frozen):
    """How the duplicate is to be handed over."""

    method: DeliveryMethod = Field(title="Способ получения")
    address: Line | None = Field(default=None, title="Почтовый адрес")


class Consent(Frozen):
    """Consent to personal-data processing (152-FZ)."""

    given: StrictBool = Field(title="Согласие")
    confirmed_by: ConsentProof = Field(title="Подтверждение согласия")
    reference: Reference | None = Field(default=None, title="Номер подтверждения согласия")
    """The portal's number of the signature or of its own confirmation by code."""


class NameChange(Frozen):
    """The civil registry's name-change certificate."""

    number: BlankMark = Field(title="Номер свидетельства о перемене имени")
    issued_on: PastDate = Field(title="Дата свидетельства о перемене имени")


class Document(Frozen):
    """A scan that comes with the application; its content never enters the engine (R2)."""

    kind: DocumentKind = Field(title="Вид документа")
    name: Line = Field(title="Имя файла")
    size_bytes: StrictInt = Field(title="Размер файла")
    sha256: Sha256 | None = Field(default=None, title="Отпечаток файла")
    """Of the content in the document store; None when only name and size are known."""


class Application(Frozen):
    """An application for a duplicate diploma (заявление о выдаче дубликата, R1)."""

    submission_id: Reference | None = Field(default=None, title="Номер отправки")
    channel: Channel = Field(default=Channel.PORTAL, title="Канал подачи")
    applicant: Applicant = Field(title="Заявитель")
    diploma: OriginalDiploma = Field(title="Диплом")
    institution: Institution = Field(title="Образовательная организация")
    specialty: Title = Field(title="Специальность")
    graduation_year: PastYear = Field(title="Год выпуска")
    reason: LossReason = Field(title="Причина")
    scope: Scope = Field(title="Что восстановить")
    delivery: Delivery = Field(title="Получение")
    expedited: StrictBool = Field(default=False, title="Ускоренное изготовление")
    temporary_certificate: StrictBool = Field(default=False, title="Временная справка")
    intermediary_fee: StrictInt | None = Field(default=None, title="Услуги посредника, руб.")
    consent: Consent = Field(title="Согласие на обработку персональных данных")
    name_change: NameChange | None = Field(default=None, title="Свидетельство о перемене имени")
    documents: tuple[Document, ...] = Field(default=(), title="Документы", max_length=60)

    def needs_code(self) -> bool:
        """True when we have to send a one-time code ourselves (R1)."""
        consent = self.consent
        return consent.confirmed_by is ConsentProof.SMS_CODE and consent.reference is None

    def has_any(self, kinds: tuple[DocumentKind, ...]) -> bool:
        """True when a document of one of the kinds is there."""
        return any(document.kind in kinds for document in self.documents)
