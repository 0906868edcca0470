"""The command that examines an application: it needs no server, and starts without the engine."""

import typer

from starters import display
from starters.console import (
    BAD_INPUT,
    CaseFile,
    Json,
    Stop,
    count,
    dumped,
    examined,
    print_json,
    read_case,
    reasons,
)
from starters.intake import scan_faults

app = typer.Typer()


@app.command()
def check(file: CaseFile, as_json: Json = False) -> None:
    """Validate an application without a server: everything wrong with it, at once."""
    application, scans, _ = read_case(file)
    found = examined(application)
    found += scan_faults(scans, reasons())
    if as_json:
        print_json({"ok": not found, "deficiencies": dumped(found)})
    elif found:
        display.err.print(display.deficiency_list(count(found), found))
    else:
        display.out.print("The application is complete and correct.")
    if found:
        raise Stop(BAD_INPUT, "")
