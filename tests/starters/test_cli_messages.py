"""Messages typed with Temporal's own command, as staff do in the UI: applied or parked."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from helpers import until
from temporalio.client import Client
from terminal import EXAMPLES, Cli

from adapters.codec_tokens import new_token
from domain.statuses import CaseStatus
from starters import cases
from starters.codec_site import codec_site
from starters.server import HOST, free_ports
from starters.stack import EmbeddedStack

NEVER_MIND = {"verification": [{"after_days": 200}]}
PASSPORT = "4509 718243"
BAD_MESSAGES: tuple[tuple[str, ...], ...] = (
    (),
    ("--input", json.dumps([1, PASSPORT])),
    ("--input", "{}", "--input", "{}"),
    ("--input", "null"),
    ("--input", json.dumps(PASSPORT)),
    ("--input", '{"changes": 5}'),
    ("--input", json.dumps({"changes": {}, PASSPORT: True})),
)


@pytest.fixture(scope="module")
async def sealing(
    stack_parts: EmbeddedStack,
    client: Client,  # noqa: ARG001 - the stack is up
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[str, str]]:
    """Options with which the engine's own command seals what is typed."""
    (port,), token = free_ports(1), new_token()
    access_log = tmp_path_factory.mktemp("codec") / "access.log"
    settings = stack_parts.settings().model_copy(update={"access_log": access_log})
    async with codec_site(settings, stack_parts.keys, HOST, port, token):
        yield "--codec-endpoint", f"http://{HOST}:{port}/as/{token}"


async def describe(diploma: Cli, number: str) -> Any:
    ended = await diploma.temporal(
        "workflow", "describe", "--workflow-id", f"duplicate/{number}", "--output", "json"
    )
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


async def signals(diploma: Cli, number: str, name: str, *arguments: str) -> None:
    ended = await diploma.temporal(
        *("workflow", "signal", "--workflow-id", f"duplicate/{number}", "--name", name),
        *arguments,
    )
    assert ended.code == 0, ended.err


async def found(diploma: Cli, query: str) -> set[str]:
    ended = await diploma.temporal(
        "workflow", "list", "--query", query, "--output", "json", "--limit", "100"
    )
    assert ended.code == 0, ended.err
    return {item["execution"]["workflowId"] for item in json.loads(ended.out)}


async def test_a_refused_case_is_found_and_corrected_by_hand(
    diploma: Cli, client: Client, sealing: tuple[str, str]
) -> None:
    number = await diploma.submits(diploma.case_file("typed", example="3-wrong-name"))
    query = f'CaseStatus = "REFUSED" AND WorkflowId = "duplicate/{number}"'

    async def is_found() -> bool:
        return await found(diploma, query) == {f"duplicate/{number}"}

    await until(is_found)
    reasons = f'{query} AND RefusalReasons = "NAME_MISMATCH"'
    assert await found(diploma, reasons) == {f"duplicate/{number}"}
    correction = EXAMPLES / "corrections" / "wrong-name-1.json"
    typed = ("--input", correction.read_text(encoding="utf-8"))
    await signals(diploma, number, "correction_submitted", *typed, *sealing)

    async def goes_on() -> bool:
        view = await cases.view(client, number)
        return view.status is CaseStatus.IN_REVIEW and view.check_round == 2

    await until(goes_on)


async def test_what_nobody_can_read_is_parked_and_the_case_stays_healthy(
    diploma: Cli, client: Client, sealing: tuple[str, str]
) -> None:
    number = await diploma.submits(diploma.case_file("mistyped", simulation=NEVER_MIND))

    async def in_review() -> bool:
        return (await cases.view(client, number)).status is CaseStatus.IN_REVIEW

    await until(in_review)
    good = ("--input", json.dumps({"verdict": "confirmed"}))
    await asyncio.gather(
        *(signals(diploma, number, "correction_submitted", *bad, *sealing) for bad in BAD_MESSAGES),
        signals(diploma, number, "correction_submited", "--input", "{}", *sealing),
        signals(diploma, number, "payment_received", "--input", '{"amount": -1}', *sealing),
        signals(diploma, number, "production_finished", "--input", json.dumps(PRODUCED), *sealing),
        signals(diploma, number, "holder_replied", *good),  # in clear, so it counts for nothing
    )
    expected = len(BAD_MESSAGES) + 4

    async def all_parked() -> bool:
        return (await cases.view(client, number)).parked_total == expected

    await until(all_parked)
    description = await describe(diploma, number)
    assert description["workflowExecutionInfo"]["status"] == "WORKFLOW_EXECUTION_STATUS_RUNNING"
    assert int(description.get("pendingWorkflowTask", {}).get("attempt", 1)) == 1
    shown = await diploma("status", number, "--json")
    parked = shown.document()["parked"]
    assert [item["message"] for item in parked].count("correction_submitted") == len(BAD_MESSAGES)
    assert {item["message"] for item in parked} == {
        "correction_submitted",
        "correction_submited",
        "payment_received",
        "production_finished",
        "holder_replied",
    }
    assert all(item["reason"] for item in parked)
    assert PASSPORT not in shown.out
    people = await diploma("status", number)
    assert "correction_submited" in people.out


PRODUCED = {
    "series": "77 НН",
    "number": "0012345",
    "registration_number": "1-2026",
    "issued_on": "2026-05-20",
}
