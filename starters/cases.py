"""What a starter does with cases: submit, look, correct, answer; over a connected client."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel
from temporalio.client import (
    Client,
    RPCError,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCStatusCode

from activities.ports import Register
from domain.base import Frozen, Instant, JsonObject
from domain.messages import CalendarPublished, HandOver, ParcelReport, ProductionRecord
from domain.numbers import control_number
from domain.routes import Route
from domain.statuses import CaseStatus
from workflows.contracts import (
    ASSIGNEE,
    CASE_STATUS,
    CASE_VIEW,
    DUPLICATE_REQUEST,
    OVERDUE,
    REFUSAL_REASONS,
    REGION,
    ROUTE,
    STAGE_DUE_AT,
    SUBMITTED_AT_MEMO,
    TASK_QUEUE,
    CaseRequest,
    CaseView,
    Signal,
    Update,
    update_id,
    workflow_id,
)

if TYPE_CHECKING:
    from adapters.register.database import SqlRegister

ANSWER_TIMEOUT = timedelta(seconds=30)
"""How long a person waits for an update before being told that no worker answers."""
QUERY_TIMEOUT = timedelta(seconds=5)

A = TypeVar("A", bound=BaseModel)


class NoSuchCase(Exception):
    """No case has this control number."""


class TurnedDown(Exception):
    """The case turned a request down; the text says why."""


class NoWorker(Exception):
    """The server is there but no worker answers for the case."""


class Submission(Frozen):
    """Answer to a submission; the same for every repetition of it."""

    control_number: str
    workflow_id: str
    submitted_at: Instant


class ErasedCase(Frozen):
    """All that is left to say of a case whose personal data was destroyed (R13)."""

    control_number: str
    status: CaseStatus
    status_label: str
    submitted_at: Instant
    ended_at: Instant | None
    erased_at: Instant | None
    """None while its erasure is not finished."""
    act_sha256: str | None
    """Of the act of destruction."""


class CaseRow(Frozen):
    """A case as the list shows it, from the search attributes alone."""

    control_number: str
    status: CaseStatus | None
    status_label: str
    route: str | None
    region: str | None
    stage_due_at: Instant | None
    overdue: bool
    assignee: str | None
    refusal_reasons: tuple[str, ...]


async def submit(client: Client, register: Register, application: JsonObject) -> Submission:
    """Start the case of an application, or find the one it already has (R8).

    The register outlives the engine's memory: a case it knows as ended is never begun again.

    Raises:
        NoWorker: No worker has ever prepared the namespace.
        TemporaryFailure: The register is away.
    """
    submission, _ = await begin(client, register, application)
    return submission


async def begin(
    client: Client, register: Register, application: JsonObject
) -> tuple[Submission, bool]:
    """Do what `submit` does, and say whether it was this very call that began the case.

    Raises:
        NoWorker: No worker has ever prepared the namespace.
        TemporaryFailure: The register is away.
    """
    number = control_number(application)
    known = await register.find_case(number)
    if known is not None and known.case.status.is_final:
        found = Submission(
            control_number=number,
            workflow_id=workflow_id(number),
            submitted_at=known.case.submitted_at,
        )
        return found, False
    # An open case that only the engine has lost is begun again, and answered as before.
    now = known.case.submitted_at if known else datetime.now(UTC)
    try:
        handle = await client.start_workflow(
            DUPLICATE_REQUEST,
            CaseRequest(control_number=number, application=application),
            id=workflow_id(number),
            task_queue=TASK_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            memo={SUBMITTED_AT_MEMO: now.isoformat()},
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(CASE_STATUS, CaseStatus.NOT_SENT.value),
                    SearchAttributePair(ROUTE, Route.INSTITUTION.value),
                    SearchAttributePair(OVERDUE, False),
                ]
            ),
            static_summary=f"Duplicate diploma {number}",
        )
    except WorkflowAlreadyStartedError:
        handle = client.get_workflow_handle(workflow_id(number))
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise NoWorker(
                "the namespace does not know our search attributes; start `diploma worker` once"
            ) from None
        raise
    description = await handle.describe()
    submitted_at = datetime.fromisoformat(await description.memo_value(SUBMITTED_AT_MEMO))
    submission = Submission(control_number=number, workflow_id=handle.id, submitted_at=submitted_at)
    return submission, known is None and submitted_at == now


async def describe(client: Client, number: str) -> WorkflowExecutionDescription:
    """The engine's description of a case.

    Raises:
        NoSuchCase: There is none.
    """
    try:
        return await _handle(client, number).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NoSuchCase(number) from None
        raise


async def view(client: Client, number: str) -> CaseView:
    """Everything about a case but the person.

    Raises:
        NoSuchCase: There is none.
        NoWorker: No worker is there to answer.
    """
    try:
        answer: CaseView = await _handle(client, number).query(
            CASE_VIEW, result_type=CaseView, rpc_timeout=QUERY_TIMEOUT
        )
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError):
        raise NoWorker("the worker could not answer for this case") from None
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NoSuchCase(number) from None
        if error.status in {
            RPCStatusCode.DEADLINE_EXCEEDED,
            RPCStatusCode.CANCELLED,
            RPCStatusCode.FAILED_PRECONDITION,
        }:
            raise NoWorker("no worker answers") from None
        raise
    return answer


async def view_on_record(register: "SqlRegister", number: str) -> CaseView | ErasedCase:
    """A case as the register has it, also when the engine has forgotten it.

    Raises:
        NoSuchCase: The register does not know it either.
        TemporaryFailure: The register is away.
    """
    known = await register.find_case(number)
    if known is None:
        raise NoSuchCase(number)
    if (erasure := await register.erasure(number)) is not None:
        return ErasedCase(
            control_number=number,
            status=known.case.status,
            status_label=known.case.status.label,
            submitted_at=known.case.submitted_at,
            ended_at=known.case.ended_at,
            erased_at=erasure.destroyed_at,
            act_sha256=erasure.act_sha256,
        )
    return CaseView.model_validate(
        {
            **known.view,
            "timeline": [event.model_dump(exclude={"place"}) for event in known.events],
            "papers": known.papers,
        }
    )


async def row(client: Client, number: str) -> CaseRow:
    """A case as the search attributes show it; needs no worker.

    Raises:
        NoSuchCase: There is none.
    """
    description = await describe(client, number)
    return _row(number, description.typed_search_attributes)


async def rows(
    client: Client,
    *,
    status: CaseStatus | None = None,
    route: Route | None = None,
    region: str | None = None,
    overdue: bool = False,
    officer: str | None = None,
    due_before: date | None = None,
    reason: str | None = None,
    limit: int = 1000,
) -> list[CaseRow]:
    """Cases that fit all filters, newest first; none of them may hold a quotation mark."""
    conditions = [f'WorkflowType = "{DUPLICATE_REQUEST}"']
    conditions += [f'{CASE_STATUS.name} = "{status.value}"'] if status else []
    conditions += [f'{ROUTE.name} = "{route.value}"'] if route else []
    conditions += [f'{REGION.name} = "{region}"'] if region else []
    conditions += [f"{OVERDUE.name} = true"] if overdue else []
    conditions += [f'{ASSIGNEE.name} = "{officer}"'] if officer else []
    conditions += [f'{REFUSAL_REASONS.name} = "{reason}"'] if reason else []
    if due_before is not None:
        # A stage ends as the next day begins in its region; everywhere in Russia that is
        # before the same day begins in UTC, and after the day before did.
        midnight = datetime.combine(due_before, time(0), UTC)
        conditions.append(f'{STAGE_DUE_AT.name} <= "{midnight.isoformat()}"')
    conditions.append('ExecutionStatus != "ContinuedAsNew"')
    found = client.list_workflows(" AND ".join(conditions), limit=limit)
    return [
        _row(execution.id.rpartition("/")[2], execution.typed_search_attributes)
        async for execution in found
    ]


async def update(
    client: Client,
    number: str,
    name: Update,
    payload: BaseModel,
    answer: type[A],
    *,
    occasion: int | None = None,
) -> A:
    """Ask something of a case and wait for its answer.

    Args:
        client: Connected to the engine.
        number: The control number.
        name: What is asked.
        payload: The question.
        answer: Type of the answer.
        occasion: Counts such questions; put again with the same number, nothing is done twice.

    Raises:
        NoSuchCase: There is none.
        TurnedDown: The case says no, or has ended.
        NoWorker: Nobody answered in time; nothing is known to have changed.
    """
    await _running(client, number)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
            answered: A = await _handle(client, number).execute_update(
                name.value, payload, id=update_id(name, occasion), result_type=answer
            )
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        raise TurnedDown(
            cause.message if isinstance(cause, ApplicationError) else "the case turned it down"
        ) from None
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        # The SDK turns a cancellation, as that at the end of our patience, into its own error.
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise asyncio.CancelledError from None
        raise NoWorker("no worker answered; try again when one runs") from None
    return answered


async def signal(client: Client, number: str, name: Signal, payload: BaseModel) -> None:
    """Tell a case a fact; it is kept even while no worker runs.

    Raises:
        NoSuchCase: There is none.
        TurnedDown: The case has ended.
    """
    await _running(client, number)
    await _handle(client, number).signal(name.value, payload)


async def answer_for_holder(
    client: Client, number: str, answer: ProductionRecord | HandOver | ParcelReport
) -> None:
    """Record the later answers of a holder: the duplicate is made, sent, back, or handed over.

    Raises:
        NoSuchCase: There is none.
        TurnedDown: The case does not wait for this answer.
    """
    match answer:
        case ProductionRecord():
            awaited, name = CaseStatus.IN_PRODUCTION, Signal.PRODUCTION_FINISHED
        case HandOver():
            awaited, name = CaseStatus.READY, Signal.DUPLICATE_HANDED_OVER
        case ParcelReport():
            awaited, name = CaseStatus.READY, Signal.PARCEL_REPORTED
    await _running(client, number)
    present = (await row(client, number)).status
    if present is not awaited:
        raise TurnedDown(f"this answer is not awaited: {present}")
    await signal(client, number, name, answer)


async def running(client: Client) -> AsyncIterator[str]:
    """Control numbers of all cases that have not ended, also in the engine's sense."""
    query = f'WorkflowType = "{DUPLICATE_REQUEST}" AND ExecutionStatus = "Running"'
    async for execution in client.list_workflows(query):
        yield execution.id.rpartition("/")[2]


async def tell_if_there(client: Client, number: str, news: CalendarPublished) -> bool:
    """Tell a case of a published calendar; False when it has gone in the meantime."""
    try:
        await _handle(client, number).signal(Signal.CALENDAR_PUBLISHED.value, news)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def _running(client: Client, number: str) -> None:
    description = await describe(client, number)
    status = description.typed_search_attributes.get(CASE_STATUS) or "ended"
    known = CaseStatus.__members__.get(status)
    ended = description.status is not WorkflowExecutionStatus.RUNNING
    if ended or (known is not None and known.is_final):
        raise TurnedDown(f"the case has ended: {status}")


def _handle(client: Client, number: str) -> WorkflowHandle[Any, Any]:
    return client.get_workflow_handle(workflow_id(number))


def _row(number: str, attributes: TypedSearchAttributes) -> CaseRow:
    value = attributes.get(CASE_STATUS)
    status = CaseStatus(value) if value and value in CaseStatus.__members__ else None
    return CaseRow(
        control_number=number,
        status=status,
        status_label=status.label if status else "",
        route=attributes.get(ROUTE),
        region=attributes.get(REGION),
        stage_due_at=attributes.get(STAGE_DUE_AT),
        overdue=bool(attributes.get(OVERDUE)),
        assignee=attributes.get(ASSIGNEE),
        refusal_reasons=tuple(attributes.get(REFUSAL_REASONS) or ()),
    )
