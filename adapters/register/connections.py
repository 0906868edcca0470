"""Connections to the register's database, and transactions on them."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select
from sqlalchemy.pool import ConnectionPoolEntry

from activities.ports import TemporaryFailure
from adapters.database_address import database_address
from adapters.register.errors import SETTING, BadRegister
from adapters.register.failures import translated

WAIT_SECONDS = 5.0
"""How long anybody waits for another's transaction; ours take milliseconds."""

_NOTICES_A_LOST_SERVER = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""libpq alone would wait for hours on a connection cut in the middle; milliseconds in the last."""


class Database:
    """SQLite or PostgreSQL behind one pool of connections, for any number of threads.

    No error text holds a statement, a parameter or a row: they may be personal (R13).
    """

    def __init__(self, url: str, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        address = _address(url)
        is_file = address.drivername == "sqlite"
        self._file = Path(address.database or "").absolute() if is_file else None
        if self._file is not None:
            self._writer = _sqlite(self._file, wait_seconds)
            self._reader = self._writer.execution_options(begin="BEGIN")
        else:
            self._writer = _postgresql(address, wait_seconds)
            self._reader = self._writer.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @property
    def is_missing(self) -> bool:
        """True while the file was not created yet."""
        return self._file is not None and not self._file.exists()

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._writer.dispose()

    def create(self) -> None:
        """Create the file of SQLite, for its owner's eyes only; harmless when it is there."""
        if self._file is None:
            return
        try:
            self._file.touch(mode=0o600)
        except OSError:
            raise BadRegister(
                f"{SETTING}: {self._file} cannot be created; is there its folder, and may we write?"
            ) from None
        with translated(), closing(sqlite3.connect(self._file)) as connection:
            self._when_free(partial(_writes_ahead, connection))

    def scrub(self, *tables: str) -> None:
        """Write tables anew, so that nothing is left of what they held before.

        PostgreSQL's own log and old backups still have it. SQLite writes all tables at once.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
            BadRegister: A person has to mend something.
        """
        if self._file is None:
            anew = self._writer.execution_options(isolation_level="AUTOCOMMIT")
            with translated(), anew.connect() as connection:
                connection.exec_driver_sql(f"VACUUM FULL {', '.join(tables)}")
            return
        opened = partial(sqlite3.connect, self._file, timeout=self._wait_seconds)
        with translated(), closing(opened()) as connection:
            connection.execute("VACUUM")
            self._when_free(partial(_moved_from_log, connection))

    def _when_free(self, done: Callable[[], bool]) -> None:
        """Try until it is done: for the few statements that do not wait for their turn alone."""
        deadline = time.monotonic() + self._wait_seconds
        while not done():
            if time.monotonic() > deadline:
                raise TemporaryFailure("register is busy")
            time.sleep(0.02)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection to read with; all its statements see the same moment.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
            BadRegister: A person has to mend something.
        """
        with translated(), self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def transaction(self, *held: str) -> Iterator[Connection]:
        """A connection to write with, all or nothing.

        Args:
            held: What nobody else writes meanwhile, whether there is a row of it yet or not.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
            BadRegister: A person has to mend something.
        """
        with translated(), self._writer.begin() as connection:
            if self._file is None:  # in SQLite there is one writer at a time anyway
                for name in sorted(held):
                    key = func.hashtextextended(name, 0)
                    connection.execute(select(func.pg_advisory_xact_lock(key)))
            yield connection


def _address(url: str) -> URL:
    try:
        return database_address(url)
    except ValueError as error:
        raise BadRegister(f"{SETTING}: {error}") from None


def _sqlite(file: Path, wait_seconds: float) -> Engine:
    # mode=rw: a slip in the path must not create an empty register; only `create` creates.
    engine = create_engine(
        URL.create("sqlite", database=file.as_uri(), query={"mode": "rw", "uri": "true"}),
        hide_parameters=True,
        connect_args={"timeout": wait_seconds},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # `_begin` begins, not the driver
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA secure_delete = ON")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes then could not wait for another writer.
    options = connection.get_execution_options()
    connection.exec_driver_sql(options.get("begin", "BEGIN IMMEDIATE"))


def _writes_ahead(connection: sqlite3.Connection) -> bool:
    """Let readers read while somebody writes, which the file remembers; False while it is busy."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def _moved_from_log(connection: sqlite3.Connection) -> bool:
    """False while a reader is not through, or somebody else moves the log at this moment."""
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _postgresql(address: URL, wait_seconds: float) -> Engine:
    defaults = _NOTICES_A_LOST_SERVER | {
        "options": f"-c lock_timeout={wait_seconds}s -c idle_in_transaction_session_timeout=60s"
    }
    return create_engine(
        address,
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={name: defaults[name] for name in defaults.keys() - address.query.keys()},
    )
