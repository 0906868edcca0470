"""Money that crosses the end of a case, a replaced invoice or a click on cancellation (R7)."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from staging import CACHES, Stage, Story, cache_options, working
from temporalio.testing import WorkflowEnvironment
from test_hard_cases import NIGHT
from test_money import invoices, open_invoice, pay, refunds, unpaid

from adapters.production_calendar import official_calendar
from domain.clock import MOSCOW, midnight
from domain.messages import PaymentReceived
from domain.statuses import CaseStatus
from simulators.outside import Outside
from workflows.contracts import CaseView, InvoiceView

ONE_DAY = timedelta(days=1)
AFTERCARE = 10
"""Calendar days an ended case listens, by the default profile."""


def pays_silently(stage: Stage, invoice: InvoiceView) -> None:
    """The applicant pays, and nobody tells the case."""
    stage.outside.state.pay(
        PaymentReceived(
            payment_id=f"silent-{invoice.invoice_id}",
            invoice_id=invoice.invoice_id,
            amount=invoice.amount,
        )
    )


def paid(view: CaseView) -> int:
    assert view.fees is not None
    return view.fees.paid


async def with_replaced_invoice(stage: Stage) -> tuple[Story, InvoiceView]:
    """A case with an invoice that another one has replaced."""
    story = await stage.starts(unpaid())
    old = open_invoice(await story.reaches(CaseStatus.RETURNED))
    await story.signal("correction_submitted", {"changes": {"expedited": True}})
    await story.has("invoice", 2)
    return story, old


@pytest.fixture(params=CACHES)
def cache(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How a worker of a test's own keeps its cases, as with `stage`."""
    return cache_options(request.param)


async def test_what_is_paid_while_the_last_mails_of_a_withdrawn_case_wait_goes_back(
    server: WorkflowEnvironment, outside: Outside, cache: dict[str, Any]
) -> None:
    async with working(server, outside, "last-mails", quiet_hours=NIGHT, **cache) as stage:
        story = await stage.starts(unpaid())
        invoice = open_invoice(await story.reaches(CaseStatus.RETURNED))
        await story.signal("withdraw_requested", {})
        view = await story.reaches(CaseStatus.WITHDRAWN)
        ended = view.timeline[-1].at.astimezone(ZoneInfo(MOSCOW))
        last = official_calendar(ended.date()).add_calendar_days(ended.date(), AFTERCARE)
        await story.pass_days((midnight(last, MOSCOW) - ended) / ONE_DAY + 0.9)
        await story.signal("nobody_knows_this", {})
        await story.has("parked")
        await story.pass_days(0.15)  # past midnight: the case does not listen any more
        await pay(stage, story, invoice)
        view = await story.has("payment_received")
        assert view.mails.waiting
        await story.pass_days(3)
        await story.handle.result()
        assert refunds(stage, story) == [invoice.amount]
        assert (await story.mails()).count("refunded") == 1


@pytest.mark.parametrize("told", [True, False], ids=["by a message", "by nobody"])
async def test_a_replaced_invoice_that_is_paid_is_on_the_books_and_goes_back(
    stage: Stage, told: bool
) -> None:
    story, old = await with_replaced_invoice(stage)
    if told:
        await pay(stage, story, old)
        view = await story.has("parked")
        assert view.parked[-1].message == "payment_received"
        assert paid(view) == old.amount
    else:
        pays_silently(stage, old)
    await story.signal("withdraw_requested", {})
    view = await story.ends(CaseStatus.WITHDRAWN)
    assert view.parked_total == 1
    assert refunds(stage, story) == [old.amount]
    stored = await stage.register.find_case(story.number)
    assert stored is not None
    assert [(item.void, item.paid, item.refunded) for item in stored.charges] == [
        (True, old.amount, old.amount),
        (False, 0, 0),
    ]


async def test_a_payment_in_time_that_nobody_told_of_saves_the_case(
    server: WorkflowEnvironment, outside: Outside, cache: dict[str, Any]
) -> None:
    # Days go by in real time here: while a question is held, time is not skipped.
    async with working(server, outside, "in-time", day_seconds=0.05, **cache) as stage:
        story = await stage.starts(unpaid())
        invoice = open_invoice(await story.reaches(CaseStatus.RETURNED))
        with stage.payments.held():
            pays_silently(stage, invoice)
            await story.has("breach")
        view = await story.reaches(CaseStatus.IN_REVIEW)
        assert paid(view) == invoice.amount


async def test_a_click_on_request_cancellation_while_an_invoice_is_made_leaves_one_open(
    stage: Stage,
) -> None:
    raw = unpaid()
    with stage.payments.held():
        story = await stage.starts(raw)
        await stage.payments.is_asked(f"{story.number}.1")
        await story.handle.cancel()
        await story.has("parked")
    view = await story.reaches(CaseStatus.RETURNED)
    assert [item.void for item in invoices(view)] == [False]
    await pay(stage, story, open_invoice(view))
    await story.reaches(CaseStatus.IN_REVIEW)


async def test_a_click_on_request_cancellation_while_money_goes_back_refunds_once(
    stage: Stage,
) -> None:
    story = await stage.starts(unpaid())
    invoice = open_invoice(await story.reaches(CaseStatus.RETURNED))
    await pay(stage, story, invoice)
    await story.reaches(CaseStatus.IN_REVIEW)
    with stage.payments.held():
        await story.signal("withdraw_requested", {})
        await stage.payments.is_asked(f"{story.number}.refund")
        await story.handle.cancel()
        view = await story.has("parked")
        assert view.status is CaseStatus.IN_REVIEW
    view = await story.reaches(CaseStatus.WITHDRAWN)
    assert [item.message for item in view.parked] == ["cancellation"]
    assert [item.refunded for item in invoices(view)] == [invoice.amount]
    assert refunds(stage, story) == [invoice.amount]
