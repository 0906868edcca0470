"""Scans in the story: faults are named, cleaned scans replace what came, lost ones are waited for."""

import random
from collections.abc import Iterator, Sequence
from itertools import count

from helpers import until
from pydantic import JsonValue
from samples import documents_without
from scan_samples import Sample, a_hostile, make_scans, ordinary
from staging import Stage, Story

from domain.application import DocumentKind
from domain.base import JsonObject
from domain.numbers import control_number
from domain.scan_faults import ScanFault
from domain.statuses import CaseStatus
from workflows.contracts import CorrectionAnswer, Update

PASSPORT, REGISTRATION = (
    DocumentKind.PASSPORT_PERSONAL_PAGE,
    DocumentKind.PASSPORT_REGISTRATION_PAGE,
)
OTHERS = [kind for kind in DocumentKind if kind is not DocumentKind.NAME_CHANGE_CERTIFICATE]
NOTICED_BEFORE = {
    ScanFault.EMPTY,  # by its size
    ScanFault.TOO_LARGE,
    ScanFault.TYPE_NOT_ALLOWED,  # by its name
    ScanFault.NOT_A_FILE,  # by whoever hands it in
}
"""Faults the form of the application shows; no content is looked at."""
FOUND_BY_CHECK = [
    fault
    for fault in ScanFault
    if fault not in NOTICED_BEFORE | {ScanFault.REPEATED, ScanFault.UNREADABLE}
]


class Applicant:
    """Hands in scans before the case begins, as an intake does."""

    _serial = count(1)

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._submission_id = f"scans-{next(self._serial)}-{stage.queue}"
        self.number = control_number({"submission_id": self._submission_id})

    def hands_in(self, kind: DocumentKind, name: str, content: bytes) -> JsonObject:
        """A document whose content waits in the store."""
        return {
            "kind": kind,
            "name": name,
            "size_bytes": len(content),
            "sha256": self._stage.store.put(self.number, content),
        }

    async def submits(self, documents: Sequence[JsonObject]) -> Story:
        """A case with these documents and otherwise those of every other."""
        replaced = [str(document["kind"]) for document in documents]
        scans: list[JsonValue] = [*documents_without(*replaced), *documents]
        return await self._stage.starts(documents=scans, submission_id=self._submission_id)


def photograph(seed: int) -> bytes:
    """A good scan with the place it was taken at."""
    drawn = make_scans.receipt(random.Random(seed), 700, 900)
    return make_scans.as_jpeg(drawn, 85, exif=make_scans.camera_notes(1))


def worst() -> Iterator[tuple[ScanFault, Sample]]:
    """A sample of every fault that only the check of its content finds."""
    for fault in FOUND_BY_CHECK:
        yield fault, a_hostile(fault)


async def test_every_fault_has_its_own_reason_and_the_case_waits_for_other_scans(
    stage: Stage,
) -> None:
    faulty = dict(zip(OTHERS, worst(), strict=False))
    assert len(faulty) == len(FOUND_BY_CHECK)
    applicant = Applicant(stage)
    story = await applicant.submits(
        [
            applicant.hands_in(kind, sample.name, sample.content)
            for kind, (_, sample) in faulty.items()
        ]
    )
    view = await story.reaches(CaseStatus.RETURNED)
    assert {reason.field: reason.code for reason in view.reasons} == {
        f"documents.{kind}": fault for kind, (fault, _) in faulty.items()
    }
    better = [
        applicant.hands_in(kind, f"{kind}.jpg", photograph(place))
        for place, kind in enumerate(faulty, start=1)
    ]
    correction: JsonObject = {"changes": {}, "documents": list(better)}
    answer: CorrectionAnswer = await story.update(
        Update.SUBMIT_CORRECTION, correction, CorrectionAnswer
    )
    assert answer.still_wrong == ()
    await story.reaches(CaseStatus.IN_REVIEW)


async def test_a_scan_handed_in_twice_is_asked_for_again(stage: Stage) -> None:
    applicant = Applicant(stage)
    twice = [
        applicant.hands_in(kind, f"{kind}.jpg", photograph(99)) for kind in (PASSPORT, REGISTRATION)
    ]
    view = await (await applicant.submits(twice)).reaches(CaseStatus.RETURNED)
    (reason,) = view.reasons
    assert (reason.code, reason.field) == (ScanFault.REPEATED, f"documents.{REGISTRATION}")


async def test_only_the_cleaned_scan_is_kept(stage: Stage) -> None:
    raw, applicant = photograph(3), Applicant(stage)
    document = applicant.hands_in(PASSPORT, "фото паспорта.jpg", raw)
    story = await applicant.submits([document])
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.mails()

    async def is_forgotten() -> bool:
        return (story.number, document["sha256"]) not in set(stage.store.list())

    await until(is_forgotten)
    stored = await stage.register.find_case(story.number)
    assert stored is not None
    (kept,) = [item for item in stored.documents if item.sha256]
    content = stage.store.get(story.number, kept.sha256 or "")
    assert content != raw
    assert b"Exif" in raw
    assert b"Exif" not in content


async def test_a_correction_sent_again_needs_its_scan_no_more(stage: Stage) -> None:
    applicant = Applicant(stage)
    faulty = [
        applicant.hands_in(kind, sample.name, sample.content)
        for kind, (_, sample) in zip((PASSPORT, REGISTRATION), worst(), strict=False)
    ]
    story = await applicant.submits(faulty)
    await story.reaches(CaseStatus.RETURNED)
    raw = photograph(5)
    document = applicant.hands_in(PASSPORT, "passport.jpg", raw)
    correction: JsonObject = {"changes": {}, "documents": [document]}

    async def is_forgotten() -> bool:
        return (story.number, document["sha256"]) not in set(stage.store.list())

    first = await story.update(Update.SUBMIT_CORRECTION, correction, CorrectionAnswer)
    await until(is_forgotten)
    assert await story.update(Update.SUBMIT_CORRECTION, correction, CorrectionAnswer) == first
    assert [reason.field for reason in first.still_wrong] == [f"documents.{REGISTRATION}"]
    applicant.hands_in(PASSPORT, "passport.jpg", raw)
    await story.update(Update.SUBMIT_CORRECTION, correction, CorrectionAnswer)
    await until(is_forgotten)


async def test_a_scan_the_store_has_lost_is_waited_for(stage: Stage) -> None:
    sample, applicant = ordinary("office_grey"), Applicant(stage)
    document = applicant.hands_in(PASSPORT, sample.name, sample.content)
    stage.store.delete(applicant.number, str(document["sha256"]))
    story = await applicant.submits([document])

    async def is_named() -> bool:
        pending = (await story.handle.describe()).raw_description.pending_activities
        return any(
            step.last_failure.application_failure_info.type == "ScanMissing" for step in pending
        )

    await until(is_named, look_every=stage.look_every)
    assert (await story.view()).status is CaseStatus.SUBMITTED
    stage.store.put(story.number, sample.content)
    await story.pass_days(0.01)
    await story.reaches(CaseStatus.IN_REVIEW)


async def test_a_case_whose_scan_is_lost_can_be_withdrawn(stage: Stage) -> None:
    document: JsonObject = {
        "kind": PASSPORT,
        "name": "passport.pdf",
        "size_bytes": 1000,
        "sha256": "0" * 64,
    }
    story = await Applicant(stage).submits([document])
    await story.signal("withdraw_requested", {})
    await story.reaches(CaseStatus.WITHDRAWN)
