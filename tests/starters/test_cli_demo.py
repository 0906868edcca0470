"""The demo, as a newcomer starts it."""

import asyncio

import pytest
from terminal import EXAMPLES, Cli, finished

AT_MOST = 60
"""Seconds, as is promised to newcomers."""


@pytest.mark.proof  # beside other tests its days are too short for a busy machine
@pytest.mark.timeout(AT_MOST + 15)
async def test_every_example_ends_as_its_file_expects(lonely: Cli) -> None:
    async with asyncio.timeout(AT_MOST):
        ended = await finished(await lonely.start("demo", "--json"))
    assert ended.code == 0, ended.err
    report = ended.document()
    assert len(report["cases"]) == len(list(EXAMPLES.glob("*.json")))
    outcomes = {"ISSUED", "WITHDRAWN", "CLOSED", "SUBSTITUTE_ISSUED"}
    assert {case["outcome"] for case in report["cases"]} == outcomes
    routes = {"institution", "successor", "archive", "liquidated"}
    assert {case["route"] for case in report["cases"]} == routes
    assert all(case["outcome"] == case["expected"] for case in report["cases"])
    besides = {case["example"]: set(case["remarks"]) for case in report["cases"]}
    assert "confirmed by code" in besides["15-by-code"]
    assert {"delivered by post", "temporary certificate annulled"} <= besides["16-parcel"]
    assert {"parcel came back", "collected"} <= besides["17-parcel-returned"]
    assert "sent as a file" in besides["18-electronic"]
    assert "2 invoices" in besides["19-two-invoices"]
    assert {"paid 1500 online", "refunded 1500"} <= besides["20-refunded"]
    assert all(case["mails_sent"] > 0 for case in report["cases"])
    assert len(list((lonely.folder / report["mails_folder"]).glob("*.eml"))) >= 14
