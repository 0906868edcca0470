"""Empty databases for tests: a file of SQLite, and a real PostgreSQL started for the session."""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import psycopg
import pytest
from aiohttp.test_utils import unused_port

_NAMES = (f"test_{number}" for number in itertools.count(1))


class PostgresServer:
    """A server on loopback, with all it has in a temporary folder; a context manager."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._port = unused_port()
        # The server refuses to be root; nobody is on every machine.
        self._user = "nobody" if os.geteuid() == 0 else None

    def __enter__(self) -> Self:
        if self._user:
            shutil.chown(self._folder, self._user)
        self._run("initdb", "--username=tests", "--auth=trust", "--encoding=UTF8", "--no-sync")
        options = (
            f"-c port={self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
            " -c fsync=off -c timezone=Asia/Vladivostok"  # whatever the zone, we read UTC
        )
        self._run("pg_ctl", "start", "--wait", f"--log={self._folder}/log", f"--options={options}")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        """The address of a database, as a setting has it."""
        return f"postgresql://tests@127.0.0.1:{self._port}/{database}"

    def create(self, database: str) -> str:
        """Create an empty database and give its address."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"'.encode())
        return self.url(database)

    def _run(self, program: str, *options: str) -> None:
        subprocess.run(
            [self._programs / program, f"--pgdata={self._folder}/data", *options],
            cwd=self._folder,
            user=self._user,
            extra_groups=[] if self._user else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=50,
        )


def postgres_programs() -> Path | None:
    """Where the programs of PostgreSQL are, Debian's own place included; None when nowhere."""
    found = [shutil.which("initdb"), *map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    return next((Path(program).parent for program in found if program), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for the whole session."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed here; on Debian: apt-get install postgresql")
    with PostgresServer(programs) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database; a test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/register.sqlite3"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create(next(_NAMES))
