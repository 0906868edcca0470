"""A running case: its state, its clocks and how it shows itself to the outside."""

from collections import Counter
from datetime import datetime
from typing import Any

from temporalio import workflow

from activities.holders import Consultation
from domain.deficiencies import Deficiency, verdict
from domain.errands import ErrandKind
from domain.notices import Audience, Notice, NoticeEvent
from domain.pauses import Pause, PauseReason
from domain.register import Paper, PaperKind, PaperState, paper_id
from domain.routes import Route, Stop
from domain.statuses import CaseStatus, check_transition
from domain.terms import Term, Window
from workflows.post import Post, errand_of
from workflows.state import CaseState, Hop, Running
from workflows.view import details, search_attributes

TURNED_DOWN = {
    CaseStatus.RETURNED: NoticeEvent.RETURNED,
    CaseStatus.REFUSED: NoticeEvent.REFUSED,
    CaseStatus.SUSPENDED: NoticeEvent.SUSPENDED,
}
"""How the applicant is told that something is wrong."""

LOGGED_SINGLY = 100
"""Of one thing that happens again and again the log has so many lines: a task of the engine must
end within two seconds, and thousands of messages may wait for it that each cost a line."""
PARKED_MAILED_SINGLY = 20
PARKED_WORTH_A_MAIL = frozenset({100, 1000, 10_000})
"""Each new reason is written to ops; of a flood only these counts, or it were a flood of mails."""


class Case:
    """What all steps of the story do with a case; nothing here waits."""

    def __init__(self, state: CaseState) -> None:
        self.state = state
        self.post = Post(state)
        self._happened = Counter[str]()
        """How often each thing has happened in this run, as the log tells of it."""

    def now(self) -> datetime:
        """The moment in procedure time, on the clocks of the region."""
        setup = self.state.setup
        return setup.clock.local(workflow.now(), setup.zone) if setup else workflow.now()

    def enter(self, status: CaseStatus, event: NoticeEvent | None) -> None:
        """Go on to a status and tell the applicant, if there is an event to tell (R3, R11)."""
        check_transition(self.state.status, status)
        self.state.status = status
        self.note(status.value)
        if event is not None:
            self.tell(event)
        if status.is_final:
            self.state.stage = self.state.response = self.state.collection = None
            self.state.ended_at = self.now()

    def turn_down(self, reasons: tuple[Deficiency, ...]) -> None:
        """Return, refuse or suspend with all reasons; the clocks stand still meanwhile (R4, R5)."""
        state, setup, now = self.state, self.state.the_setup(), self.now()
        status = verdict(reasons)
        if status is None:
            raise RuntimeError("nothing to turn down")
        state.reasons = reasons
        state.pauses.append(Pause(reason=PauseReason(status.value), started_at=now))
        if status is CaseStatus.SUSPENDED:
            state.suspended_from = state.status
            state.response = None
        else:
            state.stage = None
            window = Window(opened_at=now, term=setup.terms.correction, zone=setup.zone)
            state.response = Running(window=window)
        self.enter(status, TURNED_DOWN[status])

    def run_stage(self, term: Term) -> None:
        """Start the clock of the stage that begins now."""
        window = Window(opened_at=self.now(), term=term, zone=self.state.the_setup().zone)
        self.state.stage = Running(window=window)

    def end_pause(self) -> None:
        """Write the end into the pause ledger; every running window moves by its length (R4)."""
        state, calendar = self.state, self.state.the_setup().calendar
        if not state.pauses or state.pauses[-1].ended_at is not None:
            return
        pause = state.pauses[-1].model_copy(update={"ended_at": self.now()})
        state.pauses[-1] = pause
        for name in ("stage", "case_cap"):
            running: Running | None = getattr(state, name)
            if running is not None:
                moved = pause.lengthen(running.window, calendar)
                setattr(state, name, running.model_copy(update={"window": moved}))

    def paper(self, kind: PaperKind, state: PaperState, **particulars: Any) -> Paper:
        """A paper of the case as it stands today; one of a kind (R9)."""
        today = self.now().date()
        facts = {"issued_on": today, **particulars}
        return Paper(
            paper_id=paper_id(self.state.control_number, kind),
            kind=kind,
            state=state,
            changed_on=today,
            **facts,
        )

    def add_paper(self, kind: PaperKind, state: PaperState, **particulars: Any) -> None:
        """Put a paper on record; the register has it with the next entry of the timeline."""
        paper = self.paper(kind, state, **particulars)
        self.state.papers[paper.paper_id] = paper

    def annul_prepared(self) -> None:
        """What was made and will not be handed over is not in force, and says so (R9)."""
        for paper in tuple(self.state.papers.values()):
            if paper.state is PaperState.PREPARED:
                changes = {"state": PaperState.ANNULLED, "changed_on": self.now().date()}
                self.state.papers[paper.paper_id] = paper.model_copy(update=changes)

    def park_what_is_left(self) -> None:
        """Leave to a person what came in the very moment the case ended."""
        if not self.state.kept_in_register:
            return
        while self.state.corrections:
            self.state.corrections.pop(0)
            self.park("correction_submitted", f"too late: {self.state.status}")
        if self.state.withdrawn and self.state.status is not CaseStatus.WITHDRAWN:
            self.state.withdrawn = False
            self.park("withdraw_requested", f"too late: {self.state.status}")

    def tell(self, event: NoticeEvent, **particulars: object) -> None:
        """Tell the applicant; `particulars` are facts that do not follow from the state."""
        self.post.tell_applicant(event, self.now(), **particulars)

    def note(self, event: str, detail: str = "") -> None:
        """Add to the timeline and the log; nothing personal may stand in either."""
        self.state.note(self.now(), event, detail)
        self._happened[event] += 1
        if self._happened[event] <= LOGGED_SINGLY:
            workflow.logger.info("case", extra={"happened": event})

    def park(self, message: str, reason: str) -> None:
        """Keep for a person what cannot be applied, and tell ops: never guess, never be silent."""
        self.state.park(self.now(), message, reason)
        workflow.metric_meter().create_counter("diploma_parked_messages").add(1)
        self.note("parked", f"{message[:60]}: {reason}")
        known = self.state.is_repeated(f"parked:{message[:60]}:{reason}")
        few = self.state.parked_total <= PARKED_MAILED_SINGLY and not known
        if few or self.state.parked_total in PARKED_WORTH_A_MAIL:
            self.tell_ops(message, reason)

    def tell_ops(self, message: str, reason: str) -> None:
        """Write to ops about something parked; before the case is opened nobody can be."""
        if self.state.setup is not None:
            self.post.tell_staff(
                NoticeEvent.STAFF_ATTENTION, Audience.OPS, self.now(), f"{message[:60]}: {reason}"
            )

    def undelivered(self, notice: Notice, reason: str) -> None:
        """A mail nobody will take is never silent: it stands in the view, and ops are told."""
        self.state.mails_rejected.append(notice.key)
        self.note("undelivered", f"{notice.key}: {reason}")
        if notice.audience in {Audience.APPLICANT, Audience.HOLDER}:
            self.post.tell_staff(
                NoticeEvent.STAFF_ATTENTION,
                Audience.OPS,
                self.now(),
                f"mail {notice.key} cannot be delivered ({reason}): reach the person another way",
            )
        self.publish()

    def publish(self) -> None:
        """Bring search attributes and the UI's details up to date; nothing when unchanged."""
        known = workflow.info().typed_search_attributes
        changes = [
            key.value_unset() if value is None else key.value_set(value)
            for key, value in search_attributes(self.state)
            if known.get(key) != value
        ]
        if changes:
            workflow.upsert_search_attributes(changes)
        workflow.set_current_details(details(self.state))

    def go_to(self, stop: Stop) -> None:
        """Go on to a holder of the route; who was asked before stays visible (R6)."""
        state = self.state
        state.route = stop.route
        state.setup = state.the_setup().model_copy(update={"holder": stop.holder})
        state.closure_protocol = state.closure_protocol or stop.closure_protocol
        state.liquidated = state.liquidated or stop.route is Route.LIQUIDATED
        state.holder_has_answered = False
        name = stop.holder.name if stop.holder else ""
        state.hops.append(Hop(since=self.now(), route=stop.route, holder=name))
        if len(state.hops) > 1:
            self.note("moved", stop.route.value)

    def check_term(self) -> Term:
        """The term of the document check with the present holder (R4)."""
        terms = self.state.the_setup().terms
        if self.state.route is Route.ARCHIVE:
            return terms.archive
        if self.state.route is Route.LIQUIDATED:
            return terms.liquidated
        known = self.state.holder_has_answered
        by_letter = self.holder_takes_letters()
        if self.state.check_round > 1 and (known or (self.state.hop == 1 and not by_letter)):
            return terms.recheck
        return terms.direct_letter if by_letter else terms.document_check

    def park_without_holder(self) -> None:
        """Leave it to a person to find the holder whom the directory does not know."""
        holder = self.state.the_setup().holder
        if holder is None or holder.channel is None:
            self.park("holder", "nobody is known to hold the records: find out, then answer")

    def holder_takes_letters(self) -> bool:
        """True when the holder has no system that could be asked."""
        holder = self.state.the_setup().holder
        channel = holder.channel if holder else None
        return channel is not None and channel.kind == "letter"

    def current_errand(self) -> Consultation | None:
        """What the holder is doing for the case right now."""
        kind = errand_of(self.state)
        return self.consultation(kind) if kind else None

    def consultation(self, kind: ErrandKind) -> Consultation | None:
        """An errand for the holder of the case; None while nobody is known to hold the records."""
        holder = self.state.the_setup().holder
        if holder is None or holder.channel is None:
            return None
        return Consultation(holder=holder, errand=self.state.errand(kind))
