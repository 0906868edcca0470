"""Asking a records holder with an API, until it answers (R6)."""

from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import UNREADABLE, in_engine_terms, not_yet
from activities.heartbeats import beating
from activities.ports import HolderGateway
from domain.base import Frozen
from domain.errands import Errand, ErrandAnswer
from domain.routes import Holder

UNREADABLE_IN_A_ROW = 3
"""So many unreadable answers are no passing maintenance page; a person has to look."""


class Consultation(Frozen):
    """An errand for a holder and how often to look for its answer, in engine time."""

    holder: Holder
    errand: Errand
    poll_every: timedelta = timedelta(0)


class HolderActivities:
    """Steps at a holder's API; the errand's key makes a repetition harmless."""

    def __init__(self, gateway: HolderGateway) -> None:
        self._gateway = gateway

    @activity.defn
    async def consult_holder(self, consultation: Consultation) -> ErrandAnswer:
        """Place the errand and come back with its answer.

        Raises:
            ApplicationError: Not yet or a passing failure (retried); an unreadable answer
                several times in a row (not retried).
        """
        in_a_row = sum(activity.info().heartbeat_details)
        try:
            async with beating(lambda: in_a_row):
                with in_engine_terms():
                    answer = await self._gateway.answer_of(consultation.holder, consultation.errand)
        except ApplicationError as failure:
            raise _patient(failure, in_a_row, consultation.poll_every) from None
        if answer is not None:
            return answer
        raise not_yet("the holder has not answered yet", consultation.poll_every)

    @activity.defn
    async def recall_errand(self, consultation: Consultation) -> None:
        """Tell the holder that an errand is void.

        Raises:
            ApplicationError: A passing failure (retried).
        """
        with in_engine_terms():
            await self._gateway.recall(consultation.holder, consultation.errand)


def _patient(failure: ApplicationError, in_a_row: int, poll_every: timedelta) -> ApplicationError:
    """An unreadable answer may be a passing maintenance page: ask again, but not for ever.

    How many came in a row is carried from attempt to attempt as heartbeat details.
    """
    if failure.type != UNREADABLE:
        activity.heartbeat(0)
        return failure
    activity.heartbeat(in_a_row + 1)
    return ApplicationError(
        failure.message,
        type=UNREADABLE,
        non_retryable=in_a_row + 1 >= UNREADABLE_IN_A_ROW,
        next_retry_delay=poll_every,
    )
