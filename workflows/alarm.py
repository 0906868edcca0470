"""One timer for everything a case waits for, so that a change of plans leaves no trail of them."""

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio import workflow

_AT_LEAST = timedelta(milliseconds=1)


class Alarm:
    """Rings at the earliest moment anybody asked for; whoever waits looks for himself then.

    A moment that has lost its meaning is not unset: ringing once in vain costs less than a
    timer cancelled and a timer started at every step of every case.
    """

    def __init__(self) -> None:
        self.rung = 0
        """How often it has rung. Conditions look at this, never at the time: a workflow task
        that leaves nothing in the history (a rejected update) has a time, too."""
        self.rung_for = datetime.min.replace(tzinfo=UTC)
        """The latest moment that it has rung for."""
        self._at: datetime | None = None
        self._timer: asyncio.Task[None] | None = None

    def set(self, at: datetime) -> None:
        """Ring at a moment of the engine's clock, or earlier."""
        if self._at is not None and self._at <= at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._at = at
        self._timer = asyncio.create_task(self._ring(at))

    async def _ring(self, at: datetime) -> None:
        # Without a summary: each costs a sealed payload, and there is one alarm only.
        await workflow.sleep(max(at - workflow.now(), _AT_LEAST))
        self._at = None
        self.rung += 1
        self.rung_for = max(self.rung_for, at)
