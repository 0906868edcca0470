"""`diploma store check`: what the register knows of is read back, on both kinds of database."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from records import case_record
from terminal import called

from adapters.blobs import BlobStore
from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from domain.register import CaseRecord, PaperFile, RegisteredDocument

NUMBER, OTHER = "7K3M-9QXT-2B4D-6", "4H8P-2WZC-7N5R-3"


@pytest.fixture
def store(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    """An empty store beside an empty register."""
    monkeypatch.setenv("DIPLOMA_STORE_URL", str(tmp_path / "store"))
    monkeypatch.setenv("DIPLOMA_REGISTER_URL", database_url)
    migrate(database_url)
    return BlobStore(str(tmp_path / "store"))


def file_of(folder: Path, sha256: str) -> Path:
    return folder / "store" / sha256[:2] / sha256[2:]


def record(number: str, **scans: str | None) -> CaseRecord:
    return case_record(
        number,
        documents=tuple(
            RegisteredDocument(place=place, kind=kind, size_bytes=10, sha256=sha256)
            for place, (kind, sha256) in enumerate(scans.items())
        ),
    )


async def write(url: str, *records: CaseRecord, paper: str) -> None:
    register = SqlRegister(url)
    for item in records:
        await register.record(item)
    await register.keep_paper_file(
        PaperFile(
            file_key=f"{NUMBER}/receipt",
            control_number=NUMBER,
            template="submission_receipt",
            dated=date(2026, 4, 29),
            sha256=paper,
        )
    )
    await register.close()


def checked(capsys: pytest.CaptureFixture[str], code: int) -> Any:
    ended = called(capsys, "store", "check", "--json")
    assert ended.code == code
    return ended.document()


def test_every_loss_is_named_with_its_case_its_kind_and_its_hash(
    store: BlobStore, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(capsys, 0) == {"ok": True, "checked": 0, "lost": []}
    good, shared, receipt = (store.put(content) for content in (b"good", b"shared", b"receipt"))
    one = record(NUMBER, consent=good, snils=shared, inn=None)
    asyncio.run(write(database_url, one, record(OTHER, grade_book=shared), paper=receipt))
    assert checked(capsys, 0) == {"ok": True, "checked": 4, "lost": []}
    store.delete(shared)
    file_of(tmp_path, receipt).write_bytes(b"changed")
    lost = checked(capsys, 1)["lost"]
    assert [tuple(item.values()) for item in lost] == [
        (OTHER, "grade_book", shared, "missing"),
        (NUMBER, "snils", shared, "missing"),
        (NUMBER, "submission_receipt", receipt, "damaged"),
    ]
    shown = called(capsys, "store", "check")
    assert shown.code == 1
    assert all(word in shown.out for word in ("grade_book", "damaged", NUMBER))


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
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'register.db'}"
    migrate(url)
    asyncio.run(write(url, record(NUMBER, consent="a" * 64), paper="b" * 64))
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
