"""Confirming the applicant's consent and telephone by a one-time code (R1)."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.confirmation import CodeOrder, ConfirmationActivities
from domain.examination import CONSENT_NOT_CONFIRMED
from workflows import policies
from workflows.case import Case
from workflows.waiting import wait


class ContactDesk:
    """Has codes sent, beside the story; the code itself never comes near the case."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._sending = False

    async def work(self) -> None:
        """Send what is asked for, one code at a time; cancelled at the end of the case."""
        state = self._case.state
        while True:
            await wait(lambda: state.awaits_code and state.codes_sent < state.codes_wanted)
            state.codes_sent += 1
            self._sending = True
            try:
                await self._send()
            finally:
                self._sending = False

    async def pause(self) -> None:
        """Wait a little for a code that is being sent."""
        await wait(lambda: not self._sending, policies.HANDOVER_TO_NEXT_RUN)

    def want_code(self) -> None:
        """Have the first code sent, as soon as a telephone is known."""
        if self._case.state.awaits_code and not self._case.state.codes_wanted:
            self._case.state.codes_wanted = 1

    def mends(self) -> bool:
        """True when the code has come that the case was returned for."""
        state = self._case.state
        asked = any(reason.code == CONSENT_NOT_CONFIRMED for reason in state.reasons)
        return asked and not state.awaits_code

    def patience(self) -> timedelta:
        """How long the application may still wait for its code before it is returned."""
        setup = self._case.state.the_setup()
        hours = timedelta(hours=setup.confirmation.returned_after_hours)
        return setup.clock.engine_time(setup.clock.origin + hours) - workflow.now()

    async def _send(self) -> None:
        state = self._case.state
        application = state.application
        if application is None:
            return
        try:
            sent = await workflow.execute_activity_method(
                ConfirmationActivities.send_code,
                CodeOrder(
                    control_number=state.control_number,
                    phone=application.applicant.phone,
                    place=state.codes_sent,
                    policy=state.the_setup().confirmation,
                ),
                start_to_close_timeout=policies.OUTSIDE_CALL,
                schedule_to_close_timeout=policies.CODE_GIVE_UP,
                retry_policy=policies.OUTSIDE_RETRY,
                summary="send the one-time code",
            )
        except ActivityError:
            self._case.park("code", "no text message reaches the applicant: ask another way")
            return
        self._case.note("code_sent" if sent else "code_not_sent")
