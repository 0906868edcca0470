"""The report says what was found, and the fault table names tests that there are."""

import re
from pathlib import Path

import pytest
import report
from fault_table import ROWS, Row
from report import Outcome

TESTS = Path(__file__).resolve().parents[1]
ROW = Row("a fault", "all goes on", ("test_held", "test_told["), unit="modes")


def test_every_proof_is_a_test_there_is() -> None:
    texts = [file.read_text(encoding="utf-8") for file in TESTS.rglob("test_*.py")]
    known = {name for text in texts for name in re.findall(r"def (test_\w+)\(", text)}
    named = [proof for row in ROWS for proof in row.proofs if proof.startswith("test_")]
    assert [proof for proof in named if not any(proof.strip("[") in name for name in known)] == []


@pytest.mark.parametrize(
    ("outcomes", "figure", "holds"),
    [
        (
            {"test_held": Outcome(figures={"points": (7, 7)}), "test_told[a]": Outcome()},
            "7/7 points, 1/1 modes",
            True,
        ),
        (
            {"test_held": Outcome(figures={"points": (6, 7)}), "test_told[a]": Outcome()},
            "**6/7 points, 1/1 modes**",
            False,
        ),
        (
            {
                "test_held": Outcome(passed=False, figures={"points": (7, 7)}),
                "test_told[a]": Outcome(passed=False),
            },
            "**7/7 points, 0/2 modes**",
            False,
        ),
        ({"test_held": Outcome()}, "**1/1 modes, 1 not run**", False),
        ({}, "**2 not run**", False),
    ],
)
def test_a_row_says_how_many_held_of_how_many(
    outcomes: report.Outcomes, figure: str, holds: bool
) -> None:
    assert report.figure(ROW, outcomes) == figure
    assert report.holds(ROW, outcomes) is holds
