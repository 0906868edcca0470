"""What the register keeps of a person is sealed, from the step on that sealed what was there."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from records import (
    CERTIFICATE,
    CONFIRMATION,
    DUPLICATE,
    FEDERAL_ROW,
    FIRST,
    NOW,
    NUMBER,
    OTHER,
    PERSONAL,
    another,
    following,
    issued,
    new_ring,
    opened,
    the_case,
)
from sqlalchemy import select
from terminal import Cli

from activities.ports import TemporaryFailure
from adapters.database_address import database_address
from adapters.register import schema
from adapters.register.connections import Database
from adapters.register.database import SqlRegister
from adapters.register.errors import BadRegister, SchemaOutdated
from adapters.register.schema import HEAD, check, migrate
from adapters.register.tables import METADATA, cases
from adapters.sealing.errors import BadKeys, KeyUnknown
from adapters.sealing.keyring import KeyRing
from adapters.sealing.masters import MasterKeys
from adapters.sealing.sealer import CaseSealer
from domain.register import PaperKind, PaperState, RecordAnswer, RegisteredFederalRow

NUMBERS = ("77СПД", "0004512", "118/2026", "77СПА", "0031942")
MARKERS = (*PERSONAL, *NUMBERS, "МАРКЕР")
"""What must be found nowhere; the last one stands in the view."""
MARKED = FIRST.model_copy(update={"view": {"production": {"remark": "МАРКЕР"}, "share": 0.5}})
ORIGINAL = DUPLICATE.model_copy(
    update={
        "paper_id": f"{NUMBER}/original",
        "kind": PaperKind.ORIGINAL,
        "state": PaperState.REPLACED,
        "series": FEDERAL_ROW.original_series,
        "number": FEDERAL_ROW.original_number,
    }
)
KEPT_ROW = RegisteredFederalRow(control_number=NUMBER, **FEDERAL_ROW.model_dump())
MASTERS = MasterKeys.from_text(f"test:{b64encode(bytes(32)).decode()}")
PLAIN_VERSIONS = ("0001", "0002", "0003")


def files_of(url: str) -> bytes:
    """All that a database has on its disk, but for the log a server keeps for itself."""
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        return b"".join(found.read_bytes() for found in file.parent.glob(f"{file.name}*"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        (oid,) = connection.execute(
            "SELECT oid FROM pg_database WHERE datname = current_database()"
        ).fetchone() or ("",)
    return b"".join(found.read_bytes() for found in Path(folder, "base", str(oid)).iterdir())


def found_in(content: bytes, markers: tuple[str, ...] = MARKERS) -> list[str]:
    """Markers that can be read, as they are or as JSON writes them."""
    forms = {marker: (marker, json.dumps(marker).strip('"')) for marker in markers}
    return [
        marker
        for marker, written in forms.items()
        if any(form.encode() in content for form in written)
    ]


def fill(url: str, version: str) -> None:
    """A register as an older version left it; a row that was deleted is still in its file."""
    facts = MARKED.model_dump()
    papers = [
        {"control_number": NUMBER, **paper.model_dump()}
        for paper in (CERTIFICATE, DUPLICATE, ORIGINAL)
    ]
    row = {"issued_on": FEDERAL_ROW.issued_on, "content": FEDERAL_ROW.model_dump_json()}
    deleted = {"control_number": OTHER, "view": {"remark": "МАРКЕР" * 1000}}
    engine = sa.create_engine(database_address(url))
    old = sa.MetaData()
    with engine.begin() as connection:
        old.reflect(connection)
        cases = old.tables["cases"]
        stored = {name: facts[name] for name in cases.columns.keys()}  # noqa: SIM118 - not a dict
        connection.execute(sa.insert(cases), [stored, stored | deleted])
        if version >= "0002":
            connection.execute(sa.insert(old.tables["papers"]), papers)
            federal_row = sa.insert(old.tables["federal_rows"])
            connection.execute(federal_row.values(control_number=NUMBER, **row))
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete = OFF")
        connection.execute(sa.delete(cases).where(cases.c.control_number == OTHER))
    engine.dispose()


@pytest.fixture(params=PLAIN_VERSIONS)
def plain(request: pytest.FixtureRequest, database_url: str, sealer: CaseSealer) -> str:
    """The version of a register that holds clear text."""
    version: str = request.param
    migrate(database_url, sealer, version)
    fill(database_url, version)
    return version


# --- what is sealed -----------------------------------------------------------------------


async def test_nothing_of_a_person_can_be_read_in_the_files(
    register: SqlRegister, database_url: str
) -> None:
    await register.record(MARKED)
    await register.issue_certificate(NUMBER, CERTIFICATE)
    await register.record(issued(2, view=MARKED.view))
    content = files_of(database_url)
    assert found_in(content, (*MARKERS, "Архив города")) == ["Архив города"]
    assert (await the_case(register)).view == MARKED.view
    assert await register.federal_rows() == [KEPT_ROW]


async def test_errors_hold_no_parameters(register: SqlRegister) -> None:
    # Another case's paper is the one thing a record can clash with that is not asked before.
    await register.record(issued(1))
    stolen = another(
        OTHER,
        papers=(DUPLICATE.model_copy(update={"number": "1"}),),
        federal_row=FEDERAL_ROW,
        holder="Приметная",
    )
    with pytest.raises(BadRegister) as raised:
        await register.record(stolen)
    assert raised.value.__suppress_context__
    assert not [word for word in (*PERSONAL, NUMBER, "INSERT") if word in str(raised.value)]
    assert "DIPLOMA_REGISTER_URL" in str(raised.value)
    assert await register.find_case(OTHER) is None


Reading = Callable[[SqlRegister], Awaitable[object]]
READINGS: tuple[Reading, ...] = (
    lambda register: register.find_case(NUMBER),
    lambda register: register.papers(),
    lambda register: register.federal_rows(),
)


@pytest.mark.parametrize("read", READINGS, ids=["case", "papers", "federal rows"])
async def test_a_ring_that_lacks_the_key_is_waited_for(
    register: SqlRegister, database_url: str, tmp_path: Path, read: Reading
) -> None:
    await register.record(issued(1))
    (elsewhere := tmp_path / "elsewhere").mkdir()
    with closing(new_ring(elsewhere)) as restored_too_early:
        async with opened(database_url, CaseSealer(restored_too_early)) as beside:
            with pytest.raises(KeyUnknown):
                await read(beside)
            assert [case.control_number for case in await beside.cases()] == [NUMBER]
            restored_too_early.key_for(NUMBER)
            with pytest.raises(BadRegister, match="restore"):
                await read(beside)
    assert await read(register)


async def test_what_is_sealed_opens_in_its_own_case_only(
    register: SqlRegister, database_url: str
) -> None:
    await register.record(FIRST)
    await register.record(another(OTHER))
    with closing(Database(database_url)) as database, database.transaction() as connection:
        mine = select(cases.c.sealed_view).where(cases.c.control_number == NUMBER)
        theirs = sa.update(cases).where(cases.c.control_number == OTHER)
        connection.execute(theirs.values(sealed_view=connection.scalar(mine)))
    with pytest.raises(BadRegister, match=f"register/view of {OTHER} was changed"):
        await register.find_case(OTHER)
    assert (await the_case(register)).view == FIRST.view


async def test_a_register_without_its_ring_writes_nothing(
    register: SqlRegister, database_url: str, tmp_path: Path
) -> None:
    await register.record(FIRST)
    with closing(KeyRing(f"sqlite:///{tmp_path}/lost.db", MASTERS)) as lost:
        async with opened(database_url, CaseSealer(lost)) as beside:
            with pytest.raises(BadKeys):
                await beside.record(following(2))
    assert (await the_case(register)).revision == 1


# --- rows that were there before ----------------------------------------------------------


async def test_rows_of_older_versions_are_sealed_and_nothing_is_left_of_them(
    plain: str, database_url: str, sealer: CaseSealer
) -> None:
    expected = MARKERS if plain >= "0002" else ("МАРКЕР",)
    assert found_in(files_of(database_url), expected) == list(expected)
    migrate(database_url, sealer)
    assert found_in(files_of(database_url)) == []
    async with opened(database_url, sealer) as register:
        stored = await the_case(register)
        assert stored.view == MARKED.view
        if plain >= "0002":
            assert set(stored.papers) == {CERTIFICATE, DUPLICATE, ORIGINAL}
            assert await register.federal_rows() == [KEPT_ROW]
            assert await register.has_unexported_row(NUMBER)
            stolen = DUPLICATE.model_copy(update={"paper_id": f"{OTHER}/duplicate"})
            answer = await register.record(another(OTHER, papers=(stolen,)))
            assert answer.taken_numbers == (stolen.paper_id,)
        assert await register.record(issued(2)) == RecordAnswer(
            annulled=(CERTIFICATE.paper_id,) if plain >= "0002" else ()
        )
        assert found_in(files_of(database_url)) == []


async def test_a_row_that_was_sealed_by_the_step_counts_as_the_same(
    plain: str, database_url: str, sealer: CaseSealer
) -> None:
    if plain == "0001":
        return
    migrate(database_url, sealer)
    async with opened(database_url, sealer) as register:
        await register.federal_exported([NUMBER], NOW)
        await register.record(issued(2))
        assert not await register.has_unexported_row(NUMBER)


async def test_a_step_that_was_interrupted_is_completed_by_the_next(
    plain: str, database_url: str, sealer: CaseSealer
) -> None:
    with closing(Database(database_url)) as database:
        schema._upgrade(database, sealer, "0004")
    assert "МАРКЕР" in found_in(files_of(database_url)), plain
    with pytest.raises(SchemaOutdated, match=f"of 0004, not {HEAD}"):
        check(database_url)
    migrate(database_url, sealer)
    assert found_in(files_of(database_url)) == []
    check(database_url)


async def test_rows_stay_as_they_are_while_their_keys_cannot_be_had(
    plain: str, database_url: str, sealer: CaseSealer, tmp_path: Path
) -> None:
    with (
        closing(KeyRing(f"sqlite:///{tmp_path}/lost.db", MASTERS)) as lost,
        pytest.raises(BadKeys),
    ):
        migrate(database_url, CaseSealer(lost))
    with pytest.raises(SchemaOutdated, match=f"of {plain}, not"):
        check(database_url)
    migrate(database_url, sealer)
    async with opened(database_url, sealer) as register:
        assert (await the_case(register)).view == MARKED.view


async def test_a_backup_that_brings_an_erased_case_back_brings_nothing_personal(
    plain: str, database_url: str, ring: KeyRing
) -> None:
    sealer = CaseSealer(ring)
    ring.destroy(NUMBER)
    migrate(database_url, sealer)
    assert found_in(files_of(database_url)) == []
    async with opened(database_url, sealer) as register:
        stored = await the_case(register)
        assert stored.view == {}
        assert {paper.number for paper in stored.papers} <= {""}
        assert len(stored.papers) == (3 if plain >= "0002" else 0)
        assert await register.federal_rows() == []
        assert not await register.has_unexported_row(NUMBER)


def test_more_rows_than_are_looked_at_at_once_are_all_sealed(
    database_url: str, sealer: CaseSealer
) -> None:
    migrate(database_url, sealer, "0003")
    fill(database_url, "0003")
    paper = {"control_number": NUMBER, **DUPLICATE.model_dump(exclude={"paper_id", "number"})}
    engine = sa.create_engine(database_address(database_url))
    with engine.begin() as connection:
        papers = sa.Table("papers", sa.MetaData(), autoload_with=connection)
        rows = [{**paper, "paper_id": f"{place}", "number": f"n{place}"} for place in range(1200)]
        connection.execute(sa.insert(papers), rows)
    engine.dispose()
    migrate(database_url, sealer)
    with closing(Database(database_url)) as database, database.snapshot() as connection:
        unsealed = connection.execute(sa.text("SELECT 1 FROM papers WHERE sealed_numbers IS NULL"))
        assert unsealed.all() == []


async def test_a_file_somebody_reads_is_written_anew_when_they_are_done(
    database_url: str, sealer: CaseSealer
) -> None:
    migrate(database_url, sealer)
    with closing(Database(database_url, 0.1)) as database:
        with database.snapshot() as somebody:
            somebody.execute(select(cases)).all()
            with pytest.raises(TemporaryFailure, match="busy"):
                database.scrub("cases")
        database.scrub("cases")


async def test_files_written_anew_by_several_at_once_wait_for_each_other(
    database_url: str, sealer: CaseSealer
) -> None:
    migrate(database_url, sealer)
    with ExitStack() as open_files:
        several = [open_files.enter_context(closing(Database(database_url))) for _ in range(4)]
        for _ in range(10):
            await asyncio.gather(*(asyncio.to_thread(each.scrub, "cases") for each in several))


# --- the tables and their steps -----------------------------------------------------------


def test_the_steps_lead_to_the_tables_we_work_with(database_url: str, sealer: CaseSealer) -> None:
    migrate(database_url, sealer)
    with closing(Database(database_url)) as database, database.snapshot() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_last_step_is_the_one_that_is_checked_for() -> None:
    config = Config()
    config.set_main_option("script_location", "adapters.register:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


async def test_what_is_not_there_yet_is_missed_until_the_steps_are_run(
    plain: str, database_url: str, sealer: CaseSealer
) -> None:
    async with opened(database_url, sealer) as register:
        await register.change_confirmation(NUMBER, lambda _: CONFIRMATION)
        with pytest.raises(SchemaOutdated, match="diploma register migrate"):
            await register.find_case(NUMBER)
        migrate(database_url, sealer)
        assert await register.confirmation(NUMBER) == CONFIRMATION, plain


def test_a_register_without_its_tables_is_noticed(database_url: str, sealer: CaseSealer) -> None:
    with pytest.raises(SchemaOutdated, match="no tables yet; run `diploma register migrate`"):
        check(database_url)
    migrate(database_url, sealer, "0001")
    with pytest.raises(
        SchemaOutdated, match=f"of 0001, not {HEAD}; run `diploma register migrate`"
    ):
        check(database_url)
    migrate(database_url, sealer)
    check(database_url)
    migrate(database_url, sealer)
    check(database_url)


def test_a_register_of_a_newer_program_is_noticed(database_url: str, sealer: CaseSealer) -> None:
    migrate(database_url, sealer)
    with closing(Database(database_url)) as database, database.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for attempt in (check, partial(migrate, sealer=sealer)):
        with pytest.raises(SchemaOutdated, match="newer version"):
            attempt(database_url)


async def test_processes_that_migrate_at_once_do_not_get_in_each_others_way(
    database_url: str, lonely: Cli
) -> None:
    # Their ring is none: tables without rows need no keys.
    here = lonely.but(DIPLOMA_REGISTER_URL=database_url)
    running = await asyncio.gather(*(here("register", "migrate") for _ in range(4)))
    assert [(ended.code, ended.err) for ended in running] == [(0, "")] * 4
    check(database_url)
