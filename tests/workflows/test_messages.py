"""Messages anybody may type: applied once or parked, and never a harm to the case."""

from typing import Any

import pytest
from helpers import until
from staging import Stage, Story, on_both_caches
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError

from domain.statuses import CaseStatus
from workflows.contracts import Acknowledgement, CorrectionAnswer, Signal, Update

BAD_PAYLOADS: dict[str, list[Any]] = {
    "nothing": [],
    "a list": [[1, 2]],
    "two objects": [{}, {}],
    "null": [None],
    "a string": ["Сидоров"],
    "a number": [17],
    "an unknown field": [{"nonsense Иванов": 1}],
    "a wrong type": [{"changes": 5, "verdict": 7, "amount": "x", "reason": 8, "officer": 9}],
}
SECRETS = ("Сидоров", "Иванов")


async def is_healthy(story: Story) -> bool:
    """True when no workflow task of the case has failed."""
    async for event in story.handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            return False
    return True


@pytest.mark.parametrize("payload", BAD_PAYLOADS.values(), ids=BAD_PAYLOADS.keys())
async def test_a_signal_that_cannot_be_read_is_parked_and_the_case_stays_healthy(
    stage: Stage, payload: list[Any]
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    for name in Signal:
        await story.signal(name.value, *payload)

    async def all_seen() -> bool:
        return (await story.view()).parked_total == len(Signal)

    await until(all_seen)
    view = await story.view()
    assert view.status is CaseStatus.IN_REVIEW
    assert {item.message for item in view.parked} == {name.value for name in Signal}
    assert not any(secret in view.model_dump_json() for secret in SECRETS)
    assert await is_healthy(story)


@pytest.mark.parametrize("payload", BAD_PAYLOADS.values(), ids=BAD_PAYLOADS.keys())
async def test_an_update_that_cannot_be_read_is_turned_down(
    stage: Stage, payload: list[Any]
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    for name in Update:
        with pytest.raises(WorkflowUpdateFailedError):
            await story.handle.execute_update(name.value, args=payload)
    assert (await story.view()).status is CaseStatus.IN_REVIEW
    assert await is_healthy(story)


async def test_an_unknown_signal_is_visible_and_harmless(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("do_what_i_mean", {"a": 1}, 2)
    view = await story.has("parked")
    assert view.parked[0].message == "do_what_i_mean"
    assert await is_healthy(story)


async def test_a_production_answer_before_production_is_parked(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    record = {"series": "1", "number": "2", "registration_number": "3", "issued_on": "2026-05-20"}
    await story.signal("production_finished", record)
    assert (await story.has("parked")).production is None


@on_both_caches
async def test_an_answer_given_twice_counts_once_and_a_contradiction_is_parked(
    stage: Stage,
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    yes = {"reply_id": "r-1", "verdict": "confirmed"}
    no = {
        "reply_id": "r-2",
        "verdict": "objections",
        "objections": [{"code": "NAME_MISMATCH", "field": "applicant.name_on_diploma"}],
    }
    for reply in (yes, yes, no):
        await story.signal("holder_replied", reply)
    await story.reaches(CaseStatus.IN_PRODUCTION)
    view = await story.has("parked")
    assert view.parked_total == 1
    assert [entry.event for entry in view.timeline].count("repeated") == 1


async def test_a_correction_nobody_asked_for_is_turned_down_or_parked(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    with pytest.raises(WorkflowUpdateFailedError):
        await story.update("submit_correction", {}, CorrectionAnswer)
    await story.signal("correction_submitted", {"changes": {"graduation_year": 2008}})
    assert (await story.has("parked")).status is CaseStatus.IN_REVIEW


async def test_a_reply_after_the_end_is_turned_down(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("withdraw_requested", {"reason": "нашёлся"})
    await story.ends(CaseStatus.WITHDRAWN)
    with pytest.raises(Exception, match="completed"):
        await story.update("record_holder_reply", {"verdict": "confirmed"}, Acknowledgement)
