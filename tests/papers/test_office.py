"""Papers are made out, signed and kept once, say which they are, and stand up to other programs."""

import asyncio
import random
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from ordered_papers import APPLICATION, NUMBER, ORDERS, PAGE, SECRET, issued, office_in
from reading import needs, output_of
from samples import valid_application

from activities.ports import Attachment, PermanentFailure
from adapters.papers.signing import PaperSigner
from adapters.papers.verification import verify
from domain.application import Application
from domain.papers import PaperTemplate, verification_code

T = PaperTemplate
CHANGES = 200


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory, signer: PaperSigner) -> bytes:
    return issued(T.TEMPORARY_CERTIFICATE, tmp_path_factory.mktemp("store"), signer).content


@pytest.mark.parametrize("template", ORDERS)
def test_an_issued_paper_is_kept_genuine_and_says_which_it_is(
    template: PaperTemplate, tmp_path: Path, signer: PaperSigner
) -> None:
    paper = issued(template, tmp_path, signer)
    found = verify(paper.content, signer.certificates)
    assert found.valid
    assert found.trial
    assert found.paper == ORDERS[template].identity(NUMBER)
    assert office_in(tmp_path, signer)._store.get(NUMBER, paper.sha256) == paper.content


@pytest.mark.parametrize("template", ORDERS)
@needs("pdfsig", "poppler-utils")
@needs("qpdf", "qpdf")
def test_other_programs_find_no_fault_in_an_issued_paper(
    template: PaperTemplate, tmp_path: Path, signer: PaperSigner
) -> None:
    content = issued(template, tmp_path / "store", signer).content
    said = output_of("pdfsig", "-nocert", "FILE", pdf=content, folder=tmp_path)
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    output_of("qpdf", "--check", "FILE", pdf=content, folder=tmp_path)


def test_a_paper_issued_before_is_only_fetched(tmp_path: Path, signer: PaperSigner) -> None:
    office, order = office_in(tmp_path, signer), ORDERS[T.TEMPORARY_CERTIFICATE]
    first = office.issue(order, APPLICATION, NUMBER)
    again = office.issue(order, APPLICATION, NUMBER, known_sha256=first.sha256)
    assert again == first
    assert office.issue(order, APPLICATION, NUMBER).sha256 != first.sha256


@pytest.mark.parametrize("change", ["lost", "damaged"])
def test_a_paper_that_is_lost_is_not_quietly_replaced(
    change: str, tmp_path: Path, signer: PaperSigner
) -> None:
    paper = issued(T.INVOICE, tmp_path, signer)
    (file,) = (found for found in tmp_path.rglob("*") if found.is_file())
    file.unlink() if change == "lost" else file.write_bytes(b"%PDF-")
    with pytest.raises(PermanentFailure, match=f"^invoice: .*{paper.sha256}"):
        office_in(tmp_path, signer).issue(
            ORDERS[T.INVOICE], APPLICATION, NUMBER, known_sha256=paper.sha256
        )


def test_the_name_of_a_file_can_go_with_a_mail(tmp_path: Path, signer: PaperSigner) -> None:
    paper = issued(T.TEMPORARY_CERTIFICATE, tmp_path, signer)
    assert paper.file_name == "temporary-certificate-7K3M-9QXT-2B4D-6.pdf"
    Attachment(name=paper.file_name, content=paper.content)


def test_the_printed_address_holds_number_and_code(certificate: bytes) -> None:
    code = verification_code(f"{NUMBER}/temporary_certificate/1", SECRET)
    with pikepdf.open(BytesIO(certificate)) as pdf:
        links = [str(note.A.URI) for note in pdf.pages[0].Annots if "/A" in note]
    assert links == [f"{PAGE}/{NUMBER}/{code}"]


def test_a_name_no_font_can_write_needs_a_person_and_is_not_repeated(
    tmp_path: Path, signer: PaperSigner
) -> None:
    written = valid_application(applicant={"name": {"surname": "王"}})
    with pytest.raises(PermanentFailure) as failure:
        office_in(tmp_path, signer).issue(
            ORDERS[T.SUBMISSION_RECEIPT], Application.model_validate(written), NUMBER
        )
    assert str(failure.value) == "submission_receipt: a letter that no font has"


def test_a_missing_fact_needs_a_person(tmp_path: Path, signer: PaperSigner) -> None:
    order = ORDERS[T.TEMPORARY_CERTIFICATE].model_copy(update={"valid_until": None})
    with pytest.raises(PermanentFailure, match=r"temporary_certificate: valid_until$"):
        office_in(tmp_path, signer).issue(order, APPLICATION, NUMBER)


async def test_papers_are_made_out_side_by_side(tmp_path: Path, signer: PaperSigner) -> None:
    office = office_in(tmp_path, signer)
    making = (
        asyncio.to_thread(office.issue, order, APPLICATION, NUMBER) for order in ORDERS.values()
    )
    papers = await asyncio.gather(*making)
    assert all(verify(paper.content, signer.certificates).valid for paper in papers)


def test_200_changed_bytes_are_found_one_by_one(certificate: bytes, signer: PaperSigner) -> None:
    chance = random.Random(906)
    for place in chance.sample(range(len(certificate)), CHANGES):
        changed = bytearray(certificate)
        changed[place] ^= chance.randrange(1, 256)
        assert not verify(bytes(changed), signer.certificates).valid, place


def test_200_ways_to_add_something_are_found(certificate: bytes, signer: PaperSigner) -> None:
    chance = random.Random(907)
    for _ in range(CHANGES):
        added = certificate + chance.randbytes(chance.randrange(1, 100))
        assert not verify(added, signer.certificates).valid
