"""What is written of a case, and what the register decides as it is written (R9, R10)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, insert, or_, select, update

from activities.ports import PermanentFailure
from adapters.register.rows import (
    OF_CASE,
    all_of,
    as_model,
    first_of_case,
    replace,
    rows_of_case,
)
from adapters.register.seals import SealedRecord, TableRow
from adapters.register.tables import (
    case_events,
    cases,
    charges,
    deliveries,
    documents,
    erasures,
    federal_rows,
    paper_files,
    papers,
)
from domain.notices import Delivery, DeliveryReport, NoticeClaim
from domain.register import CaseRecord, PaperFile, PaperKind, PaperState, RecordAnswer
from domain.statuses import CaseStatus

CLAIM_LASTS = timedelta(minutes=2)
"""Longer than a step is at its mails; whoever claimed them before that has died."""
NOBODY = ""
"""The step that is at a notice which may have been sent."""
MOST_TRIES = 2
"""A mail may come twice, under one Message-ID, and no more often."""


_CHANGE = update(cases).where(cases.c.control_number == bindparam(OF_CASE))
_ANNULLED = select(papers.c.paper_id).where(
    papers.c.control_number == bindparam(OF_CASE), papers.c.annulled_by == bindparam("revision")
)


def record_case(connection: Connection, sealed: SealedRecord) -> RecordAnswer:
    """Write what changed in a case.

    Raises:
        PermanentFailure: It is being erased, or was.
    """
    record = sealed.record
    _refuse_erased(connection, record.control_number)
    revision = first_of_case(connection, cases.c.revision, record.control_number)
    if revision is not None and revision >= record.revision:
        # Written before, or overtaken by a later record: nothing newer is turned back.
        later = revision if revision > record.revision else None
        return RecordAnswer(overtaken_by=later, annulled=_annulled_by(connection, record))
    taken = tuple(_taken(connection, sealed.number_indexes))
    if taken:
        return RecordAnswer(taken_numbers=taken)
    facts = record.model_dump(include=set(cases.c.keys())) | {"sealed_view": sealed.sealed_view}
    if revision is None:
        connection.execute(insert(cases).values(facts))
    else:
        connection.execute(_CHANGE, facts | {OF_CASE: record.control_number})
    _write_details(connection, record)
    _write_papers(connection, record.control_number, sealed.papers)
    if sealed.federal_row is not None:
        _write_federal_row(connection, record.control_number, sealed.federal_row)
    _annul_at_the_end(connection, record)
    return RecordAnswer(annulled=_annulled_by(connection, record))


def issue_certificate(connection: Connection, control_number: str, paper: TableRow) -> bool:
    """Write a temporary certificate; False when none may be in force any more."""
    status = connection.scalar(
        select(cases.c.status).where(cases.c.control_number == control_number)
    )
    if status is None or CaseStatus(status).is_final or _is_erased(connection, control_number):
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
    _write_papers(connection, control_number, [paper])
    return True


def take_number(connection: Connection, control_number: str, duplicate: TableRow) -> bool:
    """Write a duplicate that was made; False when its number belongs to another one.

    Raises:
        PermanentFailure: Its case has ended, is being erased, or is not known.
    """
    _refuse_erased(connection, control_number)
    status = first_of_case(connection, cases.c.status, control_number)
    if status is None or CaseStatus(status).is_final:
        raise PermanentFailure("the case has ended, or is not known: it takes no number")
    index = duplicate["number_index"]
    if index is not None and any(_taken(connection, {duplicate["paper_id"]: index})):
        return False
    _write_papers(connection, control_number, [duplicate])
    return True


def keep_paper_file(connection: Connection, file: PaperFile) -> PaperFile:
    """Keep where a signed paper is stored, or give what is kept.

    Raises:
        PermanentFailure: Its case is being erased, or was.
    """
    _refuse_erased(connection, file.control_number)
    this = paper_files.c.file_key == file.file_key
    found = all_of(connection, PaperFile, paper_files, this)
    if found:
        return found[0]
    connection.execute(insert(paper_files).values(file.model_dump()))
    return file


def claim_notices(
    connection: Connection,
    control_number: str,
    step: str,
    keys: Collection[str],
    now: datetime,
    *,
    tried: bool = False,
) -> NoticeClaim:
    """Have notices to oneself, unless others are at one of them.

    Raises:
        PermanentFailure: The case is being erased, or was.
    """
    _refuse_erased(connection, control_number)
    known = rows_of_case(connection, deliveries, control_number)
    found = {row.key: row for row in known if row.key in keys}
    settled = [row for row in found.values() if row.delivery is not None]
    begun = {key: row for key, row in found.items() if row.delivery is None}
    at_it = [row for row in begun.values() if row.step not in {step, NOBODY}]
    if any(row.claimed_at > now - CLAIM_LASTS for row in at_it):
        return NoticeClaim(others=True)
    given_up = [key for key, row in begun.items() if row.tries >= MOST_TRIES]
    free = [key for key in keys if key not in {*(row.key for row in settled), *given_up}]
    facts = {"step": step, "claimed_at": now, "delivery": None, "reason": ""}
    rows = [{"key": key, "tries": begun[key].tries if key in begun else 1, **facts} for key in free]
    replace(connection, deliveries, control_number, rows, deliveries.c.key, free)
    return NoticeClaim(
        settled=tuple(as_model(DeliveryReport, row) for row in settled),
        again=tuple(key for key in free if tried or key in begun),
        given_up=tuple(given_up),
    )


def count_tries(connection: Connection, control_number: str, key: str, tries: int) -> None:
    """Keep that a claimed notice was tried so many times more."""
    this = and_(deliveries.c.control_number == control_number, deliveries.c.key == key)
    connection.execute(update(deliveries).where(this).values(tries=deliveries.c.tries + tries))


def settle_notices(
    connection: Connection,
    control_number: str,
    step: str,
    settled: Collection[DeliveryReport],
    now: datetime,
    doubtful: Collection[str] = (),
) -> None:
    """Keep what became of notices; whatever else the step had claimed is free again.

    What was sent stays sent: a step that took longer than its claim lasts may come last. Of an
    erased case nothing is kept any more.
    """
    if _is_erased(connection, control_number):
        return
    known = {row.key: row for row in rows_of_case(connection, deliveries, control_number)}
    sent = {key for key, row in known.items() if row.delivery == Delivery.SENT}

    def kept(key: str, step: str, delivery: Delivery | None, reason: str) -> dict[str, Any]:
        tries = known[key].tries if key in known else 1
        facts = {"delivery": delivery, "reason": reason, "tries": tries, "claimed_at": now}
        return {"key": key, "step": step, **facts}

    rows = [kept(each.key, step, each.delivery, each.reason) for each in settled]
    rows += [kept(key, NOBODY, None, "") for key in doubtful]
    rows = [row for row in rows if row["key"] not in sent]
    claimed = {key for key, row in known.items() if row.step == step and row.delivery is None}
    written = {row["key"] for row in rows} | claimed
    replace(connection, deliveries, control_number, rows, deliveries.c.key, written)


def _is_erased(connection: Connection, control_number: str) -> bool:
    return first_of_case(connection, erasures.c.control_number, control_number) is not None


def _refuse_erased(connection: Connection, control_number: str) -> None:
    # Others remember its key for a while, and what came now would not be looked for any more.
    if _is_erased(connection, control_number):
        raise PermanentFailure("the case is being erased, or was: nothing is kept of it any more")


def _write_details(connection: Connection, record: CaseRecord) -> None:
    number = record.control_number
    events = [event.model_dump() for event in record.events]
    again = [event.place for event in record.events]
    replace(connection, case_events, number, events, case_events.c.place, again)
    bills = [{"place": place} | bill.model_dump() for place, bill in enumerate(record.charges)]
    replace(connection, charges, number, bills)
    replace(connection, documents, number, [scan.model_dump() for scan in record.documents])


def _write_federal_row(connection: Connection, control_number: str, row: TableRow) -> None:
    """Records repeat their row: only another content has to be exported again."""
    same = and_(
        federal_rows.c.control_number == control_number,
        federal_rows.c.fingerprint == row["fingerprint"],
    )
    if connection.scalar(select(federal_rows.c.control_number).where(same)) is None:
        replace(connection, federal_rows, control_number, [row])


def _taken(connection: Connection, number_indexes: dict[str, str]) -> Iterable[str]:
    """Ids of papers whose number belongs to another paper already."""
    for paper_id, index in number_indexes.items():
        others = and_(papers.c.number_index == index, papers.c.paper_id != paper_id)
        if connection.scalar(select(papers.c.paper_id).where(others)) is not None:
            yield paper_id


def _write_papers(connection: Connection, control_number: str, written: Sequence[TableRow]) -> None:
    again = [paper["paper_id"] for paper in written]
    replace(connection, papers, control_number, written, papers.c.paper_id, again)


def _annul_at_the_end(connection: Connection, record: CaseRecord) -> None:
    if record.annul_certificate_on is None:
        return
    certificate = and_(
        papers.c.kind == PaperKind.TEMPORARY_CERTIFICATE,
        papers.c.state.in_([PaperState.PREPARED, PaperState.IN_FORCE]),
    )
    # Its number was taken, and the case has withdrawn before it heard of that.
    duplicate = and_(papers.c.kind == PaperKind.DUPLICATE, papers.c.state == PaperState.PREPARED)
    connection.execute(
        update(papers)
        .where(
            papers.c.control_number == record.control_number,
            or_(certificate, duplicate),
        )
        .values(
            state=PaperState.ANNULLED,
            changed_on=record.annul_certificate_on,
            annulled_by=record.revision,
        )
    )


def _annulled_by(connection: Connection, record: CaseRecord) -> tuple[str, ...]:
    """Ids of what this very record annulled, also when it is repeated much later."""
    of_record = {OF_CASE: record.control_number, "revision": record.revision}
    return tuple(connection.scalars(_ANNULLED, of_record))
