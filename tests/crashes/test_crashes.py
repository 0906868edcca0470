"""A worker dies just before and just after an effect: money, papers and mails stay right."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

import pytest
from crashing_worker import Death, Moment
from helpers import until
from samples import documents_without
from scenes import LOOK_EVERY, Scene, Theatre, events, open_theatre

from adapters.profiles import load_profile
from domain.base import JsonObject
from domain.clock import SECONDS_PER_DAY
from domain.confirmation import CodeOutcome
from domain.messages import PaymentReceived
from domain.payments import Invoice
from domain.register import PaperKind, PaperState
from domain.statuses import CaseStatus
from simulators.phone import CODE
from starters import codes
from workflows.contracts import Signal

HAPPY_PATH = ["SUBMITTED", "ACCEPTED", "IN_REVIEW", "IN_PRODUCTION", "READY", "ISSUED"]
CODE_AWAITED: JsonObject = {"given": True, "confirmed_by": "sms_code"}
COLLECTED: JsonObject = {
    "method": "pickup",
    "handed_over_on": "2026-06-12",
    "reference": "АПП-17",
}
SHORT_DAY = 1.0
"""Real seconds: a night is short, and a certificate still outlives the deaths around it."""


# --- money ------------------------------------------------------------------------------


async def an_invoice_is_made_once_and_refunded_once(scene: Scene, done: int) -> None:
    await scene.starts(documents=documents_without("payment_proof"))
    await scene.worker_dies()
    assert len(invoices(scene)) == done
    scene.a_worker_comes()
    await scene.reaches(CaseStatus.RETURNED)
    (invoice,) = invoices(scene)
    await pays(scene, invoice)
    await scene.reaches(CaseStatus.IN_REVIEW)
    await scene.hears(Signal.WITHDRAW_REQUESTED)
    await scene.worker_dies()
    assert refunds(scene) == [invoice.amount] * done
    scene.a_worker_comes()
    stored = await scene.reaches(CaseStatus.WITHDRAWN)
    assert refunds(scene) == [invoice.amount]
    assert invoices(scene) == [invoice]
    (charge,) = stored.charges
    assert (charge.invoice_id, charge.paid) == (invoice.invoice_id, invoice.amount)
    assert charge.refunded == invoice.amount
    assert events(stored).count("refunded") == 1


async def pays(scene: Scene, invoice: Invoice) -> None:
    """The applicant pays at the payment system, which tells the case."""
    payment = PaymentReceived(
        payment_id=f"pay-{invoice.invoice_id}",
        invoice_id=invoice.invoice_id,
        amount=invoice.amount,
    )
    scene.outside.state.pay(payment)
    await scene.hears(Signal.PAYMENT_RECEIVED, payment.model_dump())


def invoices(scene: Scene) -> list[Invoice]:
    """Invoices of the case at the payment system; a case counts its own from 1."""
    kept = (scene.outside.state.invoice(f"{scene.number}.{place}") for place in (1, 2, 3))
    return [item.invoice for item in kept if item]


def refunds(scene: Scene) -> list[int]:
    made = scene.outside.state.refunds()
    return [item.amount for item in made if item.refund_id.startswith(scene.number)]


# --- papers -----------------------------------------------------------------------------


async def a_certificate_is_issued_once_and_gives_way_to_the_duplicate(
    scene: Scene, done: int
) -> None:
    await scene.starts(temporary_certificate=True)
    await scene.worker_dies()
    assert len(await scene.papers(PaperKind.TEMPORARY_CERTIFICATE)) == done
    scene.a_worker_comes()
    await scene.has("temporary_certificate", 2)
    await the_certificate_is_in_force(scene)
    made = await the_duplicate_is_ready(scene)
    over = asyncio.Event()
    async with asyncio.TaskGroup() as beside:
        beside.create_task(never_are_both_in_force(scene, over))
        await scene.hears(Signal.DUPLICATE_HANDED_OVER, COLLECTED)
        await scene.worker_dies()
        assert (PaperKind.DUPLICATE in await scene.in_force()) is bool(done)
        scene.a_worker_comes()
        await scene.reaches(CaseStatus.ISSUED)
        assert await scene.certificate_ends() == PaperState.ANNULLED
        over.set()
    await all_is_recorded_once(scene, made)


async def the_certificate_is_in_force(scene: Scene) -> None:
    (paper,) = await scene.papers(PaperKind.TEMPORARY_CERTIFICATE)
    assert paper.state is PaperState.IN_FORCE
    assert paper.issued_on is not None
    assert paper.valid_until == paper.issued_on + timedelta(days=30)
    shown = (await scene.view()).temporary_certificate
    assert shown is not None
    assert shown.valid_until == paper.valid_until


async def the_duplicate_is_ready(scene: Scene) -> str:
    """The holder confirms and makes the duplicate; returns its number."""
    made = {
        "series": "117704",
        "number": scene.number[:7],
        "registration_number": "17/26",
        "issued_on": "2026-05-20",
    }
    await scene.reaches(CaseStatus.IN_REVIEW)
    await scene.hears(Signal.HOLDER_REPLIED, {"verdict": "confirmed"})
    await scene.reaches(CaseStatus.IN_PRODUCTION)
    await scene.hears(Signal.PRODUCTION_FINISHED, {**made})
    await scene.reaches(CaseStatus.READY)
    return made["number"]


async def never_are_both_in_force(scene: Scene, over: asyncio.Event) -> None:
    """Look into the register all the while."""

    async def is_over() -> bool:
        assert not {PaperKind.DUPLICATE, PaperKind.TEMPORARY_CERTIFICATE} <= await scene.in_force()
        return over.is_set()

    await until(is_over)


async def all_is_recorded_once(scene: Scene, duplicate: str) -> None:
    stored = await scene.reaches(CaseStatus.ISSUED)
    assert Counter((paper.kind, paper.state) for paper in stored.papers) == {
        (PaperKind.TEMPORARY_CERTIFICATE, PaperState.ANNULLED): 1,
        (PaperKind.DUPLICATE, PaperState.IN_FORCE): 1,
        (PaperKind.ORIGINAL, PaperState.REPLACED): 1,
        (PaperKind.ACCEPTANCE_ACT, PaperState.IN_FORCE): 1,
    }
    rows = await scene.register.federal_rows()
    assert [row.number for row in rows].count(duplicate) == 1
    assert [event.place for event in stored.events] == list(range(1, len(stored.events) + 1))
    assert [event for event in events(stored) if event in HAPPY_PATH] == HAPPY_PATH
    timeline = [entry.event for entry in (await scene.view()).timeline]
    assert events(stored) == timeline[: len(stored.events)]


# --- what people are sent ---------------------------------------------------------------


async def the_newest_code_confirms(scene: Scene, done: int) -> None:
    await scene.starts(consent=CODE_AWAITED)
    await scene.worker_dies()
    assert len(messages(scene)) == done
    scene.a_worker_comes()
    await scene.has("code_sent")
    assert len(messages(scene)) == 1 + done
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


async def a_mail_comes_at_most_twice(scene: Scene, done: int) -> None:
    await scene.starts()
    await scene.worker_dies()
    assert bool(mails(scene)) is bool(done)
    scene.a_worker_comes()
    await the_duplicate_is_ready(scene)
    await scene.hears(Signal.DUPLICATE_HANDED_OVER, COLLECTED)
    await scene.reaches(CaseStatus.ISSUED)

    async def all_are_sent() -> bool:
        return (await scene.view()).mails.waiting == 0

    await until(all_are_sent, look_every=LOOK_EVERY)
    arrived = mails(scene)
    assert max(arrived.values()) <= 1 + done
    told = [key.split(".")[1].upper() for key in arrived]
    assert [event for event in told if event in HAPPY_PATH] == HAPPY_PATH


def mails(scene: Scene) -> Counter[str]:
    """How often each mail of the case has arrived, told by its Message-ID, oldest first."""
    return Counter(
        mail["Message-ID"].strip(" <>") for mail in scene.outside.mail.mails(scene.number)
    )


# --- where workers die ------------------------------------------------------------------


class Story(NamedTuple):
    """A story and the steps in which its workers die, one after the other."""

    tell: Callable[[Scene, int], Awaitable[None]]
    steps: tuple[tuple[str, CaseStatus | None], ...]
    day_seconds: float = SECONDS_PER_DAY

    def named(self, moment: Moment) -> str:
        """The name of its namespace."""
        return f"{moment}-{self.tell.__name__}"


STORIES = (
    Story(an_invoice_is_made_once_and_refunded_once, (("create_invoice", None), ("refund", None))),
    Story(
        a_certificate_is_issued_once_and_gives_way_to_the_duplicate,
        (("record_certificate", None), ("record_and_send", CaseStatus.ISSUED)),
        SHORT_DAY,
    ),
    Story(the_newest_code_confirms, (("send_code", None),)),
    Story(a_mail_comes_at_most_twice, (("consult_holder", None),), SHORT_DAY),
)
SHORT = STORIES[3:]
"""Those that are told with the other tests; the rest are long proofs."""
Plays = dict[tuple[Story, Moment], asyncio.Task[None]]


@pytest.fixture(scope="module")
async def plays(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Plays]:
    """All stories that were chosen, at once: most of their time they wait."""
    chosen = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    evening = [
        (story, moment)
        for story in STORIES
        for moment in Moment
        if any(played.get("story") == story and played.get("moment") == moment for played in chosen)
    ]
    names = [story.named(moment) for story, moment in evening]
    async with open_theatre(tmp_path_factory.mktemp("theatre"), names) as theatre:
        running = {
            (story, moment): asyncio.create_task(play(theatre, story, moment))
            for story, moment in evening
        }
        yield running
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)


async def play(theatre: Theatre, story: Story, moment: Moment) -> None:
    """Play a story in which every worker but the last dies at this moment of its step."""
    deaths = [Death(activity=name, moment=moment, status=status) for name, status in story.steps]
    with theatre.scene(story.named(moment), story.day_seconds, deaths) as scene:
        try:
            await story.tell(scene, int(moment is Moment.AFTER))
        except BaseException as failure:
            failure.add_note(f"{max(0, scene.died - 1)} of {len(deaths)} points survived")
            raise


@pytest.mark.timeout(120)  # the first test waits for what all of them begin with
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize(
    "story",
    [pytest.param(story, marks=[] if story in SHORT else [pytest.mark.proof]) for story in STORIES],
    ids=lambda story: story.tell.__name__,
)
async def test_a_case_survives_its_workers(plays: Plays, story: Story, moment: Moment) -> None:
    await plays[story, moment]
