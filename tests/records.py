"""Records of cases for tests that need a register with something in it."""

import os
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ordered_papers import NUMBER as NUMBER  # noqa: PLC0414 - for tests of the register, too

from adapters.register.database import SqlRegister
from adapters.sealing.keyring import KeyRing
from adapters.sealing.masters import MasterKeys
from adapters.sealing.sealer import CaseSealer
from domain.confirmation import Confirmation
from domain.register import (
    CaseRecord,
    FederalRow,
    Paper,
    PaperKind,
    PaperState,
    RegisteredCharge,
    RegisteredDocument,
    RegisteredEvent,
    StoredCase,
)
from domain.routes import Route
from domain.statuses import CaseStatus

CERTIFICATE = Paper(
    paper_id=f"{NUMBER}/temporary_certificate/1",
    kind=PaperKind.TEMPORARY_CERTIFICATE,
    state=PaperState.IN_FORCE,
    number=f"{NUMBER}/1",
    issued_on=date(2026, 4, 29),
    valid_until=date(2026, 5, 29),
    changed_on=date(2026, 4, 29),
)
"""In force, of the case the papers of the tests belong to."""


def case_record(control_number: str, **changes: Any) -> CaseRecord:
    """The first record of a case in the document check."""
    facts: dict[str, Any] = {
        "control_number": control_number,
        "revision": 1,
        "submission_id": None,
        "submitted_at": datetime(2026, 4, 29, 10, 5, tzinfo=UTC),
        "status": CaseStatus.IN_REVIEW,
        "route": Route.INSTITUTION,
        "region": "77",
        "holder": "",
        "assignee": None,
        "overdue": False,
        "view": {},
    }
    return CaseRecord(**{**facts, **changes})


OTHER = "4H8P-2WZC-7N5R-3"
TODAY = date(2026, 5, 29)
NOW = datetime(2026, 5, 29, 12, 30, 15, 250_000, tzinfo=UTC)
MOSCOW = timezone(timedelta(hours=3))
DUPLICATE = Paper(
    paper_id=f"{NUMBER}/duplicate",
    kind=PaperKind.DUPLICATE,
    state=PaperState.IN_FORCE,
    series="77СПД",
    number="0004512",
    registration_number="118/2026",
    issued_on=TODAY,
    changed_on=TODAY,
)
FIRST = CaseRecord(
    control_number=NUMBER,
    revision=1,
    submission_id="portal-2026-000017",
    submitted_at=datetime(2026, 4, 29, 13, 5, tzinfo=MOSCOW),
    status=CaseStatus.RETURNED,
    route=Route.ARCHIVE,
    region="77",
    holder="Архив города",
    assignee="ivanova",
    overdue=True,
    reasons=("DOCUMENT_MISSING", "NAME_MISMATCH"),
    due_on=date(2026, 5, 13),
    provisional=True,
    view={"status": "RETURNED", "stage": {"due": "2026-05-13", "share": 0.5}, "open": [1, None]},
    events=(
        RegisteredEvent(place=1, at=NOW, event="submitted"),
        RegisteredEvent(place=2, at=NOW, event="returned", detail="DOCUMENT_MISSING"),
    ),
    charges=(
        RegisteredCharge(invoice_id=f"{NUMBER}.second", amount=300),
        RegisteredCharge(
            invoice_id=f"{NUMBER}.fee",
            amount=1500,
            void=True,
            payment_id="p-1",
            paid=1500,
            refund_id=f"{NUMBER}.refund",
            refunded=1500,
        ),
    ),
    documents=(
        RegisteredDocument(place=0, kind="consent", size_bytes=98_000),
        RegisteredDocument(place=1, kind="grade_book", size_bytes=2_400_100),
    ),
    papers=(DUPLICATE.model_copy(update={"state": PaperState.PREPARED, "issued_on": None}),),
)
CONFIRMATION = Confirmation(
    control_number=NUMBER,
    salt="00ff",
    digest="abcd",
    sent_at=NOW,
    tries=2,
    locked_until=NOW + timedelta(minutes=10),
    confirmed_at=NOW + timedelta(minutes=20),
)
FEDERAL_ROW = FederalRow(
    document_name="Диплом",
    document_kind="Диплом о среднем профессиональном образовании",
    document_status="Дубликат",
    loss_confirmed=True,
    series="77СПД",
    number="0004512",
    registration_number="118/2026",
    issued_on=TODAY,
    specialty="Программирование в компьютерных системах",
    graduation_year=2007,
    surname="Примерова-Приметная",
    given_name="Алёна",
    patronymic="Игоревна",
    birth_date=date(1987, 3, 14),
    snils="112-233-445 95",
    institution="Яузский политехнический колледж",
    institution_inn="7700001549",
    original_series="77СПА",
    original_number="0031942",
    original_issued_on=date(2007, 6, 28),
    original_surname="Приметная",
    original_given_name="Алёна",
    original_patronymic="Игоревна",
)
PERSONAL = ("Приметная", "Алёна", "Игоревна", "1987-03-14", "112-233-445 95")


def following(revision: int, **changes: Any) -> CaseRecord:
    """A later record of the same case that has nothing new but what is named."""
    nothing_new: dict[str, Any] = {"events": (), "papers": ()}
    return FIRST.model_copy(update={"revision": revision, **nothing_new, **changes})


def issued(revision: int, **changes: Any) -> CaseRecord:
    """The record that puts the duplicate in force and ends the certificate."""
    facts: dict[str, Any] = {
        "status": CaseStatus.ISSUED,
        "ended_at": NOW,
        "papers": (DUPLICATE,),
        "annul_certificate_on": TODAY,
        "federal_row": FEDERAL_ROW,
    }
    return following(revision, **facts, **changes)


def another(number: str, **changes: Any) -> CaseRecord:
    """The first record of another case."""
    return following(1, control_number=number, charges=(), **changes)


def new_ring(folder: Path) -> KeyRing:
    """A key ring that nobody else has."""
    master = f"test:{b64encode(os.urandom(32)).decode()}"
    ring = KeyRing(f"sqlite:///{folder}/keys.db", MasterKeys.from_text(master))
    ring.create()
    return ring


@asynccontextmanager
async def opened(url: str, sealer: CaseSealer, **options: Any) -> AsyncIterator[SqlRegister]:
    """A register, closed afterwards."""
    register = SqlRegister(url, sealer, **options)
    try:
        yield register
    finally:
        await register.close()


async def the_case(register: SqlRegister, number: str = NUMBER) -> StoredCase:
    """All that is known of a case that is there."""
    found = await register.find_case(number)
    assert found is not None
    return found
