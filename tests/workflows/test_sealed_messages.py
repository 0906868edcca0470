"""Messages the codec will not open are parked, whoever sends them, and the case goes on (R13)."""

import os
from collections.abc import Sequence
from uuid import uuid4

import pytest
from helpers import until
from staging import Stage, Story, produced
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.exceptions import ApplicationError

from adapters.sealing.codec import KEY_ID, SEALED
from adapters.sealing.seal import seal
from domain.statuses import CaseStatus
from workers.keys import Keys
from workflows.contracts import DUPLICATE_REQUEST

CONFIRMED = Payload(metadata={"encoding": b"json/plain"}, data=b'{"verdict": "confirmed"}')


class Sent(PayloadCodec):
    """Sends one payload, whatever it is asked to send."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._payload for _ in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


def stranger(stage: Stage, payload: Payload) -> Client:
    """A client of the same server that is not one of ours."""
    client = stage.environment.client
    converter = DataConverter(payload_codec=Sent(payload))
    return Client(client.service_client, namespace=client.namespace, data_converter=converter)


async def tell(stage: Stage, story: Story, payload: Payload) -> None:
    """Send a payload to a case as it is, in the place of a holder's answer."""
    handle = stranger(stage, payload).get_workflow_handle(story.handle.id)
    await handle.signal("holder_replied", "anything")


async def test_what_the_codec_will_not_open_is_parked_and_the_case_ends_normally(
    stage: Stage, keys: Keys
) -> None:
    story, other = await stage.starts_by_letter(), await stage.starts_by_letter()
    await story.reaches(CaseStatus.IN_REVIEW)
    [own] = await keys.codec.for_case(story.number).encode([CONFIRMED])
    [foreign] = await keys.codec.for_case(other.number).encode([CONFIRMED])
    unknown = uuid4().hex
    for payload in (
        CONFIRMED,
        foreign,
        Payload(metadata=dict(own.metadata), data=os.urandom(200)),
        Payload(
            metadata={"encoding": SEALED, KEY_ID: unknown.encode()},
            data=seal(CONFIRMED.SerializeToString(), os.urandom(32), unknown, b"payload"),
        ),
    ):
        await tell(stage, story, payload)

    async def all_seen() -> bool:
        return (await story.view()).parked_total == 4

    await until(all_seen)
    view = await story.view()
    assert view.status is CaseStatus.IN_REVIEW
    assert sorted(item.reason.partition(":")[0] for item in view.parked) == [
        "was not sealed",
        "was sealed for another case, or by somebody without our keys",
        "was sealed for another case, or by somebody without our keys",
        "was sealed, and damaged",
    ]
    await tell(stage, story, own)
    await story.reaches(CaseStatus.IN_PRODUCTION)
    await story.signal("production_finished", produced())
    await story.reaches(CaseStatus.READY)
    await story.signal(
        "duplicate_handed_over",
        {"method": "post", "handed_over_on": "2026-06-01", "reference": "RA1"},
    )
    await story.ends(CaseStatus.ISSUED)


async def test_a_message_typed_through_the_codec_server_counts_in_one_case_only(
    stage: Stage, keys: Keys
) -> None:
    story, other = await stage.starts_by_letter(), await stage.starts_by_letter()
    [typed] = await keys.codec.encode_typed([CONFIRMED])
    await story.reaches(CaseStatus.IN_REVIEW)
    await tell(stage, story, typed)
    await story.reaches(CaseStatus.IN_PRODUCTION)
    await other.reaches(CaseStatus.IN_REVIEW)
    await tell(stage, other, typed)
    await other.has("parked")
    assert (await other.view()).status is CaseStatus.IN_REVIEW


async def test_a_case_that_is_started_unsealed_fails_and_can_be_started_anew(stage: Stage) -> None:
    plain = Payload(metadata={"encoding": b"json/plain"}, data=b'{"control_number": "1"}')
    handle = await stranger(stage, plain).start_workflow(
        DUPLICATE_REQUEST, "anything", id=f"duplicate/{uuid4().hex}", task_queue=stage.queue
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await stage.environment.client.get_workflow_handle(handle.id).result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "NotSealed"
