"""What may stand in a message (R13): short texts, numbers of parcels, news of a certificate."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from samples import UNHURRIED

from domain.certificates import CertificateChanged
from domain.identifiers import blank_key
from domain.messages import (
    CertificateRequested,
    CodeRequested,
    ContactConfirmed,
    Correction,
    GivenForAnother,
    HandOver,
    HolderReply,
    Identifier,
    Mark,
    ParcelReport,
    ProductionRecord,
    SuspensionLifted,
    Tracking,
    WithdrawalRequested,
)
from domain.notices import NoticeEvent

MARK = TypeAdapter[str](Mark)
TRACKING = TypeAdapter[str](Tracking)
IDENTIFIER = TypeAdapter[str](Identifier)
controls = st.characters(categories=["Cc"])
printed = st.characters(exclude_categories=["Cc", "Cs"])
NEWS: dict[str, Any] = {
    "event": "certificate_issued",
    "number": "7K3M-9QXT-2B4D-6/1",
    "state": "in_force",
}
GIVEN_FOR_ANOTHER: dict[type[GivenForAnother], dict[str, Any]] = {
    Correction: {},
    HolderReply: {"verdict": "confirmed"},
    ProductionRecord: {
        "series": "117704",
        "number": "0000001",
        "registration_number": "1/26",
        "issued_on": "2026-05-20",
    },
    HandOver: {"method": "pickup", "handed_over_on": "2026-06-12", "reference": "АПП-17"},
    ParcelReport: {"tracking": "80110000000017", "event": "sent", "reported_on": "2026-05-21"},
    WithdrawalRequested: {},
    SuspensionLifted: {},
    ContactConfirmed: {},
    CodeRequested: {},
    CertificateRequested: {},
}
"""What staff may give in somebody's place, at its shortest."""


def is_taken(kind: TypeAdapter[str], text: str) -> bool:
    try:
        kind.validate_python(text)
    except ValidationError:
        return False
    return True


@UNHURRIED
@given(st.text(printed, min_size=1, max_size=60))
def test_a_short_printed_text_is_taken_without_the_space_around_it(text: str) -> None:
    inner = text.strip()
    if inner and unicodedata.is_normalized("NFC", inner):
        assert MARK.validate_python(text) == inner


@UNHURRIED
@given(st.text(printed, min_size=1, max_size=20), controls, st.text(printed, max_size=20))
def test_a_control_character_inside_is_never_taken(before: str, control: str, after: str) -> None:
    text = f"а{before}{control}{after}б"
    assert not is_taken(MARK, text)
    assert not is_taken(TRACKING, text)
    assert not is_taken(IDENTIFIER, text)


@pytest.mark.parametrize("text", ["", " ", "\u00a0", "а" * 61])
def test_a_text_that_says_nothing_or_too_much_is_not_taken(text: str) -> None:
    assert not is_taken(MARK, text)


@pytest.mark.parametrize("number", ["80110000000017", "RA123456785RU", "1Z-999-AA1"])
def test_the_number_of_a_parcel_is_taken(number: str) -> None:
    assert is_taken(TRACKING, number)


@pytest.mark.parametrize(
    "text",
    ["", "123", "-8011000", "80110000000017\n", "Иванова Мария", "4509 718243", "8" * 41],
)
def test_nothing_else_is_the_number_of_a_parcel(text: str) -> None:
    assert not is_taken(TRACKING, text)


@pytest.mark.parametrize("event", NoticeEvent)
def test_news_of_a_certificate_are_its_own_and_no_others(event: NoticeEvent) -> None:
    own = {"issued", "reminder", "renewed", "expired"}
    expected = event.startswith("certificate_") and event.removeprefix("certificate_") in own
    try:
        CertificateChanged.model_validate({**NEWS, "event": event.value})
    except ValidationError:
        assert not expected
    else:
        assert expected


@pytest.mark.parametrize("number", ["", "7K3M/1", "Иванова Мария", "7K3M-9QXT-2B4D-6/1\n"])
def test_the_number_of_a_certificate_is_that_of_its_case(number: str) -> None:
    with pytest.raises(ValidationError):
        CertificateChanged.model_validate({**NEWS, "number": number})


@pytest.mark.parametrize("typed", ["АВ 0031942", "ав0031942", "AB-0031942", "ａｂ００３１９４２"])
def test_a_blanks_number_is_the_same_however_it_is_typed(typed: str) -> None:
    assert blank_key(typed) == "АВ0031942"


@UNHURRIED
@given(st.text("0123456789АВСабв ABCabc-№", max_size=20))
def test_the_key_of_a_number_is_its_own_key(typed: str) -> None:
    assert blank_key(blank_key(typed)) == blank_key(typed)
    assert blank_key(f" {typed.lower()} ") == blank_key(typed.upper())


@pytest.mark.parametrize(("one", "other"), [("1", "11"), ("А1", "В1"), ("0031942", "31942")])
def test_different_numbers_stay_different(one: str, other: str) -> None:
    assert blank_key(one) != blank_key(other)


@pytest.mark.parametrize("kind", GIVEN_FOR_ANOTHER, ids=lambda kind: kind.__name__)
def test_a_message_given_for_another_may_name_the_officer(kind: type[GivenForAnother]) -> None:
    content = GIVEN_FOR_ANOTHER[kind]
    own = kind.model_validate(content)
    given = kind.model_validate(content | {"officer": "officer-7"})
    assert own.officer is None
    assert "officer" not in own.model_dump(mode="json")
    assert given.model_dump(mode="json")["officer"] == "officer-7"
    assert given.unsigned() == own
    assert "officer" in kind.model_json_schema()["properties"]
    with pytest.raises(ValidationError):
        kind.model_validate(content | {"officer": "Мария Соколова"})


def test_every_message_given_for_another_is_tried_here() -> None:
    assert set(GivenForAnother.__subclasses__()) == set(GIVEN_FOR_ANOTHER)


def test_a_withdrawal_keeps_the_consent_unless_it_says_so() -> None:
    assert WithdrawalRequested().model_dump() == {"reason": None}
    assert WithdrawalRequested(consent_withdrawn=True).model_dump()["consent_withdrawn"] is True
