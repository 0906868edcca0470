"""The register as starters use it; its libraries are only loaded where it is asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from domain.register import CalendarYear
from workers.settings import load_settings

if TYPE_CHECKING:
    from adapters.register.database import SqlRegister


@asynccontextmanager
async def register() -> "AsyncIterator[SqlRegister]":
    """The register of the environment; a file that is not there yet reads as empty.

    Raises:
        BadRegister: Its address can never work, or its tables are not those needed.
        BadKeys: The keys of its cases cannot be used.
    """
    from adapters.register.database import SqlRegister  # noqa: PLC0415
    from workers.keys import opened_keys  # noqa: PLC0415

    settings = load_settings()
    with opened_keys(settings) as keys:
        opened = SqlRegister(settings.register_url, keys.sealer, missing_ok=True)
        try:
            yield opened
        finally:
            await opened.close()


async def loaded_years() -> tuple[CalendarYear, ...]:
    """Years of the official calendar loaded by hand; none where there is no register."""
    async with register() as opened:
        return await opened.calendar_years()
