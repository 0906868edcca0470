"""Corrections that cross a payment, a suspension, a code or the end of a case (R5), as sentences."""

import asyncio

import pytest
from helpers import until
from samples import documents_without
from staging import Stage, Story
from test_confirmation import BY_CODE, code_of, enter
from test_money import TRANSFERRED, invoices, open_invoice, pay, unpaid

from domain.base import JsonObject
from domain.confirmation import CodeOutcome
from domain.statuses import CaseStatus
from simulators.phone import CODE
from workflows.contracts import CaseView

ANOTHER: JsonObject = {"surname": "Соколовская", "given_name": "Алёна", "patronymic": "Игоревна"}
NEW_NAME: JsonObject = {"applicant": {"name": ANOTHER, "name_on_diploma": ANOTHER}}
BAD_MAIL: JsonObject = {"applicant": {"email": "nobody at home"}}
GOOD_MAIL: JsonObject = {"applicant": {"email": "alena@example.org"}}
NEW_PHONE = "+79990001122"
BAD_PASSPORT: JsonObject = {
    "verdict": "objections",
    "objections": [{"code": "PASSPORT_ERROR", "field": "applicant.passport.number"}],
}
CONFIRMED: JsonObject = {"verdict": "confirmed"}


def codes(view: CaseView) -> set[str]:
    """Codes of the open reasons."""
    return {reason.code for reason in view.reasons}


async def corrects(story: Story, changes: JsonObject, *kinds: str) -> None:
    scans = [{"kind": kind, "name": f"{kind}.pdf", "size_bytes": 1000} for kind in kinds]
    await story.signal("correction_submitted", {"changes": changes, "documents": scans})


async def with_balance_due(stage: Stage) -> Story:
    """A case whose archive has made its copy and waits for the rest of the fee."""
    story = await stage.starts(unpaid(inn=TRANSFERRED, region="54"))
    await pay(stage, story, open_invoice(await story.reaches(CaseStatus.RETURNED)))
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", CONFIRMED)
    assert codes(await story.reaches(CaseStatus.RETURNED)) == {"BALANCE_DUE"}
    return story


async def suspended(stage: Stage) -> Story:
    """A case whose fee was paid online and whose passport turned out to be wrong."""
    story = await stage.starts(unpaid())
    await pay(stage, story, open_invoice(await story.reaches(CaseStatus.RETURNED)))
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", BAD_PASSPORT)
    await story.reaches(CaseStatus.SUSPENDED)
    return story


@pytest.mark.parametrize("paid_first", [True, False], ids=["before", "after"])
async def test_a_bad_correction_while_the_balance_is_due_keeps_no_case_from_its_payment(
    stage: Stage, paid_first: bool
) -> None:
    story = await with_balance_due(stage)
    before = await story.view()
    await corrects(story, BAD_MAIL)
    await story.reaches(CaseStatus.REFUSED)
    if paid_first:
        await pay(stage, story, open_invoice(before))
        await story.has("payment_received", 2)
    await corrects(story, GOOD_MAIL)
    # The application is another one than the archive agreed to: it is checked again.
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert view.check_round > before.check_round
    if not paid_first:
        await pay(stage, story, open_invoice(before))
        await story.has("payment_received", 2)
    await story.signal("holder_replied", {**CONFIRMED, "reply_id": "again"})
    view = await story.reaches(CaseStatus.IN_PRODUCTION)
    assert [item.paid for item in invoices(view)] == [item.amount for item in invoices(before)]


async def test_another_name_while_the_balance_is_due_is_shown_to_the_holder(stage: Stage) -> None:
    story = await with_balance_due(stage)
    balance = open_invoice(await story.view())
    await corrects(story, NEW_NAME)
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert view.check_round == 3
    assert open_invoice(view) == balance
    await story.signal("holder_replied", {**CONFIRMED, "reply_id": "again"})
    await story.reaches(CaseStatus.RETURNED)
    await pay(stage, story, balance)
    view = await story.reaches(CaseStatus.IN_PRODUCTION)
    assert view.check_round == 3
    asked = [key for key in stage.holder.asked if key.startswith(f"{story.number}.verification")]
    assert {key.rpartition(".")[2] for key in asked} == {"2", "3"}


@pytest.mark.parametrize("code", ["CONSENT_NOT_CONFIRMED", "BALANCE_DUE"])
async def test_what_only_we_can_say_is_left_to_a_person_when_a_holder_objects_with_it(
    stage: Stage, code: str
) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    objection = {"code": code, "field": "consent"}
    await story.signal("holder_replied", {"verdict": "objections", "objections": [objection]})
    view = await story.has("parked")
    assert view.status is CaseStatus.IN_REVIEW
    told = ["accepted", "in_review", "staff_attention", "submitted"]
    assert sorted(await story.mails()) == told
    await story.signal("holder_replied", CONFIRMED)
    await story.reaches(CaseStatus.IN_PRODUCTION)


async def test_what_was_corrected_during_a_suspension_is_looked_at_when_it_is_lifted(
    stage: Stage,
) -> None:
    story = await suspended(stage)
    await corrects(story, {"expedited": True, "applicant": {"name": ANOTHER}})
    view = await story.has("correction", 2)
    assert view.status is CaseStatus.SUSPENDED
    await story.signal("suspension_lifted", {})
    view = await story.reaches(CaseStatus.REFUSED)
    assert codes(view) == {
        "NAME_CHANGE_DETAILS_MISSING",
        "NAME_CHANGE_DOCUMENT_MISSING",
        "PAYMENT_PROOF_MISSING",
    }
    assert open_invoice(view).amount == 300
    await corrects(story, NEW_NAME)
    view = await story.reaches(CaseStatus.RETURNED)
    assert codes(view) == {"PAYMENT_PROOF_MISSING"}
    await pay(stage, story, open_invoice(view))
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert [pause.reason for pause in view.pauses] == ["RETURNED", "SUSPENDED", "REFUSED"]


async def test_a_passport_mended_by_a_correction_alone_leads_back_to_the_check(
    stage: Stage,
) -> None:
    story = await suspended(stage)
    await corrects(story, {"applicant": {"passport": {"number": "718244"}}})
    await story.has("correction", 2)
    await story.signal("suspension_lifted", {})
    view = await story.reaches(CaseStatus.IN_REVIEW)
    assert view.reasons == ()


async def test_a_correction_that_comes_while_the_case_closes_is_left_to_a_person(
    stage: Stage,
) -> None:
    story = await stage.starts_by_letter(documents=unpaid()["documents"])
    await pay(stage, story, open_invoice(await story.reaches(CaseStatus.RETURNED)))
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", {"verdict": "not_found"})
    await story.reaches(CaseStatus.REFUSED)
    await story.mails()
    with stage.payments.held():
        # Time does not pass while the refund is under way.
        days = asyncio.create_task(story.pass_days(45))
        await stage.payments.is_asked(f"{story.number}.refund")
        await corrects(story, {"institution": {"name": "Другой строительный колледж"}})
    await story.reaches(CaseStatus.CLOSED)
    await days
    view = await story.has("parked")
    assert view.parked[-1].message == "correction_submitted"
    assert view.fees is not None
    assert view.fees.refunded == view.fees.paid


def texts_to(stage: Stage, story: Story, phone: str) -> list[str]:
    return [
        sms.text
        for sms in stage.outside.state.sms_to(phone)
        if sms.message_id.startswith(story.number)
    ]


@pytest.mark.parametrize("entered", [True, False], ids=["entered", "not entered"])
async def test_a_corrected_telephone_is_confirmed_by_a_code_of_its_own(
    stage: Stage, entered: bool
) -> None:
    story = await stage.starts(consent=BY_CODE, documents=documents_without("consent"))
    await story.reaches(CaseStatus.RETURNED)
    old = await code_of(stage, story)
    if entered:
        await enter(stage, story, old)
        await story.has("contact_confirmed")
    await corrects(story, {"applicant": {"phone": NEW_PHONE}}, "consent")

    async def arrived() -> bool:
        return bool(texts_to(stage, story, NEW_PHONE))

    await until(arrived)
    view = await story.has("code_sent", 2)
    assert codes(view) == {"CONSENT_NOT_CONFIRMED"}
    found = CODE.search(texts_to(stage, story, NEW_PHONE)[0])
    assert found is not None
    assert await enter(stage, story, old) is CodeOutcome.WRONG
    assert await enter(stage, story, found[1]) is CodeOutcome.CONFIRMED
    await story.reaches(CaseStatus.IN_REVIEW)
