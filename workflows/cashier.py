"""Collecting the fee of a case and giving it back, each exactly once (R7)."""

from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.payments import PaymentActivities, UnpaidInvoice
from domain.examination import BALANCE_DUE, PAYMENT_PROOF_MISSING
from domain.fees import FEE_LABELS, Fee, FeeCode, instalments, total_due
from domain.messages import PaymentReceived
from domain.payments import InvoiceOrder, RefundOrder
from domain.routes import Route
from workflows import policies
from workflows.case import Case
from workflows.holder_desk import Asking
from workflows.reception import Reception
from workflows.state import Charge
from workflows.waiting import Wait


class Cashier:
    """Invoices what is due and not paid, watches for the payment, refunds."""

    def __init__(self, case: Case, reception: Reception, wait: Wait) -> None:
        self._case = case
        self._reception = reception
        self._wait = wait

    def fee_is_open(self) -> bool:
        """True while the case was turned down for want of a payment, among other reasons."""
        return any(
            reason.code == BALANCE_DUE
            or (reason.code == PAYMENT_PROOF_MISSING and not reason.by_holder)
            for reason in self._case.state.reasons
        )

    def payment_mends(self) -> bool:
        """True when the payment has come that the case was turned down for."""
        state = self._case.state
        if not self.fee_is_open() or not state.paid:
            return False
        return not state.kept_in_register or not self.outstanding()

    def outstanding(self) -> int:
        """What is due now and was not paid online, in roubles."""
        agreed = self._case.state.agreed is not None
        return max(0, self._due(None if agreed else 1) - self._case.state.paid)

    def check_is_paid(self) -> bool:
        """True when what is due before the document check was paid online (R7)."""
        return self._case.state.paid > 0 and self._case.state.paid >= self._due(1)

    def balance_is_due(self) -> bool:
        """True when the archive has made its copy and the duplicate is not paid for (R7)."""
        state = self._case.state
        return state.in_instalments and not state.receipt_attached and state.paid < self._due(None)

    async def invoice(self) -> None:
        """Invoice what is due; an open invoice over another sum is void from now on."""
        state = self._case.state
        due = self.outstanding()
        if not self.fee_is_open() or not due:
            return
        if not state.charges and state.kept_in_register:
            state.in_instalments = state.route is Route.ARCHIVE
            due = self.outstanding()
        present = state.open_charge
        if present is not None and present.invoice.amount == due:
            return
        lines = self._lines(due)
        invoice = await workflow.execute_activity_method(
            PaymentActivities.create_invoice,
            InvoiceOrder(
                invoice_id=f"{state.control_number}.{len(state.charges) + 1}",
                control_number=state.control_number,
                fees=lines,
                amount=due,
            ),
            start_to_close_timeout=policies.OUTSIDE_CALL,
            retry_policy=policies.OUTSIDE_RETRY,
            summary="create the invoice",
        )
        # Only now: an invoice is replaced by another one, never by the wish for it.
        if present is not None:
            self._replace(present, present.model_copy(update={"void": True}))
        state.charges.append(Charge(invoice=invoice, fees=lines))
        if state.kept_in_register:
            self._case.note("invoice", invoice.invoice_id)

    async def wait_or_payment(self, done: Callable[[], bool]) -> None:
        """Wait for `done` or for the payment of an open invoice."""
        polling = None if done() else self._poll()
        if polling is None:
            await self._wait(done)
            return
        async with Asking(polling):
            await self._wait(lambda: done() or polling.done())
            finished = polling.done()
        if not finished:
            return
        payment = await polling
        self._reception.take_payment(payment)
        if self._case.state.open_charge is not None:
            self._case.state.settled_errands.append(payment.invoice_id)

    def keep_what_is_paid(self) -> None:
        """What was paid until now is for work that is done: only what comes later goes back."""
        for charge in tuple(self._case.state.charges):
            if charge.kept:
                self._replace(charge, charge.model_copy(update={"earned": True}))

    async def refund(self) -> None:
        """Give every payment back but what is earned; its id makes a second refund impossible."""
        state = self._case.state
        await self.look_for_late_payments()
        for place, charge in enumerate(state.charges):
            if not charge.kept or charge.earned or charge.payment is None:
                continue
            refund_id = f"{state.control_number}.refund" + (f".{place + 1}" if place else "")
            try:
                await workflow.execute_activity_method(
                    PaymentActivities.refund,
                    RefundOrder(
                        refund_id=refund_id,
                        invoice_id=charge.payment.invoice_id,
                        amount=charge.payment.amount,
                    ),
                    start_to_close_timeout=policies.OUTSIDE_CALL,
                    retry_policy=policies.OUTSIDE_RETRY,
                    summary="refund the fee",
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                self._case.park("refund", "the payment system refuses it: refund by hand")
                continue
            self._replace(charge, charge.model_copy(update={"refund_id": refund_id}))
            self._case.note("refunded")

    async def look_for_late_payments(self) -> None:
        """Paid, but not yet heard of; replaced invoices can be paid, too."""
        for charge in tuple(self._case.state.charges):
            if charge.payment is not None:
                continue
            payment = await workflow.execute_activity_method(
                PaymentActivities.look_for_payment,
                charge.invoice.invoice_id,
                start_to_close_timeout=policies.OUTSIDE_CALL,
                retry_policy=policies.OUTSIDE_RETRY,
                summary="see whether the invoice was paid meanwhile",
            )
            if payment is not None:
                self._reception.take_payment(payment)

    def _poll(self) -> "workflow.ActivityHandle[PaymentReceived] | None":
        state = self._case.state
        charge = state.open_charge
        if charge is None or not self.fee_is_open():
            return None
        if charge.invoice.invoice_id in state.settled_errands:
            return None
        return workflow.start_activity_method(
            PaymentActivities.await_payment,
            UnpaidInvoice(
                invoice_id=charge.invoice.invoice_id,
                poll_every=state.the_setup().clock.engine_span(policies.PAYMENT_POLL_EVERY),
            ),
            start_to_close_timeout=policies.OUTSIDE_CALL,
            retry_policy=policies.POLL_RETRY,
            summary="wait for the payment of the invoice",
        )

    def _due(self, parts: int | None) -> int:
        """The sum of the first instalments, in roubles; None: of all."""
        return sum(total_due(part) for part in self._instalments()[:parts])

    def _instalments(self) -> tuple[tuple[Fee, ...], ...]:
        setup = self._case.state.the_setup()
        return instalments(
            setup.fees,
            from_archive=self._case.state.in_instalments,
            share_first=setup.archive_share_first,
        )

    def _lines(self, due: int) -> tuple[Fee, ...]:
        """What an invoice is for: an instalment as it stands in the tariff, else a difference."""
        for part in self._instalments():
            if total_due(part) == due:
                return part
        label = f"{FEE_LABELS[FeeCode.STATE_DUTY]}: доплата"
        return (Fee(code=FeeCode.STATE_DUTY, label=label, amount=due),)

    def _replace(self, charge: Charge, following: Charge) -> None:
        charges = self._case.state.charges
        charges[charges.index(charge)] = following
