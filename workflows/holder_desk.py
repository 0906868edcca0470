"""Asking the records holder, and giving up asking when a person was faster (R6)."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.holders import Consultation, HolderActivities
from domain.errands import ErrandKind
from domain.notices import NoticeEvent
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
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
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
        async with Asking(polling):
            await self._wait(lambda: answered() or polling.done())
            finished = polling.done()
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
        if answer.parcel is not None:
            self._reception.take_parcel(answer.parcel)
        if not answered():
            self._case.state.settled_errands.append(consultation.errand.key)
            self._case.park("holder's system", "its answer does not fit: ask the holder")


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
