"""Who gives a command: an officer's identifier, as an option or from the settings (R12)."""

from typing import Annotated, Any, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError

from domain.messages import IDENTIFIER_FORM, GivenForAnother, Identifier
from workers.settings import PREFIX

M = TypeVar("M", bound=GivenForAnother)
_IDENTIFIER: TypeAdapter[str | None] = TypeAdapter(Identifier | None)


def _identifier(typed: str | None) -> str | None:
    try:
        return _IDENTIFIER.validate_python(typed)
    except ValidationError:
        raise typer.BadParameter(IDENTIFIER_FORM) from None


def _option(name: str, meaning: str, variable: str | None = None) -> Any:
    return typer.Option(name, callback=_identifier, help=meaning, envvar=variable)


def _oneself(name: str) -> Any:
    return _option(name, "Your staff identifier.", f"{PREFIX}OFFICER")


Officer = Annotated[str, _oneself("--officer")]
"""Who gives a command that only staff can give."""
By = Annotated[str, _oneself("--by")]
"""The same, where another officer is named as well."""
MaybeOfficer = Annotated[str | None, _oneself("--officer")]
"""The officer who gives a command in another's place; without one nobody is named."""
AnotherOfficer = Annotated[str, _option("--to", "Who takes the case over.")]
Assignee = Annotated[str | None, _option("--officer", "Who has the case.")]


def signed(message: M, officer: str | None) -> M:
    """A message out of a file, given by this officer; without one by whomever it names itself."""
    return message if officer is None else message.model_copy(update={"officer": officer})
