"""Waiting for a condition or a moment, in the same order of steps under every Python."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol

from temporalio import workflow


class Wait(Protocol):
    """Waits for a condition while the ladder is climbed."""

    def __call__(
        self, done: Callable[[], bool], looked_after: timedelta | None = None, /
    ) -> Awaitable[None]:
        """Wait for `done`; it comes by itself after so long, if that is said."""


_ROUNDS = 8
"""More than any chain of conditions that one message sets off."""


async def settled() -> None:
    """Let everything go on first that can go on by itself.

    A worker that takes a case over replays it, and may be handed the result of a step together
    with an update that came later, the update first. Whatever a desk beside the story asks of
    the engine must stand behind the story's own commands then as now.
    """
    for _ in range(_ROUNDS):
        await workflow.wait_condition(lambda: True)


async def wait(
    done: Callable[[], bool], at_most: timedelta | None = None, summary: str | None = None
) -> bool:
    """Wait until `done`, for no longer than `at_most`; True when it came.

    The timeout of `workflow.wait_condition` rests on `asyncio.wait_for`, which wakes at another
    turn of the loop in Python 3.12 than in 3.11: a case begun under one would not replay under
    the other. A timer beside the condition wakes alike in both.
    """
    if at_most is None:
        await workflow.wait_condition(done)
        return True
    if at_most <= timedelta(0):
        return done()
    timer = asyncio.create_task(workflow.sleep(at_most, summary=summary))
    await workflow.wait_condition(lambda: done() or timer.done())
    timer.cancel()
    return done()
