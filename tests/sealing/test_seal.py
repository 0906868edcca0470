"""What is sealed opens with its key, in its place, unchanged; nothing else opens at all."""

import hashlib
import os
import zlib
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.sealing.errors import NotSealed, Tampered
from adapters.sealing.seal import _WORDS_OF, OVERHEAD, key_id_of, open_sealed, seal

KEY = os.urandom(32)
KEY_ID = uuid4().hex
HERE = b"register:7K3M-9QXT-2B4D-6"
PASSPORT = "паспорт 4510 123456, выдан 12.03.2010; ".encode()


@pytest.mark.parametrize("size", [0, 1, 127, 128, 5000])
@pytest.mark.parametrize("kind", ["text", "noise"])
def test_what_is_sealed_opens_again(size: int, kind: str) -> None:
    plain = (PASSPORT * 100 if kind == "text" else os.urandom(size))[:size]
    sealed = seal(plain, KEY, KEY_ID, HERE)
    assert open_sealed(sealed, KEY, HERE) == plain
    assert key_id_of(sealed) == KEY_ID
    assert len(sealed) <= len(plain) + OVERHEAD


def test_nothing_can_be_read_of_it_and_no_two_seals_are_equal() -> None:
    seals = {seal(PASSPORT, KEY, KEY_ID, HERE) for _ in range(50)}
    assert len(seals) == 50
    assert not any(PASSPORT[:8] in sealed or HERE in sealed for sealed in seals)


def test_what_repeats_itself_takes_less_room() -> None:
    assert len(seal(PASSPORT * 100, KEY, KEY_ID, HERE)) < len(PASSPORT) * 10


def test_what_payloads_have_in_common_takes_no_room() -> None:
    payload = b'{"institution":{"name":"","inn":"","region":"77","email":null,"phone":null}}'
    assert len(seal(payload, KEY, KEY_ID, HERE)) < OVERHEAD + len(payload) / 2


def test_the_words_they_have_in_common_are_never_changed() -> None:
    digests = [hashlib.sha256(words).hexdigest() for words in _WORDS_OF.values() if words]
    assert digests == [
        "274ab1bd20d8390b6ddc9559e1b2d107dacfd6238a870b7a9863ecf8264e16cc",
        "652ea19a77c33819d90966c49784f2e9e43c5f32db8d0f42a2123a793a101ce7",
    ]


@pytest.mark.parametrize("version", _WORDS_OF)
def test_what_was_sealed_with_older_words_or_none_opens(version: bytes) -> None:
    header, nonce = version + bytes.fromhex(KEY_ID), os.urandom(12)
    deflating = zlib.compressobj(zdict=_WORDS_OF[version])
    deflated = deflating.compress(PASSPORT * 9) + deflating.flush()
    content = AESGCM(KEY).encrypt(nonce, deflated, header + HERE)
    assert open_sealed(header + nonce + content, KEY, HERE) == PASSPORT * 9


@pytest.mark.parametrize("times", [1, 4])
def test_every_changed_bit_is_noticed(times: int) -> None:
    sealed = seal(PASSPORT * times, KEY, KEY_ID, HERE)
    for place in range(len(sealed)):
        for bit in range(8):
            changed = bytearray(sealed)
            changed[place] ^= 1 << bit
            with pytest.raises((NotSealed, Tampered)):
                open_sealed(bytes(changed), KEY, HERE)


def test_every_cut_is_noticed() -> None:
    sealed = seal(PASSPORT, KEY, KEY_ID, HERE)
    for length in range(len(sealed)):
        with pytest.raises((NotSealed, Tampered)):
            open_sealed(sealed[:length], KEY, HERE)
    with pytest.raises(Tampered):
        open_sealed(sealed + b"\0", KEY, HERE)


def test_it_opens_neither_elsewhere_nor_with_another_key() -> None:
    sealed = seal(PASSPORT, KEY, KEY_ID, HERE)
    with pytest.raises(Tampered):
        open_sealed(sealed, KEY, b"payload:7K3M-9QXT-2B4D-6")
    with pytest.raises(Tampered):
        open_sealed(sealed, os.urandom(32), HERE)


def test_other_bytes_are_not_taken_for_sealed() -> None:
    for other in (b"", PASSPORT * 9, b'{"a": 1}', bytes(100)):
        with pytest.raises(NotSealed):
            open_sealed(other, KEY, HERE)
