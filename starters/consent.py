"""Taking back the consent to the processing of personal data, of any case at any time (R13)."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from temporalio.client import Client

from domain.messages import WithdrawalRequested
from domain.register import RegisteredCase
from starters import cases
from starters.console import FAILED, Stop
from workflows.contracts import Signal
from workflows.reception import GIVEN_UP, ISSUED_STAYS

if TYPE_CHECKING:
    from adapters.register.database import SqlRegister


async def withdraw(
    client: Client, register: "SqlRegister", number: str, wish: WithdrawalRequested
) -> RegisteredCase | None:
    """Withdraw the request with the consent; of a case that has ended the consent alone.

    Repeating it is harmless, and completes what broke off.

    Returns:
        The case as it had ended before; None when it ends by this.

    Raises:
        NoSuchCase: Neither the engine nor the register knows it.
        Stop: The request is withdrawn, but the register does not know the case yet.
        TemporaryFailure: The register is away.
    """
    refused: Exception | None = None
    try:
        await cases.signal(client, number, Signal.WITHDRAW_REQUESTED, wish)
    except (cases.TurnedDown, cases.NoSuchCase) as refusal:
        refused = refusal
    if not await register.withdraw_consent(number, datetime.now(UTC)):
        raise refused or Stop(FAILED, "the case is too young to be on record: try again in a while")
    known = await register.find_case(number) if refused else None
    return known.case if known else None


def said(ended: RegisteredCase | None) -> str:
    """What happens next, in words."""
    if ended is None:
        return "Withdrawn, with the consent: the case ends, and is erased when nothing is owed."
    if ended.erased_at is not None:
        return "Nothing personal is left: the case was erased before."
    if ended.status.is_final and ended.status not in GIVEN_UP:
        return f"Consent withdrawn, too late for the request: {ISSUED_STAYS}."
    return "Consent withdrawn: the case has ended, and is erased when nothing is owed."
