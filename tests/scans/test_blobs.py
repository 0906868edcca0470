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
from pathlib import Path
from typing import Self

import pytest
from aiohttp.test_utils import unused_port
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from activities.ports import TemporaryFailure
from adapters.blobs import BadBlobStore, BlobDamaged, BlobMissing, BlobStore, S3Access

SCAN = b"%PDF-1.7 a scan"
NO_SCAN = hashlib.sha256(b"never put").hexdigest()
SECONDS = 20


UNPERTURBED = ("--dir-cache-time=0s", "--local-no-check-updated", "--low-level-retries=1")
"""Serves what is there, also when somebody has changed it a moment ago."""


class S3Server:
    """A bucket in a folder, served on loopback by rclone; a context manager."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._port = unused_port()
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
        return BlobStore(f"file://{tmp_path}/store"), tmp_path / "store"
    server: S3Server = request.getfixturevalue("s3")
    return (
        BlobStore(f"s3://bucket/{tmp_path.name}", server.access()),
        server.bucket / tmp_path.name,
    )


def files(folder: Path) -> list[str]:
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


def test_what_was_put_is_found_under_its_hash(place: tuple[BlobStore, Path]) -> None:
    store, folder = place
    sha256 = store.put(SCAN)
    assert sha256 == hashlib.sha256(SCAN).hexdigest()
    assert store.get(sha256) == SCAN
    assert files(folder) == [f"{sha256[:2]}/{sha256[2:]}"]


def test_the_same_content_is_kept_once(place: tuple[BlobStore, Path]) -> None:
    store, _ = place
    assert {store.put(SCAN) for _ in range(3)} == set(store.list())


def test_any_content_comes_back(place: tuple[BlobStore, Path]) -> None:
    store, _ = place
    contents = (b"", b"\0" * 100, os.urandom(6 * 1024 * 1024), "скан".encode())
    hashes = [store.put(content) for content in contents]
    assert [store.get(sha256) for sha256 in hashes] == list(contents)
    assert sorted(store.list()) == sorted(hashes)


def test_what_is_deleted_is_gone(place: tuple[BlobStore, Path]) -> None:
    store, folder = place
    sha256, other = store.put(SCAN), store.put(b"another")
    store.delete(sha256)
    store.delete(sha256)
    with pytest.raises(BlobMissing):
        store.get(sha256)
    assert list(store.list()) == [other]
    assert len(files(folder)) == 1


def test_what_was_never_put_is_missing(place: tuple[BlobStore, Path]) -> None:
    store, _ = place
    assert list(store.list()) == []
    store.delete(NO_SCAN)
    for name in (NO_SCAN, "", "../../etc/passwd", NO_SCAN.upper(), NO_SCAN + "0"):
        with pytest.raises(BlobMissing):
            store.get(name)


@pytest.mark.parametrize("change", [b"", SCAN[:-1], SCAN + b"\0", b"X" + SCAN[1:]])
def test_a_changed_content_is_never_given_out(place: tuple[BlobStore, Path], change: bytes) -> None:
    store, folder = place
    sha256 = store.put(SCAN)
    (folder / sha256[:2] / sha256[2:]).write_bytes(change)
    with pytest.raises(BlobDamaged):
        store.get(sha256)
    assert store.put(SCAN) == sha256  # and it is mended by putting it again
    assert store.get(sha256) == SCAN


def test_strange_files_in_the_store_are_no_contents(place: tuple[BlobStore, Path]) -> None:
    store, folder = place
    sha256 = store.put(SCAN)
    (folder / "README.txt").write_text("hello")
    (folder / "ab").mkdir(exist_ok=True)
    (folder / "ab" / "short").write_text("hello")
    assert list(store.list()) == [sha256]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=3)), max_size=12))
def test_a_folder_behaves_like_a_dictionary(
    tmp_path: Path, steps: list[tuple[bool, bytes]]
) -> None:
    store, expected = BlobStore(str(tmp_path / os.urandom(8).hex())), dict[str, bytes]()
    for keep, content in steps:
        sha256 = hashlib.sha256(content).hexdigest()
        if keep:
            expected[store.put(content)] = content
        else:
            store.delete(sha256)
            expected.pop(sha256, None)
    assert {sha256: store.get(sha256) for sha256 in store.list()} == expected


# --- a folder -----------------------------------------------------------------------------


def test_a_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    BlobStore(str(tmp_path / "deep" / "store")).put(SCAN)
    assert stat.S_IMODE((tmp_path / "deep" / "store").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "url", ["", "https://example.org/x", "file://host/x", "gs://bucket", "s3://", "s3:///prefix"]
)
def test_a_place_that_is_none_is_named(url: str) -> None:
    access = S3Access(endpoint="http://127.0.0.1:1", key="key", secret=SecretStr("x"))
    with pytest.raises(BadBlobStore, match="s3://bucket/prefix"):
        BlobStore(url, access)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadBlobStore, match="cannot be created"):
        BlobStore(str(tmp_path / "file" / "store"))


WRITING = """
import resource, signal, sys
from adapters.blobs import BlobStore
from activities.ports import TemporaryFailure
store = BlobStore(sys.argv[1])
content = bytes(int(sys.argv[2]))
if len(sys.argv) > 3:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
print("ready", flush=True)
try:
    store.put(content)
except TemporaryFailure as failure:
    print(failure)
"""


def writer(store: Path, *arguments: object) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", WRITING, str(store), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    # A file may grow to a million bytes and no further, as on a disk that is full.
    with writer(tmp_path, 3_000_000, 1_000_000) as process:
        told, _ = process.communicate(timeout=SECONDS)
    assert told.startswith("the document store failed")
    assert "Traceback" not in told
    assert str(tmp_path) not in told
    assert files(tmp_path) == []
    assert list(BlobStore(str(tmp_path)).list()) == []


def test_a_writer_killed_halfway_leaves_no_torn_content(tmp_path: Path) -> None:
    size = 400_000_000
    with writer(tmp_path, size) as process:
        wait_for(lambda: any((tmp_path / name).stat().st_size for name in files(tmp_path)))
        process.send_signal(signal.SIGKILL)
    store, sha256 = BlobStore(str(tmp_path)), hashlib.sha256(bytes(size)).hexdigest()
    (torn,) = files(tmp_path)
    assert 0 < (tmp_path / torn).stat().st_size < size
    assert list(store.list()) == []
    with pytest.raises(BlobMissing):
        store.get(sha256)
    store.delete(sha256)
    assert files(tmp_path) == []


# --- a server -----------------------------------------------------------------------------


def test_a_server_that_is_away_is_tried_again_later() -> None:
    access = S3Access(
        endpoint=f"http://127.0.0.1:{unused_port()}", key="key", secret=SecretStr("hush")
    )
    store = BlobStore("s3://bucket", access)
    for attempt in (
        lambda: store.put(SCAN),
        lambda: store.get(NO_SCAN),
        lambda: list(store.list()),
    ):
        with pytest.raises(TemporaryFailure) as caught:
            attempt()
        assert "127.0.0.1" not in str(caught.value)
    assert "hush" not in repr(access)


def test_a_wrong_key_is_a_persons_to_mend(s3: S3Server) -> None:
    with pytest.raises(BadBlobStore, match="rights and keys"):
        BlobStore("s3://bucket", s3.access(secret="wrong")).put(SCAN)


def test_a_bucket_that_is_not_there_is_no_success(s3: S3Server) -> None:
    with pytest.raises((TemporaryFailure, BadBlobStore)):
        BlobStore("s3://no-such-bucket", s3.access()).put(SCAN)


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
    store = BlobStore("s3://bucket/environment", s3.access())
    assert store.get(store.put(SCAN)) == SCAN
