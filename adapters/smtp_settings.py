"""How to reach a mail server; apart from the gateway, so that settings need no mail library."""

import re
from pathlib import Path
from typing import Self

from pydantic import ConfigDict, Field, SecretStr, model_validator

from domain.base import Frozen

ADDRESS = re.compile(r'([^\s@,;:<>()\[\]\\"]+)@([^\s@,;:<>()\[\]\\"]+)')
"""One mail address, its mailbox and its domain."""


class SmtpSettings(Frozen):
    """How to reach the mail server and in whose name to write."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    host: str
    port: int = Field(ge=1, le=65535)
    username: str | None = None
    password: SecretStr | None = None
    starttls: bool = False
    """Upgrade a plain connection; fails where the server cannot."""
    tls: bool = False
    """Speak TLS from the first byte."""
    ca_file: Path | None = None
    """Certificates to trust besides the system's own."""
    reply_to: str | None = None
    """Where answers go; holders are asked to answer their letters."""
    sender_address: str
    sender_name: str
    timeout_seconds: float = Field(default=30, gt=0)
    """For the connection and for each command."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.starttls and self.tls:
            raise ValueError("choose either starttls or tls")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if not ADDRESS.fullmatch(self.sender_address):
            raise ValueError("sender_address has to be one mail address")
        return self
