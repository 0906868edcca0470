"""Cases that crossed something on their way: what came twice, too early or at the wrong moment."""

from datetime import time
from typing import Any

import pytest
from samples import documents_without, valid_application
from staging import Stage, working
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from domain.base import JsonObject
from domain.clock import QuietHours
from domain.errands import ErrandAnswer
from domain.messages import HolderReply, PaymentReceived
from domain.numbers import control_number
from domain.statuses import CaseStatus
from simulators.outside import Outside
from workflows.contracts import Acknowledgement, CaseRequest, workflow_id
from workflows.duplicate_request import DuplicateRequest

WRONG_NAME = [{"code": "NAME_MISMATCH", "field": "applicant.name_on_diploma"}]
BOOK = {"kind": "grade_book", "name": "b.pdf", "size_bytes": 1000}
RECEIPT = {"kind": "payment_proof", "name": "r.pdf", "size_bytes": 1000}
NIGHT = QuietHours(opens=time(3, 0), closes=time(3, 0, 1))
"""It is night for all but one second of the day."""


def lacking(*kinds: str) -> JsonObject:
    return valid_application(documents=documents_without(*kinds))


async def test_two_corrections_in_a_row_are_both_looked_at_while_a_payment_is_awaited(
    stage: Stage,
) -> None:
    story = await stage.starts(lacking("grade_book", "payment_proof"))
    await story.reaches(CaseStatus.RETURNED)
    await story.signal("correction_submitted", {"documents": [BOOK]})
    await story.signal("correction_submitted", {"documents": [RECEIPT]})
    await story.reaches(CaseStatus.IN_REVIEW)


async def test_a_correction_that_comes_with_the_very_submission_is_kept(stage: Stage) -> None:
    raw = {**lacking("grade_book"), "submission_id": f"early-{stage.queue}"}
    number = control_number(raw)
    with stage.environment.with_time_skipping_disabled():
        await stage.environment.client.start_workflow(
            DuplicateRequest.run,
            CaseRequest(control_number=number, application=raw),
            id=workflow_id(number),
            task_queue=stage.queue,
            start_signal="correction_submitted",
            start_signal_args=[{"documents": [BOOK]}],
        )
    story = stage.story(number)
    assert (await story.reaches(CaseStatus.IN_REVIEW)).reasons == ()


@pytest.mark.parametrize(
    "decision",
    [
        {"officer": "petrova", "decision": "object"},
        {"officer": "petrova", "decision": "confirm", "objections": WRONG_NAME},
    ],
)
async def test_a_decision_that_contradicts_itself_is_turned_down(
    stage: Stage, decision: JsonObject
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    with pytest.raises(WorkflowUpdateFailedError):
        await story.update("decide", decision, Acknowledgement)
    await story.update("decide", {"officer": "petrova", "decision": "confirm"}, Acknowledgement)
    await story.reaches(CaseStatus.IN_PRODUCTION)


async def test_a_payment_of_a_wrong_sum_does_not_spoil_the_right_one(stage: Stage) -> None:
    story = await stage.starts(lacking("payment_proof"))
    view = await story.reaches(CaseStatus.RETURNED)
    assert view.fees is not None
    payment = {"payment_id": "p-1", "invoice_id": view.fees.invoice_id, "amount": view.fees.due}
    await story.signal("payment_received", {**payment, "amount": 1})
    await story.has("parked")
    await story.signal("payment_received", payment)
    await story.reaches(CaseStatus.IN_REVIEW)


async def test_what_was_paid_but_not_yet_heard_of_goes_back_at_a_withdrawal(stage: Stage) -> None:
    story = await stage.starts(lacking("payment_proof", "grade_book"))
    view = await story.reaches(CaseStatus.RETURNED)
    assert view.fees is not None
    stage.outside.state.pay(
        PaymentReceived(
            payment_id="late-1",
            invoice_id=str(view.fees.invoice_id),
            amount=view.fees.due,
        )
    )
    await story.signal("withdraw_requested", {})
    await story.ends(CaseStatus.WITHDRAWN)
    view = await story.view()
    assert view.fees is not None
    assert view.fees.refunded == view.fees.due


async def test_a_holder_that_objects_to_a_payment_already_made_is_answered_once(
    stage: Stage,
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    objection = {"code": "PAYMENT_PROOF_MISSING", "field": "documents.payment_proof"}
    await story.signal("holder_replied", {"verdict": "objections", "objections": [objection]})
    await story.reaches(CaseStatus.RETURNED)
    await story.signal("correction_submitted", {"documents": [RECEIPT]})
    await story.reaches(CaseStatus.IN_REVIEW)
    assert "correction_insufficient" not in await story.mails()


async def test_an_answer_that_repeats_an_older_one_is_left_to_a_person(stage: Stage) -> None:
    story = await stage.starts()
    no: dict[str, Any] = {"reply_id": "same", "verdict": "objections", "objections": WRONG_NAME}
    await story.reaches(CaseStatus.IN_REVIEW)
    stage.holder.answers[f"{story.number}.verification.2"] = ErrandAnswer(
        reply=HolderReply.model_validate(no)
    )
    await story.signal("holder_replied", no)
    await story.reaches(CaseStatus.REFUSED)
    changed = {"applicant": {"name_on_diploma": {"surname": "Соколовская"}}}
    certificate = {"kind": "name_change_certificate", "name": "c.pdf", "size_bytes": 1000}
    paper = {"number": "I-МЮ 512345", "issued_on": "2009-08-14"}
    await story.signal(
        "correction_submitted",
        {"changes": {**changed, "name_change": paper}, "documents": [certificate]},
    )
    view = await story.has("parked")
    assert view.parked[0].message == "holder's system"
    asked = [key for key in stage.holder.asked if key == f"{story.number}.verification.2"]
    assert len(asked) == 1


async def test_a_liquidated_institution_stays_so_when_its_archive_finds_nothing(
    stage: Stage,
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal(
        "holder_replied", {"verdict": "liquidated", "closure_protocol": "№ 14 от 30.06.2011"}
    )
    await story.has("moved", 1)
    await story.signal("holder_replied", {"verdict": "transferred"})
    await story.has("moved", 2)
    await story.signal("holder_replied", {"verdict": "not_found"})
    await story.ends(CaseStatus.SUBSTITUTE_ISSUED)


async def test_an_objection_to_no_field_is_left_to_a_person_and_not_repeated(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    objection = {"code": "NAME_MISMATCH", "field": "Иванова Мария, 4509 718243"}
    await story.signal("holder_replied", {"verdict": "objections", "objections": [objection]})
    view = await story.has("parked")
    assert "718243" not in view.model_dump_json()


async def test_what_waited_for_the_morning_is_not_sent_after_a_withdrawal(
    server: WorkflowEnvironment, outside: Outside
) -> None:
    async with working(server, outside, "night", quiet_hours=NIGHT) as stage:
        story = await stage.starts_by_letter()
        await story.reaches(CaseStatus.IN_REVIEW)
        await story.signal("withdraw_requested", {})
        await story.ends(CaseStatus.WITHDRAWN)
        assert await story.mails() == ["submitted", "withdrawn"]


async def test_a_click_on_request_cancellation_does_not_end_a_case(stage: Stage) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.handle.cancel()
    view = await story.has("parked")
    assert (view.status, view.parked[0].message) == (CaseStatus.IN_REVIEW, "cancellation")
    await story.signal("holder_replied", {"verdict": "confirmed"})
    await story.reaches(CaseStatus.IN_PRODUCTION)
