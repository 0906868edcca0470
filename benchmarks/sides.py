"""The two sides of the bench: each with a server and workers of its own, driven alike."""

import asyncio
import os
import sys
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from shutil import copytree
from types import TracebackType
from typing import Any, Self

from temporalio.client import Client, WorkflowHandle
from temporalio.converter import PayloadCodec

from adapters.profiles import DEFAULT_PROFILE
from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from benchmarks.outside import Outside
from benchmarks.plain.case import TASK_QUEUE, PlainCase
from benchmarks.plain.steps import Answer, Request
from benchmarks.processes import ROOT, MeasuredServer, Workers
from benchmarks.unsealed import unsealed
from domain.application import DeliveryMethod
from domain.clock import SECONDS_PER_DAY
from domain.errands import ErrandAnswer, ErrandKind
from domain.messages import HandOver, HolderReply, HolderVerdict, ProductionRecord
from domain.statuses import CaseStatus
from starters import cases
from starters.console import read_case
from starters.server import free_ports
from workers.keys import Keys
from workers.settings import PREFIX, Settings, load_settings
from workflows.contracts import CASE_VIEW, workflow_id

STRAIGHT = ROOT / "examples" / "1-straight.json"
DIPLOMA = str(Path(sys.executable).with_name("diploma"))
"""The command, as it is installed beside our Python."""
HOLDER_THINKS = 0.9
"""Seconds between the question to a holder and its answer, so that a case sleeps meanwhile."""


class Course:
    """How far a case has come, as seen from outside."""

    def __init__(self) -> None:
        self.waits = asyncio.Event()
        self.ended = asyncio.Event()


class Side(ABC):
    """A server, workers and the driver's connection; an async context manager."""

    name: str

    def __init__(self, folder: Path, *, in_memory: bool = False) -> None:
        """Describe the side.

        Args:
            folder: Empty; for all its files.
            in_memory: True keeps the server's data in memory, not in a file.
        """
        self.folder = folder
        self.courses: defaultdict[str, Course] = defaultdict(Course)
        self.holder_answers = True
        """False leaves cases asleep at their first question."""
        (port,) = free_ports(1)
        self.server = MeasuredServer(
            port=port,
            ui_port=None,
            log_file=folder / "temporal.log",
            codec=self._codec(),
            database=None if in_memory else folder / "temporal.db",
        )
        self.workers: Workers
        self.client: Client
        self.serials = count(1)
        """Told to whoever needs a number of its own."""
        self._answering = asyncio.TaskGroup()
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as started:
            await started.enter_async_context(self._answering)
            self.client = await self._connection(await started.enter_async_context(self.server))
            self.workers = Workers(
                await self._prepare(started),
                self.environment(),
                self.folder / "worker.log",
                self.hears,
            )
            await started.enter_async_context(self.workers)
            self._running = started.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._running.__aexit__(kind, error, trace)

    def environment(self) -> dict[str, str]:
        """Variables of its workers: ours, without settings somebody made for another stack."""
        return {
            name: value
            for name, value in os.environ.items()
            if not name.startswith((PREFIX, "TEMPORAL_"))
        }

    async def begin_anew(self) -> None:
        """Kill the workers and start others."""
        await self.workers.kill()
        await self.workers.start()

    def asked(self, case_id: str, what: str) -> None:
        """A case begins to wait for an answer."""
        self.courses[case_id].waits.set()
        if self.holder_answers:
            self._answering.create_task(self._answer_in_time(case_id, what))

    def ended(self, case_id: str) -> None:
        """A case has done its last step."""
        self.courses[case_id].ended.set()

    def hears(self, line: str) -> None:
        """Take a line a worker printed: a case asks for something, or has ended."""
        match line.split():
            case ["asked", case_id, what]:
                self.asked(case_id, what)
            case ["ended", case_id]:
                self.ended(case_id)

    @abstractmethod
    async def begin(self) -> str:
        """Start a case; returns its id when the starter has been told it."""

    @abstractmethod
    def handle(self, case_id: str) -> WorkflowHandle[Any, Any]:
        """Its workflow."""

    @abstractmethod
    async def look(self, case_id: str) -> None:
        """Ask the case how it stands; it is a worker that answers."""

    @abstractmethod
    async def has_ended(self, case_id: str) -> bool:
        """True when all that belongs to the end has been written down."""

    @abstractmethod
    async def _answer(self, case_id: str, what: str) -> None: ...

    @abstractmethod
    async def _prepare(self, started: AsyncExitStack) -> Sequence[str]:
        """Start what the workers need; returns their command."""

    def _codec(self) -> PayloadCodec | None:
        return None

    async def _connection(self, client: Client) -> Client:
        return client

    async def _answer_in_time(self, case_id: str, what: str) -> None:
        await asyncio.sleep(HOLDER_THINKS)
        await self._answer(case_id, what)


class Plain(Side):
    """The yardstick: nothing but the shape."""

    name = "plain"

    def handle(self, case_id: str) -> WorkflowHandle[Any, Any]:
        """Its workflow."""
        return self.client.get_workflow_handle(case_id)

    async def look(self, case_id: str) -> None:
        """Query its status."""
        await self.handle(case_id).query(PlainCase.status)

    async def has_ended(self, case_id: str) -> bool:
        """True when the workflow has completed."""
        return (await self.handle(case_id).describe()).close_time is not None

    async def begin(self) -> str:
        """Start a case."""
        request = Request(
            case_id=f"plain-{next(self.serials)}",
            applicant="Соколова Мария Сергеевна",
            email="m.sokolova@example.org",
            institution="7700001549",
            diploma="90 БА 1235678",
        )
        await self.client.start_workflow(
            PlainCase.run, request, id=request.case_id, task_queue=TASK_QUEUE
        )
        return request.case_id

    async def _answer(self, case_id: str, what: str) -> None:
        today = datetime.now(UTC).date().isoformat()
        await self.handle(case_id).signal(what, Answer(f"answer to {case_id}", today))

    async def _connection(self, client: Client) -> Client:
        """One with the SDK's own converter; the given one has the product's."""
        return await Client.connect(client.service_client.config.target_host)

    async def _prepare(self, started: AsyncExitStack) -> Sequence[str]:  # noqa: ARG002
        return [sys.executable, "-m", "benchmarks.plain.worker", self.server.address]


class Product(Side):
    """The complete product, with its default settings but for addresses and quiet hours."""

    name = "product"

    def __init__(
        self, folder: Path, *, in_memory: bool = False, day_seconds: float = SECONDS_PER_DAY
    ) -> None:
        """Describe the side; see `Side`.

        Args:
            folder: Empty; for all its files.
            in_memory: True keeps the server's data in memory, not in a file.
            day_seconds: Real seconds a calendar day lasts.
        """
        self._day_seconds = day_seconds
        self._keyring = f"sqlite:///{folder / 'keys.db'}"
        self._register_url = f"sqlite:///{folder / 'register.db'}"
        self._keys = self._keys_of(load_settings(secrets_folder=folder, keyring_url=self._keyring))
        self.register = SqlRegister(self._register_url, self._keys.sealer, missing_ok=True)
        self.outside = Outside(self.asked, self.ended)
        self._application = read_case(STRAIGHT).application
        super().__init__(folder, in_memory=in_memory)

    def environment(self) -> dict[str, str]:
        """Where its parts are, and a profile whose mails are sent at any hour."""
        own = {
            "PROFILE": str(self.folder / "profile"),
            "SMTP__PORT": str(self.outside.smtp_port),
            "HOLDERS_BASE_URL": self.outside.base_url,
            "REGISTER_URL": self._register_url,
            "STORE_URL": str(self.folder / "documents"),
            "SECRETS_FOLDER": str(self.folder),
            "KEYRING_URL": self._keyring,
            "ACCESS_LOG": str(self.folder / "access.log"),
            "DAY_SECONDS": str(self._day_seconds),
        }
        settings = {PREFIX + name: value for name, value in own.items()}
        return super().environment() | settings | {"TEMPORAL_ADDRESS": self.server.address}

    def asked(self, case_id: str, what: str) -> None:
        """A case begins to wait for an answer, and is told when it will be there."""
        self.outside.hurries = self.holder_answers
        super().asked(case_id, what)

    def handle(self, case_id: str) -> WorkflowHandle[Any, Any]:
        """Its workflow."""
        return self.client.get_workflow_handle(workflow_id(case_id))

    async def look(self, case_id: str) -> None:
        """Query the view, as `diploma status` does."""
        await self.handle(case_id).query(CASE_VIEW)

    async def has_ended(self, case_id: str) -> bool:
        """True when the register says that the duplicate is issued."""
        found = await self.register.find_case(case_id)
        return found is not None and found.case.status is CaseStatus.ISSUED

    async def begin(self) -> str:
        """Submit a case, as `diploma submit` does."""
        application = {**self._application, "submission_id": f"bench-{next(self.serials)}"}
        return (await cases.submit(self.client, self.register, application)).control_number

    async def _answer(self, case_id: str, what: str) -> None:
        self.outside.answers[case_id, what] = self._holders_answer(ErrandKind(what))

    async def _prepare(self, started: AsyncExitStack) -> Sequence[str]:
        started.callback(self._keys.close)
        self._keys.create()
        await asyncio.to_thread(migrate, self._register_url, self._keys.sealer)
        started.push_async_callback(self.register.close)
        await started.enter_async_context(self.outside)
        profile = copytree(DEFAULT_PROFILE, self.folder / "profile") / "procedure.toml"
        rules = profile.read_text(encoding="utf-8")
        rules = rules.replace("opens = 09:00:00", "opens = 00:00:00")
        rules = rules.replace("closes = 21:00:00", "closes = 23:59:59.999999")
        profile.write_text(rules, encoding="utf-8")
        return self._command()

    def _command(self) -> Sequence[str]:
        return [DIPLOMA, "worker"]

    def _keys_of(self, settings: Settings) -> Keys:
        return Keys(settings)

    def _codec(self) -> PayloadCodec | None:
        return self._keys.codec

    def _holders_answer(self, errand: ErrandKind) -> ErrandAnswer:
        today = datetime.now(UTC).date()
        serial = next(self.serials)
        match errand:
            case ErrandKind.VERIFICATION:
                return ErrandAnswer(reply=HolderReply(verdict=HolderVerdict.CONFIRMED))
            case ErrandKind.PRODUCTION:
                record = ProductionRecord(
                    series="117704",
                    number=f"{serial:07}",
                    registration_number=f"{serial}/26",
                    issued_on=today,
                )
                return ErrandAnswer(production=record)
            case _:
                hand_over = HandOver(
                    method=DeliveryMethod.POST,
                    handed_over_on=today,
                    reference=f"{serial:014}",
                )
                return ErrandAnswer(hand_over=hand_over)


class Unsealed(Product):
    """The product with nothing sealed; what sealing costs is the difference."""

    name = "product, unsealed"

    def _command(self) -> Sequence[str]:
        return [sys.executable, "-m", "benchmarks.unsealed"]

    def _keys_of(self, settings: Settings) -> Keys:
        return unsealed(settings)

    def _codec(self) -> PayloadCodec | None:
        return None
