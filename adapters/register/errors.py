"""What can be wrong with a register so that a person has to see to it; quick to import."""

SETTING = "DIPLOMA_REGISTER_URL"
"""The setting all of it goes back to."""
MIGRATE = "run `diploma register migrate`"


class BadRegister(Exception):
    """A register that cannot work before a person mends it; the text says what to do."""


class SchemaOutdated(BadRegister):
    """The tables are not those this version of the program needs."""
