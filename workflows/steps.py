"""Short steps: inside the workflow task where the worker can, which leaves one event each."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.case import CaseSetup
from workflows import policies

Argument = TypeVar("Argument")
Result = TypeVar("Result")


async def short_step(
    setup: CaseSetup | None,
    step: Callable[[Any, Argument], Awaitable[Result]],
    argument: Argument,
    summary: str,
) -> Result:
    """Run a step that only computes, or reads or writes a row."""
    if setup is not None and setup.local_steps:
        try:
            return await workflow.execute_local_activity_method(
                step,
                argument,
                start_to_close_timeout=policies.SHORT_STEP,
                retry_policy=policies.FEW_TIMES,
                summary=summary,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # Something is away: wait for it in a step that staff see and that costs no events.
    return await workflow.execute_activity_method(
        step,
        argument,
        start_to_close_timeout=policies.SHORT_STEP,
        retry_policy=policies.SHORT_STEP_RETRY,
        summary=summary,
    )
