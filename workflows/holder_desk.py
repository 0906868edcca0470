"""Asking the records holder, and giving up asking when a person was faster (R6)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, RetryState, is_cancelled_exception

from activities.holders import Consultation, HolderActivities, HolderAnswer
from domain.errands import ErrandKind
from domain.notices import NoticeEvent
from workflows import policies
from workflows.case import Case
from workflows.chancery import Chancery
from workflows.ladder import Ladder
from workflows.reception import Reception


class HolderDesk:
    """Asks the records holder, by its system or by letter (R6)."""

    def __init__(
        self, case: Case, reception: Reception, chancery: Chancery, ladder: Ladder
    ) -> None:
        self._case = case
        self._reception = reception
        self._chancery = chancery
        self._ladder = ladder

    async def ask(self, kind: ErrandKind, answered: Callable[[], bool]) -> HolderAnswer | None:
        """Ask the holder and wait for `answered`; staff or a signal may be faster than it.

        Returns:
            What the holder's system said, if it was asked and nobody was faster.
        """
        state = self._case.state
        consultation = self._case.consultation(kind)
        if consultation is None or consultation.errand.key in state.settled_errands:
            await self._ladder.wait(answered)
        elif self._case.holder_takes_letters():
            state.settled_errands.append(consultation.errand.key)
            self._case.post.write_to_holder(
                NoticeEvent.HOLDER_LETTER, consultation.errand, self._case.now()
            )
            await self._ladder.wait(answered)
        else:
            return await self._poll(consultation, answered)
        return None

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
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._case.park("recall", "the holder could not be told that the request is void")

    async def _poll(
        self, consultation: Consultation, answered: Callable[[], bool]
    ) -> HolderAnswer | None:
        if answered():
            return None
        key = consultation.errand.key
        try:
            answer = await self._answer(consultation, answered)
        except ActivityError:
            self._case.state.settled_errands.append(key)
            self._case.park("holder's system", "its answers are unreadable: ask the holder")
            return None
        if answer is None or answer.is_empty:
            return None  # somebody was faster, or the case has something to see to and asks again
        self._take(answer)
        if not answered():
            self._case.state.settled_errands.append(key)
            self._case.park("holder's system", "its answer does not fit: ask the holder")
        return answer

    async def _answer(
        self, consultation: Consultation, answered: Callable[[], bool]
    ) -> HolderAnswer | None:
        """What the holder's system says; None when somebody was faster, or a term."""
        back_in = None
        if self._case.state.hands_along:
            self._ladder.climb_what_is_due()
            await self._chancery.before_asking()
            if self._ladder.is_over(answered):
                return None
            back_in = self._ladder.due_in()
        until = workflow.now() + back_in if back_in is not None else None
        polling = self._start(consultation.model_copy(update={"back_in": back_in}))
        try:
            async with Asking(polling):
                await self._ladder.wait(lambda: answered() or polling.done(), back_in)
                finished = polling.done()
            if not finished:
                return None
            answer = await polling
        except ActivityError as error:
            if error.retry_state is not RetryState.TIMEOUT:
                raise
            answer = HolderAnswer(late=True)
        else:
            self._chancery.heard(answer.report)
        finally:
            self._chancery.heard(None)
        if answer.late and until is not None:
            self._ladder.comes_to(until)
        return answer

    def _take(self, answer: HolderAnswer) -> None:
        if answer.reply is not None:
            self._reception.take_reply(answer.reply, "the holder's system")
        if answer.production is not None:
            self._reception.take_production(answer.production)
        if answer.hand_over is not None:
            self._reception.take_hand_over(answer.hand_over)
        if answer.parcel is not None:
            self._reception.take_parcel(answer.parcel)

    def _start(self, consultation: Consultation) -> "workflow.ActivityHandle[HolderAnswer]":
        state = self._case.state
        dispatch, back_in = self._chancery.hand_along(), consultation.back_in
        what = ", ".join(notice.event for notice in dispatch.notices) if dispatch else ""
        told = f"; register: {state.status}; mail: {what or 'none'}" if dispatch else ""
        return workflow.start_activity_method(
            HolderActivities.consult_holder,
            consultation.model_copy(
                update={
                    "poll_every": state.the_setup().clock.engine_span(policies.HOLDER_POLL_EVERY),
                    "dispatch": dispatch,
                    "takes_number": state.takes_number,
                }
            ),
            start_to_close_timeout=policies.OUTSIDE_CALL + policies.MAILS_AT_ONCE,
            heartbeat_timeout=policies.WORKER_GONE,
            schedule_to_close_timeout=back_in + policies.LATE_BY if back_in else None,
            retry_policy=policies.POLL_RETRY,
            summary=f"{consultation.errand.kind}: ask the holder{told}",
        )


class Asking:
    """A poll that is given up when its block is left, however that happens."""

    def __init__(self, polling: "workflow.ActivityHandle[Any]") -> None:
        self._polling = polling

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is GeneratorExit or self._polling.done():
            return  # a case that is thrown out of memory must not wait for anything
        self._polling.cancel()
        # A poll that was never sent off ends in another way than one that was.
        with suppress(ActivityError, asyncio.CancelledError):
            await self._polling
