"""A real stack for the command line, with accelerated days."""

import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.service import RPCError
from terminal import DAY_SECONDS, Cli, clean_environment

from starters.stack import EmbeddedStack, Ports
from starters.up import exports


@pytest.fixture(scope="session")
def stack_parts(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedStack:
    """Server, worker and everybody outside, before they are started."""
    folder = tmp_path_factory.mktemp("stack")
    return EmbeddedStack(folder, Ports.free(ui=False), day_seconds=DAY_SECONDS, in_memory=True)


@pytest.fixture(scope="session")
async def client(stack_parts: EmbeddedStack) -> AsyncIterator[Client]:
    """A client of the running stack."""
    async with stack_parts as connected:
        yield connected


@pytest.fixture
async def diploma(stack_parts: EmbeddedStack, client: Client, tmp_path: Path) -> AsyncIterator[Cli]:
    """The command line beside the running stack."""
    env = clean_environment(**dict(line.split("=", 1) for line in exports(stack_parts)))
    yield Cli(env, tmp_path)
    # A case left alone would go through its terms beside all tests to come.
    async for running in client.list_workflows('ExecutionStatus = "Running"'):
        with suppress(RPCError):  # it has ended in this moment
            await client.get_workflow_handle(running.id).terminate()


@pytest.fixture
def lonely(tmp_path: Path) -> Cli:
    """The command line on a machine where nothing runs."""
    return Cli(clean_environment(TEMPORAL_ADDRESS="127.0.0.1:1"), tmp_path)


@pytest.fixture(autouse=True)
def without_foreign_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests changes nothing."""
    for name in [name for name in os.environ if name.startswith(("TEMPORAL_", "DIPLOMA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
