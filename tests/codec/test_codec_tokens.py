"""Tokens of the codec server: only their hashes are kept, and every fault of the file is named."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.codec_tokens import (
    BadTokens,
    Grant,
    Role,
    TokenFile,
    grant_for,
    granted,
    new_token,
)

LAST_DAY = date(2026, 10, 1)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the tokens are."""
    return tmp_path / "secrets" / "codec-tokens.toml"


def made(token: str, officer: str = "officer-7") -> Grant:
    return grant_for(token, officer, [Role.READER], ["default"], LAST_DAY)


def tokens(kept: Path, today: date = LAST_DAY) -> TokenFile:
    return TokenFile(kept, today=lambda: today)


def test_a_token_is_known_again_and_never_kept(kept: Path) -> None:
    token, other = new_token(), new_token()
    tokens(kept).add(made(token))
    tokens(kept).add(made(other, "officer-8"))
    valid = tokens(kept).valid()
    assert granted(token, valid) == made(token)
    assert granted(other, valid) == made(other, "officer-8")
    for wrong in ("", "x", token[:-1], token + "x", token.swapcase(), "\udcff", "ж"):
        assert granted(wrong, valid) is None
    content = kept.read_text()
    assert token not in content
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_token_is_good_to_the_end_of_its_last_day(kept: Path) -> None:
    tokens(kept).add(made("token"))
    assert tokens(kept, LAST_DAY).valid()
    assert not tokens(kept, date(2026, 10, 2)).valid()


def test_a_reader_reads_and_a_writer_writes_as_well_in_their_namespaces_only() -> None:
    reader, writer = (
        grant_for("token", "officer-7", [role], ["default", "trial"]) for role in Role
    )
    for namespace, is_theirs in (("default", True), ("trial", True), ("other", False), ("", False)):
        assert reader.allows(Role.READER, namespace) is is_theirs
        assert writer.allows(Role.READER, namespace) is is_theirs
        assert writer.allows(Role.WRITER, namespace) is is_theirs
        assert not reader.allows(Role.WRITER, namespace)


def test_revoking_takes_all_tokens_of_an_officer(kept: Path) -> None:
    for officer in ("officer-7", "officer-8", "officer-7"):
        tokens(kept).add(made(new_token(), officer))
    assert tokens(kept).revoke("officer-7") == 2
    assert tokens(kept).revoke("officer-7") == 0
    assert [grant.officer for grant in tokens(kept).valid()] == ["officer-8"]


def test_no_token_is_lost_when_several_are_made_at_once(kept: Path) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: tokens(kept).add(made(new_token())), range(20)))
    assert len(tokens(kept).valid()) == 20


def test_without_a_file_no_token_is_good(kept: Path) -> None:
    assert tokens(kept).valid() == []
    assert tokens(kept).revoke("officer-7") == 0


@pytest.mark.parametrize("officer", ["", "Анна", 'x"', "a b", "a\nb", "x" * 101])
def test_a_name_that_could_break_the_file_is_none(officer: str) -> None:
    with pytest.raises(ValidationError):
        made("token", officer)


SOUND = made("token").sha256
FAULTS = {
    "no toml": ("[[token]", "is not TOML"),
    "no text": ("\udcff", "is not TOML"),
    "something else": ("secret = 1\n", "take it out"),
    "no list": ("token = 1\n", "take it out"),
    "no table": ("token = [1]\n", "entry 1"),
    "a field missing": ('[[token]]\nofficer = "secret"\n', "entry 1: sha256"),
    "a role unknown": ('roles = ["secret"]', "entry 2: roles"),
    "no role": ("roles = []", "entry 2: roles"),
    "a date in words": ('expires = "secret"', "entry 2: expires"),
    "a field too many": ("secret = 1", "entry 2: a field"),
    "no hash": ('sha256 = "secret"', "entry 2: sha256"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_place_and_never_quoted(kept: Path, name: str) -> None:
    content, told = FAULTS[name]
    if "entry 2" in told:
        tokens(kept).add(made("token"))
        tokens(kept).add(made("token"))
        first, second = kept.read_text().rsplit("[[token]]", 1)
        field = content.split(" ")[0]
        lines = [line for line in second.splitlines() if not line.startswith(field)]
        content = f"{first}[[token]]\n{content}\n" + "\n".join(lines)
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(content.encode(errors="surrogateescape"))
    kept.chmod(0o600)
    uses: list[Callable[[], object]] = [
        tokens(kept).valid,
        lambda: tokens(kept).add(made("token")),
        lambda: tokens(kept).revoke("officer-7"),
    ]
    for use in uses:
        with pytest.raises(BadTokens, match=told) as caught:
            use()
        assert "DIPLOMA_CODEC_TOKENS" in str(caught.value)
        assert "secret" not in str(caught.value).replace(str(kept), "")
        assert SOUND not in str(caught.value)


def test_a_file_others_may_read_is_not_used(kept: Path) -> None:
    tokens(kept).add(made("token"))
    kept.chmod(0o644)
    with pytest.raises(BadTokens, match="chmod 600"):
        tokens(kept).valid()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadTokens, match="cannot be written"):
        tokens(tmp_path / "file" / "tokens.toml").add(made("token"))
