"""Who is asked next, and what an answer leads to (R6)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.profiles import load_holders
from domain.messages import HolderReply, HolderVerdict, Objection
from domain.routes import (
    Directory,
    Holder,
    HolderChannel,
    HolderKind,
    HolderStatus,
    Reaction,
    Route,
    Stop,
    reaction,
)

DIRECTORY = load_holders()
OBJECTION = Objection(code="NAME_MISMATCH", field="applicant.name_on_diploma")


def reply(verdict: HolderVerdict) -> HolderReply:
    objections = (OBJECTION,) if verdict is HolderVerdict.OBJECTIONS else ()
    return HolderReply(verdict=verdict, objections=objections)


@pytest.mark.parametrize("liquidated", [True, False])
@pytest.mark.parametrize("verdict", HolderVerdict)
def test_every_answer_leads_somewhere(verdict: HolderVerdict, *, liquidated: bool) -> None:
    expected = {
        HolderVerdict.CONFIRMED: Reaction.PRODUCE,
        HolderVerdict.OBJECTIONS: Reaction.TURN_DOWN,
        HolderVerdict.NOT_FOUND: (Reaction.SUBSTITUTE if liquidated else Reaction.TURN_DOWN),
    }.get(verdict, Reaction.MOVE_ON)
    assert reaction(reply(verdict), liquidated=liquidated) is expected


def test_an_active_institution_is_asked_itself() -> None:
    stop = DIRECTORY.first_stop("7700001549", "77")
    assert stop is not None
    assert (stop.route, stop.holder and stop.holder.inn) == (Route.INSTITUTION, "7700001549")


def test_a_reorganised_institution_leads_to_its_successor() -> None:
    stop = DIRECTORY.first_stop("7700003458", "77")
    assert stop is not None
    assert (stop.route, stop.holder and stop.holder.inn) == (Route.SUCCESSOR, "7700001549")


def test_a_liquidated_institution_leads_to_the_archive_authority_of_its_region() -> None:
    stop = DIRECTORY.first_stop("7800004470", "78")
    assert stop is not None
    assert stop.route is Route.LIQUIDATED
    assert stop.holder is not None
    assert stop.holder.kind is HolderKind.ARCHIVE_ADMINISTRATION
    assert stop.closure_protocol


def test_without_an_archive_authority_the_ministry_is_asked() -> None:
    stop = DIRECTORY.next_stop(Route.LIQUIDATED, "16", None)
    assert stop.holder is not None
    assert stop.holder.kind is HolderKind.MINISTRY


def test_a_region_without_an_archive_is_left_to_a_person() -> None:
    assert DIRECTORY.next_stop(Route.ARCHIVE, "14", None).holder is None


def test_an_unknown_institution_is_not_guessed_at() -> None:
    assert DIRECTORY.first_stop("7707083893", "77") is None


# --- holders that are no more, and who has their records now -----------------------------

CHANNEL = HolderChannel(kind="http", address="/x")
NUMBERS = ("1", "2", "3", "4", "5")


def holder(inn: str, **particulars: Any) -> Holder:
    given = {"name": f"Holder {inn}", "region": "77", "channel": CHANNEL, **particulars}
    return Holder(inn=inn, **given)


def reorganised(inn: str, successor: str | None, **particulars: Any) -> Holder:
    return holder(
        inn, status=HolderStatus.REORGANISED, successor_inn=successor, channel=None, **particulars
    )


def directory(*holders: Holder) -> Directory:
    return Directory(holders={holder.inn: holder for holder in holders})


def found(stop: Stop | None) -> tuple[Route, str | None, str | None]:
    assert stop is not None
    return stop.route, stop.holder.inn if stop.holder else None, stop.closure_protocol


LIQUIDATED = holder(
    "liquidated", status=HolderStatus.LIQUIDATED, closure_protocol="№ 3 от 28.08.2009", region="63"
)
TRANSFERRED = holder("transferred", status=HolderStatus.TRANSFERRED, region="36")
TO_ANOTHER_ARCHIVE = TRANSFERRED.model_copy(update={"inn": "far", "archive_inn": "archive78"})
KNOWN = directory(
    holder("active"),
    reorganised("once", "active"),
    reorganised("twice", "once"),
    reorganised("to_liquidated", "liquidated"),
    reorganised("to_transferred", "transferred"),
    reorganised("to_nobody", "unknown"),
    reorganised("circle1", "circle2"),
    reorganised("circle2", "circle1"),
    reorganised("into_circle", "circle1"),
    LIQUIDATED,
    TRANSFERRED,
    TO_ANOTHER_ARCHIVE,
    holder("old_archive36", kind=HolderKind.ARCHIVE, region="36", status=HolderStatus.LIQUIDATED),
    holder("archive36", kind=HolderKind.ARCHIVE, region="36"),
    holder("archive78", kind=HolderKind.ARCHIVE, region="78"),
    reorganised("old_archive78", "archive78", kind=HolderKind.ARCHIVE, region="78"),
    holder("ministry63", kind=HolderKind.MINISTRY, region="63"),
    reorganised("old_ministry63", "ministry63", kind=HolderKind.MINISTRY, region="63"),
)
ENDS = {
    "active": (Route.SUCCESSOR, "active", None),
    "once": (Route.SUCCESSOR, "active", None),
    "twice": (Route.SUCCESSOR, "active", None),
    "liquidated": (Route.LIQUIDATED, "ministry63", "№ 3 от 28.08.2009"),
    "to_liquidated": (Route.LIQUIDATED, "ministry63", "№ 3 от 28.08.2009"),
    "transferred": (Route.ARCHIVE, "archive36", None),
    "to_transferred": (Route.ARCHIVE, "archive36", None),
    "far": (Route.ARCHIVE, "archive78", None),
    "to_nobody": (Route.SUCCESSOR, None, None),
    "circle1": (Route.SUCCESSOR, None, None),
    "into_circle": (Route.SUCCESSOR, None, None),
}


@pytest.mark.parametrize("inn", ENDS)
def test_a_chain_is_followed_to_who_has_the_records_now(inn: str) -> None:
    begun = (Route.INSTITUTION, "active", None) if inn == "active" else ENDS[inn]
    assert found(KNOWN.first_stop(inn, "77")) == begun
    assert found(KNOWN.next_stop(Route.SUCCESSOR, "77", inn)) == ENDS[inn]


@pytest.mark.parametrize("inn", [inn for inn in ENDS if inn != "active"])
def test_a_case_of_a_liquidated_institution_stays_one_whoever_has_the_records(inn: str) -> None:
    # Or "not found" would be a refusal that nothing can mend, in the place of a substitute.
    stop = KNOWN.next_stop(Route.LIQUIDATED, "77", inn)
    assert found(stop) == (Route.LIQUIDATED, *ENDS[inn][1:])


def test_of_an_archive_that_became_another_the_new_one_is_asked_on_the_archives_terms() -> None:
    stop = KNOWN.next_stop(Route.ARCHIVE, "77", "old_archive78")
    assert found(stop) == (Route.ARCHIVE, "archive78", None)


def test_a_ministry_that_became_another_is_asked_about_a_liquidated_institution() -> None:
    stop = KNOWN.next_stop(Route.LIQUIDATED, "77", "old_ministry63")
    assert found(stop) == (Route.LIQUIDATED, "ministry63", None)


def test_an_archive_that_is_no_more_is_not_the_one_of_its_region() -> None:
    assert found(KNOWN.next_stop(Route.ARCHIVE, "36", None)) == (Route.ARCHIVE, "archive36", None)


def holders_of_any_fate() -> st.SearchStrategy[Directory]:
    someone = st.sampled_from([None, *NUMBERS, "unknown"])
    particulars = st.fixed_dictionaries(
        {
            "kind": st.sampled_from(HolderKind),
            "status": st.sampled_from(HolderStatus),
            "region": st.sampled_from(["", "77", "78"]),
            "successor_inn": someone,
            "archive_inn": someone,
            "closure_protocol": st.sampled_from([None, "№ 1"]),
        }
    )
    return st.lists(particulars, max_size=len(NUMBERS)).map(
        lambda given: directory(
            *(holder(inn, **parts) for inn, parts in zip(NUMBERS, given, strict=False))
        )
    )


@given(
    known=holders_of_any_fate(),
    route=st.sampled_from(Route),
    region=st.sampled_from(["", "77", "78"]),
    inn=st.sampled_from([None, *NUMBERS]),
)
def test_every_search_ends_at_an_active_holder_or_at_nobody(
    known: Directory, route: Route, region: str, inn: str | None
) -> None:
    stops = [known.next_stop(route, region, inn)]
    if inn in known.holders:
        begun = known.first_stop(inn, region)
        assert begun is not None
        stops.append(begun)
    for stop in stops:
        if stop.holder is None:
            continue
        assert stop.holder.status is HolderStatus.ACTIVE
        assert stop.holder == known.holders[stop.holder.inn]
        # Who has the records now is also who is asked when named at once.
        assert found(known.first_stop(stop.holder.inn, region))[:2] == (
            Route.INSTITUTION,
            stop.holder.inn,
        )
    assert route is not Route.LIQUIDATED or stops[0].route is Route.LIQUIDATED
