"""A worker killed just before and just after each effect: the case ends with the same facts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

import pytest
from crashing_worker import Crash, Moment
from helpers import until
from samples import documents_without
from scenes import LOOK_EVERY, Scene, Theatre, events, open_theatre

from adapters.profiles import load_profile
from domain.base import JsonObject
from domain.clock import SECONDS_PER_DAY
from domain.confirmation import CodeOutcome
from domain.messages import PaymentReceived
from domain.payments import Invoice
from domain.register import PaperKind, PaperState, StoredCase
from domain.statuses import CaseStatus
from simulators.phone import CODE
from starters import codes
from workflows.contracts import Signal

HAPPY_PATH = ("SUBMITTED", "ACCEPTED", "IN_REVIEW", "IN_PRODUCTION", "READY", "ISSUED")
CODE_AWAITED: JsonObject = {"given": True, "confirmed_by": "sms_code"}
COLLECTED: JsonObject = {
    "method": "pickup",
    "handed_over_on": "2026-06-12",
    "reference": "АПП-17",
}
FAST_DAY = 0.4
"""Real seconds of a calendar day: a certificate lasts longer than a death, a night does not."""


# --- money ------------------------------------------------------------------------------


async def a_refund_is_made_once(scene: Scene) -> None:
    await scene.starts(documents=documents_without("payment_proof"))
    invoice = await pays(scene)
    await scene.reaches(CaseStatus.IN_REVIEW)
    await scene.hears(Signal.WITHDRAW_REQUESTED)
    await scene.worker_dies()
    assert refunds(scene) == [invoice.amount] * scene.done
    scene.another_takes_over()
    stored = await scene.reaches(CaseStatus.WITHDRAWN)
    assert refunds(scene) == [invoice.amount]
    assert [(charge.paid, charge.refunded) for charge in stored.charges] == [
        (invoice.amount, invoice.amount)
    ]
    assert events(stored).count("refunded") == 1


async def an_invoice_is_created_once(scene: Scene) -> None:
    await scene.starts(documents=documents_without("payment_proof"))
    await scene.worker_dies()
    assert len(invoices(scene)) == scene.done
    scene.another_takes_over()
    invoice = await pays(scene)
    stored = await scene.reaches(CaseStatus.IN_REVIEW)
    assert invoices(scene) == [invoice]
    assert [(charge.invoice_id, charge.paid) for charge in stored.charges] == [
        (invoice.invoice_id, invoice.amount)
    ]


async def pays(scene: Scene) -> Invoice:
    """The applicant pays what the case was returned for, and the payment system tells the case."""
    await scene.reaches(CaseStatus.RETURNED)
    (invoice,) = invoices(scene)
    payment = PaymentReceived(
        payment_id=f"pay-{invoice.invoice_id}",
        invoice_id=invoice.invoice_id,
        amount=invoice.amount,
    )
    scene.outside.state.pay(payment)
    await scene.hears(Signal.PAYMENT_RECEIVED, payment.model_dump())
    return invoice


def invoices(scene: Scene) -> list[Invoice]:
    """Invoices of the case at the payment system; their ids are counted from 1."""
    kept = (scene.outside.state.invoice(f"{scene.number}.{place}") for place in (1, 2, 3))
    return [item.invoice for item in kept if item]


def refunds(scene: Scene) -> list[int]:
    made = scene.outside.state.refunds()
    return [item.amount for item in made if item.refund_id.startswith(scene.number)]


# --- papers -----------------------------------------------------------------------------


async def a_duplicate_is_issued_once(scene: Scene) -> None:
    await scene.starts()
    made = await is_ready(scene)
    await scene.hears(Signal.DUPLICATE_HANDED_OVER, COLLECTED)
    await scene.worker_dies()
    assert len(await federal_rows(scene, made)) == scene.done
    scene.another_takes_over()
    stored = await scene.reaches(CaseStatus.ISSUED)
    assert Counter((paper.kind, paper.state) for paper in stored.papers) == Counter(
        [
            (PaperKind.DUPLICATE, PaperState.IN_FORCE),
            (PaperKind.ORIGINAL, PaperState.REPLACED),
            (PaperKind.ACCEPTANCE_ACT, PaperState.IN_FORCE),
        ]
    )
    assert len(await federal_rows(scene, made)) == 1
    assert [event.place for event in stored.events] == list(range(1, len(stored.events) + 1))
    assert tuple(event for event in events(stored) if event.isupper()) == HAPPY_PATH
    assert events(stored) == [entry.event for entry in (await scene.view()).timeline]


async def a_certificate_is_annulled_with_the_issue(scene: Scene) -> None:
    await scene.starts(temporary_certificate=True)
    await is_ready(scene)
    await scene.has("temporary_certificate", 2)
    watch = asyncio.create_task(certificate_goes_before_the_duplicate_comes(scene))
    await scene.hears(Signal.DUPLICATE_HANDED_OVER, COLLECTED)
    await scene.worker_dies()
    assert not watch.done() or scene.done
    scene.another_takes_over()
    await watch
    assert await scene.certificate_ends() == PaperState.ANNULLED
    await scene.reaches(CaseStatus.ISSUED)
    assert await states(scene, PaperKind.TEMPORARY_CERTIFICATE) == [PaperState.ANNULLED]
    assert await states(scene, PaperKind.DUPLICATE) == [PaperState.IN_FORCE]


async def certificate_goes_before_the_duplicate_comes(scene: Scene) -> None:
    """Look at the register all the while: never are both in force."""

    async def duplicate_is_in_force() -> bool:
        known = [paper for _, paper in await scene.register.papers(scene.number)]
        in_force = {paper.kind for paper in known if paper.state is PaperState.IN_FORCE}
        assert not {PaperKind.DUPLICATE, PaperKind.TEMPORARY_CERTIFICATE} <= in_force
        return PaperKind.DUPLICATE in in_force

    await until(duplicate_is_in_force)


async def a_certificate_is_issued_once(scene: Scene) -> None:
    await scene.starts(temporary_certificate=True)
    await scene.worker_dies()
    assert len(await scene.papers(PaperKind.TEMPORARY_CERTIFICATE)) == scene.done
    scene.another_takes_over()
    await scene.has("temporary_certificate", 2)
    (certificate,) = await scene.papers(PaperKind.TEMPORARY_CERTIFICATE)
    assert certificate.state is PaperState.IN_FORCE
    assert certificate.issued_on is not None
    assert certificate.valid_until == certificate.issued_on + timedelta(days=30)
    shown = (await scene.view()).temporary_certificate
    assert shown is not None
    assert shown.valid_until == certificate.valid_until


async def is_ready(scene: Scene) -> JsonObject:
    """The holder confirms and makes the duplicate; returns what it entered."""
    made: JsonObject = {
        "series": "117704",
        "number": scene.number[:7],
        "registration_number": "17/26",
        "issued_on": "2026-05-20",
    }
    await scene.reaches(CaseStatus.IN_REVIEW)
    await scene.hears(Signal.HOLDER_REPLIED, {"verdict": "confirmed"})
    await scene.reaches(CaseStatus.IN_PRODUCTION)
    await scene.hears(Signal.PRODUCTION_FINISHED, made)
    await scene.reaches(CaseStatus.READY)
    return made


async def states(scene: Scene, kind: PaperKind) -> list[PaperState]:
    return [paper.state for paper in await scene.papers(kind)]


async def federal_rows(scene: Scene, made: JsonObject) -> list[str]:
    """Numbers in the federal register that are this duplicate's."""
    rows = await scene.register.federal_rows()
    return [row.number for row in rows if row.number == made["number"]]


# --- people -----------------------------------------------------------------------------


async def the_newest_code_confirms(scene: Scene) -> None:
    await scene.starts(consent=CODE_AWAITED)
    await scene.worker_dies()
    assert len(messages(scene)) == scene.done
    scene.another_takes_over()
    await scene.has("code_sent")
    assert len(messages(scene)) == 1 + scene.done
    newest = CODE.search(messages(scene)[-1])
    assert newest is not None
    policy = load_profile().confirmation
    outcome = await codes.enter(scene.client, scene.register, policy, scene.number, newest[1])
    assert outcome is CodeOutcome.CONFIRMED
    await scene.reaches(CaseStatus.IN_REVIEW)


def messages(scene: Scene) -> list[str]:
    """Texts sent to the applicant of the case, oldest first."""
    sent = scene.outside.state.sms_to("+79161234567")
    return [sms.text for sms in sent if sms.message_id.startswith(scene.number)]


async def a_mail_comes_at_most_twice(scene: Scene) -> None:
    await scene.starts()
    await scene.worker_dies()
    scene.another_takes_over()
    await is_ready(scene)
    await scene.hears(Signal.DUPLICATE_HANDED_OVER, COLLECTED)
    await scene.reaches(CaseStatus.ISSUED)

    async def all_sent() -> bool:
        return (await scene.view()).mails.waiting == 0

    await until(all_sent, look_every=LOOK_EVERY)
    arrived = mails(scene)
    assert max(arrived.values()) <= 1 + scene.done
    told = [key.split(".")[1].upper() for key in arrived]
    assert [event for event in told if event in HAPPY_PATH] == list(HAPPY_PATH)


def mails(scene: Scene) -> Counter[str]:
    """How often each mail of the case arrived, told by its Message-ID, oldest first."""
    keys = (mail["Message-ID"].strip(" <>") for mail in scene.outside.mail.mails())
    return Counter(key for key in keys if key.startswith(scene.number))


# --- the points -------------------------------------------------------------------------


class Point(NamedTuple):
    """A step with an effect, and the story in which its worker dies in it."""

    story: Callable[[Scene], Awaitable[None]]
    activity: str
    place: int = 1
    status: CaseStatus | None = None
    day_seconds: float = SECONDS_PER_DAY

    def name(self, moment: Moment) -> str:
        return f"{moment}-{self.story.__name__.replace('_', '-')}"


POINTS = (
    Point(a_refund_is_made_once, "refund"),
    Point(an_invoice_is_created_once, "create_invoice"),
    Point(a_duplicate_is_issued_once, "record_case", status=CaseStatus.ISSUED),
    Point(
        a_certificate_is_annulled_with_the_issue,
        "record_case",
        status=CaseStatus.ISSUED,
        day_seconds=FAST_DAY,
    ),
    Point(a_certificate_is_issued_once, "record_certificate", day_seconds=FAST_DAY),
    Point(the_newest_code_confirms, "send_code"),
    Point(a_mail_comes_at_most_twice, "deliver_notices", place=2, day_seconds=FAST_DAY),
)


@pytest.fixture(scope="module")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    names = [point.name(moment) for point in POINTS for moment in Moment]
    async with open_theatre(tmp_path_factory.mktemp("theatre"), names) as opened:
        yield opened


@pytest.mark.parametrize("moment", Moment)
async def test_a_case_survives_the_death_of_its_worker_at_every_effect(
    theatre: Theatre, moment: Moment
) -> None:
    ends = await asyncio.gather(
        *(plays(theatre, point, moment) for point in POINTS), return_exceptions=True
    )
    failures = [end for end in ends if end is not None]
    if failures:
        survived = f"{len(POINTS) - len(failures)} of {len(POINTS)} points survived"
        raise BaseExceptionGroup(survived, failures)


async def plays(theatre: Theatre, point: Point, moment: Moment) -> None:
    crash = Crash(activity=point.activity, moment=moment, place=point.place, status=point.status)
    with theatre.scene(point.name(moment), crash, point.day_seconds).on_stage() as scene:
        try:
            await point.story(scene)
        except BaseException as failure:
            failure.add_note(f"at the point: {moment} {point.activity}")
            raise
