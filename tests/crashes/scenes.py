"""Scenes of a crash: one case, a worker that dies in the middle of it, and one that takes over."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from crashing_worker import KILLED, Crash, Moment, Post, work
from helpers import until
from samples import valid_application
from temporalio.client import Client, WorkflowHandle

from adapters.register.database import SqlRegister
from domain.numbers import control_number
from domain.register import Paper, PaperKind, StoredCase
from domain.statuses import CaseStatus
from simulators.outside import Outside
from starters.server import EmbeddedServer, free_ports
from workflows.contracts import (
    CASE_VIEW,
    TASK_QUEUE,
    CaseRequest,
    CaseView,
    Signal,
    certificate_workflow_id,
    workflow_id,
)
from workflows.duplicate_request import DuplicateRequest

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["pytest", "workers.main"])
"""What all workers would import is imported once."""
LOOK_EVERY = 0.1
"""Seconds between two looks at the register; a whole theatre shares the processors."""
_serial = count(1)


class Scene:
    """One case, seen in the register and outside: they are there whatever dies."""

    def __init__(
        self, client: Client, outside: Outside, register: SqlRegister, post: Post, crash: Crash
    ) -> None:
        self.client = client
        self.outside = outside
        self.register = register
        self.done = int(crash.moment is Moment.AFTER)
        """How often the step has had its effect when the worker dies."""
        self.number = ""
        self._post = post
        self._crash = crash
        self._worker: BaseProcess | None = None

    @contextmanager
    def on_stage(self) -> Iterator["Scene"]:
        """With its first worker, the one that is going to die."""
        self._begin_work(self._crash)
        try:
            yield self
        finally:
            self._end_work()

    # --- what happens -------------------------------------------------------------------

    async def starts(self, **changes: Any) -> None:
        """Submit an application of its own control number."""
        raw = {**valid_application(), "submission_id": f"crash-{next(_serial)}", **changes}
        self.number = control_number(raw)
        await self.client.start_workflow(
            DuplicateRequest.run,
            CaseRequest(control_number=self.number, application=raw),
            id=workflow_id(self.number),
            task_queue=TASK_QUEUE,
            task_timeout=timedelta(seconds=1),
        )

    async def hears(self, name: Signal, payload: dict[str, object] | None = None) -> None:
        """Tell the case a fact."""
        await self._case().signal(name.value, payload or {})

    async def worker_dies(self) -> None:
        """Wait until the worker has died at its moment."""
        worker = self._worker

        async def is_dead() -> bool:
            return worker is not None and not worker.is_alive()

        await until(is_dead)
        assert worker is not None
        assert worker.exitcode == KILLED
        self._end_work()

    async def another_takes_over(self) -> None:
        """Start a worker that works to the end."""
        self._begin_work(None)

    # --- what is seen -------------------------------------------------------------------

    async def has(self, event: str, times: int = 1) -> StoredCase:
        """Wait until the register knows an event so many times."""
        found: list[StoredCase] = []

        async def there() -> bool:
            stored = await self.register.find_case(self.number)
            if stored is None or [item.event for item in stored.events].count(event) < times:
                return False
            found[:] = [stored]
            return True

        await until(there, look_every=LOOK_EVERY)
        return found[0]

    async def reaches(self, status: CaseStatus) -> StoredCase:
        """Wait until the register has the case in a status, or beyond."""
        return await self.has(status.value)

    async def papers(self, kind: PaperKind) -> list[Paper]:
        """Papers of a kind in the register."""
        known = await self.register.papers(self.number)
        return [paper for _, paper in known if paper.kind is kind]

    async def view(self) -> CaseView:
        """The case as it shows itself; needs a worker."""
        view: CaseView = await self._case().query(CASE_VIEW, result_type=CaseView)
        return view

    def certificate(self) -> WorkflowHandle[Any, Any]:
        """The workflow of the case's temporary certificate."""
        return self.client.get_workflow_handle(certificate_workflow_id(self.number))

    # --- how it is done -----------------------------------------------------------------

    def _case(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(workflow_id(self.number))

    def _begin_work(self, crash: Crash | None) -> None:
        post = self._post.model_copy(update={"crash": crash})
        self._worker = PROCESSES.Process(target=work, args=(post,), daemon=True)
        self._worker.start()

    def _end_work(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker.join()
            self._worker.close()
            self._worker = None


class Theatre:
    """One server with a namespace for each scene; outside and register are everybody's."""

    def __init__(self, folder: Path, scenes: int) -> None:
        self._url = f"sqlite:///{folder / 'register.db'}"
        self._namespaces = [f"scene-{place}" for place in range(scenes)]
        self._server = EmbeddedServer(
            port=free_ports(1)[0],
            ui_port=None,
            log_file=folder / "temporal.log",
            extra_args=tuple(f"--namespace={name}" for name in self._namespaces),
        )
        self._outside = Outside(folder=folder)
        self._register = SqlRegister(self._url)
