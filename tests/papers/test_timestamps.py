"""A timestamp authority's stamp is asked for, carried along, and not taken from just anybody."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from asn1crypto import tsp
from certificates import certificate, rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.keys import load_private_key_from_pemder_data
from pyhanko.sign.timestamps import DummyTimeStamper

from activities.ports import TemporaryFailure
from adapters.papers.keys import as_asn1, trial_key
from adapters.papers.signing import PaperSigner
from adapters.papers.verification import verify
from domain.papers import Finding

AUTHORITY_KEY = rsa_key()
ROOT_KEY = rsa_key()
ROOT = certificate("Время", ROOT_KEY)
AUTHORITY = certificate("Отметка времени", AUTHORITY_KEY, "Время", ROOT_KEY, stamps=True)
STAMP = b"2A864886F70D010910020E"
"""How the attribute with a stamp begins."""


@pytest.fixture
async def authority() -> AsyncIterator[str]:
    """An authority that stamps whatever it is given; its address."""
    key = AUTHORITY_KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    stamper = DummyTimeStamper(
        as_asn1([AUTHORITY])[0], load_private_key_from_pemder_data(key, None)
    )

    async def stamp(request: web.Request) -> web.Response:
        asked = tsp.TimeStampReq.load(await request.read())
        answer: bytes = stamper.request_tsa_response(asked).dump()
        return web.Response(body=answer, content_type="application/timestamp-reply")

    application = web.Application()
    application.router.add_post("/", stamp)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@pytest.fixture
async def stamped(authority: str, key_file: Path, unsigned: bytes) -> bytes:
    signer = PaperSigner(trial_key(key_file), authority)
    return await asyncio.to_thread(signer.sign, unsigned)


async def test_a_stamped_paper_is_genuine_for_those_who_know_the_authority(
    stamped: bytes, signer: PaperSigner
) -> None:
    for known in ((ROOT,), (AUTHORITY, ROOT)):
        assert verify(stamped, signer.certificates, known).valid


async def test_a_stamp_of_an_unknown_authority_is_not_taken(
    stamped: bytes, signer: PaperSigner
) -> None:
    stranger = certificate("Время", rsa_key())
    for known in ((), (stranger,), signer.certificates):
        assert verify(stamped, signer.certificates, known).finding is Finding.CHANGED


async def test_papers_from_before_the_stamps_stay_genuine(
    signed: bytes, signer: PaperSigner
) -> None:
    assert verify(signed, signer.certificates, (ROOT,)).valid


async def test_a_changed_byte_of_a_stamped_paper_is_found(
    stamped: bytes, signer: PaperSigner
) -> None:
    # The authority's own container is not ours to write: inside it, versions and names of
    # algorithms are protected by nothing.
    stamp = stamped.index(STAMP)
    places = (*range(0, stamp, stamp // 150), *range(stamped.index(b"0000>"), len(stamped), 9))
    for place in places:
        changed = bytearray(stamped)
        changed[place] ^= 1
        assert not verify(bytes(changed), signer.certificates, (ROOT,)).valid, place


async def test_without_the_authority_nothing_is_signed(
    authority: str, key_file: Path, unsigned: bytes
) -> None:
    signer = PaperSigner(trial_key(key_file), f"{authority}nowhere")
    with pytest.raises(TemporaryFailure, match="timestamp authority"):
        await asyncio.to_thread(signer.sign, unsigned)
