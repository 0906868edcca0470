"""Scans that wait in the document store: checked, cleaned, and forgotten when not needed (R2)."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import in_engine_terms
from activities.heartbeats import beating
from activities.ports import ContentDamaged, ContentMissing, DocumentStore, HashRegister
from domain.application import DOCUMENT_LABELS, Document
from domain.base import Frozen
from domain.deficiencies import Deficiency, ReasonCatalogue
from domain.scan_faults import ScanFault
from domain.scan_findings import faults_of
from domain.scans import MAX_SCAN_BYTES, ScanLimits, ScanVerdict

MISSING, DAMAGED = "ScanMissing", "ScanDamaged"
"""Error types of a scan that the store has lost; a person has to restore it."""
LOOK_AGAIN_IN = timedelta(minutes=1)
"""Restoring takes a person, and the case should go on soon after."""
AT_ONCE = 2
"""Checks of one worker; each may take a processor and 224 MiB of addresses."""
LIMITS = ScanLimits(size_bytes=2 * MAX_SCAN_BYTES)
"""R2 limits what is handed in, which intake measures; turned upright it may be larger."""


class CheckedScan(Protocol):
    """A verdict, and what is to be stored when it is a good one."""

    @property
    def verdict(self) -> ScanVerdict:
        """What the check found."""

    @property
    def cleaned(self) -> bytes | None:
        """The scan without its metadata; None when it was refused."""


class ScanCheck(Protocol):
    """Checks a scan and cleans it; blocks."""

    def __call__(
        self, content: bytes, name: str, *, limits: ScanLimits | None, pdf_only: bool
    ) -> CheckedScan:
        """Look at a content whose type its name tells.

        Raises:
            OSError: This machine is at fault, not the scan.
        """


class ScansToExamine(Frozen):
    """The documents of an application; those without a hash are left alone."""

    documents: tuple[Document, ...]
    pdf_only: bool = False
    """True when an archive is asked first (R2)."""
    control_number: str = ""
    """Whose they are; 0.3.0 did not tell, and the id of the workflow has it as well."""


class ScanFindings(Frozen):
    """What became of the documents."""

    documents: tuple[Document, ...]
    """All of them in their order; a good scan has the hash of its cleaned content.

    Its size stays that of the file as handed in, which is what R2 limits.
    """
    deficiencies: tuple[Deficiency, ...] = ()
    """In the order of the documents; the field is documents.kind, as a correction replaces it."""
    superseded: tuple[str, ...] = ()
    """Hashes that none of the documents has any more."""


class ScanActivities:
    """Steps at the document store; contents under their own hash make a repetition harmless."""

    def __init__(
        self,
        store: DocumentStore,
        check: ScanCheck,
        reasons: ReasonCatalogue,
        register: HashRegister,
    ) -> None:
        """Inject what the steps use.

        Args:
            store: Where the scans are.
            check: Looks at one scan.
            reasons: The catalogue faults are named from.
            register: Knows which contents cases need.
        """
        self._store = store
        self._check = check
        self._reasons = reasons
        self._register = register
        self._free = asyncio.Semaphore(AT_ONCE)

    @activity.defn
    async def examine_scans(self, scans: ScansToExamine) -> ScanFindings:
        """Check every scan, keep it without its metadata, and name what is wrong.

        Nothing is deleted: a repetition finds what this attempt found.

        Raises:
            ApplicationError: The store is away, or has lost a scan (retried).
        """
        control_number = scans.control_number or _case_of_step()
        kept = [document for document in scans.documents if document.sha256]
        async with beating(lambda: None):
            ends = await asyncio.gather(
                *(
                    self._examine(control_number, document, pdf_only=scans.pdf_only)
                    for document in kept
                ),
                return_exceptions=True,  # a failed step leaves no check running
            )
        verdicts = []
        for end in ends:
            if isinstance(end, BaseException):
                raise end
            verdicts.append(end)
        return self._findings(scans.documents, kept, verdicts)

    async def forget(self, control_number: str, hashes: Sequence[str]) -> None:
        """Delete contents that the case does not need by the register.

        Called once the register has what the case needs instead; a paper of ours may have been
        handed in as a scan.

        Raises:
            TemporaryFailure: The store or the register is away; try again.
        """
        needed = await self._register.stored_hashes(hashes)
        own = {entry.sha256 for entry in needed if entry.control_number == control_number}
        others = {entry.sha256 for entry in needed} - own
        for sha256 in set(hashes) - own:
            await asyncio.to_thread(
                self._store.delete, control_number, sha256, shared=sha256 in others
            )

    async def _examine(
        self, control_number: str, document: Document, *, pdf_only: bool
    ) -> ScanVerdict:
        async with self._free:
            return await asyncio.to_thread(
                self._examined, control_number, document, pdf_only=pdf_only
            )

    def _examined(self, control_number: str, document: Document, *, pdf_only: bool) -> ScanVerdict:
        with in_engine_terms():
            content = self._fetched(control_number, document)
            checked = self._check(content, document.name, limits=LIMITS, pdf_only=pdf_only)
            if checked.cleaned is not None and checked.verdict.sha256 != document.sha256:
                self._store.put(control_number, checked.cleaned)
        return checked.verdict

    def _fetched(self, control_number: str, document: Document) -> bytes:
        try:
            return self._store.get(control_number, document.sha256 or "")
        except ContentMissing as lost:
            raise _to_be_restored(MISSING, document, lost) from None
        except ContentDamaged as lost:
            raise _to_be_restored(DAMAGED, document, lost) from None

    def _findings(
        self, documents: Sequence[Document], kept: Sequence[Document], verdicts: list[ScanVerdict]
    ) -> ScanFindings:
        faults = faults_of(
            [(scan.kind, verdict) for scan, verdict in zip(kept, verdicts, strict=True)]
        )
        cleaned = {
            scan.sha256: verdict.sha256
            for scan, verdict in zip(kept, verdicts, strict=True)
            if verdict.sha256
        }
        after = tuple(
            document.model_copy(update={"sha256": cleaned.get(document.sha256, document.sha256)})
            for document in documents
        )
        return ScanFindings(
            documents=after,
            deficiencies=tuple(
                self._reasons.deficiency(
                    fault, f"documents.{scan.kind}", DOCUMENT_LABELS[scan.kind]
                )
                for scan, fault in zip(kept, faults, strict=True)
                # The name alone told the examination of the application as much.
                if fault and fault is not ScanFault.TYPE_NOT_ALLOWED
            ),
            superseded=tuple(sorted(_hashes(documents) - _hashes(after))),
        )


def _case_of_step() -> str:
    return (activity.info().workflow_id or "").partition("/")[2]


def _to_be_restored(kind: str, document: Document, lost: Exception) -> ApplicationError:
    return ApplicationError(
        f"{lost} ({document.kind}): restore it, or have the same file submitted again",
        type=kind,
        next_retry_delay=LOOK_AGAIN_IN,
    )


def _hashes(documents: Sequence[Document]) -> set[str]:
    return {document.sha256 for document in documents if document.sha256}
