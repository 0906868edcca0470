"""`diploma report` and `diploma register`: what the register says, counted and written down."""

import asyncio
import csv
import io
import os
import pty
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from helpers import key_settings, trial_keys
from records import FEDERAL_ROW, case_record, opened
from terminal import Cli, Ended, called, finished

from adapters.register.schema import HEAD, migrate
from domain.numbers import control_number
from domain.register import (
    PAPER_LABELS,
    PAPER_STATE_LABELS,
    CaseRecord,
    FederalRow,
    Paper,
    PaperKind,
    PaperState,
)
from domain.routes import Route
from domain.statuses import CaseStatus
from starters.reports import FEDERAL_COLUMNS, Grouping, GroupReport, federal_cells
from workers.keys import Keys

FIRST, SECOND, THIRD, FOURTH, UNKNOWN = (
    control_number({"submission_id": f"report-{place}"}) for place in range(5)
)
SURNAME = "Примерова-Приметная"
ROW = FEDERAL_ROW.model_copy(
    update={
        "series": "=1+1",
        "registration_number": "-118/2026",
        "issued_on": date(2026, 5, 29),
        "specialty": "Сети связи; системы коммутации",
        "surname": SURNAME,
        "patronymic": "",
        "original_series": "@77СПА",
        "original_number": "+0031942",
        "original_patronymic": "",
    }
)
"""With what a spreadsheet could take for a formula or for two cells."""


def case(number: str, status: CaseStatus, *reasons: str, overdue: bool = False) -> CaseRecord:
    return case_record(
        number,
        submitted_at=datetime(2026, 4, 29, tzinfo=UTC),
        status=status,
        route=Route.ARCHIVE if overdue else Route.INSTITUTION,
        region="" if reasons else "77",
        holder="" if reasons else "Яузский колледж",
        assignee="officer-7" if overdue else None,
        overdue=overdue,
        reasons=reasons,
    )


def paper(number: str, kind: PaperKind, state: PaperState, day: int) -> Paper:
    issued = date(2026, 5, day)
    return Paper(
        paper_id=f"{number}/{kind}",
        kind=kind,
        state=state,
        series="77СПД",
        number=f"000{day}",
        issued_on=issued,
        changed_on=issued,
    )


RECORDS = (
    case(FIRST, CaseStatus.ISSUED).model_copy(
        update={
            "papers": (
                paper(FIRST, PaperKind.ORIGINAL, PaperState.REPLACED, 1),
                paper(FIRST, PaperKind.DUPLICATE, PaperState.IN_FORCE, 29),
            ),
            "federal_row": ROW,
        }
    ),
    case(SECOND, CaseStatus.RETURNED, "STUDY_PROOF_MISSING", "CONSENT_DOCUMENT_MISSING"),
    case(THIRD, CaseStatus.IN_REVIEW, overdue=True).model_copy(
        update={"papers": (paper(THIRD, PaperKind.TEMPORARY_CERTIFICATE, PaperState.ANNULLED, 12),)}
    ),
    case(FOURTH, CaseStatus.IN_REVIEW),
)

Run = Callable[..., Ended]


@pytest.fixture
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    """Those of the command."""
    for name, value in key_settings(tmp_path).items():
        monkeypatch.setenv(f"DIPLOMA_{name.upper()}", str(value))
    monkeypatch.setenv("DIPLOMA_ACCESS_LOG", str(tmp_path / "access.log"))
    with closing(trial_keys(tmp_path)) as made:
        yield made


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a register that is not there yet, set for the command."""
    url = f"sqlite:///{tmp_path}/register.db"
    monkeypatch.setenv("DIPLOMA_REGISTER_URL", url)
    return url


@pytest.fixture
def filled(address: str, own_keys: Keys) -> str:
    """The address of a register with four cases."""

    async def fill() -> None:
        async with opened(address, own_keys.sealer) as register:
            for record in RECORDS:
                await register.record(record)

    migrate(address, own_keys.sealer)
    asyncio.run(fill())
    return address


@pytest.fixture
def diploma(capsys: pytest.CaptureFixture[str], address: str) -> Run:  # noqa: ARG001
    """The command, with the register's address set."""
    return lambda *arguments: called(capsys, *map(str, arguments))


def counted(ended: Ended) -> dict[str, tuple[int, int]]:
    """Groups with their cases and overdue cases, after a look at the total."""
    assert ended.code == 0
    report = GroupReport.model_validate_json(ended.out)
    return {row.group: (row.cases, row.overdue) for row in report.rows}


EXPECTED = {
    Grouping.STATUS: {"IN_REVIEW": (2, 1), "ISSUED": (1, 0), "RETURNED": (1, 0)},
    Grouping.ROUTE: {"institution": (3, 0), "archive": (1, 1)},
    Grouping.REGION: {"77": (3, 1), "none": (1, 0)},
    Grouping.REASON: {
        "none": (3, 1),
        "CONSENT_DOCUMENT_MISSING + STUDY_PROOF_MISSING": (1, 0),
    },
    Grouping.OVERDUE: {"in time": (3, 0), "overdue": (1, 1)},
    Grouping.OFFICER: {"none": (3, 0), "officer-7": (1, 1)},
    Grouping.HOLDER: {"Яузский колледж": (3, 1), "none": (1, 0)},
}


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("by", Grouping)
def test_cases_are_counted_by_group_the_largest_first(diploma: Run, by: Grouping) -> None:
    ended = diploma("report", "--by", by.value, "--json")
    assert list(counted(ended).items()) == list(EXPECTED[by].items())
    assert ended.document()["total"] == {"group": "total", "cases": 4, "overdue": 1}
    shown = diploma("report", "--by", by.value).out
    assert all(group in shown for group in EXPECTED[by])


@pytest.mark.usefixtures("filled")
def test_open_cases_alone_can_be_counted(diploma: Run) -> None:
    groups = counted(diploma("report", "--by", "status", "--open", "--json"))
    assert groups == {"IN_REVIEW": (2, 1), "RETURNED": (1, 0)}


def test_groups_that_do_not_add_up_are_never_shown() -> None:
    row = {"group": "77", "cases": 1, "overdue": 0}
    with pytest.raises(ValueError, match="do not add up"):
        GroupReport.model_validate({"by": "region", "rows": [row], "total": {**row, "cases": 2}})


@pytest.mark.parametrize("migrated", [True, False])
def test_an_empty_register_is_an_empty_report(
    diploma: Run, address: str, own_keys: Keys, migrated: bool
) -> None:
    if migrated:
        migrate(address, own_keys.sealer)
    ended = diploma("report", "--by", "officer", "--json")
    assert counted(ended) == {}
    assert ended.document()["total"]["cases"] == 0
    assert diploma("report", "--by", "officer").out.split() == [
        *("group", "cases", "overdue", "─" * 25, "total", "0", "0"),
    ]
    assert diploma("register", "papers", "--json").document() == []
    assert diploma("register", "federal", "--json").document() == []


def cells_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text), delimiter=";"))


@pytest.mark.usefixtures("filled")
def test_a_report_is_written_whole_or_not_at_all(diploma: Run, tmp_path: Path) -> None:
    expected = [
        ["group", "cases", "overdue"],
        *(["institution", "3", "0"], ["archive", "1", "1"], ["total", "4", "1"]),
    ]
    printed = diploma("report", "--by", "route", "--csv", "-")
    assert cells_of(printed.out) == expected
    file = tmp_path / "report.csv"
    file.write_text("old")
    assert diploma("report", "--by", "route", "--csv", file).code == 0
    assert cells_of(file.read_text(encoding="utf-8-sig")) == expected
    assert not list(tmp_path.glob(".*"))
    nowhere = diploma("report", "--by", "route", "--csv", tmp_path / "nowhere" / "report.csv")
    assert (nowhere.code, nowhere.err) == (
        2,
        "report.csv: there is no such folder; create it first\n",
    )
    both = diploma("report", "--by", "route", "--csv", "-", "--json")
    assert (both.code, both.out) == (2, "")


def test_a_disk_that_takes_no_more_leaves_the_report_as_it_was(
    diploma: Run, tmp_path: Path
) -> None:
    file = tmp_path / "report.csv"
    file.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        ended = diploma("report", "--by", "route", "--csv", file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "report.csv: cannot be written (File too large)\n"
    assert [found.name for found in tmp_path.iterdir()] == ["report.csv"]
    assert file.read_text() == "old"


def test_a_register_that_is_none_is_named(
    diploma: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "register.db").write_text("no database at all" * 100)
    assert diploma("report", "--by", "status").code == 2
    monkeypatch.setenv("DIPLOMA_REGISTER_URL", "mysql://nowhere")
    for command in (("register", "migrate"), ("register", "papers"), ("report", "--by", "status")):
        ended = diploma(*command)
        assert (ended.code, ended.out) == (2, "")
        assert "DIPLOMA_REGISTER_URL" in ended.err


def test_tables_are_created_once_and_brought_up_to_date(
    diploma: Run, address: str, own_keys: Keys
) -> None:
    migrate(address, own_keys.sealer, "0001")
    assert diploma("register", "papers").code == 2
    for _ in range(2):
        ended = diploma("register", "migrate", "--json")
        assert (ended.code, ended.document()) == (0, {"ok": True, "tables": HEAD})
    assert diploma("register", "papers").code == 0
    assert HEAD in diploma("register", "migrate").out


@pytest.mark.usefixtures("filled")
def test_papers_are_listed_as_people_call_them(diploma: Run) -> None:
    found = diploma("register", "papers", "--json").document()
    assert [(item["control_number"], item["label"], item["state_label"]) for item in found] == [
        (FIRST, PAPER_LABELS[PaperKind.ORIGINAL], PAPER_STATE_LABELS[PaperState.REPLACED]),
        (
            THIRD,
            PAPER_LABELS[PaperKind.TEMPORARY_CERTIFICATE],
            PAPER_STATE_LABELS[PaperState.ANNULLED],
        ),
        (FIRST, PAPER_LABELS[PaperKind.DUPLICATE], PAPER_STATE_LABELS[PaperState.IN_FORCE]),
    ]
    of_one = diploma("register", "papers", FIRST.lower())
    assert "утрачен, заменён" in of_one.out
    assert "29.05.2026" in of_one.out
    assert "2 papers" in of_one.out
    assert diploma("register", "papers", SECOND, "--json").document() == []
    assert diploma("register", "papers", UNKNOWN).code == 4
    assert diploma("register", "papers", "7K3M").code == 2


def test_every_field_of_the_federal_register_has_a_column_of_its_own() -> None:
    assert list(FEDERAL_COLUMNS) == list(FederalRow.model_fields)
    assert len(set(FEDERAL_COLUMNS.values())) == len(FEDERAL_COLUMNS)


@pytest.mark.usefixtures("filled")
def test_rows_for_the_federal_register_are_for_their_owner_s_spreadsheet(
    diploma: Run, tmp_path: Path
) -> None:
    file = tmp_path / "federal.csv"
    file.touch(mode=0o644)
    ended = diploma("register", "federal", "--csv", file, "--json")
    assert (ended.code, ended.document()) == (0, {"ok": True, "rows": 1})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    header, cells = cells_of(file.read_text(encoding="utf-8-sig"))
    found = dict(zip(header, cells, strict=True))
    assert len(found) == len(FEDERAL_COLUMNS)
    assert found["Подтверждение утраты"] == "Да"
    assert found["Дата выдачи"] == "29.05.2026"
    assert found["Дата рождения получателя"] == "14.03.1987"
    assert found["Фамилия получателя"] == SURNAME
    assert found["Наименование профессии, специальности"] == "Сети связи; системы коммутации"
    assert found["СНИЛС"] == "112-233-445 95"
    begun_like_formulas = ("Серия документа", "Регистрационный номер")
    assert [found[name] for name in begun_like_formulas] == ["'=1+1", "'-118/2026"]
    assert found["Серия (оригинала)"] == "'@77СПА"
    assert found["Номер (оригинала)"] == "'+0031942"


def test_rows_count_as_exported_once_they_are_in_a_file(
    diploma: Run, tmp_path: Path, filled: str, own_keys: Keys
) -> None:
    async def is_unexported() -> bool:
        async with opened(filled, own_keys.sealer) as register:
            return await register.has_unexported_row(FIRST)

    file = tmp_path / "federal.csv"
    assert diploma("register", "federal").code == 0
    assert diploma("register", "federal", "--json").code == 0
    assert diploma("register", "federal", "--csv", file, "--until", "2026-05-28").code == 0
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        assert diploma("register", "federal", "--csv", file).code == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert asyncio.run(is_unexported())
    for _ in range(2):
        assert diploma("register", "federal", "--csv", file, "--json").document()["rows"] == 1
        assert not asyncio.run(is_unexported())


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("since", "until", "rows"),
    [
        ("2026-05-29", "2026-05-29", 1),
        ("2026-05-30", "2027-01-01", 0),
        ("2020-01-01", "2026-05-28", 0),
    ],
)
def test_rows_are_those_issued_between_two_days(
    diploma: Run, since: str, until: str, rows: int
) -> None:
    ended = diploma("register", "federal", "--since", since, "--until", until)
    assert (ended.code, len(cells_of(ended.out))) == (0, 1 + rows)
    as_json = diploma("register", "federal", "--since", since, "--until", until, "--json")
    assert [FederalRow.model_validate(row) for row in as_json.document()] == [ROW] * rows
    assert diploma("register", "federal", "--since", "29.05.2026").code == 2


@pytest.mark.parametrize(
    "more",
    [(), *(pytest.param(form, marks=pytest.mark.proof) for form in (("--csv", "-"), ("--json",)))],
)
async def test_personal_rows_are_not_shown_on_a_terminal(
    lonely: Cli, tmp_path: Path, more: tuple[str, ...]
) -> None:
    ours, theirs = pty.openpty()
    beside = lonely.but(DIPLOMA_REGISTER_URL=f"sqlite:///{tmp_path}/register.db")
    ended = await finished(await beside.start("register", "federal", *more, stdout=theirs))
    os.close(theirs)
    os.close(ours)
    assert ended.code == 2
    assert "--csv" in ended.err


def test_cells_are_written_as_people_do() -> None:
    cells = federal_cells(ROW.model_copy(update={"loss_confirmed": False}))
    assert cells[3] == "Нет"
    assert all(isinstance(cell, str) for cell in cells)
