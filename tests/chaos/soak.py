"""The soak: many cases live through what chance brings, while workers and server are killed."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

from crew import Crew, Ground
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import Client, RPCTimeoutOrCancelledError, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.ports import TemporaryFailure
from domain.base import JsonObject
from domain.numbers import control_number
from domain.register import PaperKind, PaperState, StoredCase
from domain.statuses import CaseStatus
from simulators.client import play
from simulators.scenario import (
    ApplicantStep,
    HolderFault,
    MailFault,
    PaymentStep,
    Scenario,
    SmsFault,
)
from simulators.state import KeptInvoice
from starters import cases
from starters.demo import Player, examples
from starters.intake import keep
from workflows.contracts import CaseView, Signal, Update, workflow_id

LOOK_EVERY = 1.5
"""Seconds between two looks at where a case stands."""
PATIENCE = 240.0
"""Seconds an applicant minds the case; it goes on without."""
LOOKS = 5
"""At a case that does not rest yet, in the end."""
SETTLES_WITHIN = 300.0
"""Seconds all cases have to come to rest when nobody is killed any more."""
AMBIGUOUS = {MailFault.HANG_AFTER_DOT, MailFault.DROP_AFTER_DOT}
"""Faults after which nobody knows whether a mail was taken."""
ASKS_FOR_A_PERSON = {"holder", "holder's system", "code"}
"""What is parked when the case can do no more and says so."""
FAILURES = {
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE,
}
"""What only a defect of ours brings about."""

T = TypeVar("T")
P = ParamSpec("P")


# --- what chance brings -------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What happens to a case; days of the procedure."""

    player: Player
    twice: bool
    """Submitted twice at the same time."""
    notes: int
    """Messages nobody can read, each of which is kept for a person."""
    payment_told: int
    """How often the payment system confirms what it has, beside being asked."""
    withdrawn_after: float | None


def plan(seed: int, place: int) -> Plan:
    """What happens to the case in this place: always the same for a seed."""
    chance = random.Random(f"{seed}/{place}")
    found = examples()
    pays = [player for player in found if player.scenario.payment.after_days is not None]
    player = chance.choice([*found, *pays])
    return Plan(
        player=replace(
            player,
            application={**player.application, "submission_id": f"soak-{seed}-{place}"},
            scenario=_scenario(player.scenario, chance),
        ),
        twice=chance.random() < 0.2,
        notes=chance.choice((0, 0, 1, 3)),
        payment_told=chance.choice((0, 1, 2)),
        withdrawn_after=chance.uniform(0, 3) if chance.random() < 0.15 else None,
    )


def _scenario(told: Scenario, chance: random.Random) -> Scenario:
    """The same with short waits and with faults; never three in a row, then a person has to ask."""

    def hurried() -> dict[str, object]:
        faults = chance.choices(list(HolderFault), k=chance.choice((0, 0, 1, 2)))
        return {"after_days": chance.uniform(0, 1), "faults": tuple(faults)}

    pays = told.payment.after_days is not None
    return told.model_copy(
        update={
            "verification": tuple(step.model_copy(update=hurried()) for step in told.verification),
            "production": told.production.model_copy(update=hurried()),
            "hand_over": told.hand_over.model_copy(
                update={
                    **hurried(),
                    "delivered_after_days": chance.uniform(0, 1),
                }
            ),
            "payment": PaymentStep(after_days=chance.uniform(0, 1) if pays else None),
            "applicant": tuple(
                step.model_copy(update={"after_days": chance.uniform(0, 0.5)})
                for step in told.applicant
            ),
            "mail_faults": tuple(_mail_faults(chance)),
            "sms_faults": tuple(chance.choices(list(SmsFault), k=chance.choice((0, 0, 1)))),
        }
    )


def _mail_faults(chance: random.Random) -> Iterator[MailFault]:
    """A few; at most one of unknown fate, so that it can be told how often a mail may come."""
    yield from chance.choices(
        [MailFault.GREYLIST_451, MailFault.REJECT_550], k=chance.choice((0, 0, 1, 2))
    )
    if chance.random() < 0.2:
        yield chance.choice(sorted(AMBIGUOUS))


# --- one case -----------------------------------------------------------------------------


@dataclass
class Life:
    """A case, what was acknowledged of what it was told, and whether its answers agreed."""

    plan: Plan
    number: str = ""
    acknowledged: Counter[str] = field(default_factory=Counter)
    equal_answers: bool = True

    async def run(self, client: Client, stack: Ground) -> None:
        """Submit, act as the applicant would, and go when nothing is left to do."""
        await self._begin(client, stack)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as everything:
                everything.create_task(self._act(client, stack))
                everything.create_task(self._notes(client, stack))
                everything.create_task(self._withdraw(client, stack))
                everything.create_task(self._payments(client, stack))

    async def _begin(self, client: Client, stack: Ground) -> None:
        player = self.plan.player
        number = control_number(player.application)
        assert await play(stack.outside.base_url, number, player.scenario)
        await keep(player.scans, number, stack.settings())
        answers = await asyncio.gather(
            *(
                insisted(cases.submit, client, stack.register, player.application)
                for _ in range(2 if self.plan.twice else 1)
            )
        )
        self.equal_answers = len(set(answers)) == 1
        self.acknowledged["submission"] += 1
        self.number = number

    async def _act(self, client: Client, stack: Ground) -> None:
        """Take the steps of the example, each when its status has come."""
        for step in self.plan.player.scenario.applicant:
            if not await self._comes_to(client, step.when):
                return
            await asyncio.sleep(step.after_days * stack.day_seconds)
            await self._take(client, stack, step)
        await self._comes_to(client, None)

    async def _comes_to(self, client: Client, wanted: CaseStatus | None) -> bool:
        """Wait for a status; False when the case has come to rest before."""
        while True:
            status = (await insisted(cases.row, client, self.number)).status
            if status is wanted and status is not None:
                return True
            if status is not None and (status.is_final or (not wanted and self._rests(status))):
                return False
            await asyncio.sleep(LOOK_EVERY)

    def _rests(self, status: CaseStatus) -> bool:
        pays = self.plan.player.scenario.payment.after_days is not None
        return status.awaits_applicant and not pays

    async def _take(self, client: Client, stack: Ground, step: ApplicantStep) -> None:
        player = replace(self.plan.player, number=self.number)
        name = Update.SUBMIT_CORRECTION if step.correct else Signal.WITHDRAW_REQUESTED
        if step.lift:
            name = Signal.SUSPENSION_LIFTED
        await self._tell(name, player._take, client, stack, step)

    async def _notes(self, client: Client, stack: Ground) -> None:
        """Send what nobody can read: each is kept for a person."""
        for place in range(self.plan.notes):
            await asyncio.sleep(0.2 * stack.day_seconds)
            note: JsonObject = {"verdict": "maybe", "number": place}
            await self._signal(client, Signal.HOLDER_REPLIED, note)

    async def _withdraw(self, client: Client, stack: Ground) -> None:
        if self.plan.withdrawn_after is not None:
            await asyncio.sleep(self.plan.withdrawn_after * stack.day_seconds)
            await self._signal(client, Signal.WITHDRAW_REQUESTED, {})

    async def _payments(self, client: Client, stack: Ground) -> None:
        """Confirm the first payment, some times, whether the case has asked after it or not."""
        if not self.plan.payment_told or self.plan.player.scenario.payment.after_days is None:
            return
        while True:
            kept = stack.outside.state.invoice(f"{self.number}.1")
            status = (await insisted(cases.row, client, self.number)).status
            if kept is not None and kept.payment is not None:
                break
            if status is not None and status.is_final:
                return
            await asyncio.sleep(LOOK_EVERY)
        for _ in range(self.plan.payment_told):
            told = kept.payment.model_dump(mode="json")
            await self._signal(client, Signal.PAYMENT_RECEIVED, told)

    async def told_of_payments(self, client: Client, stack: Ground) -> None:
        """Confirm what was paid and the case does not know: it may have ended in that moment."""
        stored = await stack.register.find_case(self.number)
        assert stored is not None
        for charge in stored.charges:
            kept = stack.outside.state.invoice(charge.invoice_id)
            if kept is not None and kept.payment is not None and charge.payment_id is None:
                told = kept.payment.model_dump(mode="json")
                await self._signal(client, Signal.PAYMENT_RECEIVED, told)

    async def _signal(self, client: Client, name: Signal, content: JsonObject) -> None:
        case: WorkflowHandle[object, object] = client.get_workflow_handle(workflow_id(self.number))
        await self._tell(name, case.signal, name.value, content)

    async def _tell(
        self, name: str, act: Callable[P, Awaitable[None]], *args: P.args, **more: P.kwargs
    ) -> None:
        """Do it until it is acknowledged; a case that has ended is told nothing more."""
        try:
            await insisted(act, *args, **more)
        except (cases.TurnedDown, cases.NoSuchCase):
            return
        self.acknowledged[name] += 1


async def insisted(act: Callable[P, Awaitable[T]], *args: P.args, **more: P.kwargs) -> T:
    """Try until it is acknowledged, while workers and server come and go.

    Raises:
        TurnedDown: The case will not hear it any more.
    """
    while True:
        try:
            return await act(*args, **more)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise cases.TurnedDown("the workflow has ended") from None
        except (cases.NoWorker, TemporaryFailure):
            pass
        except RPCTimeoutOrCancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from None
        await asyncio.sleep(1)


# --- all of them --------------------------------------------------------------------------


async def soak(
    stack: Ground, crew: Crew, client: Client, seed: int, amount: int, at_once: int
) -> list[Life]:
    """Let so many cases live, so many at once, while workers and server are killed."""
    lives = [Life(plan(seed, place)) for place in range(amount)]
    free = asyncio.Semaphore(at_once)

    async def one(life: Life) -> None:
        async with free:
            await life.run(client, stack)

    over = asyncio.Event()
    async with asyncio.TaskGroup() as everything:
        everything.create_task(havoc(stack, crew, random.Random(seed), over))
        await asyncio.gather(*map(one, lives))
        over.set()
    return lives


async def havoc(stack: Ground, crew: Crew, chance: random.Random, over: asyncio.Event) -> None:
    """Kill a worker or the server, again and again, until the soak is over."""
    while not over.is_set():
        await asyncio.sleep(chance.uniform(5, 12))
        if chance.random() < 0.75:
            crew.one_dies(chance)
        else:
            await stack.server_dies()


# --- the accounts -------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """A case when all is over: as the engine, the register and the outside have it."""

    life: Life
    view: CaseView
    stored: StoredCase
    received: Counter[str]
    """Messages in the history, by name."""
    failed_tasks: int
    invoices: tuple[KeptInvoice, ...]
    refunds: dict[str, int]
    """Amounts given back at the payment system, by invoice."""
    mails: Counter[str]
    """How often each arrived, by Message-ID."""

    @property
    def is_settled(self) -> bool:
        """True when the case has ended, or waits for a person."""
        return settled(self.view)


def settled(view: CaseView) -> bool:
    """True when nothing is on its way and the case has ended or waits for a person."""
    asks = any(item.message in ASKS_FOR_A_PERSON for item in view.parked)
    rests = view.status.is_final or view.status.awaits_applicant or view.awaits_code or asks
    return rests and not view.mails.waiting


def is_equal(view: CaseView, stored: StoredCase) -> bool:
    """True when the register says what the case itself says."""
    timeline = [(entry.at, entry.event, entry.detail) for entry in view.timeline]
    charges = view.fees.invoices if view.fees else ()
    return (
        stored.case.status is view.status
        and [(event.at, event.event, event.detail) for event in stored.events] == timeline
        and [(item.invoice_id, item.amount, item.paid, item.refunded) for item in stored.charges]
        == [(item.invoice_id, item.amount, item.paid, item.refunded) for item in charges]
        and set(view.papers) <= set(stored.papers)
        and _certificate(stored)
        == (view.temporary_certificate and view.temporary_certificate.state)
    )


def _certificate(stored: StoredCase) -> PaperState | None:
    """The state of the temporary certificate, which its own workflow brings into the register."""
    kind = PaperKind.TEMPORARY_CERTIFICATE
    return next((paper.state for paper in stored.papers if paper.kind is kind), None)


async def accounts(stack: Ground, client: Client, lives: list[Life]) -> list[Account]:
    """Wait until everything has come to rest, and look at everything."""
    await _all_rest(stack, client, lives)
    await asyncio.gather(*(life.told_of_payments(client, stack) for life in lives))
    await _all_rest(stack, client, lives)  # one that rested may have heard of its payment
    return [await _account(stack, client, life) for life in lives]


async def _all_rest(stack: Ground, client: Client, lives: list[Life]) -> None:
    deadline = asyncio.get_running_loop().time() + SETTLES_WITHIN
    restless = lives
    while restless and asyncio.get_running_loop().time() < deadline:
        restless = [life for life in restless if not await _rests(stack, client, life)]
        await asyncio.sleep(LOOK_EVERY)


async def _rests(stack: Ground, client: Client, life: Life) -> bool:
    view, stored = await _look(stack, client, life.number)
    return settled(view) and is_equal(view, stored)


async def _look(stack: Ground, client: Client, number: str) -> tuple[CaseView, StoredCase]:
    view = await insisted(cases.view, client, number)
    stored = await stack.register.find_case(number)
    assert stored is not None
    return view, stored


async def _account(stack: Ground, client: Client, life: Life) -> Account:
    number, state = life.number, stack.outside.state
    for _ in range(LOOKS):  # an ended case may hear something late in this very moment
        view, stored = await _look(stack, client, number)
        if settled(view) and is_equal(view, stored):
            break
        await asyncio.sleep(LOOK_EVERY)
    received, failed = Counter[str](), 0
    async for event in client.get_workflow_handle(workflow_id(number)).fetch_history_events():
        if event.HasField("workflow_execution_signaled_event_attributes"):
            received[event.workflow_execution_signaled_event_attributes.signal_name] += 1
        if event.HasField("workflow_execution_update_accepted_event_attributes"):
            received[Update.SUBMIT_CORRECTION] += 1
        if event.HasField("workflow_task_failed_event_attributes"):
            failed += event.workflow_task_failed_event_attributes.cause in FAILURES
    kept = (state.invoice(f"{number}.{place}") for place in range(1, 10))
    return Account(
        life=life,
        view=view,
        stored=stored,
        received=received,
        failed_tasks=failed,
        invoices=tuple(item for item in kept if item is not None),
        refunds={
            refund.invoice_id: refund.amount
            for refund in state.refunds()
            if refund.refund_id.startswith(number)
        },
        mails=Counter(mail["Message-ID"].strip(" <>") for mail in stack.outside.mail.mails(number)),
    )
