"""Reading JSON files that people and portals hand in, without ever showing a traceback."""

import json
import math
import stat
from pathlib import Path
from typing import Any

from domain.base import JsonObject

MAX_BYTES = 1024 * 1024
"""An application is a few kilobytes; scans travel beside it."""


class BadFile(Exception):
    """A file that cannot be read as one JSON object; the text says why and what to do."""


def read_object(file: Path) -> JsonObject:
    """The JSON object in a file.

    Raises:
        BadFile: Not a readable regular file, too large, not UTF-8, not JSON or not an object.
    """
    content = _content(file)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(
            f"{file.name}: not UTF-8 (byte {error.start}); save the file as UTF-8"
        ) from None
    if not text.strip():
        raise BadFile(f"{file.name}: the file is empty")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_without_repetition,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise BadFile(
            f"{file.name}: not JSON at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise BadFile(f"{file.name}: nested too deeply to be an application") from None
    except UnicodeEncodeError:
        raise BadFile(f"{file.name}: holds half of a surrogate pair; type the text anew") from None
    except ValueError as error:
        raise BadFile(f"{file.name}: {error}") from None
    if not isinstance(value, dict):
        raise BadFile(f"{file.name}: holds a {type(value).__name__}; one JSON object is needed")
    return value


def _content(file: Path) -> bytes:
    try:
        kind = file.stat().st_mode
        if not stat.S_ISREG(kind):
            raise BadFile(f"{file.name}: not a regular file")
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise BadFile(f"{file.name}: there is no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not usable"
        raise BadFile(f"{file.name[:60]!r}: cannot be read ({reason})") from None
    if len(content) > MAX_BYTES:
        raise BadFile(f"{file.name}: larger than 1 MiB; an application has no room for scans")
    return content


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one object; keep one of them")
    return result


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number; write a number or null")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number
