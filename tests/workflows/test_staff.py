"""Officers at work on a case (R12), and calendars published meanwhile (R4), as sentences."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from helpers import until
from samples import documents_without, valid_application
from staging import Stage, Story, produced
from temporalio.client import WorkflowUpdateFailedError

from adapters.production_calendar import official_calendar
from domain.base import JsonObject
from domain.errands import ErrandAnswer
from domain.messages import HolderReply, HolderVerdict, ProductionRecord
from domain.register import CalendarYear
from domain.statuses import CaseStatus
from workflows.contracts import ASSIGNEE, Acknowledgement, CaseView, CorrectionAnswer

CONFIRM = {"officer": "ivanov", "decision": "confirm"}
CONFIRMED = {"verdict": "confirmed"}
BAD_PASSPORT = {
    "verdict": "objections",
    "objections": [{"code": "PASSPORT_ERROR", "field": "applicant.passport"}],
}
SENT = {"tracking": "80110000000017", "event": "sent", "reported_on": "2026-05-21"}
RETURNED = {**SENT, "event": "returned", "reported_on": "2026-06-10"}
COLLECTED = {"method": "pickup", "handed_over_on": "2026-06-12", "reference": "АПП-17"}
OFFICERS: tuple[str | None, ...] = ("petrova", None)


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


def given(message: Mapping[str, Any], officer: str | None) -> JsonObject:
    """A message as it comes, or as an officer gives it in its sender's place."""
    return {**message} if officer is None else {**message, "officer": officer}


def signatures(view: CaseView) -> list[str]:
    """The messages after which the timeline names the officer, and nothing else."""
    return [entry.event for entry in view.timeline if entry.detail == "by petrova"]


@pytest.mark.parametrize("officer", OFFICERS)
async def test_the_timeline_names_the_officer_who_answers_for_a_holder(
    stage: Stage, officer: str | None
) -> None:
    story = await in_review(stage)
    reply = given(CONFIRMED, officer)
    await story.update("record_holder_reply", reply, Acknowledgement)
    await story.reaches(CaseStatus.IN_PRODUCTION)
    await story.signal("production_finished", given(produced(), officer))
    await story.reaches(CaseStatus.READY)
    await story.signal("parcel_reported", given(SENT, officer))
    await story.has("parcel_sent")
    await story.signal("parcel_reported", given(RETURNED, officer))
    await story.has("parcel_returned")
    await story.signal("duplicate_handed_over", given(COLLECTED, officer))
    view = await story.ends(CaseStatus.ISSUED)
    answered = next(entry for entry in view.timeline if entry.event == "holder_replied")
    assert answered.detail == f"confirmed, by {officer or 'staff'}"
    assert signatures(view) == (
        ["production_finished", "parcel_reported", "parcel_reported", "duplicate_handed_over"]
        if officer
        else []
    )
    assert view.parked == ()
    assert "officer" not in view.model_dump_json()


@pytest.mark.parametrize("officer", OFFICERS)
async def test_the_timeline_names_the_officer_who_hands_in_for_the_applicant(
    stage: Stage, officer: str | None
) -> None:
    raw = valid_application(documents=documents_without("grade_book", "consent"))
    by_code = {"given": True, "confirmed_by": "sms_code"}
    story = await stage.starts(raw, consent=by_code)
    await story.reaches(CaseStatus.RETURNED)
    for kind, event in (("grade_book", 1), ("consent", 2)):
        scan = {"kind": kind, "name": "scan.pdf", "size_bytes": 1000}
        correction = given({"documents": [scan]}, officer)
        if kind == "consent":
            await story.signal("correction_submitted", correction)
        else:
            await story.update("submit_correction", correction, CorrectionAnswer)
        await story.has("correction", event)
    await story.signal("code_requested", given({}, officer))
    await story.signal("certificate_requested", given({}, officer))
    await story.signal("contact_confirmed", given({}, officer))
    view = await story.reaches(CaseStatus.IN_REVIEW)
    expected = [
        "submit_correction",
        "correction_submitted",
        "code_requested",
        "certificate_requested",
        "contact_confirmed",
    ]
    assert signatures(view) == (expected if officer else [])
    confirmed = next(entry for entry in view.timeline if entry.event == "contact_confirmed")
    assert confirmed.detail == f"by {officer or 'code'}"
    await story.signal("withdraw_requested", given({}, officer))
    view = await story.reaches(CaseStatus.WITHDRAWN)
    assert signatures(view) == ([*expected, "withdraw_requested"] if officer else [])
    assert "consent_withdrawn" not in await story.events()


@pytest.mark.parametrize("officer", OFFICERS)
async def test_the_timeline_names_the_officer_who_lifts_a_suspension(
    stage: Stage, officer: str | None
) -> None:
    story = await in_review(stage)
    await story.signal("holder_replied", given(BAD_PASSPORT, officer))
    await story.reaches(CaseStatus.SUSPENDED)
    await story.signal("suspension_lifted", given({"note": "паспорт обменян"}, officer))
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert signatures(view) == (["suspension_lifted"] if officer else [])
    answered = next(entry for entry in view.timeline if entry.event == "holder_replied")
    assert answered.detail == f"objections, by {officer or 'signal'}"


async def test_an_answer_is_the_same_whoever_gives_it(stage: Stage) -> None:
    story = await in_review(stage)
    await story.signal("holder_replied", CONFIRMED)
    await story.reaches(CaseStatus.IN_PRODUCTION)
    record = produced()
    await story.signal("production_finished", record)
    await story.reaches(CaseStatus.READY)
    await story.signal("production_finished", given(record, "petrova"))
    view = await story.has("repeated")
    assert signatures(view) == ["production_finished"]
    assert view.parked == ()


async def test_an_officer_is_named_also_when_the_message_came_too_late(stage: Stage) -> None:
    story = await in_review(stage)
    await story.signal("suspension_lifted", {"officer": "petrova"})
    view = await story.has("parked")
    assert [entry.event for entry in view.timeline[-2:]] == ["suspension_lifted", "parked"]
    assert signatures(view) == ["suspension_lifted"]


async def test_the_system_of_a_holder_speaks_for_no_officer(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    checked = HolderReply(verdict=HolderVerdict.CONFIRMED, officer="petrova")
    made = ProductionRecord.model_validate({**produced(), "officer": "petrova"})
    stage.holder.answers |= {
        f"{story.number}.verification.1": ErrandAnswer(reply=checked),
        f"{story.number}.production.1": ErrandAnswer(production=made),
    }

    async def is_ready() -> bool:
        await story.pass_days(1)
        return (await story.view()).status is CaseStatus.READY

    await until(is_ready)
    view = await story.view()
    assert "petrova" not in view.model_dump_json()
