"""Bringing the tables of the register up to date, and seeing that they are."""

from contextlib import closing

from sqlalchemy import inspect, text

from adapters.register.connections import Database
from adapters.register.errors import MIGRATE, SETTING, SchemaOutdated

HEAD = "0003"
"""The last step in `migrations`; they are numbered so that a later one is the greater."""

_NEWER = f"{SETTING}: the tables are of a newer version of this program; install that one"
_WAIT_SECONDS = 60.0
"""Another process may be at it; steps on full tables take longer than records."""


def migrate(url: str, revision: str = HEAD) -> None:
    """Create what is missing, up to `revision`; harmless when nothing is.

    Raises:
        TemporaryFailure: The database is away or busy; try again.
        BadRegister: The address cannot work, or a person has to mend something.
    """
    from alembic.command import upgrade  # noqa: PLC0415 - slow to load, and seldom needed
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "adapters.register:migrations")
    with closing(Database(url, _WAIT_SECONDS)) as database:
        database.create()
        with database.transaction("migration") as connection:
            config.attributes["connection"] = connection
            try:
                upgrade(config, revision)
            except CommandError:
                raise SchemaOutdated(_NEWER) from None


def check(url: str) -> None:
    """See that the tables are those this version works with.

    Raises:
        SchemaOutdated: They are not; the text says what to run.
        TemporaryFailure: The database is away or busy; try again.
        BadRegister: The address cannot work, or a person has to mend something.
    """
    with closing(Database(url)) as database:
        found = None if database.is_missing else _revision(database)
    if found is None:
        raise SchemaOutdated(f"{SETTING}: there are no tables yet; {MIGRATE}")
    if found < HEAD:
        raise SchemaOutdated(f"{SETTING}: the tables are of {found}, not {HEAD}; {MIGRATE}")
    if found > HEAD:
        raise SchemaOutdated(_NEWER)


def _revision(database: Database) -> str | None:
    with database.snapshot() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found
