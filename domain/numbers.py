"""Control numbers: opaque, checkable, the same for the same submission (R8)."""

import hashlib
import json
import re

from stdnum import luhn

from domain.base import JsonObject

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that is read as a digit."""
_SYMBOLS = 12
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})


class BadControlNumber(ValueError):
    """Not a control number: wrong length, wrong symbol or wrong check character."""


def _formatted(symbols: str) -> str:
    return "-".join((symbols[0:4], symbols[4:8], symbols[8:12], symbols[12:]))


def control_number(application: JsonObject) -> str:
    """The control number of a submission, XXXX-XXXX-XXXX-C (R8).

    It depends on the portal's `submission_id` alone when there is one, else on the whole
    content. The content holds passports, so the hash is a slow one: nobody who knows
    everything but the passport can try its numbers out.
    """
    submission_id = application.get("submission_id")
    seed = (
        f"submission:{submission_id}"
        if isinstance(submission_id, str) and submission_id
        else "content:" + json.dumps(application, ensure_ascii=False, sort_keys=True)
    )
    digest = hashlib.scrypt(
        seed.encode("utf-8", "surrogatepass"),
        salt=b"diploma-duplicates/control-number/1",
        n=4096,
        r=8,
        p=1,
        dklen=8,
    )
    value = int.from_bytes(digest) >> (64 - 5 * _SYMBOLS)
    symbols = "".join(ALPHABET[value >> 5 * place & 31] for place in reversed(range(_SYMBOLS)))
    return _formatted(symbols + luhn.calc_check_digit(symbols, ALPHABET))


def parse_control_number(typed: str) -> str:
    """A control number in its one spelling, however it was typed.

    Raises:
        BadControlNumber: With a text that says what is wrong.
    """
    symbols = re.sub(r"[\s\-]", "", typed).upper().translate(_READ_AS)
    if len(symbols) != _SYMBOLS + 1 or any(symbol not in ALPHABET for symbol in symbols):
        raise BadControlNumber(
            f"a control number has {_SYMBOLS + 1} letters and digits, as in 7K3M-9QXT-2B4D-6"
        )
    if not luhn.is_valid(symbols, ALPHABET):
        raise BadControlNumber("the check character does not fit: look for a mistyped symbol")
    return _formatted(symbols)
