"""Cases that last: thousands of messages, and weeks without anybody at work."""

import time

import pytest
from helpers import start_server, until
from staging import working
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from domain.statuses import CaseStatus
from simulators.outside import Outside
from workers.keys import Keys
from workflows.contracts import Acknowledgement

CONTINUE_EARLY = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=80")
"""The server suggests a new history after 80 events instead of 4,096."""
MESSAGES = 300


@pytest.mark.proof
async def test_a_case_sent_hundreds_of_messages_continues_as_new_and_loses_none(
    outside: Outside, keys: Keys
) -> None:
    async with (
        await start_server(keys.codec, *CONTINUE_EARLY) as environment,
        working(environment, outside, "long") as stage,
    ):
        story = await stage.starts()
        await story.reaches(CaseStatus.IN_REVIEW)
        first = await story.handle.describe()
        await story.update("claim", {"officer": "petrova"}, Acknowledgement)
        for number in range(MESSAGES):
            await story.signal("holder_replied", {"verdict": "maybe", "number": number})

        async def all_parked() -> bool:
            return (await story.view()).parked_total == MESSAGES

        await until(all_parked, seconds=50, look_every=0.3)
        latest = await story.handle.describe()
        assert latest.run_id != first.run_id
        view = await story.view()
        assert view.assignee == "petrova"
        assert view.case_due_on is not None
        await story.signal("holder_replied", {"verdict": "confirmed"})
        await story.reaches(CaseStatus.IN_PRODUCTION)
        assert (await story.mails()).count("submitted") == 1
        assert (await story.handle.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_after_three_weeks_without_a_worker_every_rung_is_climbed_once(
    server: WorkflowEnvironment, outside: Outside
) -> None:
    day_seconds = 0.05
    started = time.monotonic()
    async with working(server, outside, "idle", day_seconds=day_seconds) as stage:
        story = await stage.starts_by_letter()
        await story.reaches(CaseStatus.IN_REVIEW)

    async def three_weeks_have_passed() -> bool:
        return time.monotonic() - started > 60 * day_seconds

    await until(three_weeks_have_passed)
    async with working(server, outside, "idle", day_seconds=day_seconds):
        rungs: list[str] = []

        async def is_breached() -> bool:
            timeline = (await story.view()).timeline
            rungs[:] = [entry.event for entry in timeline if entry.detail == "stage: IN_REVIEW"]
            return "breach" in rungs

        await until(is_breached)
    assert rungs[:3] == ["reminder", "warning", "breach"]
    assert rungs.count("repeat") <= 1
