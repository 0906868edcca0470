"""Reads a paper as others do: programs that are not ours, where they are installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

POINTS_PER_MM = 72 / 25.4


def needs(program: str, package: str) -> pytest.MarkDecorator:
    """Skip, and say so, where a program of others is not installed."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} needs {package}")


def output_of(program: str, *arguments: str, pdf: bytes, folder: Path) -> str:
    """What a program says of a file; the test fails when the program does."""
    file = folder / "paper.pdf"
    file.write_bytes(pdf)
    command = [program, *(str(file) if word == "FILE" else word for word in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def solid(text: str) -> str:
    """Text without anything that only breaks its lines."""
    return re.sub(r"[\s\u00ad]", "", text)
