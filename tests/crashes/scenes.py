"""Scenes of a crash: one case, a worker that dies in the middle of it, and one that takes over."""

import multiprocessing
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self

from crashing_worker import KILLED, Crash, Moment, Post, work
from helpers import until
from samples import valid_application
from temporalio.client import Client, WorkflowHandle

from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from domain.base import JsonObject
from domain.numbers import control_number
from domain.register import Paper, PaperKind, StoredCase
from domain.statuses import CaseStatus
from simulators.outside import Outside
from starters.server import EmbeddedServer, free_ports
from workers.settings import Settings, load_settings
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
"""What all workers would import for themselves is imported once."""
LOOK_EVERY = 0.1
"""Seconds between two looks at the register; all scenes share the processors."""


class Scene:
    """One case, watched in the register and outside: they are there whoever dies."""

    def __init__(
        self, client: Client, outside: Outside, register: SqlRegister, post: Post, crash: Crash
    ) -> None:
        self.client = client
        self.outside = outside
        self.register = register
        self.number = ""
        self.done = int(crash.moment is Moment.AFTER)
        """How often the step has had its effect when the worker dies."""
        self._post = post
        self._crash = crash
        self._workers: list[BaseProcess] = []

    @contextmanager
    def on_stage(self) -> Iterator[Self]:
        """With the worker that is going to die."""
        try:
            self._begin_work(self._crash)
            yield self
        finally:
            for worker in self._workers:
                worker.kill()
                worker.join()

    # --- what happens -------------------------------------------------------------------

    async def starts(self, **changes: Any) -> None:
        """Submit an application of its own control number."""
        raw: JsonObject = valid_application() | {"submission_id": self._post.namespace} | changes
        self.number = control_number(raw)
        await self.client.start_workflow(
            DuplicateRequest.run,
            CaseRequest(control_number=self.number, application=raw),
            id=workflow_id(self.number),
            task_queue=TASK_QUEUE,
            task_timeout=timedelta(seconds=1),
        )

    async def hears(self, name: Signal, fact: JsonObject | None = None) -> None:
        """Tell the case a fact."""
        await self._case.signal(name.value, fact or {})

    async def worker_dies(self) -> None:
        """Wait until the worker has come to its end."""
        worker = self._workers[-1]

        async def is_dead() -> bool:
            return not worker.is_alive()

        await until(is_dead, look_every=LOOK_EVERY)
        assert worker.exitcode == KILLED

    def another_takes_over(self) -> None:
        """Start a worker that does not die."""
        self._begin_work(None)

    # --- what is seen -------------------------------------------------------------------

    async def has(self, event: str, times: int = 1) -> StoredCase:
        """Wait until the register knows an event of the case so many times."""
        found: list[StoredCase] = []

        async def there() -> bool:
            stored = await self.register.find_case(self.number)
            found[:] = [stored] if stored else []
            return stored is not None and events(stored).count(event) >= times

        await until(there, look_every=LOOK_EVERY)
        return found[0]

    async def reaches(self, status: CaseStatus) -> StoredCase:
        """Wait until the case has entered a status, as the register knows."""
        return await self.has(status.value)

    async def papers(self, kind: PaperKind) -> list[Paper]:
        """Papers of a kind the register has."""
        known = await self.register.papers(self.number)
        return [paper for _, paper in known if paper.kind is kind]

    async def view(self) -> CaseView:
        """The case as it shows itself; needs a worker."""
        view: CaseView = await self._case.query(CASE_VIEW, result_type=CaseView)
        return view

    async def certificate_ends(self) -> str:
        """Wait for the end of the workflow of the temporary certificate."""
        handle = self.client.get_workflow_handle(certificate_workflow_id(self.number))
        return str(await handle.result())

    @property
    def _case(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(workflow_id(self.number))

    def _begin_work(self, crash: Crash | None) -> None:
        post = self._post.model_copy(update={"crash": crash})
        worker = PROCESSES.Process(target=work, args=(post,), daemon=True)
        worker.start()
        self._workers.append(worker)


def events(stored: StoredCase) -> list[str]:
    """What has happened in a case, in order."""
    return [event.event for event in stored.events]


class Theatre:
    """A server with a namespace for each scene; outside and register are everybody's."""

    def __init__(
        self, client: Client, address: str, outside: Outside, register: SqlRegister, url: str
    ) -> None:
        self._client = client
        self._address = address
        self._outside = outside
        self._register = register
        self._url = url

    def scene(self, namespace: str, crash: Crash, day_seconds: float) -> Scene:
        """A scene in a namespace of its own, where all workers are its own."""
        post = Post(
            address=self._address,
            namespace=namespace,
            settings=self._settings(day_seconds),
        )
        client = Client(**{**self._client.config(), "namespace": namespace})
        return Scene(client, self._outside, self._register, post, crash)

    def _settings(self, day_seconds: float) -> Settings:
        outside = self._outside
        settings = load_settings(
            day_seconds=day_seconds,
            holders_base_url=outside.base_url,
            payments_base_url=outside.base_url,
            sms_base_url=outside.base_url,
            register_url=self._url,
        )
        smtp = settings.smtp.model_copy(update={"host": outside.host, "port": outside.smtp_port})
        return settings.model_copy(update={"smtp": smtp})


@asynccontextmanager
async def open_theatre(folder: Path, namespaces: list[str]) -> AsyncIterator[Theatre]:
    """Everything but workers; holders do not answer of themselves in so short a time."""
    url = f"sqlite:///{folder / 'register.db'}"
    migrate(url)
    register = SqlRegister(url)
    server = EmbeddedServer(
        port=free_ports(1)[0],
        ui_port=None,
        log_file=folder / "temporal.log",
        extra_args=tuple(f"--namespace={namespace}" for namespace in namespaces),
    )
    async with server as client, Outside(folder=folder) as outside:
        yield Theatre(client, server.address, outside, register, url)
    await register.close()
