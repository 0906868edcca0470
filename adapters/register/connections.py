"""Connections to the register's database: addresses, transactions, and what its errors mean."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.pool import ConnectionPoolEntry

from activities.ports import TemporaryFailure

SETTING = "DIPLOMA_REGISTER_URL"
"""The setting all that can go wrong here goes back to."""
MIGRATE = "run `diploma register migrate`"
WAIT_SECONDS = 5.0
"""How long anybody waits for another's transaction; ours take milliseconds."""

_POSTGRESQL = {"postgresql", "postgres", "postgresql+psycopg"}
_NOTICES_A_LOST_SERVER = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""libpq alone would wait for hours on a connection cut in the middle; milliseconds in the last."""


class BadRegister(Exception):
    """A register that cannot work before a person mends it; the text says what to do."""


class SchemaOutdated(BadRegister):
    """The tables are not those this version of the program needs."""


class Database:
    """SQLite or PostgreSQL behind one pool of connections, for any number of threads.

    No error text holds a statement, a parameter or a row: they may be personal (R13).
    """

    def __init__(self, url: str, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        address = _address(url)
        self._file = Path(address.database or "") if address.drivername == "sqlite" else None
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
                f"{SETTING}: {self._file} cannot be created; is its folder there, and ours?"
            ) from None
        with _translated(), closing(sqlite3.connect(self._file)) as connection:
            _write_ahead(connection, time.monotonic() + self._wait_seconds)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection to read with; all its statements see the same moment.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
            BadRegister: A person has to mend something.
        """
        with _translated(), self._reader.connect() as connection, connection.begin():
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
        with _translated(), self._writer.begin() as connection:
            if self._file is None:  # in SQLite there is one writer at a time anyway
                for name in sorted(held):
                    key = func.hashtextextended(name, 0)
                    connection.execute(select(func.pg_advisory_xact_lock(key)))
            yield connection


def _address(url: str) -> URL:
    with suppress(ArgumentError, ValueError):
        address = make_url(url)
        if address.drivername in _POSTGRESQL:
            return address.set(drivername="postgresql+psycopg")
        is_file = address.database not in {None, "", ":memory:"} and not address.query
        if address.drivername == "sqlite" and is_file:
            return address
    raise BadRegister(
        f"{SETTING}: write sqlite:///path/to/file or postgresql://user:password@host/name"
    )


def _sqlite(file: Path, wait_seconds: float) -> Engine:
    # mode=rw: a slip in the path must not create an empty register; only `create` creates.
    database = file.absolute().as_uri()
    engine = create_engine(
        URL.create("sqlite", database=database, query={"mode": "rw", "uri": "true"}),
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


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes then could not wait for another writer.
    options = connection.get_execution_options()
    connection.exec_driver_sql(options.get("begin", "BEGIN IMMEDIATE"))


def _write_ahead(connection: sqlite3.Connection, deadline: float) -> None:
    """Let readers read while somebody writes; the file remembers.

    Unlike all other statements this one does not wait for its turn by itself.
    """
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


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


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, NoConnectionFree, sqlite3.Error) as error:
        raise _meaning(error) from None


def _meaning(error: DBAPIError | NoConnectionFree | sqlite3.Error) -> Exception:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
        kind, text = _SQLITE.get(code & 0xFF, _REFUSED)  # the upper bits are details
        return kind(text)
    state = getattr(cause, "sqlstate", None)
    if isinstance(error, NoConnectionFree) or (state and isinstance(error, OperationalError)):
        return TemporaryFailure("register is busy or stopping")
    if isinstance(error, OperationalError | InterfaceError):
        # What a server says when it turns somebody away names the login or the database.
        _, _, said = str(cause).partition("FATAL:")
        return TemporaryFailure(f"register cannot be reached {said.strip()}".strip())
    kind, text = _POSTGRESQL_STATES.get(state or "", _REFUSED)
    return kind(text)


_Meaning = tuple[type[Exception], str]
_BUSY: _Meaning = (TemporaryFailure, "register is busy")
_DISK = (TemporaryFailure, "register cannot be written: its disk is full or failing")
_CLOSED = (BadRegister, f"{SETTING}: the file cannot be opened; mend the path, or {MIGRATE}")
_READ_ONLY = (BadRegister, f"{SETTING}: the file may not be written; mend its permissions")
_DAMAGED = (BadRegister, f"{SETTING}: the file is damaged or no register; restore a backup")
_NO_RIGHTS = (BadRegister, f"{SETTING}: the login lacks rights on the database; grant them")
_OTHER_TABLES = (SchemaOutdated, f"{SETTING}: the tables are not as expected; {MIGRATE}")
_REFUSED: _Meaning = (BadRegister, f"{SETTING}: the database refuses what it is asked; see its log")
_SQLITE: dict[int, _Meaning] = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_FULL: _DISK,
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_CANTOPEN: _CLOSED,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_ERROR: _OTHER_TABLES,
}
"""By primary code."""
_POSTGRESQL_STATES: dict[str, _Meaning] = {
    "42P01": _OTHER_TABLES,
    "42703": _OTHER_TABLES,
    "42501": _NO_RIGHTS,
}
"""By SQLSTATE: no such table, no such column, no right to."""
