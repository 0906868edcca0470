"""Statuses of a case and the steps allowed between them (R3)."""

from enum import StrEnum


class CaseStatus(StrEnum):
    """Where a case stands (R3)."""

    NOT_SENT = "NOT_SENT"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    IN_REVIEW = "IN_REVIEW"
    RETURNED = "RETURNED"
    REFUSED = "REFUSED"
    SUSPENDED = "SUSPENDED"
    IN_PRODUCTION = "IN_PRODUCTION"
    READY = "READY"
    ISSUED = "ISSUED"
    SUBSTITUTE_ISSUED = "SUBSTITUTE_ISSUED"
    WITHDRAWN = "WITHDRAWN"
    CLOSED = "CLOSED"

    @property
    def label(self) -> str:
        """What people read."""
        return LABELS[self]

    @property
    def is_final(self) -> bool:
        """True when nothing can follow."""
        return not TRANSITIONS[self]

    @property
    def awaits_applicant(self) -> bool:
        """True while the applicant owes something and the stage clocks stand still (R4)."""
        return self in {CaseStatus.RETURNED, CaseStatus.REFUSED, CaseStatus.SUSPENDED}


LABELS = {
    CaseStatus.NOT_SENT: "Не отправлено",
    CaseStatus.SUBMITTED: "Отправлено",
    CaseStatus.ACCEPTED: "Принято",
    CaseStatus.IN_REVIEW: "В обработке (проверка)",
    CaseStatus.RETURNED: "Возвращено на доработку",
    CaseStatus.REFUSED: "Отказ",
    CaseStatus.SUSPENDED: "Приостановлено",
    CaseStatus.IN_PRODUCTION: "В обработке (изготовление)",
    CaseStatus.READY: "Готово к выдаче",
    CaseStatus.ISSUED: "Выдано",
    CaseStatus.SUBSTITUTE_ISSUED: "Выдана справка-заменитель",
    CaseStatus.WITHDRAWN: "Отозвано",
    CaseStatus.CLOSED: "Закрыто (не исправлено в срок)",
}
"""Russian labels (R3)."""

_S = CaseStatus

TRANSITIONS: dict[CaseStatus, frozenset[CaseStatus]] = {
    _S.NOT_SENT: frozenset({_S.SUBMITTED}),
    _S.SUBMITTED: frozenset({_S.ACCEPTED, _S.RETURNED, _S.REFUSED, _S.SUSPENDED, _S.WITHDRAWN}),
    _S.ACCEPTED: frozenset({_S.IN_REVIEW, _S.WITHDRAWN}),
    _S.IN_REVIEW: frozenset(
        {
            _S.IN_PRODUCTION,
            _S.RETURNED,
            _S.REFUSED,
            _S.SUSPENDED,
            _S.SUBSTITUTE_ISSUED,
            _S.WITHDRAWN,
        }
    ),
    _S.RETURNED: frozenset(
        {
            _S.IN_PRODUCTION,
            _S.ACCEPTED,
            _S.IN_REVIEW,
            _S.REFUSED,
            _S.SUSPENDED,
            _S.WITHDRAWN,
            _S.CLOSED,
        }
    ),
    _S.REFUSED: frozenset(
        {_S.ACCEPTED, _S.IN_REVIEW, _S.RETURNED, _S.SUSPENDED, _S.WITHDRAWN, _S.CLOSED}
    ),
    _S.SUSPENDED: frozenset(
        {
            _S.RETURNED,
            _S.REFUSED,
            _S.ACCEPTED,
            _S.IN_REVIEW,
            _S.IN_PRODUCTION,
            _S.READY,
            _S.WITHDRAWN,
        }
    ),
    _S.IN_PRODUCTION: frozenset({_S.READY, _S.SUSPENDED, _S.WITHDRAWN}),
    _S.READY: frozenset({_S.ISSUED, _S.SUSPENDED, _S.WITHDRAWN}),
    _S.ISSUED: frozenset(),
    _S.SUBSTITUTE_ISSUED: frozenset(),
    _S.WITHDRAWN: frozenset(),
    _S.CLOSED: frozenset(),
}
"""From each status, the statuses that may follow."""


class IllegalTransition(Exception):
    """A step the procedure does not know; always a defect in our code, never in somebody's input."""


def check_transition(current: CaseStatus, following: CaseStatus) -> None:
    """Allow the step or raise IllegalTransition (R3)."""
    if following not in TRANSITIONS[current]:
        raise IllegalTransition(f"{current} cannot be followed by {following}")
