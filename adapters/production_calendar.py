"""The official production calendar (производственный календарь), from the holidays library (R4)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache, lru_cache

from holidays import HolidayBase, country_holidays

from domain.calendar import SATURDAY, WorkingCalendar
from domain.register import CalendarYear


def official_calendar(
    first_day: date, days: int = 730, loaded: Sequence[CalendarYear] = ()
) -> WorkingCalendar:
    """A snapshot of `days` days from `first_day` on, moved days and working Saturdays included.

    Args:
        first_day: Where the snapshot begins.
        days: How many days it covers.
        loaded: Years published since the library was released; they outweigh what it knows.
    """
    return _snapshot(first_day, days, tuple(loaded))


@lru_cache(maxsize=8)
def _snapshot(first_day: date, days: int, loaded: tuple[CalendarYear, ...]) -> WorkingCalendar:
    # All cases of a day take the same.
    last_day = first_day + timedelta(days=days)
    russia = _russia(first_day.year, last_day.year)
    years = {year.year: year for year in loaded}
    published = _published_until(russia)
    while published.year + 1 in years:
        published = date(published.year + 1, 12, 31)

    def is_working(day: date) -> bool:
        year = years.get(day.year)
        if year is None:
            return russia.is_working_day(day)
        weekday = day.isoweekday() < SATURDAY
        return day not in year.days_off if weekday else day in year.working_days

    return WorkingCalendar.build(first_day, days, published, is_working)


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
