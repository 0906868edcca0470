"""What a records holder is asked to do, and its answers (R6, R9)."""

from enum import StrEnum

from domain.application import Application
from domain.base import Frozen
from domain.messages import HandOver, HolderReply, ParcelReport, ProductionRecord


class ErrandKind(StrEnum):
    """The things asked of a holder on the way to a duplicate."""

    VERIFICATION = "verification"
    PRODUCTION = "production"
    HAND_OVER = "hand_over"
    DELIVERY = "delivery"
    """What became of the parcel: delivered, or returned."""


class Errand(Frozen):
    """One request to a holder; its key makes a repetition harmless."""

    control_number: str
    kind: ErrandKind
    round: int
    """Counts the checks of one case: 1 for the first, 2 after a correction, and so on."""
    hop: int = 1
    """Counts the holders asked in a round: 2 for the next one on the route, and so on."""
    application: Application

    @property
    def key(self) -> str:
        """Unique per case, kind and round; nothing personal in it."""
        key = f"{self.control_number}.{self.kind}.{self.round}"
        return key if self.hop == 1 else f"{key}-{self.hop}"


class ErrandAnswer(Frozen):
    """A holder's answer: the one that belongs to the errand's kind is set."""

    reply: HolderReply | None = None
    production: ProductionRecord | None = None
    hand_over: HandOver | None = None
    parcel: ParcelReport | None = None
    """In the place of a hand-over: the duplicate is with the post, or came back."""
