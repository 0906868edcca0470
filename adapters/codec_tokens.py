"""Who may use the codec server: hashes of tokens in a file, each for an officer (R13)."""

import hashlib
import hmac
import os
import secrets
import tomllib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from adapters.file_locks import alone_in
from adapters.sealing.errors import BadKeys
from adapters.sealing.masters import FOR_OTHERS
from adapters.secret_files import replace
from domain.base import Frozen, IsoDate
from domain.messages import Identifier

SETTING = "DIPLOMA_CODEC_TOKENS"
_TOKEN_BYTES = 32
_HEAD = "# Written anew by `diploma codec`; remarks are not kept.\n"


class BadTokens(BadKeys):
    """A file of tokens that a person has to mend; the text never holds what is in it."""


class Role(StrEnum):
    """What a token is good for."""

    READER = "reader"
    """Has payloads opened."""
    WRITER = "writer"
    """Has payloads opened, and sealed as well."""


class Grant(Frozen):
    """A token as it is kept: what its officer may do, and until when."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    officer: Identifier
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    namespaces: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    expires: IsoDate
    """The last day it is good, in UTC."""

    def allows(self, role: Role, namespace: str) -> bool:
        """True when the officer may do what the role does, in this namespace."""
        return namespace in self.namespaces and (role is Role.READER or role in self.roles)


def new_token() -> str:
    """A token nobody can guess."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def grant_for(
    token: str,
    officer: str,
    roles: Sequence[Role],
    namespaces: Sequence[str],
    expires: date = date.max,
) -> Grant:
    """What is kept of a token.

    Raises:
        ValueError: The officer or a namespace is no identifier, or one of the lists is empty.
    """
    return Grant(
        sha256=_hash(token),
        officer=officer,
        roles=tuple(roles),
        namespaces=tuple(namespaces),
        expires=expires,
    )


def granted(token: str, grants: Iterable[Grant]) -> Grant | None:
    """The grant a token was made for; takes the same time whatever is sent."""
    presented, found = _hash(token), None
    for grant in grants:
        if hmac.compare_digest(grant.sha256, presented):
            found = grant
    return found


class TokenFile:
    """Grants in a TOML file for its owner's eyes only; it is read whenever a token is looked at."""

    def __init__(
        self, file: Path, today: Callable[[], date] = lambda: datetime.now(UTC).date()
    ) -> None:
        """Take a file; while it is not there, no token is good."""
        self._file = file
        self._today = today

    def valid(self) -> list[Grant]:
        """Grants that have not expired.

        Raises:
            BadTokens: The file cannot be used.
        """
        return [grant for grant in self._read() if grant.expires >= self._today()]

    def add(self, grant: Grant) -> None:
        """Add a grant to those that are there.

        Raises:
            BadTokens: The file cannot be used or written.
        """
        self._change(lambda grants: [*grants, grant])

    def revoke(self, officer: str) -> int:
        """Take away all grants of an officer; returns how many there were.

        Raises:
            BadTokens: The file cannot be used or written.
        """
        return self._change(lambda grants: [it for it in grants if it.officer != officer])

    def _change(self, change: Callable[[list[Grant]], list[Grant]]) -> int:
        """Replace the grants as a whole; returns how many fewer there are."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with alone_in(self._file.parent):
                grants = self._read()
                changed = change(grants)
                if changed != grants:
                    replace(self._file, (_HEAD + "".join(map(_entry, changed))).encode())
        except OSError:
            raise self._bad("cannot be written; mend path or rights") from None
        return len(grants) - len(changed)

    def _read(self) -> list[Grant]:
        try:
            with self._file.open("rb") as opened:
                mode = os.fstat(opened.fileno()).st_mode
                content = tomllib.load(opened)
        except FileNotFoundError:
            return []
        except OSError:
            raise self._bad("cannot be read; mend path or rights") from None
        except ValueError:  # of TOML or of UTF-8; both quote what they met
            raise self._bad("is not TOML; restore it, or make tokens anew") from None
        if mode & FOR_OTHERS:
            raise self._bad(f"can be read by others; run chmod 600 {self._file}")
        entries = content.get("token", [])
        if content.keys() - {"token"} or not isinstance(entries, list):
            raise self._bad("holds something else than entries under [[token]]; take it out")
        return [self._parsed(place, entry) for place, entry in enumerate(entries, start=1)]

    def _parsed(self, place: int, entry: object) -> Grant:
        try:
            return Grant.model_validate(entry)
        except ValidationError as error:
            detail = error.errors(include_url=False, include_input=False)[0]
            named = detail["loc"][0] if detail["loc"] else ""
            field = named if named in Grant.model_fields else "a field it should not have"
            raise self._bad(
                f"has a fault in entry {place}: {field}; mend it, or take the entry out and make "
                "a token with `diploma codec token`"
            ) from None

    def _bad(self, reason: str) -> BadTokens:
        return BadTokens(f"{SETTING}: the file {self._file} {reason}")


def _hash(token: str) -> str:
    # Headers and paths may bring bytes that are no text; no token of ours has any.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _entry(grant: Grant) -> str:
    # Nothing in a grant needs quoting: its patterns see to that.
    roles, namespaces = (
        ", ".join(f'"{name}"' for name in names) for names in (grant.roles, grant.namespaces)
    )
    return (
        "\n[[token]]\n"
        f'sha256 = "{grant.sha256}"\n'
        f'officer = "{grant.officer}"\n'
        f"roles = [{roles}]\n"
        f"namespaces = [{namespaces}]\n"
        f"expires = {grant.expires}\n"
    )
