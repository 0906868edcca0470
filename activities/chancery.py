"""The chancery (канцелярия): what happened at one moment is recorded and told in one step."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from temporalio import activity

from activities.heartbeats import beating
from activities.notices import NoticeActivities
from activities.papers import PaperDesk
from activities.ports import Attachment, PermanentFailure, Register, TemporaryFailure
from activities.scans import ScanActivities
from domain.application import Application
from domain.base import Frozen
from domain.notices import Delivery, DeliveryReport, Notice
from domain.register import CaseRecord, RecordAnswer

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
    """True when two steps may be given the same notices: they agree in the register then."""


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
        a register that is away keeps no mail back but those with papers and those that another
        step may be sending, and no mail the register.
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
        until = asyncio.get_running_loop().time() + dispatch.patience.total_seconds()
        if not dispatch.shared:
            return await self._send(dispatch, dispatch.notices, until, troubles)
        with _noted("mail", troubles):
            before = await self._claimed(dispatch, until)
            known = {report.key for report in before}
            ours = [notice for notice in dispatch.notices if notice.key not in known]
            settled = await self._send(dispatch, ours, until, troubles)
            with _noted("register", troubles):
                await self._register.settle_notices(dispatch.control_number, _this_step(), settled)
            return (*before, *settled)
        return ()

    async def _claimed(self, dispatch: Dispatch, until: float) -> tuple[DeliveryReport, ...]:
        """Have the notices to ourselves; gives what other steps have settled of them.

        Raises:
            TimeoutError: Another step is still at it.
            TemporaryFailure: The register is away.
        """
        keys = [notice.key for notice in dispatch.notices]
        async with asyncio.timeout_at(until):
            while True:
                claim = await self._register.claim_notices(
                    dispatch.control_number, _this_step(), keys
                )
                if not claim.others:
                    return claim.settled
                await asyncio.sleep(LOOK_EVERY)

    async def _send(
        self, dispatch: Dispatch, notices: Sequence[Notice], until: float, troubles: list[str]
    ) -> tuple[DeliveryReport, ...]:
        """Send until a moment of the loop's clock; what is not sent by then is left out."""
        settled: list[DeliveryReport] = []
        by_addressee: dict[str, list[Notice]] = {}
        for notice in notices:
            by_addressee.setdefault(notice.addressee, []).append(notice)

        async def send_in_order(theirs: Sequence[Notice]) -> None:
            """Send to one addressee; after a failure the rest waits, so that nothing overtakes."""
            with _noted("mail", troubles):
                for notice in theirs:
                    attachments = await self._attachments(notice, dispatch.application)
                    settled.append(await self._notices.deliver(notice, attachments))

        with _noted("mail", troubles):
            async with asyncio.timeout_at(until):
                await asyncio.gather(*(send_in_order(each) for each in by_addressee.values()))
        return tuple(settled)

    async def _attachments(
        self, notice: Notice, application: Application | None
    ) -> tuple[Attachment, ...]:
        if notice.paper is None or application is None:
            return ()
        return (await self._papers.attachment(notice, notice.paper, application),)


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
