"""Whatever is kept of a case, nothing personal can be read in it (R13)."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from google.protobuf.json_format import MessageToJson, Parse
from markers import Marked
from temporalio.api.common.v1 import Payloads
from temporalio.client import Client

from domain.statuses import CaseStatus
from starters.demo import Player, player_of
from starters.server import free_ports
from starters.stack import EmbeddedStack, Ports
from workers import logs
from workflows.contracts import workflow_id

SEED = 20261123
OUTSIDE = ("mail", "outside")
"""What stands for other people's systems, which have to read what is sent to them."""
A_FEW = ("1-straight",)


@pytest.fixture
def everything_logged(tmp_path: Path) -> Iterator[None]:
    """All that anybody logs goes to a file of the stack's folder."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("json", "DEBUG", tmp_path / "stack" / "logs" / "worker.log")
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:], root.level = handlers, level


def kept(folder: Path) -> dict[str, bytes]:
    """Everything on disk but what is the outside's."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not file.relative_to(folder).parts[0].startswith(OUTSIDE)
    }


def readable(files: dict[str, bytes], marked: Marked) -> list[tuple[str, str]]:
    """Files and the markers they show."""
    forms = list(marked.forms())
    return [
        (name, value) for name, content in files.items() for value, form in forms if form in content
    ]


async def play(players: list[Player], stack: EmbeddedStack) -> dict[str, bytes]:
    """Carry cases to their ends; returns what was on disk while all was running."""
    async with stack as client:
        await asyncio.gather(*(player.play(client, stack) for player in players))
        await asyncio.gather(*(decode(player, client, stack) for player in players))
        return kept(stack.folder)


async def decode(player: Player, client: Client, stack: EmbeddedStack) -> None:
    """Have the application opened as the UI would, so that the access log says so."""
    history = await client.get_workflow_handle(workflow_id(player.number)).fetch_history()
    sealed = history.events[0].workflow_execution_started_event_attributes.input
    endpoint = stack.server.codec_endpoint
    async with aiohttp.ClientSession() as session:
        asked = session.post(
            f"{endpoint}/decode", data=MessageToJson(sealed), headers={"X-Namespace": "default"}
        )
        async with asked as answer:
            opened = Parse(await answer.text(), Payloads())
    applicant = player.application["applicant"]
    assert isinstance(applicant, dict)
    assert str(applicant["email"]) in opened.payloads[0].data.decode()


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(A_FEW, id="one case"),
        pytest.param((), id="all routes", marks=[pytest.mark.proof, pytest.mark.timeout(240)]),
    ],
)
@pytest.mark.usefixtures("everything_logged")
async def test_no_database_store_log_or_metric_shows_anything_personal(
    names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [port] = free_ports(1)
    monkeypatch.setenv("DIPLOMA_METRICS_ADDRESS", f"127.0.0.1:{port}")
    marked = Marked(tmp_path / "examples", SEED)
    players = [
        player_of(file)
        for file in sorted((tmp_path / "examples").glob("*.json"))
        if not names or file.stem in names
    ]
    stack = EmbeddedStack(
        tmp_path / "stack", Ports.free(ui=False), day_seconds=0.25 if names else 0.5
    )
    running = await play(players, stack)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        running["metrics"] = await answer.read()

    ended = {player.file.stem: player.view.status for player in players if player.view}
    assert ended == {player.file.stem: player.scenario.outcome for player in players}
    assert any(status is CaseStatus.ISSUED for status in ended.values())
    for files in (running, kept(stack.folder)):
        sizes = {name: len(content) for name, content in files.items()}
        assert sizes["temporal.db"] > 100_000
        assert sizes["register.db"] > 10_000
        assert sizes["logs/worker.log"] > 0
        assert files["access.log"].count(b"\n") == len(players)
        assert readable(files, marked) == []
    assert len(running["metrics"]) > 1000


def test_a_marker_would_be_found(tmp_path: Path) -> None:
    marked = Marked(tmp_path / "examples", SEED)
    shown = {value for _, value in readable(kept(tmp_path), marked)}
    assert shown == marked.values
    assert len(shown) > 200
