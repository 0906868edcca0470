"""The worker: adapters injected into activities, polling until told to stop."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import structlog
from temporalio.client import Client
from temporalio.worker import (
    FixedSizeSlotSupplier,
    ResourceBasedSlotConfig,
    ResourceBasedSlotSupplier,
    ResourceBasedTunerConfig,
    Worker,
    WorkerTuner,
)

from activities.case import CaseActivities
from activities.chancery import ChanceryActivities
from activities.confirmation import ConfirmationActivities
from activities.holders import HolderActivities
from activities.notices import NoticeActivities, StaffAddresses
from activities.papers import PaperDesk
from activities.payments import PaymentActivities
from activities.register import RegisterActivities
from activities.scans import ScanActivities
from adapters.blobs import BlobStore
from adapters.holders_http import HttpHolderGateway
from adapters.mail_rendering import TemplateMailRenderer
from adapters.papers.office import PaperOffice
from adapters.payments_http import HttpPaymentGateway
from adapters.production_calendar import official_calendar
from adapters.profiles import load_holders, load_profile
from adapters.register.database import SqlRegister
from adapters.register.schema import check
from adapters.scans.checking import check_scan
from adapters.sealing.keyring import SERVICE
from adapters.sms_http import HttpSmsGateway
from workers.keys import Keys
from workers.papers import paper_office
from workers.plugin import plugin
from workers.settings import Settings
from workers.temporal import register_search_attributes
from workflows.contracts import TASK_QUEUE

HEARTBEAT_EVERY = 5.0
"""Seconds between two signs of life for the health check."""
HEARTBEAT_FRESH = 30.0
"""Seconds after which a worker without a sign of life counts as dead."""
STICKY = timedelta(seconds=4)
"""So soon the engine gives a case to another worker when the one that knew it is gone; by default
ten seconds. A busy worker that takes longer replays the case, and that is all."""
TASKS_AT_ONCE = 100
STEPS_AT_ONCE = ResourceBasedSlotConfig(
    minimum_slots=32, maximum_slots=100, ramp_throttle=timedelta(milliseconds=10)
)
"""A step's clock runs from its start, so what cannot be computed now must not be started. With
a hundred at once on two cores steps ran out of time in the queue for a thread, and were tried
again, which made it worse; with eight those that wait for somebody outside kept the others from
beginning. Such steps leave the processors free for more."""
MACHINE = ResourceBasedTunerConfig(target_memory_usage=0.9, target_cpu_usage=0.9)
"""How full the machine may be before no more steps are begun at once than the fewest."""

log = structlog.stdlib.get_logger("diploma.worker")


class CaseWorker:
    """A worker and the connections it owns; an async context manager."""

    def __init__(
        self, client: Client, settings: Settings, keys: Keys, **worker_options: Any
    ) -> None:
        """Prepare a worker.

        Args:
            client: Connected client; shared with nobody else's lifetime.
            settings: The service's settings.
            keys: What register and store are sealed with.
            worker_options: Passed on to the engine's worker, for tests.
        """
        self._client = client
        self._settings = settings
        self._keys = keys
        self._options = worker_options
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._keys.ring.known, SERVICE)  # better now than in every case
        store = self._settings.document_store(self._keys.sealer)
        # A first key takes a second or two to make up.
        office = await asyncio.to_thread(paper_office, self._settings, store)
        dials: dict[str, Any] = {
            "tuner": _tuner(),
            "sticky_queue_schedule_to_start_timeout": STICKY,
        }
        worker = Worker(
            self._client,
            task_queue=TASK_QUEUE,
            activities=self._activities(store, office),
            plugins=[plugin()],
            graceful_shutdown_timeout=timedelta(seconds=self._settings.drain_seconds),
            build_id=version("diploma-duplicates"),
            **(dials | self._options),
        )
        await self._stack.enter_async_context(worker)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def _activities(self, store: BlobStore, office: PaperOffice) -> Sequence[Callable[..., Any]]:
        settings = self._settings
        known, plain = settings.credentials(), settings.allow_plain_http
        holders = HttpHolderGateway(
            settings.holders_base_url, accesses=known.holders, allow_plain_http=plain
        )
        payments = HttpPaymentGateway(
            settings.payments_base_url, access=known.payments, allow_plain_http=plain
        )
        self._stack.push_async_callback(holders.close)
        self._stack.push_async_callback(payments.close)
        sms = HttpSmsGateway(settings.sms_base_url, access=known.sms, allow_plain_http=plain)
        self._stack.push_async_callback(sms.close)
        check(settings.register_url)
        register = SqlRegister(settings.register_url, self._keys.sealer)
        self._stack.push_async_callback(register.close)
        renderer = TemplateMailRenderer(
            mail_domain=settings.mail_domain, case_url=settings.case_url
        )
        profile = load_profile(settings.profile)
        case = CaseActivities(
            profile,
            load_holders(settings.profile),
            official_calendar,
            register,
            settings.day_seconds,
        )
        mail = settings.mail_gateway()
        self._stack.push_async_callback(mail.close)
        notices = NoticeActivities(
            renderer,
            mail,
            sms,
            StaffAddresses(ops=settings.ops_email, support=settings.support_email),
        )
        payment = PaymentActivities(payments)
        records = RegisterActivities(register)
        scans = ScanActivities(store, check_scan, profile.reasons, register)
        chancery = ChanceryActivities(register, notices, PaperDesk(register, office), scans)
        holder = HolderActivities(holders, chancery)
        codes = ConfirmationActivities(register, sms, renderer)
        return [
            case.open_case,
            case.assess_correction,
            case.name_objections,
            case.find_next_stop,
            case.take_calendar,
            notices.deliver_notices,
            holder.consult_holder,
            holder.recall_errand,
            payment.create_invoice,
            payment.await_payment,
            payment.look_for_payment,
            payment.refund,
            records.record_case,
            records.record_certificate,
            chancery.record_and_send,
            scans.examine_scans,
            codes.send_code,
        ]


def _tuner() -> WorkerTuner:
    """How much a worker does at once."""
    tasks = FixedSizeSlotSupplier(TASKS_AT_ONCE)
    return WorkerTuner.create_composite(
        workflow_supplier=tasks,
        activity_supplier=ResourceBasedSlotSupplier(STEPS_AT_ONCE, MACHINE),
        local_activity_supplier=tasks,
        nexus_supplier=tasks,
    )


async def run_until_told(client: Client, settings: Settings, keys: Keys) -> None:
    """Work until SIGTERM or SIGINT, then drain."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await register_search_attributes(client)
    async with CaseWorker(client, settings, keys):
        log.info("worker started", task_queue=TASK_QUEUE)
        alive = asyncio.create_task(_show_life(settings.heartbeat_file))
        await told.wait()
        log.info("worker draining", at_most_seconds=settings.drain_seconds)
        alive.cancel()
    log.info("worker stopped")


def is_alive(file: Path | None) -> bool:
    """True when a worker gave a sign of life in the file not long ago."""
    try:
        return file is not None and time.time() - file.stat().st_mtime < HEARTBEAT_FRESH
    except OSError:
        return False


async def _show_life(file: Path | None) -> None:
    while file is not None:
        with suppress(OSError):
            await asyncio.to_thread(file.touch)
        await asyncio.sleep(HEARTBEAT_EVERY)
