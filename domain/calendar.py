"""The official production calendar as data: which days are worked (R4)."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import cached_property
from typing import Self

from domain.base import Frozen

ONE_DAY = timedelta(days=1)
SATURDAY = 6


class WorkingCalendar(Frozen):
    """A stretch of the production calendar (производственный календарь), small enough to carry along.

    It travels with a case, so that a newer edition of the calendar library can never
    change what a running case has already computed.
    """

    first_day: date
    length: int
    """Days covered, counted from `first_day`."""
    worked: str
    """Hexadecimal bit set: bit n stands for `first_day` + n days, 1 = a working day."""
    published_until: date
    """Last day of the last year the official calendar is published for."""

    @cached_property
    def _bits(self) -> int:
        return int(self.worked, 16)

    @classmethod
    def build(
        cls,
        first_day: date,
        length: int,
        published_until: date,
        is_working: Callable[[date], bool],
    ) -> Self:
        """Take a snapshot of `length` days from `first_day` on."""
        bits = 0
        for offset in range(length):
            if is_working(first_day + timedelta(days=offset)):
                bits |= 1 << offset
        return cls(
            first_day=first_day,
            length=length,
            worked=f"{bits:x}",
            published_until=published_until,
        )

    def is_provisional(self, day: date) -> bool:
        """True when the official calendar of the day is not known, so its dates may still move (R4).

        That holds after the last published year and outside the snapshot alike.
        """
        last_day = self.first_day + timedelta(days=self.length - 1)
        return not self.first_day <= day <= min(last_day, self.published_until)

    def is_working(self, day: date) -> bool:
        """True for a working day; outside the snapshot every Monday to Friday counts as one."""
        offset = (day - self.first_day).days
        if 0 <= offset < self.length:
            return bool(self._bits >> offset & 1)
        return day.isoweekday() < SATURDAY

    def add_working_days(self, day: date, count: int) -> date:
        """The `count`-th working day after `day`; the day after it is day 1 (R4)."""
        while count > 0:
            day += ONE_DAY
            if self.is_working(day):
                count -= 1
        return day

    def add_calendar_days(self, day: date, count: int) -> date:
        """`count` calendar days on, rolled to the next working day (R4)."""
        day += timedelta(days=count)
        while not self.is_working(day):
            day += ONE_DAY
        return day

    def working_days_between(self, start: date, end: date) -> int:
        """Working days after `start` up to and including `end`."""
        days = (end - start).days
        return sum(self.is_working(start + timedelta(days=n)) for n in range(1, days + 1))
