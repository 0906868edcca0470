"""The chancery (канцелярия): what happened at one moment is recorded and told in one step."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from temporalio import activity

from activities.heartbeats import beating
from activities.notices import NoticeActivities
from activities.papers import PaperDesk
from activities.ports import (
    Attachment,
    MaybeDone,
    PermanentFailure,
    Register,
    TemporaryFailure,
)
from activities.scans import ScanActivities
from domain.application import Application
from domain.base import Frozen
from domain.messages import ProductionRecord
from domain.notices import Delivery, DeliveryReport, Notice
from domain.register import CaseRecord, PaperState, RecordAnswer, duplicate_paper

UNKNOWN = "it may have arrived: twice nobody was left who knew"
"""Why a notice is given up that may have been sent."""
LOOK_EVERY = 0.1
"""Seconds between two looks whether another step has done with the same notices."""


class Dispatch(Frozen):
    """What a case has to have written down and sent."""

    record: CaseRecord | None
    """None when the register knows everything already."""
    notices: tuple[Notice, ...]
    """In order for each addressee."""
    patience: timedelta
    """How long the mails may take together; what is not sent by then waits."""
    application: Application | None = None
    """Whom papers are about; given when a notice brings one."""
    superseded: tuple[str, ...] = ()
    """Hashes of contents to be forgotten once the record is written."""
    control_number: str = ""
    shared: bool = False
    """True when somebody else may be given the same notices, or may have sent them: the register
    says who does then."""


class DispatchReport(Frozen):
    """What became of it; nothing here is a failure of the step."""

    answer: RecordAnswer | None = None
    """None when the register is away, or nothing was to be written."""
    settled: tuple[DeliveryReport, ...] = ()
    """Notices that were sent, and those nobody will ever take."""
    forgotten: bool = False
    """True when what was superseded is gone."""
    trouble: str = ""
    """Why something was not done, in English; nothing personal in it."""

    @property
    def all_is_well(self) -> bool:
        """True when there is nothing in it that a case would act on."""
        answer = self.answer
        refused = any(item.delivery is Delivery.REJECTED for item in self.settled)
        disputed = answer is not None and (answer.overtaken_by or answer.taken_numbers)
        return not (self.trouble or refused or disputed)


class ChanceryActivities:
    """Keeps the register and sends the notices; both are safe to repeat."""

    def __init__(
        self,
        register: Register,
        notices: NoticeActivities,
        papers: PaperDesk,
        scans: ScanActivities,
    ) -> None:
        self._register = register
        self._notices = notices
        self._papers = papers
        self._scans = scans

    @activity.defn
    async def record_and_send(self, dispatch: Dispatch) -> DispatchReport:
        """Write the record, then send the notices, each addressee's in order.

        What the outside does not do now is left out of the report, and the case tries again:
        a register that is away keeps no mail back but those with papers and those that somebody
        else may be sending or have sent, and no mail the register.
        """
        async with beating(lambda: None):
            return await self.dispatch(dispatch)

    async def dispatch(self, dispatch: Dispatch) -> DispatchReport:
        """The same as a part of another step of the engine, which shows that it is alive."""
        troubles: list[str] = []
        answer = await self._recorded(dispatch.record, troubles)
        forgotten = await self._forgot(dispatch, answer, troubles)
        settled = await self._sent(dispatch, troubles)
        return DispatchReport(
            answer=answer,
            settled=settled,
            forgotten=forgotten,
            trouble="; ".join(sorted(set(troubles))),
        )

    async def took_number(self, control_number: str, record: ProductionRecord) -> bool | None:
        """Take the number of a duplicate for its case (R9); None when the register does not say."""
        duplicate = duplicate_paper(control_number, record, PaperState.PREPARED, record.issued_on)
        with _noted("register", []):
            return await self._register.take_number(control_number, duplicate)
        return None

    async def _recorded(
        self, record: CaseRecord | None, troubles: list[str]
    ) -> RecordAnswer | None:
        if record is None:
            return None
        with _noted("register", troubles):
            return await self._register.record(record)
        return None

    async def _forgot(
        self, dispatch: Dispatch, answer: RecordAnswer | None, troubles: list[str]
    ) -> bool:
        """Forget what is superseded: never before the register names what is needed instead."""
        record = dispatch.record
        if record is None or answer is None or not dispatch.superseded:
            return False
        with _noted("document store", troubles):
            await self._scans.forget(record.control_number, dispatch.superseded)
            return True
        return False

    async def _sent(self, dispatch: Dispatch, troubles: list[str]) -> tuple[DeliveryReport, ...]:
        if not dispatch.notices:
            return ()
        outbox = _Outbox(dispatch, troubles)
        died_at_it = activity.info().attempt > 1 and not dispatch.shared
        if dispatch.shared or died_at_it:
            with _noted("mail", troubles):
                await self._claim(outbox, tried=died_at_it)
                await self._send(outbox)
                await self._settle(outbox)
        else:
            await self._send(outbox)
            if outbox.doubtful:
                await self._settle(outbox)
        return (*outbox.known, *outbox.settled)

    async def _claim(self, outbox: "_Outbox", *, tried: bool) -> None:
        """Have the notices to ourselves, but for what other steps have settled of them.

        Raises:
            TimeoutError: Another step is still at it.
            TemporaryFailure: The register is away.
        """
        dispatch = outbox.dispatch
        keys = [notice.key for notice in dispatch.notices]
        async with asyncio.timeout_at(outbox.until):
            while True:
                claim = await self._register.claim_notices(
                    dispatch.control_number, _this_step(), keys, tried=tried
                )
                if not claim.others:
                    break
                await asyncio.sleep(LOOK_EVERY)
        outbox.known, outbox.again = claim.settled, set(claim.again)
        outbox.settled = [
            DeliveryReport(key=key, delivery=Delivery.REJECTED, reason=UNKNOWN)
            for key in claim.given_up
        ]

    async def _settle(self, outbox: "_Outbox") -> None:
        with _noted("register", outbox.troubles):
            await self._register.settle_notices(
                outbox.dispatch.control_number, _this_step(), outbox.settled, outbox.doubtful
            )

    async def _send(self, outbox: "_Outbox") -> None:
        """Send until a moment of the loop's clock; what is not sent by then is left out."""
        with _noted("mail", outbox.troubles):
            async with asyncio.timeout_at(outbox.until):
                await asyncio.gather(
                    *(self._send_in_order(outbox, each) for each in outbox.by_addressee())
                )

    async def _send_in_order(self, outbox: "_Outbox", notices: Sequence[Notice]) -> None:
        """Send to one addressee; after a failure the rest waits, so that nothing overtakes."""
        number = outbox.dispatch.control_number
        with _noted("mail", outbox.troubles):
            for notice in notices:
                attachments = await self._attachments(notice, outbox.dispatch.application)
                if notice.key in outbox.again:
                    await self._register.count_try(number, notice.key)
                try:
                    with outbox.trying(notice.key):
                        outbox.settled.append(await self._notices.deliver(notice, attachments))
                except TemporaryFailure:
                    if notice.key in outbox.again and not outbox.is_begun(notice.key):
                        await self._register.count_try(number, notice.key, taken_back=True)
                    raise

    async def _attachments(
        self, notice: Notice, application: Application | None
    ) -> tuple[Attachment, ...]:
        if notice.paper is None or application is None:
            return ()
        return (await self._papers.attachment(notice, notice.paper, application),)


class _Outbox:
    """The notices of a dispatch, and how far they have come."""

    def __init__(self, dispatch: Dispatch, troubles: list[str]) -> None:
        self.dispatch = dispatch
        self.troubles = troubles
        self.until = asyncio.get_running_loop().time() + dispatch.patience.total_seconds()
        self.known: tuple[DeliveryReport, ...] = ()
        """What others have settled."""
        self.settled: list[DeliveryReport] = []
        """What we have."""
        self.again: set[str] = set()
        """Keys of those that somebody may have sent already."""
        self._begun: set[str] = set()

    @property
    def doubtful(self) -> list[str]:
        """Keys of those that may have been sent, by us or by whoever tried before."""
        settled = {report.key for report in self.settled}
        return sorted((self._begun | self.again) - settled)

    def by_addressee(self) -> list[list[Notice]]:
        """What is still to be sent, in order for each addressee."""
        done = {report.key for report in (*self.known, *self.settled)}
        theirs: dict[str, list[Notice]] = {}
        for notice in self.dispatch.notices:
            if notice.key not in done:
                theirs.setdefault(notice.addressee, []).append(notice)
        return list(theirs.values())

    def is_begun(self, key: str) -> bool:
        """True when we may have sent it."""
        return key in self._begun

    @contextmanager
    def trying(self, key: str) -> Iterator[None]:
        """Until it is known what became of a notice, it may have been sent."""
        self._begun.add(key)
        try:
            yield
        except MaybeDone:
            raise
        except TemporaryFailure:
            self._begun.discard(key)
            raise
        self._begun.discard(key)


def _this_step() -> str:
    """The same for every attempt at this step, and for no other."""
    info = activity.info()
    return f"{info.workflow_run_id}/{info.activity_id}"


@contextmanager
def _noted(what: str, troubles: list[str]) -> Iterator[None]:
    """Note a failure instead of raising it: one part of a step must not repeat the others."""
    try:
        yield
    except (TemporaryFailure, PermanentFailure) as failure:
        activity.logger.warning("chancery", extra={"part": what}, exc_info=True)
        troubles.append(f"{what}: {failure}")
    except TimeoutError:
        activity.logger.warning("chancery", extra={"part": what}, exc_info=True)
        troubles.append(f"{what}: took too long")
    except Exception as error:  # noqa: BLE001 - a defect of ours must not send the other mails twice
        activity.logger.exception("chancery", extra={"part": what})
        troubles.append(f"{what}: {type(error).__name__}")
