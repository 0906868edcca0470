"""Telling people what happened (R11)."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.heartbeats import beating
from activities.ports import (
    Attachment,
    MailGateway,
    MailRenderer,
    PermanentFailure,
    SmsGateway,
    TemporaryFailure,
)
from domain.base import Frozen
from domain.notices import Audience, Delivery, DeliveryReport, Notice, NoticeChannel


class StaffAddresses(Frozen):
    """Mailboxes of the service itself."""

    ops: str
    support: str


class NoticeActivities:
    """Sends notices; the Message-ID made of case and event makes a repetition recognisable."""

    def __init__(
        self,
        renderer: MailRenderer,
        mail: MailGateway,
        sms: SmsGateway,
        staff: StaffAddresses,
    ) -> None:
        self._renderer = renderer
        self._mail = mail
        self._sms = sms
        self._staff = staff

    @activity.defn
    async def deliver_notices(self, notices: list[Notice]) -> list[DeliveryReport]:
        """Send all notices of a moment, each once.

        What an earlier attempt has settled stands in the heartbeat details and is not sent
        again; only a worker that dies at once after a mail can repeat that one mail.

        Raises:
            ApplicationError: Some could not be sent now (retried).
        """
        settled = [DeliveryReport.model_validate(item) for item in self._settled_before()]
        failures: list[str] = []

        def done() -> list[object]:
            return [report.model_dump(mode="json") for report in settled]

        async with beating(done):
            for notice in notices:
                if any(report.key == notice.key for report in settled):
                    continue
                try:
                    settled.append(await self.deliver(notice))
                except TemporaryFailure as failure:
                    failures.append(str(failure))
                activity.heartbeat(done())
        if failures:
            raise ApplicationError(
                f"{len(failures)} of {len(notices)} mails wait: {failures[0]}",
                type="TemporaryFailure",
            )
        return settled

    async def deliver(
        self, notice: Notice, attachments: tuple[Attachment, ...] = ()
    ) -> DeliveryReport:
        """Send one notice, with what goes with it when it is a mail.

        Raises:
            TemporaryFailure: It could not be sent now.
        """
        recipient = self._recipient(notice)
        if not recipient:
            return DeliveryReport(
                key=notice.key, delivery=Delivery.REJECTED, reason="no address is known"
            )
        try:
            if notice.channel is NoticeChannel.SMS:
                await self._sms.send(self._renderer.render_sms(notice, recipient))
            else:
                mail = self._renderer.render(notice, recipient)
                await self._mail.send(mail.model_copy(update={"attachments": attachments}))
        except PermanentFailure as failure:
            return DeliveryReport(key=notice.key, delivery=Delivery.REJECTED, reason=str(failure))
        return DeliveryReport(key=notice.key, delivery=Delivery.SENT)

    def _recipient(self, notice: Notice) -> str | None:
        if notice.audience is Audience.OPS:
            return self._staff.ops
        if notice.audience is Audience.SUPPORT:
            return self._staff.support
        return notice.recipient

    def _settled_before(self) -> list[object]:
        details = activity.info().heartbeat_details
        return list(details[0]) if details else []
