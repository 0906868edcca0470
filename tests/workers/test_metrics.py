"""The metrics of a worker: counted where asked for, with labels that tell of no case (R13)."""

import asyncio
import re
import socket
import urllib.request

import pytest
from counting import Counting, fail_at_first
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from starters.server import free_ports
from workers.metrics import LABELS
from workers.settings import BadSettings, load_settings
from workers.temporal import runtime

MARKER = "Ivanova-4509-123456"
QUEUE = "measured"


def fetched(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        content: bytes = answer.read()
    return content.decode()


async def test_metrics_tell_nothing_of_any_case(server: WorkflowEnvironment) -> None:
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    client = await Client.connect(
        server.client.service_client.config.target_host, runtime=runtime(address)
    )
    async with Worker(client, task_queue=QUEUE, workflows=[Counting], activities=[fail_at_first]):
        await client.execute_workflow(Counting.run, MARKER, id=MARKER, task_queue=QUEUE)
        measured = await asyncio.to_thread(fetched, address)
    assert re.search(r"^diploma_parked_messages(_total)?\{.*\} 1$", measured, re.MULTILINE)
    assert "temporal_activity_execution_failed" in measured
    labels = set(re.findall(r'[{,](\w+)="', measured))
    assert {"activity_type", "workflow_type", "task_queue"} <= labels
    assert labels <= LABELS | {"le"}  # the bounds of histograms
    assert MARKER not in measured


def test_a_process_has_one_runtime() -> None:
    assert runtime() is runtime()


def test_a_metrics_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(BadSettings, match=f"DIPLOMA_METRICS_ADDRESS: {address} cannot"):
            runtime(address)


@pytest.mark.parametrize("wrong", ["localhost:9464", "127.0.0.1", "127.0.0.1:0", ":9464", "x:y"])
def test_a_metrics_address_is_a_number_and_a_port(wrong: str) -> None:
    with pytest.raises(BadSettings, match=r"DIPLOMA_METRICS_ADDRESS: .* 127\.0\.0\.1:9464"):
        load_settings(metrics_address=wrong)


def test_no_metrics_are_shown_unless_asked_for() -> None:
    assert load_settings().metrics_address is None
    assert load_settings(metrics_address="[::1]:9464").metrics_address == "[::1]:9464"
