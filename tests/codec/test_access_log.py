"""Whoever changes a line of the access log, or takes one away, is found out."""

import asyncio
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from activities.ports import TemporaryFailure
from adapters.access_log import ANCHOR, AccessLog, Action, BadAccessLog
from adapters.sealing.keyring import KeyRing
from adapters.sealing.masters import MasterKeys

CASE, OTHER = "7K3M-9QXT-2B4D-6", "4H8P-2WZC-7N5R-3"
LINES = 6
ROOT = str(Path(__file__).resolve().parents[2])

WRITER = """
import sys
from pathlib import Path
from adapters.access_log import AccessLog, Action
from adapters.sealing.keyring import KeyRing
from adapters.sealing.masters import MasterKeys
file, url, masters, name = sys.argv[1:]
log = AccessLog(Path(file), KeyRing(url, MasterKeys.from_text(masters)))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(25):
    log.append(Action.DECODE, name)
"""

Lines = list[bytes]


@pytest.fixture
def written(log: AccessLog, file: Path) -> Lines:
    """A log of some lines."""
    for number in range(LINES):
        log.append(Action.DECODE, f"officer-{number}", cases={OTHER, CASE}, payloads=number)
    return file.read_bytes().splitlines(keepends=True)


def verified(file: Path, ring: KeyRing) -> int | None:
    return AccessLog(file, ring).verify()


def refused(file: Path, ring: KeyRing) -> bool:
    """True when a process that has just begun writes nothing."""
    before = file.read_bytes() if file.exists() else None
    with pytest.raises(BadAccessLog):
        AccessLog(file, ring).append(Action.DECODE, "officer-7")
    return (file.read_bytes() if file.exists() else None) == before


def test_a_line_says_who_did_what_to_which_cases(log: AccessLog, file: Path) -> None:
    first = log.append(Action.DECODE, "officer-7", namespace="default", cases=[OTHER, CASE, OTHER])
    second = log.append(Action.EXPORT, "officer-8", payloads=3, refused=1)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines == [first.model_dump(mode="json"), second.model_dump(mode="json")]
    assert lines[0]["cases"] == [OTHER, CASE]
    assert lines[0]["at"].endswith("Z")
    assert (first.place, first.previous) == (1, "")
    assert (second.place, second.previous) == (2, first.digest)
    assert file.stat().st_mode & 0o777 == 0o600
    assert log.verify() is None
    assert list(log.entries()) == [first, second]


def test_an_empty_log_is_a_good_one(log: AccessLog) -> None:
    assert log.verify() is None
    assert list(log.entries()) == []


def changes(lines: Lines) -> Iterator[tuple[int, Lines]]:
    """Every small change with the first line that is then wrong."""
    for index, line in enumerate(lines):
        place, before, after = index + 1, lines[:index], lines[index + 1 :]
        yield place, [*before, *after]
        yield place + 1, [*before, line, line, *after]
        yield place, [*before, line.replace(b"officer-", b"officer_"), *after]
        yield place, [*before, line.replace(b'"at"', b' "at"'), *after]
        yield place, [*before, b"\n", line, *after]
        yield place, [*before, b"{}\n", line, *after]
        if after:
            yield place, [*before, after[0], line, *after[1:]]
        yield place, before
    yield len(lines) + 1, [*lines, b"{}\n"]
    yield 1, list(reversed(lines))


def test_every_changed_removed_repeated_or_moved_line_is_found(
    written: Lines, file: Path, ring: KeyRing
) -> None:
    for place, lines in changes(written):
        file.write_bytes(b"".join(lines))
        assert verified(file, ring) == place
        assert refused(file, ring)
    file.write_bytes(b"".join(written))
    assert verified(file, ring) is None


@pytest.mark.parametrize("index", [0, 2, LINES - 1])
def test_every_changed_or_removed_byte_of_a_line_is_found(
    written: Lines, file: Path, ring: KeyRing, index: int
) -> None:
    log, line = AccessLog(file, ring), written[index]
    for at in range(len(line)):
        for other in (bytes([line[at] ^ 0x20]), bytes([line[at] ^ 0x01]), b""):
            lines = [*written[:index], line[:at] + other + line[at + 1 :], *written[index + 1 :]]
            file.write_bytes(b"".join(lines))
            assert log.verify() == index + 1


def test_a_cut_tail_is_found_wherever_it_is_cut(written: Lines, file: Path, ring: KeyRing) -> None:
    log, whole = AccessLog(file, ring), b"".join(written)
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert log.verify() == whole[:length].count(b"\n") + 1
    file.unlink()
    assert log.verify() == 1
    assert refused(file, ring)


def test_a_running_process_stops_when_the_end_is_touched(
    log: AccessLog, written: Lines, file: Path
) -> None:
    for lines in (written[:-1], [*written[:-1], written[0]], [*written, b"{}\n"], []):
        file.write_bytes(b"".join(lines))
        with pytest.raises(BadAccessLog, match="diploma access-log renew"):
            log.append(Action.DECODE, "officer-7")
        assert file.read_bytes() == b"".join(lines)
    file.write_bytes(b"".join(written))
    assert log.append(Action.DECODE, "officer-7").place == LINES + 1


def test_lines_written_with_another_rings_key_are_none(
    written: Lines, file: Path, tmp_path: Path, ring: KeyRing, masters: str
) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    with closing(KeyRing(url, MasterKeys.from_text(masters))) as other:
        other.create()
        assert verified(file, other) == 1
        forged = tmp_path / "forged.log"
        for _ in written:
            AccessLog(forged, other).append(Action.DECODE, "officer-7")
    file.write_bytes(forged.read_bytes())
    assert verified(file, ring) == 1


@pytest.mark.parametrize("torn", [b"{", b'{"place":7,"at"', b"\0" * 70_000])
def test_a_line_torn_by_a_power_cut_is_cut_off_by_the_next_one(
    log: AccessLog, written: Lines, file: Path, ring: KeyRing, torn: bytes
) -> None:
    for writer in (log, AccessLog(file, ring)):
        with file.open("ab") as opened:
            opened.write(torn)
        assert verified(file, ring) is None
        writer.append(Action.DECODE, "officer-7")
    assert verified(file, ring) is None
    lines = file.read_bytes().splitlines(keepends=True)
    assert (lines[:LINES], len(lines)) == (written, LINES + 2)


def test_a_line_the_ring_was_not_told_of_is_kept(
    log: AccessLog, written: Lines, ring: KeyRing, file: Path
) -> None:
    before = json.loads(written[-2])
    ring.set_anchor(ANCHOR, before["place"], before["digest"])
    for writer in (log, AccessLog(file, ring)):
        assert verified(file, ring) is None
        writer.append(Action.DECODE, "officer-7")
    assert [entry.place for entry in log.entries()] == list(range(1, LINES + 3))


def test_a_log_that_was_set_aside_cannot_come_back(
    log: AccessLog, written: Lines, file: Path, ring: KeyRing
) -> None:
    aside = log.renew("officer-7")
    assert aside is not None
    assert aside.read_bytes() == b"".join(written)
    [first] = log.entries()
    assert (first.action, first.place) == (Action.RENEW, 1)
    assert first.previous == json.loads(written[-1])["digest"]
    log.append(Action.DECODE, "officer-7")
    assert verified(file, ring) is None
    file.write_bytes(aside.read_bytes())
    assert verified(file, ring) == 2
    with pytest.raises(BadAccessLog):
        log.append(Action.DECODE, "officer-7")


def spoil(file: Path) -> None:
    file.write_bytes(b"nothing of ours\n")


@pytest.mark.parametrize("harm", [spoil, Path.unlink], ids=["spoilt", "removed"])
def test_after_a_person_has_looked_it_goes_on(
    log: AccessLog, written: Lines, file: Path, ring: KeyRing, harm: Callable[[Path], None]
) -> None:
    harm(file)
    assert refused(file, ring)
    assert (log.renew("officer-7") is None) == (harm is Path.unlink)
    assert log.append(Action.DECODE, "officer-7").place == 2
    assert verified(file, ring) is None
    assert written


def test_a_log_others_may_read_is_not_used(log: AccessLog, written: Lines, file: Path) -> None:
    file.chmod(0o640)
    for use in (log.verify, lambda: log.append(Action.DECODE, "officer-7")):
        with pytest.raises(BadAccessLog, match="chmod 600"):
            use()
    assert file.read_bytes() == b"".join(written)


def test_a_log_that_cannot_be_written_is_a_passing_failure(ring: KeyRing, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TemporaryFailure, match="access log"):
        AccessLog(tmp_path / "file" / "access.log", ring).append(Action.DECODE, "officer-7")


def test_lines_longer_than_what_is_read_at_first_are_found(log: AccessLog) -> None:
    for number in range(3):
        cases = [f"{number}-{case}" for case in range(9000)]
        log.append(Action.EXPORT, "officer-7", cases=cases)
    assert log.verify() is None
    assert len(list(log.entries())) == 3


async def test_two_processes_and_some_threads_write_one_chain(
    file: Path, ring: KeyRing, ring_file: Path, log: AccessLog, masters: str
) -> None:
    arguments = (str(file), f"sqlite:///{ring_file}", masters)
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            WRITER,
            *arguments,
            name,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": ROOT},
        )
        for name in ("first", "second")
    ]
    for writer in writers:
        assert writer.stdout is not None
        await writer.stdout.readline()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
    here = [asyncio.to_thread(log.append, Action.DECODE, "here") for _ in range(8)]
    await asyncio.gather(*here, *(writer.communicate() for writer in writers))
    assert [writer.returncode for writer in writers] == [0, 0]
    assert verified(file, ring) is None
    officers = [entry.officer for entry in log.entries()]
    assert sorted(officers) == ["first"] * 25 + ["here"] * 8 + ["second"] * 25


def test_a_place_drawn_by_chance_is_as_good_as_any(
    written: Lines, file: Path, ring: KeyRing
) -> None:
    whole, chance = b"".join(written), random.Random(7)
    for _ in range(300):
        start = chance.randrange(len(whole))
        end = min(len(whole), start + chance.randrange(1, 40))
        garbage = chance.randbytes(chance.randrange(40))
        changed = whole[:start] + garbage + whole[end:]
        file.write_bytes(changed)
        assert (verified(file, ring) is None) == (changed == whole)
