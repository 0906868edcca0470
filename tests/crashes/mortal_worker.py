"""The product's own worker as a process, which dies at every task and around every step, once.

Where it has died is kept in a file, so that the next worker gets further. Cases reach their
points at about the same time, so the worker holds each case at its point for a moment and then
dies once for all of them: before anything of it was reported to the engine.
"""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crashing_worker import KILLED, STICKY, Moment, Post, attend
from older import OneStep
from temporalio import activity
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.bridge.worker import Worker as BridgeWorker
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    WorkflowInstance,
    WorkflowInstanceDetails,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

QUIET = 0.3
"""Seconds without any work, while cases are held at their points, after which the worker dies."""
PATIENCE = 5.0
"""Seconds after the first arrival when it dies in any case."""
TASK = "task"


def place(what: str, case: str, which: str) -> str:
    """The name of a point as the file keeps it: the kind of point, the workflow, which one."""
    return f"{what} {case} {which}"


class Doom:
    """Where workers have died before, and the death of this one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._met = set(file.read_text(encoding="utf-8").splitlines()) if file.exists() else set()
        self._held: set[str] = set()
        self._first = self._latest = 0.0
        self._steps = 0
        self.never = asyncio.Event()
        """Kept here: what waits for an event nobody holds is collected as garbage."""
        self._lock = threading.Lock()

    def awaits(self, point: str) -> bool:
        """True when a worker has still to die at a point; from then on the end is near."""
        with self._lock:
            if point in self._met:
                return False
            self._held.add(point)
            self.works()
            if not self._first:
                self._first = self._latest
                threading.Thread(target=self._die, daemon=True).start()
            return True

    @contextmanager
    def step(self) -> Iterator[None]:
        """A step that should not be cut in two by the death of another case."""
        self._steps += 1
        try:
            yield
        finally:
            self._steps -= 1
            self.works()

    def works(self) -> None:
        """There is still something to do but waiting."""
        self._latest = time.monotonic()

    def _die(self) -> None:
        while not self._is_time():
            time.sleep(0.02)
        with self._lock, self._file.open("a", encoding="utf-8") as file:
            file.writelines(f"{point}\n" for point in sorted(self._held))
        os._exit(KILLED)

    def _is_time(self) -> bool:
        now = time.monotonic()
        return now > self._first + PATIENCE or (not self._steps and now > self._latest + QUIET)


# --- workflow tasks -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _MortalRunner(SandboxedWorkflowRunner):
    """The sandbox, whose worker dies when a task is done and not yet reported."""

    doom: Doom
    reports: dict[str, str]
    """The point at which a run is about to report, by the id of the run."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Make the instance of a case."""
        instance = super().create_instance(det)
        return _Mortal(instance, self.doom, self.reports, det.info.workflow_id)


class _Mortal(WorkflowInstance):
    """A case on a worker that is to die; counts its tasks."""

    def __init__(
        self, instance: WorkflowInstance, doom: Doom, reports: dict[str, str], case: str
    ) -> None:
        self._instance = instance
        self._doom = doom
        self._reports = reports
        self._case = case
        self._tasks = 0

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Do the task; whether the worker lives to report it is seen then."""
        if any(not job.HasField("query_workflow") for job in act.jobs):
            self._tasks += 1
            self._doom.works()
            if not act.is_replaying:
                self._reports[act.run_id] = place(TASK, self._case, str(self._tasks))
        return self._instance.activate(act)

    def get_serialization_context(self, command_info: Any) -> Any:
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Any:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()


def _hold_reports(doom: Doom, reports: dict[str, str]) -> None:
    """Let a worker of this process do its tasks, and not live to report them.

    Held here and not in the task, whose thread the SDK would take for one that hangs.
    """
    report = BridgeWorker.complete_workflow_activation

    async def held(worker: BridgeWorker, comp: WorkflowActivationCompletion) -> None:
        point = reports.pop(comp.run_id, None)
        if point is not None and doom.awaits(point):
            await doom.never.wait()
        await report(worker, comp)

    setattr(BridgeWorker, report.__name__, held)


# --- steps --------------------------------------------------------------------------------


class _MortalSteps(Interceptor):
    def __init__(self, doom: Doom) -> None:
        self._doom = doom

    def intercept_activity(self, following: ActivityInboundInterceptor) -> "_MortalStep":
        return _MortalStep(following, self._doom)


class _MortalStep(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, doom: Doom) -> None:
        super().__init__(following)
        self._doom = doom

    async def execute_activity(self, step: ExecuteActivityInput) -> Any:
        await self._passes(Moment.BEFORE)
        try:
            with self._doom.step():
                return await super().execute_activity(step)
        finally:
            await self._passes(Moment.AFTER)

    async def _passes(self, moment: Moment) -> None:
        info = activity.info()
        point = place(moment, info.workflow_id or "", info.activity_type)
        if self._doom.awaits(point):
            await self._doom.never.wait()


# --- the process --------------------------------------------------------------------------


def work(post: Post, file: Path | None) -> None:
    """Work in a process of its own, mortal where there is a file; it ends with the tests."""
    asyncio.run(attend(post, **(_mortal(Doom(file)) if file else {})))


def _mortal(doom: Doom) -> dict[str, Any]:
    reports: dict[str, str] = {}
    _hold_reports(doom, reports)
    return {
        "interceptors": [_MortalSteps(doom)],
        "workflows": [OneStep],
        "workflow_runner": _MortalRunner(doom=doom, reports=reports),
        "sticky_queue_schedule_to_start_timeout": STICKY,
    }
