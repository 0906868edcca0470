"""The chancery (канцелярия): what happened at one moment is recorded and told in one step."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from temporalio import activity

from activities.heartbeats import beating
from activities.notices import NoticeActivities
from activities.ports import Register, TemporaryFailure
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


class DispatchReport(Frozen):
    """What became of it; nothing here is a failure of the step."""

    answer: RecordAnswer | None = None
    """None when the register is away, or nothing was to be written."""
    settled: tuple[DeliveryReport, ...] = ()
    """Notices that were sent, and those nobody will ever take."""
    trouble: str = ""
    """Why something was not done, in English; nothing personal in it."""


class ChanceryActivities:
    """Keeps the register and sends the notices; both are safe to repeat."""

    def __init__(self, register: Register, notices: NoticeActivities) -> None:
        self._register = register
        self._notices = notices

    @activity.defn
    async def record_and_send(self, dispatch: Dispatch) -> DispatchReport:
        """Write the record, then send the notices, each addressee's in order.

        What the outside does not do now is left out of the report, and the case tries again:
        a register that is away keeps no mail back, and no mail the register.
        """
        troubles: list[str] = []
        async with beating(lambda: None):
            answer = await self._recorded(dispatch.record, troubles)
            settled = await self._sent(dispatch.notices, dispatch.patience, troubles)
        for trouble in troubles:
            activity.logger.warning("chancery", extra={"trouble": trouble})
        return DispatchReport(answer=answer, settled=settled, trouble="; ".join(set(troubles)))

    async def _recorded(
        self, record: CaseRecord | None, troubles: list[str]
    ) -> RecordAnswer | None:
        if record is None:
            return None
        with _noted("register", troubles):
            return await self._register.record(record)
        return None

    async def _sent(
        self, notices: Sequence[Notice], patience: timedelta, troubles: list[str]
    ) -> tuple[DeliveryReport, ...]:
        settled: list[DeliveryReport] = []
        by_addressee: dict[str, list[Notice]] = {}
        for notice in notices:
            by_addressee.setdefault(notice.addressee, []).append(notice)
        with _noted("mail", troubles):
            async with asyncio.timeout(patience.total_seconds()):
                await asyncio.gather(
                    *(
                        self._send_in_order(each, settled, troubles)
                        for each in by_addressee.values()
                    )
                )
        return tuple(settled)

    async def _send_in_order(
        self, notices: Sequence[Notice], settled: list[DeliveryReport], troubles: list[str]
    ) -> None:
        """Send to one addressee; after a failure the rest waits, so that nothing overtakes."""
        with _noted("mail", troubles):
            for notice in notices:
                settled.append(await self._notices.deliver(notice))  # noqa: PERF401 - kept on failure


@contextmanager
def _noted(what: str, troubles: list[str]) -> Iterator[None]:
    """Note a failure instead of raising it: one part of a step must not repeat the others."""
    try:
        yield
    except TemporaryFailure as failure:
        troubles.append(f"{what}: {failure}")
    except TimeoutError:
        troubles.append(f"{what}: took too long")
    except Exception as error:  # noqa: BLE001 - a defect of ours must not send the other mails twice
        troubles.append(f"{what}: {type(error).__name__}")
