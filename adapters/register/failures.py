"""What the errors of databases mean to whoever uses the register."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from activities.ports import TemporaryFailure
from adapters.register.errors import MIGRATE, SETTING, BadRegister, SchemaOutdated

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


@contextmanager
def translated() -> Iterator[None]:
    """Raise what a database's errors mean to us, in words of ours.

    Theirs may quote a statement, a parameter or a row, which may be personal (R13).

    Raises:
        TemporaryFailure: The database is away or busy; try again.
        BadRegister: A person has to mend something.
    """
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
        said = re.search(r"FATAL: *(.+)", str(cause))
        return TemporaryFailure("register cannot be reached" + (f": {said[1]}" if said else ""))
    kind, text = _POSTGRESQL_STATES.get(state or "", _REFUSED)
    return kind(text)
