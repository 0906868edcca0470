"""Master keys change, are lost and come back while a hundred cases run (R13)."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from helpers import until
from temporalio.client import Client
from terminal import EXAMPLES

from domain.statuses import CaseStatus
from starters import cases
from starters.console import read_case
from starters.stack import EmbeddedStack, Ports
from workflows.contracts import workflow_id

CASES = 100
FIRST_TRIES, MORE_TRIES = 2, 4
"""When no case is left that was at something as its key went, and some time later."""


async def standing(client: Client) -> Counter[CaseStatus | None]:
    """How many cases stand where, which no key is needed to see."""
    return Counter(row.status for row in await cases.rows(client))


async def fails(client: Client, row: cases.CaseRow, tries: int) -> bool:
    """Whether the engine begins a task or a step of the case again and again, and none comes off."""
    described = await client.get_workflow_handle(workflow_id(row.control_number)).describe()
    steps = described.raw_description.pending_activities
    failed = [
        step.last_failure.application_failure_info.type for step in steps if step.attempt >= tries
    ]
    stuck = any(kind != "NotYet" for kind in failed)
    return stuck or described.raw_description.pending_workflow_task.attempt > tries


@pytest.mark.proof
@pytest.mark.timeout(240)
async def test_a_hundred_cases_end_though_the_master_key_changes_and_is_lost_for_a_while(
    tmp_path: Path,
) -> None:
    application = read_case(EXAMPLES / "1-straight.json").application
    stack = EmbeddedStack(tmp_path, Ports.free(ui=False), day_seconds=2)
    async with stack as client:
        await asyncio.gather(
            *(
                cases.submit(client, stack.register, {**application, "submission_id": f"r{serial}"})
                for serial in range(CASES)
            )
        )

        async def under_way() -> bool:
            found = await standing(client)
            return found[CaseStatus.IN_REVIEW] + found[CaseStatus.IN_PRODUCTION] == CASES

        await until(under_way, seconds=60, look_every=0.5)

        async def most_fail(tries: int) -> bool:
            rows = await cases.rows(client)
            return (
                sum(await asyncio.gather(*(fails(client, row, tries) for row in rows))) > CASES / 2
            )

        file = tmp_path / "master-keys"
        [former] = (wrapped.master_id for wrapped in stack.keys.ring.wrapped())
        stack.keys.rotate()
        both = file.read_text()
        file.write_text(both.splitlines(keepends=True)[0])
        stack.keys.ring.close()  # and forgets what it had in memory, as it would after 30 seconds
        await until(lambda: most_fail(FIRST_TRIES), seconds=60, look_every=0.5)
        before = await standing(client)
        await until(lambda: most_fail(MORE_TRIES), seconds=60, look_every=0.5)
        assert await standing(client) == before
        assert before[CaseStatus.ISSUED] == 0

        file.write_text(both)
        assert stack.keys.ring.rewrap().left == 0
        stack.keys.forget(former)

        async def all_ended() -> bool:
            return (await standing(client))[CaseStatus.ISSUED] == CASES

        await until(all_ended, seconds=150, look_every=1)
    assert former not in file.read_text()
