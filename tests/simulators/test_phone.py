"""The simulated telephones: what is sent to them, and the owner who enters one-time codes."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from activities.ports import PermanentFailure, Sms, TemporaryFailure
from adapters.mail_rendering import TemplateMailRenderer
from adapters.sms_http import HttpSmsGateway
from simulators.desk import errand_of
from simulators.outside import Outside
from simulators.phone import PhoneOwner
from simulators.scenario import PhoneStep, Scenario, SmsFault

NUMBER = "7K3M-9QXT-2B4D-6"
OTHER = "0000-0000-0000-0"
PHONE = "+79161234567"
TINY_DAY = 0.001
LONG_DAY = 86_400.0
RENDERER = TemplateMailRenderer("mail.example.org", "https://example.org/{number}")


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    async with Outside(folder=tmp_path, day_seconds=TINY_DAY) as running:
        running.state.register_scenario(NUMBER, Scenario(), time.time())
        yield running


def code_message(code: str = "012345", number: str = NUMBER) -> Sms:
    return RENDERER.render_code(f"{number}.code.{code}", PHONE, number, code, 30)


def notice(event: str = "ready", number: str = NUMBER) -> Sms:
    text = f"Заявление № {number}: дубликат готов. Подробности в электронном письме."
    return Sms(message_id=f"{number}.{event}.7", to=PHONE, text=text)


async def send(outside: Outside, sms: Sms) -> None:
    gateway = HttpSmsGateway(outside.base_url, timeout_seconds=0.3)
    try:
        await gateway.send(sms)
    finally:
        await gateway.close()


class Page:
    """Where codes are entered; does not load as often as asked first."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.entered: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def enter(self, control_number: str, code: str) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError
        self.entered.put_nowait((control_number, code))


# --- the gateway


async def test_whoever_plays_the_applicant_reads_what_came_to_one_number(outside: Outside) -> None:
    before = time.time()
    await send(outside, notice("ready"))
    await send(outside, notice("issued"))
    await send(outside, notice("closed").model_copy(update={"to": "+79160000000"}))
    url = f"{outside.base_url}/sms/messages?to=%2B79161234567"
    async with ClientSession() as session, session.get(url) as response:
        found = await response.json()
    assert [sms["message_id"] for sms in found] == [f"{NUMBER}.ready.7", f"{NUMBER}.issued.7"]
    assert found[0]["to"] == PHONE
    assert found[0]["text"] == notice().text
    assert before <= found[0]["at"] <= found[1]["at"] <= time.time()


async def test_a_first_message_is_created_and_a_repeated_one_is_not(outside: Outside) -> None:
    url = f"{outside.base_url}/sms/messages/{notice().message_id}"
    statuses = []
    for text in ("Готово.", "Готово.", "Другое."):
        body = notice().model_copy(update={"text": text}).model_dump_json()
        async with ClientSession() as session, session.put(url, data=body) as response:
            statuses.append(response.status)
    assert statuses == [201, 200, 409]


async def test_a_message_under_an_address_not_its_own_is_refused(outside: Outside) -> None:
    url = f"{outside.base_url}/sms/messages/another"
    body = notice().model_dump_json()
    async with ClientSession() as session, session.put(url, data=body) as response:
        assert response.status == 400
    assert outside.state.sms_to(PHONE) == ()


async def test_sms_faults_of_a_case_are_played_once_in_order(outside: Outside) -> None:
    outside.state.register_scenario(NUMBER, Scenario(sms_faults=tuple(SmsFault)), 0)
    expected = {
        SmsFault.ERROR_500: TemporaryFailure,
        SmsFault.BUSY_429: TemporaryFailure,
        SmsFault.REJECT_422: PermanentFailure,
        SmsFault.HANG: TemporaryFailure,
    }
    for fault in SmsFault:
        assert outside.state.sms_to(PHONE) == (), "only the last fault keeps the message"
        with pytest.raises(expected[fault]):
            await send(outside, notice())
    await send(outside, notice())
    await send(outside, notice(number=OTHER))
    assert len(outside.state.sms_to(PHONE)) == 2


async def test_messages_and_faults_played_outlive_a_restart(tmp_path: Path) -> None:
    faults = (SmsFault.ERROR_500, SmsFault.REJECT_422)
    async with Outside(folder=tmp_path) as outside:
        outside.state.register_scenario(NUMBER, Scenario(sms_faults=faults), 0)
        with pytest.raises(TemporaryFailure):
            await send(outside, notice())
    async with Outside(folder=tmp_path) as outside:
        with pytest.raises(PermanentFailure):
            await send(outside, notice())
        await send(outside, notice())
        kept = outside.state.sms_to(PHONE)
    async with Outside(folder=tmp_path) as outside:
        await send(outside, notice())
        assert outside.state.sms_to(PHONE) == kept


# --- the owner


async def test_the_owner_enters_a_code_once_and_no_notice(outside: Outside) -> None:
    page = Page()
    async with PhoneOwner(outside, page.enter):
        await send(outside, notice())
        await send(outside, code_message("012345"))
        await send(outside, code_message("012345"))
        assert await page.entered.get() == (NUMBER, "012345")
        await send(outside, code_message("678901"))
        assert await page.entered.get() == (NUMBER, "678901")
    assert page.entered.empty()
    assert outside.state.unread_sms() == ()


async def test_a_code_in_a_case_without_a_scenario_is_nobody_s(outside: Outside) -> None:
    page = Page()
    async with PhoneOwner(outside, page.enter):
        await send(outside, code_message(number=OTHER))
        await send(outside, code_message())
        assert await page.entered.get() == (NUMBER, "012345")
    assert page.entered.empty()


async def test_a_scenario_told_later_makes_the_case_somebody_s(outside: Outside) -> None:
    page = Page()
    async with PhoneOwner(outside, page.enter):
        await send(outside, code_message(number=OTHER))
        url = f"{outside.base_url}/scenarios/{OTHER}"
        async with ClientSession() as session, session.put(url, data="{}") as put:
            assert put.status == 204
        assert await page.entered.get() == (OTHER, "012345")


async def test_an_errand_alone_does_not_make_a_case_somebody_s(outside: Outside) -> None:
    errand = errand_of(f"{OTHER}.production.1", arrived=0)
    assert errand is not None
    outside.state.place(errand)
    await send(outside, code_message(number=OTHER))
    assert outside.state.unread_sms() == ()


async def test_an_owner_who_never_confirms_enters_nothing(outside: Outside) -> None:
    never = Scenario(phone=PhoneStep(confirm_after_days=None))
    outside.state.register_scenario(OTHER, never, 0)
    page = Page()
    async with PhoneOwner(outside, page.enter):
        await send(outside, code_message(number=OTHER))
        await send(outside, code_message())
        assert await page.entered.get() == (NUMBER, "012345")
    assert page.entered.empty()


async def test_a_code_the_page_does_not_take_is_entered_again(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.watching.RETRY_SECONDS", 0)
    page = Page(failures=3)
    async with PhoneOwner(outside, page.enter):
        await send(outside, code_message())
        assert await page.entered.get() == (NUMBER, "012345")


async def test_a_code_waits_for_its_time_also_over_a_restart(tmp_path: Path) -> None:
    page = Page()
    much_later = Scenario(phone=PhoneStep(confirm_after_days=100))
    async with (
        Outside(folder=tmp_path, day_seconds=LONG_DAY) as outside,
        PhoneOwner(outside, page.enter),
    ):
        outside.state.register_scenario(NUMBER, much_later, time.time())
        await send(outside, code_message())
    assert page.entered.empty()
    async with (
        Outside(folder=tmp_path, day_seconds=TINY_DAY) as outside,
        PhoneOwner(outside, page.enter),
    ):
        assert await page.entered.get() == (NUMBER, "012345")
    async with (
        Outside(folder=tmp_path, day_seconds=TINY_DAY) as outside,
        PhoneOwner(outside, page.enter),
    ):
        await send(outside, code_message("678901"))
        assert await page.entered.get() == (NUMBER, "678901")
    assert page.entered.empty()
