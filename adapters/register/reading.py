"""What is read of cases and papers; what is sealed in it is opened afterwards."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Table, select, union

from activities.ports import StoredHash
from adapters.register.rows import Model, Order, all_of, as_model
from adapters.register.seals import SealedCase
from adapters.register.tables import (
    case_events,
    cases,
    charges,
    documents,
    federal_rows,
    paper_files,
    papers,
)
from domain.register import (
    RegisteredCase,
    RegisteredCharge,
    RegisteredDocument,
    RegisteredEvent,
    StoredCase,
)


def stored_case(connection: Connection, control_number: str) -> SealedCase | None:
    """All that is known of a case; None when the register never heard of it."""

    def parts(model: type[Model], table: Table, *order: Order) -> tuple[Model, ...]:
        of_case = table.c.control_number == control_number
        return tuple(all_of(connection, model, table, of_case, order=order))

    found = parts(RegisteredCase, cases)
    if not found:
        return None
    this_case = cases.c.control_number == control_number
    rest = select(cases.c.revision, cases.c.sealed_view).where(this_case)
    revision, sealed_view = connection.execute(rest).one()
    stored = StoredCase(
        case=found[0],
        revision=revision,
        view={},
        events=parts(RegisteredEvent, case_events, case_events.c.place),
        charges=parts(RegisteredCharge, charges, charges.c.place),
        documents=parts(RegisteredDocument, documents, documents.c.place),
        papers=(),
    )
    return SealedCase(stored, sealed_view, paper_rows(connection, control_number))


def paper_rows(connection: Connection, control_number: str | None) -> Sequence[Row[Any]]:
    """Papers in order of issue; of one case or all."""
    in_order = select(papers).order_by(papers.c.issued_on.nulls_last(), papers.c.paper_id)
    if control_number is not None:
        in_order = in_order.where(papers.c.control_number == control_number)
    return connection.execute(in_order).all()


def federal_rows_between(
    connection: Connection, since: date | None, until: date | None
) -> Sequence[Row[Any]]:
    """Rows for the federal register in order of issue; both days are included."""
    in_order = select(federal_rows).order_by(
        federal_rows.c.issued_on, federal_rows.c.control_number
    )
    if since is not None:
        in_order = in_order.where(federal_rows.c.issued_on >= since)
    if until is not None:
        in_order = in_order.where(federal_rows.c.issued_on <= until)
    return connection.execute(in_order).all()


def has_unexported_row(connection: Connection, control_number: str) -> bool:
    """True when a case has a row for the federal register that nobody has exported."""
    unexported = select(federal_rows.c.control_number).where(
        federal_rows.c.control_number == control_number, federal_rows.c.exported_at.is_(None)
    )
    return connection.scalar(unexported) is not None


def stored_hashes(connection: Connection, among: Collection[str] | None) -> list[StoredHash]:
    """Contents of the document store that cases need."""
    needed = union(
        select(documents.c.control_number, documents.c.kind, documents.c.sha256),
        select(paper_files.c.control_number, paper_files.c.template, paper_files.c.sha256),
    ).subquery()
    where = needed.c.sha256.is_not(None) if among is None else needed.c.sha256.in_(among)
    found = select(needed).where(where).order_by(*needed.c)
    return [as_model(StoredHash, row) for row in connection.execute(found)]
