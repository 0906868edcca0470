"""The samples of scripts/make_scans.py, each made once for all tests of a process."""

import random
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

import make_scans
from make_scans import Sample

__all__ = ["KINDS", "Sample", "a_hostile", "hostile", "make_scans", "ordinary"]

KINDS = [make.__name__ for make in make_scans.ORDINARY]
"""Of ordinary scans."""


@cache
def ordinary(kind: str) -> Sample:
    """An ordinary scan of a kind."""
    return make_scans.ORDINARY[KINDS.index(kind)](random.Random("tests"))


def hostile(code: str) -> Iterator[Sample]:
    """The hostile or hopeless scans that are refused with a code, made one by one."""
    files = (file for make in make_scans.HOSTILE[code] for file in make())
    return (Sample(name, content, code) for name, content in files)


@cache
def a_hostile(code: str) -> Sample:
    """One of them."""
    return next(hostile(code))
