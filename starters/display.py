"""What people look at in the terminal: tables and lines, by rich."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from domain.deficiencies import Deficiency
from domain.statuses import CaseStatus

if TYPE_CHECKING:  # they would bring the engine, which not every command needs
    from starters.cases import CaseRow, ErasedCase
    from workflows.contracts import CaseView

PIPED_WIDTH = 140
"""Columns where no terminal says how wide it is."""


def _console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return (
        console
        if console.is_terminal
        else Console(stderr=stderr, highlight=False, width=PIPED_WIDTH)
    )


WIDE_ENOUGH = 110
"""Columns of a terminal that has room for every column of a table."""

out = _console()
err = _console(stderr=True)

COLOURS = {
    CaseStatus.ISSUED: "green",
    CaseStatus.SUBSTITUTE_ISSUED: "green",
    CaseStatus.READY: "green",
    CaseStatus.RETURNED: "yellow",
    CaseStatus.REFUSED: "red",
    CaseStatus.SUSPENDED: "yellow",
    CaseStatus.WITHDRAWN: "magenta",
    CaseStatus.CLOSED: "magenta",
}


def columns_of(wide: tuple[str, ...], *, first_to_go: tuple[str, ...]) -> tuple[str, ...]:
    """The columns a table has room for; on a narrow terminal some go rather than all break."""
    if out.width >= WIDE_ENOUGH:
        return wide
    return tuple(column for column in wide if column not in first_to_go)


def table_of(
    title: str | None, columns: tuple[str, ...], rows: Iterable[dict[str, RenderableType]]
) -> Table:
    """A table of the columns named; cells for others are left out."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "control number")
    for row in rows:
        table.add_row(*(row[column] for column in columns))
    return table


def text_table(
    columns: tuple[str, ...], rows: Iterable[Sequence[str]], *, first_to_go: tuple[str, ...] = ()
) -> Table:
    """A table of mere texts, whatever signs are in them."""
    cells: Iterable[dict[str, RenderableType]] = (
        {column: Text(cell) for column, cell in zip(columns, row, strict=True)} for row in rows
    )
    return table_of(None, columns_of(columns, first_to_go=first_to_go), cells)


def status_text(status: CaseStatus | None, *, overdue: bool = False) -> Text:
    """A status in its colour, marked when overdue."""
    text = Text("?" if status is None else status.value)
    text.stylize(COLOURS.get(status, "cyan") if status else "dim")
    if overdue:
        text.append(" overdue", "bold red")
    return text


def deficiency_list(title: str, deficiencies: Iterable[Deficiency]) -> Text:
    """Everything wrong with an application, each with its field, code and remedy."""
    text = Text(title + "\n", "bold")
    for index, item in enumerate(deficiencies, start=1):
        text.append(f"\n{index:2}. {item.field}", "cyan")
        text.append(f"  {item.code}\n", "dim")
        text.append(f"    {item.message}\n")
        text.append(f"    → {item.remedy}\n", "green")
    return text


def setting_table(rows: Iterable[tuple[str, str, str]]) -> Table:
    """Settings with their values and meanings."""
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("variable", "value", "meaning"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def case_table(rows: "Iterable[CaseRow]") -> Table:
    """Cases as a list; the due date by the server's clock, also in an accelerated run."""
    columns = columns_of(
        ("control number", "status", "label", "route", "region", "due", "officer", "reasons"),
        first_to_go=("label", "route", "officer"),
    )
    return table_of(None, columns, (_cells(row) for row in rows))


def _cells(row: "CaseRow") -> dict[str, RenderableType]:
    return {
        "control number": row.control_number,
        "status": status_text(row.status, overdue=row.overdue),
        "label": row.status_label,
        "route": row.route or "",
        "region": row.region or "",
        "due": day(row.stage_due_at),
        "officer": row.assignee or "",
        "reasons": ", ".join(row.refusal_reasons),
    }


def case_panel(view: "CaseView") -> RenderableType:
    """One case with its stage, open reasons and timeline."""
    facts = Table.grid(padding=(0, 2))
    facts.add_row("status", status_text(view.status, overdue=view.overdue), view.status_label)
    facts.add_row("route", view.route, view.holder)
    if view.stage:
        facts.add_row("waits for", view.stage.awaited, f"from {view.stage.from_whom}")
        if view.stage.due_on:
            provisional = " (provisional)" if view.stage.provisional else ""
            facts.add_row("by", f"{view.stage.due_on:%d.%m.%Y}{provisional}", "")
        facts.add_row("next step", Text(re.sub(r"[`*]", "", view.stage.next_step)), "")
    if view.case_due_on and not view.status.is_final:
        facts.add_row("whole case by", f"{view.case_due_on:%d.%m.%Y}", "")
    if view.fees and view.fees.items:
        paid = f"paid {view.fees.paid}, refunded {view.fees.refunded}"
        paid = "receipt attached" if view.fees.receipt_attached and not view.fees.paid else paid
        facts.add_row("fees", f"{view.fees.total} roubles", paid)
    rejected = f", undeliverable: {', '.join(view.mails.rejected)}" if view.mails.rejected else ""
    facts.add_row("mails", f"{view.mails.sent} sent, {view.mails.waiting} waiting{rejected}", "")
    parts: list[RenderableType] = [Panel(facts, title=view.control_number, title_align="left")]
    if view.reasons:
        parts.append(deficiency_list("open reasons", view.reasons))
    if view.parked:
        table = Table(title="for a person to sort out", box=box.SIMPLE_HEAD, title_justify="left")
        table.add_column("message")
        table.add_column("why it was not applied")
        for item in view.parked:
            table.add_row(Text(item.message), Text(item.reason))
        parts.append(table)
    timeline = Table(title="timeline", box=box.SIMPLE_HEAD, title_justify="left")
    for column in ("when", "what", ""):
        timeline.add_column(column, overflow="fold")
    for entry in view.timeline:
        timeline.add_row(f"{entry.at:%d.%m.%Y %H:%M}", entry.event, Text(entry.detail))
    parts.append(timeline)
    return Group(*parts)


def erased_case(case: "ErasedCase") -> str:
    """What is left to say of an erased case, in one line."""
    if case.act_sha256 is None:
        return f"{case.control_number} ({case.status}) is being erased; erase it again to finish"
    return (
        f"{case.control_number} ({case.status}) was erased on {day(case.erased_at)}; "
        f"its act: {case.act_sha256}"
    )


def day(moment: datetime | None) -> str:
    """A day as people write it, on this machine's clock; empty for none."""
    return f"{moment.astimezone():%d.%m.%Y}" if moment else ""


@contextmanager
def progress(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Tell on stderr how many are done: a bar where somebody looks on, else now and then a line."""
    if quiet:
        yield lambda _: None
    elif err.is_terminal:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress  # noqa: PLC0415 - slow

        with Progress(what, BarColumn(), MofNCompleteColumn(), console=err, transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)
    else:
        every = max(1, total // 10)
        yield lambda done: err.print(f"{done} of {total}") if done % every == 0 else None
