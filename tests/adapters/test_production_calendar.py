from datetime import date, timedelta

import holidays

from adapters.production_calendar import official_calendar

CALENDAR = official_calendar(date(2024, 1, 1), 1461)


def test_moved_days_and_working_saturdays_are_known() -> None:
    assert CALENDAR.is_working(date(2024, 4, 27))  # a Saturday worked for Monday 29 April
    assert not CALENDAR.is_working(date(2024, 4, 29))
    assert CALENDAR.is_working(date(2025, 11, 1))
    assert not CALENDAR.is_working(date(2025, 11, 3))
    assert not CALENDAR.is_working(date(2026, 1, 9))
    assert CALENDAR.is_working(date(2027, 2, 20))
    assert not CALENDAR.is_working(date(2027, 2, 22))


def test_a_year_has_as_many_working_days_as_the_government_published() -> None:
    def worked(year: int) -> int:
        return CALENDAR.working_days_between(date(year - 1, 12, 31), date(year, 12, 31))

    assert {year: worked(year) for year in (2024, 2025, 2026, 2027)} == {
        2024: 248,
        2025: 247,
        2026: 247,
        2027: 247,
    }


def test_the_snapshot_agrees_with_the_library_day_by_day() -> None:
    russia = holidays.country_holidays("RU")
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(1461)]
    assert [CALENDAR.is_working(day) for day in days] == [
        russia.is_working_day(day) for day in days
    ]


def test_the_same_days_are_read_wherever_the_snapshot_starts() -> None:
    later = official_calendar(date(2025, 12, 30), 30)
    days = [date(2025, 12, 30) + timedelta(days=n) for n in range(30)]
    assert [later.is_working(day) for day in days] == [CALENDAR.is_working(day) for day in days]


def test_the_calendar_is_published_until_the_end_of_the_last_decreed_year() -> None:
    last = CALENDAR.published_until
    assert last >= date(2027, 12, 31)
    assert (last.month, last.day) == (12, 31)
    assert not CALENDAR.is_provisional(date(2027, 12, 31))
    assert official_calendar(last, 10).is_provisional(last + timedelta(days=1))


def test_the_library_has_decrees_for_every_year_since_2005() -> None:
    # The last year with a decree stands for the last published one only while none is left out.
    decrees = vars(holidays.country_holidays("RU"))["special_public_holidays"]
    assert set(range(2005, max(decrees) + 1)) <= set(decrees)


def test_two_years_are_covered_unless_asked_otherwise() -> None:
    assert official_calendar(date(2026, 4, 29)).length == 730
