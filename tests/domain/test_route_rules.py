"""Who is asked next, and what an answer leads to (R6)."""

import pytest

from adapters.profiles import load_holders
from domain.messages import HolderReply, HolderVerdict, Objection
from domain.routes import HolderKind, Reaction, Route, reaction

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
