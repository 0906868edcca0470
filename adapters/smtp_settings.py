"""How to reach a mail server; apart from the gateway, so that settings need no mail library."""

import re
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pydantic import ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from adapters.transport import is_loopback
from domain.base import Frozen

_ADDRESS = re.compile(r'([^\s@,;:<>()\[\]\\"]+)@([^\s@,;:<>()\[\]\\"]+)')
"""One mail address, its mailbox and its domain."""
_Secured = TypeVar("_Secured", SecretStr, Path)


class MailSecurity(StrEnum):
    """How the connection to the mail server is kept private."""

    NONE = "none"
    """Not at all."""
    STARTTLS = "starttls"
    """By TLS before login and mail; where the server cannot, nothing is sent."""
    TLS = "tls"
    """By TLS from the first byte."""


class SmtpSettings(Frozen):
    """How to reach the mail server and in whose name to write."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    host: str
    port: int = Field(ge=1, le=65535)
    allow_plain: bool = False
    """True lets mails leave this machine without TLS; for development only."""
    security: MailSecurity = Field(default=MailSecurity.NONE, validate_default=True)
    """none, only for a server on this machine; starttls, usual at port 587; tls, at 465."""
    ca_file: Path | None = None
    """PEM file with the only authorities to trust, instead of the system's own."""
    client_certificate: Path | None = None
    """PEM file with the certificate we show, where the server wants one."""
    client_key: Path | None = None
    """PEM file with its key, if that is not in the same file; nobody else may read it."""
    username: str | None = None
    password: SecretStr | None = Field(default=None, validate_default=True)
    reply_to: str | None = None
    """Where answers go; holders are asked to answer their letters."""
    sender_address: str
    sender_name: str
    timeout_seconds: float = Field(default=30, gt=0)
    """For the connection and for each command."""
    keep_seconds: float = Field(default=5, ge=0, le=300)
    """So long a connection that is idle is kept for the next mail; 0 ends it at once."""

    @field_validator("security")
    @classmethod
    def _plain_text_stays_here(cls, security: MailSecurity, others: ValidationInfo) -> MailSecurity:
        known = others.data
        home = known.get("allow_plain") or is_loopback(known.get("host", ""))
        if security is MailSecurity.NONE and not home:
            raise ValueError(
                "the server is on another machine; write starttls or tls, "
                "or set DIPLOMA_SMTP__ALLOW_PLAIN=true for development"
            )
        return security

    @field_validator("ca_file", "client_certificate", "client_key", "password")
    @classmethod
    def _needs_tls(cls, secured: _Secured | None, others: ValidationInfo) -> _Secured | None:
        if secured is not None and others.data.get("security") is MailSecurity.NONE:
            raise ValueError("never goes with security none; write starttls or tls there")
        return secured

    @field_validator("password")
    @classmethod
    def _goes_with_a_name(
        cls, password: SecretStr | None, others: ValidationInfo
    ) -> SecretStr | None:
        if (password is None) != (others.data.get("username") is None):
            raise ValueError("username and password go together; set both or neither")
        return password

    @field_validator("sender_address", "reply_to")
    @classmethod
    def _one_address(cls, address: str | None) -> str | None:
        try:
            return address and ascii_address(address)
        except ValueError:
            raise ValueError("write exactly one mail address, Latin before the @") from None


def ascii_address(address: str) -> str:
    """The one address in `address`, its domain as DNS knows it (пример.рф is xn--e1afmkfd.xn--p1ai).

    Raises:
        ValueError: It is not exactly one address, or the mailbox name is not ASCII.
    """
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        raise ValueError("not exactly one mail address")
    mailbox, domain = parts.groups()
    return f"{mailbox.encode('ascii').decode()}@{domain.encode('idna').decode()}"
