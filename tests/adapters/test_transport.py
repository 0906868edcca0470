"""TLS, certificates and keys of calls over HTTP, against real servers on this machine."""

import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from authority import EXPIRED, IMPOSTORS, Authority, impostor

from activities.ports import Sms, TemporaryFailure
from adapters.credentials import Credentials, read_credentials
from adapters.holders_http import HttpHolderGateway
from adapters.payments_http import HttpPaymentGateway
from adapters.sms_http import HttpSmsGateway
from adapters.transport import BadTlsFile, goes_out_in_clear, is_loopback, tls_context
from domain.application import Application
from domain.errands import Errand, ErrandKind
from domain.payments import RefundOrder
from domain.routes import Holder, HolderChannel

INN = "7707083893"
HOLDER = Holder(
    inn=INN, name="Колледж", region="77", channel=HolderChannel(kind="http", address="/holder")
)
ERRAND = Errand(
    control_number="7K3M-9QXT-2B4D-6",
    kind=ErrandKind.VERIFICATION,
    round=1,
    application=Application.model_construct(),  # type: ignore[call-arg] # nobody looks at it
)
SMS = Sms(message_id="7K3M-9QXT-2B4D-6.ready.7", to="+79161234567", text="Дубликат готов.")
REFUND = RefundOrder(refund_id="refund", invoice_id="fee", amount=1500)
KEY, TOKEN = "k3y-of-ours", "t0ken-of-ours"
SYSTEMS = ["payments", "sms", f"holders.{INN}"]


class Heard(NamedTuple):
    """A request that came through to the application of a server."""

    path: str
    headers: dict[str, str]


class Server:
    """Takes whatever it is told, and remembers it."""

    def __init__(self, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.heard: list[Heard] = []
        self.address = ""
        self._status = status
        self._headers = headers

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Server"]:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._answer)
        server = TestServer(app)
        try:
            await server.start_server(ssl=tls)
            self.address = str(server.make_url("/")).rstrip("/")
            yield self
        finally:
            await server.close()

    async def _answer(self, request: web.Request) -> web.Response:
        self.heard.append(Heard(request.path, dict(request.headers)))
        return web.Response(status=self._status, headers=self._headers)


@contextmanager
def outspoken(tls: ssl.SSLContext) -> Iterator[str]:
    """A server that says why it refuses a client; those of asyncio hang up without a word."""

    def refuse() -> None:
        connection, _ = listening.accept()
        with connection, pytest.raises(ssl.SSLError):
            tls.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as aside:
        refused = aside.submit(refuse)
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        refused.result(5)


def credentials(folder: Path, origin: str, *systems: str, **files: Path) -> Credentials:
    """Credentials for systems that are all at one origin."""
    file = folder / "credentials.toml"
    file.touch(0o600)
    lines = [f'api_key = "{KEY}"', f'bearer_token = "{TOKEN}"', f'origin = "{origin}"']
    lines += [f'{field} = "{path}"' for field, path in files.items()]
    file.write_text("".join("\n".join([f"[{system}]", *lines, ""]) for system in systems))
    return read_credentials(file, payments=origin, sms=origin)


async def call(
    system: str, address: str, known: Credentials | None = None, *, allow_plain_http: bool = False
) -> None:
    """One call to a system as the worker would make it."""
    known = known or Credentials()
    payments = HttpPaymentGateway(
        address, 5, access=known.payments, allow_plain_http=allow_plain_http
    )
    sms = HttpSmsGateway(address, 5, access=known.sms, allow_plain_http=allow_plain_http)
    holders = HttpHolderGateway(
        address, 5, accesses=known.holders, allow_plain_http=allow_plain_http
    )
    try:
        match system:
            case "payments":
                await payments.refund(REFUND)
            case "sms":
                await sms.send(SMS)
            case _:
                await holders.recall(HOLDER, ERRAND)
    finally:
        for gateway in (payments, sms, holders):
            await gateway.close()


async def failure_of(system: str, address: str, known: Credentials | None = None) -> str:
    with pytest.raises(TemporaryFailure) as failed:
        await call(system, address, known)
    assert failed.value.__suppress_context__ or failed.value.__context__ is None
    return str(failed.value)


@pytest.mark.parametrize("system", SYSTEMS)
async def test_certificate_and_keys_open_what_is_closed_to_others(
    system: str, ours: Authority, tmp_path: Path
) -> None:
    async with Server().running(ours.server(clients_of=ours)) as server:
        known = credentials(
            tmp_path, server.address, system, ca_file=ours.file, client_certificate=ours.issue()
        )
        await call(system, server.address, known)
    [heard] = server.heard
    assert heard.headers["X-API-Key"] == KEY
    assert heard.headers["Authorization"] == f"Bearer {TOKEN}"


async def test_who_has_no_entry_is_shown_nothing(tmp_path: Path) -> None:
    async with Server().running() as server:
        known = credentials(tmp_path, server.address, "payments", "holders.7700001549")
        for system in ("sms", f"holders.{INN}"):
            await call(system, server.address, known)
    assert len(server.heard) == 2
    for heard in server.heard:
        assert not {"X-API-Key", "Authorization"} & set(heard.headers)


@IMPOSTORS
async def test_a_server_that_is_not_who_it_should_be_is_told_nothing(
    fault: str, told: str, ours: Authority, theirs: Authority, tmp_path: Path
) -> None:
    async with Server().running(impostor(fault, ours, theirs)) as server:
        known = credentials(tmp_path, server.address, *SYSTEMS, ca_file=ours.file)
        failure = await failure_of("sms", server.address, known)
    assert failure == f"the SMS gateway shows a certificate that {told}"
    assert server.heard == []


async def test_without_an_entry_only_the_system_s_authorities_are_trusted(ours: Authority) -> None:
    async with Server().running(ours.server()) as server:
        failure = await failure_of("sms", server.address)
    assert failure == "the SMS gateway shows a certificate that is of no authority that we trust"
    assert server.heard == []


@pytest.mark.parametrize("shown", ["nothing", "somebody else's", "expired"])
async def test_a_server_that_wants_another_certificate_of_us_is_not_reached(
    shown: str, ours: Authority, theirs: Authority, tmp_path: Path
) -> None:
    files = {"ca_file": ours.file}
    if shown != "nothing":
        files["client_certificate"] = (
            ours.issue(days=EXPIRED) if shown == "expired" else theirs.issue()
        )
    tls = ours.server(clients_of=ours)
    async with Server().running(tls) as server:
        known = credentials(tmp_path, server.address, "sms", **files)
        assert await failure_of("sms", server.address, known)
    assert server.heard == []
    with outspoken(tls) as address:
        known = credentials(tmp_path, address, "sms", **files)
        failure = await failure_of("sms", address, known)
    assert re.fullmatch(
        "the SMS gateway and we find no common TLS: [A-Z0-9_]*ALERT[A-Z_]*", failure
    )


async def test_two_holders_at_one_address_never_share_a_connection(
    ours: Authority, tmp_path: Path
) -> None:
    other = HOLDER.model_copy(update={"inn": "7700001549"})
    async with Server().running(ours.server(clients_of=ours)) as server:
        known = credentials(
            tmp_path,
            server.address,
            f"holders.{INN}",
            ca_file=ours.file,
            client_certificate=ours.issue(),
        )
        gateway = HttpHolderGateway(server.address, 5, accesses=known.holders)
        await gateway.recall(HOLDER, ERRAND)
        with pytest.raises(TemporaryFailure):
            await gateway.recall(other, ERRAND)
        await gateway.close()
    assert len(server.heard) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_keys_do_not_follow_a_redirect(status: int, tmp_path: Path) -> None:
    async with (
        Server().running() as thief,
        Server(status, {"Location": f"{thief.address}/gone"}).running() as server,
    ):
        known = credentials(tmp_path, server.address, *SYSTEMS)
        for system in SYSTEMS:
            assert f"answered {status}" in await failure_of(system, server.address, known)
    assert len(server.heard) == 3
    assert thief.heard == []


async def test_keys_are_not_shown_where_the_directory_leads_instead(tmp_path: Path) -> None:
    async with Server().running() as right, Server().running() as wrong:
        known = credentials(tmp_path, right.address, f"holders.{INN}")
        failure = await failure_of(f"holders.{INN}", wrong.address, known)
    assert failure.startswith(f"holder {INN} is not at the origin its credentials are for; ")
    assert wrong.heard == []


async def test_cookies_of_one_call_are_not_sent_with_the_next() -> None:
    async with Server(headers={"Set-Cookie": "session=1; Path=/"}).running() as server:
        gateway = HttpSmsGateway(server.address.replace("127.0.0.1", "localhost"), 5)
        await gateway.send(SMS)
        await gateway.send(SMS)
        await gateway.close()
    assert [heard.headers.get("Cookie") for heard in server.heard] == [None, None]


@pytest.mark.parametrize("system", SYSTEMS)
async def test_nothing_leaves_this_machine_over_plain_http_unless_it_is_allowed(
    system: str, tmp_path: Path
) -> None:
    async with Server().running() as server:
        # An address that is not of this machine alone, and still leads to it.
        address = server.address.replace("127.0.0.1", "0.0.0.0")
        for known in (Credentials(), credentials(tmp_path, address, system)):
            failure = await failure_of(system, address, known)
            assert failure.endswith("before that is https or DIPLOMA_ALLOW_PLAIN_HTTP is set")
        assert server.heard == []
        await call(system, address, allow_plain_http=True)
    assert len(server.heard) == 1


async def test_no_key_shows_in_log_failure_or_repr(
    ours: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []
    with caplog.at_level(logging.DEBUG):
        async with Server(401).running(ours.server()) as server:
            known = credentials(tmp_path, server.address, *SYSTEMS, ca_file=ours.file)
            seen += [await failure_of(system, server.address, known) for system in SYSTEMS]
        seen += [await failure_of(system, server.address, known) for system in SYSTEMS]
    shown = f"{seen} {known!r} {known} {caplog.text}"
    assert len(server.heard) == 3
    assert KEY not in shown
    assert TOKEN not in shown


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost"])
def test_this_machine_is_known_by_all_its_names(host: str) -> None:
    assert is_loopback(host)
    assert not goes_out_in_clear("http", host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "127.0.0.1.example.org", "localhost.example.org", "::", "10.0.0.1"]
)
def test_nothing_else_is_taken_for_this_machine(host: str) -> None:
    assert not is_loopback(host)
    assert goes_out_in_clear("http", host)
    assert not goes_out_in_clear("https", host)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ("no authority", "ca_file"),
        ("authority is a folder", "ca_file"),
        ("authority is a key", "ca_file"),
        ("no certificate", "client_certificate"),
        ("certificate is empty", "client_certificate"),
        ("key of another", "client_certificate"),
        ("key behind a passphrase", "client_certificate"),
        ("key open to others", "client_key"),
        ("certificate's own key open to others", "client_certificate"),
        ("no key", "client_key"),
        ("key alone", "client_key"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    wrong: str, field: str, ours: Authority, tmp_path: Path
) -> None:
    missing, empty, bare, wide = (tmp_path / name for name in ("missing", "empty", "bare", "wide"))
    empty.touch(0o600)
    both = ours.issue()
    bare.write_text(both.read_text().partition("-----BEGIN CERTIFICATE")[0])
    bare.chmod(0o600)
    wide.write_bytes(both.read_bytes())
    wide.chmod(0o604)
    files: tuple[Path | None, Path | None, Path | None] = {
        "no authority": (missing, None, None),
        "authority is a folder": (tmp_path, None, None),
        "authority is a key": (bare, None, None),
        "no certificate": (None, missing, None),
        "certificate is empty": (None, empty, both),
        "key of another": (None, both, ours.issue()),
        "key behind a passphrase": (None, ours.issue(passphrase=b"word"), None),
        "key open to others": (None, both, wide),
        "certificate's own key open to others": (None, wide, None),
        "no key": (None, both, missing),
        "key alone": (None, None, both),
    }[wrong]
    with pytest.raises(BadTlsFile) as refused:
        tls_context(*files)
    assert refused.value.field == field
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    assert "PRIVATE" not in str(refused.value)
