"""Statuses of a case and the steps allowed between them (R3)."""

from enum import StrEnum


class CaseStatus(StrEnum):
    """Where a case stands; the label is what people read (R3)."""

    label: str

    def __new__(cls, value: str, label: str) -> "CaseStatus":
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    NOT_SENT = "NOT_SENT", "Не отправлено"
    SUBMITTED = "SUBMITTED", "Отправлено"
    ACCEPTED = "ACCEPTED", "Принято"
    IN_REVIEW = "IN_REVIEW", "В обработке (проверка)"
    RETURNED = "RETURNED", "Возвращено на доработку"
    REFUSED = "REFUSED", "Отказ"
    SUSPENDED = "SUSPENDED", "Приостановлено"
    IN_PRODUCTION = "IN_PRODUCTION", "В обработке (изготовление)"
    READY = "READY", "Готово к выдаче"
    ISSUED = "ISSUED", "Выдано"
    SUBSTITUTE_ISSUED = "SUBSTITUTE_ISSUED", "Выдана справка-заменитель"
    WITHDRAWN = "WITHDRAWN", "Отозвано"
    CLOSED = "CLOSED", "Закрыто (не исправлено в срок)"

    @property
    def is_final(self) -> bool:
        """True when nothing can follow."""
        return not TRANSITIONS[self]

    @property
    def awaits_applicant(self) -> bool:
        """True while the applicant owes something and the stage clocks stand still (R4)."""
        return self in {CaseStatus.RETURNED, CaseStatus.REFUSED, CaseStatus.SUSPENDED}


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
        {_S.ACCEPTED, _S.IN_REVIEW, _S.REFUSED, _S.SUSPENDED, _S.WITHDRAWN, _S.CLOSED}
    ),
    _S.REFUSED: frozenset(
        {_S.ACCEPTED, _S.IN_REVIEW, _S.RETURNED, _S.SUSPENDED, _S.WITHDRAWN, _S.CLOSED}
    ),
    _S.SUSPENDED: frozenset({_S.ACCEPTED, _S.IN_REVIEW, _S.IN_PRODUCTION, _S.READY, _S.WITHDRAWN}),
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
