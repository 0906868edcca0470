"""Decisions by hand and the lists officers work from: the real command on a real stack."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from helpers import until
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from terminal import Cli, called

from domain.statuses import CaseStatus
from starters import cases
from workflows.contracts import DUPLICATE_REQUEST, STAGE_DUE_AT

NEVER_MIND = {"verification": [{"after_days": 200}], "production": {"after_days": 200}}
NUMBER = "7K3M-9QXT-2B4D-6"
ONE, OTHER = "officer-1", "officer-2"


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
