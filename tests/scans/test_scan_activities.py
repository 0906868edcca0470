"""The steps at the document store: a repetition finds the same, and nothing needed is deleted."""

import hashlib
import random
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ordered_papers import NUMBER, sealer
from PIL import Image
from records import case_record
from scan_samples import a_hostile, make_scans
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.scans import AT_ONCE, ScanActivities, ScanFindings, ScansToExamine
from adapters.blobs import BlobStore, S3Access
from adapters.profiles import load_profile
from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from adapters.scans.checking import CheckedScan, check_scan
from domain.application import Document, DocumentKind
from domain.numbers import control_number
from domain.register import CaseRecord, RegisteredDocument
from domain.scans import MAX_SCAN_BYTES
from workflows.contracts import workflow_id

REASONS = load_profile().reasons
PASSPORT, CONSENT = DocumentKind.PASSPORT_PERSONAL_PAGE, DocumentKind.CONSENT
OTHER = control_number({"submission_id": "another"})


class Desk:
    """The steps with a real store and a real register in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "documents"
        self.store = BlobStore(str(self.folder), sealer())
        url = f"sqlite:///{folder / 'register.db'}"
        migrate(url, sealer())
        self.register = SqlRegister(url, sealer())
        self.steps = ScanActivities(self.store, check_scan, REASONS, self.register)

    def handed_in(self, kind: DocumentKind, name: str, content: bytes) -> Document:
        """A document whose content waits in the store."""
        sha256 = self.store.put(NUMBER, content)
        return Document(kind=kind, name=name, size_bytes=len(content), sha256=sha256)

    async def examines(self, *documents: Document, pdf_only: bool = False) -> ScanFindings:
        order = ScansToExamine(documents=documents, pdf_only=pdf_only, control_number=NUMBER)
        return await ActivityEnvironment().run(self.steps.examine_scans, order)

    def content_of(self, document: Document) -> bytes:
        return self.store.get(NUMBER, document.sha256 or "")


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
    assert b"Exif" in desk.content_of(raw)
    assert b"Exif" not in desk.content_of(after)


async def test_an_examination_repeated_finds_the_same(desk: Desk) -> None:
    documents = (
        desk.handed_in(PASSPORT, "фото.jpg", photograph()),
        desk.handed_in(CONSENT, "чек.jpg", a_hostile("SCAN_BLANK").content),
    )
    first = await desk.examines(*documents)
    assert await desk.examines(*documents) == first
    await desk.steps.forget(NUMBER, first.superseded)
    later = await desk.examines(*first.documents)
    assert later == first.model_copy(update={"superseded": ()})


async def test_every_scan_gets_its_own_fault_in_the_words_of_the_catalogue(desk: Desk) -> None:
    kinds = list(DocumentKind)
    codes = ("SCAN_BLANK", "SCAN_ENCRYPTED", "SCAN_TRUNCATED", "SCAN_TYPE_MISMATCH", "SCAN_EMPTY")
    documents = [
        desk.handed_in(kind, a_hostile(code).name, a_hostile(code).content)
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
    assert len(desk.content_of(after)) > MAX_SCAN_BYTES
    assert await desk.examines(after) == ScanFindings(documents=(after,))


@pytest.mark.parametrize(("harm", "kind"), [("gone", "ScanMissing"), ("changed", "ScanDamaged")])
async def test_a_lost_scan_is_waited_for_and_is_nobodys_fault(
    desk: Desk, harm: str, kind: str
) -> None:
    good = desk.handed_in(CONSENT, "a.jpg", photograph(2))
    lost = desk.handed_in(PASSPORT, "Соколова Алёна.jpg", photograph())
    file = desk.folder / NUMBER / str(lost.sha256)
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
    desk.store.put(NUMBER, photograph())
    assert not (await desk.examines(good, lost)).deficiencies


async def test_a_store_that_is_away_is_asked_again(desk: Desk) -> None:
    photo = desk.handed_in(PASSPORT, "a.jpg", photograph())
    nobody = S3Access(endpoint="http://127.0.0.1:1", key="key", secret="secret")
    desk.steps = ScanActivities(
        BlobStore("s3://documents", sealer(), nobody), check_scan, REASONS, desk.register
    )
    with pytest.raises(ApplicationError, match="the document store failed") as caught:
        await desk.examines(photo)
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

    desk.steps = ScanActivities(desk.store, counted, REASONS, desk.register)
    await desk.examines(
        *(desk.handed_in(kind, "a.jpg", photograph()) for kind in list(DocumentKind)[:5])
    )
    assert most == AT_ONCE


def in_need_of(number: str, revision: int, *hashes: str | None) -> CaseRecord:
    documents = (
        RegisteredDocument(place=place, kind=PASSPORT, size_bytes=10, sha256=sha256)
        for place, sha256 in enumerate(hashes)
    )
    return case_record(number, revision=revision, documents=tuple(documents))


async def test_what_the_case_needs_is_not_forgotten_and_no_other_case_loses_its_own(
    desk: Desk,
) -> None:
    raw = desk.handed_in(PASSPORT, "a.jpg", photograph())
    (sha256,) = (await desk.examines(raw)).superseded
    desk.store.put(OTHER, photograph())
    await desk.register.record(in_need_of(NUMBER, 1, sha256))
    await desk.register.record(in_need_of(OTHER, 1, sha256))
    await desk.steps.forget(NUMBER, [sha256])
    assert desk.content_of(raw) == photograph()
    await desk.register.record(in_need_of(NUMBER, 2))
    for _ in range(2):
        await desk.steps.forget(NUMBER, [sha256])
        assert (NUMBER, sha256) not in desk.store.list()
        assert desk.store.get(OTHER, sha256) == photograph()


async def test_a_scan_that_0_3_0_kept_for_two_cases_is_forgotten_with_the_second(
    desk: Desk,
) -> None:
    sha256 = hashlib.sha256(photograph()).hexdigest()
    file = desk.folder / sha256[:2] / sha256[2:]
    file.parent.mkdir()
    file.write_bytes(photograph())
    await desk.register.record(in_need_of(OTHER, 1, sha256))
    await desk.steps.forget(NUMBER, [sha256])
    assert desk.store.get(OTHER, sha256) == photograph()
    await desk.register.record(in_need_of(OTHER, 2))
    await desk.steps.forget(OTHER, [sha256])
    assert not file.exists()


async def test_a_step_that_0_3_0_asked_for_takes_the_case_from_its_workflow(desk: Desk) -> None:
    photo = desk.handed_in(PASSPORT, "a.jpg", photograph())
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, workflow_id=workflow_id(NUMBER))
    order = ScansToExamine.model_validate({"documents": [photo]})
    findings = await environment.run(desk.steps.examine_scans, order)
    assert findings == await desk.examines(photo)
    assert {(NUMBER, photo.sha256), (NUMBER, findings.documents[0].sha256)} == set(
        desk.store.list()
    )
