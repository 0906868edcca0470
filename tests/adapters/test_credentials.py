"""The file of credentials: read whole, refused with entry and remedy, and never quoted."""

import traceback
from pathlib import Path

import pytest
from authority import Authority

from adapters.credentials import Credentials
from workers.settings import BadSettings, Settings, load_settings

SECRET = "s3cret-of-ours"
INN = "7707083893"
PAYMENTS, SMS = "https://pay.example.org", "https://sms.example.org:8443"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "credentials.toml"
    file.touch(0o600)
    return file


def settings_with(file: Path | None) -> Settings:
    return load_settings(
        credentials_file=file, payments_base_url=PAYMENTS, sms_base_url=f"{SMS}/messages"
    )


def refusal_of(file: Path) -> str:
    with pytest.raises(BadSettings) as refused:
        settings_with(file).credentials()
    shown = "".join(traceback.format_exception(refused.value))
    assert SECRET not in shown
    text = str(refused.value)
    assert text.startswith("DIPLOMA_CREDENTIALS_FILE: ")
    assert "\n" not in text
    return text


def test_every_entry_is_read_with_the_certificates_beside_the_file(file: Path) -> None:
    authority = Authority(file.parent / "ours")
    certificate = authority.issue().relative_to(file.parent)
    file.write_text(
        f"""
        [payments]
        origin = "{PAYMENTS}"
        bearer_token = "{SECRET}"

        [sms]
        origin = "{SMS}/"
        api_key_header = "X-Gateway-Key"
        api_key = "{SECRET}"

        [holders.{INN}]
        origin = "https://college.example.org"
        ca_file = "ours/authority.pem"
        client_certificate = "{certificate}"
        """
    )
    known = settings_with(file).credentials()
    assert known.payments is not None
    assert known.payments.headers == {"Authorization": f"Bearer {SECRET}"}
    assert known.sms is not None
    assert known.sms.headers == {"X-Gateway-Key": SECRET}
    assert list(known.holders) == [INN]
    assert known.holders[INN].headers == {}
    assert [found["subject"] for found in known.holders[INN].tls.get_ca_certs()] == [
        ((("commonName", "ours"),),)
    ]
    assert SECRET not in repr(known)


def test_without_a_file_nobody_is_shown_anything() -> None:
    assert settings_with(None).credentials() == Credentials()


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("https://college.example.org/api/errands/1", True),
        ("https://COLLEGE.example.org:443/api", True),
        ("http://college.example.org/api", False),
        ("https://college.example.org:8443/api", False),
        ("https://example.org/api", False),
        ("https://college.example.org.evil.example/api", False),
        ("https://college.example.org@evil.example/api", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(file: Path, address: str, same: bool) -> None:
    file.write_text(f'[holders.{INN}]\norigin = "https://college.example.org"')
    access = settings_with(file).credentials().holders[INN]
    assert access.is_for(address) is same


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o601])
def test_a_file_that_others_may_use_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert refusal_of(file).endswith("is open to others; run `chmod 600` on it")


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_owner_and_group_may_read_the_file(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert settings_with(file).credentials() == Credentials()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal_of(tmp_path / "missing")
    assert "cannot be read: Is a directory" in refusal_of(tmp_path)


@pytest.mark.parametrize(
    ("written", "place"),
    [
        (f'[payments]\napi_key = "{SECRET}', "line 2"),
        (f"[payments]\n\napi_key = {SECRET}", "line 3"),
        (f"[payments]\napi_key = '''{SECRET}", "end of document"),
        (f"[payments]\n{SECRET} = 1\n{SECRET} = 2", "line 3"),
        (f"payments = {{ {SECRET} = 1, {SECRET} = 2 }}", "line 1"),
        ("[payments", "line 1"),
    ],
)
def test_what_is_no_toml_is_refused_by_its_place_alone(
    file: Path, written: str, place: str
) -> None:
    file.write_text(f"{written}\n# the end")
    assert refusal_of(file).endswith(f"{file} is no TOML at {place}; mend it")


def test_what_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe" + SECRET.encode("utf-16"))
    assert "is no TOML at some byte; mend it" in refusal_of(file)


@pytest.mark.parametrize(
    ("entry", "fields", "told"),
    [
        ("payments", {"origin": None}, "entry payments.origin: Field required"),
        ("payments", {"origin": "pay"}, "entry payments.origin: Input should be a valid URL"),
        ("payments", {"origin": f"{PAYMENTS}/api"}, "entry payments.origin: write scheme, host"),
        ("payments", {"origin": f"https://me:{SECRET}@pay.example.org"}, "origin: write scheme"),
        ("payments", {"origin": SMS}, "entry payments: its origin is not where it is called"),
        ("sms", {"origin": PAYMENTS}, "entry sms: its origin is not where it is called"),
        ("payments", {"api_key": ""}, "entry payments.api_key: empty, or holds what"),
        ("payments", {"api_key": f"{SECRET}\\r\\nHost: x"}, "entry payments.api_key: empty, or"),
        ("payments", {"bearer_token": f"{SECRET} "}, "entry payments.bearer_token: empty, or"),
        ("payments", {"bearer_token": "ключ"}, "entry payments.bearer_token: empty, or"),
        ("payments", {"api_key_header": "X Key"}, "entry payments.api_key_header: "),
        (
            "payments",
            {"api_key_header": "authorization", "bearer_token": SECRET},
            "entry payments.api_key_header: the bearer token has this header",
        ),
        ("payments", {"password": SECRET}, "entry payments.password: Extra inputs"),
        ("payments", {"ca_file": "missing.pem"}, "entry payments.ca_file: "),
        ("payments", {"client_key": "missing.pem"}, "entry payments.client_key: name its"),
        ("bank", {}, "entry bank: Extra inputs"),
        ("holders.college", {}, "entry holders.college: not named after the INN"),
        ("holders.7707083894", {}, "entry holders.7707083894: not named after the INN"),
        (
            f"holders.{INN}",
            {"origin": "http://127.0.0.1", "ca_file": "a.pem"},
            f"entry holders.{INN}.ca_file: of no use without TLS",
        ),
    ],
)
def test_a_fault_names_its_entry_and_no_value(
    file: Path, entry: str, fields: dict[str, str | None], told: str
) -> None:
    written = {"origin": PAYMENTS, "api_key": SECRET, **fields}
    lines = [f'{field} = "{value}"' for field, value in written.items() if value is not None]
    file.write_text("\n".join([f"[{entry}]", *lines]))
    assert told in refusal_of(file)


@pytest.mark.parametrize("name", ["HOLDERS", "PAYMENTS", "SMS"])
def test_plain_http_to_another_machine_is_a_bad_setting(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DIPLOMA_{name}_BASE_URL", "http://api.example.org")
    with pytest.raises(BadSettings, match=f"^DIPLOMA_{name}_BASE_URL: .*DIPLOMA_ALLOW_PLAIN_HTTP"):
        load_settings()
    monkeypatch.setenv("DIPLOMA_ALLOW_PLAIN_HTTP", "true")
    assert load_settings().allow_plain_http
