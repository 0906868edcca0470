"""The SMS gateway over HTTP (R11): messages, each under an id of ours."""

from http import HTTPStatus
from urllib.parse import quote

from activities.ports import PermanentFailure, Sms
from adapters.credentials import Access
from adapters.http import JsonClient, Peer

_SYSTEM = "the SMS gateway"
_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)


class HttpSmsGateway:
    """Implements SmsGateway over HTTP.

    The gateway knows a message by its id, so a repetition is not sent again. Number and text
    travel in the body only: addresses end up in other people's logs.
    """

    def __init__(
        self,
        base_url: str,
        timeout_seconds: float = 10,
        *,
        access: Access | None = None,
        allow_plain_http: bool = False,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._peer = Peer(_SYSTEM, access)
        self._client = JsonClient(timeout_seconds, allow_plain_http=allow_plain_http)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def send(self, sms: Sms) -> None:
        """Hand one message to the gateway.

        Raises:
            TemporaryFailure: Try again; the gateway is away or busy.
            PermanentFailure: The gateway refused the message for good.
        """
        url = f"{self._base_url}/sms/messages/{quote(sms.message_id, safe='')}"
        status = await self._client.send(self._peer, "PUT", url, sms, allowed=_REFUSED)
        if status in _REFUSED:
            raise PermanentFailure(f"{_SYSTEM} refused the message: {status}")
