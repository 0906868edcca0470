import ast
import copy
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from samples import TODAY, UNHURRIED, documents_without, valid_application, with_value, without

from adapters.profiles import load_holders, load_profile
from domain.application import Application, DocumentKind, Intake
from domain.base import JsonObject
from domain.deficiencies import ReasonKind, verdict
from domain.examination import (
    _FORM_CODES,
    _MISSING_DOCUMENTS,
    MAX_DOCUMENT_BYTES,
    PAYMENT_PROOF_MISSING,
    examine,
)
from domain.messages import HandOver, ProductionRecord
from domain.scan_faults import ScanFault
from domain.statuses import CaseStatus

PROFILE = load_profile()
DOMAIN = Path(__file__).resolve().parents[2] / "domain"

GIVEN_BY_HOLDERS = {
    "BALANCE_DUE",
    "BIRTH_DATE_MISMATCH",
    "CONSENT_NOT_CONFIRMED",
    "DIPLOMA_NUMBER_MISMATCH",
    "DOCUMENT_ILLEGIBLE",
    "DOCUMENT_REQUESTED",
    "GRADUATION_YEAR_MISMATCH",
    "NAME_MISMATCH",
    "NOT_FOUND_IN_RECORDS",
    "PASSPORT_ERROR",
    "SPECIALTY_MISMATCH",
    *ScanFault,
}
"""Codes of the catalogue that only people, holders and the check of scans give."""

RENAMED = {"surname": "Петрова", "given_name": "Алёна", "patronymic": "Игоревна"}

SINGLE_FAULTS: list[tuple[str, str, JsonObject]] = [
    ("FIELD_MISSING", "applicant.snils", without(valid_application(), "applicant.snils")),
    ("FIELD_MISSING", "diploma.blank", valid_application(diploma={"blank": None})),
    ("FIELD_MISSING", "graduation_year", valid_application(graduation_year=None)),
    ("FIELD_UNKNOWN", "applicant.nickname", valid_application(applicant={"nickname": "Алёнка"})),
    ("FIELD_WRONG_TYPE", "graduation_year", valid_application(graduation_year="2007")),
    ("FIELD_WRONG_TYPE", "intermediary_fee", valid_application(intermediary_fee=True)),
    ("FIELD_WRONG_TYPE", "intermediary_fee", valid_application(intermediary_fee=float("nan"))),
    ("FIELD_WRONG_TYPE", "diploma.blank", valid_application(diploma={"blank": 7})),
    ("FIELD_WRONG_TYPE", "expedited", valid_application(expedited="yes")),
    ("FIELD_WRONG_TYPE", "name_change", valid_application(name_change="see attachment")),
    ("VALUE_NOT_ALLOWED", "reason", valid_application(reason="lost")),
    ("VALUE_NOT_ALLOWED", "diploma.blank", valid_application(diploma={"blank": "unknwon"})),
    ("VALUE_NOT_ALLOWED", "delivery.method", valid_application(delivery={"method": "courier"})),
    (
        "TOO_MANY",
        "documents",
        valid_application(
            documents=documents_without()
            + [{"kind": "snils", "name": "snils.pdf", "size_bytes": 1}] * 56
        ),
    ),
    ("DATE_FORMAT", "applicant.birth_date", valid_application(applicant={"birth_date": "14.03.1987"})),
    ("DATE_FORMAT", "applicant.birth_date", valid_application(applicant={"birth_date": "1987-02-30"})),
    ("DATE_FORMAT", "applicant.birth_date", valid_application(applicant={"birth_date": 86400})),
    ("DATE_FORMAT", "applicant.birth_date", valid_application(applicant={"birth_date": "86400"})),
    ("DATE_FORMAT", "diploma.issued_on", valid_application(diploma={"issued_on": "2007-06-28T00:00:00"})),
    ("DATE_IN_FUTURE", "diploma.issued_on", valid_application(diploma={"issued_on": "2026-04-30"})),
    ("DATE_IN_FUTURE", "applicant.birth_date", valid_application(applicant={"birth_date": "2987-03-14"})),
    ("DATE_TOO_EARLY", "applicant.birth_date", valid_application(applicant={"birth_date": "1919-12-31"})),
    ("YEAR_IMPOSSIBLE", "graduation_year", valid_application(graduation_year=2027)),
    ("YEAR_IMPOSSIBLE", "graduation_year", valid_application(graduation_year=207)),
    ("EMPTY", "specialty", valid_application(specialty=" ")),
    ("LINE_BREAK", "delivery.address", valid_application(delivery={"address": "Москва\nЯузская, 12"})),
    ("INVISIBLE_CHARACTERS", "diploma.issued_in", valid_application(diploma={"issued_in": "Мо\u200bсква"})),
    ("INVISIBLE_CHARACTERS", "diploma.issued_in", valid_application(diploma={"issued_in": "Москва\ud800"})),
    (
        "MIXED_ALPHABETS",
        "applicant.name_on_diploma.surname",
        valid_application(applicant={"name_on_diploma": {"surname": "Cоколова"}}),
    ),
    (
        "MIXED_ALPHABETS",
        "applicant.name",
        valid_application(applicant={"name": {"surname": "COKO"}}),
    ),
    (
        "NAME_WITHOUT_LETTERS",
        "applicant.name.patronymic",
        valid_application(applicant={"name": {"patronymic": "-"}}),
    ),
    ("TEXT_TOO_LONG", "specialty", valid_application(specialty="я" * 301)),
    ("TEXT_TOO_SHORT", "specialty", valid_application(specialty="-")),
    ("ABBREVIATION", "institution.name", valid_application(institution={"name": "ГБПОУ «Колледж»"})),
    ("ABBREVIATION", "specialty", valid_application(specialty="Техн. обслуживание")),
    ("REFERENCE_FORMAT", "submission_id", valid_application(submission_id="отправка 17")),
    ("SNILS_FORMAT", "applicant.snils", valid_application(applicant={"snils": "112-233-445"})),
    ("SNILS_CHECK_DIGIT", "applicant.snils", valid_application(applicant={"snils": "112-233-445 96"})),
    ("INN_10_FORMAT", "institution.inn", valid_application(institution={"inn": "77000015490"})),
    ("INN_12_FORMAT", "applicant.inn", valid_application(applicant={"inn": "7728114506"})),
    ("INN_CHECK_DIGIT", "institution.inn", valid_application(institution={"inn": "7700001548"})),
    (
        "PASSPORT_SERIES_FORMAT",
        "applicant.passport.series",
        valid_application(applicant={"passport": {"series": "45"}}),
    ),
    (
        "PASSPORT_NUMBER_FORMAT",
        "applicant.passport.number",
        valid_application(applicant={"passport": {"number": "7182"}}),
    ),
    (
        "DIPLOMA_MARK_FORMAT",
        "diploma.blank.series",
        valid_application(diploma={"blank": {"series": "№ 77"}}),
    ),
    ("EMAIL_FORMAT", "applicant.email", valid_application(applicant={"email": "alena"})),
    ("EMAIL_SEVERAL", "applicant.email", valid_application(applicant={"email": "a@example.org, b@example.org"})),
    ("PHONE_FORMAT", "institution.phone", valid_application(institution={"phone": "12"})),
    ("REGION_UNKNOWN", "institution.region", valid_application(institution={"region": "00"})),
    ("REGION_UNKNOWN", "institution.region", valid_application(institution={"region": "Москва"})),
    ("INTERMEDIARY_FEE_RANGE", "intermediary_fee", valid_application(intermediary_fee=199)),
    ("INTERMEDIARY_FEE_RANGE", "intermediary_fee", valid_application(intermediary_fee=801)),
    ("CONSENT_NOT_GIVEN", "consent.given", valid_application(consent={"given": False})),
    (
        "CONSENT_SIGNATURE_MISSING",
        "consent.reference",
        valid_application(consent={"confirmed_by": "qualified_signature", "reference": None}),
    ),
    (
        "PASSPORT_PERSONAL_PAGE_MISSING",
        "documents.passport_personal_page",
        valid_application(documents=documents_without("passport_personal_page")),
    ),
    (
        "PASSPORT_REGISTRATION_PAGE_MISSING",
        "documents.passport_registration_page",
        valid_application(documents=documents_without("passport_registration_page")),
    ),
    (
        "STUDY_PROOF_MISSING",
        "documents.study_certificate",
        valid_application(documents=documents_without("grade_book")),
    ),
    (
        "PAYMENT_PROOF_MISSING",
        "documents.payment_proof",
        valid_application(documents=documents_without("payment_proof")),
    ),
    (
        "CONSENT_DOCUMENT_MISSING",
        "documents.consent",
        valid_application(documents=documents_without("consent")),
    ),
    ("DELIVERY_ADDRESS_MISSING", "delivery.address", without(valid_application(), "delivery.address")),
    (
        "DOCUMENT_FORMAT",
        "documents[2].name",
        with_value(valid_application(), "documents", [
            item | ({"name": "book.pdf.exe"} if item["kind"] == "grade_book" else {})
            for item in documents_without()
        ]),
    ),
    (
        "DOCUMENT_EMPTY",
        "documents[2].size_bytes",
        with_value(valid_application(), "documents", [
            item | ({"size_bytes": 0} if item["kind"] == "grade_book" else {})
            for item in documents_without()
        ]),
    ),
    (
        "DOCUMENT_TOO_LARGE",
        "documents[2].size_bytes",
        with_value(valid_application(), "documents", [
            item | ({"size_bytes": MAX_DOCUMENT_BYTES + 1} if item["kind"] == "grade_book" else {})
            for item in documents_without()
        ]),
    ),
    (
        "NAME_CHANGE_DETAILS_MISSING",
        "name_change",
        valid_application(
            applicant={"name_on_diploma": RENAMED},
            documents=[
                *documents_without(),
                {"kind": "name_change_certificate", "name": "zags.pdf", "size_bytes": 1},
            ],
        ),
    ),
    (
        "NAME_CHANGE_DOCUMENT_MISSING",
        "documents.name_change_certificate",
        valid_application(
            applicant={"name_on_diploma": RENAMED},
            name_change={"number": "II-МЮ 512345", "issued_on": "2015-08-01"},
        ),
    ),
    ("DIPLOMA_BEFORE_GRADUATION", "diploma.issued_on", valid_application(diploma={"issued_on": "2006-12-31"})),
    ("GRADUATION_TOO_EARLY", "graduation_year", valid_application(graduation_year=2000)),
]  # fmt: skip
"""A code, the field it names, and an application with that fault and no other."""


def found(application: JsonObject, today: date = TODAY) -> list[tuple[str, str]]:
    return [(item.code, item.field) for item in examine(application, PROFILE, today).deficiencies]


def test_a_correct_application_has_no_deficiencies() -> None:
    examination = examine(valid_application(), PROFILE, TODAY)
    assert examination.deficiencies == ()
    assert examination.application is not None
    assert examination.application.institution.inn in load_holders().holders
    assert verdict(examination.deficiencies) is None


@pytest.mark.parametrize(("code", "field", "application"), SINGLE_FAULTS)
def test_one_fault_is_one_deficiency(code: str, field: str, application: JsonObject) -> None:
    assert found(application) == [(code, field)]
    kind = PROFILE.reasons.reasons[code].kind
    readable = examine(application, PROFILE, TODAY).application is not None
    assert readable == (kind is not ReasonKind.FORM)


def test_an_applicant_under_fourteen_has_no_passport() -> None:
    codes = {code for code, _ in found(valid_application(applicant={"birth_date": "2012-04-30"}))}
    assert codes == {"APPLICANT_TOO_YOUNG", "GRADUATION_TOO_EARLY"}
    codes = {code for code, _ in found(valid_application(applicant={"birth_date": "2012-04-29"}))}
    assert codes == {"GRADUATION_TOO_EARLY"}


def test_who_was_born_on_a_leap_day_turns_fourteen_on_the_first_of_march() -> None:
    application = valid_application(applicant={"birth_date": "2012-02-29"})

    def too_young(today: date) -> bool:
        return ("APPLICANT_TOO_YOUNG", "applicant.birth_date") in found(application, today)

    assert too_young(date(2026, 2, 28))
    assert not too_young(date(2026, 3, 1))


def test_a_file_with_twelve_faults_gives_exactly_twelve() -> None:
    application = valid_application(
        applicant={
            "name": {"surname": "Ив\u200bанова"},
            "snils": "112-233-445 96",
            "email": "a@example.org, b@example.org",
            "birth_date": "30.02.1987",
        },
        diploma={"blank": {"number": "?"}, "issued_on": "2031-01-01"},
        institution={"name": "ГБПОУ «Колледж»", "region": "00"},
        delivery={"address": None},
        intermediary_fee=5,
        documents=[
            *documents_without("passport_registration_page", "payment_proof"),
            {"kind": "payment_proof", "name": "receipt.docx", "size_bytes": 10},
        ],
    )
    assert sorted(found(application)) == [
        ("ABBREVIATION", "institution.name"),
        ("DATE_FORMAT", "applicant.birth_date"),
        ("DATE_IN_FUTURE", "diploma.issued_on"),
        ("DELIVERY_ADDRESS_MISSING", "delivery.address"),
        ("DIPLOMA_MARK_FORMAT", "diploma.blank.number"),
        ("DOCUMENT_FORMAT", "documents[3].name"),
        ("EMAIL_SEVERAL", "applicant.email"),
        ("INTERMEDIARY_FEE_RANGE", "intermediary_fee"),
        ("INVISIBLE_CHARACTERS", "applicant.name.surname"),
        ("PASSPORT_REGISTRATION_PAGE_MISSING", "documents.passport_registration_page"),
        ("REGION_UNKNOWN", "institution.region"),
        ("SNILS_CHECK_DIGIT", "applicant.snils"),
    ]
    assert len(found(application)) == 12


@pytest.mark.parametrize(
    "application",
    [
        valid_application(applicant={"name": {"surname": "О"}, "name_on_diploma": {"surname": "О"}}),
        valid_application(
            applicant={"name": {"patronymic": None}, "name_on_diploma": {"patronymic": None}}
        ),
        valid_application(diploma={"blank": "unknown"}),
        valid_application(delivery={"method": "pickup", "address": None}),
        valid_application(applicant={"name_on_diploma": {"given_name": "Алена"}}),
        valid_application(applicant={"name": {"surname": "СОКОЛОВА"}}),
        valid_application(applicant={"passport": {"number": "７１８２４３"}}),
        valid_application(applicant={"snils": "１１２２３３４４５９５"}),
        valid_application(
            applicant={
                "name": {"surname": "{{ applicant }}"},
                "name_on_diploma": {"surname": "{{ applicant }}"},
            }
        ),
        valid_application(institution={"email": None, "phone": None, "address": None}),
        valid_application(intermediary_fee=200),
        valid_application(intermediary_fee=800),
        valid_application(submission_id=None),
        without(valid_application(), "channel"),
    ],
)  # fmt: skip
def test_an_unusual_application_is_as_good(application: JsonObject) -> None:
    assert found(application) == []


def test_names_are_stored_in_composed_letters() -> None:
    decomposed = valid_application(
        applicant={"name": {"given_name": "Сергей".replace("й", "и\u0306")}}
    )
    application = examine(decomposed, PROFILE, TODAY).application
    assert application is not None
    assert application.applicant.name.given_name == "Сергей"


@pytest.mark.parametrize(
    ("size", "codes"), [(MAX_DOCUMENT_BYTES, []), (MAX_DOCUMENT_BYTES + 1, ["DOCUMENT_TOO_LARGE"])]
)
def test_five_megabytes_pass_and_one_byte_more_fails(size: int, codes: list[str]) -> None:
    scan = {"kind": "no_debt_certificate", "name": "scan.PDF", "size_bytes": size}
    application = valid_application(documents=[*documents_without(), scan])
    assert [code for code, _ in found(application)] == codes


@pytest.mark.parametrize(
    "proof",
    [
        "study_certificate",
        "register_extract",
        "grade_book",
        "enrolment_order",
        "graduation_order",
        "old_diploma_copy",
        "study_proof_substitute",
    ],
)
def test_any_study_proof_will_do(proof: str) -> None:
    scan = {"kind": proof, "name": "proof.pdf", "size_bytes": 1}
    application = valid_application(documents=[*documents_without("grade_book"), scan])
    assert found(application) == []


def test_a_confirmed_payment_replaces_the_receipt() -> None:
    application = valid_application(documents=documents_without("payment_proof"))
    assert found(application) == [(PAYMENT_PROOF_MISSING, "documents.payment_proof")]
    assert examine(application, PROFILE, TODAY, fee_paid=True).deficiencies == ()


def test_where_nothing_is_due_no_receipt_is_asked_for() -> None:
    free = PROFILE.model_copy(
        update={
            "tariff": PROFILE.tariff.model_copy(
                update={"state_duty": 0, "state_duty_by_region": {}, "expedited": 0}
            )
        }
    )
    application = valid_application(documents=documents_without("payment_proof"))
    assert examine(application, free, TODAY).deficiencies == ()


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        ([], None),
        (["STUDY_PROOF_MISSING"], CaseStatus.RETURNED),
        (["STUDY_PROOF_MISSING", "NAME_MISMATCH"], CaseStatus.REFUSED),
        (["EMPTY"], CaseStatus.REFUSED),
        (["NAME_MISMATCH", "PASSPORT_ERROR", "STUDY_PROOF_MISSING"], CaseStatus.SUSPENDED),
    ],
)
def test_the_gravest_deficiency_decides(codes: list[str], status: CaseStatus | None) -> None:
    assert verdict(tuple(PROFILE.reasons.deficiency(code, "field") for code in codes)) is status


def test_a_deficiency_says_which_field_and_what_to_do() -> None:
    deficiency = examine(
        valid_application(applicant={"name": {"surname": ""}}), PROFILE, TODAY
    ).deficiencies[0]
    assert deficiency.message == "Поле «Фамилия» пустое."
    assert deficiency.remedy
    for reason in PROFILE.reasons.reasons.values():
        assert reason.message.endswith(".")
        assert not reason.message.isascii()
        assert reason.remedy.replace("{label}", "")


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
PATHS = [
    "applicant",
    "applicant.name",
    "applicant.birth_date",
    "applicant.email",
    "diploma.blank",
    "diploma.blank.series",
    "institution.region",
    "graduation_year",
    "delivery",
    "intermediary_fee",
    "consent.given",
    "name_change",
    "documents",
    "something",
]


@UNHURRIED
@given(st.sampled_from(PATHS), JUNK)
def test_no_junk_in_a_field_is_more_than_a_deficiency(path: str, junk: Any) -> None:
    examination = examine(with_value(valid_application(), path, junk), PROFILE, TODAY)
    assert examination.application is not None or examination.deficiencies


@UNHURRIED
@given(st.dictionaries(st.text(max_size=12), JUNK, max_size=4))
def test_no_junk_instead_of_an_application_is_more_than_a_deficiency(junk: JsonObject) -> None:
    examination = examine(junk, PROFILE, TODAY)
    assert examination.application is None
    assert examination.deficiencies


def test_an_empty_application_lacks_every_required_field() -> None:
    missing = {field for code, field in found({}) if code == "FIELD_MISSING"}
    required = {name for name, info in Application.model_fields.items() if info.is_required()}
    assert missing == required


@pytest.mark.parametrize("depth", [30, 300, 900])
def test_deep_nesting_is_a_fault_of_its_field(depth: int) -> None:
    nested = json.loads("[" * depth + "]" * depth)
    assert found({**valid_application(), "specialty": nested}) == [
        ("FIELD_WRONG_TYPE", "specialty")
    ]
    assert found({**valid_application(), "extra": nested}) == [("FIELD_UNKNOWN", "extra")]


def test_examining_changes_nothing_in_what_was_sent() -> None:
    application = valid_application(applicant={"snils": " 11223344595 "})
    before = copy.deepcopy(application)
    examine(application, PROFILE, TODAY)
    assert application == before


SECRETS = [
    ("applicant.name.surname", "Секретоваb"),
    ("applicant.passport.number", "99887766"),
    ("applicant.passport.series", {"secret": "99887766"}),
    ("applicant.snils", "998-877-665 55"),
    ("applicant.inn", "998877665544"),
    ("applicant.email", "secret99887766"),
    ("applicant.phone", "secret99887766"),
    ("applicant.birth_date", "secret99887766"),
    ("diploma.blank", "secret99887766"),
    ("diploma.blank.series", "secret!99887766"),
    ("reason", "secret99887766"),
    ("graduation_year", "secret99887766"),
    ("99887766", "hush"),
    ("Секретова Мария", "hush"),
    ("applicant.Секретова", "hush"),
    ("applicant.secret99887766", "hush"),
]


@pytest.mark.parametrize(("path", "value"), SECRETS)
def test_no_deficiency_and_no_error_repeats_what_was_typed(path: str, value: Any) -> None:
    application = with_value(valid_application(), path, value)
    deficiencies = examine(application, PROFILE, TODAY).deficiencies
    assert deficiencies
    told = "".join(item.model_dump_json() for item in deficiencies)
    traces = ("Секретов", "secret", "99887766", "998-877", "998877")
    assert not any(trace in told for trace in traces)
    with pytest.raises(ValidationError) as caught:
        Application.model_validate(application, context=Intake(today=TODAY))
    values = [value] if isinstance(value, str) else list(value.values())
    assert not any(str(secret) in str(caught.value) for secret in values)


def codes_in_domain() -> Iterator[str]:
    """Codes written in the calls of fault() and in what the rules yield."""
    for file in DOMAIN.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            faulted = isinstance(node, ast.Call) and "fault" in {
                getattr(node.func, "id", ""),
                getattr(node.func, "attr", ""),
            }
            if faulted or isinstance(node, ast.Yield):
                yield from (
                    part.value
                    for part in ast.walk(node)
                    if isinstance(part, ast.Constant)
                    and isinstance(part.value, str)
                    and re.fullmatch(r"[A-Z][A-Z0-9_]*[A-Z0-9]", part.value)
                )
    yield from ("INN_10_FORMAT", "INN_12_FORMAT", PAYMENT_PROOF_MISSING, "FIELD_WRONG_TYPE")
    yield from _FORM_CODES.values()
    yield from (code for code, _ in _MISSING_DOCUMENTS)


def test_every_code_the_domain_gives_is_in_the_catalogue() -> None:
    codes = set(codes_in_domain())
    assert len(codes) > 40
    assert codes <= set(PROFILE.reasons.reasons)


def test_every_code_of_the_catalogue_is_given_by_somebody() -> None:
    ours = {code for code, _, _ in SINGLE_FAULTS} | {"APPLICANT_TOO_YOUNG", "DOCUMENT_PDF_ONLY"}
    assert not ours & GIVEN_BY_HOLDERS
    assert ours | GIVEN_BY_HOLDERS == set(PROFILE.reasons.reasons)
    assert ours == set(codes_in_domain())


def test_an_archive_takes_scans_as_pdf_only() -> None:
    found = examine(valid_application(), PROFILE, TODAY, pdf_only=True).deficiencies
    assert [(item.code, item.field) for item in found] == [
        ("DOCUMENT_PDF_ONLY", f"documents[{place}].name") for place in (1, 2, 3)
    ]


def test_no_code_of_a_holder_keeps_an_application_out() -> None:
    kinds = {PROFILE.reasons.reasons[code].kind for code in GIVEN_BY_HOLDERS}
    assert ReasonKind.FORM not in kinds


def test_what_was_once_accepted_loads_under_stricter_rules() -> None:
    # Today's rules would refuse every one of these values.
    old = valid_application(
        applicant={
            "snils": "old-format",
            "email": "somewhere",
            "phone": "12",
            "birth_date": "1900-01-01",
            "name": {"surname": "Ивaнова\n"},
        },
        diploma={"blank": {"series": "№"}, "issued_on": "2099-01-01"},
        institution={"name": "ГБПОУ", "inn": "1", "region": "Москва"},
        graduation_year=3000,
    )
    application = Application.model_validate_json(json.dumps(old))
    assert application.applicant.snils == "old-format"
    assert Application.model_validate_json(application.model_dump_json()) == application
    assert examine(old, PROFILE, TODAY).application is None


@pytest.mark.parametrize(
    "application", [valid_application(), valid_application(diploma={"blank": "unknown"})]
)
def test_an_application_survives_being_written_and_read(application: JsonObject) -> None:
    read = examine(application, PROFILE, TODAY).application
    assert read is not None
    assert Application.model_validate_json(read.model_dump_json()) == read
    assert Application.model_validate(read.model_dump()) == read
    assert examine(read.model_dump(mode="json"), PROFILE, TODAY).application == read


def test_the_schema_of_an_application_can_be_shown() -> None:
    schema = Application.model_json_schema()
    assert schema["properties"]["specialty"]["title"] == "Специальность"
    kinds = schema["$defs"]["DocumentKind"]["enum"]
    assert kinds == [kind.value for kind in DocumentKind]


@pytest.mark.parametrize("day", [0, 86400, "86400", "2026-05-20T00:00:00", "20.05.2026", None])
def test_a_holders_date_is_never_guessed(day: Any) -> None:
    with pytest.raises(ValidationError):
        ProductionRecord.model_validate(
            {"series": "1", "number": "2", "registration_number": "3", "issued_on": day}
        )
    with pytest.raises(ValidationError):
        HandOver.model_validate({"method": "post", "handed_over_on": day, "reference": "4"})
