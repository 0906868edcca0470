"""Master keys, which wrap the keys of cases: in a file, or in a setting from a vault."""

import os
import re
import secrets
import stat
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.sealing.errors import BadKeys
from adapters.sealing.seal import KEY_BYTES
from adapters.secret_files import replace, write_once

SETTING = "DIPLOMA_MASTER_KEYS"
FILE_SETTING = "DIPLOMA_MASTER_KEYS_FILE"
FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that only ever wraps other keys."""

    master_id: str
    _secret: bytes = field(repr=False)

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Make a key unreadable to all who lack this one; it belongs to the context for ever."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._secret).encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key that was wrapped.

        Raises:
            InvalidTag: It was changed, is another context's, or another master key had this id.
        """
        nonce, content = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            return AESGCM(self._secret).decrypt(nonce, content, context)
        except ValueError:  # too short to have been wrapped
            raise InvalidTag from None


class MasterKeys:
    """Master keys by their ids; the first is the one that wraps.

    They are written one to a line as `id:key`, the key in base64; lines that begin with # are
    remarks. A file is read whenever a key has to be wrapped or unwrapped, so a master key that
    is added, put first or taken away counts from then on, without a restart.
    """

    def __init__(self, read: Callable[[], dict[str, MasterKey]], setting: str) -> None:
        """Use `from_text` or `from_file`."""
        self._read = read
        self.setting = setting

    @classmethod
    def from_text(cls, text: str, setting: str = SETTING) -> Self:
        """Master keys from the text of a setting, where commas do as well as new lines.

        Raises:
            BadKeys: The text holds none, or one of a wrong form.
        """
        known = _parsed(text.replace(",", "\n"), setting)
        return cls(lambda: known, setting)

    @classmethod
    def from_file(cls, file: Path, setting: str = FILE_SETTING) -> Self:
        """Master keys from a file that nobody else may read; it is looked at when used."""
        return cls(partial(_from_file, file, setting), setting)

    def known(self) -> dict[str, MasterKey]:
        """All of them, the one that wraps first.

        Raises:
            BadKeys: The file cannot be read, others may read it, or it holds something else.
        """
        return self._read()

    def primary(self) -> MasterKey:
        """The one that wraps.

        Raises:
            BadKeys: See `known`.
        """
        return next(iter(self._read().values()))


def create_master_key(file: Path, setting: str = FILE_SETTING) -> None:
    """Write a file with a new master key unless it is there; the first of several wins.

    For a first run only: where a ring exists, a file that is missing has been lost, and a new
    key opens nothing.

    Raises:
        BadKeys: The file cannot be written.
    """
    if not file.exists():
        with _written(file, setting):
            write_once(file, _new_line().encode())


def put_first(file: Path, setting: str = FILE_SETTING) -> None:
    """Put a new master key before all others in the file, so that it wraps from now on.

    Raises:
        BadKeys: The file cannot be used, or not be written.
    """
    _from_file(file, setting)
    with _written(file, setting):
        replace(file, (_new_line() + file.read_text(encoding="utf-8")).encode())


def take_away(file: Path, master_id: str, setting: str = FILE_SETTING) -> None:
    """Take a master key that wraps nothing any more out of the file.

    Raises:
        BadKeys: The file cannot be used, does not have it, or would have none left.
    """
    known = _from_file(file, setting)
    if master_id not in known or len(known) == 1:
        raise BadKeys(f"{setting}: {file} has no master key of this id, or no other one")
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.partition(":")[0].strip() != master_id]
    with _written(file, setting):
        replace(file, "".join(kept).encode())


def _new_line() -> str:
    return f"{secrets.token_hex(4)}:{b64encode(secrets.token_bytes(KEY_BYTES)).decode()}\n"


@contextmanager
def _written(file: Path, setting: str) -> Iterator[None]:
    try:
        yield
    except OSError:
        raise BadKeys(
            f"{setting}: the file {file} cannot be written; mend path or rights"
        ) from None


def _from_file(file: Path, setting: str) -> dict[str, MasterKey]:
    try:
        with file.open(encoding="utf-8") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read()
    except OSError:
        raise BadKeys(f"{setting}: the file {file} cannot be read; restore it") from None
    except UnicodeDecodeError:
        raise BadKeys(f"{setting}: the file {file} holds no text; restore it") from None
    if mode & FOR_OTHERS:
        raise BadKeys(f"{setting}: others may read the file {file}; run chmod 600 {file}")
    return _parsed(text, setting)


def _parsed(text: str, setting: str) -> dict[str, MasterKey]:
    known: dict[str, MasterKey] = {}
    for place, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        master_id, _, encoded = (part.strip() for part in line.partition(":"))
        secret = _decoded(encoded)
        if not _ID.fullmatch(master_id) or len(secret) != KEY_BYTES:
            raise BadKeys(
                f"{setting}: line {place} is not id:key with a key of {KEY_BYTES} bytes in base64; "
                "`openssl rand -base64 32` makes one"
            )
        if master_id in known:
            raise BadKeys(f"{setting}: line {place} has the id of a line above; rename one")
        known[master_id] = MasterKey(master_id, secret)
    if not known:
        raise BadKeys(f"{setting}: there is no master key in it; write one as id:key")
    return known


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return b""
