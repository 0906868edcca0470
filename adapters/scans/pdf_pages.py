"""The pages of a PDF: what they show, and whether a person could read it."""

import re
from collections import Counter
from typing import NamedTuple

from pikepdf import (
    Array,
    Dictionary,
    Name,
    Object,
    Pdf,
    PdfImage,
    Stream,
    StreamDecodeLevel,
    String,
    parse_content_stream,
)
from PIL import Image

from adapters.scans import jpeg, legibility
from adapters.scans.images import decoded_jpeg
from adapters.scans.pdf_objects import filters_of, is_picture
from adapters.scans.refusal import Refused
from domain.scan_faults import ScanFault

MOST_STEPS = 20_000_000
"""Bytes of drawing orders, forms within forms counted as often as they are drawn."""
DEEPEST = 20
"""Forms within forms."""
MOST_PAGES_LOOKED_AT = 30
"""Those behind are checked for harm, not for legibility: a page takes a twentieth of a second."""
MOST_LOOKED_AT = 300_000_000
"""Pixels of all pages, likewise."""
MOST_UNPACKED_LOOKED_AT = 10_000_000
"""Pixels of a picture that has to be unpacked as a whole to look at it."""

_LONGEST_SIMPLE = 16 * 1024
"""Bytes; drawing orders that only place pictures, or nothing, are shorter."""
_DRAWN = re.compile(rb"/([^\s/<>\[\](){}%]+)\s+Do\b")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_PAINTS = {"f", "F", "f*", "B", "B*", "b", "b*", "S", "s", "sh", "INLINE IMAGE"}
_WRITES = {"Tj", "TJ", "'", '"'}
_NO_LETTERS = b" \t\r\n\0\x03\xa0"
"""Spaces, also as fonts number their signs."""
_UNSEEN_TEXT = {3, 7}
"""Text rendering modes of what recognition lays over a scan."""
_NOT_LOOKED_AT = {"/JBIG2Decode", "/JPXDecode"}
"""One needs another program, the other a decoder with a long record of faults."""

Look = tuple[bool, tuple[tuple[int, int], ...]]


class Drawing(NamedTuple):
    """What a page or a form draws."""

    marks: bool = False
    """True when something else than pictures shows."""
    pictures: tuple[Stream, ...] = ()
    steps: int = 0

    @property
    def look(self) -> Look:
        """The same for pages that look alike as far as they are judged."""
        return self.marks, tuple(picture.objgen for picture in self.pictures)


def refuse_illegible(document: Pdf, smallest_side: int) -> None:
    """Refuse a document nobody could read.

    Empty pages among others are ordinary: scanners turn sheets over. A page that shows more
    than pictures is not judged by them.

    Raises:
        Refused: All pages are blank, or one is blurred or too small, or drawing never ends.
    """
    known: dict[tuple[int, int], Drawing | None] = {}
    drawings = [
        _drawn_by(page.obj, page.obj.get("/Resources"), known, 0) for page in document.pages
    ]
    blank: dict[Look, bool] = {}
    left = MOST_LOOKED_AT
    for number, drawing in enumerate(drawings[:MOST_PAGES_LOOKED_AT], 1):
        if drawing.look in blank:
            continue  # the same picture on every page is still one picture
        left -= sum(map(_area, drawing.pictures))
        if left < 0:
            return
        blank[drawing.look] = _is_blank(drawing, number, smallest_side)
    if all(blank.get(drawing.look, False) for drawing in drawings):
        raise Refused(ScanFault.BLANK, "every page is blank")


def _is_blank(drawing: Drawing, number: int, smallest_side: int) -> bool:
    """True when a page shows nothing; refused when what it shows cannot be read."""
    if drawing.marks:
        return False
    if drawing.pictures and sum(map(_area, drawing.pictures)) < smallest_side**2:
        raise Refused(ScanFault.TOO_SMALL, f"the pictures on page {number} are too small")
    seen = [_seen(picture) for picture in drawing.pictures]
    if all(picture is not None and legibility.is_blank(picture) for picture in seen):
        return True
    # Of several pictures on a page, one may be a soft background by design.
    if len(seen) == 1 and seen[0] is not None and legibility.is_blurred(seen[0]):
        raise Refused(ScanFault.BLURRED, f"page {number} is out of focus")
    return False


def _drawn_by(
    owner: Object, resources: object, known: dict[tuple[int, int], Drawing | None], depth: int
) -> Drawing:
    """What a page or a form draws, with all forms within."""
    if depth > DEEPEST:
        raise Refused(ScanFault.BOMB, f"forms in the PDF are nested deeper than {DEEPEST}")
    content = _content(owner)
    marks = _shows_more(owner, content) or bool(list(owner.get("/Annots", ())))
    pictures, steps = list[Stream](), len(content)
    for name, times in Counter(_DRAWN.findall(content)).items():
        drawn = _external(resources, name)
        if drawn is None:
            continue
        if is_picture(drawn):
            pictures.append(drawn)
        elif drawn.get("/Subtype") == Name.Form:
            inner = _form(drawn, resources, known, depth)
            marks |= inner.marks
            pictures += inner.pictures
            steps += times * inner.steps
    if steps > MOST_STEPS:
        raise Refused(ScanFault.BOMB, "drawing a page of the PDF takes far too long")
    once = {picture.objgen: picture for picture in pictures}
    return Drawing(marks, tuple(once.values()), steps)


def _form(
    form: Stream, resources: object, known: dict[tuple[int, int], Drawing | None], depth: int
) -> Drawing:
    if form.objgen not in known:
        known[form.objgen] = None
        own = form.get("/Resources", resources)
        known[form.objgen] = _drawn_by(form, own, known, depth + 1)
    drawing = known[form.objgen]
    if drawing is None:
        raise Refused(ScanFault.BOMB, "a form in the PDF draws itself")
    return drawing


def _content(owner: Object) -> bytes:
    held = owner if isinstance(owner, Stream) else owner.get("/Contents")
    parts = list(held) if isinstance(held, Array) else [held]
    return b"\n".join(
        part.read_bytes(StreamDecodeLevel.specialized) for part in parts if isinstance(part, Stream)
    )


def _external(resources: object, name: bytes) -> Stream | None:
    """The picture or form of a name; None when there is none."""
    named = resources.get("/XObject") if isinstance(resources, Dictionary) else None
    if not isinstance(named, Dictionary):
        return None
    plain = _ESCAPED.sub(lambda code: bytes([int(code[1], 16)]), name)
    found = named.get("/" + plain.decode(errors="replace"))
    return found if isinstance(found, Stream) else None


def _shows_more(owner: Object, content: bytes) -> bool:
    """True when text or lines are drawn, other than white or meant for searching only."""
    if len(content) > _LONGEST_SIMPLE:
        return True
    white, unseen, kept = False, False, list[tuple[bool, bool]]()
    for step in parse_content_stream(owner):
        operands, order = step.operands, str(step.operator)
        if order == "q":
            kept.append((white, unseen))
        elif order == "Q" and kept:
            white, unseen = kept.pop()
        elif order in {"g", "rg"}:
            white = all(level == 1 for level in operands)
        elif order in {"k", "cs", "sc", "scn"}:
            white = False
        elif order == "Tr":
            unseen = operands[0] in _UNSEEN_TEXT
        elif (order in _PAINTS and not (white and order.startswith(("f", "F")))) or (
            order in _WRITES and not unseen and any(map(_has_letters, operands))
        ):
            return True
    return False


def _has_letters(shown: object) -> bool:
    if isinstance(shown, Array):
        return any(map(_has_letters, shown))
    return isinstance(shown, String) and bool(bytes(shown).strip(_NO_LETTERS))


def _area(picture: Stream) -> int:
    return int(picture.get("/Width", 0)) * int(picture.get("/Height", 0))


def _seen(picture: Stream) -> Image.Image | None:
    """The picture as it is judged; None when it is not."""
    filters = filters_of(picture)
    if filters == ["/DCTDecode"]:
        taken = jpeg.take_apart(picture.read_raw_bytes(), in_pdf=True)
        return legibility.as_seen(decoded_jpeg(taken))
    small = "/CCITTFaxDecode" in filters or _area(picture) <= MOST_UNPACKED_LOOKED_AT
    if not small or _NOT_LOOKED_AT & set(filters):
        return None
    try:
        return legibility.as_seen(PdfImage(picture).as_pil_image())
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a way to store pictures that the library does not know
        return None
