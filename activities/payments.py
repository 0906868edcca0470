"""Collecting a fee and giving it back (R7)."""

from datetime import timedelta

from temporalio import activity

from activities.failures import in_engine_terms, not_yet
from activities.ports import PaymentGateway
from domain.base import Frozen
from domain.messages import PaymentReceived
from domain.payments import Invoice, InvoiceOrder, RefundOrder


class UnpaidInvoice(Frozen):
    """An invoice to watch and how often, in engine time."""

    invoice_id: str
    poll_every: timedelta


class PaymentActivities:
    """Steps at the payment system; ids derived from the case make a repetition harmless."""

    def __init__(self, gateway: PaymentGateway) -> None:
        self._gateway = gateway

    @activity.defn
    async def create_invoice(self, order: InvoiceOrder) -> Invoice:
        """Create the invoice of a case, once.

        Raises:
            ApplicationError: A passing failure (retried).
        """
        with in_engine_terms():
            return await self._gateway.create_invoice(order)

    @activity.defn
    async def await_payment(self, invoice: UnpaidInvoice) -> PaymentReceived:
        """Come back when the invoice is paid.

        Raises:
            ApplicationError: Not yet or a passing failure (both retried).
        """
        with in_engine_terms():
            payment = await self._gateway.payment_of(invoice.invoice_id)
        if payment is not None:
            return payment
        raise not_yet(invoice.poll_every)

    @activity.defn
    async def look_for_payment(self, invoice_id: str) -> PaymentReceived | None:
        """The payment of an invoice; None while it is unpaid.

        Raises:
            ApplicationError: A passing failure (retried).
        """
        with in_engine_terms():
            return await self._gateway.payment_of(invoice_id)

    @activity.defn
    async def refund(self, order: RefundOrder) -> None:
        """Refund a payment, once.

        Raises:
            ApplicationError: A passing failure (retried) or a final refusal (not retried).
        """
        with in_engine_terms():
            await self._gateway.refund(order)
