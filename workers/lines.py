"""What a line of the log may hold: it is made anew from what cannot be personal (R13).

Nothing is taken over from a record as it is. A text is shown as far as it stands, as a constant,
in the code that is logging; a field if its name and its form are listed here; an exception as its
type and place. What is not listed is dropped, and its name told if that is such a constant, too.
"""

import inspect
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from traceback import walk_tb
from types import CodeType
from typing import Any

from domain.numbers import BadControlNumber, parse_control_number

Line = dict[str, object]
Form = Callable[[object], bool]

UNSHOWN = "(a text that is not shown)"
SAID_ELSEWHERE = frozenset(
    {
        "Task exception was never retrieved",
        "Task was destroyed but it is pending!",
        "Future exception was never retrieved",
        "Activity heartbeat failed.",
        "Activity not found on completion.",
        "Error reporting WFT to server",
        "Error while auto-failing workflow task",
        "Error while completing workflow activation",
        "Error while polling for workflow tasks",
        "Failing workflow task",
        "Network error while completing activity",
        "Network error while sending worker heartbeat",
        "Query not found when attempting to respond to it",
        "Task not found when completing",
        "Waiting for all slot permits to release took too long!",
        "gRPC call ",
    }
)
"""Constants of code that is no Python, asyncio's and that of the engine's core."""
MOST_ERRORS = 8
"""Shown of a chain of exceptions, or of a group."""
BELOW = 100_000
"""No number that large is shown: the number of a passport has six digits, a SNILS eleven."""


def _number(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < BELOW


def _shaped(pattern: str) -> Form:
    return lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value))


def _is_control_number(value: object) -> bool:
    try:
        return parse_control_number(str(value)) == value
    except BadControlNumber:
        return False


_WORD = _shaped(r"[A-Za-z_]{1,40}")

FIELDS: Mapping[str, Form] = {
    "control_number": _is_control_number,  # of the case
    "run": _shaped(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),  # the engine's, of the case
    "step": _WORD,  # the activity
    "attempt": _number,  # of the step, from 1
    "happened": _WORD,  # the event of the timeline, a status for one
    "part": _shaped(r"[a-z ]{1,40}"),  # of a step: "register", "document store", "mail"
    "failure": _WORD,  # the type of an exception
    "place": _shaped(r"[\w<>.:]{1,120}"),  # in the code
    "task_queue": _shaped(r"[a-z-]{1,40}"),
    "at_most_seconds": _number,
    "times": _number,  # it has happened since it was told last
}
"""Each field there is, and the form its values have; as enum members, constants and counts make
them. Which values a call passes is checked where it is written, by the tests."""


def line_of(record: logging.LogRecord) -> Line:
    """The line for a record; to be asked for while the code that is logging waits for it."""
    constants = SAID_ELSEWHERE.union(_constants_in_use())
    text = _text(record.msg, constants)
    line: Line = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        "level": record.levelname.lower(),
        "logger": _logger(record),
        "event": text,
    }
    if text != record.msg:
        line["place"] = _place(record)
    line |= {name: value for name, value in _of_engine(record) if FIELDS[name](value)}
    given = {name: value for name, value in vars(record).items() if _is_field(name)}
    listed = {name for name, value in given.items() if name in FIELDS and FIELDS[name](value)}
    line |= {name: value for name, value in given.items() if name in listed}
    if dropped := given.keys() - listed:
        line["dropped"] = sorted(name if name in constants else "?" for name in dropped)
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if error is not None:
        line["exception"] = described(error)
    return line


def described(error: BaseException) -> str:
    """Types and places of an exception and of those it came from; a text may hold anything."""
    return " <- ".join(map(_type_and_place, islice(_chain(error), MOST_ERRORS)))


class LineFormatter(logging.Formatter):
    """Renders lines; no formatter of the library's would keep an exception's text back."""

    def __init__(self, render: Callable[[Line], str]) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        """One line for a record."""
        return self._render(line_of(record))


def plain(line: Line) -> str:
    """A line as it is shown before anybody has said where the log goes."""
    rest = {name: line[name] for name in line if name not in {"timestamp", "level", "event"}}
    said = "; ".join(f"{name}: {value}" for name, value in rest.items())
    return f"{line['level']}: {line['event']}; {said}"


def _logger(record: logging.LogRecord) -> str:
    """The logger's name, when it is called after us or a package, else the module that spoke."""
    package = record.name.partition(".")[0]
    known = package == "diploma" or package in sys.modules
    return _as_name(record.name if known else record.module)


def _text(text: object, constants: AbstractSet[str]) -> str:
    """What is said, never with its arguments; an f-string up to its first value."""
    if not isinstance(text, str):
        return UNSHOWN
    if text in constants:
        return text
    phrases = [said for said in constants if " " in said.strip() and text.startswith(said)]
    return f"{max(phrases, key=len).strip()} ..." if phrases else UNSHOWN


def _constants_in_use() -> Iterator[str]:
    """Texts that stand in the functions being executed, from here to the one that logs and up."""
    frame = inspect.currentframe()
    while frame is not None:
        for constant in frame.f_code.co_consts:
            # Names of arguments and keys stand there in tuples.
            several = constant if isinstance(constant, tuple) else (constant,)
            yield from (text for text in several if isinstance(text, str))
        frame = frame.f_back


def _is_field(name: str) -> bool:
    """True for what a call has added to the record; the engine adds details of its own."""
    return name not in _OF_EVERY_RECORD and not name.lstrip("_").startswith("temporal_")


_OF_EVERY_RECORD = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})


def _of_engine(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    """Of the engine's details: the control number, the step and the attempt; of core's, the run."""
    for key in ("temporal_workflow", "temporal_activity"):
        details = getattr(record, key, None)
        if isinstance(details, Mapping):
            yield "control_number", str(details.get("workflow_id")).rpartition("/")[2]
            yield "step", details.get("activity_type")
            yield "attempt", details.get("attempt") if "activity_type" in details else None
    core = getattr(record, "temporal_log", None)
    with suppress(Exception):  # the fields come from another language
        yield "run", core.fields.get("run_id") if core else None


def _place(record: logging.LogRecord) -> str:
    """Where it was said: module and line, or the part of the engine's core."""
    core = getattr(record, "temporal_log", None)
    return _as_name(core.target if core else f"{record.module}:{record.lineno}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        hidden = current.__suppress_context__
        current = current.__cause__ or (None if hidden else current.__context__)


def _type_and_place(error: BaseException) -> str:
    last: tuple[CodeType, int] | None = None
    for frame, number in walk_tb(error.__traceback__):
        last = frame.f_code, number
    said = _as_name(type(error).__name__)
    if last is not None:
        code, number = last
        said += f" at {_as_name(code.co_name)} ({_as_name(Path(code.co_filename).stem)}:{number})"
    if isinstance(error, BaseExceptionGroup):
        said += f" of [{', '.join(map(described, error.exceptions[:MOST_ERRORS]))}]"
    return said


def _as_name(name: str) -> str:
    """A name from code, which has no other letters and is no longer."""
    return re.sub(r"[^A-Za-z0-9_.:<>-]", "?", name)[:120]
