"""The store of documents, in a folder and in a real server that speaks S3."""

import hashlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest
from helpers import trial_keys
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ordered_papers import NUMBER, sealer
from pydantic import SecretStr

from activities.ports import TemporaryFailure
from adapters.blobs import BadBlobStore, BlobDamaged, BlobMissing, BlobStore, S3Access
from adapters.sealing.errors import BadKeys, KeyDestroyed, KeyUnknown
from adapters.sealing.keyring import SERVICE
from domain.numbers import BadControlNumber, control_number
from starters.server import free_ports

OTHER = control_number({"submission_id": "another"})
MARKER = b"4510 123456"
SCAN = b"%PDF-1.7 a scan of a passport " + MARKER
NO_SCAN = hashlib.sha256(b"never put").hexdigest()
SECONDS = 20

MOMENT = 0.02
"""For how long, in seconds, a server of the tests believes that a folder is as it was.

Not zero: its cache would clean itself without a pause, and requests wait for the lock of it.
"""

UNPERTURBED = (f"--dir-cache-time={MOMENT}s", "--local-no-check-updated", "--low-level-retries=1")
"""Serves what is there, also when somebody has changed it a little before."""


class S3Server:
    """A bucket in a folder, served on loopback by rclone; a context manager."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._port = free_ports(1)[0]
        self.bucket = folder / "bucket"
        self.bucket.mkdir(parents=True)

    def __enter__(self) -> Self:
        folder = self.bucket.parent
        keys, address = "--auth-key=key,secret", f"--addr=127.0.0.1:{self._port}"
        self._process = subprocess.Popen(
            [self._program, "serve", "s3", address, keys, *UNPERTURBED, str(folder)],
            env={"HOME": str(folder), "RCLONE_CONFIG": os.devnull},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._is_up)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def access(self, secret: str = "secret") -> S3Access:
        return S3Access(
            endpoint=f"http://127.0.0.1:{self._port}", key="key", secret=SecretStr(secret)
        )

    def _is_up(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    program = Path(sys.executable).with_name("rclone")
    if not program.exists():
        pytest.skip("no rclone is installed beside this Python: it has no wheel for this system")
    with S3Server(str(program), tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.proof)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[BlobStore, Path]:
    """An empty store, and the folder in which its contents end up."""
    if request.param == "folder":
        return BlobStore(f"file://{tmp_path}/store", sealer()), tmp_path / "store"
    server: S3Server = request.getfixturevalue("s3")
    return (
        BlobStore(f"s3://bucket/{tmp_path.name}", sealer(), server.access()),
        server.bucket / tmp_path.name,
    )


def change(file: Path, content: bytes) -> None:
    """Write into a store behind its server's back, and wait until it has seen it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    time.sleep(3 * MOMENT)


def files(folder: Path) -> list[str]:
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


def test_what_was_put_is_found_under_its_case_and_its_hash(place: tuple[BlobStore, Path]) -> None:
    store, folder = place
    sha256 = store.put(NUMBER, SCAN)
    assert sha256 == hashlib.sha256(SCAN).hexdigest()
    assert store.get(NUMBER, sha256) == SCAN
    assert files(folder) == [f"{NUMBER}/{sha256}"]


def test_the_same_content_is_kept_once_for_each_case(place: tuple[BlobStore, Path]) -> None:
    store, _ = place
    cases = (NUMBER, OTHER, SERVICE)
    (sha256,) = {store.put(case, SCAN) for case in (*cases, NUMBER)}
    assert sorted(store.list()) == sorted((case, sha256) for case in cases)
    store.delete(NUMBER, sha256)
    with pytest.raises(BlobMissing):
        store.get(NUMBER, sha256)
    assert store.get(OTHER, sha256) == store.get(SERVICE, sha256) == SCAN


def test_nothing_of_a_content_can_be_read_in_the_store(place: tuple[BlobStore, Path]) -> None:
    store, folder = place
    for content in (SCAN, SCAN * 1000, os.urandom(5000) + MARKER):
        store.put(NUMBER, content)
    kept = [(folder / name).read_bytes() for name in files(folder)]
    assert len(kept) == 3
    assert not any(MARKER in content or b"%PDF" in content for content in kept)


def test_any_content_comes_back(place: tuple[BlobStore, Path]) -> None:
    store, _ = place
    contents = (b"", b"\0" * 100, os.urandom(6 * 1024 * 1024), "скан".encode())
    hashes = [store.put(NUMBER, content) for content in contents]
    assert [store.get(NUMBER, sha256) for sha256 in hashes] == list(contents)
    assert sorted(store.list()) == sorted((NUMBER, sha256) for sha256 in hashes)


def test_what_is_deleted_is_gone(place: tuple[BlobStore, Path]) -> None:
    store, folder = place
    sha256, other = store.put(NUMBER, SCAN), store.put(NUMBER, b"another")
    store.delete(NUMBER, sha256)
    store.delete(NUMBER, sha256)
    with pytest.raises(BlobMissing):
        store.get(NUMBER, sha256)
    assert list(store.list()) == [(NUMBER, other)]
    assert len(files(folder)) == 1


def test_a_case_is_deleted_with_all_it_has_and_no_other(place: tuple[BlobStore, Path]) -> None:
    store, folder = place
    store.put(NUMBER, SCAN)
    store.put(NUMBER, b"another")
    kept = store.put(OTHER, SCAN)
    assert [store.delete_case(NUMBER) for _ in range(2)] == [2, 0]
    assert files(folder) == [f"{OTHER}/{kept}"]


def test_what_was_never_put_is_missing(place: tuple[BlobStore, Path]) -> None:
    store, _ = place
    assert list(store.list()) == []
    store.delete(NUMBER, NO_SCAN)
    for name in (NO_SCAN, "", "../../etc/passwd", NO_SCAN.upper(), NO_SCAN + "0"):
        with pytest.raises(BlobMissing):
            store.get(NUMBER, name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../" + NUMBER, NUMBER + "/..", "/etc", NUMBER.lower(), NUMBER[:-1]]
)
def test_nothing_climbs_out_of_the_store(name: str, tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "store"), sealer())
    sha256 = store.put(NUMBER, SCAN)
    for attempt in (
        lambda: store.put(name, SCAN),
        lambda: store.get(name, sha256),
        lambda: store.delete(name, sha256),
        lambda: store.delete_case(name),
    ):
        with pytest.raises(BadControlNumber):
            attempt()
    assert files(tmp_path) == [f"store/{NUMBER}/{sha256}"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda sealed: sealed[:-1],
        lambda sealed: b"X" + sealed[1:],
        lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
        lambda _: SCAN,
    ],
)
def test_a_changed_content_is_never_given_out(
    place: tuple[BlobStore, Path], damage: Callable[[bytes], bytes]
) -> None:
    store, folder = place
    sha256 = store.put(NUMBER, SCAN)
    file = folder / NUMBER / sha256
    change(file, damage(file.read_bytes()))
    with pytest.raises(BlobDamaged):
        store.get(NUMBER, sha256)
    assert store.put(NUMBER, SCAN) == sha256  # and it is mended by putting it again
    assert store.get(NUMBER, sha256) == SCAN


def test_a_content_moved_to_another_case_or_hash_is_damaged(place: tuple[BlobStore, Path]) -> None:
    store, folder = place
    mine, other, theirs = store.put(NUMBER, SCAN), store.put(NUMBER, b"x"), store.put(OTHER, SCAN)
    sealed = (folder / NUMBER / mine).read_bytes()
    for case, sha256 in ((OTHER, theirs), (NUMBER, other)):
        change(folder / case / sha256, sealed)
        with pytest.raises(BlobDamaged):
            store.get(case, sha256)


def test_strange_files_in_the_store_are_no_contents(place: tuple[BlobStore, Path]) -> None:
    store, folder = place
    sha256 = store.put(NUMBER, SCAN)
    for name in ("README.txt", f"{NUMBER}/short", f"someone/{sha256}"):
        change(folder / name, b"hello")
    assert list(store.list()) == [(NUMBER, sha256)]


def test_what_0_3_0_kept_in_plain_is_found_until_it_is_deleted(
    place: tuple[BlobStore, Path],
) -> None:
    store, folder = place
    sha256 = hashlib.sha256(SCAN).hexdigest()
    file = folder / sha256[:2] / sha256[2:]
    change(file, SCAN)
    assert store.get(NUMBER, sha256) == store.get(OTHER, sha256) == SCAN
    store.delete(NUMBER, sha256, shared=True)
    assert store.get(OTHER, sha256) == SCAN
    change(file, b"changed")
    with pytest.raises(BlobDamaged):
        store.get(OTHER, sha256)
    store.delete(OTHER, sha256)
    assert files(folder) == []


def test_a_missing_key_is_waited_for_and_a_destroyed_one_is_the_end(tmp_path: Path) -> None:
    with closing(trial_keys(tmp_path / "ours")) as ours, closing(trial_keys(tmp_path)) as others:
        store = BlobStore(str(tmp_path / "store"), ours.sealer)
        sha256 = store.put(NUMBER, SCAN)
        with pytest.raises(KeyUnknown):
            BlobStore(str(tmp_path / "store"), others.sealer).get(NUMBER, sha256)
        ours.ring.destroy(NUMBER)
        for attempt in (lambda: store.get(NUMBER, sha256), lambda: store.put(NUMBER, SCAN)):
            with pytest.raises(KeyDestroyed):
                attempt()
        assert store.delete_case(NUMBER) == 1
    (tmp_path / "keys.db").unlink()
    with pytest.raises(BadKeys, match="is missing: run this in the folder"):
        BlobStore(str(tmp_path / "store"), others.sealer).put(OTHER, SCAN)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([NUMBER, OTHER]), st.binary(max_size=3)),
        max_size=12,
    )
)
def test_a_folder_behaves_like_a_dictionary(
    tmp_path: Path, steps: list[tuple[bool, str, bytes]]
) -> None:
    store = BlobStore(str(tmp_path / os.urandom(8).hex()), sealer())
    expected = dict[tuple[str, str], bytes]()
    for keep, case, content in steps:
        if keep:
            expected[case, store.put(case, content)] = content
        else:
            sha256 = hashlib.sha256(content).hexdigest()
            store.delete(case, sha256)
            expected.pop((case, sha256), None)
    assert {entry: store.get(*entry) for entry in store.list()} == expected


# --- a folder -----------------------------------------------------------------------------


def test_a_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    BlobStore(str(tmp_path / "deep" / "store"), sealer()).put(NUMBER, SCAN)
    assert stat.S_IMODE((tmp_path / "deep" / "store").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "url", ["", "https://example.org/x", "file://host/x", "gs://bucket", "s3://", "s3:///prefix"]
)
def test_a_place_that_is_none_is_named(url: str) -> None:
    access = S3Access(endpoint="http://127.0.0.1:1", key="key", secret=SecretStr("x"))
    with pytest.raises(BadBlobStore, match="s3://bucket/prefix"):
        BlobStore(url, sealer(), access)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadBlobStore, match="cannot be created"):
        BlobStore(str(tmp_path / "file" / "store"), sealer())


WRITING = """
import resource, signal, sys
from pathlib import Path
from helpers import trial_keys
from adapters.blobs import BlobStore
from activities.ports import TemporaryFailure
folder, limit, number = sys.argv[1:]
keys = trial_keys(Path(folder))
store = BlobStore(folder + "/store", keys.sealer)
keys.ring.key_for(number)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit),) * 2)
if {killed}:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
try:
    store.put(number, sys.stdin.buffer.read())
except TemporaryFailure as failure:
    print(failure)
"""
LARGE = b"".join(os.urandom(1000) + MARKER for _ in range(3000))
LIMIT = 1_000_000
"""A file may grow so far and no further, as on a disk that is full."""


def written(folder: Path, *, killed: bool) -> "subprocess.CompletedProcess[bytes]":
    """What becomes of a process that meets the limit, which kills it if that is wanted."""
    return subprocess.run(
        [sys.executable, "-c", WRITING.format(killed=killed), str(folder), str(LIMIT), NUMBER],
        input=LARGE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=SECONDS,
        check=False,
    )


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    told = written(tmp_path, killed=False).stdout.decode()
    assert told.startswith("the document store failed")
    assert "Traceback" not in told
    assert str(tmp_path) not in told
    assert files(tmp_path / "store") == []
    assert list(BlobStore(str(tmp_path / "store"), sealer()).list()) == []


@pytest.mark.parametrize("forgotten", ["content", "case"])
def test_a_writer_killed_halfway_leaves_nothing_that_is_a_content_or_can_be_read(
    tmp_path: Path, forgotten: str
) -> None:
    assert written(tmp_path, killed=True).returncode == -signal.SIGXFSZ
    folder, sha256 = tmp_path / "store", hashlib.sha256(LARGE).hexdigest()
    store = BlobStore(str(folder), sealer())
    (torn,) = files(folder)
    beginning = (folder / torn).read_bytes()
    assert 0 < len(beginning) < len(LARGE)
    assert MARKER not in beginning
    assert list(store.list()) == []
    with pytest.raises(BlobMissing):
        store.get(NUMBER, sha256)
    if forgotten == "content":
        store.delete(NUMBER, sha256)
    else:
        assert store.delete_case(NUMBER) == 0
    assert files(folder) == []


# --- a server -----------------------------------------------------------------------------


def test_a_server_that_is_away_is_tried_again_later() -> None:
    access = S3Access(
        endpoint=f"http://127.0.0.1:{free_ports(1)[0]}", key="key", secret=SecretStr("hush")
    )
    store = BlobStore("s3://bucket", sealer(), access)
    for attempt in (
        lambda: store.put(NUMBER, SCAN),
        lambda: store.get(NUMBER, NO_SCAN),
        lambda: store.delete_case(NUMBER),
        lambda: list(store.list()),
    ):
        with pytest.raises(TemporaryFailure) as caught:
            attempt()
        assert "127.0.0.1" not in str(caught.value)
    assert "hush" not in repr(access)


def test_a_wrong_key_is_a_persons_to_mend(s3: S3Server) -> None:
    with pytest.raises(BadBlobStore, match="rights and keys"):
        BlobStore("s3://bucket", sealer(), s3.access(secret="wrong")).put(NUMBER, SCAN)


def test_a_bucket_that_is_not_there_is_no_success(s3: S3Server) -> None:
    with pytest.raises((TemporaryFailure, BadBlobStore)):
        BlobStore("s3://no-such-bucket", sealer(), s3.access()).put(NUMBER, SCAN)


def test_the_environment_changes_nothing(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT", "http://127.0.0.1:1"),
        ("AWS_SESSION_TOKEN", "stale"),
        ("AWS_ACCESS_KEY_ID", "other"),
        ("AWS_SKIP_SIGNATURE", "true"),
        ("AWS_REGION", "elsewhere"),
        ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true"),
    ):
        monkeypatch.setenv(name, value)
    store = BlobStore("s3://bucket/environment", sealer(), s3.access())
    assert store.get(NUMBER, store.put(NUMBER, SCAN)) == SCAN
