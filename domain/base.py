"""What every model of the procedure shares: frozen, closed, silent about its input in errors."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue

Instant = Annotated[datetime, AwareDatetime]
"""An aware moment; naive datetimes are refused at every boundary."""

JsonObject = dict[str, JsonValue]
"""A JSON object whose shape nobody has checked yet."""


class Frozen(BaseModel):
    """A value that never changes, with no fields but its own.

    Errors never repeat the input: it may be somebody's passport (R13).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
