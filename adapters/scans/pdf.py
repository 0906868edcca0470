"""PDF documents checked and cleaned."""

import re
from io import BytesIO

import pikepdf
from pikepdf import ObjectStreamMode, Pdf, PikepdfError, StreamDecodeLevel

from adapters.scans import pdf_objects, pdf_pages
from adapters.scans.images import Cleaned
from adapters.scans.refusal import PADDING, Refused, refuse_archive, refuse_markup
from domain.scan_faults import ScanFault

_UNREADABLE = (PikepdfError, AttributeError, LookupError, TypeError, ValueError)
"""The parser's own errors, and what comes of objects that are not what they should be."""
_LOCKED = re.compile(rb"/Encrypt[\s<]")
"""Found before opening: some keys take random numbers, which the checking process cannot get."""
_END = b"%%EOF"
_HEAD_BYTES = 1024
_MOST_OF_TABLES = 8 * 1024 * 1024
"""Bytes; of all streams the tables of objects are the first to be unpacked, and they are small."""
_MOST_UNPACKED = 96 * 1024 * 1024


def check_pdf(file: bytes, *, pages: int, pixels: int, smallest_side: int) -> Cleaned:
    """A document without metadata, written anew: what no page needs is gone.

    Raises:
        Refused: It cannot be taken.
    """
    _check_frame(file)
    try:
        with _opened(file) as document:
            count = _page_count(document, pages)
            _unpack_at_most(_MOST_UNPACKED)
            pdf_objects.clean(document, pixels)
            pdf_pages.refuse_illegible(document, smallest_side)
            cleaned = _written(document)
        # Not everything that a broken file is guessed to mean can be written down.
        with pikepdf.open(BytesIO(cleaned), attempt_recovery=False) as again:
            return Cleaned(cleaned, _page_count(again, count))
    except _UNREADABLE as error:
        raise Refused(ScanFault.DAMAGED, f"cannot be read ({type(error).__name__})") from None


def _check_frame(file: bytes) -> None:
    """Refuse a document that is locked, not whole, or has something else around it."""
    refuse_archive(file)
    refuse_markup(file[:_HEAD_BYTES])
    if _LOCKED.search(file):
        raise Refused(ScanFault.ENCRYPTED, "the PDF is encrypted")
    _, mark, rest = file.rpartition(_END)
    if not mark or b" obj" in rest:
        raise Refused(ScanFault.TRUNCATED, "the PDF ends before its end mark")
    if rest.strip(PADDING):
        raise Refused(ScanFault.TWO_FORMATS, "something hangs on the end of the PDF")


def _opened(file: bytes) -> Pdf:
    pikepdf.settings.set_qpdf_limits(doc_max_warnings=20_000, max_stream_filters=5)
    _unpack_at_most(_MOST_OF_TABLES)
    return pikepdf.open(BytesIO(file))


def _unpack_at_most(size: int) -> None:
    """Let no stream unpack to more bytes than this."""
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=size,
        png_max_memory=size,
        tiff_max_memory=size,
        run_length_max_memory=size,
    )


def _page_count(document: Pdf, most: int) -> int:
    count = len(document.pages)
    if count > most:
        raise Refused(ScanFault.TOO_MANY_PAGES, f"the PDF has {count} pages")
    if not count:
        raise Refused(ScanFault.DAMAGED, "the PDF has no pages")
    return count


def _written(document: Pdf) -> bytes:
    """The document, the same bytes whenever and wherever it is written."""
    written = BytesIO()
    document.save(
        written,
        deterministic_id=True,
        object_stream_mode=ObjectStreamMode.generate,
        compress_streams=False,  # whether a damaged one is, changes from time to time
        stream_decode_level=StreamDecodeLevel.none,
        fix_metadata_version=False,
        preserve_pdfa=False,
    )
    return written.getvalue()
