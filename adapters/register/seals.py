"""What the tables keep of a person, sealed with the key of its case and opened again (R13)."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row

from adapters.register.errors import SETTING, BadRegister
from adapters.sealing.errors import KeyDestroyed, NotSealed, Tampered
from adapters.sealing.sealer import CaseSealer
from domain.register import (
    CaseRecord,
    FederalRow,
    Paper,
    PaperKind,
    RegisteredFederalRow,
    StoredCase,
)

VIEW, FEDERAL, DUPLICATE = "register/view", "register/federal", "register/duplicate"
NUMBERS = {"series", "number", "registration_number"}
"""Fields of a paper that lead to a person."""

TableRow = dict[str, Any]


class SealedRecord(NamedTuple):
    """A record, and the parts of it that lead to a person as the tables keep them."""

    record: CaseRecord
    sealed_view: bytes
    papers: Sequence[TableRow]
    federal_row: TableRow | None

    @property
    def number_indexes(self) -> dict[str, str]:
        """Ids of the papers whose numbers nobody else may have, each with what stands for it."""
        rows = ((row["paper_id"], row["number_index"]) for row in self.papers)
        return {paper_id: index for paper_id, index in rows if index is not None}


class SealedCase(NamedTuple):
    """What was read of a case, still to be opened."""

    stored: StoredCase
    """Without view and papers."""
    sealed_view: bytes | None
    papers: Sequence[Row[Any]]


class Seals:
    """Seals before anything is written, and opens what was read; blocks as the ring does.

    What belongs to an erased case opens as nothing, however far its erasure has come. All
    methods that open may raise BadRegister when what was sealed has been tampered with.
    """

    def __init__(self, sealer: CaseSealer) -> None:
        self._sealer = sealer

    def record(self, record: CaseRecord) -> SealedRecord:
        """Seal what a case writes.

        Raises:
            KeyDestroyed: The case was erased.
        """
        number, row = record.control_number, record.federal_row
        return SealedRecord(
            record=record,
            sealed_view=self._sealer.seal(number, VIEW, json.dumps(record.view).encode()),
            papers=[self.paper(number, paper) for paper in record.papers],
            federal_row=None if row is None else self._federal_row(number, row),
        )

    def paper(self, control_number: str, paper: Paper) -> TableRow:
        """Seal the numbers of a paper.

        Raises:
            KeyDestroyed: The case was erased.
        """
        numbers = paper.model_dump_json(include=NUMBERS).encode()
        return {
            **paper.model_dump(exclude=NUMBERS),
            "sealed_numbers": self._sealer.seal(control_number, _place_of(paper.paper_id), numbers),
            "number_index": self._number_index(paper),
        }

    def opened_case(self, case: SealedCase) -> StoredCase:
        """All that can be known of a case."""
        number = case.stored.case.control_number
        view = self._opened(number, VIEW, case.sealed_view) or {}
        papers = tuple(paper for _, paper in self.opened_papers(case.papers))
        return case.stored.model_copy(update={"view": view, "papers": papers})

    def opened_papers(self, rows: Iterable[Row[Any]]) -> list[tuple[str, Paper]]:
        """Papers with the control numbers of their cases; those of erased ones without numbers."""
        return [(row.control_number, self._opened_paper(row)) for row in rows]

    def opened_federal_rows(self, rows: Iterable[Row[Any]]) -> list[RegisteredFederalRow]:
        """Rows of the federal register, without those of erased cases."""
        opened = (
            (row.control_number, self._opened(row.control_number, FEDERAL, row.sealed))
            for row in rows
        )
        return [
            RegisteredFederalRow(control_number=number, **content)
            for number, content in opened
            if content is not None
        ]

    def _number_index(self, paper: Paper) -> str | None:
        if paper.kind is not PaperKind.DUPLICATE or not paper.number:
            return None
        return self._sealer.blind_index(DUPLICATE, f"{paper.series}\n{paper.number}")

    def _federal_row(self, control_number: str, row: FederalRow) -> TableRow:
        content = row.model_dump_json()
        return {
            "issued_on": row.issued_on,
            "sealed": self._sealer.seal(control_number, FEDERAL, content.encode()),
            "fingerprint": self._sealer.blind_index(FEDERAL, content),
        }

    def _opened_paper(self, row: Row[Any]) -> Paper:
        place = _place_of(row.paper_id)
        numbers = self._opened(row.control_number, place, row.sealed_numbers) or {}
        return without_numbers(row).model_copy(update=numbers)

    def _opened(self, control_number: str, place: str, sealed: bytes | None) -> Any:
        """What was sealed, None once it is erased."""
        if sealed is None:
            return None
        try:
            return json.loads(self._sealer.open(control_number, place, sealed))
        except KeyDestroyed:
            return None
        except (NotSealed, Tampered):
            raise BadRegister(
                f"{SETTING}: {place} of {control_number} was changed, or sealed with the keys of "
                "another ring; restore a backup of the register, or the ring that belongs to it"
            ) from None


def without_numbers(row: Row[Any]) -> Paper:
    """A paper as far as nothing of it is sealed."""
    values = row._asdict()
    return Paper(**{name: values[name] for name in Paper.model_fields.keys() - NUMBERS})


def _place_of(paper_id: str) -> str:
    return f"register/paper/{paper_id}"
