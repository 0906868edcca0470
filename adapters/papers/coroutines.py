"""pyHanko's coroutines for callers that are none, whether or not a loop runs where they are."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Outcome = TypeVar("Outcome")


def finish(work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Run a coroutine to its end in a loop of its own, and wait for it."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
