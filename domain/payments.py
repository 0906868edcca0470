"""Invoices and refunds (R7)."""

from domain.base import Frozen
from domain.fees import Fee


class Invoice(Frozen):
    """An invoice at the payment system, in whole roubles."""

    invoice_id: str
    amount: int
    pay_url: str


class InvoiceOrder(Frozen):
    """What the payment system is asked to collect; `invoice_id` makes a repetition harmless."""

    invoice_id: str
    control_number: str
    fees: tuple[Fee, ...]
    amount: int


class RefundOrder(Frozen):
    """A paid invoice to be refunded in full; `refund_id` makes a repetition harmless."""

    refund_id: str
    invoice_id: str
    amount: int
