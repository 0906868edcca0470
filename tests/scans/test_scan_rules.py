"""What the domain says of scans, without looking into one."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.profiles import load_profile
from domain.application import DocumentKind
from domain.deficiencies import ReasonKind
from domain.examination import DOCUMENT_EXTENSIONS, MAX_DOCUMENT_BYTES
from domain.scan_faults import ScanFault
from domain.scans import MAX_SCAN_BYTES, MEDIA_TYPES, ScanLimits, extension, repeated, safe_name

REASONS = load_profile().reasons.reasons
KIND = DocumentKind.PASSPORT_PERSONAL_PAGE
LONGEST_NAME = 255
"""Bytes; what file systems take."""


@pytest.mark.parametrize("fault", ScanFault)
def test_every_fault_of_a_scan_has_a_reason_that_a_replacement_mends(fault: ScanFault) -> None:
    reason = REASONS[fault]
    assert reason.kind is ReasonKind.INCOMPLETE
    assert "{label}" in reason.message
    assert reason.remedy.endswith(".")


def test_the_reasons_tell_the_limits_as_they_are() -> None:
    limits = ScanLimits()
    told = {fault: REASONS[fault].message + REASONS[fault].remedy for fault in ScanFault}
    assert f"{limits.size_bytes // 1024**2} МБ" in told[ScanFault.TOO_LARGE]
    assert f"{limits.pages} страниц" in told[ScanFault.TOO_MANY_PAGES]
    assert f"{limits.smallest_side} точек" in told[ScanFault.TOO_SMALL]


def test_the_form_and_the_check_ask_for_the_same() -> None:
    assert MAX_SCAN_BYTES == MAX_DOCUMENT_BYTES == 5 * 1024 * 1024
    assert set(MEDIA_TYPES) == DOCUMENT_EXTENSIONS


@pytest.mark.parametrize(
    ("original", "safe"),
    [
        ("Паспорт (1).PDF", "Паспорт_1.pdf"),
        ("паспорт и\u0306.pdf", "паспорт_й.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\скан.Jpg", "скан.jpg"),
        ("CON.png", "CON.png"),
        (".hidden", "scan.hidden"),
        ("scan\u202egpj.exe", "scan_gpj.exe"),
        ("\u3164\u200b.pdf", "scan.pdf"),
        ("a.pdf.exe", "a_pdf.exe"),
        ("one\ntwo\x00.png", "one_two.png"),
        ("<b>&\"'|*?$(rm).png", "b_rm.png"),
        ("", "scan"),
        ("..", "scan"),
        ("---.pdf", "scan.pdf"),
        ("й" * 500 + ".jpeg", "й" * 80 + ".jpeg"),
    ],
)
def test_a_name_is_made_safe(original: str, safe: str) -> None:
    assert safe_name(KIND, original) == f"passport_personal_page_{safe}"


@given(st.text(), st.sampled_from([".pdf", ".PDF", ".Jpg", "", ".", ".tar.gz", "\n"]))
def test_no_name_is_unsafe_whatever_it_was(stem: str, ending: str) -> None:
    name = safe_name(KIND, stem + ending)
    assert name.startswith(f"{KIND}_")
    assert len(name.encode()) <= LONGEST_NAME
    assert re.fullmatch(r"[\w-]+(\.[0-9a-z]{1,8})?", name)
    assert unicodedata.normalize("NFC", name) == name
    assert not {unicodedata.bidirectional(symbol) for symbol in name} & {"R", "AL", "AN"}
    assert extension(name) == extension(stem + ending)


def test_the_same_scan_under_a_second_kind_is_found() -> None:
    kinds = (
        DocumentKind.PASSPORT_PERSONAL_PAGE,
        DocumentKind.CONSENT,
        DocumentKind.GRADE_BOOK,
        DocumentKind.SNILS,
    )
    found = repeated(dict(zip(kinds, ("a", "b", "a", "a"), strict=True)))
    assert found == (DocumentKind.GRADE_BOOK, DocumentKind.SNILS)
    assert not repeated({DocumentKind.CONSENT: "a"})
