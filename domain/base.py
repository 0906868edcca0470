"""What every model of the procedure shares: frozen, closed, silent about its input in errors."""

import re
from datetime import date, datetime
from math import isfinite
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, JsonValue

from domain.text import fault

Instant = Annotated[datetime, AwareDatetime]
"""An aware moment; naive datetimes are refused at every boundary."""


def _as_written(value: Any) -> Any:
    if isinstance(value, date) or (
        isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)
    ):
        return value
    raise fault("DATE_FORMAT")


IsoDate = Annotated[date, BeforeValidator(_as_written)]
"""A day as year-month-day; the library alone would also take 86400 for 2 January 1970."""

JsonObject = dict[str, JsonValue]
"""A JSON object whose shape nobody has checked yet."""


MAX_DEPTH = 20
"""No application is nested deeper, and nothing that is can be handed on."""


def can_be_kept(value: Any, depth: int = 0) -> bool:
    """True for what is the same after it was written as JSON and read again."""
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, dict | list):
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return depth < MAX_DEPTH and all(can_be_kept(item, depth + 1) for item in inner)
    return True


class Frozen(BaseModel):
    """A value that never changes, with no fields but its own.

    Errors never repeat the input: it may be somebody's passport (R13).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
