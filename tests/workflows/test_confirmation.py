"""The one-time code of an applicant (R1), as sentences."""

from datetime import UTC, datetime, timedelta

import pytest
from helpers import until
from samples import documents_without, valid_application
from staging import Stage, Story

from adapters.profiles import load_profile
from domain.confirmation import CodeOutcome, Confirmation
from domain.statuses import CaseStatus
from simulators.phone import CODE
from starters import codes

POLICY = load_profile().confirmation
BY_CODE = {"given": True, "confirmed_by": "sms_code"}


def messages(stage: Stage, story: Story) -> list[str]:
    """Texts sent to the applicant of the case, oldest first."""
    return [
        sms.text
        for sms in stage.outside.state.sms_to("+79161234567")
        if sms.message_id.startswith(story.number)
    ]


async def code_of(stage: Stage, story: Story, place: int = 1) -> str:
    """The code that came by text message."""

    async def arrived() -> bool:
        return len(messages(stage, story)) >= place

    await until(arrived)
    found = CODE.search(messages(stage, story)[place - 1])
    assert found is not None
    return found[1]


async def enter(stage: Stage, story: Story, code: str) -> CodeOutcome:
    client, register = stage.environment.client, stage.register
    return await codes.enter(client, register, POLICY, story.number, code)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


async def make_older(stage: Stage, story: Story, by: timedelta) -> None:
    """Let real time pass for the code, without waiting for it."""

    def change(present: Confirmation | None) -> Confirmation | None:
        assert present is not None
        locked = present.locked_until
        moved = {
            "sent_at": present.sent_at - by,
            "locked_until": locked - by if locked else None,
        }
        return present.model_copy(update=moved)

    await stage.register.change_confirmation(story.number, change)


async def test_the_right_code_is_accepted_once_and_the_case_goes_on(stage: Stage) -> None:
    story = await stage.starts(consent=BY_CODE)
    code = await code_of(stage, story)
    view = await story.view()
    assert view.status is CaseStatus.SUBMITTED
    assert view.awaits_code
    assert view.stage is not None
    assert view.stage.from_whom == "the applicant"
    assert await enter(stage, story, code) is CodeOutcome.CONFIRMED
    await story.reaches(CaseStatus.IN_REVIEW)
    assert await enter(stage, story, code) is CodeOutcome.ALREADY_CONFIRMED
    await story.has("repeated")


async def test_five_wrong_codes_lock_for_a_while_even_for_the_right_one(stage: Stage) -> None:
    story = await stage.starts(consent=BY_CODE)
    code = await code_of(stage, story)
    outcomes = [await enter(stage, story, wrong(code)) for _ in range(POLICY.tries)]
    assert outcomes == [CodeOutcome.WRONG] * 4 + [CodeOutcome.LOCKED]
    assert await enter(stage, story, code) is CodeOutcome.LOCKED
    await make_older(stage, story, timedelta(minutes=POLICY.lock_minutes))
    assert await enter(stage, story, code) is CodeOutcome.CONFIRMED
    await story.reaches(CaseStatus.IN_REVIEW)


async def test_an_expired_code_is_refused_and_another_one_can_be_had(stage: Stage) -> None:
    story = await stage.starts(consent=BY_CODE)
    code = await code_of(stage, story)
    await story.has("code_sent")
    await story.signal("code_requested", {})
    await story.has("code_not_sent")
    await make_older(stage, story, timedelta(minutes=POLICY.valid_minutes))
    assert await enter(stage, story, code) is CodeOutcome.EXPIRED
    await story.signal("code_requested", {})
    second = await code_of(stage, story, place=2)
    assert await enter(stage, story, second) is CodeOutcome.CONFIRMED
    await story.reaches(CaseStatus.IN_REVIEW)


async def test_no_more_codes_are_sent_than_the_profile_allows(stage: Stage) -> None:
    story = await stage.starts(consent=BY_CODE)
    for sent in range(1, POLICY.most_codes + 1):
        await story.has("code_sent", sent)
        await make_older(stage, story, timedelta(minutes=POLICY.valid_minutes))
        await story.signal("code_requested", {})
    await story.has("code_not_sent")
    assert len(messages(stage, story)) == POLICY.most_codes


async def test_an_application_without_its_code_is_returned_and_mended_by_it(stage: Stage) -> None:
    story = await stage.starts(consent=BY_CODE)
    code = await code_of(stage, story)
    await story.pass_days(2)
    view = await story.reaches(CaseStatus.RETURNED)
    assert [reason.code for reason in view.reasons] == ["CONSENT_NOT_CONFIRMED"]
    assert not view.overdue
    assert await enter(stage, story, code) is CodeOutcome.CONFIRMED
    await story.reaches(CaseStatus.IN_REVIEW)


async def test_a_missing_document_is_told_at_once_beside_the_missing_code(stage: Stage) -> None:
    raw = valid_application(documents=documents_without("consent"))
    story = await stage.starts(raw, consent=BY_CODE)
    view = await story.reaches(CaseStatus.RETURNED)
    assert {reason.code for reason in view.reasons} == {
        "CONSENT_DOCUMENT_MISSING",
        "CONSENT_NOT_CONFIRMED",
    }
    scan = {"kind": "consent", "name": "c.pdf", "size_bytes": 1000}
    await story.signal("correction_submitted", {"documents": [scan]})
    view = await story.has("correction")
    assert [reason.code for reason in view.reasons] == ["CONSENT_NOT_CONFIRMED"]
    assert await enter(stage, story, await code_of(stage, story)) is CodeOutcome.CONFIRMED
    await story.reaches(CaseStatus.IN_REVIEW)


async def test_an_officer_may_vouch_for_an_applicant_without_a_telephone(stage: Stage) -> None:
    story = await stage.starts(consent=BY_CODE)
    await story.signal("contact_confirmed", {"officer": "petrova"})
    await story.reaches(CaseStatus.IN_REVIEW)


async def test_a_code_stands_in_no_history_and_no_database(stage: Stage) -> None:
    story = await stage.starts(consent=BY_CODE)
    code = await code_of(stage, story)
    await enter(stage, story, wrong(code))
    await enter(stage, story, code)
    await story.reaches(CaseStatus.IN_REVIEW)
    history = (await story.handle.fetch_history()).to_json()
    # Among so many digits any six may stand by chance, so the neighbours count as well.
    kept = await stage.register.confirmation(story.number)
    assert kept is not None
    for text in (history, kept.model_dump_json()):
        assert f'"{code}"' not in text
        assert f" {code}" not in text
    assert kept.confirmed_at is not None
    assert kept.confirmed_at > datetime.now(UTC) - timedelta(minutes=5)


async def test_whoever_wants_text_messages_gets_them_beside_the_mails(stage: Stage) -> None:
    raw = valid_application(applicant={"notify_by_sms": True})
    story = await stage.starts(raw)
    await story.reaches(CaseStatus.IN_REVIEW)
    assert await story.mails() == ["submitted", "accepted", "in_review"]
    assert len(messages(stage, story)) == 3


@pytest.mark.parametrize("name", ["code_requested", "contact_confirmed"])
async def test_news_of_a_code_after_the_end_are_parked(stage: Stage, name: str) -> None:
    story = await stage.starts()
    await story.reaches(CaseStatus.IN_REVIEW)
    await story.signal("withdraw_requested", {})
    await story.reaches(CaseStatus.WITHDRAWN)
    await story.signal(name, {})
    await story.has("parked")
