"""Locks between processes, which are gone with whoever held them."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from activities.ports import TemporaryFailure

_WAIT_SECONDS = 5.0
"""How long anybody waits for another's write; ours take milliseconds."""
_LOOK_EVERY = 0.002


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Be the only one, of threads and processes, who writes in a folder with this lock.

    The folder is locked and not a file in it, which may be replaced meanwhile.

    Raises:
        TemporaryFailure: Another held it for too long.
        OSError: There is no such folder.
    """
    held = os.open(folder, os.O_RDONLY)
    try:
        _lock(held)
        yield
    finally:
        os.close(held)


@contextmanager
def claimed(file: Path) -> Iterator[None]:
    """Have a lock file to oneself, or none of it.

    Raises:
        BlockingIOError: Another has it.
        OSError: It cannot be opened.
    """
    held = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(held)


def _lock(held: int) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            return fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TemporaryFailure("another process holds a lock for too long") from None
        time.sleep(_LOOK_EVERY)
