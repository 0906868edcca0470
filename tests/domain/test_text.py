import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError
from samples import UNHURRIED

from domain.application import PersonName
from domain.text import (
    comparable,
    full_title,
    half_width,
    line_of_text,
    person_name_part,
    tidy,
)

letters = st.text("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", min_size=1, max_size=30)


@pytest.mark.parametrize(
    "name",
    [
        "О",
        "Ли",
        "Иванов-Петров",
        "Д'Артаньян",
        "Мамед-оглы",
        "де ла Крус",
        "Ԓыгъоравэтԓьан",
        "Smith",
        "{{ 7 * 7 }} Иванов",
        "{% raw %}",
        "<script>alert(1)</script>",
        "Иванов<br>",
        "${name} %s & Co",
    ],
)
def test_a_name_is_taken_as_it_stands(name: str) -> None:
    assert person_name_part(name) == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "EMPTY"),
        ("   ", "EMPTY"),
        ("\u00a0\u2003", "EMPTY"),
        ("-", "NAME_WITHOUT_LETTERS"),
        ("12", "NAME_WITHOUT_LETTERS"),
        ("Ив\nанов", "LINE_BREAK"),
        ("Иванов\r\nBcc: other@example.org", "LINE_BREAK"),
        ("Ив\u2028анов", "LINE_BREAK"),
        ("Ив\x85анов", "LINE_BREAK"),
        ("Ив\u200bанов", "INVISIBLE_CHARACTERS"),
        ("\ufeffИванов", "INVISIBLE_CHARACTERS"),
        ("Ива\u00adнов", "INVISIBLE_CHARACTERS"),
        ("Иванов\u202e", "INVISIBLE_CHARACTERS"),
        ("\u2067Иванов\u2069", "INVISIBLE_CHARACTERS"),
        ("Ив\x00анов", "INVISIBLE_CHARACTERS"),
        ("Иванов\x1b[31m", "INVISIBLE_CHARACTERS"),
        ("\u3164", "INVISIBLE_CHARACTERS"),
        ("Ив\ufe0fанов", "INVISIBLE_CHARACTERS"),
        ("Иванов\u2800", "INVISIBLE_CHARACTERS"),
        ("Иванов\ue000", "INVISIBLE_CHARACTERS"),
        ("\ud800", "INVISIBLE_CHARACTERS"),
        ("שלום", "INVISIBLE_CHARACTERS"),
        ("Иванов محمد", "INVISIBLE_CHARACTERS"),
        ("Ивaнов", "MIXED_ALPHABETS"),
        ("Cоколова", "MIXED_ALPHABETS"),
        ("Иванοв", "MIXED_ALPHABETS"),
        ("Петров-Cop", "MIXED_ALPHABETS"),
        ("Иванов Ａ", "MIXED_ALPHABETS"),
        ("я" * 101, "TEXT_TOO_LONG"),
    ],
)
def test_a_name_nobody_can_have_is_refused(name: str, code: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        person_name_part(name)
    assert caught.value.type == code


@UNHURRIED
@given(letters, letters, st.text("\u200b\u200e\u202a\u202e\u2060\u2066\ufeff\u00ad", min_size=1))
def test_an_invisible_character_is_found_wherever_it_hides(
    before: str, after: str, hidden: str
) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        person_name_part(before + hidden + after)
    assert caught.value.type == "INVISIBLE_CHARACTERS"


@UNHURRIED
@given(letters, st.sampled_from("ABCEHKMOPTXYaceopxyk"), letters)
def test_a_latin_look_alike_is_found_wherever_it_hides(before: str, latin: str, after: str) -> None:
    for name in (before + latin, latin + after, before + latin + after):
        with pytest.raises(PydanticCustomError) as caught:
            person_name_part(name)
        assert caught.value.type == "MIXED_ALPHABETS"


def test_spaces_are_made_single_and_edges_trimmed() -> None:
    assert tidy("  Анна \u00a0 Мария\u2003Луиза\n") == "Анна Мария Луиза"


@UNHURRIED
@given(letters)
def test_tidying_twice_changes_nothing_more(text: str) -> None:
    once = tidy(unicodedata.normalize("NFD", f" {text} "))
    assert tidy(once) == once == text


@UNHURRIED
@given(letters)
def test_names_equal_up_to_yo_case_and_composition_are_the_same(text: str) -> None:
    for variant in (
        text.replace("ё", "е"),
        text.upper(),
        text.title(),
        unicodedata.normalize("NFD", text),
    ):
        assert comparable(variant) == comparable(text)


def test_a_person_is_the_same_with_e_for_yo_and_a_decomposed_short_i() -> None:
    one = PersonName(surname="Королёв", given_name="Андрей", patronymic="Сергеевич")
    other = PersonName(
        surname="КОРОЛЕВ",
        given_name=unicodedata.normalize("NFD", "Андрей"),
        patronymic="Сергеевич",
    )
    assert one.same_as(other)
    assert not one.same_as(other.model_copy(update={"given_name": "Андреи"}))
    assert not one.same_as(other.model_copy(update={"patronymic": None}))


def test_full_width_digits_are_read_as_ordinary_ones() -> None:
    assert half_width("４５０９ ７１８２４３") == "4509 718243"


@pytest.mark.parametrize(
    "title",
    [
        "Государственное бюджетное профессиональное образовательное учреждение города Москвы «Колледж связи № 54» имени П. М. Вострухина",
        "Государственное бюджетное профессиональное образовательное учреждение города Москвы «Колледж связи № 54» имени П.М. Вострухина",
        "Санкт-Петербургский горный университет императрицы Екатерины II",
        "Областное государственное автономное профессиональное образовательное учреждение «Белгородский индустриальный колледж»",
        "Государственное автономное учреждение Калининградской области профессиональная образовательная организация «Колледж сервиса и туризма»",
        "ГОСУДАРСТВЕННОЕ БЮДЖЕТНОЕ ПРОФЕССИОНАЛЬНОЕ ОБРАЗОВАТЕЛЬНОЕ УЧРЕЖДЕНИЕ «ПЕРВЫЙ КОЛЛЕДЖ»",
        "Профессиональное училище № 13",
        "Информационные системы и программирование (по отраслям)",
        "09.02.07 Информационные системы и программирование",
        "Земельно-имущественные отношения",
        "Сервис и обслуживание в общественном питании; уровень 2",
    ],
)
def test_a_full_title_is_accepted(title: str) -> None:
    assert full_title(title) == title


@pytest.mark.parametrize(
    "title",
    [
        "ГБПОУ «Колледж связи № 54»",
        "Гбпоу «Колледж связи № 54»",
        "гапоу «Колледж связи»",
        "«Колледж связи № 54» им. П. М. Вострухина",
        "Гос. бюджетное учреждение «Колледж связи»",
        "Колледж связи г. Москвы",
        "Колледж МИИТ",
        "Областное учреждение СПО «Колледж»",
        "Санкт-Петербургское училище СПб",
        "Техн. обслуживание и ремонт автомобилей",
        "Техобслуживание и рем. автомобилей",
        "ГБПОУ КОЛЛЕДЖ СВЯЗИ",
        "Монтаж оборудования ТЭЦ",
        "Экономика и бух. учёт",
    ],
)
def test_an_abbreviation_is_refused(title: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        full_title(title)
    assert caught.value.type == "ABBREVIATION"


def test_an_abbreviation_in_look_alikes_is_refused_as_such() -> None:
    with pytest.raises(PydanticCustomError) as caught:
        full_title("OAO «Колледж связи»")
    assert caught.value.type == "MIXED_ALPHABETS"


@pytest.mark.parametrize(("length", "passes"), [(300, True), (301, False)])
def test_a_line_has_at_most_300_characters(length: int, passes: bool) -> None:
    if passes:
        assert line_of_text("я" * length)
        assert full_title("я" * length)
        return
    for rule in (line_of_text, full_title):
        with pytest.raises(PydanticCustomError) as caught:
            rule("я" * length)
        assert caught.value.type == "TEXT_TOO_LONG"


def test_an_error_never_repeats_the_text() -> None:
    with pytest.raises(PydanticCustomError) as caught:
        person_name_part("Секретоваb")
    assert "Секрет" not in str(caught.value)
    assert "Секрет" not in repr(caught.value)
