"""Sending what is in the outbox, beside the story and never in its way (R11)."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError
from temporalio.exceptions import TimeoutError as StepTimeout

from activities.notices import NoticeActivities
from domain.notices import Delivery, DeliveryReport, Notice
from workflows import policies
from workflows.case import Case
from workflows.waiting import wait


class Postman:
    """Sends notices by day, to each addressee in order, what is due together in one go."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._under_way: dict[str, asyncio.Task[None]] = {}
        """What is being sent, by addressee: nobody's mails overtake each other or wait for others'."""
        self._stopping = False

    async def work(self) -> None:
        """Send for ever; cancelled at the end of the case."""
        while True:
            await wait(lambda: not self._stopping and not self._case.state.has_chancery)
            for addressee, notices in self._due().items():
                self._under_way[addressee] = asyncio.create_task(self._send(addressee, notices))
            await self._wait()

    def _due(self) -> dict[str, list[Notice]]:
        """What can be sent now, by addressee, in order."""
        due: dict[str, list[Notice]] = {}
        for notice in self._case.state.outbox:
            if notice.not_before <= workflow.now() and notice.addressee not in self._under_way:
                due.setdefault(notice.addressee, []).append(notice)
        return due

    async def finish(self) -> None:
        """Wait until nothing is left to send."""
        await workflow.wait_condition(lambda: not self._case.state.outbox)

    async def pause(self) -> None:
        """Begin nothing new, and wait a little for what is being sent."""
        self._stopping = True
        await wait(lambda: not self._under_way, policies.HANDOVER_TO_NEXT_RUN)

    async def _send(self, addressee: str, due: list[Notice]) -> None:
        state = self._case.state
        try:
            reports = await workflow.execute_activity_method(
                NoticeActivities.deliver_notices,
                due,
                start_to_close_timeout=policies.MAIL_BATCH,
                heartbeat_timeout=policies.WORKER_GONE,
                schedule_to_close_timeout=policies.MAIL_GIVE_UP,
                retry_policy=policies.MAIL_RETRY,
                summary=f"mail: {', '.join(notice.event for notice in due)}",
            )
            refused = _refused(reports)
        except ActivityError as error:
            settled_before = _settled_before(error)
            known = {report.key for report in settled_before}
            refused = _refused(settled_before) | {
                notice.key: "the mail server did not take it for days"
                for notice in due
                if notice.key not in known
            }
        finally:
            del self._under_way[addressee]
        settled = {notice.key for notice in due}
        state.outbox = [notice for notice in state.outbox if notice.key not in settled]
        state.mails_sent += len(due) - len(refused)
        for notice in due:
            if notice.key in refused:
                self._case.undelivered(notice, refused[notice.key])

    async def _wait(self) -> None:
        """Until there is something new, or the morning."""
        state = self._case.state
        known, busy = state.notices, len(self._under_way)
        now = workflow.now()
        later = [notice.not_before for notice in state.outbox if notice.not_before > now]
        earliest = min(later, default=None)
        await wait(
            lambda: state.notices != known or len(self._under_way) != busy,
            earliest - workflow.now() if earliest else None,
            "morning: people may be written to again",
        )


def _refused(reports: list[DeliveryReport]) -> dict[str, str]:
    """Keys of notices nobody will ever take, with the reason."""
    return {report.key: report.reason for report in reports if report.delivery is Delivery.REJECTED}


def _settled_before(error: ActivityError) -> list[DeliveryReport]:
    """What the last attempt had settled by the time everything was given up."""
    details = error.cause.last_heartbeat_details if isinstance(error.cause, StepTimeout) else ()
    return [DeliveryReport.model_validate(item) for item in (details[0] if details else ())]
