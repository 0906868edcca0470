"""Thousands of messages to one case, whose worker is killed meanwhile: none is lost."""

import asyncio
import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from crew import Ground, working
from helpers import until
from soak import insisted

from domain.statuses import CaseStatus
from starters import cases
from starters.demo import examples
from workflows.contracts import Signal, workflow_id

MESSAGES = 4000
"""Enough for a second history."""
SENDERS = 10
PAUSE = 0.4
"""Seconds between two messages of a sender. The engine throws a task away that has a hundred
messages waiting beside it: a new worker has four seconds to replay the case."""
KILLS = 2


@pytest.mark.proof
@pytest.mark.timeout(420)
async def test_a_flood_of_messages_is_counted_to_the_last_one(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(os.environ.get("CHAOS_SEED"))
    stack = Ground(tmp_path, day_seconds=3600)
    async with stack as client, working(stack, 1) as crew:
        number = (
            await insisted(cases.submit, client, stack.register, examples()[0].application)
        ).control_number
        case = client.get_workflow_handle(workflow_id(number))

        async def is_in_review() -> bool:
            return (await insisted(cases.row, client, number)).status is CaseStatus.IN_REVIEW

        await until(is_in_review, look_every=0.5)
        first = (await case.describe()).run_id
        waiting = iter(range(MESSAGES))

        async def send() -> None:
            for place in waiting:
                note = {"verdict": "maybe", "number": place}
                await insisted(case.signal, Signal.HOLDER_REPLIED.value, note)
                await asyncio.sleep(PAUSE)

        async def kill() -> None:
            for _ in range(KILLS):
                await asyncio.sleep(chance.uniform(30, 60))
                crew.one_dies(chance)

        await asyncio.gather(kill(), *(send() for _ in range(SENDERS)))
        parked = [0]

        async def all_are_there() -> bool:
            with suppress(cases.NoWorker):
                parked[:] = [(await cases.view(client, number)).parked_total]
            return parked[0] >= MESSAGES

        try:
            await until(all_are_there, seconds=120, look_every=1)
        finally:
            record_property("messages", [*parked, MESSAGES])
        assert parked == [MESSAGES]
        assert (await case.describe()).run_id != first
