from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError
from samples import UNHURRIED
from stdnum.ru import inn as ru_inn

from domain.identifiers import (
    blank_mark,
    email_address,
    organisation_inn,
    passport_number,
    passport_series,
    person_inn,
    phone_number,
    snils,
)

bodies = st.integers(1_001_999, 999_999_999)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def refusal(rule: Callable[[str], str], value: str) -> str:
    with pytest.raises(PydanticCustomError) as caught:
        rule(value)
    assert value.strip() == "" or value not in str(caught.value)
    return caught.value.type


def snils_sum(body: str) -> int:
    return sum(int(digit) * weight for digit, weight in zip(body, range(9, 0, -1), strict=True))


def snils_of(body: int) -> str:
    digits = f"{body:09d}"
    return f"{digits}{snils_sum(digits) % 101 % 100:02d}"


def changed(digits: str, place: int, digit: int) -> str:
    return f"{digits[:place]}{digit}{digits[place + 1 :]}"


@UNHURRIED
@given(bodies)
def test_a_snils_with_its_check_number_has_one_spelling(body: int) -> None:
    digits = snils_of(body)
    spelt = f"{digits[:3]}-{digits[3:6]}-{digits[6:9]} {digits[9:]}"
    for typed in (digits, spelt, f" {spelt} ", digits.translate(FULL_WIDTH)):
        assert snils(typed) == spelt
    assert snils(snils(digits)) == spelt


@UNHURRIED
@given(bodies, st.integers(0, 10), st.integers(0, 9))
def test_one_wrong_digit_of_a_snils_is_caught(body: int, place: int, digit: int) -> None:
    right = snils_of(body)
    wrong = changed(right, place, digit)
    assume(wrong != right)
    assume(int(wrong[:9]) > 1_001_998)
    # Sums with remainder 100 are written 00, so they alone may pass for remainder 0.
    assume({snils_sum(number[:9]) % 101 for number in (right, wrong)} != {0, 100})
    assert refusal(snils, wrong) == "SNILS_CHECK_DIGIT"


def test_a_known_snils() -> None:
    assert snils("11223344595") == "112-233-445 95"
    assert refusal(snils, "112-233-445 96") == "SNILS_CHECK_DIGIT"


def test_a_snils_given_out_before_check_numbers_is_accepted() -> None:
    assert snils("001-001-998 37") == "001-001-998 37"


def test_a_remainder_of_one_hundred_is_written_as_two_zeros() -> None:
    body = next(
        number for number in range(2_000_000, 3_000_000) if snils_sum(f"{number:09d}") % 101 == 100
    )
    assert snils(f"{body:09d}00").endswith(" 00")


@pytest.mark.parametrize(
    "typed", ["1122334459", "112233445955", "11223344S95", "١١٢٢٣٣٤٤٥٩٥", "одиннадцать"]
)
def test_a_snils_of_another_form_is_refused(typed: str) -> None:
    code = refusal(snils, typed)
    assert code in {"SNILS_FORMAT", "INVISIBLE_CHARACTERS"}


@UNHURRIED
@given(st.integers(1, 999_999_999), st.integers(0, 9), st.integers(0, 9))
def test_one_wrong_digit_of_an_organisations_inn_is_caught(
    body: int, place: int, digit: int
) -> None:
    weights = (2, 4, 10, 3, 5, 9, 4, 6, 8)

    def remainder(number: str) -> int:
        return sum(int(d) * w for d, w in zip(number[:9], weights, strict=True)) % 11

    digits = f"{body:09d}"
    right = digits + ru_inn.calc_company_check_digit(digits)
    assert organisation_inn(right) == right
    wrong = changed(right, place, digit)
    assume(wrong != right)
    # Remainder 10 is written 0, so it alone may pass for remainder 0.
    assume({remainder(right), remainder(wrong)} != {0, 10})
    assert refusal(organisation_inn, wrong) == "INN_CHECK_DIGIT"


@UNHURRIED
@given(st.integers(1, 9_999_999_999), st.integers(0, 9))
def test_one_wrong_digit_in_the_end_of_a_persons_inn_is_caught(body: int, digit: int) -> None:
    digits = f"{body:010d}"
    right = digits + ru_inn.calc_personal_check_digits(digits)
    assert person_inn(right.translate(FULL_WIDTH)) == right
    wrong = changed(right, 11, digit)
    assume(wrong != right)
    assert refusal(person_inn, wrong) == "INN_CHECK_DIGIT"


def test_the_two_kinds_of_inn_are_not_mixed_up() -> None:
    assert refusal(person_inn, "7700001549") == "INN_12_FORMAT"
    assert refusal(organisation_inn, "772811450600") == "INN_10_FORMAT"


@pytest.mark.parametrize(
    ("rule", "typed", "stored"),
    [
        (passport_series, "45 09", "4509"),
        (passport_series, "４５０９", "4509"),
        (passport_number, "718-243", "718243"),
        (passport_number, " 718243 ", "718243"),
        (blank_mark, "77спа", "77СПА"),
        (blank_mark, "９０ ББ", "90 ББ"),
        (blank_mark, "ЖТ-I", "ЖТ-I"),
    ],
)
def test_numbers_of_papers_have_one_spelling(
    rule: Callable[[str], str], typed: str, stored: str
) -> None:
    assert rule(typed) == stored
    assert rule(stored) == stored


@pytest.mark.parametrize(
    ("rule", "typed", "code"),
    [
        (passport_series, "450", "PASSPORT_SERIES_FORMAT"),
        (passport_series, "45О9", "PASSPORT_SERIES_FORMAT"),
        (passport_number, "7182430", "PASSPORT_NUMBER_FORMAT"),
        (blank_mark, "№ 12", "DIPLOMA_MARK_FORMAT"),
        (blank_mark, "7" * 21, "DIPLOMA_MARK_FORMAT"),
        (blank_mark, "<b>", "DIPLOMA_MARK_FORMAT"),
    ],
)
def test_numbers_of_papers_in_another_form_are_refused(
    rule: Callable[[str], str], typed: str, code: str
) -> None:
    assert refusal(rule, typed) == code


@pytest.mark.parametrize(
    "typed",
    [
        "+7 916 123-45-67",
        "8 (916) 123-45-67",
        "89161234567",
        "9161234567",
        "７９１６１２３４５６７",
        "+7\u00a0916\u00a01234567",
    ],
)
def test_a_phone_has_one_spelling(typed: str) -> None:
    assert phone_number(typed) == "+79161234567"
    assert phone_number("+79161234567") == "+79161234567"


def test_a_foreign_phone_is_accepted_with_its_country_code() -> None:
    assert phone_number("+374 10 123456") == "+37410123456"


@pytest.mark.parametrize(
    "typed",
    [
        "12",
        "1234567",
        "+7 916 123-45-67, +7 916 123-45-68",
        "+79161234567/+79161234568",
        "+7 916 123-45-67 доб. 12",
        "+79161234567;ext=1",
        "8-800-FLOWERS",
        "позвоните соседу",
        "<b>+79161234567</b>",
    ],
)
def test_what_is_no_single_phone_is_refused(typed: str) -> None:
    assert refusal(phone_number, typed) == "PHONE_FORMAT"


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Ivan.Petrov@Example.ORG", "Ivan.Petrov@example.org"),
        (" ivan@example.org\n", "ivan@example.org"),
        ("o'neil+diploma@example.org", "o'neil+diploma@example.org"),
        ("ivan@пример.рф", "ivan@xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_an_address_has_one_spelling(typed: str, stored: str) -> None:
    assert email_address(typed) == stored
    assert email_address(stored) == stored


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("ivan@example.org, anna@example.org", "EMAIL_SEVERAL"),
        ("ivan@example.org;anna@example.org", "EMAIL_SEVERAL"),
        ("ivan@example.org anna@example.org", "EMAIL_SEVERAL"),
        ("ivan@example.org\nBcc: anna@example.org", "EMAIL_SEVERAL"),
        ("ivan@example.org\nSubject: hello", "EMAIL_FORMAT"),
        ("Ivan <ivan@example.org>", "EMAIL_FORMAT"),
        ("ivan@example.org,", "EMAIL_FORMAT"),
        ("ivan", "EMAIL_FORMAT"),
        ("ivan@", "EMAIL_FORMAT"),
        ("ivan@localhost", "EMAIL_FORMAT"),
        ("ivan@[127.0.0.1]", "EMAIL_FORMAT"),
        ("иван@example.org", "EMAIL_FORMAT"),
        ("iv\u200ban@example.org", "EMAIL_FORMAT"),
        ("ivan@exаmple.org", "MIXED_ALPHABETS"),
        ("", "EMAIL_FORMAT"),
    ],
)
def test_what_is_no_single_address_is_refused(typed: str, code: str) -> None:
    assert refusal(email_address, typed) == code
