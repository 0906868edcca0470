"""How long a case is kept after its end, and what is kept of an erased one (R13)."""

from datetime import date, timedelta
from enum import StrEnum

from pydantic import Field

from domain.base import Frozen, Instant
from domain.statuses import CaseStatus


class ErasureBasis(StrEnum):
    """Why a case is erased (основание уничтожения)."""

    RETENTION_ENDED = "retention_ended"
    CONSENT_WITHDRAWN = "consent_withdrawn"


class RetentionRules(Frozen):
    """Retention periods (сроки хранения) in calendar days from the end of a case (R13)."""

    issued: int = Field(ge=0)
    """The duplicate was handed over."""
    substitute_issued: int = Field(ge=0)
    """A substitute certificate was issued instead."""
    given_up: int = Field(ge=0)
    """Withdrawn, or closed because nothing was corrected in time."""

    def last_day(self, status: CaseStatus, ended_on: date) -> date:
        """The last day a case is kept without another reason."""
        days = {
            CaseStatus.ISSUED: self.issued,
            CaseStatus.SUBSTITUTE_ISSUED: self.substitute_issued,
        }.get(status, self.given_up)
        return ended_on + timedelta(days=days)


class Erasure(Frozen):
    """What stays of an erased case, and what its act of destruction says; nothing personal.

    The act (акт об уничтожении) has to show when, why, by whom and what was destroyed.
    """

    control_number: str
    basis: ErasureBasis
    officer: str
    """Who had it erased."""
    begun_at: Instant
    destroyed_at: Instant | None = None
    """When the case's key was destroyed; None until then."""
    contents: int = 0
    """Scans and papers deleted from the document store."""
    act_sha256: str | None = None
    """Under which the store keeps the signed act, for the service and not for the case."""
