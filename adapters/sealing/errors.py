"""What can be wrong with keys and with what they seal; no text ever holds key material."""

from activities.ports import PermanentFailure, TemporaryFailure


class BadKeys(Exception):
    """Keys that cannot work before a person mends them; the text names the setting and says how."""


class KeyUnknown(TemporaryFailure):
    """The ring does not have this key, or not the master key that opens it.

    Restoring ring or master key loses nothing: whoever needs the key waits and tries again.
    """


class KeyDestroyed(PermanentFailure):
    """The key was destroyed, and nothing sealed with it will ever be read again."""


class NotSealed(Exception):
    """Bytes that do not have the form of anything we sealed."""


class Tampered(Exception):
    """Sealed bytes that were changed, cut, or moved from where they belong."""
