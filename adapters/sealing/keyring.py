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
from sqlalchemy import ColumnElement, Row, Update, and_, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from adapters.sealing.errors import BadKeys, KeyDestroyed, KeyUnknown
from adapters.sealing.masters import MasterKey, MasterKeys
from adapters.sealing.seal import KEY_BYTES
from adapters.sealing.storage import OWN, SETTING, KeyStorage, anchors, case_keys
from domain.base import Frozen

SERVICE = "service"
"""Stands in the place of a control number for what belongs to no case."""
REMEMBERED_SECONDS = 30.0
"""How long other processes may go on with a key after it was destroyed."""

_REMEMBERED_KEYS = 4096
_TYPED = "typed"
"""Stands in the place of a control number while nobody knows which case a message is for."""


@dataclass(frozen=True, slots=True)
class CaseKey:
    """The key of a case, of the service, or of one message that a person types."""

    key_id: str
    control_number: str
    """Empty for a typed message that was sent nowhere yet."""
    secret: bytes = field(repr=False)
    typed: bool = False
    began_plain: bool = False
    """True for a case begun before anything was sealed: its history is readable for ever."""


class Rotation(Frozen):
    """What a change of the master key came to."""

    rewrapped: int
    left: int
    """Keys still wrapped by a former master key; at 0 it may be taken away."""


class Wrapped(Frozen):
    """How many keys a master key wraps."""

    master_id: str
    keys: int


class Anchor(Frozen):
    """The last line of a file that must not lose its end unseen."""

    place: int
    digest: str


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

    def has(self, control_number: str) -> bool:
        """True when the case ever had a key."""
        known = self._by_case.get(control_number) is not None
        return known or self._row(_own(control_number)) is not None

    def is_alive(self, control_number: str) -> bool:
        """True when the case has a key that was not destroyed, or is back from a backup."""
        row = self._row(_own(control_number))
        return row is not None and row.destroyed_at is None

    def key_for(self, control_number: str, *, began_plain: bool = False) -> CaseKey:
        """The key of a case, made at first use; the first of several who make it wins.

        Args:
            control_number: The case.
            began_plain: Told of a key that is made now: the case began before the sealing.

        Raises:
            KeyDestroyed: The case was erased, and gets no other key.
            KeyUnknown: Its master key is missing.
        """
        if key := self._by_case.get(control_number):
            return key
        if self._row(_own(control_number)) is None:
            self._make(control_number, began_plain=began_plain)
        return self.known(control_number)

    def new_typed_key(self) -> CaseKey:
        """A key for one message that a person types, wherever it is sent to afterwards."""
        return self.key(self._make(None))

    def typed_key(self, key_id: str, control_number: str) -> CaseKey | None:
        """The key of a typed message, which from its first reader on belongs to that case.

        Returns:
            None when there is no such key, or it belongs to another case.

        Raises:
            KeyUnknown: Its master key is missing.
        """
        this = and_(case_keys.c.key_id == key_id, case_keys.c.typed)
        nobodys = update(case_keys).where(
            this, case_keys.c.control_number.is_(None), case_keys.c.destroyed_at.is_(None)
        )
        row = self._row(this)
        if row is not None and row.control_number is None:
            with self._storage.connection() as connection:
                connection.execute(nobodys.values(control_number=control_number))
            row = self._row(this)
        if row is None or row.control_number != control_number:
            return None
        return self._opened(row, self._clock())

    def known(self, control_number: str) -> CaseKey:
        """The key of a case that has one.

        Raises:
            KeyDestroyed: The case was erased.
            KeyUnknown: The ring has no key of the case, or its master key is missing.
        """
        return self._by_case.get(control_number) or self._found(_own(control_number))

    def key(self, key_id: str) -> CaseKey:
        """A key by its id.

        Raises:
            KeyDestroyed: Its case was erased.
            KeyUnknown: The ring does not have it, or its master key is missing.
        """
        return self._by_id.get(key_id) or self._found(case_keys.c.key_id == key_id)

    def destroy(self, control_number: str) -> datetime:
        """Destroy the keys of a case for ever; they work nowhere once REMEMBERED_SECONDS are over.

        Those of messages typed for it go too. Repeating it is harmless, and completes what was interrupted. A case without a key gets
        a destroyed one, so that nothing is sealed for it any more.

        Returns:
            When it was destroyed.
        """
        if self._row(_own(control_number)) is None:
            self._make(control_number)
        with self._storage.connection() as connection:
            connection.execute(_end(case_keys.c.control_number == control_number))
            row = connection.execute(select(case_keys).where(_own(control_number))).one()
        self._by_case.forget(control_number)
        self._by_id.clear()
        self._storage.scrub()
        destroyed_at: datetime = row.destroyed_at
        return destroyed_at

    def destroy_unsent(self, typed_before: datetime) -> int:
        """Destroy keys of messages that were typed and never came to a case; returns how many."""
        unsent = and_(
            case_keys.c.typed,
            case_keys.c.control_number.is_(None),
            case_keys.c.created_at < typed_before,
        )
        with self._storage.connection() as connection:
            destroyed = connection.execute(_end(unsent)).rowcount
        if destroyed:
            self._storage.scrub()
        return destroyed

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

    def wrapped(self) -> tuple[Wrapped, ...]:
        """How many keys each master key wraps; those destroyed are wrapped by none."""
        count = (
            select(case_keys.c.master_id, func.count())
            .where(case_keys.c.destroyed_at.is_(None))
            .group_by(case_keys.c.master_id)
            .order_by(case_keys.c.master_id)
        )
        with self._storage.connection() as connection:
            rows = connection.execute(count).all()
        return tuple(Wrapped(master_id=master_id, keys=keys) for master_id, keys in rows)

    def anchor(self, name: str) -> Anchor | None:
        """The last line of a file; None when none was told yet."""
        with self._storage.connection() as connection:
            row = connection.execute(select(anchors).where(anchors.c.name == name)).one_or_none()
        return Anchor(place=row.place, digest=row.digest) if row else None

    def set_anchor(self, name: str, place: int, digest: str) -> None:
        """Remember the last line of a file; its writers see to it that they come one by one."""
        line = {"place": place, "digest": digest}
        with self._storage.connection() as connection:
            if not connection.execute(
                update(anchors).where(anchors.c.name == name).values(line)
            ).rowcount:
                connection.execute(insert(anchors).values(name=name, **line))

    def _rewrap(self, row: Row[Any], former: MasterKey, primary: MasterKey) -> int:
        context = _context(row)
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
        return self._opened(row, since)

    def _opened(self, row: Row[Any], since: float) -> CaseKey:
        if row.destroyed_at is not None:
            raise KeyDestroyed(f"key {row.key_id} was destroyed: its case is erased")
        master = self._masters.known().get(row.master_id)
        if master is None:
            raise KeyUnknown(
                f"key {row.key_id} needs the master key {row.master_id}; "
                f"restore it in {self._masters.setting}"
            )
        key = CaseKey(
            key_id=row.key_id,
            control_number=row.control_number or "",
            secret=self._unwrapped(row, master),
            typed=row.typed,
            began_plain=row.began_plain,
        )
        if not key.typed:
            self._by_case.put(key.control_number, key, since)
            self._by_id.put(key.key_id, key, since)
        return key

    def _row(self, condition: ColumnElement[bool]) -> Row[Any] | None:
        with self._storage.connection() as connection:
            return connection.execute(select(case_keys).where(condition)).one_or_none()

    def _make(self, control_number: str | None, *, began_plain: bool = False) -> str:
        """Make a key, of a case or to type with, unless the case has one; returns its id."""
        key_id = uuid4().hex
        master = self._masters.primary()
        secret = secrets.token_bytes(KEY_BYTES)
        new = insert(case_keys).values(
            key_id=key_id,
            control_number=control_number,
            typed=control_number is None,
            began_plain=began_plain,
            master_id=master.master_id,
            wrapped=master.wrap(secret, _wrapped_for(key_id, control_number or _TYPED)),
            created_at=datetime.now(UTC),
        )
        with self._storage.connection() as connection, suppress(IntegrityError):
            connection.execute(new)
        return key_id

    def _unwrapped(self, row: Row[Any], master: MasterKey) -> bytes:
        try:
            return master.unwrap(row.wrapped, _context(row))
        except InvalidTag:
            raise BadKeys(
                f"{self._masters.setting}: the master key {master.master_id} does not open key "
                f"{row.key_id}; restore the one that had this id, or a backup of the ring"
            ) from None


def _own(control_number: str) -> ColumnElement[bool]:
    """The key a case was given, not those of messages typed for it."""
    return and_(case_keys.c.control_number == control_number, OWN)


def _end(which: ColumnElement[bool]) -> Update:
    destroyed = {"wrapped": b"", "destroyed_at": datetime.now(UTC)}
    return update(case_keys).where(which, case_keys.c.destroyed_at.is_(None)).values(destroyed)


def _context(row: Row[Any]) -> bytes:
    return _wrapped_for(row.key_id, _TYPED if row.typed else row.control_number)


def _wrapped_for(key_id: str, whom: str) -> bytes:
    return f"case key {key_id} {whom}".encode()


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
