"""Routes of a case through the records holders (R6), as sentences."""

from typing import Any

import pytest
from samples import valid_application
from staging import Stage, Story, produced

from domain.base import JsonObject
from domain.statuses import CaseStatus
from workflows.contracts import ROUTE

LIQUIDATED = "7800004470"
REORGANISED = "7700003458"
SUCCESSOR = "7700001549"
ARCHIVE = "7700006579"
HANDED_OVER = {"method": "pickup", "handed_over_on": "2026-06-22", "reference": "АКТ-17"}


def at_institution(inn: str, region: str) -> JsonObject:
    raw = valid_application()
    institution = raw["institution"]
    assert isinstance(institution, dict)
    return {**raw, "institution": {**institution, "inn": inn, "region": region}}


async def answers(story: Story, verdict: str, **particulars: Any) -> None:
    await story.signal("holder_replied", {"verdict": verdict, **particulars})


async def test_a_reorganised_institution_is_asked_through_its_successor(stage: Stage) -> None:
    story = await stage.starts(at_institution(REORGANISED, "77"))
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert view.route == "successor"
    assert "Яузский" in view.holder


async def test_a_case_walks_from_institution_to_successor_to_archive(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await answers(story, "reorganised", new_holder_inn="7800002377")
    await story.has("moved", 1)
    await answers(story, "transferred")
    view = await story.has("moved", 2)
    assert [hop.route.value for hop in view.route_taken] == ["institution", "successor", "archive"]
    assert view.holder.endswith("города Москвы»")
    found = (await story.handle.describe()).typed_search_attributes
    assert found.get(ROUTE) == "archive"
    await answers(story, "confirmed", copy_reference="А-17")
    view = await story.reaches(CaseStatus.IN_PRODUCTION)
    assert view.copy_reference == "А-17"
    assert (await story.mails()).count("moved") == 2


async def test_each_hop_has_a_term_of_its_own(stage: Stage) -> None:
    story = await stage.starts()
    before = (await story.reaches(CaseStatus.IN_REVIEW)).stage
    await answers(story, "transferred", new_holder_inn=ARCHIVE)
    after = (await story.has("moved")).stage
    assert before is not None
    assert after is not None
    assert before.due_on is not None
    assert after.due_on is not None
    assert after.due_on > before.due_on


async def test_nothing_found_of_a_liquidated_institution_gives_a_substitute_certificate(
    stage: Stage,
) -> None:
    story = await stage.starts(at_institution(LIQUIDATED, "78"))
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert view.route == "liquidated"
    assert view.closure_protocol == "№ 14 от 30.06.2011"
    await answers(story, "not_found")
    await story.ends(CaseStatus.SUBSTITUTE_ISSUED)
    text = next(text for event, text in story.mail_texts() if event == "substitute_issued")
    assert "№ 14 от 30.06.2011" in text.replace("\u00a0", " ")


async def test_a_liquidated_institution_whose_records_are_found_goes_to_production(
    stage: Stage,
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await answers(story, "liquidated", closure_protocol="№ 3 от 12.05.2019")
    await story.has("moved")
    await answers(story, "confirmed")
    await story.reaches(CaseStatus.IN_PRODUCTION)


async def test_nothing_found_without_a_closure_protocol_is_left_to_a_person(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await answers(story, "liquidated", new_holder_inn="7800008717")
    await story.has("moved")
    await answers(story, "not_found")
    view = await story.has("parked")
    assert view.status is CaseStatus.IN_REVIEW
    await answers(story, "not_found", closure_protocol="№ 9 от 01.02.2015")
    await story.ends(CaseStatus.SUBSTITUTE_ISSUED)


@pytest.mark.parametrize("route", ["institution", "archive"])
async def test_nothing_found_elsewhere_is_a_refusal_that_can_be_mended(
    stage: Stage, route: str
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    if route == "archive":
        await answers(story, "transferred")
        await story.has("moved")
    await answers(story, "not_found")
    view = await story.reaches(CaseStatus.REFUSED)
    assert [reason.code for reason in view.reasons] == ["NOT_FOUND_IN_RECORDS"]


async def test_a_case_sent_in_circles_is_left_to_a_person(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    for turn in range(1, 8):
        await answers(story, "reorganised", new_holder_inn=SUCCESSOR)
        await story.has("moved", turn)
    await answers(story, "reorganised", new_holder_inn=SUCCESSOR)
    view = await story.has("parked")
    assert "circles" in view.parked[0].reason


async def test_a_correction_of_the_institution_moves_the_search_there(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await answers(story, "not_found")
    await story.reaches(CaseStatus.REFUSED)
    other = {
        "inn": "6600005121",
        "region": "66",
        "name": "Государственное автономное профессиональное образовательное учреждение "
        "Свердловской области «Исетский горный колледж имени П. П. Бажова»",
    }
    await story.signal("correction_submitted", {"changes": {"institution": other}})
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert "Исетский" in view.holder


async def test_an_archives_answers_twice_contradicting_and_late_have_one_effect(
    stage: Stage,
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await answers(story, "transferred")
    await story.has("moved")
    for _ in range(2):
        await answers(story, "confirmed", reply_id="archive-1", copy_reference="А-17")
    await answers(story, "not_found", reply_id="archive-2")
    await story.has("parked")
    await story.signal("production_finished", produced())
    await story.reaches(CaseStatus.READY)
    await story.signal("duplicate_handed_over", HANDED_OVER)
    await story.reaches(CaseStatus.ISSUED)
    await answers(story, "confirmed", reply_id="archive-3")
    view = await story.has("parked", 2)
    assert [entry.event for entry in view.timeline].count("IN_PRODUCTION") == 1
    assert [entry.event for entry in view.timeline].count("repeated") == 1
    assert [item.message for item in view.parked] == ["holder_replied", "holder_replied"]
    assert "ISSUED" in view.parked[1].reason
    assert view.copy_reference == "А-17"
