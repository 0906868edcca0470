"""The register in SQL (R9): what is kept of cases and papers, written all or nothing."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, and_, bindparam, delete, insert, update

from activities.ports import StoredHash
from adapters.register import erasing, reading, recording
from adapters.register.connections import WAIT_SECONDS, Database
from adapters.register.rows import all_of, replace
from adapters.register.seals import Seals, without_numbers
from adapters.register.tables import (
    calendar_years,
    cases,
    confirmations,
    deliveries,
    erasures,
    federal_rows,
    paper_files,
)
from adapters.sealing.errors import KeyDestroyed
from adapters.sealing.sealer import CaseSealer
from domain.confirmation import Confirmation
from domain.notices import DeliveryReport, NoticeClaim
from domain.register import (
    CalendarYear,
    CaseRecord,
    Paper,
    PaperFile,
    RecordAnswer,
    RegisteredCase,
    RegisteredFederalRow,
    StoredCase,
)
from domain.retention import Erasure
from domain.routes import Route
from domain.statuses import CaseStatus

Found = TypeVar("Found")

_NO_ROWS: Final[Sequence[Row[Any]]] = ()


class SqlRegister:
    """Implements Register in SQLite or PostgreSQL, and lists what staff ask for (R12).

    What leads to a person is sealed before a transaction begins, and opened after it ended: the
    keys are in another database, and nobody waits here for that one. Every method may raise
    TemporaryFailure when either is away or busy, and BadRegister or BadKeys when a person has to
    mend something first.
    """

    def __init__(
        self,
        url: str,
        sealer: CaseSealer,
        *,
        missing_ok: bool = False,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        """Connect at the first call only.

        Args:
            url: `sqlite:///path` or `postgresql://user:password@host/name`.
            sealer: Seals with the keys of cases.
            missing_ok: Read a file of SQLite that is not there as an empty register.
            wait_seconds: How long to wait for somebody else's transaction.

        Raises:
            BadRegister: The address can never work.
        """
        self._database = Database(url, wait_seconds)
        self._seals = Seals(sealer)
        self._missing_ok = missing_ok

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        await asyncio.to_thread(self._database.close)

    async def record(self, record: CaseRecord) -> RecordAnswer:
        """Write what changed in a case, all of it or nothing; repeating it is harmless.

        Raises:
            PermanentFailure: The case is being erased, or was.
        """
        sealed = await asyncio.to_thread(self._seals.record, record)
        return await self._write(
            lambda connection: recording.record_case(connection, sealed),
            _held_case(record.control_number),
            *(f"duplicate {index}" for index in sealed.number_indexes.values()),
        )

    async def issue_certificate(self, control_number: str, paper: Paper) -> bool:
        """Write a temporary certificate issued, renewed or expired.

        Returns:
            False, and nothing is written, when the case has ended or is not known, when its
            certificate was annulled or its duplicate is in force (R10).
        """
        try:
            row = await asyncio.to_thread(self._seals.paper, control_number, paper)
        except KeyDestroyed:
            return False
        return await self._write(
            lambda connection: recording.issue_certificate(connection, control_number, row),
            _held_case(control_number),
        )

    async def take_number(self, control_number: str, duplicate: Paper) -> bool:
        """Write the duplicate that a holder has made, and take its number with that (R9).

        Returns:
            False, and nothing is written, when the number belongs to another duplicate.

        Raises:
            PermanentFailure: The case has ended, is being erased, or is not known.
        """
        row = await asyncio.to_thread(self._seals.paper, control_number, duplicate)
        return await self._write(
            lambda connection: recording.take_number(connection, control_number, row),
            _held_case(control_number),
            f"duplicate {row['number_index']}",
        )

    async def find_case(self, control_number: str) -> StoredCase | None:
        """All that is known of a case; None when the register never heard of it."""
        found = await self._read(
            lambda connection: reading.stored_case(connection, control_number), None
        )
        return None if found is None else await asyncio.to_thread(self._seals.opened_case, found)

    async def claim_notices(
        self, control_number: str, step: str, keys: Collection[str], *, tried: bool = False
    ) -> NoticeClaim:
        """Have notices to oneself, unless others are at one of them; nobody's for long.

        Raises:
            PermanentFailure: The case is being erased, or was.
        """
        return await self._write(
            lambda connection: recording.claim_notices(
                connection, control_number, step, keys, datetime.now(UTC), tried=tried
            ),
            _held_case(control_number),
        )

    async def count_try(self, control_number: str, key: str, *, taken_back: bool = False) -> None:
        """Keep that a claimed notice is about to be sent once more, or that it was not after all."""
        tries = -1 if taken_back else 1
        await self._write(
            lambda connection: recording.count_tries(connection, control_number, key, tries),
            _held_case(control_number),
        )

    async def settle_notices(
        self,
        control_number: str,
        step: str,
        settled: Collection[DeliveryReport],
        doubtful: Collection[str] = (),
    ) -> None:
        """Keep what became of notices; whatever else the step had claimed is free again."""
        await self._write(
            lambda connection: recording.settle_notices(
                connection, control_number, step, settled, datetime.now(UTC), doubtful
            ),
            _held_case(control_number),
        )

    async def deliveries(self, control_number: str) -> list[DeliveryReport]:
        """What became of the notices of a case that two steps may have been given."""
        settled = and_(
            deliveries.c.control_number == control_number, deliveries.c.delivery.is_not(None)
        )
        nothing: list[DeliveryReport] = []
        return await self._read(
            lambda connection: all_of(connection, DeliveryReport, deliveries, settled), nothing
        )

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
            lambda connection: all_of(connection, RegisteredCase, cases, *where, order=order), []
        )

    async def papers(self, control_number: str | None = None) -> list[tuple[str, Paper]]:
        """Papers with the control numbers of their cases, in order of issue; of one case or all."""
        found = await self._read(
            lambda connection: reading.paper_rows(connection, control_number), _NO_ROWS
        )
        return await asyncio.to_thread(self._seals.opened_papers, found)

    async def paper_states(self, control_number: str) -> list[Paper]:
        """Papers of a case without their numbers, in order of issue; no key is needed for it."""
        found = await self._read(
            lambda connection: reading.paper_rows(connection, control_number), _NO_ROWS
        )
        return [without_numbers(row) for row in found]

    async def federal_rows(
        self, since: date | None = None, until: date | None = None
    ) -> list[RegisteredFederalRow]:
        """Rows for the federal register in order of issue; both days are included."""
        found = await self._read(
            lambda connection: reading.federal_rows_between(connection, since, until), _NO_ROWS
        )
        return await asyncio.to_thread(self._seals.opened_federal_rows, found)

    async def federal_exported(self, control_numbers: Collection[str], at: datetime) -> None:
        """Keep that rows were exported; their first time stays."""
        await self._write(lambda connection: _mark_exported(connection, control_numbers, at))

    async def has_unexported_row(self, control_number: str) -> bool:
        """True when a case has a row for the federal register that nobody has exported."""
        return await self._read(
            lambda connection: reading.has_unexported_row(connection, control_number), False
        )

    async def keep_paper_file(self, file: PaperFile) -> PaperFile:
        """Keep where a signed paper is stored; the first one of a key stays for ever.

        Returns:
            What is kept under this key now.

        Raises:
            PermanentFailure: The case is being erased, or was.
        """
        return await self._write(
            lambda connection: recording.keep_paper_file(connection, file),
            _held_case(file.control_number),
        )

    async def paper_file(self, file_key: str) -> PaperFile | None:
        """Where a signed paper is stored; None when it was not signed yet."""
        this = paper_files.c.file_key == file_key
        nothing: list[PaperFile] = []
        found = await self._read(
            lambda connection: all_of(connection, PaperFile, paper_files, this), nothing
        )
        return found[0] if found else None

    async def stored_hashes(self, among: Collection[str] | None = None) -> list[StoredHash]:
        """Every content of the document store that a case needs: scans and signed papers.

        Args:
            among: Only these hashes; None for all.
        """
        return await self._read(lambda connection: reading.stored_hashes(connection, among), [])

    async def withdraw_consent(self, control_number: str, at: datetime) -> bool:
        """Keep when consent was withdrawn; the first time stays.

        Returns:
            False when the case is unknown.
        """
        return await self._write(
            lambda connection: erasing.withdraw_consent(connection, control_number, at),
            _held_case(control_number),
        )

    async def begin_erasure(self, erasure: Erasure) -> Erasure:
        """Keep that a case is being erased; from now on nothing is written of it any more.

        Returns:
            What is kept of this case: the first erasure that was begun stays.
        """
        return await self._write(
            lambda connection: erasing.begin_erasure(connection, erasure),
            _held_case(erasure.control_number),
        )

    async def finish_erasure(self, erasure: Erasure) -> None:
        """Remove all that is personal of a case whose key is destroyed; repeating it is harmless.

        Papers stay with their kinds, states and days, and numbers given stay given.
        """
        await self._write(
            lambda connection: erasing.finish_erasure(connection, erasure),
            _held_case(erasure.control_number),
        )

    async def erasure(self, control_number: str) -> Erasure | None:
        """The erasure of a case from its beginning on; None when there is none."""
        return await self._read(
            lambda connection: erasing.erasure_of(connection, control_number), None
        )

    async def erasures(self) -> list[Erasure]:
        """Every erasure there was or is, in the order they began."""
        order = (erasures.c.begun_at, erasures.c.control_number)
        nothing: list[Erasure] = []
        return await self._read(
            lambda connection: all_of(connection, Erasure, erasures, order=order), nothing
        )

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


def _mark_exported(connection: Connection, control_numbers: Collection[str], at: datetime) -> None:
    this_row = federal_rows.c.control_number == bindparam("exported")
    first = update(federal_rows).where(this_row, federal_rows.c.exported_at.is_(None))
    exported = [{"exported": number} for number in control_numbers]
    if exported:
        connection.execute(first.values(exported_at=at), exported)


def _calendar_years(connection: Connection) -> tuple[CalendarYear, ...]:
    return tuple(all_of(connection, CalendarYear, calendar_years, order=[calendar_years.c.year]))


def _load_calendar_year(connection: Connection, year: CalendarYear) -> None:
    connection.execute(delete(calendar_years).where(calendar_years.c.year == year.year))
    connection.execute(insert(calendar_years).values(year.model_dump(mode="json")))


def _confirmation(connection: Connection, control_number: str) -> Confirmation | None:
    of_case = confirmations.c.control_number == control_number
    return next(iter(all_of(connection, Confirmation, confirmations, of_case)), None)


def _change_confirmation(
    connection: Connection,
    control_number: str,
    change: Callable[[Confirmation | None], Confirmation | None],
) -> Confirmation | None:
    stored = _confirmation(connection, control_number)
    changed = change(stored)
    if changed is None:
        return stored
    replace(connection, confirmations, control_number, [changed.model_dump()])
    return changed
