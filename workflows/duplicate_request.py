"""The story of a request for a duplicate diploma, from submission to hand-over."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.case import (
        AssessedCorrection,
        CaseActivities,
        CaseOpening,
        CorrectionToAssess,
    )
    from activities.holders import Consultation, HolderActivities
    from activities.notices import NoticeActivities
    from activities.payments import PaymentActivities, UnpaidInvoice
    from domain import messages
    from domain.base import Frozen
    from domain.deficiencies import Deficiency, verdict
    from domain.errands import ErrandAnswer, ErrandKind
    from domain.examination import PAYMENT_PROOF_MISSING
    from domain.fees import total_due
    from domain.messages import (
        Claim,
        Correction,
        Decision,
        HandOver,
        HolderReply,
        HolderVerdict,
        PaymentReceived,
        ProductionRecord,
    )
    from domain.notices import Audience, Delivery, NoticeEvent
    from domain.pauses import Pause, PauseReason
    from domain.payments import InvoiceOrder, RefundOrder
    from domain.statuses import CaseStatus, check_transition
    from domain.terms import Rung, Term, Window
    from workflows import policies
    from workflows.contracts import (
        DUPLICATE_REQUEST,
        Acknowledgement,
        CaseOutcome,
        CaseRequest,
        CaseView,
        CorrectionAnswer,
    )
    from workflows.inbox import UnreadableMessage, read
    from workflows.ladder import climbed, next_rung
    from workflows.post import Post, errand_of
    from workflows.state import CaseState, PendingCorrection, Running
    from workflows.view import case_view, details, search_attributes

M = TypeVar("M", bound=Frozen)

TURNED_DOWN = {
    CaseStatus.RETURNED: NoticeEvent.RETURNED,
    CaseStatus.REFUSED: NoticeEvent.REFUSED,
    CaseStatus.SUSPENDED: NoticeEvent.SUSPENDED,
}


@workflow.defn(name=DUPLICATE_REQUEST)
class DuplicateRequest:
    """One request for a duplicate diploma (заявление о выдаче дубликата), start to end.

    Signals (facts, one JSON object each): correction_submitted, holder_replied,
    payment_received, production_finished, duplicate_handed_over, withdraw_requested,
    suspension_lifted. Updates (answered or turned down): submit_correction,
    record_holder_reply, claim, decide. Query: case_view.
    A message that cannot be applied is parked for a person; it never harms the case.
    """

    @workflow.init
    def __init__(self, request: CaseRequest) -> None:
        self._state = request.state or CaseState(
            control_number=request.control_number, draft=request.application
        )
        self._post = Post(self._state)
        self._leaving = False
        self._sending = False

    @workflow.run
    async def run(self, _request: CaseRequest) -> CaseOutcome:
        """The procedure: each status is one step; a step ends when the status changes."""
        postman = asyncio.create_task(self._deliver_notices())
        steps = {
            CaseStatus.NOT_SENT: self._open,
            CaseStatus.SUBMITTED: self._register,
            CaseStatus.ACCEPTED: self._begin_review,
            CaseStatus.IN_REVIEW: self._review,
            CaseStatus.RETURNED: self._await_correction,
            CaseStatus.REFUSED: self._await_correction,
            CaseStatus.SUSPENDED: self._await_mended_passport,
            CaseStatus.IN_PRODUCTION: self._produce,
            CaseStatus.READY: self._hand_over,
        }
        while not self._state.status.is_final:
            await steps[self._state.status]()
            if self._state.withdrawn and not self._state.status.is_final:
                await self._withdraw()
            elif self._should_continue_as_new():
                await self._continue_as_new()
        self._publish()
        await workflow.wait_condition(lambda: not self._state.outbox)
        await workflow.wait_condition(workflow.all_handlers_finished)
        postman.cancel()
        return CaseOutcome(control_number=self._state.control_number, status=self._state.status)

    # --- the procedure, step by step ----------------------------------------------------

    async def _open(self) -> None:
        """Take the setup and look at the application for the first time."""
        opened = await workflow.execute_local_activity_method(
            CaseActivities.open_case,
            CaseOpening(application=self._state.draft, submitted_at=workflow.info().start_time),
            start_to_close_timeout=policies.SHORT_STEP,
            retry_policy=policies.SHORT_STEP_RETRY,
            summary="take terms, calendar and holder; examine the application",
        )
        state, setup = self._state, opened.setup
        state.setup = setup
        state.application = opened.examination.application
        state.reasons = opened.examination.deficiencies
        submitted_at = setup.clock.procedure_time(workflow.info().start_time)
        state.case_cap = Running(
            window=Window(opened_at=submitted_at, term=setup.terms.case_cap, zone=setup.zone)
        )
        state.stage = Running(
            window=Window(opened_at=submitted_at, term=setup.terms.registration, zone=setup.zone)
        )
        self._enter(CaseStatus.SUBMITTED, NoticeEvent.SUBMITTED)
        self._climb_what_is_due()

    async def _register(self) -> None:
        """Register the application, or turn it down with everything that is wrong (R5)."""
        if self._state.reasons:
            await self._invoice_if_unpaid()
            self._turn_down(self._state.reasons)
        else:
            self._accept()

    async def _begin_review(self) -> None:
        """Start the document check: the first one, or the shorter re-check (R4)."""
        terms = self._state.the_setup().terms
        if self._state.the_setup().holder is None:
            self._park("holder", "nobody is known to hold the records: find out and answer for it")
        if self._state.check_round > 1:
            self._run_stage(terms.recheck)
            self._enter(CaseStatus.IN_REVIEW, NoticeEvent.RECHECK)
        else:
            self._run_stage(
                terms.direct_letter if self._holder_takes_letters() else terms.document_check
            )
            self._enter(CaseStatus.IN_REVIEW, NoticeEvent.IN_REVIEW)

    async def _review(self) -> None:
        """The holder compares the application with its records (проверка документов)."""
        state = self._state
        await self._ask_holder(ErrandKind.VERIFICATION, lambda: state.reply is not None)
        if state.reply is None:
            return
        reply, state.reply = state.reply, None
        if reply.verdict is HolderVerdict.CONFIRMED:
            terms = state.the_setup().terms
            expedited = state.application is not None and state.application.expedited
            self._run_stage(terms.production_expedited if expedited else terms.production)
            self._enter(CaseStatus.IN_PRODUCTION, NoticeEvent.IN_PRODUCTION)
            return
        named = await workflow.execute_local_activity_method(
            CaseActivities.name_objections,
            list(reply.objections),
            start_to_close_timeout=policies.SHORT_STEP,
            retry_policy=policies.SHORT_STEP_RETRY,
            summary="put the holder's objections into words",
        )
        if named.unknown_codes or not named.deficiencies:
            state.settled_errands.append(state.errand(ErrandKind.VERIFICATION).key)
            self._park("holder_reply", "objections without a code of the catalogue: ask the holder")
            return
        self._turn_down(named.deficiencies)

    async def _await_correction(self) -> None:
        """Returned or refused: the applicant has a term to correct, then the case closes (R5)."""
        state = self._state
        payment = self._watch_payment()
        await self._wait(
            lambda: (
                bool(state.corrections)
                or self._payment_mends()
                or self._response_expired()
                or (payment is not None and payment.done())
            )
        )
        await self._take_polled_payment(payment)
        if state.corrections or self._payment_mends():
            await self._assess()
        elif self._response_expired():
            self._enter(CaseStatus.CLOSED, None)
            await self._refund()
            self._tell(NoticeEvent.CLOSED)

    async def _await_mended_passport(self) -> None:
        """Suspended until staff say that the passport is mended; corrections are kept (R5)."""
        state = self._state
        await self._wait(lambda: state.lifted or bool(state.corrections))
        if state.corrections:
            await self._assess()
        elif state.lifted:
            state.lifted = False
            state.reasons = ()
            self._end_pause()
            state.check_round += 1
            following = state.suspended_from or CaseStatus.IN_REVIEW
            state.suspended_from = None
            if following is CaseStatus.IN_REVIEW:
                self._enter(following, NoticeEvent.RESUMED)
            else:
                self._accept()

    async def _produce(self) -> None:
        """The holder makes the duplicate (изготовление, R9)."""
        state = self._state
        await self._ask_holder(ErrandKind.PRODUCTION, lambda: state.production is not None)
        if state.production is not None:
            self._run_stage(state.the_setup().terms.issuance)
            self._enter(CaseStatus.READY, NoticeEvent.READY)

    async def _hand_over(self) -> None:
        """The duplicate is handed over (выдача, R9)."""
        state = self._state
        await self._ask_holder(ErrandKind.HAND_OVER, lambda: state.hand_over is not None)
        if state.hand_over is not None:
            self._enter(CaseStatus.ISSUED, NoticeEvent.ISSUED)

    async def _withdraw(self) -> None:
        """The applicant gave the request up: tell the holder, refund, confirm."""
        state = self._state
        started = state.status in {CaseStatus.IN_PRODUCTION, CaseStatus.READY}
        errand = self._current_errand()
        self._end_pause()
        self._enter(CaseStatus.WITHDRAWN, None)
        if not started:
            await self._refund()
        self._tell(NoticeEvent.WITHDRAWN)
        self._publish()
        if errand is not None:
            await self._recall(errand)

    # --- pieces of steps ----------------------------------------------------------------

    def _accept(self) -> None:
        self._state.accepted = True
        self._enter(CaseStatus.ACCEPTED, NoticeEvent.ACCEPTED)

    def _turn_down(self, reasons: tuple[Deficiency, ...]) -> None:
        """Return, refuse or suspend with all reasons; the clocks stand still meanwhile (R4)."""
        state, setup = self._state, self._state.the_setup()
        status = verdict(reasons)
        if status is None:
            raise RuntimeError("nothing to turn down")
        state.reasons = reasons
        now = self._now()
        state.pauses.append(Pause(reason=PauseReason(status.value), started_at=now))
        if status is CaseStatus.SUSPENDED:
            state.suspended_from = state.status
            state.response = None
        else:
            state.stage = None
            state.response = Running(
                window=Window(opened_at=now, term=setup.terms.correction, zone=setup.zone)
            )
        state.overdue = False
        self._enter(status, TURNED_DOWN[status])

    async def _assess(self) -> None:
        """Look at the oldest correction, or at a payment that mends; always answer (R5)."""
        state = self._state
        pending = state.corrections[0] if state.corrections else None
        base = state.application.model_dump(mode="json") if state.application else state.draft
        assessed: AssessedCorrection = await workflow.execute_local_activity_method(
            CaseActivities.assess_correction,
            CorrectionToAssess(
                base=base,
                correction=pending.correction if pending else Correction(),
                open_reasons=state.reasons,
                today=self._now().date(),
                fee_paid=state.payment is not None,
            ),
            start_to_close_timeout=policies.SHORT_STEP,
            retry_policy=policies.SHORT_STEP_RETRY,
            summary="apply the correction and see what is still wrong",
        )
        outcome, setup = assessed.assessment, state.the_setup()
        state.application, state.draft = outcome.application, outcome.draft
        state.setup = setup.model_copy(update={"fees": assessed.fees, "holder": assessed.holder})
        if pending:
            state.corrections.pop(0)
            if pending.awaited:
                state.answered[pending.ticket] = outcome.deficiencies
        self._note("correction", f"{len(outcome.deficiencies)} reasons still open")
        if state.status is CaseStatus.SUSPENDED or outcome.deficiencies:
            state.reasons = outcome.deficiencies or state.reasons
            following = verdict(state.reasons)
            if following not in {state.status, CaseStatus.SUSPENDED, None}:
                self._enter(following, None)
            self._tell(NoticeEvent.CORRECTION_INSUFFICIENT)
            return
        state.reasons = ()
        if state.corrections:
            return
        state.response = None
        state.check_round += 1
        self._end_pause()
        if state.accepted:
            await self._begin_review()
        else:
            self._accept()

    async def _ask_holder(self, kind: ErrandKind, answered: Callable[[], bool]) -> None:
        """Ask the holder and wait for `answered`; staff or a signal may be faster than it."""
        state, setup = self._state, self._state.the_setup()
        errand = state.errand(kind)
        if errand.key in state.settled_errands or setup.holder is None:
            await self._wait(answered)
            return
        if self._holder_takes_letters():
            state.settled_errands.append(errand.key)
            self._post.write_to_holder(NoticeEvent.HOLDER_LETTER, errand, self._now())
            await self._wait(answered)
            return
        poll = setup.clock.engine_span(policies.HOLDER_POLL_EVERY)
        consultation = workflow.start_activity_method(
            HolderActivities.consult_holder,
            Consultation(holder=setup.holder, errand=errand, poll_every=poll),
            start_to_close_timeout=policies.OUTSIDE_CALL,
            retry_policy=policies.POLL_RETRY,
            summary=f"{kind}: wait for the holder's answer",
        )
        await self._wait(lambda: answered() or consultation.done())
        if not consultation.done():
            consultation.cancel()
            with suppress(ActivityError):
                await consultation
            return
        try:
            self._take_answer(await consultation)
        except ActivityError:
            state.settled_errands.append(errand.key)
            self._park("holder's system", "its answers are unreadable: ask the holder")

    def _take_answer(self, answer: ErrandAnswer) -> None:
        if answer.reply is not None:
            self._take_reply(answer.reply, "the holder's system")
        if answer.production is not None:
            self._take_production(answer.production)
        if answer.hand_over is not None:
            self._take_hand_over(answer.hand_over)

    async def _invoice_if_unpaid(self) -> None:
        """An applicant who sent no receipt gets an invoice to pay (R7)."""
        state = self._state
        due = total_due(state.the_setup().fees)
        unpaid = any(reason.code == PAYMENT_PROOF_MISSING for reason in state.reasons)
        if not unpaid or not due or state.invoice is not None:
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

    def _watch_payment(self) -> "workflow.ActivityHandle[PaymentReceived] | None":
        state = self._state
        unpaid = any(reason.code == PAYMENT_PROOF_MISSING for reason in state.reasons)
        if state.invoice is None or state.payment is not None or not unpaid:
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

    async def _take_polled_payment(
        self, payment: "workflow.ActivityHandle[PaymentReceived] | None"
    ) -> None:
        if payment is None:
            return
        if payment.done():
            self._take_payment(await payment)
            return
        payment.cancel()
        with suppress(ActivityError):
            await payment

    def _payment_mends(self) -> bool:
        unpaid = any(reason.code == PAYMENT_PROOF_MISSING for reason in self._state.reasons)
        return unpaid and self._state.payment is not None

    async def _refund(self) -> None:
        """Give a payment back; the refund's id makes a second refund impossible (R7)."""
        state = self._state
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
            self._park("refund", "the payment system refuses it: refund by hand")
            return
        state.refunded = state.payment.amount
        self._note("refunded")

    async def _recall(self, consultation: Consultation) -> None:
        if consultation.holder.channel.kind == "letter":
            self._post.write_to_holder(NoticeEvent.HOLDER_RECALL, consultation.errand, self._now())
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
            self._park("recall", "the holder could not be told that the request is void")

    # --- waiting, and the ladder --------------------------------------------------------

    async def _wait(self, done: Callable[[], bool]) -> None:
        """Wait for `done` and climb the ladder meanwhile; a withdrawal ends any wait (R4)."""

        def over() -> bool:
            return done() or self._state.withdrawn or self._should_continue_as_new()

        while not over():
            self._climb_what_is_due()
            self._publish()
            if over():
                return
            following = self._next_rung()
            if following is None:
                await workflow.wait_condition(over)
                continue
            _, rung, at = following
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(
                    over,
                    timeout=at - workflow.now(),
                    timeout_summary=f"{rung} of the term for {self._state.status}",
                )

    def _next_rung(self) -> tuple[str, Rung, datetime] | None:
        """The next rung of any running window: its window, its name, its engine moment."""
        state, setup = self._state, self._state.the_setup()
        running = {"response": state.response}
        if not state.status.awaits_applicant:
            running = {"stage": state.stage, "case_cap": state.case_cap}
        candidates = []
        for name, window in running.items():
            if window is None:
                continue
            if name == "case_cap":
                if Rung.BREACH in window.climbed:
                    continue
                at = window.window.due_at(setup.calendar)
                candidates.append((name, Rung.BREACH, setup.clock.engine_time(at)))
            elif not (name == "response" and Rung.BREACH in window.climbed):
                rung, at = next_rung(window, setup.calendar, setup.ladder)
                candidates.append((name, rung, setup.clock.engine_time(at)))
        return min(candidates, key=lambda candidate: candidate[2], default=None)

    def _climb_what_is_due(self) -> None:
        while True:
            following = self._next_rung()
            if following is None or following[2] > workflow.now():
                return
            self._climb(following[0], following[1])

    def _climb(self, name: str, rung: Rung) -> None:
        """One rung: remind the holder, warn ops, or own up to a breach (R4)."""
        state, setup, now = self._state, self._state.the_setup(), self._now()
        running: Running = getattr(state, name)
        setattr(state, name, climbed(running, rung, setup.calendar, setup.ladder, now))
        self._note(f"{rung}", f"{name.replace('_', ' ')} of {state.status}")
        if name == "response":
            if rung is not Rung.BREACH:
                self._tell(NoticeEvent.CORRECTION_REMINDER)
            return
        if rung is Rung.BREACH:
            state.overdue = True
            remark = "the whole case is overdue" if name == "case_cap" else "the term has run out"
            self._post.tell_staff(NoticeEvent.STAFF_BREACH, Audience.OPS, now, remark)
            self._post.tell_staff(NoticeEvent.STAFF_BREACH, Audience.SUPPORT, now, remark)
            self._tell(NoticeEvent.DELAYED)
        elif rung is Rung.WARNING:
            self._post.tell_staff(
                NoticeEvent.STAFF_WARNING, Audience.OPS, now, "the term is running out"
            )
        else:
            errand = self._current_errand()
            if errand is not None:
                self._post.write_to_holder(NoticeEvent.HOLDER_REMINDER, errand.errand, now)

    def _response_expired(self) -> bool:
        response = self._state.response
        return response is not None and Rung.BREACH in response.climbed

    # --- status, clocks, outside appearance ---------------------------------------------

    def _now(self) -> datetime:
        """The moment in procedure time, in the region's zone."""
        setup = self._state.setup
        now = workflow.now()
        return setup.clock.local(now, setup.zone) if setup else now

    def _enter(self, status: CaseStatus, event: NoticeEvent | None) -> None:
        check_transition(self._state.status, status)
        self._state.status = status
        if status.is_final:
            self._state.stage = self._state.response = None
            self._state.overdue = False
        self._note(status.value)
        if event is not None:
            self._tell(event)

    def _run_stage(self, term: Term) -> None:
        """Start the clock of the stage that begins now."""
        setup = self._state.the_setup()
        self._state.stage = Running(
            window=Window(opened_at=self._now(), term=term, zone=setup.zone)
        )
        self._state.overdue = False

    def _end_pause(self) -> None:
        """Write the end into the pause ledger; every running window moves by its length (R4)."""
        state, setup = self._state, self._state.the_setup()
        if not state.pauses or state.pauses[-1].ended_at is not None:
            return
        pause = state.pauses[-1].model_copy(update={"ended_at": self._now()})
        state.pauses[-1] = pause
        if state.stage is not None:
            moved = pause.lengthen(state.stage.window, setup.calendar)
            state.stage = state.stage.model_copy(update={"window": moved})
        if state.case_cap is not None:
            moved = pause.lengthen(state.case_cap.window, setup.calendar)
            state.case_cap = state.case_cap.model_copy(update={"window": moved})

    def _current_errand(self) -> Consultation | None:
        """What the holder is doing for the case right now."""
        holder = self._state.the_setup().holder
        kind = errand_of(self._state.status)
        if kind is None or holder is None:
            return None
        return Consultation(holder=holder, errand=self._state.errand(kind))

    def _holder_takes_letters(self) -> bool:
        holder = self._state.the_setup().holder
        return holder is not None and holder.channel.kind == "letter"

    def _tell(self, event: NoticeEvent) -> None:
        self._post.tell_applicant(event, self._now())

    def _note(self, event: str, detail: str = "") -> None:
        self._state.note(self._now(), event, detail)

    def _park(self, message: str, reason: str) -> None:
        """Keep for a person what cannot be applied, and tell ops (never silence)."""
        self._state.park(self._now(), message, reason)
        self._note("parked", f"{message[:60]}: {reason}")
        first_of_many = self._state.parked_total in {1, 10, 100, 1000, 10000}
        if first_of_many and self._state.setup is not None:
            self._post.tell_staff(
                NoticeEvent.STAFF_ATTENTION, Audience.OPS, self._now(), f"{message[:60]}: {reason}"
            )

    def _publish(self) -> None:
        """Bring search attributes and the UI's details up to date; nothing when unchanged."""
        known = workflow.info().typed_search_attributes
        changes = [
            key.value_unset() if value is None else key.value_set(value)
            for key, value in search_attributes(self._state)
            if known.get(key) != value
        ]
        if changes:
            workflow.upsert_search_attributes(changes)
        workflow.set_current_details(details(self._state))

    # --- mail ---------------------------------------------------------------------------

    async def _deliver_notices(self) -> None:
        """Send what is in the outbox, in order; the case itself never waits for it (R11)."""
        state = self._state
        while True:
            due = [notice for notice in state.outbox if notice.not_before <= workflow.now()]
            if not due or self._leaving:
                await self._wait_for_post()
                continue
            self._sending = True
            try:
                reports = await workflow.execute_activity_method(
                    NoticeActivities.deliver_notices,
                    due,
                    start_to_close_timeout=policies.MAIL_BATCH,
                    schedule_to_close_timeout=policies.MAIL_GIVE_UP,
                    retry_policy=policies.MAIL_RETRY,
                    summary=f"mail: {', '.join(notice.event for notice in due)}",
                )
                refused = {
                    report.key: report.reason
                    for report in reports
                    if report.delivery is Delivery.REJECTED
                }
            except ActivityError:
                refused = dict.fromkeys(
                    (notice.key for notice in due), "the mail server did not take it for days"
                )
            self._sending = False
            settled = {notice.key for notice in due}
            state.outbox = [notice for notice in state.outbox if notice.key not in settled]
            state.mails_sent += len(due) - len(refused)
            for notice in due:
                if notice.key in refused:
                    self._report_undelivered(notice.key, notice.audience, refused[notice.key])

    async def _wait_for_post(self) -> None:
        state = self._state
        known = state.notices
        earliest = min((notice.not_before for notice in state.outbox), default=None)
        timeout = max(earliest - workflow.now(), timedelta(0)) if earliest else None
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: state.notices != known,
                timeout=timeout,
                timeout_summary="morning: people may be written to again",
            )

    def _report_undelivered(self, key: str, audience: Audience, reason: str) -> None:
        """A mail nobody will take is never silent: it stands in the view, and ops are told."""
        state = self._state
        state.mails_rejected.append(key)
        self._note("undelivered", f"{key}: {reason}")
        if audience in {Audience.APPLICANT, Audience.HOLDER}:
            self._post.tell_staff(
                NoticeEvent.STAFF_ATTENTION,
                Audience.OPS,
                self._now(),
                f"mail {key} cannot be delivered ({reason}): reach the person another way",
            )
        workflow.set_current_details(details(state))

    # --- continuing as new --------------------------------------------------------------

    def _should_continue_as_new(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() and not self._state.corrections

    async def _continue_as_new(self) -> None:
        """Go on in a fresh history with the whole state; mails in flight are waited for."""
        self._leaving = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: not self._sending, timeout=policies.HANDOVER_TO_NEXT_RUN
            )
        workflow.continue_as_new(
            CaseRequest(
                control_number=self._state.control_number, application={}, state=self._state
            )
        )

    # --- taking messages: applied once, or parked for a person --------------------------

    def _read_signal(self, name: str, kind: type[M], payload: tuple[Any, ...]) -> M | None:
        try:
            return read(kind, payload)
        except UnreadableMessage as fault:
            self._park(name, str(fault))
            return None

    def _checked(self, kind: type[M], payload: tuple[Any, ...]) -> M:
        try:
            return read(kind, payload)
        except UnreadableMessage as fault:
            raise _turned_down(str(fault)) from None

    def _check_in_review(self) -> None:
        if self._state.status is not CaseStatus.IN_REVIEW:
            raise _turned_down(f"no document check is running: {self._state.status}")

    def _is_repeated(self, kind: str, identity: str | None) -> bool:
        repeated = identity is not None and self._state.is_repeated(f"{kind}:{identity}")
        if repeated:
            self._note("repeated", kind)
        return repeated

    def _queue(self, correction: Correction, *, awaited: bool = False) -> int:
        state = self._state
        state.tickets += 1
        state.corrections.append(PendingCorrection(ticket=state.tickets, correction=correction, awaited=awaited))
        return state.tickets

    def _take_reply(self, reply: HolderReply, source: str) -> str:
        state = self._state
        if self._is_repeated("reply", reply.reply_id) or reply == state.reply:
            return "this answer was taken before"
        if state.status is not CaseStatus.IN_REVIEW or state.reply is not None:
            self._park("holder_reply", f"no answer is awaited ({state.status}), from {source}")
            return "kept for a person to sort out"
        state.reply = reply
        self._note("holder_reply", f"{reply.verdict}, {source}")
        return ""

    def _take_production(self, record: ProductionRecord) -> None:
        state = self._state
        if record == state.production:
            self._note("repeated", "production")
        elif state.status is not CaseStatus.IN_PRODUCTION or state.production is not None:
            self._park("production_finished", f"no duplicate is being made: {state.status}")
        else:
            state.production = record

    def _take_hand_over(self, hand_over: HandOver) -> None:
        state = self._state
        if hand_over == state.hand_over:
            self._note("repeated", "hand-over")
        elif state.status is not CaseStatus.READY or state.hand_over is not None:
            self._park("duplicate_handed_over", f"nothing is ready for it: {state.status}")
        else:
            state.hand_over = hand_over

    def _take_payment(self, payment: PaymentReceived) -> None:
        state = self._state
        if self._is_repeated("payment", payment.payment_id):
            return
        invoice = state.invoice
        if invoice is None or payment.invoice_id != invoice.invoice_id:
            self._park("payment_received", "there is no such invoice in this case")
        elif state.payment is not None:
            self._park("payment_received", "the invoice is paid already: a second payment")
        elif payment.amount != invoice.amount:
            self._park("payment_received", "the amount is not that of the invoice")
        elif state.status.is_final:
            self._park("payment_received", f"paid after the end: {state.status}")
        else:
            state.payment = payment
            self._note("payment_received")

    # --- updates: answered or turned down -----------------------------------------------

    @workflow.update
    async def submit_correction(self, *payload: Any) -> CorrectionAnswer:
        """Correct a returned, refused or suspended application; answers what is still wrong."""
        state = self._state
        correction = self._checked(Correction, payload)
        ticket = self._queue(correction, awaited=True)
        await workflow.wait_condition(
            lambda: ticket in state.answered or self._leaving or state.status.is_final
        )
        still_wrong = state.answered.pop(ticket, None)
        return CorrectionAnswer(
            status=state.status,
            still_wrong=still_wrong or (),
            processed=still_wrong is not None,
        )

    @submit_correction.validator
    def _check_correction(self, *payload: Any) -> None:
        self._checked(Correction, payload)
        if not self._state.status.awaits_applicant:
            raise _turned_down(f"nothing is to be corrected while {self._state.status}")

    @workflow.update
    def record_holder_reply(self, *payload: Any) -> Acknowledgement:
        """Record the holder's answer to the document check on its behalf."""
        remark = self._take_reply(self._checked(HolderReply, payload), "recorded by staff")
        return Acknowledgement(status=self._state.status, remark=remark)

    @record_holder_reply.validator
    def _check_holder_reply(self, *payload: Any) -> None:
        self._checked(HolderReply, payload)
        self._check_in_review()

    @workflow.update
    def claim(self, *payload: Any) -> Acknowledgement:
        """Take the case over as an officer; a second officer is turned down (R12)."""
        self._state.assignee = self._checked(Claim, payload).officer
        self._note("claimed", self._state.assignee)
        self._publish()
        return Acknowledgement(status=self._state.status)

    @claim.validator
    def _check_claim(self, *payload: Any) -> None:
        officer = self._checked(Claim, payload).officer
        if self._state.assignee not in {None, officer}:
            raise _turned_down("the case is claimed by another officer")

    @workflow.update
    def decide(self, *payload: Any) -> Acknowledgement:
        """Decide the document check by hand (R12)."""
        decision = self._checked(Decision, payload)
        remark = self._take_reply(decision.as_reply(), f"decided by {decision.officer}")
        return Acknowledgement(status=self._state.status, remark=remark)

    @decide.validator
    def _check_decision(self, *payload: Any) -> None:
        self._checked(Decision, payload)
        self._check_in_review()

    # --- signals: facts that cannot be refused, only parked -----------------------------

    @workflow.signal(description="The applicant's correction: changes and documents")
    def correction_submitted(self, *payload: Any) -> None:
        """The applicant sent a correction (R5)."""
        correction = self._read_signal("correction_submitted", Correction, payload)
        if correction is None:
            return
        if not self._state.status.awaits_applicant:
            self._park("correction_submitted", f"nothing is to be corrected: {self._state.status}")
        elif not self._is_repeated("correction", correction.correction_id):
            self._queue(correction)

    @workflow.signal(description="The holder's answer to the document check")
    def holder_replied(self, *payload: Any) -> None:
        """The holder answered (R6)."""
        reply = self._read_signal("holder_replied", HolderReply, payload)
        if reply is not None:
            self._take_reply(reply, "signal")

    @workflow.signal(description="The payment system confirms the invoice")
    def payment_received(self, *payload: Any) -> None:
        """An invoice was paid (R7)."""
        payment = self._read_signal("payment_received", PaymentReceived, payload)
        if payment is not None:
            self._take_payment(payment)

    @workflow.signal(description="The duplicate is made: series, number, registration number, date")
    def production_finished(self, *payload: Any) -> None:
        """The duplicate is made (R9)."""
        record = self._read_signal("production_finished", ProductionRecord, payload)
        if record is not None:
            self._take_production(record)

    @workflow.signal(description="The duplicate was handed over: method, date, reference")
    def duplicate_handed_over(self, *payload: Any) -> None:
        """The duplicate was handed over (R9)."""
        hand_over = self._read_signal("duplicate_handed_over", HandOver, payload)
        if hand_over is not None:
            self._take_hand_over(hand_over)

    @workflow.signal(description="The applicant gives the request up; an empty object will do")
    def withdraw_requested(self, *payload: Any) -> None:
        """The applicant withdraws; possible until the duplicate is issued."""
        request = self._read_signal("withdraw_requested", messages.WithdrawalRequested, payload)
        if request is None:
            return
        if self._state.status.is_final:
            self._park("withdraw_requested", f"too late: {self._state.status}")
        else:
            self._state.withdrawn = True

    @workflow.signal(description="Staff found the passport mended; an empty object will do")
    def suspension_lifted(self, *payload: Any) -> None:
        """The error in the passport is mended (R5)."""
        lifted = self._read_signal("suspension_lifted", messages.SuspensionLifted, payload)
        if lifted is None:
            return
        if self._state.status is CaseStatus.SUSPENDED:
            self._state.lifted = True
        else:
            self._park("suspension_lifted", f"the case is not suspended: {self._state.status}")

    @workflow.signal(dynamic=True)
    def unknown_signal(self, name: str, _payload: Sequence[RawValue]) -> None:
        """A signal nobody knows is kept for a person to see."""
        self._park(name, "there is no such signal")

    # --- query --------------------------------------------------------------------------

    @workflow.query
    def case_view(self) -> CaseView:
        """Everything about the case but the person, as one document."""
        return case_view(self._state)


def _turned_down(reason: str) -> ApplicationError:
    """What a caller gets who asks for something impossible."""
    return ApplicationError(reason, type="TurnedDown", non_retryable=True)
