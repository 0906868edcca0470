"""Reading JSON files that people and portals hand in, without ever showing a traceback."""

import json
import math
import stat
from pathlib import Path
from typing import Any

from domain.base import JsonObject

MAX_BYTES = 1024 * 1024
"""An application is a few kilobytes; scans travel beside it."""
MAX_DIGITS = 300
"""Of a whole number; the interpreter's own limit speaks to programmers."""
MAX_NAME = 60
JSON_NAMES = {
    "list": "an array",
    "str": "a text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "NoneType": "null",
}


class BadFile(Exception):
    """A file that cannot be read as one JSON object; the text says why and what to do."""


def read_object(file: Path) -> JsonObject:
    """The JSON object in a file.

    Raises:
        BadFile: Not a readable regular file, too large, not UTF-8, not JSON or not an object.
    """
    content, name = read_bytes(file), shown(file)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(f"{name}: not UTF-8 (byte {error.start}); save the file as UTF-8") from None
    if not text.strip():
        raise BadFile(f"{name}: the file is empty; one JSON object is needed")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_without_repetition,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise BadFile(
            f"{name}: not JSON at line {error.lineno}, column {error.colno}; mend it there"
        ) from None
    except RecursionError:
        raise BadFile(f"{name}: nested too deeply to be an application") from None
    except UnicodeEncodeError:
        raise BadFile(f"{name}: holds half of a surrogate pair; type the text anew") from None
    except ValueError as error:
        raise BadFile(f"{name}: {error}") from None
    if not isinstance(value, dict):
        found = JSON_NAMES[type(value).__name__]
        raise BadFile(f"{name}: holds {found}; one JSON object is needed, in {{ }}")
    return value


def read_bytes(file: Path) -> bytes:
    """The content of a file.

    Raises:
        BadFile: Not a readable regular file, or too large.
    """
    name = shown(file)
    try:
        kind = file.stat().st_mode
        if not stat.S_ISREG(kind):
            raise BadFile(f"{name}: not a regular file; name the JSON file itself")
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise BadFile(f"{name}: there is no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not usable"
        raise BadFile(f"{name}: cannot be read ({reason})") from None
    if len(content) > MAX_BYTES:
        raise BadFile(f"{name}: larger than 1 MiB; an application has no room for scans")
    return content


def shown(file: Path) -> str:
    """The name of a file as it may stand in a message: one line, no control characters."""
    name = file.name or str(file)
    plain = "".join(symbol if symbol.isprintable() else "?" for symbol in name)
    return plain if len(plain) <= MAX_NAME else f"{plain[:MAX_NAME]}..."


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one object; keep one of them")
    return result


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number; write a number or null")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError("a number is too large")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number
