"""The ladder of a running window: which rung is next and when (R4)."""

from datetime import datetime

from domain.calendar import WorkingCalendar
from domain.terms import Ladder, Rung
from workflows.state import Running

ONCE = (Rung.REMINDER, Rung.WARNING, Rung.BREACH)
"""Rungs climbed once each, in this order; after them the reminder repeats."""


def next_rung(running: Running, calendar: WorkingCalendar, ladder: Ladder) -> tuple[Rung, datetime]:
    """The next rung and its moment in procedure time."""
    for rung in ONCE:
        if rung not in running.climbed:
            return rung, running.window.rung_at(rung, calendar, ladder)
    return Rung.REPEAT, running.window.rung_at(Rung.REPEAT, calendar, ladder, running.repeats)


def climbed(
    running: Running, rung: Rung, calendar: WorkingCalendar, ladder: Ladder, now: datetime
) -> Running:
    """The window after a rung; repetitions missed while nobody was at work are not made up."""
    if rung is not Rung.REPEAT:
        return running.model_copy(update={"climbed": (*running.climbed, rung)})
    repeats = running.repeats + 1
    while running.window.rung_at(Rung.REPEAT, calendar, ladder, repeats) <= now:
        repeats += 1
    return running.model_copy(update={"repeats": repeats})
