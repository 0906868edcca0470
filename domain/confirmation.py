"""The one-time code that confirms a consent and a telephone (R1); pure rules, no randomness."""

import hashlib
import hmac
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.base import Frozen, Instant

Count = Annotated[int, Field(ge=1)]


class ConfirmationPolicy(Frozen):
    """How codes are given out and tried; the figures live in the profile file (R1)."""

    digits: Annotated[int, Field(ge=4, le=10)] = 6
    valid_minutes: Count = 30
    """Real minutes a code can be used, also in an accelerated run."""
    tries: Count = 5
    """Wrong codes in a row after which no code is taken for a while."""
    lock_minutes: Count = 10
    resend_after_seconds: Annotated[int, Field(ge=0)] = 60
    most_codes: Count = 5
    """Codes sent in one case; whoever needs more asks support."""
    returned_after_hours: Count = 24
    """Procedure hours an application waits for its code before it is returned."""


class Confirmation(Frozen):
    """What is known of the code of a case; the code itself is nowhere (R13)."""

    control_number: str
    salt: str
    """Hexadecimal."""
    digest: str
    """Slow hash of salt and code, hexadecimal: a leaked register gives no code away in its time."""
    sent_at: Instant
    codes_sent: int = 1
    tries: int = 0
    """Wrong codes since the last lock."""
    locked_until: Instant | None = None
    confirmed_at: Instant | None = None


class CodeOutcome(StrEnum):
    """What became of a code somebody entered."""

    CONFIRMED = "confirmed"
    WRONG = "wrong"
    LOCKED = "locked"
    EXPIRED = "expired"
    ALREADY_CONFIRMED = "already_confirmed"
    NO_CODE = "no_code"
    """No code was ever sent in this case."""


class CodeSending(StrEnum):
    """What became of the wish for a code."""

    SENT = "sent"
    NOT_YET = "not_yet"
    """Too soon after the last one, too many, or locked."""
    CONFIRMED = "confirmed"
    """No code is needed: one was entered already."""


def digest_of(code: str, salt: str) -> str:
    """The slow hash of a code; takes some 50 ms."""
    return hashlib.scrypt(code.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()


def attempt(
    confirmation: Confirmation, code: str, now: datetime, policy: ConfirmationPolicy
) -> tuple[Confirmation, CodeOutcome]:
    """Try a code: the confirmation afterwards, and the outcome.

    While a case is locked even the right code is refused, so that trying on is of no use.
    """
    if confirmation.confirmed_at is not None:
        return confirmation, CodeOutcome.ALREADY_CONFIRMED
    if confirmation.locked_until is not None and now < confirmation.locked_until:
        return confirmation, CodeOutcome.LOCKED
    if now >= confirmation.sent_at + timedelta(minutes=policy.valid_minutes):
        return confirmation, CodeOutcome.EXPIRED
    if hmac.compare_digest(digest_of(code, confirmation.salt), confirmation.digest):
        return confirmation.model_copy(update={"confirmed_at": now}), CodeOutcome.CONFIRMED
    tries = confirmation.tries + 1
    if tries < policy.tries:
        return confirmation.model_copy(update={"tries": tries}), CodeOutcome.WRONG
    locked = {"tries": 0, "locked_until": now + timedelta(minutes=policy.lock_minutes)}
    return confirmation.model_copy(update=locked), CodeOutcome.LOCKED


def may_send(confirmation: Confirmation | None, now: datetime, policy: ConfirmationPolicy) -> bool:
    """True when a new code may be sent: not too soon, not too often, not while locked."""
    if confirmation is None:
        return True
    if confirmation.codes_sent >= policy.most_codes:
        return False
    if confirmation.locked_until is not None and now < confirmation.locked_until:
        return False
    return now >= confirmation.sent_at + timedelta(seconds=policy.resend_after_seconds)


def renewed(
    confirmation: Confirmation | None, control_number: str, code: str, salt: str, now: datetime
) -> Confirmation:
    """The confirmation after a new code; an older code is worth nothing from now on."""
    return Confirmation(
        control_number=control_number,
        salt=salt,
        digest=digest_of(code, salt),
        sent_at=now,
        codes_sent=(confirmation.codes_sent if confirmation else 0) + 1,
        tries=confirmation.tries if confirmation else 0,
        locked_until=confirmation.locked_until if confirmation else None,
    )
