"""PNG files: taken apart without decoding, and put together without their metadata."""

import zlib
from typing import NamedTuple

from adapters.scans.refusal import PADDING, Refused
from domain.scan_faults import ScanFault

MAGIC = b"\x89PNG\r\n\x1a\n"

_PICTURE = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_COLOURS = {b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs"}
"""Of fixed, small size, and needed to show the picture as it is."""
_LONGEST_COLOUR = 40
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Per pixel, by colour type."""
_HEADER_BYTES = 13
_FRAME_BYTES = 12
_CHUNK = 1024 * 1024


class Png(NamedTuple):
    """What a PNG file is made of."""

    content: bytes
    """The picture as it was, without metadata."""
    width: int
    height: int
    raster_bytes: int
    """At most, when unpacked."""
    exif: bytes


def take_apart(file: bytes) -> Png:
    """A PNG file without metadata: only pixels, transparency, colours and resolution are left.

    Raises:
        Refused: It is damaged, cut off, or something else hangs on its end.
    """
    kept, exif, position = [MAGIC], b"", len(MAGIC)
    kind, header = b"", b""
    while kind != b"IEND":
        kind, payload, whole = _chunk(file, position)
        position += len(whole)
        if not header and (kind != b"IHDR" or len(payload) != _HEADER_BYTES):
            raise Refused(ScanFault.DAMAGED, "the PNG does not begin with its header")
        header = header or payload
        if kind in _PICTURE or (kind in _COLOURS and len(payload) <= _LONGEST_COLOUR):
            kept.append(whole)
        elif kind[:1].isupper():
            raise Refused(ScanFault.DAMAGED, "the PNG needs a feature nobody has")
        elif kind == b"eXIf":
            exif = payload
    if file[position:].strip(PADDING):
        raise Refused(ScanFault.TWO_FORMATS, "something hangs on the end of the PNG")
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    samples = _SAMPLES.get(header[9])
    if not width or not height or samples is None:
        raise Refused(ScanFault.DAMAGED, "the PNG has no size or no colours")
    # Interlaced rows are shorter and more: at most four bytes are added per row of the picture.
    raster_bytes = (width * samples * header[8] + 7) // 8 * height + 4 * height + 16
    return Png(b"".join(kept), width, height, raster_bytes, exif)


def refuse_bomb(png: Png) -> None:
    """Refuse a PNG whose picture unpacks to more than its size says, or hides something.

    Raises:
        Refused: It does, or it cannot be unpacked.
    """
    inflate, unpacked, position = zlib.decompressobj(), 0, len(MAGIC)
    try:
        while position < len(png.content):
            kind, payload, whole = _chunk(png.content, position)
            position += len(whole)
            while kind == b"IDAT" and payload and not inflate.eof:
                unpacked += len(inflate.decompress(payload, _CHUNK))
                payload = inflate.unconsumed_tail
                if unpacked > png.raster_bytes:
                    raise Refused(ScanFault.BOMB, "the PNG unpacks to more than its size says")
            if kind == b"IDAT" and (payload or inflate.unused_data):
                raise Refused(ScanFault.TWO_FORMATS, "something follows the picture in the PNG")
    except zlib.error:
        raise Refused(ScanFault.DAMAGED, "the PNG cannot be unpacked") from None
    if not inflate.eof:
        raise Refused(ScanFault.DAMAGED, "the picture in the PNG has no end")


def _chunk(file: bytes, position: int) -> tuple[bytes, bytes, bytes]:
    """Kind, payload and the whole of the chunk at a position."""
    length = int.from_bytes(file[position : position + 4])
    whole = file[position : position + _FRAME_BYTES + length]
    if len(whole) < _FRAME_BYTES + length:
        raise Refused(ScanFault.TRUNCATED, "the PNG ends before its end chunk")
    if zlib.crc32(whole[4:-4]) != int.from_bytes(whole[-4:]):
        raise Refused(ScanFault.DAMAGED, "a chunk of the PNG has a wrong checksum")
    return whole[4:8], whole[8:-4], whole
