"""The story of a request for a duplicate diploma, from submission to hand-over."""

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.case import (
        AssessedCorrection,
        CaseActivities,
        CaseOpening,
        CorrectionToAssess,
        Move,
    )
    from domain.deficiencies import Deficiency, verdict
    from domain.errands import ErrandKind
    from domain.examination import NOT_FOUND_IN_RECORDS
    from domain.fees import total_due
    from domain.messages import (
        Claim,
        Correction,
        Decision,
        HandOver,
        HolderReply,
        HolderVerdict,
        Objection,
        PaymentReceived,
        ProductionRecord,
        SuspensionLifted,
        WithdrawalRequested,
    )
    from domain.notices import NoticeEvent
    from domain.routes import MOVES, Reaction, Stop, reaction
    from domain.statuses import CaseStatus
    from domain.terms import Window
    from workflows import policies
    from workflows.case import Case
    from workflows.contracts import (
        DUPLICATE_REQUEST,
        Acknowledgement,
        CaseOutcome,
        CaseRequest,
        CaseView,
        CorrectionAnswer,
    )
    from workflows.ladder import Ladder
    from workflows.outside import Cashier, HolderDesk
    from workflows.postman import Postman
    from workflows.reception import Reception, plain_name, turned_down
    from workflows.state import CaseState, Running
    from workflows.view import case_view


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
        self._case = Case(self._state)
        self._reception = Reception(self._case)
        self._ladder = Ladder(self._case, self._must_stop)
        self._holder = HolderDesk(self._case, self._reception, self._ladder.wait)
        self._cashier = Cashier(self._case, self._reception, self._ladder.wait)
        self._postman = Postman(self._case)
        self._leaving = False

    @workflow.run
    async def run(self, _request: CaseRequest) -> CaseOutcome:
        """Carry the case to its end; a click on "Request Cancellation" does not end it."""
        post = asyncio.create_task(self._postman.work())
        while True:
            try:
                await self._carry_on()
            except (asyncio.CancelledError, ActivityError) as error:
                if not is_cancelled_exception(error):
                    raise
                self._case.park("cancellation", "a case is withdrawn instead: withdraw_requested")
            else:
                post.cancel()
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
            CaseStatus.IN_REVIEW: self._review,
            CaseStatus.RETURNED: self._await_correction,
            CaseStatus.REFUSED: self._await_correction,
            CaseStatus.SUSPENDED: self._await_mended_passport,
            CaseStatus.IN_PRODUCTION: self._produce,
            CaseStatus.READY: self._hand_over,
        }
        while not state.status.is_final:
            await steps[state.status]()
            if state.withdrawn and not state.status.is_final:
                await self._withdraw()
            elif self._is_long():
                await self._continue_as_new()
        self._case.publish()
        await self._postman.finish()
        await workflow.wait_condition(workflow.all_handlers_finished)

    # --- the procedure, step by step ----------------------------------------------------

    async def _open(self) -> None:
        """Take the setup and look at the application for the first time."""
        started_at = workflow.info().start_time
        opened = await workflow.execute_activity_method(
            CaseActivities.open_case,
            CaseOpening(application=self._state.draft, submitted_at=started_at),
            start_to_close_timeout=policies.SHORT_STEP,
            retry_policy=policies.SHORT_STEP_RETRY,
            summary="take terms, calendar and holder; examine the application",
        )
        state, setup = self._state, opened.setup
        state.setup = setup
        state.application = opened.examination.application
        state.reasons = opened.examination.deficiencies
        stop = Stop(route=setup.route, holder=setup.holder, closure_protocol=setup.closure_protocol)
        self._case.go_to(stop)
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
        if self._state.reasons:
            await self._cashier.invoice()
            self._case.turn_down(self._state.reasons)
        else:
            self._accept()

    def _accept(self) -> None:
        self._state.accepted = True
        while self._state.corrections:
            self._state.corrections.pop()
            self._case.park("correction_submitted", "nothing was wrong: look whether it matters")
        self._case.enter(CaseStatus.ACCEPTED, NoticeEvent.ACCEPTED)

    async def _begin_review(self) -> None:
        """Start the document check: the first one, or the shorter re-check (R4)."""
        first = self._state.check_round == 1
        self._case.run_stage(self._case.check_term())
        self._case.enter(
            CaseStatus.IN_REVIEW, NoticeEvent.IN_REVIEW if first else NoticeEvent.RECHECK
        )
        self._case.park_without_holder()

    async def _review(self) -> None:
        """The holder compares the application with its records (проверка документов)."""
        state = self._state
        await self._holder.ask(ErrandKind.VERIFICATION, lambda: state.reply is not None)
        reply = state.reply
        if reply is None or state.withdrawn:
            return
        state.closure_protocol = reply.closure_protocol or state.closure_protocol
        match reaction(reply, liquidated=state.liquidated):
            case Reaction.PRODUCE:
                self._begin_production(reply)
            case Reaction.MOVE_ON:
                await self._move_on(reply)
            case Reaction.SUBSTITUTE:
                self._issue_substitute()
            case Reaction.TURN_DOWN:
                await self._weigh_objections(reply)
        # Only now, so that whatever came while we were busy with this one is parked.
        state.reply = None

    def _begin_production(self, reply: HolderReply) -> None:
        """The records are found; an archive gives its copy first, then the duplicate (R6)."""
        state, terms = self._state, self._state.the_setup().terms
        state.copy_reference = reply.copy_reference
        expedited = state.application is not None and state.application.expedited
        self._case.run_stage(terms.production_expedited if expedited else terms.production)
        self._case.enter(CaseStatus.IN_PRODUCTION, NoticeEvent.IN_PRODUCTION)

    async def _move_on(self, reply: HolderReply) -> None:
        """The records are elsewhere: ask the next holder, with a term of its own (R6)."""
        state = self._state
        if len(state.hops) >= policies.MOST_HOLDERS_ASKED:
            state.settled_errands.append(state.errand(ErrandKind.VERIFICATION).key)
            self._case.park("holder_replied", "the case is sent in circles: find out who has them")
            return
        stop = await workflow.execute_activity_method(
            CaseActivities.find_next_stop,
            Move(
                route=MOVES[reply.verdict],
                region=state.the_setup().region,
                new_holder_inn=reply.new_holder_inn,
            ),
            start_to_close_timeout=policies.SHORT_STEP,
            retry_policy=policies.SHORT_STEP_RETRY,
            summary="find the next holder on the route",
        )
        state.hop += 1
        self._case.go_to(stop)
        self._case.run_stage(self._case.check_term())
        self._case.tell(NoticeEvent.MOVED)
        self._case.park_without_holder()

    def _issue_substitute(self) -> None:
        """Nothing was kept of a liquidated institution: a substitute certificate says so (R6)."""
        state = self._state
        if state.closure_protocol is None:
            state.settled_errands.append(state.errand(ErrandKind.VERIFICATION).key)
            self._case.park("holder_replied", "not found, but by which protocol was it closed?")
        else:
            self._case.enter(CaseStatus.SUBSTITUTE_ISSUED, NoticeEvent.SUBSTITUTE_ISSUED)

    async def _weigh_objections(self, reply: HolderReply) -> None:
        """Turn the application down for what the holder objects to, in the catalogue's words."""
        objections = list(reply.objections)
        if reply.verdict is HolderVerdict.NOT_FOUND:
            objections = [Objection(code=NOT_FOUND_IN_RECORDS, field="institution.name")]
        named = await workflow.execute_activity_method(
            CaseActivities.name_objections,
            objections,
            start_to_close_timeout=policies.SHORT_STEP,
            retry_policy=policies.SHORT_STEP_RETRY,
            summary="put the holder's objections into words",
        )
        if named.unknown_codes or not named.deficiencies:
            self._state.settled_errands.append(self._state.errand(ErrandKind.VERIFICATION).key)
            self._case.park("holder_replied", "objections no catalogue knows: ask the holder")
        else:
            self._case.turn_down(named.deficiencies)

    async def _await_correction(self) -> None:
        """Returned or refused: the applicant has a term to correct, then the case closes (R5)."""
        state = self._state
        await self._cashier.wait_or_payment(
            lambda: (
                bool(state.corrections)
                or self._cashier.payment_mends()
                or self._ladder.response_expired()
            )
        )
        if state.corrections or self._cashier.payment_mends():
            await self._assess()
        elif self._ladder.response_expired():
            await self._cashier.refund()
            self._case.enter(CaseStatus.CLOSED, NoticeEvent.CLOSED)

    async def _await_mended_passport(self) -> None:
        """Suspended until staff say that the passport is mended; corrections are kept (R5)."""
        state = self._state
        await self._ladder.wait(lambda: state.lifted or bool(state.corrections))
        if state.corrections:
            await self._assess()
        elif state.lifted:
            state.lifted, state.reasons = False, ()
            state.check_round += 1
            self._case.end_pause()
            following, state.suspended_from = state.suspended_from, None
            if following is CaseStatus.IN_REVIEW:
                self._case.enter(following, NoticeEvent.RESUMED)
            else:
                self._accept()

    async def _produce(self) -> None:
        """The holder makes the duplicate (изготовление, R9)."""
        state = self._state
        await self._holder.ask(ErrandKind.PRODUCTION, lambda: state.production is not None)
        if state.production is not None and not state.withdrawn:
            self._case.run_stage(state.the_setup().terms.issuance)
            self._case.enter(CaseStatus.READY, NoticeEvent.READY)

    async def _hand_over(self) -> None:
        """The duplicate is handed over (выдача, R9)."""
        state = self._state
        await self._holder.ask(ErrandKind.HAND_OVER, lambda: state.hand_over is not None)
        if state.hand_over is not None and not state.withdrawn:
            self._case.enter(CaseStatus.ISSUED, NoticeEvent.ISSUED)

    async def _withdraw(self) -> None:
        """The applicant gave the request up: refund before production, confirm, tell the holder."""
        errand = self._case.current_errand()
        in_production = self._state.status in {CaseStatus.IN_PRODUCTION, CaseStatus.READY}
        self._case.end_pause()
        if not in_production:
            await self._cashier.refund()
        never_sent = self._case.post.hold_back(self._case.now())
        self._case.enter(CaseStatus.WITHDRAWN, NoticeEvent.WITHDRAWN)
        self._case.publish()
        if errand is not None and errand.errand.key not in never_sent:
            await self._holder.recall(errand)

    async def _assess(self) -> None:
        """Look at the oldest correction, or at a payment that mends; always answer (R5)."""
        state = self._state
        pending = state.corrections[0] if state.corrections else None
        base = state.application.model_dump(mode="json") if state.application else state.draft
        assessed = await workflow.execute_activity_method(
            CaseActivities.assess_correction,
            CorrectionToAssess(
                base=base,
                correction=pending.correction if pending else Correction(),
                open_reasons=state.reasons,
                today=self._case.now().date(),
                fee_paid=state.payment is not None,
            ),
            start_to_close_timeout=policies.SHORT_STEP,
            retry_policy=policies.SHORT_STEP_RETRY,
            summary="apply the correction and see what is still wrong",
        )
        outcome = assessed.assessment
        state.application, state.draft = outcome.application or state.application, outcome.draft
        self._take_over(assessed)
        if pending:
            state.corrections.pop(0)
            if pending.awaited:
                state.answered[pending.ticket] = outcome.deficiencies
        self._case.note("correction", f"{len(outcome.deficiencies)} reasons still open")
        if state.status is CaseStatus.SUSPENDED:
            self._case.tell(NoticeEvent.CORRECTION_INSUFFICIENT)
        elif outcome.deficiencies:
            self._still_wrong(outcome.deficiencies)
        elif state.corrections:
            state.reasons = ()
        else:
            await self._go_on_corrected()

    def _take_over(self, assessed: AssessedCorrection) -> None:
        """What else a correction changes: the fee, the region and its zone, the holder."""
        state, before = self._state, self._state.the_setup()
        changes: dict[str, object] = {"fees": assessed.fees}
        if assessed.region:
            changes |= {"region": assessed.region, "zone": assessed.zone}
        state.setup = before.model_copy(update=changes)
        if total_due(assessed.fees) != total_due(before.fees) and state.accepted:
            self._case.park("fee", "a correction changed it: settle the difference by hand")
        if assessed.stop is not None:
            state.closure_protocol, state.liquidated = None, False
            self._case.go_to(assessed.stop)

    def _still_wrong(self, deficiencies: tuple[Deficiency, ...]) -> None:
        """A correction that does not mend everything gets a fresh answer, never silence (R5)."""
        self._state.reasons = deficiencies
        following = verdict(deficiencies)
        if following is not None and following is not self._state.status:
            self._case.enter(following, None)
        self._case.tell(NoticeEvent.CORRECTION_INSUFFICIENT)

    async def _go_on_corrected(self) -> None:
        """Everything asked for is mended: the clocks run again, and the re-check begins (R4)."""
        state = self._state
        state.reasons, state.response = (), None
        state.check_round += 1
        self._case.end_pause()
        if state.accepted:
            await self._begin_review()
        else:
            self._accept()

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
        await self._postman.pause()
        number = self._state.control_number
        workflow.continue_as_new(
            CaseRequest(control_number=number, application={}, state=self._state)
        )

    # --- updates: answered or turned down -----------------------------------------------

    @workflow.update(description="Correct the application; answers what is still wrong")
    async def submit_correction(self, *payload: Any) -> CorrectionAnswer:
        """Correct a returned, refused or suspended application (R5)."""
        state = self._state
        correction = self._reception.read_update(Correction, payload)
        ticket = self._reception.queue(correction, awaited=True)
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
        self._reception.read_update(Correction, payload)
        if not self._state.status.awaits_applicant:
            raise turned_down(f"nothing is to be corrected: {self._state.status}")

    @workflow.update(description="Record the holder's answer to the document check")
    def record_holder_reply(self, *payload: Any) -> Acknowledgement:
        """Answer the document check for the holder (R6)."""
        reply = self._reception.read_update(HolderReply, payload)
        remark = self._reception.take_reply(reply, "staff")
        return Acknowledgement(status=self._state.status, remark=remark)

    @record_holder_reply.validator
    def _check_holder_reply(self, *payload: Any) -> None:
        self._reception.read_update(HolderReply, payload)
        self._reception.check_in_review()

    @workflow.update(description="Take the case over; a second officer is turned down")
    def claim(self, *payload: Any) -> Acknowledgement:
        """Take the case over as an officer (R12)."""
        self._state.assignee = self._reception.read_update(Claim, payload).officer
        self._case.note("claimed", self._state.assignee)
        self._case.publish()
        return Acknowledgement(status=self._state.status)

    @claim.validator
    def _check_claim(self, *payload: Any) -> None:
        officer = self._reception.read_update(Claim, payload).officer
        if self._state.assignee not in {None, officer}:
            raise turned_down("another officer has claimed the case")

    @workflow.update(description="Decide the document check by hand: confirm or object")
    def decide(self, *payload: Any) -> Acknowledgement:
        """Decide the document check as an officer (R12)."""
        decision = self._reception.read_update(Decision, payload)
        remark = self._reception.take_reply(decision.as_reply(), decision.officer)
        return Acknowledgement(status=self._state.status, remark=remark)

    @decide.validator
    def _check_decision(self, *payload: Any) -> None:
        self._reception.read_update(Decision, payload)
        self._reception.check_in_review()

    # --- signals: facts that cannot be refused, only parked -----------------------------

    @workflow.signal(description="The applicant's correction: changes and documents")
    def correction_submitted(self, *payload: Any) -> None:
        """The applicant sent a correction (R5)."""
        if correction := self._reception.read_signal("correction_submitted", Correction, payload):
            self._reception.take_correction(correction)

    @workflow.signal(description="The holder's answer to the document check")
    def holder_replied(self, *payload: Any) -> None:
        """The holder answered (R6)."""
        if reply := self._reception.read_signal("holder_replied", HolderReply, payload):
            self._reception.take_reply(reply, "signal")

    @workflow.signal(description="The payment system confirms the invoice")
    def payment_received(self, *payload: Any) -> None:
        """The invoice was paid (R7)."""
        if payment := self._reception.read_signal("payment_received", PaymentReceived, payload):
            self._reception.take_payment(payment)

    @workflow.signal(description="The duplicate is made: series, number, registration number, date")
    def production_finished(self, *payload: Any) -> None:
        """The duplicate is made (R9)."""
        if record := self._reception.read_signal("production_finished", ProductionRecord, payload):
            self._reception.take_production(record)

    @workflow.signal(description="The duplicate was handed over: method, date, reference")
    def duplicate_handed_over(self, *payload: Any) -> None:
        """The duplicate was handed over (R9)."""
        if hand_over := self._reception.read_signal("duplicate_handed_over", HandOver, payload):
            self._reception.take_hand_over(hand_over)

    @workflow.signal(description="The applicant gives the request up; {} will do")
    def withdraw_requested(self, *payload: Any) -> None:
        """The applicant withdraws; possible until the duplicate is issued."""
        name = "withdraw_requested"
        if self._reception.read_signal(name, WithdrawalRequested, payload) is None:
            return
        if self._state.status.is_final or self._state.hand_over is not None:
            self._case.park(name, f"too late: {self._state.status}")
        else:
            self._state.withdrawn = True

    @workflow.signal(description="Staff found the passport mended; {} will do")
    def suspension_lifted(self, *payload: Any) -> None:
        """The error in the passport is mended (R5)."""
        name = "suspension_lifted"
        if self._reception.read_signal(name, SuspensionLifted, payload) is None:
            return
        if self._state.status is CaseStatus.SUSPENDED:
            self._state.lifted = True
        else:
            self._case.park(name, f"the case is not suspended: {self._state.status}")

    @workflow.signal(dynamic=True)
    def unknown_signal(self, name: str, _payload: Sequence[RawValue]) -> None:
        """A signal nobody knows is kept for a person to see."""
        self._case.park(plain_name(name), "there is no such signal")

    # --- query --------------------------------------------------------------------------

    @workflow.query(description="Everything about the case but the person, as one document")
    def case_view(self) -> CaseView:
        """Everything about the case but the person."""
        return case_view(self._state)
