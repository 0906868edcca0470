"""The page where print-outs are checked, served in the foreground or within the stack (R8)."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from adapters.register.database import SqlRegister
from adapters.verification_page import VerificationPage, served
from starters import display, records
from starters.server import CannotStart
from workers.papers import verification_secret
from workers.settings import Settings


@asynccontextmanager
async def verification_site(
    settings: Settings, register: SqlRegister, host: str, port: int
) -> AsyncIterator[None]:
    """Serve the page while the context is entered.

    Raises:
        CannotStart: The port cannot be used.
        BadSettings: The secret cannot be used.
    """
    page = VerificationPage(
        register.paper_states, verification_secret(settings), settings.verification_url
    )
    async with AsyncExitStack() as started:
        try:
            await started.enter_async_context(served(page, host, port))
        except OSError as error:
            raise CannotStart(f"{host}:{port} cannot be listened on: {error.strerror}") from None
        yield


async def stay_up(settings: Settings, host: str, port: int) -> None:
    """Serve the page until told to stop.

    Raises:
        CannotStart: The port cannot be used.
        BadSettings: The secret cannot be used.
    """
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    async with (
        records.register() as register,
        verification_site(settings, register, host, port),
    ):
        display.out.print(
            f"Ready on http://{host}:{port} for {settings.verification_url}. Stop with Ctrl-C.",
            soft_wrap=True,
        )
        await told.wait()
