"""Entering a one-time code: compared at the register, so that it never comes near the engine."""

from datetime import UTC, datetime

from temporalio.client import Client

from activities.ports import Register
from domain.confirmation import CodeOutcome, Confirmation, ConfirmationPolicy, attempt
from domain.messages import ContactConfirmed
from starters import cases
from workflows.contracts import Signal

SAID = {
    CodeOutcome.CONFIRMED: "Confirmed: the request goes on.",
    CodeOutcome.ALREADY_CONFIRMED: "This request was confirmed before; a code is good for once.",
    CodeOutcome.WRONG: "Wrong code. Look at the newest text message, or ask for another code.",
    CodeOutcome.LOCKED: "Too many wrong codes: no code is taken for {lock_minutes} minutes.",
    CodeOutcome.EXPIRED: "The code has expired after {valid_minutes} minutes: ask for another.",
    CodeOutcome.NO_CODE: "No code was sent in this case.",
}
"""What a person is told; figures come from the profile."""


def said(outcome: CodeOutcome, policy: ConfirmationPolicy) -> str:
    """The outcome in words."""
    return SAID[outcome].format(**policy.model_dump())


async def enter(
    client: Client,
    register: Register,
    policy: ConfirmationPolicy,
    number: str,
    code: str,
    officer: str | None = None,
) -> CodeOutcome:
    """Try a code; the case is told of the right one, and of nothing else.

    Args:
        client: Tells the case.
        register: Has what the code is compared with.
        policy: Of the profile.
        number: Of the case.
        code: As it was typed.
        officer: Who typed it, when it was not the applicant.

    Raises:
        NoSuchCase: There is none.
        TurnedDown: The case has ended.
        TemporaryFailure: The register is away.
    """
    outcomes = [CodeOutcome.NO_CODE]

    def change(present: Confirmation | None) -> Confirmation | None:
        if present is None:
            return None
        following, outcomes[0] = attempt(present, code, datetime.now(UTC), policy)
        return following

    await cases.describe(client, number)
    await register.change_confirmation(number, change)
    if outcomes[0] in {CodeOutcome.CONFIRMED, CodeOutcome.ALREADY_CONFIRMED}:
        # Told again when it was confirmed before: whoever did it may have died in between.
        confirmed = ContactConfirmed(officer=officer)
        await cases.signal(client, number, Signal.CONTACT_CONFIRMED, confirmed)
    return outcomes[0]
