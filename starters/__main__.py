"""Entry point of the command `diploma`."""

import gc
import os
import sys
import warnings
from contextlib import suppress

YOUNG_OBJECTS = 10_000
"""After so many new objects garbage is looked for; a case that is told to a worker anew makes a
thousand, and Python's own 700 cost an eighth of that."""


def main() -> None:
    """Run the command line and end the process with its exit code.

    The SDK's runtime may crash a process that has done its work, while the interpreter takes
    itself apart (134 or 139 instead of the exit code). So nothing is left to take apart.
    """
    gc.set_threshold(YOUNG_OBJECTS)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # they name our files, not what the person could do
    from workers import crashes  # noqa: PLC0415 - imports are part of what may fail

    crashes.install()
    from starters.cli import main as run  # noqa: PLC0415 - likewise

    code = run()
    for stream in filter(None, (sys.stdout, sys.stderr)):  # a caller may have closed one
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
