"""Whatever stands in the environment: the service works with it, or says what to mend."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from terminal import Ended, called

from workers.settings import BadSettings, Settings, listing, load_settings

QUICK = settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
VARIABLES = [name for name, _, _ in listing(Settings())]
MAIL = [name for name in VARIABLES if name.startswith("DIPLOMA_SMTP__")]
SECRET = "s3cret"
SECRETS = (
    *("DIPLOMA_MASTER_KEYS", "DIPLOMA_STORE_SECRET", "DIPLOMA_SIGNING_PASSPHRASE"),
    "DIPLOMA_SMTP__PASSWORD",
)
DATABASES = ("DIPLOMA_REGISTER_URL", "DIPLOMA_KEYRING_URL")
WEB_ADDRESSES = (
    *("DIPLOMA_HOLDERS_BASE_URL", "DIPLOMA_PAYMENTS_BASE_URL", "DIPLOMA_SMS_BASE_URL"),
    *("DIPLOMA_STORE_ENDPOINT", "DIPLOMA_TIMESTAMP_URL", "DIPLOMA_VERIFICATION_URL"),
)
BESIDE = {
    "DIPLOMA_SMTP__PASSWORD": {
        "DIPLOMA_SMTP__USERNAME": "somebody",
        "DIPLOMA_SMTP__SECURITY": "tls",
    },
    "DIPLOMA_TIMESTAMP_URL": {"DIPLOMA_TIMESTAMP_CERTIFICATES": "authority.pem"},
}
"""What some settings need beside them."""
LOOKING = (
    *(("settings",), ("settings", "--json"), ("keys", "status"), ("keys", "create")),
    *(("register", "papers"), ("register", "migrate"), ("store", "check"), ("terms",)),
)
"""Commands that read settings, and say something."""

plain = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
not_utf_8 = st.binary(max_size=40).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))
pieces = st.sampled_from(
    [
        *("{number}", "{number", "{", "}", "{0}", "{number.x}", "{number[x]}", "{number!r:>9}"),
        *("[", "]", '"', "{}", ":", "/", "//", "@", "?", "#", "%", "%00", ",", ";", "=", "\n"),
        *("1", "-1", "0", "65536", "1e999", "nan", "inf", "true", "null", "٣", "é", " ", "*"),
        *("http", "https", "file", "s3", "sqlite", "postgresql", "tls", "none", "json", "INFO"),
        *("127.0.0.1", "localhost", "[::1]", "example.org", "bücher.example", "xn--", "."),
    ]
)
texts = plain | not_utf_8 | st.lists(pieces, max_size=8).map("".join)
passwords = st.tuples(
    st.text("/:?#% +[]'\"é", max_size=3), st.just(SECRET), st.text("/:?#% +[]'\"é", max_size=3)
).map("".join)
"""What may stand before the sign @ of an address, though much of it should be written as %2F."""


class Surroundings:
    """Gives commands in an environment of the test's own, and in an empty folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, variables: dict[str, str], *command: str) -> Ended:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            return called(self._capsys, *command)


@pytest.fixture
def given_in(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Surroundings:
    monkeypatch.chdir(tmp_path)
    return Surroundings(capsys)


def is_told(ended: Ended, *variables: str) -> bool:
    """True when one line names a variable of those, or a part of it, and repeats no value."""
    line = re.fullmatch(r"(DIPLOMA_[A-Z_]+): .+\n", ended.err)
    return line is not None and line[1].startswith(tuple(name.split("__")[0] for name in variables))


@QUICK
@given(variable=st.sampled_from(VARIABLES), text=texts)
@example(variable="DIPLOMA_PROFILE", text="\udcff")
@example(variable="DIPLOMA_CASE_URL", text="https://example.org/{number.x}")
@example(variable="DIPLOMA_CASE_URL", text="https://example.org/{number[x]}")
@example(variable="DIPLOMA_CODEC_ORIGINS", text="[" * 5000)
def test_any_text_in_a_variable_works_or_is_told(
    given_in: Surroundings, variable: str, text: str
) -> None:
    ended = given_in({variable: text}, "settings", "--json")
    assert ended.code in {0, 2}
    assert (ended.code == 0) is not is_told(ended, variable)


@QUICK
@given(name=plain.filter(lambda name: "=" not in name), text=texts)
@example(name="SMTP__", text="1")
@example(name="SMTP__PORT__X", text="1")
@example(name="\n", text="1")
def test_any_variable_of_ours_is_known_or_told(
    given_in: Surroundings, name: str, text: str
) -> None:
    ended = given_in({f"DIPLOMA_{name}": text}, "settings", "--json")
    assert ended.code in {0, 2}
    assert ended.err.count("\n") == (ended.code == 2)
    assert (ended.code == 2) is ended.err.startswith("DIPLOMA_")


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(SECRET),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["host", "port", "username", "password", "security", "colour"]), inner
        )
    ),
    max_leaves=8,
)


@QUICK
@given(value=JSON.map(json.dumps) | texts, part=st.sampled_from(["", *MAIL]), text=texts)
@example(value='{"password": "s3cret"}', part="", text="")
@example(value='{"password": ["s3cret"], "username": "s3cret"}', part="", text="")
@example(value='{"password": "s3cret', part="", text="")
def test_any_json_for_the_mail_server_works_or_is_told(
    given_in: Surroundings, value: str, part: str, text: str
) -> None:
    parts = {part: text} if part else {}
    ended = given_in({"DIPLOMA_SMTP": value, **parts}, "settings", "--json")
    assert ended.code in {0, 2}
    assert (ended.code == 0) is not is_told(ended, "DIPLOMA_SMTP")
    assert SECRET not in ended.err


@QUICK
@given(parts=st.dictionaries(st.sampled_from(MAIL), texts, max_size=5))
@example(parts={"DIPLOMA_SMTP__SECURITY": "tls", "DIPLOMA_SMTP__CA_FILE": "\udcff\n"})
@example(parts={"DIPLOMA_SMTP__SENDER_ADDRESS": "\x80@0"})
@example(parts={"DIPLOMA_SMTP__REPLY_TO": "0@\x80"})
def test_any_mail_server_is_made_ready_or_told(parts: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, text in parts.items():
            patch.setenv(name, text)
        try:
            load_settings().mail_gateway()
        except BadSettings as error:
            told = str(error)
        else:
            return
    assert told.startswith("DIPLOMA_SMTP__")


@QUICK
@given(
    variables=st.sets(st.sampled_from(SECRETS), min_size=1),
    secret=passwords,
    command=st.sampled_from(LOOKING),
)
def test_no_command_shows_a_secret(
    given_in: Surroundings, variables: set[str], secret: str, command: tuple[str, ...]
) -> None:
    beside = {name: text for other in variables for name, text in BESIDE.get(other, {}).items()}
    ended = given_in({**beside, **dict.fromkeys(variables, secret)}, *command)
    assert ended.code == 0 or command[0] != "settings"
    assert SECRET not in ended.out + ended.err


@QUICK
@given(
    variable=st.sampled_from(DATABASES + WEB_ADDRESSES),
    user=st.sampled_from(["somebody", "some%40body", ""]),
    password=passwords,
    command=st.sampled_from(LOOKING),
)
@example(variable=DATABASES[0], user="somebody", password="a/s3cret", command=("settings",))
@example(variable=DATABASES[1], user="", password="s3cret", command=("settings", "--json"))
@example(variable=WEB_ADDRESSES[0], user="", password="s3cret", command=("settings",))
@example(
    variable="DIPLOMA_TIMESTAMP_URL", user="somebody", password="?s3cret", command=("settings",)
)
def test_no_command_shows_the_password_in_an_address(
    given_in: Surroundings, variable: str, user: str, password: str, command: tuple[str, ...]
) -> None:
    scheme = "postgresql" if variable in DATABASES else "https"
    address = f"{scheme}://{user}:{password}@127.0.0.1:1/name"
    ended = given_in({**BESIDE.get(variable, {}), variable: address}, *command)
    assert ended.code == 0 or command[0] != "settings" or variable in WEB_ADDRESSES
    assert SECRET not in ended.out + ended.err


@QUICK
@given(password=passwords.map(lambda text: re.sub(r"[#&]", "", text)))
@example(password="s3cret")
def test_no_command_shows_the_password_behind_an_address(
    given_in: Surroundings, password: str
) -> None:
    address = f"postgresql://127.0.0.1:1/name?user=somebody&password={password}"
    for variable in DATABASES:
        ended = given_in({variable: address}, "settings", "--json")
        assert SECRET not in ended.out + ended.err
