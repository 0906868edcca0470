"""Scans of documents: what is asked of them, what a check found, how they are named (R2)."""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.application import DocumentKind
from domain.base import Frozen
from domain.scan_faults import ScanFault

MAX_SCAN_BYTES = 5 * 1024 * 1024
"""R2: this many bytes pass, one more fails."""
LONGEST_STEM = 80
"""Characters of the original name that are kept; a file system counts two bytes for Cyrillic."""

_KEPT_IN_NAMES = "0-9A-Za-z\u0400-\u0481\u048a-\u052f"
"""Digits, Latin and Cyrillic letters; every other letter may be invisible or reorder a line."""
_NOT_IN_NAMES = re.compile(rf"[^{_KEPT_IN_NAMES}-]+")
_EXTENSION = re.compile(r"\.([0-9A-Za-z]{1,8})\Z")
_FOLDERS = re.compile(r".*[/\\]", re.DOTALL)


class MediaType(StrEnum):
    """What a scan may be (R2)."""

    PDF = "application/pdf"
    JPEG = "image/jpeg"
    PNG = "image/png"


MEDIA_TYPES = {
    ".pdf": MediaType.PDF,
    ".jpg": MediaType.JPEG,
    ".jpeg": MediaType.JPEG,
    ".png": MediaType.PNG,
}
"""By extension, in small letters."""


class ScanLimits(Frozen):
    """How much a scan, and the check of one, may take."""

    size_bytes: Annotated[int, Field(ge=1)] = MAX_SCAN_BYTES
    """R2; larger files are refused unread."""
    pages: Annotated[int, Field(ge=1)] = 100
    """No grade book and no order has more."""
    pixels: Annotated[int, Field(ge=1)] = 36_000_000
    """Of one picture; a sheet of A4 at 600 dots per inch has 35 million."""
    smallest_side: Annotated[int, Field(ge=1)] = 400
    """Pixels; below, the lines of a document cannot be told apart."""
    seconds: Annotated[int, Field(ge=1)] = 4
    """Of processor time."""
    wall_seconds: Annotated[int, Field(ge=1)] = 20
    """On the clock, for the machine may be busy with others."""
    memory_bytes: Annotated[int, Field(ge=1)] = 224 * 1024 * 1024
    """Of addresses; not all of them are backed by memory."""


class ScanVerdict(Frozen):
    """What a check found out about one scan."""

    fault: ScanFault | None = None
    media_type: MediaType | None = None
    """As its name says; None when that is no type we take."""
    sha256: str | None = None
    """Of the cleaned content, in hexadecimal; None when the scan was refused."""
    size_bytes: Annotated[int, Field(ge=0)]
    """Of the cleaned content; of what came in when the scan was refused."""
    pages: Annotated[int, Field(ge=0)] = 0
    detail: str = ""
    """For operators, in English; nothing from the scan itself and not its name (R13)."""


def repeated(scans: Mapping[DocumentKind, str]) -> tuple[DocumentKind, ...]:
    """The kinds whose scan stands under an earlier kind already (R2).

    Args:
        scans: The hash of each kind's cleaned content, in the order the scans were handed in.
    """
    first: dict[str, DocumentKind] = {}
    for kind, sha256 in scans.items():
        first.setdefault(sha256, kind)
    return tuple(kind for kind, sha256 in scans.items() if first[sha256] is not kind)


def extension(name: str) -> str:
    """The extension of a file's name in small letters, with its dot; empty when it has none."""
    found = _EXTENSION.search(name.strip())
    return found[0].lower() if found else ""


def safe_name(kind: DocumentKind, original_name: str) -> str:
    """The name a scan is stored under, kind_original.extension, made safe (R2).

    Digits, Latin and Cyrillic letters and hyphens stay; anything else becomes an underscore.
    With the kind in front, no name begins with a dot or is one that a system reserves.
    """
    name = unicodedata.normalize("NFC", _FOLDERS.sub("", original_name)).strip()
    stem = _NOT_IN_NAMES.sub("_", _EXTENSION.sub("", name))[:LONGEST_STEM].strip("_-")
    return f"{kind}_{stem or 'scan'}{extension(name)}"
