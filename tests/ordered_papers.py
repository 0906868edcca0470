"""One order of each paper, and an office that makes them out."""

from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from helpers import trial_keys
from samples import valid_application

from adapters.blobs import BlobStore
from adapters.papers.office import IssuedPaper, PaperOffice
from adapters.papers.signing import PaperSigner
from adapters.papers.typesetting import PaperTypesetter
from adapters.sealing.sealer import CaseSealer
from domain.application import Application
from domain.errands import ErrandKind
from domain.fees import FEE_LABELS, Fee, FeeCode
from domain.messages import ProductionRecord
from domain.paper_orders import PaperOrder
from domain.papers import PaperTemplate

NUMBER = "7K3M-9QXT-2B4D-6"
DATED = date(2026, 4, 29)
APPLICATION = Application.model_validate(valid_application())
SECRET = b"a secret of the tests"
PAGE = "http://127.0.0.1:8071/verify"
FEES = (
    Fee(code=FeeCode.STATE_DUTY, label=FEE_LABELS[FeeCode.STATE_DUTY], amount=1500),
    Fee(code=FeeCode.EXPEDITED, label=FEE_LABELS[FeeCode.EXPEDITED], amount=300),
)
DUPLICATE = ProductionRecord(
    series="117704", number="0012345", registration_number="2026-118", issued_on=date(2026, 5, 27)
)
T = PaperTemplate
ORDERS = {
    T.SUBMISSION_RECEIPT: PaperOrder(
        template=T.SUBMISSION_RECEIPT,
        dated=DATED,
        submitted_at=datetime(2026, 4, 29, 14, 5, tzinfo=timezone(timedelta(hours=3))),
        fees=FEES,
        pay_url="https://pay.example.org/1",
    ),
    T.HOLDER_LETTER: PaperOrder(
        template=T.HOLDER_LETTER,
        dated=DATED,
        holder="Яузский политехнический колледж",
        request=ErrandKind.VERIFICATION,
        answer_by=date(2026, 5, 13),
    ),
    T.INVOICE: PaperOrder(template=T.INVOICE, dated=DATED, number=f"{NUMBER}.1", fees=FEES),
    T.TEMPORARY_CERTIFICATE: PaperOrder(
        template=T.TEMPORARY_CERTIFICATE,
        dated=DATED,
        number=f"{NUMBER}/1",
        valid_until=date(2026, 5, 29),
    ),
    T.SUBSTITUTE_CERTIFICATE: PaperOrder(
        template=T.SUBSTITUTE_CERTIFICATE,
        dated=DATED,
        number=f"{NUMBER}/s",
        closure_protocol="№ 5 от 01.02.2011",
    ),
    T.ACCEPTANCE_ACT: PaperOrder(
        template=T.ACCEPTANCE_ACT,
        dated=DATED,
        number="А-17",
        holder="Яузский политехнический колледж",
        duplicate=DUPLICATE,
    ),
    T.ELECTRONIC_DUPLICATE: PaperOrder(
        template=T.ELECTRONIC_DUPLICATE, dated=DATED, duplicate=DUPLICATE
    ),
}
TYPESETTER = PaperTypesetter()


@cache
def sealer() -> CaseSealer:
    """Of a key ring made once for all tests of this process."""
    return trial_keys(Path(mkdtemp(prefix="keys-"))).sealer


def office_in(folder: Path, signer: PaperSigner) -> PaperOffice:
    """An office that keeps its papers in a folder."""
    return PaperOffice(TYPESETTER, signer, BlobStore(str(folder), sealer()), PAGE, SECRET)


def issued(template: PaperTemplate, folder: Path, signer: PaperSigner) -> IssuedPaper:
    """A paper about the applicant of the tests."""
    return office_in(folder, signer).issue(ORDERS[template], APPLICATION, NUMBER)
