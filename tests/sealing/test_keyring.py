"""One key for every case: made once, rotated under way, and gone for good once destroyed."""

import os
import sqlite3
import stat
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.ports import TemporaryFailure
from adapters.sealing.errors import BadKeys, KeyDestroyed, KeyUnknown, Tampered
from adapters.sealing.keyring import REMEMBERED_SECONDS, SERVICE, KeyRing, Rotation
from adapters.sealing.masters import MasterKeys
from adapters.sealing.seal import open_sealed, seal
from adapters.sealing.storage import SETTING

CASE = "7K3M-9QXT-2B4D-6"
OTHER = "4H8P-2WZC-7N5R-3"
OLD, NEW = (f"{name}:{b64encode(os.urandom(32)).decode()}" for name in ("old", "new"))

RACER = """
import sys
from adapters.sealing.keyring import KeyRing
from adapters.sealing.masters import MasterKeys
ring = KeyRing(sys.argv[1], MasterKeys.from_text(sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
print(*(ring.key_for(f"case {number}").key_id for number in range(10)))
"""


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


Rings = Callable[[str], KeyRing]


@pytest.fixture
def rings(tmp_path: Path) -> Iterator[Rings]:
    """The same ring as other processes see it, with the master keys they have."""
    url = f"sqlite:///{tmp_path}/keys.sqlite3"
    with ExitStack() as opened:

        def ring(masters: str) -> KeyRing:
            return opened.enter_context(closing(KeyRing(url, MasterKeys.from_text(masters))))

        ring(OLD).create()
        yield ring


def wrapped(file: Path, control_number: str) -> bytes:
    with closing(sqlite3.connect(file)) as connection:
        find = "SELECT wrapped FROM case_keys WHERE control_number = ?"
        found: bytes = connection.execute(find, (control_number,)).fetchone()[0]
        return found


def everything_beside(file: Path) -> bytes:
    return b"".join(found.read_bytes() for found in sorted(file.parent.iterdir()))


def test_a_case_has_one_key_in_either_database(database_url: str) -> None:
    with closing(KeyRing(database_url, MasterKeys.from_text(OLD))) as ring:
        ring.create()
        ring.create()
        first = ring.key_for(CASE)
        assert len(first.secret) == 32
        assert ring.key_for(OTHER).secret != first.secret
        assert ring.key_for(SERVICE).control_number == SERVICE
    with closing(KeyRing(database_url, MasterKeys.from_text(f"{NEW}\n{OLD}"))) as ring:
        assert ring.key_for(CASE) == ring.known(CASE) == ring.key(first.key_id) == first
        assert ring.rewrap() == Rotation(rewrapped=3, left=0)
        gone = ring.destroy(CASE)
        assert ring.destroy(CASE) == gone
        for look_up, name in ((ring.key_for, CASE), (ring.known, CASE), (ring.key, first.key_id)):
            with pytest.raises(KeyDestroyed):
                look_up(name)
        assert ring.known(OTHER).control_number == OTHER
    with closing(KeyRing(database_url, MasterKeys.from_text(OLD))) as ring:
        with pytest.raises(KeyUnknown, match="needs the master key new"):
            ring.known(OTHER)
        with pytest.raises(KeyDestroyed):
            ring.known(CASE)


def test_processes_that_make_a_key_at_once_get_the_same(rings: Rings, tmp_path: Path) -> None:
    rings(OLD)
    command = [sys.executable, "-c", RACER, f"sqlite:///{tmp_path}/keys.sqlite3", OLD]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        first, second = (racer.communicate(timeout=20)[0] for racer in racers)
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()
    assert first == second
    assert len(set(first.split())) == 10


def test_threads_that_make_a_key_at_once_get_the_same(rings: Rings) -> None:
    ring = rings(OLD)
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ring.key_for, [CASE] * 32))) == 1


def test_an_old_copy_of_everything_else_cannot_be_read_once_a_key_is_destroyed(
    rings: Rings,
) -> None:
    ring = rings(OLD)
    key = ring.key_for(CASE)
    yesterday = seal(b"passport", key.secret, key.key_id, b"register")
    ring.destroy(CASE)
    today = rings(f"{NEW}\n{OLD}")
    with pytest.raises(KeyDestroyed):
        today.key(key.key_id)
    others = [today.key_for(OTHER), today.known(SERVICE)]
    for other in others:
        with pytest.raises(Tampered):
            open_sealed(yesterday, other.secret, b"register")


def test_nothing_of_a_destroyed_key_is_left_in_the_files(rings: Rings, tmp_path: Path) -> None:
    ring, file = rings(OLD), tmp_path / "keys.sqlite3"
    for number in range(100):  # several pages, which split and fill again
        ring.key_for(f"case {number}")
    before = {number: wrapped(file, f"case {number}") for number in (0, 7, 50, 99)}
    for number in before:
        ring.destroy(f"case {number}")
    left = everything_beside(file)
    assert not any(content[at : at + 12] in left for content in before.values() for at in (0, 30))
    assert wrapped(file, "case 8") in left
    assert [found.name for found in tmp_path.iterdir()] == [file.name]


def test_nothing_wrapped_by_a_former_master_key_is_left(rings: Rings, tmp_path: Path) -> None:
    file = tmp_path / "keys.sqlite3"
    rings(OLD).key_for(CASE)
    before = wrapped(file, CASE)
    rings(f"{NEW},{OLD}").rewrap()
    assert before[:12] not in everything_beside(file)


def test_a_case_that_never_had_a_key_gets_none_after_its_erasure(rings: Rings) -> None:
    rings(OLD).destroy(CASE)
    with pytest.raises(KeyDestroyed):
        rings(OLD).key_for(CASE)


def test_other_processes_stop_within_a_minute_and_this_one_at_once(tmp_path: Path) -> None:
    url, clock, masters = f"sqlite:///{tmp_path}/keys.sqlite3", Clock(), MasterKeys.from_text(OLD)
    with (
        closing(KeyRing(url, masters)) as here,
        closing(KeyRing(url, masters, clock=clock)) as there,
    ):
        here.create()
        key = there.key_for(CASE)
        here.key_for(CASE)
        here.destroy(CASE)
        with pytest.raises(KeyDestroyed):
            here.known(CASE)
        assert here.remembered(CASE) is None
        assert there.remembered(CASE) == key
        clock.seconds = REMEMBERED_SECONDS
        assert there.remembered(CASE) is None
        with pytest.raises(KeyDestroyed):
            there.key(key.key_id)
    assert REMEMBERED_SECONDS < 60


def test_a_rotation_goes_on_where_it_stopped_and_waits_for_missing_keys(rings: Rings) -> None:
    before = [rings(OLD).key_for(f"case {number}") for number in range(5)]
    assert rings(NEW).rewrap() == Rotation(rewrapped=0, left=6)  # the old key is not there yet
    both = rings(f"{NEW}\n{OLD}")
    both.destroy("case 4")
    assert both.rewrap() == Rotation(rewrapped=5, left=0)
    assert both.rewrap() == Rotation(rewrapped=0, left=0)
    assert [rings(NEW).known(key.control_number) for key in before[:4]] == before[:4]
    with pytest.raises(KeyDestroyed):
        both.known("case 4")


def test_cases_go_on_while_the_master_key_in_the_file_is_changed(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "master.keys"

    def write(text: str) -> None:
        file.write_text(text)
        file.chmod(0o600)

    write(OLD)
    url = f"sqlite:///{tmp_path}/keys.sqlite3"
    with closing(KeyRing(url, MasterKeys.from_file(file), clock=clock)) as ring:
        ring.create()
        key = ring.key_for(CASE)
        for step in (f"{OLD}\n{NEW}", f"{NEW}\n{OLD}"):
            write(step)
            clock.seconds += REMEMBERED_SECONDS
            assert ring.key_for(CASE) == key
        assert ring.rewrap().left == 0
        write(OLD)  # the wrong one was taken away
        clock.seconds += REMEMBERED_SECONDS
        with pytest.raises(KeyUnknown, match="needs the master key new"):
            ring.key_for(CASE)
        write(NEW)
        assert ring.key_for(CASE) == key


def test_an_unknown_key_works_when_the_ring_is_restored(rings: Rings, tmp_path: Path) -> None:
    file, aside = tmp_path / "keys.sqlite3", tmp_path / "aside"
    empty = file.read_bytes()
    with closing(rings(OLD)) as ring:
        key = ring.key_for(CASE)
    aside.write_bytes(file.read_bytes())
    file.write_bytes(empty)
    with closing(rings(OLD)) as ring:
        for look_up, name in ((ring.known, CASE), (ring.key, key.key_id)):
            with pytest.raises(KeyUnknown):
                look_up(name)
    file.write_bytes(aside.read_bytes())
    with closing(rings(OLD)) as ring:
        assert ring.known(CASE) == key


def test_the_file_is_for_its_owner_alone(rings: Rings, tmp_path: Path) -> None:
    file = tmp_path / "keys.sqlite3"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    with pytest.raises(BadKeys, match=f"{SETTING}: others may read .* chmod 600"):
        rings(OLD).key_for(CASE)


@pytest.mark.parametrize("url", ["", "keys", "sqlite://", "mysql://h/d", "sqlite:///:memory:"])
def test_an_address_that_can_never_work_is_refused(url: str) -> None:
    with pytest.raises(BadKeys, match=f"^{SETTING}: write sqlite:///path"):
        KeyRing(url, MasterKeys.from_text(OLD))


def test_a_ring_that_is_not_there_is_never_made_by_the_way(tmp_path: Path) -> None:
    ring = KeyRing(f"sqlite:///{tmp_path}/nowhere", MasterKeys.from_text(OLD))
    assert ring.is_missing
    with pytest.raises(BadKeys, match=f"{SETTING}: .*nowhere is missing"):
        ring.key_for(CASE)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_ring_is_named(tmp_path: Path) -> None:
    file = tmp_path / "keys.sqlite3"
    file.write_bytes(os.urandom(5000))
    file.chmod(0o600)
    with pytest.raises(BadKeys, match="damaged"):
        KeyRing(f"sqlite:///{file}", MasterKeys.from_text(OLD)).key_for(CASE)


def test_a_server_that_is_away_is_a_temporary_failure() -> None:
    ring = KeyRing("postgresql://u:hidden@127.0.0.1:1/keys", MasterKeys.from_text(OLD))
    with pytest.raises(TemporaryFailure) as fault:
        ring.key_for(CASE)
    assert "hidden" not in str(fault.value)


def test_no_error_and_no_repr_holds_a_key(rings: Rings, tmp_path: Path) -> None:
    ring, file = rings(OLD), tmp_path / "keys.sqlite3"
    key = ring.key_for(CASE)
    shown = [repr(key), str(key), repr(ring)]
    impostor = "old:" + NEW.partition(":")[2]
    for masters in (NEW, impostor):
        with pytest.raises((KeyUnknown, BadKeys)) as fault:
            rings(masters).known(CASE)
        shown.append(repr(fault.value))
    hidden = [key.secret, wrapped(file, CASE)]
    for content in hidden:
        for form in (content.hex(), b64encode(content).decode(), repr(content)[2:20]):
            assert not any(form[:12] in text for text in shown)
    for master in (OLD, NEW):
        assert not any(master.partition(":")[2][:12] in text for text in shown)


def test_keys_of_messages_typed_and_sent_nowhere_are_destroyed_after_a_while(rings: Rings) -> None:
    ring = rings(OLD)
    sent, unsent = ring.new_typed_key(), ring.new_typed_key()
    assert ring.typed_key(sent.key_id, CASE) is not None
    assert ring.typed_key(sent.key_id, OTHER) is None
    assert ring.destroy_unsent(datetime.now(UTC) - timedelta(days=1)) == 0
    assert ring.destroy_unsent(datetime.now(UTC)) == 1
    with pytest.raises(KeyDestroyed):
        ring.key(unsent.key_id)
    assert ring.typed_key(unsent.key_id, CASE) is None
    assert ring.key(sent.key_id).control_number == CASE
