"""Sending the one-time code that confirms a consent and a telephone (R1)."""

import secrets
from datetime import UTC, datetime
from typing import Protocol

from temporalio import activity

from activities.failures import in_engine_terms
from activities.ports import Register, Sms, SmsGateway
from domain.base import Frozen
from domain.confirmation import (
    CodeSending,
    Confirmation,
    ConfirmationPolicy,
    may_send,
    renewed,
)


class CodeOrder(Frozen):
    """A code for a case."""

    control_number: str
    phone: str
    new_phone: bool = False
    """True when an earlier code went to another telephone; what that confirmed is void."""
    policy: ConfirmationPolicy


class CodeRenderer(Protocol):
    """Turns a code into a text message."""

    def render_code(
        self, message_id: str, recipient: str, control_number: str, code: str, valid_minutes: int
    ) -> Sms:
        """The message with the code, in Russian."""


class ConfirmationActivities:
    """Makes and sends codes. A code lives in the message alone; the register has a slow hash."""

    def __init__(self, register: Register, sms: SmsGateway, renderer: CodeRenderer) -> None:
        self._register = register
        self._sms = sms
        self._renderer = renderer

    @activity.defn
    async def send_code(self, order: CodeOrder) -> CodeSending:
        """Send a code, unless it is too early for another one or there were too many.

        Every attempt makes a code of its own, and only the last one is of use: keeping the
        first for a second attempt would mean keeping it somewhere.

        Raises:
            ApplicationError: A passing failure (retried); a final refusal (not retried).
        """
        repeated = activity.info().attempt > 1
        now = datetime.now(UTC)
        code = str(secrets.randbelow(10**order.policy.digits)).zfill(order.policy.digits)
        salt = secrets.token_hex(16)
        outcome = [CodeSending.NOT_YET]

        def change(present: Confirmation | None) -> Confirmation | None:
            confirmed = present is not None and present.confirmed_at is not None
            if confirmed and not order.new_phone:
                outcome[0] = CodeSending.CONFIRMED
                return None
            waited = order.new_phone and present and present.codes_sent < order.policy.most_codes
            if not (repeated or waited or may_send(present, now, order.policy)):
                outcome[0] = CodeSending.NOT_YET
                return None
            outcome[0] = CodeSending.SENT
            following = renewed(present, order.control_number, code, salt, now)
            same = {"codes_sent": present.codes_sent} if repeated and present else {}
            return following.model_copy(update=same)

        with in_engine_terms():
            await self._register.change_confirmation(order.control_number, change)
            if outcome[0] is CodeSending.SENT:
                # An id of its own for every code: the gateway drops what it takes for a repetition.
                message_id = f"{order.control_number}.code.{salt[:12]}"
                message = self._renderer.render_code(
                    message_id, order.phone, order.control_number, code, order.policy.valid_minutes
                )
                await self._sms.send(message)
        return outcome[0]
