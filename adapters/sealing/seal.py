"""Bytes sealed with AES-256-GCM, bound to the place they belong to."""

import os
import zlib
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.sealing.errors import NotSealed, Tampered

KEY_BYTES = 32
OVERHEAD = 45
"""Bytes sealing adds at most: version 1, key id 16, nonce 12, tag 16."""

_AS_IS = b"\x01"
_KEY_ID_END = 17
_NONCE_BYTES = 12
_LEVEL = 9
"""Of zlib; 0.1 ms more than the quickest for a payload of 10 KB, and a third smaller."""


def _words(number: int) -> bytes:
    return (Path(__file__).parent / f"words-{number}.json").read_bytes()


_WORDS_OF = {b"\x02": b"", b"\x03": _words(1), b"\x04": _words(2)}
"""What payloads of cases have in common, by version: with it they take half the bytes they take
without. Older ones are there to open what was sealed with them: none by 0.4.0, the first by 0.5.0.

Never changed; other words are another version. `scripts/collect_words.py` makes them.
"""
_DEFLATED = max(_WORDS_OF)


def seal(plain: bytes, key: bytes, key_id: str, context: bytes) -> bytes:
    """Seal bytes so that only the key opens them, and only in their own place.

    Args:
        plain: What nobody else may read.
        key: 256 bits; good for four thousand million seals, as nonces are drawn.
        key_id: Of the key, 32 hexadecimal digits; stays readable.
        context: Where the bytes belong; has to be told again to open them.
    """
    version, content = _AS_IS, plain
    deflating = zlib.compressobj(_LEVEL, zdict=_WORDS_OF[_DEFLATED])
    deflated = deflating.compress(plain) + deflating.flush()
    if len(deflated) < len(plain):
        version, content = _DEFLATED, deflated
    header = version + bytes.fromhex(key_id)
    nonce = os.urandom(_NONCE_BYTES)
    return header + nonce + AESGCM(key).encrypt(nonce, content, header + context)


def key_id_of(sealed: bytes) -> str:
    """The id of the key that opens some bytes.

    Raises:
        NotSealed: They do not look like ours.
    """
    if sealed[:1] not in {_AS_IS, *_WORDS_OF} or len(sealed) < OVERHEAD:
        raise NotSealed("these bytes are not sealed, or cut short")
    return sealed[1:_KEY_ID_END].hex()


def open_sealed(sealed: bytes, key: bytes, context: bytes) -> bytes:
    """What was sealed.

    Raises:
        NotSealed: The bytes do not look like ours.
        Tampered: They were changed, belong elsewhere, or the key is another one.
    """
    key_id_of(sealed)
    header, rest = sealed[:_KEY_ID_END], sealed[_KEY_ID_END:]
    try:
        content = AESGCM(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], header + context)
    except InvalidTag:
        raise Tampered("these bytes were changed, or sealed for another place") from None
    version = header[:1]
    if version == _AS_IS:
        return content
    return zlib.decompressobj(zdict=_WORDS_OF[version]).decompress(content)
