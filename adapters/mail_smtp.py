"""Mail over SMTP (R11): one recipient per mail, failures told apart by the reply code alone."""

from datetime import UTC, datetime
from email.charset import Charset
from email.encoders import encode_base64
from email.header import Header
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime
from typing import Any

import aiosmtplib
from aiosmtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

from activities.ports import Attachment, Mail, PermanentFailure, TemporaryFailure
from adapters.smtp_settings import ADDRESS, MailSecurity, SmtpSettings
from adapters.transport import tls_context, tls_fault

_READABLE = Charset("utf-8")
_READABLE.body_encoding = None  # type: ignore[assignment]  # which the library documents
"""Leaves a body as it is, without base64."""
_LONGEST_LINE = 998
"""Bytes a line may have as it is (RFC 5321)."""
_PERMANENT = range(500, 600)
_REFUSALS_OF_US = frozenset({530, 534, 535, 538})
"""Permanent codes that ask for another login or for TLS: an operator's matter, not the mail's."""


class SmtpMailGateway:
    """Implements MailGateway; one connection per mail."""

    def __init__(self, settings: SmtpSettings) -> None:
        """Take the settings and read the files they name.

        Raises:
            BadTlsFile: One of the files cannot be used.
        """
        self._settings = settings
        name = Header(_one_line(settings.sender_name), header_name="From").encode()
        self._from = f"{name} <{_ascii_address(settings.sender_address)}>"
        plain = settings.security is MailSecurity.NONE
        files = (settings.ca_file, settings.client_certificate, settings.client_key)
        self._tls = None if plain else tls_context(*files)

    async def send(self, mail: Mail) -> None:
        """Hand one mail to the mail server.

        A connection lost after the final dot may mean that the server has the mail: it is
        reported as a failure, and the next attempt carries the same Message-ID.

        Raises:
            TemporaryFailure: Try again; the server is away, busy or greylisting, or refuses
                us rather than the mail (login, TLS, greeting). Where TLS is wanted, nothing
                but the greeting has been said without it.
            PermanentFailure: The server refused the mail for good.
        """
        try:
            recipient = _ascii_address(mail.to)
            message = self._message(mail, recipient)
        except ValueError:
            raise PermanentFailure("mail cannot be written: address or text unusable") from None
        try:
            await self._deliver(message, recipient)
        except SMTPRecipientsRefused as error:
            raise _refusal(error.recipients[0]) from None
        except SMTPResponseException as error:
            raise _refusal(error) from None
        except TimeoutError:
            raise TemporaryFailure("mail server did not answer in time") from None
        except (SMTPException, OSError) as error:
            raise TemporaryFailure(_trouble(error)) from None

    async def _deliver(self, message: "Message[Any, Any]", recipient: str) -> None:
        settings = self._settings
        await aiosmtplib.send(
            message,
            sender=_ascii_address(settings.sender_address),
            recipients=[recipient],
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            # Otherwise the greeting would tell the name of this machine.
            local_hostname=_ascii_address(settings.sender_address).partition("@")[2],
            timeout=settings.timeout_seconds,
            use_tls=settings.security is MailSecurity.TLS,
            start_tls=settings.security is MailSecurity.STARTTLS,
            tls_context=self._tls,
        )

    def _message(self, mail: Mail, recipient: str) -> "Message[Any, Any]":
        """The mail as it is sent.

        Of the older classes of the library: the newer ones take each header apart and put it
        together anew, which cost more than everything else a mail does.
        """
        settings = self._settings
        body = MIMEMultipart("alternative")
        body.attach(_part(mail.text, "plain"))
        body.attach(_part(mail.html, "html"))
        message: Message[Any, Any] = body
        if mail.attachments:
            files = [_attached(file) for file in mail.attachments]
            message = MIMEMultipart("mixed", None, [body, *files])
        message["Message-ID"] = _Unfolded(mail.message_id)
        message["Date"] = format_datetime(datetime.now(UTC))
        message["From"] = self._from
        message["To"] = _Unfolded(recipient)
        if settings.reply_to is not None:
            message["Reply-To"] = _Unfolded(_ascii_address(settings.reply_to))
        message["Subject"] = Header(_one_line(mail.subject), header_name="Subject")
        message["Auto-Submitted"] = "auto-generated"
        if mail.errand_key is not None:
            message["X-Diploma-Errand"] = _Unfolded(mail.errand_key)
        message["Content-Language"] = "ru"
        return message


class _Unfolded(Header):
    """A value without a space in it: to fold it would leave its first line empty."""

    def encode(
        self,
        splitchars: str = ";, \t",
        maxlinelen: int | None = None,  # noqa: ARG002
        linesep: str = "\n",
    ) -> str:
        return super().encode(splitchars, 0, linesep)


def _part(text: str, subtype: str) -> MIMENonMultipart:
    longest = max(map(len, text.encode().split(b"\n")))
    part = MIMENonMultipart("text", subtype, charset="utf-8")
    part.set_payload(text, _READABLE if longest <= _LONGEST_LINE else "utf-8")
    return part


def _attached(file: Attachment) -> MIMEBase:
    part = MIMEBase(*file.media_type.split("/"))
    part.set_payload(file.content)
    encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=file.name)
    return part


def _one_line(text: str) -> str:
    """`text` without line breaks of any kind: nothing in it can begin another header."""
    return " ".join(text.split())


def _ascii_address(address: str) -> str:
    """The one address in `address`, its domain as DNS knows it (пример.рф is xn--e1afmkfd.xn--p1ai).

    Raises:
        ValueError: It is not exactly one address, or the mailbox name is not ASCII.
    """
    parts = ADDRESS.fullmatch(address)
    if parts is None:
        raise ValueError("not exactly one mail address")
    mailbox, domain = parts.groups()
    return f"{mailbox.encode('ascii').decode()}@{domain.encode('idna').decode()}"


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
