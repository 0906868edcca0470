import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import UNHURRIED, valid_application, with_value, without

from domain.numbers import ALPHABET, BadControlNumber, control_number, parse_control_number

SHAPE = re.compile(
    r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]"
)
NUMBER = control_number(valid_application())
SYMBOLS = NUMBER.replace("-", "")

submissions = st.text(min_size=1, max_size=40)


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in leaves(item)]
    if isinstance(value, list):
        return [text for item in value for text in leaves(item)]
    return [str(value)]


def test_the_same_submission_has_the_same_number() -> None:
    assert control_number(valid_application()) == NUMBER
    backwards = dict(reversed(list(valid_application().items())))
    assert control_number(backwards) == NUMBER


def test_the_number_never_changes_between_versions() -> None:
    # Cases already filed are found by it.
    assert control_number({"submission_id": "portal-2026-000017"}) == "A88V-7SC0-SWHD-4"
    first_filed = without(valid_application(submission_id=None), "consent.reference")
    assert control_number(first_filed) == "SGQH-KKFK-GEW0-M"
    assert parse_control_number(NUMBER) == NUMBER
    assert SHAPE.fullmatch(NUMBER)


def test_with_a_submission_id_nothing_else_matters() -> None:
    other = valid_application(applicant={"snils": "001-001-998 00"}, specialty="Сварочное дело")
    assert control_number(other) == NUMBER


@pytest.mark.parametrize("absent", [None, ""])
def test_without_a_submission_id_every_field_matters(absent: str | None) -> None:
    plain = valid_application(submission_id=absent)
    number = control_number(plain)
    assert number != NUMBER
    assert number == control_number(valid_application(submission_id=absent))
    assert number != control_number(with_value(plain, "applicant.passport.number", "718244"))
    assert number != control_number(without(plain, "applicant.inn"))


def test_a_submission_id_that_is_no_text_is_part_of_the_content() -> None:
    assert control_number({"submission_id": 17}) != control_number({"submission_id": "17"})


def test_nothing_of_the_content_appears_in_the_number() -> None:
    for application in (valid_application(), valid_application(submission_id=None)):
        number = control_number(application)
        told = [text.upper() for text in leaves(application) if len(text) >= 4]
        assert not any(text in number or text in number.replace("-", "") for text in told)
        digits = [re.sub(r"\D", "", text) for text in told]
        assert not any(len(run) >= 4 and run in number.replace("-", "") for run in digits)


@UNHURRIED
@given(submissions, submissions)
def test_different_submissions_have_different_numbers(one: str, other: str) -> None:
    same = control_number({"submission_id": one}) == control_number({"submission_id": other})
    assert same == (one == other)


@settings(deadline=None, max_examples=30)
@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers() | st.booleans()))
def test_any_content_at_all_has_a_number(content: dict[str, Any]) -> None:
    assert SHAPE.fullmatch(control_number(json.loads(json.dumps(content))))


@pytest.mark.parametrize("place", range(len(SYMBOLS)))
def test_the_check_character_catches_every_single_wrong_symbol(place: int) -> None:
    for symbol in ALPHABET:
        mistyped = SYMBOLS[:place] + symbol + SYMBOLS[place + 1 :]
        if symbol == SYMBOLS[place]:
            assert parse_control_number(mistyped) == NUMBER
        else:
            with pytest.raises(BadControlNumber, match="check character"):
                parse_control_number(mistyped)


@UNHURRIED
@given(submissions, st.integers(0, 12), st.sampled_from(ALPHABET))
def test_so_it_does_in_any_number(submission: str, place: int, symbol: str) -> None:
    symbols = control_number({"submission_id": submission}).replace("-", "")
    if symbols[place] != symbol:
        with pytest.raises(BadControlNumber):
            parse_control_number(symbols[:place] + symbol + symbols[place + 1 :])


@pytest.mark.parametrize(
    "typed",
    [NUMBER.lower(), SYMBOLS, f"  {NUMBER} \n", NUMBER.replace("-", " "), SYMBOLS.lower()],
)
def test_a_number_is_read_however_it_was_typed(typed: str) -> None:
    assert parse_control_number(typed) == NUMBER


def test_letters_read_as_digits_are_taken_for_them() -> None:
    for attempt in range(200):
        number = control_number({"submission_id": f"look-alike-{attempt}"})
        if "0" in number and "1" in number:
            assert parse_control_number(number.replace("0", "O").replace("1", "I")) == number
            assert parse_control_number(number.replace("0", "o").replace("1", "l")) == number
            return
    pytest.fail("no number with both digits found")


@pytest.mark.parametrize(
    "typed", ["", "7K3M", SYMBOLS + "0", SYMBOLS[:-1], "U" * 13, "Ж" * 13, "'; drop table --"]
)
def test_what_is_no_number_is_refused_with_a_hint(typed: str) -> None:
    with pytest.raises(BadControlNumber, match="letters and digits"):
        parse_control_number(typed)


def test_the_example_in_the_hint_is_a_number() -> None:
    with pytest.raises(BadControlNumber) as caught:
        parse_control_number("?")
    example = str(caught.value).rpartition("as in ")[2]
    assert parse_control_number(example) == example
