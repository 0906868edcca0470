"""Scenes of dying workers: one case each, on a real server and with a real outside."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from crashing_worker import KILLED, Death, Post, work
from forked import PROCESSES
from helpers import key_settings, trial_keys, until
from samples import valid_application
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import AsyncActivityHandle, Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from adapters.sealing.sealer import CaseSealer
from domain.base import JsonObject
from domain.numbers import control_number
from domain.register import Paper, PaperKind, PaperState, StoredCase
from domain.statuses import CaseStatus
from simulators.outside import Outside
from starters.server import EmbeddedServer, free_ports
from workers.settings import load_settings
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

SOON = timedelta(seconds=0.3)
"""When a dead worker's step is tried again; by its retries it might be ten minutes, a day here."""
LOOK_EVERY = 0.2
"""Seconds between two looks at the register; many scenes share few processors."""


class Scene:
    """One case, looked at in the register and outside: they are there whoever dies."""

    def __init__(
        self,
        client: Client,
        outside: Outside,
        register: SqlRegister,
        post: Post,
        deaths: Sequence[Death],
    ) -> None:
        self.client = client
        self.outside = outside
        self.register = register
        self.number = ""
        self.died = 0
        """Deaths so far."""
        self._post = post
        self._deaths = deaths
        self._worker: BaseProcess | None = None

    # --- what happens -------------------------------------------------------------------

    async def starts(self, **changes: Any) -> None:
        """Submit an application of its own control number; the first worker is there."""
        raw: JsonObject = valid_application() | {"submission_id": self._post.namespace} | changes
        self.number = control_number(raw)
        self.a_worker_comes()
        await self.client.start_workflow(
            DuplicateRequest.run,
            CaseRequest(control_number=self.number, application=raw),
            id=workflow_id(self.number),
            task_queue=TASK_QUEUE,
            task_timeout=timedelta(seconds=3),
        )

    async def hears(self, name: Signal, fact: JsonObject | None = None) -> None:
        """Tell the case a fact."""
        await self._case.signal(name.value, fact or {})

    async def worker_dies(self) -> None:
        """Wait until the worker has died in its step."""
        worker = self._worker
        assert worker is not None

        async def is_dead() -> bool:
            return not worker.is_alive()

        await until(is_dead, look_every=LOOK_EVERY)
        assert worker.exitcode == KILLED
        self.died += 1
        await until(self._engine_knows)

    def a_worker_comes(self) -> None:
        """Start a worker: with the next death before it, or after the last one with none."""
        death = self._deaths[self.died] if self.died < len(self._deaths) else None
        self._worker = PROCESSES.Process(target=work, args=(self._post, death), daemon=True)
        self._worker.start()

    def ends(self) -> None:
        """Send the last worker away."""
        if self._worker is not None:
            self._worker.kill()
            self._worker.join()

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
        """Wait until the register knows that the case has entered a status."""
        return await self.has(status.value)

    async def papers(self, kind: PaperKind) -> list[Paper]:
        """Papers of a kind in the register."""
        known = await self.register.papers(self.number)
        return [paper for _, paper in known if paper.kind is kind]

    async def in_force(self) -> set[PaperKind]:
        """Kinds of papers that are in force in the register."""
        known = await self.register.papers(self.number)
        return {paper.kind for _, paper in known if paper.state is PaperState.IN_FORCE}

    async def view(self) -> CaseView:
        """The case as it shows itself; a worker has to be there."""
        view: CaseView = await self._case.query(CASE_VIEW, result_type=CaseView)
        return view

    async def certificate_ends(self) -> str:
        """Wait for the end of the workflow of the temporary certificate; gives its outcome."""
        handle = self.client.get_workflow_handle(certificate_workflow_id(self.number))
        return str(await handle.result())

    @property
    def _case(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(workflow_id(self.number))

    async def _engine_knows(self) -> bool:
        names = workflow_id(self.number), certificate_workflow_id(self.number)
        return not await fail_held_steps(self.client, names)


async def fail_held_steps(client: Client, names: Iterable[str]) -> int:
    """Report a dead worker's steps as failed; tells how many there were.

    The engine would find out by itself when the time for a step is up: in a minute or three.
    Cutting that time instead would fail the steps of living workers on a busy machine.
    """
    held = [step for name in names async for step in _held_steps(client, name)]
    for step in held:
        with suppress(RPCError):  # its time was up in this moment
            await step.fail(ApplicationError("the worker is dead", next_retry_delay=SOON))
    return len(held)


async def _held_steps(client: Client, name: str) -> AsyncIterator[AsyncActivityHandle]:
    """Steps of a workflow the engine believes to be in a worker's hands."""
    with suppress(RPCError):  # most cases have no certificate to describe
        found = await client.get_workflow_handle(name).describe()
        for step in found.raw_description.pending_activities:
            if step.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED:
                yield client.get_async_activity_handle(
                    workflow_id=name, run_id=found.run_id, activity_id=step.activity_id
                )


A_HISTORY = 100_000
"""Bytes an engine's database has at least when a case was in it."""


def events(stored: StoredCase) -> list[str]:
    """What has happened in a case, in order."""
    return [event.event for event in stored.events]


class Theatre:
    """A server with a namespace for each scene; outside and register are there for all."""

    def __init__(
        self,
        client: Client,
        address: str,
        outside: Outside,
        register_url: str,
        folder: Path,
        sealer: CaseSealer,
    ) -> None:
        self._client = client
        self._address = address
        self._key_settings = key_settings(folder)
        self._outside = outside
        self._register_url = register_url
        self.register = SqlRegister(register_url, sealer)

    @contextmanager
    def scene(self, namespace: str, day_seconds: float, deaths: Sequence[Death]) -> Iterator[Scene]:
        """A scene in a namespace of its own, so that no other's worker takes its steps."""
        config = self._client.config()
        config["namespace"] = namespace
        post = self._post(namespace, day_seconds)
        scene = Scene(Client(**config), self._outside, self.register, post, deaths)
        try:
            yield scene
        finally:
            scene.ends()

    def _post(self, namespace: str, day_seconds: float) -> Post:
        outside = self._outside
        settings = load_settings(
            day_seconds=day_seconds,
            holders_base_url=outside.base_url,
            payments_base_url=outside.base_url,
            sms_base_url=outside.base_url,
            register_url=self._register_url,
            **self._key_settings,
        )
        smtp = settings.smtp.model_copy(update={"host": outside.host, "port": outside.smtp_port})
        return Post(
            address=self._address,
            namespace=namespace,
            settings=settings.model_copy(update={"smtp": smtp}),
        )


@asynccontextmanager
async def open_theatre(folder: Path, namespaces: Sequence[str]) -> AsyncIterator[Theatre]:
    """Everything but workers. A day outside is a real one: no holder answers by itself."""
    register_url = f"sqlite:///{folder / 'register.db'}"
    keys = trial_keys(folder)
    migrate(register_url, keys.sealer)
    server = EmbeddedServer(
        port=free_ports(1)[0],
        ui_port=None,
        codec=keys.codec,
        database=folder / "temporal.db",
        log_file=folder / "temporal.log",
        extra_args=tuple(f"--namespace={namespace}" for namespace in namespaces),
    )
    async with server as client, Outside(folder=folder) as outside:
        theatre = Theatre(client, server.address, outside, register_url, folder, keys.sealer)
        yield theatre
        await theatre.register.close()
    keys.close()
    assert_unreadable(folder)


def assert_unreadable(folder: Path) -> None:
    """However workers died, nothing of an applicant is in what the service keeps (R13)."""
    applicant = valid_application()["applicant"]
    assert isinstance(applicant, dict)
    shown = [str(applicant[name]).encode() for name in ("snils", "email", "phone")]
    kept = {file.name: file.read_bytes() for file in folder.glob("*.db*")}
    assert len(kept["temporal.db"]) > A_HISTORY
    assert [name for name, content in kept.items() for value in shown if value in content] == []
