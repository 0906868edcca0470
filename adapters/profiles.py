"""Profiles read from their files."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from adapters.holders_csv import BadDirectory, read_directory
from domain.profile import Profile
from domain.routes import Directory

PROFILES = Path(__file__).resolve().parent.parent / "profiles"
DEFAULT_PROFILE = PROFILES / "default"
HOLDERS = "holders.csv"


class BadProfile(Exception):
    """A profile that cannot be used; the text names the file and the entry."""


def load_profile(folder: Path = DEFAULT_PROFILE) -> Profile:
    """Read a profile folder: procedure.toml, regions.toml and reasons.toml.

    Raises:
        BadProfile: A file is missing, is not TOML or holds an impossible value.
    """
    content = {
        **_read(folder / "procedure.toml"),
        "regions": _read(folder / "regions.toml"),
        "reasons": {"reasons": _read(folder / "reasons.toml")},
    }
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        raise BadProfile(f"profile {folder.name}: {_first(error)}") from None


def load_holders(folder: Path = DEFAULT_PROFILE) -> Directory:
    """The directory of records holders of a profile folder: holders.csv (R6).

    Raises:
        BadProfile: The file is missing or anything in it is wrong; every fault is named.
    """
    try:
        return read_directory(folder / HOLDERS, _read(folder / "regions.toml"))
    except BadDirectory as error:
        raise BadProfile(f"{HOLDERS} of profile {folder.name} is not usable:\n{error}") from None


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise BadProfile(f"cannot read {file.name} of profile {file.parent.name}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadProfile(f"{file.name} is not valid TOML: {error}") from None
