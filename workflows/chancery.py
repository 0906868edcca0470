"""The chancery (канцелярия) of a case: its records and its post, beside the story (R9, R11).

Never in the story's way: what the register or the mail server does not take now is tried again,
less and less often, while the case goes on.
"""

from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from temporalio import workflow

from activities.chancery import ChanceryActivities, Dispatch, DispatchReport
from domain.notices import Delivery, Notice
from domain.register import Paper, RecordAnswer
from workflows import policies
from workflows.alarm import Alarm
from workflows.case import Case
from workflows.postman import Postman
from workflows.registrar import Registrar, record_of, take_answer
from workflows.state import Postponed
from workflows.waiting import Wait, settled, wait


class Batch(NamedTuple):
    """What is to be written down and sent, and how far the case had come."""

    dispatch: Dispatch
    upto: int
    """Entries of the timeline there were."""
    papers: dict[str, Paper]


class Chancery:
    """Writes down and sends what came up, all of a moment in one step, one step at a time.

    Cases begun before there was a chancery have a registrar and a postman instead.
    """

    def __init__(self, case: Case, alarm: Alarm) -> None:
        self._case = case
        self._alarm = alarm
        self._registrar, self._postman = Registrar(case), Postman(case)
        self._busy = self._stopping = False
        self._about_to_ask = False
        self._along: Batch | None = None
        """What is under way with the question to the holder."""

    def older_desks(self) -> list[Coroutine[Any, Any, None]]:
        """The work of registrar and postman, which rests in cases that have a chancery."""
        return [self._postman.work(), self._registrar.work()]

    async def work(self) -> None:
        """Record and send for ever; cancelled at the end of the case."""
        while True:
            await self._until_something_is_due()
            # A case that hands along may have nothing left to do once all has settled.
            self._busy = not self._case.state.hands_along
            try:
                await settled()
                if self._about_to_ask:
                    await wait(lambda: not self._about_to_ask)
                if self._is_due():
                    self._busy = True
                    await self._dispatch()
            finally:
                self._busy = False

    async def before_asking(self) -> None:
        """Let everything be said that goes along with a question to the holder.

        Whatever came with the same task of the engine goes along then, in whichever order it
        was handed to us; and nothing of it is left for a step beside the question.
        """
        self._about_to_ask = True
        try:
            await settled()
        finally:
            self._about_to_ask = False

    def hand_along(self) -> Dispatch | None:
        """What is due, for the step that asks the holder; `heard` must follow.

        None when there is nothing, or when it may have to be tried again and again: the case
        would not hear of that before the holder's answer.
        """
        state = self._case.state
        postponed = state.record_postponed is not None or state.mail_postponed
        if not state.hands_along or self._busy or self._stopping or postponed:
            return None
        if not self._is_due():
            return None
        self._along = self._batch(along=True)
        known = set(state.handed_along)
        keys = (notice.key for notice in self._along.dispatch.notices)
        state.handed_along += [key for key in keys if key not in known]
        return self._along.dispatch

    def heard(self, report: DispatchReport | None) -> None:
        """The step that asks the holder is over.

        Args:
            report: What it says of the dispatch handed along; None when that is not known. Then
                it is due again, and the register knows what was done.
        """
        batch, self._along = self._along, None
        if batch is not None and report is not None:
            self._take_over(batch, report)

    async def takes(self, paper: Paper, wait_for: Wait) -> bool | None:
        """Have a paper's number taken (R9).

        Args:
            paper: The paper, in the state it has now.
            wait_for: Waits while terms are looked after; may give up before.

        Returns:
            False when the number belongs to another paper; None when the waiting was given up.
        """
        state = self._case.state
        if not state.has_chancery:
            return await self._registrar.takes(paper)
        if state.papers.get(paper.paper_id) != paper:
            self.put_on_record(paper)
        # A register that is away is tried again and again; terms are looked after then.
        await wait_for(self._is_recorded, policies.MAIL_BATCH if state.hands_along else None)
        if paper.paper_id in state.taken_numbers:
            state.taken_numbers.remove(paper.paper_id)
            return False
        return True if self._is_recorded() else None

    def put_on_record(self, paper: Paper) -> None:
        """Have a paper in the next record, which takes its number unless that was done."""
        self._case.state.papers[paper.paper_id] = paper
        self._case.note("registering", paper.kind)

    async def finish_records(self) -> None:
        """Wait until the register knows everything."""
        if self._case.state.has_chancery:
            await wait(self._is_recorded)
        else:
            await self._registrar.finish()

    async def finish(self) -> None:
        """Wait until the register knows everything and nothing is left to send."""
        await self.finish_records()
        if self._case.state.has_chancery:
            await wait(lambda: not self._case.state.outbox and self._is_recorded())
        else:
            await self._postman.finish()

    async def pause(self) -> None:
        """Begin nothing new, and wait a little for what is under way."""
        self._stopping = True
        if self._case.state.has_chancery:
            await wait(lambda: not self._busy, policies.HANDOVER_TO_NEXT_RUN)
        else:
            await self._postman.pause()
            await self._registrar.pause()

    # --- what is due ---------------------------------------------------------------------

    def _is_recorded(self) -> bool:
        state = self._case.state
        return not state.has_chancery or (state.recorded >= state.noted and not self._busy)

    async def _until_something_is_due(self) -> None:
        while self._stopping or not self._is_due():
            seen, later = self._signs(), self._later()
            if later is not None:
                self._alarm.set(later)
            await wait(lambda known=seen: self._signs() != known)  # type: ignore[misc]

    def _signs(self) -> tuple[int, int, int, bool, bool]:
        """What changes when there may be something to do."""
        state = self._case.state
        along = self._along is not None
        return state.noted, state.notices, self._alarm.rung, self._stopping, along

    def _is_due(self) -> bool:
        """True when there is more to do than what is under way with the question to the holder."""
        state = self._case.state
        if not state.has_chancery:
            return False
        if self._along is None:
            return self._record_is_due() or bool(self._due())
        more = any(notice.key not in state.handed_along for notice in self._due())
        return more or (self._record_is_due() and state.noted > self._along.upto)

    def _record_is_due(self) -> bool:
        state = self._case.state
        waits = state.record_postponed
        return state.recorded < state.noted and (waits is None or waits.until <= self._moment())

    def _due(self) -> list[Notice]:
        """Notices that can be sent now; none overtakes another that is tried again."""
        state, now = self._case.state, self._moment()
        blocked: set[str] = set()
        due = []
        for notice in state.outbox:
            waits = state.mail_postponed.get(notice.key)
            if waits is not None and waits.until > now:
                blocked.add(notice.addressee)
            elif notice.not_before <= now and notice.addressee not in blocked:
                due.append(notice)
        return due

    def _moment(self) -> datetime:
        """Until when everything has come: the alarm says so, or who writes now, never the clock.

        A worker that takes a case over to answer a query may be handed the result of a step
        with the time of the task before it; when the case is replayed, that time is another.
        """
        state = self._case.state
        if not state.hands_along or state.setup is None:
            return workflow.now()
        origin = state.setup.clock.origin
        return max(self._alarm.rung_for, state.written_at or origin, origin)

    def _later(self) -> datetime | None:
        """The next moment at which something may become due by itself."""
        state, now = self._case.state, self._moment()
        if not state.has_chancery:
            return None
        waits = [*state.mail_postponed.values(), state.record_postponed]
        moments = [item.until for item in waits if item is not None]
        moments += [notice.not_before for notice in state.outbox]
        return min((moment for moment in moments if moment > now), default=None)

    # --- doing it ------------------------------------------------------------------------

    async def _dispatch(self) -> None:
        batch = self._batch()
        self._take_over(batch, await self._step(batch.dispatch))

    def _batch(self, *, along: bool = False) -> Batch:
        """Everything that is due; what was handed along, too, as long as it is not heard of."""
        state = self._case.state
        notices = self._due()
        record = None
        if self._record_is_due():
            # Told by the clock, so that a case set back in the engine never uses one again.
            state.revision = max(state.revision + 1, int(workflow.now().timestamp()))
            record = record_of(state, self._case.now())
        first_try = state.record_postponed is None and not any(
            notice.key in state.mail_postponed for notice in notices
        )
        dispatch = Dispatch(
            control_number=state.control_number,
            record=record,
            notices=tuple(notices),
            patience=policies.MAILS_AT_ONCE if first_try else policies.MAILS_AGAIN,
            application=state.application if any(notice.paper for notice in notices) else None,
            superseded=state.superseded,
            shared=along
            or any(
                notice.key in state.handed_along or notice.key in state.mail_postponed
                for notice in notices
            ),
        )
        return Batch(dispatch, state.noted, dict(state.papers))

    def _take_over(self, batch: Batch, report: DispatchReport) -> None:
        state, dispatch = self._case.state, batch.dispatch
        if dispatch.record is not None and state.recorded < batch.upto:
            self._recorded(report.answer, batch.upto, batch.papers)
        if report.forgotten:
            state.superseded = tuple(
                item for item in state.superseded if item not in dispatch.superseded
            )
        self._sent(dispatch.notices, report)
        put_off = state.record_postponed is not None or state.mail_postponed
        trouble = report.trouble or (state.trouble if put_off else "")
        if trouble != state.trouble:
            state.trouble = trouble
            self._case.publish()

    async def _step(self, dispatch: Dispatch) -> DispatchReport:
        """One step of its own: what goes out must follow from what the engine has kept.

        Within the workflow task it would cost fewer events, and would let people answer to
        something the engine forgets when the worker dies in that moment.
        """
        what = ", ".join(notice.event for notice in dispatch.notices)
        return await workflow.execute_activity_method(
            ChanceryActivities.record_and_send,
            dispatch,
            start_to_close_timeout=policies.MAIL_BATCH,
            heartbeat_timeout=policies.WORKER_GONE,
            retry_policy=policies.REGISTER_RETRY,
            summary=f"register: {self._case.state.status}; mail: {what or 'none'}",
        )

    def _recorded(self, answer: RecordAnswer | None, upto: int, papers: dict[str, Paper]) -> None:
        state = self._case.state
        if answer is None:
            state.record_postponed = _postponed(state.record_postponed, policies.RECORD_AGAIN)
            return
        state.record_postponed = None
        take_answer(state, answer, upto, papers)

    def _sent(self, notices: tuple[Notice, ...], report: DispatchReport) -> None:
        state = self._case.state
        settled_now = {item.key: item for item in report.settled}
        waiting = {notice.key for notice in state.outbox}
        for notice in notices:
            if notice.key not in waiting:
                continue  # heard of by another step
            if notice.key in state.handed_along:
                state.handed_along.remove(notice.key)
            outcome = settled_now.get(notice.key)
            if outcome is None:
                waits = _postponed(state.mail_postponed.get(notice.key), policies.MAIL_AGAIN)
                if workflow.now() - waits.since < policies.MAIL_GIVE_UP:
                    state.mail_postponed[notice.key] = waits
                    continue
                reason = "the mail server did not take it for days"
            else:
                reason = outcome.reason if outcome.delivery is Delivery.REJECTED else ""
            state.mail_postponed.pop(notice.key, None)
            state.outbox = [item for item in state.outbox if item.key != notice.key]
            if reason:
                self._case.undelivered(notice, reason)
            else:
                state.mails_sent += 1


def _postponed(before: Postponed | None, spans: tuple[timedelta, ...]) -> Postponed:
    """When to try again what failed once more: the spans in turn, and the last one for ever."""
    now = workflow.now()
    tries = before.tries + 1 if before else 1
    span = spans[min(tries, len(spans)) - 1]
    return Postponed(since=before.since if before else now, tries=tries, until=now + span)
