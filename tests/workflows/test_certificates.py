"""The temporary certificate beside its case (R10), as sentences."""

from typing import Any

from helpers import until
from staging import Stage, Story, produced

from domain.register import PaperKind, PaperState
from domain.statuses import CaseStatus
from workflows.contracts import CERTIFICATE_VIEW, CertificateView, certificate_workflow_id

COLLECTED = {"method": "pickup", "handed_over_on": "2026-06-12", "reference": "АПП-17"}


class Certificate:
    """The certificate's own workflow under test."""

    def __init__(self, stage: Stage, story: Story) -> None:
        self._environment = stage.environment
        self.handle = stage.environment.client.get_workflow_handle(
            certificate_workflow_id(story.number)
        )

    async def view(self) -> CertificateView:
        view: CertificateView = await self.handle.query(
            CERTIFICATE_VIEW, result_type=CertificateView
        )
        return view

    async def pass_days(self, days: float) -> None:
        from datetime import timedelta  # noqa: PLC0415

        await self._environment.fast_forward(self.handle, timedelta(days=days))


async def with_certificate(stage: Stage, **changes: Any) -> tuple[Story, Certificate]:
    story = await stage.starts(temporary_certificate=True, **changes)
    await story.has("temporary_certificate")
    return story, Certificate(stage, story)


async def state_on_record(stage: Stage, story: Story) -> list[PaperState]:
    return [
        paper.state
        for _, paper in await stage.register.papers(story.number)
        if paper.kind is PaperKind.TEMPORARY_CERTIFICATE
    ]


async def test_a_certificate_is_issued_in_its_time_reminded_of_and_expires(stage: Stage) -> None:
    story, certificate = await with_certificate(stage)
    await certificate.pass_days(7)
    view = await story.has("temporary_certificate", 2)
    assert view.temporary_certificate is not None
    assert view.temporary_certificate.state is PaperState.IN_FORCE
    assert await state_on_record(stage, story) == [PaperState.IN_FORCE]
    await certificate.pass_days(40)
    view = await story.has("temporary_certificate", 4)
    assert view.temporary_certificate is not None
    assert view.temporary_certificate.state is PaperState.EXPIRED
    assert await state_on_record(stage, story) == [PaperState.EXPIRED]
    told = [event for event in await story.mails() if event.startswith("certificate")]
    assert told == ["certificate_issued", "certificate_reminder", "certificate_expired"]


async def test_a_certificate_can_be_renewed_and_begun_anew(stage: Stage) -> None:
    story, certificate = await with_certificate(stage)
    await certificate.pass_days(7)
    view = await story.has("temporary_certificate", 2)
    assert view.temporary_certificate is not None
    before = view.temporary_certificate.valid_until
    await certificate.pass_days(10)
    await story.signal("certificate_requested", {})
    view = await story.has("temporary_certificate", 3)
    assert view.temporary_certificate is not None
    after = view.temporary_certificate.valid_until
    assert before is not None
    assert after is not None
    assert (after - before).days >= 10
    await story.signal("certificate_requested", {})
    await story.has("repeated")
    await certificate.pass_days(60)
    await story.has("temporary_certificate", 5)
    await story.pass_days(1)
    await story.signal("certificate_requested", {})
    await story.has("temporary_certificate", 6)
    await Certificate(stage, story).pass_days(7)
    await story.has("temporary_certificate", 7)
    assert await state_on_record(stage, story) == [PaperState.EXPIRED, PaperState.IN_FORCE]


async def test_a_certificate_is_annulled_the_moment_the_duplicate_is_issued(stage: Stage) -> None:
    story, certificate = await with_certificate(stage)
    await certificate.pass_days(7)
    await story.has("temporary_certificate", 2)
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("holder_replied", {"verdict": "confirmed"})
    await story.reaches(CaseStatus.IN_PRODUCTION)
    await story.signal("production_finished", produced())
    await story.reaches(CaseStatus.READY)
    await story.signal("duplicate_handed_over", COLLECTED)
    await story.reaches(CaseStatus.ISSUED)

    async def annulled() -> bool:
        return await state_on_record(stage, story) == [PaperState.ANNULLED]

    await until(annulled)
    assert await certificate.handle.result() == PaperState.ANNULLED
    assert "certificate_annulled" in await story.mails()


async def test_a_case_that_ends_before_its_certificate_is_ready_issues_none(stage: Stage) -> None:
    story, certificate = await with_certificate(stage)
    await story.signal("withdraw_requested", {})
    await story.reaches(CaseStatus.WITHDRAWN)
    assert await certificate.handle.result() == PaperState.ANNULLED
    assert await state_on_record(stage, story) == []
    assert not [event for event in await story.mails() if event.startswith("certificate")]
