"""The story of a request for a duplicate diploma, from submission to hand-over."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.case import CaseActivities, CaseOpening
    from domain.examination import CONSENT_NOT_CONFIRMED
    from domain.messages import Objection
    from domain.notices import NoticeEvent
    from domain.routes import Stop
    from domain.statuses import CaseStatus
    from domain.terms import Window
    from workflows import policies
    from workflows.alarm import Alarm
    from workflows.calendars import CalendarDesk
    from workflows.case import Case
    from workflows.cashier import Cashier
    from workflows.chancery import Chancery
    from workflows.companion import CertificateDesk
    from workflows.contact import ContactDesk
    from workflows.contracts import (
        DUPLICATE_REQUEST,
        SUBMITTED_AT_MEMO,
        CaseOutcome,
        CaseRequest,
    )
    from workflows.corrections import Corrections
    from workflows.handlers import CaseMessages
    from workflows.holder_desk import HolderDesk
    from workflows.intake import Intake
    from workflows.issuance import Issuance
    from workflows.ladder import Ladder
    from workflows.post import refunded
    from workflows.reception import GIVEN_UP, Reception
    from workflows.review import Review
    from workflows.state import CaseState, Running
    from workflows.waiting import wait


FEE_KEPT = "fee-kept-in-production"
"""Marks the runs that were withdrawn in production and keep the fee; those of before 0.5.0 gave it
back with whatever they heard next."""


@workflow.defn(name=DUPLICATE_REQUEST)
class DuplicateRequest(CaseMessages):
    """One request for a duplicate diploma (заявление о выдаче дубликата), start to end.

    Signals (facts, one JSON object each): correction_submitted, holder_replied,
    payment_received, production_finished, duplicate_handed_over, withdraw_requested,
    suspension_lifted, parcel_reported, contact_confirmed, code_requested,
    certificate_requested, certificate_changed, calendar_published. Updates (answered or turned
    down): submit_correction, record_holder_reply, claim, decide, reassign. Query: case_view.
    A message that cannot be applied is parked for a person; it never harms the case.
    """

    @workflow.init
    def __init__(self, request: CaseRequest) -> None:
        state = request.state or CaseState(
            control_number=request.control_number, draft=request.application
        )
        case = Case(state)
        super().__init__(case, Reception(case))
        self._alarm = Alarm()
        self._ladder = Ladder(case, self._alarm, self._must_stop)
        self._chancery = Chancery(case, self._alarm)
        self._contact = ContactDesk(case)
        self._certificate = CertificateDesk(case)
        self._calendars = CalendarDesk(case)
        holder = HolderDesk(case, self._reception, self._chancery, self._ladder)
        self._holder = holder
        self._cashier = Cashier(case, self._reception, self._ladder.wait)
        self._review = Review(case, holder, self._cashier)
        self._issuance = Issuance(case, holder, self._chancery, self._ladder.wait)
        self._intake = Intake(case, self._ladder.wait)
        self._corrections = Corrections(
            case,
            self._ladder,
            self._cashier,
            self._contact,
            self._certificate,
            self._review,
            self._intake,
        )

    @workflow.run
    async def run(self, _request: CaseRequest) -> CaseOutcome:
        """Carry the case to its end; a click on "Request Cancellation" does not end it."""
        beside = [asyncio.create_task(work) for work in self._beside_the_story()]
        while True:
            try:
                await self._carry_on()
            except (asyncio.CancelledError, ActivityError) as error:
                if not is_cancelled_exception(error):
                    raise
                self._case.park("cancellation", "a case is withdrawn instead: withdraw_requested")
            else:
                for task in beside:
                    task.cancel()
                return CaseOutcome(
                    control_number=self._state.control_number, status=self._state.status
                )

    async def _carry_on(self) -> None:
        """The procedure: every status has its step, and a step ends when the status changes."""
        state = self._state
        steps = {
            CaseStatus.NOT_SENT: self._open,
            CaseStatus.SUBMITTED: self._register,
            CaseStatus.ACCEPTED: self._begin_review,
            CaseStatus.IN_REVIEW: self._review.work,
            CaseStatus.RETURNED: self._corrections.wait,
            CaseStatus.REFUSED: self._corrections.wait,
            CaseStatus.SUSPENDED: self._corrections.wait_for_passport,
            CaseStatus.IN_PRODUCTION: self._issuance.produce,
            CaseStatus.READY: self._issuance.hand_over,
        }
        while not state.status.is_final:
            await steps[state.status]()
            if state.withdrawn and not state.status.is_final:
                await self._withdraw()
            elif self._is_long():
                await self._continue_as_new()
        self._case.publish()
        await self._finish()

    def _beside_the_story(self) -> list[Coroutine[Any, Any, None]]:
        """What goes on all the time, whatever step the story is at."""
        return [
            *self._chancery.older_desks(),
            self._contact.work(),
            self._certificate.work(),
            self._calendars.work(),
            self._chancery.work(),
        ]

    # --- the procedure, step by step ----------------------------------------------------

    async def _open(self) -> None:
        """Take the setup and look at the application for the first time."""
        started_at, state = workflow.info().start_time, self._state
        opened = await workflow.execute_activity_method(
            CaseActivities.open_case,
            CaseOpening(
                application=state.draft,
                submitted_at=started_at,
                control_number=state.control_number,
            ),
            start_to_close_timeout=policies.SHORT_STEP,
            retry_policy=policies.SHORT_STEP_RETRY,
            summary="examine the application; take terms",
        )
        if opened.ended_as is not None:
            state.status = opened.ended_as
            return
        setup = opened.setup
        state.setup = setup
        answered: str = workflow.memo_value(SUBMITTED_AT_MEMO, "", type_hint=str)
        state.submitted_at = datetime.fromisoformat(answered) if answered else started_at
        state.application = opened.examination.application
        state.reasons = opened.examination.deficiencies
        state.revision = opened.revision
        state.recorded = opened.recorded
        state.noted += opened.recorded
        self._case.go_to(
            Stop(route=setup.route, holder=setup.holder, closure_protocol=setup.closure_protocol)
        )
        since = setup.clock.local(started_at, setup.zone)
        state.stage, state.case_cap = (
            Running(window=Window(opened_at=since, term=term, zone=setup.zone))
            for term in (setup.terms.registration, setup.terms.case_cap)
        )
        self._case.enter(CaseStatus.SUBMITTED, NoticeEvent.SUBMITTED)
        for item in state.parked:
            self._case.tell_ops(item.message, item.reason)
        self._ladder.climb_what_is_due()

    async def _register(self) -> None:
        """Register the application, or turn it down with everything that is wrong (R5)."""
        state = self._state
        if state.has_new_scans:
            state.reasons += await self._intake.faults()
            if state.withdrawn or self._is_long():
                return
        if state.awaits_code:
            await self._await_code()
        if state.withdrawn or self._is_long():
            return
        if state.awaits_code and not self._contact.is_asked_for():
            unconfirmed = await self._review.named(
                [Objection(code=CONSENT_NOT_CONFIRMED, field="consent.confirmed_by")]
            )
            state.reasons += tuple(
                reason.model_copy(update={"by_holder": False}) for reason in unconfirmed
            )
        if state.reasons:
            await self._cashier.invoice()
            self._case.turn_down(state.reasons)
        else:
            self._corrections.accept()

    async def _await_code(self) -> None:
        """Give the applicant time to enter the code; other faults are told without delay (R1)."""
        self._contact.look_again()
        self._case.publish()
        if not self._state.reasons:
            await wait(
                lambda: not self._state.awaits_code or self._must_stop(),
                self._contact.patience(),
                "the one-time code is waited for",
            )

    async def _begin_review(self) -> None:
        """Start the document check (проверка документов, R4)."""
        self._review.begin()

    async def _withdraw(self) -> None:
        """The applicant gave the request up: refund before production, confirm, tell the holder."""
        errand = self._case.current_errand()
        in_production = self._state.status in {CaseStatus.IN_PRODUCTION, CaseStatus.READY}
        self._case.end_pause()
        if not in_production:
            await self._cashier.refund()
        elif workflow.patched(FEE_KEPT):
            self._cashier.keep_what_is_paid()
        never_sent = self._case.post.hold_back(self._case.now())
        self._case.annul_prepared()
        self._case.enter(CaseStatus.WITHDRAWN, NoticeEvent.WITHDRAWN)
        self._case.publish()
        if errand is not None and errand.errand.key not in never_sent:
            await self._holder.recall(errand)

    # --- after the end ------------------------------------------------------------------

    async def _finish(self) -> None:
        """Tell everybody of the end, and listen a while to what still comes."""
        state = self._state
        self._case.park_what_is_left()
        if state.kept_in_register:
            await self._chancery.finish_records()
            await self._certificate.end()
            await self._listen()
        while True:
            await self._chancery.finish()
            await workflow.wait_condition(workflow.all_handlers_finished)
            if not (state.kept_in_register and state.status in GIVEN_UP and state.owed_back):
                return
            # Paid while the last mails were on their way: it is not kept either.
            await self._refund_late_payment()

    async def _listen(self) -> None:
        """Aftercare: late messages are parked in sight, a late payment goes back (R6, R7)."""
        state, setup = self._state, self._state.the_setup()
        if state.ended_at is None or setup.terms.aftercare is None:
            return
        window = Window(opened_at=state.ended_at, term=setup.terms.aftercare, zone=setup.zone)
        until = setup.clock.engine_time(window.due_at(setup.calendar))
        while (left := self._left(until)) > timedelta(0):
            if self._is_long():
                await self._continue_as_new()
            await self._hear(left)
            if state.owed_back:
                await self._refund_late_payment()
            self._case.publish()
        if state.open_charge is not None:
            await self._refund_late_payment()

    def _left(self, until: datetime) -> timedelta:
        """How long it is to a moment: the alarm says when it has come, not the clock of a task."""
        if not self._state.hands_along:
            return until - workflow.now()
        if self._alarm.rung_for >= until:
            return timedelta(0)
        return max(until - workflow.now(), timedelta(milliseconds=1))

    async def _hear(self, at_most: timedelta) -> None:
        """Wait until something new is noted."""
        known, rung = self._state.noted, self._alarm.rung

        def heard() -> bool:
            return self._state.noted != known or self._is_long() or self._alarm.rung != rung

        if self._state.has_chancery:
            self._alarm.set(workflow.now() + at_most)
            await wait(heard)
        else:
            await wait(heard, at_most, "late messages")

    async def _refund_late_payment(self) -> None:
        """What was paid after the end goes back, whoever told of it; never silently (R7)."""
        if self._state.status not in GIVEN_UP:
            return
        before = refunded(self._state)
        await self._cashier.refund()
        late = refunded(self._state) - before
        if late:
            self._case.tell(NoticeEvent.REFUNDED, refund=late)

    # --- stopping and continuing as new -------------------------------------------------

    def _must_stop(self) -> bool:
        return self._state.withdrawn or self._is_long()

    def _is_long(self) -> bool:
        """True when the history should be left behind; a queued correction is answered first."""
        return workflow.info().is_continue_as_new_suggested() and not self._state.corrections

    async def _continue_as_new(self) -> None:
        """Go on in a fresh history with the whole state."""
        self._leaving = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._chancery.pause()
        await self._certificate.pause()
        await self._contact.pause()
        number = self._state.control_number
        workflow.continue_as_new(
            CaseRequest(control_number=number, application={}, state=self._state)
        )
