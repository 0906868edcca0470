"""The pause ledger: time in which the applicant owed something does not count (R4)."""

from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.base import Frozen, Instant
from domain.calendar import WorkingCalendar
from domain.terms import Unit, Window


class PauseReason(StrEnum):
    """Why the clocks stand still; the status the case waits in."""

    RETURNED = "RETURNED"
    REFUSED = "REFUSED"
    SUSPENDED = "SUSPENDED"


class Pause(Frozen):
    """One stretch of waiting for the applicant, in procedure time."""

    reason: PauseReason
    started_at: Instant
    ended_at: Instant | None = None

    def days(self, calendar: WorkingCalendar, zone: str, unit: Unit) -> int:
        """Length in whole days of `unit`, counted as terms are: the next day is day 1.

        Raises:
            ValueError: The pause has not ended.
        """
        if self.ended_at is None:
            raise ValueError("an open pause has no length yet")
        start = _local_date(self.started_at, zone)
        end = _local_date(self.ended_at, zone)
        if unit is Unit.WORKING_DAYS:
            return calendar.working_days_between(start, end)
        return (end - start).days

    def lengthen(self, window: Window, calendar: WorkingCalendar) -> Window:
        """The window after this pause: its end moves by exactly the days paused."""
        return window.lengthened(self.days(calendar, window.zone, window.term.unit))


def _local_date(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()
