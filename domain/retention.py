"""How long a case is kept after its end, when it is erased, and what is kept then (R13)."""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import Field

from domain.base import Frozen, Instant
from domain.register import RegisteredCase, RegisteredCharge, StoredCase
from domain.statuses import CaseStatus

_FEE_WAS_EARNED = frozenset({CaseStatus.ISSUED, CaseStatus.SUBSTITUTE_ISSUED})
"""Ends after which a fee is rightly kept; after any other only what was paid for work done (R7)."""


class ErasureBasis(StrEnum):
    """Why a case is erased (основание уничтожения)."""

    RETENTION_ENDED = "retention_ended"
    CONSENT_WITHDRAWN = "consent_withdrawn"


BASIS_LABELS = {
    ErasureBasis.RETENTION_ENDED: "истёк срок хранения персональных данных",
    ErasureBasis.CONSENT_WITHDRAWN: (
        "субъект персональных данных отозвал согласие на их обработку"
    ),
}
"""What people read of a reason."""

CATEGORIES = (
    "фамилия, имя, отчество, в том числе прежние; дата рождения; серия и номер паспорта; СНИЛС; "
    "ИНН; адрес, телефон и электронная почта; сведения об образовании, дипломе и перемене имени; "
    "копии поданных и выданных документов"
)
"""Categories of personal data a case may hold, and its erasure destroys."""
SYSTEM = "реестр заявлений, хранилище документов и журнал хода дел"
"""The parts of the information system (ИСПДн) from which they are destroyed."""


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


class Obstacle(StrEnum):
    """What forbids to erase a case."""

    NOT_ENDED = "not_ended"
    ERASED = "erased"
    MONEY_OWED = "money_owed"
    """Something was paid that is to go back, and did not."""
    NOT_EXPORTED = "not_exported"
    """Its row for the federal register was never exported, and would be lost (R9)."""


def kept_until(case: RegisteredCase, rules: RetentionRules, zone: str) -> date | None:
    """The last day a case is kept without another reason; None while it has not ended.

    Args:
        case: The case.
        rules: The retention periods.
        zone: Of its region, in which days are counted (R4).
    """
    if not case.status.is_final or case.ended_at is None:
        return None
    return rules.last_day(case.status, case.ended_at.astimezone(ZoneInfo(zone)).date())


def due(case: RegisteredCase, rules: RetentionRules, today: date, zone: str) -> ErasureBasis | None:
    """Why a case is to be erased by now; None while it is to be kept, and once it is erased.

    What may forbid it all the same: `obstacles`.

    Args:
        case: The case.
        rules: The retention periods.
        today: In that zone.
        zone: Of its region.
    """
    if case.erased_at is not None:
        return None
    if case.consent_withdrawn_at is not None:
        return ErasureBasis.CONSENT_WITHDRAWN
    last_day = kept_until(case, rules, zone)
    return ErasureBasis.RETENTION_ENDED if last_day and today > last_day else None


def obstacles(stored: StoredCase, *, unexported: bool) -> tuple[Obstacle, ...]:
    """Everything that forbids to erase a case; empty when nothing does.

    Args:
        stored: The case.
        unexported: True when its row for the federal register was never exported.
    """
    return tuple(_obstacles(stored, unexported=unexported))


def _obstacles(stored: StoredCase, *, unexported: bool) -> Iterator[Obstacle]:
    case = stored.case
    if not case.status.is_final or case.ended_at is None:
        yield Obstacle.NOT_ENDED
    if case.erased_at is not None:
        yield Obstacle.ERASED
    if any(_to_go_back(charge, case.status) for charge in stored.charges):
        yield Obstacle.MONEY_OWED
    if unexported:
        yield Obstacle.NOT_EXPORTED


def _to_go_back(charge: RegisteredCharge, status: CaseStatus) -> int:
    """Roubles somebody paid for nothing and did not get back."""
    rightly = charge.earned or status in _FEE_WAS_EARNED
    earned = charge.amount if rightly and not charge.void else 0
    return max(0, charge.paid - charge.refunded - earned)


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
