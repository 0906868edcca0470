"""The register on real databases; what is asked of one kind is asked of both."""

import asyncio
import sqlite3
import stat
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from aiohttp.test_utils import unused_port
from databases import PostgresServer
from helpers import until
from records import (
    CERTIFICATE,
    CONFIRMATION,
    DUPLICATE,
    FEDERAL_ROW,
    FIRST,
    NOW,
    NUMBER,
    OTHER,
    TODAY,
    another,
    following,
    issued,
    opened,
    the_case,
)

from activities.ports import PermanentFailure, TemporaryFailure
from adapters.register.database import SqlRegister
from adapters.register.errors import BadRegister
from adapters.register.schema import check, migrate
from adapters.sealing.sealer import CaseSealer
from domain.confirmation import Confirmation
from domain.register import (
    CalendarYear,
    CaseRecord,
    Paper,
    PaperKind,
    PaperState,
    RecordAnswer,
    RegisteredCase,
    RegisteredCharge,
    RegisteredEvent,
    RegisteredFederalRow,
    StoredCase,
)
from domain.routes import Route
from domain.statuses import CaseStatus


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def states(register: SqlRegister, number: str = NUMBER) -> dict[PaperKind, PaperState]:
    return {paper.kind: paper.state for paper in (await the_case(register, number)).papers}


# --- records ------------------------------------------------------------------------------


async def test_a_case_comes_back_as_it_was_written(register: SqlRegister) -> None:
    assert await register.record(FIRST) == RecordAnswer()
    assert await the_case(register) == StoredCase(
        case=RegisteredCase(**FIRST.model_dump(include=set(RegisteredCase.model_fields))),
        **FIRST.model_dump(
            include={"revision", "view", "events", "charges", "documents", "papers"}
        ),
    )


async def test_moments_come_back_in_utc(register: SqlRegister) -> None:
    await register.record(FIRST)
    submitted_at = (await the_case(register)).case.submitted_at
    assert submitted_at.isoformat() == "2026-04-29T10:05:00+00:00"


async def test_the_register_says_so_when_it_never_heard_of_a_case(register: SqlRegister) -> None:
    assert await register.find_case(NUMBER) is None
    assert await register.confirmation(NUMBER) is None
    assert await register.cases() == []
    assert await register.papers(NUMBER) == []
    assert await register.federal_rows() == []
    assert await register.calendar_years() == ()


async def test_a_record_written_twice_is_written_once(register: SqlRegister) -> None:
    await register.record(FIRST)
    once = await the_case(register)
    assert await register.record(FIRST) == RecordAnswer()
    assert await the_case(register) == once


async def test_a_later_record_adds_events_and_replaces_what_changed(register: SqlRegister) -> None:
    await register.record(FIRST)
    event = RegisteredEvent(place=3, at=NOW, event="accepted")
    charges = (FIRST.charges[1].model_copy(update={"void": False}),)
    later = following(
        2,
        status=CaseStatus.ACCEPTED,
        reasons=(),
        due_on=None,
        events=(event,),
        charges=charges,
        documents=FIRST.documents[1:],
    )
    await register.record(later)
    stored = await the_case(register)
    assert stored.case.status is CaseStatus.ACCEPTED
    assert stored.case.reasons == ()
    assert stored.case.due_on is None
    assert stored.events == (*FIRST.events, event)
    assert stored.charges == charges
    assert stored.documents == FIRST.documents[1:]
    assert stored.papers == FIRST.papers


async def test_events_sent_again_in_a_later_record_are_kept_once(register: SqlRegister) -> None:
    await register.record(FIRST)
    await register.record(following(2, events=FIRST.events, papers=FIRST.papers))
    stored = await the_case(register)
    assert (stored.events, stored.papers) == (FIRST.events, FIRST.papers)


async def test_an_older_record_turns_nothing_back(register: SqlRegister) -> None:
    await register.record(FIRST)
    await register.record(issued(3))
    newest = await the_case(register)
    late = FIRST.model_copy(
        update={
            "revision": 2,
            "events": (RegisteredEvent(place=2, at=NOW, event="other"),),
            "charges": (),
        }
    )
    assert await register.record(late) == RecordAnswer(overtaken_by=3)
    assert await the_case(register) == newest
    assert len(await register.federal_rows()) == 1


async def test_records_of_one_case_arriving_together_leave_the_newest(
    register: SqlRegister, neighbour: SqlRegister
) -> None:
    records = [
        following(
            revision,
            assignee=f"officer-{revision}",
            charges=(RegisteredCharge(invoice_id="fee", amount=revision),),
        )
        for revision in range(1, 21)
    ]
    pairs = zip(records, [register, neighbour] * 10, strict=True)
    await asyncio.gather(*(writer.record(record) for record, writer in pairs))
    stored = await the_case(register)
    assert (stored.revision, stored.case.assignee) == (20, "officer-20")
    assert [charge.amount for charge in stored.charges] == [20]


async def test_a_case_read_while_it_is_written_is_of_one_moment(
    register: SqlRegister, neighbour: SqlRegister
) -> None:
    async def write() -> None:
        for revision in range(2, 101):
            event = RegisteredEvent(place=revision, at=NOW, event="reminded")
            await register.record(following(revision, events=(event,)))

    await register.record(following(1, events=FIRST.events[:1]))
    writing = asyncio.create_task(write())
    while not writing.done():
        stored = await the_case(neighbour)
        assert stored.revision == len(stored.events)
    await writing


# --- numbers of duplicates ----------------------------------------------------------------


async def test_a_number_of_another_case_is_taken_and_nothing_is_written(
    register: SqlRegister,
) -> None:
    await register.record(FIRST)
    await register.record(another(OTHER))
    before = await the_case(register, OTHER)
    paper = DUPLICATE.model_copy(update={"paper_id": f"{OTHER}/duplicate"})
    clash = issued(2, control_number=OTHER, charges=()).model_copy(update={"papers": (paper,)})
    assert await register.record(clash) == RecordAnswer(taken_numbers=(paper.paper_id,))
    assert await the_case(register, OTHER) == before
    assert await register.federal_rows() == []


async def test_a_number_taken_stays_taken_when_its_paper_was_annulled(
    register: SqlRegister,
) -> None:
    annulled = DUPLICATE.model_copy(update={"state": PaperState.ANNULLED})
    await register.record(following(1, papers=(annulled,)))
    paper = DUPLICATE.model_copy(update={"paper_id": f"{OTHER}/duplicate"})
    answer = await register.record(another(OTHER, papers=(paper,)))
    assert answer.taken_numbers == (paper.paper_id,)
    assert await register.find_case(OTHER) is None


async def test_only_numbers_of_duplicates_are_theirs_alone(register: SqlRegister) -> None:
    kinds = (PaperKind.ORIGINAL, PaperKind.ARCHIVE_COPY, PaperKind.DUPLICATE)

    def papers(number: str) -> tuple[Paper, ...]:
        return tuple(
            DUPLICATE.model_copy(
                update={
                    "paper_id": f"{number}/{kind}",
                    "kind": kind,
                    "number": "" if kind is PaperKind.DUPLICATE else DUPLICATE.number,
                }
            )
            for kind in kinds
        )

    assert await register.record(following(1, papers=papers(NUMBER))) == RecordAnswer()
    assert await register.record(another(OTHER, papers=papers(OTHER))) == RecordAnswer()


async def test_a_number_goes_to_one_of_the_cases_that_ask_at_once(
    register: SqlRegister, neighbour: SqlRegister
) -> None:
    numbers = [f"case-{place}" for place in range(20)]
    records = [
        another(number, papers=(DUPLICATE.model_copy(update={"paper_id": f"{number}/duplicate"}),))
        for number in numbers
    ]
    pairs = zip(records, [register, neighbour] * 10, strict=True)
    answers = await asyncio.gather(*(writer.record(record) for record, writer in pairs))
    assert sum(not answer.taken_numbers for answer in answers) == 1
    assert len(await register.papers()) == 1


PREPARED = DUPLICATE.model_copy(update={"state": PaperState.PREPARED})


async def test_a_duplicate_that_was_made_takes_its_number_at_once(register: SqlRegister) -> None:
    await register.record(another(NUMBER))
    await register.record(another(OTHER))
    for _ in range(2):
        assert await register.take_number(NUMBER, PREPARED)
    assert (await the_case(register)).papers == (PREPARED,)
    clash = PREPARED.model_copy(update={"paper_id": f"{OTHER}/duplicate"})
    assert not await register.take_number(OTHER, clash)
    assert await register.papers(OTHER) == []
    handed_over = following(2, status=CaseStatus.ISSUED, papers=(DUPLICATE,))
    assert await register.record(handed_over) == RecordAnswer()
    assert (await the_case(register)).papers == (DUPLICATE,)


async def test_a_number_told_at_once_goes_to_one_case(
    register: SqlRegister, neighbour: SqlRegister
) -> None:
    numbers = [f"case-{place}" for place in range(10)]
    for number in numbers:
        await register.record(another(number))
    papers = [PREPARED.model_copy(update={"paper_id": f"{number}/duplicate"}) for number in numbers]
    told = zip(numbers, papers, [register, neighbour] * 5, strict=True)
    answers = await asyncio.gather(
        *(desk.take_number(number, paper) for number, paper, desk in told)
    )
    assert sorted(answers) == [False] * 9 + [True]
    assert len(await register.papers()) == 1


async def test_an_end_that_has_not_heard_of_a_number_annuls_its_duplicate(
    register: SqlRegister,
) -> None:
    await register.record(another(NUMBER))
    await register.take_number(NUMBER, PREPARED)
    end = following(2, status=CaseStatus.WITHDRAWN, annul_certificate_on=TODAY)
    assert await register.record(end) == RecordAnswer(annulled=(PREPARED.paper_id,))
    assert await states(register) == {PaperKind.DUPLICATE: PaperState.ANNULLED}


async def test_a_case_that_is_over_takes_no_number(register: SqlRegister) -> None:
    with pytest.raises(PermanentFailure, match="not known"):
        await register.take_number(NUMBER, PREPARED)
    await register.record(another(NUMBER))
    await register.record(following(2, status=CaseStatus.WITHDRAWN))
    with pytest.raises(PermanentFailure, match="ended"):
        await register.take_number(NUMBER, PREPARED)
    assert await register.papers() == []


# --- temporary certificates (R10) ---------------------------------------------------------


async def test_a_certificate_is_issued_renewed_and_expires(register: SqlRegister) -> None:
    await register.record(FIRST)
    renewed = CERTIFICATE.model_copy(update={"valid_until": date(2026, 7, 5), "changed_on": TODAY})
    expired = renewed.model_copy(update={"state": PaperState.EXPIRED})
    for paper in (CERTIFICATE, CERTIFICATE, renewed, expired):
        assert await register.issue_certificate(NUMBER, paper)
        assert paper in (await the_case(register)).papers
    assert len(await register.papers(NUMBER)) == 2


async def test_the_end_of_a_case_annuls_its_certificate_and_says_so_again(
    register: SqlRegister,
) -> None:
    await register.record(FIRST)
    await register.issue_certificate(NUMBER, CERTIFICATE)
    annulled = RecordAnswer(annulled=(CERTIFICATE.paper_id,))
    assert await register.record(issued(2)) == annulled
    assert await register.record(following(3, annul_certificate_on=TODAY)) == RecordAnswer()
    said_again = annulled.model_copy(update={"overtaken_by": 3})
    assert await register.record(issued(2)) == said_again
    paper = CERTIFICATE.model_copy(update={"state": PaperState.ANNULLED, "changed_on": TODAY})
    assert paper in (await the_case(register)).papers
    assert await states(register) == {
        PaperKind.DUPLICATE: PaperState.IN_FORCE,
        PaperKind.TEMPORARY_CERTIFICATE: PaperState.ANNULLED,
    }


async def test_a_certificate_expired_before_is_not_annulled(register: SqlRegister) -> None:
    await register.record(FIRST)
    expired = CERTIFICATE.model_copy(update={"state": PaperState.EXPIRED})
    await register.issue_certificate(NUMBER, expired)
    assert await register.record(issued(2)) == RecordAnswer()
    assert expired in (await the_case(register)).papers


@pytest.mark.parametrize(
    "last",
    [
        following(2, status=CaseStatus.WITHDRAWN),
        following(2, papers=(DUPLICATE,)),
        following(2, papers=(CERTIFICATE.model_copy(update={"state": PaperState.ANNULLED}),)),
    ],
    ids=["ended", "duplicate", "annulled"],
)
async def test_no_certificate_is_issued_any_more(register: SqlRegister, last: CaseRecord) -> None:
    await register.record(FIRST)
    await register.record(last)
    before = await the_case(register)
    again = CERTIFICATE.model_copy(update={"paper_id": f"{NUMBER}/temporary_certificate/2"})
    assert not await register.issue_certificate(NUMBER, CERTIFICATE)
    assert not await register.issue_certificate(NUMBER, again)
    assert await the_case(register) == before


async def test_no_certificate_is_issued_in_a_case_nobody_knows(register: SqlRegister) -> None:
    assert not await register.issue_certificate(NUMBER, CERTIFICATE)
    assert await register.papers() == []


async def test_no_certificate_is_ever_in_force_beside_a_duplicate(
    register: SqlRegister, neighbour: SqlRegister
) -> None:
    issued_first = 0
    for place in range(60):
        number = f"case-{place}"
        await register.record(another(number))
        certificate = CERTIFICATE.model_copy(update={"paper_id": f"{number}/certificate"})
        duplicate = DUPLICATE.model_copy(
            update={"paper_id": f"{number}/duplicate", "number": number}
        )
        last = issued(2, control_number=number, charges=())
        # Who is started first wins more often: the turn changes.
        race = [
            register.record(last.model_copy(update={"papers": (duplicate,)})),
            neighbour.issue_certificate(number, certificate),
        ]
        answers: list[Any] = await asyncio.gather(*race[:: 1 if place % 2 else -1])
        was_issued, recorded = sorted(answers, key=lambda answer: isinstance(answer, RecordAnswer))
        assert recorded.annulled == ((certificate.paper_id,) if was_issued else ())
        kept = await states(register, number)
        assert kept[PaperKind.DUPLICATE] is PaperState.IN_FORCE
        assert kept.get(PaperKind.TEMPORARY_CERTIFICATE) is (
            PaperState.ANNULLED if was_issued else None
        )
        issued_first += was_issued
    assert 0 < issued_first < 60


async def test_a_certificate_and_a_duplicate_that_were_held_up_do_not_pass_each_other(
    postgres: PostgresServer, sealer: CaseSealer
) -> None:
    url = postgres.create(f"held_up_{uuid4().hex}")
    migrate(url, sealer)
    with psycopg.connect(url, autocommit=True) as somebody:

        async def both_wait() -> bool:
            waiting = somebody.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return waiting.fetchone() == (2,)

        async with opened(url, sealer) as register:
            for place in range(10):
                number = f"case-{place}"
                await register.record(another(number))
                certificate = CERTIFICATE.model_copy(update={"paper_id": f"{number}/certificate"})
                duplicate = DUPLICATE.model_copy(
                    update={"paper_id": f"{number}/duplicate", "number": number}
                )
                last = issued(2, control_number=number, charges=())
                with somebody.transaction():
                    somebody.execute("LOCK TABLE papers IN SHARE MODE")
                    race = asyncio.gather(
                        register.record(last.model_copy(update={"papers": (duplicate,)})),
                        register.issue_certificate(number, certificate),
                    )
                    await until(both_wait)
                await race
                kept = await states(register, number)
                assert kept[PaperKind.DUPLICATE] is PaperState.IN_FORCE
                assert kept.get(PaperKind.TEMPORARY_CERTIFICATE) is not PaperState.IN_FORCE


# --- one-time codes (R1) ------------------------------------------------------------------


async def test_a_confirmation_comes_back_as_it_was_written(register: SqlRegister) -> None:
    assert await register.change_confirmation(NUMBER, lambda _: CONFIRMATION) == CONFIRMATION
    assert await register.confirmation(NUMBER) == CONFIRMATION
    assert await register.confirmation(OTHER) is None


async def test_a_change_to_nothing_leaves_the_confirmation(register: SqlRegister) -> None:
    assert await register.change_confirmation(NUMBER, lambda _: None) is None
    await register.change_confirmation(NUMBER, lambda _: CONFIRMATION)
    assert await register.change_confirmation(NUMBER, lambda _: None) == CONFIRMATION
    assert await register.confirmation(NUMBER) == CONFIRMATION


async def test_a_change_that_fails_leaves_the_confirmation(register: SqlRegister) -> None:
    def fail(_: Confirmation | None) -> Confirmation | None:
        raise ZeroDivisionError

    await register.change_confirmation(NUMBER, lambda _: CONFIRMATION)
    with pytest.raises(ZeroDivisionError):
        await register.change_confirmation(NUMBER, fail)
    assert await register.confirmation(NUMBER) == CONFIRMATION


async def test_no_change_of_a_confirmation_is_lost(
    register: SqlRegister, neighbour: SqlRegister
) -> None:
    def another_code(present: Confirmation | None) -> Confirmation:
        sent = present.codes_sent + 1 if present else 1
        return CONFIRMATION.model_copy(update={"codes_sent": sent})

    await asyncio.gather(
        *(writer.change_confirmation(NUMBER, another_code) for writer in [register, neighbour] * 20)
    )
    kept = await register.confirmation(NUMBER)
    assert kept is not None
    assert kept.codes_sent == 40


# --- lists --------------------------------------------------------------------------------


async def test_cases_are_listed_newest_first_and_by_what_is_asked(register: SqlRegister) -> None:
    newer = another(
        OTHER,
        submitted_at=NOW,
        status=CaseStatus.IN_REVIEW,
        route=Route.INSTITUTION,
        region="78",
        assignee=None,
        overdue=False,
    )
    await register.record(FIRST)
    await register.record(newer)

    async def listed(**asked: Any) -> list[str]:
        return [case.control_number for case in await register.cases(**asked)]

    assert await listed() == [OTHER, NUMBER]
    assert await listed(status=CaseStatus.IN_REVIEW) == [OTHER]
    assert await listed(route=Route.ARCHIVE) == [NUMBER]
    assert await listed(region="78") == [OTHER]
    assert await listed(overdue=True) == [NUMBER]
    assert await listed(overdue=False) == [OTHER]
    assert await listed(officer="ivanova") == [NUMBER]
    assert await listed(officer="ivanova", region="78") == []
    assert (await register.cases(region="77"))[0] == (await the_case(register)).case


async def test_every_paper_is_listed_in_order_of_issue(register: SqlRegister) -> None:
    await register.record(FIRST)
    await register.issue_certificate(NUMBER, CERTIFICATE)
    act = DUPLICATE.model_copy(
        update={"paper_id": f"{OTHER}/acceptance_act", "kind": PaperKind.ACCEPTANCE_ACT}
    )
    await register.record(another(OTHER, papers=(act,)))
    prepared = FIRST.papers[0]
    assert await register.papers() == [(NUMBER, CERTIFICATE), (OTHER, act), (NUMBER, prepared)]
    assert await register.papers(NUMBER) == [(NUMBER, CERTIFICATE), (NUMBER, prepared)]


async def test_federal_rows_are_listed_by_their_day(register: SqlRegister) -> None:
    days = [date(2026, 6, 1), TODAY, date(2026, 5, 30)]
    rows = [FEDERAL_ROW.model_copy(update={"issued_on": day}) for day in days]
    for place, row in enumerate(rows):
        await register.record(another(f"case-{place}", federal_row=row))
    last, first, middle = (
        RegisteredFederalRow(control_number=f"case-{place}", **row.model_dump())
        for place, row in enumerate(rows)
    )
    assert await register.federal_rows() == [first, middle, last]
    assert await register.federal_rows(since=date(2026, 5, 30)) == [middle, last]
    assert await register.federal_rows(until=date(2026, 5, 30)) == [first, middle]
    assert await register.federal_rows(since=date(2026, 6, 2)) == []


async def test_a_calendar_year_loaded_again_replaces_what_was_loaded(
    register: SqlRegister,
) -> None:
    year = CalendarYear(year=2028, days_off=(date(2028, 1, 3),))
    corrected = CalendarYear(
        year=2028, days_off=(date(2028, 1, 4),), working_days=(date(2028, 2, 19),)
    )
    earlier = CalendarYear(year=2027, days_off=())
    for loaded in (year, corrected, earlier):
        await register.load_calendar_year(loaded)
    assert await register.calendar_years() == (earlier, corrected)


# --- addresses and failures ---------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "register.sqlite3",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///register.sqlite3?mode=ro",
        "mysql://root:secret@localhost/register",
        "postgresql://root:secret@localhost:port/register",
    ],
)
def test_an_address_that_can_never_work_is_refused_at_once(url: str, sealer: CaseSealer) -> None:
    with pytest.raises(BadRegister, match="DIPLOMA_REGISTER_URL: write sqlite:///") as raised:
        SqlRegister(url, sealer)
    assert "secret" not in str(raised.value)


async def test_a_file_that_is_not_there_reads_as_empty_where_that_is_welcome(
    tmp_path: Path, sealer: CaseSealer
) -> None:
    async with opened(f"sqlite:///{tmp_path}/none.sqlite3", sealer, missing_ok=True) as register:
        assert await register.find_case(NUMBER) is None
        assert await register.confirmation(NUMBER) is None
        assert await register.calendar_years() == ()
        assert await register.cases(overdue=True) == []
        assert await register.papers(None) == []
        assert await register.federal_rows() == []
        with pytest.raises(BadRegister, match="run `diploma register migrate`"):
            await register.record(FIRST)
    assert files_in(tmp_path) == []


async def test_a_file_that_is_not_there_is_named_where_it_is_needed(
    tmp_path: Path, sealer: CaseSealer
) -> None:
    async with opened(f"sqlite:///{tmp_path}/none.sqlite3", sealer) as register:
        with pytest.raises(BadRegister, match="run `diploma register migrate`"):
            await register.find_case(NUMBER)
    assert files_in(tmp_path) == []


def test_a_folder_that_is_not_there_is_not_made_up(tmp_path: Path, sealer: CaseSealer) -> None:
    with pytest.raises(BadRegister, match="its folder"):
        migrate(f"sqlite:///{tmp_path}/none/register.sqlite3", sealer)


def test_the_file_is_for_its_owner_alone(tmp_path: Path, sealer: CaseSealer) -> None:
    file = tmp_path / "register #1.sqlite3"
    migrate(f"sqlite:///{file}", sealer)
    assert files_in(tmp_path) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_damaged_file_is_named_as_such(tmp_path: Path, sealer: CaseSealer) -> None:
    file = tmp_path / "register.sqlite3"
    file.write_text("Соколова Алёна Игоревна " * 200)
    for attempt in (partial(migrate, sealer=sealer), check):
        with pytest.raises(BadRegister, match="restore a backup"):
            attempt(f"sqlite:///{file}")
    async with opened(f"sqlite:///{file}", sealer) as register:
        with pytest.raises(BadRegister, match="restore a backup"):
            await register.find_case(NUMBER)


async def test_a_file_somebody_else_writes_is_a_passing_failure_and_can_be_read(
    tmp_path: Path, sealer: CaseSealer
) -> None:
    url = f"sqlite:///{tmp_path}/register.sqlite3"
    migrate(url, sealer)
    async with opened(url, sealer, wait_seconds=0.1) as register:
        with closing(sqlite3.connect(tmp_path / "register.sqlite3")) as somebody:
            somebody.execute("BEGIN IMMEDIATE")
            with pytest.raises(TemporaryFailure, match="busy"):
                await register.record(FIRST)
            assert await register.find_case(NUMBER) is None
        assert await register.record(FIRST) == RecordAnswer()


async def test_a_file_somebody_else_reads_can_be_written(
    tmp_path: Path, sealer: CaseSealer
) -> None:
    url = f"sqlite:///{tmp_path}/register.sqlite3"
    migrate(url, sealer)
    async with opened(url, sealer, wait_seconds=0.1) as register:
        with closing(sqlite3.connect(tmp_path / "register.sqlite3")) as somebody:
            somebody.execute("BEGIN")
            somebody.execute("SELECT * FROM cases")
            assert await register.record(FIRST) == RecordAnswer()


async def test_a_file_another_process_is_just_creating_is_waited_for(
    tmp_path: Path, sealer: CaseSealer
) -> None:
    file = tmp_path / "register.sqlite3"
    with closing(sqlite3.connect(file)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        somebody.execute("CREATE TABLE first_page (id INTEGER)")
        migrating = asyncio.create_task(asyncio.to_thread(migrate, f"sqlite:///{file}", sealer))
        assert not (await asyncio.wait({migrating}, timeout=0.3))[0]
        somebody.rollback()
        await migrating
    check(f"sqlite:///{file}")


async def test_rows_somebody_else_holds_are_a_passing_failure(
    postgres: PostgresServer, sealer: CaseSealer
) -> None:
    url = postgres.create(f"held_{uuid4().hex}")
    migrate(url, sealer)
    async with opened(url, sealer, wait_seconds=0.1) as register:
        await register.record(FIRST)
        with psycopg.connect(url) as somebody:
            somebody.execute("SELECT * FROM cases FOR UPDATE")
            with pytest.raises(TemporaryFailure, match="busy"):
                await register.record(following(2))
        assert await register.record(following(2)) == RecordAnswer()


async def test_connections_the_server_cut_are_made_anew(
    postgres: PostgresServer, sealer: CaseSealer
) -> None:
    url = postgres.create(f"cut_{uuid4().hex}")
    migrate(url, sealer)
    async with opened(url, sealer) as register:
        await register.record(FIRST)
        with psycopg.connect(url) as somebody:
            somebody.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert await register.record(following(2)) == RecordAnswer()


async def test_a_server_that_is_away_is_a_passing_failure(sealer: CaseSealer) -> None:
    url = f"postgresql://user:secret@127.0.0.1:{unused_port()}/register"
    async with opened(url, sealer) as register:
        with pytest.raises(TemporaryFailure, match=r"^register cannot be reached$"):
            await register.record(FIRST)
    for attempt in (partial(migrate, sealer=sealer), check):
        with pytest.raises(TemporaryFailure, match=r"^register cannot be reached$"):
            attempt(url)


def test_a_server_that_turns_us_away_is_quoted(postgres: PostgresServer) -> None:
    with pytest.raises(TemporaryFailure, match=r'reached: database "nowhere" does not exist$'):
        check(postgres.url("nowhere"))


def test_an_option_the_driver_does_not_know_is_no_passing_failure(
    postgres: PostgresServer,
) -> None:
    with pytest.raises(BadRegister, match="DIPLOMA_REGISTER_URL"):
        check(postgres.url("postgres?colour=blue"))
