"""JSON over HTTP: one session per gateway and one reading of everything that can go wrong."""

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout
from pydantic import ValidationError

from activities.ports import TemporaryFailure, UnreadableAnswer
from domain.base import Frozen

LARGEST_ANSWER = 1024 * 1024
"""Bytes of an answer that are read at most, after decompression."""
LONGEST_WAIT = timedelta(days=1)
"""No Retry-After is obeyed beyond this: a slip of the other side must not park a case."""

_CHUNK = 64 * 1024
_ASKS_TO_WAIT = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}

Model = TypeVar("Model", bound=Frozen)


class JsonClient:
    """Speaks JSON to one outside system or to many of one kind.

    `system` in the methods is how error texts name the other side. The texts hold that name
    and a status, never an address, a body or anything personal. Redirects are not followed:
    an application must not travel to a host nobody has named.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = ClientTimeout(total=timeout_seconds)
        self._session: ClientSession | None = None

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(
        self,
        system: str,
        method: str,
        url: str,
        body: Frozen | None = None,
        *,
        allowed: Collection[int] = (),
    ) -> int:
        """The status, 2xx or one of `allowed`; what else comes back is not read.

        Raises:
            TemporaryFailure: No connection, no answer in time, or any other status.
        """
        async with self._exchange(system, method, url, body, allowed) as response:
            return response.status

    async def ask(
        self, system: str, method: str, url: str, model: type[Model], body: Frozen | None = None
    ) -> Model:
        """The answer as a model.

        Raises:
            TemporaryFailure: No connection, no answer in time, or a status that is not 2xx.
            UnreadableAnswer: The answer is too large or is no such model.
        """
        async with self._exchange(system, method, url, body) as response:
            return await _read(system, response, model)

    async def find(self, system: str, url: str, model: type[Model]) -> Model | None:
        """What is kept at `url` as a model, None when nothing is (404).

        Raises:
            TemporaryFailure: No connection, no answer in time, or another status.
            UnreadableAnswer: The answer is too large or is no such model.
        """
        missing = (HTTPStatus.NOT_FOUND,)
        async with self._exchange(system, "GET", url, allowed=missing) as response:
            return None if response.status in missing else await _read(system, response, model)

    @asynccontextmanager
    async def _exchange(
        self,
        system: str,
        method: str,
        url: str,
        body: Frozen | None = None,
        allowed: Collection[int] = (),
    ) -> AsyncIterator[ClientResponse]:
        if self._session is None:
            self._session = ClientSession(timeout=self._timeout)
        content = None if body is None else body.model_dump_json().encode()
        headers = {"Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                method, url, data=content, headers=headers, allow_redirects=False
            ) as response:
                if response.status not in allowed and not _is_success(response.status):
                    raise TemporaryFailure(
                        f"{system} answered {response.status}", _retry_after(response)
                    )
                yield response
        except TimeoutError:
            raise TemporaryFailure(f"{system} did not answer in time") from None
        except (ClientError, OSError):
            raise TemporaryFailure(f"{system} cannot be reached") from None


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
