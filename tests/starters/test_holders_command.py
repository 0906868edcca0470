"""`diploma holders`: the directory listed, files checked and taken in, never a traceback."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from terminal import EXAMPLES, Cli, Ended, called

from adapters.profiles import DEFAULT_PROFILE, load_holders
from domain.routes import HolderStatus
from domain.text import full_title

EXAMPLE = EXAMPLES / "holders-import.csv"
OWN = DEFAULT_PROFILE / "holders.csv"
HEAD = OWN.read_text(encoding="utf-8").partition("\n")[0]
BAD_LINE = "7700001548,,institution,active,77,http,/x,,,"

Run = Callable[..., Ended]


@pytest.fixture
def holders(capsys: pytest.CaptureFixture[str]) -> Run:
    """`diploma holders` with arguments."""
    return lambda *arguments: called(capsys, "holders", *map(str, arguments))


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A profile folder of the test's own."""
    folder = tmp_path / "profile"
    folder.mkdir()
    for file in DEFAULT_PROFILE.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def written(folder: Path, text: str) -> Path:
    file = folder / "new.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_whole_directory_is_listed(holders: Run) -> None:
    shown = holders("list").out
    assert all(inn in shown for inn in load_holders().holders)
    assert f"{len(load_holders().holders)} holders" in shown


def test_the_list_is_narrowed_by_region_and_status(holders: Run) -> None:
    found = holders("list", "--region", "52", "--status", "reorganised", "--json").document()
    assert len(found) == 2
    assert {holder["region"] for holder in found} == {"52"}
    assert {holder["status"] for holder in found} == {"reorganised"}
    assert "1 holder\n" in holders("list", "--region", "36", "--status", "transferred").out
    assert holders("list", "--region", "01", "--json").document() == []


def test_the_list_tells_who_has_the_records_now(holders: Run) -> None:
    shown = holders("list", "--region", "78", "--status", "liquidated").out
    assert "7800008717" in shown


@pytest.mark.parametrize("region", ["7", "00", "Москва", "[bold]"])
def test_a_region_that_is_none_is_bad_input(holders: Run, region: str) -> None:
    ended = holders("list", "--region", region)
    assert ended.code == 2
    assert region not in ended.err.replace("77", "")


def test_a_profile_of_the_settings_is_listed(
    holders: Run, profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPLOMA_PROFILE", str(profile))
    (profile / "holders.csv").write_text(f"{HEAD}\n{BAD_LINE}\n")
    ended = holders("list")
    assert ended.code == 2
    assert "line 2, inn" in ended.err
    assert "line 2, name" in ended.err


def test_what_is_shipped_is_without_faults(holders: Run) -> None:
    assert holders("check", EXAMPLE).code == 0
    assert holders("check", OWN, "--json").document() == {
        "ok": True,
        "holders": len(load_holders().holders),
    }


def test_every_fault_is_listed_with_its_line(holders: Run, tmp_path: Path) -> None:
    file = written(tmp_path, f"{HEAD}\n{BAD_LINE}\n{BAD_LINE}\n")
    ended = holders("check", file)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("new.csv is not usable:\n  line 2, inn: wrong check digit; ")
    assert ended.err.count("\n") == 6
    told = holders("check", file, "--json")
    assert told.code == 2
    assert told.document()["ok"] is False
    assert len(told.document()["faults"]) == 5


@pytest.mark.parametrize("command", ["check", "import"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe\x00", id="bytes"),
        pytest.param(HEAD.encode() + b"\n\0", id="a zero byte"),
        pytest.param(b"inn,name\n1,2\n", id="columns are missing"),
        pytest.param(HEAD.encode() + b"\n" + b"," * 12, id="too many cells"),
        pytest.param(b"x" * 9 * 1024 * 1024, id="huge"),
        pytest.param(b'"' + HEAD.encode(), id="an open quote"),
    ],
)
def test_what_is_no_directory_is_bad_input(
    holders: Run, profile: Path, content: bytes, command: str
) -> None:
    file = profile / "odd\x1b[31m\n.csv"
    file.write_bytes(content)
    more = ("--into", profile) if command == "import" else ()
    ended = holders(command, file, *more)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.replace("\n", "").isprintable()
    assert (profile / "holders.csv").read_bytes() == OWN.read_bytes()


@pytest.mark.parametrize("command", ["check", "import"])
@pytest.mark.parametrize("file", ["/dev/zero", "nowhere.csv", ".", "x" * 5000, ""])
def test_what_is_no_file_is_bad_input(holders: Run, profile: Path, command: str, file: str) -> None:
    more = ("--into", profile) if command == "import" else ()
    assert holders(command, file, *more).code == 2


def imported(holders: Run, profile: Path, *more: str) -> Any:
    ended = holders("import", EXAMPLE, "--into", profile, "--json", *more)
    assert ended.code == 0
    return ended.document()


def test_the_example_is_imported_once(holders: Run, profile: Path) -> None:
    counts = {"ok": True, "added": 4, "changed": 1, "unchanged": 1}
    assert imported(holders, profile, "--dry-run") == {**counts, "written": False}
    assert (profile / "holders.csv").read_bytes() == OWN.read_bytes()
    assert imported(holders, profile) == {**counts, "written": True}
    before, after = load_holders().holders, load_holders(profile).holders
    assert list(after)[: len(before)] == list(before)
    assert len(after) == len(before) + 4
    assert all(full_title(holder.name) == holder.name for holder in after.values())
    again = imported(holders, profile)
    assert again == {"ok": True, "added": 0, "changed": 0, "unchanged": 6, "written": False}


def test_an_import_is_told_to_people(holders: Run, profile: Path) -> None:
    tried = holders("import", EXAMPLE, "--into", profile, "--dry-run")
    assert tried.out == "added 4, changed 1, unchanged 1. Nothing was written.\n"
    done = holders("import", EXAMPLE, "--into", profile)
    assert done.out == "added 4, changed 1, unchanged 1. Workers read it when they start.\n"


def test_an_import_goes_into_the_profile_of_the_settings(
    holders: Run, profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPLOMA_PROFILE", str(profile))
    assert holders("import", EXAMPLE).code == 0
    assert len(load_holders(profile).holders) == len(load_holders().holders) + 4


def test_an_import_with_a_fault_changes_nothing(holders: Run, profile: Path) -> None:
    file = written(profile.parent, EXAMPLE.read_text(encoding="utf-8-sig") + "1;2\n")
    ended = holders("import", file, "--into", profile)
    assert ended.code == 2
    assert ended.err.startswith("new.csv was not imported:\n  line 8: 2 cells")
    assert (profile / "holders.csv").read_bytes() == OWN.read_bytes()
    assert holders("import", file, "--into", profile, "--json").document()["faults"]


def test_an_import_that_breaks_a_chain_names_where(holders: Run, profile: Path) -> None:
    heir = next(
        heir
        for holder in load_holders().holders.values()
        if holder.status is HolderStatus.TRANSFERRED and (heir := holder.archive_inn)
    )
    line = f"{heir},Колледж,institution,active,{heir[:2]},http,/x,,,"
    ended = holders("import", written(profile, f"{HEAD}\n{line}\n"), "--into", profile)
    assert ended.code == 2
    assert "holders.csv, line " in ended.err
    assert "archive_inn: names no archive" in ended.err


def test_a_folder_that_is_no_profile_is_bad_input(holders: Run, tmp_path: Path) -> None:
    assert holders("import", EXAMPLE, "--into", tmp_path / "nowhere").code == 2
    assert holders("import", EXAMPLE, "--into", EXAMPLE).code == 2


def test_a_profile_without_a_directory_is_bad_input(holders: Run, profile: Path) -> None:
    (profile / "holders.csv").unlink()
    ended = holders("import", EXAMPLE, "--into", profile)
    assert ended.code == 2
    assert "holders.csv: there is no such file" in ended.err


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may become larger, as on a disk that is nearly full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_leaves_the_directory_as_it_was(
    holders: Run, profile: Path
) -> None:
    with room_for(1000):
        ended = holders("import", EXAMPLE, "--into", profile)
    assert ended.code == 1
    assert "holders.csv cannot be written (File too large)" in ended.err
    assert (profile / "holders.csv").read_bytes() == OWN.read_bytes()
    assert {file.name for file in profile.iterdir()} == {
        file.name for file in DEFAULT_PROFILE.iterdir()
    }


async def test_the_real_command_does_the_same(lonely: Cli, profile: Path) -> None:
    listed = await lonely("holders", "list", "--region", "77", "--json")
    checked = await lonely("holders", "check", str(EXAMPLE))
    imported = await lonely("holders", "import", str(EXAMPLE), "--into", str(profile))
    refused = await lonely("holders", "check", "/dev/zero")
    alone = await lonely("holders")
    assert [ended.code for ended in (listed, checked, imported, refused, alone)] == [0, 0, 0, 2, 2]
    assert len(listed.document()) >= 3
    assert alone.err.startswith("Missing command. See `diploma holders --help`")
