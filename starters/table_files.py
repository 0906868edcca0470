"""Tables as files: applications read from CSV, and reports written for spreadsheets."""

import csv
import io
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, JsonValue

from adapters.holders_csv import FORMULA_SIGNS
from domain.application import Application
from domain.base import JsonObject
from starters.console import FAILED, Stop
from starters.files import BadFile, shown

STDOUT = Path("-")
MAX_BYTES = 64 * 1024 * 1024
"""Some fifty thousand applications; more is another file by mistake."""
DOCUMENTS = "documents"
YES_AND_NO = {"true": True, "да": True, "false": False, "нет": False}


class TableRow(NamedTuple):
    """One line of a table: the application in it, or why none can be told from it."""

    line: int
    application: JsonObject
    fault: str = ""


# --- reading ---------------------------------------------------------------------------------


def read_applications(file: Path) -> list[TableRow]:
    """The applications of a CSV table, one in each line.

    The header names fields as in `applicant.name.surname`. An empty cell is an absent field,
    and a cell that is no value of its field stays text, so that the examination names it.

    Raises:
        BadFile: Not a readable CSV in UTF-8, or with columns nobody knows; all are named.
    """
    name, text = shown(file), _text(file)
    first = io.StringIO(text.lstrip(), newline=None).readline()
    lines = _lines(text, ";" if ";" in first else ",")
    try:
        _, header = next(lines, (1, []))
        faults = list(_header_faults(header))
        if faults:
            raise BadFile(f"{name} is not usable:\n" + "\n".join(f"  {told}" for told in faults))
        rows = [_row(line, header, cells) for line, cells in lines]
    except csv.Error:
        raise BadFile(
            f"{name}: cells cannot be told apart; look for a quotation mark too many or too few"
        ) from None
    if not rows:
        raise BadFile(f"{name}: holds no application; write one in each line below the header")
    return rows


def _text(file: Path) -> str:
    name = shown(file)
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise BadFile(f"{name}: not a regular file; name the CSV file itself")
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise BadFile(f"{name}: there is no such file or folder") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not usable"
        raise BadFile(f"{name}: cannot be read ({reason})") from None
    if len(content) > MAX_BYTES:
        raise BadFile(f"{name}: larger than {MAX_BYTES // 1024**2} MiB; split the table")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(f"{name}: not UTF-8 (byte {error.start}); save the table as UTF-8") from None
    if "\0" in text:
        raise BadFile(f"{name}: holds zero bytes; save the table as CSV in UTF-8")
    return text


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells of all lines but blank ones; spreadsheets leave such behind."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    end = 0
    for row in reader:
        line, end = end + 1, reader.line_num
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield line, cells


def _header_faults(header: list[str]) -> Iterator[str]:
    for number, column in enumerate(header, start=1):
        # Where the header is missing these are somebody's data, and not repeated (R13).
        plain = re.fullmatch(r"[A-Za-z_]+(\.[A-Za-z_]+)*", column) is not None
        place = f"column {number}, {column}" if plain else f"column {number}"
        if column not in COLUMNS:
            yield f"{place}: no field of an application; see `diploma schema`, or delete it"
        elif column in header[: number - 1]:
            yield f"{place}: stands twice; keep one"


def _row(line: int, header: list[str], cells: list[str]) -> TableRow:
    if len(cells) != len(header):
        told = f"{len(cells)} cells where {len(header)} are needed; mend the separators"
        return TableRow(line, {}, told)
    filled = {column: cell for column, cell in zip(header, cells, strict=True) if cell}
    return TableRow(line, _nested({path: COLUMNS[path](cell) for path, cell in filled.items()}))


def _nested(values: dict[str, JsonValue]) -> JsonObject:
    """Values by dotted path as the object they belong to."""
    for path in list(values):
        inner = [other for other in values if other.startswith(f"{path}.")]
        if inner:  # "unknown" beside a number: what has two values is no readable field
            values[path] = [values[path], *(values.pop(other) for other in inner)]
    result: dict[str, Any] = {}
    for path, value in values.items():
        *above, last = path.split(".")
        part = result
        for key in above:
            part = part.setdefault(key, {})
        part[last] = value
    return result


def _truth(cell: str) -> JsonValue:
    return YES_AND_NO.get(cell.lower(), cell)


def _whole(cell: str) -> JsonValue:
    return int(cell) if re.fullmatch(r"-?[0-9]{1,15}", cell) else cell


def _day(cell: str) -> JsonValue:
    """A day as JSON has it; spreadsheets here write 30.06.2007 whatever was typed."""
    try:
        return datetime.strptime(cell, "%d.%m.%Y").date().isoformat()  # noqa: DTZ007 - a mere day
    except ValueError:
        return cell


def _documents(cell: str) -> JsonValue:
    """Scans, as in `kind=name=size; kind=name=size`; a name may hold = as well."""
    found: list[JsonValue] = []
    for item in filter(None, map(str.strip, cell.split(";"))):
        kind, _, rest = item.partition("=")
        name, _, size = rest.rpartition("=")
        found.append(
            {"kind": kind.strip(), "name": name.strip(), "size_bytes": _whole(size.strip())}
        )
    return found


_READERS: dict[type, Callable[[str], JsonValue]] = {bool: _truth, int: _whole, date: _day}
"""How a cell is read for a type of field; for any other it is a text already."""


def _columns(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every field that can have a column of its own, and how its cells are read."""
    for name, field in model.model_fields.items():
        path = f"{above}{name}"
        if path == DOCUMENTS:
            yield path, _documents
            continue
        for kind in _types(field.annotation):
            if issubclass(kind, BaseModel):
                yield from _columns(kind, f"{path}.")
            elif kind is not NoneType:
                yield path, _READERS.get(kind, str)


def _types(annotation: Any) -> Iterator[type]:
    """The classes an annotation is made of."""
    if isinstance(annotation, type):
        yield annotation
    elif get_origin(annotation) is Literal:
        yield str
    else:
        for inner in get_args(annotation):
            yield from _types(inner)


COLUMNS: dict[str, Callable[[str], JsonValue]] = dict(_columns(Application))
"""What the header of a table may name."""


# --- writing ---------------------------------------------------------------------------------


def check_target(target: Path) -> None:
    """See early that a table can be written, before the work that fills it.

    Raises:
        BadFile: Its folder is not there, or something else than a file has its name.
    """
    if target == STDOUT:
        return
    try:
        if not target.resolve().parent.is_dir():
            raise BadFile(f"{shown(target)}: there is no such folder; create it first")
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise BadFile(f"{shown(target)}: not a regular file; choose another name")
    except (OSError, ValueError, RuntimeError):
        raise BadFile(f"{shown(target)}: the name is not usable") from None


def write_table(
    target: Path,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    private: bool = False,
) -> None:
    """Write a table as the spreadsheets of this country read it: semicolons, and UTF-8 with a mark.

    A file is replaced as a whole, so that nobody ever reads half of it.

    Args:
        target: The file, or `STDOUT`.
        columns: The header.
        rows: The cells of each line.
        private: True for a file that only its owner may read.

    Raises:
        BadFile: Its folder is not there, or something else than a file has its name.
        Stop: It cannot be written; what was there before still is.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    if target == STDOUT:
        print(text.getvalue(), end="")
        return
    check_target(target)
    try:
        _replace(target.resolve(), text.getvalue().encode("utf-8-sig"), private=private)
    except OSError as error:
        raise Stop(FAILED, f"{shown(target)}: cannot be written ({error.strerror})") from None


def _harmless(cell: object) -> object:
    """A spreadsheet runs a text that begins like a formula; behind an apostrophe it does not."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_SIGNS) else cell


def _replace(file: Path, content: bytes, *, private: bool) -> None:
    beside = file.with_name(f".{secrets.token_hex(8)}.tmp")
    opener = partial(os.open, mode=0o600 if private else 0o666)
    try:
        with open(beside, "xb", opener=opener) as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
