"""Commands that run for long: the worker and the stack in the foreground, told to stop."""

import asyncio
import json
import signal

from helpers import until
from terminal import Cli, clean_environment, finished

from starters.demo import FOLDER as DEMO_FOLDER
from starters.server import free_ports, port_is_free, temporal_executable
from starters.stack import claimed_folder
from starters.up import SPEED_FILE


async def test_a_worker_told_to_stop_drains_and_ends_well(diploma: Cli) -> None:
    await asyncio.gather(
        drains_and_ends(diploma, signal.SIGTERM), drains_and_ends(diploma, signal.SIGINT)
    )


async def drains_and_ends(diploma: Cli, told: signal.Signals) -> None:
    alive = diploma.folder / f"alive-{told.name}"
    beside = diploma.but(DIPLOMA_HEARTBEAT_FILE=str(alive), DIPLOMA_DRAIN_SECONDS="5")
    process = await beside.start("worker")

    async def is_alive() -> bool:
        return alive.exists()

    await until(is_alive)
    healthy = await beside("worker", "--healthcheck")
    process.send_signal(told)
    ended = await finished(process)
    assert (healthy.code, ended.code) == (0, 0)
    happened = [json.loads(line)["event"] for line in ended.err.splitlines()]
    assert happened[0] == "worker started"
    assert "worker draining" in happened
    assert happened[-1] == "worker stopped"
    assert ended.out == ""


async def test_a_demo_that_is_kept_up_is_not_swept_away_by_another(lonely: Cli) -> None:
    folder = lonely.folder / DEMO_FOLDER
    with claimed_folder(folder):
        (folder / "temporal.db").touch()
        ended = await lonely("demo")
    assert (ended.code, ended.out) == (1, "")
    assert "another stack runs in" in ended.err
    assert (folder / "temporal.db").exists()


async def test_a_stack_told_by_ctrl_c_stops_everything_it_started(lonely: Cli) -> None:
    ports = free_ports(5)
    names = ("--port", "--ui-port", "--outside-port", "--smtp-port", "--site-port")
    options = [text for pair in zip(names, map(str, ports), strict=True) for text in pair]
    folder = lonely.folder / "stack"
    process = await lonely.start("up", "--folder", str(folder), *options)
    assert process.stdout is not None
    async with asyncio.timeout(40):
        while not (await process.stdout.readline()).startswith(b"Ready"):
            assert process.returncode is None
    pace = (folder / SPEED_FILE).read_text()
    second = await lonely("up", "--folder", str(folder / ".." / "stack"), "--day-seconds", "7")
    assert (folder / SPEED_FILE).read_text() == pace
    third = await lonely("up", "--folder", str(lonely.folder / "another"), *options)
    beside = Cli(clean_environment(TEMPORAL_ADDRESS=f"127.0.0.1:{ports[0]}"), lonely.folder)
    listed = await beside("list", "--json")
    process.send_signal(signal.SIGINT)
    ended = await finished(process)
    assert (ended.code, ended.err) == (0, "")
    assert [(other.code, other.out) for other in (second, third)] == [(1, "")] * 2
    assert "another stack runs in" in second.err
    assert f"port {ports[2]} is in use" in third.err
    assert (listed.code, listed.document()) == (0, [])
    assert all(port_is_free(port) for port in ports)


async def test_a_worker_prepares_a_namespace_that_knows_nothing_of_us(lonely: Cli) -> None:
    (port,) = free_ports(1)
    server = await asyncio.create_subprocess_exec(
        temporal_executable(),
        *("server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)),
        *("--log-level", "never"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        diploma = lonely.but(TEMPORAL_ADDRESS=f"127.0.0.1:{port}")

        async def is_up() -> bool:
            return (await diploma("list")).code == 0

        await until(is_up)
        case = diploma.case_file("anew")
        first = await diploma("submit", str(case))
        assert first.code == 2
        assert "diploma keys create" in first.err
        assert (await diploma("keys", "create")).code == 0
        before = await diploma("submit", str(case))
        assert before.code == 1
        assert "diploma worker" in before.err
        assert (await diploma("register", "migrate")).code == 0
        alive = diploma.folder / "alive"
        process = await diploma.but(DIPLOMA_HEARTBEAT_FILE=str(alive)).start("worker")

        async def is_alive() -> bool:
            return alive.exists()

        await until(is_alive)
        assert (await diploma("submit", str(case))).code == 0
        process.send_signal(signal.SIGTERM)
        assert (await finished(process)).code == 0
    finally:
        server.terminate()
        await server.wait()
