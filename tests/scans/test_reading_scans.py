"""Scans read from disk: what is no regular file is refused by name, unread."""

import os
import socket
from pathlib import Path

import pytest

from adapters.scans.reading import UnusableFile, read_scan
from domain.scan_faults import ScanFault
from domain.scans import MAX_SCAN_BYTES, ScanLimits


def fault_of(path: Path) -> ScanFault:
    with pytest.raises(UnusableFile) as caught:
        read_scan(path)
    assert path.name not in str(caught.value)
    return caught.value.fault


def test_a_file_is_read_up_to_the_last_byte_allowed(tmp_path: Path) -> None:
    file = tmp_path / "скан.pdf"
    file.write_bytes(b"x" * MAX_SCAN_BYTES)
    assert len(read_scan(file)) == MAX_SCAN_BYTES
    file.write_bytes(b"x" * (MAX_SCAN_BYTES + 1))
    assert fault_of(file) is ScanFault.TOO_LARGE


def test_a_file_that_hides_its_size_is_still_limited() -> None:
    endless = Path("/proc/kallsyms")  # a regular file of no bytes, it says
    assert endless.stat().st_size == 0
    with pytest.raises(UnusableFile) as caught:
        read_scan(endless, ScanLimits(size_bytes=1000))
    assert caught.value.fault is ScanFault.TOO_LARGE


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"%PDF-")
    (tmp_path / "link.pdf").symlink_to(tmp_path / "secret")
    (tmp_path / "nowhere.pdf").symlink_to(tmp_path / "missing")
    assert fault_of(tmp_path / "link.pdf") is ScanFault.NOT_A_FILE
    assert fault_of(tmp_path / "nowhere.pdf") is ScanFault.NOT_A_FILE


@pytest.mark.timeout(10)
def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pdf")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.pdf"))
        strange = (tmp_path, tmp_path / "pipe.pdf", tmp_path / "socket.pdf", Path("/dev/zero"))
        assert {fault_of(path) for path in strange} == {ScanFault.NOT_A_FILE}


@pytest.mark.parametrize("name", ["missing.pdf", "no\x00name.pdf", "x" * 5000, "a.pdf/b.pdf"])
def test_what_is_not_there_is_named_as_such(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.pdf").write_bytes(b"")
    assert fault_of(tmp_path / name) is ScanFault.NOT_A_FILE
