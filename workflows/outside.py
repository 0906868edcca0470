"""Asking the holder and the payment system, and giving up asking when a person was faster."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.holders import Consultation, HolderActivities
from activities.payments import PaymentActivities, UnpaidInvoice
from domain.errands import ErrandKind
from domain.examination import PAYMENT_PROOF_MISSING
from domain.fees import total_due
from domain.messages import PaymentReceived
from domain.notices import NoticeEvent
from domain.payments import InvoiceOrder, RefundOrder
from workflows import policies
from workflows.case import Case
from workflows.reception import Reception

Wait = Callable[[Callable[[], bool]], Awaitable[None]]
"""Waits for a condition while the ladder is climbed."""


class HolderDesk:
    """Asks the records holder, by its system or by letter (R6)."""

    def __init__(self, case: Case, reception: Reception, wait: Wait) -> None:
        self._case = case
        self._reception = reception
        self._wait = wait

    async def ask(self, kind: ErrandKind, answered: Callable[[], bool]) -> None:
        """Ask the holder and wait for `answered`; staff or a signal may be faster than it."""
        state = self._case.state
        consultation = self._case.consultation(kind)
        if consultation is None or consultation.errand.key in state.settled_errands:
            await self._wait(answered)
        elif self._case.holder_takes_letters():
            state.settled_errands.append(consultation.errand.key)
            self._case.post.write_to_holder(
                NoticeEvent.HOLDER_LETTER, consultation.errand, self._case.now()
            )
            await self._wait(answered)
        else:
            await self._poll(consultation, answered)

    async def recall(self, consultation: Consultation) -> None:
        """Tell the holder that an errand is void; a case does not end badly for want of it."""
        if self._case.holder_takes_letters():
            self._case.post.write_to_holder(
                NoticeEvent.HOLDER_RECALL, consultation.errand, self._case.now()
            )
            return
        try:
            await workflow.execute_activity_method(
                HolderActivities.recall_errand,
                consultation,
                start_to_close_timeout=policies.OUTSIDE_CALL,
                schedule_to_close_timeout=policies.RECALL_GIVE_UP,
                retry_policy=policies.OUTSIDE_RETRY,
                summary="tell the holder that the request is void",
            )
        except ActivityError:
            self._case.park("recall", "the holder could not be told that the request is void")

    async def _poll(self, consultation: Consultation, answered: Callable[[], bool]) -> None:
        if answered():
            return
        every = self._case.state.the_setup().clock.engine_span(policies.HOLDER_POLL_EVERY)
        polling = workflow.start_activity_method(
            HolderActivities.consult_holder,
            consultation.model_copy(update={"poll_every": every}),
            start_to_close_timeout=policies.OUTSIDE_CALL,
            heartbeat_timeout=policies.WORKER_GONE,
            retry_policy=policies.POLL_RETRY,
            summary=f"{consultation.errand.kind}: wait for the holder's answer",
        )
        try:
            await self._wait(lambda: answered() or polling.done())
            finished = polling.done()
        finally:
            await _give_up(polling)
        if not finished:
            return
        try:
            answer = await polling
        except ActivityError:
            self._case.state.settled_errands.append(consultation.errand.key)
            self._case.park("holder's system", "its answers are unreadable: ask the holder")
            return
        if answer.reply is not None:
            self._reception.take_reply(answer.reply, "the holder's system")
        if answer.production is not None:
            self._reception.take_production(answer.production)
        if answer.hand_over is not None:
            self._reception.take_hand_over(answer.hand_over)
        if not answered():
            self._case.state.settled_errands.append(consultation.errand.key)
            self._case.park("holder's system", "its answer does not fit: ask the holder")


class Cashier:
    """Collects the fee of a case and gives it back (R7)."""

    def __init__(self, case: Case, reception: Reception, wait: Wait) -> None:
        self._case = case
        self._reception = reception
        self._wait = wait

    def fee_is_open(self) -> bool:
        """True while the case was turned down for want of a payment, among other reasons."""
        return any(
            reason.code == PAYMENT_PROOF_MISSING and not reason.by_holder
            for reason in self._case.state.reasons
        )

    def payment_mends(self) -> bool:
        """True when the payment has come that the case was turned down for."""
        return self.fee_is_open() and self._case.state.payment is not None

    async def invoice(self) -> None:
        """An applicant who sent no receipt gets an invoice to pay."""
        state = self._case.state
        due = total_due(state.the_setup().fees)
        if not self.fee_is_open() or not due or state.invoice is not None:
            return
        state.invoice = await workflow.execute_activity_method(
            PaymentActivities.create_invoice,
            InvoiceOrder(
                invoice_id=f"{state.control_number}.1",
                control_number=state.control_number,
                fees=tuple(fee for fee in state.the_setup().fees if fee.collected_by_us),
                amount=due,
            ),
            start_to_close_timeout=policies.OUTSIDE_CALL,
            retry_policy=policies.OUTSIDE_RETRY,
            summary="create the invoice",
        )

    async def wait_or_payment(self, done: Callable[[], bool]) -> None:
        """Wait for `done` or for the payment of an open invoice."""
        polling = None if done() else self._poll()
        if polling is None:
            await self._wait(done)
            return
        try:
            await self._wait(lambda: done() or polling.done())
            finished = polling.done()
        finally:
            await _give_up(polling)
        if not finished:
            return
        payment = await polling
        self._reception.take_payment(payment)
        if self._case.state.payment is None:
            self._case.state.settled_errands.append(payment.invoice_id)

    async def refund(self) -> None:
        """Give a payment back; the refund's id makes a second refund impossible."""
        state = self._case.state
        await self._look_for_late_payment()
        if state.payment is None or state.refunded:
            return
        try:
            await workflow.execute_activity_method(
                PaymentActivities.refund,
                RefundOrder(
                    refund_id=f"{state.control_number}.refund",
                    invoice_id=state.payment.invoice_id,
                    amount=state.payment.amount,
                ),
                start_to_close_timeout=policies.OUTSIDE_CALL,
                retry_policy=policies.OUTSIDE_RETRY,
                summary="refund the fee",
            )
        except ActivityError:
            self._case.park("refund", "the payment system refuses it: refund by hand")
            return
        state.refunded = state.payment.amount
        self._case.note("refunded")

    async def _look_for_late_payment(self) -> None:
        """Paid, but not yet heard of: it has to go back all the same."""
        state = self._case.state
        if state.invoice is None or state.payment is not None:
            return
        payment = await workflow.execute_activity_method(
            PaymentActivities.look_for_payment,
            state.invoice.invoice_id,
            start_to_close_timeout=policies.OUTSIDE_CALL,
            retry_policy=policies.OUTSIDE_RETRY,
            summary="see whether the invoice was paid meanwhile",
        )
        if payment is not None:
            self._reception.take_payment(payment)

    def _poll(self) -> "workflow.ActivityHandle[PaymentReceived] | None":
        state = self._case.state
        if state.invoice is None or state.payment is not None or not self.fee_is_open():
            return None
        if state.invoice.invoice_id in state.settled_errands:
            return None
        return workflow.start_activity_method(
            PaymentActivities.await_payment,
            UnpaidInvoice(
                invoice_id=state.invoice.invoice_id,
                poll_every=state.the_setup().clock.engine_span(policies.PAYMENT_POLL_EVERY),
            ),
            start_to_close_timeout=policies.OUTSIDE_CALL,
            retry_policy=policies.POLL_RETRY,
            summary="wait for the payment of the invoice",
        )


async def _give_up(polling: "workflow.ActivityHandle[Any]") -> None:
    """Stop asking; a poll that was never sent off ends in another way than one that was."""
    if polling.done():
        return
    polling.cancel()
    with suppress(ActivityError, asyncio.CancelledError):
        await polling
