"""A stage for the story: the real server and mail, a holder that answers as told."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import time, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from helpers import until
from ordered_papers import sealer
from pydantic import BaseModel
from samples import valid_application
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.case import CaseActivities
from activities.chancery import ChanceryActivities
from activities.confirmation import ConfirmationActivities
from activities.holders import HolderActivities
from activities.notices import NoticeActivities, StaffAddresses
from activities.papers import PaperDesk
from activities.payments import PaymentActivities
from activities.ports import HolderGateway
from activities.register import RegisterActivities
from activities.scans import ScanActivities
from adapters.blobs import BlobStore
from adapters.mail_rendering import TemplateMailRenderer
from adapters.mail_smtp import SmtpMailGateway
from adapters.payments_http import HttpPaymentGateway
from adapters.production_calendar import official_calendar
from adapters.profiles import load_holders, load_profile
from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from adapters.scans.checking import check_scan
from adapters.sms_http import HttpSmsGateway
from adapters.smtp_settings import SmtpSettings
from domain.base import JsonObject
from domain.clock import SECONDS_PER_DAY, QuietHours
from domain.errands import Errand, ErrandAnswer
from domain.messages import PaymentReceived
from domain.numbers import control_number
from domain.payments import Invoice, InvoiceOrder, RefundOrder
from domain.profile import StaffRules
from domain.routes import Holder
from domain.statuses import CaseStatus
from simulators.outside import Outside
from workers.papers import paper_office
from workers.plugin import plugin
from workers.settings import Settings, load_settings
from workflows.contracts import CASE_VIEW, CaseOutcome, CaseRequest, CaseView, workflow_id
from workflows.duplicate_request import DuplicateRequest

LETTER_HOLDER = "2500004215"
"""A holder of the default directory that is reached by letter only."""
AWAKE = QuietHours(opens=time(0, 0), closes=time(23, 59, 59, 999_999))
"""People may be written to at any hour, so that tests need not wait for the morning."""
ONE_OFFICER = StaffRules()
"""An officer may decide alone."""
AFTERCARE_DAYS = 20
"""More than an ended case listens to late messages, whatever weekend follows."""
CACHES = ("cached", pytest.param("uncached", marks=pytest.mark.proof))
"""Of workers; without a cache each step waits for a replay, so that most stories are proofs there."""
on_both_caches = pytest.mark.parametrize("stage", ["cached", "uncached"], indirect=True)
"""For stories told without a cache with every change: one for each kind of step a case takes."""
_serial = count(1)


def cache_options(name: str) -> dict[str, Any]:
    """How a worker is told to keep its cases in one of `CACHES`."""
    return {"max_cached_workflows": 0} if name == "uncached" else {}


def produced() -> JsonObject:
    """What a holder enters when it has made a duplicate; every number is given once."""
    place = next(_serial)
    return {
        "series": "117704",
        "number": f"{place:07}",
        "registration_number": f"{place}/26",
        "issued_on": "2026-05-20",
    }


class ToldHolder(HolderGateway):
    """A holder's system that answers what a test has put in, and nothing before."""

    def __init__(self) -> None:
        self.answers: dict[str, ErrandAnswer | Exception] = {}
        self.asked: list[str] = []
        self.recalled: list[str] = []

    async def answer_of(self, holder: Holder, errand: Errand) -> ErrandAnswer | None:  # noqa: ARG002
        self.asked.append(errand.key)
        answer = self.answers.get(errand.key)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def recall(self, holder: Holder, errand: Errand) -> None:  # noqa: ARG002
        self.recalled.append(errand.key)


class HeldPayments(HttpPaymentGateway):
    """The payment system, which answers nobody as long as a test holds it."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url)
        self._answers = asyncio.Event()
        self._answers.set()
        self._waiting: set[str] = set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is asked inside the block is answered after it."""
        self._answers.clear()
        try:
            yield
        finally:
            self._answers.set()
            self._waiting.clear()

    async def is_asked(self, key: str) -> None:
        """Wait until somebody waits for an invoice, its payment or a refund."""

        async def asked() -> bool:
            return key in self._waiting

        await until(asked)

    async def create_invoice(self, order: InvoiceOrder) -> Invoice:
        await self._answers_again(order.invoice_id)
        return await super().create_invoice(order)

    async def payment_of(self, invoice_id: str) -> PaymentReceived | None:
        await self._answers_again(invoice_id)
        return await super().payment_of(invoice_id)

    async def refund(self, order: RefundOrder) -> None:
        await self._answers_again(order.refund_id)
        await super().refund(order)

    async def _answers_again(self, key: str) -> None:
        if not self._answers.is_set():
            self._waiting.add(key)
            await self._answers.wait()


class Story:
    """One case under test."""

    def __init__(
        self,
        environment: WorkflowEnvironment,
        handle: WorkflowHandle[Any, Any],
        outside: Outside,
        look_every: float,
    ) -> None:
        self._environment = environment
        self._outside = outside
        self._look_every = look_every
        self.handle = handle
        self.number = handle.id.removeprefix("duplicate/")

    async def view(self) -> CaseView:
        view: CaseView = await self.handle.query(CASE_VIEW, result_type=CaseView)
        return view

    async def reaches(self, status: CaseStatus) -> CaseView:
        """Wait until the case stands in a status."""
        found: list[CaseView] = []

        async def there() -> bool:
            found[:] = [await self.view()]
            return found[0].status is status

        await until(there, look_every=self._look_every)
        return found[0]

    async def has(self, event: str, times: int = 1) -> CaseView:
        """Wait until the timeline has an event so many times."""
        found: list[CaseView] = []

        async def there() -> bool:
            found[:] = [await self.view()]
            return [entry.event for entry in found[0].timeline].count(event) >= times

        await until(there, look_every=self._look_every)
        return found[0]

    async def pass_days(self, days: float) -> None:
        """Let calendar days go by on this case's clock."""
        await self._environment.fast_forward(self.handle, timedelta(days=days))

    async def ends(self, status: CaseStatus) -> CaseView:
        """Wait until the case has ended in a status and listens to nothing any more."""
        view = await self.reaches(status)
        await self.mails()
        await self.pass_days(AFTERCARE_DAYS)
        outcome: CaseOutcome = await self.handle.result()
        assert outcome.status is status
        return view

    async def signal(self, name: str, *payload: Any) -> None:
        await self.handle.signal(name, args=list(payload))

    async def update(self, name: str, payload: Any, answer: type[BaseModel]) -> Any:
        return await self.handle.execute_update(name, payload, result_type=answer)

    async def mails(self) -> list[str]:
        """Events of the mails that arrived for the case, once nothing waits any more."""

        async def all_sent() -> bool:
            mails = (await self.view()).mails
            # Those that went along with a question to the holder may still be under way.
            return mails.waiting == 0 and len(self._arrived()) >= mails.sent

        await until(all_sent, look_every=self._look_every)
        return [event for event, _ in self.mail_texts()]

    def _arrived(self) -> set[str]:
        """Ids of the notices that arrived, by whatever way."""
        mails = {mail["Message-ID"] for mail in self._outside.mail.mails(self.number)}
        messages = {sms.message_id for sms in self._outside.state.sms_about(self.number)}
        return mails | {name for name in messages if not name.startswith(f"{self.number}.code")}

    def mail_texts(self) -> list[tuple[str, str]]:
        """Event and plain text of every mail that arrived for the case."""
        found = []
        for mail in self._outside.mail.mails(self.number):
            _, _, rest = mail["Message-ID"].strip(" <>").partition(".")
            body = mail.get_body(("plain",))
            assert body is not None
            found.append((rest.partition(".")[0], body.get_content()))
        return found

    async def events(self) -> list[str]:
        return [entry.event for entry in (await self.view()).timeline]


class Stage:
    """Starts cases on one worker."""

    def __init__(
        self,
        environment: WorkflowEnvironment,
        queue: str,
        outside: Outside,
        holder: ToldHolder,
        payments: HeldPayments,
        register: SqlRegister,
        store: BlobStore,
        look_every: float,
    ) -> None:
        self.environment = environment
        self.store = store
        self.payments = payments
        self.register = register
        self.look_every = look_every
        self.queue = queue
        self.outside = outside
        self.holder = holder

    async def starts(self, application: JsonObject | None = None, **changes: Any) -> Story:
        """Submit an application of its own control number; its clock stands still."""
        raw = valid_application() if application is None else application
        raw = {**raw, "submission_id": f"test-{next(_serial)}-{self.queue}", **changes}
        number = control_number(raw)
        with self.environment.with_time_skipping_disabled():
            await self.environment.client.start_workflow(
                DuplicateRequest.run,
                CaseRequest(control_number=number, application=raw),
                id=workflow_id(number),
                task_queue=self.queue,
                # Without a cache the SDK now and then loses a workflow task; the server gives
                # it out again after this time, by default ten seconds.
                task_timeout=timedelta(seconds=1),
            )
        return self.story(number)

    def story(self, number: str) -> Story:
        """A case that has been started."""
        handle = self.environment.client.get_workflow_handle_for(
            DuplicateRequest.run, workflow_id(number)
        )
        return Story(self.environment, handle, self.outside, self.look_every)

    async def starts_by_letter(self, **changes: Any) -> Story:
        """A case whose holder answers letters, so that nothing but terms is running."""
        raw = valid_application()
        institution = raw["institution"]
        assert isinstance(institution, dict)
        return await self.starts(
            {**raw, "institution": {**institution, "inn": LETTER_HOLDER, "region": "25"}}, **changes
        )


@cache
def trial_settings() -> Settings:
    """Settings with a key for papers, made up once for all tests of this process."""
    return load_settings(secrets_folder=Path(mkdtemp(prefix="secrets-")))


@asynccontextmanager
async def working(
    environment: WorkflowEnvironment,
    outside: Outside,
    queue: str,
    *,
    day_seconds: float = SECONDS_PER_DAY,
    quiet_hours: QuietHours = AWAKE,
    staff: StaffRules = ONE_OFFICER,
    **options: Any,
) -> AsyncIterator[Stage]:
    """A worker with the product's own activities; only the holder is a test's."""
    holder = ToldHolder()
    payments = HeldPayments(outside.base_url)
    sms = HttpSmsGateway(outside.base_url)
    url = f"sqlite:///{outside.folder / f'{queue}.db'}"
    migrate(url, sealer())
    register = SqlRegister(url, sealer())
    profile = load_profile()
    case = CaseActivities(
        profile.model_copy(update={"quiet_hours": quiet_hours, "staff": staff}),
        load_holders(),
        official_calendar,
        register,
        day_seconds,
    )
    smtp = SmtpSettings(
        host=outside.host,
        port=outside.smtp_port,
        sender_address="no-reply@duplicates.example.org",
        sender_name="Служба выдачи дубликатов дипломов",
        timeout_seconds=2,
    )
    renderer = TemplateMailRenderer(
        mail_domain="duplicates.example.org", case_url="https://example.org/{number}"
    )
    mail = SmtpMailGateway(smtp)
    notices = NoticeActivities(
        renderer,
        mail,
        sms,
        StaffAddresses(ops="ops@example.org", support="support@example.org"),
    )
    records = RegisterActivities(register)
    store = BlobStore(str(outside.folder / f"{queue}-documents"), sealer())
    scans = ScanActivities(store, check_scan, profile.reasons, register)
    office = paper_office(trial_settings(), store)
    chancery = ChanceryActivities(register, notices, PaperDesk(register, office), scans)
    codes = ConfirmationActivities(register, sms, renderer)
    consult, pay = HolderActivities(holder, chancery), PaymentActivities(payments)
    async with Worker(
        environment.client,
        task_queue=queue,
        plugins=[plugin()],
        activities=[
            case.open_case,
            case.assess_correction,
            case.name_objections,
            case.find_next_stop,
            notices.deliver_notices,
            consult.consult_holder,
            consult.recall_errand,
            pay.create_invoice,
            pay.await_payment,
            pay.look_for_payment,
            pay.refund,
            case.take_calendar,
            records.record_case,
            records.record_certificate,
            chancery.record_and_send,
            scans.examine_scans,
            codes.send_code,
        ],
        **options,
    ):
        # Without a cache every look replays the case.
        uncached = options.get("max_cached_workflows") == 0
        look_every = 0.1 if uncached else 0.03
        yield Stage(environment, queue, outside, holder, payments, register, store, look_every)
    for adapter in (payments, sms, register, mail):
        await adapter.close()
