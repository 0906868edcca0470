"""The case's side of its temporary certificate (R10)."""

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, TemporalError

from domain.notices import NoticeEvent
from domain.register import PaperState
from workflows import policies
from workflows.case import Case
from workflows.contracts import (
    TEMPORARY_CERTIFICATE,
    CertificateRequest,
    CertificateSignal,
    certificate_workflow_id,
)
from workflows.waiting import wait


class CertificateDesk:
    """Starts the certificate's own workflow, passes renewals on, tells it of the end."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._busy = False

    async def work(self) -> None:
        """Pass on what is asked for; cancelled at the end of the case."""
        state = self._case.state
        while True:
            await wait(lambda: state.accepted and state.certificates_wanted > 0)
            state.certificates_wanted -= 1
            self._busy = True
            try:
                if not await self._told(CertificateSignal.RENEWAL_REQUESTED):
                    await self._start()
            finally:
                self._busy = False

    def want_first(self) -> None:
        """Ask for the certificate the application asked for, once it is registered."""
        state = self._case.state
        application = state.application
        if application is not None and application.temporary_certificate:
            state.certificates_wanted += 1

    async def pause(self) -> None:
        """Wait a little for what is being passed on."""
        await wait(lambda: not self._busy, policies.HANDOVER_TO_NEXT_RUN)

    async def end(self) -> None:
        """Tell the certificate that the case has ended; the register annuls it with the record."""
        await wait(lambda: not self._busy)
        certificate = self._case.state.certificate
        if certificate is not None and certificate.state is PaperState.IN_FORCE:
            annulled = certificate.model_copy(update={"state": PaperState.ANNULLED})
            self._case.state.certificate = annulled
            self._case.note("temporary_certificate", "annulled")
            self._case.tell(NoticeEvent.CERTIFICATE_ANNULLED, certificate_number=certificate.number)
        await self._told(CertificateSignal.CASE_ENDED)

    async def _told(self, name: CertificateSignal) -> bool:
        """True when a certificate's workflow took a message; False when none is running."""
        state = self._case.state
        if not state.certificate_runs:
            return False
        handle = workflow.get_external_workflow_handle(
            certificate_workflow_id(state.control_number)
        )
        try:
            await handle.signal(name.value, {})
        except TemporalError:
            return False  # it has ended: expired, and never asked for again
        return True

    async def _start(self) -> None:
        state = self._case.state
        application, setup = state.application, state.setup
        if application is None or setup is None or state.status.is_final:
            return
        state.certificate_runs += 1
        try:
            await workflow.start_child_workflow(
                TEMPORARY_CERTIFICATE,
                CertificateRequest(
                    control_number=state.control_number,
                    run=state.certificate_runs,
                    setup=setup,
                    application=application,
                ),
                id=certificate_workflow_id(state.control_number),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"Temporary certificate {state.control_number}",
            )
        except ChildWorkflowError:
            self._case.park("temporary certificate", "its workflow could not be started")
            return
        self._case.note("temporary_certificate", "asked for")
