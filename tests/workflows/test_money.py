"""Fees in one invoice or two, paid early, late or twice, and given back once (R7)."""

import pytest
from helpers import until
from samples import documents_without, valid_application
from staging import Stage, Story

from domain.base import JsonObject
from domain.messages import PaymentReceived
from domain.statuses import CaseStatus
from workflows.contracts import CaseView, InvoiceView

TRANSFERRED = "5400028320"


def unpaid(inn: str = "7700001549", region: str = "77") -> JsonObject:
    """An application without a receipt."""
    raw = valid_application(documents=documents_without("payment_proof"))
    institution, documents = raw["institution"], raw["documents"]
    assert isinstance(institution, dict)
    assert isinstance(documents, list)
    for document in documents:
        assert isinstance(document, dict)
        document["name"] = f"{document['kind']}.pdf"
    return {**raw, "institution": {**institution, "inn": inn, "region": region}}


def invoices(view: CaseView) -> tuple[InvoiceView, ...]:
    assert view.fees is not None
    return view.fees.invoices


def open_invoice(view: CaseView) -> InvoiceView:
    return next(item for item in invoices(view) if not item.void and not item.paid)


async def pay(stage: Stage, story: Story, invoice: InvoiceView) -> None:
    """The applicant pays at the payment system, which tells the case."""
    payment = PaymentReceived(
        payment_id=f"pay-{invoice.invoice_id}",
        invoice_id=invoice.invoice_id,
        amount=invoice.amount,
    )
    stage.outside.state.pay(payment)
    await story.signal("payment_received", payment.model_dump())


def refunds(stage: Stage, story: Story) -> list[int]:
    return [item.amount for item in stage.outside.state.refunds() if story.number in item.refund_id]


async def test_an_archive_is_paid_for_its_copy_first_and_for_the_duplicate_later(
    stage: Stage, transferred: JsonObject
) -> None:
    story = await stage.starts(transferred)
    view = await story.reaches(CaseStatus.RETURNED)
    assert view.route == "archive"
    assert view.fees is not None
    first = open_invoice(view)
    assert first.amount * 2 == view.fees.due
    await pay(stage, story, first)
    rounds = (await story.reaches(CaseStatus.IN_REVIEW)).check_round
    await story.signal("holder_replied", {"verdict": "confirmed", "copy_reference": "А-3"})
    view = await story.reaches(CaseStatus.RETURNED)
    assert [reason.code for reason in view.reasons] == ["BALANCE_DUE"]
    second = open_invoice(view)
    assert second.amount == first.amount
    await pay(stage, story, second)
    view = await story.reaches(CaseStatus.IN_PRODUCTION)
    assert view.copy_reference == "А-3"
    assert view.check_round == rounds
    assert [item.paid for item in invoices(view)] == [first.amount, second.amount]


async def test_a_receipt_for_the_rest_will_do_as_well(
    stage: Stage, transferred: JsonObject
) -> None:
    story = await stage.starts(transferred)
    await pay(stage, story, open_invoice(await story.reaches(CaseStatus.RETURNED)))
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", {"verdict": "confirmed"})
    await story.reaches(CaseStatus.RETURNED)
    scan = {"kind": "payment_proof", "name": "r.pdf", "size_bytes": 1000}
    await story.signal("correction_submitted", {"documents": [scan]})
    await story.reaches(CaseStatus.IN_PRODUCTION)


@pytest.mark.parametrize("paid_late", [False, True])
async def test_the_fee_is_kept_when_the_case_is_withdrawn_in_production(
    stage: Stage, paid_late: bool
) -> None:
    story = await stage.starts(unpaid())
    invoice = open_invoice(await story.reaches(CaseStatus.RETURNED))
    await pay(stage, story, invoice)
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", {"verdict": "confirmed"})
    await story.reaches(CaseStatus.IN_PRODUCTION)
    await story.signal("withdraw_requested", {})
    await story.reaches(CaseStatus.WITHDRAWN)
    if paid_late:
        await pay(stage, story, invoice)
        await story.has("repeated")
    await story.signal("holder_replied", {"verdict": "maybe"})
    await story.has("parked")
    await story.ends(CaseStatus.WITHDRAWN)
    assert refunds(stage, story) == []


async def test_both_instalments_go_back_when_the_case_is_withdrawn_before_production(
    stage: Stage, transferred: JsonObject
) -> None:
    story = await stage.starts(transferred)
    first = open_invoice(await story.reaches(CaseStatus.RETURNED))
    await pay(stage, story, first)
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", {"verdict": "confirmed"})
    second = open_invoice(await story.reaches(CaseStatus.RETURNED))
    stage.outside.state.pay(
        PaymentReceived(payment_id="unheard-of", invoice_id=second.invoice_id, amount=second.amount)
    )
    await story.signal("withdraw_requested", {})
    await story.ends(CaseStatus.WITHDRAWN)
    assert refunds(stage, story) == [first.amount, second.amount]


async def test_a_correction_that_changes_the_fee_makes_another_invoice(stage: Stage) -> None:
    story = await stage.starts(unpaid())
    old = open_invoice(await story.reaches(CaseStatus.RETURNED))
    await story.signal("correction_submitted", {"changes": {"expedited": True}})

    async def invoiced() -> bool:
        return len(invoices(await story.view())) > 1

    await until(invoiced)
    view = await story.view()
    new = open_invoice(view)
    assert new.amount == old.amount + 300
    assert [item.void for item in invoices(view)] == [True, False]
    await pay(stage, story, old)
    view = await story.has("parked")
    assert "replaced" in view.parked[-1].reason
    await pay(stage, story, new)
    await story.reaches(CaseStatus.IN_REVIEW)


async def test_two_confirmations_and_a_poll_racing_are_one_payment(stage: Stage) -> None:
    story = await stage.starts(unpaid())
    invoice = open_invoice(await story.reaches(CaseStatus.RETURNED))
    payment = PaymentReceived(
        payment_id="one", invoice_id=invoice.invoice_id, amount=invoice.amount
    )
    stage.outside.state.pay(payment)  # the poll finds it
    for _ in range(2):
        await story.signal("payment_received", payment.model_dump())
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("withdraw_requested", {})
    await story.ends(CaseStatus.WITHDRAWN)
    stored = await stage.register.find_case(story.number)
    assert stored is not None
    assert [(item.payment_id, item.paid) for item in stored.charges] == [("one", invoice.amount)]
    assert refunds(stage, story) == [invoice.amount]


@pytest.mark.parametrize("told", [True, False], ids=["by a message", "by nobody"])
async def test_a_payment_after_the_end_goes_back_once(stage: Stage, told: bool) -> None:
    story = await stage.starts(unpaid())
    invoice = open_invoice(await story.reaches(CaseStatus.RETURNED))
    await story.signal("withdraw_requested", {})
    await story.reaches(CaseStatus.WITHDRAWN)
    await story.mails()
    payment = PaymentReceived(
        payment_id="late", invoice_id=invoice.invoice_id, amount=invoice.amount
    )
    stage.outside.state.pay(payment)
    if told:
        for _ in range(2):
            await story.signal("payment_received", payment.model_dump())
        await story.has("refunded")
    await story.ends(CaseStatus.WITHDRAWN)
    assert refunds(stage, story) == [invoice.amount]
    if told:
        assert (await story.mails()).count("refunded") == 1


@pytest.fixture
def transferred() -> JsonObject:
    """An unpaid application about an institution whose records went to an archive."""
    return unpaid(inn=TRANSFERRED, region="54")
