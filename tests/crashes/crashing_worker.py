"""The product's own worker as a process, which dies in a step that is named to it."""

import asyncio
import multiprocessing
import os
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.chancery import Dispatch
from domain.base import Frozen
from domain.statuses import CaseStatus
from workers.keys import Keys
from workers.main import CaseWorker
from workers.settings import Settings
from workers.temporal import connect

KILLED = 9
"""The exit code of a worker that has died in its step."""
STICKY = timedelta(seconds=1)
"""So soon the engine gives up the worker that knew the case; by default ten seconds."""


class Moment(StrEnum):
    """Where in a step a worker dies."""

    BEFORE = "before"
    """Nothing has happened yet."""
    AFTER = "after"
    """All has happened, and the engine does not know it."""


class Death(Frozen):
    """The step in which a worker dies."""

    activity: str
    moment: Moment
    status: CaseStatus | None = None
    """Only the record that says so of its case; None: whatever the step is about."""

    def comes_with(self, name: str, arguments: Sequence[Any]) -> bool:
        """True for an execution of the step."""
        if name != self.activity or self.status is None:
            return name == self.activity
        dispatch: Dispatch = arguments[0]
        return dispatch.record is not None and dispatch.record.status is self.status


class Post(Frozen):
    """Where a worker works."""

    address: str
    namespace: str
    settings: Settings


def work(post: Post, death: Death | None) -> None:
    """Work in a process of its own; if it does not die, it ends with the process of the tests."""
    asyncio.run(attend(post, **(_doomed_to(death) if death else {})))


async def attend(post: Post, **worker_options: Any) -> None:
    """Be the product's worker until the process of the tests has ended."""
    tests = multiprocessing.parent_process()
    assert tests is not None
    keys = Keys(post.settings)
    client = await connect(keys.workers_codec, post.address, post.namespace)
    async with CaseWorker(client, post.settings, keys, **worker_options):
        await asyncio.to_thread(tests.join)
        os._exit(KILLED)  # the engine has gone as well, there is nobody to take leave of


def _doomed_to(death: Death) -> dict[str, Any]:
    """What the engine's worker is told beyond what the product tells it."""
    return {
        "interceptors": [_Doom(death)],
        "sticky_queue_schedule_to_start_timeout": STICKY,
    }


class _Doom(Interceptor):
    """Kills the worker in its step."""

    def __init__(self, death: Death) -> None:
        self._death = death

    def intercept_activity(self, following: ActivityInboundInterceptor) -> "_DoomedStep":
        return _DoomedStep(following, self._death)


class _DoomedStep(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, death: Death) -> None:
        super().__init__(following)
        self._death = death

    async def execute_activity(self, step: ExecuteActivityInput) -> Any:
        meant = self._death.comes_with(activity.info().activity_type, step.args)
        if meant and self._death.moment is Moment.BEFORE:
            os._exit(KILLED)
        try:
            return await super().execute_activity(step)
        finally:  # a poll without a result yet has had its effect, too
            if meant:
                os._exit(KILLED)
