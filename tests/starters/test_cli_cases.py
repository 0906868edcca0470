"""Cases by the command line: the real command, the real server, a real worker."""

import asyncio
import re
import signal
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from helpers import until
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from terminal import DAY_SECONDS, EXAMPLES, Cli, finished

from adapters.production_calendar import official_calendar
from domain.clock import MOSCOW, ProcedureClock
from domain.numbers import control_number
from domain.statuses import CaseStatus
from starters import cases
from starters.files import read_object
from starters.stack import EmbeddedStack
from workflows.contracts import (
    DUPLICATE_REQUEST,
    TASK_QUEUE,
    CaseOutcome,
    CaseRequest,
    workflow_id,
)

SLOW_HOLDER = {
    "verification": [{"after_days": 200}],
    "production": {"after_days": 200},
    "hand_over": {"after_days": 200},
}
"""Answers nothing for longer than any test lasts."""
QUICK_HOLDER = {
    "verification": [{"after_days": 0}],
    "production": {"after_days": 0},
    "hand_over": {"after_days": 0},
}
UNKNOWN = "7K3M-9QXT-2B4D-6"


async def reaches(client: Client, number: str, status: CaseStatus) -> None:
    async def there() -> bool:
        return (await cases.view(client, number)).status is status

    await until(there)


async def test_ten_people_who_submit_one_file_at_once_get_one_answer(
    diploma: Cli, client: Client
) -> None:
    file = str(diploma.case_file("ten-at-once", simulation=QUICK_HOLDER))
    first = await asyncio.gather(*(diploma("submit", file, "--json") for _ in range(10)))
    assert {ended.code for ended in first} == {0}
    answers = {ended.out for ended in first}
    assert len(answers) == 1
    number = first[0].document()["control_number"]
    query = f'WorkflowId = "duplicate/{number}"'
    assert (await client.count_workflows(query)).count == 1

    await reaches(client, number, CaseStatus.ISSUED)
    again = await asyncio.gather(*(diploma("submit", file, "--json") for _ in range(2)))
    assert {ended.out for ended in again} == answers
    assert (await client.count_workflows(query)).count == 1


async def test_a_case_the_engine_has_forgotten_is_still_known(
    diploma: Cli, client: Client, stack_parts: EmbeddedStack
) -> None:
    file = diploma.case_file("forgotten", simulation=QUICK_HOLDER)
    before = await diploma("submit", str(file), "--json")
    number = before.document()["control_number"]
    await reaches(client, number, CaseStatus.ISSUED)

    await on_record(stack_parts, number, CaseStatus.ISSUED)
    deleted = await diploma.temporal("workflow", "delete", "--yes", "-w", f"duplicate/{number}")
    assert deleted.code == 0, deleted.err

    await until(lambda: is_forgotten(client, number))
    view = await diploma.view(number)
    assert view["status"] == "ISSUED"
    assert [entry["event"] for entry in view["timeline"]][-1] == "ISSUED"
    assert {paper["kind"] for paper in view["papers"]} >= {"duplicate", "original"}
    again = await diploma("submit", str(file), "--json")
    assert again.out == before.out
    assert await is_forgotten(client, number)

    stored_before = await stack_parts.register.find_case(number)
    # A portal that starts the workflow itself begins nothing anew either.
    handle = await client.start_workflow(
        DUPLICATE_REQUEST,
        CaseRequest(control_number=number, application=read_object(file)),
        id=workflow_id(number),
        task_queue=TASK_QUEUE,
    )
    outcome = CaseOutcome.model_validate(await handle.result())
    assert outcome.status is CaseStatus.ISSUED
    assert await stack_parts.register.find_case(number) == stored_before


async def test_a_case_is_shown_answered_for_and_claimed_until_it_is_issued(
    diploma: Cli, client: Client
) -> None:
    file = diploma.case_file("by-hand", simulation=SLOW_HOLDER)
    told = await diploma("submit", str(file))
    again = await diploma("submit", str(file))
    assert (told.code, told.err) == (0, "")
    assert (again.code, again.out) == (0, told.out)
    assert again.err.startswith("Submitted before")
    match = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]", told.out)
    assert match
    number = match[0]
    await reaches(client, number, CaseStatus.IN_REVIEW)

    shown, listed, as_rows, claimed = await asyncio.gather(
        diploma("status", number.lower().replace("-", " ")),
        diploma("list", "--status", "in_review"),
        diploma("list", "--region", "77", "--route", "institution", "--json"),
        diploma("claim", number, "--officer", "officer-7", "--json"),
    )
    assert [shown.code, listed.code, as_rows.code, claimed.code] == [0, 0, 0, 0]
    assert "IN_REVIEW" in shown.out
    assert number in listed.out
    assert number in {row["control_number"] for row in as_rows.document()}
    assert claimed.document() == {"control_number": number, "officer": "officer-7"}
    taken, nothing, early = await asyncio.gather(
        diploma("claim", number, "--officer", "officer-8"),
        diploma("correct", number, str(EXAMPLES / "corrections" / "incomplete.json")),
        diploma("reply", number, str(EXAMPLES / "replies" / "produced.json"), "--json"),
    )
    assert [taken.code, nothing.code, early.code] == [1, 1, 1]
    assert all("IN_REVIEW" in refused.err for refused in (nothing, early))

    for answer, follows in (
        ("confirmed", CaseStatus.IN_PRODUCTION),
        ("produced", CaseStatus.READY),
        ("handed-over", CaseStatus.ISSUED),
    ):
        ended = await diploma("reply", number, str(EXAMPLES / "replies" / f"{answer}.json"))
        assert ended.code == 0, ended.err
        await reaches(client, number, follows)
    late = await asyncio.gather(
        diploma("withdraw", number),
        diploma("claim", number, "--officer", "officer-7"),
        diploma("reply", number, str(EXAMPLES / "replies" / "confirmed.json")),
    )
    assert [ended.code for ended in late] == [1, 1, 1]
    assert all("the case has ended: ISSUED" in ended.err for ended in late)
    view = await diploma.view(number)
    assert view["parked"] == []


async def test_a_withdrawn_case_ends(diploma: Cli, client: Client) -> None:
    number = await diploma.submits(diploma.case_file("withdrawn", simulation=SLOW_HOLDER))
    ended = await diploma("withdraw", number, "--json")
    assert (ended.code, ended.document()) == (0, {"control_number": number, "requested": True})
    await reaches(client, number, CaseStatus.WITHDRAWN)


async def test_consent_is_taken_back_while_a_case_runs_and_after_its_end(
    diploma: Cli, client: Client, stack_parts: EmbeddedStack
) -> None:
    number = await diploma.submits(diploma.case_file("consent", simulation=SLOW_HOLDER))
    await on_record(stack_parts, number, CaseStatus.IN_REVIEW)
    withdraw = ("withdraw", number, "--consent", "--officer", "officer-7")
    first = await diploma(*withdraw, "--json")
    assert first.code == 0, first.err
    assert first.document() | {"follows": ""} == {
        "control_number": number,
        "requested": True,
        "consent_withdrawn": True,
        "follows": "",
    }
    await on_record(stack_parts, number, CaseStatus.WITHDRAWN)
    view = await cases.view(client, number)
    assert [(entry.event, entry.detail) for entry in view.timeline[-3:]] == [
        ("withdraw_requested", "by officer-7"),
        ("consent_withdrawn", ""),
        ("WITHDRAWN", ""),
    ]
    again = await diploma(*withdraw)
    assert again.code == 0, again.err
    assert "erased when nothing is owed" in again.out
    stored = await stack_parts.register.find_case(number)
    assert stored is not None
    assert stored.case.consent_withdrawn_at is not None


async def test_consent_taken_back_after_the_issue_leaves_the_duplicate_on_record(
    diploma: Cli, client: Client, stack_parts: EmbeddedStack
) -> None:
    number = await diploma.submits(diploma.case_file("too-late", simulation=QUICK_HOLDER))
    await on_record(stack_parts, number, CaseStatus.ISSUED)
    for forgotten in (False, True):
        if forgotten:
            deleted = await diploma.temporal(
                "workflow", "delete", "--yes", "-w", f"duplicate/{number}"
            )
            assert deleted.code == 0, deleted.err
            await until(lambda: is_forgotten(client, number))
        late = await diploma("withdraw", number, "--consent")
        assert late.code == 0, late.err
        assert "too late for the request" in late.out
        assert "stays in the register" in late.out
    assert (await diploma("withdraw", UNKNOWN, "--consent")).code == 4


async def on_record(stack: EmbeddedStack, number: str, status: CaseStatus) -> None:
    async def there() -> bool:
        stored = await stack.register.find_case(number)
        return stored is not None and stored.case.status is status

    await until(there)


async def is_forgotten(client: Client, number: str) -> bool:
    return (await client.count_workflows(f'WorkflowId = "duplicate/{number}"')).count == 0


async def test_an_unknown_case_is_named_by_every_command(diploma: Cli) -> None:
    correction = str(EXAMPLES / "corrections" / "incomplete.json")
    answers = await asyncio.gather(
        diploma("status", UNKNOWN, "--json"),
        diploma("withdraw", UNKNOWN),
        diploma("correct", UNKNOWN, correction, "--json"),
        diploma("reply", UNKNOWN, str(EXAMPLES / "replies" / "produced.json")),
        diploma("claim", UNKNOWN, "--officer", "officer-7"),
    )
    for ended in answers:
        assert (ended.code, ended.out) == (4, "")
        assert ended.err == f"there is no case {UNKNOWN}\n"


async def test_a_namespace_the_server_does_not_know_is_named(diploma: Cli) -> None:
    ended = await diploma.but(TEMPORAL_NAMESPACE="elsewhere")("list")
    assert ended.code == 3
    assert "elsewhere" in ended.err


async def test_an_application_with_faults_of_form_starts_nothing(
    diploma: Cli, client: Client
) -> None:
    file = diploma.case_file("unreadable", graduation_year="two thousand")
    ended = await diploma("submit", str(file), "--json")
    assert ended.code == 2
    assert [item["field"] for item in ended.document()["deficiencies"]] == ["graduation_year"]
    content = read_object(file)
    content.pop("simulation")
    number = control_number(content)
    with pytest.raises(cases.NoSuchCase):
        await cases.describe(client, number)


async def test_a_message_that_is_none_is_bad_input_and_changes_nothing(
    diploma: Cli, client: Client
) -> None:
    number = await diploma.submits(diploma.case_file("no-message", simulation=SLOW_HOLDER))
    await reaches(client, number, CaseStatus.IN_REVIEW)
    wrong = diploma.json_file("wrong.json", {"verdict": "perhaps", "Соколова": "Мария"})
    no_object = diploma.json_file("list.json", ["Соколова"])
    answers = await asyncio.gather(
        diploma("reply", number, str(wrong)),
        diploma("reply", number, str(wrong), "--json"),
        diploma("reply", number, str(no_object)),
        diploma("correct", number, str(wrong), "--json"),
        diploma("correct", number, str(diploma.folder / "nowhere.json")),
    )
    assert {ended.code for ended in answers} == {2}
    assert not any("Соколова" in ended.out + ended.err for ended in answers)
    assert "verdict" in answers[0].err
    assert any(fault.startswith("verdict") for fault in answers[1].document()["faults"])
    view = await cases.view(client, number)
    assert (view.status, view.parked_total) == (CaseStatus.IN_REVIEW, 0)


async def test_twenty_looks_at_a_case_end_well(diploma: Cli) -> None:
    number = await diploma.submits(diploma.case_file("looked-at", simulation=SLOW_HOLDER))
    codes = []
    for _ in range(10):
        looks = await asyncio.gather(diploma("status", number), diploma("status", number))
        codes += [ended.code for ended in looks]
    assert codes == [0] * 20, looks[0].err


async def test_the_attribute_for_the_term_holds_the_end_of_its_last_working_day(
    diploma: Cli, client: Client
) -> None:
    number = await diploma.submits(diploma.case_file("term", simulation=SLOW_HOLDER))
    await reaches(client, number, CaseStatus.IN_REVIEW)
    row = await cases.row(client, number)
    view = await cases.view(client, number)
    reviewed = next(entry.at for entry in view.timeline if entry.event == "IN_REVIEW")
    opened = reviewed.astimezone(ZoneInfo(MOSCOW)).date()
    last_day = official_calendar(opened).add_working_days(opened, 7)
    assert view.stage is not None
    assert view.stage.due_on == last_day
    assert row.stage_due_at is not None
    clock = ProcedureClock(origin=await begun_at(client, number), day_seconds=DAY_SECONDS)
    midnight = datetime.combine(last_day + timedelta(days=1), time(0), ZoneInfo(MOSCOW))
    off = clock.procedure_time(row.stage_due_at) - midnight
    assert abs(off) < timedelta(minutes=1), off


async def begun_at(client: Client, number: str) -> datetime:
    """When the case began its work; procedure time is counted from here."""
    async for event in client.get_workflow_handle(f"duplicate/{number}").fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED:
            return event.event_time.ToDatetime(UTC)
    pytest.fail("the case never began")


def personal(application: Any) -> set[str]:
    """What nobody but those entitled may read of an application, in several spellings."""
    applicant = application["applicant"]
    names = {*applicant["name"].values(), *applicant["name_on_diploma"].values()}
    passport = applicant["passport"]
    digits = re.sub(r"\D", "", applicant["snils"])
    return names | {
        applicant["email"],
        applicant["phone"],
        applicant["phone"][2:],
        applicant["snils"],
        digits,
        passport["number"],
        f"{passport['series']} {passport['number']}",
        f"{passport['series']}{passport['number']}",
    }


EVERY_FOURTH = 4


@pytest.mark.parametrize("step", [EVERY_FOURTH, pytest.param(1, marks=pytest.mark.proof, id="all")])
async def test_what_the_engine_shows_of_a_case_holds_nothing_personal(
    client: Client, stack_parts: EmbeddedStack, step: int
) -> None:
    for file in sorted(EXAMPLES.glob("*.json"))[::step]:
        application = read_object(file)
        application.pop("simulation")
        number = (await cases.submit(client, stack_parts.register, application)).control_number
        await reaches_anything(client, number)
        handle = client.get_workflow_handle(f"duplicate/{number}")
        description = await handle.describe()
        info = description.raw_description.workflow_execution_info
        shown = [handle.id, info.memo, info.search_attributes, description.raw_description]
        texts = [_clear(part) for part in shown]
        async for event in handle.fetch_history_events():
            texts += re.findall(r'activity_id: "(.*)"', str(event))
            texts.append(_clear(event.user_metadata))
        for secret in personal(application):
            assert not any(secret in text for text in texts), f"{file.stem}: a personal value"


async def reaches_anything(client: Client, number: str) -> None:
    async def begun() -> bool:
        return (await cases.view(client, number)).status is not CaseStatus.NOT_SENT

    await until(begun)


def _clear(message: Any) -> str:
    """A protocol message as text, with its Cyrillic letters readable."""
    escaped = str(message)
    return escaped + re.sub(
        r"(?:\\[0-7]{3})+",
        lambda run: bytes(int(code, 8) for code in run[0].split("\\")[1:]).decode(errors="replace"),
        escaped,
    )


async def test_ctrl_c_ends_the_looking_on_and_not_the_case(diploma: Cli, client: Client) -> None:
    file = diploma.case_file("looked-on", simulation=SLOW_HOLDER)
    process = await diploma.start("submit", str(file), "--wait")
    assert process.stdout is not None
    number = (await process.stdout.readline()).decode().split()[0]
    await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    ended = await finished(process)
    assert ended.code == 130
    assert ended.err == "No longer looking on; the case goes on.\n"
    await reaches(client, number, CaseStatus.IN_REVIEW)


async def test_waiting_shows_every_status_to_the_end_or_one_document(diploma: Cli) -> None:
    file = str(diploma.case_file("awaited", simulation=QUICK_HOLDER))
    shown, document = await asyncio.gather(
        diploma("submit", file, "--wait"), diploma("submit", file, "--wait", "--json")
    )
    assert (shown.code, document.code) == (0, 0)
    assert "ISSUED" in shown.out.splitlines()[-1]
    assert document.document()["status"] == "ISSUED"
