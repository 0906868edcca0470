"""The outside's mail server: keeps every mail as a file and misbehaves on demand."""

import asyncio
import logging
import re
import ssl
import time
from collections import deque
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.parser import BytesHeaderParser
from email.policy import default
from pathlib import Path
from typing import Any
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from domain.notices import NoticeEvent
from simulators.desk import errand_of
from simulators.scenario import MailFault
from simulators.state import State

_MESSAGE_ID = re.compile(
    r"<(?P<control_number>[0-9A-Z-]{1,20})\.(?P<event>[a-z_]{1,40})\.[^@\s]+@[^>\s]+>"
)
_REPLIES = {
    MailFault.GREYLIST_451: "451 4.7.1 Greylisted, try again later",
    MailFault.REJECT_550: "550 5.1.1 No such mailbox",
}


class Mailbox:
    """An SMTP server for every address there is.

    Faults come from a case's scenario, played on its mails once they are read, or from
    `play`, for whatever mail comes next. TLS and a login are asked for only when given.
    """

    def __init__(
        self,
        state: State,
        folder: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        # aiosmtpd logs senders, recipients and contents below this level.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        self.letter_arrived = asyncio.Event()
        """Set whenever a letter to a holder has been kept."""
        self.folder = folder
        self.host = host
        self.port = port
        """The port listened on; with 0 any free one is chosen and then kept."""
        self._state = state
        self._tls = tls
        self._login = login
        self._faults: deque[MailFault] = deque()
        self._server: asyncio.Server | None = None
        self._connections: WeakSet[SMTP] = WeakSet()

    async def come_back(self) -> None:
        """Listen, on the same port as before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def go_away(self) -> None:
        """Stop listening and hang up on everybody."""
        if self._server is None:
            return
        self._server.close()
        for connection in tuple(self._connections):
            _hang_up(connection)
        await self._server.wait_closed()
        self._server = None

    def play(self, *faults: MailFault) -> None:
        """Misbehave with the next mails, whosever they are; refusals come at RCPT."""
        self._faults.extend(faults)

    def mails(self, control_number: str = "*") -> list[EmailMessage]:
        """The mails kept, of one case or all, in order of arrival."""
        files = sorted(self.folder.glob(f"*_{control_number}_*.eml"))
        return [_parsed(file.read_bytes()) for file in files]

    # --- called by aiosmtpd

    async def handle_RCPT(  # noqa: N802 - found by this name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Take any recipient, unless a refusal is to be played."""
        if self._faults and self._faults[0] in _REPLIES:
            return _REPLIES[self._faults.popleft()]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - found by this name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep the mail, then say so, unless something else is to be played."""
        content = bytes(envelope.original_content or b"")
        mail = _HEADERS.parsebytes(content)
        control_number, event = _subject_of(mail)
        fault = self._faults.popleft() if self._faults else None
        fault = fault or self._state.next_mail_fault(control_number)
        if fault in _REPLIES:
            return _REPLIES[fault]
        self._keep(content, mail, control_number, event)
        if fault is MailFault.DROP_AFTER_DOT:
            _hang_up(server)
        if fault is not None:
            await asyncio.get_running_loop().create_future()  # until the connection ends
        return "250 OK"

    async def handle_exception(self, error: Exception) -> str:
        """A full disk or a broken handshake is no verdict on the mail; nothing is logged."""
        return f"451 4.3.0 {type(error).__name__}"

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        right = isinstance(given, LoginPassword) and self._login == (
            given.login.decode(),
            given.password.decode(),
        )
        return AuthResult(success=right, handled=False)

    def _connection(self) -> SMTP:
        connection = SMTP(
            self,
            hostname="localhost",
            tls_context=self._tls,
            require_starttls=self._tls is not None,
            auth_required=self._login is not None,
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )
        self._connections.add(connection)
        return connection

    def _keep(self, content: bytes, mail: Message, control_number: str, event: str) -> None:
        number = self._state.number_mail(str(mail["Message-ID"]))
        file = self.folder / f"{number:06}_{control_number}_{event}.eml"
        unfinished = file.with_suffix(".part")
        unfinished.write_bytes(content)
        unfinished.rename(file)
        errand = errand_of(str(mail["X-Diploma-Errand"]).strip(), time.time())
        if errand is None:
            return
        self._state.place(errand)
        if event == NoticeEvent.HOLDER_RECALL:
            self._state.recall(errand.key)
        self.letter_arrived.set()


def _hang_up(connection: SMTP) -> None:
    if isinstance(connection.transport, asyncio.WriteTransport):
        connection.transport.abort()


_HEADERS = BytesHeaderParser(policy=default)
"""What is to be known of a mail on its arrival; parsing its papers takes longer than sending it."""


def _parsed(content: bytes) -> EmailMessage:
    return message_from_bytes(content, EmailMessage, policy=default)


def _subject_of(mail: Message) -> tuple[str, str]:
    """Control number and event, told by the Message-ID."""
    parts = _MESSAGE_ID.fullmatch(str(mail["Message-ID"]).strip())
    return (parts["control_number"], parts["event"]) if parts else ("unknown", "mail")
