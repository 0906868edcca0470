"""Keeping the register up to date, beside the story and never in its way (R9)."""

from collections.abc import Iterable
from datetime import datetime

from temporalio import workflow

from activities.register import RegisterActivities
from domain.federal import federal_row
from domain.register import (
    CaseRecord,
    FederalRow,
    Paper,
    PaperKind,
    PaperState,
    RecordAnswer,
    RegisteredCharge,
    RegisteredDocument,
    RegisteredEvent,
    paper_id,
)
from workflows import policies
from workflows.case import Case
from workflows.state import CaseState, Charge
from workflows.view import case_view, stage_view
from workflows.waiting import wait


class Registrar:
    """Writes what changed, what happened at one moment in one go, and one write at a time."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._writing = False
        self._stopping = False

    async def work(self) -> None:
        """Write for ever; cancelled at the end of the case."""
        while True:
            await wait(lambda: self._is_behind() and not self._stopping)
            self._writing = True
            try:
                await self._write()
            finally:
                self._writing = False

    async def finish(self) -> None:
        """Wait until the register knows everything."""
        await wait(lambda: not self._is_behind() and not self._writing)

    async def pause(self) -> None:
        """Begin nothing new, and wait a little for what is being written."""
        self._stopping = True
        await wait(lambda: not self._writing, policies.HANDOVER_TO_NEXT_RUN)

    async def takes(self, paper: Paper) -> bool:
        """Have a paper's number taken; False when it belongs to another paper (R9)."""
        state = self._case.state
        if not state.kept_in_register:
            return True
        state.papers[paper.paper_id] = paper
        self._case.note("registering", paper.kind)
        await self.finish()
        if paper.paper_id not in state.taken_numbers:
            return True
        state.taken_numbers.remove(paper.paper_id)
        return False

    def _is_behind(self) -> bool:
        state = self._case.state
        ours = state.kept_in_register and not state.has_chancery
        return ours and state.recorded < state.noted

    async def _write(self) -> None:
        state = self._case.state
        # Told by the clock, so that a case set back in the engine never uses one again.
        state.revision = max(state.revision + 1, int(workflow.now().timestamp()))
        upto, papers = state.noted, dict(state.papers)
        answer = await workflow.execute_activity_method(
            RegisterActivities.record_case,
            record_of(state, self._case.now()),
            start_to_close_timeout=policies.OUTSIDE_CALL,
            retry_policy=policies.REGISTER_RETRY,
            summary=f"register: {state.status}",
        )
        take_answer(state, answer, upto, papers)


def take_answer(
    state: CaseState, answer: RecordAnswer, upto: int, papers: dict[str, Paper]
) -> None:
    """Take over what the register says to a record of so many entries and these papers."""
    if answer.overtaken_by is not None:
        # The case was set back in the engine: catch up with what the register has seen.
        state.revision = answer.overtaken_by
    elif answer.taken_numbers:
        # Nothing was written: without those papers it is written again.
        state.taken_numbers += answer.taken_numbers
        for paper_id in answer.taken_numbers:
            del state.papers[paper_id]
    else:
        state.recorded, state.papers_recorded = upto, papers


def record_of(state: CaseState, now: datetime) -> CaseRecord:
    """Everything that changed since the last record."""
    setup, stage = state.the_setup(), stage_view(state)
    unchanged = state.papers_recorded
    return CaseRecord(
        control_number=state.control_number,
        revision=state.revision,
        submission_id=state.application.submission_id if state.application else None,
        submitted_at=state.submitted_at or setup.clock.origin,
        status=state.status,
        route=state.route,
        region=setup.region,
        holder=setup.holder.name if setup.holder else "",
        assignee=state.assignee,
        overdue=state.overdue,
        reasons=tuple(sorted({reason.code for reason in state.reasons})),
        due_on=stage.due_on if stage else None,
        provisional=bool(stage and stage.provisional),
        ended_at=state.ended_at,
        view=case_view(state).model_dump(mode="json", exclude={"timeline"}),
        events=tuple(_new_events(state)),
        charges=tuple(_charge(charge) for charge in state.charges),
        documents=tuple(_documents(state)),
        papers=tuple(
            paper for paper in state.papers.values() if unchanged.get(paper.paper_id) != paper
        ),
        annul_certificate_on=now.date() if state.status.is_final else None,
        federal_row=_federal_row(state),
    )


def _new_events(state: CaseState) -> Iterable[RegisteredEvent]:
    """Entries not recorded yet; of a flood the oldest may have been forgotten meanwhile."""
    first = state.noted - len(state.timeline) + 1
    for place, entry in enumerate(state.timeline, start=first):
        if place > state.recorded:
            yield RegisteredEvent(place=place, at=entry.at, event=entry.event, detail=entry.detail)


def _charge(charge: Charge) -> RegisteredCharge:
    return RegisteredCharge(
        invoice_id=charge.invoice.invoice_id,
        amount=charge.invoice.amount,
        void=charge.void,
        payment_id=charge.payment.payment_id if charge.payment else None,
        paid=charge.payment.amount if charge.payment else 0,
        refund_id=charge.refund_id,
        refunded=charge.payment.amount if charge.payment and charge.refund_id else 0,
        earned=charge.earned,
    )


def _documents(state: CaseState) -> Iterable[RegisteredDocument]:
    documents = state.application.documents if state.application else ()
    for place, document in enumerate(documents):
        yield RegisteredDocument(
            place=place,
            kind=document.kind.value,
            size_bytes=document.size_bytes,
            sha256=document.sha256,
        )


def _federal_row(state: CaseState) -> FederalRow | None:
    """The row of the federal register, in the record that puts the duplicate in force."""
    duplicate = state.papers.get(paper_id(state.control_number, PaperKind.DUPLICATE))
    issued = duplicate is not None and duplicate.state is PaperState.IN_FORCE
    if not issued or state.application is None or state.production is None:
        return None
    return federal_row(state.application, state.production)
