from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import TODAY, UNHURRIED, documents_without, valid_application, with_value

from adapters.profiles import load_profile
from domain.application import Document
from domain.base import JsonObject
from domain.deficiencies import Deficiency
from domain.examination import (
    CorrectionAssessment,
    _merge_patch,
    assess_correction,
    examine,
    name_objections,
)
from domain.messages import Correction, Objection

PROFILE = load_profile()
LATER = date(2026, 5, 12)

TWO_FAULTS = valid_application(
    delivery={"address": None}, documents=documents_without("passport_registration_page")
)
ADDRESS = ("DELIVERY_ADDRESS_MISSING", "delivery.address")
REGISTRATION = ("PASSPORT_REGISTRATION_PAGE_MISSING", "documents.passport_registration_page")


def correction(*documents: str, **changes: Any) -> Correction:
    return Correction(
        changes=changes,
        documents=tuple(
            Document.model_validate({"kind": kind, "name": f"new-{kind}.pdf", "size_bytes": 10})
            for kind in documents
        ),
    )


def opened(application: JsonObject) -> tuple[Deficiency, ...]:
    return examine(application, PROFILE, TODAY).deficiencies


def objections(*items: tuple[str, str]) -> tuple[Deficiency, ...]:
    known, unknown = name_objections(
        tuple(Objection(code=code, field=field) for code, field in items), PROFILE
    )
    assert not unknown
    return known


def assess(
    base: JsonObject, sent: Correction, open_reasons: tuple[Deficiency, ...]
) -> CorrectionAssessment:
    return assess_correction(base, sent, open_reasons, PROFILE, LATER)


def named(assessment: CorrectionAssessment) -> set[tuple[str, str]]:
    return {(item.code, item.field) for item in assessment.deficiencies}


def test_a_correction_that_mends_nothing_leaves_everything_open() -> None:
    for sent in (correction(), correction(specialty="Сварочное производство")):
        assessment = assess(TWO_FAULTS, sent, opened(TWO_FAULTS))
        assert named(assessment) == {ADDRESS, REGISTRATION}
        assert assessment.application is not None


def test_a_correction_may_mend_one_of_two() -> None:
    sent = correction("passport_registration_page")
    assessment = assess(TWO_FAULTS, sent, opened(TWO_FAULTS))
    assert named(assessment) == {ADDRESS}
    rest = correction(delivery={"address": "город Москва, Яузская улица, дом 12"})
    assert named(assess(assessment.draft, rest, assessment.deficiencies)) == set()


def test_a_correction_may_mend_all() -> None:
    sent = correction("passport_registration_page", delivery={"method": "pickup"})
    assessment = assess(TWO_FAULTS, sent, opened(TWO_FAULTS))
    assert assessment.deficiencies == ()
    assert assessment.application is not None
    assert assessment.application.delivery.method == "pickup"


def test_a_faulty_correction_changes_nothing() -> None:
    sent = correction(
        "passport_registration_page", delivery={"address": "Москва"}, applicant={"snils": "1"}
    )
    assessment = assess(TWO_FAULTS, sent, opened(TWO_FAULTS))
    assert assessment.draft == TWO_FAULTS
    assert assessment.application == examine(TWO_FAULTS, PROFILE, TODAY).application
    assert named(assessment) == {ADDRESS, REGISTRATION, ("SNILS_FORMAT", "applicant.snils")}


@pytest.mark.parametrize(
    "changes",
    [
        {"applicant": None},
        {"applicant": "nobody"},
        {"unknown": 1},
        {"consent": {"given": False}},
    ],
)
def test_no_faulty_correction_spoils_what_was_accepted(changes: dict[str, Any]) -> None:
    base = valid_application()
    reasons = objections(("NAME_MISMATCH", "applicant.name_on_diploma"))
    assessment = assess(base, correction(**changes), reasons)
    assert assessment.draft == base
    assert assessment.application == examine(base, PROFILE, TODAY).application
    assert ("NAME_MISMATCH", "applicant.name_on_diploma") in named(assessment)
    assert len(assessment.deficiencies) > 1


def test_a_holders_objection_is_mended_only_by_a_change_of_its_field() -> None:
    base = valid_application()
    reasons = objections(
        ("SPECIALTY_MISMATCH", "specialty"), ("BIRTH_DATE_MISMATCH", "applicant.birth_date")
    )
    assert named(assess(base, correction(graduation_year=2006), reasons)) == {
        ("SPECIALTY_MISMATCH", "specialty"),
        ("BIRTH_DATE_MISMATCH", "applicant.birth_date"),
    }
    assert named(assess(base, correction(specialty="Сварочное производство"), reasons)) == {
        ("BIRTH_DATE_MISMATCH", "applicant.birth_date")
    }
    assert not named(
        assess(
            base,
            correction(specialty="Сварочное производство", applicant={"birth_date": "1987-03-15"}),
            reasons,
        )
    )


def test_repeating_the_value_that_was_objected_to_mends_nothing() -> None:
    base = valid_application()
    reasons = objections(("SPECIALTY_MISMATCH", "specialty"))
    sent = correction(specialty=base["specialty"])
    assert named(assess(base, sent, reasons)) == {("SPECIALTY_MISMATCH", "specialty")}


def test_an_objection_to_a_whole_part_is_mended_by_a_change_within() -> None:
    reasons = objections(("NAME_MISMATCH", "applicant.name_on_diploma"))
    sent = correction(applicant={"name_on_diploma": {"given_name": "Алена"}})
    assert assess(valid_application(), sent, reasons).deficiencies == ()


def test_an_objection_to_a_scan_is_mended_by_a_new_scan_of_its_kind() -> None:
    base = valid_application()
    reasons = objections(("DOCUMENT_ILLEGIBLE", "documents.grade_book"))
    assert named(assess(base, correction("consent"), reasons)) == {
        ("DOCUMENT_ILLEGIBLE", "documents.grade_book")
    }
    assert assess(base, correction("grade_book"), reasons).deficiencies == ()


def test_an_asked_for_document_is_mended_by_sending_it() -> None:
    reasons = objections(("DOCUMENT_REQUESTED", "documents.no_debt_certificate"))
    sent = correction("no_debt_certificate")
    assert assess(valid_application(), sent, reasons).deficiencies == ()


@pytest.mark.parametrize("field", ["applicant.full_name", "documents[2]", "documents.scan", "?"])
def test_an_objection_to_no_field_of_ours_is_handed_on_to_a_person(field: str) -> None:
    # No correction could ever mend it, and its text may be anybody's name.
    known, unknown = name_objections((Objection(code="NAME_MISMATCH", field=field),), PROFILE)
    assert (known, unknown) == ((), ("NAME_MISMATCH",))


def test_an_unknown_objection_is_handed_on_to_a_person() -> None:
    known, unknown = name_objections(
        (
            Objection(code="NAME_MISMATCH", field="applicant.name_on_diploma"),
            Objection(code="SOMETHING_ELSE", field="specialty"),
        ),
        PROFILE,
    )
    assert [item.code for item in known] == ["NAME_MISMATCH"]
    assert known[0].by_holder
    assert unknown == ("SOMETHING_ELSE",)


def test_documents_are_replaced_by_kind() -> None:
    base = valid_application()
    assessment = assess(base, correction("grade_book", "inn"), ())
    application = assessment.application
    assert application is not None
    names = {document.kind.value: document.name for document in application.documents}
    assert names["grade_book"] == "new-grade_book.pdf"
    assert names["inn"] == "new-inn.pdf"
    assert names["consent"] == "consent.pdf"
    assert len(application.documents) == 6


def test_a_confirmed_fee_is_not_asked_for_again() -> None:
    base = valid_application(documents=documents_without("payment_proof"))
    asked = assess_correction(base, correction(), opened(base), PROFILE, LATER)
    paid = assess_correction(base, correction(), opened(base), PROFILE, LATER, fee_paid=True)
    assert named(asked) == {("PAYMENT_PROOF_MISSING", "documents.payment_proof")}
    assert paid.deficiencies == ()


def test_a_new_fault_is_told_beside_the_open_ones() -> None:
    base = valid_application()
    sent = correction(applicant={"name_on_diploma": {"surname": "Петрова"}})
    reasons = objections(("SPECIALTY_MISMATCH", "specialty"))
    assert named(assess(base, sent, reasons)) == {
        ("NAME_CHANGE_DETAILS_MISSING", "name_change"),
        ("NAME_CHANGE_DOCUMENT_MISSING", "documents.name_change_certificate"),
        ("SPECIALTY_MISMATCH", "specialty"),
    }


def test_a_readable_draft_can_grow_from_an_unreadable_one() -> None:
    base = with_value(valid_application(), "applicant.snils", "1")
    assessment = assess(base, correction(applicant={"snils": "11223344595"}), opened(base))
    assert assessment.deficiencies == ()
    assert assessment.application is not None


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_changes_are_merged_as_rfc_7396_lists_them(target: Any, patch: Any, result: Any) -> None:
    assert _merge_patch(target, patch) == result


values = st.integers() | st.text(max_size=3)
objects = st.recursive(
    st.dictionaries(st.text("abc", max_size=2), values, max_size=3),
    lambda inner: st.dictionaries(st.text("abc", max_size=2), values | inner, max_size=3),
    max_leaves=6,
)


@UNHURRIED
@given(objects, objects)
def test_merging_twice_is_merging_once(target: JsonObject, patch: JsonObject) -> None:
    once = _merge_patch(target, patch)
    assert _merge_patch(once, patch) == once
    assert _merge_patch(target, {}) == target
