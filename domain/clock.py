"""Procedure time: the calendar people live by, also where a demo lets days pass in seconds."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.base import Frozen, Instant

SECONDS_PER_DAY = 86_400.0
MOSCOW = "Europe/Moscow"
"""The default zone of a region (R4)."""


def midnight(day: date, zone: str) -> datetime:
    """The moment a day begins in a zone."""
    return datetime.combine(day, time(0, 0), ZoneInfo(zone))


class ProcedureClock(Frozen):
    """Translates between the engine's clock and the calendar the procedure is told in.

    In production the two are the same. In an accelerated run one calendar day lasts
    `day_seconds` of engine time, counted from `origin`.
    """

    origin: Instant
    day_seconds: float = SECONDS_PER_DAY

    @property
    def speed(self) -> float:
        """Procedure seconds per engine second."""
        return SECONDS_PER_DAY / self.day_seconds

    def procedure_time(self, engine: datetime) -> datetime:
        """The procedure's moment at an engine moment."""
        return self.origin + (engine - self.origin) * self.speed

    def local(self, engine: datetime, zone: str) -> datetime:
        """The procedure's moment at an engine moment, on the clocks of a zone."""
        return self.procedure_time(engine).astimezone(ZoneInfo(zone))

    def engine_time(self, procedure: datetime) -> datetime:
        """The engine's moment at a procedure's moment."""
        return self.origin + (procedure - self.origin) / self.speed

    def engine_span(self, span: timedelta) -> timedelta:
        """How long a stretch of procedure time lasts on the engine's clock."""
        return span / self.speed


class QuietHours(Frozen):
    """The part of the day in which people may be written to (R11), in the region's zone."""

    opens: time = time(9, 0)
    closes: time = time(21, 0)

    def next_allowed(self, moment: datetime, zone: str) -> datetime:
        """`moment` itself by day, otherwise the next opening."""
        local = moment.astimezone(ZoneInfo(zone))
        if self.opens <= local.time() < self.closes:
            return moment
        day = local.date() if local.time() < self.opens else local.date() + timedelta(days=1)
        return datetime.combine(day, self.opens, ZoneInfo(zone))
