"""Completeness and correctness of an application: all deficiencies at once (R1, R2, R5)."""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel, ConfigDict, StrictInt, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from domain.application import (
    DOCUMENT_LABELS,
    STUDY_PROOFS,
    Application,
    Consent,
    ConsentProof,
    Delivery,
    DeliveryMethod,
    Document,
    DocumentKind,
    Intake,
    PastDate,
    PastYear,
    PersonName,
)
from domain.base import MAX_DEPTH, Frozen, JsonObject
from domain.deficiencies import Deficiency
from domain.fees import itemise, total_due
from domain.messages import Correction, Objection
from domain.profile import Profile

MAX_DOCUMENT_BYTES = 5 * 1024 * 1024
"""R2: this many bytes pass, one more fails."""
DOCUMENT_EXTENSIONS = frozenset({".pdf", ".jpg", ".jpeg", ".png"})
PAYMENT_PROOF_MISSING = "PAYMENT_PROOF_MISSING"
"""The one deficiency that the payment system can mend as well as a correction."""
CONSENT_NOT_CONFIRMED = "CONSENT_NOT_CONFIRMED"
"""Mended by the one-time code; nothing in the application itself is wrong."""
BALANCE_DUE = "BALANCE_DUE"
"""The rest of the fee on the archive route, due once the archive has made its copy."""
PAYMENT_FIELD = f"documents.{DocumentKind.PAYMENT_PROOF}"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
LONGEST_FIELD_NAME = 40
"""No field of ours has a longer name; a longer key is somebody's text."""
NOT_FOUND_IN_RECORDS = "NOT_FOUND_IN_RECORDS"
"""What a holder that found nothing objects, where a search can still be mended."""
PASSPORT_AGE = 14
"""Years; nobody younger holds a passport."""

_MISSING_DOCUMENTS = (
    ("PASSPORT_PERSONAL_PAGE_MISSING", (DocumentKind.PASSPORT_PERSONAL_PAGE,)),
    ("PASSPORT_REGISTRATION_PAGE_MISSING", (DocumentKind.PASSPORT_REGISTRATION_PAGE,)),
    ("STUDY_PROOF_MISSING", STUDY_PROOFS),
    ("CONSENT_DOCUMENT_MISSING", (DocumentKind.CONSENT,)),
)
_FORM_CODES = {
    "missing": "FIELD_MISSING",
    "extra_forbidden": "FIELD_UNKNOWN",
    "enum": "VALUE_NOT_ALLOWED",
    "literal_error": "VALUE_NOT_ALLOWED",
    "too_long": "TOO_MANY",
    "date_from_datetime_parsing": "DATE_FORMAT",
    "date_parsing": "DATE_FORMAT",
    "date_type": "DATE_FORMAT",
    "date_from_datetime_inexact": "DATE_FORMAT",
}
"""Our code for the error types of the validation library; any other is a wrong type."""


class Examination(Frozen):
    """The application as read, and everything that is wrong with it."""

    application: Application | None
    """None when the form itself has faults."""
    deficiencies: tuple[Deficiency, ...] = ()


class CorrectionAssessment(Frozen):
    """What a correction made of an application (R5)."""

    application: Application | None
    draft: JsonObject
    """The application as JSON after the correction; meaningful while it is not yet readable."""
    deficiencies: tuple[Deficiency, ...] = ()
    """What is still wrong; empty when everything asked for was mended."""


def examine(
    raw: JsonObject,
    profile: Profile,
    today: date,
    *,
    fee_paid: bool = False,
    pdf_only: bool = False,
) -> Examination:
    """Read an application and name everything wrong with it at once (R1, R2, R5).

    Args:
        raw: The application as it came.
        profile: Regions, tariff and the catalogue of reasons.
        today: The day of reading; later dates are refused.
        fee_paid: True when the payment system has confirmed the fee, so that no scan of a
            receipt is needed.
        pdf_only: True when an archive is asked first, which takes scans as PDF only (R2).
    """
    context = Intake(today=today)
    raw = _transportable(raw)
    faults: list[Deficiency] = []
    application: Application | None = None
    try:
        application = Application.model_validate_json(_dumped(raw), context=context)
    except ValidationError as error:
        faults.extend(
            _form_fault(detail, profile)
            for detail in error.errors(include_url=False, include_context=False)
        )
    faults.extend(
        fault
        for fault in _rule_faults(raw, profile, context, pdf_only=pdf_only)
        if not (fee_paid and fault.code == PAYMENT_PROOF_MISSING)
    )
    unique = {(fault.code, fault.field): fault for fault in faults}
    readable = application if not any(fault.kind == "form" for fault in unique.values()) else None
    return Examination(application=readable, deficiencies=tuple(unique.values()))


def assess_correction(
    base: JsonObject,
    correction: Correction,
    open_reasons: tuple[Deficiency, ...],
    profile: Profile,
    today: date,
    *,
    fee_paid: bool = False,
    pdf_only: bool = False,
) -> CorrectionAssessment:
    """Apply a correction and say what is still wrong (R5).

    A reason the holder gave counts as mended when the field it names changed or its
    document was replaced; whether the new value is right, only the re-check can tell.
    A correction whose own form is faulty changes nothing that was readable before.
    """
    changes = _transportable(correction.changes)
    merged = _with_documents(_merge_patch(base, changes), correction)
    examination = examine(merged, profile, today, fee_paid=fee_paid, pdf_only=pdf_only)
    was_readable = examine(base, profile, today, fee_paid=fee_paid).application
    readable = examination.application
    if readable is None and was_readable is not None:
        return CorrectionAssessment(
            application=was_readable,
            draft=base,
            deficiencies=_distinct(examination.deficiencies + open_reasons),
        )
    own = {(fault.code, fault.field) for fault in examination.deficiencies}
    unmended = tuple(
        reason
        for reason in open_reasons
        if (reason.code, reason.field) not in own
        and reason.by_holder
        and not _touches(base, merged, correction, reason.field)
    )
    return CorrectionAssessment(
        application=readable,
        draft=merged,
        deficiencies=examination.deficiencies + unmended,
    )


def name_objections(
    objections: tuple[Objection, ...], profile: Profile
) -> tuple[tuple[Deficiency, ...], tuple[str, ...]]:
    """A holder's objections in the catalogue's words, and the codes it does not know."""
    known = tuple(
        profile.reasons.deficiency(item.code, item.field, _label(item.field), by_holder=True)
        for item in objections
        if profile.reasons.knows(item.code) and _is_known(item.field)
    )
    unknown = tuple(
        item.code
        for item in objections
        if not (profile.reasons.knows(item.code) and _is_known(item.field))
    )
    return known, unknown


def _transportable(value: Any, depth: int = 0) -> Any:
    """What was typed, without what JSON text cannot carry.

    A lone surrogate becomes a private-use character, which no field accepts, and nesting
    deeper than any field's is cut: it is a fault at a higher level already.
    """
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ue000", value)
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return {_transportable(key): _transportable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_transportable(item, depth + 1) for item in value]
    return value


_ANYTHING = TypeAdapter[Any](Any, config=ConfigDict(ser_json_inf_nan="constants"))
"""NaN stays NaN, a wrong type; the library's default null would pass for an absent value."""


def _dumped(raw: Any) -> bytes:
    return _ANYTHING.dump_json(raw)


def _form_fault(detail: ErrorDetails, profile: Profile) -> Deficiency:
    code = str(detail["type"])
    if not profile.reasons.knows(code):
        code = _FORM_CODES.get(code, "FIELD_WRONG_TYPE")
    if detail.get("input", ...) is None and code != "FIELD_UNKNOWN":
        code = "FIELD_MISSING"
    field = _path(detail["loc"])
    return profile.reasons.deficiency(code, field, _label(field))


def _path(location: tuple[int | str, ...]) -> str:
    """The field as people find it in the file; a key nobody expected is not repeated in full."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.isascii() and part.replace("_", "").isalpha() and len(part) <= LONGEST_FIELD_NAME:
            path += f".{part}" if path else part
        elif not part.startswith(("function-", "literal[", "constrained-")):
            path += ".?" if path else "?"
    return path.removesuffix(".unknown").removesuffix(".BlankNumber").replace(".BlankNumber.", ".")


def _label(field: str) -> str:
    """The Russian name of a field or, after documents., of a kind of document."""
    head, _, kind = field.partition(".")
    if head == "documents" and kind in set(DocumentKind):
        return DOCUMENT_LABELS[DocumentKind(kind)]
    model: Any = Application
    label = ""
    for part in field.replace("]", "").replace("[", ".").split("."):
        if part.isdigit():
            continue
        info = getattr(model, "model_fields", {}).get(part)
        if info is None:
            break
        label = info.title or label
        model = next(_models(info.annotation), None)
    return label


def _is_known(field: str) -> bool:
    """True for a field of the application or a kind of document; other text is nobody's field."""
    head, _, kind = field.partition(".")
    return _is_field(field) or (head == "documents" and kind in set(DocumentKind))


def _is_field(path: str) -> bool:
    model: Any = Application
    for part in path.split("."):
        info = getattr(model, "model_fields", {}).get(part)
        if info is None:
            return False
        model = next(_models(info.annotation), None)
    return True


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)


def _part(raw: JsonObject, path: str, kind: Any, context: Intake) -> Any:
    """One part of an application that may be unreadable elsewhere; None when it is itself."""
    value: Any = raw
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    try:
        return _reader(kind).validate_json(_dumped(value), context=context)
    except ValidationError:
        return None


@cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _rule_faults(
    raw: JsonObject, profile: Profile, context: Intake, *, pdf_only: bool
) -> Iterator[Deficiency]:
    """Rules that look at several fields; each runs on what is readable."""
    faults = [*_rules(raw, profile, context)]
    if pdf_only:
        faults += _pdf_rules(raw, context)
    for code, field in faults:
        label = _document_label(raw, field) or _label(field)
        yield profile.reasons.deficiency(code, field, label)


def _document_label(raw: JsonObject, field: str) -> str:
    """What the document of a field like documents[2].name is called; empty for other fields."""
    place = re.match(r"documents\[(\d+)\]", field)
    items = raw.get("documents")
    if place is None or not isinstance(items, list):
        return ""
    item = items[int(place[1])]
    kind = item.get("kind") if isinstance(item, dict) else None
    return DOCUMENT_LABELS[DocumentKind(kind)] if kind in set(DocumentKind) else ""


def _rules(raw: JsonObject, profile: Profile, context: Intake) -> Iterator[tuple[str, str]]:
    region: str | None = _part(raw, "institution.region", str, context)
    if region is not None and region.isdigit() and region not in profile.regions:
        yield "REGION_UNKNOWN", "institution.region"
    fee: int | None = _part(raw, "intermediary_fee", StrictInt, context)
    tariff = profile.tariff
    if fee is not None and not tariff.intermediary_min <= fee <= tariff.intermediary_max:
        yield "INTERMEDIARY_FEE_RANGE", "intermediary_fee"
    consent: Consent | None = _part(raw, "consent", Consent, context)
    if consent is not None and not consent.given:
        yield "CONSENT_NOT_GIVEN", "consent.given"
    signed = consent is not None and consent.confirmed_by is ConsentProof.QUALIFIED_SIGNATURE
    if signed and consent is not None and consent.reference is None:
        yield "CONSENT_SIGNATURE_MISSING", "consent.reference"
    delivery: Delivery | None = _part(raw, "delivery", Delivery, context)
    if delivery and delivery.method is DeliveryMethod.POST and not delivery.address:
        yield "DELIVERY_ADDRESS_MISSING", "delivery.address"
    yield from _date_rules(raw, context)
    yield from _document_rules(raw, profile, region, context)


def _date_rules(raw: JsonObject, context: Intake) -> Iterator[tuple[str, str]]:
    born: date | None = _part(raw, "applicant.birth_date", PastDate, context)
    graduated: int | None = _part(raw, "graduation_year", PastYear, context)
    issued: date | None = _part(raw, "diploma.issued_on", PastDate, context)
    if born and context.today < _birthday(born, PASSPORT_AGE):
        yield "APPLICANT_TOO_YOUNG", "applicant.birth_date"
    if born and graduated and graduated < born.year + PASSPORT_AGE:
        yield "GRADUATION_TOO_EARLY", "graduation_year"
    if issued and graduated and issued.year < graduated:
        yield "DIPLOMA_BEFORE_GRADUATION", "diploma.issued_on"


def _birthday(born: date, age: int) -> date:
    year = born.year + age
    try:
        return born.replace(year=year)
    except ValueError:  # born on 29 February
        return date(year, 3, 1)


def _document_rules(
    raw: JsonObject, profile: Profile, region: str | None, context: Intake
) -> Iterator[tuple[str, str]]:
    items = raw.get("documents", [])
    if not isinstance(items, list):
        return
    kinds: set[DocumentKind] = set()
    for index, item in enumerate(items):
        kind: DocumentKind | None = _part({"item": item}, "item.kind", DocumentKind, context)
        kinds |= {kind} if kind else set()
        document: Document | None = _part({"document": item}, "document", Document, context)
        if document is not None:
            yield from _file_rules(document, f"documents[{index}]")
    for code, accepted in _MISSING_DOCUMENTS:
        if not kinds & set(accepted):
            yield code, f"documents.{accepted[0]}"
    expedited = bool(_part(raw, "expedited", bool, context))
    fees = itemise(profile.tariff, region or "", expedited=expedited)
    if total_due(fees) and DocumentKind.PAYMENT_PROOF not in kinds:
        yield PAYMENT_PROOF_MISSING, PAYMENT_FIELD
    if _names_differ(raw, context):
        if raw.get("name_change") is None:
            yield "NAME_CHANGE_DETAILS_MISSING", "name_change"
        certificate = DocumentKind.NAME_CHANGE_CERTIFICATE
        if certificate not in kinds:
            yield "NAME_CHANGE_DOCUMENT_MISSING", f"documents.{certificate}"


def _pdf_rules(raw: JsonObject, context: Intake) -> Iterator[tuple[str, str]]:
    """An archive takes PDF only (R2); what is no scan at all is told elsewhere."""
    items = raw.get("documents")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        document: Document | None = _part({"document": item}, "document", Document, context)
        extension = PurePath(document.name).suffix.lower() if document else ""
        if extension in DOCUMENT_EXTENSIONS - {".pdf"}:
            yield "DOCUMENT_PDF_ONLY", f"documents[{index}].name"


def _file_rules(document: Document, field: str) -> Iterator[tuple[str, str]]:
    if PurePath(document.name).suffix.lower() not in DOCUMENT_EXTENSIONS:
        yield "DOCUMENT_FORMAT", f"{field}.name"
    if document.size_bytes <= 0:
        yield "DOCUMENT_EMPTY", f"{field}.size_bytes"
    if document.size_bytes > MAX_DOCUMENT_BYTES:
        yield "DOCUMENT_TOO_LARGE", f"{field}.size_bytes"


def _names_differ(raw: JsonObject, context: Intake) -> bool:
    now: PersonName | None = _part(raw, "applicant.name", PersonName, context)
    then: PersonName | None = _part(raw, "applicant.name_on_diploma", PersonName, context)
    return bool(now and then and not now.same_as(then))


def _merge_patch(base: Any, patch: Any) -> Any:
    """RFC 7396; the application is small, so a library would be longer than the rule."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge_patch(merged.get(key), value)
    return merged


def _with_documents(raw: JsonObject, correction: Correction) -> JsonObject:
    if not correction.documents:
        return raw
    replaced = {document.kind.value for document in correction.documents}
    items = raw.get("documents", [])
    kept = [
        item
        for item in (items if isinstance(items, list) else [])
        if not (isinstance(item, dict) and item.get("kind") in replaced)
    ]
    new = [document.model_dump(mode="json") for document in correction.documents]
    return {**raw, "documents": [*kept, *new]}


def _touches(base: JsonObject, merged: JsonObject, correction: Correction, field: str) -> bool:
    """True when the correction changed the field or replaced the document it names."""
    head, _, kind = field.partition(".")
    if head == "documents" and kind:
        return any(document.kind.value == kind for document in correction.documents)
    return bool(_dig(base, field) != _dig(merged, field))


def _dig(raw: Any, field: str) -> Any:
    for key in field.split("."):
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw


def _distinct(items: tuple[Deficiency, ...]) -> tuple[Deficiency, ...]:
    return tuple({(item.code, item.field): item for item in items}.values())
