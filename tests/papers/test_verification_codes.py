"""The secret printed on a paper is short, says nothing, and is recognised however it is typed."""

import re

import pytest

from domain.numbers import ALPHABET
from domain.papers import is_verification_code, verification_code

KEY = b"an example of a secret"
PAPER = "7K3M-9QXT-2B4D-6/duplicate"
CODE = verification_code(PAPER, KEY)


def test_a_code_has_ten_symbols_that_nobody_misreads() -> None:
    assert re.fullmatch(f"[{ALPHABET}]{{5}}-[{ALPHABET}]{{5}}", CODE)


def test_codes_stay_what_they_are_for_printed_papers_cannot_be_changed() -> None:
    assert CODE == "906BN-YW3GT"


def test_every_paper_and_every_key_has_codes_of_its_own() -> None:
    papers = {f"7K3M-9QXT-2B4D-6/temporary_certificate/{run}" for run in range(2000)}
    assert len({verification_code(paper, KEY) for paper in papers}) == len(papers)
    assert verification_code(PAPER, KEY + b"!") != CODE


@pytest.mark.parametrize(
    "typed",
    [
        CODE,
        CODE.lower(),
        CODE.replace("-", ""),
        f" {CODE.replace('-', ' ')}\n",
        CODE.replace("0", "O").replace("1", "l"),
    ],
)
def test_a_code_is_recognised_however_it_was_typed(typed: str) -> None:
    assert is_verification_code(typed, PAPER, KEY)


@pytest.mark.parametrize(
    "typed", ["", "-", CODE[:-1], CODE + "0", CODE[::-1], "А" * 10, "\ud800", CODE * 1000]
)
def test_anything_else_is_no_code(typed: str) -> None:
    assert not is_verification_code(typed, PAPER, KEY)


def test_a_code_of_another_paper_is_no_code() -> None:
    assert not is_verification_code(CODE, PAPER + "/2", KEY)


def test_a_key_too_short_to_keep_a_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        verification_code(PAPER, b"short")
