"""The register as starters use it; its libraries are only loaded where it is asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from workers.settings import load_settings

if TYPE_CHECKING:
    from adapters.register.database import SqlRegister


@asynccontextmanager
async def register() -> "AsyncIterator[SqlRegister]":
    """The register of the environment; a file that is not there yet reads as empty.

    Raises:
        BadRegister: Its address can never work, or its tables are not those needed.
    """
    from adapters.register.database import SqlRegister  # noqa: PLC0415

    opened = SqlRegister(load_settings().register_url, missing_ok=True)
    try:
        yield opened
    finally:
        await opened.close()
