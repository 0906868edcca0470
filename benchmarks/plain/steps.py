"""The eight steps of the plain case, with nothing to do; what it says goes to stdout.

The lines are how the driver learns that a case waits or has ended, without asking the server.
"""

from dataclasses import dataclass

from temporalio import activity


@dataclass(frozen=True)
class Request:
    """What is asked for, as small as an example has it."""

    case_id: str
    applicant: str
    email: str
    institution: str
    diploma: str


@dataclass(frozen=True)
class Answer:
    """What a holder answers."""

    reference: str
    given_on: str


@dataclass(frozen=True)
class Fact:
    """What a step is told: whose case, and what the holder answered last."""

    case_id: str
    reference: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a step gives back."""

    case_id: str
    status: str


@activity.defn
async def examine(request: Request) -> Outcome:
    """Look at the request."""
    return Outcome(request.case_id, "examined")


@activity.defn
async def ask_for_check(fact: Fact) -> Outcome:
    """Ask the holder to compare the request with its records."""
    return _asked(fact, "checked")


@activity.defn
async def accept(fact: Fact) -> Outcome:
    """Note that the records agree."""
    return Outcome(fact.case_id, "accepted")


@activity.defn
async def ask_for_production(fact: Fact) -> Outcome:
    """Ask the holder to make the duplicate."""
    return _asked(fact, "produced")


@activity.defn
async def register(fact: Fact) -> Outcome:
    """Note the number of the duplicate."""
    return Outcome(fact.case_id, "registered")


@activity.defn
async def ask_for_hand_over(fact: Fact) -> Outcome:
    """Ask the holder to hand the duplicate over."""
    return _asked(fact, "handed_over")


@activity.defn
async def record(fact: Fact) -> Outcome:
    """Note that it is handed over."""
    return Outcome(fact.case_id, "recorded")


@activity.defn
async def confirm(fact: Fact) -> Outcome:
    """Tell the applicant."""
    print("ended", fact.case_id, flush=True)
    return Outcome(fact.case_id, "issued")


STEPS = (
    examine,
    ask_for_check,
    accept,
    ask_for_production,
    register,
    ask_for_hand_over,
    record,
    confirm,
)


def _asked(fact: Fact, signal: str) -> Outcome:
    print("asked", fact.case_id, signal, flush=True)
    return Outcome(fact.case_id, "asked")
