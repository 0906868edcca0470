"""What the register forgets of an erased case, and what it goes on knowing (R13)."""

import asyncio
from datetime import date, timedelta

import pytest
from records import (
    CERTIFICATE,
    CONFIRMATION,
    DUPLICATE,
    FEDERAL_ROW,
    FIRST,
    NOW,
    NUMBER,
    OTHER,
    another,
    following,
    issued,
    opened,
    the_case,
)
from sqlalchemy import select

from activities.ports import PermanentFailure
from adapters.register.connections import Database
from adapters.register.database import SqlRegister
from adapters.register.tables import METADATA
from adapters.sealing.keyring import KeyRing
from adapters.sealing.sealer import CaseSealer
from domain.register import CaseRecord, PaperFile, RecordAnswer
from domain.retention import Erasure, ErasureBasis

LATER = NOW + timedelta(days=1)
BEGUN = Erasure(
    control_number=NUMBER,
    basis=ErasureBasis.RETENTION_ENDED,
    officer="petrova",
    begun_at=NOW,
)
FINISHED = BEGUN.model_copy(update={"destroyed_at": LATER, "contents": 7, "act_sha256": "ac7"})
RECEIPT = PaperFile(
    file_key=f"{NUMBER}/submission_receipt",
    control_number=NUMBER,
    template="submission_receipt",
    dated=date(2026, 4, 29),
    sha256="5ca1ab1e",
)


async def ended(register: SqlRegister) -> None:
    """A case that has everything a case may have, beside another one."""
    await register.change_confirmation(NUMBER, lambda _: CONFIRMATION)
    await register.record(FIRST)
    await register.issue_certificate(NUMBER, CERTIFICATE)
    await register.keep_paper_file(RECEIPT)
    await register.record(issued(2))
    row = FEDERAL_ROW.model_copy(update={"number": "0004513"})
    theirs = DUPLICATE.model_copy(
        update={"paper_id": f"{OTHER}/duplicate", "number": "0004513", "issued_on": NOW.date()}
    )
    await register.record(another(OTHER, papers=(theirs,), federal_row=row))


async def erase(register: SqlRegister, ring: KeyRing) -> None:
    await register.begin_erasure(BEGUN)
    ring.destroy(NUMBER)
    await register.finish_erasure(FINISHED)


# --- consent ------------------------------------------------------------------------------


async def test_consent_is_withdrawn_once(register: SqlRegister) -> None:
    assert not await register.withdraw_consent(NUMBER, NOW)
    await register.record(FIRST)
    assert (await the_case(register)).case.consent_withdrawn_at is None
    assert await register.withdraw_consent(NUMBER, NOW)
    assert await register.withdraw_consent(NUMBER, LATER)
    await register.record(following(2))
    assert (await the_case(register)).case.consent_withdrawn_at == NOW
    assert (await register.cases())[0].consent_withdrawn_at == NOW


# --- rows for the federal register --------------------------------------------------------


async def test_a_row_counts_as_exported_until_its_content_changes(register: SqlRegister) -> None:
    await register.record(FIRST)
    assert not await register.has_unexported_row(NUMBER)
    await register.record(issued(2))
    assert await register.has_unexported_row(NUMBER)
    await register.federal_exported(
        [row.control_number for row in await register.federal_rows()], NOW
    )
    assert not await register.has_unexported_row(NUMBER)
    await register.record(issued(3))
    assert not await register.has_unexported_row(NUMBER)
    corrected = FEDERAL_ROW.model_copy(update={"specialty": "Сети связи"})
    await register.record(issued(4).model_copy(update={"federal_row": corrected}))
    assert await register.has_unexported_row(NUMBER)


async def test_only_rows_that_were_exported_count_as_such(register: SqlRegister) -> None:
    await ended(register)
    await register.federal_exported([], NOW)
    assert await register.has_unexported_row(NUMBER)
    await register.federal_exported([OTHER, "unknown"], NOW)
    assert await register.has_unexported_row(NUMBER)
    assert not await register.has_unexported_row(OTHER)


# --- erasure ------------------------------------------------------------------------------


async def test_the_first_erasure_that_is_begun_stays(register: SqlRegister) -> None:
    assert await register.erasure(NUMBER) is None
    assert await register.begin_erasure(BEGUN) == BEGUN
    again = BEGUN.model_copy(
        update={"basis": ErasureBasis.CONSENT_WITHDRAWN, "officer": "other", "begun_at": LATER}
    )
    assert await register.begin_erasure(again) == BEGUN
    assert await register.erasure(NUMBER) == BEGUN
    assert await register.erasures() == [BEGUN]


async def test_an_erased_case_is_known_by_what_is_not_personal(
    register: SqlRegister, ring: KeyRing
) -> None:
    await ended(register)
    before, other = await the_case(register), await the_case(register, OTHER)
    await erase(register, ring)
    stored = await the_case(register)
    assert stored.case == before.case.model_copy(update={"erased_at": LATER})
    assert (stored.view, stored.documents) == ({}, ())
    assert (stored.events, stored.charges) == (before.events, before.charges)
    assert stored.papers == tuple(
        paper.model_copy(update={"series": "", "number": "", "registration_number": ""})
        for paper in before.papers
    )
    assert await register.paper_file(RECEIPT.file_key) is None
    assert await register.stored_hashes() == []
    assert await register.confirmation(NUMBER) is None
    assert [row.control_number for row in await register.federal_rows()] == [OTHER]
    assert not await register.has_unexported_row(NUMBER)
    assert await the_case(register, OTHER) == other
    assert await register.erasure(NUMBER) == FINISHED
    assert await register.erasures() == [FINISHED]


async def test_nothing_sealed_is_left_of_an_erased_case(
    register: SqlRegister, ring: KeyRing, database_url: str
) -> None:
    await ended(register)
    await erase(register, ring)
    database = Database(database_url)
    with database.snapshot() as connection:
        left = {
            (table.name, name)
            for table in METADATA.sorted_tables
            if "control_number" in table.c
            for row in connection.execute(
                select(table).where(table.c.control_number == NUMBER)
            ).mappings()
            for name, value in row.items()
            if isinstance(value, bytes) or name == "fingerprint"
        }
    database.close()
    assert left == set()


async def test_an_erasure_that_is_repeated_destroys_nothing_it_knew(
    register: SqlRegister, ring: KeyRing
) -> None:
    await ended(register)
    await erase(register, ring)
    erased = await the_case(register)
    assert await register.begin_erasure(BEGUN) == FINISHED
    found_less = FINISHED.model_copy(
        update={"contents": 0, "act_sha256": "another", "destroyed_at": LATER + timedelta(days=1)}
    )
    await register.finish_erasure(found_less)
    assert await register.erasure(NUMBER) == FINISHED
    assert await the_case(register) == erased


async def test_an_act_that_is_signed_later_completes_the_facts(
    register: SqlRegister, ring: KeyRing
) -> None:
    await ended(register)
    await register.begin_erasure(BEGUN)
    ring.destroy(NUMBER)
    await register.finish_erasure(FINISHED.model_copy(update={"act_sha256": None}))
    await register.finish_erasure(FINISHED.model_copy(update={"contents": 0}))
    assert await register.erasure(NUMBER) == FINISHED


async def test_a_case_is_not_erased_while_its_key_is_there(register: SqlRegister) -> None:
    await ended(register)
    before = await the_case(register)
    await register.begin_erasure(BEGUN)
    with pytest.raises(ValueError, match="the key comes first"):
        await register.finish_erasure(BEGUN)
    assert await the_case(register) == before
    assert await register.erasure(NUMBER) == BEGUN


async def test_a_case_the_register_never_heard_of_can_be_erased(
    register: SqlRegister, ring: KeyRing
) -> None:
    await register.change_confirmation(NUMBER, lambda _: CONFIRMATION)
    await erase(register, ring)
    assert await register.find_case(NUMBER) is None
    assert await register.confirmation(NUMBER) is None
    assert await register.erasure(NUMBER) == FINISHED
    with pytest.raises(PermanentFailure):
        await register.record(FIRST)


@pytest.mark.parametrize("destroyed", [False, True], ids=["begun", "destroyed"])
async def test_what_is_being_erased_takes_nothing_more(
    register: SqlRegister, database_url: str, sealer: CaseSealer, ring: KeyRing, destroyed: bool
) -> None:
    # While it is begun the key still works, as it does for others some time after its end.
    await register.record(FIRST)
    await register.begin_erasure(BEGUN)
    before = await the_case(register)
    if destroyed:
        ring.destroy(NUMBER)
    async with opened(database_url, sealer) as beside:
        for record in (following(2), FIRST):
            with pytest.raises(PermanentFailure):
                await beside.record(record)
        with pytest.raises(PermanentFailure):
            await beside.keep_paper_file(RECEIPT)
        assert not await beside.issue_certificate(NUMBER, CERTIFICATE)
    after = await the_case(register)
    assert after.revision == before.revision
    assert after.documents == before.documents
    assert len(after.papers) == len(before.papers)
    assert await register.record(another(OTHER)) == RecordAnswer()


async def test_a_case_whose_key_is_gone_gets_in_nobody_s_way(
    register: SqlRegister, ring: KeyRing
) -> None:
    await ended(register)
    await register.begin_erasure(BEGUN)
    ring.destroy(NUMBER)
    numbers = {number: paper.number for number, paper in await register.papers()}
    assert numbers == {NUMBER: "", OTHER: "0004513"}
    assert [row.control_number for row in await register.federal_rows()] == [OTHER]
    assert (await the_case(register)).view == {}
    assert len(await register.cases()) == 2


async def test_a_number_of_an_erased_case_is_never_given_again(
    register: SqlRegister, ring: KeyRing
) -> None:
    await ended(register)
    await erase(register, ring)
    third = "2B4D-7K3M-9QXT-5"
    paper = DUPLICATE.model_copy(update={"paper_id": f"{third}/duplicate"})
    assert (await register.record(another(third, papers=(paper,)))).taken_numbers == (
        paper.paper_id,
    )


async def test_records_and_an_erasure_at_once_leave_nothing_behind(
    register: SqlRegister, neighbour: SqlRegister, ring: KeyRing
) -> None:
    async def told(record: CaseRecord) -> bool:
        try:
            await neighbour.record(record)
        except PermanentFailure:
            return False
        return True

    await ended(register)
    records = (told(issued(revision)) for revision in range(3, 43))
    _, *written = await asyncio.gather(erase(register, ring), *records)
    assert not all(written)
    stored = await the_case(register)
    assert (stored.view, stored.documents) == ({}, ())
    assert {paper.number for paper in stored.papers} == {""}
    assert [row.control_number for row in await register.federal_rows()] == [OTHER]
