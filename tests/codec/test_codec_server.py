"""The codec server shows clear text to whom it may, notes it first, and survives all else."""

import asyncio
import json
import logging
import os
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload, Payloads

from adapters.access_log import AccessLog, Action
from adapters.codec_server import (
    DAMAGED,
    ERASED,
    KEY_MISSING,
    LARGEST_BODY,
    MOST_OPENED,
    MOST_PAYLOADS,
    CodecServer,
    served,
)
from adapters.codec_tokens import Role, TokenFile, grant_for
from adapters.sealing.codec import KEY_ID, SEALED, SealingCodec
from adapters.sealing.keyring import KeyRing
from adapters.sealing.masters import MasterKeys
from adapters.sealing.seal import seal
from starters.server import free_ports

CASE, OTHER = "7K3M-9QXT-2B4D-6", "4H8P-2WZC-7N5R-3"
MARKER = "Иванова-4510123456"
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(MARKER).encode())
ORIGIN = "https://ui.example.org"
READER, WRITER, EXPIRED, UI = "reader-token", "writer-token", "expired-token", "ui-token"
IN_THE_PAST = datetime(2020, 1, 1, tzinfo=UTC).date()

Server = TestClient[Request, Application]


@pytest.fixture
def tokens(tmp_path: Path) -> TokenFile:
    kept = TokenFile(tmp_path / "codec-tokens.toml")
    kept.add(grant_for(READER, "officer-1", [Role.READER], ["default"]))
    kept.add(grant_for(WRITER, "officer-2", [Role.WRITER], ["default", "trial"]))
    kept.add(grant_for(EXPIRED, "officer-3", [Role.WRITER], ["default"], IN_THE_PAST))
    return kept


@pytest.fixture
def site(codec: SealingCodec, tokens: TokenFile, log: AccessLog) -> CodecServer:
    in_path = grant_for(UI, "embedded-ui", [Role.WRITER], ["default"])
    return CodecServer(codec, tokens, log, [ORIGIN], in_path)


@pytest.fixture
async def server(site: CodecServer) -> AsyncIterator[Server]:
    async with TestClient(TestServer(site.app())) as client:
        yield client


def headers(token: str = READER, namespace: str = "default", **others: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "X-Namespace": namespace, **others}


def body(*payloads: Payload) -> dict[str, Any]:
    return MessageToDict(Payloads(payloads=payloads))


async def payloads_in(answer: ClientResponse) -> list[Payload]:
    assert answer.status == 200, await answer.text()
    assert answer.content_type == "application/json"
    return list(ParseDict(await answer.json(), Payloads()).payloads)


async def opened(server: Server, *payloads: Payload, token: str = READER) -> list[Any]:
    answer = await server.post("/decode", json=body(*payloads), headers=headers(token))
    return [json.loads(payload.data) for payload in await payloads_in(answer)]


async def sealed_for(codec: SealingCodec, case: str = CASE) -> Payload:
    [sealed] = await codec.for_case(case).encode([PLAIN])
    return sealed


# --- what is given out ----------------------------------------------------------------------


async def test_sealed_payloads_come_back_in_clear_and_the_rest_as_it_was(
    server: Server, codec: SealingCodec
) -> None:
    plain = Payload(metadata={"encoding": b"binary/null", "x": b"\x00\xff"})
    asked = [await sealed_for(codec), plain, PLAIN, await sealed_for(codec, OTHER)]
    answer = await server.post("/decode", json=body(*asked), headers=headers())
    assert await payloads_in(answer) == [PLAIN, plain, PLAIN, PLAIN]
    assert answer.headers["Cache-Control"] == "no-store"


async def test_what_cannot_be_opened_hides_nothing_else(
    server: Server, codec: SealingCodec, ring: KeyRing
) -> None:
    good, gone = await sealed_for(codec), await sealed_for(codec, OTHER)
    ring.destroy(OTHER)
    unknown = uuid4().hex
    lost = Payload(
        metadata={"encoding": SEALED, KEY_ID: unknown.encode()},
        data=seal(b"x", os.urandom(32), unknown, b""),
    )
    cut = Payload(metadata=dict(good.metadata), data=good.data[:-1])
    strange = Payload(metadata={"encoding": SEALED}, data=b"garbage")
    told = await opened(server, cut, gone, good, lost, strange)
    assert told == [DAMAGED, ERASED, MARKER, KEY_MISSING, DAMAGED]


async def test_what_a_writer_types_is_sealed_so_that_a_case_can_read_it(
    server: Server, codec: SealingCodec
) -> None:
    answer = await server.post("/encode", json=body(PLAIN, PLAIN), headers=headers(WRITER))
    typed = await payloads_in(answer)
    assert all(payload.metadata["encoding"] == SEALED for payload in typed)
    await sealed_for(codec)
    assert await codec.for_case(CASE).decode(typed) == [PLAIN, PLAIN]
    assert await opened(server, *typed, token=WRITER) == [MARKER, MARKER]


async def test_nothing_asked_is_nothing_given(server: Server, log: AccessLog) -> None:
    for path in ("/decode", "/encode"):
        for nothing in ("{}", '{"payloads": []}'):
            answer = await server.post(path, data=nothing, headers=headers(WRITER))
            assert await payloads_in(answer) == []
    assert list(log.entries()) == []


# --- who may ask ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "credentials",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer \udcff",
        f"Bearer {EXPIRED}",
        f"Bearer {UI}",
        f"Bearer {READER} {READER}",
        f"Basic {READER}",
        READER,
    ],
)
async def test_who_has_no_token_is_told_to_get_one(server: Server, credentials: str) -> None:
    sent = {"Authorization": credentials, "X-Namespace": "default"}
    for path in ("/decode", "/encode", "/as/wrong/decode", f"/as/{READER}/decode"):
        answer = await server.post(path, json=body(PLAIN), headers=sent)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert await answer.json() == {"error": "no such token"}


async def test_a_token_is_for_its_role_and_namespaces_only(server: Server) -> None:
    async def status(path: str, sent: dict[str, str]) -> int:
        return (await server.post(path, json=body(PLAIN), headers=sent)).status

    assert await status("/decode", headers()) == 200
    assert await status("/decode", headers(WRITER, "trial")) == 200
    assert await status("/encode", headers()) == 403
    assert await status("/decode", headers(READER, "trial")) == 403
    assert await status("/encode", headers(WRITER, "other")) == 403
    assert await status("/decode", headers(READER, "")) == 403
    assert await status("/decode", {"Authorization": f"bearer {READER}"}) == 403
    assert await status("/decode", {"authorization": f"bearer {READER}"} | headers()) == 200


async def test_a_token_revoked_or_made_counts_at_once(
    server: Server, codec: SealingCodec, tokens: TokenFile
) -> None:
    sealed = await sealed_for(codec)
    tokens.revoke("officer-1")
    sent = headers()
    assert (await server.post("/decode", json=body(sealed), headers=sent)).status == 401
    tokens.add(grant_for(READER, "officer-1", [Role.READER], ["default"]))
    assert await opened(server, sealed) == [MARKER]


async def test_an_embedded_ui_says_its_token_in_the_path(
    server: Server, codec: SealingCodec, log: AccessLog
) -> None:
    sent = {"X-Namespace": "default", "Origin": ORIGIN}
    content = body(await sealed_for(codec))
    answer = await server.post(
        f"/as/{UI}/decode?preserveStorageRefs=true", json=content, headers=sent
    )
    assert await payloads_in(answer) == [PLAIN]
    assert (await server.post(f"/as/{UI}/encode", json=content, headers=sent)).status == 200
    assert (await server.post(f"/as/{UI}/decode", json=content)).status == 403
    assert [entry.officer for entry in log.entries()] == ["embedded-ui"] * 2


async def test_without_an_embedded_ui_there_is_no_such_path(
    codec: SealingCodec, tokens: TokenFile, log: AccessLog
) -> None:
    bare = CodecServer(codec, tokens, log, [ORIGIN])
    async with TestClient(TestServer(bare.app())) as server:
        answer = await server.post(f"/as/{READER}/decode", json={}, headers=headers())
        assert answer.status == 404


# --- what is sent ---------------------------------------------------------------------------

WRONG = {
    "nothing": b"",
    "no json": b"payloads",
    "no text": b"\xff\xfe\xfa",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "another field": b'{"payload": []}',
    "no list of payloads": b'{"payloads": {}}',
    "a payload of text": b'{"payloads": ["x"]}',
    "a payload of null": b'{"payloads": [null]}',
    "another field of a payload": b'{"payloads": [{"date": ""}]}',
    "metadata as a list": b'{"payloads": [{"metadata": []}]}',
    "metadata of numbers": b'{"payloads": [{"metadata": {"x": 1}}]}',
    "data as a number": b'{"payloads": [{"data": 5}]}',
    "no base64": b'{"payloads": [{"data": "a*bc"}]}',
    "no base64 in metadata": b'{"payloads": [{"metadata": {"encoding": "json/plain!"}}]}',
    "cut base64": b'{"payloads": [{"data": "abcde"}]}',
    "half a letter": b'{"payloads": [{"metadata": {"\\ud800": "YQ=="}}]}',
    "endless nesting": b'{"payloads": ' + b"[" * 100_000,
    "an endless number": b'{"payloads": ' + b"1" * 10_000 + b"}",
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_no_json_of_payloads_is_refused_and_not_quoted(
    server: Server, name: str, log: AccessLog
) -> None:
    for path in ("/decode", "/encode"):
        answer = await server.post(path, data=WRONG[name], headers=headers(WRITER))
        assert answer.status == 400
        assert await answer.json() == {"error": "the body is no JSON of payloads"}
    assert list(log.entries()) == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_a_body_that_cannot_be_unpacked_is_refused(server: Server, encoding: str) -> None:
    sent = headers(**{"Content-Encoding": encoding})
    answer = await server.post("/decode", data=b"not packed at all", headers=sent)
    assert answer.status == 400


async def test_too_much_is_refused(server: Server, codec: SealingCodec) -> None:
    async def status(content: bytes) -> int:
        answer = await server.post("/decode", data=BytesIO(content), headers=headers(WRITER))
        return answer.status

    assert await status(b" " * (LARGEST_BODY + 1)) == 413
    assert await status(json.dumps({"payloads": [{}] * MOST_PAYLOADS}).encode()) == 200
    assert await status(json.dumps({"payloads": [{}] * (MOST_PAYLOADS + 1)}).encode()) == 413
    largest = Payload(data=os.urandom(4 * 1024 * 1024))
    assert await status(json.dumps(body(largest)).encode()) == 200
    [swelling] = await codec.encode([Payload(data=bytes(MOST_OPENED // 10))])
    assert await status(json.dumps(body(*[swelling] * 10)).encode()) == 200
    assert await status(json.dumps(body(*[swelling] * 11)).encode()) == 413


async def test_other_paths_and_methods_are_refused_as_usual(server: Server) -> None:
    assert (await server.get("/decode", headers=headers())).status == 405
    assert (await server.put("/encode", headers=headers())).status == 405
    assert (await server.post("/download", headers=headers())).status == 404
    assert (await server.get("/")).status == 404
    assert (await server.post("/health")).status == 405
    assert await (await server.get("/health")).json() == {"status": "ok"}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("YQ=="),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["payloads", "metadata", "data", "encoding", "externalPayloads"])
            | st.text(),
            inner,
        )
    ),
    max_leaves=20,
)
bodies = st.binary(max_size=300) | values.map(lambda value: json.dumps(value).encode())
shaped = st.fixed_dictionaries({"payloads": st.lists(values)}).map(
    lambda value: json.dumps(value).encode()
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(bodies | shaped, min_size=10, max_size=20))
async def test_garbage_is_refused_and_never_an_error(server: Server, garbage: list[bytes]) -> None:
    for content in garbage:
        answer = await server.post("/decode", data=content, headers=headers())
        assert answer.status in {200, 400}
        assert "Traceback" not in await answer.text()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.builds(
            lambda key_id, data: Payload(metadata={"encoding": SEALED, KEY_ID: key_id}, data=data),
            st.binary(max_size=40),
            st.binary(max_size=100) | st.binary(max_size=100).map(lambda data: b"\x01" + data),
        ),
        max_size=5,
    )
)
async def test_garbage_that_looks_sealed_is_told_so(server: Server, garbage: list[Payload]) -> None:
    assert set(await opened(server, *garbage)) <= {DAMAGED, KEY_MISSING}


# --- browsers -------------------------------------------------------------------------------


def shared_with(answer: ClientResponse) -> dict[str, str]:
    return {
        name: value for name, value in answer.headers.items() if name.startswith("Access-Control")
    }


async def test_the_ui_is_told_before_it_asks_that_it_may(server: Server) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-namespace",
    }
    for path in ("/decode", "/encode", f"/as/{UI}/decode", f"/as/{UI}/encode"):
        answer = await server.options(path, headers=asked)
        assert answer.status == 204
        assert answer.headers["Vary"] == "Origin"
        told = shared_with(answer)
        assert told["Access-Control-Allow-Origin"] == ORIGIN
        assert told["Access-Control-Allow-Methods"] == "POST"
        allowed = set(told["Access-Control-Allow-Headers"].split(", "))
        assert {"authorization", "content-type", "x-namespace"} <= allowed
        assert "Access-Control-Allow-Credentials" not in told


async def test_the_ui_may_read_answers_and_refusals(server: Server) -> None:
    for sent, status in ((headers(), 200), (headers("wrong"), 401), (headers(READER, "x"), 403)):
        answer = await server.post("/decode", json=body(PLAIN), headers={**sent, "Origin": ORIGIN})
        assert answer.status == status
        assert shared_with(answer) == {"Access-Control-Allow-Origin": ORIGIN}
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "http://ui.example.org",
        "https://UI.example.org",
        f"{ORIGIN}:443",
        f"{ORIGIN}/",
        f"{ORIGIN}.evil.example",
        f"{ORIGIN} {ORIGIN}",
        "null",
        "*",
    ],
)
async def test_a_page_from_elsewhere_gets_nothing_whatever_token_it_has(
    server: Server, codec: SealingCodec, log: AccessLog, origin: str
) -> None:
    content, sent = body(await sealed_for(codec)), {**headers(WRITER), "Origin": origin}
    for answer in (
        await server.options("/decode", headers={"Origin": origin}),
        await server.post("/decode", json=content, headers=sent),
        await server.post(f"/as/{UI}/encode", json=content, headers=sent),
    ):
        assert answer.status == 403
        assert shared_with(answer) == {}
        assert answer.headers["Vary"] == "Origin"
    assert list(log.entries()) == []


async def test_who_is_no_browser_gets_no_headers_for_one(server: Server) -> None:
    assert shared_with(await server.post("/decode", json={}, headers=headers())) == {}


def spoil(log: Path) -> None:
    log.write_text("not a log\n")


# --- the access log -------------------------------------------------------------------------


async def test_all_that_is_given_out_is_noted(
    server: Server, codec: SealingCodec, log: AccessLog
) -> None:
    here, there = await sealed_for(codec), await sealed_for(codec, OTHER)
    strange = Payload(metadata={"encoding": SEALED}, data=b"garbage")
    [of_service] = await codec.encode([PLAIN])
    await opened(server, there, here, PLAIN, here, strange, of_service)
    await opened(server, PLAIN, strange)
    await server.post("/encode", json=body(PLAIN), headers=headers(WRITER, "trial"))
    first, second = log.entries()
    assert (first.officer, first.action, first.namespace) == ("officer-1", Action.DECODE, "default")
    assert first.cases == tuple(sorted((CASE, OTHER)))
    assert (first.payloads, first.refused) == (4, 1)
    assert (second.officer, second.action, second.namespace) == (
        "officer-2",
        Action.ENCODE,
        "trial",
    )
    assert (second.cases, second.payloads) == ((), 1)
    assert log.verify() is None


async def test_nothing_is_given_out_while_the_access_log_is_not_as_it_was(
    server: Server, codec: SealingCodec, log: AccessLog, file: Path
) -> None:
    sealed = await sealed_for(codec)
    await opened(server, sealed)
    spoil(file)
    for path in ("/decode", "/encode"):
        answer = await server.post(path, json=body(sealed), headers=headers(WRITER))
        assert answer.status == 503
        assert await answer.json() == {"error": "keys or access log cannot be used now"}
    log.renew("officer-7")
    assert await opened(server, sealed) == [MARKER]


async def test_nothing_is_given_out_while_the_ring_is_away(
    server: Server, codec: SealingCodec, ring_file: Path
) -> None:
    sealed = await sealed_for(codec)
    ring_file.rename(away := ring_file.with_name("away.db"))  # noqa: ASYNC240 - takes no time
    codec._ring.close()
    for path in ("/decode", "/encode"):
        answer = await server.post(path, json=body(sealed), headers=headers(WRITER))
        assert (answer.status, MARKER in await answer.text()) == (503, False)
    away.rename(ring_file)
    assert await opened(server, sealed) == [MARKER]


async def test_a_missing_master_key_is_a_missing_key(
    codec: SealingCodec, tokens: TokenFile, ring_file: Path, tmp_path: Path
) -> None:
    sealed = await sealed_for(codec)
    url = f"sqlite:///{ring_file}"
    stranger = MasterKeys.from_text("other:" + b64encode(os.urandom(32)).decode())
    with closing(KeyRing(url, stranger)) as keyless:
        site = CodecServer(
            SealingCodec(keyless), tokens, AccessLog(tmp_path / "a.log", keyless), []
        )
        async with TestClient(TestServer(site.app())) as server:
            assert await opened(server, sealed) == [KEY_MISSING]


async def test_a_damaged_file_of_tokens_lets_nobody_in(server: Server, tmp_path: Path) -> None:
    (tmp_path / "codec-tokens.toml").write_text("[[token")
    answer = await server.post("/decode", json=body(PLAIN), headers=headers())
    assert answer.status == 503


# --- what is logged -------------------------------------------------------------------------


async def spoken(port: int, *lines: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join(lines).encode())
    answer = await reader.read()
    writer.close()
    return answer


async def test_neither_tokens_nor_bodies_are_ever_logged(
    site: CodecServer, file: Path, codec: SealingCodec, caplog: pytest.LogCaptureFixture
) -> None:
    (port,) = free_ports(1)
    content = json.dumps(body(await sealed_for(codec), PLAIN))
    asked = (
        "Host: x",
        "X-Namespace: default",
        f"Content-Length: {len(content)}",
        "Connection: close",
        "",
        content,
    )
    with caplog.at_level(logging.DEBUG):
        async with served(site, "127.0.0.1", port):
            for is_spoilt in (False, True):
                if is_spoilt:
                    spoil(file)
                for path in ("/decode", f"/as/{UI}/decode", "/as/wrong/decode", f"/{MARKER}"):
                    for version in ("HTTP/1.1", "HTTP/9.x"):
                        first = (f"POST {path} {version}", f"Authorization: Bearer {READER}")
                        assert await spoken(port, *first, *asked)
    for secret in (READER, UI, "wrong", MARKER, json.loads(content)["payloads"][0]["data"]):
        assert secret not in caplog.text
    assert "turned away: no such token" in caplog.text
    assert "nothing is given out" in caplog.text


async def test_who_is_turned_away_again_and_again_cannot_fill_the_log(
    site: CodecServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with TestClient(TestServer(site.app())) as server:
        for _ in range(50):
            await server.post("/decode", headers=headers("wrong"))
            await server.post("/encode", headers=headers())
    told = [record.getMessage() for record in caplog.records if record.name.startswith("adapters")]
    assert told == ["turned away: no such token", "turned away: the token is not for this"]
