"""The commands, by who uses them; a module is imported when a command of it is asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

MODULES = {
    "check": "check",
    "submit": "applicant",
    "status": "applicant",
    "correct": "applicant",
    "confirm": "applicant",
    "resend-code": "applicant",
    "certificate": "applicant",
    "withdraw": "applicant",
    "bulk": "bulk",
    "list": "staff",
    "reply": "staff",
    "claim": "staff",
    "reassign": "staff",
    "decide": "staff",
    "lift": "staff",
    "report": "staff",
    "verify": "papers",
    "verify-site": "papers",
    "schema": "service",
    "terms": "service",
    "settings": "service",
    "worker": "service",
    "up": "service",
    "demo": "service",
    "holders": "holders",
    "register": "register",
    "store": "store",
    "calendar": "calendar",
    "retention": "retention",
    "keys": "keys",
    "codec": "codec",
    "access-log": "access_log",
}
"""Where each command is, in the order they are listed; the last ones are groups of commands."""


class _Loaded(Mapping[str, Any]):
    """Commands by name: each of its module, or the whole group of a module that is named so."""

    def __getitem__(self, name: str) -> Any:
        part = typer.main.get_group(import_module(f"{__name__}.{MODULES[name]}").app)
        return part.commands.get(name, part)

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


class Commands(TyperGroup):
    """All our commands, of which only those needed are loaded."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"commands": _Loaded()})
