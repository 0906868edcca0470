"""A worker told to stop in the middle of a step ends it first."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from crew import Ground, working
from helpers import until

from domain.numbers import control_number
from simulators.client import play
from simulators.scenario import MailFault, Scenario
from starters import cases
from starters.demo import examples
from workflows.contracts import workflow_id

GRACE = 10


@pytest.mark.proof
async def test_a_worker_told_to_stop_finishes_what_it_has_begun(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    stack = Ground(tmp_path, day_seconds=3600)
    async with stack as client, working(stack, 1, DIPLOMA_DRAIN_SECONDS=str(GRACE)) as crew:
        worker = await crew.one()
        application = examples()[0].application
        number = control_number(application)
        hangs = Scenario(mail_faults=(MailFault.HANG_AFTER_DOT,))
        assert await play(stack.outside.base_url, number, hangs)
        await cases.submit(client, stack.register, application)

        async def has_a_mail_in_its_hands() -> bool:
            return bool(stack.outside.mail.mails(number))

        await until(has_a_mail_in_its_hands)
        told = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(2 * GRACE):
            code = await worker.wait()
        seconds = time.monotonic() - told
        record_property("note", f"A worker with a mail in its hands drained in {seconds:.1f} s")
        assert code == 0
        assert seconds < GRACE
        # What it had begun was reported: nobody has to find out that it is gone.
        events = client.get_workflow_handle(workflow_id(number)).fetch_history_events()
        reported = [
            event
            async for event in events
            if event.HasField("activity_task_completed_event_attributes")
        ]
        assert len(reported) == 2
