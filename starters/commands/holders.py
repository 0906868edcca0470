"""Commands for the directory of records holders: look at it, check a file, take one in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from adapters.holders_csv import BadDirectory, merge, read_directory
from adapters.profiles import HOLDERS, load_holders, load_profile
from domain.routes import Directory, Holder, HolderStatus
from starters import display
from starters.console import BAD_INPUT, FAILED, Json, Stop, print_json, say
from starters.files import shown
from workers.settings import load_settings

app = typer.Typer(
    name="holders", help="The directory of records holders: list it, check a file, import one."
)

HoldersFile = Annotated[Path, typer.Argument(help="Holders as a CSV file, as a profile has it.")]


@app.command(name="list")
def list_holders(
    status_is: Annotated[
        HolderStatus | None, typer.Option("--status", case_sensitive=False)
    ] = None,
    region: Annotated[str | None, typer.Option("--region", help="Two-digit code.")] = None,
    as_json: Json = False,
) -> None:
    """List the holders of the profile by status or region, and who has their records now."""
    folder = load_settings().profile
    if region is not None and region not in load_profile(folder).regions:
        raise Stop(BAD_INPUT, "--region takes the two-digit code of a region, as in 77")
    directory = load_holders(folder)
    found = [
        holder
        for holder in directory.holders.values()
        if status_is in {None, holder.status} and region in {None, holder.region}
    ]
    if as_json:
        print_json([holder.model_dump(mode="json") for holder in found])
        return
    columns = display.columns_of(
        ("inn", "name", "kind", "status", "region", "reached at", "records with"),
        first_to_go=("kind", "reached at"),
    )
    display.out.print(display.table_of(None, columns, (_row(it, directory) for it in found)))
    display.out.print("1 holder" if len(found) == 1 else f"{len(found)} holders")


@app.command()
def check(file: HoldersFile, as_json: Json = False) -> None:
    """Validate a directory of holders by itself: everything wrong with it, at once."""
    regions = load_profile(load_settings().profile).regions
    with _faults_listed(f"{shown(file)} is not usable", as_json=as_json):
        count = len(read_directory(file, regions).holders)
    say({"ok": True, "holders": count}, f"Nothing is wrong; holders: {count}.", as_json=as_json)


@app.command(name="import")
def import_file(
    file: HoldersFile,
    into: Annotated[
        Path | None, typer.Option("--into", help="Profile folder; else that of the settings.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would become of it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take holders into a profile by INN; on any fault nothing is changed."""
    folder = into or load_settings().profile
    regions = load_profile(folder).regions
    with _faults_listed(f"{shown(file)} was not imported", as_json=as_json):
        merger = merge(file, folder / HOLDERS, regions)
    counts = {"added": merger.added, "changed": merger.changed, "unchanged": merger.unchanged}
    written = not dry_run and bool(merger.added or merger.changed)
    if written:
        try:
            merger.write()
        except OSError as error:
            raise Stop(
                FAILED, f"{HOLDERS} cannot be written ({error.strerror}); it is as it was"
            ) from None
    line = ", ".join(f"{name} {count}" for name, count in counts.items())
    then = "Workers read it when they start." if written else "Nothing was written."
    say({"ok": True, **counts, "written": written}, f"{line}. {then}", as_json=as_json)


def _row(holder: Holder, directory: Directory) -> dict[str, RenderableType]:
    stop = directory.first_stop(holder.inn, holder.region)
    keeper = stop.holder if stop else None
    return {
        "inn": holder.inn,
        "name": Text(holder.name),
        "kind": holder.kind.value,
        "status": holder.status.value,
        "region": holder.region,
        "reached at": Text(holder.channel.address if holder.channel else ""),
        "records with": "" if keeper == holder else keeper.inn if keeper else "nobody known",
    }


@contextmanager
def _faults_listed(what: str, *, as_json: bool) -> Iterator[None]:
    """End the command with every fault of a directory that cannot be used."""
    try:
        yield
    except BadDirectory as error:
        if as_json:
            print_json({"ok": False, "faults": error.faults})
            raise Stop(BAD_INPUT, "") from None
        listed = "\n".join(f"  {fault}" for fault in error.faults)
        raise Stop(BAD_INPUT, f"{what}:\n{listed}") from None
