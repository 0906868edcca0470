"""The story of a case on the institution route, as sentences."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue
from samples import valid_application
from staging import Stage, on_both_caches, produced
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.ports import UnreadableAnswer
from adapters.production_calendar import official_calendar
from domain.base import JsonObject
from domain.errands import ErrandAnswer
from domain.messages import HandOver, HolderReply, PaymentReceived, ProductionRecord
from domain.statuses import CaseStatus
from simulators.scenario import MailFault
from workflows.contracts import (
    CASE_STATUS,
    OVERDUE,
    REFUSAL_REASONS,
    STAGE_DUE_AT,
    Acknowledgement,
    CorrectionAnswer,
)

CONFIRMED = {"verdict": "confirmed"}
WRONG_NAME = {
    "verdict": "objections",
    "objections": [{"code": "NAME_MISMATCH", "field": "applicant.name_on_diploma"}],
}
BAD_PASSPORT = {
    "verdict": "objections",
    "objections": [{"code": "PASSPORT_ERROR", "field": "applicant.passport"}],
}
HANDED_OVER = {"method": "pickup", "handed_over_on": "2026-05-22", "reference": "АКТ-17"}
NEW_NAME = {"changes": {"applicant": {"name_on_diploma": {"surname": "Соколовская"}}}}


def without_documents(*kinds: str) -> JsonObject:
    raw = valid_application()
    documents = raw["documents"]
    assert isinstance(documents, list)
    kept: list[JsonValue] = [
        item for item in documents if isinstance(item, dict) and item["kind"] not in kinds
    ]
    return {**raw, "documents": kept}


@on_both_caches
async def test_a_straight_case_is_issued_and_the_applicant_is_told_every_step(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    stage.holder.answers[f"{story.number}.verification.1"] = ErrandAnswer(
        reply=HolderReply.model_validate(CONFIRMED)
    )
    await story.signal("holder_replied", CONFIRMED)
    await story.reaches(CaseStatus.IN_PRODUCTION)
    await story.signal("production_finished", produced())
    await story.reaches(CaseStatus.READY)
    await story.signal("duplicate_handed_over", HANDED_OVER)
    await story.ends(CaseStatus.ISSUED)
    assert await story.mails() == [
        "submitted",
        "accepted",
        "in_review",
        "in_production",
        "ready",
        "issued",
    ]
    found = (await story.handle.describe()).typed_search_attributes
    assert found.get(CASE_STATUS) == "ISSUED"
    assert found.get(STAGE_DUE_AT) is None


async def test_a_holders_system_is_asked_until_it_answers(stage: Stage) -> None:
    story = await stage.starts()
    answers = stage.holder.answers
    key = f"{story.number}.{{}}.1"
    answers[key.format("verification")] = ErrandAnswer(reply=HolderReply.model_validate(CONFIRMED))
    answers[key.format("production")] = ErrandAnswer(
        production=ProductionRecord.model_validate(produced())
    )
    answers[key.format("hand_over")] = ErrandAnswer(hand_over=HandOver.model_validate(HANDED_OVER))
    await story.ends(CaseStatus.ISSUED)
    asked = [item for item in stage.holder.asked if item.startswith(story.number)]
    assert asked == [key.format(kind) for kind in ("verification", "production", "hand_over")]


async def test_an_incomplete_package_is_returned_and_mended_by_a_correction(stage: Stage) -> None:
    story = await stage.starts(without_documents("passport_registration_page", "grade_book"))
    view = await story.reaches(CaseStatus.RETURNED)
    assert {reason.code for reason in view.reasons} == {
        "PASSPORT_REGISTRATION_PAGE_MISSING",
        "STUDY_PROOF_MISSING",
    }
    page = {"kind": "passport_registration_page", "name": "p.jpg", "size_bytes": 1000}
    answer = await story.update("submit_correction", {"documents": [page]}, CorrectionAnswer)
    assert [reason.code for reason in answer.still_wrong] == ["STUDY_PROOF_MISSING"]
    book = {"kind": "grade_book", "name": "b.pdf", "size_bytes": 1000}
    answer = await story.update("submit_correction", {"documents": [book]}, CorrectionAnswer)
    assert answer.still_wrong == ()
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert view.check_round == 2
    assert "correction_insufficient" in await story.mails()


@on_both_caches
async def test_a_correction_with_a_fault_of_form_is_answered_and_loses_nothing(
    stage: Stage,
) -> None:
    story = await stage.starts(without_documents("grade_book"))
    await story.reaches(CaseStatus.RETURNED)
    wrong = {"changes": {"applicant": {"snils": "112-233-445 96"}}}
    answer = await story.update("submit_correction", wrong, CorrectionAnswer)
    assert {reason.code for reason in answer.still_wrong} == {
        "SNILS_CHECK_DIGIT",
        "STUDY_PROOF_MISSING",
    }
    book = {"kind": "grade_book", "name": "b.pdf", "size_bytes": 1000}
    answer = await story.update("submit_correction", {"documents": [book]}, CorrectionAnswer)
    assert answer.still_wrong == ()


async def test_a_name_refused_twice_is_confirmed_the_third_time(stage: Stage) -> None:
    story = await stage.starts()
    for check_round in (1, 2):
        view = await story.reaches(CaseStatus.IN_REVIEW)
        assert view.check_round == check_round
        await story.signal("holder_replied", WRONG_NAME)
        view = await story.reaches(CaseStatus.REFUSED)
        assert [reason.code for reason in view.reasons] == ["NAME_MISMATCH"]
        surname = "Соколовская" if check_round == 1 else "Соколова"
        changes: JsonObject = {"applicant": {"name_on_diploma": {"surname": surname}}}
        if check_round == 1:
            changes["name_change"] = {"number": "I-МЮ 512345", "issued_on": "2009-08-14"}
        paper = {"kind": "name_change_certificate", "name": "z.pdf", "size_bytes": 1000}
        await story.signal("correction_submitted", {"changes": changes, "documents": [paper]})
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", CONFIRMED)
    view = await story.reaches(CaseStatus.IN_PRODUCTION)
    assert [pause.reason.value for pause in view.pauses] == ["REFUSED", "REFUSED"]
    assert all(pause.ended_at is not None for pause in view.pauses)


async def test_a_correction_that_changes_nothing_gets_a_fresh_answer(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", WRONG_NAME)
    await story.reaches(CaseStatus.REFUSED)
    answer = await story.update("submit_correction", {}, CorrectionAnswer)
    assert [reason.code for reason in answer.still_wrong] == ["NAME_MISMATCH"]
    assert "correction_insufficient" in await story.mails()
    assert (await story.view()).status is CaseStatus.REFUSED


async def test_an_application_unreadable_at_first_can_still_be_corrected(stage: Stage) -> None:
    raw = valid_application()
    applicant = raw["applicant"]
    assert isinstance(applicant, dict)
    story = await stage.starts({**raw, "applicant": {**applicant, "snils": "1"}})
    view = await story.reaches(CaseStatus.REFUSED)
    assert [reason.code for reason in view.reasons] == ["SNILS_FORMAT"]
    assert "refused" in await story.mails()
    await story.signal(
        "correction_submitted", {"changes": {"applicant": {"snils": "112-233-445 95"}}}
    )
    assert (await story.reaches(CaseStatus.IN_REVIEW)).reasons == ()


@on_both_caches
async def test_an_unanswered_refusal_closes_after_thirty_days(stage: Stage) -> None:
    story = await stage.starts_by_letter()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", WRONG_NAME)
    view = await story.reaches(CaseStatus.REFUSED)
    assert view.respond_by is not None
    await story.pass_days(45)  # thirty days that end with December roll to after the holidays
    await story.ends(CaseStatus.CLOSED)
    view = await story.view()
    closed = next(entry.at for entry in view.timeline if entry.event == "CLOSED")
    assert (await story.mails()).count("correction_reminder") == 2
    refused = next(entry.at for entry in view.timeline if entry.event == "REFUSED")
    assert timedelta(days=30) <= closed - refused < timedelta(days=43)


@pytest.mark.parametrize("status", ["IN_REVIEW", "IN_PRODUCTION", "READY"])
async def test_a_request_can_be_withdrawn_at_any_stage_before_issue(
    stage: Stage, status: str
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    if status != "IN_REVIEW":
        await story.signal("holder_replied", CONFIRMED)
        await story.reaches(CaseStatus.IN_PRODUCTION)
    if status == "READY":
        await story.signal("production_finished", produced())
        await story.reaches(CaseStatus.READY)
    await story.signal("withdraw_requested", {})
    await story.ends(CaseStatus.WITHDRAWN)
    assert "withdrawn" in await story.mails()
    assert [key for key in stage.holder.recalled if key.startswith(story.number)]


@on_both_caches
async def test_a_returned_case_is_withdrawn_and_its_payment_refunded_once(stage: Stage) -> None:
    story = await stage.starts(without_documents("payment_proof", "grade_book"))
    view = await story.reaches(CaseStatus.RETURNED)
    assert view.fees is not None
    payment = {"payment_id": "p-1", "invoice_id": view.fees.invoice_id, "amount": view.fees.due}
    stage.outside.state.pay(PaymentReceived.model_validate(payment))
    await story.signal("payment_received", payment)
    await story.has("correction")
    await story.signal("withdraw_requested", {})
    await story.ends(CaseStatus.WITHDRAWN)
    view = await story.view()
    assert view.fees is not None
    assert view.fees.refunded == view.fees.due
    refunds = [item for item in stage.outside.state.refunds() if story.number in item.refund_id]
    assert len(refunds) == 1


async def test_a_payment_mends_a_case_returned_for_want_of_it(stage: Stage) -> None:
    story = await stage.starts(without_documents("payment_proof"))
    view = await story.reaches(CaseStatus.RETURNED)
    assert view.fees is not None
    for amount in (0, -5, 100_000):
        await story.signal(
            "payment_received",
            {"payment_id": f"p{amount}", "invoice_id": view.fees.invoice_id, "amount": amount},
        )
    good = {"payment_id": "p-1", "invoice_id": view.fees.invoice_id, "amount": view.fees.due}
    await story.signal("payment_received", good)
    await story.signal("payment_received", good)
    await story.signal("payment_received", {**good, "payment_id": "p-2"})
    await story.reaches(CaseStatus.IN_REVIEW)
    view = await story.view()
    assert view.parked_total == 4
    assert view.fees is not None
    assert view.fees.paid == view.fees.due


@on_both_caches
async def test_an_error_in_the_passport_suspends_until_it_is_mended(stage: Stage) -> None:
    story = await stage.starts_by_letter()
    before = (await story.reaches(CaseStatus.IN_REVIEW)).stage
    await story.signal("holder_replied", BAD_PASSPORT)
    await story.reaches(CaseStatus.SUSPENDED)
    await story.pass_days(120)
    view = await story.view()
    assert view.status is CaseStatus.SUSPENDED
    await story.signal("suspension_lifted", {"officer": "petrova"})
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert before is not None
    assert view.stage is not None
    assert before.due_on is not None
    assert view.stage.due_on is not None
    assert view.stage.due_on > before.due_on + timedelta(days=100)
    assert view.check_round == 2
    assert view.pauses[0].ended_at is not None


async def test_five_working_days_with_the_applicant_move_the_deadline_by_exactly_five(
    stage: Stage,
) -> None:
    story = await stage.starts_by_letter()
    before = (await story.reaches(CaseStatus.IN_REVIEW)).stage
    await story.signal("holder_replied", BAD_PASSPORT)
    since = (await story.reaches(CaseStatus.SUSPENDED)).pauses[0].started_at.date()
    calendar = official_calendar(since)
    days = (calendar.add_working_days(since, 5) - since).days
    await story.pass_days(days)
    await story.signal("suspension_lifted", {"officer": "petrova"})
    after = (await story.reaches(CaseStatus.IN_REVIEW)).stage
    assert before is not None
    assert after is not None
    assert before.due_on is not None
    assert after.due_on == calendar.add_working_days(before.due_on, 5)


async def test_a_silent_holder_is_reminded_then_overdue_and_the_case_lives_on(
    stage: Stage,
) -> None:
    story = await stage.starts_by_letter()
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert view.stage is not None
    assert view.stage.due_at is not None
    ahead = view.stage.due_at - datetime.now(UTC)
    await story.pass_days(ahead.total_seconds() / 86_400 - 0.5)
    events = await story.events()
    assert (events.count("reminder"), events.count("warning"), events.count("breach")) == (1, 1, 0)
    await story.pass_days(1)
    view = await story.has("breach")
    assert view.overdue
    assert (await story.handle.describe()).typed_search_attributes.get(OVERDUE) is True
    await story.pass_days(10)
    events = await story.events()
    assert events.count("repeat") >= 2
    assert events.count("breach") <= 2  # the stage's and the whole case's
    mails = await story.mails()
    assert mails.count("staff_breach") == 2 * events.count("breach")
    assert "holder_reminder" in mails
    assert "delayed" in mails
    await story.signal("holder_replied", CONFIRMED)
    view = await story.reaches(CaseStatus.IN_PRODUCTION)
    assert view.case_due_on is not None
    assert view.overdue is (view.case_due_on < view.timeline[-1].at.date())


async def test_a_case_is_claimed_by_one_officer_only(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.update("claim", {"officer": "petrova"}, Acknowledgement)
    await story.update("claim", {"officer": "petrova"}, Acknowledgement)
    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await story.update("claim", {"officer": "sidorov"}, Acknowledgement)
    assert isinstance(refusal.value.cause, ApplicationError)
    assert (await story.view()).assignee == "petrova"


@on_both_caches
async def test_an_officer_decides_the_document_check(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    decision = {
        "officer": "petrova",
        "decision": "object",
        "objections": WRONG_NAME["objections"],
    }
    await story.update("decide", decision, Acknowledgement)
    await story.reaches(CaseStatus.REFUSED)
    with pytest.raises(WorkflowUpdateFailedError):
        await story.update("decide", decision, Acknowledgement)
    assert (await story.handle.describe()).typed_search_attributes.get(REFUSAL_REASONS) == [
        "NAME_MISMATCH"
    ]


async def test_a_case_without_a_known_holder_waits_for_a_person(stage: Stage) -> None:
    raw = valid_application()
    institution = raw["institution"]
    assert isinstance(institution, dict)
    unknown = {**institution, "inn": "7707083893", "email": None}
    story = await stage.starts({**raw, "institution": unknown})
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert [item.message for item in view.parked] == ["holder"]
    await story.update("record_holder_reply", CONFIRMED, Acknowledgement)
    await story.reaches(CaseStatus.IN_PRODUCTION)


async def test_a_holders_system_that_talks_nonsense_is_left_to_a_person(stage: Stage) -> None:
    story = await stage.starts()
    stage.holder.answers[f"{story.number}.verification.1"] = UnreadableAnswer("not an answer")
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.pass_days(3)
    view = await story.has("parked")
    assert view.parked[0].message == "holder's system"
    await story.signal("holder_replied", CONFIRMED)
    await story.reaches(CaseStatus.IN_PRODUCTION)


async def test_objections_no_catalogue_knows_are_left_to_a_person(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    nonsense = {"verdict": "objections", "objections": [{"code": "NOSE", "field": "face"}]}
    await story.signal("holder_replied", nonsense)
    await story.has("parked")
    await story.signal("holder_replied", CONFIRMED)
    await story.reaches(CaseStatus.IN_PRODUCTION)


async def test_a_mail_server_that_is_away_holds_up_mails_but_not_the_case(stage: Stage) -> None:
    story = await stage.starts_by_letter()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.mails()
    await stage.outside.mail.go_away()
    try:
        await story.signal("holder_replied", CONFIRMED)
        await story.reaches(CaseStatus.IN_PRODUCTION)
        await story.signal("production_finished", produced())
        view = await story.reaches(CaseStatus.READY)
        assert view.mails.waiting > 0
    finally:
        await stage.outside.mail.come_back()
    await story.pass_days(0.1)
    assert (await story.mails()).count("in_production") == 1


async def test_a_mail_nobody_takes_is_reported_to_ops(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.mails()
    stage.outside.mail.play(MailFault.REJECT_550)
    await story.signal("holder_replied", CONFIRMED)
    await story.reaches(CaseStatus.IN_PRODUCTION)
    view = await story.has("undelivered")
    assert len(view.mails.rejected) == 1
    assert "staff_attention" in await story.mails()
