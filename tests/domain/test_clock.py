from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from samples import UNHURRIED

from domain.clock import ProcedureClock, QuietHours

ORIGIN = datetime(2026, 4, 29, 9, tzinfo=UTC)
moments = st.integers(0, 3 * 365 * 86_400_000_000).map(
    lambda microseconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
speeds = st.floats(0.05, 86_400.0)


@UNHURRIED
@given(moments, speeds)
def test_an_accelerated_clock_is_its_own_inverse(moment: datetime, day_seconds: float) -> None:
    clock = ProcedureClock(origin=ORIGIN, day_seconds=day_seconds)
    # Engine time is kept in microseconds, which acceleration magnifies.
    grain = timedelta(microseconds=2) * clock.speed + timedelta(milliseconds=1)
    assert abs(clock.procedure_time(clock.engine_time(moment)) - moment) <= grain
    engine = ORIGIN + (moment - ORIGIN) / clock.speed
    back = clock.engine_time(clock.procedure_time(engine))
    assert abs(back - engine) <= timedelta(milliseconds=1)


@UNHURRIED
@given(moments)
def test_in_production_both_clocks_are_one(moment: datetime) -> None:
    clock = ProcedureClock(origin=ORIGIN)
    assert clock.procedure_time(moment) == moment
    assert clock.engine_time(moment) == moment


def test_a_procedure_day_lasts_as_long_as_asked() -> None:
    clock = ProcedureClock(origin=ORIGIN, day_seconds=0.5)
    assert clock.engine_span(timedelta(days=1)) == timedelta(seconds=0.5)
    assert clock.procedure_time(ORIGIN + timedelta(seconds=1)) == ORIGIN + timedelta(days=2)


@UNHURRIED
@given(moments, moments, speeds)
def test_acceleration_keeps_the_order_of_events(
    one: datetime, other: datetime, day_seconds: float
) -> None:
    clock = ProcedureClock(origin=ORIGIN, day_seconds=day_seconds)
    earlier, later = sorted((one, other))
    assert clock.engine_time(earlier) <= clock.engine_time(later)


def test_a_clock_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError):
        ProcedureClock(origin=datetime(2026, 4, 29))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("hour", "allowed_day", "allowed_hour"),
    [(3, 29, 9), (8, 29, 9), (9, 29, 9), (15, 29, 15), (20, 29, 20), (21, 30, 9), (23, 30, 9)],
)
def test_nobody_is_written_to_at_night(hour: int, allowed_day: int, allowed_hour: int) -> None:
    zone = ZoneInfo("Asia/Vladivostok")
    asked = datetime(2026, 4, 29, hour, tzinfo=zone)
    allowed = datetime(2026, 4, allowed_day, allowed_hour, tzinfo=zone)
    assert QuietHours().next_allowed(asked, "Asia/Vladivostok") == allowed


@UNHURRIED
@given(moments, st.sampled_from(["Europe/Kaliningrad", "Europe/Moscow", "Asia/Kamchatka"]))
def test_the_next_allowed_moment_is_by_day_and_less_than_a_night_away(
    moment: datetime, zone: str
) -> None:
    hours = QuietHours()
    allowed = hours.next_allowed(moment, zone)
    assert time(9) <= allowed.astimezone(ZoneInfo(zone)).time() < time(21)
    assert timedelta(0) <= allowed - moment <= timedelta(hours=12)
    assert hours.next_allowed(allowed, zone) == allowed
