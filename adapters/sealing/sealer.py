"""What register and store keep of a person, sealed with the key of the case (R13)."""

import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adapters.sealing.keyring import SERVICE, KeyRing
from adapters.sealing.seal import KEY_BYTES, open_sealed, seal


class CaseSealer:
    """Seals and opens with the key of a case; blocks, for some milliseconds at most.

    All methods may raise TemporaryFailure when the ring is away or lacks a key, and BadKeys
    when a person has to mend something first.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def seal(self, control_number: str, place: str, plain: bytes) -> bytes:
        """Seal what is kept of a case.

        Args:
            control_number: The case; it gets a key with the first that is kept of it.
            place: Where it is kept, as in register/view; it opens nowhere else.
            plain: What nobody else may read.

        Raises:
            KeyDestroyed: The case was erased.
        """
        key = self._ring.key_for(control_number)
        return seal(plain, key.secret, key.key_id, _context(control_number, place))

    def began_plain(self, control_number: str) -> None:
        """Tell of a case that it began before anything was sealed, unless it has a key already.

        Raises:
            KeyDestroyed: The case was erased.
        """
        self._ring.key_for(control_number, began_plain=True)

    def open(self, control_number: str, place: str, sealed: bytes) -> bytes:
        """What was sealed.

        Raises:
            KeyDestroyed: The case was erased.
            NotSealed: These bytes do not look like ours.
            Tampered: They were changed, or belong elsewhere.
        """
        key = self._ring.known(control_number)
        return open_sealed(sealed, key.secret, _context(control_number, place))

    def blind_index(self, place: str, text: str) -> str:
        """What the same text always comes to, whosever it is, and nobody turns back without the ring.

        It outlives the case: it tells that something was given before, and not what.

        Args:
            place: Where it is kept; elsewhere the same text comes to something else.
            text: What is looked for.
        """
        secret = self._ring.known(SERVICE).secret
        about = f"blind index:{place}".encode()
        key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=about).derive(secret)
        return hmac.digest(key, text.encode(), "sha256").hex()


def _context(control_number: str, place: str) -> bytes:
    return f"{place}:{control_number}".encode()
