"""The one-time code as pure rules (R1): when it is taken, and when another one is sent."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import UNHURRIED

from domain.confirmation import (
    CodeOutcome,
    Confirmation,
    ConfirmationPolicy,
    attempt,
    digest_of,
    may_send,
    renewed,
)

POLICY = ConfirmationPolicy()
NOW = datetime(2026, 4, 29, 9, tzinfo=UTC)
NUMBER = "7K3M-9QXT-2B4D-6"
SALT = "00ff"
CODE, OTHER = "123456", "123457"
SENT = Confirmation(control_number=NUMBER, salt=SALT, digest=digest_of(CODE, SALT), sent_at=NOW)
FEW = settings(UNHURRIED, max_examples=10)
"""For properties that try codes: the hash is slow on purpose."""
LONG_AGO = NOW - timedelta(days=1)

seconds = st.integers(0, 2 * 86_400).map(lambda value: timedelta(seconds=value))
confirmations = st.builds(
    Confirmation,
    control_number=st.just(NUMBER),
    salt=st.just(SALT),
    digest=st.just(SENT.digest),
    sent_at=seconds.map(lambda span: NOW - span),
    codes_sent=st.integers(1, 8),
    tries=st.integers(0, POLICY.tries - 1),
    locked_until=st.none() | seconds.map(lambda span: NOW - timedelta(days=1) + span),
    confirmed_at=st.none() | seconds.map(lambda span: NOW - span),
)


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_the_right_code_confirms_once() -> None:
    confirmed, outcome = attempt(SENT, CODE, after(1), POLICY)
    assert outcome is CodeOutcome.CONFIRMED
    assert confirmed.confirmed_at == after(1)
    assert attempt(confirmed, CODE, after(2), POLICY) == (confirmed, CodeOutcome.ALREADY_CONFIRMED)


@pytest.mark.parametrize("code", [OTHER, "", "12345", f"{CODE}0", f" {CODE}", "١٢٣٤٥٦"])
def test_nothing_but_the_very_code_confirms(code: str) -> None:
    tried, outcome = attempt(SENT, code, after(1), POLICY)
    assert outcome is CodeOutcome.WRONG
    assert (tried.tries, tried.confirmed_at) == (1, None)


def test_the_last_try_locks_and_the_lock_ends_by_itself_with_all_tries_given_anew() -> None:
    present, outcomes = SENT, []
    for _ in range(POLICY.tries):
        present, outcome = attempt(present, OTHER, after(1), POLICY)
        outcomes.append(outcome)
    assert outcomes == [CodeOutcome.WRONG] * (POLICY.tries - 1) + [CodeOutcome.LOCKED]
    assert present.locked_until == after(1 + POLICY.lock_minutes)
    assert attempt(present, CODE, after(POLICY.lock_minutes), POLICY)[1] is CodeOutcome.LOCKED
    again, outcome = attempt(present, OTHER, after(1 + POLICY.lock_minutes), POLICY)
    assert outcome is CodeOutcome.WRONG
    assert again.tries == 1


@pytest.mark.parametrize(
    ("minutes", "outcome"),
    [
        (POLICY.valid_minutes - 1, CodeOutcome.CONFIRMED),
        (POLICY.valid_minutes, CodeOutcome.EXPIRED),
    ],
)
def test_a_code_is_of_use_for_its_minutes_and_not_one_longer(
    minutes: int, outcome: CodeOutcome
) -> None:
    assert attempt(SENT, CODE, after(minutes), POLICY)[1] is outcome


def test_the_first_code_is_sent_at_once() -> None:
    assert may_send(None, NOW, POLICY)


@pytest.mark.parametrize(
    ("changes", "seconds_later", "allowed"),
    [
        ({}, POLICY.resend_after_seconds - 1, False),
        ({}, POLICY.resend_after_seconds, True),
        ({"codes_sent": POLICY.most_codes}, 3600, False),
        ({"locked_until": after(10)}, 599, False),
        ({"locked_until": after(10)}, 600, True),
        # To a corrected telephone: what another one confirmed is no reason against it.
        ({"confirmed_at": NOW}, 3600, True),
    ],
)
def test_another_code_is_sent_neither_too_soon_nor_too_often_nor_while_locked(
    changes: dict[str, object], seconds_later: int, allowed: bool
) -> None:
    present = SENT.model_copy(update=changes)
    assert may_send(present, NOW + timedelta(seconds=seconds_later), POLICY) is allowed


def test_a_new_code_makes_the_old_one_worthless_and_confirms_nothing_by_itself() -> None:
    confirmed = SENT.model_copy(update={"confirmed_at": NOW})
    following = renewed(confirmed, NUMBER, OTHER, "aa00", after(2))
    assert following.confirmed_at is None
    assert attempt(following, CODE, after(3), POLICY)[1] is CodeOutcome.WRONG
    assert attempt(following, OTHER, after(3), POLICY)[1] is CodeOutcome.CONFIRMED


def test_the_first_code_of_a_case_is_counted() -> None:
    assert renewed(None, NUMBER, CODE, SALT, NOW) == SENT


@FEW
@given(confirmations)
def test_another_code_gives_no_further_tries_and_lifts_no_lock(present: Confirmation) -> None:
    following = renewed(present, NUMBER, OTHER, SALT, NOW)
    assert following.codes_sent == present.codes_sent + 1
    assert (following.tries, following.locked_until) == (present.tries, present.locked_until)


@FEW
@given(confirmations, st.sampled_from([CODE, OTHER]))
def test_a_try_confirms_only_with_the_right_code_of_an_open_unlocked_valid_confirmation(
    present: Confirmation, code: str
) -> None:
    following, outcome = attempt(present, code, NOW, POLICY)
    locked = present.locked_until is not None and present.locked_until > NOW
    fresh = present.sent_at + timedelta(minutes=POLICY.valid_minutes) > NOW
    taken = code == CODE and present.confirmed_at is None and not locked and fresh
    assert (outcome is CodeOutcome.CONFIRMED) is taken
    assert (following.confirmed_at == NOW) is (taken or present.confirmed_at == NOW)
    assert following.tries < POLICY.tries
    if outcome not in {CodeOutcome.CONFIRMED, CodeOutcome.WRONG, CodeOutcome.LOCKED}:
        assert following == present


@UNHURRIED
@given(confirmations, seconds)
def test_whoever_may_have_a_code_now_may_have_it_later(
    present: Confirmation, later: timedelta
) -> None:
    if may_send(present, NOW, POLICY):
        assert may_send(present, NOW + later, POLICY)
