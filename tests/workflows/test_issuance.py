"""Making and handing over the duplicate, and what the register has of it (R9), as sentences."""

import pytest
from helpers import until
from samples import valid_application
from staging import Stage, Story, produced

from domain.base import JsonObject
from domain.errands import ErrandAnswer
from domain.messages import HolderReply, HolderVerdict, ProductionRecord
from domain.register import PaperKind, PaperState
from domain.statuses import CaseStatus

SENT = {"tracking": "80110000000017", "event": "sent", "reported_on": "2026-05-21"}
RETURNED = {**SENT, "event": "returned", "reported_on": "2026-06-10"}
COLLECTED = {"method": "pickup", "handed_over_on": "2026-06-12", "reference": "АПП-17"}


async def made(stage: Stage, story: Story | None = None, record: JsonObject | None = None) -> Story:
    """A case whose duplicate is made and waits for its hand-over."""
    story = story or await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", {"verdict": "confirmed"})
    await story.reaches(CaseStatus.IN_PRODUCTION)
    await story.signal("production_finished", record or produced())
    await story.reaches(CaseStatus.READY)
    return story


async def papers_of(stage: Stage, number: str) -> dict[PaperKind, PaperState]:
    found = await stage.register.papers(number)
    return {paper.kind: paper.state for _, paper in found}


async def test_the_duplicate_comes_into_force_and_the_original_is_replaced_in_one_record(
    stage: Stage,
) -> None:
    story = await made(stage)
    assert await papers_of(stage, story.number) == {PaperKind.DUPLICATE: PaperState.PREPARED}
    await story.signal("duplicate_handed_over", COLLECTED)
    await story.ends(CaseStatus.ISSUED)
    assert await papers_of(stage, story.number) == {
        PaperKind.DUPLICATE: PaperState.IN_FORCE,
        PaperKind.ORIGINAL: PaperState.REPLACED,
        PaperKind.ACCEPTANCE_ACT: PaperState.IN_FORCE,
    }
    stored = await stage.register.find_case(story.number)
    assert stored is not None
    assert stored.case.status is CaseStatus.ISSUED
    rows = await stage.register.federal_rows(None, None)
    view = await story.view()
    assert view.production is not None
    mine = [row for row in rows if row.number == view.production.number]
    assert [row.document_status for row in mine] == ["Дубликат"]


async def test_a_number_that_was_given_before_is_never_given_again(stage: Stage) -> None:
    record = produced()
    await made(stage, record=record)
    second = await stage.starts()
    await second.reaches(CaseStatus.IN_REVIEW)
    await second.signal("holder_replied", {"verdict": "confirmed"})
    await second.reaches(CaseStatus.IN_PRODUCTION)
    await second.signal("production_finished", record)
    view = await second.has("parked")
    assert view.status is CaseStatus.IN_PRODUCTION
    assert "given to another duplicate" in view.parked[0].reason
    await second.signal("production_finished", produced())
    await second.reaches(CaseStatus.READY)


async def told_by_its_holders_system(stage: Stage, record: JsonObject) -> Story:
    """A case whose holder's system confirms, and has made the duplicate."""
    story = await stage.starts()
    stage.holder.answers |= {
        f"{story.number}.verification.1": ErrandAnswer(
            reply=HolderReply(verdict=HolderVerdict.CONFIRMED)
        ),
        f"{story.number}.production.1": ErrandAnswer(
            production=ProductionRecord.model_validate(record)
        ),
    }
    return story


async def test_the_step_that_hears_of_the_duplicate_takes_its_number(stage: Stage) -> None:
    story = await told_by_its_holders_system(stage, produced())
    await story.reaches(CaseStatus.READY)
    events = (await story.handle.fetch_history()).events
    steps = [event.activity_task_scheduled_event_attributes.activity_type.name for event in events]
    assert list(filter(None, steps))[:4] == ["open_case"] + ["consult_holder"] * 3
    assert await papers_of(stage, story.number) == {PaperKind.DUPLICATE: PaperState.PREPARED}


async def test_a_number_a_holders_system_gives_again_is_left_to_a_person(stage: Stage) -> None:
    record = produced()
    await made(stage, record=record)
    second = await told_by_its_holders_system(stage, record)
    view = await second.has("parked")
    assert view.status is CaseStatus.IN_PRODUCTION
    assert "given to another duplicate" in view.parked[0].reason
    assert await papers_of(stage, second.number) == {}
    await second.signal("production_finished", produced())
    await second.reaches(CaseStatus.READY)


async def test_a_parcel_that_comes_back_is_collected_and_the_case_stays_open(stage: Stage) -> None:
    story = await made(stage)
    await story.signal("parcel_reported", SENT)
    view = await story.has("parcel_sent")
    assert view.stage is not None
    assert view.stage.from_whom == "the post"
    await story.signal("parcel_reported", SENT)
    await story.signal("parcel_reported", RETURNED)
    view = await story.has("parcel_returned")
    assert view.status is CaseStatus.READY
    assert view.collect_by is not None
    await story.signal("duplicate_handed_over", COLLECTED)
    await story.ends(CaseStatus.ISSUED)
    mails = await story.mails()
    assert mails[-3:] == ["parcel_sent", "parcel_returned", "issued"]
    assert (await story.view()).parked_total == 0


async def test_a_parcel_nobody_collects_is_reminded_of_and_left_to_a_person(stage: Stage) -> None:
    story = await made(stage, await stage.starts_by_letter())
    await story.signal("parcel_reported", SENT)
    await story.has("parcel_sent")
    await story.signal("parcel_reported", RETURNED)
    await story.has("parcel_returned")
    await story.pass_days(45)
    view = await story.has("parked")
    assert view.status is CaseStatus.READY
    assert not view.overdue
    assert (await story.mails()).count("collect_reminder") == 2


@pytest.mark.parametrize("report", [RETURNED, {**SENT, "tracking": ""}])
async def test_news_of_a_parcel_nobody_sent_is_parked(stage: Stage, report: JsonObject) -> None:
    story = await made(stage)
    await story.signal("parcel_reported", report)
    view = await story.has("parked")
    assert view.status is CaseStatus.READY
    assert view.parcel is None


async def test_an_archives_copy_is_on_record(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", {"verdict": "transferred"})
    await story.has("moved")
    await story.signal("holder_replied", {"verdict": "confirmed", "copy_reference": "А-17"})
    await story.reaches(CaseStatus.IN_PRODUCTION)

    async def on_record() -> bool:
        papers = await papers_of(stage, story.number)
        return papers == {PaperKind.ARCHIVE_COPY: PaperState.IN_FORCE}

    await until(on_record)


async def test_an_ended_case_still_hears_of_late_answers_and_then_closes(stage: Stage) -> None:
    story = await made(stage)
    yes = {"verdict": "confirmed", "reply_id": "r-1"}
    await story.signal("holder_replied", yes)
    await story.signal("duplicate_handed_over", COLLECTED)
    await story.reaches(CaseStatus.ISSUED)
    await story.signal("holder_replied", {"verdict": "not_found", "reply_id": "r-2"})
    view = await story.has("parked", 2)
    assert [item.message for item in view.parked] == ["holder_replied", "holder_replied"]
    assert "ISSUED" in view.parked[1].reason
    await story.ends(CaseStatus.ISSUED)
    stored = await stage.register.find_case(story.number)
    assert stored is not None
    assert [event.event for event in stored.events].count("parked") == 2


async def test_the_register_has_the_whole_timeline_documents_and_money(stage: Stage) -> None:
    story = await made(stage)
    await story.signal("duplicate_handed_over", COLLECTED)
    await story.ends(CaseStatus.ISSUED)
    view, stored = await story.view(), await stage.register.find_case(story.number)
    assert stored is not None
    assert [event.event for event in stored.events] == [entry.event for entry in view.timeline]
    documents = valid_application()["documents"]
    assert isinstance(documents, list)
    assert len(stored.documents) == len(documents)
    assert stored.view["status"] == "ISSUED"
