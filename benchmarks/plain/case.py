"""The plain case: eight steps around three waits, each with an answer and a deadline."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from benchmarks.plain import steps
    from benchmarks.plain.steps import Answer, Fact, Outcome, Request

TASK_QUEUE = "plain"
STEP = timedelta(seconds=10)
CHECK, PRODUCTION, ISSUANCE = timedelta(days=7), timedelta(days=10), timedelta(days=2)
"""Until when each answer is to be there."""

T = TypeVar("T")


@workflow.defn
class PlainCase:
    """One request, start to end. Signals: checked, produced, handed_over. Query: status."""

    def __init__(self) -> None:
        self._status = "new"
        self._checked: Answer | None = None
        self._produced: Answer | None = None
        self._handed_over: Answer | None = None

    @workflow.run
    async def run(self, request: Request) -> Outcome:
        """Carry the case to its end."""
        case_id = request.case_id
        await self._step(steps.examine, request)
        await self._step(steps.ask_for_check, Fact(case_id))
        checked = await self._answer(lambda: self._checked, CHECK)
        await self._step(steps.accept, Fact(case_id, checked.reference))
        await self._step(steps.ask_for_production, Fact(case_id))
        produced = await self._answer(lambda: self._produced, PRODUCTION)
        await self._step(steps.register, Fact(case_id, produced.reference))
        await self._step(steps.ask_for_hand_over, Fact(case_id))
        handed_over = await self._answer(lambda: self._handed_over, ISSUANCE)
        await self._step(steps.record, Fact(case_id, handed_over.reference))
        return await self._step(steps.confirm, Fact(case_id))

    @workflow.signal
    def checked(self, answer: Answer) -> None:
        """The records agree."""
        self._checked = answer

    @workflow.signal
    def produced(self, answer: Answer) -> None:
        """The duplicate is made."""
        self._produced = answer

    @workflow.signal
    def handed_over(self, answer: Answer) -> None:
        """The duplicate is handed over."""
        self._handed_over = answer

    @workflow.query
    def status(self) -> str:
        """How far it has come."""
        return self._status

    async def _step(self, step: Callable[[T], Awaitable[Outcome]], argument: T) -> Outcome:
        outcome = await workflow.execute_activity(step, argument, start_to_close_timeout=STEP)
        self._status = outcome.status
        return outcome

    async def _answer(self, given: Callable[[], Answer | None], deadline: timedelta) -> Answer:
        await workflow.wait_condition(lambda: given() is not None, timeout=deadline)
        answer = given()
        assert answer is not None
        return answer
