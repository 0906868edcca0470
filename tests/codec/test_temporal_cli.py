"""Temporal's own command shows clear text through the codec server, and without it none."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.testing import WorkflowEnvironment
from terminal import Cli, Ended, clean_environment

from adapters.access_log import AccessLog, Action
from adapters.codec_server import DAMAGED, ERASED, CodecServer, served
from adapters.codec_tokens import Role, TokenFile, grant_for
from adapters.sealing.codec import KEY_ID, SEALED, SealingCodec
from adapters.sealing.keyring import KeyRing
from starters.server import free_ports

MARKER = "Иванова-4510123456"
READER, WRITER, UI = "reader-token", "writer-token", "ui-token"


class Fixed(PayloadCodec):
    """Sends what it was given, whatever it is asked to send."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._payload for _ in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


def connected(server: WorkflowEnvironment, codec: PayloadCodec) -> Client:
    return Client(
        server.client.service_client,
        namespace=server.client.namespace,
        data_converter=DataConverter(payload_codec=codec),
    )


@pytest.fixture
async def address(codec: SealingCodec, log: AccessLog, tmp_path: Path) -> AsyncIterator[str]:
    """Where the codec server is."""
    tokens = TokenFile(tmp_path / "codec-tokens.toml")
    tokens.add(grant_for(READER, "officer-1", [Role.READER], ["default"]))
    tokens.add(grant_for(WRITER, "officer-2", [Role.WRITER], ["default"]))
    in_path = grant_for(UI, "embedded-ui", [Role.WRITER], ["default"])
    (port,) = free_ports(1)
    async with served(CodecServer(codec, tokens, log, [], in_path), "127.0.0.1", port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def cli(server: WorkflowEnvironment, tmp_path: Path) -> Cli:
    target = server.client.service_client.config.target_host
    return Cli(clean_environment(TEMPORAL_ADDRESS=target), tmp_path)


@pytest.fixture
async def case(
    server: WorkflowEnvironment, codec: SealingCodec
) -> AsyncIterator[WorkflowHandle[object, object]]:
    """A case nobody works on, whose history holds its sealed application and a sealed message."""
    handle = await connected(server, codec).start_workflow(
        "Story", {"name": MARKER}, id=f"duplicate/{uuid4().hex}", task_queue="nobody"
    )
    await handle.signal("told", MARKER)
    yield handle
    await handle.terminate()


async def shown(cli: Cli, case: WorkflowHandle[object, object], *options: str) -> Ended:
    """What Temporal's command shows of the case."""
    return await cli.temporal(
        *("workflow", "show", "--workflow-id", case.id, "--output", "json"),
        *("--command-timeout", "3s", *options),
    )


def payloads_in(ended: Ended) -> list[Payload]:
    """All that was sent to the case, as the command showed it."""
    assert ended.code == 0, ended.err
    found: list[Payload] = []
    for event in WorkflowHistory.from_json("case", ended.out).events:
        found += event.workflow_execution_started_event_attributes.input.payloads
        found += event.workflow_execution_signaled_event_attributes.input.payloads
    return found


def told(ended: Ended) -> list[object]:
    """The same as the values they stand for."""
    return [json.loads(payload.data) for payload in payloads_in(ended)]


def through(address: str, token: str = READER) -> tuple[str, ...]:
    return ("--codec-endpoint", address, "--codec-auth", f"Bearer {token}")


async def test_the_command_shows_clear_text_to_the_entitled_and_ciphertext_to_others(
    cli: Cli, case: WorkflowHandle[object, object], address: str, log: AccessLog
) -> None:
    bare = payloads_in(await shown(cli, case))
    assert [payload.metadata["encoding"] for payload in bare] == [SEALED, SEALED]
    assert list(log.entries()) == []
    assert told(await shown(cli, case, *through(address))) == [{"name": MARKER}, MARKER]
    noted = list(log.entries())
    assert {entry.officer for entry in noted} == {"officer-1"}
    assert {entry.cases for entry in noted} == {(case.id.removeprefix("duplicate/"),)}
    in_path = await shown(cli, case, "--codec-endpoint", f"{address}/as/{UI}")
    assert told(in_path) == [{"name": MARKER}, MARKER]


async def test_a_payload_that_cannot_be_opened_hides_nothing_else(
    cli: Cli,
    case: WorkflowHandle[object, object],
    address: str,
    server: WorkflowEnvironment,
    ring: KeyRing,
) -> None:
    key_id = ring.known(case.id.removeprefix("duplicate/")).key_id.encode()
    for garbage in (b"", b"\x01" * 300):
        strange = Payload(metadata={"encoding": SEALED, KEY_ID: key_id}, data=garbage)
        stranger = connected(server, Fixed(strange)).get_workflow_handle(case.id)
        await stranger.signal("told", "anything")
    clear = await shown(cli, case, *through(address))
    assert told(clear) == [{"name": MARKER}, MARKER, DAMAGED, DAMAGED]
    ring.destroy(case.id.removeprefix("duplicate/"))
    erased = await shown(cli, case, *through(address))
    assert told(erased) == [ERASED, ERASED, DAMAGED, DAMAGED]


async def test_who_is_not_entitled_waits_in_vain(
    cli: Cli, case: WorkflowHandle[object, object], address: str, log: AccessLog
) -> None:
    # Temporal's command takes any refusal for a passing failure, and never says which it was.
    refused = await shown(cli, case, *through(address, "wrong"))
    assert (refused.code, refused.out) == (1, "")
    assert "deadline exceeded" in refused.err
    assert list(log.entries()) == []


async def test_a_message_typed_at_the_terminal_reaches_its_case_sealed(
    cli: Cli,
    case: WorkflowHandle[object, object],
    address: str,
    codec: SealingCodec,
    log: AccessLog,
) -> None:
    typed = "Петрова"
    sent = await cli.temporal(
        *("workflow", "signal", "--workflow-id", case.id, "--name", "told"),
        *("--input", f'"{typed}"', *through(address, WRITER)),
    )
    assert sent.code == 0, sent.err
    assert [entry.action for entry in log.entries()] == [Action.ENCODE]

    *_, last = [event async for event in case.fetch_history_events()]
    [payload] = last.workflow_execution_signaled_event_attributes.input.payloads
    assert payload.metadata["encoding"] == SEALED
    here = codec.for_case(case.id.removeprefix("duplicate/"))
    assert [found.data.decode() for found in await here.decode([payload])] == [f'"{typed}"']
