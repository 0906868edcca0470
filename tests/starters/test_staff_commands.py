"""Decisions by hand and the lists officers work from: the real command on a real stack."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from helpers import until
from staging import produced
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from terminal import EXAMPLES, Cli, called

from domain.statuses import CaseStatus
from simulators.phone import CODE
from starters import cases
from starters.stack import EmbeddedStack
from workflows.contracts import DUPLICATE_REQUEST, STAGE_DUE_AT

NEVER_MIND = {"verification": [{"after_days": 200}], "production": {"after_days": 200}}
NUMBER = "7K3M-9QXT-2B4D-6"
ONE, OTHER = "officer-1", "officer-2"
SETTING = "DIPLOMA_OFFICER"
CONFIRMED, HANDED_OVER = (
    str(EXAMPLES / "replies" / f"{name}.json") for name in ("confirmed", "handed-over")
)
CORRECTION = str(EXAMPLES / "corrections" / "incomplete.json")
BAD_PASSPORT = {
    "verdict": "objections",
    "objections": [{"code": "PASSPORT_ERROR", "field": "applicant.passport"}],
}


async def in_review(diploma: Cli, client: Client, name: str) -> str:
    """The number of a case whose holder does not answer."""
    number = await diploma.submits(diploma.case_file(name, simulation=NEVER_MIND))
    await reaches(client, number, CaseStatus.IN_REVIEW)
    return number


async def reaches(client: Client, number: str, status: CaseStatus) -> None:
    async def there() -> bool:
        return (await cases.view(client, number)).status is status

    await until(there)


async def test_who_prepared_a_decision_does_not_approve_it(diploma: Cli, client: Client) -> None:
    number = await in_review(diploma, client, "prepared")
    decide = ("decide", number, "--confirm", "--officer")
    prepared = await diploma(*decide, ONE, "--prepare", "--note", "Найдено в книге выдачи")
    assert prepared.code == 0
    assert "another officer" in prepared.out
    own = await diploma(*decide, ONE, "--json")
    assert (own.code, own.out) == (1, "")
    assert "ask another officer" in own.err
    assert (await cases.view(client, number)).status is CaseStatus.IN_REVIEW

    approved = await diploma(*decide, OTHER, "--json")
    assert (approved.code, approved.document()) == (
        0,
        {"control_number": number, "officer": OTHER, "remark": ""},
    )
    await reaches(client, number, CaseStatus.IN_PRODUCTION)
    late = await diploma(*decide, OTHER)
    assert late.code == 1
    assert "IN_PRODUCTION" in late.err


async def test_an_officer_objects_and_the_case_is_found_by_the_reason(
    diploma: Cli, client: Client
) -> None:
    number = await in_review(diploma, client, "objected")
    objections = (
        "NAME_MISMATCH:applicant.name_on_diploma",
        "STUDY_PROOF_MISSING:documents.grade_book",
    )
    decided = await diploma(
        *("decide", number, "--officer", ONE),
        *(option for objection in objections for option in ("--object", objection)),
    )
    assert (decided.code, decided.out) == (0, "Decided.\n")
    await reaches(client, number, CaseStatus.REFUSED)
    view = await cases.view(client, number)
    assert [f"{reason.code}:{reason.field}" for reason in view.reasons] == list(objections)

    async def is_listed() -> bool:
        return number in await listed(diploma, "--reason", "NAME_MISMATCH")

    await until(is_listed)
    assert number not in await listed(diploma, "--reason", "SNILS_MISMATCH")


async def test_a_case_is_given_to_another_officer_and_found_with_them(
    diploma: Cli, client: Client
) -> None:
    number = await in_review(diploma, client, "reassigned")
    assert (await diploma("claim", number, "--officer", ONE)).code == 0
    reassign = ("reassign", number, "--by", "chief", "--to", OTHER)
    given = await diploma(*reassign, "--note", "отпуск", "--json")
    assert (given.code, given.document()) == (0, {"control_number": number, "officer": OTHER})
    again = await diploma(*reassign)
    assert again.code == 1
    assert "already" in again.err

    async def is_listed() -> bool:
        return number in await listed(diploma, "--officer", OTHER)

    await until(is_listed)
    assert number not in await listed(diploma, "--officer", ONE)


async def test_stages_due_before_a_day_are_listed(diploma: Cli, client: Client) -> None:
    number = await in_review(diploma, client, "due")
    row = await cases.row(client, number)
    assert row.stage_due_at is not None
    due = row.stage_due_at.astimezone(UTC).date()

    async def is_listed() -> bool:
        return number in await listed(diploma, "--due-before", str(due + timedelta(days=1)))

    await until(is_listed)
    assert number not in await listed(diploma, "--due-before", str(due))


async def code_of(stack: EmbeddedStack, number: str) -> str:
    """The one-time code of a case, once the telephone has it."""
    found: list[str] = []

    async def arrived() -> bool:
        unread = stack.outside.state.unread_sms()
        texts = (CODE.search(sms.text) for sms in unread if sms.control_number == number)
        found[:] = [code[1] for code in texts if code is not None]
        return bool(found)

    await until(arrived)
    return found[-1]


async def signatures(client: Client, number: str, officer: str) -> list[str]:
    """What of the timeline an officer stands for."""
    timeline = (await cases.view(client, number)).timeline
    return [entry.event for entry in timeline if entry.detail.endswith(f"by {officer}")]


async def test_the_timeline_names_who_answered_by_option_or_by_setting_or_nobody(
    diploma: Cli, client: Client
) -> None:
    number = await in_review(diploma, client, "answered")
    made = str(diploma.json_file("made.json", produced()))
    told = diploma.but(**{SETTING: OTHER})
    for command, answer, officer, follows in (
        (diploma, CONFIRMED, ("--officer", ONE), CaseStatus.IN_PRODUCTION),
        (told, made, (), CaseStatus.READY),
        (told, HANDED_OVER, ("--officer", ONE), CaseStatus.ISSUED),
    ):
        ended = await command("reply", number, answer, *officer)
        assert ended.code == 0, ended.err
        await reaches(client, number, follows)
    assert await signatures(client, number, ONE) == ["holder_replied", "duplicate_handed_over"]
    assert await signatures(client, number, OTHER) == ["production_finished"]

    unsigned = await in_review(diploma, client, "answered-unsigned")
    assert (await diploma("reply", unsigned, CONFIRMED)).code == 0
    await reaches(client, unsigned, CaseStatus.IN_PRODUCTION)
    assert await signatures(client, unsigned, "staff") == ["holder_replied"]


async def test_a_file_that_names_its_officer_needs_no_option(diploma: Cli, client: Client) -> None:
    number = await in_review(diploma, client, "named-in-file")
    answer = diploma.json_file("signed.json", {"verdict": "confirmed", "officer": OTHER})
    assert (await diploma("reply", number, str(answer))).code == 0
    assert await signatures(client, number, OTHER) == ["holder_replied"]


async def test_the_timeline_names_who_acted_for_the_applicant(
    diploma: Cli, client: Client, stack_parts: EmbeddedStack
) -> None:
    never = {"phone": {"confirm_after_days": 200}, "applicant": [], **NEVER_MIND}
    by_code = {"given": True, "confirmed_by": "sms_code"}
    number = await diploma.submits(
        diploma.case_file("for-another", "2-incomplete", simulation=never, consent=by_code)
    )
    await reaches(client, number, CaseStatus.RETURNED)
    corrected = await diploma("correct", number, CORRECTION, "--officer", ONE)
    assert corrected.code == 0, corrected.err

    assert (await diploma("resend-code", number, "--officer", ONE)).code == 0
    code = await code_of(stack_parts, number)
    confirmed = await diploma("confirm", number, code, "--officer", ONE)
    assert confirmed.code == 0, confirmed.err
    await reaches(client, number, CaseStatus.IN_REVIEW)
    for command in ("certificate", "withdraw"):
        assert (await diploma.but(**{SETTING: OTHER})(command, number)).code == 0
    await reaches(client, number, CaseStatus.WITHDRAWN)
    assert await signatures(client, number, ONE) == [
        "submit_correction",
        "code_requested",
        "contact_confirmed",
    ]
    assert await signatures(client, number, OTHER) == [
        "certificate_requested",
        "withdraw_requested",
    ]


async def test_an_officer_lifts_a_suspension_and_nothing_else(diploma: Cli, client: Client) -> None:
    number = await in_review(diploma, client, "suspended")
    early = await diploma("lift", number, "--officer", ONE)
    assert early.code == 1
    assert "not suspended: IN_REVIEW" in early.err
    reply = diploma.json_file("bad-passport.json", BAD_PASSPORT)
    assert (await diploma("reply", number, str(reply))).code == 0
    await reaches(client, number, CaseStatus.SUSPENDED)
    lifted = await diploma("lift", number, "--officer", ONE, "--note", "обменян", "--json")
    assert (lifted.code, lifted.document()) == (0, {"control_number": number, "officer": ONE})
    await reaches(client, number, CaseStatus.IN_REVIEW)
    assert await signatures(client, number, ONE) == ["suspension_lifted"]
    nowhere = await diploma("lift", NUMBER, "--officer", ONE)
    assert nowhere.code == 4


async def test_the_setting_is_who_claims_decides_and_reassigns(
    diploma: Cli, client: Client
) -> None:
    number = await in_review(diploma, client, "by-setting")
    mine = diploma.but(**{SETTING: ONE})
    assert (await mine("claim", number, "--json")).document()["officer"] == ONE
    assert (await mine("reassign", number, "--to", OTHER)).code == 0
    assert (await mine("decide", number, "--confirm", "--officer", OTHER)).code == 0
    assert await signatures(client, number, OTHER) == ["holder_replied"]
    assigned = [
        entry.detail
        for entry in (await cases.view(client, number)).timeline
        if entry.event == "assigned"
    ]
    assert assigned == [f"claimed {ONE}", f"reassigned by {ONE} to {OTHER}"]


async def listed(diploma: Cli, *filters: str) -> set[str]:
    ended = await diploma("list", "--json", *filters)
    assert ended.code == 0, ended.err
    return {row["control_number"] for row in ended.document()}


@pytest.mark.parametrize("zone", ["Europe/Kaliningrad", "Europe/Moscow", "Asia/Kamchatka"])
async def test_a_stage_that_ended_with_the_day_before_is_due_before_the_day_in_every_region(
    client: Client, zone: str
) -> None:
    day = date(2031, 3, 14)
    midnight = datetime.combine(day, time(0), ZoneInfo(zone))
    handle = await client.start_workflow(
        DUPLICATE_REQUEST,
        id=f"duplicate/{zone}",
        task_queue="nobody's",
        search_attributes=TypedSearchAttributes([SearchAttributePair(STAGE_DUE_AT, midnight)]),
    )

    async def due_before(wanted: date) -> set[datetime | None]:
        return {row.stage_due_at for row in await cases.rows(client, due_before=wanted)}

    async def is_listed() -> bool:
        return midnight in await due_before(day)

    await until(is_listed)
    assert midnight not in await due_before(day - timedelta(days=1))
    await handle.terminate()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("decide", NUMBER, "--officer", ONE), "--confirm or --object"),
        (("decide", NUMBER, "--officer", ONE, "--confirm", "--object", "A:b"), "--confirm or"),
        (("decide", NUMBER, "--confirm"), "--officer"),
        (("decide", NUMBER, "--confirm", "--officer", "Соколова"), "Latin letters"),
        (("decide", NUMBER, "--confirm", "--officer", ONE, "--note", "я" * 501), "note"),
        (("decide", NUMBER, "--officer", ONE, "--object", "NAME_MISMATCH"), "field"),
        (("decide", NUMBER, "--officer", ONE, "--object", "LOST:applicant.name"), "as in"),
        (("decide", NUMBER, "--officer", ONE, "--object", "NAME_MISMATCH:Соколова"), "as in"),
        (("decide", "7K3M", "--officer", ONE, "--confirm"), "13 letters and digits"),
        (("decide", NUMBER, "--confirm", "--officer", ""), "Latin letters"),
        (("claim", NUMBER), "DIPLOMA_OFFICER"),
        (("lift", NUMBER), "--officer"),
        (("lift", NUMBER, "--officer", ONE, "--note", "я" * 501), "note"),
        (("reply", NUMBER, CONFIRMED, "--officer", "Соколова"), "Latin letters"),
        (("correct", NUMBER, CORRECTION, "--officer", "Соколова"), "Latin letters"),
        (("withdraw", NUMBER, "--officer", "Соколова"), "Latin letters"),
        (("certificate", NUMBER, "--officer", "Соколова"), "Latin letters"),
        (("confirm", NUMBER, "123456", "--officer", "Соколова"), "Latin letters"),
        (("resend-code", NUMBER, "--officer", "Соколова"), "Latin letters"),
        (("reassign", NUMBER, "--to", ONE), "--by"),
        (("reassign", NUMBER, "--to", "a b", "--by", ONE), "--to"),
        (("list", "--officer", 'x" OR "'), "--officer"),
        (("list", "--reason", 'x" OR "'), "--reason"),
        (("list", "--due-before", "14.03.2031"), "--due-before"),
        (("report",), "--by"),
        (("report", "--by", "moon"), "holder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_command_line_says_what_is_right(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], named: str
) -> None:
    ended = called(capsys, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert named in ended.err
    assert "Соколова" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("claim", NUMBER),
        ("reassign", NUMBER, "--to", ONE),
        ("reply", NUMBER, CONFIRMED),
        ("settings",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_identifier_in_the_setting_that_is_none_is_one_clear_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.setenv(SETTING, "Мария Соколова")
    ended = called(capsys, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert SETTING in ended.err
    assert "as in officer-7" in ended.err
    assert "Соколова" not in ended.err


def test_the_schema_of_a_reply_and_of_a_correction_shows_the_officer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "officer" in called(capsys, "schema", "correction").document()["properties"]
    reply = called(capsys, "schema", "reply").document()
    answers = [kind for kind in reply["$defs"].values() if kind.get("type") == "object"]
    assert sum("officer" in kind["properties"] for kind in answers) == 4
