"""The outside of the product's cases: a holder that answers what it is given, and a mail server.

Both are real servers on loopback, but keep nothing: their work belongs to neither side.
"""

import logging
import re
from asyncio import get_running_loop
from collections.abc import Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Self

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from adapters.holders_http import ErrandState
from domain.errands import ErrandAnswer
from domain.notices import NoticeEvent

HOST = "127.0.0.1"
_MESSAGE_ID = re.compile(
    rb"^Message-ID:\s+<(?P<number>[0-9A-Z-]+)\.(?P<event>[a-z_]+)\.", re.MULTILINE | re.IGNORECASE
)


class Outside:
    """Listens while the context is entered."""

    def __init__(self, asked: Callable[[str, str], None], issued: Callable[[str], None]) -> None:
        """Prepare the servers.

        Args:
            asked: Told control number and errand when a holder is given an errand.
            issued: Told the control number when the mail arrives that a duplicate is issued.
        """
        self.http_port = self.smtp_port = 0
        self.mails = 0
        """How many have arrived."""
        self._asked = asked
        self._issued = issued
        self.answers: dict[tuple[str, str], ErrandAnswer] = {}
        """Of the holder, by control number and what was asked; whoever asks it is told to ask again in a second."""
        self.hurries = True
        """False tells nobody when to ask again."""
        self._errands: set[str] = set()
        self._running = AsyncExitStack()

    @property
    def base_url(self) -> str:
        """Where holders are found."""
        return f"http://{HOST}:{self.http_port}"

    async def __aenter__(self) -> Self:
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # it would log every mail
        app = web.Application()
        app.router.add_get("/holders/{inn}/errands/{key}", self._get_errand)
        app.router.add_put("/holders/{inn}/errands/{key}", self._put_errand)
        app.router.add_delete("/holders/{inn}/errands/{key}", self._delete_errand)
        async with AsyncExitStack() as started:
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            started.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, HOST, 0).start()
            self.http_port = runner.addresses[0][1]
            post = await get_running_loop().create_server(self._connection, HOST, 0)
            started.callback(post.close)
            self.smtp_port = post.sockets[0].getsockname()[1]
            self._running = started.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def _get_errand(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        if key not in self._errands:
            raise web.HTTPNotFound
        number, kind, *_ = key.split(".")
        answer = self.answers.get((number, kind))
        if answer is None:
            return self._not_yet(key)
        state = ErrandState(errand=key, state="answered", answer=answer)
        return web.Response(text=state.model_dump_json(), content_type="application/json")

    async def _put_errand(self, request: web.Request) -> web.Response:
        await request.read()
        key = request.match_info["key"]
        self._errands.add(key)
        number, kind, *_ = key.split(".")
        self._asked(number, kind)
        return self._not_yet(key)

    def _not_yet(self, key: str) -> web.Response:
        pending = ErrandState(errand=key, state="pending")
        return web.Response(
            text=pending.model_dump_json(),
            content_type="application/json",
            status=HTTPStatus.ACCEPTED,
            headers={"Retry-After": "1"} if self.hurries else {},
        )

    async def _delete_errand(self, _: web.Request) -> web.Response:
        return web.Response(status=HTTPStatus.NO_CONTENT)

    def _connection(self) -> SMTP:
        return SMTP(self, hostname="localhost", loop=get_running_loop())

    async def handle_DATA(  # noqa: N802 - found by this name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Count the mail; called by aiosmtpd."""
        self.mails += 1
        mail = _MESSAGE_ID.search(bytes(envelope.original_content or b""))
        if mail is not None and mail["event"].decode() == NoticeEvent.ISSUED:
            self._issued(mail["number"].decode())
        return "250 OK"
