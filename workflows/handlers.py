"""All messages of a case: updates, signals and the query, each taken once or parked."""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from domain.certificates import CertificateChanged
from domain.messages import (
    CalendarPublished,
    CertificateRequested,
    Claim,
    CodeRequested,
    ContactConfirmed,
    Correction,
    Decision,
    HandOver,
    HolderReply,
    ParcelReport,
    PaymentReceived,
    ProductionRecord,
    Reassignment,
    SuspensionLifted,
    WithdrawalRequested,
)
from domain.statuses import CaseStatus
from workflows.case import Case
from workflows.contracts import Acknowledgement, CaseView, CorrectionAnswer
from workflows.reception import Reception, plain_name, turned_down
from workflows.view import case_view

LIFTED_BY = "lifted-by"
"""Marks the runs whose timeline names who lifted a suspension; runs of before 0.4.0 do not."""


class CaseMessages:
    """The messages of a `DuplicateRequest`, above its story."""

    def __init__(self, case: Case, reception: Reception) -> None:
        self._case = case
        self._state = case.state
        self._reception = reception
        self._leaving = False
        """True while the case continues as new and whoever waits is sent to the next run."""

    # --- updates: answered or turned down -----------------------------------------------

    @workflow.update(description="Correct the application; answers what is still wrong")
    async def submit_correction(self, *payload: Any) -> CorrectionAnswer:
        """Correct a returned, refused or suspended application (R5)."""
        state = self._state
        correction = self._reception.read_update(Correction, payload)
        self._reception.sign("submit_correction", correction.officer)
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
        remark = self._reception.take_reply(reply, reply.officer or "staff")
        return Acknowledgement(status=self._state.status, remark=remark)

    @record_holder_reply.validator
    def _check_holder_reply(self, *payload: Any) -> None:
        self._reception.read_update(HolderReply, payload)
        self._reception.check_in_review()

    @workflow.update(description="Take the case over; a second officer is turned down")
    def claim(self, *payload: Any) -> Acknowledgement:
        """Take the case over as an officer (R12)."""
        return self._assign(self._reception.read_update(Claim, payload).officer, "claimed")

    @claim.validator
    def _check_claim(self, *payload: Any) -> None:
        officer = self._reception.read_update(Claim, payload).officer
        if self._state.assignee not in {None, officer}:
            raise turned_down("another officer has claimed the case")

    @workflow.update(description="Give the case to another officer")
    def reassign(self, *payload: Any) -> Acknowledgement:
        """Give the case to another officer, whoever has it now (R12)."""
        change = self._reception.read_update(Reassignment, payload)
        return self._assign(change.officer, f"reassigned by {change.by} to")

    @reassign.validator
    def _check_reassignment(self, *payload: Any) -> None:
        change = self._reception.read_update(Reassignment, payload)
        if self._state.status.is_final:
            raise turned_down(f"the case has ended: {self._state.status}")
        if change.officer == self._state.assignee:
            raise turned_down("this officer has the case already")

    @workflow.update(
        description="Decide the document check by hand: confirm or object; or prepare a decision"
    )
    def decide(self, *payload: Any) -> Acknowledgement:
        """Decide the document check as an officer; approver and preparer differ (R12)."""
        decision = self._reception.read_update(Decision, payload)
        if decision.prepare:
            self._state.prepared = decision
            self._case.note("prepared", f"{decision.decision}, by {decision.officer}")
            self._case.publish()
            return Acknowledgement(
                status=self._state.status, remark="another officer has to approve it"
            )
        remark = self._reception.take_reply(decision.as_reply(), decision.officer)
        return Acknowledgement(status=self._state.status, remark=remark)

    @decide.validator
    def _check_decision(self, *payload: Any) -> None:
        decision = self._reception.read_update(Decision, payload)
        self._reception.check_in_review()
        if not decision.prepare:
            self._check_approval(decision)

    def _check_approval(self, decision: Decision) -> None:
        prepared = self._state.prepared
        if prepared is not None and prepared.officer == decision.officer:
            raise turned_down("who prepared the decision does not approve it: ask another officer")
        if prepared is not None and (prepared.decision, prepared.objections) != (
            decision.decision,
            decision.objections,
        ):
            raise turned_down("this is not what was prepared: prepare it anew")
        setup = self._state.setup
        if prepared is None and setup is not None and setup.staff.approval_required:
            raise turned_down("no decision counts without a second officer: prepare it first")

    def _assign(self, officer: str, how: str) -> Acknowledgement:
        self._state.assignee = officer
        self._case.note("assigned", f"{how} {officer}")
        self._case.publish()
        return Acknowledgement(status=self._state.status)

    # --- signals: facts that cannot be refused, only parked -----------------------------

    @workflow.signal(description="The applicant's correction: changes and documents")
    def correction_submitted(self, *payload: Any) -> None:
        """The applicant sent a correction (R5)."""
        name = "correction_submitted"
        if correction := self._reception.read_signal(name, Correction, payload):
            self._reception.sign(name, correction.officer)
            self._reception.take_correction(correction)

    @workflow.signal(description="The holder's answer to the document check")
    def holder_replied(self, *payload: Any) -> None:
        """The holder answered (R6)."""
        if reply := self._reception.read_signal("holder_replied", HolderReply, payload):
            self._reception.take_reply(reply, reply.officer or "signal")

    @workflow.signal(description="The payment system confirms the invoice")
    def payment_received(self, *payload: Any) -> None:
        """The invoice was paid (R7)."""
        if payment := self._reception.read_signal("payment_received", PaymentReceived, payload):
            self._reception.take_payment(payment)

    @workflow.signal(description="The duplicate is made: series, number, registration number, date")
    def production_finished(self, *payload: Any) -> None:
        """The duplicate is made (R9)."""
        name = "production_finished"
        if record := self._reception.read_signal(name, ProductionRecord, payload):
            self._reception.sign(name, record.officer)
            self._reception.take_production(record)

    @workflow.signal(description="The duplicate was handed over: method, date, reference")
    def duplicate_handed_over(self, *payload: Any) -> None:
        """The duplicate was handed over (R9)."""
        name = "duplicate_handed_over"
        if hand_over := self._reception.read_signal(name, HandOver, payload):
            self._reception.sign(name, hand_over.officer)
            self._reception.take_hand_over(hand_over)

    @workflow.signal(description="The applicant gives the request up; {} will do")
    def withdraw_requested(self, *payload: Any) -> None:
        """The applicant withdraws; possible until the duplicate is issued."""
        name = "withdraw_requested"
        if wish := self._reception.read_signal(name, WithdrawalRequested, payload):
            self._reception.sign(name, wish.officer)
            self._reception.take_withdrawal(wish)

    @workflow.signal(description="Staff found the passport mended; {} will do")
    def suspension_lifted(self, *payload: Any) -> None:
        """The error in the passport is mended (R5)."""
        name = "suspension_lifted"
        news = self._reception.read_signal(name, SuspensionLifted, payload)
        if news is None:
            return
        if news.officer and workflow.patched(LIFTED_BY):
            # Officers could be given here before, and an entry is a record to write.
            self._reception.sign(name, news.officer)
        if self._state.status is CaseStatus.SUSPENDED:
            self._state.lifted = True
        else:
            self._case.park(name, f"the case is not suspended: {self._state.status}")

    @workflow.signal(description="The parcel was sent, or came back: tracking, event, day")
    def parcel_reported(self, *payload: Any) -> None:
        """The duplicate went to the post, or came back (R9)."""
        name = "parcel_reported"
        if report := self._reception.read_signal(name, ParcelReport, payload):
            self._reception.sign(name, report.officer)
            self._reception.take_parcel(report)

    @workflow.signal(description="The applicant entered the right one-time code; {} will do")
    def contact_confirmed(self, *payload: Any) -> None:
        """The consent and the telephone are confirmed (R1)."""
        name = "contact_confirmed"
        news = self._reception.read_signal(name, ContactConfirmed, payload)
        if news is None:
            return
        how = f"by {news.officer}" if news.officer else "by code"
        if self._state.contact_confirmed:
            self._case.note("repeated", f"{name}, {how}")
        elif self._state.status.is_final:
            self._case.park(name, f"too late: {self._state.status}")
        else:
            self._state.contact_confirmed = True
            self._case.note(name, how)

    @workflow.signal(description="The applicant asks for another one-time code; {} will do")
    def code_requested(self, *payload: Any) -> None:
        """Another code is to be sent; too soon or too often it is not (R1)."""
        name = "code_requested"
        wish = self._reception.read_signal(name, CodeRequested, payload)
        if wish is None:
            return
        self._reception.sign(name, wish.officer)
        if self._state.awaits_code and not self._state.status.is_final:
            self._state.codes_wanted = self._state.codes_sent + 1
        else:
            self._case.park(name, f"no code is waited for: {self._state.status}")

    @workflow.signal(description="A temporary certificate, or its renewal; {} will do")
    def certificate_requested(self, *payload: Any) -> None:
        """The applicant asks for a temporary certificate, or for its renewal (R10)."""
        name = "certificate_requested"
        wish = self._reception.read_signal(name, CertificateRequested, payload)
        if wish is None:
            return
        self._reception.sign(name, wish.officer)
        today = self._case.now().date()
        if self._state.status.is_final:
            self._case.park(name, f"too late: {self._state.status}")
        elif self._state.certificate_asked_on == today:
            self._case.note("repeated", name)
        else:
            self._state.certificate_asked_on = today
            self._state.certificates_wanted = 1

    @workflow.signal(description="News of the temporary certificate, from its own workflow")
    def certificate_changed(self, *payload: Any) -> None:
        """The temporary certificate was issued, reminded of, renewed, or has expired (R10)."""
        name = "certificate_changed"
        if change := self._reception.read_signal(name, CertificateChanged, payload):
            self._reception.take_certificate(change)

    @workflow.signal(description="Years of the official calendar were published: {years: [2028]}")
    def calendar_published(self, *payload: Any) -> None:
        """Open deadlines are to be computed anew (R4)."""
        name = "calendar_published"
        if news := self._reception.read_signal(name, CalendarPublished, payload):
            self._state.calendar_years += news.years

    @workflow.signal(dynamic=True)
    def unknown_signal(self, name: str, _payload: Sequence[RawValue]) -> None:
        """A signal nobody knows is kept for a person to see."""
        self._case.park(plain_name(name), "there is no such signal")

    # --- query --------------------------------------------------------------------------

    @workflow.query(description="Everything about the case but the person, as one document")
    def case_view(self) -> CaseView:
        """Everything about the case but the person."""
        return case_view(self._state)
