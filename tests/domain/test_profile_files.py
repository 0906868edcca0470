from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from stdnum.ru import inn as ru_inn

from adapters.profiles import DEFAULT_PROFILE, BadProfile, load_holders, load_profile
from domain.identifiers import email_address, organisation_inn
from domain.routes import HolderStatus, Route
from domain.text import full_title

PROFILE = load_profile()
DIRECTORY = load_holders()
HOLDERS = DIRECTORY.holders
HOURS_FROM_MOSCOW = {
    -1: "39",
    1: "18 30 63 64 73",
    2: "02 45 56 59 66 72 74 86 89",
    3: "55",
    4: "04 17 19 22 24 42 54 70",
    5: "03 38",
    6: "14 28 75",
    7: "25 27 79",
    8: "49 65",
    9: "41 87",
}
"""Regions whose capital does not live by Moscow time (federal law 107-FZ)."""


def test_all_federal_subjects_are_there() -> None:
    assert len(PROFILE.regions) == 89
    assert all(len(code) == 2 and code.isdigit() for code in PROFILE.regions)
    assert len({region.name for region in PROFILE.regions.values()}) == 89


def test_every_region_keeps_its_distance_from_moscow() -> None:
    moment = datetime(2026, 7, 1, tzinfo=UTC)

    def hours(zone: str) -> float:
        offset = moment.astimezone(ZoneInfo(zone)).utcoffset()
        assert offset is not None
        return offset.total_seconds() / 3600

    apart: dict[float, set[str]] = {}
    for code, region in PROFILE.regions.items():
        distance = hours(region.zone) - hours("Europe/Moscow")
        if distance:
            apart.setdefault(distance, set()).add(code)
    assert apart == {distance: set(codes.split()) for distance, codes in HOURS_FROM_MOSCOW.items()}


def test_regions_with_a_tariff_of_their_own_exist() -> None:
    assert set(PROFILE.tariff.state_duty_by_region) <= set(PROFILE.regions)


@pytest.mark.parametrize("number", list(HOLDERS))
def test_a_holder_is_complete(number: str) -> None:
    holder = HOLDERS[number]
    assert organisation_inn(holder.inn) == ru_inn.validate(number) == number
    assert full_title(holder.name) == holder.name
    assert holder.region in PROFILE.regions
    assert holder.inn.startswith(holder.region)
    if holder.channel is None:
        assert holder.status is not HolderStatus.ACTIVE
    elif holder.channel.kind == "http":
        assert holder.channel.address == f"/holders/{number}"
    else:
        assert email_address(holder.channel.address) == holder.channel.address


@pytest.mark.parametrize("number", list(HOLDERS))
def test_of_every_institution_somebody_has_the_records(number: str) -> None:
    stop = DIRECTORY.first_stop(number, HOLDERS[number].region)
    assert stop is not None
    assert stop.holder is not None
    assert stop.holder.channel is not None
    assert (stop.route is Route.LIQUIDATED) == (stop.closure_protocol is not None)


def test_holders_of_every_fate_are_there() -> None:
    fates = Counter(holder.status for holder in HOLDERS.values())
    assert len(HOLDERS) >= 40
    assert fates[HolderStatus.REORGANISED] >= 4
    assert fates[HolderStatus.LIQUIDATED] >= 3
    assert fates[HolderStatus.TRANSFERRED] >= 2
    heirs = [HOLDERS[holder.successor_inn] for holder in HOLDERS.values() if holder.successor_inn]
    assert any(heir.status is HolderStatus.REORGANISED for heir in heirs)


def test_holders_live_in_several_zones_and_use_both_channels() -> None:
    assert len({PROFILE.regions[holder.region].zone for holder in HOLDERS.values()}) >= 8
    assert {holder.channel.kind for holder in HOLDERS.values() if holder.channel} == {
        "http",
        "letter",
    }


def copied(folder: Path, spoilt: str, text: str) -> Path:
    for file in DEFAULT_PROFILE.glob("*.toml"):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / spoilt).write_text(text, encoding="utf-8")
    return folder


def test_a_zone_that_does_not_exist_is_named(tmp_path: Path) -> None:
    folder = copied(tmp_path, "regions.toml", '["77"]\nname = "Москва"\nzone = "Europe/Moskva"\n')
    with pytest.raises(BadProfile, match=r"regions\.77\.zone"):
        load_profile(folder)


@pytest.mark.parametrize("text", ["[", "\x00", "terms = 1"])
def test_a_profile_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadProfile, match=r"procedure|profile"):
        load_profile(copied(tmp_path, "procedure.toml", text))


def test_a_missing_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadProfile, match=r"procedure\.toml"):
        load_profile(tmp_path / "nowhere")
