"""JPEG files: taken apart without decoding, and put together without their metadata."""

import re
from typing import NamedTuple

from adapters.scans.refusal import PADDING, Refused
from domain.scan_faults import ScanFault

MAGIC = b"\xff\xd8\xff"
MOST_SEGMENTS = 2000
"""No camera writes more; a colour profile alone may take 255."""
MOST_PASSES = 100
"""Through the picture; a progressive one has about ten, and each costs time."""

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_SEQUENTIAL, _PROGRESSIVE = {0xC0, 0xC1}, 0xC2
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = {0xC4, 0xDB, 0xDD}
"""Huffman and quantisation tables and restart intervals."""
_JFIF, _ADOBE, _PROFILE, _EXIF = b"JFIF\0", b"Adobe", b"ICC_PROFILE\0", b"Exif\0\0"
_JFIF_BYTES, _ADOBE_BYTES = 12, 12
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_FEWEST_BYTES = 2


class Jpeg(NamedTuple):
    """What a JPEG file is made of."""

    content: bytes
    """The picture as it was, bit for bit, without metadata and previews."""
    width: int
    height: int
    progressive: bool
    exif: bytes


def take_apart(file: bytes, *, in_pdf: bool = False) -> Jpeg:
    """A JPEG file without metadata: only pixels, colour profile and resolution are left.

    Args:
        file: Begins with MAGIC.
        in_pdf: True when it is a part of a PDF, where what follows it does no harm.

    Raises:
        Refused: It is damaged, cut off, a bomb, or something else hangs on its end.
    """
    kept = [b"\xff\xd8"]
    metadata: list[bytes] = []
    frame: tuple[int, bytes] | None = None
    position, passes = 2, 0
    for _ in range(MOST_SEGMENTS):
        marker, position = _marker(file, position)
        if marker == _EOI:
            break
        payload, after = _segment(file, position)
        if marker in _FRAMES:
            if frame is not None:
                raise Refused(ScanFault.DAMAGED, "the JPEG has two frames")
            frame = marker, payload
        short = _shortened(marker, payload)
        if short is None:
            metadata.append(payload)
        else:
            kept.append(_written(marker, short))
        position = after
        if marker == _SOS:
            passes += 1
            position = _end_of_pass(file, after)
            kept.append(file[after:position])
    else:
        raise Refused(ScanFault.BOMB, f"the JPEG has more than {MOST_SEGMENTS} segments")
    if passes > MOST_PASSES:
        raise Refused(ScanFault.BOMB, f"the JPEG takes {passes} passes to decode")
    if frame is None or not passes:
        raise Refused(ScanFault.DAMAGED, "the JPEG has no picture")
    if not in_pdf:
        _check_end(file[position:].strip(PADDING), metadata)
    width, height = _size(*frame)
    exif = next((segment for segment in metadata if segment.startswith(_EXIF)), b"")
    content = b"".join([*kept, b"\xff\xd9"])
    return Jpeg(content, width, height, progressive=frame[0] == _PROGRESSIVE, exif=exif)


def _marker(file: bytes, position: int) -> tuple[int, int]:
    """The marker at a position, and where what belongs to it begins."""
    if position >= len(file):
        raise Refused(ScanFault.TRUNCATED, "the JPEG ends before its end marker")
    if file[position] != 0xFF:  # noqa: PLR2004 - every marker begins so
        raise Refused(ScanFault.DAMAGED, "there is no marker where the JPEG must have one")
    while position < len(file) and file[position] == 0xFF:  # noqa: PLR2004 - may be repeated
        position += 1
    if position >= len(file):
        raise Refused(ScanFault.TRUNCATED, "the JPEG ends in a marker")
    return file[position], position + 1


def _segment(file: bytes, position: int) -> tuple[bytes, int]:
    """What belongs to a marker, and where the next one begins."""
    length = int.from_bytes(file[position : position + 2])
    after = position + length
    if position + 2 > len(file) or after > len(file):
        raise Refused(ScanFault.TRUNCATED, "the JPEG ends within a segment")
    if length < _FEWEST_BYTES:
        raise Refused(ScanFault.DAMAGED, "a segment of the JPEG is shorter than its own length")
    return file[position + 2 : after], after


def _shortened(marker: int, payload: bytes) -> bytes | None:
    """What is kept of a segment; None for metadata."""
    if marker in _FRAMES | _TABLES | {_SOS}:
        return payload
    if marker == _APP0 and payload.startswith(_JFIF):
        return payload[:_JFIF_BYTES].ljust(_JFIF_BYTES, b"\0") + b"\0\0"  # without the preview
    if marker == _APP2 and payload.startswith(_PROFILE):
        return payload
    if marker == _APP14 and payload.startswith(_ADOBE):
        return payload[:_ADOBE_BYTES]  # says how colours are stored
    return None


def _written(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2) + payload


def _end_of_pass(file: bytes, position: int) -> int:
    found = _NEXT_MARKER.search(file, position)
    if found is None:
        raise Refused(ScanFault.TRUNCATED, "the JPEG ends within its picture")
    return found.start()


def _size(marker: int, frame: bytes) -> tuple[int, int]:
    if marker not in _SEQUENTIAL | {_PROGRESSIVE}:
        raise Refused(ScanFault.DAMAGED, f"a JPEG of a kind nobody writes (SOF {marker:#x})")
    height, width = int.from_bytes(frame[1:3]), int.from_bytes(frame[3:5])
    if not width or not height:
        raise Refused(ScanFault.DAMAGED, "the JPEG has no size")
    return width, height


def _check_end(rest: bytes, metadata: list[bytes]) -> None:
    """Refuse what hangs on the end, but not what cameras themselves put there and announce.

    Phones add a second picture, a short film or notes of their own; none of it is kept.
    """
    if not rest:
        return
    film = any(b"MotionPhoto" in part or b"MicroVideo" in part for part in metadata)
    second = rest.startswith(MAGIC) and any(part.startswith(b"MPF\0") for part in metadata)
    if not (film or second or rest.endswith(b"SEFT")):
        raise Refused(ScanFault.TWO_FORMATS, "something hangs on the end of the JPEG")
