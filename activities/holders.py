"""Asking a records holder with an API, until it answers (R6)."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.chancery import ChanceryActivities, Dispatch, DispatchReport
from activities.failures import UNREADABLE, in_engine_terms, not_yet
from activities.heartbeats import beating
from activities.ports import HolderGateway, NotYet
from domain.base import Frozen
from domain.errands import Errand, ErrandAnswer
from domain.routes import Holder

MOMENT = timedelta(seconds=3)
"""An answer promised within so long is waited for in the same attempt: another costs the engine
more than all else that the case asks of it meanwhile."""
MOMENTS = 3
"""So often in one attempt."""
MINUTE = timedelta(minutes=1)
_SOON = timedelta(milliseconds=1)
UNREADABLE_IN_A_ROW = 3
"""So many unreadable answers are no passing maintenance page; a person has to look."""


class Consultation(Frozen):
    """An errand for a holder and how often to look for its answer, in engine time."""

    holder: Holder
    errand: Errand
    poll_every: timedelta = timedelta(0)
    back_in: timedelta | None = None
    """After so long the case has to be told that there is no answer: a term wants looking after."""
    dispatch: Dispatch | None = None
    """What is to be written down and sent before the holder is asked."""
    takes_number: bool = False
    """True when the number of a duplicate that was made is to be taken at once (R9)."""


class HolderAnswer(ErrandAnswer):
    """A holder's answer, with what became of the dispatch that was handed along.

    Without an answer the step came back because the case has something to see to: that report,
    or a term.
    """

    report: DispatchReport | None = None
    late: bool = False
    """True when it is without an answer for the sake of a term."""
    number_taken: bool | None = None
    """True when the register has the duplicate's number for this case now, False when it belongs
    to another duplicate; None when the case has to see to it."""

    @property
    def is_empty(self) -> bool:
        """True when there is nothing from the holder in it."""
        return not (self.reply or self.production or self.hand_over or self.parcel)


class HolderActivities:
    """Steps at a holder's API; the errand's key makes a repetition harmless."""

    def __init__(self, gateway: HolderGateway, chancery: ChanceryActivities) -> None:
        self._gateway = gateway
        self._chancery = chancery

    @activity.defn
    async def consult_holder(self, consultation: Consultation) -> HolderAnswer:
        """Have the dispatch done, place the errand, and come back with its answer.

        All in one step, taking the duplicate's number as well, since a step of its own costs a case
        more than all else it does. The report of the dispatch is carried from attempt to attempt;
        one that the case has to see to is given at once, and the holder is asked by another step.

        Raises:
            ApplicationError: Not yet or a passing failure (retried); an unreadable answer
                several times in a row (not retried).
        """
        so_far, deadline = _SoFar.of_this_step(), _Deadline(consultation.back_in)
        async with beating(so_far.details):
            if consultation.dispatch is not None and so_far.report is None:
                so_far.report = await _to_its_end(self._chancery.dispatch(consultation.dispatch))
                if not so_far.report.all_is_well:
                    return HolderAnswer(report=so_far.report)
            try:
                with in_engine_terms(deadline.next_attempt):
                    answer = await self._asked(consultation)
                    if answer is None:
                        raise not_yet(deadline.next_attempt(consultation.poll_every))
            except ApplicationError as failure:
                again = deadline.next_attempt(consultation.poll_every)
                patient = so_far.patient(failure, again)
                if deadline.is_over and not patient.non_retryable:
                    return HolderAnswer(report=so_far.report, late=True)
                raise patient from None
        number_taken = None
        if consultation.takes_number and answer.production is not None:
            number = consultation.errand.control_number
            number_taken = await self._chancery.took_number(number, answer.production)
        return HolderAnswer(**dict(answer), report=so_far.report, number_taken=number_taken)

    async def _asked(self, consultation: Consultation) -> ErrandAnswer | None:
        """Ask, and ask again when the holder says that it will have answered in a moment."""
        for _ in range(MOMENTS):
            try:
                return await self._gateway.answer_of(consultation.holder, consultation.errand)
            except NotYet as failure:
                if failure.retry_after is None or failure.retry_after > MOMENT:
                    raise
                await asyncio.sleep(failure.retry_after.total_seconds())
        try:
            return await self._gateway.answer_of(consultation.holder, consultation.errand)
        except NotYet as failure:
            # It has said so for the last time: nobody is asked every second for weeks.
            raise NotYet(str(failure), max(failure.retry_after or MINUTE, MINUTE)) from None

    @activity.defn
    async def recall_errand(self, consultation: Consultation) -> None:
        """Tell the holder that an errand is void.

        Raises:
            ApplicationError: A passing failure (retried).
        """
        with in_engine_terms():
            await self._gateway.recall(consultation.holder, consultation.errand)


class _Deadline:
    """Until when a step has to be back; both moments of its reckoning are the engine's."""

    def __init__(self, back_in: timedelta | None) -> None:
        info = activity.info()
        passed = info.current_attempt_scheduled_time - info.scheduled_time
        self._left = None if back_in is None else back_in - passed

    @property
    def is_over(self) -> bool:
        """True once nobody wants to wait any more."""
        return self._left is not None and self._left <= timedelta(0)

    def next_attempt(self, asked: timedelta | None) -> timedelta | None:
        """The delay asked for, None for that of the policy, or less: the last one is in time."""
        if self._left is None or (_by_policy() if asked is None else asked) <= self._left:
            return asked
        return max(self._left, _SOON)


def _by_policy() -> timedelta:
    """After how long the engine tries again when it is not told."""
    info = activity.info()
    policy = info.retry_policy
    if policy is None:
        return timedelta(0)
    grown = policy.initial_interval * policy.backoff_coefficient ** min(info.attempt - 1, 30)
    return min(grown, policy.maximum_interval or grown)


async def _to_its_end(dispatch: Coroutine[Any, Any, DispatchReport]) -> DispatchReport:
    """Do a dispatch, even when somebody is faster than the holder and nobody waits any more.

    A mail broken off in the middle would come twice.
    """
    doing, cancelled = asyncio.create_task(dispatch), None
    while not doing.done():
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return doing.result()


class _SoFar:
    """What attempts of one step tell each other, as heartbeat details."""

    def __init__(self, unreadable: int = 0, report: DispatchReport | None = None) -> None:
        self.unreadable = unreadable
        """Unreadable answers in a row."""
        self.report = report
        self._told = self.details()

    @classmethod
    def of_this_step(cls) -> "_SoFar":
        """What earlier attempts have left; before 0.6.0 it was nothing but the number."""
        told: Any = next(iter(activity.info().heartbeat_details), 0)
        if isinstance(told, dict):
            return cls(told["unreadable"], DispatchReport.model_validate(told["report"]))
        return cls(told if isinstance(told, int) else 0)

    def details(self) -> Any:
        """For the next attempt."""
        if self.report is None:
            return self.unreadable
        report = self.report.model_dump(mode="json")
        return {"unreadable": self.unreadable, "report": report}

    def patient(self, failure: ApplicationError, again: timedelta | None) -> ApplicationError:
        """An unreadable answer may be a passing maintenance page: ask again, but not for ever."""
        self.unreadable = self.unreadable + 1 if failure.type == UNREADABLE else 0
        if self.details() != self._told:  # otherwise the engine knows it; each telling costs a call
            activity.heartbeat(self.details())
        if not self.unreadable:
            return failure
        return ApplicationError(
            failure.message,
            type=UNREADABLE,
            non_retryable=self.unreadable >= UNREADABLE_IN_A_ROW,
            next_retry_delay=again,
        )
