"""Rare moments of a case, each found by a review: two things at once, and things typed oddly."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from helpers import until
from samples import valid_application
from staging import Stage, Story, produced, working
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.testing import WorkflowEnvironment
from test_certificates import Certificate, with_certificate
from test_confirmation import BY_CODE
from test_issuance import COLLECTED, made, papers_of
from test_messages import is_healthy

from adapters.production_calendar import official_calendar
from domain.base import JsonObject
from domain.confirmation import Confirmation
from domain.numbers import control_number
from domain.profile import StaffRules
from domain.register import CalendarYear, PaperKind, PaperState
from domain.statuses import CaseStatus
from simulators.outside import Outside
from workflows.contracts import OVERDUE, Acknowledgement, CaseRequest, Update, workflow_id
from workflows.duplicate_request import DuplicateRequest

CONFIRMED: JsonObject = {"verdict": "confirmed"}
OBJECTION: JsonObject = {"code": "NAME_MISMATCH", "field": "applicant.name_on_diploma"}

# --- two things in one workflow task: both come in while no worker is there --------------


async def test_a_duplicate_handed_over_is_issued_whatever_was_withdrawn_in_that_moment(
    server: WorkflowEnvironment, outside: Outside
) -> None:
    async with working(server, outside, "resting") as stage:
        stories = [await made(stage), await made(stage)]
    news: list[tuple[str, JsonObject]] = [
        ("withdraw_requested", {}),
        ("duplicate_handed_over", {**COLLECTED}),
    ]
    for story, told in zip(stories, (news, reversed(news)), strict=True):
        for name, payload in told:
            await story.signal(name, payload)
    async with working(server, outside, "resting") as stage:
        for story in stories:
            await story.reaches(CaseStatus.ISSUED)
            view = await story.has("parked")
            assert [item.message for item in view.parked] == ["withdraw_requested"]
            await on_record(stage, story)
            papers = await papers_of(stage, story.number)
            assert papers[PaperKind.DUPLICATE] is PaperState.IN_FORCE


async def test_a_calendar_published_while_the_stage_changes_tells_of_no_moved_dates(
    server: WorkflowEnvironment, outside: Outside
) -> None:
    async with working(server, outside, "calendar-resting") as stage:
        story = await stage.starts()
        await story.reaches(CaseStatus.IN_REVIEW)
        await story.mails()
    await story.signal("calendar_published", {"years": [2031]})
    await story.signal("holder_replied", CONFIRMED)
    async with working(server, outside, "calendar-resting"):
        await story.reaches(CaseStatus.IN_PRODUCTION)
        view = await story.has("calendar")
        assert "no date moves" in view.timeline[-1].detail
        assert "dates_changed" not in await story.mails()


# --- calendars ---------------------------------------------------------------------------


def year_with_days_off(year: int, *more: date) -> CalendarYear:
    """The official year with more days off."""
    first = date(year, 1, 1)
    known = official_calendar(first, 366)
    days = [day for n in range(366) if (day := first + timedelta(days=n)).year == year]
    off = {day for day in days if day.isoweekday() < 6 and not known.is_working(day)}
    worked = (day for day in days if day.isoweekday() > 5 and known.is_working(day))
    return CalendarYear(
        year=year, days_off=tuple(sorted({*off, *more})), working_days=tuple(worked)
    )


async def test_a_due_day_moved_beyond_its_breach_is_not_overdue_and_breaks_anew(
    stage: Stage,
) -> None:
    story = await stage.starts_by_letter()
    view = await story.reaches(CaseStatus.IN_REVIEW)
    await story.mails()
    assert view.stage is not None
    assert view.stage.due_at is not None
    assert view.stage.due_on is not None
    due = view.stage.due_on
    await story.pass_days((view.stage.due_at - datetime.now(UTC)) / timedelta(days=1) + 0.3)
    assert (await story.has("breach")).overdue
    await stage.register.load_calendar_year(year_with_days_off(due.year, due))
    try:
        await story.signal("calendar_published", {"years": [due.year]})
        view = await story.has("calendar")
    finally:
        await stage.register.load_calendar_year(year_with_days_off(due.year))
    assert view.stage is not None
    assert view.stage.due_on == official_calendar(due).add_working_days(due, 1)
    assert not view.overdue

    async def is_found_in_time() -> bool:
        shown = await story.handle.describe()  # a moment behind what the case itself says
        return shown.typed_search_attributes.get(OVERDUE) is False

    await until(is_found_in_time, look_every=stage.look_every)
    breaches = [entry.event for entry in view.timeline].count("breach")
    await story.pass_days((view.stage.due_on - due) / timedelta(days=1) + 0.3)
    view = await story.has("breach", 2 * breaches)
    assert view.overdue
    assert (await story.mails()).count("delayed") == 2 * breaches


# --- codes and certificates --------------------------------------------------------------


async def test_a_code_entered_by_somebody_who_died_before_telling_is_found_in_the_register(
    stage: Stage,
) -> None:
    story = await stage.starts(consent=BY_CODE)
    await story.has("code_sent")

    def entered(present: Confirmation | None) -> Confirmation | None:
        assert present is not None
        return present.model_copy(update={"confirmed_at": datetime.now(UTC)})

    await stage.register.change_confirmation(story.number, entered)
    await story.signal("code_requested", {})
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert not view.awaits_code


FOREIGN_NEWS: dict[str, JsonObject] = {
    "another event": {"event": "issued"},
    "a letter to a holder": {"event": "holder_letter"},
    "another case": {"number": "0000-0000-0000-0/1"},
    "free text": {"number": "Сидорова Анна 4509 718243"},
    "a line more": {"number": "{number}/1\n"},
}


@pytest.mark.parametrize("changes", FOREIGN_NEWS.values(), ids=FOREIGN_NEWS.keys())
async def test_forged_news_of_a_certificate_are_parked_and_tell_the_applicant_nothing(
    stage: Stage, changes: JsonObject
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    news = {
        "event": "certificate_issued",
        "number": "{number}/1",
        "state": "in_force",
        **changes,
    }
    news["number"] = str(news["number"]).format(number=story.number)
    await story.signal("certificate_changed", news)
    view = await story.has("parked")
    assert view.temporary_certificate is None
    assert "718243" not in view.model_dump_json()
    told = ["accepted", "in_review", "staff_attention", "submitted"]
    assert sorted(await story.mails()) == told


async def test_a_certificate_asked_for_many_times_a_day_is_one_certificate(stage: Stage) -> None:
    story, certificate = await with_certificate(stage)
    await certificate.pass_days(7)
    await story.has("temporary_certificate", 2)
    for _ in range(25):
        await story.signal("certificate_requested", {})
    await story.has("repeated", 24)
    assert (await Certificate(stage, story).view()).number == f"{story.number}/1"
    told = Counter(event for event in await story.mails() if event.startswith("certificate"))
    assert told["certificate_issued"] == 1
    assert told["certificate_renewed"] <= 1


# --- the register ------------------------------------------------------------------------


async def test_a_withdrawal_in_production_annuls_the_duplicate_that_was_prepared(
    stage: Stage,
) -> None:
    story = await made(stage)
    await story.signal("withdraw_requested", {})
    await story.ends(CaseStatus.WITHDRAWN)
    assert await papers_of(stage, story.number) == {PaperKind.DUPLICATE: PaperState.ANNULLED}


SAME_NUMBERS: dict[str, JsonObject] = {
    "with spaces": {"series": " АВ 77 "},
    "in lower case": {"series": "ав77"},
    "in Latin look-alikes": {"series": "AB77"},
    "in full width": {"series": "АВ７７"},
}


@pytest.mark.parametrize("typed", SAME_NUMBERS.values(), ids=SAME_NUMBERS.keys())
async def test_a_number_typed_in_another_way_is_still_the_same_number(
    stage: Stage, typed: JsonObject
) -> None:
    record = {**produced(), "series": "АВ77"}
    await made(stage, record=record)
    second = await stage.starts()
    await second.reaches(CaseStatus.IN_REVIEW)
    await second.signal("holder_replied", CONFIRMED)
    await second.reaches(CaseStatus.IN_PRODUCTION)
    await second.signal("production_finished", {**record, **typed})
    view = await second.has("parked")
    assert "given to another duplicate" in view.parked[0].reason


async def test_what_came_before_a_case_was_opened_stands_in_the_register(stage: Stage) -> None:
    raw = {**valid_application(), "submission_id": f"before-opening-{stage.queue}"}
    number = control_number(raw)
    with stage.environment.with_time_skipping_disabled():
        await stage.environment.client.start_workflow(
            DuplicateRequest.run,
            CaseRequest(control_number=number, application=raw),
            id=workflow_id(number),
            task_queue=stage.queue,
            start_signal="nobody_knows_this",
            start_signal_args=[{}],
        )
    story = stage.story(number)
    await story.reaches(CaseStatus.IN_REVIEW)
    assert (await story.events())[0] == "parked"
    await on_record(stage, story)


async def on_record(stage: Stage, story: Story) -> None:
    """Wait until the register has the whole timeline of a case."""

    async def recorded() -> bool:
        stored = await stage.register.find_case(story.number)
        events = [event.event for event in stored.events] if stored else []
        return events == await story.events()

    await until(recorded)


async def test_the_register_follows_a_case_that_was_set_back_in_the_engine(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await on_record(stage, story)
    await story.signal("holder_replied", CONFIRMED)
    await story.reaches(CaseStatus.IN_PRODUCTION)
    await on_record(stage, story)
    story = await set_back(stage, story, before="holder_replied")
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", {"verdict": "not_found"})
    await story.reaches(CaseStatus.REFUSED)

    async def refused_on_record() -> bool:
        stored = await stage.register.find_case(story.number)
        return stored is not None and stored.case.status is CaseStatus.REFUSED

    await until(refused_on_record)


async def set_back(stage: Stage, story: Story, before: str) -> Story:
    """Reset a case to the moment before a signal, and forget all signals since."""
    done, client = 0, stage.environment.client
    async for event in story.handle.fetch_history_events():
        if event.workflow_execution_signaled_event_attributes.signal_name == before:
            break
        if event.HasField("workflow_task_completed_event_attributes"):
            done = event.event_id
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=story.handle.id),
            reason="a person set it back",
            workflow_task_finish_event_id=done,
            request_id=story.number,
            reset_reapply_type=ResetReapplyType.RESET_REAPPLY_TYPE_NONE,
        )
    )
    return stage.story(story.number)


# --- what people type --------------------------------------------------------------------


def with_control_characters() -> Iterator[tuple[str, JsonObject]]:
    for symbol in ("\x00", "\n", "\x1b", "\x85"):
        bad = f"17{symbol}04"
        yield "holder_replied", {"verdict": "confirmed", "copy_reference": bad}
        yield "production_finished", {**produced(), "series": bad}
        yield "duplicate_handed_over", {**COLLECTED, "reference": bad}
        yield (
            "parcel_reported",
            {"tracking": bad, "event": "sent", "reported_on": "2026-05-21"},
        )
        yield "payment_received", {"payment_id": bad, "invoice_id": "1", "amount": 5}


async def test_control_characters_in_a_message_are_parked_and_in_an_update_turned_down(
    stage: Stage,
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    messages = list(with_control_characters())
    for name, payload in messages:
        await story.signal(name, payload)
    view = await story.has("parked", len(messages))
    assert view.status is CaseStatus.IN_REVIEW
    decision: JsonObject = {"officer": "petrova", "decision": "object"}
    updates: dict[str, JsonObject] = {
        Update.CLAIM: {"officer": "petrova\n"},
        Update.RECORD_HOLDER_REPLY: {"verdict": "confirmed", "copy_reference": "А\x00"},
        Update.DECIDE: {**decision, "objections": [{**OBJECTION, "code": "A\x00"}]},
    }
    for update, payload in updates.items():
        with pytest.raises(WorkflowUpdateFailedError):
            await story.update(update, payload, Acknowledgement)
    assert await is_healthy(story)


UNREADABLE = {
    "half a letter": b'{"tracking":"\\ud800","event":"sent","reported_on":"2026-05-21"}',
    "a deep nest": b'{"a":' + b"[" * 300 + b"]" * 300 + b"}",
    "no JSON": b"{",
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_a_payload_that_no_library_reads_does_a_case_no_harm(
    stage: Stage, data: bytes
) -> None:
    story = await made(stage)
    payload = Payload(metadata={"encoding": b"json/plain"}, data=data)
    await story.signal("parcel_reported", RawValue(payload))
    await story.signal("duplicate_handed_over", COLLECTED)
    await story.reaches(CaseStatus.ISSUED)
    assert (await story.view()).parcel is None
    assert await is_healthy(story)


# --- officers ----------------------------------------------------------------------------


async def decides(story: Story, officer: str, decision: str, **more: Any) -> Acknowledgement:
    payload = {"officer": officer, "decision": decision, **more}
    answer: Acknowledgement = await story.update("decide", payload, Acknowledgement)
    return answer


@pytest.mark.parametrize(
    "other",
    [
        {"decision": "confirm"},
        {"decision": "object", "objections": [{**OBJECTION, "code": "PASSPORT_ERROR"}]},
    ],
    ids=["the opposite", "another objection"],
)
async def test_a_decision_other_than_the_prepared_one_is_turned_down(
    stage: Stage, other: dict[str, Any]
) -> None:
    story = await stage.starts_by_letter()
    await story.reaches(CaseStatus.IN_REVIEW)
    await decides(story, "ivanov", "object", objections=[OBJECTION], prepare=True)
    with pytest.raises(WorkflowUpdateFailedError):
        await decides(story, "petrova", **other)
    assert (await story.view()).status is CaseStatus.IN_REVIEW
    await decides(story, "petrova", "object", objections=[OBJECTION])
    await story.reaches(CaseStatus.REFUSED)


async def test_where_two_officers_are_required_nobody_decides_unprepared(
    server: WorkflowEnvironment, outside: Outside
) -> None:
    two = StaffRules(approval_required=True)
    async with working(server, outside, "two-officers", staff=two) as stage:
        story = await stage.starts_by_letter()
        await story.reaches(CaseStatus.IN_REVIEW)
        with pytest.raises(WorkflowUpdateFailedError):
            await decides(story, "petrova", "confirm")
        await decides(story, "ivanov", "confirm", prepare=True)
        await decides(story, "petrova", "confirm")
        await story.reaches(CaseStatus.IN_PRODUCTION)
