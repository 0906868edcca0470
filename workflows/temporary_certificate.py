"""The story of a temporary certificate, from the request to its last day (R10)."""

from datetime import date, datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import TemporalError

with workflow.unsafe.imports_passed_through():
    from activities.register import CertificateRecord, RegisterActivities
    from domain.calendar import WorkingCalendar
    from domain.certificates import CertificateChanged, certificate
    from domain.clock import midnight
    from domain.notices import NoticeEvent
    from domain.register import Paper, PaperState
    from domain.terms import Window
    from workflows.contracts import (
        TEMPORARY_CERTIFICATE,
        CertificateRequest,
        CertificateView,
        Signal,
        workflow_id,
    )
    from workflows.steps import short_step
    from workflows.waiting import wait


@workflow.defn(name=TEMPORARY_CERTIFICATE)
class TemporaryCertificate:
    """A temporary certificate (временная справка) beside its case.

    Signals: renewal_requested, case_ended. Query: certificate_view. Whether a certificate may
    be in force is decided in the register, in one transaction with the end of the case: a
    crash in between can leave no certificate valid beside a duplicate.
    """

    @workflow.init
    def __init__(self, request: CertificateRequest) -> None:
        self._request = request
        self._paper: Paper | None = None
        self._renewals_wanted = 0
        self._renewals = 0
        self._case_ended = False

    @workflow.run
    async def run(self, _request: CertificateRequest) -> PaperState:
        """Carry the certificate from the request to the day it is no longer in force."""
        await wait(
            lambda: self._case_ended, self._until(self._window().earliest_on(self._calendar))
        )
        if not self._case_ended and await self._issue():
            await self._stay_in_force()
        state = await self._end()
        while self._renewals_wanted > self._renewals and not self._case_ended:
            # Asked for while it was being marked as expired.
            await self._renew()
            await self._stay_in_force()
            state = await self._end()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return state

    # --- the procedure, step by step ----------------------------------------------------

    async def _issue(self) -> bool:
        """Issue it on the earliest day promised; False when the case has ended meanwhile."""
        paper = certificate(
            self._request.control_number,
            self._request.run,
            self._today(),
            self._request.setup.terms.certificate_validity,
            self._today(),
        )
        return await self._put_in_force(paper, NoticeEvent.CERTIFICATE_ISSUED)

    async def _stay_in_force(self) -> None:
        """Remind before the last day; every renewal begins the time anew."""
        while not self._case_ended and not self._is_over():
            last_day = self._the_paper().valid_until or self._today()
            before = timedelta(days=self._request.setup.certificate.remind_days_before)
            renewed = self._renewals
            if not await self._interrupted(self._until(last_day - before)):
                await self._tell_case(NoticeEvent.CERTIFICATE_REMINDER)
                await self._interrupted(self._until(last_day + timedelta(days=1)))
            if self._renewals_wanted > renewed and not self._case_ended:
                await self._renew()

    async def _renew(self) -> None:
        self._renewals = self._renewals_wanted
        present = self._the_paper()
        if present.changed_on == self._today() and present.state is PaperState.IN_FORCE:
            return  # the same day again: it would be valid no longer than it is
        paper = certificate(
            self._request.control_number,
            self._request.run,
            present.issued_on or self._today(),
            self._request.setup.terms.certificate_validity,
            self._today(),
        )
        await self._put_in_force(paper, NoticeEvent.CERTIFICATE_RENEWED)

    async def _end(self) -> PaperState:
        """Expired by itself, or annulled with the end of the case (аннулирована)."""
        if self._paper is None:
            return PaperState.ANNULLED
        expired = not self._case_ended and await self._recorded(
            self._paper.model_copy(
                update={"state": PaperState.EXPIRED, "changed_on": self._today()}
            )
        )
        state = PaperState.EXPIRED if expired else PaperState.ANNULLED
        self._paper = self._paper.model_copy(update={"state": state})
        if expired:
            await self._tell_case(NoticeEvent.CERTIFICATE_EXPIRED)
        return state

    # --- what the steps are made of -----------------------------------------------------

    async def _put_in_force(self, paper: Paper, event: NoticeEvent) -> bool:
        if not await self._recorded(paper):
            self._case_ended = True
            return False
        self._paper = paper
        await self._tell_case(event)
        return True

    async def _recorded(self, paper: Paper) -> bool:
        """Write it into the register, which knows whether the case has ended."""
        return await short_step(
            RegisterActivities.record_certificate,
            CertificateRecord(control_number=self._request.control_number, paper=paper),
            f"register: temporary certificate {paper.state}",
        )

    async def _tell_case(self, event: NoticeEvent) -> None:
        """Let the case show what happened and write to the applicant; it may have ended, too."""
        paper = self._the_paper()
        change = CertificateChanged(
            event=event, number=paper.number, state=paper.state, valid_until=paper.valid_until
        )
        handle = workflow.get_external_workflow_handle(workflow_id(self._request.control_number))
        try:
            await handle.signal(Signal.CERTIFICATE_CHANGED.value, change)
        except TemporalError:
            workflow.logger.info("case", extra={"happened": "ended before its certificate"})

    async def _interrupted(self, at_most: timedelta) -> bool:
        """Wait; True when a renewal or the end of the case came first."""
        return await wait(
            lambda: self._case_ended or self._renewals_wanted > self._renewals, at_most
        )

    def _is_over(self) -> bool:
        """True when its last day has passed and nobody has asked for a renewal."""
        last_day = self._the_paper().valid_until
        return last_day is not None and self._today() > last_day

    def _the_paper(self) -> Paper:
        if self._paper is None:
            raise RuntimeError("the certificate was not issued yet")
        return self._paper

    def _window(self) -> Window:
        setup = self._request.setup
        since = setup.clock.local(workflow.info().start_time, setup.zone)
        return Window(opened_at=since, term=setup.terms.temporary_certificate, zone=setup.zone)

    @property
    def _calendar(self) -> WorkingCalendar:
        return self._request.setup.calendar

    def _now(self) -> datetime:
        setup = self._request.setup
        return setup.clock.local(workflow.now(), setup.zone)

    def _today(self) -> date:
        return self._now().date()

    def _until(self, day: date) -> timedelta:
        """How long it is, on the engine's clock, until a day begins in the region."""
        setup = self._request.setup
        return setup.clock.engine_time(midnight(day, setup.zone)) - workflow.now()

    # --- signals and query --------------------------------------------------------------

    @workflow.signal(description="The applicant asks for a renewal; {} will do")
    def renewal_requested(self, *_payload: Any) -> None:
        """The certificate is to be renewed; before it is issued there is nothing to renew."""
        if self._paper is not None:
            self._renewals_wanted += 1

    @workflow.signal(description="The case has ended; sent by the case itself")
    def case_ended(self, *_payload: Any) -> None:
        """The duplicate was issued, or the case ended in another way."""
        self._case_ended = True

    @workflow.query(description="Number, state and days of the certificate")
    def certificate_view(self) -> CertificateView:
        """Number, state and days of the certificate."""
        paper = self._paper
        return CertificateView(
            control_number=self._request.control_number,
            number=paper.number if paper else "",
            state=paper.state if paper else PaperState.PREPARED,
            issued_on=paper.issued_on if paper else None,
            valid_until=paper.valid_until if paper else None,
            due_on=self._window().due_on(self._calendar),
            renewals=self._renewals,
        )
