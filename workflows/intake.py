"""Having scans looked at that lie in the document store (R2)."""

from temporalio import workflow

from activities.scans import ScanActivities, ScansToExamine
from domain.application import Document
from domain.deficiencies import Deficiency
from domain.routes import Route
from workflows import policies
from workflows.case import Case
from workflows.holder_desk import Asking
from workflows.waiting import Wait


class Intake:
    """Has every scan checked once, and again when another one has come."""

    def __init__(self, case: Case, wait: Wait) -> None:
        self._case = case
        self._wait = wait

    async def faults(self) -> tuple[Deficiency, ...]:
        """What is wrong with the scans; the application has the cleaned ones from now on.

        A scan the store has lost is waited for, as long as it takes; the terms are looked
        after meanwhile, and whatever ends any wait of the case ends this one, with the
        question still open.
        """
        state = self._case.state
        if not state.has_new_scans or state.application is None:
            return state.scan_faults
        documents, pdf_only = state.application.documents, state.route is Route.ARCHIVE
        examining = workflow.start_activity_method(
            ScanActivities.examine_scans,
            ScansToExamine(
                documents=documents, pdf_only=pdf_only, control_number=state.control_number
            ),
            start_to_close_timeout=policies.SCANS,
            heartbeat_timeout=policies.WORKER_GONE,
            retry_policy=policies.OUTSIDE_RETRY,
            summary="look at the scans",
        )
        async with Asking(examining):
            await self._wait(examining.done)
            finished = examining.done()
        if not finished:
            return state.scan_faults
        findings = await examining
        state.application = state.application.model_copy(update={"documents": findings.documents})
        if state.hands_along:
            self._remember(documents, findings.documents)
        state.scan_faults = findings.deficiencies
        state.superseded += findings.superseded
        state.examined = state.scans
        self._case.note("scans", f"{len(findings.deficiencies)} of {len(hashes(documents))} faulty")
        return state.scan_faults

    def recognise(self, before: tuple[Document, ...]) -> None:
        """Take a file that is handed in once more for what was made of it.

        A correction is sent again when its answer was lost, and by then the store may have
        forgotten the file, as the case needs it no more.

        Args:
            before: The documents that the application had until now.
        """
        state, kept = self._case.state, hashes(before)
        if state.application is None:
            return
        handed_in = state.application.documents
        again = {
            file: cleaned
            for file, cleaned in state.cleaned.items()
            if cleaned in kept and file in hashes(handed_in)
        }
        documents = tuple(
            document.model_copy(
                update={"sha256": again.get(document.sha256 or "", document.sha256)}
            )
            for document in handed_in
        )
        state.application = state.application.model_copy(update={"documents": documents})
        state.superseded += tuple(sorted(again))

    def _remember(self, given: tuple[Document, ...], cleaned: tuple[Document, ...]) -> None:
        """Note what became of each file, for as long as the application has it."""
        state, needed = self._case.state, hashes(cleaned)
        made = state.cleaned | {
            before.sha256: after.sha256
            for before, after in zip(given, cleaned, strict=True)
            if before.sha256 and after.sha256 and before.sha256 != after.sha256
        }
        state.cleaned = {file: kept for file, kept in made.items() if kept in needed}


def hashes(documents: tuple[Document, ...]) -> set[str]:
    """Where the contents of documents are kept."""
    return {document.sha256 for document in documents if document.sha256}
