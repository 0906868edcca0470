"""Fixtures of all tests of the register."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest
from records import new_ring, opened

from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from adapters.sealing.keyring import KeyRing
from adapters.sealing.sealer import CaseSealer


@pytest.fixture
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyRing]:
    """A key ring of this test's own: keys destroyed in it are nobody else's."""
    with closing(new_ring(tmp_path_factory.mktemp("ring"))) as ready:
        yield ready


@pytest.fixture
def sealer(ring: KeyRing) -> CaseSealer:
    return CaseSealer(ring)


@pytest.fixture
async def register(database_url: str, sealer: CaseSealer) -> AsyncIterator[SqlRegister]:
    """An empty register."""
    migrate(database_url, sealer)
    async with opened(database_url, sealer) as ready:
        yield ready


@pytest.fixture
async def neighbour(
    register: SqlRegister,  # noqa: ARG001 - it creates the tables
    database_url: str,
    sealer: CaseSealer,
) -> AsyncIterator[SqlRegister]:
    """The same register from another process, as far as the database can tell."""
    async with opened(database_url, sealer) as ready:
        yield ready
