"""Sealing (R13): a data key for every case, and what is encrypted with it."""

from typing import Final

REFUSED: Final = b"binary/refused"
"""Encoding no converter knows, of what a codec would not open.

A message that has it is parked like any other unreadable one.
"""
