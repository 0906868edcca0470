"""The objects of a PDF: what may do harm is refused, what nobody needs to see it is removed."""

import zlib
from collections.abc import Iterator

from pikepdf import Array, Dictionary, Name, Object, Pdf, PikepdfError, Stream, StreamDecodeLevel

from adapters.scans import jpeg
from adapters.scans.images import refuse_jpeg_size
from adapters.scans.refusal import Refused, refuse_size
from domain.scan_faults import ScanFault

MOST_VALUES = 500_000
"""In all dictionaries and arrays together; a hundred pages of print have a tenth."""
MOST_UNPACKED = 256 * 1024 * 1024
"""Bytes of all streams together."""
MOST_UNPACKED_TEXT = 16 * 1024 * 1024
"""Bytes of one stream that is no picture."""

_BYTES_PER_PIXEL = 8
"""Four colours of sixteen bits."""
_CHUNK = 1024 * 1024
_ACTIVE_ACTIONS = {
    f"/{kind}"
    for kind in (
        "JavaScript",
        "Launch",
        "SubmitForm",
        "ImportData",
        "GoToR",
        "GoToE",
        "GoTo3DView",
        "Rendition",
        "RichMediaExecute",
        "Movie",
        "Sound",
    )
}
_ACTIVE_KEYS = {"/JS", "/JavaScript", "/XFA", "/RichMediaContent"}
_ACTIVE_SUBTYPES = {"/RichMedia", "/Screen", "/Movie", "/Sound", "/3D"}
_FILE_KEYS = {"/EF", "/EmbeddedFiles", "/Collection"}
_METADATA = {"/Metadata", "/PieceInfo", "/LastModified", "/Thumb"}
_PICTURES = {"/DCTDecode", "/CCITTFaxDecode", "/JBIG2Decode", "/JPXDecode"}
_PACKERS = _PICTURES | {"/FlateDecode", "/LZWDecode", "/RunLengthDecode"}


def clean(document: Pdf, pixels: int) -> None:
    """Remove metadata from every object, and refuse what a picture on paper cannot have.

    Args:
        document: Is changed.
        pixels: A single picture may have at most.

    Raises:
        Refused: There are scripts, files, media, or streams that unpack to far too much.
    """
    for key in {"/Info", "/ID"} & set(document.trailer.keys()):
        del document.trailer[key]
    unpacked = 0
    for found in _dictionaries(document):
        _refuse_active(found)
        _refuse_files(found)
        for key in _METADATA & set(found.keys()):
            del found[key]
        if isinstance(found, Stream):
            unpacked += _check_stream(document, found, pixels, MOST_UNPACKED - unpacked)


def filters_of(stream: Object) -> list[str]:
    """The names of a stream's filters, in the order they are undone."""
    held = stream.get("/Filter")
    names = list(held) if isinstance(held, Array) else [] if held is None else [held]
    return [str(name) for name in names]


def is_picture(stream: Object) -> bool:
    """True for an image that pages can show."""
    return bool(stream.get("/Subtype") == Name.Image)


def _dictionaries(document: Pdf) -> Iterator[Object]:
    """Every dictionary, those of streams and those within other objects included."""
    left = MOST_VALUES
    for held in document.objects:
        waiting = [held]
        while waiting:
            found = waiting.pop()
            if isinstance(found, Array):
                inner = list(found)
            elif isinstance(found, Dictionary | Stream):
                yield found
                inner = [value for _, value in found.items()]
            else:
                continue
            left -= len(inner)
            if left < 0:
                raise Refused(ScanFault.BOMB, f"the PDF has more than {MOST_VALUES} values")
            waiting += [
                item
                for item in inner
                if isinstance(item, Array | Dictionary) and not item.is_indirect
            ]


def _refuse_active(found: Object) -> None:
    keys = set(found.keys())
    named = {str(found.get(key)) for key in ("/S", "/Subtype")}
    if keys & _ACTIVE_KEYS or named & (_ACTIVE_ACTIONS | _ACTIVE_SUBTYPES):
        raise Refused(ScanFault.ACTIVE_CONTENT, "the PDF holds scripts, actions or media")
    if isinstance(found, Stream) and keys & {"/F", "/FFilter"}:
        raise Refused(ScanFault.ACTIVE_CONTENT, "the PDF takes content from another file")
    triggers = found.get("/AA")
    at_events = list(triggers.values()) if isinstance(triggers, Dictionary) else []
    if not all(_is_jump(action) for action in (found.get("/OpenAction"), *at_events)):
        raise Refused(ScanFault.ACTIVE_CONTENT, "the PDF does something by itself")


def _is_jump(action: object) -> bool:
    """True for what only shows a page of the same document."""
    if not isinstance(action, Dictionary):
        return True  # a destination, or nothing
    return action.get("/S") == Name.GoTo and "/Next" not in action


def _refuse_files(found: Object) -> None:
    attached = {Name.EmbeddedFile, Name.FileAttachment} & {
        found.get("/Type"),
        found.get("/Subtype"),
    }
    if attached or _FILE_KEYS & set(found.keys()):
        raise Refused(ScanFault.EMBEDDED_FILES, "there are files within the PDF")


def _check_stream(document: Pdf, stream: Stream, pixels: int, left: int) -> int:
    """How many bytes a stream unpacks to; a photograph loses its own metadata."""
    filters = filters_of(stream)
    packers = [name for name in filters if name in _PACKERS]
    around = packers[:-1]
    if around and not (around == ["/FlateDecode"] and packers[-1] in _PICTURES):
        raise Refused(ScanFault.BOMB, "a stream in the PDF is packed several times")
    most = min(left, MOST_UNPACKED_TEXT)
    if is_picture(stream):
        width, height = int(stream.get("/Width", 0)), int(stream.get("/Height", 0))
        refuse_size(width, height, pixels)
        most = min(left, width * height * _BYTES_PER_PIXEL + MOST_UNPACKED_TEXT)
    packed = stream.read_raw_bytes()
    if filters[:1] == ["/FlateDecode"]:
        size = _inflated_size(packed, most)
    elif not filters or filters[0] in _PICTURES:
        size = len(packed)
    else:
        size = len(_unpacked(document, packed, [name for name in filters if name not in _PICTURES]))
    if size > most:
        raise Refused(ScanFault.BOMB, "a stream in the PDF unpacks to far too much")
    if filters[-1:] == ["/DCTDecode"]:
        _clean_photograph(stream, _unpacked(document, packed, filters[:-1]), pixels)
    return size


def _inflated_size(packed: bytes, most: int) -> int:
    """How many bytes there are, counted without keeping them and not much further than `most`."""
    inflate, size = zlib.decompressobj(), 0
    try:
        while packed and not inflate.eof and size <= most:
            size += len(inflate.decompress(packed, _CHUNK))
            packed = inflate.unconsumed_tail
    except zlib.error:
        raise Refused(ScanFault.DAMAGED, "a stream in the PDF cannot be unpacked") from None
    return size


def _unpacked(document: Pdf, packed: bytes, filters: list[str]) -> bytes:
    """What is left when these filters are undone."""
    if not filters:
        return packed
    try:
        around = Array([Name(name) for name in filters])
        return Stream(document, packed, Filter=around).read_bytes(StreamDecodeLevel.specialized)
    except MemoryError:
        raise Refused(ScanFault.BOMB, "a stream in the PDF unpacks to far too much") from None
    except PikepdfError as error:
        fault = ScanFault.BOMB if "memory limit" in str(error) else ScanFault.DAMAGED
        raise Refused(fault, "a stream in the PDF cannot be unpacked") from None


def _clean_photograph(stream: Stream, file: bytes, pixels: int) -> None:
    if not file.startswith(jpeg.MAGIC):
        raise Refused(ScanFault.DAMAGED, "a photograph in the PDF is no JPEG")
    taken = jpeg.take_apart(file, in_pdf=True)
    refuse_jpeg_size(taken, pixels)
    settings = stream.get("/DecodeParms")
    own = settings[-1] if isinstance(settings, Array) else settings
    kept = own if isinstance(own, Dictionary) else None
    stream.write(taken.content, filter=Name.DCTDecode, decode_parms=kept)
