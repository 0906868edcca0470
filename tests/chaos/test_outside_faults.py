"""Each fault of the outside in a case of its own, from the submission to the hand-over."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from crew import Ground, working

from domain.statuses import CaseStatus
from simulators.scenario import HolderFault, MailFault, Scenario
from starters.demo import HAPPY_PATH, Player, examples
from workflows.contracts import CaseView

pytestmark = [pytest.mark.proof, pytest.mark.timeout(240)]  # the first test waits for all cases
DAY_SECONDS = 3.0
"""A holder that hangs does so for ten seconds."""
PATIENCE = 180.0

Recorder = Callable[[str, object], None]
Told = dict[str, tuple[CaseView, Counter[str]]]
"""Of each fault's case: the case itself, and how often each mail arrived, by Message-ID."""


@pytest.fixture(scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """All cases at once: most of their time they wait."""
    stack = Ground(tmp_path_factory.mktemp("faults"), day_seconds=DAY_SECONDS)
    players = {fault.value: player_with(fault) for fault in (*HolderFault, *MailFault)}
    async with stack as client, working(stack, 1):
        plays = [asyncio.create_task(player.play(client, stack)) for player in players.values()]
        _, late = await asyncio.wait(plays, timeout=PATIENCE)
        for play in late:
            play.cancel()
        return {
            fault: (player.view, mails_of(stack, player.number))
            for fault, player in players.items()
            if player.view is not None
        }


def player_with(fault: HolderFault | MailFault) -> Player:
    """The straight case, with the fault wherever it can come."""
    straight = examples()[0]
    return replace(
        straight,
        application={**straight.application, "submission_id": f"fault-{fault.value}"},
        scenario=scenario_with(straight.scenario, fault),
    )


def scenario_with(scenario: Scenario, fault: HolderFault | MailFault) -> Scenario:
    if isinstance(fault, MailFault):
        return scenario.model_copy(update={"mail_faults": (fault,)})
    once = {"faults": (fault,)}
    return scenario.model_copy(
        update={
            "verification": tuple(step.model_copy(update=once) for step in scenario.verification),
            "production": scenario.production.model_copy(update=once),
            "hand_over": scenario.hand_over.model_copy(update=once),
        }
    )


def mails_of(stack: Ground, number: str) -> Counter[str]:
    return Counter(mail["Message-ID"].strip(" <>") for mail in stack.outside.mail.mails(number))


@pytest.mark.parametrize("fault", HolderFault)
async def test_a_case_outlives_a_fault_of_its_holder(
    told: Told, fault: HolderFault, record_property: Recorder
) -> None:
    view, _ = told[fault.value]
    happened = Counter(entry.event for entry in view.timeline)
    answers = [happened["holder_replied"], happened[CaseStatus.READY], happened[CaseStatus.ISSUED]]
    record_property("answers", [answers.count(1), len(answers)])
    assert view.status is CaseStatus.ISSUED
    assert [happened[stage] for stage in HAPPY_PATH] == [1] * len(HAPPY_PATH)
    assert answers == [1, 1, 1]
    assert view.parked == ()


@pytest.mark.parametrize("fault", MailFault)
async def test_a_case_outlives_a_fault_of_the_mail_server(
    told: Told, fault: MailFault, record_property: Recorder
) -> None:
    view, mails = told[fault.value]
    arrived = {message.split(".")[1].upper() for message in mails}
    rejected = {key.split(".")[0].upper() for key in view.mails.rejected}
    settled = [stage for stage in HAPPY_PATH if stage in arrived | rejected]
    record_property("mails", [len(settled), len(HAPPY_PATH)])
    assert view.status is CaseStatus.ISSUED
    assert settled == list(HAPPY_PATH)
    assert max(mails.values()) == (2 if fault in {*AMBIGUOUS} else 1)
    assert bool(rejected) is (fault is MailFault.REJECT_550)
    undelivered = [entry for entry in view.timeline if entry.event == "undelivered"]
    assert len(undelivered) == len(view.mails.rejected)


AMBIGUOUS = (MailFault.HANG_AFTER_DOT, MailFault.DROP_AFTER_DOT)
"""After these nobody knows whether the mail was taken."""
