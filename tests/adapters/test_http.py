"""What an outside system that is no holder means by a 202, against real servers on this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from activities.ports import NotYet, Sms, TemporaryFailure
from adapters.http import JsonClient, Peer
from adapters.payments_http import HttpPaymentGateway, InvoiceState
from adapters.sms_http import HttpSmsGateway
from domain.messages import PaymentReceived
from domain.payments import Invoice, InvoiceOrder, RefundOrder

NUMBER = "7K3M-9QXT-2B4D-6"
ORDER = InvoiceOrder(invoice_id=f"{NUMBER}.fee", control_number=NUMBER, fees=(), amount=1500)
INVOICE = Invoice(invoice_id=ORDER.invoice_id, amount=1500, pay_url="https://pay.example.org/1")
PAID = PaymentReceived(payment_id="p-1", invoice_id=ORDER.invoice_id, amount=1500)
REFUND = RefundOrder(refund_id=f"{NUMBER}.refund", invoice_id=ORDER.invoice_id, amount=1500)
SMS = Sms(message_id=f"{NUMBER}.ready.7", to="+79161234567", text="Дубликат готов.")
LATER = {"Retry-After": "7"}

on_any_202 = pytest.mark.parametrize("headers", [{}, LATER], ids=["bare", "with a Retry-After"])


@asynccontextmanager
async def answering(status: int, headers: dict[str, str], text: str = "") -> AsyncIterator[str]:
    """The address of a server that answers alike whatever it is asked."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers, text=text)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@asynccontextmanager
async def payments(headers: dict[str, str], text: str = "") -> AsyncIterator[HttpPaymentGateway]:
    async with answering(202, headers, text) as address:
        gateway = HttpPaymentGateway(address, timeout_seconds=5)
        try:
            yield gateway
        finally:
            await gateway.close()


@on_any_202
async def test_a_payment_system_s_202_is_a_success(headers: dict[str, str]) -> None:
    async with payments(headers) as gateway:
        await gateway.refund(REFUND)
    async with payments(headers, INVOICE.model_dump_json()) as gateway:
        assert await gateway.create_invoice(ORDER) == INVOICE
    for payment in (None, PAID):
        state = InvoiceState(invoice=INVOICE, payment=payment)
        async with payments(headers, state.model_dump_json()) as gateway:
            assert await gateway.payment_of(ORDER.invoice_id) == payment


@on_any_202
async def test_an_sms_gateway_s_202_is_a_success(headers: dict[str, str]) -> None:
    async with answering(202, headers) as address:
        gateway = HttpSmsGateway(address, timeout_seconds=5)
        try:
            await gateway.send(SMS)
        finally:
            await gateway.close()


async def test_a_client_hears_a_202_only_where_it_was_told_to() -> None:
    peer = Peer("somebody")
    async with answering(202, LATER) as address:
        deaf, hearing = JsonClient(5), JsonClient(5, accepted_is_not_yet=True)
        try:
            assert await deaf.send(peer, "PUT", address) == 202
            with pytest.raises(NotYet, match=r"^somebody has not answered yet$"):
                await hearing.send(peer, "PUT", address)
        finally:
            await deaf.close()
            await hearing.close()


async def test_who_asks_to_wait_is_no_less_busy_where_a_202_means_not_yet() -> None:
    client = JsonClient(5, accepted_is_not_yet=True)
    async with answering(503, LATER) as address:
        try:
            with pytest.raises(TemporaryFailure, match=r"^somebody answered 503$") as caught:
                await client.send(Peer("somebody"), "PUT", address)
        finally:
            await client.close()
    assert not isinstance(caught.value, NotYet)
