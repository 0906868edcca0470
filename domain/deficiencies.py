"""Deficiencies of an application and the catalogue of reasons they are named from (R5)."""

from enum import StrEnum

from domain.base import Frozen
from domain.statuses import CaseStatus


class ReasonKind(StrEnum):
    """What a deficiency does to a case (R5)."""

    FORM = "form"
    """Cannot be taken in at all; nothing is started."""
    INCOMPLETE = "incomplete"
    """Something is missing: returned."""
    INCORRECT = "incorrect"
    """Something is wrong: refused."""
    PASSPORT = "passport"
    """The passport itself is wrong: suspended."""


class Reason(Frozen):
    """An entry of the catalogue; texts are Russian, for the applicant."""

    kind: ReasonKind
    message: str
    """May contain {label}, the field's Russian name."""
    remedy: str


class Deficiency(Frozen):
    """One thing wrong with an application: code, field, what is wrong, what to do (R1)."""

    code: str
    field: str
    message: str
    remedy: str
    kind: ReasonKind
    by_holder: bool = False
    """True when the records holder or an officer objected; only a change of the field mends it."""


class ReasonCatalogue(Frozen):
    """All reasons for which an application is turned down, by code (R5)."""

    reasons: dict[str, Reason]

    def deficiency(
        self, code: str, field: str, label: str = "", *, by_holder: bool = False
    ) -> Deficiency:
        """Name a deficiency in the catalogue's words.

        Raises:
            KeyError: The code is not in the catalogue.
        """
        reason = self.reasons[code]
        return Deficiency(
            code=code,
            field=field,
            message=reason.message.replace("{label}", label or field),
            remedy=reason.remedy.replace("{label}", label or field),
            kind=reason.kind,
            by_holder=by_holder,
        )

    def knows(self, code: str) -> bool:
        """True when the code is in the catalogue."""
        return code in self.reasons


def verdict(deficiencies: tuple[Deficiency, ...]) -> CaseStatus | None:
    """The status a case with these deficiencies falls into; None when it may go on (R5).

    The gravest decides: an error in the passport suspends, wrong data is refused, an
    incomplete package is returned.
    """
    kinds = {deficiency.kind for deficiency in deficiencies}
    if ReasonKind.PASSPORT in kinds:
        return CaseStatus.SUSPENDED
    if kinds & {ReasonKind.INCORRECT, ReasonKind.FORM}:
        return CaseStatus.REFUSED
    if ReasonKind.INCOMPLETE in kinds:
        return CaseStatus.RETURNED
    return None
