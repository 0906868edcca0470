"""Reading messages that anybody may have typed by hand."""

from typing import Any, TypeVar

from pydantic import ValidationError

from domain.base import Frozen

M = TypeVar("M", bound=Frozen)


class UnreadableMessage(Exception):
    """A message that cannot be applied; the text names the fault and repeats nothing of it."""


def read(kind: type[M], messages: tuple[Any, ...]) -> M:
    """The one JSON object a message consists of.

    Raises:
        UnreadableMessage: Not exactly one JSON object, or fields that are wrong.
    """
    if len(messages) != 1:
        raise UnreadableMessage(f"takes exactly one JSON object, {len(messages)} were given")
    if not isinstance(messages[0], dict):
        raise UnreadableMessage("takes a JSON object, something else was given")
    try:
        return kind.model_validate(messages[0])
    except ValidationError as error:
        raise UnreadableMessage(_faults(error)) from None


def _faults(error: ValidationError) -> str:
    faults = [
        f"{_place(detail['loc'])}: {detail['msg']}"
        for detail in error.errors(include_url=False, include_input=False)
    ]
    return "; ".join(faults[:5])


def _place(location: tuple[int | str, ...]) -> str:
    """The field's path; keys nobody expects may be anything, so only plain ones are repeated."""
    parts = [str(part) for part in location]
    return ".".join(part if part.isidentifier() and len(part) <= 40 else "?" for part in parts)
