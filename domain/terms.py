"""Terms, their windows and the ladder of reminders (R4)."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from math import floor
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import field_validator, model_validator

from domain.base import Frozen, Instant
from domain.calendar import WorkingCalendar

END_OF_DAY = time(23, 59, 59)
"""A term runs to the end of its last day in the region's zone."""


class Unit(StrEnum):
    """How a term is counted."""

    WORKING_DAYS = "wd"
    CALENDAR_DAYS = "cd"


class Term(Frozen):
    """Days promised for a step.

    The answer may come any time, is not chased before `earliest` and is overdue after
    `latest` (R4).
    """

    earliest: int = 0
    latest: int
    unit: Unit = Unit.WORKING_DAYS

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 <= self.earliest <= self.latest or self.latest < 1:
            raise ValueError("a term needs 0 <= earliest <= latest and latest >= 1")
        return self


class Terms(Frozen):
    """Every term of the procedure; the figures live in the profile file (R4)."""

    registration: Term
    document_check: Term
    recheck: Term
    production: Term
    production_expedited: Term
    issuance: Term
    case_cap: Term
    correction: Term
    archive: Term
    liquidated: Term
    direct_letter: Term
    temporary_certificate: Term
    name_change_certificate: Term
    support_answer: Term
    certificate_validity: Term = Term(latest=30, unit=Unit.CALENDAR_DAYS)
    """How long a temporary certificate is valid from its issue or renewal (R10)."""
    delivery: Term = Term(latest=15)
    """How long the post takes to deliver a parcel or to send it back."""
    collection: Term = Term(latest=30, unit=Unit.CALENDAR_DAYS)
    """How long a returned parcel is kept for collection (R9)."""
    aftercare: Term | None = None
    """How long an ended case still hears of late messages and payments; absent in old cases."""

    @field_validator("certificate_validity")
    @classmethod
    def _in_calendar_days(cls, term: Term) -> Term:
        if term.unit is not Unit.CALENDAR_DAYS:
            raise ValueError('a certificate is valid for calendar days: write unit = "cd"')
        return term


class Rung(StrEnum):
    """A step of the ladder climbed while a window runs out (R4)."""

    REMINDER = "reminder"
    WARNING = "warning"
    BREACH = "breach"
    REPEAT = "repeat"


class Ladder(Frozen):
    """When each rung is due, as a share of the window; after the breach it repeats (R4)."""

    reminder: float = 0.5
    warning: float = 0.8
    repeat_every_working_days: int = 2


class Window(Frozen):
    """A term set running: opened at a moment, lengthened by the pauses in it.

    All moments are procedure time; the zone is the region's.
    """

    opened_at: Instant
    term: Term
    zone: str
    paused_days: int = 0
    """Days of the term's own unit spent waiting for the applicant."""

    def _day(self, calendar: WorkingCalendar, count: int) -> date:
        start = self.opened_at.astimezone(ZoneInfo(self.zone)).date()
        if count == 0:
            return start
        if self.term.unit is Unit.WORKING_DAYS:
            return calendar.add_working_days(start, count)
        return calendar.add_calendar_days(start, count)

    def _moment(self, calendar: WorkingCalendar, position: float) -> datetime:
        """The moment when `position` days of the window have passed."""
        whole = floor(position)
        part = position - whole
        zone = ZoneInfo(self.zone)
        if part == 0:
            return datetime.combine(self._day(calendar, whole), END_OF_DAY, zone)
        morning = datetime.combine(self._day(calendar, whole + 1), time(0, 0), zone)
        return morning + timedelta(days=part)

    def earliest_on(self, calendar: WorkingCalendar) -> date:
        """The first day an answer can be asked after."""
        return self._day(calendar, self.term.earliest + self.paused_days)

    def due_on(self, calendar: WorkingCalendar) -> date:
        """The last day of the term."""
        return self._day(calendar, self.term.latest + self.paused_days)

    def due_at(self, calendar: WorkingCalendar) -> datetime:
        """The end of the last day, in the region's zone."""
        return self._moment(calendar, self.term.latest + self.paused_days)

    def is_provisional(self, calendar: WorkingCalendar) -> bool:
        """True when the term ends in a year whose calendar is not published (R4)."""
        return calendar.is_provisional(self.due_on(calendar))

    def rung_at(
        self, rung: Rung, calendar: WorkingCalendar, ladder: Ladder, repeats: int = 0
    ) -> datetime:
        """When a rung fires; never before the earliest day, when nothing is chased (R4).

        Args:
            rung: Which rung.
            calendar: The case's calendar.
            ladder: Shares of the window and the rhythm after the breach.
            repeats: For `Rung.REPEAT`, how many have fired already.
        """
        match rung:
            case Rung.BREACH:
                return self.due_at(calendar)
            case Rung.REPEAT:
                day = calendar.add_working_days(
                    self.due_on(calendar), ladder.repeat_every_working_days * (repeats + 1)
                )
                return datetime.combine(day, END_OF_DAY, ZoneInfo(self.zone))
            case Rung.REMINDER:
                return self._chased_at(calendar, ladder.reminder)
            case Rung.WARNING:
                # Days off may roll both to one day, the earlier to its end (R4).
                return max(
                    self._chased_at(calendar, ladder.reminder),
                    self._chased_at(calendar, ladder.warning),
                )

    def _chased_at(self, calendar: WorkingCalendar, share: float) -> datetime:
        moment = self._moment(calendar, share * self.term.latest + self.paused_days)
        first = datetime.combine(self.earliest_on(calendar), time(0, 0), ZoneInfo(self.zone))
        return min(max(moment, first), self.due_at(calendar))

    def lengthened(self, days: int) -> "Window":
        """The same window after a pause of `days` of its own unit."""
        return self.model_copy(update={"paused_days": self.paused_days + days})


class Projection(Frozen):
    """The latest day of each stage when every stage takes all the time it has (R4)."""

    registration: date
    document_check: date
    production: date
    issuance: date
    case_cap: date
    provisional: bool = False


def project(
    submitted_on: date, terms: Terms, calendar: WorkingCalendar, *, expedited: bool = False
) -> Projection:
    """Latest dates of the institution route for a submission on a day (R4)."""
    registration = calendar.add_working_days(submitted_on, terms.registration.latest)
    check = calendar.add_working_days(registration, terms.document_check.latest)
    making = terms.production_expedited if expedited else terms.production
    production = calendar.add_working_days(check, making.latest)
    issuance = calendar.add_working_days(production, terms.issuance.latest)
    cap = calendar.add_working_days(submitted_on, terms.case_cap.latest)
    return Projection(
        registration=registration,
        document_check=check,
        production=production,
        issuance=issuance,
        case_cap=cap,
        provisional=calendar.is_provisional(max(issuance, cap)),
    )
