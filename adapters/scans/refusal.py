"""How the checking process says no, and what it looks for in every file."""

import re

from domain.scan_faults import ScanFault


class Refused(Exception):
    """The scan cannot be taken; `detail` is for operators and holds nothing from the scan."""

    def __init__(self, fault: ScanFault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail


PADDING = b"\0 \t\r\n"
"""Bytes that devices and mail programs add to the end of a file."""
_ZIP = (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06")
_MARKUP = re.compile(rb"<script|<html|<!doctype html|<svg|<\?php", re.IGNORECASE)
_OTHER_FILES = re.compile(rb"%PDF-[0-9]|GIF8[79]a|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c")
_PNG = b"\x89PNG\r\n\x1a\n"


def refuse_archive(content: bytes) -> None:
    """Refuse what a program for archives would open as well.

    One signature comes about by chance in compressed data, all three of an archive do not.
    """
    if all(signature in content for signature in _ZIP):
        raise Refused(ScanFault.TWO_FORMATS, "there is a ZIP archive in the file")


def refuse_markup(content: bytes) -> None:
    """Refuse what a browser might run."""
    if _MARKUP.search(content):
        raise Refused(ScanFault.TWO_FORMATS, "there is markup or a script in the file")


def refuse_other_files(picture: bytes) -> None:
    """Refuse a picture that carries a file of another type, wherever it hides."""
    refuse_archive(picture)
    refuse_markup(picture)
    if _OTHER_FILES.search(picture) or picture.rfind(_PNG) > 0:
        raise Refused(ScanFault.TWO_FORMATS, "the picture carries a file of another type")


def refuse_size(width: int, height: int, pixels: int) -> None:
    """Refuse a picture of too many pixels before anything is unpacked."""
    if width * height > 5 * pixels:
        raise Refused(ScanFault.BOMB, f"the picture claims {width} x {height} pixels")
    if width * height > pixels:
        raise Refused(ScanFault.TOO_MANY_PIXELS, f"the picture has {width} x {height} pixels")
