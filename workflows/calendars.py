"""Computing the dates of a running case anew when a year's calendar is published (R4)."""

from datetime import date

from activities.case import CalendarOrder, CaseActivities
from domain.notices import NoticeEvent
from domain.statuses import CaseStatus
from workflows.case import Case
from workflows.state import Running
from workflows.steps import short_step
from workflows.waiting import wait

WINDOWS = ("stage", "response", "case_cap", "collection")


class CalendarDesk:
    """Takes a new snapshot of the calendar, beside the story, and says what moved."""

    def __init__(self, case: Case) -> None:
        self._case = case

    async def work(self) -> None:
        """Take over what is published; cancelled at the end of the case."""
        state = self._case.state
        while True:
            await wait(lambda: state.setup is not None and bool(state.calendar_years))
            years = set(state.calendar_years)
            await self._take_over(sorted(years))
            # Only now, so that a run that continues as new meanwhile takes them over again.
            state.calendar_years = [year for year in state.calendar_years if year not in years]

    async def _take_over(self, years: list[int]) -> None:
        state = self._case.state
        calendar = await short_step(
            CaseActivities.take_calendar,
            CalendarOrder(first_day=state.the_setup().calendar.first_day),
            "take the newly published calendar",
        )
        before = self._dates()
        state.setup = state.the_setup().model_copy(update={"calendar": calendar})
        for name in WINDOWS:
            running: Running | None = getattr(state, name)
            if running is not None:
                setattr(state, name, self._projected(running))
        state.projections += 1
        after = self._dates()
        moved = [
            f"{name.replace('_', ' ')} {before[name]:%d.%m.%Y} → {day:%d.%m.%Y}"
            for name, day in after.items()
            if before[name] != day
        ]
        named = ", ".join(map(str, years))
        self._case.note("calendar", f"{named} published: {'; '.join(moved) or 'no date moves'}")
        if moved and not (state.status.is_final or state.status is CaseStatus.SUSPENDED):
            self._case.tell(NoticeEvent.DATES_CHANGED)
        self._case.publish()

    def _projected(self, running: Running) -> Running:
        """A window by the new calendar: pauses counted anew, rungs that lie ahead climbed again."""
        setup, window = self._case.state.the_setup(), running.window
        paused = sum(
            pause.days(setup.calendar, window.zone, window.term.unit)
            for pause in self._case.state.pauses
            if pause.ended_at is not None and pause.started_at >= window.opened_at
        )
        window = window.model_copy(update={"paused_days": paused})
        climbed = tuple(
            rung
            for rung in running.climbed
            if window.rung_at(rung, setup.calendar, setup.ladder) <= self._case.now()
        )
        repeats = running.repeats if climbed == running.climbed else 0
        return Running(window=window, climbed=climbed, repeats=repeats)

    def _dates(self) -> dict[str, date]:
        state = self._case.state
        running: dict[str, Running | None] = {name: getattr(state, name) for name in WINDOWS}
        calendar = state.the_setup().calendar
        return {name: item.window.due_on(calendar) for name, item in running.items() if item}
