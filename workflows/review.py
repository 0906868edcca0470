"""The document check: what the holder's answer leads to (R5, R6)."""

from activities.case import CaseActivities, Move
from domain.deficiencies import Deficiency
from domain.errands import ErrandKind
from domain.examination import (
    BALANCE_DUE,
    CONSENT_NOT_CONFIRMED,
    NOT_FOUND_IN_RECORDS,
    PAYMENT_FIELD,
)
from domain.messages import HolderReply, HolderVerdict, Objection
from domain.notices import NoticeEvent
from domain.register import PaperKind, PaperState
from domain.routes import MOVES, Reaction, reaction
from domain.statuses import CaseStatus
from workflows import policies
from workflows.case import Case
from workflows.cashier import Cashier
from workflows.holder_desk import HolderDesk
from workflows.steps import short_step

FOR_US_TO_SAY = frozenset({BALANCE_DUE, CONSENT_NOT_CONFIRMED})
"""Reasons of the catalogue that no holder can know of."""


class Review:
    """Compares the application with the records, holder by holder along the route."""

    def __init__(self, case: Case, holder: HolderDesk, cashier: Cashier) -> None:
        self._case = case
        self._holder = holder
        self._cashier = cashier

    def begin(self) -> None:
        """Start the document check: the first one, or the shorter re-check (R4)."""
        first = self._case.state.check_round == 1
        self._case.run_stage(self._case.check_term())
        self._case.enter(
            CaseStatus.IN_REVIEW, NoticeEvent.IN_REVIEW if first else NoticeEvent.RECHECK
        )
        self._case.park_without_holder()

    async def work(self) -> None:
        """The holder compares the application with its records (проверка документов)."""
        state = self._case.state
        await self._holder.ask(ErrandKind.VERIFICATION, lambda: state.reply is not None)
        reply = state.reply
        if reply is None or state.withdrawn:
            return
        state.closure_protocol = reply.closure_protocol or state.closure_protocol
        state.prepared = None
        match reaction(reply, liquidated=state.liquidated):
            case Reaction.PRODUCE:
                await self._agree(reply)
            case Reaction.MOVE_ON:
                await self._move_on(reply)
            case Reaction.SUBSTITUTE:
                self._issue_substitute()
            case Reaction.TURN_DOWN:
                await self._weigh_objections(reply)
        # Only now, so that whatever came while we were busy with this one is parked.
        state.reply = None

    def begin_production(self, reply: HolderReply) -> None:
        """The records are found; an archive gives its copy first, then the duplicate (R6)."""
        state, terms = self._case.state, self._case.state.the_setup().terms
        state.agreed = reply
        state.copy_reference = reply.copy_reference
        if reply.copy_reference:
            self._case.add_paper(
                PaperKind.ARCHIVE_COPY, PaperState.IN_FORCE, number=reply.copy_reference
            )
        expedited = state.application is not None and state.application.expedited
        self._case.run_stage(terms.production_expedited if expedited else terms.production)
        self._case.enter(CaseStatus.IN_PRODUCTION, NoticeEvent.IN_PRODUCTION)

    async def _agree(self, reply: HolderReply) -> None:
        """Begin production, or have the rest of the fee paid first (R7)."""
        if not self._cashier.balance_is_due():
            self.begin_production(reply)
            return
        self._case.state.agreed = reply
        self._case.state.reasons = await self.named(
            [Objection(code=BALANCE_DUE, field=PAYMENT_FIELD)]
        )
        await self._cashier.invoice()
        self._case.turn_down(self._case.state.reasons)

    async def _move_on(self, reply: HolderReply) -> None:
        """The records are elsewhere: ask the next holder, with a term of its own (R6)."""
        state = self._case.state
        if len(state.hops) >= policies.MOST_HOLDERS_ASKED:
            self._leave_to_a_person("the case is sent in circles: find out who has them")
            return
        setup = state.the_setup()
        move = Move(
            route=MOVES[reply.verdict], region=setup.region, new_holder_inn=reply.new_holder_inn
        )
        stop = await short_step(
            CaseActivities.find_next_stop, move, "find the next holder on the route"
        )
        state.hop += 1
        self._case.go_to(stop)
        self._case.run_stage(self._case.check_term())
        self._case.tell(NoticeEvent.MOVED)
        self._case.park_without_holder()

    def _issue_substitute(self) -> None:
        """Nothing was kept of a liquidated institution: a substitute certificate says so (R6)."""
        if self._case.state.closure_protocol is None:
            self._leave_to_a_person("not found, but by which protocol was it closed?")
            return
        self._case.add_paper(
            PaperKind.SUBSTITUTE_CERTIFICATE,
            PaperState.IN_FORCE,
            number=f"{self._case.state.control_number}/S",
        )
        self._case.enter(CaseStatus.SUBSTITUTE_ISSUED, NoticeEvent.SUBSTITUTE_ISSUED)

    async def _weigh_objections(self, reply: HolderReply) -> None:
        """Turn the application down for what the holder objects to, in the catalogue's words."""
        objections = list(reply.objections)
        if reply.verdict is HolderVerdict.NOT_FOUND:
            objections = [Objection(code=NOT_FOUND_IN_RECORDS, field="institution.name")]
        named = await self.named(objections)
        ours = {objection.code for objection in objections} & FOR_US_TO_SAY
        if ours or len(named) != len(objections):
            self._leave_to_a_person("objections no catalogue knows: ask the holder")
        else:
            self._case.turn_down(named)

    async def named(self, objections: list[Objection]) -> tuple[Deficiency, ...]:
        """Objections in the catalogue's words; those it does not know are left out."""
        named = await short_step(
            CaseActivities.name_objections,
            objections,
            "put the objections into words",
        )
        return named.deficiencies

    def _leave_to_a_person(self, reason: str) -> None:
        state = self._case.state
        state.settled_errands.append(state.errand(ErrandKind.VERIFICATION).key)
        self._case.park("holder_replied", reason)
