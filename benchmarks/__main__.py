"""`python -m benchmarks`: measure, show tables, and write docs/performance.md; see `make bench`."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import report
from benchmarks.bench import QUICK, Bench, Extent
from benchmarks.processes import ROOT
from starters import display
from workers import logs

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def main(
    quick: Annotated[bool, typer.Option("--quick", help="A look, in a few minutes.")] = False,
    rounds_only: Annotated[
        bool, typer.Option("--rounds-only", help="Nothing but the sides side by side.")
    ] = False,
    rounds: Annotated[int | None, typer.Option(min=1, help="How often.")] = None,
    cases: Annotated[int | None, typer.Option(min=2, help="In each run.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--write", help="Where to write; by default docs/performance.md if all ran."),
    ] = None,
) -> None:
    """The complete product beside the same shape of case as plain Temporal code."""
    extent = QUICK if quick else Extent()
    extent = replace(extent, rounds=rounds or extent.rounds, cases=cases or extent.cases)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    logs.configure("json", "ERROR")
    with Progress(*columns, console=display.out, transient=True) as progress:
        bench = Bench(extent, progress)
        found = asyncio.run(bench.rounds() if rounds_only else bench.all())
    for table in report.tables(found):
        display.out.print(report.shown(table))
    if file is None and not (quick or rounds_only):
        file = ROOT / "docs" / "performance.md"
    if file is not None:
        file.write_text(report.document(found), encoding="utf-8")


if __name__ == "__main__":
    app()
