"""Files that hold secrets: for their owner's eyes only, whole or not there at all."""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


def write_once(file: Path, content: bytes) -> None:
    """Write a file nobody else may read, whole or not at all; the first of several wins.

    Once this returns, a power cut does not matter.

    Raises:
        OSError: The file cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=file.parent) as draft:  # has mode 0600 from the beginning
        draft.write(content)
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):
            os.link(draft.name, file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
