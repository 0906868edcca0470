"""Records holders over HTTP, against real servers on this machine."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer, unused_port

from activities.ports import NotYet, TemporaryFailure, UnreadableAnswer
from adapters.holders_http import HttpHolderGateway
from adapters.http import LARGEST_ANSWER
from domain.application import Application
from domain.errands import Errand, ErrandKind
from domain.messages import HolderVerdict, Objection
from domain.routes import Holder, HolderChannel
from simulators.outside import Outside
from simulators.scenario import HolderFault, Scenario, Step, VerificationStep

NUMBER = "7K3M-9QXT-2B4D-6"
SURNAME = "Ёлкина"
HOLDER = Holder(
    inn="7701234567",
    name="Колледж",
    region="77",
    channel=HolderChannel(kind="http", address="/holders/7701234567"),
)
APPLICATION = Application.model_validate(
    {
        "applicant": {
            "name": {"surname": SURNAME, "given_name": "Анна"},
            "name_on_diploma": {"surname": SURNAME, "given_name": "Анна"},
            "birth_date": "1990-05-17",
            "passport": {"series": "4510", "number": "123456"},
            "snils": "112-233-445 95",
            "email": "anna@example.ru",
            "phone": "+79991234567",
        },
        "diploma": {"blank": "unknown", "issued_on": "2010-06-30", "issued_in": "Москва"},
        "institution": {"name": "Колледж", "inn": "7701234567", "region": "77"},
        "specialty": "Сестринское дело",
        "graduation_year": 2010,
        "reason": "loss",
        "scope": "both",
        "delivery": {"method": "post", "address": "Москва"},
        "consent": {"given": True, "confirmed_by": "sms_code"},
    }
)
ANSWER_TO_ANOTHER_KIND = (
    '{"errand": "%s", "state": "answered", "answer": {"hand_over": '
    '{"method": "post", "handed_over_on": "2026-01-01", "reference": "1"}}}'
)

PENDING = '{"errand": "%s", "state": "pending"}'
CONFIRMED = '{"errand": "%s", "state": "answered", "answer": {"reply": {"verdict": "confirmed"}}}'

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def errand(kind: ErrandKind = ErrandKind.VERIFICATION, check_round: int = 1) -> Errand:
    return Errand(control_number=NUMBER, kind=kind, round=check_round, application=APPLICATION)


@asynccontextmanager
async def gateway_to(base_url: str, timeout_seconds: float = 5) -> AsyncIterator[HttpHolderGateway]:
    gateway = HttpHolderGateway(base_url, timeout_seconds)
    try:
        yield gateway
    finally:
        await gateway.close()


@asynccontextmanager
async def holder_answering(answer: Answer) -> AsyncIterator[HttpHolderGateway]:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(app) as server, gateway_to(str(server.make_url("/"))) as gateway:
        yield gateway


def always(response: Callable[[], web.Response]) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return response()

    return answer


def accepting(headers: dict[str, str], *, known: bool, body: str = PENDING) -> Answer:
    """A holder that answers 202 to what it is asked, or to what it is given when it knows nothing."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "GET" and not known:
            return web.Response(status=404)
        return web.Response(status=202, text=body.replace("%s", errand().key), headers=headers)

    return answer


on_both_ways = pytest.mark.parametrize("known", [False, True], ids=["placed", "asked after"])


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    async with Outside(folder=tmp_path, day_seconds=0.001) as running:
        yield running


@pytest.fixture
async def gateway(outside: Outside) -> AsyncIterator[HttpHolderGateway]:
    async with gateway_to(outside.base_url) as opened:
        yield opened


async def register(outside: Outside, scenario: Scenario) -> None:
    url = f"{outside.base_url}/scenarios/{NUMBER}"
    async with ClientSession() as session, session.put(url, data=scenario.model_dump_json()) as put:
        assert put.status == 204


async def test_an_errand_is_placed_first_and_answered_when_its_time_has_come(
    gateway: HttpHolderGateway,
) -> None:
    assert await gateway.answer_of(HOLDER, errand()) is None
    while (answer := await gateway.answer_of(HOLDER, errand())) is None:
        pass
    assert answer.reply is not None
    assert answer.reply.verdict is HolderVerdict.CONFIRMED
    assert await gateway.answer_of(HOLDER, errand()) == answer


async def test_objections_come_in_their_round_and_later_rounds_are_confirmed(
    outside: Outside, gateway: HttpHolderGateway
) -> None:
    objection = Objection(code="NAME_MISMATCH", field="applicant.name_on_diploma")
    await register(
        outside, Scenario(verification=(VerificationStep(after_days=0, objections=(objection,)),))
    )
    verdicts = []
    for check_round in (1, 2):
        await gateway.answer_of(HOLDER, errand(check_round=check_round))
        answer = await gateway.answer_of(HOLDER, errand(check_round=check_round))
        assert answer is not None
        assert answer.reply is not None
        verdicts.append(answer.reply.objections)
    assert verdicts == [(objection,), ()]


async def test_every_fault_is_told_apart_and_afterwards_the_answer_still_comes(
    outside: Outside,
) -> None:
    await register(
        outside, Scenario(verification=(VerificationStep(after_days=0, faults=tuple(HolderFault)),))
    )
    expected = {
        HolderFault.HANG: (TemporaryFailure, "holder 7701234567 did not answer in time"),
        HolderFault.ERROR_500: (TemporaryFailure, "holder 7701234567 answered 500"),
        HolderFault.BUSY_429: (TemporaryFailure, "holder 7701234567 answered 429"),
        HolderFault.HTML: (UnreadableAnswer, "holder 7701234567 sent something"),
        HolderFault.WRONG_SCHEMA: (UnreadableAnswer, "holder 7701234567 sent something"),
        HolderFault.WRONG_CASE: (UnreadableAnswer, "holder 7701234567 answered another errand"),
    }
    async with gateway_to(outside.base_url, timeout_seconds=0.5) as gateway:
        await gateway.answer_of(HOLDER, errand())
        for fault in HolderFault:
            kind, text = expected[fault]
            with pytest.raises(kind, match=text) as caught:
                await gateway.answer_of(HOLDER, errand())
            if fault is HolderFault.BUSY_429:
                assert isinstance(caught.value, TemporaryFailure)
                assert caught.value.retry_after == timedelta(seconds=1)
        assert await gateway.answer_of(HOLDER, errand()) is not None


async def test_a_recalled_errand_is_never_answered_and_recalling_the_unknown_is_harmless(
    outside: Outside, gateway: HttpHolderGateway
) -> None:
    await register(outside, Scenario(production=Step(after_days=0)))
    production = errand(ErrandKind.PRODUCTION)
    await gateway.recall(HOLDER, production)
    await gateway.answer_of(HOLDER, production)
    await gateway.recall(HOLDER, production)
    assert [await gateway.answer_of(HOLDER, production) for _ in range(3)] == [None] * 3


async def test_an_absolute_address_is_used_as_it_is(outside: Outside) -> None:
    channel = HolderChannel(kind="http", address=f"{outside.base_url}/holders/7701234567/")
    holder = HOLDER.model_copy(update={"channel": channel})
    async with gateway_to("http://127.0.0.1:1") as gateway:
        await gateway.answer_of(holder, errand())
    assert outside.state.errand(errand().key) is not None


async def test_a_holder_that_is_away_is_a_temporary_failure() -> None:
    async with gateway_to(f"http://127.0.0.1:{unused_port()}") as gateway:
        with pytest.raises(TemporaryFailure, match=r"^holder 7701234567 cannot be reached$"):
            await gateway.answer_of(HOLDER, errand())


@pytest.mark.parametrize("status", [301, 400, 403, 502])
async def test_any_other_status_is_temporary_and_named(status: int) -> None:
    async with holder_answering(always(lambda: web.Response(status=status))) as gateway:
        with pytest.raises(TemporaryFailure, match=f"^holder 7701234567 answered {status}$"):
            await gateway.answer_of(HOLDER, errand())


@pytest.mark.parametrize(
    ("asked", "at_least", "at_most"),
    [
        ("120", timedelta(seconds=120), timedelta(seconds=120)),
        (
            format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True),
            timedelta(minutes=55),
            timedelta(hours=1),
        ),
        ("Wed, 21 Oct 2015 07:28:00 GMT", timedelta(), timedelta()),
        ("9" * 5000, timedelta(days=1), timedelta(days=1)),
    ],
    ids=["in seconds", "at a moment", "long ago", "for ever"],
)
async def test_a_holder_that_asks_to_wait_is_heard(
    asked: str, at_least: timedelta, at_most: timedelta
) -> None:
    busy = always(lambda: web.Response(status=503, headers={"Retry-After": asked}))
    async with holder_answering(busy) as gateway:
        with pytest.raises(TemporaryFailure) as caught:
            await gateway.answer_of(HOLDER, errand())
    assert caught.value.retry_after is not None
    assert at_least <= caught.value.retry_after <= at_most


@pytest.mark.parametrize("asked", ["soon", "-5", "", "１０"])
async def test_an_unreadable_wish_to_wait_is_no_wish(asked: str) -> None:
    busy = always(lambda: web.Response(status=429, headers={"Retry-After": asked}))
    async with holder_answering(busy) as gateway:
        with pytest.raises(TemporaryFailure) as caught:
            await gateway.answer_of(HOLDER, errand())
    assert caught.value.retry_after is None


@on_both_ways
@pytest.mark.parametrize(
    ("asked", "at_least", "at_most"),
    [
        ("1", timedelta(seconds=1), timedelta(seconds=1)),
        (
            format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True),
            timedelta(minutes=55),
            timedelta(hours=1),
        ),
        ("9" * 5000, timedelta(days=1), timedelta(days=1)),
    ],
    ids=["in seconds", "at a moment", "for ever"],
)
async def test_a_holder_that_says_when_its_answer_will_be_there_is_heard(
    asked: str, at_least: timedelta, at_most: timedelta, *, known: bool
) -> None:
    async with holder_answering(accepting({"Retry-After": asked}, known=known)) as gateway:
        with pytest.raises(NotYet, match=r"^holder 7701234567 has not answered yet$") as caught:
            await gateway.answer_of(HOLDER, errand())
    assert caught.value.retry_after is not None
    assert at_least <= caught.value.retry_after <= at_most


@on_both_ways
@pytest.mark.parametrize(
    "headers",
    [{}, {"Retry-After": ""}, {"Retry-After": "soon"}, {"Retry-After": "-5"}],
    ids=["unsaid", "empty", "soon", "negative"],
)
async def test_a_holder_that_accepts_without_saying_when_has_just_not_answered(
    headers: dict[str, str], *, known: bool
) -> None:
    async with holder_answering(accepting(headers, known=known)) as gateway:
        assert await gateway.answer_of(HOLDER, errand()) is None


async def test_an_answer_that_comes_with_a_202_is_an_answer() -> None:
    async with holder_answering(accepting({}, known=True, body=CONFIRMED)) as gateway:
        answer = await gateway.answer_of(HOLDER, errand())
    assert answer is not None
    assert answer.reply is not None
    assert answer.reply.verdict is HolderVerdict.CONFIRMED


@pytest.mark.parametrize("body", [PENDING, CONFIRMED], ids=["pending", "answered"])
async def test_when_to_look_again_is_not_heard_beside_a_200(body: str) -> None:
    text, headers = body.replace("%s", errand().key), {"Retry-After": "7"}
    said = always(lambda: web.Response(text=text, headers=headers))
    async with holder_answering(said) as gateway:
        answer = await gateway.answer_of(HOLDER, errand())
    assert (answer is None) is (body == PENDING)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "не JSON",
        "[" * 100_000,
        '{"errand": "%s", "state": "asleep"}',
        '{"errand": "%s", "state": "answered"}',
        '{"errand": "%s", "state": "answered", "answer": {}}',
        '{"errand": "%s", "state": "pending", "answer": {"reply": {"verdict": "confirmed"}}}',
        '{"errand": "%s", "state": "pending", "remark": "Ёлкина"}',
        '{"errand": "%s", "state": "answered", "answer": {"hand_over": {}}}',
        ANSWER_TO_ANOTHER_KIND,
    ],
)
async def test_what_is_no_answer_to_this_errand_is_unreadable_and_not_quoted(body: str) -> None:
    text = body.replace("%s", errand().key)
    async with holder_answering(always(lambda: web.Response(text=text))) as gateway:
        with pytest.raises(UnreadableAnswer, match=r"^holder 7701234567 ") as caught:
            await gateway.answer_of(HOLDER, errand())
    assert SURNAME not in str(caught.value)
    assert len(str(caught.value)) < 100


async def test_an_endless_body_is_not_read_to_its_end() -> None:
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)
            sent += 65536

    async with holder_answering(flood) as gateway:
        with pytest.raises(UnreadableAnswer, match="more than"):
            await gateway.answer_of(HOLDER, errand())
    assert sent < 64 * LARGEST_ANSWER


async def test_an_answer_cut_short_is_temporary() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"errand"')
        assert request.transport is not None
        request.transport.close()
        return response

    async with holder_answering(cut) as gateway:
        with pytest.raises(TemporaryFailure, match="cannot be reached"):
            await gateway.answer_of(HOLDER, errand())


async def test_a_closed_gateway_opens_again(outside: Outside) -> None:
    async with gateway_to(outside.base_url) as gateway:
        await gateway.answer_of(HOLDER, errand())
        await gateway.close()
        await gateway.recall(HOLDER, errand())
