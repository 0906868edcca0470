"""Scans checked for real: ordinary ones pass and lose their metadata, hostile ones are refused."""

import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from pathlib import Path

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageOps
from scan_samples import KINDS, Sample, hostile, make_scans, ordinary

from adapters.scans.checking import CheckedScan, check_scan
from domain.scan_faults import ScanFault
from domain.scans import MAX_SCAN_BYTES, MediaType, ScanLimits, ScanVerdict

MARK = make_scans.SECRET_PLACE.encode()
ENDINGS = {MediaType.PDF: ".pdf", MediaType.JPEG: ".jpg", MediaType.PNG: ".png"}


@cache
def checked(kind: str) -> CheckedScan:
    """An ordinary scan of a kind, checked once."""
    sample = ordinary(kind)
    return check_scan(sample.content, sample.name)


def cleaned(scan: CheckedScan) -> bytes:
    assert scan.verdict.fault is None, scan.verdict
    assert scan.cleaned is not None
    return scan.cleaned


def laid_open(content: bytes) -> bytes:
    """A scan with whatever it packs, a PDF being unpacked."""
    if not content.startswith(b"%PDF-"):
        return content
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        pdf.save(written, qdf=True, static_id=True)
    return content + written.getvalue()


def looks_like(one: Image.Image, other: Image.Image) -> bool:
    difference = ImageChops.difference(one.convert("L"), other.convert("L"))
    return one.size == other.size and sum(difference.histogram()[40:]) < one.width


@pytest.mark.parametrize("kind", KINDS)
def test_an_ordinary_scan_is_accepted(kind: str) -> None:
    scan = checked(kind)
    content = cleaned(scan)
    assert scan.verdict.sha256 == hashlib.sha256(content).hexdigest()
    assert scan.verdict.size_bytes == len(content)
    assert scan.verdict.pages >= 1
    assert content[:9].hex() not in repr(scan)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_where_and_by_whom_is_left(kind: str) -> None:
    bare = laid_open(cleaned(checked(kind)))
    for trace in (MARK, b"Exif", b"Nowhere Phones", b"xmpmeta", b"/Metadata", b"/Info", b"SEFT"):
        assert trace not in bare


def test_the_samples_hold_what_has_to_go() -> None:
    full = [laid_open(ordinary(kind).content) for kind in KINDS]
    assert sum(MARK in content for content in full) >= 8
    assert sum(b"Exif" in content for content in full) >= 4


@pytest.mark.parametrize("kind", KINDS)
def test_cleaning_twice_changes_nothing(kind: str) -> None:
    scan = checked(kind)
    assert scan.verdict.media_type is not None
    assert check_scan(cleaned(scan), f"x{ENDINGS[scan.verdict.media_type]}") == scan


A_FEW = 2


@pytest.mark.parametrize("code", make_scans.HOSTILE)
@pytest.mark.parametrize("most", [A_FEW, pytest.param(None, marks=pytest.mark.proof, id="all")])
def test_every_hostile_scan_is_refused_with_its_own_code(code: str, most: int | None) -> None:
    def found(sample: Sample) -> tuple[str, ScanVerdict, bytes | None]:
        scan = check_scan(sample.content, sample.name)
        return sample.name, scan.verdict, scan.cleaned

    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(found, islice(hostile(code), most)))
    assert not [(name, verdict) for name, verdict, _ in verdicts if verdict.fault != code]
    assert {content for _, _, content in verdicts} == {None}


def test_every_fault_a_check_can_find_is_tried() -> None:
    found_elsewhere = {ScanFault.NOT_A_FILE, ScanFault.REPEATED, ScanFault.UNREADABLE}
    assert set(make_scans.HOSTILE) | found_elsewhere == set(ScanFault)


def test_a_scan_of_the_largest_size_passes_and_one_byte_more_fails() -> None:
    for content, name in (
        (make_scans.a_jpeg(), "a.jpg"),
        (make_scans.a_png(), "a.PNG"),
        (make_scans.saved(make_scans.a_pdf()), "a.pdf"),
    ):
        largest = content.ljust(MAX_SCAN_BYTES, b"\0")
        assert cleaned(check_scan(largest, name)) == cleaned(check_scan(content, name))
        assert check_scan(largest + b"\0", name).verdict.fault is ScanFault.TOO_LARGE


def test_an_archive_takes_nothing_but_pdf() -> None:
    pdf = make_scans.saved(make_scans.a_pdf())
    assert check_scan(pdf, "a.pdf", pdf_only=True).verdict.fault is None
    picture = check_scan(make_scans.a_jpeg(), "a.jpg", pdf_only=True)
    assert picture.verdict.fault is ScanFault.TYPE_NOT_ALLOWED


def test_a_photograph_held_straight_keeps_every_pixel() -> None:
    picture = make_scans.as_jpeg(
        make_scans.receipt(random.Random(1), 700, 900), 85, exif=make_scans.camera_notes(1)
    )
    bare = cleaned(check_scan(picture, "a.jpg"))
    with Image.open(io.BytesIO(picture)) as before, Image.open(io.BytesIO(bare)) as after:
        assert before.tobytes() == after.tobytes()
        assert not after.getexif()


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_scan_stays_the_right_way_up_without_its_note_on_that(orientation: int) -> None:
    drawn, notes = (
        make_scans.receipt(random.Random(1), 500, 700),
        make_scans.camera_notes(orientation),
    )
    jpeg = make_scans.as_jpeg(drawn, 90, exif=notes)
    png = make_scans.with_chunk(make_scans.as_png(drawn), b"eXIf", notes.tobytes()[6:])
    for content, name in ((jpeg, "a.jpg"), (png, "a.png")):
        bare = cleaned(check_scan(content, name))
        with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(bare)) as after:
            assert looks_like(ImageOps.exif_transpose(before), after)
            assert not after.getexif()


def test_a_cleaned_document_looks_as_before() -> None:
    pages = []
    for content in (ordinary("fax_pdf").content, cleaned(checked("fax_pdf"))):
        with pikepdf.open(io.BytesIO(content)) as pdf:
            (image,) = pdf.pages[0].get_images().values()
            assert isinstance(image, pikepdf.Stream)
            pages.append(pikepdf.PdfImage(image).as_pil_image().convert("L"))
    assert looks_like(*pages)


# --- the process that checks --------------------------------------------------------------


@cache
def slow_scan() -> bytes:
    """A document that takes seconds to judge: pictures that are decoded over and over again."""
    picture = make_scans.as_jpeg(Image.new("L", (4200, 4200), 128), progressive=True)
    start = picture.index(b"\xff\xda")
    first = picture[start : picture.index(b"\xff", start + 12)]
    slow = picture[:start] + first * 60 + picture[start:]
    pdf = pikepdf.Pdf.new()
    for _ in range(12):
        make_scans.picture_page(pdf, make_scans.jpeg_image(pdf, slow))
    return make_scans.saved(pdf)


SLOW = {"size_bytes": 100_000_000, "seconds": 60}


def cells() -> set[int]:
    """The checking processes this process has started."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == os.getpid() and b"adapters.scans.cell" in command:
            found.add(int(entry.name))
    return found


def checked_while(signalled: signal.Signals, limits: ScanLimits) -> CheckedScan:
    """The verdict on the slow scan when its check gets a signal at work."""
    with ThreadPoolExecutor(1) as pool:
        verdict = pool.submit(check_scan, slow_scan(), "a.pdf", limits=limits)
        while not (running := cells()):
            assert not verdict.done()
        for pid in running:
            os.kill(pid, signalled)
        return verdict.result()


def test_a_check_that_is_killed_gives_a_verdict() -> None:
    scan = checked_while(signal.SIGKILL, ScanLimits(**SLOW))
    assert scan.verdict.fault is ScanFault.UNREADABLE
    assert scan.cleaned is None


def test_a_check_that_hangs_is_not_waited_for() -> None:
    started = time.monotonic()
    scan = checked_while(signal.SIGSTOP, ScanLimits(**SLOW, wall_seconds=2))
    assert scan.verdict.fault is ScanFault.UNREADABLE
    assert 2 <= time.monotonic() - started < 20
    assert not cells()


def test_a_check_that_takes_too_long_ends() -> None:
    limits = ScanLimits(**(SLOW | {"seconds": 1}))
    assert check_scan(slow_scan(), "a.pdf", limits=limits).verdict.fault is ScanFault.UNREADABLE


def test_a_check_that_takes_too_much_memory_ends() -> None:
    large = make_scans.as_png(make_scans.page(random.Random(1), make_scans.A4_INCHES, 300))
    limits = ScanLimits(memory_bytes=60 * 1024 * 1024)
    assert check_scan(large, "a.png", limits=limits).verdict.fault is ScanFault.UNREADABLE


def test_whoever_takes_the_check_over_has_no_rights(tmp_path: Path) -> None:
    program = f"""
        import os, socket
        from adapters.scans import cell
        cell._give_up_rights(5, 2**28)
        def fails(attempt):
            try:
                attempt()
            except (OSError, MemoryError):
                return True
        print([
            fails(lambda: open("/etc/passwd")),
            fails(lambda: open({str(tmp_path / "new")!r}, "w")),
            fails(socket.socket),
            fails(lambda: os.dup(0)),
            fails(os.pipe),
            fails(os.fork),
            fails(lambda: bytes(2**29)),
            os.geteuid() != 0,
        ])
    """
    done = subprocess.run(
        [sys.executable, "-I", "-c", "if 1:" + program],
        capture_output=True,
        check=True,
        cwd="/",
        env={},
        text=True,
    )
    assert done.stdout.strip() == str([True] * 8)
    assert not list(tmp_path.iterdir())


# --- whatever comes in --------------------------------------------------------------------

BASES = (
    ("a.jpg", make_scans.a_jpeg()),
    ("a.png", make_scans.a_png()),
    ("a.pdf", make_scans.saved(make_scans.a_pdf())),
    (
        "b.pdf",
        make_scans.saved(make_scans.a_pdf(), object_stream_mode=pikepdf.ObjectStreamMode.generate),
    ),
)


@st.composite
def broken_scans(draw: st.DrawFn) -> tuple[str, bytes]:
    """A valid scan with some bytes changed, cut out or repeated."""
    name, content = draw(st.sampled_from(BASES))
    for _ in range(draw(st.integers(1, 8))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from((0, 1, 2, 4, 30, 1000))))
        patch = draw(st.one_of(st.binary(max_size=8), st.just(content[start:end] * 3)))
        content = content[:start] + patch + content[end:]
    return name, content


NOISE = st.tuples(
    st.sampled_from(["a.jpg", "a.png", "a.pdf"]),
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4\n"]),
).map(lambda parts: (parts[0], parts[2] + parts[1]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(broken_scans(), NOISE))
def test_whatever_comes_in_gets_a_verdict(scan: tuple[str, bytes]) -> None:
    name, content = scan
    found = check_scan(content, name)
    assert (found.verdict.fault is None) == (found.cleaned is not None)
    assert found.verdict.fault is not ScanFault.UNREADABLE
