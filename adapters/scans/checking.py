"""A scan checked and cleaned without letting it near this process (R2)."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from pydantic import Field, ValidationError

from adapters.scans import jpeg, png
from adapters.scans.refusal import Refused
from domain.base import Frozen
from domain.scan_faults import ScanFault
from domain.scans import MEDIA_TYPES, MediaType, ScanLimits, ScanVerdict, extension

_BEGINNINGS = {MediaType.PDF: b"%PDF-", MediaType.JPEG: jpeg.MAGIC, MediaType.PNG: png.MAGIC}
_HEAD_BYTES = 1024
"""Programs look for the beginning of a PDF as far as here."""
_GROWTH = 3
"""Times a cleaned scan may be larger; a picture turned upright is a little."""
_COMMAND = (sys.executable, "-I", "-m", "adapters.scans.cell")


class CheckedScan(Frozen):
    """A verdict, and what is to be stored when it is a good one."""

    verdict: ScanVerdict
    cleaned: bytes | None = Field(default=None, repr=False)


class _Answer(Frozen):
    """What the checking process says."""

    fault: ScanFault | None = None
    detail: str = ""
    pages: int = 0


def check_scan(
    content: bytes, name: str, *, limits: ScanLimits | None = None, pdf_only: bool = False
) -> CheckedScan:
    """Check a scan and take away all but its picture; blocks, ordinarily for half a second.

    Decoding is left to a process of its own, see `cell`: a hostile file may kill it or take it
    over, and does no other harm.

    Args:
        content: As it came in.
        name: As the applicant calls the file; only its extension matters.
        limits: Other ones than usual.
        pdf_only: True on the archive route, which takes nothing else (R2).

    Raises:
        OSError: No process can be started; this machine is at fault, not the scan.
    """
    limits = limits or ScanLimits()
    media_type = MEDIA_TYPES.get(extension(name))
    try:
        wanted = _wanted(content, media_type, limits, pdf_only=pdf_only)
        pages, cleaned = _decoded(content, wanted, limits)
    except Refused as refused:
        return CheckedScan(
            verdict=ScanVerdict(
                fault=refused.fault,
                media_type=media_type,
                size_bytes=len(content),
                detail=refused.detail,
            )
        )
    verdict = ScanVerdict(
        media_type=media_type,
        sha256=hashlib.sha256(cleaned).hexdigest(),
        size_bytes=len(cleaned),
        pages=pages,
    )
    return CheckedScan(verdict=verdict, cleaned=cleaned)


def _wanted(
    content: bytes, media_type: MediaType | None, limits: ScanLimits, *, pdf_only: bool
) -> MediaType:
    """The type of a scan; refused when that can be seen without decoding anything."""
    if media_type is None or (pdf_only and media_type is not MediaType.PDF):
        raise Refused(ScanFault.TYPE_NOT_ALLOWED, "its name is of a type that is not taken")
    if not content:
        raise Refused(ScanFault.EMPTY, "the file is empty")
    if len(content) > limits.size_bytes:
        raise Refused(ScanFault.TOO_LARGE, f"the file has more than {limits.size_bytes} bytes")
    if content.startswith(_BEGINNINGS[media_type]):
        return media_type
    if media_type is MediaType.PDF and _BEGINNINGS[media_type] in content[:_HEAD_BYTES]:
        raise Refused(ScanFault.TWO_FORMATS, "something stands before the PDF")
    raise Refused(ScanFault.TYPE_MISMATCH, f"the content is no {media_type}")


def _decoded(content: bytes, media_type: MediaType, limits: ScanLimits) -> tuple[int, bytes]:
    """The number of pages and the cleaned scan, as the checking process gives them."""
    options = {"pixels": limits.pixels, "smallest_side": limits.smallest_side}
    if media_type is MediaType.PDF:
        options["pages"] = limits.pages
    order = {
        "media_type": media_type,
        "seconds": limits.seconds,
        "memory_bytes": limits.memory_bytes,
        "options": options,
    }
    most = _GROWTH * limits.size_bytes
    reply, ending = _asked(json.dumps(order).encode() + b"\n" + content, most, limits.wall_seconds)
    line, _, cleaned = reply.partition(b"\n")
    try:
        answer = _Answer.model_validate_json(line)
    except ValidationError:
        raise Refused(ScanFault.UNREADABLE, f"the check ended with {ending}") from None
    if answer.fault is not None:
        raise Refused(answer.fault, answer.detail)
    if len(reply) > most or not cleaned.startswith(_BEGINNINGS[media_type]):
        raise Refused(ScanFault.UNREADABLE, "the check gave back something else than a scan")
    return answer.pages, cleaned


def _asked(order: bytes, most: int, wall_seconds: int) -> tuple[bytes, int]:
    """What the checking process says to an order, hardly more than `most` bytes, and how it ends."""
    with (
        subprocess.Popen(  # noqa: S603 - our own module
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            start_new_session=True,
        ) as process,
        _killed_after(process.pid, wall_seconds),
    ):
        _write(process.stdin, order)
        reply = process.stdout.read(most + 1) if process.stdout else b""
    return reply, process.returncode


@contextmanager
def _killed_after(group: int, seconds: float) -> Iterator[None]:
    """Kill a group of processes in the end, and should that be late, after these seconds.

    Its first process is not waited for in here, so that its number is nobody else's.
    """
    watchdog = threading.Timer(seconds, os.killpg, (group, signal.SIGKILL))
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
        watchdog.join()
        os.killpg(group, signal.SIGKILL)


def _write(pipe: IO[bytes] | None, order: bytes) -> None:
    with suppress(BrokenPipeError):  # it died; how, is asked later
        if pipe is not None:
            pipe.write(order)
            pipe.close()
