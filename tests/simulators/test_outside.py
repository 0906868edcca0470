"""The simulated outside: what it promises to the tests and the demo that rely on it."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession

from activities.ports import Mail, PermanentFailure, TemporaryFailure
from adapters.mail_smtp import SmtpMailGateway
from adapters.payments_http import HttpPaymentGateway
from adapters.smtp_settings import SmtpSettings
from domain.application import DeliveryMethod
from domain.errands import ErrandAnswer, ErrandKind
from domain.messages import ParcelEvent
from domain.payments import InvoiceOrder, RefundOrder
from domain.statuses import CaseStatus
from simulators.clerk import LetterClerk
from simulators.outside import Outside
from simulators.scenario import (
    HandOverStep,
    MailFault,
    PaymentStep,
    Scenario,
    Step,
    VerificationStep,
)
from simulators.state import PlacedErrand

NUMBER = "7K3M-9QXT-2B4D-6"
OTHER = "0000-0000-0000-0"
TINY_DAY = 0.001
LONG_DAY = 86_400.0


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    async with Outside(folder=tmp_path, day_seconds=TINY_DAY) as running:
        yield running


def placed(
    kind: ErrandKind,
    number: str = NUMBER,
    arrived: float = 0.0,
    *,
    round_: int = 1,
    delivery: DeliveryMethod = DeliveryMethod.POST,
) -> PlacedErrand:
    return PlacedErrand(
        key=f"{number}.{kind}.{round_}",
        control_number=number,
        kind=kind,
        round=round_,
        delivery=delivery,
        arrived=arrived,
    )


def answer(outside: Outside, errand: PlacedErrand) -> ErrandAnswer:
    outside.state.place(errand)
    return outside.desk.answer(errand)


def letter(event: str = "holder_letter", kind: str = "verification", sequence: int = 1) -> Mail:
    return Mail(
        message_id=f"<{NUMBER}.{event}.{sequence}@diploma.example>",
        to="archive@college.example",
        subject="Запрос",
        text="Просим проверить.\n",
        html="<p>Просим проверить.</p>\n",
        errand_key=f"{NUMBER}.{kind}.1",
    )


async def send(outside: Outside, mail: Mail) -> None:
    settings = SmtpSettings(
        host="127.0.0.1",
        port=outside.smtp_port,
        sender_address="noreply@diploma.example",
        sender_name="Дубликаты дипломов",
        timeout_seconds=0.5,
        keep_seconds=0,
    )
    await SmtpMailGateway(settings).send(mail)


class Inbox:
    """Where the clerk's answers are brought; refuses as often as asked first."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.answers: asyncio.Queue[tuple[str, ErrandAnswer]] = asyncio.Queue()

    async def deliver(self, control_number: str, given: ErrandAnswer) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError
        self.answers.put_nowait((control_number, given))


# --- scenarios


def test_a_scenario_that_asks_for_nothing_is_an_ordinary_case() -> None:
    scenario = Scenario()
    assert scenario.verification_in(1) == VerificationStep(after_days=3)
    assert (scenario.production.after_days, scenario.hand_over.after_days) == (5, 1)
    assert scenario.payment.after_days is None


def test_a_case_file_may_say_what_the_applicant_does() -> None:
    scenario = Scenario.model_validate_json(
        '{"applicant": [{"when": "RETURNED", "after_days": 2, "correct": "fix.json"}]}'
    )
    assert scenario.applicant[0].when is CaseStatus.RETURNED


@pytest.mark.parametrize(
    "wrong", ['{"verification": []}', '{"production": {"after_days": -1}}', '{"holder": 1}']
)
async def test_a_scenario_that_makes_no_sense_is_refused(outside: Outside, wrong: str) -> None:
    url = f"{outside.base_url}/scenarios/{NUMBER}"
    async with ClientSession() as session, session.put(url, data=wrong) as put:
        assert put.status == 400


# --- answers


async def test_duplicates_are_registered_alike_for_one_case_and_differently_for_two(
    outside: Outside,
) -> None:
    first = answer(outside, placed(ErrandKind.PRODUCTION)).production
    again = answer(outside, placed(ErrandKind.PRODUCTION)).production
    other = answer(outside, placed(ErrandKind.PRODUCTION, OTHER)).production
    assert first is not None
    assert other is not None
    assert first == again
    assert first.series.isdigit()
    assert len(first.series) == 6
    assert first.number.isdigit()
    assert len(first.number) == 7
    assert first.registration_number.isdigit()
    assert first.number != other.number
    assert first.registration_number != other.registration_number


async def test_answers_are_dated_in_procedure_time_counted_from_the_scenario(
    tmp_path: Path,
) -> None:
    registered = datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()
    arrived_on_day_ten = registered + 10 * 60
    async with Outside(folder=tmp_path, day_seconds=60) as outside:
        outside.state.register_scenario(NUMBER, Scenario(production=Step(after_days=5)), registered)
        made = answer(outside, placed(ErrandKind.PRODUCTION, arrived=arrived_on_day_ten))
        alone = answer(outside, placed(ErrandKind.PRODUCTION, OTHER, registered))
    assert made.production is not None
    assert made.production.issued_on == date(2026, 3, 17)
    assert alone.production is not None
    assert alone.production.issued_on == date(2026, 3, 7)


@pytest.mark.parametrize("method", DeliveryMethod)
async def test_the_duplicate_is_handed_over_as_the_scenario_says(
    outside: Outside, method: DeliveryMethod
) -> None:
    outside.state.register_scenario(NUMBER, Scenario(hand_over=HandOverStep(method=method)), 0)
    given = answer(outside, placed(ErrandKind.HAND_OVER)).hand_over
    assert given is not None
    assert given.method is method
    assert given.reference


async def test_the_duplicate_is_handed_over_as_applied_for_otherwise(outside: Outside) -> None:
    given = answer(outside, placed(ErrandKind.HAND_OVER)).hand_over
    assert given is not None
    assert given.method is DeliveryMethod.POST


async def test_an_answer_once_given_stays_whatever_the_scenario_becomes(outside: Outside) -> None:
    errand = placed(ErrandKind.HAND_OVER)
    before = answer(outside, errand)
    scenario = Scenario(hand_over=HandOverStep(method=DeliveryMethod.PICKUP))
    outside.state.register_scenario(NUMBER, scenario, time.time())
    kept = outside.state.errand(errand.key)
    assert kept is not None
    assert outside.desk.answer(kept) == before


# --- parcels


async def test_a_tracked_parcel_is_sent_first_and_delivered_days_later(outside: Outside) -> None:
    step = HandOverStep(tracked=True, after_days=1, delivered_after_days=4)
    outside.state.register_scenario(NUMBER, Scenario(hand_over=step), 0)
    sending, delivery = placed(ErrandKind.HAND_OVER), placed(ErrandKind.DELIVERY)
    sent = answer(outside, sending)
    assert sent.hand_over is None
    assert sent.parcel is not None
    assert sent.parcel.event is ParcelEvent.SENT
    delivered = answer(outside, delivery)
    assert delivered.parcel is None
    assert delivered.hand_over is not None
    assert delivered.hand_over.method is DeliveryMethod.POST
    assert delivered.hand_over.reference == sent.parcel.tracking
    assert outside.desk.due_at(sending) == 1 * TINY_DAY
    assert outside.desk.due_at(delivery) == 4 * TINY_DAY


@pytest.mark.parametrize("method", [DeliveryMethod.PICKUP, DeliveryMethod.ELECTRONIC])
async def test_only_what_goes_by_post_is_tracked(outside: Outside, method: DeliveryMethod) -> None:
    scenario = Scenario(hand_over=HandOverStep(tracked=True))
    outside.state.register_scenario(NUMBER, scenario, 0)
    given = answer(outside, placed(ErrandKind.HAND_OVER, delivery=method))
    assert given.parcel is None
    assert given.hand_over is not None
    assert given.hand_over.method is method


RETURNED = Scenario(hand_over=HandOverStep(tracked=True, returned=True))


@pytest.mark.parametrize("forced", [None, DeliveryMethod.POST], ids=["as applied for", "forced"])
async def test_a_returned_parcel_is_collected_where_the_applicant_asks_for_it(
    outside: Outside, forced: DeliveryMethod | None
) -> None:
    step = RETURNED.hand_over.model_copy(update={"method": forced})
    outside.state.register_scenario(NUMBER, Scenario(hand_over=step), 0)
    sent = answer(outside, placed(ErrandKind.HAND_OVER)).parcel
    back = answer(outside, placed(ErrandKind.DELIVERY)).parcel
    assert sent is not None
    assert back is not None
    assert back.event is ParcelEvent.RETURNED
    assert back.tracking == sent.tracking
    pickup = placed(ErrandKind.HAND_OVER, round_=2, delivery=DeliveryMethod.PICKUP)
    collected = answer(outside, pickup).hand_over
    assert collected is not None
    assert collected.method is DeliveryMethod.PICKUP


async def test_a_parcel_comes_back_once_and_arrives_the_second_time(outside: Outside) -> None:
    outside.state.register_scenario(NUMBER, RETURNED, 0)
    answer(outside, placed(ErrandKind.HAND_OVER))
    answer(outside, placed(ErrandKind.DELIVERY))
    again = answer(outside, placed(ErrandKind.HAND_OVER, round_=2)).parcel
    assert again is not None
    assert again.event is ParcelEvent.SENT
    assert answer(outside, placed(ErrandKind.DELIVERY, round_=2)).hand_over is not None


async def test_the_clerk_answers_letters_about_parcels_too(outside: Outside) -> None:
    step = RETURNED.hand_over.model_copy(update={"method": DeliveryMethod.POST})
    outside.state.register_scenario(NUMBER, Scenario(hand_over=step), time.time())
    inbox = Inbox()
    events = []
    async with LetterClerk(outside, inbox.deliver):
        for sequence, kind in enumerate((ErrandKind.HAND_OVER, ErrandKind.DELIVERY)):
            await send(outside, letter(kind=kind, sequence=sequence))
            _, given = await inbox.answers.get()
            events.append(given.parcel and given.parcel.event)
    assert events == [ParcelEvent.SENT, ParcelEvent.RETURNED]


# --- mail


async def test_every_arrival_is_a_file_named_by_number_case_and_event(
    outside: Outside, tmp_path: Path
) -> None:
    await send(outside, letter())
    await send(outside, letter())
    await send(outside, letter().model_copy(update={"message_id": "<../../evil@example>"}))
    assert [file.name for file in sorted((tmp_path / "mail").iterdir())] == [
        f"000001_{NUMBER}_holder_letter.eml",
        f"000002_{NUMBER}_holder_letter.eml",
        "000003_unknown_mail.eml",
    ]


async def test_mail_faults_of_a_case_are_played_once_in_order(outside: Outside) -> None:
    outside.state.register_scenario(NUMBER, Scenario(mail_faults=tuple(MailFault)), 0)
    expected = {
        MailFault.GREYLIST_451: TemporaryFailure,
        MailFault.REJECT_550: PermanentFailure,
        MailFault.HANG_AFTER_DOT: TemporaryFailure,
        MailFault.DROP_AFTER_DOT: TemporaryFailure,
    }
    for fault in MailFault:
        with pytest.raises(expected[fault]):
            await send(outside, letter())
    await send(outside, letter())
    assert len(outside.mail.mails()) == 3


async def test_nobody_s_address_reaches_the_log(
    outside: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await send(outside, letter())
    assert "college.example" not in caplog.text


# --- the clerk


async def test_a_letter_is_answered_once_however_often_it_comes(outside: Outside) -> None:
    inbox = Inbox()
    async with LetterClerk(outside, inbox.deliver):
        await send(outside, letter())
        await send(outside, letter())
        await send(outside, letter("holder_reminder", sequence=2))
        number, given = await inbox.answers.get()
        await send(outside, letter(kind="hand_over", sequence=3))
        _, handed_over = await inbox.answers.get()
    assert number == NUMBER
    assert given.reply is not None
    assert handed_over.hand_over is not None
    assert handed_over.hand_over.method is DeliveryMethod.PICKUP
    assert inbox.answers.empty()


async def test_an_answer_nobody_takes_is_brought_again(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.watching.RETRY_SECONDS", 0)
    inbox = Inbox(refusals=3)
    async with LetterClerk(outside, inbox.deliver):
        await send(outside, letter())
        await inbox.answers.get()


async def test_a_recalled_letter_is_not_answered(tmp_path: Path) -> None:
    async with Outside(folder=tmp_path, day_seconds=LONG_DAY) as outside:
        await send(outside, letter())
        await send(outside, letter("holder_recall", sequence=2))
        await send(outside, letter("holder_reminder", sequence=3))
    inbox = Inbox()
    async with Outside(folder=tmp_path, day_seconds=TINY_DAY) as outside:
        assert outside.state.open_letters() == ()
        async with LetterClerk(outside, inbox.deliver):
            await send(outside, letter(kind="production", sequence=4))
            _, given = await inbox.answers.get()
    assert given.production is not None
    assert inbox.answers.empty()


async def test_letters_left_open_are_taken_up_after_a_restart(tmp_path: Path) -> None:
    inbox = Inbox()
    async with (
        Outside(folder=tmp_path, day_seconds=LONG_DAY) as outside,
        LetterClerk(outside, inbox.deliver),
    ):
        await send(outside, letter())
    assert inbox.answers.empty()
    async with (
        Outside(folder=tmp_path, day_seconds=TINY_DAY) as outside,
        LetterClerk(outside, inbox.deliver),
    ):
        await inbox.answers.get()
    async with Outside(folder=tmp_path) as outside:
        assert outside.state.open_letters() == ()


# --- restarts


async def test_nothing_acknowledged_is_lost_by_a_restart(tmp_path: Path) -> None:
    order = InvoiceOrder(invoice_id="i1", control_number=NUMBER, fees=(), amount=1500)
    refund = RefundOrder(refund_id="r1", invoice_id="i1", amount=1500)
    scenario = Scenario(payment=PaymentStep(after_days=0))
    errand = placed(ErrandKind.VERIFICATION, arrived=time.time())
    async with Outside(folder=tmp_path) as outside:
        outside.state.register_scenario(NUMBER, scenario, 1.0)
        outside.state.place(errand)
        gateway = HttpPaymentGateway(outside.base_url)
        invoice = await gateway.create_invoice(order)
        payment = await gateway.payment_of("i1")
        await gateway.refund(refund)
        await gateway.close()
        await send(outside, letter())
    async with Outside(folder=tmp_path) as outside:
        assert outside.state.scenario(NUMBER) == scenario
        assert outside.state.origin(NUMBER) == 1.0
        assert outside.state.errand(errand.key) == errand
        gateway = HttpPaymentGateway(outside.base_url)
        assert await gateway.create_invoice(order) == invoice
        assert await gateway.payment_of("i1") == payment
        await gateway.refund(refund)
        await gateway.close()
        assert outside.state.refunds() == (refund,)
        await send(outside, letter())
        assert len(outside.mail.mails()) == 2


async def test_what_is_acknowledged_is_already_in_the_file(
    outside: Outside, tmp_path: Path
) -> None:
    url = f"{outside.base_url}/scenarios/{NUMBER}"
    async with ClientSession() as session, session.put(url, data="{}") as put:
        assert put.status == 204
    other_process = sqlite3.connect(tmp_path / "outside.sqlite3")
    assert other_process.execute("SELECT control_number FROM cases").fetchall() == [(NUMBER,)]
    other_process.close()


async def test_an_errand_placed_twice_keeps_its_first_arrival(outside: Outside) -> None:
    first = placed(ErrandKind.VERIFICATION, arrived=1.0)
    later = first.model_copy(update={"arrived": 1.0 + timedelta(days=1).total_seconds()})
    assert [outside.state.place(first), outside.state.place(later)] == [True, False]
    kept = outside.state.errand(first.key)
    assert kept is not None
    assert kept.arrived == 1.0
