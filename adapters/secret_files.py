"""Files that hold secrets: for their owner's eyes only, whole or not there at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


def write_once(file: Path, content: bytes) -> None:
    """Write a file; the first of several wins. Once this returns, a power cut does not matter.

    Raises:
        OSError: The file cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with _draft(file, content) as draft, suppress(FileExistsError):
        os.link(draft, file)


def replace(file: Path, content: bytes) -> None:
    """Write a file in the place of the one that is there; a power cut leaves either of them.

    Raises:
        OSError: The file cannot be written.
    """
    with _draft(file, content) as draft:
        draft.rename(file)


@contextmanager
def _draft(file: Path, content: bytes) -> Iterator[Path]:
    """The content in a file beside its place, gone afterwards unless it was moved there."""
    with NamedTemporaryFile(dir=file.parent, delete=False) as draft:  # of mode 0600 from the start
        draft.write(content)
        draft.flush()
        os.fsync(draft.fileno())
    written = Path(draft.name)
    try:
        yield written
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        written.unlink(missing_ok=True)
