"""Keys and secrets of papers: made on the first run for nobody else's eyes, or named and checked."""

from pathlib import Path

import pytest
from ordered_papers import APPLICATION, NUMBER, ORDERS, sealer
from terminal import called

from adapters.blobs import BlobStore
from adapters.papers.keys import trial_key
from adapters.papers.verification import verify
from domain.papers import PaperTemplate
from workers.papers import TRIAL_KEY, TRIAL_SECRET, known_certificates, paper_office
from workers.settings import load_settings

PAPER = "paper.pdf"


@pytest.fixture
def paper(tmp_path: Path) -> str:
    file = tmp_path / PAPER
    file.write_bytes(b"%PDF-1.7")
    return str(file)


def test_the_first_run_makes_a_key_and_a_secret_and_the_second_has_them(tmp_path: Path) -> None:
    settings = load_settings(secrets_folder=tmp_path / "var")
    store = BlobStore(str(tmp_path / "store"), sealer())
    order = ORDERS[PaperTemplate.TEMPORARY_CERTIFICATE]
    first = paper_office(settings, store).issue(order, APPLICATION, NUMBER)
    made = {file.name: file.read_bytes() for file in settings.secrets_folder.iterdir()}
    assert set(made) == {TRIAL_KEY, TRIAL_SECRET}
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in settings.secrets_folder.iterdir())
    second = paper_office(settings, store).issue(order, APPLICATION, NUMBER)
    assert {file.name: file.read_bytes() for file in settings.secrets_folder.iterdir()} == made
    for issued in (first, second):
        assert verify(issued.content, *known_certificates(settings)).valid


@pytest.mark.parametrize("wrong", ["missing", "garbage", "passphrase", "open"])
def test_a_key_that_cannot_be_used_is_named_in_one_line(
    wrong: str,
    paper: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "our.pem"
    match wrong:
        case "garbage":
            file.write_text("-----BEGIN NOTHING")
        case "passphrase":
            trial_key(file, "right")
            monkeypatch.setenv("DIPLOMA_SIGNING_PASSPHRASE", "wrong-one")
        case "open":
            trial_key(file)
            file.chmod(0o644)
    monkeypatch.setenv("DIPLOMA_SIGNING_KEY", str(file))
    said = called(capsys, "verify", paper)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith("DIPLOMA_SIGNING_KEY: ")
    assert "our.pem" in said.err
    assert "wrong-one" not in said.err


@pytest.mark.parametrize("wrong", ["missing", "short", "open"])
def test_a_secret_that_cannot_be_used_is_named_in_one_line(
    wrong: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "secret"
    if wrong != "missing":
        file.write_text("0123456789abcdef0123456789" if wrong == "open" else "0123456789\n")
        file.chmod(0o644 if wrong == "open" else 0o600)
    monkeypatch.setenv("DIPLOMA_VERIFICATION_SECRET_FILE", str(file))
    said = called(capsys, "verify-site", "--port", "1")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith("DIPLOMA_VERIFICATION_SECRET_FILE: ")
    assert "0123456789" not in said.err


def test_stamps_nobody_could_check_are_not_asked_for(
    paper: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPLOMA_TIMESTAMP_URL", "https://time.example.org/")
    said = called(capsys, "verify", paper)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert said.err.startswith("DIPLOMA_TIMESTAMP_URL: ")
    assert "DIPLOMA_TIMESTAMP_CERTIFICATES" in said.err


@pytest.mark.parametrize("name", ["TRUSTED_CERTIFICATES", "TIMESTAMP_CERTIFICATES"])
def test_certificates_that_cannot_be_read_are_named(
    name: str, paper: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DIPLOMA_{name}", paper)
    said = called(capsys, "verify", paper)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert said.err.startswith(f"DIPLOMA_{name}: ")


def test_a_passphrase_is_never_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPLOMA_SIGNING_PASSPHRASE", "open-sesame")
    assert "open-sesame" not in called(capsys, "settings", "--json").out
