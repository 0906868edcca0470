"""Two steps that are given the same notices agree in the register who sends them (R11)."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from records import NOW, NUMBER, OTHER

from activities.ports import PermanentFailure
from adapters.register import recording
from adapters.register.connections import Database
from adapters.register.database import SqlRegister
from adapters.register.recording import CLAIM_LASTS
from adapters.sealing.keyring import KeyRing
from domain.notices import Delivery, DeliveryReport, NoticeClaim
from domain.retention import Erasure, ErasureBasis

FIRST, SECOND, THIRD = "submitted.1", "accepted.2", "in_review.3"
ONE, ANOTHER = "run/4", "run/7"
"""Steps."""
SENT = DeliveryReport(key=FIRST, delivery=Delivery.SENT)
REJECTED = DeliveryReport(
    key=SECOND, delivery=Delivery.REJECTED, reason="mail server refused the mail: 550"
)
OURS, OTHERS = NoticeClaim(), NoticeClaim(others=True)


def ours_again(*keys: str) -> NoticeClaim:
    """Those that somebody may have sent already."""
    return NoticeClaim(again=keys)


A_MOMENT = timedelta(milliseconds=1)
BEGUN = Erasure(
    control_number=NUMBER,
    basis=ErasureBasis.CONSENT_WITHDRAWN,
    officer="petrova",
    begun_at=NOW,
)


class Clerk:
    """Claims at moments of a test's choice."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claims(
        self, step: str, *keys: str, at: datetime = NOW, number: str = NUMBER
    ) -> NoticeClaim:
        with self._database.transaction(f"case {number}") as connection:
            return recording.claim_notices(connection, number, step, keys, at)


@pytest.fixture
def clerk(
    register: SqlRegister,  # noqa: ARG001 - it creates the tables
    database_url: str,
) -> Iterator[Clerk]:
    with closing(Database(database_url)) as database:
        yield Clerk(database)


def by_key(reports: tuple[DeliveryReport, ...] | list[DeliveryReport]) -> list[DeliveryReport]:
    return sorted(reports, key=lambda report: report.key)


# --- claims -------------------------------------------------------------------------------


async def test_a_step_may_claim_again_what_it_has(register: SqlRegister) -> None:
    assert await register.claim_notices(NUMBER, ONE, [FIRST, SECOND]) == OURS
    for _ in range(3):
        again = await register.claim_notices(NUMBER, ONE, [FIRST, SECOND])
        assert again == ours_again(FIRST, SECOND)
    assert await register.claim_notices(NUMBER, ANOTHER, [SECOND]) == OTHERS
    assert await register.deliveries(NUMBER) == []


def test_what_others_have_claimed_is_an_obstacle_for_two_minutes(clerk: Clerk) -> None:
    assert clerk.claims(ONE, FIRST) == OURS
    assert clerk.claims(ANOTHER, FIRST, at=NOW + CLAIM_LASTS - A_MOMENT) == OTHERS
    assert clerk.claims(ANOTHER, FIRST, at=NOW + CLAIM_LASTS) == ours_again(FIRST)
    assert clerk.claims(ONE, FIRST, at=NOW + CLAIM_LASTS) == OTHERS
    assert timedelta(minutes=2) == CLAIM_LASTS


def test_a_claim_lasts_from_the_last_time_it_was_made(clerk: Clerk) -> None:
    clerk.claims(ONE, FIRST)
    clerk.claims(ONE, FIRST, at=NOW + CLAIM_LASTS - A_MOMENT)
    assert clerk.claims(ANOTHER, FIRST, at=NOW + CLAIM_LASTS) == OTHERS
    assert clerk.claims(ANOTHER, FIRST, at=NOW + 2 * CLAIM_LASTS - A_MOMENT) == ours_again(FIRST)


def test_nothing_is_claimed_while_others_are_at_one_of_them(clerk: Clerk) -> None:
    clerk.claims(ONE, FIRST)
    assert clerk.claims(ANOTHER, FIRST, SECOND) == OTHERS
    assert clerk.claims("run/9", SECOND) == OURS


def test_a_claim_that_is_no_obstacle_any_more_is_taken_over_with_the_rest(clerk: Clerk) -> None:
    clerk.claims(ONE, FIRST, SECOND)
    assert clerk.claims(ANOTHER, SECOND, THIRD, at=NOW + CLAIM_LASTS) == ours_again(SECOND)
    assert clerk.claims("run/9", FIRST, at=NOW + CLAIM_LASTS) == ours_again(FIRST)
    assert clerk.claims(ONE, THIRD, at=NOW + CLAIM_LASTS) == OTHERS


async def test_notices_of_other_cases_are_in_nobody_s_way(register: SqlRegister) -> None:
    assert await register.claim_notices(OTHER, ONE, [FIRST]) == OURS
    assert await register.claim_notices(NUMBER, ANOTHER, [FIRST]) == OURS
    await register.settle_notices(OTHER, ONE, [SENT])
    assert await register.deliveries(NUMBER) == []
    assert await register.claim_notices(NUMBER, ONE, [FIRST]) == OTHERS


async def test_who_claims_nothing_gets_nothing(register: SqlRegister) -> None:
    await register.claim_notices(NUMBER, ONE, [FIRST])
    assert await register.claim_notices(NUMBER, ANOTHER, []) == OURS
    assert await register.claim_notices(NUMBER, ANOTHER, [FIRST]) == OTHERS


# --- what became of them ------------------------------------------------------------------


async def test_whoever_claims_settled_ones_is_told_what_became_of_them(
    register: SqlRegister, neighbour: SqlRegister
) -> None:
    await register.claim_notices(NUMBER, ONE, [FIRST, SECOND])
    await register.settle_notices(NUMBER, ONE, [SENT, REJECTED])
    for step in (ONE, ANOTHER):
        claim = await neighbour.claim_notices(NUMBER, step, [FIRST, SECOND])
        assert by_key(claim.settled) == by_key([SENT, REJECTED])
        assert not claim.others
    assert by_key(await neighbour.deliveries(NUMBER)) == by_key([SENT, REJECTED])


async def test_beside_settled_ones_the_others_are_claimed(register: SqlRegister) -> None:
    await register.claim_notices(NUMBER, ONE, [FIRST])
    await register.settle_notices(NUMBER, ONE, [SENT])
    claim = await register.claim_notices(NUMBER, ANOTHER, [FIRST, THIRD])
    assert claim == NoticeClaim(settled=(SENT,))
    assert await register.claim_notices(NUMBER, ONE, [THIRD]) == OTHERS
    assert await register.deliveries(NUMBER) == [SENT]


async def test_what_is_settled_stays_so_however_long_ago(
    register: SqlRegister, clerk: Clerk
) -> None:
    clerk.claims(ONE, FIRST)
    await register.settle_notices(NUMBER, ONE, [SENT])
    claim = clerk.claims(ANOTHER, FIRST, at=NOW + timedelta(days=400))
    assert claim == NoticeClaim(settled=(SENT,))


async def test_what_was_claimed_and_not_settled_is_free_again(register: SqlRegister) -> None:
    await register.claim_notices(NUMBER, ONE, [FIRST, SECOND, THIRD])
    await register.settle_notices(NUMBER, ONE, [REJECTED])
    claim = await register.claim_notices(NUMBER, ANOTHER, [FIRST, SECOND, THIRD])
    assert claim == NoticeClaim(settled=(REJECTED,))


async def test_who_has_settled_nothing_frees_everything_of_its_own(register: SqlRegister) -> None:
    await register.claim_notices(NUMBER, ONE, [FIRST])
    await register.claim_notices(NUMBER, ANOTHER, [SECOND])
    await register.settle_notices(NUMBER, ONE, [])
    assert await register.claim_notices(NUMBER, "run/9", [FIRST]) == OURS
    assert await register.claim_notices(NUMBER, "run/9", [SECOND]) == OTHERS


async def test_a_settlement_told_twice_changes_nothing(register: SqlRegister) -> None:
    await register.claim_notices(NUMBER, ONE, [FIRST])
    for _ in range(2):
        await register.settle_notices(NUMBER, ONE, [SENT])
    assert await register.deliveries(NUMBER) == [SENT]


async def test_what_a_slow_step_has_sent_is_known_to_who_took_over(
    register: SqlRegister, clerk: Clerk
) -> None:
    clerk.claims(ONE, FIRST)
    clerk.claims(ANOTHER, FIRST, at=NOW + CLAIM_LASTS)
    await register.settle_notices(NUMBER, ONE, [SENT])
    assert clerk.claims(ANOTHER, FIRST, at=NOW + CLAIM_LASTS) == NoticeClaim(settled=(SENT,))
    await register.settle_notices(NUMBER, ANOTHER, [])
    assert await register.deliveries(NUMBER) == [SENT]


# --- at most twice ------------------------------------------------------------------------


async def test_what_may_have_been_sent_twice_is_given_up(register: SqlRegister) -> None:
    await register.claim_notices(NUMBER, ONE, [FIRST, SECOND])
    assert await register.claim_notices(NUMBER, ONE, [FIRST]) == ours_again(FIRST)
    await register.count_try(NUMBER, FIRST)  # and whoever counted died, too
    claim = await register.claim_notices(NUMBER, ONE, [FIRST, SECOND])
    assert claim == NoticeClaim(again=(SECOND,), given_up=(FIRST,))


async def test_who_claimed_nothing_may_have_sent_it_as_well(register: SqlRegister) -> None:
    claim = await register.claim_notices(NUMBER, ONE, [FIRST], tried=True)
    assert claim == ours_again(FIRST)
    await register.count_try(NUMBER, FIRST)
    assert (await register.claim_notices(NUMBER, ONE, [FIRST])).given_up == (FIRST,)


async def test_what_is_doubtful_is_free_and_stays_counted(register: SqlRegister) -> None:
    await register.claim_notices(NUMBER, ONE, [FIRST, SECOND])
    await register.settle_notices(NUMBER, ONE, [], [FIRST, THIRD])
    claim = await register.claim_notices(NUMBER, ANOTHER, [FIRST, SECOND, THIRD])
    assert claim == ours_again(FIRST, THIRD)
    await register.count_try(NUMBER, FIRST)
    await register.settle_notices(NUMBER, ANOTHER, [], [FIRST, THIRD])
    claim = await register.claim_notices(NUMBER, ONE, [FIRST, THIRD])
    assert claim == NoticeClaim(again=(THIRD,), given_up=(FIRST,))
    assert await register.deliveries(NUMBER) == []


# --- two at once --------------------------------------------------------------------------


async def test_of_two_that_claim_at_once_one_alone_gets_the_notice(
    register: SqlRegister, neighbour: SqlRegister
) -> None:
    winners = set()
    for place in range(40):
        race = [
            register.claim_notices(f"case-{place}", ONE, [FIRST, SECOND]),
            neighbour.claim_notices(f"case-{place}", ANOTHER, [SECOND, THIRD]),
        ]
        # Who is started first wins more often: the turn changes.
        turn = 1 if place % 2 else -1
        claims = (await asyncio.gather(*race[::turn]))[::turn]
        assert sorted(claim.others for claim in claims) == [False, True]
        winners.add([claim.others for claim in claims].index(False))
    assert winners == {0, 1}


async def test_however_many_claim_at_once_no_notice_goes_to_two(
    register: SqlRegister, neighbour: SqlRegister
) -> None:
    chance = random.Random(20260529)
    notices = [f"accepted.{place}" for place in range(6)]
    for place in range(15):
        wanted = [chance.sample(notices, chance.randint(1, 4)) for _ in range(8)]
        claims = await asyncio.gather(
            *(
                writer.claim_notices(f"case-{place}", f"run/{step}", keys)
                for step, (keys, writer) in enumerate(
                    zip(wanted, [register, neighbour] * 4, strict=True)
                )
            )
        )
        got = [
            key
            for keys, claim in zip(wanted, claims, strict=True)
            if not claim.others
            for key in keys
        ]
        assert got
        assert len(got) == len(set(got))


async def test_a_notice_many_are_given_is_sent_by_one_and_known_to_all(
    register: SqlRegister, neighbour: SqlRegister
) -> None:
    sent_by: list[str] = []

    async def send(step: str, writer: SqlRegister) -> tuple[DeliveryReport, ...]:
        while (claim := await writer.claim_notices(NUMBER, step, [FIRST])).others:
            pass
        if not claim.settled:
            sent_by.append(step)
            await writer.settle_notices(NUMBER, step, [SENT])
        return claim.settled or (SENT,)

    told = await asyncio.gather(
        *(send(f"run/{step}", writer) for step, writer in enumerate([register, neighbour] * 4))
    )
    assert len(sent_by) == 1
    assert told == [(SENT,)] * 8


# --- erasure (R13) ------------------------------------------------------------------------


@pytest.mark.parametrize("destroyed", [False, True], ids=["begun", "destroyed"])
async def test_in_a_case_that_is_erased_nothing_is_claimed_any_more(
    register: SqlRegister, ring: KeyRing, destroyed: bool
) -> None:
    await register.begin_erasure(BEGUN)
    if destroyed:
        ring.destroy(NUMBER)
        await register.finish_erasure(BEGUN.model_copy(update={"destroyed_at": NOW}))
    with pytest.raises(PermanentFailure, match="is being erased, or was"):
        await register.claim_notices(NUMBER, ONE, [FIRST])
    assert await register.claim_notices(OTHER, ONE, [FIRST]) == OURS


async def test_of_an_erased_case_it_is_forgotten_what_became_of_its_notices(
    register: SqlRegister, ring: KeyRing
) -> None:
    for number in (NUMBER, OTHER):
        await register.claim_notices(number, ONE, [FIRST, SECOND, THIRD])
        await register.settle_notices(number, ONE, [SENT])
        await register.claim_notices(number, ONE, [SECOND])
    await register.begin_erasure(BEGUN)
    ring.destroy(NUMBER)
    await register.finish_erasure(BEGUN.model_copy(update={"destroyed_at": NOW}))
    await register.settle_notices(NUMBER, ONE, [SENT, REJECTED])
    assert await register.deliveries(NUMBER) == []
    assert await register.deliveries(OTHER) == [SENT]
