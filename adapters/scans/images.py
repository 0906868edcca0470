"""Pictures checked and cleaned: JPEG and PNG."""

from io import BytesIO
from typing import NamedTuple, TypeVar

from PIL import (
    Image,
    TiffImagePlugin,  # noqa: F401 - for EXIF and faxes; it would be too late when they are met
)
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile, get_sampling
from PIL.PngImagePlugin import PngImageFile

from adapters.scans import jpeg, legibility, png
from adapters.scans.refusal import Refused, refuse_other_files, refuse_size
from domain.scan_faults import ScanFault

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes up for how the camera was held, by the number EXIF has for it."""
_MOST_TURNED_PIXELS = 16_000_000
"""Turning takes eight bytes a pixel; a larger JPEG is halved first and is still sharp."""

Image.MAX_IMAGE_PIXELS = None  # our own limit is kept before anything is opened
Image.preinit()  # likewise too late when needed


Picture = TypeVar("Picture", bound=ImageFile)


class Cleaned(NamedTuple):
    """A scan as it is stored."""

    content: bytes
    pages: int


def check_jpeg(file: bytes, *, pixels: int, smallest_side: int) -> Cleaned:
    """A JPEG without metadata and the right way up.

    Raises:
        Refused: It cannot be taken.
    """
    refuse_other_files(file)
    taken = jpeg.take_apart(file)
    refuse_jpeg_size(taken, pixels)
    legibility.refuse_small(taken.width, taken.height, smallest_side)
    legibility.refuse_illegible(decoded_jpeg(taken))
    turn = _turn(taken.exif)
    return Cleaned(taken.content if turn is None else _turned_jpeg(taken, turn), 1)


def check_png(file: bytes, *, pixels: int, smallest_side: int) -> Cleaned:
    """A PNG without metadata and the right way up.

    Raises:
        Refused: It cannot be taken.
    """
    refuse_other_files(file)
    taken = png.take_apart(file)
    refuse_size(taken.width, taken.height, pixels)
    legibility.refuse_small(taken.width, taken.height, smallest_side)
    png.refuse_bomb(taken)
    picture = _decoded(PngImageFile, taken.content)
    legibility.refuse_illegible(picture)
    turn = _turn(taken.exif)
    if turn is None:
        return Cleaned(taken.content, 1)
    refuse_size(taken.width, taken.height, _MOST_TURNED_PIXELS)
    return Cleaned(_turned_png(picture, turn), 1)


def refuse_jpeg_size(taken: jpeg.Jpeg, pixels: int) -> None:
    """Refuse a JPEG of too many pixels.

    The decoder keeps the whole of a progressive one in memory, so it may have half as many.
    """
    refuse_size(taken.width, taken.height, pixels // 2 if taken.progressive else pixels)


def decoded_jpeg(taken: jpeg.Jpeg) -> Image.Image:
    """The picture, read from end to end, yet only as large as is needed to judge it.

    Raises:
        Refused: It cannot be decoded.
    """
    longest = max(taken.width, taken.height, legibility.LONG_SIDE)
    width = max(1, taken.width * legibility.LONG_SIDE // longest)
    height = max(1, taken.height * legibility.LONG_SIDE // longest)
    return _decoded(JpegImageFile, taken.content, "L", (width, height))


def _decoded(
    form: type[Picture],
    content: bytes,
    mode: str | None = None,
    size: tuple[int, int] | None = None,
) -> Picture:
    """A picture read by the library's reader of one format; at least `size`, or in full."""
    try:
        picture = form(BytesIO(content))
        picture.draft(mode, size)
        picture.load()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a parser raises whatever it stumbles over
        raise Refused(ScanFault.DAMAGED, f"cannot be decoded ({type(error).__name__})") from None
    return picture


def _turn(exif: bytes) -> Image.Transpose | None:
    found = Image.Exif()
    try:
        found.load(exif)
        return _TURNS.get(found.get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - EXIF nobody can read turns nothing
        return None


def _turned_jpeg(taken: jpeg.Jpeg, turn: Image.Transpose) -> bytes:
    """The picture turned; compressed as much as it was."""
    large = taken.width * taken.height > _MOST_TURNED_PIXELS
    half = (taken.width // 2, taken.height // 2) if large else None
    picture, written = _decoded(JpegImageFile, taken.content, None, half), BytesIO()
    picture.transpose(turn).save(
        written,
        "JPEG",
        qtables=picture.quantization,
        subsampling=get_sampling(picture),
        icc_profile=picture.info.get("icc_profile"),
    )
    return jpeg.take_apart(written.getvalue()).content


def _turned_png(picture: Image.Image, turn: Image.Transpose) -> bytes:
    written = BytesIO()
    picture.transpose(turn).save(written, "PNG")
    return png.take_apart(written.getvalue()).content
