"""The page that checks print-outs tells kind, state and days, and to guessers always the same."""

import asyncio
import logging
import re
import signal
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Sequence

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from ordered_papers import NUMBER, ORDERS, PAGE, SECRET
from records import CERTIFICATE
from terminal import Cli, finished

from activities.ports import TemporaryFailure
from adapters.verification_page import TRIES_A_MINUTE, VerificationPage, served
from domain.papers import PaperTemplate, verification_code
from domain.register import Paper, PaperState
from starters.server import free_ports
from starters.stack import EmbeddedStack

OTHER = "4H8P-2WZC-7N5R-3"
Page = TestClient[web.Request, web.Application]
JSON = {"Accept": "application/json"}
CODE = verification_code(CERTIFICATE.paper_id, SECRET)


class Archive:
    """A register of one case, its clock, and how often it was asked."""

    def __init__(self) -> None:
        self.papers: list[Paper] = [CERTIFICATE]
        self.away = False
        self.asked = 0
        self.now = 0.0

    async def papers_of(self, control_number: str) -> Sequence[Paper]:
        self.asked += 1
        if self.away:
            raise TemporaryFailure("the register is away")
        return self.papers if control_number == NUMBER else []


@pytest.fixture
def archive() -> Archive:
    return Archive()


@pytest.fixture
async def page(archive: Archive) -> AsyncIterator[Page]:
    site = VerificationPage(archive.papers_of, SECRET, PAGE, clock=lambda: archive.now)
    async with TestClient(TestServer(site.app())) as client:
        yield client


async def told(page: Page, number: str, code: str) -> tuple[int, str]:
    answer = await page.get(f"/verify/{number}/{code}", headers=JSON)
    return answer.status, await answer.text()


async def test_a_right_code_tells_kind_state_and_days_and_nothing_else(page: Page) -> None:
    answer = await page.get(f"/verify/{NUMBER}/{CODE}", headers=JSON)
    assert answer.status == 200
    assert await answer.json() == {
        "kind": "temporary_certificate",
        "kind_label": "Временная справка",
        "in_force": True,
        "issued_on": "2026-04-29",
        "valid_until": "2026-05-29",
    }
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "state", [PaperState.ANNULLED, PaperState.EXPIRED, PaperState.REPLACED, PaperState.PREPARED]
)
async def test_a_paper_no_longer_in_force_is_said_to_be_so(
    page: Page, archive: Archive, state: PaperState
) -> None:
    archive.papers = [CERTIFICATE.model_copy(update={"state": state})]
    answer = await page.get(f"/verify/{NUMBER}/{CODE}", headers=JSON)
    assert (await answer.json())["in_force"] is False
    shown = await (await page.get(f"/verify/{NUMBER}/{CODE}")).text()
    assert "Документ не действует" in shown
    assert "29.05.2026" not in shown


async def test_a_paper_the_register_has_not_is_not_in_force(page: Page, archive: Archive) -> None:
    archive.papers = []
    answer = await page.get(f"/verify/{NUMBER}/{CODE}", headers=JSON)
    assert (await answer.json())["in_force"] is False


async def test_each_certificate_of_a_case_answers_for_itself(page: Page, archive: Archive) -> None:
    second = CERTIFICATE.model_copy(update={"paper_id": f"{NUMBER}/temporary_certificate/2"})
    archive.papers = [CERTIFICATE.model_copy(update={"state": PaperState.EXPIRED}), second]
    states = [
        '"in_force":true'
        in (await told(page, NUMBER, verification_code(paper.paper_id, SECRET)))[1]
        for paper in archive.papers
    ]
    assert states == [False, True]


@pytest.mark.parametrize("template", ORDERS)
async def test_the_code_of_every_paper_leads_to_its_kind(
    page: Page, template: PaperTemplate
) -> None:
    code = verification_code(ORDERS[template].identity(NUMBER).paper_id, SECRET)
    answer = await page.get(f"/verify/{NUMBER}/{code}", headers=JSON)
    assert (await answer.json())["kind"] == template


async def test_a_form_takes_what_was_typed_however_it_was_typed(page: Page) -> None:
    typed = {"number": " 7k3m 9qxt 2b4d 6 ", "code": CODE.lower().replace("-", " ")}
    shown = await (await page.post("/verify", data=typed)).text()
    assert "Документ действует" in shown
    assert "Временная справка" in shown
    assert "по 29.05.2026 включительно" in shown


async def test_the_form_can_be_used_without_seeing_it(page: Page) -> None:
    shown = await (await page.get("/verify")).text()
    assert '<html lang="ru">' in shown
    for field in re.findall(r'<input id="(\w+)"', shown):
        assert f'<label for="{field}">' in shown
        assert f'id="{field}-hint"' in shown
    assert 'role="status"' in await (await page.get(f"/verify/{NUMBER}/{CODE}")).text()


# --- guessing -------------------------------------------------------------------------------

WRONG = {
    "wrong code": (NUMBER, "K7QX2-M4P9R"),
    "unknown number": (OTHER, CODE),
    "code of another case": (NUMBER, verification_code(f"{OTHER}/invoice", SECRET)),
    "mistyped number": ("7K3M-9QXT-2B4D-7", CODE),
    "no number": ("x", CODE),
    "no code": (NUMBER, "x"),
    "letters of others": (NUMBER, "Ж" * 10),
    "endless": (NUMBER, "1" * 3000),
}


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
async def test_whatever_is_wrong_the_answer_is_the_same_to_the_byte(
    page: Page, archive: Archive, accept: str
) -> None:
    answers = set()
    for number, code in WRONG.values():
        answer = await page.get(f"/verify/{number}/{code}", headers={"Accept": accept})
        headers = {name: value for name, value in answer.headers.items() if name != "Date"}
        answers.add((answer.status, await answer.read(), str(headers)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 404
    assert archive.asked == 0  # what the register knows cannot show in the time either


async def test_who_tries_too_often_waits_with_a_right_code_too(
    page: Page, archive: Archive
) -> None:
    for _ in range(TRIES_A_MINUTE):
        assert (await told(page, NUMBER, "K7QX2-M4P9R"))[0] == 404
    answers = {await told(page, NUMBER, CODE), await told(page, OTHER, "K7QX2-M4P9R")}
    assert answers == {(429, '{"error":"too_many"}')}
    assert "Подождите минуту" in await (await page.get(f"/verify/{NUMBER}/{CODE}")).text()
    assert (await page.get("/verify")).status == 200
    archive.now += 60
    assert (await told(page, NUMBER, CODE))[0] == 200


async def test_a_register_that_is_away_is_said_to_be_for_a_while(
    page: Page, archive: Archive
) -> None:
    archive.away = True
    assert await told(page, NUMBER, CODE) == (503, '{"error":"away"}')
    assert "временная неполадка" in await (await page.get(f"/verify/{NUMBER}/{CODE}")).text()


async def test_a_form_of_any_other_kind_breaks_nothing(page: Page) -> None:
    for body in (b"", b"\xff" * 100, b"number=1&number=2&code", b"--a\r\n", b"&" * 4000):
        assert (await page.post("/verify", data=body)).status == 404
    assert (await page.post("/verify", data=b"x" * 10_000)).status == 413


async def test_no_code_is_ever_logged(archive: Archive, caplog: pytest.LogCaptureFixture) -> None:
    (port,) = free_ports(1)
    site = VerificationPage(archive.papers_of, SECRET, PAGE)
    requests = (
        f"GET /verify/{NUMBER}/{CODE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        f"GET /verify/{NUMBER}/{CODE} HTTP/9.x\r\n\r\n",
        f"GET /verify/\0{CODE} HTTP/1.1\r\n\r\n",
    )
    with caplog.at_level(logging.DEBUG):
        async with served(site, "127.0.0.1", port):
            for away in (False, True):
                archive.away = away
                for request in requests:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(request.encode())
                    assert await reader.read()
                    writer.close()
    assert CODE not in caplog.text
    assert "TemporaryFailure" in caplog.text


# --- where it is served ---------------------------------------------------------------------


def fetched(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        content: bytes = answer.read()
    return content.decode()


@pytest.mark.usefixtures("client")
async def test_the_embedded_stack_serves_it_where_its_papers_say(
    stack_parts: EmbeddedStack,
) -> None:
    address = stack_parts.settings().verification_url
    assert "Код проверки" in await asyncio.to_thread(fetched, address)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        await asyncio.to_thread(fetched, f"{address}/{NUMBER}/{CODE}")
    secret = stack_parts.folder / "verification-secret"
    assert secret.stat().st_mode & 0o777 == 0o600


async def test_the_command_serves_it_until_told_to_stop(lonely: Cli) -> None:
    port = str(free_ports(1)[0])
    process = await lonely.start("verify-site", "--port", port)
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert (await process.stdout.readline()).startswith(b"Ready")
    assert "Код проверки" in await asyncio.to_thread(fetched, f"http://127.0.0.1:{port}/verify")
    second = await lonely("verify-site", "--port", port)
    process.send_signal(signal.SIGINT)
    ended = await finished(process)
    assert (ended.code, ended.err) == (0, "")
    assert (second.code, second.err.count("\n")) == (1, 1)
    assert port in second.err
