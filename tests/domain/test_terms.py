from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from samples import UNHURRIED

from adapters.production_calendar import official_calendar
from adapters.profiles import load_profile
from domain.calendar import WorkingCalendar
from domain.pauses import Pause, PauseReason
from domain.terms import END_OF_DAY, Ladder, Rung, Term, Unit, Window, project

CALENDAR = official_calendar(date(2024, 1, 1), 1461)
TERMS = load_profile().terms
MOSCOW = ZoneInfo("Europe/Moscow")

days = st.dates(date(2024, 1, 1), date(2027, 6, 30))
moments = st.integers(0, 1275 * 86_400).map(
    lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
zones = st.sampled_from(["Europe/Kaliningrad", "Europe/Moscow", "Asia/Omsk", "Asia/Kamchatka"])
terms = st.builds(
    lambda earliest, more, unit: Term(earliest=earliest, latest=earliest + more, unit=unit),
    st.integers(0, 15),
    st.integers(1, 30),
    st.sampled_from(Unit),
)
windows = st.builds(
    Window, opened_at=moments, term=terms, zone=zones, paused_days=st.integers(0, 20)
)


def opened(day: date, term: Term, zone: str = "Europe/Moscow") -> Window:
    return Window(opened_at=datetime.combine(day, time(12), ZoneInfo(zone)), term=term, zone=zone)


def test_the_stages_of_a_case_end_on_the_days_the_procedure_names() -> None:
    dates = project(date(2026, 4, 29), TERMS, CALENDAR)
    assert dates.registration == date(2026, 4, 30)
    assert dates.document_check == date(2026, 5, 13)
    assert dates.production == date(2026, 5, 27)
    assert dates.issuance == date(2026, 5, 29)
    assert dates.case_cap == date(2026, 6, 15)
    assert not dates.provisional


def test_windows_agree_with_the_projection() -> None:
    day = date(2026, 4, 29)
    for term, due in (
        (TERMS.registration, date(2026, 4, 30)),
        (TERMS.document_check, date(2026, 5, 13)),
        (TERMS.production, date(2026, 5, 27)),
        (TERMS.issuance, date(2026, 5, 29)),
    ):
        day = opened(day, term).due_on(CALENDAR)
        assert day == due
    assert opened(date(2026, 4, 29), TERMS.case_cap).due_on(CALENDAR) == date(2026, 6, 15)


def test_an_expedited_duplicate_is_made_sooner() -> None:
    ordinary = project(date(2026, 4, 29), TERMS, CALENDAR)
    expedited = project(date(2026, 4, 29), TERMS, CALENDAR, expedited=True)
    assert expedited.document_check == ordinary.document_check
    assert expedited.production < ordinary.production
    assert expedited.issuance < ordinary.issuance


def test_a_working_saturday_counts() -> None:
    assert opened(date(2025, 10, 31), Term(latest=1)).due_on(CALENDAR) == date(2025, 11, 1)


def test_calendar_days_that_end_on_a_day_off_roll_to_the_next_working_day() -> None:
    term = Term(latest=30, unit=Unit.CALENDAR_DAYS)
    assert opened(date(2025, 12, 5), term).due_on(CALENDAR) == date(2026, 1, 12)


def test_the_day_after_the_event_is_day_one() -> None:
    assert opened(date(2026, 4, 28), Term(latest=1)).due_on(CALENDAR) == date(2026, 4, 29)


@UNHURRIED
@given(days, st.integers(1, 60))
def test_working_days_are_counted_back_to_the_number_added(day: date, count: int) -> None:
    end = CALENDAR.add_working_days(day, count)
    assert CALENDAR.is_working(end)
    assert CALENDAR.working_days_between(day, end) == count


@UNHURRIED
@given(days, st.integers(1, 90))
def test_a_calendar_term_ends_on_the_first_working_day_not_before_its_last(
    day: date, count: int
) -> None:
    end = CALENDAR.add_calendar_days(day, count)
    last = day + timedelta(days=count)
    assert CALENDAR.is_working(end)
    assert not any(CALENDAR.is_working(last + timedelta(days=n)) for n in range((end - last).days))


@UNHURRIED
@given(moments, st.integers(1, 30), st.integers(0, 30), zones)
def test_a_pause_of_some_working_days_moves_the_deadline_by_exactly_as_many(
    moment: datetime, latest: int, length: int, zone: str
) -> None:
    window = Window(opened_at=moment, term=Term(latest=latest), zone=zone)
    began = moment + timedelta(hours=3)
    ended = datetime.combine(
        CALENDAR.add_working_days(began.astimezone(ZoneInfo(zone)).date(), length),
        time(12),
        ZoneInfo(zone),
    )
    pause = Pause(reason=PauseReason.RETURNED, started_at=began, ended_at=ended)
    before, after = window.due_on(CALENDAR), pause.lengthen(window, CALENDAR).due_on(CALENDAR)
    assert CALENDAR.working_days_between(before, after) == length
    assert CALENDAR.is_working(after)


@UNHURRIED
@given(moments, st.integers(0, 10), st.integers(0, 10))
def test_pauses_add_up(moment: datetime, first: int, second: int) -> None:
    window = Window(opened_at=moment, term=TERMS.document_check, zone="Asia/Irkutsk")
    assert window.lengthened(first).lengthened(second) == window.lengthened(first + second)


def test_a_pause_of_five_working_days_over_the_may_holidays_moves_by_five() -> None:
    window = opened(date(2026, 4, 29), TERMS.document_check)
    pause = Pause(
        reason=PauseReason.REFUSED,
        started_at=datetime(2026, 4, 30, 10, tzinfo=MOSCOW),
        ended_at=datetime(2026, 5, 8, 18, tzinfo=MOSCOW),
    )
    assert pause.days(CALENDAR, "Europe/Moscow", Unit.WORKING_DAYS) == 5
    assert pause.days(CALENDAR, "Europe/Moscow", Unit.CALENDAR_DAYS) == 8
    assert pause.lengthen(window, CALENDAR).due_on(CALENDAR) == date(2026, 5, 19)


def test_a_pause_within_one_day_costs_nothing() -> None:
    pause = Pause(
        reason=PauseReason.SUSPENDED,
        started_at=datetime(2026, 4, 30, 9, tzinfo=MOSCOW),
        ended_at=datetime(2026, 4, 30, 23, tzinfo=MOSCOW),
    )
    assert pause.days(CALENDAR, "Europe/Moscow", Unit.WORKING_DAYS) == 0
    assert pause.days(CALENDAR, "Europe/Moscow", Unit.CALENDAR_DAYS) == 0


def test_an_open_pause_has_no_length() -> None:
    pause = Pause(reason=PauseReason.RETURNED, started_at=datetime(2026, 4, 30, tzinfo=MOSCOW))
    with pytest.raises(ValueError, match="open pause"):
        pause.days(CALENDAR, "Europe/Moscow", Unit.WORKING_DAYS)


@UNHURRIED
@given(windows, st.floats(0.05, 0.95), st.floats(0.0, 1.0), st.integers(1, 5))
def test_rungs_come_in_order_and_never_before_the_earliest_day(
    window: Window, reminder: float, more: float, rhythm: int
) -> None:
    ladder = Ladder(
        reminder=reminder,
        warning=reminder + (0.99 - reminder) * more,
        repeat_every_working_days=rhythm,
    )
    fired = [
        window.rung_at(rung, CALENDAR, ladder)
        for rung in (Rung.REMINDER, Rung.WARNING, Rung.BREACH, Rung.REPEAT)
    ]
    fired += [window.rung_at(Rung.REPEAT, CALENDAR, ladder, repeats) for repeats in (1, 2)]
    assert all(earlier <= later for earlier, later in pairwise(fired))
    assert all(moment.date() >= window.earliest_on(CALENDAR) for moment in fired)


def test_rungs_rolled_to_one_day_by_days_off_stay_in_order() -> None:
    # Half of the term is Saturday 14 March, four fifths fall on Monday the 16th: both roll.
    window = opened(date(2026, 3, 12), Term(latest=4, unit=Unit.CALENDAR_DAYS))
    ladder = Ladder()
    reminder = window.rung_at(Rung.REMINDER, CALENDAR, ladder)
    warning = window.rung_at(Rung.WARNING, CALENDAR, ladder)
    assert reminder <= warning <= window.due_at(CALENDAR)


def test_the_ladder_of_a_document_check() -> None:
    window = opened(date(2026, 4, 29), TERMS.document_check)
    ladder = load_profile().ladder
    assert window.earliest_on(CALENDAR) == date(2026, 5, 5)
    assert window.rung_at(Rung.REMINDER, CALENDAR, ladder) == datetime(
        2026, 5, 6, 12, tzinfo=MOSCOW
    )
    assert window.rung_at(Rung.WARNING, CALENDAR, ladder).date() == date(2026, 5, 8)
    assert window.rung_at(Rung.BREACH, CALENDAR, ladder) == window.due_at(CALENDAR)
    assert [
        window.rung_at(Rung.REPEAT, CALENDAR, ladder, repeats).date() for repeats in range(3)
    ] == [date(2026, 5, 14), date(2026, 5, 18), date(2026, 5, 20)]


@UNHURRIED
@given(windows)
def test_a_window_ends_with_its_last_day_in_the_region(window: Window) -> None:
    due = window.due_at(CALENDAR)
    assert due.tzinfo == ZoneInfo(window.zone)
    assert due.time() == END_OF_DAY == time(23, 59, 59)
    assert due.date() == window.due_on(CALENDAR)
    assert CALENDAR.is_working(due.date())
    assert due > window.opened_at


def test_the_same_moment_is_another_day_in_the_far_east() -> None:
    evening = datetime(2026, 4, 29, 20, tzinfo=UTC)
    moscow = Window(opened_at=evening, term=Term(latest=1), zone="Europe/Moscow")
    kamchatka = Window(opened_at=evening, term=Term(latest=1), zone="Asia/Kamchatka")
    assert moscow.due_at(CALENDAR) == datetime(2026, 4, 30, 20, 59, 59, tzinfo=UTC)
    assert kamchatka.due_at(CALENDAR) == datetime(2026, 5, 4, 11, 59, 59, tzinfo=UTC)


def test_a_year_nobody_published_is_provisional() -> None:
    last = CALENDAR.published_until
    calendar = official_calendar(last - timedelta(days=60), 400)
    window = opened(last - timedelta(days=5), Term(latest=10))
    assert window.is_provisional(calendar)
    assert project(last - timedelta(days=5), TERMS, calendar).provisional
    assert not opened(last - timedelta(days=40), Term(latest=5)).is_provisional(calendar)


def test_days_beyond_the_snapshot_are_provisional_even_in_a_published_year() -> None:
    # Out there the snapshot knows no holidays; silence would pass for the official calendar.
    calendar = official_calendar(date(2026, 1, 1), 90)
    assert not calendar.is_provisional(date(2026, 3, 31))
    assert calendar.is_provisional(date(2026, 4, 1))
    assert calendar.is_working(date(2026, 5, 1))
    assert calendar.is_provisional(date(2025, 12, 31))


@UNHURRIED
@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.sets(st.integers(0, 39)))
def test_a_snapshot_gives_back_the_days_it_was_built_from(first: date, worked: set[int]) -> None:
    calendar = WorkingCalendar.build(first, 40, date.max, lambda day: (day - first).days in worked)
    restored = WorkingCalendar.model_validate_json(calendar.model_dump_json())
    assert {n for n in range(40) if restored.is_working(first + timedelta(days=n))} == worked


@pytest.mark.parametrize("term", [(0, 0), (-1, 2), (3, 2)])
def test_an_impossible_term_is_refused(term: tuple[int, int]) -> None:
    with pytest.raises(ValidationError):
        Term(earliest=term[0], latest=term[1])
