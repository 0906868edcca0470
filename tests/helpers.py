"""What tests of several folders share: the real server, and waiting for a condition."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from temporalio.converter import PayloadCodec
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from starters.server import temporal_executable
from workers.keys import Keys
from workers.plugin import plugin
from workers.settings import load_settings
from workers.temporal import converter
from workflows.contracts import SEARCH_ATTRIBUTES

STARTS_TRIED = 3
SKIPPING = (
    "--dynamic-config-value",
    "frontend.WorkflowTimeSkippingEnabled=true",
    "--dynamic-config-value",
    'history.timerProcessorMaxTimeShift="10ms"',
)
"""Lets the dev server skip time, without a pause at each skip."""


async def start_server(codec: PayloadCodec, *extra_args: str) -> WorkflowEnvironment:
    """The real dev server, with a clock of its own for every workflow."""
    start = partial(
        WorkflowEnvironment.start_time_skipping_v2,
        dev_server_existing_path=temporal_executable(),
        dev_server_log_level="never",
        dev_server_extra_args=[*SKIPPING, *extra_args],
        search_attributes=list(SEARCH_ATTRIBUTES),
        data_converter=converter(codec),
    )
    for _ in range(STARTS_TRIED):
        with suppress(
            RuntimeError
        ):  # the SDK waits for five seconds only, on however busy a machine
            return await start()
    return await start()


def replayer(codec: PayloadCodec) -> Replayer:
    """What replays recorded cases with the workflows of today."""
    return Replayer(workflows=[], plugins=[plugin()], data_converter=converter(codec))


def trial_keys(folder: Path) -> Keys:
    """Keys of a service that was never run before."""
    keys = Keys(load_settings(**key_settings(folder)))
    keys.create()
    return keys


def key_settings(folder: Path) -> dict[str, object]:
    """Where the keys in a folder are."""
    return {"secrets_folder": folder, "keyring_url": f"sqlite:///{folder / 'keys.db'}"}


async def until(
    condition: Callable[[], Awaitable[bool]], seconds: float = 30, look_every: float = 0.03
) -> None:
    """Wait for a condition; the test fails when it does not come."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            pytest.fail("what was waited for did not come")
        await asyncio.sleep(look_every)
