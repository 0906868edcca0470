"""A key ring, a register and an access log of one service, as other processes see them."""

import os
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from records import opened

from adapters.access_log import AccessLog
from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from adapters.sealing.codec import SealingCodec
from adapters.sealing.keyring import KeyRing
from adapters.sealing.masters import MasterKeys
from adapters.sealing.sealer import CaseSealer


@pytest.fixture
def masters() -> str:
    """The master keys as a setting has them."""
    return "test:" + b64encode(os.urandom(32)).decode()


@pytest.fixture
def ring_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the ring is: apart from all else."""
    return tmp_path_factory.mktemp("ring") / "keys.db"


@pytest.fixture
def ring(ring_file: Path, masters: str) -> Iterator[KeyRing]:
    with closing(KeyRing(f"sqlite:///{ring_file}", MasterKeys.from_text(masters))) as ready:
        ready.create()
        yield ready


@pytest.fixture
def codec(ring: KeyRing) -> SealingCodec:
    return SealingCodec(ring)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the access log is."""
    return tmp_path / "log" / "access.log"


@pytest.fixture
def log(file: Path, ring: KeyRing) -> AccessLog:
    return AccessLog(file, ring)


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
