"""What tests of several folders share: the real server, and waiting for a condition."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from temporalio.testing import WorkflowEnvironment

from starters.server import temporal_executable
from workers.temporal import plugin
from workflows.contracts import SEARCH_ATTRIBUTES

SKIPPING = (
    "--dynamic-config-value",
    "frontend.WorkflowTimeSkippingEnabled=true",
    "--dynamic-config-value",
    'history.timerProcessorMaxTimeShift="10ms"',
)
"""Lets the dev server skip time, without a pause at each skip."""


async def start_server(*extra_args: str) -> WorkflowEnvironment:
    """The real dev server, with a clock of its own for every workflow."""
    return await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=temporal_executable(),
        dev_server_log_level="never",
        dev_server_extra_args=[*SKIPPING, *extra_args],
        search_attributes=list(SEARCH_ATTRIBUTES),
        plugins=[plugin()],
    )


async def until(
    condition: Callable[[], Awaitable[bool]], seconds: float = 30, look_every: float = 0.03
) -> None:
    """Wait for a condition; the test fails when it does not come."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            pytest.fail("what was waited for did not come")
        await asyncio.sleep(look_every)
