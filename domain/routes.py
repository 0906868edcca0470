"""Routes through the records holders: who is asked next, and what an answer leads to (R6)."""

from enum import StrEnum
from typing import Literal

from domain.base import Frozen
from domain.messages import HolderReply, HolderVerdict


class Route(StrEnum):
    """Who is asked for the records (маршрут)."""

    INSTITUTION = "institution"
    SUCCESSOR = "successor"
    ARCHIVE = "archive"
    LIQUIDATED = "liquidated"


class HolderKind(StrEnum):
    """What a holder is (R6)."""

    INSTITUTION = "institution"
    ARCHIVE = "archive"
    ARCHIVE_ADMINISTRATION = "archive_administration"
    MINISTRY = "ministry"


class HolderStatus(StrEnum):
    """What became of an institution."""

    ACTIVE = "active"
    REORGANISED = "reorganised"
    LIQUIDATED = "liquidated"
    TRANSFERRED = "transferred"
    """Its records went to an archive."""


class HolderChannel(Frozen):
    """How a records holder is reached: an API address or a mailbox for letters."""

    kind: Literal["http", "letter"]
    address: str


class Holder(Frozen):
    """A records holder (держатель архива записей) of the directory."""

    inn: str
    name: str
    region: str
    channel: HolderChannel | None = None
    """None for an institution that is no more."""
    kind: HolderKind = HolderKind.INSTITUTION
    status: HolderStatus = HolderStatus.ACTIVE
    successor_inn: str | None = None
    """Who took over a reorganised institution."""
    archive_inn: str | None = None
    """Which archive took the records of an institution; None for the archive of its region."""
    closure_protocol: str | None = None
    """Number and date of the protocol by which a liquidated institution was closed."""


class Stop(Frozen):
    """One stop of a case on its route."""

    route: Route
    holder: Holder | None
    """None when the directory knows nobody; a person has to find out."""
    closure_protocol: str | None = None


class Reaction(StrEnum):
    """What an answer to the document check leads to."""

    PRODUCE = "produce"
    TURN_DOWN = "turn_down"
    MOVE_ON = "move_on"
    SUBSTITUTE = "substitute"


MOVES = {
    HolderVerdict.REORGANISED: Route.SUCCESSOR,
    HolderVerdict.TRANSFERRED: Route.ARCHIVE,
    HolderVerdict.LIQUIDATED: Route.LIQUIDATED,
}
"""Verdicts that send a case on, and where to."""


def reaction(reply: HolderReply, *, liquidated: bool) -> Reaction:
    """What follows from an answer, where the institution is liquidated or not (R6).

    "Not found" on a liquidated institution leads to a substitute certificate
    (справка-заменитель); elsewhere it is a refusal that can be mended.
    """
    if reply.verdict is HolderVerdict.CONFIRMED:
        return Reaction.PRODUCE
    if reply.verdict in MOVES:
        return Reaction.MOVE_ON
    if reply.verdict is HolderVerdict.NOT_FOUND and liquidated:
        return Reaction.SUBSTITUTE
    return Reaction.TURN_DOWN


class Directory(Frozen):
    """The directory of records holders, by INN (R6)."""

    holders: dict[str, Holder]

    def first_stop(self, inn: str, region: str) -> Stop | None:
        """Where a case of an institution begins; None when the directory does not know it."""
        holder = self.holders.get(inn)
        return self._stop_at(Route.INSTITUTION, holder, region) if holder else None

    def next_stop(self, route: Route, region: str, inn: str | None) -> Stop:
        """Where a case goes on: the holder named, else the one responsible for the region.

        Once a case is known to be of a liquidated institution it stays so, whoever is asked.
        """
        named = self.holders.get(inn) if inn else None
        stop = self._stop_at(route, named or self._responsible(route, region), region)
        return stop.model_copy(update={"route": route}) if route is Route.LIQUIDATED else stop

    def _stop_at(self, route: Route, holder: Holder | None, region: str) -> Stop:
        """The stop at who has the records of a holder now; at nobody when that cannot be told."""
        stop, passed = Stop(route=route, holder=holder), set[str]()
        while stop.holder is not None and stop.holder.status is not HolderStatus.ACTIVE:
            if stop.holder.inn in passed:
                return stop.model_copy(update={"holder": None})
            passed.add(stop.holder.inn)
            stop = self._onward(stop.route, stop.holder, stop.holder.region or region)
        return stop

    def _onward(self, route: Route, gone: Holder, region: str) -> Stop:
        """Where the records went from a holder that is no more or gave them away."""
        if gone.status is HolderStatus.REORGANISED:
            # Of an archive another archive is the heir: the case stays on the archive's terms.
            heir_route = Route.SUCCESSOR if gone.kind is HolderKind.INSTITUTION else route
            return Stop(route=heir_route, holder=self.holders.get(gone.successor_inn or ""))
        if gone.status is HolderStatus.TRANSFERRED:
            archive = self.holders.get(gone.archive_inn or "")
            responsible = archive or self._responsible(Route.ARCHIVE, region)
            return Stop(route=Route.ARCHIVE, holder=responsible)
        return Stop(
            route=Route.LIQUIDATED,
            holder=self._responsible(Route.LIQUIDATED, region),
            closure_protocol=gone.closure_protocol,
        )

    def _responsible(self, route: Route, region: str) -> Holder | None:
        kinds = {
            Route.ARCHIVE: (HolderKind.ARCHIVE,),
            Route.LIQUIDATED: (HolderKind.ARCHIVE_ADMINISTRATION, HolderKind.MINISTRY),
        }.get(route, ())
        for kind in kinds:
            for holder in self.holders.values():
                active = holder.status is HolderStatus.ACTIVE
                if active and holder.kind is kind and holder.region == region:
                    return holder
        return None
