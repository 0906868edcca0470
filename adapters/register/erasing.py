"""What is left of a case once it is erased, and how it comes to that (R13)."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from adapters.register.rows import all_of, replace
from adapters.register.tables import (
    cases,
    confirmations,
    deliveries,
    documents,
    erasures,
    federal_rows,
    paper_files,
    papers,
)
from domain.retention import Erasure

_REMOVED = (federal_rows, paper_files, documents, confirmations, deliveries)


def withdraw_consent(connection: Connection, control_number: str, at: datetime) -> bool:
    """Keep when consent was first withdrawn; False when the case is unknown."""
    this_case = cases.c.control_number == control_number
    first = update(cases).where(this_case, cases.c.consent_withdrawn_at.is_(None))
    connection.execute(first.values(consent_withdrawn_at=at))
    return connection.scalar(select(cases.c.control_number).where(this_case)) is not None


def erasure_of(connection: Connection, control_number: str) -> Erasure | None:
    """The erasure of a case, from its beginning on."""
    of_case = erasures.c.control_number == control_number
    return next(iter(all_of(connection, Erasure, erasures, of_case)), None)


def begin_erasure(connection: Connection, erasure: Erasure) -> Erasure:
    """Keep that an erasure began, or give the one that began before."""
    begun = erasure_of(connection, erasure.control_number)
    if begun is not None:
        return begun
    connection.execute(insert(erasures).values(erasure.model_dump()))
    return erasure


def finish_erasure(connection: Connection, erasure: Erasure) -> None:
    """Remove all that is personal of a case, and complete the facts of its erasure.

    Raises:
        ValueError: Its key was not destroyed yet.
    """
    if erasure.destroyed_at is None:
        raise ValueError("the key comes first: what is sealed may lie in old copies, too")
    number = erasure.control_number
    begun = erasure_of(connection, number) or erasure
    # Facts that are known stay: who repeats an erasure finds less to destroy.
    finished = begun.model_copy(
        update={
            "destroyed_at": begun.destroyed_at or erasure.destroyed_at,
            "contents": begun.contents or erasure.contents,
            "act_sha256": begun.act_sha256 or erasure.act_sha256,
        }
    )
    replace(connection, erasures, number, [finished.model_dump()])
    for table in _REMOVED:
        connection.execute(delete(table).where(table.c.control_number == number))
    connection.execute(
        update(papers).where(papers.c.control_number == number).values(sealed_numbers=None)
    )
    connection.execute(
        update(cases)
        .where(cases.c.control_number == number)
        .values(sealed_view=None, erased_at=finished.destroyed_at)
    )
