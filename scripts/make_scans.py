"""Make scans of documents of invented people, ordinary and hostile ones, into a folder.

`python scripts/make_scans.py --ordinary 60 --hostile --into /tmp/scans`. The same call makes
the same files, encrypted ones aside: nothing depends on the clock, on chance or on the fonts of
the machine. A hostile file is named after the code it has to be refused with.
"""

import argparse
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

SECRET_PLACE = "TRACE-55.7522N-37.6156E"
"""Stands in every place where metadata can be; no cleaned scan may hold it."""
A4_INCHES = (8.27, 11.69)
PASSPORT_INCHES = (4.92, 6.93)

_SURNAMES = ("Sokolova", "Kuznetsov", "Morozova", "Volkov", "Lebedeva", "Kozlov", "Pavlova")
_NAMES = ("Alyona Igorevna", "Pyotr Ilyich", "Yolka Artyomovna", "Semyon Lvovich", "Ya Petrovna")
_SUBJECTS = ("Higher mathematics", "Electric machines", "Physical training", "Bookkeeping", "Law")
_NO_AES = 4
"""Encryption of this revision and older ones may do without."""
_BELL = [round(128 + NormalDist(0, 32).inv_cdf((value + 0.5) / 256)) for value in range(256)]


class Sample(NamedTuple):
    """One file: what to call it, what is in it, and the code it is refused with, if any."""

    name: str
    content: bytes
    code: str = ""


class Person(NamedTuple):
    """Somebody who does not exist."""

    name: str
    number: str

    @classmethod
    def invented(cls, chance: random.Random) -> "Person":
        """Anybody, but the same for the same state of chance."""
        name = f"{chance.choice(_SURNAMES)} {chance.choice(_NAMES)}"
        return cls(name, f"{chance.randrange(10**4):04} {chance.randrange(10**6):06}")


# --- papers -------------------------------------------------------------------------------


def page(
    chance: random.Random, inches: tuple[float, float], dpi: int, title: str = "", lines: int = 24
) -> Image.Image:
    """A printed page: title, lines of text, a table, a stamp, a signature."""
    person = Person.invented(chance)
    width, height = round(inches[0] * dpi), round(inches[1] * dpi)
    paper = Image.new("RGB", (width, height), (250, 248, 243))
    draw = ImageDraw.Draw(paper)
    margin, step = width // 12, height // (max(lines, 24) + 8)
    draw.text((margin, step), title or "CERTIFICATE OF STUDIES", (20, 20, 30), _font(step * 0.9))
    draw.text((margin, step * 3), person.name, (10, 10, 60), _font(step * 0.7))
    draw.text((width * 2 // 3, step * 3), person.number, (120, 20, 20), _font(step * 0.6))
    for line in range(lines):
        top = step * (line + 5)
        mark = chance.choice(("excellent", "good", "passed", "satisfactory"))
        text = f"{line + 1:2}. {chance.choice(_SUBJECTS)}, {chance.randrange(36, 220)} h - {mark}"
        draw.text((margin, top), text, (25, 25, 25), _font(step * 0.55))
        draw.line((margin, top + step, width - margin, top + step), (170, 170, 170), 1 + dpi // 150)
    _stamp(draw, chance, width, height, dpi)
    return paper


def passport(chance: random.Random, dpi: int) -> Image.Image:
    """The page of a passport with a portrait, a background of fine lines and a number."""
    person = Person.invented(chance)
    width, height = (round(side * dpi) for side in PASSPORT_INCHES)
    paper = Image.new("RGB", (width, height), (238, 226, 220))
    draw = ImageDraw.Draw(paper)
    for line in range(0, height, max(6, dpi // 25)):
        draw.line((0, line, width, line + width // 9), (224, 204, 206), 1)
    step = height // 26
    left, right = width // 15, width // 2
    portrait = (left, height * 3 // 5, left + width // 3, height * 3 // 5 + width * 2 // 5)
    draw.rectangle(portrait, (200, 205, 210))
    x0, y0, x1, y1 = portrait
    draw.ellipse(
        (x0 + (x1 - x0) // 4, y0 + step, x1 - (x1 - x0) // 4, y1 - step * 2), (205, 170, 150)
    )
    draw.pieslice((x0, y1 - step * 4, x1, y1 + step * 3), 180, 360, (60, 60, 80))
    for row, text in enumerate(("ISSUED BY THE OFFICE OF NOWHERE", "12.03.2007  770-001")):
        draw.text((left, step * (2 + row * 2)), text, (40, 30, 40), _font(step * 0.62))
    rows = (*person.name.upper().split(), "FEM. 14.03.1987", "TOWN OF NOWHERE")
    for row, text in enumerate(rows):
        top = height * 3 // 5 + step * row
        draw.text((right, top), text, (40, 30, 40), _font(step * 0.62))
    draw.text((width * 3 // 5, step * 8), person.number, (150, 30, 40), _font(step))
    draw.text((left, height - step * 2), "PNRUS" + "<" * 24, (30, 30, 30), _font(step * 0.6))
    _stamp(draw, chance, width, height, dpi)
    return paper


def receipt(chance: random.Random, width: int, height: int) -> Image.Image:
    """What a bank's application shows after a payment, as its screenshot."""
    screen = Image.new("RGB", (width, height), (255, 255, 255))
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, width, height // 14), (33, 160, 56))
    size = width / 26
    draw.text((width // 20, height // 60), "Payment done", "white", _font(size * 1.3))
    rows = (
        ("Payee", "Treasury of Nowhere"),
        ("Payer", Person.invented(chance).name),
        ("Amount", f"{chance.choice((500, 800, 1500))}.00 RUB"),
        ("Operation", f"{chance.randrange(10**10):010}"),
        ("Purpose", "State duty, duplicate"),
    )
    for number, (label, value) in enumerate(rows):
        top = height // 8 + number * height // 8
        draw.text((width // 20, top), label, (130, 130, 130), _font(size * 0.8))
        draw.text((width // 20, top + size), value, (20, 20, 20), _font(size))
    return screen


def _stamp(
    draw: ImageDraw.ImageDraw, chance: random.Random, width: int, height: int, dpi: int
) -> None:
    radius = width // 8
    x, y = width * 2 // 3 + chance.randrange(radius), height * 4 // 5
    for ring in (radius, radius * 3 // 4):
        draw.ellipse((x - ring, y - ring, x + ring, y + ring), None, (60, 60, 170), 1 + dpi // 100)
    draw.text((x - radius // 2, y - radius // 8), "NOWHERE", (60, 60, 170), _font(radius / 4))
    pen = [
        (x - radius * 2 + step * radius // 6, y + chance.randrange(-radius // 3, radius // 3))
        for step in range(9)
    ]
    draw.line(pen, (30, 30, 120), 2 + dpi // 100, "curve")


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(8, size))


# --- cameras and scanners -----------------------------------------------------------------


def photographed(
    paper: Image.Image,
    chance: random.Random,
    size: tuple[int, int],
    *,
    noise: float = 3,
    light: tuple[int, int] = (170, 255),
    blur: float = 0.6,
) -> Image.Image:
    """A photograph of a paper on a table: askew, in perspective, shaded, noisy.

    Args:
        paper: What lies there.
        chance: Decides on angles.
        size: Of the photograph, in pixels.
        noise: Standard deviation, of 255.
        light: How bright the darkest and the brightest corner are, of 255.
        blur: Radius in pixels; every lens has a little.
    """
    width, height = size
    if (paper.width > paper.height) != (width > height):
        paper = paper.transpose(Image.Transpose.ROTATE_90)
    table = Image.new("RGB", size, chance.choice(((96, 70, 50), (60, 62, 66), (150, 140, 128))))
    fit = min(width * 0.9 / paper.width, height * 0.9 / paper.height)
    sheet = paper.resize(
        (int(paper.width * fit), int(paper.height * fit)), Image.Resampling.BILINEAR
    )
    table.paste(sheet, ((width - sheet.width) // 2, (height - sheet.height) // 2))
    lean = [chance.uniform(-0.025, 0.02) for _ in range(8)]
    corners = ((0, 0), (0, height), (width, height), (width, 0))
    quad = [
        place + shift * side
        for (x, y), pair in zip(corners, zip(lean[::2], lean[1::2], strict=True), strict=True)
        for place, shift, side in ((x, pair[0], width), (y, pair[1], height))
    ]
    seen = table.transform(size, Image.Transform.QUAD, quad, Image.Resampling.BILINEAR)
    shade = Image.linear_gradient("L").rotate(chance.choice((0, 90, 180, 270))).resize(size)
    shade = shade.point([light[0] + (light[1] - light[0]) * value // 255 for value in range(256)])
    seen = ImageChops.multiply(seen, Image.merge("RGB", (shade, shade, shade)))
    if blur:
        seen = seen.filter(ImageFilter.GaussianBlur(blur))
    return grainy(seen, chance, noise)


def scanned(paper: Image.Image, chance: random.Random, *, noise: float = 1.5) -> Image.Image:
    """What an office scanner makes: straight but for a degree, evenly lit."""
    turned = paper.rotate(
        chance.uniform(-1, 1), Image.Resampling.BILINEAR, fillcolor=(255, 255, 255)
    )
    return grainy(turned.filter(ImageFilter.GaussianBlur(0.4)), chance, noise)


def grainy(picture: Image.Image, chance: random.Random, deviation: float) -> Image.Image:
    """The picture with the noise of a sensor, its standard deviation of 255."""
    if not deviation:
        return picture
    tile = Image.frombytes("L", (256, 256), chance.randbytes(256 * 256))
    tile = tile.point([round(128 + (_BELL[value] - 128) * deviation / 32) for value in range(256)])
    noise = Image.new("L", picture.size)
    for left in range(0, picture.width, 256):
        for top in range(0, picture.height, 256):
            noise.paste(tile, (left, top))
    bands = [ImageChops.add(band, noise, 1, -128) for band in picture.split()]
    return Image.merge(picture.mode, bands)


# --- files --------------------------------------------------------------------------------


def as_jpeg(picture: Image.Image, quality: int = 80, **options: object) -> bytes:
    """The picture as a JPEG file."""
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=quality, **options)
    return written.getvalue()


def as_png(picture: Image.Image, **options: object) -> bytes:
    """The picture as a PNG file."""
    written = io.BytesIO()
    picture.save(written, "PNG", **options)
    return written.getvalue()


def camera_notes(orientation: int = 1) -> Image.Exif:
    """What a phone writes into a photograph: itself, its owner, where it was."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Nowhere Phones", f"N1 {SECRET_PLACE}"
    exif[0x0112], exif[0x013B] = orientation, SECRET_PLACE
    exif[0x8825] = {
        1: "N",
        2: (55.0, 45.0, 19.5),
        3: "E",
        4: (37.0, 36.0, 56.5),
        27: SECRET_PLACE.encode(),
    }
    return exif


def with_segment(jpeg: bytes, marker: int, payload: bytes) -> bytes:
    """A JPEG with one more segment right after its beginning."""
    return jpeg[:2] + bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2) + payload + jpeg[2:]


def with_chunk(png: bytes, kind: bytes, payload: bytes) -> bytes:
    """A PNG with one more chunk right after its header."""
    chunk = struct.pack(">I", len(payload)) + kind + payload
    return png[:33] + chunk + struct.pack(">I", zlib.crc32(kind + payload)) + png[33:]


def an_archive(comment: bytes = b"") -> bytes:
    """A ZIP archive with one file."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(zipfile.ZipInfo("run.js"), "1;")
        archive.comment = comment
    return written.getvalue()


def saved(pdf: Pdf, **options: object) -> bytes:
    """The bytes of a PDF."""
    written = io.BytesIO()
    pdf.save(written, deterministic_id=True, fix_metadata_version=False, **options)  # type: ignore[arg-type]
    return written.getvalue()


def add_page(
    pdf: Pdf,
    content: bytes,
    resources: dict[str, object] | None = None,
    size: tuple[float, float] = (595, 842),
) -> pikepdf.Object:
    """A page with this content, as its dictionary."""
    page = Dictionary(
        Type=Name.Page,
        MediaBox=[0, 0, *size],
        Resources=Dictionary(resources or {}),
        Contents=Stream(pdf, content),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    return pdf.pages[-1].obj


def picture_page(pdf: Pdf, image: pikepdf.Object, extra: bytes = b"") -> None:
    """A page filled with one image."""
    add_page(
        pdf,
        b"q 595 0 0 842 0 0 cm /Im0 Do Q " + extra,
        {"/XObject": Dictionary(Im0=image), "/Font": Dictionary(F1=_helvetica())},
    )


def jpeg_image(pdf: Pdf, jpeg: bytes) -> Stream:
    """A JPEG as an image of a PDF, byte for byte."""
    with Image.open(io.BytesIO(jpeg)) as opened:
        width, height, grey = opened.width, opened.height, opened.mode == "L"
    image = Stream(pdf, jpeg)
    image.update(_image_keys(width, height, 8, Name.DeviceGray if grey else Name.DeviceRGB))
    image.Filter = Name.DCTDecode
    return image


def flate_image(pdf: Pdf, picture: Image.Image) -> Stream:
    """A picture as an image of a PDF, packed without loss."""
    image = Stream(pdf, zlib.compress(picture.tobytes()))
    grey = Name.DeviceRGB if picture.mode == "RGB" else Name.DeviceGray
    image.update(_image_keys(*picture.size, 1 if picture.mode == "1" else 8, grey))
    image.Filter = Name.FlateDecode
    return image


def fax_image(pdf: Pdf, picture: Image.Image) -> Stream:
    """A picture of two colours as an image of a PDF, packed as office machines do."""
    written = io.BytesIO()
    picture.convert("1").save(written, "TIFF", compression="group4", strip_size=2**30)
    with Image.open(written) as tiff:
        (start,), (length,) = tiff.tag_v2[273], tiff.tag_v2[279]  # type: ignore[attr-defined]
    image = Stream(pdf, written.getvalue()[start : start + length])
    image.update(_image_keys(*picture.size, 1, Name.DeviceGray))
    image.Filter = Name.CCITTFaxDecode
    image.DecodeParms = Dictionary(K=-1, Columns=picture.width, Rows=picture.height)
    return image


def with_notes(pdf: Pdf) -> Pdf:
    """The PDF with the place in everything that is metadata."""
    pdf.docinfo["/Author"] = String(SECRET_PLACE)
    pdf.Root.Metadata = Stream(pdf, f"<x>{SECRET_PLACE}</x>".encode())
    pdf.Root.Metadata.Type = Name.Metadata
    pdf.pages[0].obj.PieceInfo = Dictionary(Maker=Dictionary(Private=String(SECRET_PLACE)))
    return pdf


def raw_pdf(*objects: bytes) -> bytes:
    """A PDF of these objects as they are written here, the tree of pages being the first."""
    written, places = b"%PDF-1.4\n", []
    for number, held in enumerate((b"<</Type/Catalog/Pages 2 0 R>>", *objects), 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, held)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size, start = len(places) + 1, len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return written + b"trailer\n<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


def text_pdf(chance: random.Random, pages: int = 1) -> Pdf:
    """A document printed to PDF: real text and lines, a link, a bookmark to open at."""
    pdf = Pdf.new()
    for number in range(pages):
        person = Person.invented(chance)
        rows = b"".join(
            f"1 0 0 1 60 {760 - 30 * row} Tm ({row}. {person.name}: paid) Tj ".encode()
            for row in range(12)
        )
        content = b"0.5 w 50 800 m 540 800 l S BT /F1 12 Tf " + rows + b"ET"
        added = add_page(pdf, content, {"/Font": Dictionary(F1=_helvetica())})
        if number == 0:
            link = Dictionary(S=Name.URI, URI=String("https://example.org/receipt"))
            added.Annots = [
                Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[50, 50, 90, 90], A=link)
            ]
    target = Array([pdf.pages[0].obj, Name.Fit])
    pdf.Root.OpenAction = Dictionary(S=Name.GoTo, D=target)
    return pdf


def _helvetica() -> Dictionary:
    return Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)


def _image_keys(width: int, height: int, bits: int, colours: Name) -> dict[str, object]:
    return {
        "/Type": Name.XObject,
        "/Subtype": Name.Image,
        "/Width": width,
        "/Height": height,
        "/BitsPerComponent": bits,
        "/ColorSpace": colours,
    }


# --- ordinary scans -----------------------------------------------------------------------


def phone_upright(chance: random.Random) -> Sample:
    """A photograph as a phone keeps it: lying, with a note that it has to be turned."""
    seen = photographed(passport(chance, 300), chance, (2448, 3264))
    stored = seen.transpose(Image.Transpose.ROTATE_90)
    packet = f"<x:xmpmeta>{SECRET_PLACE}</x:xmpmeta>".encode()
    return Sample("IMG_0001.JPG", as_jpeg(stored, 72, exif=camera_notes(6), xmp=packet))


def phone_with_second_picture(chance: random.Random) -> Sample:
    """A photograph followed by a smaller one, as phones with brightness maps write them."""
    seen = photographed(passport(chance, 250), chance, (1512, 2016), light=(120, 240))
    main = as_jpeg(seen, 80, exif=camera_notes())
    second = as_jpeg(seen.resize((400, 533)), 60)
    return Sample("PXL 2026.jpg", with_segment(main, 0xE2, b"MPF\0II*\0" + bytes(60)) + second)


def phone_with_own_notes(chance: random.Random) -> Sample:
    """A photograph with what one maker hangs on the end of each."""
    seen = photographed(page(chance, A4_INCHES, 200), chance, (1836, 2448), light=(200, 255))
    notes = b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1717171717171" + SECRET_PLACE.encode() + b"SEFT"
    return Sample("20260511_101010.jpg", as_jpeg(seen, 75, exif=camera_notes()) + notes)


def phone_at_night(chance: random.Random) -> Sample:
    """A dim and noisy photograph."""
    seen = photographed(
        page(chance, A4_INCHES, 200), chance, (1800, 2400), noise=8, light=(60, 150), blur=0.9
    )
    return Sample("ночью.jpeg", as_jpeg(seen, 70, exif=camera_notes(1)))


def from_a_messenger(chance: random.Random) -> Sample:
    """A photograph made small by a messenger."""
    seen = photographed(page(chance, PASSPORT_INCHES, 300, lines=14), chance, (1600, 2133))
    small = seen.resize((960, 1280), Image.Resampling.LANCZOS)
    return Sample("photo_2026-05-11 10.10.10.jpg", as_jpeg(small, 70, progressive=True))


def office_grey(chance: random.Random) -> Sample:
    """A sheet from an office scanner, in grey."""
    sheet = scanned(page(chance, A4_INCHES, 200, "EXTRACT FROM THE ORDER"), chance).convert("L")
    return Sample("Скан_001.jpg", as_jpeg(sheet, 75, dpi=(200, 200)))


def office_colour(chance: random.Random) -> Sample:
    """A sheet from an office scanner, in colour."""
    sheet = scanned(page(chance, A4_INCHES, 300, "GRADE BOOK", lines=34), chance)
    return Sample("зачётка.jpg", as_jpeg(sheet, 80, comment=SECRET_PLACE.encode()))


def few_words(chance: random.Random) -> Sample:
    """A nearly empty sheet: a heading, a name, a signature."""
    sheet = scanned(page(chance, A4_INCHES, 150, "CONSENT", lines=1), chance)
    return Sample("согласие.jpg", as_jpeg(sheet, 85))


def screenshot(chance: random.Random) -> Sample:
    """A screenshot of a receipt."""
    shot = receipt(chance, 1080, chance.choice((1920, 2340)))
    notes = with_chunk(as_png(shot), b"tEXt", b"Author\0" + SECRET_PLACE.encode())
    return Sample(
        "Screenshot_20260511.png", with_chunk(notes, b"eXIf", camera_notes().tobytes()[6:])
    )


def transparent(chance: random.Random) -> Sample:
    """A receipt as black letters on nothing."""
    dark = receipt(chance, 800, 1100).convert("L")
    shot = Image.new("RGBA", dark.size, (0, 0, 0, 0))
    shot.putalpha(ImageChops.invert(dark))
    return Sample("чек.png", as_png(shot))


def png_of_few_colours(chance: random.Random) -> Sample:
    """A scan saved with a palette, in two colours, or with sixteen bits of grey."""
    sheet = scanned(page(chance, A4_INCHES, 150), chance, noise=0)
    kind = chance.choice(("P", "1", "I;16"))
    if kind == "I;16":
        wide = Image.frombytes(
            "I;16", sheet.size, bytes(b for v in sheet.convert("L").tobytes() for b in (0, v))
        )
        return Sample("skan16.png", as_png(wide))
    return Sample(f"skan-{kind}.png", as_png(sheet.convert(kind)))


def duplex_pdf(chance: random.Random) -> Sample:
    """Sheets scanned from both sides, some backs being empty."""
    pdf = Pdf.new()
    for number in range(4):
        back = Image.new("RGB", (1240, 1754), (251, 251, 249))
        front = page(chance, A4_INCHES, 150, f"ORDER, sheet {number}")
        sheet = scanned(back if number % 2 else front, chance)
        picture_page(pdf, jpeg_image(pdf, as_jpeg(sheet, 70)))
    return Sample("приказ.PDF", saved(with_notes(pdf)))


def fax_pdf(chance: random.Random) -> Sample:
    """Sheets scanned in two colours."""
    pdf = Pdf.new()
    for _ in range(chance.randrange(1, 4)):
        sheet = scanned(page(chance, A4_INCHES, 300), chance, noise=0).convert("L")
        picture_page(pdf, fax_image(pdf, sheet.point([0] * 170 + [255] * 86)))
    return Sample("справка.pdf", saved(pdf))


def printed_pdf(chance: random.Random) -> Sample:
    """A document that never was on paper."""
    pdf = with_notes(text_pdf(chance, chance.randrange(1, 5)))
    modern = pikepdf.ObjectStreamMode.generate
    return Sample("чек об оплате.pdf", saved(pdf, object_stream_mode=modern, linearize=True))


def recognised_pdf(chance: random.Random) -> Sample:
    """A scan with the text found in it laid over it, unseen."""
    pdf = Pdf.new()
    sheet = scanned(page(chance, A4_INCHES, 150), chance, noise=0).convert("L")
    picture_page(pdf, flate_image(pdf, sheet), b"BT 3 Tr /F1 9 Tf 60 700 Td (Certificate) Tj ET")
    return Sample("распознано.pdf", saved(pdf))


def pdf_of_photographs(chance: random.Random) -> Sample:
    """Photographs put into a PDF by an application, with all a camera wrote into them."""
    pdf = Pdf.new()
    for _ in range(2):
        seen = photographed(passport(chance, 250), chance, (1500, 2000))
        picture_page(pdf, jpeg_image(pdf, as_jpeg(seen, 75, exif=camera_notes())))
    return Sample("паспорт (2 стр).pdf", saved(with_notes(pdf)))


def pdf_in_strips(chance: random.Random) -> Sample:
    """A scan cut into strips by the scanner, within a form, as printers of images do."""
    pdf = Pdf.new()
    sheet = scanned(page(chance, A4_INCHES, 200), chance)
    strips, placing = Dictionary(), b""
    count = 12
    for number in range(count):
        top, bottom = (sheet.height * edge // count for edge in (number, number + 1))
        strip = as_jpeg(sheet.crop((0, top, sheet.width, bottom)), 75)
        strips[f"/S{number}"] = jpeg_image(pdf, strip)
        placing += f"q 595 0 0 {842 / count:.3f} 0 {842 - 842 / count * (number + 1):.3f} cm /S{number} Do Q ".encode()
    form = Stream(pdf, placing)
    form.update(
        {
            "/Type": Name.XObject,
            "/Subtype": Name.Form,
            "/BBox": Array([0, 0, 595, 842]),
            "/Resources": Dictionary(XObject=strips),
        }
    )
    add_page(pdf, b"q /Fm0 Do Q", {"/XObject": Dictionary(Fm0=form)})
    return Sample("scan0001.pdf", saved(pdf))


ORDINARY: tuple[Callable[[random.Random], Sample], ...] = (
    phone_upright,
    office_grey,
    screenshot,
    duplex_pdf,
    phone_at_night,
    printed_pdf,
    from_a_messenger,
    fax_pdf,
    transparent,
    office_colour,
    pdf_of_photographs,
    phone_with_own_notes,
    recognised_pdf,
    few_words,
    png_of_few_colours,
    phone_with_second_picture,
    pdf_in_strips,
)


def ordinary(count: int) -> Iterator[Sample]:
    """Scans as applicants hand them in, all kinds in turn."""
    for number in range(count):
        sample = ORDINARY[number % len(ORDINARY)](random.Random(f"ordinary {number}"))
        yield sample._replace(name=f"{number:02} {sample.name}")


# --- hostile and hopeless scans -----------------------------------------------------------


def hostile() -> Iterator[Sample]:
    """Files that have to be refused, each with its code."""
    for code, makers in HOSTILE.items():
        for maker in makers:
            for name, content in maker():
                yield Sample(name, content, code)


Files = Iterator[tuple[str, bytes]]


def a_jpeg() -> bytes:
    """An ordinary, small scan."""
    return as_jpeg(scanned(page(random.Random("base"), A4_INCHES, 80), random.Random(1)), 70)


def a_png() -> bytes:
    """An ordinary, small screenshot."""
    return as_png(receipt(random.Random("base"), 600, 800))


def a_pdf() -> Pdf:
    """An ordinary, small document."""
    return text_pdf(random.Random("base"))


def _empty() -> Files:
    yield from ((f"empty{ending}", b"") for ending in (".pdf", ".jpg", ".png"))


def _too_large() -> Files:
    limit = 5 * 1024 * 1024
    yield "one-byte-more.pdf", b"%PDF-1.7\n" + bytes(limit - 8)
    yield "one-byte-more.jpg", a_jpeg()[:-2].ljust(limit + 1, b"\0")
    yield "twice.png", a_png() + bytes(2 * limit)


def _type_not_allowed() -> Files:
    for name in ("virus.exe", "scan.pdf.exe", "letter.docx", "photo.heic", "scan.gif", "page.html"):
        yield name, b"MZ" + bytes(100)
    yield "no-extension", a_jpeg()
    yield "dot-at-the-end.pdf.", saved(a_pdf())
    yield "drawing.svg", b"<svg/>"


def _type_mismatch() -> Files:
    pdf, jpeg, png = saved(a_pdf()), a_jpeg(), a_png()
    yield "pdf-called.jpg", pdf
    yield "jpeg-called.png", jpeg
    yield "png-called.pdf", png
    yield "jpeg-called.pdf", jpeg
    yield "png-called.jpeg", png
    yield "program-called.pdf", b"MZ" + bytes(5000)
    yield "archive-called.pdf", an_archive()
    yield "page-called.png", b"<html><script>1</script></html>"
    yield "gif-called.jpg", b"GIF89a" + bytes(100)
    yield "text-called.pdf", "Паспорт".encode()
    yield "one-byte.jpg", b"\xff"
    yield "nothing-but-zeros.png", bytes(10_000)


def _two_formats() -> Files:
    pdf, jpeg, png, archive = saved(a_pdf()), a_jpeg(), a_png(), an_archive()
    script = b"<script>alert(1)</script>"
    yield "archive-behind.jpg", jpeg + archive
    yield "archive-behind.png", png + archive
    yield "archive-behind.pdf", pdf + archive
    yield "archive-around-the-end.pdf", pdf + an_archive(comment=b"\n%%EOF\n")
    yield "archive-in-a-comment.jpg", with_segment(jpeg, 0xFE, archive)
    yield "pdf-in-a-comment.jpg", with_segment(jpeg, 0xFE, pdf)
    yield "pdf-in-a-note.png", with_chunk(png, b"tEXt", b"Comment\0" + pdf)
    yield "pdf-behind.jpg", jpeg + pdf
    yield "pdf-behind.png", png + pdf
    yield "markup-before.pdf", b"<html><!--" + pdf
    yield "gif-before.pdf", b"GIF89a" + bytes(40) + pdf
    yield "picture-before.pdf", jpeg[:20] + pdf
    yield "spaces-before.pdf", b" \n" * 200 + pdf
    yield "script-at-the-beginning.pdf", pdf.replace(b"\n", b"\n%" + script + b"\n", 1)
    yield "script-in-a-comment.jpg", with_segment(jpeg, 0xFE, script)
    yield "script-in-a-note.png", with_chunk(png, b"iTXt", b"x\0\0\0\0\0" + script)
    yield "markup-behind.jpg", jpeg + b"<HTML><body>"
    yield "markup-behind.png", png + b"<!DOCTYPE html>"
    yield (
        "php-in-a-profile.jpg",
        with_segment(jpeg, 0xE2, b"ICC_PROFILE\0\1\1<?php system($_GET[0]);"),
    )
    yield "rar-behind.png", png + b"Rar!\x1a\x07\x01\0" + bytes(200)
    yield "program-behind.jpg", jpeg + b"MZ" + bytes(500)
    yield "program-behind.pdf", pdf + b"\x7fELF" + bytes(500)
    yield "picture-behind.pdf", pdf + jpeg
    yield "picture-behind.jpg", jpeg + jpeg
    yield "png-in-a-comment.jpg", with_segment(jpeg, 0xFE, png)
    yield "gif-in-a-note.png", with_chunk(png, b"zZZz", b"GIF89a" + bytes(100))
    yield "film-behind.jpg", jpeg + b"\0\0\0\x18ftypmp42" + bytes(500)
    hidden = zlib.compress(png[41:60]) + b"hidden among the pixels"
    chunk = struct.pack(">I", len(hidden)) + b"IDAT" + hidden
    after = len(png) - 12
    more = chunk + struct.pack(">I", zlib.crc32(b"IDAT" + hidden))
    yield "data-after-the-pixels.png", png[:after] + more + png[after:]


def _truncated() -> Files:
    pdf, jpeg, png = saved(a_pdf()), a_jpeg(), a_png()
    linear = saved(text_pdf(random.Random(2), 20), linearize=True)
    yield "half.jpg", jpeg[: len(jpeg) // 2]
    yield "half.png", png[: len(png) // 2]
    yield "half.pdf", pdf[: len(pdf) // 2]
    yield "without-its-last-bytes.jpg", jpeg[:-2]
    yield "without-its-last-bytes.png", png[:-8]
    yield "without-its-last-bytes.pdf", pdf[: pdf.rindex(b"%%EOF")]
    yield "head-only.jpg", jpeg[:100]
    yield "head-only.png", png[:20]
    yield "head-only.pdf", b"%PDF-1.7\n"
    yield "web-document-cut.pdf", linear[: len(linear) * 3 // 4]
    pdf_with_half = Pdf.new()
    picture_page(pdf_with_half, _with_raw(jpeg_image(pdf_with_half, jpeg), jpeg[: len(jpeg) // 2]))
    yield "half-a-picture-within.pdf", saved(pdf_with_half)


def _with_raw(image: Stream, data: bytes) -> Stream:
    image.write(data, filter=Name.DCTDecode)
    return image


def _damaged() -> Files:
    pdf, jpeg, png = saved(a_pdf()), a_jpeg(), a_png()
    frame = jpeg.index(b"\xff\xc0")
    yield "no-frame.jpg", jpeg[:frame] + jpeg[jpeg.index(b"\xff\xc4") :]
    yield "no-height.jpg", jpeg[: frame + 5] + b"\0\0" + jpeg[frame + 7 :]
    yield "unknown-process.jpg", jpeg.replace(b"\xff\xc0", b"\xff\xc3", 1)
    yield "noise-for-a-head.jpg", jpeg[:2] + b"\xff\xe0\0\0" + jpeg[20:]
    yield "zeros-for-tables.jpg", jpeg.replace(b"\xff\xc4", b"\xff\xdd")
    yield "wrong-checksum.png", png[:60] + bytes([png[60] ^ 1]) + png[61:]
    yield "no-pixels.png", as_png(Image.new("L", (500, 500)))[:33] + png[-12:]
    broken = with_chunk(png, b"IDAT", b"these are no pixels")
    yield "broken-pixels.png", broken
    yield "feature-nobody-has.png", with_chunk(png, b"ABCD", b"x")
    yield "no-objects.pdf", b"%PDF-1.4\n%%EOF\n"
    yield "noise-for-objects.pdf", b"%PDF-1.4\n" + random.Random(3).randbytes(9000) + b"\n%%EOF\n"
    yield "no-root.pdf", pdf.replace(b"/Root", b"/Toot")
    yield "no-pages.pdf", saved(Pdf.new())
    broken_stream = a_pdf()
    broken_stream.pages[0].obj.Contents.write(b"no packed data", filter=Name.FlateDecode)
    yield "broken-stream.pdf", saved(broken_stream)
    odd = Pdf.new()
    picture_page(odd, _with_raw(jpeg_image(odd, jpeg), b"no photograph"))
    yield "broken-photograph.pdf", saved(odd)
    # More than the parser has memory for:
    yield "numbers-without-end.pdf", raw_pdf(b"<</Kids[%s]>>" % (b"0 " * 2_400_000))
    yield "arrays-in-arrays.pdf", raw_pdf(b"<</Kids%s%s>>" % (b"[" * 50_000, b"]" * 50_000))
    yield "page-tree-in-a-circle.pdf", raw_pdf(b"<</Type/Pages/Count 1/Kids[2 0 R]>>")
    twice = [b"<</Type/Pages/Count 2/Kids[%d 0 R %d 0 R]>>" % (n, n) for n in range(3, 40)]
    yield "page-tree-without-end.pdf", raw_pdf(*twice, b"<</Type/Page/MediaBox[0 0 9 9]>>")


def _encrypted() -> Files:
    for name, password in (("anybody-may-open", ""), ("needs-a-password", "secret")):
        for strength in (3, 4, 6):
            options = {} if strength > _NO_AES else {"aes": False, "metadata": False}
            locks = pikepdf.Encryption(owner="owner", user=password, R=strength, **options)  # type: ignore[arg-type]
            written = io.BytesIO()
            a_pdf().save(written, encryption=locks, static_id=True)
            yield f"{name}-{strength}.pdf", written.getvalue()


def _active() -> Files:
    script = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))
    web = Dictionary(S=Name.URI, URI=String("https://example.org/"))
    launch = Dictionary(S=Name.Launch, F=String("cmd.exe"))
    jump = Dictionary(S=Name.GoTo, D=Array([0, Name.Fit]), Next=script)
    for name, action in (
        ("script-on-opening", script),
        ("program-on-opening", launch),
        ("page-on-opening", web),
        ("chain-on-opening", jump),
        ("print-on-opening", Dictionary(S=Name.Named, N=Name.Print)),
        ("form-on-opening", Dictionary(S=Name.SubmitForm, F=String("https://example.org/"))),
        ("import-on-opening", Dictionary(S=Name.ImportData, F=String("x.fdf"))),
        ("other-file-on-opening", Dictionary(S=Name.GoToR, F=String("x.pdf"))),
    ):
        pdf = a_pdf()
        pdf.Root.OpenAction = action
        yield f"{name}.pdf", saved(pdf)
    for name, action in (
        ("script-in-a-link", script),
        ("program-in-a-link", launch),
        ("film-in-a-link", Dictionary(S=Name.Rendition, OP=0)),
        ("other-file-in-a-link", Dictionary(S=Name.GoToE)),
    ):
        pdf = a_pdf()
        pdf.pages[0].obj.Annots[0].A = action
        yield f"{name}.pdf", saved(pdf)
    for name, subtype in (
        ("media", Name.RichMedia),
        ("screen", Name.Screen),
        ("film", Name.Movie),
        ("space", Name("/3D")),
    ):
        pdf = a_pdf()
        pdf.pages[0].obj.Annots.append(
            Dictionary(Type=Name.Annot, Subtype=subtype, Rect=[0, 0, 9, 9])
        )
        yield f"{name}.pdf", saved(pdf)
    pdf = a_pdf()
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("a"), script])))
    yield "script-by-name.pdf", saved(pdf)
    yield "script-in-disguise.pdf", saved(pdf).replace(b"/JavaScript", b"/J#61vaScript")
    yield (
        "script-in-an-object-stream.pdf",
        saved(pdf, object_stream_mode=pikepdf.ObjectStreamMode.generate),
    )
    pdf = a_pdf()
    pdf.pages[0].obj.AA = Dictionary(O=web)
    yield "page-on-turning.pdf", saved(pdf)
    pdf = a_pdf()
    pdf.Root.AcroForm = Dictionary(
        Fields=Array(), XFA=Array([String("template"), Stream(pdf, b"<x/>")])
    )
    yield "xfa.pdf", saved(pdf)
    pdf = a_pdf()
    pdf.pages[0].obj.Contents.F = String("outside.txt")
    yield "content-from-outside.pdf", saved(pdf)
    loose = saved(a_pdf())
    at = loose.index(b"xref\n")
    yield (
        "script-nobody-refers-to.pdf",
        loose[:at]
        + b"99 0 obj\n<< /S /JavaScript /JS (1) >>\nendobj\n"
        + loose[at:].replace(b"xref\n", b"xreg\n", 1),
    )


def _with_files() -> Files:
    pdf = a_pdf()
    pdf.attachments["run.js"] = pikepdf.AttachedFileSpec(pdf, b"1;")
    yield "attached.pdf", saved(pdf)
    pdf = a_pdf()
    data = Stream(pdf, b"1;")
    spec = Dictionary(Type=Name.Filespec, F=String("run.js"), EF=Dictionary(F=data))
    pdf.pages[0].obj.Annots.append(
        Dictionary(Type=Name.Annot, Subtype=Name.FileAttachment, Rect=[0, 0, 9, 9], FS=spec)
    )
    yield "pinned.pdf", saved(pdf)
    pdf = a_pdf()
    pdf.Root.AF = Array(
        [Dictionary(Type=Name.Filespec, F=String("x"), EF=Dictionary(F=Stream(pdf, b"x")))]
    )
    yield "associated.pdf", saved(pdf)
    pdf = a_pdf()
    pdf.Root.Collection = Dictionary(Type=Name.Collection)
    yield "portfolio.pdf", saved(pdf)


def _too_many_pages() -> Files:
    for count in (101, 10_000):
        pages = b" ".join(b"%d 0 R" % (number + 3) for number in range(count))
        tree = b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, pages)
        leaves = [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"] * count
        yield f"{count}.pdf", raw_pdf(tree, *leaves)
    yield "count-says-one.pdf", raw_pdf(tree.replace(b"Count 10000", b"Count 1"), *leaves)


def _too_many_pixels() -> Files:
    yield "two-colours.png", as_png(Image.new("1", (9000, 6000)))
    yield "grey.jpg", as_jpeg(Image.new("L", (8000, 6000), 200), 10)
    yield "progressive.jpg", as_jpeg(Image.new("RGB", (6000, 4000), "white"), 10, progressive=True)
    pdf = Pdf.new()
    picture_page(pdf, jpeg_image(pdf, as_jpeg(Image.new("L", (8000, 6000), 200), 10)))
    yield "within.pdf", saved(pdf)


def _blank() -> Files:
    chance = random.Random("blank")
    yield "white.jpg", as_jpeg(Image.new("RGB", (1240, 1754), "white"))
    yield "white.png", as_png(Image.new("L", (1240, 1754), 255))
    yield "black.png", as_png(Image.new("RGB", (1000, 1000)))
    sheet = Image.new("RGB", (1654, 2339), (250, 249, 246))
    yield "empty-sheet.jpg", as_jpeg(scanned(sheet, chance, noise=3), 80)
    dark = grainy(Image.new("RGB", (2000, 1500), (12, 12, 14)), chance, 6)
    yield "lens-covered.jpg", as_jpeg(dark, 80)
    shade = (
        Image.linear_gradient("L").resize((1500, 2000)).point([150 + v // 3 for v in range(256)])
    )
    yield "evenly-shaded.jpg", as_jpeg(grainy(shade, chance, 3), 80)
    yield "transparent.png", as_png(Image.new("RGBA", (800, 800), (0, 0, 0, 0)))
    pdf = Pdf.new()
    for _ in range(3):
        add_page(pdf, b"")
    yield "nothing-on-any-page.pdf", saved(pdf)
    pdf = Pdf.new()
    add_page(
        pdf,
        b"q 1 1 1 rg 0 0 595 842 re f Q BT /F1 9 Tf ( ) Tj ET",
        {"/Font": Dictionary(F1=_helvetica())},
    )
    yield "white-and-spaces.pdf", saved(pdf)
    pdf = Pdf.new()
    picture_page(pdf, jpeg_image(pdf, as_jpeg(scanned(sheet, chance), 80)))
    picture_page(pdf, flate_image(pdf, Image.new("L", (1240, 1754), 255)))
    picture_page(pdf, fax_image(pdf, Image.new("1", (2480, 3508), 1)))
    yield "empty-sheets.pdf", saved(pdf)


def _too_small() -> Files:
    small = page(random.Random("small"), A4_INCHES, 100).resize(
        (160, 226), Image.Resampling.LANCZOS
    )
    yield "thumbnail.jpg", as_jpeg(small)
    yield "narrow.png", as_png(receipt(random.Random(4), 399, 900))
    yield "dot.png", as_png(Image.new("RGB", (1, 1)))
    pdf = Pdf.new()
    picture_page(pdf, jpeg_image(pdf, as_jpeg(small)))
    yield "thumbnail.pdf", saved(pdf)


def _blurred() -> Files:
    chance = random.Random("blurred")
    paper = page(chance, A4_INCHES, 200)
    for blur in (5, 8, 15):
        seen = photographed(paper, chance, (1200, 1600), blur=blur)
        yield f"out-of-focus-{blur}.jpg", as_jpeg(seen, 80)
    dim = photographed(
        passport(chance, 300), chance, (1500, 2000), blur=7, light=(60, 140), noise=8
    )
    yield "out-of-focus-at-night.jpg", as_jpeg(dim, 70)
    enlarged = paper.resize((120, 170), Image.Resampling.LANCZOS).resize(
        (1200, 1700), Image.Resampling.BICUBIC
    )
    yield "enlarged-thumbnail.png", as_png(enlarged)
    pdf = Pdf.new()
    picture_page(pdf, jpeg_image(pdf, as_jpeg(scanned(paper, chance), 70)))
    picture_page(
        pdf, jpeg_image(pdf, as_jpeg(photographed(paper, chance, (1200, 1600), blur=9), 70))
    )
    yield "second-page-out-of-focus.pdf", saved(pdf)


def _bombs() -> Files:
    yield "claims-a-billion.png", _claiming(as_png(Image.new("1", (500, 500))), 40_000, 40_000)
    zeros = zlib.compress(bytes(5_000_000))
    head = as_png(Image.new("L", (500, 500)))[:33]
    chunk = (
        struct.pack(">I", len(zeros))
        + b"IDAT"
        + zeros
        + struct.pack(">I", zlib.crc32(b"IDAT" + zeros))
    )
    yield "more-pixels-than-it-says.png", head + chunk + a_png()[-12:]
    jpeg = as_jpeg(Image.new("L", (800, 800), 128))
    frame = jpeg.index(b"\xff\xc0")
    yield "claims-four-billion.jpg", jpeg[: frame + 5] + b"\xff\xff\xff\xff" + jpeg[frame + 9 :]
    slow = as_jpeg(Image.new("L", (4000, 4000), 128), progressive=True)
    start = slow.index(b"\xff\xda")
    first = slow[start : slow.index(b"\xff", start + 12)]
    yield "many-passes.jpg", slow[:start] + first * 150 + slow[start:]
    yield "many-segments.jpg", jpeg[:2] + b"\xff\xfe\0\2" * 100_000 + jpeg[2:]
    yield from _pdf_bombs()


def _claiming(png: bytes, width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">II", width, height) + png[24:29]
    return png[:12] + head + struct.pack(">I", zlib.crc32(head)) + png[33:]


def _pdf_bombs() -> Files:
    zeros = zlib.compress(bytes(40_000_000))
    lines = zlib.compress(b"0 0 m 9 9 l S\n" * 2_000_000)
    picture = zlib.compress(bytes(60_000_000))
    flate, twice = Name.FlateDecode, Array([Name.FlateDecode, Name.FlateDecode])
    for name, data, packing in (
        ("zeros", zeros, flate),
        ("lines", lines, flate),
        ("packed-twice", zlib.compress(zeros), twice),
        ("run-lengths", b"\x81\0" * 1_000_000, Name.RunLengthDecode),
        ("as-letters", _letters(zeros), Array([Name.ASCIIHexDecode, Name.FlateDecode])),
        ("old-packing", _lzw_zeros(6), Name.LZWDecode),
    ):
        pdf = a_pdf()
        pdf.pages[0].obj.Contents = _packed(pdf, data, packing)
        yield f"{name}.pdf", saved(pdf)
    pdf = Pdf.new()
    image = _packed(pdf, zeros, flate)
    image.update(_image_keys(30_000, 30_000, 8, Name.DeviceGray))
    picture_page(pdf, image)
    yield "picture-claims-a-billion.pdf", saved(pdf)
    pdf = Pdf.new()
    image = _packed(pdf, zeros, flate)
    image.update(_image_keys(500, 500, 8, Name.DeviceGray))
    picture_page(pdf, image)
    yield "more-pixels-than-it-says.pdf", saved(pdf)
    pdf = Pdf.new()
    for _ in range(6):
        image = _packed(pdf, picture, flate)
        image.update(_image_keys(6000, 5000, 16, Name.DeviceGray))
        picture_page(pdf, image)
    yield "many-pictures.pdf", saved(pdf)
    yield "forms-within-forms.pdf", _laughs()
    yield "form-draws-itself.pdf", _ouroboros()
    tree = b"<</Type/Pages/Count 1/Kids[3 0 R]>>"
    leaf = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"
    yield "many-numbers.pdf", raw_pdf(tree, leaf, *[b"[" + b"0 " * 1000 + b"]"] * 600)


def _packed(pdf: Pdf, data: bytes, packing: pikepdf.Object) -> Stream:
    packed = Stream(pdf, data)
    packed.Filter = packing
    return packed


def _letters(data: bytes) -> bytes:
    return data.hex().encode() + b">"


def _lzw_zeros(tables: int) -> bytes:
    """Zeros as the LZW of PDF has them: each code is one longer than the last; 7 MB a table."""
    clear, end, first, last = 256, 257, 258, 4093
    codes = [(0, 9), *((code, max(9, (code + 1).bit_length())) for code in range(first, last))]
    table = "".join(f"{code:0{width}b}" for code, width in [*codes, (clear, 12)])
    bits = f"{clear:09b}" + table * tables + f"{end:09b}"
    size = -(-len(bits) // 8)
    return int(bits.ljust(size * 8, "0"), 2).to_bytes(size)


def _laughs() -> bytes:
    """Ten forms, each of which draws the next one twenty times."""
    pdf = Pdf.new()
    inner = _form(pdf, b"0 0 9 9 re f", None)
    for _ in range(10):
        inner = _form(pdf, b"/F Do " * 20, inner)
    add_page(pdf, b"/F Do", {"/XObject": Dictionary(F=inner)})
    return saved(pdf)


def _ouroboros() -> bytes:
    pdf = Pdf.new()
    form = _form(pdf, b"/F Do /F Do", None)
    form = pdf.make_indirect(form)
    form.Resources = Dictionary(XObject=Dictionary(F=form))
    add_page(pdf, b"/F Do", {"/XObject": Dictionary(F=form)})
    return saved(pdf)


def _form(pdf: Pdf, content: bytes, inner: Stream | None) -> Stream:
    form = Stream(pdf, content)
    form.update({"/Type": Name.XObject, "/Subtype": Name.Form, "/BBox": Array([0, 0, 9, 9])})
    if inner is not None:
        form.Resources = Dictionary(XObject=Dictionary(F=inner))
    return form


HOSTILE: dict[str, tuple[Callable[[], Files], ...]] = {
    "SCAN_EMPTY": (_empty,),
    "SCAN_TOO_LARGE": (_too_large,),
    "SCAN_TYPE_NOT_ALLOWED": (_type_not_allowed,),
    "SCAN_TYPE_MISMATCH": (_type_mismatch,),
    "SCAN_TWO_FORMATS": (_two_formats,),
    "SCAN_TRUNCATED": (_truncated,),
    "SCAN_DAMAGED": (_damaged,),
    "SCAN_ENCRYPTED": (_encrypted,),
    "SCAN_ACTIVE_CONTENT": (_active,),
    "SCAN_EMBEDDED_FILES": (_with_files,),
    "SCAN_TOO_MANY_PAGES": (_too_many_pages,),
    "SCAN_TOO_MANY_PIXELS": (_too_many_pixels,),
    "SCAN_BOMB": (_bombs,),
    "SCAN_BLANK": (_blank,),
    "SCAN_TOO_SMALL": (_too_small,),
    "SCAN_BLURRED": (_blurred,),
}


EXAMPLES: dict[str, Callable[[], bytes]] = {
    "passport.jpg": lambda: from_a_messenger(random.Random("passport")).content,
    "registration.pdf": lambda: fax_pdf(random.Random("registration")).content,
    "certificate-blurred.jpg": lambda: dict(_blurred())["out-of-focus-8.jpg"],
    "certificate.jpg": lambda: few_words(random.Random("certificate")).content,
    "payment.png": lambda: transparent(random.Random("payment")).content,
    "consent-with-script.pdf": lambda: dict(_active())["script-on-opening.pdf"],
    "consent.pdf": lambda: printed_pdf(random.Random("consent")).content,
}
"""The scans of examples/21-scans.json."""


def main() -> None:
    """Write what is asked for."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--ordinary", type=int, default=0, metavar="N")
    arguments.add_argument("--hostile", action="store_true")
    arguments.add_argument("--examples", action="store_true")
    arguments.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    chosen = arguments.parse_args()
    chosen.into.mkdir(parents=True, exist_ok=True)
    for name, make in EXAMPLES.items() if chosen.examples else ():
        (chosen.into / name).write_bytes(make())
    for sample in ordinary(chosen.ordinary):
        (chosen.into / sample.name).write_bytes(sample.content)
    for sample in hostile() if chosen.hostile else ():
        (chosen.into / f"{sample.code}--{sample.name}").write_bytes(sample.content)
    print(f"{len(list(chosen.into.iterdir()))} files in {chosen.into}")


if __name__ == "__main__":
    main()
