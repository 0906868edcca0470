"""Scans named by their paths: what is no scan file is named, what is one is kept as it is."""

import hashlib
import json
import os
import random
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from helpers import key_settings, trial_keys
from ordered_papers import NUMBER
from samples import valid_application
from scan_samples import a_hostile, make_scans
from temporalio.client import Client
from terminal import Cli, Ended, called, clean_environment

from adapters.blobs import BlobStore
from domain.base import JsonObject
from domain.messages import Correction
from domain.numbers import control_number
from domain.scans import MAX_SCAN_BYTES
from starters.console import examined
from starters.files import BadFile
from starters.intake import TakenIn, keep, take_in
from starters.server import EmbeddedServer, free_ports
from workers.keys import Keys

DOCUMENTS: Any = valid_application()["documents"]
KINDS = [item["kind"] for item in DOCUMENTS]


def scan(place: int) -> bytes:
    """An ordinary scan, another one for each place."""
    return make_scans.as_jpeg(make_scans.receipt(random.Random(place), 500, 700))


def case_file(folder: Path, *files: str, **changes: Any) -> Path:
    """A case whose documents are files; those not given are ordinary scans beside it."""
    (folder / "scans").mkdir(parents=True, exist_ok=True)
    documents: list[JsonObject] = []
    for place, kind in enumerate(KINDS):
        ordinary = f"scans/{place}.jpg"
        (folder / ordinary).write_bytes(scan(place))
        documents.append({"kind": kind, "file": files[place] if place < len(files) else ordinary})
    content = valid_application(**changes) | {"documents": documents}
    file = folder / "case.json"
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return file


def taken_in(file: Path) -> TakenIn:
    return take_in(json.loads(file.read_text(encoding="utf-8")), file)


def document(file: Path, place: int = 0) -> Any:
    documents: Any = taken_in(file).content["documents"]
    return documents[place]


@pytest.fixture
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    """Those of the environment, and where a command looks for them by itself."""
    folder = tmp_path / "var"
    for name, value in key_settings(folder).items():
        monkeypatch.setenv(f"DIPLOMA_{name.upper()}", str(value))
    with closing(trial_keys(folder)) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path, own_keys: Keys, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    """The store of the environment, before anything is kept."""
    monkeypatch.setenv("DIPLOMA_STORE_URL", str(tmp_path / "store"))
    return BlobStore(str(tmp_path / "store"), own_keys.sealer)


def test_a_path_becomes_name_size_and_hash(tmp_path: Path) -> None:
    file = case_file(tmp_path, str(tmp_path / "scans" / "1.jpg"))
    content = scan(1)
    assert document(file) == {
        "kind": KINDS[0],
        "name": "1.jpg",
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert not examined(taken_in(file).content)


def test_documents_without_a_path_stay_as_they_are(tmp_path: Path) -> None:
    contents: tuple[JsonObject, ...] = (
        valid_application(),
        {"documents": ["x", None, 7]},
        {"documents": "x"},
        {},
    )
    for content in contents:
        assert take_in(content, tmp_path / "case.json") == (content, ())


def test_the_control_number_does_not_depend_on_where_the_files_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = case_file(tmp_path / "here", submission_id=None)
    there = tmp_path / "there" / "deeper"
    shutil.copytree(here.parent, there)
    absolute = case_file(
        tmp_path / "absolute", str(here.parent / "scans" / "0.jpg"), submission_id=None
    )
    numbers = {control_number(taken_in(here).content)}
    monkeypatch.chdir(there)
    numbers |= {control_number(taken_in(Path("case.json")).content)}
    numbers |= {control_number(taken_in(absolute).content)}
    assert len(numbers) == 1
    (there / "scans" / "0.jpg").write_bytes(scan(99))
    assert control_number(taken_in(Path("case.json")).content) not in numbers


@pytest.mark.parametrize(
    ("original", "name"),
    [
        ("скан  паспорта.PDF", "скан паспорта.PDF"),
        ("скан и\u0306.pdf", "скан й.pdf"),
        ("one\ntwo.jpg", f"{KINDS[0]}_one_two.jpg"),
        ("scan\u202egpj.exe", f"{KINDS[0]}_scan_gpj.exe"),
        ("---", f"{KINDS[0]}_scan"),
    ],
)
def test_a_name_no_rule_would_take_is_made_safe(tmp_path: Path, original: str, name: str) -> None:
    file = case_file(tmp_path, original)
    (tmp_path / original).write_bytes(scan(1))
    assert document(file)["name"] == name


@pytest.mark.parametrize(
    ("size", "code"), [(0, "DOCUMENT_EMPTY"), (MAX_SCAN_BYTES + 1, "DOCUMENT_TOO_LARGE")]
)
async def test_what_its_size_rules_out_is_not_kept_and_gets_its_reason(
    tmp_path: Path, store: BlobStore, size: int, code: str
) -> None:
    file = case_file(tmp_path, "it.jpg")
    (tmp_path / "it.jpg").write_bytes(b"x" * size)
    assert document(file) == {"kind": KINDS[0], "name": "it.jpg", "size_bytes": size}
    content, scans = taken_in(file)
    assert [(item.field, item.code) for item in examined(content)] == [
        ("documents[0].size_bytes", code)
    ]
    await keep(scans, NUMBER)
    assert len(list(store.list())) == len(KINDS) - 1


async def test_a_scan_of_the_largest_size_is_kept_as_it_is(
    tmp_path: Path, store: BlobStore
) -> None:
    file = case_file(tmp_path, "largest.jpg")
    (tmp_path / "largest.jpg").write_bytes(b"x" * MAX_SCAN_BYTES)
    await keep(taken_in(file).scans, NUMBER)
    assert len(store.get(NUMBER, document(file)["sha256"])) == MAX_SCAN_BYTES


async def test_a_scan_that_changes_meanwhile_is_not_kept(tmp_path: Path, store: BlobStore) -> None:
    _, scans = taken_in(case_file(tmp_path))
    for change in (scan(99), b""):
        scans[0].path.write_bytes(change)
        with pytest.raises(BadFile, match=r"documents\[0\]\.file: .*again"):
            await keep(scans, NUMBER)
    scans[0].path.unlink()
    with pytest.raises(BadFile):
        await keep(scans, NUMBER)
    assert not list(store.list())


def _pipe(file: Path) -> None:
    os.mkfifo(file)


def _locked(file: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    file.write_bytes(scan(1))
    file.chmod(0)


NO_SCANS: dict[str, Callable[[Path], object]] = {
    "missing": lambda _: None,
    "a link": lambda file: file.symlink_to("scans/1.jpg"),
    "a link to nothing": lambda file: file.symlink_to("nowhere"),
    "a folder": lambda file: file.mkdir(),
    "a pipe": _pipe,
    "a device": lambda file: file.symlink_to("/dev/zero"),
    "not readable": _locked,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", NO_SCANS.values(), ids=NO_SCANS.keys())
@pytest.mark.parametrize("command", ["check", "submit", "correct"])
def test_what_is_no_scan_file_is_bad_input_and_nothing_is_stored(
    tmp_path: Path,
    store: BlobStore,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], object],
    command: str,
) -> None:
    file = case_file(tmp_path, "scans/0.jpg", "Соколова.pdf")
    make(tmp_path / "Соколова.pdf")
    number = (NUMBER,) if command == "correct" else ()
    assert_one_line(called(capsys, command, *number, str(file)), "documents[1].file")
    assert not list(store.list())


def assert_one_line(ended: Ended, field: str) -> None:
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"case.json: {field}: ")
    assert ended.err.count("\n") == 1
    assert "Соколова" not in ended.err


@pytest.mark.parametrize("path", ["/dev/zero", "/", "", "no\x00name.pdf", "x" * 5000, 7, None, {}])
def test_what_is_no_path_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: Any
) -> None:
    assert_one_line(called(capsys, "check", str(case_file(tmp_path, path))), "documents[0].file")


@pytest.mark.parametrize("beside", ["name", "size_bytes", "sha256"])
def test_a_path_stands_for_name_size_and_hash(tmp_path: Path, beside: str) -> None:
    content: JsonObject = {"documents": [{"kind": KINDS[0], "file": "a.pdf", beside: None}]}
    with pytest.raises(BadFile, match=r"documents\[0\]\.file: stands for name"):
        take_in(content, tmp_path / "case.json")


def test_a_correction_may_name_files(tmp_path: Path) -> None:
    (tmp_path / "new.jpg").write_bytes(scan(1))
    written: JsonObject = {"documents": [{"kind": KINDS[0], "file": "new.jpg"}]}
    content, scans = take_in(written, tmp_path / "correction.json")
    (found,) = Correction.model_validate(content).documents
    assert (found.name, found.sha256) == ("new.jpg", scans[0].sha256)


# --- check --------------------------------------------------------------------------------


def faults(ended: Ended) -> list[tuple[str, str]]:
    return [(item["field"], item["code"]) for item in ended.document()["deficiencies"]]


def test_check_finds_what_is_wrong_inside_the_files(
    tmp_path: Path, store: BlobStore, capsys: pytest.CaptureFixture[str]
) -> None:
    blank = a_hostile("SCAN_BLANK")
    file = case_file(tmp_path, blank.name, "scans/1.jpg", "broken.jpg", "scans/1.jpg", "a.gif")
    (tmp_path / blank.name).write_bytes(blank.content)
    (tmp_path / "broken.jpg").write_bytes(scan(2)[:-2000])
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    ended = called(capsys, "check", str(file), "--json")
    assert ended.code == 2
    assert faults(ended) == [
        ("documents[4].name", "DOCUMENT_FORMAT"),
        ("documents[0].file", "SCAN_BLANK"),
        ("documents[2].file", "SCAN_TRUNCATED"),
        ("documents[3].file", "SCAN_REPEATED"),
    ]
    told = ended.document()["deficiencies"][1]["message"]
    assert told == "Документ «страница паспорта с личными данными»: на скане ничего нет."
    assert not list(store.list())


def test_check_takes_good_files_and_survives_a_wrong_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = case_file(tmp_path)
    assert called(capsys, "check", str(file)).code == 0
    content = json.loads(file.read_text(encoding="utf-8"))
    content["documents"][0]["kind"] = ["consent"]
    file.write_text(json.dumps(content), encoding="utf-8")
    assert ("documents[0].kind", "VALUE_NOT_ALLOWED") in faults(
        called(capsys, "check", str(file), "--json")
    )


# --- submit and bulk ----------------------------------------------------------------------


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """A server without a worker: cases are begun, and go no further."""
    log_file = tmp_path_factory.mktemp("engine") / "server.log"
    async with EmbeddedServer(
        port=free_ports(1)[0], ui_port=None, codec=None, log_file=log_file
    ) as client:
        yield client


@pytest.fixture
def diploma_alone(engine: Client, tmp_path: Path) -> Cli:
    """The command line beside it, with an empty register and an empty store."""
    address = engine.service_client.config.target_host
    return Cli(clean_environment(TEMPORAL_ADDRESS=address), tmp_path)


async def test_the_same_files_submitted_twice_are_one_case_and_kept_once(
    diploma_alone: Cli, own_keys: Keys, tmp_path: Path
) -> None:
    file = case_file(tmp_path / "one", submission_id=None)
    many = tmp_path / "many"
    shutil.copytree(file.parent, many)
    case_file(many, "Соколова.pdf").rename(many / "without.json")
    shutil.copy(file, many / "case.json")
    number = await diploma_alone.submits(file)
    ended = await diploma_alone("bulk", str(many), "--json")
    summary = ended.document()
    assert (ended.code, summary["submitted_before"], summary["refused"]) == (2, 1, 1)
    (refusal,) = summary["refusals"]
    assert refusal["place"] == "without.json"
    assert refusal["deficiencies"][0]["message"].startswith("documents[0].file: ")
    assert "Соколова" not in ended.out
    content, scans = taken_in(file)
    assert number == control_number(content)
    kept = BlobStore(str(tmp_path / "var" / "documents"), own_keys.sealer)
    assert sorted(kept.list()) == sorted((number, found.sha256) for found in scans)
    assert kept.get(number, scans[0].sha256) == scan(0)


def test_a_form_nobody_can_take_in_leaves_nothing_in_the_store(
    tmp_path: Path, store: BlobStore, capsys: pytest.CaptureFixture[str]
) -> None:
    file = case_file(tmp_path, graduation_year="2007")
    assert called(capsys, "submit", str(file)).code == 2
    assert not list(store.list())


def test_without_a_server_nothing_is_stored(
    tmp_path: Path, store: BlobStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(capsys, "submit", str(case_file(tmp_path))).code == 3
    assert not list(store.list())
