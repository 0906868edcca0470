"""The command `diploma`: for ops staff, starter scripts and newcomers."""

import errno
import sys
from contextlib import suppress
from importlib import metadata
from typing import Annotated

import typer

from domain.numbers import BadControlNumber
from starters import display
from starters.commands import Commands
from starters.console import BAD_INPUT, FAILED, INTERRUPTED, NO_SUCH_CASE, UNREACHABLE, Stop
from starters.files import BadFile

app = typer.Typer(
    name="diploma",
    cls=Commands,
    help="Duplicate diplomas: submit requests, watch them, answer for holders.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def diploma(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Duplicate diplomas: submit requests, watch them, answer for holders."""
    if version:
        display.out.print(metadata.version("diploma-duplicates"), markup=False)
        raise typer.Exit


def main() -> int:
    """Run a command and say how it ended; no traceback ever reaches a person."""
    try:
        code = app(prog_name=app.info.name, standalone_mode=False)
        if sys.stdout is not None:  # as it is when the caller closed it
            sys.stdout.flush()
    except Stop as stop:
        if str(stop):
            complain(str(stop))
        return stop.code
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # rich and typer exit when the reader is gone
        return 0
    except Exception as error:  # noqa: BLE001 - the last place where a person can be spared
        return explain(error)
    return code if isinstance(code, int) else 0  # typer returns 130 for Ctrl-C


def complain(text: str) -> None:
    """One line on stderr, as long as it is; nothing when nobody can read it."""
    with suppress(OSError):
        display.err.print(text, markup=False, soft_wrap=True)


def explain(error: Exception) -> int:
    """Say in one line what ended a command; returns the exit code."""
    code, text = _meaning(error)
    if text:
        complain(text)
    return code


def _meaning(error: Exception) -> tuple[int, str]:
    """The exit code and the line for an error; no line where enough was said already."""
    from temporalio.service import RPCError  # noqa: PLC0415

    from activities.ports import TemporaryFailure  # noqa: PLC0415
    from adapters.access_log import BadAccessLog  # noqa: PLC0415
    from adapters.blobs import BadBlobStore  # noqa: PLC0415
    from adapters.mail_rendering import BadTemplate  # noqa: PLC0415
    from adapters.profiles import BadProfile  # noqa: PLC0415
    from adapters.register.errors import BadRegister  # noqa: PLC0415
    from adapters.sealing.errors import BadKeys, KeyDestroyed  # noqa: PLC0415
    from starters import cases  # noqa: PLC0415
    from starters.server import CannotStart  # noqa: PLC0415
    from workers import temporal  # noqa: PLC0415
    from workers.settings import BadSettings  # noqa: PLC0415

    match error:
        case typer.TyperException():
            return BAD_INPUT, _usage(error)
        case BadFile() | BadControlNumber() | BadSettings() | BadProfile() | BadTemplate():
            return BAD_INPUT, str(error)
        case (
            BadRegister()
            | BadBlobStore()
            | BadKeys()
            | BadAccessLog()
            | temporal.InsecureConnection()
        ):
            return BAD_INPUT, str(error)
        case temporal.Unreachable():
            return UNREACHABLE, str(error)
        case RPCError():
            return UNREACHABLE, f"the Temporal server did not answer: {error.status.name}"
        case cases.NoSuchCase():
            return NO_SUCH_CASE, f"there is no case {error}"
        case TemporaryFailure():
            return FAILED, f"{error}; try again"
        case cases.TurnedDown() | cases.NoWorker() | CannotStart() | KeyDestroyed():
            return FAILED, str(error)
        case OSError() if error.errno == errno.ENOSPC:
            return FAILED, "no space left to write the output"
    name = type(error).__name__
    return FAILED, f"unexpected {name}; please report it with the command you gave"


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the way a command was given; nothing when its help was shown instead."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else app.info.name
    said = error.format_message().rstrip(".")
    return f"{said}. See `{command} --help`." if said else ""
