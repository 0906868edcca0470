"""The bench measures what it says it measures."""

from collections import Counter
from pathlib import Path

import pytest
from helpers import until
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from benchmarks import measures, report
from benchmarks.bench import QUICK, Findings
from benchmarks.measures import Computing, Run
from benchmarks.plain.case import TASK_QUEUE, PlainCase
from benchmarks.plain.steps import STEPS, Answer, Request
from benchmarks.sides import Plain, Product, Side, Unsealed


def run_of(seconds: float) -> Run:
    used = Computing(worker=1, server=1, driver=1, machine=4)
    return Run(10, seconds, used, 1, (0.1, 0.2), 50, 9000)


async def test_a_plain_case_has_eight_steps_and_three_answered_waits(
    server: WorkflowEnvironment,
) -> None:
    client = await Client.connect(server.client.service_client.config.target_host)
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[PlainCase], activities=STEPS):
        handle = await client.start_workflow(
            PlainCase.run,
            Request("1", "A", "a@example.org", "7700001549", "90 БА 1235678"),
            id="plain-1",
            task_queue=TASK_QUEUE,
        )

        async def count(kind: EventType.ValueType) -> int:
            history = await handle.fetch_history()
            return Counter(event.event_type for event in history.events)[kind]

        for waits, signal in enumerate(("checked", "produced", "handed_over"), 1):

            async def asleep(waits: int = waits) -> bool:
                return await count(EventType.EVENT_TYPE_TIMER_STARTED) == waits

            await until(asleep)
            await handle.signal(signal, Answer("1", "2026-05-20"))
        assert (await handle.result()).status == "issued"
        assert await count(EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED) == 8
        assert await count(EventType.EVENT_TYPE_TIMER_CANCELED) == 3


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(Plain, marks=pytest.mark.proof),
        Product,
        pytest.param(Unsealed, marks=pytest.mark.proof),
    ],
)
async def test_cases_of_each_side_go_all_the_way(kind: type[Side], tmp_path: Path) -> None:
    async with kind(tmp_path, in_memory=True) as side:
        run = await measures.carry(side, 2, lambda: None)
        (sleeper,) = await measures.put_to_sleep(side, 1, lambda: None)
        await measures.all_answer(side, [sleeper], lambda: None)
    assert run.worker_cpu > 0
    assert run.server_cpu > 0
    assert run.events > 30


def test_what_is_not_kept_is_said_so() -> None:
    found = Findings(QUICK)
    for name, seconds in ((Plain.name, 1.0), (Product.name, 2.0), (Unsealed.name, 2.0)):
        found.on_file[name] = [run_of(seconds)]
    written = report.document(found)
    assert "| cases a second, product : plain | ≥ 1.0 | 0.50 | **no** |" in written
    assert "| computing, product : plain | ≤ 1.0 | 1.00 | yes |" in written
