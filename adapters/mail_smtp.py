"""Mail over SMTP (R11): one recipient per mail, failures told apart by the reply code alone."""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

import aiosmtplib
from aiosmtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

from activities.ports import Mail, PermanentFailure, TemporaryFailure
from adapters.smtp_settings import ADDRESS, MailSecurity, SmtpSettings
from adapters.transport import tls_context, tls_fault

_POLICY = SMTP.clone(max_line_length=998)
"""Up to the limit of RFC 5321 a body stays readable as it is, without base64."""
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

    async def _deliver(self, message: EmailMessage, recipient: str) -> None:
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

    def _message(self, mail: Mail, recipient: str) -> EmailMessage:
        settings = self._settings
        message = EmailMessage(policy=_POLICY)
        message["Message-ID"] = mail.message_id
        message["Date"] = datetime.now(UTC)
        message["From"] = Address(
            _one_line(settings.sender_name), addr_spec=_ascii_address(settings.sender_address)
        )
        message["To"] = Address(addr_spec=recipient)
        if settings.reply_to is not None:
            message["Reply-To"] = Address(addr_spec=_ascii_address(settings.reply_to))
        message["Subject"] = _one_line(mail.subject)
        message["Auto-Submitted"] = "auto-generated"
        if mail.errand_key is not None:
            message["X-Diploma-Errand"] = mail.errand_key
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        for file in mail.attachments:
            kind, _, subtype = file.media_type.partition("/")
            message.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.name)
        message["Content-Language"] = "ru"  # last: setting content drops all Content-* headers
        return message


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
