"""What passes through the engine is sealed for its case; whatever else comes harms nobody."""

import asyncio
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from helpers import until
from staging import CACHES, cache_options
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client, WorkflowHistory
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    DefaultFailureConverter,
    NexusSerializationContext,
    PayloadCodec,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.failures import in_engine_terms, not_yet
from activities.ports import NotYet, TemporaryFailure
from adapters.sealing import REFUSED
from adapters.sealing.codec import KEY_ID, SEALED, SealingCodec, case_of
from adapters.sealing.errors import KeyDestroyed, KeyUnknown
from adapters.sealing.keyring import SERVICE, KeyRing
from adapters.sealing.masters import MasterKeys
from adapters.sealing.seal import key_id_of, seal
from workers.temporal import BriefConverter, TolerantConverter

CASE = "7K3M-9QXT-2B4D-6"
OTHER = "4H8P-2WZC-7N5R-3"
MARKER = "Иванова-4510123456"
MASTER, LATER = (f"{name}:{b64encode(os.urandom(32)).decode()}" for name in ("may", "june"))
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=f'{{"name": "{MARKER}"}}'.encode())


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The address of an empty ring."""
    address = f"sqlite:///{tmp_path}/keys.sqlite3"
    with opened(address) as ring:
        ring.create()
    return address


@contextmanager
def opened(url: str, masters: str = MASTER) -> Iterator[KeyRing]:
    with closing(KeyRing(url, MasterKeys.from_text(masters))) as ring:
        yield ring


@pytest.fixture
def ring(url: str) -> Iterator[KeyRing]:
    with opened(url) as ready:
        yield ready


@pytest.fixture
def codec(ring: KeyRing) -> SealingCodec:
    return SealingCodec(ring)


def of_case(control_number: str, kind: str = "duplicate") -> WorkflowSerializationContext:
    return WorkflowSerializationContext(namespace="here", workflow_id=f"{kind}/{control_number}")


def of_step(workflow_id: str | None) -> ActivitySerializationContext:
    return ActivitySerializationContext(
        namespace="here",
        activity_id="1",
        activity_type="step",
        activity_task_queue="queue",
        workflow_id=workflow_id,
        workflow_type="story",
        is_local=False,
    )


def changed(payload: Payload, data: bytes) -> Payload:
    return Payload(metadata=dict(payload.metadata), data=data)


async def reasons(codec: SealingCodec, *payloads: Payload) -> list[bytes]:
    found = await codec.decode(payloads)
    assert all(payload.metadata["encoding"] == REFUSED for payload in found)
    return [payload.data for payload in found]


async def test_payloads_come_back_as_they_were(codec: SealingCodec) -> None:
    here = codec.with_context(of_case(CASE))
    payloads = [PLAIN, Payload(metadata={"encoding": b"binary/null"}), Payload(data=b"x" * 9000)]
    sealed = await here.encode(payloads)
    assert [payload.metadata["encoding"] for payload in sealed] == [SEALED] * 3
    assert not any(MARKER.encode() in payload.SerializeToString() for payload in sealed)
    assert await here.decode(sealed) == payloads


async def test_the_workflows_and_steps_of_a_case_share_its_key(
    codec: SealingCodec, ring: KeyRing
) -> None:
    contexts = [
        of_case(CASE),
        of_case(CASE, "temporary-certificate"),
        of_step(f"duplicate/{CASE}"),
    ]
    for writer in contexts:
        [sealed] = await codec.with_context(writer).encode([PLAIN])
        assert key_id_of(sealed.data) == ring.known(CASE).key_id
        for reader in contexts:
            assert await codec.with_context(reader).decode([sealed]) == [PLAIN]


async def test_what_belongs_to_no_case_is_sealed_for_the_service(
    codec: SealingCodec, ring: KeyRing
) -> None:
    nexus = NexusSerializationContext(endpoint="e", service="s", operation="o")
    bare = WorkflowSerializationContext(namespace="here", workflow_id="cleaning")
    for writer in (codec, *map(codec.with_context, (nexus, bare, of_step(None)))):
        [sealed] = await writer.encode([PLAIN])
        assert key_id_of(sealed.data) == ring.known(SERVICE).key_id
        assert await writer.decode([sealed]) == [PLAIN]


def test_a_workflow_id_names_its_case() -> None:
    assert case_of(f"duplicate/{CASE}") == case_of(f"temporary-certificate/{CASE}") == CASE
    assert case_of("cleaning") == case_of("") == case_of("duplicate/") == SERVICE


async def test_without_a_context_the_key_id_alone_decides(codec: SealingCodec) -> None:
    sealed = [(await codec.for_case(case).encode([PLAIN]))[0] for case in (CASE, OTHER, SERVICE)]
    assert await codec.decode(sealed) == [PLAIN] * 3


async def test_a_message_typed_through_the_codec_server_reaches_a_case(
    codec: SealingCodec,
) -> None:
    here = codec.for_case(CASE)
    await here.encode([PLAIN])
    typed = await codec.encode_typed([PLAIN])
    assert await codec.decode(typed) == [PLAIN]
    assert await here.decode(typed) == [PLAIN]


async def test_a_typed_message_belongs_to_the_case_that_reads_it_first(
    codec: SealingCodec, ring: KeyRing
) -> None:
    here, elsewhere = codec.for_case(CASE), codec.for_case(OTHER)
    for case in (here, elsewhere):
        await case.encode([PLAIN])
    typed = await codec.encode_typed([PLAIN])
    assert await here.decode(typed) == [PLAIN]
    assert await reasons(elsewhere, *typed) == [b"sealed for another case"]
    assert (await codec.decode_one(typed[0])).control_number == CASE
    ring.destroy(CASE)
    with pytest.raises(KeyDestroyed):
        await codec.decode(typed)


async def test_nothing_sealed_for_the_service_is_told_to_a_case(codec: SealingCodec) -> None:
    here = codec.for_case(CASE)
    await here.encode([PLAIN])
    assert await reasons(here, *await codec.encode([PLAIN])) == [b"sealed for another case"]


async def test_what_is_not_sealed_for_this_case_cannot_be_decoded_and_never_raises(
    codec: SealingCodec, ring: KeyRing
) -> None:
    here = codec.for_case(CASE)
    [own] = await here.encode([PLAIN])
    [foreign] = await codec.for_case(OTHER).encode([PLAIN])
    unknown = uuid4().hex
    made_up = Payload(
        metadata={"encoding": SEALED, KEY_ID: unknown.encode()},
        data=seal(b"x", os.urandom(32), unknown, b""),
    )
    own_key = ring.known(CASE)
    elsewhere = seal(b"{}", own_key.secret, own_key.key_id, f"register:{CASE}".encode())
    assert await reasons(here, PLAIN, Payload()) == [b"not sealed"] * 2
    assert await reasons(here, foreign, made_up) == [b"sealed for another case"] * 2
    damaged = [
        changed(own, b""),
        changed(own, os.urandom(300)),
        changed(own, own.data[:-1]),
        changed(own, elsewhere),
        Payload(metadata={"encoding": SEALED, KEY_ID: b"0" * 32}, data=own.data),
    ]
    assert await reasons(here, *damaged) == [b"damaged"] * len(damaged)


async def test_another_cases_message_is_refused_when_that_case_is_erased_too(
    codec: SealingCodec, ring: KeyRing
) -> None:
    await codec.for_case(CASE).encode([PLAIN])
    [foreign] = await codec.for_case(OTHER).encode([PLAIN])
    ring.destroy(OTHER)
    assert await reasons(codec.for_case(CASE), foreign) == [b"sealed for another case"]


async def test_every_changed_byte_makes_a_payload_undecodable(codec: SealingCodec) -> None:
    here = codec.for_case(CASE)
    [sealed] = await here.encode([PLAIN])
    for place in range(len(sealed.data)):
        data = bytearray(sealed.data)
        data[place] ^= 0x20
        await reasons(here, changed(sealed, bytes(data)))


async def test_workflows_get_the_undecodable_as_bytes(codec: SealingCodec) -> None:
    converter = DataConverter(payload_converter_class=TolerantConverter, payload_codec=codec)
    [message] = await converter.with_context(of_case(CASE)).decode([PLAIN])
    assert message == b"not sealed"


async def test_plaintext_passes_for_ever_in_cases_that_began_with_it(ring: KeyRing) -> None:
    lenient, strict = SealingCodec(ring, accepts_plaintext=True), SealingCodec(ring)
    assert await lenient.decode([PLAIN]) == [PLAIN]
    assert await lenient.for_case(CASE).decode([PLAIN]) == [PLAIN]
    [sealed] = await lenient.for_case(CASE).encode([PLAIN])
    assert await strict.for_case(CASE).decode([PLAIN, sealed]) == [PLAIN, PLAIN]


async def test_a_worker_makes_no_key_and_may_be_told_later_to_accept_plaintext(
    ring: KeyRing,
) -> None:
    strict = SealingCodec(ring, makes_keys=False).for_case(CASE)
    assert await reasons(strict, PLAIN) == [b"not sealed"]
    [failure] = await strict.encode([PLAIN])
    assert key_id_of(failure.data) == ring.known(SERVICE).key_id
    assert not ring.has(CASE)
    lenient = SealingCodec(ring, accepts_plaintext=True, makes_keys=False).for_case(CASE)
    assert await lenient.decode([PLAIN]) == [PLAIN]
    assert await lenient.decode(await lenient.encode([PLAIN])) == [PLAIN]


async def test_plaintext_never_passes_in_a_case_that_began_sealed(ring: KeyRing) -> None:
    lenient, strict = SealingCodec(ring, accepts_plaintext=True), SealingCodec(ring)
    await strict.for_case(CASE).encode([PLAIN])
    for codec in (lenient, strict):
        assert await reasons(codec.for_case(CASE), PLAIN) == [b"not sealed"]


async def test_a_case_whose_key_is_missing_waits_until_it_is_restored(
    codec: SealingCodec, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "keys.sqlite3"
    empty = file.read_bytes()
    [sealed] = await codec.for_case(CASE).encode([PLAIN])
    full = file.read_bytes()
    file.write_bytes(empty)
    with opened(url) as lost:
        for reader in (SealingCodec(lost), SealingCodec(lost).for_case(CASE)):
            with pytest.raises(KeyUnknown):
                await reader.decode([sealed])
    file.write_bytes(full)
    with opened(url, LATER) as keyless, pytest.raises(KeyUnknown, match="the master key may"):
        await SealingCodec(keyless).for_case(CASE).decode([sealed])
    with opened(url, f"{LATER},{MASTER}") as restored:
        assert await SealingCodec(restored).for_case(CASE).decode([sealed]) == [PLAIN]


async def test_payloads_outlive_a_rotation_and_not_the_erasure(
    codec: SealingCodec, url: str
) -> None:
    yesterday = await codec.for_case(CASE).encode([PLAIN])
    with opened(url, f"{LATER},{MASTER}") as both:
        assert both.rewrap().left == 0
    with opened(url, LATER) as ring:
        today = SealingCodec(ring)
        assert await today.for_case(CASE).decode(yesterday) == [PLAIN]
        ring.destroy(CASE)
        for reader in (today, today.for_case(CASE)):
            with pytest.raises(KeyDestroyed):
                await reader.decode(yesterday)
        with pytest.raises(KeyDestroyed):
            await today.for_case(CASE).encode([PLAIN])


def of_failures(codec: SealingCodec) -> DataConverter:
    """What a worker tells the failures of a case's steps with."""
    converter = DataConverter(
        payload_converter_class=TolerantConverter,
        payload_codec=codec,
        failure_converter_class=BriefConverter,
    )
    return converter.with_context(of_step(f"duplicate/{CASE}"))


async def told_of(raised: Exception, codec: SealingCodec) -> Failure:
    """A failure as it leaves the process once it was raised."""
    with pytest.raises((ApplicationError, ValueError)) as caught, in_engine_terms():
        raise raised
    failure = Failure()
    await of_failures(codec).encode_failure(caught.value, failure)
    return failure


@pytest.mark.parametrize(
    "poll",
    [not_yet(timedelta(hours=6)), NotYet("holder has not answered yet", timedelta(hours=6))],
    ids=["unanswered", "told when"],
)
async def test_a_poll_without_a_result_is_told_in_a_word_and_in_clear(
    codec: SealingCodec, ring: KeyRing, poll: Exception
) -> None:
    failure = await told_of(poll, codec)
    info = failure.application_failure_info
    assert failure.message == "no answer yet"
    assert (info.type, info.non_retryable) == ("NotYet", False)
    assert info.next_retry_delay.ToTimedelta() == timedelta(hours=6)
    assert info.category == ApplicationErrorCategory.BENIGN.value
    assert not failure.stack_trace
    assert not failure.HasField("encoded_attributes")
    assert not failure.HasField("cause")
    assert failure.ByteSize() < 50
    assert not ring.has(CASE)


async def test_a_poll_without_a_result_comes_back_as_it_was_told(codec: SealingCodec) -> None:
    failure = await told_of(not_yet(timedelta(minutes=7)), codec)
    error = await of_failures(codec).decode_failure(failure)
    assert isinstance(error, ApplicationError)
    assert (error.message, error.type) == ("no answer yet", "NotYet")
    assert error.category is ApplicationErrorCategory.BENIGN
    assert error.next_retry_delay == timedelta(minutes=7)


async def test_what_a_poll_without_a_result_carries_along_is_sealed(codec: SealingCodec) -> None:
    carrying = ApplicationError("wait", MARKER, category=ApplicationErrorCategory.BENIGN)
    failure = await told_of(carrying, codec)
    assert failure.message == "wait"
    assert MARKER not in failure.SerializeToString().decode(errors="ignore")
    (detail,) = failure.application_failure_info.details.payloads
    assert detail.metadata["encoding"] == SEALED
    error = await of_failures(codec).decode_failure(failure)
    assert isinstance(error, ApplicationError)
    assert error.details == (MARKER,)


@pytest.mark.parametrize(
    "raised",
    [
        TemporaryFailure(MARKER, timedelta(hours=6)),
        ApplicationError(MARKER, type="NotYet"),
        ValueError(MARKER),
    ],
    ids=["of the outside", "called alike", "a defect"],
)
async def test_every_other_failure_is_sealed_with_all_its_words(
    codec: SealingCodec, raised: Exception
) -> None:
    failure = await told_of(raised, codec)
    assert failure.message == "Encoded failure"
    assert failure.encoded_attributes.metadata["encoding"] == SEALED
    assert MARKER not in failure.SerializeToString().decode(errors="ignore")
    error = await of_failures(codec).decode_failure(failure)
    assert isinstance(error, ApplicationError)
    assert error.message == MARKER


class EncodingFailures(DefaultFailureConverter):
    """Moves texts of failures to where the codec sees them."""

    def __init__(self) -> None:
        super().__init__(encode_common_attributes=True)


@activity.defn
async def look_at(application: dict[str, str]) -> dict[str, str]:
    if activity.info().attempt == 1:
        raise ApplicationError(f"no place for {application['name']}", application)
    return application


@workflow.defn
class Certificate:
    """Stands for the second workflow of a case."""

    @workflow.run
    async def run(self, application: dict[str, str]) -> dict[str, str]:
        duplicate = workflow.info().workflow_id.replace("temporary-certificate", "duplicate")
        await workflow.get_external_workflow_handle(duplicate).signal("told", application)
        return application


@workflow.defn
class Story:
    """Every way a payload can go in one workflow."""

    def __init__(self) -> None:
        self._told: list[Any] = []

    @workflow.run
    async def run(self, application: dict[str, str]) -> list[Any]:
        workflow.set_current_details(application["name"])
        seen = await workflow.execute_activity(
            look_at,
            application,
            start_to_close_timeout=timedelta(seconds=10),
            summary=application["name"],
        )
        child = workflow.info().workflow_id.replace("duplicate", "temporary-certificate")
        seen = await workflow.execute_child_workflow(Certificate.run, seen, id=child)
        await workflow.wait_condition(lambda: "end" in self._told)
        return [seen, *self._told]

    @workflow.signal
    def told(self, *payload: Any) -> None:
        self._told += [
            bytes(part).decode() if isinstance(part, bytes) else part for part in payload
        ]

    @workflow.query
    def count(self) -> int:
        return len(self._told)


class Fixed(PayloadCodec):
    """Sends what it was given, whatever it is asked to send."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._payload for _ in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


def connected(server: WorkflowEnvironment, codec: PayloadCodec | None) -> Client:
    converter = DataConverter(
        payload_converter_class=TolerantConverter,
        payload_codec=codec,
        failure_converter_class=EncodingFailures,
    )
    service = server.client.service_client
    return Client(service, namespace=server.client.namespace, data_converter=converter)


@pytest.fixture(params=CACHES)
async def sealing(
    request: pytest.FixtureRequest, server: WorkflowEnvironment, codec: SealingCodec
) -> AsyncIterator[Client]:
    """A client that seals, and a worker that knows the workflows of this module."""
    client = connected(server, codec)
    async with Worker(
        client,
        task_queue="sealing",
        workflows=[Story, Certificate],
        activities=[look_at],
        workflow_runner=UnsandboxedWorkflowRunner(),
        **cache_options(request.param),
    ):
        yield client


async def test_a_case_on_a_real_server_stays_healthy_and_unreadable(
    sealing: Client, server: WorkflowEnvironment, codec: SealingCodec
) -> None:
    number = uuid4().hex
    story = await sealing.start_workflow(
        Story.run,
        {"name": MARKER},
        id=f"duplicate/{number}",
        task_queue="sealing",
        memo={"name": MARKER},
        static_summary=MARKER,
        static_details=MARKER,
    )
    [foreign] = await codec.for_case(OTHER).encode([PLAIN])
    for message in (PLAIN, foreign, changed(foreign, b"garbage")):
        stranger = connected(server, Fixed(message))
        await stranger.get_workflow_handle(story.id).signal("told", "anything")

    async def all_came() -> bool:
        return await story.query(Story.count) == 4

    await until(all_came)
    await story.signal("told", "end")
    refused = ["not sealed", "sealed for another case", "damaged"]
    first, *rest = await asyncio.wait_for(story.result(), 20)
    assert first == {"name": MARKER}
    assert [told for told in rest if told in refused] == refused
    assert {"name": MARKER} in rest
    assert await (await story.describe()).memo() == {"name": MARKER}
    bare = connected(server, None)
    for workflow_id in (story.id, f"temporary-certificate/{number}"):
        history = await bare.get_workflow_handle(workflow_id).fetch_history()
        assert MARKER not in "".join(texts(history)).replace(PLAIN.data.decode(), "")


def texts(history: WorkflowHistory) -> Iterator[str]:
    for event in history.events:
        yield event.SerializeToString().decode(errors="ignore")
