"""The directory of records holders as one CSV file that any spreadsheet can edit (R6)."""

import codecs
import csv
import io
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import HttpUrl, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from domain.identifiers import email_address, organisation_inn
from domain.routes import Directory, Holder, HolderKind, HolderStatus
from domain.text import line_of_text

COLUMNS = (
    "inn",
    "name",
    "kind",
    "status",
    "region",
    "channel",
    "address",
    "successor_inn",
    "archive_inn",
    "closure_protocol",
)
MAX_BYTES = 8 * 1024 * 1024
MAX_LINES = 20_000
"""Several times what the whole country has; more is another file by mistake."""
FORMULA_SIGNS = ("=", "+", "-", "@")
"""A spreadsheet runs what begins so, and an imported file may come from anywhere."""

_REMEDIES = {
    "EMPTY": "is empty; fill it in",
    "LINE_BREAK": "holds a line break; write one line",
    "INVISIBLE_CHARACTERS": "holds invisible characters; type it anew",
    "TEXT_TOO_SHORT": "holds no letter and no digit; write it out",
    "TEXT_TOO_LONG": "longer than 300 characters; shorten it",
    "INN_10_FORMAT": "not 10 digits; if a spreadsheet dropped a leading zero, make the column text",
    "INN_CHECK_DIGIT": "wrong check digit; compare it with the register of legal entities",
    "EMAIL_FORMAT": "no mail address; write it as in records@example.org",
    "EMAIL_SEVERAL": "several mail addresses; keep exactly one",
    "MIXED_ALPHABETS": "mixes Russian and Latin letters; type it anew",
}
"""What is wrong and what to do, for the faults that the domain finds in a text."""
_WEB_ADDRESS: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)


class Fault(NamedTuple):
    """One thing wrong; never repeats what stands in the file, which may be another's (R13)."""

    source: str
    """Name of the file where several are looked at."""
    line: int
    """0 for the file as a whole."""
    field: str
    text: str

    def __str__(self) -> str:
        """File, line, field, what is wrong and what to do."""
        line = f"line {self.line}" if self.line else ""
        place = ", ".join(filter(None, (self.source, line, self.field)))
        return f"{place}: {self.text}" if place else self.text


class BadDirectory(Exception):
    """A file that is no directory of holders; every fault is named with its line and remedy."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        in_order = sorted(faults, key=lambda fault: (fault.source, fault.line))
        self.faults = tuple(str(fault) for fault in in_order)
        super().__init__("\n".join(self.faults))


class Row(NamedTuple):
    """One line of the file: its cells by column, without the spaces around them."""

    source: str
    line: int
    cells: dict[str, str]

    def fault(self, field: str, text: str) -> Fault:
        """A fault in this line."""
        return Fault(self.source, self.line, field, text)


class Sheet(NamedTuple):
    """A file as it was read, and in which of the spreadsheets' dialects."""

    rows: list[Row]
    faults: list[Fault]
    """Lines that are no rows of the table."""
    delimiter: str
    encoding: str


class Merger(NamedTuple):
    """One directory taken into another, not yet written."""

    file: Path
    content: bytes
    added: int
    changed: int
    unchanged: int

    def write(self) -> None:
        """Replace the file as a whole, so that nobody ever reads half of it.

        Raises:
            OSError: It cannot be written; the old one still stands.
        """
        target = self.file.resolve()
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=".holders-", delete=False
        ) as new:
            try:
                new.write(self.content)
                new.flush()
                os.fsync(new.fileno())
                shutil.copymode(target, new.name)
                Path(new.name).replace(target)
            except BaseException:
                Path(new.name).unlink()
                raise


def read_directory(file: Path, regions: Collection[str]) -> Directory:
    """The directory in a file.

    Args:
        file: CSV with the columns of `COLUMNS`, in UTF-8, with commas or semicolons.
        regions: The two-digit codes the profile knows.

    Raises:
        BadDirectory: Anything is wrong; all faults are named.
    """
    rows = _checked([_sheet(_content(file))], regions)
    return Directory(holders={inn: _holder(row.cells) for inn, row in rows.items()})


def merge(file: Path, into: Path, regions: Collection[str]) -> Merger:
    """Take the lines of a file into a directory, by INN; what it does not name stays.

    Raises:
        BadDirectory: Anything is wrong in one of the files or in what they are together.
    """
    old = _sheet(_content(into, into.name), into.name)
    new = _sheet(_content(file))
    content = _written(_checked([old, new], regions).values(), old)
    _checked([_sheet(content, into.name)], regions)  # a worker must be able to read the whole
    before = {row.cells["inn"]: row.cells for row in old.rows}
    same = [row.cells == before[inn] for row in new.rows if (inn := row.cells["inn"]) in before]
    return Merger(
        file=into,
        content=content,
        added=len(new.rows) - len(same),
        changed=same.count(False),
        unchanged=same.count(True),
    )


def _written(rows: Iterable[Row], like: Sheet) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=like.delimiter, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([row.cells[column] for column in COLUMNS] for row in rows)
    return text.getvalue().encode(like.encoding)


def _holder(cells: dict[str, str]) -> Holder:
    given = {column: cells[column] or None for column in COLUMNS}
    kind, address = given.pop("channel"), given.pop("address")
    if kind == "letter" and address:
        address = email_address(address)
    channel = {"kind": kind, "address": address} if kind else None
    return Holder.model_validate({**given, "name": line_of_text(cells["name"]), "channel": channel})


# --- the file as a table -----------------------------------------------------------------


def _sheet(content: bytes, source: str = "") -> Sheet:
    try:
        text, encoding = _text(content)
    except ValueError as error:
        raise BadDirectory([Fault(source, 0, "", str(error))]) from None
    first = io.StringIO(text.lstrip(), newline=None).readline()
    sheet = Sheet([], [], ";" if ";" in first else ",", encoding)
    lines = _lines(text, source, sheet)
    _, header = next(lines, (1, []))
    wrong = sheet.faults or [Fault(source, 1, "", told) for told in _header_faults(header)]
    if wrong:
        raise BadDirectory(wrong)
    for line, cells in lines:
        if len(cells) == len(COLUMNS):
            sheet.rows.append(Row(source, line, dict(zip(header, cells, strict=True))))
        else:
            told = f"{len(cells)} cells where {len(COLUMNS)} are needed; mend the separators"
            sheet.faults.append(Fault(source, line, "", told))
    if not sheet.rows and not sheet.faults:
        raise BadDirectory([Fault(source, 0, "", "names no holder; write one in each line")])
    return sheet


def _content(file: Path, source: str = "") -> bytes:
    try:
        if stat.S_ISREG(file.stat().st_mode):
            with file.open("rb") as opened:
                return opened.read(MAX_BYTES + 1)
        told = "not a regular file; name the CSV file itself"
    except FileNotFoundError:
        told = "there is no such file"
    except OSError as error:
        told = f"cannot be read ({error.strerror})"
    raise BadDirectory([Fault(source, 0, "", told)])


def _text(content: bytes) -> tuple[str, str]:
    """The text and its encoding.

    Raises:
        ValueError: There is none; says why and what to do.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES // 1024**2} MiB; no directory of holders is")
    if b"\0" in content:
        raise ValueError("holds zero bytes; save the table as CSV in UTF-8")
    encoding = "utf-8-sig" if content.startswith(codecs.BOM_UTF8) else "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 (byte {error.start}); save the file as UTF-8") from None
    if not text.strip():
        raise ValueError("is empty; the first line names the columns")
    return text, encoding


def _lines(text: str, source: str, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells of all lines but blank ones; spreadsheets leave such behind."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sheet.delimiter, strict=True)
    while reader.line_num <= MAX_LINES:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error:
            told = "no cells to be told apart; look for a quotation mark too many or too few"
            sheet.faults.append(Fault(source, line, "", told))
            return
        if any(cells):
            yield line, cells
    sheet.faults.append(Fault(source, 0, "", f"more than {MAX_LINES} lines; no directory has them"))


def _header_faults(header: list[str]) -> Iterator[str]:
    for column in COLUMNS:
        if header.count(column) != 1:
            told = "stands twice; keep one" if column in header else "is missing; add it"
            yield f"the column {column} {told}"
    for number, column in enumerate(header, start=1):
        if column not in COLUMNS:
            yield f"column {number} is none of the directory's; delete it"


# --- the rules ---------------------------------------------------------------------------


def _checked(sheets: Collection[Sheet], regions: Collection[str]) -> dict[str, Row]:
    """All lines by INN, those of later sheets in the place of earlier ones.

    Raises:
        BadDirectory: Anything is wrong.
    """
    faults: list[Fault] = []
    merged: dict[str, Row] = {}
    for sheet in sheets:
        faults += sheet.faults
        faults += _repeated(sheet.rows)
        faults += (row.fault(*wrong) for row in sheet.rows for wrong in _faults(row.cells, regions))
        merged.update((row.cells["inn"], row) for row in sheet.rows)
    faults += _among(merged)
    if faults:
        raise BadDirectory(faults)
    return merged


def _repeated(rows: Iterable[Row]) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for row in rows:
        known = first.setdefault(row.cells["inn"], row.line)
        if row.cells["inn"] and known != row.line:
            yield row.fault("inn", f"stands in line {known} already; keep one of the two")


def _faults(cells: dict[str, str], regions: Collection[str]) -> Iterator[tuple[str, str]]:
    """Field and text of everything wrong with a line by itself."""
    for field in COLUMNS:
        if cells[field].startswith(FORMULA_SIGNS):
            yield field, "begins like a formula; delete the sign"
    yield from _refused("inn", cells["inn"], organisation_inn)
    yield from _refused("name", cells["name"], line_of_text)
    for field, known in (("kind", list(HolderKind)), ("status", list(HolderStatus))):
        if cells[field] not in known:
            yield field, f"write one of {', '.join(known)}"
    if cells["region"] not in regions:
        yield "region", "no region of the profile; write two digits as in 77, the column as text"
    yield from _channel_faults(cells["channel"], cells["address"], cells["status"])
    if cells["status"] in set(HolderStatus):
        yield from _fate_faults(cells)


def _channel_faults(channel: str, address: str, status: str) -> Iterator[tuple[str, str]]:
    if channel == "http":
        if not _is_system(address):
            yield "address", "no address of a system; write a path as in /holders/inn, or a URL"
    elif channel == "letter":
        yield from _refused("address", address, email_address)
    elif channel:
        yield "channel", "write http or letter, or nothing for an institution that is no more"
    elif status == HolderStatus.ACTIVE:
        yield "channel", "is empty; an active holder is reached by http or letter"
    elif address:
        yield "address", "is of no use without a channel; delete it, or write http or letter"


def _fate_faults(cells: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What became of a holder, and the fields that go with it."""
    status = HolderStatus(cells["status"])
    ends = status in {HolderStatus.LIQUIDATED, HolderStatus.TRANSFERRED}
    if ends and cells["kind"] != HolderKind.INSTITUTION:
        yield "status", "for institutions only; an archive or authority is active or reorganised"
    for field, owner, check in (
        ("successor_inn", HolderStatus.REORGANISED, organisation_inn),
        ("archive_inn", HolderStatus.TRANSFERRED, organisation_inn),
        ("closure_protocol", HolderStatus.LIQUIDATED, line_of_text),
    ):
        if status is not owner and cells[field]:
            yield field, f"only for status {owner}; delete it, or mend the status"
        elif status is owner and (cells[field] or field == "successor_inn"):
            yield from _refused(field, cells[field], check)


def _refused(field: str, cell: str, check: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    try:
        plain = check(cell)
    except PydanticCustomError as error:
        yield field, _REMEDIES[error.type]
        return
    if check is organisation_inn and plain != cell:
        yield field, _REMEDIES["INN_10_FORMAT"]  # by which lines find each other


def _is_system(address: str) -> bool:
    """True for a path below the holders' base address and for a URL of its own.

    The key of an errand is put behind it; `//host` would be another host, not a path.
    """
    plain = re.fullmatch(r"(https?:/)?/[^\s/?#\\@][^\s?#\\@]*", address)
    if not plain or not address.isprintable():
        return False
    try:
        return address.startswith("/") or bool(_WEB_ADDRESS.validate_python(address))
    except ValidationError:
        return False


def _among(rows: dict[str, Row]) -> Iterator[Fault]:
    """What is wrong between lines: heirs nobody knows, and circles of them."""
    heirs: dict[str, str] = {}
    for inn, row in rows.items():
        field, heir = _heir(row.cells)
        if not heir or any(_refused(field, heir, organisation_inn)):
            continue
        if heir not in rows:
            yield row.fault(field, "stands in no line of its own; add it, or mend the number")
        elif field == "archive_inn" and rows[heir].cells["kind"] != HolderKind.ARCHIVE:
            yield row.fault(field, "names no archive; mend the number, or the kind of that holder")
        else:
            heirs[inn] = heir
    for inn in _in_circles(heirs):
        told = "leads back to this holder in a circle; name who has the records now"
        yield rows[inn].fault(_heir(rows[inn].cells)[0], told)


def _heir(cells: dict[str, str]) -> tuple[str, str]:
    """Field and INN of who took the records over; empty where nobody is named."""
    field = {
        HolderStatus.REORGANISED.value: "successor_inn",
        HolderStatus.TRANSFERRED.value: "archive_inn",
    }.get(cells["status"], "")
    return field, cells.get(field, "")


def _in_circles(heirs: dict[str, str]) -> Iterator[str]:
    """Those whose heirs lead back to them."""
    seen: set[str] = set()
    for start in heirs:
        path, at = [], start
        while at in heirs and at not in seen:
            seen.add(at)
            path.append(at)
            at = heirs[at]
        if at in path:
            yield from path[path.index(at) :]
