"""`diploma verify` tells whether a file is a paper of ours, unchanged and in force."""

import asyncio
import json
import os
from contextlib import closing
from pathlib import Path

import pytest
from helpers import key_settings, trial_keys
from ordered_papers import NUMBER, issued
from records import CERTIFICATE, case_record, opened
from terminal import called

from adapters.papers.keys import as_pem
from adapters.papers.signing import PaperSigner
from adapters.register.schema import migrate
from domain.papers import PaperTemplate
from domain.register import Paper, PaperState
from workers.keys import opened_keys
from workers.settings import load_settings


@pytest.fixture
def register_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'register.db'}"
    with closing(trial_keys(tmp_path)) as keys:
        migrate(url, keys.sealer)
    for name, value in key_settings(tmp_path).items():
        monkeypatch.setenv(f"DIPLOMA_{name.upper()}", str(value))
    monkeypatch.setenv("DIPLOMA_REGISTER_URL", url)
    return url


@pytest.fixture(autouse=True)
def with_our_key(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPLOMA_SIGNING_KEY", str(key_file))


def register_has(url: str, *papers: Paper) -> None:
    async def record() -> None:
        async with opened(url, keys.sealer) as register:
            await register.record(case_record(NUMBER, papers=papers))

    with opened_keys(load_settings()) as keys:
        asyncio.run(record())


@pytest.fixture
def certificate(tmp_path: Path, signer: PaperSigner) -> Path:
    return paper_file(PaperTemplate.TEMPORARY_CERTIFICATE, tmp_path, signer)


def paper_file(template: PaperTemplate, folder: Path, signer: PaperSigner) -> Path:
    paper = issued(template, folder / "store", signer)
    file = folder / paper.file_name
    file.write_bytes(paper.content)
    return file


def test_a_certificate_in_force_is_good(
    certificate: Path, register_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    register_has(register_url, CERTIFICATE)
    said = called(capsys, "verify", str(certificate))
    assert said.code == 0
    for words in (
        *("signature    valid", "Служба дубликатов (тестовый)", "made up for trials", "B-B"),
        *("no stamp of time", f"Временная справка {NUMBER}/1", "29.04.2026", "in force until"),
    ):
        assert words in said.out
    told = called(capsys, "verify", str(certificate), "--json").document()
    assert (told["ok"], told["valid"], told["trial"], told["level"]) == (True, True, True, "B-B")
    assert told["paper"]["number"] == f"{NUMBER}/1"
    assert told["register"]["valid_until"] == "2026-05-29"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (PaperState.ANNULLED, "annulled"),
        (PaperState.EXPIRED, "expired"),
        (PaperState.REPLACED, "replaced"),
        (PaperState.PREPARED, "not issued yet"),
    ],
)
def test_a_certificate_no_longer_in_force_is_not_good_though_genuine(
    certificate: Path,
    register_url: str,
    capsys: pytest.CaptureFixture[str],
    state: PaperState,
    words: str,
) -> None:
    register_has(register_url, CERTIFICATE.model_copy(update={"state": state}))
    said = called(capsys, "verify", str(certificate))
    assert said.code == 1
    assert "signature    valid" in said.out
    assert words in said.out
    assert said.err == ""


def test_a_paper_unknown_to_the_register_is_said_to_be_so(
    certificate: Path, register_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    register_has(register_url)
    said = called(capsys, "verify", str(certificate))
    assert said.code == 1
    assert "does not know this paper" in said.out


@pytest.mark.parametrize(
    "template",
    [
        PaperTemplate.SUBMISSION_RECEIPT,
        PaperTemplate.HOLDER_LETTER,
        PaperTemplate.INVOICE,
        PaperTemplate.ACCEPTANCE_ACT,
    ],
)
@pytest.mark.usefixtures("register_url")
def test_a_paper_that_has_no_state_is_good_when_genuine(
    template: PaperTemplate,
    tmp_path: Path,
    signer: PaperSigner,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = paper_file(template, tmp_path, signer)
    assert called(capsys, "verify", str(file)).code == 0


def test_no_master_key_is_needed_to_check(
    certificate: Path,
    register_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    register_has(register_url, CERTIFICATE)
    (tmp_path / "master-keys").unlink()
    (tmp_path / "keys.db").unlink()
    assert called(capsys, "verify", str(certificate)).code == 0


def test_a_changed_paper_is_not_valid(
    certificate: Path, register_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    register_has(register_url, CERTIFICATE)
    certificate.write_bytes(certificate.read_bytes() + b"\n")
    said = called(capsys, "verify", str(certificate))
    assert said.code == 1
    assert "NOT VALID" in said.out
    told = called(capsys, "verify", str(certificate), "--json").document()
    assert (told["ok"], told["finding"], told["register"]) == (False, "changed", None)


def test_without_the_register_the_signature_is_told_all_the_same(
    certificate: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPLOMA_REGISTER_URL", "postgresql://nobody@127.0.0.1:1/register")
    said = called(capsys, "verify", str(certificate))
    assert said.code == 1
    assert "signature    valid" in said.out
    assert "cannot be asked" in said.out
    assert said.err.count("\n") == 1


def test_former_certificates_are_trusted_and_no_key_is_needed_to_check(
    certificate: Path,
    register_url: str,
    signer: PaperSigner,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    register_has(register_url, CERTIFICATE)
    monkeypatch.delenv("DIPLOMA_SIGNING_KEY")
    monkeypatch.setenv("DIPLOMA_SECRETS_FOLDER", str(tmp_path / "none"))
    nothing = called(capsys, "verify", str(certificate))
    assert (nothing.code, nothing.err.count("\n")) == (2, 1)
    assert "DIPLOMA_TRUSTED_CERTIFICATES" in nothing.err
    former = tmp_path / "former.pem"
    former.write_bytes(as_pem(signer.certificates))
    monkeypatch.setenv("DIPLOMA_TRUSTED_CERTIFICATES", str(former))
    assert called(capsys, "verify", str(certificate)).code == 0
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["nowhere.pdf", ".", "secret.pdf"])
def test_a_file_that_cannot_be_read_is_bad_input(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "secret.pdf":
        if os.geteuid() == 0:
            pytest.skip("nothing is secret from root")
        (tmp_path / name).touch(mode=0)
    said = called(capsys, "verify", str(tmp_path / name))
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", json.dumps({"a": 1}).encode()])
def test_any_other_file_is_just_not_ours(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.pdf"
    file.write_bytes(content)
    said = called(capsys, "verify", str(file))
    assert (said.code, said.err) == (1, "")
    assert "NOT VALID" in said.out
