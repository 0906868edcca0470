"""The act of destruction says what was destroyed, why and by whom, and nobody's name."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from ordered_papers import NUMBER, PAGE, SECRET, TYPESETTER
from reading import needs, output_of

from activities.ports import PermanentFailure
from adapters.papers.acts import ActMaker
from adapters.papers.signing import PaperSigner
from adapters.papers.verification import verify
from domain.paper_checks import paper_of
from domain.papers import PaperIdentity, PaperTemplate, verification_code
from domain.retention import Erasure, ErasureBasis

ACT = PaperTemplate.ACT_OF_DESTRUCTION
OPERATOR = "ГБУ «Архив», 109240, город Москва, Яузская улица, дом 1"
DESTROYED = datetime(2026, 6, 14, 22, 30, tzinfo=UTC)
"""On 15 June in Moscow."""
NEXT_DAY = datetime(2026, 6, 16, 9, 0, tzinfo=UTC)


def erasure(basis: ErasureBasis = ErasureBasis.RETENTION_ENDED) -> Erasure:
    return Erasure(
        control_number=NUMBER, basis=basis, officer="officer-7", begun_at=DESTROYED, contents=12
    )


def maker(signer: PaperSigner, operator: str = OPERATOR) -> ActMaker:
    return ActMaker(TYPESETTER, signer, operator, PAGE, SECRET)


def text_of(act: bytes, folder: Path) -> str:
    return " ".join(output_of("pdftotext", "-layout", "FILE", "-", pdf=act, folder=folder).split())


@pytest.mark.parametrize(
    ("basis", "reason"),
    [
        (ErasureBasis.RETENTION_ENDED, "истёк срок хранения персональных данных"),
        (ErasureBasis.CONSENT_WITHDRAWN, "отозвал согласие на их обработку"),
    ],
)
@needs("pdftotext", "poppler-utils")
def test_an_act_says_all_that_is_asked_of_it(
    basis: ErasureBasis, reason: str, signer: PaperSigner, tmp_path: Path
) -> None:
    text = text_of(maker(signer).make(erasure(basis), DESTROYED, NEXT_DAY), tmp_path)
    for words in (
        "Акт об уничтожении персональных данных",
        "Дата составления 16 июня 2026 г.",
        "Дата уничтожения 15 июня 2026 г., 01:30 (МСК)",
        f"заявителя по заявлению № {NUMBER}",
        "серия и номер паспорта; СНИЛС",
        "реестр заявлений, хранилище документов",
        "уничтожен ключ шифрования",
        "Удалено файлов 12",
        "учётная запись officer-7",
        "подпись, дата",
        reason,
    ):
        assert words in text
    assert all(word in text for word in OPERATOR.split())


@needs("pdfsig", "poppler-utils")
@needs("qpdf", "qpdf")
def test_an_act_is_signed_as_every_paper_is(signer: PaperSigner, tmp_path: Path) -> None:
    act = maker(signer).make(erasure(), DESTROYED, NEXT_DAY)
    found = verify(act, signer.certificates)
    assert found.valid
    assert found.paper == PaperIdentity(control_number=NUMBER, template=ACT, dated=NEXT_DAY.date())
    assert not verify(act[:-1] + b" ", signer.certificates).valid
    assert "Signature is Valid" in output_of("pdfsig", "-nocert", "FILE", pdf=act, folder=tmp_path)
    output_of("qpdf", "--check", "FILE", pdf=act, folder=tmp_path)


@needs("pdftotext", "poppler-utils")
def test_a_printed_act_is_found_by_its_code(signer: PaperSigner, tmp_path: Path) -> None:
    code = verification_code(f"{NUMBER}/act_of_destruction", SECRET)
    act = maker(signer).make(erasure(), DESTROYED, NEXT_DAY)
    assert code in text_of(act, tmp_path)
    assert paper_of(code, NUMBER, SECRET) == (f"{NUMBER}/act_of_destruction", ACT)


def test_an_operator_no_font_can_write_is_refused_before_anything_is_destroyed(
    signer: PaperSigner,
) -> None:
    with pytest.raises(PermanentFailure, match="letter that no font has"):
        maker(signer, "王")
