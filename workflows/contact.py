"""Confirming the applicant's consent and telephone by a one-time code (R1)."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.confirmation import CodeOrder, ConfirmationActivities
from domain.confirmation import CodeSending
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
            self._sending = True
            try:
                await self._send()
            finally:
                self._sending = False
            # Only now, so that a run that continues as new meanwhile sends it again.
            state.codes_sent += 1

    async def pause(self) -> None:
        """Wait a little for a code that is being sent."""
        await wait(lambda: not self._sending, policies.HANDOVER_TO_NEXT_RUN)

    def look_again(self) -> None:
        """Have a code sent, the first or to a corrected telephone, once one is known."""
        state = self._case.state
        application = state.application
        if not state.kept_in_register or application is None or not application.needs_code():
            return
        phone = application.applicant.phone
        if phone != state.code_phone:
            state.new_phone = state.code_phone is not None
            state.code_phone, state.contact_confirmed = phone, False
            state.codes_wanted = state.codes_sent + 1

    def is_asked_for(self) -> bool:
        """True while the case is returned for want of the code."""
        return any(
            reason.code == CONSENT_NOT_CONFIRMED and not reason.by_holder
            for reason in self._case.state.reasons
        )

    def mends(self) -> bool:
        """True when the code has come that the case was returned for."""
        return self.is_asked_for() and not self._case.state.awaits_code

    def patience(self) -> timedelta:
        """How long the application may still wait for its code before it is returned."""
        setup = self._case.state.the_setup()
        hours = timedelta(hours=setup.confirmation.returned_after_hours)
        return setup.clock.engine_time(setup.clock.origin + hours) - workflow.now()

    async def _send(self) -> None:
        state = self._case.state
        if state.code_phone is None:
            return
        try:
            sending = await workflow.execute_activity_method(
                ConfirmationActivities.send_code,
                CodeOrder(
                    control_number=state.control_number,
                    phone=state.code_phone,
                    new_phone=state.new_phone,
                    policy=state.the_setup().confirmation,
                ),
                start_to_close_timeout=policies.OUTSIDE_CALL,
                schedule_to_close_timeout=policies.CODE_GIVE_UP,
                retry_policy=policies.OUTSIDE_RETRY,
                summary="send the one-time code",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._case.park("code", "no text message reaches the applicant: ask another way")
            return
        if sending is CodeSending.CONFIRMED:
            # Whoever entered the code died before telling the case.
            state.contact_confirmed = True
            self._case.note("contact_confirmed", "found in the register")
        else:
            state.new_phone = False
            self._case.note("code_sent" if sending is CodeSending.SENT else "code_not_sent")
