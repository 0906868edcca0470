"""The key ring and the master keys that open it, from the settings (R13)."""

from adapters.sealing.codec import SealingCodec
from adapters.sealing.errors import BadKeys
from adapters.sealing.keyring import KeyRing
from adapters.sealing.masters import FILE_SETTING, SETTING, MasterKeys, create_master_key
from adapters.sealing.sealer import CaseSealer
from workers.settings import Settings

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
        self.codec = SealingCodec(self.ring, accepts_plaintext=settings.accept_plaintext)
        self.sealer = CaseSealer(self.ring)

    def create(self) -> None:
        """Make an empty ring, and a master key for it where none is given; a first run only.

        Raises:
            BadKeys: The one is there and the other is not: it has been lost, and is to be
                restored, or a file cannot be written.
        """
        no_master = self._given is None and not self._file.exists()
        if no_master and not self.ring.is_missing:
            raise BadKeys(f"{FILE_SETTING}: {self._file} is missing, but not its ring; restore it")
        if no_master:
            create_master_key(self._file, FILE_SETTING)
        self.ring.create()

    def close(self) -> None:
        """Close the connections and forget all keys."""
        self.ring.close()
