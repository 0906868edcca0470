"""Commands for the end of personal data: what is due, erasing it, and what proves that (R13)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import typer

from activities.ports import DocumentStore, PermanentFailure, TemporaryFailure
from adapters.mail_rendering import SERVICE_NAME
from adapters.papers.office import file_name
from adapters.profiles import load_profile
from adapters.register.database import SqlRegister
from adapters.secret_files import replace
from domain.base import Frozen
from domain.clock import MOSCOW
from domain.numbers import parse_control_number
from domain.papers import PaperTemplate
from domain.profile import Profile
from domain.retention import BASIS_LABELS, CATEGORIES, SYSTEM, Erasure, ErasureBasis, Obstacle
from starters import cases, display
from starters.console import BAD_INPUT, FAILED, Json, Number, Stop, connection, print_json, say
from starters.erasure import (
    Candidate,
    Eraser,
    act_maker,
    candidates,
    kept_act,
    told,
    wanted,
)
from starters.files import BadFile, shown
from starters.officers import Officer
from starters.table_files import STDOUT, check_target, write_table
from workers.keys import Keys, opened_keys
from workers.settings import Settings, load_settings

app = typer.Typer(
    name="retention", help="The end of personal data: what is due, erasing it, its acts."
)

UNSENT_FOR = timedelta(days=1)
"""How long a message that was typed, and sealed, may take to be sent anywhere."""
DUE_COLUMNS = ("control number", "status", "ended", "why due", "what forbids it")
JOURNAL_COLUMNS = (
    "Номер заявления",
    "Категории персональных данных",
    "Информационная система",
    "Причина уничтожения",
    "Дата уничтожения",
    "Уничтожил",
    "Удалено файлов",
    "Акт (SHA-256)",
)
"""What order 179 of Roskomnadzor asks of an extract of the event log, and a little more."""
JOURNAL_BRIEF = (0, 3, 4, 5, 6)
"""The columns a terminal has room for: the others are long, or the same for every case."""


class Basis(StrEnum):
    """An ErasureBasis as it is typed."""

    CONSENT_WITHDRAWN = "consent-withdrawn"
    RETENTION_ENDED = "retention-ended"


class Left(Frozen):
    """A case that was due and was not erased."""

    control_number: str
    reason: str


class Swept(Frozen):
    """What became of all cases that were due."""

    erased: tuple[Erasure, ...]
    left: tuple[Left, ...]
    """Something forbids it, for now or until a person sees to it."""
    failed: tuple[Left, ...]
    unsent_keys: int
    """Keys destroyed of messages that were typed and sent nowhere."""


class _Opened(NamedTuple):
    """What every command here works with."""

    settings: Settings
    profile: Profile
    keys: Keys
    register: SqlRegister

    def store(self) -> DocumentStore:
        """The document store; a folder is created."""
        return self.settings.document_store(self.keys.sealer)


@app.command(name="due")
def list_due(as_json: Json = False) -> None:
    """List the cases that are to be erased by now, why, and what forbids it."""

    async def look() -> list[Candidate]:
        async with _opened() as opened:
            return await candidates(opened.register, opened.profile, datetime.now(UTC))

    found = asyncio.run(look())
    if as_json:
        print_json([candidate.model_dump(mode="json") for candidate in found])
        return
    display.out.print(display.text_table(DUE_COLUMNS, map(_cells, found)))
    display.out.print("1 case" if len(found) == 1 else f"{len(found)} cases")


@app.command()
def erase(
    officer: Officer,
    number: Annotated[
        str | None, typer.Argument(help="Control number, as in 7K3M-9QXT-2B4D-6.")
    ] = None,
    all_due: Annotated[bool, typer.Option("--due", help="Every case that is due.")] = False,
    basis: Annotated[
        Basis | None,
        typer.Option("--basis", help="Why, where the register does not know of it."),
    ] = None,
    unexported: Annotated[
        bool,
        typer.Option("--unexported", help="Even if its federal row was never exported."),
    ] = False,
    act: Annotated[
        Path | None, typer.Option("--act", help="File for the act of destruction.")
    ] = None,
    acts: Annotated[
        Path | None, typer.Option("--acts", help="With --due: folder for all the acts.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Destroy all that is kept of a case and the key to its copies; nothing brings it back.

    Repeating it is harmless, and completes what was interrupted.
    """
    if all_due:
        if number is not None or basis is not None or unexported or act is not None:
            raise Stop(BAD_INPUT, "--due takes --officer and --acts only")
        _erase_due(officer, acts, as_json=as_json)
        return
    if number is None or acts is not None:
        raise Stop(BAD_INPUT, "name one case, or give --due; --acts goes with --due")
    reason = ErasureBasis[basis.name] if basis else None
    overruled = {Obstacle.NOT_EXPORTED} if unexported else set()
    _erase_one(parse_control_number(number), officer, reason, overruled, act, as_json=as_json)


@app.command(name="act")
def fetch_act(
    number: Number,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; else named after the case.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the act of destruction of an erased case once more, as it was signed."""
    known = parse_control_number(number)
    target = out or Path(_act_name(known))
    _check(target)

    async def fetch() -> bytes:
        async with _opened() as opened:
            return await kept_act(opened.register, opened.store(), known)

    _write(target, asyncio.run(fetch()))
    say({"control_number": known, "act": str(target)}, f"Written: {target}", as_json=as_json)


@app.command()
def journal(
    csv: Annotated[
        Path | None, typer.Option("--csv", help="File to write; - for the terminal.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List every erasure, in the words in which the authority wants it proved; nothing personal."""
    if csv is not None:
        check_target(csv)
    if csv == STDOUT and as_json:
        raise Stop(BAD_INPUT, "one of --csv - and --json; both write to the terminal")

    async def look() -> list[Erasure]:
        async with _opened() as opened:
            return await opened.register.erasures()

    found = asyncio.run(look())
    if csv is not None:
        write_table(csv, JOURNAL_COLUMNS, map(_journal_cells, found))
    if as_json:
        print_json([erasure.model_dump(mode="json") for erasure in found])
    elif csv is None:
        rows = ([row[place] for place in JOURNAL_BRIEF] for row in map(_journal_cells, found))
        columns = tuple(JOURNAL_COLUMNS[place] for place in JOURNAL_BRIEF)
        display.out.print(display.text_table(columns, rows))


def _erase_one(
    number: str,
    officer: str,
    basis: ErasureBasis | None,
    overruled: set[Obstacle],
    target: Path | None,
    *,
    as_json: bool,
) -> None:
    if target is not None:
        _check(target)

    async def work() -> Erasure:
        async with _opened() as opened:
            asked = await wanted(opened.register, opened.profile, number, officer, basis, overruled)
            done = await (await _eraser(opened)).erase(asked)
            if target is not None:
                _write(target, await kept_act(opened.register, opened.store(), number))
            return done

    done = asyncio.run(work())
    say(_document(done, target), _line(done), as_json=as_json)


def _erase_due(officer: str, folder: Path | None, *, as_json: bool) -> None:
    if folder is not None and not folder.is_dir():
        raise BadFile(f"{shown(folder)}: there is no such folder; create it first")
    swept = asyncio.run(_sweep(officer, folder, quiet=as_json))
    if as_json:
        print_json({"ok": not swept.failed, **swept.model_dump(mode="json")})
    else:
        for line in _sweep_lines(swept):
            display.out.print(line, markup=False, soft_wrap=True)
    if swept.failed:
        raise Stop(FAILED, "")


async def _sweep(officer: str, folder: Path | None, *, quiet: bool) -> Swept:
    erased: list[Erasure] = []
    left: list[Left] = []
    failed: list[Left] = []
    async with _opened() as opened:
        now, ring = datetime.now(UTC), opened.keys.ring
        unsent = await asyncio.to_thread(ring.destroy_unsent, now - UNSENT_FOR)
        found = await candidates(opened.register, opened.profile, now)
        for erasure in await opened.register.erasures():
            # A ring that came back from a backup opens again what was erased since.
            number = erasure.control_number
            is_back = await asyncio.to_thread(ring.is_alive, number)
            if is_back and erasure.act_sha256 is not None:
                await asyncio.to_thread(ring.destroy, number)
        eraser = await _eraser(opened)
        with display.progress("erasing", len(found), quiet=quiet) as tell:
            for done, candidate in enumerate(found, start=1):
                number = candidate.control_number
                try:
                    asked = await wanted(opened.register, opened.profile, number, officer)
                    erased.append(await eraser.erase(asked))
                    if folder is not None:
                        content = await kept_act(opened.register, opened.store(), number)
                        _write(folder / _act_name(number), content)
                except cases.TurnedDown as refusal:
                    left.append(Left(control_number=number, reason=str(refusal)))
                except (TemporaryFailure, PermanentFailure) as failure:
                    failed.append(Left(control_number=number, reason=str(failure)))
                tell(done)
    return Swept(erased=tuple(erased), left=tuple(left), failed=tuple(failed), unsent_keys=unsent)


@asynccontextmanager
async def _opened() -> AsyncIterator[_Opened]:
    settings = load_settings()
    profile = load_profile(settings.profile)
    with opened_keys(settings) as keys:
        register = SqlRegister(settings.register_url, keys.sealer, missing_ok=True)
        try:
            yield _Opened(settings, profile, keys, register)
        finally:
            await register.close()


async def _eraser(opened: _Opened) -> Eraser:
    """All that erasing needs, tried before anything is destroyed."""
    return Eraser(
        await connection(opened.settings, opened.keys.codec),
        opened.register,
        opened.store(),
        opened.keys.ring,
        await asyncio.to_thread(act_maker, opened.settings),
    )


def _act_name(number: str) -> str:
    return file_name(PaperTemplate.ACT_OF_DESTRUCTION, number)


def _check(target: Path) -> None:
    """See early that the act can be written."""
    if target == STDOUT:
        raise Stop(BAD_INPUT, "an act is a PDF: name a file for it")
    check_target(target)


def _write(target: Path, content: bytes) -> None:
    try:
        replace(target, content)
    except OSError as error:
        raise Stop(
            FAILED,
            f"{shown(target)}: cannot be written ({error.strerror}); "
            "what was erased is erased, `diploma retention act` gives its act",
        ) from None


def _cells(candidate: Candidate) -> tuple[str, ...]:
    return (
        candidate.control_number,
        candidate.status.value,
        display.day(candidate.ended_at),
        candidate.basis.replace("_", " ") + (", interrupted" if candidate.begun else ""),
        told(candidate.obstacles),
    )


def _journal_cells(erasure: Erasure) -> tuple[str, ...]:
    at = erasure.destroyed_at
    return (
        erasure.control_number,
        CATEGORIES,
        f"{SERVICE_NAME}: {SYSTEM}",
        BASIS_LABELS[erasure.basis],
        f"{at.astimezone(ZoneInfo(MOSCOW)):%d.%m.%Y %H:%M} (МСК)" if at else "не завершено",
        erasure.officer,
        str(erasure.contents),
        erasure.act_sha256 or "",
    )


def _document(done: Erasure, act: Path | None) -> dict[str, Any]:
    return {**done.model_dump(mode="json"), "act": str(act) if act else None}


def _line(done: Erasure) -> str:
    return (
        f"{done.control_number} is erased ({display.day(done.destroyed_at)}); "
        f"its act: `diploma retention act {done.control_number}`"
    )


def _sweep_lines(swept: Swept) -> list[str]:
    lines = [entry.reason for entry in swept.left]
    lines += [f"{entry.control_number}: {entry.reason}" for entry in swept.failed]
    counts = f"Erased: {len(swept.erased)}, left: {len(swept.left)}, failed: {len(swept.failed)}."
    return [*lines, counts]
