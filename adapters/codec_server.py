"""The codec server: opens and seals payloads for the engine's UI and CLI, and notes it (R13)."""

import asyncio
import json
import logging
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from ssl import SSLContext
from typing import Any, NamedTuple

from aiohttp import web
from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from temporalio.api.common.v1 import Payload, Payloads

from adapters.access_log import AccessLog, Action
from adapters.codec_tokens import Grant, Role, TokenFile, granted
from adapters.sealing import REFUSED
from adapters.sealing.codec import SEALED, SealingCodec
from adapters.sealing.errors import KeyDestroyed, KeyUnknown
from adapters.sealing.keyring import SERVICE

LARGEST_BODY = 6 * 1024 * 1024
"""What the engine takes in one message, 4 MiB, in base64 with its metadata."""
MOST_PAYLOADS = 500
MOST_OPENED = 64 * 1024 * 1024
"""Bytes given out at once; what is sealed was deflated first, and may become far larger."""
ERASED, KEY_MISSING, DAMAGED = "[erased]", "[key missing]", "[damaged]"
"""What stands in the place of what cannot be opened."""

_HEADERS = {"Cache-Control": "no-store", "Vary": "Origin", "X-Content-Type-Options": "nosniff"}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": (
        "authorization, authorization-extras, content-type, x-namespace"
    ),
    "Access-Control-Max-Age": "600",
}
"""What the UI asks for before it sends anything; it sends the second header beside the first."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
"""Of either alphabet, padded or not; the library skips what is no base64."""
_MINUTE = 60.0

_LOG = logging.getLogger(__name__)
_SILENT = logging.getLogger(f"{__name__}.requests")
"""The library would quote a malformed request, token and all."""
_SILENT.setLevel(logging.CRITICAL + 1)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Outcome(Enum):
    """What became of one payload."""

    PASSED = auto()
    """It was not sealed."""
    OPENED = auto()
    REFUSED = auto()


class _Found(NamedTuple):
    """One payload as it is given out."""

    payload: Payload
    outcome: _Outcome
    control_number: str = ""


class CodecServer:
    """Answers officers who have a token for the namespace; anybody else learns nothing.

    Nothing is given out before the access log has it. A payload that cannot be opened is
    replaced by a remark, so that it does not hide the others.
    """

    def __init__(
        self,
        codec: SealingCodec,
        tokens: TokenFile,
        log: AccessLog,
        origins: Collection[str],
        in_path: Grant | None = None,
    ) -> None:
        """Describe the server.

        Args:
            codec: Opens and seals, without a case.
            tokens: Who may ask.
            log: Where it is noted.
            origins: Of the UI, each exactly as a browser sends it.
            in_path: For a UI that cannot send a token in a header: its requests begin with
                /as/<token>. No token of the file is taken there, as addresses are written down
                in many places.
        """
        self._codec = codec
        self._tokens = tokens
        self._log = log
        self._origins = frozenset(origins)
        self._in_path = in_path
        self._seldom = _Seldom()

    def app(self) -> web.Application:
        """The application to serve."""
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[self._guard])
        for prefix in ("", "/as/{token}") if self._in_path else ("",):
            for path, handler in (("decode", self._decode), ("encode", self._encode)):
                app.router.add_post(f"{prefix}/{path}", handler)
                app.router.add_options(f"{prefix}/{path}", self._preflight)
        app.router.add_get("/health", self._health)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Let nobody in from elsewhere, and no error out; say to browsers who may read this."""
        headers = self._headers(request)
        try:
            answer = await self._answer(request, handler)
        except web.HTTPException as refusal:
            self._count(refusal)
            refusal.headers.update(headers)
            raise
        answer.headers.update(headers)
        return answer

    async def _answer(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.headers.get("Origin", "") not in {"", *self._origins}:
            raise _refusal(web.HTTPForbidden, "this origin is not allowed")
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except web.RequestPayloadError:
            raise _refusal(web.HTTPBadRequest, "the body cannot be read") from None
        except Exception as failure:  # noqa: BLE001 - whatever it is, nothing is given out
            kind = type(failure).__name__
            if times := self._seldom.due(kind):
                _LOG.exception("nothing is given out", extra={"failure": kind, "times": times})
            reason = "keys or access log cannot be used now"
            raise _refusal(web.HTTPServiceUnavailable, reason) from None

    def _count(self, refusal: web.HTTPException) -> None:
        # Not in the access log, which only those may lengthen who have a token.
        if refusal.status == HTTPStatus.UNAUTHORIZED and (times := self._seldom.due("token")):
            _LOG.warning("turned away: no such token", extra={"times": times})
        if refusal.status == HTTPStatus.FORBIDDEN and (times := self._seldom.due("right")):
            _LOG.warning("turned away: the token is not for this", extra={"times": times})

    def _headers(self, request: web.Request) -> dict[str, str]:
        origin = request.headers.get("Origin")
        if origin not in self._origins:
            return _HEADERS
        preflight = _PREFLIGHT if request.method == "OPTIONS" else {}
        return {**_HEADERS, "Access-Control-Allow-Origin": origin, **preflight}

    async def _preflight(self, _request: web.Request) -> web.Response:
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _decode(self, request: web.Request) -> web.Response:
        officer, namespace = self._entitled(request, Role.READER)
        found = await self._opened(await _payloads(request))
        count = Counter(one.outcome for one in found)
        if count[_Outcome.OPENED]:
            note = partial(
                self._log.append,
                Action.DECODE,
                officer,
                namespace=namespace,
                cases={one.control_number for one in found} - {"", SERVICE},
                payloads=count[_Outcome.OPENED],
                refused=count[_Outcome.REFUSED],
            )
            await asyncio.to_thread(note)
        return _json([one.payload for one in found])

    async def _encode(self, request: web.Request) -> web.Response:
        officer, namespace = self._entitled(request, Role.WRITER)
        plain = await _payloads(request)
        if not plain:
            return _json([])
        sealed = await self._codec.encode_typed(plain)
        note = partial(
            self._log.append, Action.ENCODE, officer, namespace=namespace, payloads=len(sealed)
        )
        await asyncio.to_thread(note)
        return _json(sealed)

    def _entitled(self, request: web.Request, role: Role) -> tuple[str, str]:
        """The officer who asks, and the namespace; raises a refusal."""
        in_path = request.match_info.get("token")
        if in_path is not None and self._in_path is not None:
            grant = granted(in_path, [self._in_path])
        else:
            grant = granted(_bearer(request), self._tokens.valid())
        if grant is None:
            raise _refusal(web.HTTPUnauthorized, "no such token", {"WWW-Authenticate": "Bearer"})
        namespace = request.headers.get("X-Namespace", "")
        if not grant.allows(role, namespace):
            raise _refusal(web.HTTPForbidden, "the token is not for this")
        return grant.officer, namespace

    async def _opened(self, payloads: Sequence[Payload]) -> list[_Found]:
        found, size = [], 0
        for payload in payloads:
            found.append(await self._opened_one(payload))
            size += len(found[-1].payload.data)
            if size > MOST_OPENED:
                raise _too_much("ask for fewer payloads at once")
        return found

    async def _opened_one(self, payload: Payload) -> _Found:
        if payload.metadata.get("encoding") != SEALED:
            return _Found(payload, _Outcome.PASSED)
        try:
            opened = await self._codec.decode_one(payload)
        except KeyDestroyed:
            return _remark(ERASED)
        except KeyUnknown:
            return _remark(KEY_MISSING)
        if opened.payload.metadata.get("encoding") == REFUSED:
            return _remark(DAMAGED)
        return _Found(opened.payload, _Outcome.OPENED, opened.control_number)


@asynccontextmanager
async def served(
    server: CodecServer, host: str, port: int, tls: SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve while the context is entered; requests are never logged.

    Raises:
        OSError: The port is in use.
    """
    runner = web.AppRunner(server.app(), access_log=None, logger=_SILENT)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()


class _Seldom:
    """Counts what happens again and again, to be told once a minute: nobody fills the log."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()
        self._told_at: dict[str, float] = {}

    def due(self, kind: str) -> int:
        """How often it has happened since it was told; 0 while it is not to be told again."""
        self._waiting[kind] += 1
        now = time.monotonic()
        if now - self._told_at.get(kind, -_MINUTE) < _MINUTE:
            return 0
        self._told_at[kind] = now
        return self._waiting.pop(kind)


async def _payloads(request: web.Request) -> list[Payload]:
    """What was sent; raises a refusal when it is too much or of another form."""
    try:
        document = json.loads(await request.read())
        payloads = ParseDict(document, Payloads()).payloads
        well_formed = all(map(_BASE64.fullmatch, _encoded(document)))
    except web.HTTPRequestEntityTooLarge:
        raise _too_much("the body is too large") from None
    except (ParseError, ValueError, TypeError, AttributeError, RecursionError):
        well_formed = False
    if not well_formed:
        raise _refusal(web.HTTPBadRequest, "the body is no JSON of payloads")
    if len(payloads) > MOST_PAYLOADS:
        raise _too_much("there are too many payloads")
    return list(payloads)


def _encoded(document: dict[str, Any]) -> Iterator[str]:
    """All that should be base64 in what has the form of payloads."""
    for payload in document.get("payloads") or ():
        yield payload.get("data") or ""
        yield from (payload.get("metadata") or {}).values()


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _remark(text: str) -> _Found:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(text).encode())
    return _Found(payload, _Outcome.REFUSED)


def _json(payloads: Sequence[Payload]) -> web.Response:
    text = MessageToJson(Payloads(payloads=payloads), indent=None)
    return web.Response(text=text, content_type="application/json")


def _refusal(
    kind: Callable[..., web.HTTPException], reason: str, headers: dict[str, str] | None = None
) -> web.HTTPException:
    text = json.dumps({"error": reason})
    return kind(text=text, content_type="application/json", headers=headers)


def _too_much(reason: str) -> web.HTTPException:
    return _refusal(partial(web.HTTPRequestEntityTooLarge, LARGEST_BODY), reason)
