"""The outside world as the activities see it; adapters implement it."""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Annotated, Protocol

from pydantic import Field

from domain.application import Application
from domain.base import Frozen
from domain.confirmation import Confirmation
from domain.errands import Errand, ErrandAnswer
from domain.messages import PaymentReceived
from domain.notices import DeliveryReport, Notice, NoticeClaim
from domain.paper_orders import PaperOrder
from domain.payments import Invoice, InvoiceOrder, RefundOrder
from domain.register import (
    CalendarYear,
    CaseRecord,
    Paper,
    PaperFile,
    RecordAnswer,
    StoredCase,
)
from domain.routes import Holder


class TemporaryFailure(Exception):
    """The outside did not do it now; the same call may succeed later.

    The text names the system and the kind of failure, never anything personal.
    """

    def __init__(self, text: str, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class MaybeDone(TemporaryFailure):
    """The outside has what it was given, and did not say whether it has done it."""


class NotYet(TemporaryFailure):
    """Nothing is wrong: the outside is at it, and says when to look again."""


class PermanentFailure(Exception):
    """The outside will never do it; a person has to look. Nothing personal in the text."""


class UnreadableAnswer(Exception):
    """The outside answered with something that is no answer; never guessed at."""


class Attachment(Frozen):
    """A file that goes with a mail."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.[a-z0-9]{1,9}$")]
    """Nothing that a mail program or a disk could take for a path, a header or a command."""
    content: bytes
    media_type: Annotated[str, Field(pattern=r"^[a-z]+/[a-z0-9.+-]+$")] = "application/pdf"


class Mail(Frozen):
    """A mail ready to be sent."""

    message_id: str
    """With angle brackets; the same for every attempt to send the same notice."""
    to: str
    subject: str
    text: str
    html: str
    errand_key: str | None = None
    """For letters to a holder: the errand asked for, sent along as a header."""
    attachments: tuple[Attachment, ...] = ()


class Sms(Frozen):
    """A text message ready to be sent (R11)."""

    message_id: str
    """The same for every attempt to send the same notice; the gateway sends it once."""
    to: str
    """Telephone number, +7 and ten digits."""
    text: str


class SmsGateway(Protocol):
    """Sends text messages (R11)."""

    async def send(self, sms: Sms) -> None:
        """Hand one message to the gateway.

        Raises:
            TemporaryFailure: Try again; the gateway is away or busy.
            PermanentFailure: The gateway refused the message for good.
        """


class MailGateway(Protocol):
    """Sends mail (R11)."""

    async def send(self, mail: Mail) -> None:
        """Hand one mail to the mail server.

        Raises:
            TemporaryFailure: Try again; the server is away, busy or greylisting.
            PermanentFailure: The server refused the mail for good.
        """


class MailRenderer(Protocol):
    """Turns a notice into a mail or a text message."""

    def render_sms(self, notice: Notice, recipient: str) -> Sms:
        """The short text for a notice, in Russian."""

    def render(self, notice: Notice, recipient: str) -> Mail:
        """The mail for a notice, in Russian for applicants and holders."""


class Register(Protocol):
    """The register: the system of record outside the engine (R9)."""

    async def record(self, record: CaseRecord) -> RecordAnswer:
        """Write what changed in a case, all of it or nothing; repeating it is harmless.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
        """

    async def issue_certificate(self, control_number: str, paper: Paper) -> bool:
        """Write a temporary certificate issued, renewed or expired.

        Returns:
            False, and nothing is written, when the case has ended or its certificate was
            annulled: no certificate is in force beside a duplicate (R10).

        Raises:
            TemporaryFailure: The database is away or busy; try again.
        """

    async def take_number(self, control_number: str, duplicate: Paper) -> bool:
        """Write the duplicate that a holder has made, and take its number with that (R9).

        Returns:
            False, and nothing is written, when the number belongs to another duplicate.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
            PermanentFailure: The case has ended, or the register does not know it.
        """

    async def find_case(self, control_number: str) -> StoredCase | None:
        """All that is known of a case; None when the register never heard of it.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
        """

    async def keep_paper_file(self, file: PaperFile) -> PaperFile:
        """Keep where a signed paper is stored; the first one of a key stays for ever.

        Returns:
            What is kept under this key now.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
        """

    async def paper_file(self, file_key: str) -> PaperFile | None:
        """Where a signed paper is stored; None when it was not signed yet.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
        """

    async def claim_notices(
        self, control_number: str, step: str, keys: Collection[str], *, tried: bool = False
    ) -> NoticeClaim:
        """Have notices to oneself, so that nobody else sends them, too.

        Nothing is claimed while others are at one of them. What somebody has claimed and not
        settled in two minutes is free again: whoever it was has died, and may have sent it.

        Args:
            control_number: The case.
            step: Who wants to send them; claims of its own are no obstacle.
            keys: Of the notices.
            tried: Whether somebody may have sent them who claimed nothing.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
        """

    async def count_try(self, control_number: str, key: str, *, taken_back: bool = False) -> None:
        """Keep that a claimed notice is about to be sent once more, or that it was not after all.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
        """

    async def settle_notices(
        self,
        control_number: str,
        step: str,
        settled: Collection[DeliveryReport],
        doubtful: Collection[str] = (),
    ) -> None:
        """Keep what became of notices; whatever else the step had claimed is free again.

        Args:
            control_number: The case.
            step: Who was at them.
            settled: What became of them.
            doubtful: Keys of those that may have been sent.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
        """

    async def calendar_years(self) -> tuple[CalendarYear, ...]:
        """The years loaded by hand, oldest first.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
        """

    async def confirmation(self, control_number: str) -> Confirmation | None:
        """What is known of a case's one-time code; None when none was sent.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
        """

    async def change_confirmation(
        self,
        control_number: str,
        change: Callable[[Confirmation | None], Confirmation | None],
    ) -> Confirmation | None:
        """Replace a confirmation by what `change` makes of it, in one transaction.

        Args:
            control_number: The case.
            change: Called with the stored confirmation; None leaves everything as it is.

        Returns:
            What is stored now.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
        """


class IssuedPaper(Protocol):
    """A signed paper that is kept in the store."""

    @property
    def sha256(self) -> str:
        """Under which the store has it."""

    @property
    def file_name(self) -> str:
        """Speaking, in Latin letters."""

    @property
    def content(self) -> bytes:
        """A PDF."""


class PaperOffice(Protocol):
    """Sets papers, signs and stores them; blocks."""

    def issue(
        self,
        order: PaperOrder,
        application: Application,
        control_number: str,
        known_sha256: str | None = None,
    ) -> IssuedPaper:
        """The paper; fetched when its hash is known.

        Raises:
            TemporaryFailure: Try again.
            PermanentFailure: A person has to look.
        """


class HolderGateway(Protocol):
    """A records holder with an API (R6)."""

    async def answer_of(self, holder: Holder, errand: Errand) -> ErrandAnswer | None:
        """Place the errand if the holder does not have it yet and fetch its answer.

        Returns:
            None while the holder has not answered.

        Raises:
            NotYet: The holder says when its answer will be there.
            TemporaryFailure: The holder is away, slow, failing or asks to wait.
            UnreadableAnswer: The holder sent something that is not an answer to this errand.
        """

    async def recall(self, holder: Holder, errand: Errand) -> None:
        """Tell the holder that the errand is void; harmless when it does not have it.

        Raises:
            TemporaryFailure: The holder is away, slow, failing or asks to wait.
        """


class PaymentGateway(Protocol):
    """The payment system (R7)."""

    async def create_invoice(self, order: InvoiceOrder) -> Invoice:
        """Create the invoice, or return the one created before under the same id.

        Raises:
            TemporaryFailure: Try again.
        """

    async def payment_of(self, invoice_id: str) -> PaymentReceived | None:
        """The payment of an invoice; None while it is unpaid.

        Raises:
            TemporaryFailure: Try again.
        """

    async def refund(self, order: RefundOrder) -> None:
        """Refund a paid invoice once, however often this is called with the same refund id.

        Raises:
            TemporaryFailure: Try again.
            PermanentFailure: The payment system refuses; a person has to refund.
        """


class ContentMissing(Exception):
    """The document store has nothing under a hash; the text names nothing but the hash."""


class ContentDamaged(Exception):
    """The document store has something else under a hash; the text names nothing but the hash."""


class DocumentStore(Protocol):
    """Keeps contents of cases under their SHA-256, sealed (R2, R13); its calls block."""

    def put(self, control_number: str, content: bytes) -> str:
        """Keep a content of a case, and give its hash.

        Raises:
            TemporaryFailure: The disk is full, the store away or a key missing; try again.
            PermanentFailure: The case was erased.
        """

    def get(self, control_number: str, sha256: str) -> bytes:
        """The content of a hash.

        Raises:
            ContentMissing: The case has none.
            ContentDamaged: It is not the content that was put for this case.
            TemporaryFailure: The store is away or a key missing; try again.
            PermanentFailure: The case was erased.
        """

    def delete(self, control_number: str, sha256: str, *, shared: bool = False) -> None:
        """Forget a content of a case; harmless when it is not there.

        Args:
            control_number: The case.
            sha256: Of the content.
            shared: Another case has the same content; one that 0.3.0 kept for both stays.

        Raises:
            TemporaryFailure: The store is away; try again.
        """

    def delete_case(self, control_number: str) -> int:
        """Forget everything of a case; harmless when nothing is there.

        Returns:
            How many contents there were.

        Raises:
            TemporaryFailure: The store is away; try again.
        """


class StoredHash(Frozen):
    """A content that a case needs."""

    control_number: str
    kind: str
    """A DocumentKind, or the template of a signed paper."""
    sha256: str


class HashRegister(Protocol):
    """Knows which contents cases need."""

    async def stored_hashes(self, among: Collection[str] | None = None) -> list[StoredHash]:
        """Every content that a case needs, once for each case and kind.

        Args:
            among: Only these hashes; None for all.

        Raises:
            TemporaryFailure: The database is away or busy; try again.
        """
