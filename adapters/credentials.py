"""What holders, payment system and SMS gateway are shown, from a file that nobody else may read."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from yarl import URL

from adapters.transport import FOR_OTHERS, BadTlsFile, tls_context
from domain.base import Frozen
from domain.identifiers import organisation_inn

_TYPED = re.compile(r"[!-~]([ -~]*[!-~])?")
"""What can stand in a header and means nothing there."""
_AUTHORIZATION = "Authorization"


class BadCredentials(Exception):
    """A file of credentials that cannot be used; names entry and remedy, never what is secret."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one outside system is shown, and the only place where it may be."""

    origin: tuple[str, str | None, int | None]
    """Scheme, host and port."""
    tls: SSLContext
    headers: Mapping[str, str] = field(repr=False)

    def is_for(self, address: str) -> bool:
        """True when an address is at the place these credentials belong to."""
        return _origin(address) == self.origin


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who is shown what; whoever is not named is shown nothing."""

    payments: Access | None = None
    sms: Access | None = None
    holders: Mapping[str, Access] = field(default_factory=dict)
    """By the INN of the holder."""


def read_credentials(file: Path, *, payments: str, sms: str) -> Credentials:
    """The credentials of a TOML file and of the certificates it names.

    Args:
        file: Its tables are `payments`, `sms` and `holders.<INN>`; a relative path in it
            begins at its own folder.
        payments: Where the payment system is called.
        sms: Where the SMS gateway is called.

    Raises:
        BadCredentials: A file is missing, open to others or has a fault; or what is called is
            elsewhere than its credentials are for.
    """
    written = _written(file)
    return Credentials(
        payments=_called("payments", written.payments, file.parent, payments),
        sms=_called("sms", written.sms, file.parent, sms),
        holders={
            inn: _access(f"holders.{inn}", entry, file.parent)
            for inn, entry in written.holders.items()
        },
    )


def _inn(text: str) -> str:
    try:
        plain = organisation_inn(text)
    except PydanticCustomError:
        plain = ""
    if plain != text:
        raise ValueError("not named after the INN of an organisation; mend its ten digits")
    return text


class _Entry(Frozen):
    """What one outside system is shown, as it is written."""

    origin: HttpUrl
    bearer_token: SecretStr | None = None
    api_key_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")] = "X-API-Key"
    api_key: SecretStr | None = None
    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None

    @field_validator("origin")
    @classmethod
    def _only_an_origin(cls, origin: HttpUrl) -> HttpUrl:
        if (origin.path, origin.query, origin.fragment, origin.username) != ("/", None, None, None):
            raise ValueError("write scheme, host and port only, as in https://api.example.org")
        return origin

    @field_validator("bearer_token", "api_key")
    @classmethod
    def _fits_a_header(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not _TYPED.fullmatch(secret.get_secret_value()):
            raise ValueError("empty, or holds what no header may; copy it anew")
        return secret

    @field_validator("api_key_header")
    @classmethod
    def _is_free(cls, header: str, others: ValidationInfo) -> str:
        if others.data.get("bearer_token") and header.title() == _AUTHORIZATION:
            raise ValueError("the bearer token has this header; delete either")
        return header

    @field_validator("ca_file", "client_certificate", "client_key")
    @classmethod
    def _needs_tls(cls, file: Path | None, others: ValidationInfo) -> Path | None:
        origin = others.data.get("origin")
        if file is not None and origin is not None and origin.scheme != "https":
            raise ValueError("of no use without TLS; write https in the origin")
        return file

    def headers(self) -> Iterator[tuple[str, str]]:
        """The headers that carry what is secret."""
        if self.bearer_token is not None:
            yield _AUTHORIZATION, f"Bearer {self.bearer_token.get_secret_value()}"
        if self.api_key is not None:
            yield self.api_key_header, self.api_key.get_secret_value()


class _Written(Frozen):
    """The file as it is written."""

    payments: _Entry | None = None
    sms: _Entry | None = None
    holders: dict[Annotated[str, AfterValidator(_inn)], _Entry] = Field(default_factory=dict)


def _written(file: Path) -> _Written:
    try:
        return _Written.model_validate(_tables(file))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        entry = ".".join(str(part) for part in fault["loc"] if part != "[key]")
        reason = fault["msg"].removeprefix("Value error, ")
        raise BadCredentials(f"entry {entry}: {reason}") from None


def _tables(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            if os.fstat(opened.fileno()).st_mode & FOR_OTHERS:
                raise BadCredentials(f"{file} is open to others; run `chmod 600` on it")
            return tomllib.load(opened)
    except OSError as error:
        raise BadCredentials(
            f"{file} cannot be read: {error.strerror}; mend the path or its rights"
        ) from None
    except ValueError as error:
        # Only the place: the rest may quote what is written there.
        place = re.search(r"at (line \d+|end of document)", str(error))
        raise BadCredentials(
            f"{file} is no TOML at {place[1] if place else 'some byte'}; mend it"
        ) from None


def _called(name: str, entry: _Entry | None, folder: Path, address: str) -> Access | None:
    """What a system is shown whose address the settings say."""
    if entry is None:
        return None
    access = _access(name, entry, folder)
    if not access.is_for(address):
        raise BadCredentials(f"entry {name}: its origin is not where it is called; mend either")
    return access


def _access(name: str, entry: _Entry, folder: Path) -> Access:
    files = (entry.ca_file, entry.client_certificate, entry.client_key)
    try:
        tls = tls_context(*(file and folder / file for file in files))
    except BadTlsFile as error:
        raise BadCredentials(f"entry {name}.{error.field}: {error}") from None
    return Access(_origin(str(entry.origin)), tls, dict(entry.headers()))


def _origin(address: str) -> tuple[str, str | None, int | None]:
    url = URL(address)  # read as the client reads it that will call there
    return url.scheme, url.raw_host, url.port
