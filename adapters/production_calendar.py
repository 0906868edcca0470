"""The official production calendar (производственный календарь), from the holidays library (R4)."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache

from holidays import HolidayBase, country_holidays

from domain.calendar import WorkingCalendar


def official_calendar(first_day: date, days: int = 730) -> WorkingCalendar:
    """A snapshot of `days` days from `first_day` on, moved days and working Saturdays included."""
    last_day = first_day + timedelta(days=days)
    russia = _russia(first_day.year, last_day.year)
    return WorkingCalendar.build(first_day, days, _published_until(russia), russia.is_working_day)


@cache
def _russia(first_year: int, last_year: int) -> HolidayBase:
    # All years at once and no growing afterwards: a year is marked as known before its days
    # are filled in, so a second thread would find it empty.
    return country_holidays("RU", years=range(first_year - 1, last_year + 2), expand=False)


def _published_until(russia: HolidayBase) -> date:
    """The end of the last year with an official decree on moved days off.

    The library has no name for it. Of its tables only this one is filled decree by decree,
    and since 2005 no year went without a decree; the holidays themselves are computed for any year.
    """
    decrees: Mapping[int, object] = getattr(russia, "special_public_holidays", {})
    return date(max(decrees), 12, 31) if decrees else date.min
