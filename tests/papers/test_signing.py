"""Signing adds a signature that others accept too, and changes nothing else."""

import asyncio
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from certificates import certificate, ec_key
from reading import needs, output_of

from activities.ports import TemporaryFailure
from adapters.papers.keys import SigningKey
from adapters.papers.signing import PaperSigner
from adapters.papers.specimens import EXTREME, ORDINARY
from adapters.papers.typesetting import PaperTypesetter
from adapters.papers.verification import verify
from domain.papers import AnyPaper

TYPESETTER = PaperTypesetter()
PRINTED = 4
HIDDEN_IN_ANY_WAY = 1 | 2 | 32 | 256


def test_a_signed_paper_begins_with_the_paper_as_it_was(signed: bytes, unsigned: bytes) -> None:
    assert signed.startswith(unsigned)


def test_a_signed_paper_can_still_be_kept_for_decades(signed: bytes, unsigned: bytes) -> None:
    with pikepdf.open(BytesIO(signed)) as after, pikepdf.open(BytesIO(unsigned)) as before:
        assert not after.check_pdf_syntax()
        assert after.open_metadata().pdfa_status == "2A"
        assert after.Root.Metadata.read_bytes() == before.Root.Metadata.read_bytes()
        assert after.Root.OutputIntents == before.Root.OutputIntents
        (field,) = after.Root.AcroForm.Fields
        assert field.V.SubFilter == "/ETSI.CAdES.detached"
        # PDF/A: what is on a page is printed, and without a picture it has no size.
        assert int(field.F) & PRINTED
        assert not int(field.F) & HIDDEN_IN_ANY_WAY
        assert list(field.Rect) == [0, 0, 0, 0]


@needs("qpdf", "qpdf")
def test_qpdf_finds_no_fault_in_a_signed_paper(signed: bytes, tmp_path: Path) -> None:
    output_of("qpdf", "--check", "FILE", pdf=signed, folder=tmp_path)


@needs("pdfsig", "poppler-utils")
def test_another_program_finds_the_signature_valid(signed: bytes, tmp_path: Path) -> None:
    said = output_of("pdfsig", "-nocert", "FILE", pdf=signed, folder=tmp_path)
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said
    assert "тестовый" in said


@pytest.mark.parametrize("paper", [*ORDINARY, *EXTREME], ids=lambda paper: paper.template)
def test_every_paper_is_genuine_when_signed(paper: AnyPaper, signer: PaperSigner) -> None:
    assert verify(signer.sign(TYPESETTER.render(paper)), signer.certificates).valid


async def test_papers_are_signed_and_checked_also_where_a_loop_runs(
    signer: PaperSigner, unsigned: bytes
) -> None:
    assert verify(signer.sign(unsigned), signer.certificates).valid


async def test_papers_are_signed_side_by_side(signer: PaperSigner, unsigned: bytes) -> None:
    signing = (asyncio.to_thread(signer.sign, unsigned) for _ in range(8))
    papers = await asyncio.gather(*signing)
    assert all(verify(paper, signer.certificates).valid for paper in papers)


@pytest.mark.parametrize("days", [(-20, -10), (10, 20)])
def test_nothing_is_signed_with_a_certificate_not_in_force(
    days: tuple[int, int], unsigned: bytes
) -> None:
    key = ec_key()
    signer = PaperSigner(SigningKey(key, (certificate("Служба", key, days=days),)))
    with pytest.raises(TemporaryFailure, match="not in force"):
        signer.sign(unsigned)
