"""The temporary certificate (временная справка) that bridges the wait for a duplicate (R10)."""

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field

from domain.base import Frozen, IsoDate
from domain.notices import NoticeEvent
from domain.register import Paper, PaperKind, PaperState
from domain.terms import Term


class CertificateChanged(Frozen):
    """News of a temporary certificate, told to its case, which tells the applicant (R10)."""

    event: Literal[
        NoticeEvent.CERTIFICATE_ISSUED,
        NoticeEvent.CERTIFICATE_REMINDER,
        NoticeEvent.CERTIFICATE_RENEWED,
        NoticeEvent.CERTIFICATE_EXPIRED,
    ]
    number: Annotated[str, Field(pattern=r"^[0-9A-Z-]{16}/[0-9]{1,4}$")]
    state: PaperState
    valid_until: IsoDate | None = None


def certificate(
    control_number: str, run: int, issued_on: date, validity: Term, changed_on: date
) -> Paper:
    """A certificate in force; its last day is counted in plain calendar days (R10).

    Args:
        control_number: Of the case it belongs to.
        run: Counts the certificates of a case from 1.
        issued_on: The day it was issued first.
        validity: How long it is valid from the last renewal.
        changed_on: The day of issue or of the last renewal.
    """
    number = f"{control_number}/{run}"
    return Paper(
        paper_id=f"{control_number}/{PaperKind.TEMPORARY_CERTIFICATE}/{run}",
        kind=PaperKind.TEMPORARY_CERTIFICATE,
        state=PaperState.IN_FORCE,
        number=number,
        issued_on=issued_on,
        valid_until=changed_on + timedelta(days=validity.latest),
        changed_on=changed_on,
    )
