"""The worker of the plain case: `python -m benchmarks.plain.worker 127.0.0.1:7233`."""

import asyncio
import signal
import sys

from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.plain.case import TASK_QUEUE, PlainCase
from benchmarks.plain.steps import STEPS


async def work(address: str) -> None:
    """Work until SIGTERM."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    client = await Client.connect(address)
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[PlainCase], activities=STEPS):
        await told.wait()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
