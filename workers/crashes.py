"""Whatever ends or warns unforeseen leaves one line with types and places (R13).

Python would write texts and values to stderr. All of its last resorts are led to the log, whose
lines are made anew; asyncio's goes there by itself.
"""

import faulthandler
import logging
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

from workers.lines import LineFormatter, plain

_LOG = logging.getLogger("diploma.crash")


def install() -> None:
    """Take over what Python says on stderr by itself; first of all that a process does."""
    sys.excepthook = _ended
    threading.excepthook = _thread_ended
    sys.unraisablehook = _ignored
    warnings.showwarning = _warned
    # It would write the record, arguments and all, when a line cannot be written.
    logging.raiseExceptions = False
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter(plain))
    logging.getLogger().handlers = [handler]
    with suppress(AttributeError, OSError, RuntimeError, ValueError):  # a closed stderr
        faulthandler.enable()


def _ended(
    _kind: type[BaseException], error: BaseException, _traceback: TracebackType | None
) -> None:
    _LOG.critical("the process has crashed", exc_info=error)


def _thread_ended(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_type is not SystemExit:
        _LOG.critical("a thread has crashed", exc_info=crash.exc_value)


def _ignored(crash: "sys.UnraisableHookArgs") -> None:
    _LOG.error("an exception nobody could catch", exc_info=crash.exc_value)


def _warned(
    message: Warning | str,  # noqa: ARG001 - never shown
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - warnings go where the log goes
    line: str | None = None,  # noqa: ARG001
) -> None:
    place = f"{Path(filename).stem}:{lineno}"
    _LOG.warning("a warning", extra={"failure": category.__name__, "place": place})
