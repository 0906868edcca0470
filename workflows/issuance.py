"""Making the duplicate and handing it over (изготовление и выдача, R9)."""

from activities.holders import HolderAnswer
from domain.application import DeliveryMethod
from domain.errands import ErrandKind
from domain.messages import HandOver, ParcelEvent, ParcelReport, ProductionRecord
from domain.notices import NoticeEvent
from domain.register import Paper, PaperKind, PaperState, duplicate_paper
from domain.statuses import CaseStatus
from domain.terms import Window
from workflows.case import Case
from workflows.chancery import Chancery
from workflows.holder_desk import HolderDesk
from workflows.state import Running
from workflows.waiting import Wait


class Issuance:
    """Has the duplicate made, registered and handed over: by post, at the counter or as a file."""

    def __init__(self, case: Case, holder: HolderDesk, chancery: Chancery, wait: Wait) -> None:
        self._case = case
        self._holder = holder
        self._chancery = chancery
        self._wait = wait

    async def produce(self) -> None:
        """The holder makes the duplicate; its number must never have been given before."""
        state = self._case.state
        answer = await self._holder.ask(ErrandKind.PRODUCTION, lambda: state.production is not None)
        if state.production is None or state.withdrawn:
            return
        duplicate = self._duplicate(state.production, PaperState.PREPARED)
        taken = _taken_with(answer, state.production)
        if taken is None:
            taken = await self._chancery.takes(duplicate, self._wait)
        elif taken:
            self._chancery.put_on_record(duplicate)
        if taken is None:
            return
        if not taken:
            state.production = None
            state.settled_errands.append(state.errand(ErrandKind.PRODUCTION).key)
            self._case.park(
                "production_finished", "this number was given to another duplicate: ask the holder"
            )
        elif not state.withdrawn:
            self._case.run_stage(state.the_setup().terms.issuance)
            self._case.enter(CaseStatus.READY, NoticeEvent.READY)

    async def hand_over(self) -> None:
        """The duplicate is handed over, or goes to the post and perhaps comes back (R9)."""
        state = self._case.state
        kind = ErrandKind.HAND_OVER if state.parcel is None else ErrandKind.DELIVERY
        await self._holder.ask(
            kind, lambda: state.hand_over is not None or state.parcel_news is not None
        )
        if state.hand_over is not None and (state.kept_in_register or not state.withdrawn):
            self._issue(state.hand_over)  # it is out: too late to withdraw
        elif state.withdrawn:
            return
        elif state.parcel_news is not None:
            news, state.parcel_news = state.parcel_news, None
            if news.event is ParcelEvent.SENT:
                self._follow(news)
            else:
                self._keep_for_collection(news)

    def _follow(self, parcel: ParcelReport) -> None:
        """The parcel is on its way; from now on the clock is the post's."""
        state = self._case.state
        state.parcel = parcel
        self._case.run_stage(state.the_setup().terms.delivery)
        self._case.note("parcel_sent")
        self._case.tell(NoticeEvent.PARCEL_SENT)

    def _keep_for_collection(self, parcel: ParcelReport) -> None:
        """The parcel came back: the case stays open, and the applicant comes to collect it."""
        state, setup = self._case.state, self._case.state.the_setup()
        state.parcel, state.stage = None, None
        state.parcels_returned += 1
        if state.application is not None:
            delivery = state.application.delivery.model_copy(
                update={"method": DeliveryMethod.PICKUP}
            )
            state.application = state.application.model_copy(update={"delivery": delivery})
        window = Window(opened_at=self._case.now(), term=setup.terms.collection, zone=setup.zone)
        state.collection = Running(window=window)
        self._case.note("parcel_returned")
        self._case.tell(NoticeEvent.PARCEL_RETURNED, tracking=parcel.tracking)

    def _issue(self, hand_over: HandOver) -> None:
        """Issued: duplicate in force, original «утрачен, заменён», in one record (R9)."""
        state = self._case.state
        record, application = state.production, state.application
        if record is None or application is None:
            raise RuntimeError("nothing was produced that could be issued")
        blank = application.diploma.blank
        duplicate = self._duplicate(record, PaperState.IN_FORCE)
        state.papers[duplicate.paper_id] = duplicate
        self._case.add_paper(
            PaperKind.ORIGINAL,
            PaperState.REPLACED,
            series="" if blank == "unknown" else blank.series,
            number="" if blank == "unknown" else blank.number,
            issued_on=application.diploma.issued_on,
        )
        if hand_over.method is DeliveryMethod.PICKUP:
            self._case.add_paper(
                PaperKind.ACCEPTANCE_ACT,
                PaperState.IN_FORCE,
                number=hand_over.reference,
                issued_on=hand_over.handed_over_on,
            )
        self._case.enter(CaseStatus.ISSUED, NoticeEvent.ISSUED)

    def _duplicate(self, record: ProductionRecord, state: PaperState) -> Paper:
        number, today = self._case.state.control_number, self._case.now().date()
        return duplicate_paper(number, record, state, today)


def _taken_with(answer: HolderAnswer | None, record: ProductionRecord) -> bool | None:
    """Whether a record's number was taken as the holder's system told it; None when not known."""
    told = answer.production if answer else None
    return answer.number_taken if answer and told and told.unsigned() == record else None
