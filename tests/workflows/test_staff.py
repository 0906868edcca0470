"""Officers at work on a case (R12), and calendars published meanwhile (R4), as sentences."""

from datetime import date
from typing import Any

import pytest
from staging import Stage, Story
from temporalio.client import WorkflowUpdateFailedError

from adapters.production_calendar import official_calendar
from domain.register import CalendarYear
from domain.statuses import CaseStatus
from workflows.contracts import ASSIGNEE, Acknowledgement, CaseView

CONFIRM = {"officer": "ivanov", "decision": "confirm"}


async def in_review(stage: Stage) -> Story:
    story = await stage.starts_by_letter()
    await story.reaches(CaseStatus.IN_REVIEW)
    return story


async def decides(story: Story, **decision: Any) -> Acknowledgement:
    answer: Acknowledgement = await story.update("decide", {**CONFIRM, **decision}, Acknowledgement)
    return answer


async def test_who_prepared_a_decision_does_not_approve_it(stage: Stage) -> None:
    story = await in_review(stage)
    await decides(story, prepare=True)
    view = await story.view()
    assert view.prepared_by == "ivanov"
    assert view.status is CaseStatus.IN_REVIEW
    with pytest.raises(WorkflowUpdateFailedError):
        await decides(story)
    await decides(story, officer="petrova")
    view = await story.reaches(CaseStatus.IN_PRODUCTION)
    assert view.prepared_by is None


async def test_a_case_is_claimed_once_and_given_from_officer_to_officer(stage: Stage) -> None:
    story = await in_review(stage)
    await story.update("claim", {"officer": "ivanov"}, Acknowledgement)
    with pytest.raises(WorkflowUpdateFailedError):
        await story.update("claim", {"officer": "petrova"}, Acknowledgement)
    change = {"officer": "petrova", "by": "ivanov"}
    await story.update("reassign", change, Acknowledgement)
    with pytest.raises(WorkflowUpdateFailedError):
        await story.update("reassign", change, Acknowledgement)
    assert (await story.view()).assignee == "petrova"
    found = (await story.handle.describe()).typed_search_attributes
    assert found.get(ASSIGNEE) == "petrova"


def due(view: CaseView) -> date:
    assert view.stage is not None
    assert view.stage.due_on is not None
    return view.stage.due_on


async def test_a_newly_published_year_moves_the_dates_of_running_cases(stage: Stage) -> None:
    story = await in_review(stage)
    before = due(await story.view())
    # The day before the term ends turns out to be a day off: the term ends a working day later.
    known = official_calendar(date(before.year, 1, 1), 366)
    days = [date.fromordinal(date(before.year, 1, 1).toordinal() + n) for n in range(366)]
    off = [day for day in days if day.isoweekday() < 6 and not known.is_working(day)]
    extra = max(day for day in days if known.is_working(day) and day < before)
    year = CalendarYear(
        year=before.year,
        days_off=(*off, extra),
        working_days=tuple(day for day in days if day.isoweekday() > 5 and known.is_working(day)),
    )
    await stage.register.load_calendar_year(year)
    await story.signal("calendar_published", {"years": [before.year]})
    view = await story.has("calendar")
    assert due(view) == known.add_working_days(before, 1)
    entry = next(entry for entry in view.timeline if entry.event == "calendar")
    assert f"{before:%d.%m.%Y}" in entry.detail
    assert "dates_changed" in await story.mails()
    await stage.register.load_calendar_year(year.model_copy(update={"days_off": tuple(off)}))
    await story.signal("calendar_published", {"years": [before.year]})
    assert due(await story.has("calendar", 2)) == before


async def test_a_year_that_moves_nothing_is_noted_and_nobody_is_written_to(stage: Stage) -> None:
    story = await in_review(stage)
    await story.signal("calendar_published", {"years": [2031]})
    view = await story.has("calendar")
    assert "no date moves" in view.timeline[-1].detail
    assert "dates_changed" not in await story.mails()
