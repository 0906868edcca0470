"""Profiles read from their TOML files."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from domain.profile import Profile
from domain.routes import Directory, Holder

PROFILES = Path(__file__).resolve().parent.parent / "profiles"
DEFAULT_PROFILE = PROFILES / "default"


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


def load_holders(file: Path = DEFAULT_PROFILE / "holders.toml") -> Directory:
    """The directory of records holders by INN (R6).

    Raises:
        BadProfile: The file is missing, is not TOML or holds an impossible entry.
    """
    holders = {}
    for inn, entry in _read(file).items():
        try:
            holders[inn] = Holder.model_validate({"inn": inn, **entry})
        except (ValidationError, TypeError):
            raise BadProfile(f"{file.name}: the entry of holder {inn} is not usable") from None
    return Directory(holders=holders)


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
