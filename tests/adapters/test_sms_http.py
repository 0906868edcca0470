"""The SMS gateway over HTTP, against real servers on this machine."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from activities.ports import PermanentFailure, Sms, TemporaryFailure
from adapters.sms_http import HttpSmsGateway
from simulators.outside import Outside
from simulators.scenario import Scenario, SmsFault

NUMBER = "7K3M-9QXT-2B4D-6"
SMS = Sms(message_id=f"{NUMBER}.ready.7", to="+79161234567", text="Дубликат готов.")


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    async with Outside(folder=tmp_path) as running:
        yield running


@asynccontextmanager
async def gateway_to(base_url: str, timeout_seconds: float = 5) -> AsyncIterator[HttpSmsGateway]:
    gateway = HttpSmsGateway(base_url, timeout_seconds)
    try:
        yield gateway
    finally:
        await gateway.close()


@pytest.fixture
async def gateway(outside: Outside) -> AsyncIterator[HttpSmsGateway]:
    async with gateway_to(outside.base_url) as opened:
        yield opened


@asynccontextmanager
async def answering(
    status: int, headers: dict[str, str] | None = None
) -> AsyncIterator[tuple[HttpSmsGateway, list[str]]]:
    """A gateway to a server that answers with the status and repeats what it was sent."""
    addressed: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        addressed.append(request.raw_path)
        return web.Response(status=status, text=await request.text(), headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(app) as server, gateway_to(str(server.make_url("/"))) as gateway:
        yield gateway, addressed


def told(outside: Outside) -> list[Sms]:
    return [Sms(**sms.model_dump(exclude={"at"})) for sms in outside.state.sms_to(SMS.to)]


async def test_a_message_sent_twice_is_one_message(
    outside: Outside, gateway: HttpSmsGateway
) -> None:
    await gateway.send(SMS)
    await gateway.send(SMS)
    assert told(outside) == [SMS]


@pytest.mark.parametrize("change", [{"text": "Другое."}, {"to": "+79160000000"}])
async def test_another_message_under_the_same_id_is_refused_for_good(
    outside: Outside, gateway: HttpSmsGateway, change: dict[str, str]
) -> None:
    await gateway.send(SMS)
    with pytest.raises(PermanentFailure, match=r"^the SMS gateway refused the message: 409$"):
        await gateway.send(SMS.model_copy(update=change))
    assert told(outside) == [SMS]


async def test_a_message_kept_without_a_word_is_not_sent_again(outside: Outside) -> None:
    outside.state.register_scenario(NUMBER, Scenario(sms_faults=(SmsFault.HANG,)), 0)
    async with gateway_to(outside.base_url, timeout_seconds=0.2) as gateway:
        with pytest.raises(TemporaryFailure, match=r"^the SMS gateway did not answer in time$"):
            await gateway.send(SMS)
        assert told(outside) == [SMS]
        await gateway.send(SMS)
    assert told(outside) == [SMS]


@pytest.mark.parametrize("status", [400, 409, 422])
async def test_a_refused_message_is_not_tried_again(status: int) -> None:
    async with answering(status) as (gateway, _):
        with pytest.raises(
            PermanentFailure, match=f"^the SMS gateway refused the message: {status}$"
        ):
            await gateway.send(SMS)


@pytest.mark.parametrize("status", [302, 401, 404, 408, 429, 500, 503])
async def test_any_other_answer_means_to_try_again(status: int) -> None:
    async with answering(status) as (gateway, _):
        with pytest.raises(TemporaryFailure, match=f"^the SMS gateway answered {status}$"):
            await gateway.send(SMS)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_success_is_one(status: int) -> None:
    async with answering(status) as (gateway, _):
        await gateway.send(SMS)


async def test_a_busy_gateway_says_how_long_to_wait() -> None:
    async with answering(429, {"Retry-After": "7"}) as (gateway, _):
        with pytest.raises(TemporaryFailure) as busy:
            await gateway.send(SMS)
    assert busy.value.retry_after == timedelta(seconds=7)


async def test_a_gateway_that_is_away_is_a_temporary_failure() -> None:
    async with gateway_to(f"http://127.0.0.1:{unused_port()}") as gateway:
        with pytest.raises(TemporaryFailure, match=r"^the SMS gateway cannot be reached$"):
            await gateway.send(SMS)


async def test_an_id_is_one_part_of_the_address() -> None:
    async with answering(201) as (gateway, addressed):
        await gateway.send(SMS.model_copy(update={"message_id": "a/../b?c"}))
    assert addressed == ["/sms/messages/a%2F..%2Fb%3Fc"]


@pytest.mark.parametrize("status", [201, 422, 500])
async def test_neither_number_nor_text_shows_in_address_failure_or_log(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    failure = ""
    with caplog.at_level(logging.DEBUG):
        async with answering(status) as (gateway, addressed):
            try:
                await gateway.send(SMS)
            except (PermanentFailure, TemporaryFailure) as error:
                failure = repr(error)
    seen = f"{failure} {addressed} {caplog.text}"
    assert SMS.to.removeprefix("+") not in seen
    assert SMS.text not in seen
