"""Master keys are kept from others, and what is wrong with them is said without telling them."""

import os
import stat
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from adapters.sealing.errors import BadKeys
from adapters.sealing.masters import FILE_SETTING, SETTING, MasterKeys, create_master_key

SECRET = b64encode(os.urandom(32)).decode()
OTHER = b64encode(os.urandom(32)).decode()
WRONG = {
    "empty": "",
    "remarks": "# nothing\n",
    "no id": SECRET,
    "empty id": f":{SECRET}",
    "id with spaces": f"key of may:{SECRET}",
    "short": f"a:{SECRET[:-8]}",
    "long": f"a:{SECRET}{SECRET}",
    "no base64": f"a:{SECRET[:-2]}ж=",
    "same id twice": f"a:{SECRET}\na:{OTHER}",
}


def test_a_first_run_makes_a_key_once_and_for_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / "var" / "master.keys"
    create_master_key(file)
    before = file.read_bytes()
    create_master_key(file)
    assert file.read_bytes() == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(MasterKeys.from_file(file).known()) == 1


def test_the_first_key_wraps_and_each_unwraps_its_own() -> None:
    both = MasterKeys.from_text(f"# of May\nnew: {SECRET}\n\nold:{OTHER}\n")
    assert both.primary().master_id == "new"
    wrapped = both.known()["old"].wrap(b"key", b"case 1")
    assert both.known()["old"].unwrap(wrapped, b"case 1") == b"key"
    for master, content, context in (
        ("new", wrapped, b"case 1"),
        ("old", wrapped, b"case 2"),
        ("old", wrapped[:-1], b"case 1"),
        ("old", b"", b"case 1"),
    ):
        with pytest.raises(InvalidTag):
            both.known()[master].unwrap(content, context)


def test_a_setting_may_hold_them_in_one_line() -> None:
    assert list(MasterKeys.from_text(f"a:{SECRET},b:{OTHER}").known()) == ["a", "b"]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said_without_any_key(wrong: str) -> None:
    text = WRONG[wrong]
    with pytest.raises(BadKeys, match=f"^{SETTING}: ") as fault:
        MasterKeys.from_text(text)
    assert SECRET[:8] not in str(fault.value)
    assert fault.value.__cause__ is None
    assert fault.value.__suppress_context__ or fault.value.__context__ is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "master.keys"
    create_master_key(file)
    file.chmod(mode)
    with pytest.raises(BadKeys, match=f"{FILE_SETTING}: others may read .* chmod 600"):
        MasterKeys.from_file(file).known()


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadKeys, match=f"{FILE_SETTING}: .*nowhere cannot be read"):
        MasterKeys.from_file(tmp_path / "nowhere").known()
    with pytest.raises(BadKeys, match="cannot be read"):
        MasterKeys.from_file(tmp_path).known()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(BadKeys, match="holds no text"):
        MasterKeys.from_file(tmp_path / "bytes").known()
    with pytest.raises(BadKeys, match="cannot be written"):
        create_master_key(tmp_path / "bytes" / "below")


def test_nothing_that_shows_a_master_key_shows_what_it_is() -> None:
    keys = MasterKeys.from_text(f"a:{SECRET}")
    shown = f"{keys!r} {keys.known()!r} {keys.primary()} {keys.primary()!r}"
    assert SECRET[:8] not in shown
    assert repr(keys.primary()) == "MasterKey(master_id='a')"
