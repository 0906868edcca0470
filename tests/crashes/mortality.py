"""The embedded stack with workers that die one after the other, and what came of its cases."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self

from crashing_worker import KILLED, Moment, Post
from forked import PROCESSES
from mortal_worker import TASK, work
from scenes import fail_held_steps
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowHandle,
    WorkflowHistory,
)
from temporalio.service import RPCError

from domain.base import Frozen
from domain.notices import NoticeEvent
from domain.register import RegisteredCharge
from domain.terms import Rung
from starters.demo import Player
from starters.stack import EmbeddedStack, Ports
from workers.main import CaseWorker
from workflows.contracts import certificate_workflow_id, workflow_id

TASK_TIMEOUT = timedelta(seconds=3)
"""So soon the engine gives up a task of a worker that died; by default ten seconds."""
OF_CODES = frozenset({"code_sent", "code_not_sent", "contact_confirmed"})
"""The applicant may enter the code a dead worker has sent before another one is sent."""
LATE = frozenset(
    {
        *Rung,
        NoticeEvent.CORRECTION_REMINDER,
        NoticeEvent.COLLECT_REMINDER,
        NoticeEvent.DELAYED,
        NoticeEvent.HOLDER_REMINDER,
        NoticeEvent.STAFF_WARNING,
        NoticeEvent.STAFF_BREACH,
    }
)
"""What only says that time has passed: deaths take time, and days are short."""


class Workers(CaseWorker):
    """In place of the stack's own worker: processes, each of which dies and gets a successor."""

    def __init__(self, stack: "MortalStack", client: Client, deaths: Path) -> None:
        super().__init__(client, stack.settings(), stack.keys)
        self._engine = client
        self._post = Post(
            address=stack.server.address, namespace=client.namespace, settings=stack.settings()
        )
        self._deaths = deaths
        self._at_work: asyncio.Task[None] | None = None
        self._worker: BaseProcess | None = None

    async def __aenter__(self) -> Self:
        self._at_work = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._at_work is not None
        self._at_work.cancel()
        with suppress(asyncio.CancelledError):
            await self._at_work

    async def _work(self) -> None:
        while True:
            worker = PROCESSES.Process(target=work, args=(self._post, self._deaths), daemon=True)
            worker.start()
            try:
                await _end_of(worker)
            finally:
                worker.kill()
                worker.join()
            assert worker.exitcode == KILLED, f"a worker ended with {worker.exitcode}"
            await self._bury()

    async def _bury(self) -> None:
        """Let the engine know of the death in every case at once."""
        cases = [case.id async for case in self._engine.list_workflows(_RUNNING)]
        await asyncio.gather(*(fail_held_steps(self._engine, [case]) for case in cases))


_RUNNING = 'ExecutionStatus = "Running"'


async def _end_of(worker: BaseProcess) -> None:
    """Wait until a process has ended; joining it in a thread would race with the next start."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(worker.sentinel, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(worker.sentinel)


class MortalStack(EmbeddedStack):
    """A stack whose workers die where they have not died before, as a file says."""

    def __init__(self, folder: Path, *, day_seconds: float) -> None:
        super().__init__(folder, Ports.free(ui=False), day_seconds=day_seconds)
        self.deaths = folder / "deaths"

    def worker(self, client: Client) -> CaseWorker:
        """Workers in processes of their own."""
        return Workers(self, client, self.deaths)

    def died_at(self) -> list[list[str]]:
        """The points so far: the kind of point, the workflow, which one."""
        return [line.split(" ") for line in self.deaths.read_text(encoding="utf-8").splitlines()]


class Hurried(Interceptor):
    """A client whose cases are soon taken from a dead worker."""

    def intercept_client(self, following: OutboundInterceptor) -> OutboundInterceptor:
        return _Hurried(following)


class _Hurried(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 - the SDK's name
        input.task_timeout = TASK_TIMEOUT
        return await super().start_workflow(input)


def hurried(client: Client) -> Client:
    """The same client for cases that are soon taken from a dead worker."""
    config = client.config()
    config["interceptors"] = [*config["interceptors"], Hurried()]
    return Client(**config)


class Played(Frozen):
    """What came of a case, in the register, at the engine and outside."""

    outcome: str
    expected: str
    stages: tuple[str, ...]
    remarks: tuple[str, ...]
    events: dict[str, int]
    charges: tuple[RegisteredCharge, ...]
    papers: tuple[tuple[str, str, str], ...]
    """Kind, state and number of each."""
    refunds: tuple[int, ...]
    mails: tuple[str, ...]
    """Events people were written to of, each Message-ID once."""
    most_mails: int
    """How often the mail arrived that arrived most often; twice where a worker died after it."""
    register_equals_engine: bool

    def differences_to(self, other: "Played") -> dict[str, tuple[object, object]]:
        """What came of them differently, but for mails that came twice."""
        mine, others = self.model_dump(), other.model_dump()
        names = set(mine) - {"most_mails"}
        return {name: (mine[name], others[name]) for name in names if mine[name] != others[name]}


async def played(stack: EmbeddedStack, player: Player) -> Played:
    """Look at a case that has been played to its end."""
    result, number = player.result(), player.number
    stored = await stack.register.find_case(number)
    assert player.view is not None
    assert result is not None
    assert stored is not None
    entries = [entry.event for entry in player.view.timeline]
    mails = Counter(mail["Message-ID"] for mail in stack.outside.mail.mails(number))
    told = [mail.split(".")[1] for mail in mails]
    return Played(
        outcome=result.outcome,
        expected=result.expected,
        stages=result.stages,
        remarks=result.remarks,
        events=dict(Counter(event for event in entries if event not in LATE | OF_CODES)),
        charges=stored.charges,
        papers=tuple(sorted((item.kind, item.state, item.number) for item in stored.papers)),
        refunds=tuple(
            sorted(
                refund.amount
                for refund in stack.outside.state.refunds()
                if refund.refund_id.startswith(number)
            )
        ),
        mails=tuple(sorted(event for event in told if event not in LATE)),
        most_mails=max(mails.values()),
        register_equals_engine=[event.event for event in stored.events] == entries
        and stored.case.status is player.view.status,
    )


class Points(Frozen):
    """Where the workers of a case died, and where they could have."""

    tasks: int = 0
    """Workflow tasks in the histories of the case."""
    died_at_tasks: int = 0
    """Those of them that a worker had done once before, and not reported."""
    steps: frozenset[str] = frozenset()
    """Names of the activities in the histories of the case."""
    died_before: frozenset[str] = frozenset()
    died_after: frozenset[str] = frozenset()

    def __add__(self, other: "Points") -> "Points":
        return Points(
            tasks=self.tasks + other.tasks,
            died_at_tasks=self.died_at_tasks + other.died_at_tasks,
            steps=self.steps | other.steps,
            died_before=self.died_before | other.died_before,
            died_after=self.died_after | other.died_after,
        )


def workflows_of(number: str) -> tuple[str, ...]:
    """Ids of the workflows a case may have."""
    return workflow_id(number), certificate_workflow_id(number)


async def points_of(stack: MortalStack, client: Client, names: Sequence[str]) -> Points:
    """Compare the deaths in some workflows with their histories."""
    found = Points()
    for name in names:
        with suppress(RPCError):  # most cases have no certificate
            history = await client.get_workflow_handle(name).fetch_history()
            found += _points_in(history, [place for place in stack.died_at() if place[1] == name])
    return found


def _points_in(history: WorkflowHistory, met: Sequence[Sequence[str]]) -> Points:
    def where(kind: str) -> frozenset[str]:
        return frozenset(which for what, _, which in met if what == kind)

    done = [
        event
        for event in history.events
        if event.HasField("workflow_task_completed_event_attributes")
    ]
    return Points(
        tasks=len(done),
        died_at_tasks=len(where(TASK) & {str(place + 1) for place in range(len(done))}),
        steps=frozenset(
            event.activity_task_scheduled_event_attributes.activity_type.name
            for event in history.events
            if event.HasField("activity_task_scheduled_event_attributes")
        ),
        died_before=where(Moment.BEFORE),
        died_after=where(Moment.AFTER),
    )


async def play(
    stack: EmbeddedStack, client: Client, players: Sequence[Player], seconds: float
) -> None:
    """Play all cases to their ends as the demo does, or for so many seconds."""
    quick = hurried(client)
    plays = [asyncio.create_task(player.play(quick, stack)) for player in players]
    _, late = await asyncio.wait(plays, timeout=seconds)
    for task in late:
        task.cancel()
