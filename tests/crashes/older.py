"""Steps that only cases of earlier versions take: no new case leads to them, a bare workflow does."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from records import NUMBER, case_record
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy

from domain.notices import Audience, Notice, NoticeEvent, NoticeFacts
from starters.stack import EmbeddedStack
from workflows.contracts import TASK_QUEUE


@workflow.defn(sandboxed=False)
class OneStep:
    """A workflow of one step, whose name and argument it is told."""

    @workflow.run
    async def run(self, step: str, argument: Any) -> None:
        await workflow.execute_activity(
            step,
            argument,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200)),
        )


NOTICE = Notice(
    control_number=NUMBER,
    event=NoticeEvent.ACCEPTED,
    audience=Audience.APPLICANT,
    key="accepted.1",
    recipient="anna@example.org",
    not_before=datetime(2026, 4, 29, 10, 5, tzinfo=UTC),
    facts=NoticeFacts(happened_on=date(2026, 4, 29)),
)
STEPS: dict[str, Any] = {"record_case": case_record(NUMBER), "deliver_notices": [NOTICE]}


async def take_steps(client: Client) -> None:
    """Take all of them, one after the other."""
    for step, argument in STEPS.items():
        await client.execute_workflow(
            OneStep.run, args=[step, argument], id=name_of(step), task_queue=TASK_QUEUE
        )


def name_of(step: str) -> str:
    """Id of the workflow that takes a step."""
    return f"older/{step}"


async def took_effect_once(stack: EmbeddedStack) -> bool:
    """True when there is one record, and one mail or two of the same."""
    stored = await stack.register.find_case(NUMBER)
    mails = stack.outside.mail.mails(NUMBER)
    return (
        stored is not None
        and stored.revision == 1
        and 1 <= len(mails) <= 2
        and len({mail["Message-ID"] for mail in mails}) == 1
    )
