"""Fixtures of several folders: the real server and everybody outside."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from authority import ours, theirs  # noqa: F401 - fixtures are found by name here
from databases import database_url, postgres  # noqa: F401 - fixtures are found by name here
from helpers import start_server, trial_keys
from paper_fixtures import key_file, signed, signer, unsigned  # noqa: F401 - likewise
from service_fixtures import codec, file, log, masters, neighbour, register, ring, ring_file, sealer  # noqa: F401 - likewise
from staging import CACHES, Stage, cache_options, working
from temporalio.testing import WorkflowEnvironment
from terminal_fixtures import client, diploma, lonely, stack_parts, without_foreign_settings  # noqa: F401 - fixtures are found by name here

from simulators.outside import Outside
from workers.keys import Keys


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    """One key ring for the whole session."""
    with closing(trial_keys(tmp_path_factory.mktemp("keys"))) as ready:
        yield ready


@pytest.fixture(scope="session")
async def server(keys: Keys) -> AsyncIterator[WorkflowEnvironment]:
    """One server for the whole session."""
    async with await start_server(keys.codec) as environment:
        yield environment


@pytest.fixture(scope="session")
async def outside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outside]:
    """Payments and mail, as real servers; a day lasts so short that all is paid at once."""
    folder: Path = tmp_path_factory.mktemp("outside")
    async with Outside(folder=folder, day_seconds=0.01) as running:
        yield running


@pytest.fixture(scope="session", params=CACHES)
async def stage(
    request: pytest.FixtureRequest, server: WorkflowEnvironment, outside: Outside
) -> AsyncIterator[Stage]:
    """A worker and a holder for the stories of one kind of cache."""
    name: str = request.param
    async with working(server, outside, f"stories-{name}", **cache_options(name)) as ready:
        yield ready
