"""The outside world on this machine: holders, payments, mail and text messages, as real servers."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from aiohttp import web

from domain.clock import SECONDS_PER_DAY
from simulators.api import Api
from simulators.desk import Desk
from simulators.mailbox import Mailbox
from simulators.state import State


class Outside:
    """Everybody we deal with, while the context is entered.

    What they know is kept in `folder`: outside.sqlite3 and mail/*.eml. Another Outside on
    the same folder goes on where this one was stopped or killed. `day_seconds` is how long
    one day lasts in real seconds; port 0 means any free one.
    """

    def __init__(
        self,
        *,
        folder: Path,
        host: str = "127.0.0.1",
        http_port: int = 0,
        smtp_port: int = 0,
        day_seconds: float = SECONDS_PER_DAY,
    ) -> None:
        self.folder = folder
        self.host = host
        self.http_port = http_port
        """The port listened on once the context is entered."""
        self.state = State(folder / "outside.sqlite3")
        self.day_seconds = day_seconds
        self.desk = Desk(self.state, day_seconds)
        self.api = Api(self.state, self.desk)
        self.mail = Mailbox(self.state, folder / "mail", host, smtp_port)
        self._running = AsyncExitStack()

    @property
    def base_url(self) -> str:
        """Where relative holder addresses, the payment system and the SMS gateway are found."""
        return f"http://{self.host}:{self.http_port}"

    @property
    def smtp_port(self) -> int:
        """The mail server's port."""
        return self.mail.port

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as started:
            started.enter_context(self.state)
            runner = web.AppRunner(
                self.api.app(),
                access_log=None,
                handler_cancellation=True,
                shutdown_timeout=0.1,  # a handler that plays a hang never ends by itself
            )
            started.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, self.host, self.http_port).start()
            self.http_port = runner.addresses[0][1]
            started.push_async_callback(self.mail.go_away)
            await self.mail.come_back()
            self._running = started.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()
