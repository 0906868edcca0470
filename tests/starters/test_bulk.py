"""`diploma bulk`: all of many applications are accounted for, whatever comes between."""

import asyncio
import csv
import json
import os
import pty
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from helpers import until
from samples import valid_application, with_value, without
from temporalio.client import Client
from terminal import EXAMPLES, Cli, Ended, called, clean_environment, finished

from domain.application import Application
from domain.base import JsonObject
from domain.numbers import control_number
from domain.statuses import CaseStatus
from starters import cases
from starters.bulk import NOT_READABLE, Refusal, Summary, entries_of, report_rows
from starters.files import BadFile
from starters.server import HOST, EmbeddedServer, free_ports
from starters.table_files import COLUMNS, read_applications
from workflows.contracts import workflow_id

MANY, BAD = 60, 7
HELD = 30
"""The place of the application at which a run is held."""
SECRET = "Примерова"
LETTERS = EXAMPLES / "bulk" / "letters.csv"


def spoiled(application: JsonObject, way: int) -> str:
    """An application nobody can take in, as text."""
    ways: tuple[Callable[[], Any], ...] = (
        lambda: with_value(application, "applicant.snils", "112-233-445 94"),
        lambda: without(application, "diploma"),
        lambda: with_value(application, "graduation_year", SECRET),
        lambda: [application],
    )
    return json.dumps(ways[way % len(ways)](), ensure_ascii=False)


def many_applications(folder: Path, name: str, *, held: int | None = None) -> set[str]:
    """A folder of applications, some of them bad; returns the ids their cases will have."""
    folder.mkdir()
    expected = set()
    for place in range(MANY):
        application = valid_application(
            submission_id=f"{name}-{place}", consent={"reference": f"sms-{place}"}
        )
        text = json.dumps(application | ({"simulation": {}} if place == held else {}))
        if place % 8 == 3 and place // 8 < BAD:
            text = spoiled(application, place // 8)
        else:
            expected.add(workflow_id(control_number(application)))
        (folder / f"{place:02}.json").write_text(text, encoding="utf-8")
    assert len(expected) == MANY - BAD
    return expected


@dataclass
class Gate:
    """Simulators that keep whoever tells them something waiting."""

    address: str = ""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def told(self, _: web.Request) -> web.Response:
        """Somebody is here."""
        self.reached.set()
        await self.opened.wait()
        return web.Response()


@asynccontextmanager
async def gate() -> AsyncIterator[Gate]:
    held, application = Gate(), web.Application()
    application.router.add_put("/scenarios/{number}", held.told)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port := free_ports(1)[0]).start()
        held.address = f"http://{HOST}:{port}"
        yield held
    finally:
        await runner.cleanup()


def server_at(port: int, folder: Path) -> EmbeddedServer:
    log_file = folder / "server.log"
    return EmbeddedServer(port=port, ui_port=None, log_file=log_file, codec=None)


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """A server without a worker: cases are begun and cost nothing more."""
    async with server_at(free_ports(1)[0], tmp_path_factory.mktemp("engine")) as client:
        yield client


@pytest.fixture
async def diploma_alone(engine: Client, tmp_path: Path) -> Cli:
    """The command line beside it, with an empty register and a key ring."""
    address = engine.service_client.config.target_host
    alone = Cli(clean_environment(TEMPORAL_ADDRESS=address), tmp_path)
    assert (await alone("keys", "create")).code == 0
    return alone


async def begun(client: Client, expected: set[str]) -> set[str]:
    """Which of the cases are there, once the list of the server has caught up."""
    listed = " OR ".join(f'WorkflowId = "{identity}"' for identity in expected)
    found: list[str] = []

    async def all_listed() -> bool:
        found[:] = [execution.id async for execution in client.list_workflows(listed)]
        return len(found) >= len(expected)

    await until(all_listed)
    assert len(found) == len(set(found))
    return set(found)


def counts(ended: Ended) -> dict[str, int]:
    """The totals a run printed as JSON."""
    document = ended.document()
    assert len(document["refusals"]) == document["refused"]
    return {name: value for name, value in document.items() if isinstance(value, int)}


def lines_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened, delimiter=";"))


async def test_every_application_of_a_folder_is_submitted_or_named_with_its_reason(
    diploma_alone: Cli, engine: Client
) -> None:
    folder = diploma_alone.folder / "in"
    expected = many_applications(folder, "whole")
    (folder / "notes.txt").write_text("no application")
    report = diploma_alone.folder / "report.csv"
    told = await diploma_alone("bulk", str(folder), "--report", str(report))
    assert told.code == 2
    assert f"read {MANY}, submitted {MANY - BAD}, submitted before 0, refused {BAD}" in told.out
    assert told.err.splitlines()[-1] == f"{MANY} of {MANY}"
    assert await begun(engine, expected) == expected
    refused = lines_of(report)
    assert [line["place"] for line in refused] == [f"{8 * n + 3:02}.json" for n in range(BAD)]
    assert all(line["code"] and line["message"] and line["remedy"] for line in refused)
    assert (refused[0]["submission_id"], refused[0]["code"], refused[0]["field"]) == (
        *("whole-3", "SNILS_CHECK_DIGIT", "applicant.snils"),
    )
    assert refused[3]["code"] == NOT_READABLE
    assert SECRET not in told.out + told.err + report.read_text(encoding="utf-8")

    again = await diploma_alone("bulk", str(folder), "--json")
    assert (again.code, again.err) == (2, "")
    assert counts(again) == {
        "read": MANY,
        "submitted": 0,
        "will_be_turned_down": 0,
        "not_reached": 0,
        "submitted_before": MANY - BAD,
        "refused": BAD,
    }


async def test_a_run_that_ctrl_c_ended_goes_on_where_it_stopped(
    diploma_alone: Cli, engine: Client
) -> None:
    folder = diploma_alone.folder / "in"
    expected = many_applications(folder, "interrupted", held=HELD)
    async with gate() as held:
        run = diploma_alone.but(DIPLOMA_HOLDERS_BASE_URL=held.address)
        process = await run.start("bulk", str(folder), "--at-once", "1")
        await held.reached.wait()
        process.send_signal(signal.SIGINT)
        held.opened.set()
        ended = await finished(process)
        assert ended.code == 130
        before = sum(place % 8 == 3 for place in range(HELD))
        assert (
            f"read {MANY}, submitted {HELD + 1 - before}, submitted before 0, refused {before}, "
            f"not reached {MANY - HELD - 1}\n"
        ) in ended.out
        assert ended.out.endswith("it goes on where it stopped.\n")
        again = await run("bulk", str(folder), "--json")
    assert again.code == 2
    assert counts(again) == {
        "read": MANY,
        "will_be_turned_down": 0,
        "refused": BAD,
        "not_reached": 0,
        "submitted": MANY - BAD - HELD - 1 + before,
        "submitted_before": HELD + 1 - before,
    }
    assert await begun(engine, expected) == expected


async def test_a_server_that_goes_away_ends_the_run_and_the_next_one_goes_on(
    lonely: Cli,
) -> None:
    assert (await lonely("keys", "create")).code == 0
    folder = lonely.folder / "in"
    many_applications(folder, "away", held=HELD)
    (port,) = free_ports(1)
    async with gate() as held:
        run = lonely.but(TEMPORAL_ADDRESS=f"{HOST}:{port}", DIPLOMA_HOLDERS_BASE_URL=held.address)
        async with server_at(port, lonely.folder):
            process = await run.start("bulk", str(folder), "--at-once", "2", "--json")
            await held.reached.wait()
        held.opened.set()
        ended = await finished(process)
        assert ended.code == 3
        assert ended.err == "the Temporal server did not answer: UNAVAILABLE\n"
        totals = counts(ended)
        assert 0 < totals["not_reached"] < MANY
        assert totals["read"] == MANY
        async with server_at(port, lonely.folder):
            again = await run("bulk", str(folder), "--json")
    assert counts(again)["submitted"] + counts(again)["submitted_before"] == MANY - BAD


async def test_without_a_server_nothing_is_reached(lonely: Cli) -> None:
    ended = await lonely("bulk", str(LETTERS), "--json")
    assert ended.code == 3
    assert "diploma up" in ended.err
    assert counts(ended)["not_reached"] == counts(ended)["read"] == 7


async def test_one_submission_in_two_files_is_one_case(diploma_alone: Cli) -> None:
    folder = diploma_alone.folder / "in"
    folder.mkdir()
    for name in ("a", "b", "c"):
        text = json.dumps(valid_application(submission_id="thrice"))
        (folder / f"{name}.json").write_text(text)
    ended = await diploma_alone("bulk", str(folder), "--json")
    assert ended.code == 0
    assert (counts(ended)["submitted"], counts(ended)["submitted_before"]) == (1, 2)


async def test_the_first_fifty_refusals_are_shown_and_the_report_has_all(
    diploma_alone: Cli,
) -> None:
    folder = diploma_alone.folder / "in"
    folder.mkdir()
    for place in range(55):
        (folder / f"=bad-{place:02}.json").write_text("{")
    report = diploma_alone.folder / "report.csv"
    ended = await diploma_alone("bulk", str(folder), "--report", str(report))
    assert ended.code == 2
    assert ended.out.count("=bad-") == 50
    assert "... and 5 more" in ended.out
    assert len(lines_of(report)) == 55
    assert lines_of(report)[0]["place"] == "'=bad-00.json"


async def test_somebody_who_looks_on_sees_how_far_it_is(diploma_alone: Cli) -> None:
    ours, theirs = pty.openpty()
    process = await diploma_alone.but(TERM="xterm").start("bulk", str(LETTERS), stderr=theirs)
    os.close(theirs)
    ended = await finished(process)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert ended.code == 2
    assert "submitting" in shown
    assert "7/7" in shown


async def test_the_example_table_is_carried_through(diploma: Cli, client: Client) -> None:
    ended = await diploma("bulk", str(LETTERS))
    assert ended.code == 2
    assert "read 7, submitted 5, submitted before 0, refused 2, not reached 0" in ended.out
    assert "of those submitted, will be turned down: 1" in ended.out
    assert "line 6" in ended.out
    assert "letters-2026-005" in ended.out
    rows = [row.application for row in read_applications(LETTERS)]
    returned = control_number(rows[3])

    async def is_returned() -> bool:
        return (await cases.view(client, returned)).status is CaseStatus.RETURNED

    await until(is_returned)


# --- tables ----------------------------------------------------------------------------------


def flat(value: Any, path: str = "") -> dict[str, str]:
    """An application as the cells of a table; what is absent has none."""
    if isinstance(value, dict):
        return {
            inner: cell
            for key, item in value.items()
            for inner, cell in flat(item, f"{path}.{key}" if path else key).items()
        }
    if isinstance(value, list):
        items = (f"{scan['kind']}={scan['name']}={scan['size_bytes']}" for scan in value)
        return {path: "; ".join(items)}
    if isinstance(value, bool):
        return {path: "да" if value else "нет"}
    return {} if value is None else {path: str(value)}


def table(folder: Path, *rows: dict[str, str], delimiter: str = ",", mark: str = "") -> Path:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    file = folder / "table.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        opened.write(mark)
        writer = csv.DictWriter(opened, columns, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return file


def read(file: Path) -> list[JsonObject]:
    return [row.application for row in read_applications(file)]


@pytest.mark.parametrize(("delimiter", "mark"), [(",", ""), (";", "\ufeff")])
def test_a_table_says_the_same_as_the_files(tmp_path: Path, delimiter: str, mark: str) -> None:
    application = valid_application(
        name_change={"number": "I-МЮ 512345", "issued_on": "2004-08-14"}, intermediary_fee=200
    )
    bare = {
        **valid_application(expedited=True, documents=[]),
        "diploma": {"blank": "unknown", "issued_on": "2007-06-28", "issued_in": "Тверь"},
    }
    file = table(tmp_path, flat(application), flat(bare), delimiter=delimiter, mark=mark)
    expected = [
        {name: value for name, value in item.items() if value not in (None, [])}
        for item in (application, bare)
    ]
    assert read(file) == expected


def test_every_field_of_an_application_has_a_column() -> None:
    filled = flat(valid_application())
    assert set(filled) <= set(COLUMNS)
    assert {name.partition(".")[0] for name in COLUMNS} == set(Application.model_fields)


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("graduation_year", "2007", 2007),
        ("graduation_year", "2007 год", "2007 год"),
        ("expedited", "TRUE", True),
        ("expedited", "Нет", False),
        ("expedited", "maybe", "maybe"),
        ("specialty", "2007", "2007"),
        ("submission_id", " 17 ", "17"),
        (
            "documents",
            "consent=a=b.pdf=5;",
            [{"kind": "consent", "name": "a=b.pdf", "size_bytes": 5}],
        ),
        ("documents", "consent", [{"kind": "consent", "name": "", "size_bytes": ""}]),
    ],
)
def test_a_cell_is_read_as_its_field_or_left_for_the_examination(
    tmp_path: Path, column: str, cell: str, value: Any
) -> None:
    assert read(table(tmp_path, {column: cell})) == [{column: value}]


def test_days_are_read_as_people_write_them(tmp_path: Path) -> None:
    file = table(tmp_path, {"diploma.issued_on": "30.06.2007"}, {"diploma.issued_on": "31.06.2007"})
    issued = [row["diploma"] for row in read(file)]
    assert issued == [{"issued_on": "2007-06-30"}, {"issued_on": "31.06.2007"}]


def test_a_blank_both_numbered_and_unknown_is_no_blank(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cells = flat(valid_application()) | {"diploma.blank": "unknown"}
    (application,) = read(table(tmp_path, cells))
    file = tmp_path / "case.json"
    file.write_text(json.dumps(application))
    found = called(capsys, "check", str(file), "--json").document()["deficiencies"]
    assert [(item["code"], item["field"]) for item in found] == [
        ("FIELD_WRONG_TYPE", "diploma.blank")
    ]


def test_lines_are_counted_as_an_editor_does_and_a_broken_one_spoils_no_other(
    tmp_path: Path,
) -> None:
    file = tmp_path / "table.csv"
    file.write_text('submission_id,specialty\na,"two\nlines"\n\nb,x,y\nc,z\n')
    rows = read_applications(file)
    assert [(row.line, bool(row.fault)) for row in rows] == [(2, False), (5, True), (6, False)]
    with pytest.raises(BadFile, match="3 cells where 2 are needed"):
        entries_of(file)[1].read()


def test_all_columns_nobody_knows_are_named_and_nobody_s_data(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "table.csv"
    file.write_text(f"submission_id,applicant.nmae,{SECRET},,submission_id\n1,2,3,4,5\n")
    ended = called(capsys, "bulk", str(file))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[0] == "table.csv is not usable:"
    assert [line.partition(":")[0].strip() for line in ended.err.splitlines()[1:]] == [
        *("column 2, applicant.nmae", "column 3", "column 4", "column 5, submission_id"),
    ]
    assert SECRET not in ended.err


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"submission_id\n", id="a header alone"),
        pytest.param(b"submission_id\n\xff\n", id="bytes"),
        pytest.param(b"submission_id\n\0\n", id="a zero byte"),
        pytest.param(b'submission_id\n"a', id="an open quote"),
        pytest.param(b"submission_id\n" + b"x" * 200_000, id="an endless cell"),
        pytest.param("submission_id\n".encode("utf-16"), id="UTF-16"),
    ],
)
def test_what_is_no_table_is_bad_input(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "odd\x1b[31m.csv"
    file.write_bytes(content)
    ended = called(capsys, "bulk", str(file))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.rstrip("\n").isprintable()


@pytest.mark.parametrize("source", ["/dev/zero", "nowhere", "x" * 5000, "", "empty", "pipe"])
def test_what_is_no_source_is_bad_input(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    ended = called(capsys, "bulk", source)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("report", ["nowhere/report.csv", "/dev/null", ".", "x" * 5000])
def test_a_report_that_cannot_be_written_is_named_before_anything_is_submitted(
    capsys: pytest.CaptureFixture[str], report: str
) -> None:
    ended = called(capsys, "bulk", str(LETTERS), "--report", report)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1


# --- totals ----------------------------------------------------------------------------------


def test_totals_that_do_not_add_up_are_never_shown() -> None:
    lost = {"read": 3, "submitted": 1, "will_be_turned_down": 0, "submitted_before": 0}
    with pytest.raises(ValueError, match="3 applications were read, 2 are accounted for"):
        Summary.model_validate({**lost, "refused": 0, "not_reached": 1, "refusals": ()})
    refusal = Refusal(place="line 2", deficiencies=())
    with pytest.raises(ValueError, match="accounted for"):
        Summary.model_validate({**lost, "refused": 2, "not_reached": 0, "refusals": (refusal,)})


def test_an_application_with_several_faults_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "case.json"
    file.write_text(json.dumps(with_value(valid_application(documents=[]), "graduation_year", "")))
    found = called(capsys, "check", str(file), "--json").document()["deficiencies"]
    refusal = Refusal.model_validate({"place": "case.json", "deficiencies": found})
    ((place, _, codes, fields, *_texts),) = report_rows((refusal,))
    assert place == "case.json"
    assert codes.split("; ") == [item["code"] for item in found]
    assert len(fields.split("; ")) == len(found) == 6
