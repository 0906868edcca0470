"""The codec of the engine: what leaves the process is sealed with the key of its case (R13)."""

import asyncio
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Final, NamedTuple, Self

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from adapters.sealing import REFUSED
from adapters.sealing.errors import KeyUnknown, NotSealed, Tampered
from adapters.sealing.keyring import SERVICE, CaseKey, KeyRing
from adapters.sealing.seal import key_id_of, open_sealed, seal

SEALED: Final = b"binary/encrypted"
KEY_ID: Final = "encryption-key-id"
"""What was sealed before 0.6.0 says here, too, with which key."""


class Opened(NamedTuple):
    """A payload that was opened, or could not be."""

    payload: Payload
    control_number: str = ""
    """Of the case, when it could be opened and belongs to one."""


class SealingCodec(PayloadCodec, WithSerializationContext):
    """Seals and opens the payloads of one case, or without a context of any.

    In a case only its own key counts, and that of a message a person typed in the UI, where
    nobody says which case it is for: it belongs to the case that reads it first. Whatever else comes, be it plain, garbled, or
    another case's, becomes a payload that nobody can decode, and never an error: an error
    would fail the workflow's task again and again. Only when the case's own key is missing, which
    is no fault of the message, everything waits until it is back.
    """

    def __init__(
        self, ring: KeyRing, *, accepts_plaintext: bool = False, makes_keys: bool = True
    ) -> None:
        """Take a ring.

        Args:
            ring: Where the keys are.
            accepts_plaintext: Take cases on that began before anything was sealed. The ring
                remembers which ones: a case that began sealed never gets to see plain text.
            makes_keys: Make the key of a case that has none, as whoever starts one must. A
                worker must not: such a case waits for its key, or was begun by a stranger.
        """
        self._ring = ring
        self._accepts_plaintext = accepts_plaintext
        self._key_for = ring.key_for if makes_keys else ring.known
        self._case: str | None = None

    def with_context(self, context: SerializationContext) -> Self:
        """The same codec, bound to the case of a workflow or of its activity."""
        workflow_id = None
        if isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            workflow_id = context.workflow_id
        return self.for_case(case_of(workflow_id or ""))

    def for_case(self, control_number: str) -> Self:
        """The same codec, bound to a case."""
        bound = copy(self)
        bound._case = control_number  # noqa: SLF001 - it is one of us
        return bound

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Seal payloads with the key of the case, or of the service.

        Raises:
            KeyDestroyed: The case was erased.
            KeyUnknown: The master key is missing.
            TemporaryFailure: The ring is away or busy.
            BadKeys: A person has to mend something.
        """
        key = await self._own_key()
        return [_sealed(payload, key) for payload in payloads]

    async def _own_key(self) -> CaseKey:
        case = self._case or SERVICE
        try:
            return await self._looked_up(case, self._key_for)
        except KeyUnknown:
            if await asyncio.to_thread(self._ring.has, case):
                raise
            # Somebody else began it: what is left to say is that it fails, or waits for its key.
            return await self._looked_up(SERVICE, self._ring.known)

    async def encode_typed(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Seal what a person types, not told for which case: it can be sent to one case only.

        Raises:
            TemporaryFailure: The ring is away or busy.
            BadKeys: A person has to mend something.
        """
        key = await asyncio.to_thread(self._ring.new_typed_key)
        return [_sealed(payload, key) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Open payloads; what cannot be opened ever becomes undecodable.

        Raises:
            KeyDestroyed: The case was erased.
            KeyUnknown: The case's own key is missing; without a context any.
            TemporaryFailure: The ring is away or busy.
            BadKeys: A person has to mend something.
        """
        return [(await self.decode_one(payload)).payload for payload in payloads]

    async def decode_one(self, payload: Payload) -> Opened:
        """Open one payload, and say whose it was; raises as `decode` does."""
        if payload.metadata.get("encoding") != SEALED:
            return Opened(payload if await self._takes_plaintext() else _refused(b"not sealed"))
        try:
            key = await self._key_to(payload)
            if key is None:
                return Opened(_refused(b"sealed for another case"))
            content = open_sealed(payload.data, key.secret, _context(key))
            return Opened(Payload.FromString(content), key.control_number)
        except (NotSealed, Tampered, DecodeError):
            return Opened(_refused(b"damaged"))

    async def _takes_plaintext(self) -> bool:
        if self._case is None:
            return self._accepts_plaintext
        if not self._accepts_plaintext and not await asyncio.to_thread(self._ring.has, self._case):
            return False  # and no key is made: the next worker may be told to accept it
        first_seen = partial(self._ring.key_for, began_plain=True)
        return (await self._looked_up(self._case, first_seen)).began_plain

    async def _key_to(self, payload: Payload) -> CaseKey | None:
        """The key that opens a payload; None when it is not for this case."""
        key_id = key_id_of(payload.data)
        if payload.metadata.get(KEY_ID, key_id.encode()) != key_id.encode():
            raise Tampered("the payload and what it carries name different keys")
        if self._case is None:
            return await asyncio.to_thread(self._ring.key, key_id)
        own = await self._looked_up(self._case, self._ring.known)
        if own.key_id == key_id:
            return own
        return await asyncio.to_thread(self._ring.typed_key, key_id, self._case)

    async def _looked_up(self, case: str, look_up: Callable[[str], CaseKey]) -> CaseKey:
        # The database may take its time, and others wait for this loop.
        key = self._ring.remembered(case)
        return key if key is not None else await asyncio.to_thread(look_up, case)


def case_of(workflow_id: str) -> str:
    """The case a workflow belongs to: all that follows the first slash of its id."""
    return workflow_id.partition("/")[2] or SERVICE


def _sealed(payload: Payload, key: CaseKey) -> Payload:
    data = seal(payload.SerializeToString(), key.secret, key.key_id, _context(key))
    return Payload(metadata={"encoding": SEALED}, data=data)


def _context(key: CaseKey) -> bytes:
    # Not the workflow's id: a codec server is not told it, and a case has two workflows.
    return f"payload:{'typed' if key.typed else key.control_number}".encode()


def _refused(reason: bytes) -> Payload:
    return Payload(metadata={"encoding": REFUSED}, data=reason)
