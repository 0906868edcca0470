"""The directory of holders as a CSV file (R6): every fault is named, nothing is half written."""

import csv
import io
import os
import stat
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stdnum.ru import inn as ru_inn

from adapters.holders_csv import COLUMNS, MAX_LINES, BadDirectory, merge, read_directory
from adapters.profiles import DEFAULT_PROFILE, BadProfile, load_holders
from domain.routes import HolderChannel, HolderKind, HolderStatus

REGIONS = {"02", "77", "78"}
COLLEGE, SUCCESSOR, ARCHIVE, OTHER = "7700001549", "7700003458", "7700006579", "7800002377"
SECRET = "Соколова"
QUICK = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def entry(inn: str = COLLEGE, **cells: str) -> dict[str, str]:
    """An active institution but for the cells named."""
    given = {
        "inn": inn,
        "name": "Яузский политехнический колледж",
        "kind": "institution",
        "status": "active",
        "region": inn[:2],
        "channel": "http",
        "address": f"/holders/{inn}",
    }
    return {column: cells.get(column, given.get(column, "")) for column in COLUMNS}


def gone(inn: str, status: str, **cells: str) -> dict[str, str]:
    return entry(inn, status=status, channel="", address="", **cells)


def archive(inn: str = ARCHIVE, **cells: str) -> dict[str, str]:
    return entry(inn, kind="archive", **cells)


def table(*entries: dict[str, str], delimiter: str = ",") -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(entries)
    return text.getvalue()


class Folder:
    """Files of a test, read as directories."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def file(self, content: str | bytes, name: str = "new.csv") -> Path:
        file = self.path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def faults(self, content: str | bytes) -> list[str]:
        """Everything wrong with a content; nothing of it is ever repeated."""
        told: tuple[str, ...] = ()
        try:
            read_directory(self.file(content), REGIONS)
        except BadDirectory as error:
            told = error.faults or ("nothing",)
        assert SECRET not in "".join(told)
        return list(told)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


WHOLE = (
    entry(OTHER),
    gone(SUCCESSOR, "reorganised", successor_inn=OTHER),
    gone(COLLEGE, "transferred", archive_inn=ARCHIVE),
    archive(channel="letter", address="records@example.org"),
)


def test_a_directory_is_read_whole(folder: Folder) -> None:
    holders = read_directory(folder.file(table(*WHOLE)), REGIONS).holders
    assert list(holders) == [OTHER, SUCCESSOR, COLLEGE, ARCHIVE]
    assert holders[SUCCESSOR].successor_inn == OTHER
    assert holders[COLLEGE].status is HolderStatus.TRANSFERRED
    assert holders[COLLEGE].archive_inn == ARCHIVE
    assert holders[COLLEGE].channel is None
    assert holders[ARCHIVE].kind is HolderKind.ARCHIVE
    assert holders[ARCHIVE].channel == HolderChannel(kind="letter", address="records@example.org")


@pytest.mark.parametrize(
    "spelt",
    [
        pytest.param(lambda text: text.replace(",", ";"), id="semicolons"),
        pytest.param(lambda text: "\ufeff" + text, id="a mark of byte order"),
        pytest.param(lambda text: text.replace("\r\n", "\n"), id="lines of Unix"),
        pytest.param(lambda text: text.replace("\r\n", "\r"), id="lines of old Macs"),
        pytest.param(lambda text: text + ",,,,,,,,,\r\n\r\n" + "," * 20, id="blank lines"),
        pytest.param(lambda text: "\n" + text.replace(",", ";"), id="a blank line first"),
        pytest.param(lambda text: text.replace(",", " , "), id="spaces"),
        pytest.param(lambda text: '"' + text[:3] + '"' + text[3:], id="quotes"),
    ],
)
def test_whatever_a_spreadsheet_writes_is_read_alike(
    folder: Folder, spelt: Callable[[str], str]
) -> None:
    plain = read_directory(folder.file(table(*WHOLE)), REGIONS)
    assert read_directory(folder.file(spelt(table(*WHOLE))), REGIONS) == plain


def test_columns_may_stand_in_any_order(folder: Folder) -> None:
    lines = [line[::-1] for line in csv.reader(io.StringIO(table(*WHOLE)))]
    text = "\n".join(";".join(line) for line in lines)
    assert read_directory(folder.file(text), REGIONS) == read_directory(
        folder.file(table(*WHOLE)), REGIONS
    )


def test_a_separator_a_quote_and_a_break_inside_a_text_do_not_shift_the_lines(
    folder: Folder,
) -> None:
    told = folder.faults(
        table(
            entry(name='Колледж "Связь", дневное; вечернее'),
            entry(SUCCESSOR, name="Колледж\nсвязи"),
            entry(OTHER, region="99"),
        )
    )
    assert [line.split(":")[0] for line in told] == ["line 3, name", "line 5, region"]


LINES: tuple[tuple[dict[str, str], str, str], ...] = (
    (entry() | {"inn": ""}, "inn", "empty"),
    (entry("7700001548", region="77"), "inn", "check digit"),
    (entry("200010133", region="02"), "inn", "leading zero"),
    (entry("7.70E+09", region="77"), "inn", "10 digits"),
    (entry() | {"inn": "77 0000 1549"}, "inn", "10 digits"),
    (entry("772811450600"), "inn", "10 digits"),
    (entry(name=""), "name", "empty"),
    (entry(name="—"), "name", "no letter"),
    (entry(name="я" * 301), "name", "300"),
    (entry(name="Кол\u200bледж"), "name", "invisible"),
    (entry(name="=HYPERLINK(1)"), "name", "formula"),
    (entry(kind=""), "kind", "institution, archive, archive_administration, ministry"),
    (entry(kind="Archive"), "kind", "write one of"),
    (entry(status="closed"), "status", "active, reorganised, liquidated, transferred"),
    (entry(region="99"), "region", "two digits"),
    (entry(region="2"), "region", "two digits"),
    (entry(channel="pigeon"), "channel", "http or letter"),
    (entry(channel="", address=""), "channel", "active holder"),
    (gone(COLLEGE, "liquidated", closure_protocol="№ 1") | {"address": "/x"}, "address", "channel"),
    *(
        (entry(address=address), "address", "write a path")
        for address in (
            *("", "/", "holders/1", "//example.org/x", "/a b", "/a?b", "/a#b", "/a\\b", "/a\x1b"),
            *("ftp://example.org", "http://", "https://example.org:99999/x", "javascript:alert"),
            *("http://me:pass@example.org/x", "http:example.org", "/a\u202eb", "http:///x"),
        )
    ),
    (entry(channel="letter"), "address", "mail address"),
    (entry(channel="letter", address="a@example.org, b@example.org"), "address", "exactly one"),
    (entry(channel="letter", address="a@ex\u0430mple.org"), "address", "Latin"),
    (entry(successor_inn=ARCHIVE), "successor_inn", "only for status reorganised"),
    (gone(COLLEGE, "reorganised"), "successor_inn", "empty"),
    (gone(COLLEGE, "reorganised", successor_inn="7700001548"), "successor_inn", "check digit"),
    (gone(COLLEGE, "reorganised", successor_inn=OTHER), "successor_inn", "no line of its own"),
    (gone(COLLEGE, "reorganised", successor_inn=COLLEGE), "successor_inn", "circle"),
    (entry(archive_inn=ARCHIVE), "archive_inn", "only for status transferred"),
    (gone(COLLEGE, "transferred", archive_inn="1"), "archive_inn", "10 digits"),
    (gone(COLLEGE, "transferred", archive_inn=OTHER), "archive_inn", "no line of its own"),
    (entry(closure_protocol="№ 1"), "closure_protocol", "only for status liquidated"),
    (gone(COLLEGE, "liquidated", closure_protocol="№"), "closure_protocol", "no letter"),
    (gone(COLLEGE, "liquidated", kind="archive"), "status", "for institutions only"),
    (gone(COLLEGE, "transferred", kind="ministry"), "status", "for institutions only"),
)


@pytest.mark.parametrize(
    ("cells", "field", "told"), LINES, ids=[f"{field} {told}" for _, field, told in LINES]
)
def test_a_bad_line_is_named_with_its_field_and_a_remedy(
    folder: Folder, cells: dict[str, str], field: str, told: str
) -> None:
    [fault] = folder.faults(table(archive(), cells))
    assert fault.startswith(f"line 3, {field}: ")
    assert told in fault


@pytest.mark.parametrize(
    "cells",
    [
        entry(address="https://example.org"),
        entry(address="http://example.org:8080/api/v2/holders"),
        entry(address="/учреждения/7700001549/"),
        entry(channel="letter", address="records@пример.рф"),
        gone(COLLEGE, "liquidated"),
        gone(COLLEGE, "transferred"),
        entry(status="transferred"),
        gone(COLLEGE, "reorganised", kind="archive", successor_inn=ARCHIVE),
    ],
)
def test_what_is_only_unusual_is_accepted(folder: Folder, cells: dict[str, str]) -> None:
    assert folder.faults(table(archive(), cells)) == []


def test_name_and_mail_address_are_taken_in_their_one_spelling(folder: Folder) -> None:
    cells = entry(name="Камский\u00a0 техникум", channel="letter", address="records@пример.рф")
    holder = read_directory(folder.file(table(cells)), REGIONS).holders[COLLEGE]
    assert holder.name == "Камский техникум"
    assert holder.channel is not None
    assert holder.channel.address == "records@xn--e1afmkfd.xn--p1ai"


def test_every_fault_of_every_line_is_told_at_once_in_order(folder: Folder) -> None:
    told = folder.faults(
        table(
            gone(SUCCESSOR, "reorganised", successor_inn=OTHER, name=""),
            entry(OTHER, region="", kind="school", channel="letter", address=SECRET),
            gone(COLLEGE, "reorganised", successor_inn=ARCHIVE),
            entry(OTHER),
        ).replace("\r\n", "\n")
        + "7700001549,колледж\n"
    )
    assert [fault.split(":")[0] for fault in told] == [
        "line 2, name",
        "line 3, kind",
        "line 3, region",
        "line 3, address",
        "line 4, successor_inn",
        "line 5, inn",
        "line 6",
    ]
    assert "line 3 already" in told[5]


def test_a_circle_of_successors_is_told_of_each_in_it_and_of_nobody_else(folder: Folder) -> None:
    numbers = [COLLEGE, SUCCESSOR, ARCHIVE]
    circle = [
        gone(inn, "reorganised", successor_inn=after)
        for inn, after in zip(numbers, [*numbers[1:], numbers[0]], strict=True)
    ]
    before = gone(OTHER, "reorganised", successor_inn=COLLEGE)
    told = folder.faults(table(before, *circle))
    assert [fault.split(":")[0] for fault in told] == [
        "line 3, successor_inn",
        "line 4, successor_inn",
        "line 5, successor_inn",
    ]


def test_records_go_to_an_archive_only(folder: Folder) -> None:
    given = table(gone(COLLEGE, "transferred", archive_inn=OTHER), entry(OTHER))
    assert folder.faults(given) == [
        "line 2, archive_inn: names no archive; mend the number, or the kind of that holder"
    ]


HEAD = ",".join(COLUMNS)
NO_DIRECTORIES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "is empty"),
    "blank": (" \r\n\t\n", "is empty"),
    "a mark of byte order only": (b"\xef\xbb\xbf", "is empty"),
    "separators only": (",,,\n", "line 1: the column inn is missing"),
    "a header only": (HEAD, "names no holder"),
    "a column is missing": (
        HEAD.replace("region,", "") + "\n",
        "line 1: the column region is missing; add it",
    ),
    "a column twice": (HEAD + ",inn\n", "line 1: the column inn stands twice"),
    "a column too many": (HEAD + f",{SECRET}\n", "line 1: column 11 is none of the directory's"),
    "other columns": ("ИНН;Название\n", "line 1: column 2 is none"),
    "too many cells": (HEAD + f"\n{SECRET}" + "," * 10, "line 2: 11 cells where 10 are needed"),
    "an open quote": (HEAD + f'\n7700001549,"{SECRET}\n' + "x,\n" * 9, "line 2: no cells"),
    "a quote in a word": (HEAD + f'\n"Кол"{SECRET},', "line 2: no cells"),
    "an open quote in the header": (f'"{HEAD}', "line 1: no cells"),
    "a cell without end": (HEAD + "\n" + "x" * 200_000, "line 2: no cells"),
    "zero bytes": (HEAD + "\n\0", "zero bytes"),
    "UTF-16": (HEAD.encode("utf-16"), "UTF-8"),
    "cp1251": ("ИНН;Название\n".encode("cp1251"), "not UTF-8 (byte 0)"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "UTF-8"),
    "a spreadsheet": (b"PK\x03\x04\x14\x00\x06\x00", "zero bytes"),
    "JSON": ('{"surname": "Соколова"}', "line 1"),
    "too large": (HEAD + "\n" + "x" * 8 * 1024 * 1024, "larger than 8 MiB"),
    "too many lines": (HEAD + "\n" * MAX_LINES + "\n", "more than 20000 lines"),
}


@pytest.mark.parametrize(("content", "told"), NO_DIRECTORIES.values(), ids=NO_DIRECTORIES.keys())
def test_what_is_no_directory_is_named(folder: Folder, content: str | bytes, told: str) -> None:
    assert any(told in fault for fault in folder.faults(content))


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def _loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


NO_FILES: dict[str, Callable[[Path], Path]] = {
    "missing": lambda folder: folder / "missing.csv",
    "a directory": lambda folder: folder,
    "a device": lambda _: Path("/dev/zero"),
    "a pipe nobody writes to": _pipe,
    "a link to itself": _loop,
    "too long a name": lambda folder: folder / ("x" * 5000),
}


@pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES.keys())
def test_what_is_no_readable_file_is_named(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(BadDirectory) as caught:
        read_directory(make(tmp_path), REGIONS)
    assert len(caught.value.faults) == 1


CELL = st.sampled_from(
    [
        *(*COLUMNS, *HolderKind, *HolderStatus, COLLEGE, OTHER, ARCHIVE, "77", "http", "letter"),
        *("", "x", "=1", '"', "\n", "\r", ";", ",", "/holders/1", "a@example.org", "№ 1"),
    ]
)


@given(lines=st.lists(st.lists(CELL, min_size=9, max_size=11), max_size=5))
@QUICK
def test_any_table_is_a_directory_or_has_its_faults_named(
    folder: Folder, lines: list[list[str]]
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *lines])
    folder.faults(text.getvalue())


@given(content=st.binary(max_size=300))
@QUICK
def test_any_bytes_have_their_faults_named(folder: Folder, content: bytes) -> None:
    assert folder.faults(content)
    assert folder.faults(HEAD.encode() + b"\n" + content)


@st.composite
def tables(draw: st.DrawFn) -> str:
    """Tables that are right but for what became of their institutions."""
    numbers = [COLLEGE, SUCCESSOR, ARCHIVE, OTHER]
    heir = st.sampled_from(["", *numbers])
    entries: list[dict[str, str]] = []
    for inn in numbers:
        status = draw(st.sampled_from(list(HolderStatus)))
        heirs: dict[HolderStatus, Any] = {
            HolderStatus.REORGANISED: {"successor_inn": draw(heir)},
            HolderStatus.TRANSFERRED: {"archive_inn": draw(heir)},
        }
        kind = draw(st.sampled_from([HolderKind.INSTITUTION, HolderKind.ARCHIVE]))
        entries.append(entry(inn, status=status, kind=kind, **heirs.get(status, {})))
    return table(*entries)


@given(text=tables())
@QUICK
def test_in_a_directory_without_faults_every_heir_is_found(folder: Folder, text: str) -> None:
    if folder.faults(text):
        return
    directory = read_directory(folder.file(text), REGIONS)
    for holder in directory.holders.values():
        stop = directory.first_stop(holder.inn, holder.region)
        assert stop is not None
        if holder.status is HolderStatus.REORGANISED:
            heir = directory.first_stop(holder.successor_inn or "", holder.region)
            assert heir is not None
            assert stop.holder == heir.holder


def many(region: str, count: int) -> list[str]:
    numbers = (f"{region}{number:07d}" for number in range(1, count + 1))
    return [number + ru_inn.calc_company_check_digit(number) for number in numbers]


def test_a_directory_of_the_whole_country_is_read_in_seconds(folder: Folder) -> None:
    numbers = many("77", 15_000)
    heirs = [gone(inn, "reorganised", successor_inn=after) for inn, after in pairwise(numbers)]
    file = folder.file(table(*heirs, entry(numbers[-1])))
    began = process_time()
    directory = read_directory(file, REGIONS)
    stop = directory.first_stop(numbers[0], "77")
    assert stop is not None
    assert stop.holder is not None
    assert stop.holder.inn == numbers[-1]
    assert process_time() - began < 10


# --- taking one directory into another ---------------------------------------------------


def test_a_merger_adds_changes_and_leaves_by_inn(folder: Folder) -> None:
    into = folder.file(table(*WHOLE), "holders.csv")
    new = folder.file(
        table(
            entry("0200010133"),
            entry(OTHER, name="Охтинский колледж"),
            archive(channel="letter", address="records@example.org"),
            delimiter=";",
        )
    )
    merger = merge(new, into, REGIONS)
    assert (merger.added, merger.changed, merger.unchanged) == (1, 1, 1)
    assert into.read_bytes() == table(*WHOLE).encode()
    merger.write()
    holders = read_directory(into, REGIONS).holders
    assert list(holders) == [OTHER, SUCCESSOR, COLLEGE, ARCHIVE, "0200010133"]
    assert holders[OTHER].name == "Охтинский колледж"
    again = merge(new, into, REGIONS)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 3)
    assert again.content == into.read_bytes()


def test_the_file_keeps_its_separator_its_mark_and_its_mode(folder: Folder) -> None:
    text = "\ufeff" + table(*WHOLE, delimiter=";").replace("\r\n", "\n")
    into = folder.file(text, "holders.csv")
    into.chmod(0o640)
    merge(folder.file(table(entry("0200010133"))), into, REGIONS).write()
    added = ";".join(entry("0200010133").values())
    assert into.read_text() == f"{text}{added}\n"
    assert stat.S_IMODE(into.stat().st_mode) == 0o640


def test_a_link_to_the_directory_stays_a_link(folder: Folder) -> None:
    real = folder.file(table(*WHOLE), "real.csv")
    link = folder.path / "holders.csv"
    link.symlink_to(real)
    merge(folder.file(table(entry("0200010133"))), link, REGIONS).write()
    assert link.is_symlink()
    assert "0200010133" in real.read_text()


def test_an_heir_may_stand_in_the_directory_already(folder: Folder) -> None:
    into = folder.file(table(entry(OTHER)), "holders.csv")
    new = folder.file(table(gone(COLLEGE, "reorganised", successor_inn=OTHER)))
    assert merge(new, into, REGIONS).added == 1


def test_what_only_the_whole_shows_is_named_with_the_file_it_stands_in(folder: Folder) -> None:
    into = folder.file(
        table(
            entry(OTHER),
            gone(SUCCESSOR, "reorganised", successor_inn=OTHER),
            archive(),
            gone(COLLEGE, "transferred", archive_inn=ARCHIVE),
        ),
        "holders.csv",
    )
    new = folder.file(table(gone(OTHER, "reorganised", successor_inn=SUCCESSOR), entry(ARCHIVE)))
    with pytest.raises(BadDirectory) as caught:
        merge(new, into, REGIONS)
    assert [fault.rpartition(":")[0] for fault in caught.value.faults] == [
        "line 2, successor_inn",
        "holders.csv, line 3, successor_inn",
        "holders.csv, line 5, archive_inn",
    ]


def test_faults_of_both_files_are_told(folder: Folder) -> None:
    into = folder.file(table(entry(OTHER, region="")), "holders.csv")
    with pytest.raises(BadDirectory) as caught:
        merge(folder.file(table(entry(name=""), entry())), into, REGIONS)
    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        "line 2, name",
        "line 3, inn",
        "holders.csv, line 2, region",
    ]


def test_a_whole_that_could_not_be_read_again_is_refused(folder: Folder) -> None:
    into = folder.file(table(*map(entry, many("77", 10_000))), "holders.csv")
    with pytest.raises(BadDirectory, match=r"holders\.csv: more than 20000 lines"):
        merge(folder.file(table(*map(entry, many("78", 10_000)))), into, REGIONS)


def test_a_file_that_cannot_be_replaced_stays_and_leaves_nothing_behind(folder: Folder) -> None:
    into = folder.file(table(*WHOLE), "holders.csv")
    merger = merge(folder.file(table(entry("0200010133"))), into, REGIONS)
    into.unlink()
    into.mkdir()
    with pytest.raises(OSError, match="directory"):
        merger.write()
    assert {file.name for file in folder.path.iterdir()} == {"holders.csv", "new.csv"}


# --- the directory of a profile ----------------------------------------------------------


def test_the_default_directory_is_kept_as_it_would_be_written() -> None:
    own = DEFAULT_PROFILE / "holders.csv"
    regions = {inn[:2] for inn in load_holders().holders}
    assert merge(own, own, regions).content == own.read_bytes()


def test_a_profile_with_a_bad_directory_names_every_fault(tmp_path: Path) -> None:
    for file in DEFAULT_PROFILE.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "holders.csv").write_text(table(entry(region="00"), entry(OTHER, name="")))
    with pytest.raises(BadProfile) as caught:
        load_holders(tmp_path)
    assert str(caught.value).count("\n") == 2
    assert "line 2, region: " in str(caught.value)
    assert "line 3, name: " in str(caught.value)


def test_a_profile_without_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "regions.toml").touch()
    with pytest.raises(BadProfile, match=r"holders\.csv .*\n.*no such file"):
        load_holders(tmp_path)
