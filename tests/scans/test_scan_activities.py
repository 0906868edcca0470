"""The steps at the document store: a repetition finds the same, and nothing needed is deleted."""

import random
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from records import case_record
from scan_samples import hostile, make_scans
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.scans import AT_ONCE, ScanActivities, ScanFindings, ScansToExamine
from adapters.blobs import BlobStore, S3Access
from adapters.profiles import load_profile
from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from adapters.scans.checking import CheckedScan, check_scan
from domain.application import Document, DocumentKind
from domain.register import RegisteredDocument
from domain.scans import MAX_SCAN_BYTES

REASONS = load_profile().reasons
PASSPORT, CONSENT = DocumentKind.PASSPORT_PERSONAL_PAGE, DocumentKind.CONSENT
NUMBER = "7K3M-9QXT-2B4D-6"


class Desk:
    """The steps with a real store and a real register in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "documents"
        self.store = BlobStore(str(self.folder))
        url = f"sqlite:///{folder / 'register.db'}"
        migrate(url)
        self.register = SqlRegister(url)
        self.steps = ScanActivities(self.store, check_scan, REASONS, self.register)

    def handed_in(self, kind: DocumentKind, name: str, content: bytes) -> Document:
        """A document whose content waits in the store."""
        sha256 = self.store.put(content)
        return Document(kind=kind, name=name, size_bytes=len(content), sha256=sha256)

    async def examines(self, *documents: Document, pdf_only: bool = False) -> ScanFindings:
        order = ScansToExamine(documents=documents, pdf_only=pdf_only)
        return await ActivityEnvironment().run(self.steps.examine_scans, order)

    async def forgets(self, *hashes: str) -> None:
        await ActivityEnvironment().run(self.steps.forget_scans, list(hashes))

    def file_of(self, document: Document) -> Path:
        sha256 = document.sha256 or ""
        return self.folder / sha256[:2] / sha256[2:]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    await desk.register.close()


def photograph(seed: int = 1) -> bytes:
    """A scan with metadata, so that its cleaned content is another."""
    drawn = make_scans.receipt(random.Random(seed), 700, 900)
    return make_scans.as_jpeg(drawn, 85, exif=make_scans.camera_notes(1))


def held_askew() -> bytes:
    """A grainy photograph just small enough, packed better than it is once it was turned."""
    chance, side = random.Random(1), 3250
    grain = Image.frombytes("L", (side, side), chance.randbytes(side * side))
    drawn = Image.blend(make_scans.receipt(chance, side, side).convert("L"), grain, 0.45)
    return make_scans.as_jpeg(drawn, 85, exif=make_scans.camera_notes(6), progressive=True)


def named(findings: ScanFindings) -> list[tuple[str, str]]:
    return [(item.field, item.code) for item in findings.deficiencies]


async def test_a_good_scan_is_kept_without_its_metadata(desk: Desk) -> None:
    raw = desk.handed_in(PASSPORT, "фото.jpg", photograph())
    known_by_name_only = Document(kind=CONSENT, name="согласие.pdf", size_bytes=98_000)
    findings = await desk.examines(raw, known_by_name_only)
    after, other = findings.documents
    assert not findings.deficiencies
    assert other == known_by_name_only
    assert after == raw.model_copy(update={"sha256": after.sha256})
    assert findings.superseded == (raw.sha256,)
    assert b"Exif" in desk.store.get(raw.sha256 or "")
    assert b"Exif" not in desk.store.get(after.sha256 or "")


async def test_an_examination_repeated_finds_the_same(desk: Desk) -> None:
    documents = (
        desk.handed_in(PASSPORT, "фото.jpg", photograph()),
        desk.handed_in(CONSENT, "чек.jpg", hostile("SCAN_BLANK")[0].content),
    )
    first = await desk.examines(*documents)
    assert await desk.examines(*documents) == first
    await desk.forgets(*first.superseded)
    later = await desk.examines(*first.documents)
    assert later == first.model_copy(update={"superseded": ()})


async def test_every_scan_gets_its_own_fault_in_the_words_of_the_catalogue(desk: Desk) -> None:
    kinds = list(DocumentKind)
    codes = ("SCAN_BLANK", "SCAN_ENCRYPTED", "SCAN_TRUNCATED", "SCAN_TYPE_MISMATCH", "SCAN_EMPTY")
    documents = [
        desk.handed_in(kind, hostile(code)[0].name, hostile(code)[0].content)
        for kind, code in zip(kinds, codes, strict=False)
    ]
    findings = await desk.examines(*documents)
    assert findings.documents == tuple(documents)
    assert named(findings) == [
        (f"documents.{kind}", code) for kind, code in zip(kinds, codes, strict=False)
    ]
    assert findings.superseded == ()
    assert "«страница паспорта с личными данными»" in findings.deficiencies[0].message


async def test_what_the_name_alone_tells_is_left_to_the_examination_of_the_form(
    desk: Desk,
) -> None:
    photo = desk.handed_in(PASSPORT, "фото.jpg", photograph())
    findings = await desk.examines(photo, pdf_only=True)
    assert named(findings) == []


async def test_a_scan_under_a_second_kind_is_found_even_without_its_metadata(desk: Desk) -> None:
    bare = check_scan(photograph(), "a.jpg").cleaned
    assert bare is not None
    findings = await desk.examines(
        desk.handed_in(PASSPORT, "1.jpg", photograph()),
        desk.handed_in(PASSPORT, "2.jpg", photograph(2)),
        desk.handed_in(CONSENT, "3.jpg", bare),
    )
    assert named(findings) == [(f"documents.{CONSENT}", "SCAN_REPEATED")]


async def test_a_scan_that_grew_when_it_was_turned_upright_stays_a_good_one(desk: Desk) -> None:
    raw = held_askew()
    assert len(raw) <= MAX_SCAN_BYTES
    findings = await desk.examines(desk.handed_in(PASSPORT, "a.jpg", raw))
    after = findings.documents[0]
    assert not findings.deficiencies
    assert after.size_bytes == len(raw)
    assert len(desk.store.get(after.sha256 or "")) > MAX_SCAN_BYTES
    assert await desk.examines(after) == ScanFindings(documents=(after,))


@pytest.mark.parametrize(("harm", "kind"), [("gone", "ScanMissing"), ("changed", "ScanDamaged")])
async def test_a_lost_scan_is_waited_for_and_is_nobodys_fault(
    desk: Desk, harm: str, kind: str
) -> None:
    good = desk.handed_in(CONSENT, "a.jpg", photograph(2))
    lost = desk.handed_in(PASSPORT, "Соколова Алёна.jpg", photograph())
    file = desk.file_of(lost)
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(b"something else")
    with pytest.raises(ApplicationError) as caught:
        await desk.examines(good, lost)
    failure = caught.value
    assert (failure.type, failure.non_retryable) == (kind, False)
    assert failure.next_retry_delay == timedelta(minutes=1)
    assert str(lost.sha256) in str(failure)
    assert PASSPORT in str(failure)
    assert "Соколова" not in str(failure)
    desk.store.put(photograph())
    assert not (await desk.examines(good, lost)).deficiencies


async def test_a_store_that_is_away_is_asked_again(desk: Desk) -> None:
    photo = desk.handed_in(PASSPORT, "a.jpg", photograph())
    nobody = S3Access(endpoint="http://127.0.0.1:1", key="key", secret="secret")
    away = BlobStore("s3://documents", nobody)
    steps = ScanActivities(away, check_scan, REASONS, desk.register)
    with pytest.raises(ApplicationError, match="the document store failed") as caught:
        await ActivityEnvironment().run(steps.examine_scans, ScansToExamine(documents=(photo,)))
    assert (caught.value.type, caught.value.non_retryable) == ("TemporaryFailure", False)


async def test_a_worker_checks_only_so_many_scans_at_once(desk: Desk) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def counted(content: bytes, name: str, **options: Any) -> CheckedScan:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            return check_scan(content, name, **options)
        finally:
            with lock:
                running -= 1

    steps = ScanActivities(desk.store, counted, REASONS, desk.register)
    photos = [desk.handed_in(kind, "a.jpg", photograph()) for kind in list(DocumentKind)[:5]]
    await ActivityEnvironment().run(steps.examine_scans, ScansToExamine(documents=tuple(photos)))
    assert most == AT_ONCE


async def test_what_another_case_needs_is_not_forgotten(desk: Desk) -> None:
    raw = desk.handed_in(PASSPORT, "a.jpg", photograph())
    (sha256,) = (await desk.examines(raw)).superseded
    needed = RegisteredDocument(place=0, kind=PASSPORT, size_bytes=10, sha256=sha256)
    await desk.register.record(case_record(NUMBER, revision=1, documents=(needed,)))
    await desk.forgets(sha256)
    assert desk.store.get(sha256) == photograph()
    await desk.register.record(case_record(NUMBER, revision=2))
    await desk.forgets(sha256)
    await desk.forgets(sha256)
    assert sha256 not in desk.store.list()
