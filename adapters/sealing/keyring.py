"""A data key for every case, wrapped by a master key; destroying it erases the case (R13)."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from sqlalchemy import ColumnElement, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from adapters.sealing.errors import BadKeys, KeyDestroyed, KeyUnknown
from adapters.sealing.masters import MasterKey, MasterKeys
from adapters.sealing.seal import KEY_BYTES
from adapters.sealing.storage import SETTING, KeyStorage, case_keys
from domain.base import Frozen

SERVICE = "service"
"""Stands in the place of a control number for what belongs to no case."""
REMEMBERED_SECONDS = 30.0
"""How long other processes may go on with a key after it was destroyed."""

_REMEMBERED_KEYS = 4096


@dataclass(frozen=True, slots=True)
class CaseKey:
    """The key of a case, or of the service."""

    key_id: str
    control_number: str
    secret: bytes = field(repr=False)


class Rotation(Frozen):
    """What a change of the master key came to."""

    rewrapped: int
    left: int
    """Keys still wrapped by a former master key; at 0 it may be taken away."""


class KeyRing:
    """Keys by their cases and ids, for any number of threads and processes.

    A case has one key for its whole life; only the master key that wraps it changes. Every
    method may raise TemporaryFailure when the database is away or busy, and BadKeys when a
    person has to mend something first.
    """

    def __init__(
        self,
        url: str,
        masters: MasterKeys,
        *,
        setting: str = SETTING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect at the first call only.

        Args:
            url: `sqlite:///path` or `postgresql://user:password@host/name`; not the register's,
                whose old copies must not bring destroyed keys back.
            masters: What the keys are wrapped with.
            setting: That errors of the database go back to.
            clock: Seconds, for how long keys are remembered.

        Raises:
            BadKeys: The address can never work.
        """
        self._storage = KeyStorage(url, setting)
        self._masters = masters
        self._clock = clock
        self._by_case = _Remembered(clock)
        self._by_id = _Remembered(clock)

    def close(self) -> None:
        """Close the connections and forget all keys."""
        self._storage.close()
        self._by_case.clear()
        self._by_id.clear()

    @property
    def is_missing(self) -> bool:
        """True while the file was not created yet: a first run, or a lost ring."""
        return self._storage.is_missing

    def create(self) -> None:
        """Make an empty ring with the service's own key; harmless when it is there."""
        self._storage.create()
        self.key_for(SERVICE)

    def remembered(self, control_number: str) -> CaseKey | None:
        """The key of a case if it was used lately; asks no database."""
        return self._by_case.get(control_number)

    def key_for(self, control_number: str) -> CaseKey:
        """The key of a case, made at first use; the first of several who make it wins.

        Raises:
            KeyDestroyed: The case was erased, and gets no other key.
            KeyUnknown: Its master key is missing.
        """
        if key := self._by_case.get(control_number):
            return key
        if self._row(case_keys.c.control_number == control_number) is None:
            self._make(control_number)
        return self.known(control_number)

    def known(self, control_number: str) -> CaseKey:
        """The key of a case that has one.

        Raises:
            KeyDestroyed: The case was erased.
            KeyUnknown: The ring has no key of the case, or its master key is missing.
        """
        return self._by_case.get(control_number) or self._found(
            case_keys.c.control_number == control_number
        )

    def key(self, key_id: str) -> CaseKey:
        """A key by its id.

        Raises:
            KeyDestroyed: Its case was erased.
            KeyUnknown: The ring does not have it, or its master key is missing.
        """
        return self._by_id.get(key_id) or self._found(case_keys.c.key_id == key_id)

    def destroy(self, control_number: str) -> datetime:
        """Destroy the key of a case for ever; it works nowhere once REMEMBERED_SECONDS are over.

        Repeating it is harmless, and completes what was interrupted. A case without a key gets
        a destroyed one, so that nothing is sealed for it any more.

        Returns:
            When it was destroyed.
        """
        this = case_keys.c.control_number == control_number
        if self._row(this) is None:
            self._make(control_number)
        end = update(case_keys).where(this, case_keys.c.destroyed_at.is_(None))
        with self._storage.connection() as connection:
            connection.execute(end.values(wrapped=b"", destroyed_at=datetime.now(UTC)))
            row = connection.execute(select(case_keys).where(this)).one()
        self._by_case.forget(control_number)
        self._by_id.forget(row.key_id)
        self._storage.scrub()
        destroyed_at: datetime = row.destroyed_at
        return destroyed_at

    def rewrap(self) -> Rotation:
        """Wrap every key with the first master key, one by one, while all goes on.

        It may be interrupted and repeated at will. A master key is changed in this order: add
        the new one everywhere, put it first, rewrap until nothing is left, remove the old one.
        """
        masters = self._masters.known()
        primary = next(iter(masters.values()))
        others = select(case_keys).where(
            case_keys.c.master_id != primary.master_id, case_keys.c.destroyed_at.is_(None)
        )
        with self._storage.connection() as connection:
            rows = connection.execute(others).all()
        done = sum(
            self._rewrap(row, masters[row.master_id], primary)
            for row in rows
            if row.master_id in masters
        )
        if done:
            self._storage.scrub()
        with self._storage.connection() as connection:
            return Rotation(rewrapped=done, left=len(connection.execute(others).all()))

    def _rewrap(self, row: Row[Any], former: MasterKey, primary: MasterKey) -> int:
        context = _context(row.key_id, row.control_number)
        wrapped = primary.wrap(self._unwrapped(row, former), context)
        still_the_same = update(case_keys).where(
            case_keys.c.key_id == row.key_id, case_keys.c.wrapped == row.wrapped
        )
        with self._storage.connection() as connection:
            return connection.execute(
                still_the_same.values(wrapped=wrapped, master_id=primary.master_id)
            ).rowcount

    def _found(self, condition: ColumnElement[bool]) -> CaseKey:
        since = self._clock()  # before it is seen in the ring, not when it is unwrapped
        row = self._row(condition)
        if row is None:
            raise KeyUnknown("the ring has no such key; restore the ring of the last days")
        if row.destroyed_at is not None:
            raise KeyDestroyed(f"key {row.key_id} was destroyed: its case is erased")
        master = self._masters.known().get(row.master_id)
        if master is None:
            raise KeyUnknown(
                f"key {row.key_id} needs the master key {row.master_id}; "
                f"restore it in {self._masters.setting}"
            )
        key = CaseKey(row.key_id, row.control_number, self._unwrapped(row, master))
        self._by_case.put(key.control_number, key, since)
        self._by_id.put(key.key_id, key, since)
        return key

    def _row(self, condition: ColumnElement[bool]) -> Row[Any] | None:
        with self._storage.connection() as connection:
            return connection.execute(select(case_keys).where(condition)).one_or_none()

    def _make(self, control_number: str) -> None:
        key_id = uuid4().hex
        master = self._masters.primary()
        secret = secrets.token_bytes(KEY_BYTES)
        new = insert(case_keys).values(
            key_id=key_id,
            control_number=control_number,
            master_id=master.master_id,
            wrapped=master.wrap(secret, _context(key_id, control_number)),
            created_at=datetime.now(UTC),
        )
        with self._storage.connection() as connection, suppress(IntegrityError):
            connection.execute(new)

    def _unwrapped(self, row: Row[Any], master: MasterKey) -> bytes:
        try:
            return master.unwrap(row.wrapped, _context(row.key_id, row.control_number))
        except InvalidTag:
            raise BadKeys(
                f"{self._masters.setting}: the master key {master.master_id} does not open key "
                f"{row.key_id}; restore the one that had this id, or a backup of the ring"
            ) from None


def _context(key_id: str, control_number: str) -> bytes:
    return f"case key {key_id} {control_number}".encode()


class _Remembered:
    """Keys used lately by their names; the longest unused goes first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._keys: OrderedDict[str, tuple[CaseKey, float]] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str) -> CaseKey | None:
        with self._lock:
            key, since = self._keys.get(name, (None, 0.0))
            if key is None:
                return None
            if self._clock() - since >= REMEMBERED_SECONDS:
                del self._keys[name]
                return None
            self._keys.move_to_end(name)
            return key

    def put(self, name: str, key: CaseKey, since: float) -> None:
        with self._lock:
            self._keys[name] = key, since
            self._keys.move_to_end(name)
            if len(self._keys) > _REMEMBERED_KEYS:
                self._keys.popitem(last=False)

    def forget(self, name: str) -> None:
        with self._lock:
            self._keys.pop(name, None)

    def clear(self) -> None:
        with self._lock:
            self._keys.clear()
