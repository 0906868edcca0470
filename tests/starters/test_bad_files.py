"""Files nobody could process: named, explained, never echoed, never a traceback."""

import json
import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import valid_application, with_value, without
from terminal import EXAMPLES, Cli, Ended, called

from domain.base import JsonObject

QUICK = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Checker:
    """`diploma check` on whatever a test has in mind."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._file = folder / "case.json"
        self._capsys = capsys

    def path(self, file: Path | str, *more: str) -> Ended:
        ended = called(self._capsys, "check", str(file), *more)
        assert ended.code in {0, 2}
        return ended

    def content(self, content: bytes | str, *more: str) -> Ended:
        raw = content if isinstance(content, bytes) else content.encode()
        self._file.write_bytes(raw)
        return self.path(self._file, *more)

    def value(self, value: Any, *more: str) -> Ended:
        return self.content(as_text(value), *more)

    def codes(self, value: Any) -> set[tuple[str, str]]:
        """Field and code of everything found."""
        found = self.value(value, "--json").document()["deficiencies"]
        assert all(item["message"] and item["remedy"] for item in found)
        return {(item["field"], item["code"]) for item in found}


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Checker:
    return Checker(tmp_path, capsys)


def as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def test_a_file_with_twelve_faults_names_all_twelve(check: Checker) -> None:
    application = valid_application()
    faults: dict[str, Any] = {
        "applicant.name.surname": "Сокoлова",
        "applicant.name.given_name": "Алёна\u200b",
        "applicant.birth_date": "1987-02-30",
        "applicant.passport.series": "45O9",
        "applicant.snils": "112-233-445 96",
        "applicant.inn": "772811450601",
        "applicant.email": "alena@example.org, igor@example.org",
        "applicant.phone": "+7 916 CALL ME",
        "institution.name": "ГБПОУ «Яузский политехнический колледж»",
        "graduation_year": "2007",
        "reason": "theft",
        "colour": "red",
    }
    for path, value in faults.items():
        application = with_value(application, path, value)
    assert check.codes(application) == {
        ("applicant.name.surname", "MIXED_ALPHABETS"),
        ("applicant.name.given_name", "INVISIBLE_CHARACTERS"),
        ("applicant.birth_date", "DATE_FORMAT"),
        ("applicant.passport.series", "PASSPORT_SERIES_FORMAT"),
        ("applicant.snils", "SNILS_CHECK_DIGIT"),
        ("applicant.inn", "INN_CHECK_DIGIT"),
        ("applicant.email", "EMAIL_SEVERAL"),
        ("applicant.phone", "PHONE_FORMAT"),
        ("institution.name", "ABBREVIATION"),
        ("graduation_year", "FIELD_WRONG_TYPE"),
        ("reason", "VALUE_NOT_ALLOWED"),
        ("colour", "FIELD_UNKNOWN"),
    }
    shown = check.value(application)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("12 deficiencies\n")
    assert shown.err.count("→") == 12
    for path, value in faults.items():
        assert f" {path}  " in shown.err
        assert f"{value}\n" not in shown.err
        assert path == "colour" or f" {value} " not in shown.err


VALID = as_text(valid_application())
SECRET = "Соколова"
NO_APPLICATIONS: dict[str, tuple[bytes | str, str]] = {
    "empty": ("", "empty"),
    "blank": (" \r\n\t", "empty"),
    "a mark of byte order only": (b"\xef\xbb\xbf", "empty"),
    "not JSON": ("{surname: Соколова}", "line 1, column 2"),
    "cut off": (VALID[:700], "not JSON at line 1"),
    "two objects": (VALID + VALID, "not JSON at line 1"),
    "single quotes": ("{'surname': 'Соколова'}", "line 1, column 2"),
    "a comment": ("{} // Соколова", "not JSON"),
    "zero bytes": (b"\x00" * 64, "not JSON"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "UTF-8"),
    "cp1251": (VALID.encode("cp1251", "replace"), "UTF-8"),
    "UTF-16": (VALID.encode("utf-16"), "UTF-8"),
    "UTF-16 without a mark": (VALID.encode("utf-16-le"), ""),
    "UTF-32": (VALID.encode("utf-32"), "UTF-8"),
    "a surrogate in the bytes": (VALID.encode().replace(b"\xd0\xaf", b"\xed\xa0\x80"), "UTF-8"),
    "half of a surrogate pair": (VALID.replace("Алёна", "\\ud800"), "surrogate"),
    "half of a pair as a key": ('{"\\udfff": "Соколова"}', "surrogate"),
    "arrays without end": ("[" * 100_000, "too deeply"),
    "deep arrays": ("[" * 100_000 + "]" * 100_000, "too deeply"),
    "deep objects": ('{"a":' * 100_000 + "1" + "}" * 100_000, "too deeply"),
    "NaN": (VALID.replace("2007,", "NaN,"), "NaN is no JSON number"),
    "Infinity": (VALID.replace("2007,", "-Infinity,"), "is no JSON number"),
    "1e999": (VALID.replace("2007,", "1e999,"), "too large"),
    "5000 digits": (VALID.replace("2007,", "9" * 5000 + ","), "a number is too large"),
    "a key twice": ('{"channel": "portal",' + VALID[1:], "twice"),
    "an inner key twice": (VALID.replace('"snils"', '"phone": "1", "snils"'), "twice"),
    "an array": (f"[{VALID}]", "holds an array"),
    "a text": ('"Соколова"', "holds a text"),
    "a number": ("17", "holds a number"),
    "null": ("null", "holds null"),
    "true": ("true", "one JSON object"),
    "more than 1 MiB": (VALID + " " * 1024 * 1024, "1 MiB"),
    "a simulation that is none": ('{"simulation": ["Соколова"]}', "simulation takes"),
}


@pytest.mark.parametrize(("content", "named"), NO_APPLICATIONS.values(), ids=NO_APPLICATIONS.keys())
def test_a_file_that_holds_no_application_is_bad_input(
    check: Checker, content: bytes | str, named: str
) -> None:
    ended = check.content(content)
    assert ended.code == 2
    assert named in ended.err
    assert ended.err.startswith("case.json: ")
    assert ended.err.count("\n") == 1
    assert SECRET not in ended.err
    assert "sys." not in ended.err


def _device(_folder: Path) -> Path:
    return Path("/dev/zero")


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def _loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


def _dangling(folder: Path) -> Path:
    (folder / "dangling").symlink_to("nowhere")
    return folder / "dangling"


def _locked(folder: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    file = folder / "locked.json"
    file.write_text(VALID)
    file.chmod(0)
    return file


NO_FILES: dict[str, Callable[[Path], Path]] = {
    "missing": lambda folder: folder / "missing.json",
    "a directory": lambda folder: folder,
    "under a file": lambda _: EXAMPLES / "1-straight.json" / "case.json",
    "a device": _device,
    "a pipe nobody writes to": _pipe,
    "a link to itself": _loop,
    "a link to nothing": _dangling,
    "not readable": _locked,
    "too long a name": lambda folder: folder / ("x" * 5000),
    "a name with terminal commands": lambda folder: folder / "a\x1b[31m\nb\u202e[bold]c",
}


@pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES.keys())
def test_what_is_no_readable_file_is_bad_input(
    check: Checker, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    ended = check.path(make(tmp_path))
    assert ended.code == 2
    assert ended.err.rstrip("\n").isprintable()
    assert len(ended.err) < 200


def test_an_empty_name_is_bad_input(check: Checker) -> None:
    assert check.path("").code == 2


WRONG_FIELDS: tuple[tuple[str, Any, str], ...] = (
    ("applicant", None, "FIELD_MISSING"),
    ("applicant", [], "FIELD_WRONG_TYPE"),
    ("applicant.name.surname", None, "FIELD_MISSING"),
    ("applicant.name.surname", 17, "FIELD_WRONG_TYPE"),
    ("applicant.name.surname", " ", "EMPTY"),
    ("applicant.name.surname", "Соко\nлова", "LINE_BREAK"),
    ("applicant.name.surname", "Соко\u2028лова", "LINE_BREAK"),
    ("applicant.name.surname", "Соко\u00adлова", "INVISIBLE_CHARACTERS"),
    ("applicant.name.surname", "\u202eаволокоС", "INVISIBLE_CHARACTERS"),
    ("applicant.name.surname", "Соколова\x07", "INVISIBLE_CHARACTERS"),
    ("applicant.name.surname", "Coкoлoвa", "MIXED_ALPHABETS"),
    ("applicant.name.surname", "—", "NAME_WITHOUT_LETTERS"),
    ("applicant.name.surname", "я" * 101, "TEXT_TOO_LONG"),
    ("applicant.birth_date", "2999-01-01", "DATE_IN_FUTURE"),
    ("applicant.birth_date", "30.02.1987", "DATE_FORMAT"),
    ("applicant.birth_date", 540_000_000, "DATE_FORMAT"),
    ("applicant.birth_date", "1887-03-14", "DATE_TOO_EARLY"),
    ("diploma.issued_on", "2007-02-30", "DATE_FORMAT"),
    ("graduation_year", True, "FIELD_WRONG_TYPE"),
    ("graduation_year", 2007.0, "FIELD_WRONG_TYPE"),
    ("graduation_year", 10**299, "YEAR_IMPOSSIBLE"),
    ("applicant.snils", "998-877-66", "SNILS_FORMAT"),
    ("applicant.snils", "112-233-445 94", "SNILS_CHECK_DIGIT"),
    ("institution.inn", "7700001548", "INN_CHECK_DIGIT"),
    ("institution.inn", "772811450600", "INN_10_FORMAT"),
    ("institution.region", "99", "REGION_UNKNOWN"),
    ("institution.region", "٧٧", "REGION_UNKNOWN"),
    ("institution.name", "Колледж им. Попова", "ABBREVIATION"),
    ("specialty", "Специалист СПО", "ABBREVIATION"),
    ("applicant.email", "a@example.org\nBcc: b@example.org", "EMAIL_SEVERAL"),
    ("applicant.email", "a\n@example.org", "EMAIL_FORMAT"),
    ("applicant.email", "a@example.org;b@example.org", "EMAIL_SEVERAL"),
    ("applicant.email", "Мария <a@example.org>", "EMAIL_FORMAT"),
    ("applicant.email", "a@ex\u0430mple.org", "MIXED_ALPHABETS"),
    ("expedited", "yes", "FIELD_WRONG_TYPE"),
    ("consent.given", 1, "FIELD_WRONG_TYPE"),
    ("submission_id", "портал 17", "REFERENCE_FORMAT"),
    ("documents", {"kind": "consent"}, "FIELD_WRONG_TYPE"),
)


@pytest.mark.parametrize(
    ("path", "value", "code"), WRONG_FIELDS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_wrong_field_is_named_and_its_value_is_not_repeated(
    check: Checker, path: str, value: Any, code: str
) -> None:
    application = with_value(valid_application(), path, value)
    assert (path, code) in check.codes(application)
    shown = check.value(application)
    assert shown.code == 2
    assert path in shown.err
    assert code in shown.err
    if isinstance(value, str) and len(value.strip()) > 2:
        assert value not in shown.err


@pytest.mark.parametrize("name", ["Сергеевна 4509 718243", "m.sokolova@example.org", "\u202e", ""])
def test_the_name_of_an_unknown_field_is_not_repeated(check: Checker, name: str) -> None:
    shown = check.value({**valid_application(), name: SECRET})
    assert shown.code == 2
    assert "FIELD_UNKNOWN" in shown.err
    assert SECRET not in shown.err
    assert not name or name not in shown.err


@pytest.mark.parametrize(
    "field", ["applicant", "applicant.snils", "diploma", "institution.inn", "consent", "specialty"]
)
def test_a_missing_field_is_named(check: Checker, field: str) -> None:
    assert (field, "FIELD_MISSING") in check.codes(without(valid_application(), field))


def named_everywhere(**parts: str) -> JsonObject:
    application = valid_application()
    for part, value in parts.items():
        for name in ("name", "name_on_diploma"):
            application = with_value(application, f"applicant.{name}.{part}", value)
    return application


@pytest.mark.parametrize(
    "application",
    [
        with_value(valid_application(), "applicant.snils", "１１２２３３４４５９５"),
        with_value(valid_application(), "applicant.passport.number", "７１８２４３"),
        with_value(valid_application(), "applicant.name.given_name", "Алена"),
        with_value(valid_application(), "applicant.name.given_name", "Але\u0308на"),
        named_everywhere(surname="О"),
        named_everywhere(surname="Зайцева", given_name="Маи\u0306я"),
        named_everywhere(surname="{{ 7 * 7 }} Соколова"),
        named_everywhere(surname="<script>alert(1)</script> Соколова"),
        named_everywhere(surname="[bold]Соколова[/]"),
        without(
            without(valid_application(), "applicant.name.patronymic"),
            "applicant.name_on_diploma.patronymic",
        ),
    ],
    ids=lambda application: application["applicant"]["name"]["surname"],
)
def test_what_is_only_unusual_is_accepted(check: Checker, application: JsonObject) -> None:
    assert check.codes(application) == set()


def test_a_mark_of_byte_order_is_no_fault(check: Checker) -> None:
    assert check.content(b"\xef\xbb\xbf" + VALID.encode()).code == 0


async def test_the_real_command_does_the_same(lonely: Cli) -> None:
    good = await lonely("check", str(EXAMPLES / "1-straight.json"))
    device = await lonely("check", "/dev/zero")
    deep = lonely.folder / "deep.json"
    deep.write_text('{"a":' * 100_000)
    too_deep = await lonely("check", str(deep))
    incomplete = await lonely("check", str(EXAMPLES / "2-incomplete.json"), "--json")
    assert [ended.code for ended in (good, device, too_deep, incomplete)] == [0, 2, 2, 2]
    assert len(incomplete.document()["deficiencies"]) == 2


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)


@given(value=ANYTHING)
@QUICK
def test_any_json_is_accepted_or_bad_input(check: Checker, value: Any) -> None:
    check.content(json.dumps(value))


@given(content=st.binary(max_size=200))
@QUICK
def test_any_bytes_are_bad_input(check: Checker, content: bytes) -> None:
    assert check.content(content).code == 2


def places(value: Any) -> list[tuple[Any, ...]]:
    """The way to every value inside a JSON document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, ...]] = []
    for key, inner in pairs:
        found.append((key,))
        if isinstance(inner, dict | list):
            found += [(key, *rest) for rest in places(inner)]
    return found


@given(place=st.sampled_from(places(valid_application())), value=ANYTHING)
@QUICK
def test_a_valid_application_with_anything_in_any_place_is_accepted_or_bad_input(
    check: Checker, place: tuple[Any, ...], value: Any
) -> None:
    application: Any = deepcopy(valid_application())
    part = application
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    check.content(json.dumps(application))
