"""A scan read from disk: regular files only, and no more of them than a scan may have."""

import os
import stat
from pathlib import Path

from domain.scan_faults import ScanFault
from domain.scans import ScanLimits


class UnusableFile(Exception):
    """No scan can be read from there; the text, for operators, does not name the file."""

    def __init__(self, fault: ScanFault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail


def read_scan(path: Path, limits: ScanLimits | None = None) -> bytes:
    """The content of a file.

    Neither a link is followed nor a pipe waited for. Folders above may be links.

    Raises:
        UnusableFile: It is missing, may not be read, is no regular file or too large.
    """
    most = (limits or ScanLimits()).size_bytes
    try:
        # What is opened is what is looked at: nobody can swap it in between.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise UnusableFile(ScanFault.NOT_A_FILE, "this is no regular file")
            content = b"" if found.st_size > most else file.read(most + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not usable"
        raise UnusableFile(ScanFault.NOT_A_FILE, f"cannot be opened: {reason}") from None
    if found.st_size > most or len(content) > most:
        raise UnusableFile(ScanFault.TOO_LARGE, f"the file has more than {most} bytes")
    return content
