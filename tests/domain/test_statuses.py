from itertools import pairwise

import pytest

from domain.statuses import TRANSITIONS, CaseStatus, IllegalTransition, check_transition

FINAL = {
    CaseStatus.ISSUED,
    CaseStatus.SUBSTITUTE_ISSUED,
    CaseStatus.WITHDRAWN,
    CaseStatus.CLOSED,
}
HAPPY_PATH = (
    CaseStatus.NOT_SENT,
    CaseStatus.SUBMITTED,
    CaseStatus.ACCEPTED,
    CaseStatus.IN_REVIEW,
    CaseStatus.IN_PRODUCTION,
    CaseStatus.READY,
    CaseStatus.ISSUED,
)


def reachable(status: CaseStatus) -> set[CaseStatus]:
    found: set[CaseStatus] = set()
    ahead = {status}
    while ahead:
        found |= ahead
        ahead = {following for current in ahead for following in TRANSITIONS[current]} - found
    return found - {status}


def test_every_status_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(CaseStatus)


def test_final_statuses_are_those_the_procedure_ends_in() -> None:
    assert {status for status in CaseStatus if status.is_final} == FINAL


@pytest.mark.parametrize("status", sorted(set(CaseStatus) - FINAL))
def test_every_open_status_can_end(status: CaseStatus) -> None:
    assert reachable(status) & FINAL


@pytest.mark.parametrize("status", sorted(FINAL))
def test_nothing_leaves_a_final_status(status: CaseStatus) -> None:
    for following in CaseStatus:
        with pytest.raises(IllegalTransition):
            check_transition(status, following)


def test_the_happy_path_is_legal() -> None:
    for current, following in pairwise(HAPPY_PATH):
        check_transition(current, following)


def test_every_status_but_the_first_can_be_reached() -> None:
    assert reachable(CaseStatus.NOT_SENT) == set(CaseStatus) - {CaseStatus.NOT_SENT}


@pytest.mark.parametrize("skipped", [CaseStatus.IN_PRODUCTION, CaseStatus.READY, CaseStatus.ISSUED])
def test_a_duplicate_is_not_made_before_the_check(skipped: CaseStatus) -> None:
    with pytest.raises(IllegalTransition):
        check_transition(CaseStatus.ACCEPTED, skipped)


def test_an_applicant_can_withdraw_from_every_open_status_once_sent() -> None:
    for status in set(CaseStatus) - FINAL - {CaseStatus.NOT_SENT}:
        check_transition(status, CaseStatus.WITHDRAWN)


def test_clocks_stand_still_exactly_while_the_applicant_owes_something() -> None:
    waiting = {status for status in CaseStatus if status.awaits_applicant}
    assert waiting == {CaseStatus.RETURNED, CaseStatus.REFUSED, CaseStatus.SUSPENDED}


def test_labels_are_russian_and_distinct() -> None:
    labels = [status.label for status in CaseStatus]
    assert len(set(labels)) == len(labels)
    assert CaseStatus.IN_REVIEW.label == "В обработке (проверка)"
    assert CaseStatus("CLOSED").label == "Закрыто (не исправлено в срок)"
