"""The payment system over HTTP, against real servers on this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from activities.ports import PermanentFailure, TemporaryFailure
from adapters.payments_http import HttpPaymentGateway
from domain.payments import Invoice, InvoiceOrder, RefundOrder
from simulators.outside import Outside
from simulators.scenario import PaymentStep, Scenario

NUMBER = "7K3M-9QXT-2B4D-6"
ORDER = InvoiceOrder(invoice_id=f"{NUMBER}.fee", control_number=NUMBER, fees=(), amount=1500)
REFUND = RefundOrder(refund_id=f"{NUMBER}.refund", invoice_id=ORDER.invoice_id, amount=1500)


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    async with Outside(folder=tmp_path, day_seconds=0.001) as running:
        yield running


@asynccontextmanager
async def gateway_to(base_url: str) -> AsyncIterator[HttpPaymentGateway]:
    gateway = HttpPaymentGateway(base_url, timeout_seconds=5)
    try:
        yield gateway
    finally:
        await gateway.close()


@pytest.fixture
async def gateway(outside: Outside) -> AsyncIterator[HttpPaymentGateway]:
    async with gateway_to(outside.base_url) as opened:
        yield opened


@asynccontextmanager
async def payments_answering(status: int, text: str = "") -> AsyncIterator[HttpPaymentGateway]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(app) as server, gateway_to(str(server.make_url("/"))) as gateway:
        yield gateway


def will_pay(outside: Outside) -> None:
    outside.state.register_scenario(NUMBER, Scenario(payment=PaymentStep(after_days=0)), 0)


async def test_an_invoice_ordered_twice_is_one_invoice(gateway: HttpPaymentGateway) -> None:
    invoice = await gateway.create_invoice(ORDER)
    assert (invoice.invoice_id, invoice.amount) == (ORDER.invoice_id, 1500)
    assert await gateway.create_invoice(ORDER) == invoice


async def test_an_invoice_stays_unpaid_unless_a_payment_is_asked_for(
    outside: Outside, gateway: HttpPaymentGateway
) -> None:
    await gateway.create_invoice(ORDER)
    assert await gateway.payment_of(ORDER.invoice_id) is None
    will_pay(outside)
    payment = await gateway.payment_of(ORDER.invoice_id)
    assert payment is not None
    assert payment.amount == 1500
    assert await gateway.payment_of(ORDER.invoice_id) == payment


async def test_a_refund_ordered_twice_is_made_once(
    outside: Outside, gateway: HttpPaymentGateway
) -> None:
    will_pay(outside)
    await gateway.create_invoice(ORDER)
    await gateway.payment_of(ORDER.invoice_id)
    await gateway.refund(REFUND)
    await gateway.refund(REFUND)
    assert outside.state.refunds() == (REFUND,)


@pytest.mark.parametrize(
    "change", [{"refund_id": "another"}, {"amount": 1}], ids=["under another id", "of another sum"]
)
async def test_a_second_refund_of_the_same_invoice_is_refused_for_good(
    outside: Outside, gateway: HttpPaymentGateway, change: dict[str, object]
) -> None:
    will_pay(outside)
    await gateway.create_invoice(ORDER)
    await gateway.payment_of(ORDER.invoice_id)
    await gateway.refund(REFUND)
    with pytest.raises(PermanentFailure, match=r"^payment system refused the refund: 409$"):
        await gateway.refund(REFUND.model_copy(update=change))
    assert outside.state.refunds() == (REFUND,)


async def test_an_unpaid_invoice_cannot_be_refunded(gateway: HttpPaymentGateway) -> None:
    await gateway.create_invoice(ORDER)
    with pytest.raises(PermanentFailure, match=r"^payment system refused the refund: 422$"):
        await gateway.refund(REFUND)


async def test_asking_after_an_unknown_invoice_names_the_status(
    gateway: HttpPaymentGateway,
) -> None:
    with pytest.raises(TemporaryFailure, match=r"^payment system answered 404$"):
        await gateway.payment_of(ORDER.invoice_id)


async def test_a_payment_system_that_is_away_is_a_temporary_failure() -> None:
    async with gateway_to(f"http://127.0.0.1:{unused_port()}") as gateway:
        for call in (
            gateway.create_invoice(ORDER),
            gateway.payment_of(ORDER.invoice_id),
            gateway.refund(REFUND),
        ):
            with pytest.raises(TemporaryFailure, match=r"^payment system cannot be reached$"):
                await call


async def test_a_failing_payment_system_is_a_temporary_failure() -> None:
    async with payments_answering(500) as gateway:
        with pytest.raises(TemporaryFailure, match=r"^payment system answered 500$"):
            await gateway.refund(REFUND)


@pytest.mark.parametrize(
    "text",
    [
        "<html>",
        Invoice(invoice_id="other", amount=1500, pay_url="").model_dump_json(),
        Invoice(invoice_id=ORDER.invoice_id, amount=1, pay_url="").model_dump_json(),
    ],
    ids=["no JSON", "another invoice", "another sum"],
)
async def test_an_invoice_that_is_not_the_one_ordered_is_not_taken(text: str) -> None:
    async with payments_answering(200, text) as gateway:
        with pytest.raises(TemporaryFailure, match=r"^payment system "):
            await gateway.create_invoice(ORDER)


@pytest.mark.parametrize(("invoice_id", "paid"), [("other", ORDER.invoice_id), (None, "other")])
async def test_a_payment_of_another_invoice_is_not_taken(invoice_id: str | None, paid: str) -> None:
    invoice = Invoice(invoice_id=invoice_id or ORDER.invoice_id, amount=1500, pay_url="")
    payment = f'{{"payment_id": "p1", "invoice_id": "{paid}", "amount": 1500}}'
    text = f'{{"invoice": {invoice.model_dump_json()}, "payment": {payment}}}'
    async with payments_answering(200, text) as gateway:
        with pytest.raises(TemporaryFailure, match="another invoice"):
            await gateway.payment_of(ORDER.invoice_id)
