"""Addresses of databases as settings have them: a file of SQLite, or PostgreSQL."""

from contextlib import suppress

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_POSTGRESQL = {"postgresql", "postgres", "postgresql+psycopg"}


def database_address(url: str) -> URL:
    """The address, with the driver we use.

    Raises:
        ValueError: It can never work; the text says what to write.
    """
    with suppress(ArgumentError, ValueError):
        address = make_url(url)
        if address.drivername in _POSTGRESQL:
            return address.set(drivername="postgresql+psycopg")
        is_file = address.database not in {None, "", ":memory:"} and not address.query
        if address.drivername == "sqlite" and is_file:
            return address
    raise ValueError("write sqlite:///path/to/file or postgresql://user:password@host/name")
