"""`diploma store check`: what the register knows of is read back, on both kinds of database."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from helpers import key_settings, trial_keys
from ordered_papers import NUMBER
from records import case_record, opened
from terminal import called

from adapters.blobs import BlobStore
from adapters.register.schema import migrate
from domain.numbers import control_number
from domain.register import CaseRecord, PaperFile, RegisteredDocument
from workers.keys import Keys

OTHER = control_number({"submission_id": "another"})


@pytest.fixture
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    """Those of the environment."""
    for name, value in key_settings(tmp_path).items():
        monkeypatch.setenv(f"DIPLOMA_{name.upper()}", str(value))
    with closing(trial_keys(tmp_path)) as made:
        yield made


@pytest.fixture
def store(
    tmp_path: Path, database_url: str, own_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> BlobStore:
    """An empty store beside an empty register."""
    monkeypatch.setenv("DIPLOMA_STORE_URL", str(tmp_path / "store"))
    monkeypatch.setenv("DIPLOMA_REGISTER_URL", database_url)
    migrate(database_url, own_keys.sealer)
    return BlobStore(str(tmp_path / "store"), own_keys.sealer)


def record(number: str, **scans: str | None) -> CaseRecord:
    return case_record(
        number,
        documents=tuple(
            RegisteredDocument(place=place, kind=kind, size_bytes=10, sha256=sha256)
            for place, (kind, sha256) in enumerate(scans.items())
        ),
    )


async def write(keys: Keys, url: str, *records: CaseRecord, paper: str) -> None:
    receipt = PaperFile(
        file_key=f"{NUMBER}/receipt",
        control_number=NUMBER,
        template="submission_receipt",
        dated=date(2026, 4, 29),
        sha256=paper,
    )
    async with opened(url, keys.sealer) as register:
        for item in records:
            await register.record(item)
        await register.keep_paper_file(receipt)


def checked(capsys: pytest.CaptureFixture[str], code: int) -> Any:
    ended = called(capsys, "store", "check", "--json")
    assert ended.code == code
    return ended.document()


def test_every_loss_is_named_with_its_case_its_kind_and_its_hash(
    store: BlobStore,
    own_keys: Keys,
    database_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert checked(capsys, 0) == {"ok": True, "checked": 0, "lost": []}
    good, both, receipt = (store.put(NUMBER, text) for text in (b"good", b"both", b"receipt"))
    store.put(OTHER, b"both")
    one = record(NUMBER, consent=good, snils=both, inn=None)
    asyncio.run(write(own_keys, database_url, one, record(OTHER, grade_book=both), paper=receipt))
    assert checked(capsys, 0) == {"ok": True, "checked": 4, "lost": []}
    store.delete(NUMBER, both)
    (tmp_path / "store" / NUMBER / receipt).write_bytes(b"changed")
    own_keys.ring.destroy(OTHER)
    lost = checked(capsys, 1)["lost"]
    assert {tuple(item.values()) for item in lost} == {
        (OTHER, "grade_book", both, "erased"),
        (NUMBER, "snils", both, "missing"),
        (NUMBER, "submission_receipt", receipt, "damaged"),
    }
    shown = called(capsys, "store", "check")
    assert shown.code == 1
    assert all(word in shown.out for word in ("grade_book", "damaged", NUMBER))


def test_a_missing_key_is_told_from_a_lost_content(
    store: BlobStore,
    own_keys: Keys,
    database_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    consent, receipt = store.put(NUMBER, b"consent"), store.put(NUMBER, b"receipt")
    asyncio.run(write(own_keys, database_url, record(NUMBER, consent=consent), paper=receipt))
    (tmp_path / "keys.db").unlink()
    ended = called(capsys, "store", "check")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert ended.err.startswith("DIPLOMA_KEYRING_URL: ")
    own_keys.close()
    own_keys.ring.create()  # an empty one
    lost = checked(capsys, 1)["lost"]
    assert [item["state"] for item in lost] == ["key missing"] * 2


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("s3://documents", "endpoint, key and secret"),
        ("https://example.org", "s3://bucket/prefix"),
        ("/dev/null/documents", "cannot be created"),
    ],
)
def test_a_store_that_cannot_be_opened_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str, named: str
) -> None:
    monkeypatch.setenv("DIPLOMA_STORE_URL", url)
    ended = called(capsys, "store", "check")
    assert ended.code == 2
    assert ended.err.startswith("DIPLOMA_STORE_URL: ")
    assert named in ended.err
    assert ended.err.count("\n") == 1


def test_a_store_nobody_answers_for_is_tried_again(
    own_keys: Keys,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'register.db'}"
    migrate(url, own_keys.sealer)
    asyncio.run(write(own_keys, url, record(NUMBER, consent="a" * 64), paper="b" * 64))
    settings = {
        "REGISTER_URL": url,
        "STORE_URL": "s3://documents",
        "STORE_ENDPOINT": "http://127.0.0.1:1",
        "STORE_KEY": "key",
        "STORE_SECRET": "Soko-17",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"DIPLOMA_{name}", value)
    ended = called(capsys, "store", "check")
    assert ended.code == 1
    assert "try again" in ended.err
    assert "Soko-17" not in called(capsys, "settings").out
