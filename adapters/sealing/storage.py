"""Where wrapped keys lie: a database of their own, far from what they seal."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    URL,
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateTable

from activities.ports import TemporaryFailure
from adapters.database_address import database_address
from adapters.moments import Moment
from adapters.sealing.errors import BadKeys
from adapters.sealing.masters import FOR_OTHERS

SETTING = "DIPLOMA_KEYRING_URL"

case_keys = Table(
    "case_keys",
    MetaData(),
    Column("key_id", String, primary_key=True),
    Column("control_number", String),  # empty while a typed message was sent nowhere yet
    Column("typed", Boolean, nullable=False),
    Column("began_plain", Boolean, nullable=False),
    Column("master_id", String, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),  # empty once destroyed
    Column("created_at", Moment, nullable=False),
    Column("destroyed_at", Moment),
)
anchors = Table(
    "anchors",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("digest", String, nullable=False),
)
"""The last line of each file that must not lose its end unseen."""
OWN = text("NOT typed")
"""Keys of cases; written as the index has it, or SQLite does not use it."""
_ONE_OWN_KEY = text(
    "CREATE UNIQUE INDEX IF NOT EXISTS uq_case_keys_own ON case_keys (control_number)"
    f" WHERE {OWN.text}"
)
"""As text, for a condition on an index would bring the dialects of all databases along."""

_WAIT_SECONDS = 5
"""How long anybody waits for another's statement; ours take milliseconds."""
_PRAGMAS = (
    "secure_delete = ON",
    "temp_store = MEMORY",
    # A key that a power cut takes back takes its case along; a destroyed one must not return.
    "synchronous = EXTRA",
)
_PASSES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
}


class KeyStorage:
    """SQLite or PostgreSQL behind one pool of connections, for any number of threads.

    Each statement stands for itself: no operation on keys needs two at once. SQLite keeps no
    write-ahead log here, for it would hold what was overwritten.
    """

    def __init__(self, url: str, setting: str = SETTING) -> None:
        """Connect at the first call only.

        Raises:
            BadKeys: The address can never work.
        """
        self._setting = setting
        address = _address(url, setting)
        is_file = address.drivername == "sqlite"
        self._file = Path(address.database or "").absolute() if is_file else None
        self._engine = _postgresql(address) if self._file is None else _sqlite(self._file)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._engine.dispose()

    @property
    def is_missing(self) -> bool:
        """True while the file was not created yet."""
        return self._file is not None and not self._file.exists()

    def create(self) -> None:
        """Create what is missing, the file of SQLite for its owner's eyes only."""
        if self._file is not None:
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.touch(mode=0o600)
            except OSError:
                raise self._bad(f"{self._file} cannot be created; mend path or rights") from None
        with self.connection() as connection:
            connection.execute(CreateTable(case_keys, if_not_exists=True))
            connection.execute(_ONE_OWN_KEY)
            connection.execute(CreateTable(anchors, if_not_exists=True))

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection on which every statement is committed at once.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
            BadKeys: A person has to mend something.
        """
        self._refuse_others()
        try:
            with self._engine.connect() as connection:
                yield connection
        except (DBAPIError, NoConnectionFree) as error:
            raise self._meaning(error) from None  # theirs may quote a statement

    def scrub(self) -> None:
        """Write the table anew, so that nothing is left of what was overwritten.

        In PostgreSQL its log and its backups still have it until they are recycled.
        """
        with self.connection() as connection:
            connection.exec_driver_sql("VACUUM" if self._file else "VACUUM FULL case_keys")

    def _refuse_others(self) -> None:
        if self._file is not None and self._file.exists():
            mode = self._file.stat().st_mode
            if mode & FOR_OTHERS:
                raise self._bad(f"others may read {self._file}; run chmod 600 {self._file}")

    def _bad(self, reason: str) -> BadKeys:
        return BadKeys(f"{self._setting}: {reason}")

    def _meaning(self, error: DBAPIError | NoConnectionFree) -> Exception:
        cause = error.orig if isinstance(error, DBAPIError) else None
        if isinstance(cause, sqlite3.Error):
            code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
            if code & 0xFF in _PASSES:  # the upper bits are details
                return TemporaryFailure("key ring is busy, or its disk full or failing")
            if self.is_missing:
                return self._bad(
                    f"{self._file} is missing: run this in the folder of the service; or make it "
                    "with `diploma keys create` when this is a first run, else restore it"
                )
            return self._bad(f"{self._file} is damaged, or no key ring; restore it")
        if isinstance(error, OperationalError | InterfaceError | NoConnectionFree):
            return TemporaryFailure("key ring cannot be reached, or is busy")
        return self._bad("the database refuses; is there the table, and may we write it?")


def _address(url: str, setting: str) -> URL:
    try:
        return database_address(url)
    except ValueError as error:
        raise BadKeys(f"{setting}: {error}") from None


def _sqlite(file: Path) -> Engine:
    # mode=rw: a slip in the path must not make an empty ring; only `create` creates.
    engine = create_engine(
        URL.create("sqlite", database=file.as_uri(), query={"mode": "rw", "uri": "true"}),
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        connect_args={"timeout": _WAIT_SECONDS},
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _postgresql(address: URL) -> Engine:
    defaults = {"connect_timeout": 10, "options": f"-c lock_timeout={_WAIT_SECONDS}s"}
    return create_engine(
        address,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={name: defaults[name] for name in defaults.keys() - address.query.keys()},
    )
