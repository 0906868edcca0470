"""The demo, as a newcomer starts it, only with shorter days."""

from terminal import EXAMPLES, Cli


async def test_every_example_ends_as_its_file_expects(lonely: Cli) -> None:
    ended = await lonely("demo", "--json", "--day-seconds", "0.2")
    assert ended.code == 0, ended.err
    report = ended.document()
    assert len(report["cases"]) == len(list(EXAMPLES.glob("*.json")))
    outcomes = {"ISSUED", "WITHDRAWN", "CLOSED", "SUBSTITUTE_ISSUED"}
    assert {case["outcome"] for case in report["cases"]} == outcomes
    routes = {"institution", "successor", "archive", "liquidated"}
    assert {case["route"] for case in report["cases"]} == routes
    assert all(case["outcome"] == case["expected"] for case in report["cases"])
    assert all(case["mails_sent"] > 0 for case in report["cases"])
    assert len(list((lonely.folder / report["mails_folder"]).glob("*.eml"))) >= 14
