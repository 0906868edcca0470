"""Mail over SMTP (R11): one recipient per mail, failures told apart by the reply code alone."""

import asyncio
import re
import secrets
from binascii import b2a_base64
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.charset import Charset
from email.header import Header
from email.utils import format_datetime, formataddr

import aiosmtplib
from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPResponseException

from activities.ports import Attachment, Mail, MaybeDone, PermanentFailure, TemporaryFailure
from adapters.smtp_settings import MailSecurity, SmtpSettings, ascii_address
from adapters.transport import tls_context, tls_fault

_UTF8 = Charset("utf-8")
_PARTS_OF_A_NAME = re.compile(r".{1,20}(?:\s|$)|.{20}")
"""Each fits into an encoded word of 75 characters, with two bytes for a letter."""
_LONGEST_LINE = 998
"""Bytes a line may have as it is (RFC 5321)."""
_ENCODED_LINE = 76
"""Characters a line of base64 may have (RFC 2045)."""
_PERMANENT, _REPLIES = range(500, 600), range(400, 600)
_REFUSALS_OF_US = frozenset({530, 534, 535, 538})
"""Permanent codes that ask for another login or for TLS: an operator's matter, not the mail's."""


class SmtpMailGateway:
    """Implements MailGateway. A connection that is idle waits a little for the next mail."""

    def __init__(self, settings: SmtpSettings) -> None:
        """Take the settings and read the files they name.

        Raises:
            BadTlsFile: One of the files cannot be used.
        """
        self._settings = settings
        self._sender = settings.sender_address
        self._from = _named(_one_line(settings.sender_name), self._sender)
        plain = settings.security is MailSecurity.NONE
        files = (settings.ca_file, settings.client_certificate, settings.client_key)
        self._tls = None if plain else tls_context(*files)
        self._idle: dict[SMTP, asyncio.Task[None]] = {}
        """Connections, each with what ends it when its time is over; the last was used last."""

    async def close(self) -> None:
        """End the connections that are idle; a later mail opens new ones."""
        for connection, end in list(self._idle.items()):
            del self._idle[connection]
            end.cancel()
            await _end(connection)

    async def send(self, mail: Mail) -> None:
        """Hand one mail to the mail server.

        A connection lost after the final dot may mean that the server has the mail: it is
        reported as a failure, and the next attempt carries the same Message-ID.

        Raises:
            MaybeDone: Try again; the connection was lost, or silent, with the mail.
            TemporaryFailure: Try again; the server is away, busy or greylisting, or refuses
                us rather than the mail (login, TLS, greeting). Where TLS is wanted, nothing
                but the greeting has been said without it.
            PermanentFailure: The server refused the mail for good.
        """
        try:
            recipient = ascii_address(mail.to)
            await self._deliver(self._headers(mail, recipient), mail, recipient)
        except SMTPResponseException as error:
            raise _refusal(error) from None
        except TimeoutError:
            raise TemporaryFailure("mail server did not answer in time") from None
        except (SMTPException, OSError) as error:
            raise TemporaryFailure(_trouble(error)) from None
        except ValueError:  # as a certificate that is not valid is, too, for Python
            raise PermanentFailure("mail cannot be written: address or text unusable") from None

    async def _deliver(self, headers: bytes, mail: Mail, recipient: str) -> None:
        connection = await self._with_sender()
        with _closed_on_failure(connection):
            content = headers + _content(mail, readable=_takes_eight_bits(connection))
            try:
                await connection.rcpt(recipient)
                await _hand_over(connection, content)
            except SMTPResponseException:
                await _end(connection)
                raise
        self._keep(connection)

    async def _with_sender(self) -> SMTP:
        """A connection on which a mail has been begun: one that was idle, or a new one."""
        while self._idle:
            connection, end = self._idle.popitem()
            end.cancel()
            # The server may have had enough of it, and nothing was said of this mail yet.
            with suppress(SMTPException, OSError), _closed_on_failure(connection):
                await self._begin(connection)
                return connection
        connection = self._new_connection()
        with _closed_on_failure(connection):
            await connection.connect()
            if connection.is_ehlo_or_helo_needed:
                try:
                    await connection.ehlo()
                except SMTPHeloError:
                    await connection.helo()
            await self._begin(connection)
        return connection

    async def _begin(self, connection: SMTP) -> None:
        eight_bits = ["BODY=8BITMIME"] if _takes_eight_bits(connection) else []
        await connection.mail(self._sender, options=eight_bits)

    def _new_connection(self) -> SMTP:
        settings = self._settings
        return SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            # Otherwise the greeting would tell the name of this machine.
            local_hostname=self._sender.partition("@")[2],
            timeout=settings.timeout_seconds,
            use_tls=settings.security is MailSecurity.TLS,
            start_tls=settings.security is MailSecurity.STARTTLS,
            tls_context=self._tls,
        )

    def _keep(self, connection: SMTP) -> None:
        self._idle[connection] = asyncio.create_task(self._end_when_idle(connection))

    async def _end_when_idle(self, connection: SMTP) -> None:
        await asyncio.sleep(self._settings.keep_seconds)
        del self._idle[connection]
        await _end(connection)

    def _headers(self, mail: Mail, recipient: str) -> bytes:
        """All of them but those that say what the content is.

        Written by hand, as is the content: the library's messages take each line apart and put
        it together anew, which costs more than all else that a mail does.

        Raises:
            ValueError: A header would be two.
        """
        settings = self._settings
        headers = {
            "MIME-Version": "1.0",
            "Message-ID": mail.message_id,
            "Date": format_datetime(datetime.now(UTC)),
            "From": self._from,
            "To": recipient,
            "Reply-To": settings.reply_to,
            "Subject": Header(_one_line(mail.subject), header_name="Subject").encode(),
            "Auto-Submitted": "auto-generated",
            "X-Diploma-Errand": mail.errand_key,
            "Content-Language": "ru",
        }
        lines = (f"{name}: {value}" for name, value in headers.items() if value is not None)
        return b"".join(map(_header, lines))


async def _hand_over(connection: SMTP, content: bytes) -> None:
    """Give the mail away.

    Raises:
        SMTPResponseException: The server does not take it.
        MaybeDone: It did not say; the library does not tell either how much it had heard.
    """
    try:
        await connection.data(content)
    except SMTPResponseException as error:
        if error.code not in _REPLIES:
            raise MaybeDone("mail server did not say whether it has the mail") from None
        raise
    except TimeoutError:
        raise MaybeDone("mail server did not answer in time") from None
    except (SMTPException, OSError):
        raise MaybeDone("mail server cannot be reached or hung up") from None


@contextmanager
def _closed_on_failure(connection: SMTP) -> Iterator[None]:
    """Leave no connection behind, when nobody waits any more either."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


async def _end(connection: SMTP) -> None:
    """Take leave, as a server expects it; it may have hung up already."""
    try:
        await connection.quit()
    except (SMTPException, OSError):
        connection.close()


def _takes_eight_bits(connection: SMTP) -> bool:
    return connection.supports_extension("8BITMIME")


def _header(line: str) -> bytes:
    """A header, which the library may have folded."""
    folded = line.split("\n")
    if "\r" in line or not all(part.startswith(" ") for part in folded[1:]):
        raise ValueError("a line break in a header")
    return "\r\n".join(folded).encode("ascii") + b"\r\n"


def _content(mail: Mail, *, readable: bool) -> bytes:
    """What a mail says and brings, with the headers that tell of it."""
    texts = (_text(mail.text, "plain", readable), _text(mail.html, "html", readable))
    said = _together("alternative", *texts)
    return _together("mixed", said, *map(_attached, mail.attachments)) if mail.attachments else said


def _together(subtype: str, *parts: bytes) -> bytes:
    boundary = secrets.token_hex(16)  # stands in nothing but what is written here

    def lines() -> Iterator[bytes]:
        yield f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n'.encode()
        for part in parts:
            yield f"\r\n--{boundary}\r\n".encode()
            yield part
        yield f"\r\n--{boundary}--\r\n".encode()

    return b"".join(lines())


def _text(text: str, subtype: str, readable: bool) -> bytes:
    content = text.encode().splitlines()
    kind = f'Content-Type: text/{subtype}; charset="utf-8"\r\n'.encode()
    if readable and all(len(line) <= _LONGEST_LINE for line in content):
        return kind + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + b"\r\n".join([*content, b""])
    return kind + _encoded(text.encode())


def _attached(file: Attachment) -> bytes:
    kind = f'Content-Type: {file.media_type}\r\nContent-Disposition: attachment; filename="{file.name}"\r\n'
    return kind.encode("ascii") + _encoded(file.content)


def _encoded(content: bytes) -> bytes:
    encoded = b2a_base64(content, newline=False)
    lines = (encoded[at : at + _ENCODED_LINE] for at in range(0, len(encoded), _ENCODED_LINE))
    return b"Content-Transfer-Encoding: base64\r\n\r\n" + b"\r\n".join([*lines, b""])


def _one_line(text: str) -> str:
    """`text` without line breaks of any kind: nothing in it can begin another header."""
    return " ".join(text.split())


def _named(name: str, address: str) -> str:
    """An address with a name, whose encoded words end where its own words do.

    Some programs show a space between two encoded words, against RFC 2047.
    """
    if name.isascii():
        return formataddr((name, address))
    words = (_UTF8.header_encode(part) for part in _PARTS_OF_A_NAME.findall(name))
    return "\n ".join([*words, f"<{address}>"])


def _trouble(error: SMTPException | OSError) -> str:
    if type(error) is SMTPException:  # the library has no other for what a server cannot do
        return "mail server offers no STARTTLS, or no login"
    return tls_fault("mail server", error) or "mail server cannot be reached or hung up"


def _refusal(error: SMTPResponseException) -> TemporaryFailure | PermanentFailure:
    """What a reply means: 5xx to the envelope or the content is final, all else may pass."""
    about_mail = isinstance(
        error,
        aiosmtplib.SMTPSenderRefused | aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError,
    )
    text = f"mail server refused the mail: {error.code}"
    if about_mail and error.code in _PERMANENT and error.code not in _REFUSALS_OF_US:
        return PermanentFailure(text)
    return TemporaryFailure(text)
