"""Which cases are to be erased, why, and what forbids it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import UNHURRIED

from domain.register import RegisteredCase, RegisteredCharge, StoredCase
from domain.retention import (
    ErasureBasis,
    Obstacle,
    RetentionRules,
    due,
    kept_until,
    obstacles,
)
from domain.routes import Route
from domain.statuses import CaseStatus

S = CaseStatus
RULES = RetentionRules(issued=1826, substitute_issued=1000, given_up=365)
MOSCOW = "Europe/Moscow"
ENDED = datetime(2026, 6, 14, 22, 30, tzinfo=UTC)
"""On 15 June in Moscow."""
FINAL = [status for status in CaseStatus if status.is_final]


def case(**changes: Any) -> RegisteredCase:
    facts: dict[str, Any] = {
        "control_number": "7K3M-9QXT-2B4D-6",
        "submission_id": None,
        "submitted_at": datetime(2026, 4, 29, 10, 5, tzinfo=UTC),
        "status": S.WITHDRAWN,
        "route": Route.INSTITUTION,
        "region": "77",
        "holder": "",
        "assignee": None,
        "overdue": False,
        "reasons": (),
        "due_on": None,
        "provisional": False,
        "ended_at": ENDED,
    }
    return RegisteredCase(**{**facts, **changes})


def running() -> RegisteredCase:
    return case(status=S.IN_REVIEW, ended_at=None)


def stored(of: RegisteredCase, *charges: RegisteredCharge) -> StoredCase:
    return StoredCase(
        case=of, revision=9, view={}, events=(), charges=charges, documents=(), papers=()
    )


def charge(amount: int = 1500, **facts: Any) -> RegisteredCharge:
    return RegisteredCharge(invoice_id="7K3M-9QXT-2B4D-6.1", amount=amount, **facts)


@pytest.mark.parametrize(
    ("status", "last_day"),
    [
        (S.ISSUED, date(2031, 6, 15)),
        (S.SUBSTITUTE_ISSUED, date(2029, 3, 11)),
        (S.WITHDRAWN, date(2027, 6, 15)),
        (S.CLOSED, date(2027, 6, 15)),
    ],
)
def test_a_case_is_due_on_the_day_after_its_last_one(status: CaseStatus, last_day: date) -> None:
    ended = case(status=status)
    assert kept_until(ended, RULES, MOSCOW) == last_day
    assert due(ended, RULES, last_day, MOSCOW) is None
    assert due(ended, RULES, last_day + timedelta(days=1), MOSCOW) is ErasureBasis.RETENTION_ENDED


def test_days_are_counted_in_the_zone_of_the_region() -> None:
    assert kept_until(case(), RULES, "Europe/Kaliningrad") == date(2027, 6, 15)
    assert kept_until(case(), RULES, "Asia/Kamchatka") == date(2027, 6, 15)
    early = case(ended_at=datetime(2026, 6, 14, 12, 30, tzinfo=UTC))
    assert kept_until(early, RULES, "Europe/Kaliningrad") == date(2027, 6, 14)
    assert kept_until(early, RULES, "Asia/Kamchatka") == date(2027, 6, 15)


def test_a_withdrawn_consent_makes_a_case_due_at_once() -> None:
    withdrawn = case(consent_withdrawn_at=ENDED)
    assert due(withdrawn, RULES, ENDED.date(), MOSCOW) is ErasureBasis.CONSENT_WITHDRAWN


def test_a_case_that_has_not_ended_is_kept_for_ever_unless_consent_is_withdrawn() -> None:
    assert kept_until(running(), RULES, MOSCOW) is None
    assert due(running(), RULES, date.max, MOSCOW) is None
    without_consent = running().model_copy(update={"consent_withdrawn_at": ENDED})
    assert due(without_consent, RULES, ENDED.date(), MOSCOW) is ErasureBasis.CONSENT_WITHDRAWN
    assert obstacles(stored(without_consent), unexported=False) == (Obstacle.NOT_ENDED,)


def test_an_erased_case_is_never_due_again() -> None:
    erased = case(erased_at=ENDED, consent_withdrawn_at=ENDED)
    assert due(erased, RULES, date.max, MOSCOW) is None
    assert obstacles(stored(erased), unexported=False) == (Obstacle.ERASED,)


def test_a_row_never_exported_forbids_it() -> None:
    assert obstacles(stored(case(status=S.ISSUED)), unexported=True) == (Obstacle.NOT_EXPORTED,)


@pytest.mark.parametrize(
    ("status", "paid", "owed"),
    [
        (S.WITHDRAWN, charge(), False),
        (S.WITHDRAWN, charge(void=True), False),
        (S.WITHDRAWN, charge(paid=1500), True),
        (S.WITHDRAWN, charge(paid=1500, earned=True), False),
        (S.WITHDRAWN, charge(paid=1501, earned=True), True),
        (S.CLOSED, charge(paid=1500), True),
        (S.CLOSED, charge(paid=1500, refunded=1500), False),
        (S.CLOSED, charge(paid=1500, refunded=1000), True),
        (S.ISSUED, charge(paid=1500), False),
        (S.ISSUED, charge(paid=1501), True),
        (S.ISSUED, charge(paid=1500, void=True), True),
        (S.ISSUED, charge(paid=1500, void=True, refunded=1500), False),
        (S.SUBSTITUTE_ISSUED, charge(paid=1500), False),
    ],
)
def test_money_that_is_to_go_back_forbids_it(
    status: CaseStatus, paid: RegisteredCharge, owed: bool
) -> None:
    found = obstacles(stored(case(status=status), charge(), paid), unexported=False)
    assert found == ((Obstacle.MONEY_OWED,) if owed else ())


roubles = st.integers(0, 3000)
charges = st.builds(
    RegisteredCharge,
    invoice_id=st.just("1"),
    amount=roubles,
    void=st.booleans(),
    paid=roubles,
    refunded=roubles,
)


@UNHURRIED
@given(st.sampled_from(FINAL), st.lists(charges))
def test_what_was_given_up_is_erased_only_when_every_rouble_went_back(
    status: CaseStatus, billed: list[RegisteredCharge]
) -> None:
    free = not obstacles(stored(case(status=status), *billed), unexported=False)
    all_back = all(bill.refunded >= bill.paid for bill in billed)
    if status in {S.WITHDRAWN, S.CLOSED}:
        assert free is all_back
    else:
        assert free or not all_back


@UNHURRIED
@given(
    st.sampled_from(CaseStatus),
    st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    st.integers(0, 4000),
)
def test_what_is_due_once_stays_due(status: CaseStatus, today: date, days: int) -> None:
    ended = case(status=status, ended_at=ENDED if status.is_final else None)
    first = due(ended, RULES, today, MOSCOW)
    later = due(ended, RULES, today + timedelta(days=days), MOSCOW)
    assert first is None or later is first
