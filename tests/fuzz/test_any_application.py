"""Whatever a case file holds: accepted, or faults named by field that repeat nothing personal."""

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import as_json, mutated, places
from terminal import EXAMPLES, Ended, called

from adapters.profiles import load_profile
from starters.bulk import entries_of
from starters.console import examined
from starters.files import BadFile

QUICK = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NUMBER = "7K3M-9QXT-2B4D-6"
LETTERS_NOBODY_USES = "ЖЩЪЫ"
"""No text of ours has them as capitals; mutations put nothing else where a person types."""
OUR_OWN_WORDS = " ".join(
    f"{reason.message} {reason.remedy}" for reason in load_profile().reasons.reasons.values()
)
LEAST_TELLING = 5
"""Characters; a shorter text stands in anything."""


def read_in(folder: str) -> list[Any]:
    files = sorted((EXAMPLES / folder).glob("*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


APPLICATIONS, CORRECTIONS, REPLIES = read_in("."), read_in("corrections"), read_in("replies")
TABLE = (EXAMPLES / "bulk" / "letters.csv").read_text(encoding="utf-8-sig")


class Files:
    """Gives commands with a file of the test's making, in a folder that has the example scans."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = folder / "case.json"
        self._capsys = capsys

    def __call__(self, content: str, *command: str) -> Ended:
        self.file.write_text(content, encoding="utf-8")
        ended = called(self._capsys, *command)
        shown = (ended.out + ended.err).replace("\n", "")
        assert shown.isprintable()
        assert not set(shown) & set(LETTERS_NOBODY_USES)
        return ended


@pytest.fixture
def given_as_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Files:
    shutil.copytree(EXAMPLES / "scans", tmp_path / "scans")
    monkeypatch.chdir(tmp_path)
    return Files(tmp_path, capsys)


def told_by_hand(document: Any) -> Iterator[str]:
    """Texts of a document that a person typed, and that nothing in our own words contains."""
    for inside, key in places(document):
        value = inside[key]
        if not isinstance(value, str) or len(value) < LEAST_TELLING or value in OUR_OWN_WORDS:
            continue
        is_code = value.isascii() and re.sub("[_.]", "", value).isalpha()  # or names a field
        if not is_code:
            yield value


def test_what_is_personal_is_looked_for() -> None:
    for document in APPLICATIONS:
        person = document["applicant"]
        known = {person["email"], person["phone"], person["passport"]["number"]}
        assert known <= {*told_by_hand(document)}


@QUICK
@given(
    application=st.sampled_from(APPLICATIONS).flatmap(mutated),
    command=st.sampled_from([("check",), ("check", "--json"), ("submit",), ("submit", "--json")]),
)
def test_any_application_is_right_or_its_faults_are_named(
    given_as_file: Files, application: Any, command: tuple[str, ...]
) -> None:
    ended = given_as_file(as_json(application), command[0], "case.json", *command[1:])
    assert ended.code in ({0, 2} if command[0] == "check" else {2, 3})
    assert not [text for text in told_by_hand(application) if text in ended.out + ended.err]
    if ended.code == 2 and ended.out:
        for fault in ended.document()["deficiencies"]:
            assert fault["field"]
            assert fault["code"]
            assert fault["message"]
            assert fault["remedy"]


@QUICK
@given(
    application=st.sampled_from(APPLICATIONS),
    begin=st.integers(0, 4000),
    length=st.integers(0, 60),
    inserted=st.sampled_from(["", "{", "}", "[", '"', ",", ":", "\\", "\\ud800", "0", "ЖЩ"]),
)
def test_any_text_with_a_piece_gone_is_right_or_told(
    given_as_file: Files, application: Any, begin: int, length: int, inserted: str
) -> None:
    text = json.dumps(application, ensure_ascii=False, indent=2)
    ended = given_as_file(text[:begin] + inserted + text[begin + length :], "check", "case.json")
    assert ended.code in {0, 2}
    assert not [text for text in told_by_hand(application) if text in ended.out + ended.err]


@QUICK
@given(
    message=st.tuples(st.just("correct"), st.sampled_from(CORRECTIONS).flatmap(mutated))
    | st.tuples(st.just("reply"), st.sampled_from(REPLIES).flatmap(mutated)),
    as_json_too=st.booleans(),
)
def test_any_message_in_a_file_is_right_or_its_faults_are_named(
    given_as_file: Files, message: tuple[str, Any], as_json_too: bool
) -> None:
    command, content = message
    options = ("--json",) if as_json_too else ()
    ended = given_as_file(as_json(content), command, NUMBER, "case.json", *options)
    assert ended.code in {2, 3}
    assert not [text for text in told_by_hand(content) if text in ended.out + ended.err]


CELLS = st.sampled_from(
    [
        *("", " ", "=1+1", '"', "\n", ";", ",", "0", "-1", "1e9", "30.02.2001", "2001-02-30", "да"),
        *("нет", "true", "passport_personal_page=a.pdf=1", "a=b", "=", "==", ";;", "ЖЩЪ", "\u202e"),
    ]
)


@QUICK
@given(
    changes=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60), CELLS), max_size=6),
    delimiter=st.sampled_from(";,"),
)
def test_any_table_of_applications_is_read_or_its_faults_are_named(
    given_as_file: Files, changes: list[tuple[int, int, str]], delimiter: str
) -> None:
    rows = list(csv.reader(io.StringIO(TABLE), delimiter=";"))
    for line, place, cell in changes:
        row = rows[line % len(rows)]
        at = place % (len(row) + 1)  # one more cell, where it is behind the last one
        row[at : at + 1] = [cell]
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows(rows)
    given_as_file.file.write_text(written.getvalue(), encoding="utf-8")
    with suppress(BadFile):
        for entry in entries_of(given_as_file.file):
            with suppress(BadFile):
                assert isinstance(examined(entry.read().application), tuple)
    ended = given_as_file(written.getvalue(), "bulk", "case.json")
    assert ended.code in {2, 3}
