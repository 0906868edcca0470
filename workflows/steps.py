"""Short steps: they compute, or read or write a row, and wait for nothing."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import workflow

from workflows import policies

Argument = TypeVar("Argument")
Result = TypeVar("Result")


async def short_step(
    step: Callable[[Any, Argument], Awaitable[Result]], argument: Argument, summary: str
) -> Result:
    """Run a short step; it fails only while something of ours is broken or away.

    An activity like all others. As a local one it would cost fewer events, but on a busy worker
    the time of the workflow after such a step is not the same when the case is replayed.
    """
    return await workflow.execute_activity_method(
        step,
        argument,
        start_to_close_timeout=policies.SHORT_STEP,
        retry_policy=policies.SHORT_STEP_RETRY,
        summary=summary,
    )
