"""Sending what is in the outbox, beside the story and never in its way (R11)."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.notices import NoticeActivities
from domain.notices import Audience, Delivery, Notice, NoticeEvent
from workflows import policies
from workflows.case import Case
from workflows.waiting import wait


class Postman:
    """Sends notices in order, by day, all of a moment in one go."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._sending = False
        self._stopping = False

    async def work(self) -> None:
        """Send for ever; cancelled at the end of the case."""
        state = self._case.state
        while True:
            await wait(lambda: not self._stopping)
            due = [notice for notice in state.outbox if notice.not_before <= workflow.now()]
            if due:
                await self._send(due)
            else:
                await self._wait()

    async def finish(self) -> None:
        """Wait until nothing is left to send."""
        await workflow.wait_condition(lambda: not self._case.state.outbox)

    async def pause(self) -> None:
        """Begin nothing new, and wait a little for what is being sent."""
        self._stopping = True
        await wait(lambda: not self._sending, policies.HANDOVER_TO_NEXT_RUN)

    async def _send(self, due: list[Notice]) -> None:
        state = self._case.state
        self._sending = True
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
            refused = {
                report.key: report.reason
                for report in reports
                if report.delivery is Delivery.REJECTED
            }
        except ActivityError:
            refused = {notice.key: "the mail server did not take it for days" for notice in due}
        finally:
            self._sending = False
        settled = {notice.key for notice in due}
        state.outbox = [notice for notice in state.outbox if notice.key not in settled]
        state.mails_sent += len(due) - len(refused)
        for notice in due:
            if notice.key in refused:
                self._report(notice, refused[notice.key])

    async def _wait(self) -> None:
        """Until there is something new, or the morning."""
        state = self._case.state
        known = state.notices
        earliest = min((notice.not_before for notice in state.outbox), default=None)
        await wait(
            lambda: state.notices != known,
            earliest - workflow.now() if earliest else None,
            "morning: people may be written to again",
        )

    def _report(self, notice: Notice, reason: str) -> None:
        """A mail nobody will take is never silent: it stands in the view, and ops are told."""
        case = self._case
        case.state.mails_rejected.append(notice.key)
        case.note("undelivered", f"{notice.key}: {reason}")
        if notice.audience in {Audience.APPLICANT, Audience.HOLDER}:
            case.post.tell_staff(
                NoticeEvent.STAFF_ATTENTION,
                Audience.OPS,
                case.now(),
                f"mail {notice.key} cannot be delivered ({reason}): reach the person another way",
            )
        case.publish()
