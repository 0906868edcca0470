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
from domain.notices import DeliveryReport, Notice
from domain.register import CaseRecord, RecordAnswer


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
        a register that is away keeps no mail back but those with papers, and no mail the
        register.
        """
        troubles: list[str] = []
        async with beating(lambda: None):
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
        settled: list[DeliveryReport] = []
        by_addressee: dict[str, list[Notice]] = {}
        for notice in dispatch.notices:
            by_addressee.setdefault(notice.addressee, []).append(notice)

        async def send_in_order(theirs: Sequence[Notice]) -> None:
            """Send to one addressee; after a failure the rest waits, so that nothing overtakes."""
            with _noted("mail", troubles):
                for notice in theirs:
                    attachments = await self._attachments(notice, dispatch.application)
                    settled.append(await self._notices.deliver(notice, attachments))

        with _noted("mail", troubles):
            async with asyncio.timeout(dispatch.patience.total_seconds()):
                await asyncio.gather(*(send_in_order(each) for each in by_addressee.values()))
        return tuple(settled)

    async def _attachments(
        self, notice: Notice, application: Application | None
    ) -> tuple[Attachment, ...]:
        if notice.paper is None or application is None:
            return ()
        return (await self._papers.attachment(notice, notice.paper, application),)


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
