"""Anyone can tell a paper of ours from any other file, and no file can break the telling."""

import logging
import random
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pikepdf
import pytest
from asn1crypto import cms
from certificates import certificate, ec_key, rsa_key
from cryptography.x509 import Certificate
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

from adapters.papers.coroutines import finish
from adapters.papers.keys import SigningKey, as_asn1
from adapters.papers.signing import PaperSigner
from adapters.papers.verification import LARGEST_FILE, verify
from domain.papers import FINDING_LABELS, Finding, Verification

CHANGES = 200
CONTAINER = re.compile(rb"<(3[0-9A-F]+)>")


ROOT_KEY = ec_key()
ROOT = certificate("Root", ROOT_KEY)


def found_in(pdf: bytes, signer: PaperSigner) -> Finding:
    return verify(pdf, signer.certificates).finding


def test_a_paper_of_ours_is_genuine(signed: bytes, signer: PaperSigner) -> None:
    verification = verify(signed, signer.certificates)
    assert verification.valid
    assert verification.signer == "Служба дубликатов (тестовый)"
    assert verification.signed_at is not None
    assert abs(verification.signed_at - datetime.now(UTC)) < timedelta(minutes=10)
    assert "подлинный" in verification.reason


def test_every_finding_has_words() -> None:
    assert set(FINDING_LABELS) == set(Finding)
    for finding in Finding:
        verification = Verification(finding=finding)
        assert verification.reason
        assert verification.valid is (finding is Finding.GENUINE)


# --- changes --------------------------------------------------------------------------------


def test_one_changed_byte_anywhere_is_found(signed: bytes, signer: PaperSigner) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)  # noqa: T201 - to repeat a failure
    chance = random.Random(seed)
    stretch = len(signed) // CHANGES
    for change in range(CHANGES):
        place = change * stretch + chance.randrange(stretch)
        other = chance.choice([byte for byte in range(256) if byte != signed[place]])
        changed = signed[:place] + bytes([other]) + signed[place + 1 :]
        assert not verify(changed, signer.certificates).valid, (seed, place, other)


def test_one_changed_digit_in_the_signature_itself_is_found(
    signed: bytes, signer: PaperSigner
) -> None:
    # Parts of it are protected by no signature: names of algorithms, versions, padding.
    container = CONTAINER.search(signed)
    assert container is not None
    for place in range(container.start(), container.end(), 11):
        digit = b"0" if signed[place : place + 1] != b"0" else b"1"
        changed = signed[:place] + digit + signed[place + 1 :]
        assert not verify(changed, signer.certificates).valid, place


@pytest.mark.parametrize("added", [b"\n", b"\0", b" ", b"%%EOF\n", b"x" * 100_000])
def test_anything_added_at_the_end_is_found(
    added: bytes, signed: bytes, signer: PaperSigner
) -> None:
    assert found_in(signed + added, signer) is Finding.CHANGED


def test_a_later_revision_is_found(signed: bytes, signer: PaperSigner) -> None:
    writer = IncrementalPdfFileWriter(BytesIO(signed))
    writer.root["/PageMode"] = pdf_name("/UseNone")
    writer.update_root()  # type: ignore[no-untyped-call]
    revised = BytesIO()
    writer.write(revised)  # type: ignore[no-untyped-call]
    assert revised.getvalue().startswith(signed)
    assert found_in(revised.getvalue(), signer) is Finding.CHANGED


def test_a_paper_saved_by_another_program_is_found(signed: bytes, signer: PaperSigner) -> None:
    out = BytesIO()
    with pikepdf.open(BytesIO(signed)) as pdf:
        pdf.save(out)
    assert found_in(out.getvalue(), signer) is Finding.CHANGED


def test_every_cut_is_found(signed: bytes, signer: PaperSigner) -> None:
    for length in range(0, len(signed), len(signed) // 60):
        assert not verify(signed[:length], signer.certificates).valid


def test_our_signature_in_another_file_is_found(
    signed: bytes, unsigned: bytes, signer: PaperSigner
) -> None:
    other = signer.sign(unsigned)
    ours, theirs = CONTAINER.search(signed), CONTAINER.search(other)
    assert ours is not None
    assert theirs is not None
    moved = other.replace(theirs[0], ours[0])
    assert len(moved) == len(other)
    assert found_in(moved, signer) is Finding.CHANGED


def rewrapped(pdf: bytes, change: Callable[[cms.SignedData], None]) -> bytes:
    """The file with a change in the container of its signature, where nothing protects it."""
    container = CONTAINER.search(pdf)
    assert container is not None
    content = cms.ContentInfo.load(bytes.fromhex(container[1].decode()))
    change(content["content"])
    digits = content.dump(force=True).hex().upper().encode().ljust(len(container[1]), b"0")
    assert len(digits) == len(container[1])
    return pdf.replace(container[1], digits)


def repeat_certificate(content: cms.SignedData) -> None:
    content["certificates"].append(content["certificates"][0])


def add_root(content: cms.SignedData) -> None:
    content["certificates"].append(cms.CertificateChoices("certificate", as_asn1([ROOT])[0]))


def add_remark(content: cms.SignedData) -> None:
    remark = cms.CMSAttribute({"type": "content_type", "values": ["data"]})
    content["signer_infos"][0]["unsigned_attrs"] = [remark]


def call_it_newer(content: cms.SignedData) -> None:
    content["version"] = "v3"


@pytest.mark.parametrize("change", [repeat_certificate, add_root, add_remark, call_it_newer])
def test_what_is_put_beside_a_signature_is_found(
    change: Callable[[cms.SignedData], None], unsigned: bytes
) -> None:
    key = ec_key()
    own = certificate("Служба", key, "Root", ROOT_KEY)
    paper = PaperSigner(SigningKey(key, (own, ROOT))).sign(unsigned)
    assert rewrapped(paper, lambda _: None) == paper
    assert verify(paper, (own, ROOT)).valid
    for stampers in ((), (ROOT,)):
        changed = verify(rewrapped(paper, change), (own, ROOT), stampers)
        assert changed.finding is Finding.CHANGED


# --- files of others ------------------------------------------------------------------------


def signed_by(key: SigningKey, pdf: bytes) -> bytes:
    """The file signed as other programs do."""
    signing = PdfSigner(
        PdfSignatureMetadata(field_name="Other", md_algorithm="sha256"),
        key,
        new_field_spec=SigFieldSpec("Other"),
    )
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    content: bytes = finish(signing.async_sign_pdf(writer)).getvalue()
    return content


def stranger(first: int, last: int) -> tuple[SigningKey, Certificate]:
    key = rsa_key()
    own = certificate("Служба дубликатов (тестовый)", key, days=(first, last))
    return SigningKey(key, (own,)), own


def test_a_file_signed_by_somebody_else_is_not_ours(unsigned: bytes, signer: PaperSigner) -> None:
    key, _ = stranger(-1, 1)
    assert found_in(signed_by(key, unsigned), signer) is Finding.FOREIGN
    assert found_in(PaperSigner(key).sign(unsigned), signer) is Finding.FOREIGN


def test_another_customer_of_our_authority_is_not_us(unsigned: bytes) -> None:
    theirs = ec_key()
    own = certificate("Служба", ec_key(), "Root", ROOT_KEY)
    other = certificate("Служба", theirs, "Root", ROOT_KEY)
    paper = PaperSigner(SigningKey(theirs, (other, ROOT))).sign(unsigned)
    for trusted in ((own, ROOT), (ROOT,), ()):
        assert verify(paper, trusted).finding is Finding.FOREIGN


def test_papers_signed_with_a_former_key_stay_genuine(signed: bytes, signer: PaperSigner) -> None:
    _, newer = stranger(-1, 30)
    assert verify(signed, (newer, *signer.certificates)).valid


@pytest.mark.parametrize("days", [(-20, -10), (10, 20)])
def test_a_certificate_has_to_be_in_force_on_the_day_of_signing(
    days: tuple[int, int], unsigned: bytes
) -> None:
    key, own = stranger(*days)
    verification = verify(signed_by(key, unsigned), (own,))
    assert verification.finding is Finding.CERTIFICATE_NOT_VALID
    assert verification.signer


def test_a_second_signature_is_one_too_many(
    signed: bytes, unsigned: bytes, signer: PaperSigner
) -> None:
    key, _ = stranger(-1, 1)
    assert found_in(signed_by(key, signed), signer) is Finding.SEVERAL_SIGNATURES
    assert found_in(signer.sign(signed_by(key, unsigned)), signer) is Finding.SEVERAL_SIGNATURES


def test_an_unsigned_paper_and_other_files_are_told_apart(
    unsigned: bytes, signer: PaperSigner
) -> None:
    assert found_in(unsigned, signer) is Finding.UNSIGNED
    assert found_in(b"%PDF-", signer) is Finding.UNSIGNED
    for other in (b"", b"%", b"PK\3\4", b"\x89PNG\r\n", "Здравствуйте".encode(), b" %PDF-1.7"):
        assert found_in(other, signer) is Finding.NOT_PDF


# --- hostile files --------------------------------------------------------------------------

RANGE = b"/ByteRange [0 %d %d %d]"
HOSTILE = {
    "nothing but a range": b"%PDF-1.7" + RANGE % (0, 0, 0),
    "range out of the file": b"%PDF-1.7" + RANGE % (10**9, 10**9, 10**9),
    "range backwards": b"%PDF-1.7" + RANGE % (20, 10, 5),
    "empty signature": b"%PDF-1.7<>" + RANGE % (8, 10, 21),
    "no digits": b"%PDF-1.7<xyz>" + RANGE % (8, 13, 21),
    "deeply nested": b"%PDF-1.7<" + b"3080" * 15_000 + b">" + RANGE % (8, 60_010, 26),
    "long signature": b"%PDF-1.7<" + b"30" * 9_000_000 + b">" + RANGE % (8, 18_000_010, 32),
    "many ranges": b"%PDF-1.7" + b"/ByteRange" * 2_000_000,
    "endless spaces": b"%PDF-1.7/ByteRange" + b" " * 20_000_000,
    "endless digits": b"%PDF-1.7/ByteRange [0 " + b"1" * 20_000_000,
    "zeros": b"%PDF-1.7" + b"\0" * 20_000_000,
}


@pytest.mark.parametrize("pdf", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_turned_down_at_once_and_in_silence(
    pdf: bytes, signer: PaperSigner, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.process_time()
    with caplog.at_level(logging.DEBUG, logger=""):
        assert not verify(pdf, signer.certificates).valid
    assert time.process_time() - began < 2
    assert not caplog.records


def test_a_file_too_large_is_not_looked_at(signed: bytes, signer: PaperSigner) -> None:
    padded = signed.ljust(LARGEST_FILE + 1, b"\n")
    assert found_in(padded, signer) is Finding.TOO_LARGE
    assert found_in(padded[:-1], signer) is Finding.CHANGED
