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

_AS_IS, _DEFLATED, _DEFLATED_BY_WORDS = b"\x01", b"\x02", b"\x03"
_KEY_ID_END = 17
_NONCE_BYTES = 12
_QUICKLY = 1
_WORDS = (Path(__file__).parent / "words-1.json").read_bytes()
"""What payloads of cases have in common: with it they take half the bytes they take without.

Never changed, for what was sealed with it must be opened with it; another one would be another
version. `scripts/collect_words.py` made it.
"""


def seal(plain: bytes, key: bytes, key_id: str, context: bytes) -> bytes:
    """Seal bytes so that only the key opens them, and only in their own place.

    Args:
        plain: What nobody else may read.
        key: 256 bits; good for four thousand million seals, as nonces are drawn.
        key_id: Of the key, 32 hexadecimal digits; stays readable.
        context: Where the bytes belong; has to be told again to open them.
    """
    version, content = _AS_IS, plain
    deflating = zlib.compressobj(_QUICKLY, zdict=_WORDS)
    deflated = deflating.compress(plain) + deflating.flush()
    if len(deflated) < len(plain):
        version, content = _DEFLATED_BY_WORDS, deflated
    header = version + bytes.fromhex(key_id)
    nonce = os.urandom(_NONCE_BYTES)
    return header + nonce + AESGCM(key).encrypt(nonce, content, header + context)


def key_id_of(sealed: bytes) -> str:
    """The id of the key that opens some bytes.

    Raises:
        NotSealed: They do not look like ours.
    """
    if sealed[:1] not in {_AS_IS, _DEFLATED, _DEFLATED_BY_WORDS} or len(sealed) < OVERHEAD:
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
    # Without words it was deflated by 0.4.0.
    words = _WORDS if version == _DEFLATED_BY_WORDS else b""
    return zlib.decompressobj(zdict=words).decompress(content)
