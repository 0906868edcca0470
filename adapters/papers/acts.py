"""Acts of destruction (акты об уничтожении), set and signed as all papers are."""

from datetime import datetime
from zoneinfo import ZoneInfo

from adapters.papers.signing import PaperSigner
from adapters.papers.specimens import ORDINARY
from adapters.papers.typesetting import PaperTypesetter
from domain.clock import MOSCOW
from domain.papers import ActOfDestruction, PaperTemplate, paper_id, verification_code
from domain.retention import BASIS_LABELS, Erasure

_SPECIMEN = next(paper for paper in ORDINARY if isinstance(paper, ActOfDestruction))


class ActMaker:
    """Makes acts of destruction (R13); unlike other papers they need no application."""

    def __init__(
        self,
        typesetter: PaperTypesetter,
        signer: PaperSigner,
        operator: str,
        verification_base_url: str,
        secret: bytes,
    ) -> None:
        """Take what acts are made with, and try them with a specimen: later it is too late.

        Args:
            typesetter: Sets them.
            signer: Signs them.
            operator: Who answers for the data, name and address.
            verification_base_url: Of the page where print-outs are checked; see `PaperOffice`.
            secret: What verification codes are made with; the page has to have the same.

        Raises:
            PermanentFailure: The operator's name has a letter that no font has.
        """
        typesetter.render(_SPECIMEN.model_copy(update={"operator": operator}))
        self._typesetter = typesetter
        self._signer = signer
        self._operator = operator
        self._base_url = verification_base_url
        self._secret = secret

    def make(self, erasure: Erasure, destroyed_at: datetime, now: datetime) -> bytes:
        """The signed act of an erasure; blocks for some 80 ms.

        No two signatures are equal: an act made twice is two files that say the same.

        Args:
            erasure: Which one.
            destroyed_at: When the key of the case was destroyed.
            now: When the act is drawn up; both are shown on Moscow's clocks.

        Raises:
            TemporaryFailure: The authority for time is away, or our certificate is not in force.
        """
        number, moscow = erasure.control_number, ZoneInfo(MOSCOW)
        code = verification_code(paper_id(number, PaperTemplate.ACT_OF_DESTRUCTION), self._secret)
        act = ActOfDestruction(
            control_number=number,
            dated=now.astimezone(moscow).date(),
            verification_url=f"{self._base_url}/{number}/{code}",
            verification_code=code,
            operator=self._operator,
            officer=erasure.officer,
            reason=BASIS_LABELS[erasure.basis],
            destroyed_at=destroyed_at.astimezone(moscow),
            contents=erasure.contents,
        )
        return self._signer.sign(self._typesetter.render(act))
