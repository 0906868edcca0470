"""Consent that is taken back (R13), while a case runs and after its end, as sentences."""

from pathlib import Path

import pytest
from helpers import until
from records import new_ring, opened
from staging import Stage, Story, produced

from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from adapters.sealing.sealer import CaseSealer
from domain.base import JsonObject
from domain.messages import WithdrawalRequested
from domain.register import RegisteredCase
from domain.statuses import CaseStatus
from starters import cases, consent
from starters.console import Stop

CONSENT: JsonObject = {"consent_withdrawn": True}
COLLECTED = {"method": "pickup", "handed_over_on": "2026-06-12", "reference": "АПП-17"}
UNKNOWN = "7K3M-9QXT-2B4D-6"


async def in_review(stage: Stage) -> Story:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    return story


async def issued(stage: Stage) -> Story:
    story = await in_review(stage)
    await story.signal("holder_replied", {"verdict": "confirmed"})
    await story.reaches(CaseStatus.IN_PRODUCTION)
    await story.signal("production_finished", produced())
    await story.reaches(CaseStatus.READY)
    await story.signal("duplicate_handed_over", COLLECTED)
    await story.reaches(CaseStatus.ISSUED)
    return story


async def withdraw(
    stage: Stage, number: str, register: SqlRegister | None = None
) -> RegisteredCase | None:
    client, wish = stage.environment.client, WithdrawalRequested(consent_withdrawn=True)
    return await consent.withdraw(client, register or stage.register, number, wish)


async def on_record(stage: Stage, story: Story, status: CaseStatus) -> RegisteredCase:
    """The case as the register has it, once it has this status there."""
    found: list[RegisteredCase] = []

    async def there() -> bool:
        stored = await stage.register.find_case(story.number)
        found[:] = [stored.case] if stored else []
        return bool(found) and found[0].status is status

    await until(there)
    return found[0]


async def test_a_case_without_consent_ends_as_any_withdrawn_one(stage: Stage) -> None:
    story = await in_review(stage)
    await story.signal("withdraw_requested", {**CONSENT, "officer": "petrova"})
    view = await story.reaches(CaseStatus.WITHDRAWN)
    assert [entry.event for entry in view.timeline[-3:]] == [
        "withdraw_requested",
        "consent_withdrawn",
        "WITHDRAWN",
    ]
    assert (await story.mails())[-1] == "withdrawn"
    assert view.parked == ()


async def test_after_the_issue_what_was_issued_stays_and_a_person_is_told_what_to_answer(
    stage: Stage,
) -> None:
    story = await issued(stage)
    await story.signal("withdraw_requested", CONSENT)
    view = await story.has("parked")
    assert view.status is CaseStatus.ISSUED
    assert "consent_withdrawn" in await story.events()
    assert "stays in the register" in view.parked[0].reason
    assert "erased when nothing is owed" in view.parked[0].reason


async def test_after_a_withdrawal_the_consent_alone_is_taken_back(stage: Stage) -> None:
    story = await in_review(stage)
    await story.signal("withdraw_requested", {})
    await story.reaches(CaseStatus.WITHDRAWN)
    await story.signal("withdraw_requested", CONSENT)
    view = await story.has("consent_withdrawn")
    assert view.parked == ()


async def test_the_register_knows_of_a_running_case_that_its_consent_is_gone(
    stage: Stage,
) -> None:
    story = await in_review(stage)
    await on_record(stage, story, CaseStatus.IN_REVIEW)
    assert await withdraw(stage, story.number) is None
    assert "ends" in consent.said(None)
    case = await on_record(stage, story, CaseStatus.WITHDRAWN)
    assert case.consent_withdrawn_at is not None
    assert "consent_withdrawn" in await story.events()


async def test_the_consent_of_an_ended_case_is_taken_back_at_the_register(stage: Stage) -> None:
    story = await issued(stage)
    await story.ends(CaseStatus.ISSUED)
    ended = await withdraw(stage, story.number)
    assert ended is not None
    first = ended.consent_withdrawn_at
    assert first is not None
    assert "stays in the register" in consent.said(ended)
    again = await withdraw(stage, story.number)
    assert again is not None
    assert again.consent_withdrawn_at == first


async def test_the_consent_of_a_withdrawn_case_is_taken_back_and_it_will_be_erased(
    stage: Stage,
) -> None:
    story = await in_review(stage)
    await story.signal("withdraw_requested", {})
    await story.reaches(CaseStatus.WITHDRAWN)
    await on_record(stage, story, CaseStatus.WITHDRAWN)
    ended = await withdraw(stage, story.number)
    assert ended is not None
    assert ended.consent_withdrawn_at is not None
    assert "erased when nothing is owed" in consent.said(ended)
    assert "stays" not in consent.said(ended)
    erased = ended.model_copy(update={"erased_at": ended.consent_withdrawn_at})
    assert "was erased" in consent.said(erased)


async def test_a_case_nobody_knows_has_no_consent_to_take_back(stage: Stage) -> None:
    with pytest.raises(cases.NoSuchCase):
        await withdraw(stage, UNKNOWN)


async def test_a_case_that_is_not_on_record_yet_is_withdrawn_and_the_rest_asked_for_again(
    stage: Stage, tmp_path: Path
) -> None:
    story = await in_review(stage)
    url, sealer = f"sqlite:///{tmp_path}/register.db", CaseSealer(new_ring(tmp_path))
    migrate(url, sealer)
    async with opened(url, sealer) as behind:
        with pytest.raises(Stop, match="try again"):
            await withdraw(stage, story.number, behind)
    await on_record(stage, story, CaseStatus.WITHDRAWN)
    assert await withdraw(stage, story.number) is not None
