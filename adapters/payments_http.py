"""The payment system over HTTP (R7): invoices and refunds, each under an id of ours."""

from http import HTTPStatus
from urllib.parse import quote

from activities.ports import PermanentFailure, TemporaryFailure, UnreadableAnswer
from adapters.credentials import Access
from adapters.http import JsonClient, Model, Peer
from domain.base import Frozen
from domain.messages import PaymentReceived
from domain.payments import Invoice, InvoiceOrder, RefundOrder

_SYSTEM = "payment system"
_REFUSED = (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)


class InvoiceState(Frozen):
    """An invoice and what has been paid for it."""

    invoice: Invoice
    payment: PaymentReceived | None = None


class HttpPaymentGateway:
    """Implements PaymentGateway over HTTP.

    An answer that cannot be read is a temporary failure here: it says nothing about the
    money, and the same question will be answered once the payment system is mended.
    """

    def __init__(
        self,
        base_url: str,
        timeout_seconds: float = 10,
        *,
        access: Access | None = None,
        allow_plain_http: bool = False,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._peer = Peer(_SYSTEM, access)
        self._client = JsonClient(timeout_seconds, allow_plain_http=allow_plain_http)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def create_invoice(self, order: InvoiceOrder) -> Invoice:
        """Create the invoice, or return the one created before under the same id.

        Raises:
            TemporaryFailure: Try again.
        """
        invoice = await self._ask("PUT", self._url("invoices", order.invoice_id), Invoice, order)
        if (invoice.invoice_id, invoice.amount) != (order.invoice_id, order.amount):
            raise TemporaryFailure(f"{_SYSTEM} answered about another invoice")
        return invoice

    async def payment_of(self, invoice_id: str) -> PaymentReceived | None:
        """The payment of an invoice; None while it is unpaid.

        Raises:
            TemporaryFailure: Try again.
        """
        state = await self._ask("GET", self._url("invoices", invoice_id), InvoiceState)
        named = {state.invoice.invoice_id}
        if state.payment is not None:
            named.add(state.payment.invoice_id)
        if named != {invoice_id}:
            raise TemporaryFailure(f"{_SYSTEM} answered about another invoice")
        return state.payment

    async def refund(self, order: RefundOrder) -> None:
        """Refund a paid invoice once, however often this is called with the same refund id.

        Raises:
            TemporaryFailure: Try again.
            PermanentFailure: The payment system refuses; a person has to refund.
        """
        url = self._url("refunds", order.refund_id)
        status = await self._client.send(self._peer, "PUT", url, order, allowed=_REFUSED)
        if status in _REFUSED:
            raise PermanentFailure(f"{_SYSTEM} refused the refund: {status}")

    async def _ask(
        self, method: str, url: str, model: type[Model], body: Frozen | None = None
    ) -> Model:
        try:
            return await self._client.ask(self._peer, method, url, model, body)
        except UnreadableAnswer as error:
            raise TemporaryFailure(str(error)) from None

    def _url(self, kind: str, key: str) -> str:
        return f"{self._base_url}/payments/{kind}/{quote(key, safe='')}"
