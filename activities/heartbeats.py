"""Signs of life of a running step, so that a dead worker's steps are given out again soon."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from temporalio import activity

BEAT_EVERY = 5.0
"""Seconds; well below the engine's patience in `workflows.policies.WORKER_GONE`."""


@asynccontextmanager
async def beating(details: Callable[[], Any]) -> AsyncIterator[None]:
    """Give signs of life while the block runs.

    Args:
        details: What the next attempt is to know, read anew for every sign.
    """

    async def beat() -> None:
        while True:
            await asyncio.sleep(BEAT_EVERY)
            activity.heartbeat(details())

    beats = asyncio.create_task(beat())
    try:
        yield
    finally:
        beats.cancel()
