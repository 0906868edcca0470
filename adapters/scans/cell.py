"""The process a scan is checked in, `python -I -m adapters.scans.cell`; `checking` starts it.

It reads one line of JSON and the scan, and writes one line of JSON and the cleaned scan. Before
it looks at the scan it gives up whatever it will not need, so that a decoder taken over by a
hostile file can open no file and no connection, start nothing, and fill neither disk nor memory.
"""

import ctypes
import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

from adapters.scans.refusal import Refused

_NOBODY = 65534
_NO_NEW_PRIVILEGES = 38
"""Of prctl(2): no program started from here on could have more rights than this one."""


def main() -> None:
    """Check one scan; killed by the system when it takes more than it may."""
    order = json.loads(sys.stdin.buffer.readline())
    check = _check_of(order["media_type"])
    _give_up_rights(order["seconds"], order["memory_bytes"])
    answer, cleaned = _judged(check, sys.stdin.buffer.read(), order["options"])
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + cleaned)
    sys.stdout.buffer.flush()
    os._exit(0)


def _check_of(media_type: str) -> Callable[..., Any]:
    """The check of one type; all it will ever import is imported now, and nothing else."""
    if media_type == "application/pdf":
        from adapters.scans.pdf import check_pdf  # noqa: PLC0415

        return check_pdf
    from adapters.scans import images  # noqa: PLC0415

    return images.check_png if media_type == "image/png" else images.check_jpeg


def _give_up_rights(seconds: int, memory_bytes: int) -> None:
    ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    for kind, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),  # what is open stays open: the two pipes
    ):
        resource.setrlimit(kind, (most, most))


def _judged(
    check: Callable[..., Any], scan: bytes, options: dict[str, int]
) -> tuple[dict[str, Any], bytes]:
    try:
        cleaned = check(scan, **options)
    except Refused as refused:
        return {"fault": refused.fault, "detail": refused.detail}, b""
    return {"pages": cleaned.pages}, cleaned.content


if __name__ == "__main__":
    main()
