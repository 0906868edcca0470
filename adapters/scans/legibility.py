"""Whether a person could read a picture: too small, blank or blurred."""

from PIL import Image, ImageChops, ImageFilter

from adapters.scans.refusal import Refused
from domain.scan_faults import ScanFault

LONG_SIDE = 1600
"""Pixels of the longer side at which a picture is judged; a sheet of print is legible at it."""
LEAST_CONTRAST = 16
"""Of 255; no ink and no shadow is weaker."""
LEAST_INK = 0.0005
"""The share of a picture that a signature alone takes."""
LEAST_LETTERS = 0.3
"""Of the contrast of blocks; sharp pictures have 0.6, soft ones 0.4, out of focus ones 0.2."""
LEAST_STROKES = 0.015
"""Of the energy of letters; sharp pictures have 0.2 to 0.5, soft ones 0.03, others below 0.01."""

_BAND = 32
_STRONGEST = 0.003
"""The share of a picture whose contrast stands for the whole."""
_MOST = 0.5
"""Half of a picture, at least, is paper, and differs by nothing but noise."""
_LEAST_NOISE = 5
"""Of 255; smaller differences mean nothing in any picture."""
_NOISE_LEFT = 2
"""How far above its usual size noise still is met, when it is softened already."""
_NOISE_SHARE = 0.06
"""Of the contrast; what the compression of pictures leaves behind along edges."""


def refuse_small(width: int, height: int, smallest_side: int) -> None:
    """Refuse a picture with too few pixels."""
    if min(width, height) < smallest_side:
        raise Refused(ScanFault.TOO_SMALL, f"the picture has {width} x {height} pixels")


def refuse_illegible(picture: Image.Image) -> None:
    """Refuse a blank or a blurred picture."""
    seen = as_seen(picture)
    if is_blank(seen):
        raise Refused(ScanFault.BLANK, "the picture is of nearly one colour")
    if is_blurred(seen):
        raise Refused(ScanFault.BLURRED, "the picture is out of focus")


def as_seen(picture: Image.Image) -> Image.Image:
    """The picture as it looks on white paper: in grey, and no larger than it is judged at."""
    factor = max(1, max(picture.size) // LONG_SIDE)
    seen = Image.new("L", (-(-picture.width // factor), -(-picture.height // factor)))
    for top in range(0, picture.height, _BAND * factor):
        # Row by row, for a large picture of four colours fills half of the memory there is.
        bottom = min(top + _BAND * factor, picture.height)
        band = _on_paper(picture.crop((0, top, picture.width, bottom)))
        seen.paste(band.reduce(factor), (0, top // factor))
    shrink = min(1, LONG_SIDE / max(seen.size))
    return seen.resize(
        (max(1, round(seen.width * shrink)), max(1, round(seen.height * shrink))),
        Image.Resampling.BOX,
    )


def is_blank(seen: Image.Image) -> bool:
    """True when nothing stands out from what is around it, however the light falls."""
    return _reached(_blocks(seen), LEAST_INK) < LEAST_CONTRAST


def is_blurred(seen: Image.Image) -> bool:
    """True when details stand out less, the smaller they are.

    In a sharp picture a letter differs from what is around it nearly as much as a block of text
    does, and a stroke as much as a letter. Where there is much noise, strokes tell nothing.
    """
    calm = _softened(seen, 1)
    letters, strokes = (_detail(calm, _softened(calm, radius)) for radius in (8, 2))
    contrast = _reached(letters, _STRONGEST)
    if contrast < LEAST_LETTERS * _reached(_blocks(seen), _STRONGEST):
        return True
    noise = _reached(_detail(seen, calm), _MOST)
    floor = max(_LEAST_NOISE, _NOISE_LEFT * noise, round(contrast * _NOISE_SHARE))
    return _energy(strokes, floor) <= LEAST_STROKES**2 * _energy(letters, floor)


def _blocks(seen: Image.Image) -> list[int]:
    """How much pixels differ from the mean of a wide neighbourhood."""
    small = seen.reduce(4)
    return _detail(small, _softened(small, 15))


def _on_paper(band: Image.Image) -> Image.Image:
    if band.mode == "I;16":
        return band.point(lambda level: level * (1 / 256)).convert("L")
    if "transparency" not in band.info and band.mode not in {"LA", "RGBA"}:
        return band.convert("L")
    paper = Image.new("RGBA", band.size, "white")
    return Image.alpha_composite(paper, band.convert("RGBA")).convert("L")


def _softened(seen: Image.Image, radius: int) -> Image.Image:
    """Every pixel the mean of those within a radius."""
    return seen.filter(ImageFilter.BoxBlur(radius))


def _detail(seen: Image.Image, softened: Image.Image) -> list[int]:
    """How many pixels differ from what is around them, by how much."""
    return ImageChops.difference(seen, softened).histogram()


def _reached(detail: list[int], share: float) -> int:
    """The difference that this share of the pixels reaches."""
    left = sum(detail) * share
    for difference in range(255, 0, -1):
        left -= detail[difference]
        if left <= 0:
            return difference
    return 0


def _energy(detail: list[int], floor: int) -> int:
    """The sum of squares of what exceeds the floor."""
    return sum(
        count * (difference - floor) ** 2
        for difference, count in enumerate(detail)
        if difference > floor
    )
