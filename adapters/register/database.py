"""The register in SQL (R9): what is kept of cases and papers, written all or nothing."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    delete,
    insert,
    or_,
    select,
    union,
    update,
)

from activities.ports import StoredHash
from adapters.register.connections import WAIT_SECONDS, Database
from adapters.register.tables import (
    calendar_years,
    case_events,
    cases,
    charges,
    confirmations,
    documents,
    federal_rows,
    paper_files,
    papers,
)
from domain.base import Frozen
from domain.confirmation import Confirmation
from domain.register import (
    CalendarYear,
    CaseRecord,
    FederalRow,
    Paper,
    PaperFile,
    PaperKind,
    PaperState,
    RecordAnswer,
    RegisteredCase,
    RegisteredCharge,
    RegisteredDocument,
    RegisteredEvent,
    StoredCase,
)
from domain.routes import Route
from domain.statuses import CaseStatus

Model = TypeVar("Model", bound=Frozen)
Found = TypeVar("Found")
Order = ColumnElement[Any]

_IN_ORDER_OF_ISSUE = (papers.c.issued_on.nulls_last(), papers.c.paper_id)


class SqlRegister:
    """Implements Register in SQLite or PostgreSQL, and lists what staff ask for (R12).

    Every method may raise TemporaryFailure when the database is away or busy, and
    BadRegister when a person has to mend something first.
    """

    def __init__(
        self, url: str, *, missing_ok: bool = False, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        """Connect at the first call only.

        Args:
            url: `sqlite:///path` or `postgresql://user:password@host/name`.
            missing_ok: Read a file of SQLite that is not there as an empty register.
            wait_seconds: How long to wait for somebody else's transaction.

        Raises:
            BadRegister: The address can never work.
        """
        self._database = Database(url, wait_seconds)
        self._missing_ok = missing_ok

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        await asyncio.to_thread(self._database.close)

    async def record(self, record: CaseRecord) -> RecordAnswer:
        """Write what changed in a case, all of it or nothing; repeating it is harmless."""
        return await self._write(
            lambda connection: _record(connection, record),
            _held_case(record.control_number),
            *(f"duplicate {paper.series} {paper.number}" for paper in _numbered(record.papers)),
        )

    async def issue_certificate(self, control_number: str, paper: Paper) -> bool:
        """Write a temporary certificate issued, renewed or expired.

        Returns:
            False, and nothing is written, when the case has ended or is not known, when its
            certificate was annulled or its duplicate is in force (R10).
        """
        return await self._write(
            lambda connection: _issue_certificate(connection, control_number, paper),
            _held_case(control_number),
        )

    async def find_case(self, control_number: str) -> StoredCase | None:
        """All that is known of a case; None when the register never heard of it."""
        return await self._read(lambda connection: _stored_case(connection, control_number), None)

    async def calendar_years(self) -> tuple[CalendarYear, ...]:
        """The years loaded by hand, oldest first."""
        return await self._read(_calendar_years, ())

    async def load_calendar_year(self, year: CalendarYear) -> None:
        """Keep the working days of a year; what was loaded of it before is replaced."""
        await self._write(
            lambda connection: _load_calendar_year(connection, year), f"calendar {year.year}"
        )

    async def confirmation(self, control_number: str) -> Confirmation | None:
        """What is known of a case's one-time code; None when none was sent."""
        return await self._read(lambda connection: _confirmation(connection, control_number), None)

    async def change_confirmation(
        self,
        control_number: str,
        change: Callable[[Confirmation | None], Confirmation | None],
    ) -> Confirmation | None:
        """Replace a confirmation by what `change` makes of it, in one transaction.

        Args:
            control_number: The case.
            change: Called once, in a thread, with the stored confirmation; None leaves
                everything as it is.

        Returns:
            What is stored now.
        """
        return await self._write(
            lambda connection: _change_confirmation(connection, control_number, change),
            f"confirmation {control_number}",
        )

    async def cases(
        self,
        *,
        status: CaseStatus | None = None,
        route: Route | None = None,
        region: str | None = None,
        overdue: bool | None = None,
        officer: str | None = None,
    ) -> list[RegisteredCase]:
        """Cases, newest first; what is not named does not matter."""
        asked = {
            cases.c.status: status,
            cases.c.route: route,
            cases.c.region: region,
            cases.c.overdue: overdue,
            cases.c.assignee: officer,
        }
        where = [column == value for column, value in asked.items() if value is not None]
        order = (cases.c.submitted_at.desc(), cases.c.control_number)
        return await self._read(
            lambda connection: _all(connection, RegisteredCase, cases, *where, order=order), []
        )

    async def papers(self, control_number: str | None = None) -> list[tuple[str, Paper]]:
        """Papers with the control numbers of their cases, in order of issue; of one case or all."""
        return await self._read(lambda connection: _papers(connection, control_number), [])

    async def federal_rows(
        self, since: date | None = None, until: date | None = None
    ) -> list[FederalRow]:
        """Rows for the federal register in order of issue; both days are included."""
        return await self._read(lambda connection: _federal_rows(connection, since, until), [])

    async def keep_paper_file(self, file: PaperFile) -> PaperFile:
        """Keep where a signed paper is stored; the first one of a key stays for ever.

        Returns:
            What is kept under this key now.
        """
        return await self._write(
            lambda connection: _keep_paper_file(connection, file),
            _held_case(file.control_number),
        )

    async def paper_file(self, file_key: str) -> PaperFile | None:
        """Where a signed paper is stored; None when it was not signed yet."""
        this = paper_files.c.file_key == file_key
        nothing: list[PaperFile] = []
        found = await self._read(
            lambda connection: _all(connection, PaperFile, paper_files, this), nothing
        )
        return found[0] if found else None

    async def stored_hashes(self, among: Collection[str] | None = None) -> list[StoredHash]:
        """Every content of the document store that a case needs: scans and signed papers.

        Args:
            among: Only these hashes; None for all.
        """
        return await self._read(lambda connection: _stored_hashes(connection, among), [])

    async def _read(self, work: Callable[[Connection], Found], nothing: Found) -> Found:
        def look() -> Found:
            if self._missing_ok and self._database.is_missing:
                return nothing
            with self._database.snapshot() as connection:
                return work(connection)

        return await asyncio.to_thread(look)

    async def _write(self, work: Callable[[Connection], Found], *held: str) -> Found:
        def write() -> Found:
            with self._database.transaction(*held) as connection:
                return work(connection)

        return await asyncio.to_thread(write)


def _held_case(control_number: str) -> str:
    return f"case {control_number}"


def _record(connection: Connection, record: CaseRecord) -> RecordAnswer:
    this_case = cases.c.control_number == record.control_number
    revision = connection.scalar(select(cases.c.revision).where(this_case))
    if revision is not None and revision >= record.revision:
        # Written before, or overtaken by a later record: nothing newer is turned back.
        later = revision if revision > record.revision else None
        return RecordAnswer(overtaken_by=later, annulled=_annulled_by(connection, record))
    taken = tuple(_taken(connection, record.papers))
    if taken:
        return RecordAnswer(taken_numbers=taken)
    facts = record.model_dump(include=set(cases.c.keys()))
    if revision is None:
        connection.execute(insert(cases).values(facts))
    else:
        connection.execute(update(cases).where(this_case).values(facts))
    _write_details(connection, record)
    _write_papers(connection, record.control_number, record.papers)
    _annul_certificate(connection, record)
    return RecordAnswer(annulled=_annulled_by(connection, record))


def _write_details(connection: Connection, record: CaseRecord) -> None:
    number = record.control_number
    events = [event.model_dump() for event in record.events]
    again = case_events.c.place.in_([event.place for event in record.events])
    _replace(connection, case_events, number, events, again)
    bills = [{"place": place} | bill.model_dump() for place, bill in enumerate(record.charges)]
    _replace(connection, charges, number, bills)
    _replace(connection, documents, number, [scan.model_dump() for scan in record.documents])
    row = record.federal_row
    if row is not None:
        content = {"issued_on": row.issued_on, "content": row.model_dump_json()}
        _replace(connection, federal_rows, number, [content])


def _replace(
    connection: Connection,
    table: Table,
    control_number: str,
    rows: Iterable[dict[str, Any]],
    *which: ColumnElement[bool],
) -> None:
    """Put rows of a case in the place of all it has in a table, or of those meant by `which`."""
    of_case = {"control_number": control_number}
    connection.execute(delete(table).where(table.c.control_number == control_number, *which))
    written = [of_case | row for row in rows]
    if written:
        connection.execute(insert(table), written)


def _numbered(of: Iterable[Paper]) -> list[Paper]:
    """The papers whose numbers nobody else may have."""
    return [paper for paper in of if paper.kind is PaperKind.DUPLICATE and paper.number]


def _taken(connection: Connection, of: Iterable[Paper]) -> Iterable[str]:
    """Ids of papers whose number belongs to another paper already."""
    for paper in _numbered(of):
        same = and_(
            papers.c.kind == paper.kind,
            papers.c.series == paper.series,
            papers.c.number == paper.number,
            papers.c.paper_id != paper.paper_id,
        )
        if connection.scalar(select(papers.c.paper_id).where(same)) is not None:
            yield paper.paper_id


def _write_papers(connection: Connection, control_number: str, written: Sequence[Paper]) -> None:
    again = papers.c.paper_id.in_([paper.paper_id for paper in written])
    _replace(connection, papers, control_number, [paper.model_dump() for paper in written], again)


def _annul_certificate(connection: Connection, record: CaseRecord) -> None:
    if record.annul_certificate_on is None:
        return
    connection.execute(
        update(papers)
        .where(
            papers.c.control_number == record.control_number,
            papers.c.kind == PaperKind.TEMPORARY_CERTIFICATE,
            papers.c.state.in_([PaperState.PREPARED, PaperState.IN_FORCE]),
        )
        .values(
            state=PaperState.ANNULLED,
            changed_on=record.annul_certificate_on,
            annulled_by=record.revision,
        )
    )


def _annulled_by(connection: Connection, record: CaseRecord) -> tuple[str, ...]:
    """Ids of what this very record annulled, also when it is repeated much later."""
    annulled = select(papers.c.paper_id).where(
        papers.c.control_number == record.control_number,
        papers.c.annulled_by == record.revision,
    )
    return tuple(connection.scalars(annulled))


def _issue_certificate(connection: Connection, control_number: str, paper: Paper) -> bool:
    status = connection.scalar(
        select(cases.c.status).where(cases.c.control_number == control_number)
    )
    if status is None or CaseStatus(status).is_final:
        return False
    bars_it = or_(
        and_(papers.c.kind == PaperKind.DUPLICATE, papers.c.state == PaperState.IN_FORCE),
        and_(
            papers.c.kind == PaperKind.TEMPORARY_CERTIFICATE,
            papers.c.state == PaperState.ANNULLED,
        ),
    )
    bar = select(papers.c.paper_id).where(papers.c.control_number == control_number, bars_it)
    if connection.scalar(bar) is not None:
        return False
    _write_papers(connection, control_number, (paper,))
    return True


def _keep_paper_file(connection: Connection, file: PaperFile) -> PaperFile:
    this = paper_files.c.file_key == file.file_key
    found = _all(connection, PaperFile, paper_files, this)
    if found:
        return found[0]
    connection.execute(insert(paper_files).values(file.model_dump()))
    return file


def _stored_hashes(connection: Connection, among: Collection[str] | None) -> list[StoredHash]:
    needed = union(
        select(documents.c.control_number, documents.c.kind, documents.c.sha256),
        select(paper_files.c.control_number, paper_files.c.template, paper_files.c.sha256),
    ).subquery()
    where = needed.c.sha256.is_not(None) if among is None else needed.c.sha256.in_(among)
    found = select(needed).where(where).order_by(*needed.c)
    return [_model(StoredHash, row) for row in connection.execute(found)]


def _stored_case(connection: Connection, control_number: str) -> StoredCase | None:
    def parts(model: type[Model], table: Table, *order: Order) -> tuple[Model, ...]:
        of_case = table.c.control_number == control_number
        return tuple(_all(connection, model, table, of_case, order=order))

    found = parts(RegisteredCase, cases)
    if not found:
        return None
    rest = select(cases.c.revision, cases.c.view).where(cases.c.control_number == control_number)
    revision, view = connection.execute(rest).one()
    return StoredCase(
        case=found[0],
        revision=revision,
        view=view,
        events=parts(RegisteredEvent, case_events, case_events.c.place),
        charges=parts(RegisteredCharge, charges, charges.c.place),
        documents=parts(RegisteredDocument, documents, documents.c.place),
        papers=parts(Paper, papers, *_IN_ORDER_OF_ISSUE),
    )


def _papers(connection: Connection, control_number: str | None) -> list[tuple[str, Paper]]:
    statement = select(papers).order_by(*_IN_ORDER_OF_ISSUE)
    if control_number is not None:
        statement = statement.where(papers.c.control_number == control_number)
    return [(row.control_number, _model(Paper, row)) for row in connection.execute(statement)]


def _federal_rows(
    connection: Connection, since: date | None, until: date | None
) -> list[FederalRow]:
    statement = select(federal_rows.c.content).order_by(
        federal_rows.c.issued_on, federal_rows.c.control_number
    )
    if since is not None:
        statement = statement.where(federal_rows.c.issued_on >= since)
    if until is not None:
        statement = statement.where(federal_rows.c.issued_on <= until)
    return [FederalRow.model_validate_json(content) for content in connection.scalars(statement)]


def _calendar_years(connection: Connection) -> tuple[CalendarYear, ...]:
    return tuple(_all(connection, CalendarYear, calendar_years, order=[calendar_years.c.year]))


def _load_calendar_year(connection: Connection, year: CalendarYear) -> None:
    connection.execute(delete(calendar_years).where(calendar_years.c.year == year.year))
    connection.execute(insert(calendar_years).values(year.model_dump(mode="json")))


def _confirmation(connection: Connection, control_number: str) -> Confirmation | None:
    of_case = confirmations.c.control_number == control_number
    return next(iter(_all(connection, Confirmation, confirmations, of_case)), None)


def _change_confirmation(
    connection: Connection,
    control_number: str,
    change: Callable[[Confirmation | None], Confirmation | None],
) -> Confirmation | None:
    stored = _confirmation(connection, control_number)
    changed = change(stored)
    if changed is None:
        return stored
    _replace(connection, confirmations, control_number, [changed.model_dump()])
    return changed


def _all(
    connection: Connection,
    model: type[Model],
    table: Table,
    *where: ColumnElement[bool],
    order: Sequence[Order] = (),
) -> list[Model]:
    """The rows of a table as models; columns are named like fields."""
    columns = [table.c[name] for name in model.model_fields]
    found = connection.execute(select(*columns).where(*where).order_by(*order))
    return [_model(model, row) for row in found]


def _model(model: type[Model], row: Row[Any]) -> Model:
    values = row._asdict()
    return model.model_validate({name: values[name] for name in model.model_fields})
