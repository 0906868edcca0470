"""Hundreds of cases while workers and server are killed: in the end all is accounted for."""

import os
import random
from collections import Counter
from collections.abc import Callable

import pytest
from crew import Ground, working
from soak import Account, accounts, is_equal, soak

from activities.chancery import UNKNOWN
from domain.register import RegisteredCharge
from domain.statuses import CaseStatus
from workflows.contracts import Signal

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1500)]  # the first test waits for all of it
CASES = int(os.environ.get("CHAOS_CASES", "500"))
"""Fewer, for a look: CHAOS_CASES=50."""
AT_ONCE = 60
WORKERS = 2
DAY_SECONDS = 12.0
"""So long that a busy machine breaks few terms."""
MOST = 2
"""How often a mail may come."""

Recorder = Callable[[str, object], None]


@pytest.fixture(scope="module")
async def book(tmp_path_factory: pytest.TempPathFactory) -> list[Account]:
    """The accounts of all cases when everything has come to rest."""
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"CHAOS_SEED={seed}")  # noqa: T201 - shown when a test fails
    stack = Ground(tmp_path_factory.mktemp("soak"), day_seconds=DAY_SECONDS)
    async with stack as client, working(stack, WORKERS) as crew:
        lives = await soak(stack, crew, client, seed, CASES, AT_ONCE)
        book = await accounts(stack, client, lives)
    KILLED.update(workers=crew.killed, servers=stack.killed)
    return book


KILLED = Counter[str]()
"""Who was killed in the soak."""


def test_every_case_has_ended_or_waits_for_a_named_reason(
    book: list[Account], record_property: Recorder
) -> None:
    named = [account for account in book if account.is_settled and waits_for(account)]
    record_property("cases", [len(named), len(book)])
    ends = Counter(account.view.status.value for account in book)
    record_property(
        "note",
        f"The soak: {KILLED['workers']} workers and {KILLED['servers']} servers were killed; "
        + ", ".join(f"{count} {status}" for status, count in ends.most_common()),
    )
    none_of([state_of(account) for account in book if account not in named])


def none_of(faults: list[str]) -> None:
    """Fail with all there is to know of them."""
    if faults:
        pytest.fail("\n\n".join(faults), pytrace=False)


def waits_for(account: Account) -> str:
    """What has become of a case, or what it waits for."""
    view = account.view
    if view.status.is_final:
        return "nothing: it has ended"
    told = ", ".join(reason.code for reason in view.reasons) or (view.stage and view.stage.awaited)
    return told or ""


def state_of(account: Account) -> str:
    """All there is to know of a case that is not as it should be."""
    view, plan = account.view, account.life.plan
    return "\n".join(
        (
            f"{account.life.number}, {plan.player.file.stem}, {view.status}",
            f"waits for {view.stage and view.stage.awaited}; mails {view.mails}",
            f"acknowledged {account.life.acknowledged}, received {account.received}",
            f"charges {account.stored.charges}; refunds {account.refunds}",
            f"mails {account.mails}",
            *(f"{item.at:%d.%m %H:%M:%S} {item.event} {item.detail}" for item in view.timeline),
            f"papers {view.papers}",
            f"register: {account.stored.case.status} {account.stored.papers}",
            *(f"{event.event} {event.detail}" for event in account.stored.events),
        )
    )


def test_no_acknowledged_message_is_lost(book: list[Account], record_property: Recorder) -> None:
    told = sum(account.life.acknowledged.total() for account in book)
    lost = [fault for account in book for fault in lost_of(account)]
    record_property("messages", [told - len(lost), told])
    none_of(lost)
    assert all(account.life.equal_answers for account in book)


def lost_of(account: Account) -> list[str]:
    """Messages that were acknowledged and are not in the history, or had no effect."""
    told, view = account.life.acknowledged, account.view
    number = account.life.number
    lost = [
        f"{number} {name}"
        for name, times in told.items()
        if name != "submission"
        for _ in range(times - account.received[name])
    ]
    parked = [item.message for item in view.parked]
    lost += [
        f"{number} an unreadable message"
        for _ in range(told[Signal.HOLDER_REPLIED] - parked.count(Signal.HOLDER_REPLIED))
    ]
    if told[Signal.WITHDRAW_REQUESTED] and not view.status.is_final:
        lost.append(f"{number} the withdrawal")
    paid = any(charge.payment_id for charge in account.stored.charges)
    if told[Signal.PAYMENT_RECEIVED] and not paid and Signal.PAYMENT_RECEIVED not in parked:
        lost.append(f"{number} the payment")
    return lost


def test_no_case_is_stuck(book: list[Account], record_property: Recorder) -> None:
    healthy = [account for account in book if not account.failed_tasks]
    record_property("cases", [len(healthy), len(book)])
    assert len(healthy) == len(book)


def test_no_invoice_is_charged_twice(book: list[Account], record_property: Recorder) -> None:
    charges = [(account, charge) for account in book for charge in account.stored.charges]
    wrong = [state_of(account) for account, charge in charges if not is_right(account, charge)]
    record_property("charges", [len(charges) - len(wrong), len(charges)])
    assert charges
    none_of(wrong)
    for account in book:
        ids = [charge.invoice_id for charge in account.stored.charges]
        assert ids == [kept.invoice.invoice_id for kept in account.invoices]


def is_right(account: Account, charge: RegisteredCharge) -> bool:
    """True when the payment system has the same invoice, with the same payment or none."""
    (kept,) = (item for item in account.invoices if item.invoice.invoice_id == charge.invoice_id)
    paid = (kept.payment.payment_id, kept.payment.amount) if kept.payment else (None, 0)
    return kept.invoice.amount == charge.amount and paid == (charge.payment_id, charge.paid)


def test_money_goes_back_once(book: list[Account], record_property: Recorder) -> None:
    paid = [
        (account, charge)
        for account in book
        for charge in account.stored.charges
        if charge.payment_id
    ]
    wrong = [state_of(account) for account, charge in paid if not is_settled(account, charge)]
    record_property("payments", [len(paid) - len(wrong), len(paid)])
    assert paid
    none_of(wrong)


def is_settled(account: Account, charge: RegisteredCharge) -> bool:
    """True when a payment was given back once, or kept, as it should be (R7)."""
    given_back = account.refunds.get(charge.invoice_id, 0)
    stages = {entry.event for entry in account.view.timeline}
    given_up = account.view.status in {CaseStatus.WITHDRAWN, CaseStatus.CLOSED}
    is_due = charge.void or (given_up and CaseStatus.IN_PRODUCTION not in stages)
    return given_back == charge.refunded == (charge.paid if is_due else 0)


def test_mails_come_once(book: list[Account], record_property: Recorder) -> None:
    arrived = [(account, times) for account in book for times in account.mails.values()]
    wrong = [state_of(account) for account, times in arrived if times > MOST]
    record_property("mails", [len(arrived) - len(wrong), len(arrived)])
    often = Counter(times for _, times in arrived)
    record_property(
        "note",
        f"The soak: mails that arrived once, twice: {often[1]}, {often[2]}; given up in doubt, and "
        f"told to a person: {sum(map(in_doubt, book))}",
    )
    none_of(wrong)
    none_of([state_of(account) for account in book if not all_arrived(account)])


def in_doubt(account: Account) -> int:
    """Mails that were given up since they may have arrived."""
    return sum(UNKNOWN in entry.detail for entry in account.view.timeline)


def all_arrived(account: Account) -> bool:
    """True when the applicant was told of every status, or a person of why not."""
    told = {message.split(".")[1].upper() for message in account.mails}
    told |= {key.split(".")[0].upper() for key in account.view.mails.rejected}
    return account.view.status.value in told


def test_the_register_equals_the_engine(book: list[Account], record_property: Recorder) -> None:
    equal = [account for account in book if is_equal(account.view, account.stored)]
    record_property("cases", [len(equal), len(book)])
    none_of([state_of(account) for account in book if account not in equal])
