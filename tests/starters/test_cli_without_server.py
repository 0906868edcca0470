"""The command line where no server is needed, or none is there: exit codes and clear words."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import EXAMPLES, Cli, called, finished

from starters import console

NUMBER = "7K3M-9QXT-2B4D-6"
CASE = str(EXAMPLES / "1-straight.json")
CORRECTION = str(EXAMPLES / "corrections" / "incomplete.json")
NEED_A_SERVER = (
    ("submit", CASE),
    ("submit", CASE, "--wait"),
    ("status", NUMBER),
    ("list",),
    ("correct", NUMBER, CORRECTION),
    ("withdraw", NUMBER),
    ("reply", NUMBER, str(EXAMPLES / "replies" / "confirmed.json")),
    ("claim", NUMBER, "--officer", "officer-7"),
    ("worker",),
)
COMMANDS = (
    *("check", "claim", "correct", "demo", "list", "reply", "schema", "settings", "status"),
    *("submit", "terms", "up", "withdraw", "worker"),
)


@pytest.fixture(scope="module")
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


async def test_help_names_every_command(lonely: Cli) -> None:
    ended = await lonely("--help")
    assert ended.code == 0
    assert all(f" {command} " in ended.out for command in COMMANDS)


@pytest.mark.parametrize("arguments", NEED_A_SERVER, ids=lambda arguments: arguments[0])
def test_without_a_server_a_command_says_so_at_once(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    began = time.monotonic()
    ended = called(capsys, *arguments)
    assert ended.code == 3
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert "diploma up" in ended.err
    assert time.monotonic() - began < 15


async def test_an_address_nobody_can_use_is_named(lonely: Cli) -> None:
    addresses = ("::::", "127.0.0.1:99999", "http://127.0.0.1:1", "127.0.0.1", "сервер:7233")
    answers = await asyncio.gather(
        *(lonely.but(TEMPORAL_ADDRESS=address)("list", "--json") for address in addresses)
    )
    for address, ended in zip(addresses, answers, strict=True):
        assert ended.code == 3
        assert address in ended.err
        assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("address", "code"),
    [("192.0.2.1:7233", 2), ("temporal:7233", 2), ("[::1]:1", 3), ("localhost:1", 3)],
)
def test_another_machine_is_not_talked_to_in_clear(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, address: str, code: int
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    ended = called(capsys, "list")
    assert ended.code == code
    assert ("TLS is not set up" in ended.err) is (code == 2)


def test_a_server_that_says_nothing_is_not_waited_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, silent_port: int
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{silent_port}")
    monkeypatch.setattr(console, "CONNECT_SECONDS", 1)
    ended = called(capsys, "list")
    assert ended.code == 3
    assert "said nothing" in ended.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "Usage"),
        (("bogus",), "bogus"),
        (("--bogus",), "--bogus"),
        (("list", "--bogus"), "diploma list --help"),
        (("list", "--status", "LOST"), "refused"),
        (("list", "--route", "moon"), "--route"),
        (("list", "--region", "7"), "two-digit"),
        (("list", "--limit", "0"), "--limit"),
        (("status",), "number"),
        (("status", "Соколова"), "13 letters and digits"),
        (("status", "7K3M-9QXT-2B4D-7"), "mistyped"),
        (("withdraw", ""), "13 letters and digits"),
        (("claim", NUMBER, "--officer", "Мария Соколова"), "--officer"),
        (("submit", CASE, "extra"), "extra"),
        (("schema", "diploma"), "correction"),
        (("terms", "--from", "2026-02-30"), "2026-04-29"),
        (("terms", "--from", "30.04.2026"), "2026-04-29"),
        (("terms", "--from", "9999-12-31"), "2100"),
        (("up", "--port", "70000"), "--port"),
        (("up", "--day-seconds", "nan"), "--day-seconds"),
        (("demo", "--day-seconds", "0"), "--day-seconds"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_command_line_is_bad_input_and_says_what_is_right(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], named: str
) -> None:
    ended = called(capsys, *arguments)
    assert ended.code == 2
    assert named in ended.err + ended.out
    assert "Соколова" not in ended.err + ended.out


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DIPLOMA_NONSENSE", "1"),
        ("DIPLOMA_DAY_SECONDS", "fast"),
        ("DIPLOMA_DAY_SECONDS", "0"),
        ("DIPLOMA_DAY_SECONDS", "nan"),
        ("DIPLOMA_LOG_LEVEL", "LOUD"),
        ("DIPLOMA_LOG_FORMAT", ""),
        ("DIPLOMA_SMTP__PORT", "mail"),
        ("DIPLOMA_SMTP__PORT", "70000"),
        ("DIPLOMA_SMTP__COLOUR", "red"),
        ("DIPLOMA_DRAIN_SECONDS", "-1"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    ended = called(capsys, "worker")
    assert ended.code == 2
    assert variable in ended.err
    assert ended.err.count("\n") == 1


def test_a_profile_that_is_not_there_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DIPLOMA_PROFILE", str(tmp_path / "nowhere"))
    ended = called(capsys, "check", CASE)
    assert ended.code == 2
    assert "nowhere" in ended.err


def test_everything_that_needs_no_server_also_answers_in_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check, settings, terms, *schemas = (
        called(capsys, *arguments).document()
        for arguments in (
            ("check", CASE, "--json"),
            ("settings", "--json"),
            ("terms", "--from", "2026-04-29", "--json"),
            ("schema", "--json"),
            ("schema", "correction"),
            ("schema", "reply"),
        )
    )
    assert check == {"ok": True, "deficiencies": []}
    assert "DIPLOMA_DAY_SECONDS" in {setting["name"] for setting in settings}
    assert terms["document_check"] == "2026-05-13"
    assert all("$defs" in schema for schema in schemas)


def test_the_same_is_said_to_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert "complete and correct" in called(capsys, "check", CASE).out
    assert "DIPLOMA_SMTP" in called(capsys, "settings").out
    assert "13.05.2026" in called(capsys, "terms", "--from", "2026-04-29").out


@pytest.mark.parametrize("arguments", [("--help",), ("settings",), ("schema",)])
async def test_a_reader_who_goes_away_is_no_error(lonely: Cli, arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = await lonely.start(*arguments, stdout=writer)
    os.close(writer)
    ended = await finished(process)
    assert (ended.code, ended.err) == (0, "")


async def test_output_that_cannot_be_written_is_a_failure(lonely: Cli) -> None:
    with open("/dev/full", "wb") as full:  # noqa: ASYNC230, PTH123 - a device, at once
        ended = await finished(await lonely.start("terms", "--json", stdout=full))
    assert ended.code == 1
    assert "no space left" in ended.err


def test_no_heartbeat_file_or_an_old_one_is_no_sign_of_life(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unset = called(capsys, "worker", "--healthcheck")
    assert unset.code == 1
    assert "DIPLOMA_HEARTBEAT_FILE" in unset.err
    file = tmp_path / "alive"
    monkeypatch.setenv("DIPLOMA_HEARTBEAT_FILE", str(file))
    assert called(capsys, "worker", "--healthcheck").code == 1
    file.touch()
    assert called(capsys, "worker", "--healthcheck").code == 0
    os.utime(file, (0, 0))
    assert called(capsys, "worker", "--healthcheck").code == 1


@pytest.mark.parametrize("spoiled", ["a file", "a broken note"])
def test_a_folder_that_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, spoiled: str
) -> None:
    folder = tmp_path / "stack"
    if spoiled == "a file":
        folder.touch()
    else:
        folder.mkdir()
        (folder / "stack.json").write_text("{")
    ended = called(capsys, "up", "--folder", str(folder))
    assert ended.code == 1
    assert "stack" in ended.err
