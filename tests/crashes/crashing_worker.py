"""The product's own worker as a process that ends at a moment told, as if it were killed."""

import asyncio
import multiprocessing
import os
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from temporalio import activity, workflow
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from domain.base import Frozen
from domain.statuses import CaseStatus
from workers.main import CaseWorker
from workers.settings import Settings
from workers.temporal import connect, register_search_attributes

KILLED = 9
"""The exit code of a worker that came to its moment."""
GIVEN_OUT_AGAIN = timedelta(seconds=2)
"""A dead worker's steps go to another after so long; the product waits up to a minute or three."""


class Moment(StrEnum):
    """Where in a step the process ends."""

    BEFORE = "before"
    """Nothing has happened outside yet."""
    AFTER = "after"
    """Everything has happened, and the engine does not know it."""


class Crash(Frozen):
    """The execution of an activity in which the process ends."""

    activity: str
    moment: Moment
    place: int = 1
    """Which of its executions it is, counted from 1."""
    status: CaseStatus | None = None
    """If given, only executions count whose record has this status."""

    def concerns(self, name: str, arguments: Sequence[Any]) -> bool:
        """True for an execution that counts."""
        return name == self.activity and self.status in {
            None,
            getattr(arguments[0], "status", None),
        }


class Post(Frozen):
    """Where a worker works, and when it ends; without a crash it works for ever."""

    address: str
    namespace: str
    settings: Settings
    crash: Crash | None = None


def work(post: Post) -> None:
    """Work, in a process of its own, for as long as the tests run."""
    asyncio.run(_work(post))


async def _work(post: Post) -> None:
    tests = multiprocessing.parent_process()
    assert tests is not None
    client = await connect(post.address, post.namespace)
    await register_search_attributes(client)
    async with CaseWorker(
        client,
        post.settings,
        interceptors=[_Doomed(post.crash)],
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    ):
        await asyncio.to_thread(tests.join)


class _Doomed(Interceptor):
    """Counts executions and ends the process in the one that is meant."""

    def __init__(self, crash: Crash | None) -> None:
        self._crash = crash
        self._seen = 0

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - so named by the SDK
        return _DoomedActivity(next, self)

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002 - so named by the SDK
    ) -> type[WorkflowInboundInterceptor]:
        return _Impatient

    def fate(self, arguments: Sequence[Any]) -> Moment | None:
        """When in this execution the process ends; None when it goes on."""
        crash = self._crash
        if crash is None or not crash.concerns(activity.info().activity_type, arguments):
            return None
        self._seen += 1
        return crash.moment if self._seen == crash.place else None


class _DoomedActivity(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, doomed: _Doomed) -> None:
        super().__init__(following)
        self._doomed = doomed

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - so named by the SDK
        fate = self._doomed.fate(input.args)
        if fate is Moment.BEFORE:
            os._exit(KILLED)
        result = await super().execute_activity(input)
        if fate is Moment.AFTER:
            os._exit(KILLED)
        return result


class _Impatient(WorkflowInboundInterceptor):
    """Has a dead worker's steps given out again soon, so that the tests need not wait for it."""

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_ImpatientSteps(outbound))


class _ImpatientSteps(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002 - so named by the SDK
        input.start_to_close_timeout = GIVEN_OUT_AGAIN
        return super().start_activity(input)
