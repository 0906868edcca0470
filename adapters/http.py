"""JSON over HTTP: one session per gateway and one reading of everything that can go wrong."""

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple, TypeVar

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
)
from pydantic import ValidationError
from yarl import URL

from activities.ports import NotYet, TemporaryFailure, UnreadableAnswer
from adapters.credentials import Access
from adapters.transport import goes_out_in_clear, tls_fault
from domain.base import Frozen

LARGEST_ANSWER = 1024 * 1024
"""Bytes of an answer that are read at most, after decompression."""
SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(days=1)
"""No Retry-After is obeyed beyond this: a slip of the other side must not park a case."""

_CHUNK = 64 * 1024
_ASKS_TO_WAIT = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.ACCEPTED,
}

Model = TypeVar("Model", bound=Frozen)


class Peer(NamedTuple):
    """An outside system."""

    name: str
    """How error texts name it."""
    access: Access | None = None
    """What it is shown; None where it wants nothing."""


class JsonClient:
    """Speaks JSON to one outside system or to many of one kind.

    Error texts hold the name of the other side and a status, never an address, a body or
    anything personal. Redirects are not followed: an application must not travel to a host
    nobody has named, and no more must credentials. Cookies are not kept, since hosts could
    have them sent to each other.
    """

    def __init__(
        self,
        timeout_seconds: float,
        *,
        allow_plain_http: bool = False,
        accepted_is_not_yet: bool = False,
    ) -> None:
        """Prepare a client; it connects when it is first used.

        Args:
            timeout_seconds: For one exchange.
            allow_plain_http: Whether to call other machines without TLS.
            accepted_is_not_yet: Whether a 202 with a Retry-After says when the answer will be
                there, so that it is looked for then (`NotYet`).
        """
        self._timeout = ClientTimeout(total=timeout_seconds)
        self._allow_plain_http = allow_plain_http
        self._accepted_is_not_yet = accepted_is_not_yet
        self._session: ClientSession | None = None

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(
        self,
        peer: Peer,
        method: str,
        url: str,
        body: Frozen | None = None,
        *,
        allowed: Collection[int] = (),
    ) -> int:
        """The status, 2xx or one of `allowed`; what else comes back is not read.

        Raises:
            TemporaryFailure: No private connection, no answer in time, or any other status.
        """
        async with self._exchange(peer, method, url, body, allowed) as response:
            return response.status

    async def ask(
        self, peer: Peer, method: str, url: str, model: type[Model], body: Frozen | None = None
    ) -> Model:
        """The answer as a model.

        Raises:
            TemporaryFailure: No private connection, no answer in time, or a status that is not 2xx.
            UnreadableAnswer: The answer is too large or is no such model.
        """
        async with self._exchange(peer, method, url, body) as response:
            return await _read(peer.name, response, model)

    async def find(self, peer: Peer, url: str, model: type[Model]) -> Model | None:
        """What is kept at `url` as a model, None when nothing is (404).

        Raises:
            TemporaryFailure: No private connection, no answer in time, or another status.
            UnreadableAnswer: The answer is too large or is no such model.
        """
        missing = (HTTPStatus.NOT_FOUND,)
        async with self._exchange(peer, "GET", url, allowed=missing) as response:
            return None if response.status in missing else await _read(peer.name, response, model)

    @asynccontextmanager
    async def _exchange(
        self,
        peer: Peer,
        method: str,
        url: str,
        body: Frozen | None = None,
        allowed: Collection[int] = (),
    ) -> AsyncIterator[ClientResponse]:
        self._refuse_to_tell_others(peer, url)
        if self._session is None:
            self._session = ClientSession(timeout=self._timeout, cookie_jar=DummyCookieJar())
        content = None if body is None else body.model_dump_json().encode()
        headers = {"Accept": "application/json", **(peer.access.headers if peer.access else {})}
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                method,
                url,
                data=content,
                headers=headers,
                allow_redirects=False,
                ssl=peer.access.tls if peer.access else True,
            ) as response:
                if response.status not in allowed and not _is_success(response.status):
                    raise TemporaryFailure(
                        f"{peer.name} answered {response.status}", _retry_after(response)
                    )
                if response.status == HTTPStatus.ACCEPTED and response.status not in allowed:
                    self._look_again_later(peer, response)
                yield response
        except TimeoutError:
            raise TemporaryFailure(f"{peer.name} did not answer in time") from None
        except (ClientError, OSError) as error:
            reason = tls_fault(peer.name, error) or f"{peer.name} cannot be reached"
            raise TemporaryFailure(reason) from None

    def _look_again_later(self, peer: Peer, response: ClientResponse) -> None:
        wait = _retry_after(response) if self._accepted_is_not_yet else None
        if wait is not None:
            raise NotYet(f"{peer.name} has not answered yet", max(wait, SHORTEST_WAIT))

    def _refuse_to_tell_others(self, peer: Peer, url: str) -> None:
        address = URL(url)
        if not self._allow_plain_http and goes_out_in_clear(address.scheme, address.raw_host):
            raise TemporaryFailure(
                f"{peer.name} is at a plain http address, where others could read along; "
                "nothing is sent before that is https or DIPLOMA_ALLOW_PLAIN_HTTP is set"
            )
        if peer.access is not None and not peer.access.is_for(url):
            raise TemporaryFailure(
                f"{peer.name} is not at the origin its credentials are for; "
                "nothing is sent before its address or their entry is mended"
            )


def _is_success(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


async def _read(system: str, response: ClientResponse, model: type[Model]) -> Model:
    content = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise UnreadableAnswer(f"{system} sent more than {LARGEST_ANSWER} bytes")
    try:
        return model.model_validate_json(bytes(content))
    except ValidationError:
        raise UnreadableAnswer(f"{system} sent something that cannot be read") from None


def _retry_after(response: ClientResponse) -> timedelta | None:
    """How long the other side asks us to wait; None when it does not say so readably."""
    asked = response.headers.get("Retry-After", "").strip()
    if response.status not in _ASKS_TO_WAIT or not asked:
        return None
    if re.fullmatch("[0-9]+", asked):
        wait = timedelta(seconds=int(asked[:9]))
    else:
        try:
            until = parsedate_to_datetime(asked)
        except ValueError:
            return None
        wait = until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)
    return min(max(wait, timedelta()), LONGEST_WAIT)
