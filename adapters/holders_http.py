"""Records holders with an API (R6): errands are put, asked after and deleted."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote, urljoin

from activities.ports import TemporaryFailure, UnreadableAnswer
from adapters.credentials import Access
from adapters.http import JsonClient, Peer
from domain.base import Frozen
from domain.errands import Errand, ErrandAnswer, ErrandKind
from domain.routes import Holder

_ANSWERED_BY = {
    ErrandKind.VERIFICATION: {"reply"},
    ErrandKind.PRODUCTION: {"production"},
    ErrandKind.HAND_OVER: {"hand_over", "parcel"},
    ErrandKind.DELIVERY: {"hand_over", "parcel"},
}
"""Which parts of an ErrandAnswer, one of them, may answer which kind of errand."""


class ErrandState(Frozen):
    """What a holder says about an errand it has."""

    errand: str
    """The errand's key."""
    state: Literal["pending", "answered"]
    answer: ErrandAnswer | None = None


class HttpHolderGateway:
    """Implements HolderGateway over HTTP.

    A holder's address in the directory may be absolute or relative to `base_url`. What holders
    are shown is kept by their INN.
    """

    def __init__(
        self,
        base_url: str,
        timeout_seconds: float = 10,
        *,
        accesses: Mapping[str, Access] = MappingProxyType({}),
        allow_plain_http: bool = False,
    ) -> None:
        self._base_url = base_url
        self._accesses = accesses
        self._client = JsonClient(
            timeout_seconds, allow_plain_http=allow_plain_http, accepted_is_not_yet=True
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def answer_of(self, holder: Holder, errand: Errand) -> ErrandAnswer | None:
        """Place the errand if the holder does not have it yet and fetch its answer.

        Returns:
            None while the holder has not answered.

        Raises:
            NotYet: The holder says when its answer will be there (202 with a Retry-After).
            TemporaryFailure: The holder is away, slow, failing or asks to wait.
            UnreadableAnswer: The holder sent something that is not an answer to this errand.
        """
        peer, url = self._peer(holder), self._url(holder, errand)
        state = await self._client.find(peer, url, ErrandState)
        if state is None:
            await self._client.send(peer, "PUT", url, errand)
            return None
        return _answer(peer.name, errand, state)

    async def recall(self, holder: Holder, errand: Errand) -> None:
        """Tell the holder that the errand is void; harmless when it does not have it.

        Raises:
            TemporaryFailure: The holder is away, slow, failing or asks to wait.
        """
        await self._client.send(
            self._peer(holder),
            "DELETE",
            self._url(holder, errand),
            allowed=(HTTPStatus.NOT_FOUND, HTTPStatus.ACCEPTED),
        )

    def _peer(self, holder: Holder) -> Peer:
        return Peer(f"holder {holder.inn}", self._accesses.get(holder.inn))

    def _url(self, holder: Holder, errand: Errand) -> str:
        if holder.channel is None:
            raise TemporaryFailure(f"holder {holder.inn} has no address in the directory")
        address = urljoin(self._base_url, holder.channel.address).rstrip("/")
        return f"{address}/errands/{quote(errand.key, safe='')}"


def _answer(system: str, errand: Errand, state: ErrandState) -> ErrandAnswer | None:
    if state.errand != errand.key:
        raise UnreadableAnswer(f"{system} answered another errand")
    if (state.state == "answered") != (state.answer is not None):
        raise UnreadableAnswer(f"{system} contradicts itself about having answered")
    if state.answer is None:
        return None
    parts = {part for part, value in state.answer if value is not None}
    if len(parts) != 1 or not parts <= _ANSWERED_BY[errand.kind]:
        raise UnreadableAnswer(f"{system} sent an answer that does not fit {errand.kind}")
    return state.answer
