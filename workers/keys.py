"""The key ring and the master keys that open it, from the settings (R13)."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.sealing.errors import BadKeys
from adapters.sealing.keyring import KeyRing
from adapters.sealing.masters import (
    FILE_SETTING,
    SETTING,
    MasterKeys,
    create_master_key,
    put_first,
    take_away,
)
from adapters.sealing.sealer import CaseSealer
from adapters.sealing.storage import SETTING as RING_SETTING
from workers.settings import Settings

if TYPE_CHECKING:
    from adapters.sealing.codec import SealingCodec

MASTER_KEYS = "master-keys"
"""File in the folder of secrets, when the settings name no other."""


class Keys:
    """The ring of a process, and what seals with it; connects when it is first used."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; nothing is read yet.

        Raises:
            BadKeys: A setting can never work.
        """
        self._file = settings.master_keys_file or settings.secrets_folder / MASTER_KEYS
        self._given = settings.master_keys
        masters = (
            MasterKeys.from_text(self._given.get_secret_value(), SETTING)
            if self._given
            else MasterKeys.from_file(self._file, FILE_SETTING)
        )
        self.ring = KeyRing(settings.keyring_url, masters)
        self._accepts_plaintext = settings.accept_plaintext
        self.sealer = CaseSealer(self.ring)

    @cached_property
    def codec(self) -> "SealingCodec":
        """Seals for the engine, and makes the keys of new cases."""
        return self._codec(makes_keys=True)

    @cached_property
    def workers_codec(self) -> "SealingCodec":
        """The same without making keys: whoever began a case has made its key."""
        return self._codec(makes_keys=False)

    def create(self) -> None:
        """Make an empty ring, and a master key for it where none is given; a first run only.

        Raises:
            BadKeys: The one is there and the other is not: it has been lost, and is to be
                restored, or a file cannot be written.
        """
        no_master = self._given is None and not self._file.exists()
        if self._given is None and self._file.exists() and self.ring.is_missing:
            raise BadKeys(
                f"{RING_SETTING}: the ring is missing, but not its master key {self._file}: restore "
                "the ring, or put that file elsewhere to begin anew"
            )
        if no_master and not self.ring.is_missing:
            raise BadKeys(f"{FILE_SETTING}: {self._file} is missing, but not its ring; restore it")
        if no_master:
            create_master_key(self._file, FILE_SETTING)
        self.ring.create()

    def rotate(self) -> None:
        """Put a new master key first in the file; `ring.rewrap` then wraps all keys with it.

        Raises:
            BadKeys: The master keys come from a setting, or the file cannot be used.
        """
        put_first(self._own_file())

    def forget(self, master_id: str) -> None:
        """Take a master key out of the file that wraps nothing any more.

        Raises:
            BadKeys: It still wraps keys, or the file does not have it.
        """
        if any(entry.master_id == master_id for entry in self.ring.wrapped()):
            raise BadKeys(
                f"{FILE_SETTING}: {master_id} still wraps keys; run `diploma keys rewrap`"
            )
        take_away(self._own_file(), master_id)

    def _codec(self, *, makes_keys: bool) -> "SealingCodec":
        from adapters.sealing.codec import SealingCodec  # noqa: PLC0415 - brings the engine

        return SealingCodec(
            self.ring, accepts_plaintext=self._accepts_plaintext, makes_keys=makes_keys
        )

    def _own_file(self) -> Path:
        if self._given is not None:
            raise BadKeys(
                f"{SETTING}: the keys come from this setting; change them where it is set"
            )
        return self._file

    def close(self) -> None:
        """Close the connections and forget all keys."""
        self.ring.close()


@contextmanager
def opened_keys(settings: Settings) -> Iterator[Keys]:
    """The keys of the settings while the context is entered.

    Raises:
        BadKeys: A setting can never work.
    """
    with closing(Keys(settings)) as keys:
        yield keys
