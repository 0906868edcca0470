"""Waiting with an eye on the terms: the ladder of reminders, warnings and breaches (R4)."""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

from activities.case import CaseSetup
from domain.notices import Audience, NoticeEvent
from domain.terms import Rung
from workflows.alarm import Alarm
from workflows.case import Case
from workflows.state import Running
from workflows.waiting import wait

ONCE = (Rung.REMINDER, Rung.WARNING, Rung.BREACH)
"""Rungs climbed once each, in this order; after them the reminder repeats."""
LAST_RUNG_ONLY = frozenset({"case_cap"})
"""Windows of which only the breach is of interest: their stages remind and warn already."""
NOT_REPEATED = frozenset({"case_cap", "response"})
"""Windows that end with the breach; nobody is reminded of them afterwards."""


_AT_LEAST = timedelta(milliseconds=1)


class Ladder:
    """Lets a case wait and climbs the ladder of whatever window is running meanwhile."""

    def __init__(self, case: Case, alarm: Alarm, must_stop: Callable[[], bool]) -> None:
        """Watch over a case.

        Args:
            case: The case.
            alarm: Rings when a rung is to be climbed.
            must_stop: Ends any wait, whatever it waits for.
        """
        self._case = case
        self._alarm = alarm
        self._must_stop = must_stop
        self._come_to = alarm.rung_for

    def comes_to(self, moment: datetime) -> None:
        """A moment has come without the alarm: a step that was to be back then is."""
        self._come_to = max(self._come_to, moment)

    def _moment(self) -> datetime:
        """Until when everything has come: a ring says so, never the clock of a task.

        A worker that takes a case over may be handed a result with the time of an earlier task;
        when the case is replayed, that time is another.
        """
        if not self._case.state.hands_along:
            return workflow.now()
        return max(self._alarm.rung_for, self._come_to)

    def is_over(self, done: Callable[[], bool]) -> bool:
        """True when there is no more reason to wait for `done`."""
        return done() or self._must_stop()

    def due_in(self) -> timedelta | None:
        """How long nothing is to be climbed; None for ever."""
        following = self._next()
        return max(following[2] - workflow.now(), _AT_LEAST) if following else None

    async def wait(self, done: Callable[[], bool], looked_after: timedelta | None = None) -> None:
        """Wait for `done`, as long as it takes.

        Args:
            done: What is waited for.
            looked_after: It comes by itself after so long, and needs no alarm before that.
        """
        by_itself = workflow.now() + looked_after if looked_after is not None else None
        state = self._case.state

        def over() -> bool:
            return self.is_over(done)

        while not over():
            self.climb_what_is_due()
            self._case.publish()
            following, dates, rung_before = self._next(), state.projections, self._alarm.rung
            if over():
                return

            def woken(known: int = dates, rung: int = rung_before) -> bool:
                return over() or state.projections != known or self._alarm.rung != rung

            if following is None or (by_itself is not None and by_itself <= following[2]):
                await wait(woken)
            elif state.has_chancery:
                self._alarm.set(following[2])
                await wait(woken)
            else:
                name, rung, at = following
                summary = f"{rung} of {name.replace('_', ' ')}: {state.status}"
                await wait(woken, at - workflow.now(), summary)

    def climb_what_is_due(self) -> None:
        """Climb every rung whose moment has come; after a long silence several at once."""
        while True:
            following = self._next()
            if following is None or following[2] > self._moment():
                return
            self._climb(following[0], following[1])

    def response_expired(self) -> bool:
        """True when the applicant's time to correct has run out (R5)."""
        response = self._case.state.response
        return response is not None and Rung.BREACH in response.climbed

    def _next(self) -> tuple[str, Rung, datetime] | None:
        """The next rung of any running window: whose, which, and when on the engine's clock."""
        state, setup = self._case.state, self._case.state.the_setup()
        names = ("response",) if state.status.awaits_applicant else ("stage", "case_cap")
        names = names if state.collection is None else ("collection",)
        found = []
        for name in names:
            running: Running | None = getattr(state, name)
            if running is None or (name in NOT_REPEATED and Rung.BREACH in running.climbed):
                continue
            rung, at = _next_of(running, setup, LAST_RUNG_ONLY & {name})
            found.append((name, rung, setup.clock.engine_time(at)))
        return min(found, key=lambda candidate: candidate[2], default=None)

    def _climb(self, name: str, rung: Rung) -> None:
        state, setup = self._case.state, self._case.state.the_setup()
        setattr(state, name, _climbed(getattr(state, name), rung, setup, self._case.now()))
        self._case.note(rung.value, f"{name.replace('_', ' ')}: {state.status}")
        if name == "response":
            if rung is not Rung.BREACH:
                self._case.tell(NoticeEvent.CORRECTION_REMINDER)
        elif name == "collection":
            self._remind_to_collect(rung)
        elif rung is Rung.BREACH:
            self._own_up("the whole case is late" if name == "case_cap" else "the term has run out")
        elif rung is Rung.WARNING:
            self._case.post.tell_staff(
                NoticeEvent.STAFF_WARNING,
                Audience.OPS,
                self._case.now(),
                "the term is running out",
            )
        else:
            errand = self._case.current_errand()
            if errand is not None:
                self._case.post.write_to_holder(
                    NoticeEvent.HOLDER_REMINDER, errand.errand, self._case.now()
                )
            elif state.accepted:
                self._case.tell_ops("holder", "still nobody is known to hold the records")

    def _remind_to_collect(self, rung: Rung) -> None:
        """A returned parcel is kept for so long; then a person has to agree on something (R9)."""
        if rung is Rung.BREACH:
            self._case.park("parcel", "not collected in its term: agree on another way")
        elif rung is Rung.REPEAT:
            self._case.tell_ops("parcel", "still not collected: agree on another way")
        else:
            self._case.tell(NoticeEvent.COLLECT_REMINDER)

    def _own_up(self, remark: str) -> None:
        """A term is broken: the case is overdue, and everybody concerned is told (R4)."""
        case = self._case
        for audience in (Audience.OPS, Audience.SUPPORT):
            case.post.tell_staff(NoticeEvent.STAFF_BREACH, audience, case.now(), remark)
        case.tell(NoticeEvent.DELAYED)


def _next_of(
    running: Running, setup: CaseSetup, last_only: frozenset[str]
) -> tuple[Rung, datetime]:
    for rung in (Rung.BREACH,) if last_only else ONCE:
        if rung not in running.climbed:
            return rung, running.window.rung_at(rung, setup.calendar, setup.ladder)
    at = running.window.rung_at(Rung.REPEAT, setup.calendar, setup.ladder, running.repeats)
    return Rung.REPEAT, at


def _climbed(running: Running, rung: Rung, setup: CaseSetup, now: datetime) -> Running:
    """The window after a rung; repetitions missed while nobody was at work are not made up."""
    if rung is not Rung.REPEAT:
        return running.model_copy(update={"climbed": (*running.climbed, rung)})
    repeats = running.repeats + 1
    while running.window.rung_at(rung, setup.calendar, setup.ladder, repeats) <= now:
        repeats += 1
    return running.model_copy(update={"repeats": repeats})
