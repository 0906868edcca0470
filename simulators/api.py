"""The outside's HTTP side: records holders, payments, text messages and scenarios to play."""

import asyncio
import time
from http import HTTPStatus

from aiohttp import web
from pydantic import ValidationError

from activities.ports import Sms
from adapters.holders_http import ErrandState
from adapters.http import Model
from adapters.payments_http import InvoiceState
from domain.base import Frozen
from domain.errands import Errand, ErrandAnswer
from domain.messages import HolderReply, HolderVerdict
from domain.payments import Invoice, InvoiceOrder, RefundOrder
from simulators.desk import Desk
from simulators.scenario import HolderFault, Scenario, SmsFault
from simulators.state import (
    KeptInvoice,
    KeptSms,
    PlacedErrand,
    RefundOutcome,
    SmsOutcome,
    State,
)

_REFUND_STATUS = {
    RefundOutcome.MADE: HTTPStatus.CREATED,
    RefundOutcome.REPEATED: HTTPStatus.OK,
    RefundOutcome.UNPAID: HTTPStatus.UNPROCESSABLE_ENTITY,
    RefundOutcome.CONFLICT: HTTPStatus.CONFLICT,
}
_SMS_STATUS = {
    SmsOutcome.KEPT: HTTPStatus.CREATED,
    SmsOutcome.REPEATED: HTTPStatus.OK,
    SmsOutcome.CONFLICT: HTTPStatus.CONFLICT,
}
_MAINTENANCE = "<!doctype html><title>Технические работы</title>"


class Api:
    """Handlers over the state; whatever they acknowledge has been committed."""

    def __init__(self, state: State, desk: Desk) -> None:
        self.sms_arrived = asyncio.Event()
        """Set whenever a text message has been kept, or a scenario which says who reads it."""
        self._state = state
        self._desk = desk

    def app(self) -> web.Application:
        """The application to serve."""
        app = web.Application()
        errand = "/holders/{inn}/errands/{key}"
        invoice = "/payments/invoices/{invoice_id}"
        app.router.add_put(errand, self._put_errand)
        app.router.add_get(errand, self._get_errand)
        app.router.add_delete(errand, self._delete_errand)
        app.router.add_put("/scenarios/{control_number}", self._put_scenario)
        app.router.add_put(invoice, self._put_invoice)
        app.router.add_get(invoice, self._get_invoice)
        app.router.add_put("/payments/refunds/{refund_id}", self._put_refund)
        app.router.add_put("/sms/messages/{message_id}", self._put_sms)
        app.router.add_get("/sms/messages", self._get_sms)
        return app

    async def _put_scenario(self, request: web.Request) -> web.Response:
        scenario = await _body(request, Scenario)
        control_number = request.match_info["control_number"]
        self._state.register_scenario(control_number, scenario, time.time())
        self.sms_arrived.set()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _put_errand(self, request: web.Request) -> web.Response:
        errand = await _body(request, Errand)
        _same(errand.key, request.match_info["key"])
        new = self._state.place(
            PlacedErrand(
                key=errand.key,
                control_number=errand.control_number,
                kind=errand.kind,
                round=errand.round,
                delivery=errand.application.delivery.method,
                arrived=time.time(),
            )
        )
        return web.Response(status=HTTPStatus.CREATED if new else HTTPStatus.NO_CONTENT)

    async def _get_errand(self, request: web.Request) -> web.Response:
        errand = self._state.errand(request.match_info["key"])
        if errand is None or errand.recalled or errand.by_letter:
            raise web.HTTPNotFound
        fault = self._desk.next_fault(errand)
        if fault is not None:
            return await _play(fault, errand)
        if time.time() < self._desk.due_at(errand):
            return _json(ErrandState(errand=errand.key, state="pending"))
        answer = self._desk.answer(errand)
        return _json(ErrandState(errand=errand.key, state="answered", answer=answer))

    async def _delete_errand(self, request: web.Request) -> web.Response:
        if not self._state.recall(request.match_info["key"]):
            raise web.HTTPNotFound
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _put_invoice(self, request: web.Request) -> web.Response:
        order = await _body(request, InvoiceOrder)
        _same(order.invoice_id, request.match_info["invoice_id"])
        invoice = Invoice(
            invoice_id=order.invoice_id,
            amount=order.amount,
            pay_url=str(request.url.origin() / "pay" / order.invoice_id),
        )
        new = self._state.keep_invoice(
            KeptInvoice(control_number=order.control_number, created=time.time(), invoice=invoice)
        )
        kept = self._invoice(order.invoice_id)
        return _json(kept.invoice, HTTPStatus.CREATED if new else HTTPStatus.OK)

    async def _get_invoice(self, request: web.Request) -> web.Response:
        kept = self._invoice(request.match_info["invoice_id"])
        payment = self._desk.payment(kept, time.time())
        return _json(InvoiceState(invoice=kept.invoice, payment=payment))

    async def _put_refund(self, request: web.Request) -> web.Response:
        order = await _body(request, RefundOrder)
        _same(order.refund_id, request.match_info["refund_id"])
        return web.Response(status=_REFUND_STATUS[self._state.refund(order)])

    async def _put_sms(self, request: web.Request) -> web.Response:
        sms = await _body(request, Sms)
        _same(sms.message_id, request.match_info["message_id"])
        arrived = KeptSms(**sms.model_dump(), at=time.time())
        match self._state.next_sms_fault(arrived.control_number):
            case SmsFault.ERROR_500:
                return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
            case SmsFault.BUSY_429:
                return _busy()
            case SmsFault.REJECT_422:
                return web.Response(status=HTTPStatus.UNPROCESSABLE_ENTITY)
            case SmsFault.HANG:
                self._keep(arrived)
                return await _never()
            case None:
                return web.Response(status=_SMS_STATUS[self._keep(arrived)])

    async def _get_sms(self, request: web.Request) -> web.Response:
        found = self._state.sms_to(request.query.get("to"))
        return web.json_response([sms.model_dump() for sms in found])

    def _keep(self, sms: KeptSms) -> SmsOutcome:
        outcome = self._state.keep_sms(sms)
        self.sms_arrived.set()
        return outcome

    def _invoice(self, invoice_id: str) -> KeptInvoice:
        kept = self._state.invoice(invoice_id)
        if kept is None:
            raise web.HTTPNotFound
        return kept


async def _body(request: web.Request, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError:
        # Nothing of the body goes back or into a log: it may be somebody's passport.
        raise web.HTTPBadRequest from None


def _same(named: str, addressed: str) -> None:
    if named != addressed:
        raise web.HTTPBadRequest


def _json(model: Frozen, status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(
        text=model.model_dump_json(), content_type="application/json", status=status
    )


async def _play(fault: HolderFault, errand: PlacedErrand) -> web.Response:
    match fault:
        case HolderFault.HANG:
            return await _never()
        case HolderFault.ERROR_500:
            return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
        case HolderFault.BUSY_429:
            return _busy()
        case HolderFault.HTML:
            return web.Response(text=_MAINTENANCE, content_type="text/html")
        case HolderFault.WRONG_SCHEMA:
            return web.json_response(
                {"errand": errand.key, "state": "answered", "answer": {"verdict": "да"}}
            )
        case HolderFault.WRONG_CASE:
            other = f"0000-0000-0000-0.{errand.kind}.{errand.round}"
            reply = HolderReply(verdict=HolderVerdict.CONFIRMED)
            answer = ErrandAnswer(reply=reply)
            return _json(ErrandState(errand=other, state="answered", answer=answer))


def _busy() -> web.Response:
    return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": "1"})


async def _never() -> web.Response:
    return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return] # never
