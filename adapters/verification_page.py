"""The page where anyone checks a print-out by its code (R8, R10): kind, in force or not, days."""

import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from adapters.mail_rendering import numeric_date
from domain.base import Frozen
from domain.numbers import BadControlNumber, parse_control_number
from domain.paper_checks import TEMPLATE_LABELS, Registered, Standing, paper_of, registered
from domain.papers import PaperTemplate
from domain.register import Paper

TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "pages"
TRIES_A_MINUTE = 30
"""Of one address; a code has 50 bits, so this keeps the page alive rather than the codes safe."""
_MINUTE = 60.0
_MOST_ADDRESSES = 10_000
"""Remembered at a time; when more come, all of them wait."""
_LARGEST_FORM = 4096
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",  # the address holds the code
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}

_LOG = logging.getLogger(__name__)
_SILENT = logging.getLogger(f"{__name__}.requests")
"""The library would quote a malformed request, code and all."""
_SILENT.setLevel(logging.CRITICAL + 1)

PapersOfCase = Callable[[str], Awaitable[Sequence[Paper]]]
"""The papers the register has of a case; their numbers do not matter."""


class Answer(Frozen):
    """All that a stranger with a print-out is told."""

    kind: PaperTemplate
    kind_label: str
    in_force: bool | None
    """None for papers that only tell what was so on their day."""
    issued_on: date | None = None
    valid_until: date | None = None


class VerificationPage:
    """Answers who has a control number and a code; a wrong one and a wrong other look alike.

    The register is only asked once the code has proved right: nothing that can be measured
    tells whether a case exists. Codes are never logged.
    """

    def __init__(
        self,
        papers_of_case: PapersOfCase,
        secret: bytes,
        url: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Describe the page.

        Args:
            papers_of_case: Asks the register; see `SqlRegister.paper_states`.
            secret: What codes are made with; the same as the office's.
            url: Where people find the page; its path is where it is served.
            clock: Seconds; what a minute is.
        """
        self._papers_of_case = papers_of_case
        self._secret = secret
        self._path = urlsplit(url).path.rstrip("/")
        self._tries = _Tries(clock)
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
        )
        environment.filters["day"] = numeric_date
        self._template = environment.get_template("verification.html.j2")

    def app(self) -> web.Application:
        """The application to serve."""
        app = web.Application(client_max_size=_LARGEST_FORM)
        app.router.add_get(self._path or "/", self._show_form)
        app.router.add_post(self._path or "/", self._check_form)
        app.router.add_get(f"{self._path}/{{number}}/{{code}}", self._check_address)
        return app

    async def _show_form(self, _request: web.Request) -> web.Response:
        return self._page(HTTPStatus.OK, "form")

    async def _check_form(self, request: web.Request) -> web.Response:
        fields = dict(parse_qsl((await request.read()).decode("utf-8", "replace")))
        return await self._check(request, fields.get("number", ""), fields.get("code", ""))

    async def _check_address(self, request: web.Request) -> web.Response:
        return await self._check(request, request.match_info["number"], request.match_info["code"])

    async def _check(self, request: web.Request, number: str, code: str) -> web.Response:
        wants_json = "application/json" in request.headers.get("Accept", "")
        if not self._tries.take(request.remote or ""):
            return self._refusal(HTTPStatus.TOO_MANY_REQUESTS, "too_many", wants_json=wants_json)
        try:
            answer = await self._answer(number, code)
        except Exception:  # noqa: BLE001 - a stranger is told nothing of our troubles
            _LOG.exception("a paper could not be looked up")
            return self._refusal(HTTPStatus.SERVICE_UNAVAILABLE, "away", wants_json=wants_json)
        if answer is None:
            return self._refusal(HTTPStatus.NOT_FOUND, "not_found", wants_json=wants_json)
        if wants_json:
            return _json(HTTPStatus.OK, answer.model_dump_json())
        return self._page(HTTPStatus.OK, "answer", answer)

    async def _answer(self, number: str, code: str) -> Answer | None:
        try:
            control_number = parse_control_number(number)
        except BadControlNumber:
            control_number = ""  # no case has it; the code is worked out all the same
        found = paper_of(code, control_number, self._secret)
        if found is None:
            return None
        paper_id, template = found
        papers = await self._papers_of_case(control_number)
        return _told(template, registered(paper_id, template, papers))

    def _refusal(self, status: HTTPStatus, reason: str, *, wants_json: bool) -> web.Response:
        if wants_json:
            return _json(status, f'{{"error":"{reason}"}}')
        return self._page(status, reason)

    def _page(self, status: HTTPStatus, told: str, answer: Answer | None = None) -> web.Response:
        page = self._template.render(told=told, answer=answer, action=self._path or "/")
        return web.Response(text=page, content_type="text/html", status=status, headers=_HEADERS)


@asynccontextmanager
async def served(page: VerificationPage, host: str, port: int) -> AsyncIterator[None]:
    """Serve the page while the context is entered; requests are never logged.

    Raises:
        OSError: The port is in use.
    """
    runner = web.AppRunner(page.app(), access_log=None, logger=_SILENT)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


class _Tries:
    """Counts what each address tries in the minute that runs."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = clock()
        self._made: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        """False when the address has to wait for the next minute."""
        now = self._clock()
        if now - self._since >= _MINUTE:
            self._since = now
            self._made.clear()
        if address not in self._made and len(self._made) >= _MOST_ADDRESSES:
            return False
        self._made[address] += 1
        return self._made[address] <= TRIES_A_MINUTE


def _told(template: PaperTemplate, found: Registered) -> Answer:
    stateless = found.standing is Standing.STATELESS
    return Answer(
        kind=template,
        kind_label=TEMPLATE_LABELS[template],
        in_force=None if stateless else found.standing is Standing.IN_FORCE,
        issued_on=found.issued_on,
        valid_until=found.valid_until,
    )


def _json(status: HTTPStatus, text: str) -> web.Response:
    return web.Response(text=text, content_type="application/json", status=status, headers=_HEADERS)
