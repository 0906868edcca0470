"""The commands around the codec server: tokens, serving, and what the access log shows."""

import datetime as dt
import json
import re
import signal
import ssl
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload, Payloads
from terminal import Cli, finished

from adapters.codec_tokens import new_token
from domain.numbers import control_number
from starters.codec_site import UI_OFFICER, codec_site
from starters.server import CannotStart, free_ports
from workers.keys import opened_keys
from workers.settings import BadSettings, Settings, load_settings

CASE = "7K3M-9QXT-2B4D-6"
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"clear"')


@pytest.fixture
async def staff(lonely: Cli) -> Cli:
    """The command line where a key ring was made."""
    assert (await lonely("keys", "create")).code == 0
    return lonely


@pytest.fixture
def chosen(staff: Cli) -> Settings:
    """The settings the commands have, as they run in their folder."""
    var = staff.folder / "var"
    return load_settings(
        secrets_folder=var,
        keyring_url=f"sqlite:///{var / 'keys.db'}",
        access_log=var / "access.log",
    )


async def decoded(
    address: str, chosen: Settings, token: str, tls: ssl.SSLContext | None = None
) -> int:
    """How a request for one sealed payload of a case is answered."""
    with opened_keys(chosen) as keys:
        sealed = await keys.codec.for_case(CASE).encode([PLAIN])
    headers = {"X-Namespace": "default"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connector = TCPConnector(ssl=tls or True)
    async with (
        ClientSession(connector=connector) as session,
        session.post(
            f"{address}/decode", json=MessageToDict(Payloads(payloads=sealed)), headers=headers
        ) as answer,
    ):
        return answer.status


# --- tokens ---------------------------------------------------------------------------------


async def test_a_token_is_shown_once_and_revoked(lonely: Cli) -> None:
    made = await lonely("codec", "token", "--officer", "officer-7", "--days", "30")
    assert made.code == 0
    token = made.out.strip()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    until = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)
    assert made.err == f"Not shown again. Good until {until:%d.%m.%Y}.\n"
    second = await lonely(
        *("codec", "token", "--officer", "officer-7", "--role", "writer", "--json"),
        *("--namespace", "default", "--namespace", "trial"),
    )
    document = second.document()
    assert (document["roles"], document["namespaces"]) == (["writer"], ["default", "trial"])
    kept = (lonely.folder / "var" / "codec-tokens.toml").read_text()
    assert token not in kept
    assert document["token"] not in kept
    revoked = await lonely("codec", "revoke", "--officer", "officer-7", "--json")
    assert revoked.document() == {"ok": True, "revoked": 2}
    again = await lonely("codec", "revoke", "--officer", "officer-7")
    assert (again.code, again.err) == (1, "this officer has no token\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("codec", "token"),
        ("codec", "token", "--officer", "Анна Ивановна"),
        ("codec", "token", "--officer", "officer-7", "--namespace", "*"),
        ("codec", "token", "--officer", "officer-7", "--role", "owner"),
        ("codec", "token", "--officer", "officer-7", "--days", "0"),
        ("codec", "serve", "--host", "0.0.0.0"),
        ("codec", "serve", "--host", "codec.example.org"),
        ("codec", "serve", "--certificate", "c.pem"),
        ("codec", "serve", "--key", "k.pem"),
        ("access-log", "show", "--case", "1"),
        ("access-log", "renew"),
    ],
    ids=" ".join,
)
async def test_a_wrong_command_changes_nothing_and_says_why(
    lonely: Cli, arguments: tuple[str, ...]
) -> None:
    ended = await lonely(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert not (lonely.folder / "var").exists()


async def test_a_faulty_file_of_tokens_is_named(lonely: Cli) -> None:
    await lonely("codec", "token", "--officer", "officer-7")
    file = lonely.folder / "var" / "codec-tokens.toml"
    file.write_text(file.read_text() + "\n[[token]]\n")
    ended = await lonely("codec", "token", "--officer", "officer-7")
    assert (ended.code, ended.out) == (2, "")
    assert "entry 2: sha256" in ended.err


# --- serving --------------------------------------------------------------------------------


async def test_it_serves_until_told_to_stop_and_its_log_can_be_looked_at(
    staff: Cli, chosen: Settings
) -> None:
    port = str(free_ports(1)[0])
    token = (await staff("codec", "token", "--officer", "officer-7")).out.strip()
    process = await staff.start("codec", "serve", "--port", port)
    assert process.stdout is not None
    assert (
        (await process.stdout.readline()).decode().startswith(f"Ready on http://127.0.0.1:{port}")
    )
    assert await decoded(f"http://127.0.0.1:{port}", chosen, token) == 200
    assert await decoded(f"http://127.0.0.1:{port}", chosen, "wrong") == 401
    second = await staff("codec", "serve", "--port", port)
    assert (second.code, second.err.count("\n")) == (1, 1)
    process.send_signal(signal.SIGTERM)
    ended = await finished(process)
    assert ended.code == 0
    [line] = ended.err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["times"]) == ("turned away: no such token", 1)

    verified = await staff("access-log", "verify")
    assert (verified.code, verified.out) == (0, "Nothing was changed; lines: 1.\n")
    shown = await staff("access-log", "show")
    assert CASE in shown.out
    for arguments, count in (
        ((), 1),
        (("--case", CASE.lower(), "--officer", "officer-7"), 1),
        (("--case", control_number({"submission_id": "another"})), 0),
        (("--officer", "officer-8"), 0),
    ):
        found = (await staff("access-log", "show", "--json", *arguments)).document()
        assert len(found) == count


async def test_a_changed_log_is_told_by_its_line_and_renewed_by_a_person(
    staff: Cli, chosen: Settings
) -> None:
    (port,) = free_ports(1)
    token = new_token()
    with opened_keys(chosen) as keys:
        async with codec_site(chosen, keys, "127.0.0.1", port, token):
            address = f"http://127.0.0.1:{port}/as/{token}"
            assert [await decoded(address, chosen, "") for _ in range(3)] == [200] * 3
            file = chosen.access_log
            first, _, third = file.read_text().splitlines(keepends=True)
            file.write_text(first + third)
            bad = await staff("access-log", "verify", "--json")
            assert (bad.code, bad.document()) == (1, {"ok": False, "line": 2})
            plain = await staff("access-log", "verify")
            assert plain.err == "line 2 is missing or not as it was written\n"
            file.write_text(first)
            assert await decoded(address, chosen, "") == 503
            file.write_text("x\n")
            shown = await staff("access-log", "show")
            assert (shown.code, shown.out) == (1, "")
            assert "line 1" in shown.err
            renewed = await staff("access-log", "renew", "--officer", "officer-7", "--json")
            assert (staff.folder / renewed.document()["former"]).read_text() == "x\n"
            assert await decoded(address, chosen, "") == 200
    found = (await staff("access-log", "show", "--json")).document()
    assert [(it["action"], it["officer"]) for it in found] == [
        ("renew", "officer-7"),
        ("decode", UI_OFFICER),
    ]


async def test_without_a_key_ring_it_does_not_start(lonely: Cli) -> None:
    for arguments in (("codec", "serve"), ("access-log", "verify")):
        ended = await lonely(*arguments)
        assert (ended.code, ended.out) == (2, "")
        assert "DIPLOMA_KEYRING_URL" in ended.err


def self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    return files


async def test_it_speaks_https_with_a_certificate(staff: Cli, chosen: Settings) -> None:
    certificate, key = self_signed(staff.folder)
    (port,) = free_ports(1)
    token = (await staff("codec", "token", "--officer", "officer-7")).out.strip()
    serve = ("codec", "serve", "--port", str(port), "--host", "localhost")
    process = await staff.start(*serve, "--certificate", str(certificate), "--key", str(key))
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"Ready on https://localhost")
    trusting = ssl.create_default_context(cafile=certificate)
    assert await decoded(f"https://localhost:{port}", chosen, token, trusting) == 200
    process.send_signal(signal.SIGINT)
    assert (await finished(process)).code == 0
    wrong = await staff(*serve, "--certificate", str(key), "--key", str(certificate))
    assert (wrong.code, wrong.out) == (1, "")
    assert "--certificate" in wrong.err


async def test_a_port_in_use_is_said_to_be(chosen: Settings) -> None:
    (port,) = free_ports(1)
    with opened_keys(chosen) as keys:
        async with codec_site(chosen, keys, "127.0.0.1", port):
            with pytest.raises(CannotStart, match=str(port)):
                async with codec_site(chosen, keys, "127.0.0.1", port):
                    pass


# --- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("https://ui.example.org", ("https://ui.example.org",)),
        (
            " https://ui.example.org , http://[::1]:8233",
            ("https://ui.example.org", "http://[::1]:8233"),
        ),
        ('["https://ui.example.org"]', ("https://ui.example.org",)),
        ("[]", ()),
    ],
)
def test_origins_are_told_with_commas_or_as_json(
    monkeypatch: pytest.MonkeyPatch, given: str, meant: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DIPLOMA_CODEC_ORIGINS", given)
    assert load_settings().codec_origins == meant


@pytest.mark.parametrize(
    "given",
    [
        *("", "*", "null", "ui.example.org", "https://*.example.org", "ftp://ui.example.org"),
        *("https://ui.example.org/", "https://ui.example.org/ui", "https://UI.example.org"),
        *("https://me@ui.example.org", "https://ui.example.org,", "[1]", "[", "https://a b"),
    ],
)
def test_what_is_no_exact_origin_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("DIPLOMA_CODEC_ORIGINS", given)
    with pytest.raises(BadSettings, match="DIPLOMA_CODEC_ORIGINS"):
        load_settings()
