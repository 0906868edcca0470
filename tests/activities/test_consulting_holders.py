"""The step that asks a holder: what is handed along is done once, and no term is slept over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import unused_port
from aiosmtpd.smtp import SMTP, Envelope, Session
from ordered_papers import APPLICATION, NUMBER, office_in, sealer
from records import DUPLICATE, OTHER, another, case_record
from staging import ToldHolder
from temporalio.api.common.v1 import Payload
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.chancery import ChanceryActivities, Dispatch
from activities.failures import UNREADABLE
from activities.holders import Consultation, HolderActivities, HolderAnswer
from activities.notices import NoticeActivities, StaffAddresses
from activities.papers import PaperDesk
from activities.ports import NotYet, TemporaryFailure, UnreadableAnswer
from activities.scans import ScanActivities
from adapters.blobs import BlobStore
from adapters.mail_rendering import TemplateMailRenderer
from adapters.mail_smtp import SmtpMailGateway
from adapters.papers.signing import PaperSigner
from adapters.profiles import load_profile
from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from adapters.scans.checking import check_scan
from adapters.sms_http import HttpSmsGateway
from adapters.smtp_settings import SmtpSettings
from domain.errands import Errand, ErrandAnswer, ErrandKind
from domain.messages import HolderReply, HolderVerdict, ProductionRecord
from domain.notices import Audience, Delivery, DeliveryReport, Notice, NoticeEvent, NoticeFacts
from domain.register import CaseRecord, PaperState, duplicate_paper
from domain.routes import Holder, HolderChannel
from simulators.mailbox import Mailbox
from simulators.scenario import MailFault
from simulators.state import State
from workers.temporal import TolerantConverter
from workflows import policies

HOLDER = Holder(
    inn="7700001549",
    name="Яузский политехнический колледж",
    region="77",
    channel=HolderChannel(kind="http", address="/holders/7700001549"),
)
ERRAND = Errand(
    control_number=NUMBER, kind=ErrandKind.VERIFICATION, round=1, application=APPLICATION
)
ANSWER = ErrandAnswer(reply=HolderReply(verdict=HolderVerdict.CONFIRMED))
PRODUCED = ProductionRecord(
    series="77СПД", number="0004512", registration_number="118/2026", issued_on=date(2026, 5, 29)
)
MADE = ErrandAnswer(production=PRODUCED)
ACCEPTED = Notice(
    control_number=NUMBER,
    event=NoticeEvent.ACCEPTED,
    audience=Audience.APPLICANT,
    key="accepted.2",
    recipient="alena.sokolova@example.org",
    not_before=datetime(2026, 4, 29, 10, 5, tzinfo=UTC),
    facts=NoticeFacts(happened_on=date(2026, 4, 29), salutation="Алёна Игоревна"),
)
RECORD = case_record(NUMBER)
POLL_EVERY = timedelta(hours=6)
MILLISECOND, SECOND = timedelta(milliseconds=1), timedelta(seconds=1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
UNREAD = UnreadableAnswer("holder sent something that cannot be read")
AWAY = TemporaryFailure("holder cannot be reached")
SENT = DeliveryReport(key=ACCEPTED.key, delivery=Delivery.SENT)


class SlowMailbox(Mailbox):
    """A mail server that keeps a mail for as long as a test holds it back before it says so."""

    def __init__(self, state: State, folder: Path) -> None:
        super().__init__(state, folder)
        self.reached = asyncio.Event()
        """Set once a mail is under way."""
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def handle_DATA(  # noqa: N802 - found by this name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.reached.set()
        await self.goes_on.wait()
        return await super().handle_DATA(server, session, envelope)


class Desk:
    """The step with a real register and a real mail server; only the holder is a test's."""

    def __init__(
        self, folder: Path, mailbox: SlowMailbox, signer: PaperSigner, register_url: str
    ) -> None:
        self.mailbox = mailbox
        self.register = SqlRegister(register_url, sealer())
        self._sms = HttpSmsGateway("http://127.0.0.1:1")
        smtp = SmtpSettings(
            host=mailbox.host,
            port=mailbox.port,
            sender_address="no-reply@example.org",
            sender_name="Служба",
            timeout_seconds=5,
            keep_seconds=0,
        )
        notices = NoticeActivities(
            TemplateMailRenderer("mail.example.org", "https://example.org/{number}"),
            SmtpMailGateway(smtp),
            self._sms,
            StaffAddresses(ops="ops@example.org", support="support@example.org"),
        )
        papers = PaperDesk(self.register, office_in(folder / "papers", signer))
        store = BlobStore(str(folder / "documents"), sealer())
        scans = ScanActivities(store, check_scan, load_profile().reasons, self.register)
        self._chancery = ChanceryActivities(self.register, notices, papers, scans)
        self.is_at(ToldHolder())

    def is_at(self, holder: ToldHolder) -> None:
        """Ask this holder from now on."""
        self.holder = holder
        self.steps = HolderActivities(holder, self._chancery)

    async def close(self) -> None:
        await self.mailbox.go_away()
        await self._sms.close()
        await self.register.close()

    def answers(self, answer: ErrandAnswer | Exception | None) -> None:
        """What the holder says from now on."""
        if answer is None:
            self.holder.answers.pop(ERRAND.key, None)
        else:
            self.holder.answers[ERRAND.key] = answer

    def mails(self) -> list[str]:
        return [str(mail["Message-ID"]) for mail in self.mailbox.mails(NUMBER)]


class PromisingHolder(ToldHolder):
    """A holder that promises its answer a number of times before it says what it was told."""

    def __init__(self, *promised_in: timedelta) -> None:
        super().__init__()
        self._promised_in = list(promised_in)

    async def answer_of(self, holder: Holder, errand: Errand) -> ErrandAnswer | None:
        answer = await super().answer_of(holder, errand)
        if self._promised_in:
            raise NotYet("holder has not answered yet", self._promised_in.pop(0))
        return answer


class Step:
    """One step of the engine: every attempt is told what the one before has left."""

    def __init__(self, desk: Desk, consultation: Consultation, name: str = "4") -> None:
        self.details: list[Any] = []
        self._desk, self._consultation, self._name = desk, consultation, name
        self._attempts = 0

    def begins(self, after: timedelta = timedelta(0)) -> ActivityEnvironment:
        """The surroundings of the next attempt, which the engine gives out so much later."""
        environment = ActivityEnvironment()
        self._attempts += 1
        environment.info = replace(
            environment.info,
            activity_id=self._name,
            attempt=self._attempts,
            heartbeat_details=self.details,
            current_attempt_scheduled_time=environment.info.scheduled_time + after,
            retry_policy=policies.POLL_RETRY,
        )
        environment.on_heartbeat = self._keep
        return environment

    async def attempt(
        self, after: timedelta = timedelta(0), environment: ActivityEnvironment | None = None
    ) -> HolderAnswer:
        ready = environment or self.begins(after)
        return await ready.run(self._desk.steps.consult_holder, self._consultation)

    async def fails(self, after: timedelta = timedelta(0)) -> ApplicationError:
        with pytest.raises(ApplicationError) as caught:
            await self.attempt(after)
        return caught.value

    def _keep(self, *details: Any) -> None:
        payloads: Sequence[Payload] = TolerantConverter().to_payloads(details)
        self.details = TolerantConverter().from_payloads(payloads)


@asynccontextmanager
async def desk_in(
    folder: Path, signer: PaperSigner, register_url: str | None = None
) -> AsyncIterator[Desk]:
    url = f"sqlite:///{folder / 'register.db'}"
    migrate(url, sealer())
    with State(folder / "state.sqlite3") as state:
        mailbox = SlowMailbox(state, folder / "mail")
        await mailbox.come_back()
        desk = Desk(folder, mailbox, signer, register_url or url)
        try:
            yield desk
        finally:
            await desk.close()


@pytest.fixture
async def desk(tmp_path: Path, signer: PaperSigner) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path, signer) as ready:
        yield ready


def dispatch(
    *notices: Notice, record: CaseRecord | None = RECORD, shared: bool = True, seconds: float = 20
) -> Dispatch:
    return Dispatch(
        record=record,
        notices=notices or (ACCEPTED,),
        patience=timedelta(seconds=seconds),
        control_number=NUMBER,
        shared=shared,
    )


def asking(handed_along: Dispatch | None = None, **changes: Any) -> Consultation:
    facts: dict[str, Any] = {"poll_every": POLL_EVERY, "dispatch": handed_along, **changes}
    return Consultation(holder=HOLDER, errand=ERRAND, **facts)


# --- what is handed along -----------------------------------------------------------------


async def test_what_is_handed_along_is_done_before_the_holder_is_asked(desk: Desk) -> None:
    desk.answers(ANSWER)
    answer = await Step(desk, asking(dispatch())).attempt()
    assert answer.report is not None
    assert answer.report.settled == (SENT,)
    assert answer.report.all_is_well
    assert answer.reply == ANSWER.reply
    assert not answer.is_empty
    assert len(desk.mails()) == 1
    assert await desk.register.find_case(NUMBER) is not None
    assert await desk.register.deliveries(NUMBER) == [SENT]


async def test_it_is_done_once_however_often_the_holder_is_asked(desk: Desk) -> None:
    # Not shared: nothing but what attempts tell each other keeps the mail from coming again.
    step = Step(desk, asking(dispatch(shared=False)))
    for outcome in (None, AWAY, UNREAD, NotYet("holder", MINUTE), None):
        desk.answers(outcome)
        await step.fails()
    desk.answers(ANSWER)
    answer = await step.attempt()
    assert answer.report is not None
    assert answer.report.settled == (SENT,)
    assert answer.reply == ANSWER.reply
    assert len(desk.holder.asked) == 6
    assert len(desk.mails()) == 1


async def test_the_report_comes_through_the_attempts_as_it_was(desk: Desk) -> None:
    step = Step(desk, asking(dispatch()))
    await step.fails()
    desk.answers(ANSWER)
    later = await step.attempt()
    at_once = await Step(desk, asking(dispatch()), "7").attempt()
    assert later == at_once


async def test_an_attempt_that_was_told_nothing_still_sends_no_mail_twice(desk: Desk) -> None:
    step = Step(desk, asking(dispatch()))
    for _ in range(3):
        await step.fails()
        step.details = []  # as when a worker dies before it could tell
    assert len(desk.mails()) == 1
    desk.answers(ANSWER)
    answer = await Step(desk, asking(dispatch()), "7").attempt()
    assert answer.report is not None
    assert answer.report.settled == (SENT,)
    assert len(desk.mails()) == 1


async def test_a_step_with_nothing_handed_along_only_asks(desk: Desk) -> None:
    step = Step(desk, asking())
    await step.fails()
    desk.answers(ANSWER)
    answer = await step.attempt()
    assert answer == HolderAnswer(reply=ANSWER.reply)
    assert desk.mails() == []


# --- the number of a duplicate ------------------------------------------------------------


async def test_the_number_of_a_duplicate_is_taken_with_the_answer(desk: Desk) -> None:
    desk.answers(MADE)
    before = await Step(desk, asking(takes_number=True)).attempt()
    assert before.number_taken is None, "the register does not know the case yet"
    for name in ("4", "7"):
        answer = await Step(desk, asking(dispatch(), takes_number=True), name).attempt()
        assert answer.number_taken is True
        assert answer.production == MADE.production
    ((_, paper),) = await desk.register.papers()
    assert (paper.number, paper.state) == (PRODUCED.number, PaperState.PREPARED)


async def test_a_number_of_another_duplicate_is_told_with_the_answer(desk: Desk) -> None:
    theirs = duplicate_paper(OTHER, PRODUCED, PaperState.IN_FORCE, PRODUCED.issued_on)
    await desk.register.record(another(OTHER, papers=(theirs,)))
    desk.answers(MADE)
    answer = await Step(desk, asking(dispatch(), takes_number=True)).attempt()
    assert answer.number_taken is False
    assert await desk.register.papers(NUMBER) == []


async def test_a_register_that_is_away_leaves_the_number_to_the_case(
    tmp_path: Path, signer: PaperSigner
) -> None:
    nowhere = f"sqlite:///{tmp_path / 'nowhere' / 'register.db'}"
    async with desk_in(tmp_path, signer, nowhere) as desk:
        desk.answers(MADE)
        answer = await Step(desk, asking(takes_number=True)).attempt()
    assert answer.number_taken is None
    assert answer.production == MADE.production


async def test_cases_begun_before_see_to_the_number_themselves(desk: Desk) -> None:
    desk.answers(MADE)
    answer = await Step(desk, asking(dispatch())).attempt()
    assert answer.number_taken is None
    assert await desk.register.papers() == []


# --- at most twice ------------------------------------------------------------------------


@pytest.mark.parametrize("shared", [True, False])
async def test_however_often_nobody_is_left_who_knows_a_mail_comes_twice_at_most(
    desk: Desk, shared: bool
) -> None:
    for _ in range(4):  # steps, each told what the mail server did not say
        desk.mailbox.play(MailFault.DROP_AFTER_DOT)
        answer = await Step(desk, asking(dispatch(shared=shared))).attempt()
        shared = True  # as the case asks for what it has to try again
    assert len(desk.mails()) == 2
    assert answer.report is not None
    (settled,) = answer.report.settled
    assert settled.delivery is Delivery.REJECTED
    assert "may have arrived" in settled.reason


@pytest.mark.parametrize("shared", [True, False])
async def test_however_often_its_worker_dies_a_mail_comes_twice_at_most(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    step = Step(desk, asking(dispatch(shared=shared)))
    with monkeypatch.context() as patch:
        patch.setattr(desk.register, "settle_notices", dies)
        patch.setattr(SmtpMailGateway, "send", _sent_and_dead(SmtpMailGateway.send))
        for _ in range(5):
            with pytest.raises(asyncio.CancelledError):
                await step.attempt()
            step.details = []
    assert len(desk.mails()) == 2
    answer = await step.attempt()
    assert answer.report is not None
    assert [item.delivery for item in answer.report.settled] == [Delivery.REJECTED]
    assert len(desk.mails()) == 2


async def test_a_refusal_for_now_is_no_try_after_a_death_either(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Step(desk, asking(dispatch()))
    with monkeypatch.context() as patch:
        patch.setattr(SmtpMailGateway, "send", _sent_and_dead(SmtpMailGateway.send))
        with pytest.raises(asyncio.CancelledError):
            await step.attempt()
    for _ in range(3):
        desk.mailbox.play(MailFault.GREYLIST_451)
        answer = await Step(desk, asking(dispatch()), "4").attempt()
        assert answer.report is not None
        assert answer.report.settled == ()
    desk.answers(ANSWER)
    answer = await Step(desk, asking(dispatch()), "4").attempt()
    assert answer.report is not None
    assert answer.report.settled == (SENT,)
    assert len(desk.mails()) == 2


def _sent_and_dead(send: Any) -> Any:
    async def last_deed(gateway: SmtpMailGateway, mail: Any) -> None:
        await send(gateway, mail)
        raise asyncio.CancelledError

    return last_deed


# --- what a case has to see to ------------------------------------------------------------


async def test_a_mail_server_that_is_away_is_told_at_once(desk: Desk) -> None:
    await desk.mailbox.go_away()
    desk.answers(ANSWER)
    answer = await Step(desk, asking(dispatch())).attempt()
    assert answer.is_empty
    assert answer.report is not None
    assert answer.report.trouble == "mail: mail server cannot be reached or hung up"
    assert answer.report.answer is not None
    assert answer.report.settled == ()
    assert desk.holder.asked == []


async def test_a_mail_that_was_not_taken_is_free_for_another_step(desk: Desk) -> None:
    desk.mailbox.play(MailFault.GREYLIST_451)
    assert (await Step(desk, asking(dispatch())).attempt()).is_empty
    desk.answers(ANSWER)
    answer = await Step(desk, asking(dispatch()), "7").attempt()
    assert answer.report is not None
    assert answer.report.settled == (SENT,)
    assert len(desk.mails()) == 1


async def test_a_register_that_is_away_is_told_at_once(tmp_path: Path, signer: PaperSigner) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{unused_port()}/register"
    async with desk_in(tmp_path, signer, nowhere) as desk:
        desk.answers(ANSWER)
        answer = await Step(desk, asking(dispatch())).attempt()
        asked, mails = desk.holder.asked, desk.mails()
    assert answer.is_empty
    assert answer.report is not None
    assert "register: register cannot be reached" in answer.report.trouble
    assert answer.report.answer is None
    assert (asked, mails) == ([], [])


async def test_a_mail_nobody_will_ever_take_is_told_at_once(desk: Desk) -> None:
    desk.mailbox.play(MailFault.REJECT_550)
    desk.answers(ANSWER)
    answer = await Step(desk, asking(dispatch())).attempt()
    assert answer.is_empty
    assert answer.report is not None
    (settled,) = answer.report.settled
    assert settled.delivery is Delivery.REJECTED
    assert answer.report.trouble == ""
    assert desk.holder.asked == []
    again = await Step(desk, asking(dispatch()), "7").attempt()
    assert again.report is not None
    assert again.report.settled == (settled,)
    assert desk.mails() == []


async def test_a_record_overtaken_by_a_later_one_is_told_at_once(desk: Desk) -> None:
    await desk.register.record(RECORD.model_copy(update={"revision": 5}))
    desk.answers(ANSWER)
    answer = await Step(desk, asking(dispatch())).attempt()
    assert answer.is_empty
    assert answer.report is not None
    assert answer.report.answer is not None
    assert answer.report.answer.overtaken_by == 5
    assert answer.report.settled == (SENT,)
    assert desk.holder.asked == []


async def test_a_number_that_is_taken_is_told_at_once(desk: Desk) -> None:
    theirs = DUPLICATE.model_copy(update={"paper_id": f"{OTHER}/duplicate"})
    await desk.register.record(another(OTHER, papers=(theirs,)))
    desk.answers(ANSWER)
    record = RECORD.model_copy(update={"papers": (DUPLICATE,)})
    answer = await Step(desk, asking(dispatch(record=record))).attempt()
    assert answer.is_empty
    assert answer.report is not None
    assert answer.report.answer is not None
    assert answer.report.answer.taken_numbers == (DUPLICATE.paper_id,)
    assert desk.holder.asked == []


# --- terms --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outcome",
    [None, AWAY, UNREAD, NotYet("holder", HOUR)],
    ids=["nothing", "away", "unread", "later"],
)
async def test_when_a_term_wants_looking_after_the_step_comes_back_empty(
    desk: Desk, outcome: Exception | None
) -> None:
    step = Step(desk, asking(dispatch(), back_in=HOUR))
    desk.answers(outcome)
    await step.fails()
    answer = await step.attempt(HOUR)
    assert answer.is_empty
    assert answer.report is not None
    assert answer.report.settled == (SENT,)
    assert len(desk.holder.asked) == 2


async def test_an_answer_that_is_there_when_the_time_is_over_is_given(desk: Desk) -> None:
    step = Step(desk, asking(back_in=HOUR))
    await step.fails()
    desk.answers(ANSWER)
    assert await step.attempt(2 * HOUR) == HolderAnswer(reply=ANSWER.reply)


@pytest.mark.parametrize(
    ("outcome", "kind", "delay"),
    [
        (None, "NotYet", 10 * MINUTE),
        (NotYet("holder", HOUR), "NotYet", 10 * MINUTE),
        (NotYet("holder", 7 * SECOND), "NotYet", 7 * SECOND),
        (TemporaryFailure("holder", HOUR), "TemporaryFailure", 10 * MINUTE),
        (TemporaryFailure("holder", 7 * SECOND), "TemporaryFailure", 7 * SECOND),
        (AWAY, "TemporaryFailure", None),
        (UNREAD, UNREADABLE, 10 * MINUTE),
    ],
    ids=["nothing", "later", "soon", "busy", "busy for a moment", "away", "unread"],
)
async def test_the_next_attempt_does_not_come_after_the_time_is_over(
    desk: Desk, outcome: Exception | None, kind: str, delay: timedelta | None
) -> None:
    step = Step(desk, asking(back_in=HOUR))
    desk.answers(outcome)
    failure = await step.fails(50 * MINUTE)
    assert failure.type == kind
    assert failure.next_retry_delay == delay
    benign = failure.category is ApplicationErrorCategory.BENIGN
    assert benign is (kind == "NotYet")


async def test_no_more_does_an_attempt_the_engine_puts_off_more_and_more(desk: Desk) -> None:
    step = Step(desk, asking(back_in=HOUR))
    desk.answers(AWAY)
    delays = [(await step.fails(HOUR - 100 * SECOND)).next_retry_delay for _ in range(12)]
    assert delays == [None] * 7 + [100 * SECOND] * 5


async def test_the_step_comes_back_at_the_very_moment_it_was_told(desk: Desk) -> None:
    step, elapsed = Step(desk, asking(back_in=20 * HOUR)), timedelta(0)
    for hours in (0, 6, 12, 18):
        assert elapsed == hours * HOUR
        delay = (await step.fails(elapsed)).next_retry_delay
        assert delay is not None
        elapsed += delay
    assert elapsed == 20 * HOUR
    assert (await step.attempt(elapsed)).is_empty


async def test_without_a_term_the_holder_is_asked_for_ever(desk: Desk) -> None:
    step = Step(desk, asking())
    for outcome, delay in ((None, POLL_EVERY), (NotYet("holder", HOUR), HOUR), (AWAY, None)):
        desk.answers(outcome)
        assert (await step.fails(timedelta(days=400))).next_retry_delay == delay


# --- answers promised in a moment ---------------------------------------------------------


async def test_an_answer_promised_in_a_moment_is_waited_for_in_the_same_attempt(
    desk: Desk,
) -> None:
    desk.is_at(PromisingHolder(MILLISECOND, MILLISECOND))
    desk.answers(ANSWER)
    assert (await Step(desk, asking()).attempt()).reply == ANSWER.reply
    assert len(desk.holder.asked) == 3


async def test_who_breaks_its_promise_again_and_again_is_asked_in_a_minute(desk: Desk) -> None:
    desk.is_at(PromisingHolder(*[MILLISECOND] * 100))
    failure = await Step(desk, asking()).fails()
    assert failure.type == "NotYet"
    assert failure.next_retry_delay == MINUTE
    assert len(desk.holder.asked) == 4


async def test_an_answer_promised_for_later_is_looked_for_by_another_attempt(desk: Desk) -> None:
    desk.is_at(PromisingHolder(MILLISECOND, MINUTE))
    assert (await Step(desk, asking()).fails()).next_retry_delay == MINUTE
    assert len(desk.holder.asked) == 2


# --- answers nobody can read --------------------------------------------------------------


@pytest.mark.parametrize("handed_along", [None, dispatch()], ids=["alone", "with a dispatch"])
async def test_three_unreadable_answers_in_a_row_are_for_a_person(
    desk: Desk, handed_along: Dispatch | None
) -> None:
    step = Step(desk, asking(handed_along))
    desk.answers(UNREAD)
    failures = [await step.fails() for _ in range(3)]
    assert [failure.type for failure in failures] == [UNREADABLE] * 3
    assert [failure.non_retryable for failure in failures] == [False, False, True]
    assert [failure.next_retry_delay for failure in failures] == [POLL_EVERY] * 3


@pytest.mark.parametrize(
    "between", [None, AWAY, NotYet("holder", HOUR)], ids=["nothing", "away", "later"]
)
async def test_anything_in_between_begins_the_row_anew(
    desk: Desk, between: Exception | None
) -> None:
    step = Step(desk, asking(dispatch()))
    told = []
    for outcome in (UNREAD, UNREAD, between, UNREAD, UNREAD, UNREAD):
        desk.answers(outcome)
        told.append((await step.fails()).non_retryable)
    assert told == [False] * 5 + [True]


async def test_the_third_in_a_row_is_for_a_person_even_when_the_time_is_over(desk: Desk) -> None:
    step = Step(desk, asking(dispatch(), back_in=HOUR))
    desk.answers(UNREAD)
    assert not (await step.fails()).non_retryable
    assert not (await step.fails(30 * MINUTE)).non_retryable
    assert (await step.fails(HOUR)).non_retryable


# --- what attempts tell each other --------------------------------------------------------


@pytest.mark.parametrize(("before", "for_a_person"), [(0, False), (1, False), (2, True)])
async def test_the_bare_number_an_older_version_left_is_understood(
    desk: Desk, before: int, for_a_person: bool
) -> None:
    step = Step(desk, asking())
    step.details = [before]
    desk.answers(UNREAD)
    assert (await step.fails()).non_retryable is for_a_person
    assert step.details == [before + 1]


async def test_the_bare_number_says_nothing_of_what_is_handed_along(desk: Desk) -> None:
    step = Step(desk, asking(dispatch()))
    step.details = [2]
    desk.answers(UNREAD)
    assert (await step.fails()).non_retryable
    assert len(desk.mails()) == 1


async def test_without_a_dispatch_older_versions_can_go_on(desk: Desk) -> None:
    step = Step(desk, asking())
    for outcome, left in ((UNREAD, 1), (UNREAD, 2), (None, 0)):
        desk.answers(outcome)
        await step.fails()
        assert step.details == [left]


# --- nobody waits any more ----------------------------------------------------------------


async def test_a_mail_under_way_is_not_broken_off_when_somebody_was_faster(desk: Desk) -> None:
    step = Step(desk, asking(dispatch()))
    environment = step.begins()
    desk.mailbox.goes_on.clear()
    asked = asyncio.create_task(step.attempt(environment=environment))
    await desk.mailbox.reached.wait()
    environment.cancel()
    desk.mailbox.goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await desk.register.deliveries(NUMBER) == [SENT]
    assert desk.holder.asked == []
    desk.answers(ANSWER)
    answer = await Step(desk, asking(dispatch()), "7").attempt()
    assert answer.report is not None
    assert answer.report.settled == (SENT,)
    assert len(desk.mails()) == 1


async def test_who_asks_meanwhile_waits_for_the_mail_and_sends_no_second(desk: Desk) -> None:
    first, second = Step(desk, asking(dispatch())), Step(desk, asking(dispatch()), "7")
    environment = first.begins()
    desk.mailbox.goes_on.clear()
    cancelled = asyncio.create_task(first.attempt(environment=environment))
    await desk.mailbox.reached.wait()
    environment.cancel()
    desk.answers(ANSWER)
    waiting = asyncio.create_task(second.attempt())
    assert not (await asyncio.wait({waiting}, timeout=0.3))[0]
    desk.mailbox.goes_on.set()
    answer = await waiting
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert answer.report is not None
    assert answer.report.settled == (SENT,)
    assert len(desk.mails()) == 1


async def test_who_waits_too_long_for_another_step_sends_nothing(desk: Desk) -> None:
    await desk.register.claim_notices(NUMBER, "run/4", [ACCEPTED.key])
    desk.answers(ANSWER)
    answer = await Step(desk, asking(dispatch(seconds=0.2)), "7").attempt()
    assert answer.report is not None
    assert answer.report.trouble == "mail: took too long"
    assert answer.report.settled == ()
    assert desk.mails() == []
    assert desk.holder.asked == []
