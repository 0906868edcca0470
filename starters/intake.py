"""Scans on disk that a case file or a correction names: measured, kept, tried (R2)."""

import asyncio
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue
from pydantic_core import PydanticCustomError

from adapters.scans.checking import check_scan
from adapters.scans.reading import UnusableFile, read_scan
from domain import text
from domain.application import DOCUMENT_LABELS, DocumentKind
from domain.base import JsonObject
from domain.deficiencies import Deficiency, ReasonCatalogue
from domain.scan_faults import ScanFault
from domain.scan_findings import faults_of
from domain.scans import ScanVerdict, safe_name
from starters.files import BadFile, shown
from workers.settings import Settings, load_settings

FILE = "file"
"""Stands in an entry of `documents` in the place of name, size and hash; no case ever sees it."""
_INSTEAD_OF = {"name", "size_bytes", "sha256"}
_KINDS = frozenset(DocumentKind)
_CHECKS_AT_ONCE = 2


class ScanFile(NamedTuple):
    """A file that goes into the document store."""

    field: str
    """Where it is named, as in documents[0].file."""
    kind: str
    """A DocumentKind, unless the form is wrong."""
    path: Path
    name: str
    sha256: str

    def read(self) -> bytes:
        """Its content, read anew, so that no more than one scan is ever in memory.

        Raises:
            BadFile: It is no longer the one that was taken in.
        """
        try:
            content = read_scan(self.path)
        except UnusableFile:
            content = b""
        if _hash(content) != self.sha256:
            raise BadFile(f"{self.field}: the file changed meanwhile; give the command again")
        return content


class TakenIn(NamedTuple):
    """What a case file or a correction says, and the scans that belong to it."""

    content: JsonObject
    scans: tuple[ScanFile, ...]
    """Not stored yet."""


def take_in(content: JsonObject, source: Path) -> TakenIn:
    """Put name, size and hash in the place of every path to a scan.

    No path is left in the content: the same files make the same control number wherever they
    lie. What the rules turn down by its size, an empty scan or too large a one, has no hash.

    Args:
        content: What was read from `source`.
        source: Relative paths begin in its folder.

    Raises:
        BadFile: A scan cannot be read; nothing at all was stored.
    """
    documents = content.get("documents")
    if not isinstance(documents, list):
        return TakenIn(content, ())
    entries: list[JsonValue] = []
    scans: list[ScanFile] = []
    for place, entry in enumerate(documents):
        if not isinstance(entry, dict) or FILE not in entry:
            entries.append(entry)
            continue
        field = f"documents[{place}].{FILE}"
        try:
            document, scan = _taken_in(entry, field, source.parent)
        except BadFile as error:
            raise BadFile(f"{shown(source)}: {field}: {error}") from None
        entries.append(document)
        scans += [scan] if scan else []
    return TakenIn({**content, "documents": entries}, tuple(scans))


async def keep(
    scans: Sequence[ScanFile], control_number: str, settings: Settings | None = None
) -> None:
    """Put scans into the document store, before their case hears of them.

    Args:
        scans: As they were taken in.
        control_number: Of the case they belong to.
        settings: Which name the store and the keys; else those of the environment.

    Raises:
        BadFile: A scan changed since it was taken in.
        BadSettings: There is no such store.
        BadBlobStore: A person has to mend the store.
        BadKeys: A person has to mend the keys.
        KeyDestroyed: The case was erased.
        TemporaryFailure: The store is full or away, or a key is missing.
    """
    if scans:
        await asyncio.to_thread(_put, scans, control_number, settings or load_settings())


def scan_faults(scans: Sequence[ScanFile], reasons: ReasonCatalogue) -> tuple[Deficiency, ...]:
    """Everything that can be seen of scans without a server, in the order of the documents.

    Types that are not taken are left out: the examination tells them by the names alone.

    Raises:
        BadFile: A scan changed since it was taken in.
    """
    tried = [(DocumentKind(scan.kind), scan) for scan in scans if scan.kind in _KINDS]
    with ThreadPoolExecutor(_CHECKS_AT_ONCE) as pool:
        verdicts = list(pool.map(_verdict, [scan for _, scan in tried]))
    faults = faults_of([(kind, of) for (kind, _), of in zip(tried, verdicts, strict=True)])
    return tuple(
        reasons.deficiency(fault, scan.field, DOCUMENT_LABELS[kind])
        for (kind, scan), fault in zip(tried, faults, strict=True)
        if fault and fault is not ScanFault.TYPE_NOT_ALLOWED
    )


def _taken_in(entry: JsonObject, field: str, folder: Path) -> tuple[JsonObject, ScanFile | None]:
    file = entry[FILE]
    if not isinstance(file, str) or not file:
        raise BadFile("takes the path of a scan")
    if _INSTEAD_OF & entry.keys():
        raise BadFile("stands for name, size_bytes and sha256; leave those out")
    path, kind = folder / file, str(entry.get("kind"))
    name = _name(path, kind)
    size, sha256 = _measured(path)
    document = {key: value for key, value in entry.items() if key != FILE}
    document |= {"name": name, "size_bytes": size}
    if sha256 is None:
        return document, None
    return {**document, "sha256": sha256}, ScanFile(field, kind, path, name, sha256)


def _name(path: Path, kind: str) -> str:
    """The file's own name; a safe one where no rule of form would take it."""
    try:
        return text.line_of_text(path.name)
    except PydanticCustomError:
        return safe_name(DocumentKind(kind), path.name) if kind in _KINDS else path.name


def _measured(path: Path) -> tuple[int, str | None]:
    """The size of a scan in bytes, and the hash of one that is to be stored."""
    try:
        content = read_scan(path)
    except UnusableFile as unusable:
        if unusable.fault is ScanFault.TOO_LARGE:
            return path.lstat().st_size, None
        raise BadFile(
            f"{unusable.detail}; name a regular file, no link or folder, that may be read"
        ) from None
    return len(content), _hash(content) if content else None


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _put(scans: Sequence[ScanFile], control_number: str, settings: Settings) -> None:
    from workers.keys import opened_keys  # noqa: PLC0415 - brings databases; few commands keep

    with opened_keys(settings) as keys:
        store = settings.document_store(keys.sealer)
        for scan in scans:
            store.put(control_number, scan.read())


def _verdict(scan: ScanFile) -> ScanVerdict:
    return check_scan(scan.read(), scan.name).verdict
