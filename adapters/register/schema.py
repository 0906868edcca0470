"""Bringing the tables of the register up to date, and seeing that they are."""

from contextlib import closing

from sqlalchemy import Connection, inspect, text

from adapters.register.connections import Database
from adapters.register.errors import MIGRATE, SETTING, SchemaOutdated
from adapters.sealing.sealer import CaseSealer

HEAD = "0008"
"""The last step in `migrations`; they are numbered so that a later one is the greater."""

_MOVED = "0004"
"""The step after which clear text is left in the files, but in no row."""
_MOVED_FROM = ("cases", "papers", "federal_rows")
_NEWER = f"{SETTING}: the tables are of a newer version of this program; install that one"
_WAIT_SECONDS = 60.0
"""Another process may be at it; steps on full tables take longer than records."""


def migrate(url: str, sealer: CaseSealer, revision: str = HEAD) -> None:
    """Create what is missing, up to `revision`; harmless when nothing is.

    Args:
        url: Of the register.
        sealer: Seals what tables of older versions hold in clear; not asked for when there is
            nothing to seal.
        revision: The step to come to.

    Raises:
        TemporaryFailure: The database is away or busy, or the ring is; try again.
        BadRegister: The address cannot work, or a person has to mend something.
        BadKeys: A person has to mend the keys.
    """
    with closing(Database(url, _WAIT_SECONDS)) as database:
        database.create()
        _upgrade(database, sealer, min(revision, _MOVED))
        with database.snapshot() as connection:
            moved = _revision(connection) == _MOVED
        if moved:  # now, or by somebody who was interrupted
            database.scrub(*_MOVED_FROM)
        _upgrade(database, sealer, revision)


def _upgrade(database: Database, sealer: CaseSealer, revision: str) -> None:
    from alembic.command import upgrade  # noqa: PLC0415 - slow to load, and seldom needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "adapters.register:migrations")
    with database.transaction("migration") as connection:
        found = _revision(connection) or ""
        if found > HEAD:
            raise SchemaOutdated(_NEWER)
        if found < revision:
            config.attributes.update(connection=connection, sealer=sealer)
            upgrade(config, revision)


def check(url: str) -> None:
    """See that the tables are those this version works with.

    Raises:
        SchemaOutdated: They are not; the text says what to run.
        TemporaryFailure: The database is away or busy; try again.
        BadRegister: The address cannot work, or a person has to mend something.
    """
    with closing(Database(url)) as database:
        found = None
        if not database.is_missing:
            with database.snapshot() as connection:
                found = _revision(connection)
    if found is None:
        raise SchemaOutdated(f"{SETTING}: there are no tables yet; {MIGRATE}")
    if found < HEAD:
        raise SchemaOutdated(f"{SETTING}: the tables are of {found}, not {HEAD}; {MIGRATE}")
    if found > HEAD:
        raise SchemaOutdated(_NEWER)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
