"""What anyone is told who checks a paper: which one it is, and whether it is in force."""

from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum

from domain.base import Frozen
from domain.papers import KEPT_AS, PaperTemplate, is_verification_code, paper_id
from domain.register import Paper, PaperState

MOST_CERTIFICATES = 99
"""Temporary certificates of one case that can be found by their code alone."""

TEMPLATE_LABELS = {
    PaperTemplate.SUBMISSION_RECEIPT: "Расписка в получении заявления",
    PaperTemplate.HOLDER_LETTER: "Запрос держателю записей",
    PaperTemplate.INVOICE: "Счёт",
    PaperTemplate.TEMPORARY_CERTIFICATE: "Временная справка",
    PaperTemplate.SUBSTITUTE_CERTIFICATE: "Справка-заменитель",
    PaperTemplate.ACCEPTANCE_ACT: "Акт приёма-передачи",
    PaperTemplate.ELECTRONIC_DUPLICATE: "Дубликат диплома в электронном виде",
    PaperTemplate.ACT_OF_DESTRUCTION: "Акт об уничтожении персональных данных",
}
"""How a paper is called to people."""


class Standing(StrEnum):
    """Whether a paper can be relied on, as the register has it."""

    IN_FORCE = "in_force"
    PREPARED = "prepared"
    REPLACED = "replaced"
    EXPIRED = "expired"
    ANNULLED = "annulled"
    STATELESS = "stateless"
    """Papers of its kind are never in force: they tell what was so on their day."""
    UNREGISTERED = "unregistered"
    """The register does not know it."""
    UNKNOWN = "unknown"
    """The register cannot be asked."""

    @property
    def good(self) -> bool:
        """True when nothing stands against relying on the paper."""
        return self in {Standing.IN_FORCE, Standing.STATELESS}


class Registered(Frozen):
    """What the register says of a paper."""

    standing: Standing
    issued_on: date | None = None
    valid_until: date | None = None


def registered(wanted: str, template: PaperTemplate, papers: Iterable[Paper]) -> Registered:
    """What the register says of a paper, by its id and the papers there are of the case."""
    if template not in KEPT_AS:
        return Registered(standing=Standing.STATELESS)
    for paper in papers:
        if paper.paper_id == wanted:
            return Registered(
                standing=_STANDINGS[paper.state],
                issued_on=paper.issued_on,
                valid_until=paper.valid_until,
            )
    return Registered(standing=Standing.UNREGISTERED)


_STANDINGS = {state: Standing(state.value) for state in PaperState}


def paper_of(typed_code: str, control_number: str, key: bytes) -> tuple[str, PaperTemplate] | None:
    """Id and kind of the paper of a case that a code was printed on; None for a wrong code.

    Takes the same time for every code and every number, whatever papers there are: it does
    not look which there are.
    """
    matching = [
        (possible, template)
        for possible, template in _possible_papers(control_number)
        if is_verification_code(typed_code, possible, key)
    ]
    return matching[0] if matching else None


def _possible_papers(control_number: str) -> Iterator[tuple[str, PaperTemplate]]:
    """Ids of all papers a case may have."""
    for template in PaperTemplate:
        several = template is PaperTemplate.TEMPORARY_CERTIFICATE
        for run in range(1, MOST_CERTIFICATES + 1 if several else 2):
            yield paper_id(control_number, template, str(run)), template
