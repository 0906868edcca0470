"""Who was shown what, and when: a file of lines no one can change unseen (R13)."""

import errno
import hmac
import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import Field, ValidationError

from activities.ports import TemporaryFailure
from adapters.file_locks import alone_in
from adapters.sealing.keyring import SERVICE, KeyRing
from adapters.sealing.masters import FOR_OTHERS
from domain.base import Frozen, Instant
from domain.messages import Identifier

SETTING = "DIPLOMA_ACCESS_LOG"
ANCHOR = "access-log"
"""The one log of a ring: to point the setting elsewhere is not to begin anew."""

_LINE = re.compile(rb'(\{.*),"digest":"([0-9a-f]{64})"\}')
_BLOCK = 64 * 1024
"""Bytes looked at first for the last line; more when it is longer."""


class Action(StrEnum):
    """What an officer did."""

    DECODE = "decode"
    ENCODE = "encode"
    EXPORT = "export"
    RENEW = "renew"
    """Set the log aside and began a new one."""


class Access(Frozen):
    """One line of the log; nothing personal."""

    place: int = Field(ge=1)
    at: Instant
    officer: Identifier
    action: Action
    namespace: str = ""
    """Of the engine; empty for what has nothing to do with it."""
    cases: tuple[str, ...] = ()
    """Control numbers of what was opened, sorted."""
    payloads: int = 0
    """How many parts were opened or sealed."""
    refused: int = 0
    """How many parts could not be opened."""
    previous: str
    """The digest of the line before; in the first line that of the log set aside, or empty."""
    digest: str = ""
    """Made with a key of the service over all that stands before it; always the last field."""


class BadAccessLog(Exception):
    """A log that is not as it was written: a person has to look before anything goes on."""


class _Tail(NamedTuple):
    """How a log ends."""

    line: bytes = b""
    """The last whole line."""
    end: int = 0
    """Where it ends; what comes after was torn by a power cut."""


class AccessLog:
    """Appends lines, each bound to the one before by a digest that needs the service's key.

    Place and digest of the last line also lie in the key ring, so that cutting lines off shows,
    too. Any number of threads and processes of one machine may append. Every method may raise
    TemporaryFailure when ring or log is away, and BadKeys when a person has to mend the ring.
    """

    def __init__(
        self, file: Path, ring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Take a file, which need not be there yet; nothing is read or written now."""
        self._file = file
        self._ring = ring
        self._now = now
        self._was_verified = False

    def append(
        self,
        action: Action,
        officer: str,
        *,
        namespace: str = "",
        cases: Collection[str] = (),
        payloads: int = 0,
        refused: int = 0,
    ) -> Access:
        """Write a line; once this returns, a power cut does not take it back.

        The first line a process writes has the whole log verified, later ones only its end.

        Raises:
            BadAccessLog: The log is not as it was written; nothing is.
        """
        key = self._key()
        with self._alone():
            tail = self._sound_tail(key)
            last = _genuine(tail.line, key)
            new = Access(
                place=last.place + 1 if last else 1,
                at=self._now(),
                officer=officer,
                action=action,
                namespace=namespace,
                cases=tuple(sorted(set(cases))),
                payloads=payloads,
                refused=refused,
                previous=last.digest if last else "",
            )
            return self._keep(new, key, tail.end)

    def renew(self, officer: str) -> Path | None:
        """Set the log aside, whatever is in it, and begin a new one that names its last digest.

        Returns:
            Where the former one is now; None when there was none.
        """
        key, now = self._key(), self._now()
        aside = self._file.with_name(f"{self._file.name}.{now:%Y%m%dT%H%M%S%f}")
        with self._alone():
            anchor = self._ring.anchor(ANCHOR)
            was_there = self._file.exists()
            if was_there:
                self._file.rename(aside)
            first = Access(
                place=1,
                at=now,
                officer=officer,
                action=Action.RENEW,
                previous=anchor.digest if anchor else "",
            )
            self._keep(first, key, 0)
        return aside if was_there else None

    def verify(self) -> int | None:
        """The first line, from 1, that was changed, moved or removed; None when there is none.

        Whole lines after the last one the ring remembers are good when they are genuine: the
        process died before it could tell the ring, or the ring was restored from a backup.

        Raises:
            BadAccessLog: Others may read the file.
        """
        anchor, key = self._ring.anchor(ANCHOR), self._key()
        place, previous = 0, None
        for place, line in enumerate(self._lines(), start=1):
            entry = _genuine(line, key)
            if entry is None or entry.place != place or previous not in {None, entry.previous}:
                return place
            if anchor and anchor.place == place and anchor.digest != entry.digest:
                return place
            previous = entry.digest
        return place + 1 if anchor and anchor.place > place else None

    def entries(self) -> Iterator[Access]:
        """All lines in their order.

        Raises:
            BadAccessLog: A line is not as it was written; those before it were given.
        """
        key = self._key()
        for place, line in enumerate(self._lines(), start=1):
            entry = _genuine(line, key)
            if entry is None:
                raise self._bad(place)
            yield entry

    def _sound_tail(self, key: bytes) -> _Tail:
        tail = self._tail()
        last = _genuine(tail.line, key)
        anchor = self._ring.anchor(ANCHOR)
        at_anchor = last and anchor and (last.place, last.digest) == (anchor.place, anchor.digest)
        if not (at_anchor and self._was_verified):
            place = self.verify()
            if place is not None:
                raise self._bad(place)
            self._was_verified = True
        return tail

    def _tail(self) -> _Tail:
        with self._opened() as log:
            if log is None:
                return _Tail()
            size, length = log.seek(0, os.SEEK_END), _BLOCK
            while True:
                start = max(0, size - length)
                log.seek(start)
                block = log.read()
                whole = block[: block.rfind(b"\n") + 1]
                if start == 0 or whole.count(b"\n") > 1:
                    return _Tail(whole[:-1].rpartition(b"\n")[2], start + len(whole))
                length *= 2

    def _keep(self, new: Access, key: bytes, end: int) -> Access:
        """Write a line where the whole ones end, then tell the ring."""
        body = new.model_dump_json(exclude={"digest"}).encode()
        entry = new.model_copy(update={"digest": _digest(body, key)})
        line = entry.model_dump_json().encode() + b"\n"
        self._file.touch(mode=0o600)
        with self._file.open("ab", buffering=0) as log:
            log.truncate(end)
            if log.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(log.fileno())
        if entry.place == 1:
            _sync(self._file.parent)
        self._ring.set_anchor(ANCHOR, entry.place, entry.digest)
        return entry

    def _lines(self) -> Iterator[bytes]:
        """Whole lines; a torn last one is left out."""
        with self._opened() as log:
            for line in log or ():
                if line.endswith(b"\n"):
                    yield line[:-1]

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO | None]:
        """The log to read; None when it is not there."""
        try:
            log = self._file.open("rb")
        except FileNotFoundError:
            yield None
            return
        with log:
            if os.fstat(log.fileno()).st_mode & FOR_OTHERS:
                raise BadAccessLog(
                    f"{SETTING}: others may read {self._file}; run chmod 600 {self._file}"
                )
            yield log

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with alone_in(self._file.parent):
                yield
        except OSError as error:
            raise TemporaryFailure(f"access log cannot be written ({error.strerror})") from None

    def _key(self) -> bytes:
        secret = self._ring.known(SERVICE).secret
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"access log").derive(secret)

    def _bad(self, place: int) -> BadAccessLog:
        return BadAccessLog(
            f"{SETTING}: line {place} of {self._file} is missing or not as it was written; find "
            "out why, then set the log aside with `diploma access-log renew`"
        )


def _genuine(line: bytes, key: bytes) -> Access | None:
    """What a line says; None unless every byte of it was written by us."""
    parts = _LINE.fullmatch(line)
    if parts is None:
        return None
    if not hmac.compare_digest(_digest(parts[1] + b"}", key), parts[2].decode()):
        return None
    try:
        return Access.model_validate_json(line)
    except ValidationError:  # of a later version of ours
        return None


def _digest(body: bytes, key: bytes) -> str:
    return hmac.digest(key, body, "sha256").hex()


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
