"""The command `diploma`: for ops staff, starter scripts and newcomers."""

import errno
import sys
from contextlib import suppress
from importlib import metadata
from typing import Annotated

import typer
from temporalio.service import RPCError

from activities.ports import TemporaryFailure
from domain.numbers import BadControlNumber
from starters import cases, display
from starters.commands import applicant, bulk, calendar, holders, register, service, staff
from starters.console import BAD_INPUT, FAILED, INTERRUPTED, NO_SUCH_CASE, UNREACHABLE, Stop
from starters.files import BadFile
from workers import temporal

app = typer.Typer(
    name="diploma",
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


for part in (applicant, bulk, staff, service):
    app.add_typer(part.app)
app.add_typer(holders.app, name="holders")
app.add_typer(register.app, name="register")
app.add_typer(calendar.app, name="calendar")


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
    """The exit code and the one line for an error that ends a command."""
    from adapters.mail_rendering import BadTemplate  # noqa: PLC0415
    from adapters.profiles import BadProfile  # noqa: PLC0415
    from adapters.register.errors import BadRegister  # noqa: PLC0415
    from starters.server import CannotStart  # noqa: PLC0415
    from workers.settings import BadSettings  # noqa: PLC0415

    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        command = context.command_path if context else app.info.name
        if error.format_message():  # empty when the command alone was given: help was shown
            complain(f"{error.format_message().rstrip('.')}. See `{command} --help`.")
        return BAD_INPUT
    bad_input = (BadFile, BadControlNumber, BadSettings, BadProfile, BadTemplate, BadRegister)
    known = (*bad_input, temporal.Unreachable, cases.TurnedDown, cases.NoWorker, CannotStart)
    if isinstance(error, bad_input):
        code = BAD_INPUT
    elif isinstance(error, temporal.Unreachable | RPCError):
        code = UNREACHABLE
    elif isinstance(error, cases.NoSuchCase):
        code = NO_SUCH_CASE
    else:
        code = FAILED
    if isinstance(error, cases.NoSuchCase):
        text = f"there is no case {error}"
    elif isinstance(error, RPCError):
        text = f"the Temporal server did not answer: {error.status.name}"
    elif isinstance(error, TemporaryFailure):
        text = f"{error}; try again"
    elif isinstance(error, known):
        text = str(error)
    elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
        text = "no space left to write the output"
    else:
        text = f"unexpected {type(error).__name__}; please report it with the command you gave"
    complain(text)
    return code
