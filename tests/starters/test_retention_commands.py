"""Cases are erased for good: step by step, to the end, and nothing old brings them back."""

import asyncio
import csv
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from helpers import key_settings, trial_keys, until
from ordered_papers import NUMBER, PAGE, SECRET, TYPESETTER
from records import FEDERAL_ROW, NOW, PERSONAL, another, opened, the_case
from samples import valid_application
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment
from terminal import Cli, called, clean_environment

from adapters.blobs import BlobStore
from adapters.papers.acts import ActMaker
from adapters.papers.keys import trial_key
from adapters.papers.signing import PaperSigner
from adapters.papers.verification import verify
from adapters.profiles import DEFAULT_PROFILE, load_profile
from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from adapters.sealing.errors import KeyDestroyed
from adapters.sealing.keyring import SERVICE
from domain.numbers import control_number
from domain.papers import PaperTemplate
from domain.register import CaseRecord, PaperFile, RegisteredCharge, RegisteredDocument
from domain.retention import Erasure, ErasureBasis, Obstacle
from domain.statuses import CaseStatus
from starters.cases import NoSuchCase, TurnedDown
from starters.erasure import Eraser, kept_act, wanted
from starters.stack import EmbeddedStack
from workers.keys import Keys
from workers.papers import TRIAL_KEY
from workers.settings import load_settings
from workflows.contracts import DUPLICATE_REQUEST, certificate_workflow_id, workflow_id

PROFILE = load_profile(DEFAULT_PROFILE)
OFFICER = "officer-7"
LONG_AGO = datetime(2019, 6, 14, 9, 0, tzinfo=UTC)
SCAN, LETTER = b"a passport of somebody", b"%PDF- a letter about somebody"
STEPS = [
    ("register", "begin_erasure"),
    ("store", "delete"),
    ("store", "delete_case"),
    ("ring", "destroy"),
    ("acts", "make"),
    ("store", "put"),
    ("register", "finish_erasure"),
]


class Killed(BaseException):
    """The process ended here, so to speak."""


class Dying:
    """Stands before a part, and kills whoever calls one of its methods, before or after it."""

    def __init__(self, part: Any, method: str, *, after: bool) -> None:
        self._part = part
        self._method = method
        self._after = after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)
        if name != self._method:
            return method
        return partial(
            self._die_async if asyncio.iscoroutinefunction(method) else self._die, method
        )

    def _die(self, method: Any, *args: Any, **options: Any) -> None:
        if self._after:
            method(*args, **options)
        raise Killed

    async def _die_async(self, method: Any, *args: Any) -> None:
        if self._after:
            await method(*args)
        raise Killed


@dataclass(frozen=True)
class House:
    """Everything that keeps something of a case, in a folder."""

    folder: Path
    client: Client
    register: SqlRegister
    store: BlobStore
    keys: Keys
    signer: PaperSigner

    async def has(self, name: str, status: CaseStatus = CaseStatus.WITHDRAWN, **facts: Any) -> str:
        """The number of a case that ended long ago, with a scan, a paper and a federal row."""
        number = control_number(valid_application(submission_id=f"{self.folder.name}-{name}"))
        document = RegisteredDocument(
            place=0,
            kind="passport_personal_page",
            size_bytes=len(SCAN),
            sha256=self.store.put(number, SCAN),
        )
        ended = {"status": status, "ended_at": LONG_AGO if status.is_final else None}
        record: CaseRecord = another(number, documents=(document,), papers=(), **ended)
        view = {"specialty": FEDERAL_ROW.specialty, "name": " ".join(PERSONAL)}
        await self.register.record(record.model_copy(update={"view": view, **facts}))
        await self.register.keep_paper_file(
            PaperFile(
                file_key=f"{number}/holder_letter/1",
                control_number=number,
                template=PaperTemplate.HOLDER_LETTER,
                dated=LONG_AGO.date(),
                sha256=self.store.put(number, LETTER),
            )
        )
        return number

    def eraser(self, dies_at: tuple[str, str] | None = None, *, after: bool = False) -> Eraser:
        """What erases; it may die on the way."""
        parts: dict[str, Any] = {
            "register": self.register,
            "store": self.store,
            "ring": self.keys.ring,
            "acts": ActMaker(TYPESETTER, self.signer, "Служба", PAGE, SECRET),
        }
        if dies_at is not None:
            part, method = dies_at
            parts[part] = Dying(parts[part], method, after=after)
        return Eraser(self.client, **parts)

    async def asked(self, number: str, **options: Any) -> Erasure:
        return await wanted(self.register, PROFILE, number, OFFICER, **options)

    async def erased(self, number: str) -> Erasure:
        return await self.eraser().erase(await self.asked(number))

    def files(self, number: str) -> list[Path]:
        """What the store has of a case."""
        return list((self.folder / "documents" / number).glob("*"))

    @property
    def register_url(self) -> str:
        return f"sqlite:///{self.folder}/register.db"

    def cli(self) -> Cli:
        """The command line in this house."""
        env = clean_environment(
            TEMPORAL_ADDRESS=self.client.service_client.config.target_host,
            DIPLOMA_REGISTER_URL=self.register_url,
            DIPLOMA_SECRETS_FOLDER=str(self.folder),
            DIPLOMA_KEYRING_URL=f"sqlite:///{self.folder}/keys.db",
            DIPLOMA_STORE_URL=str(self.folder / "documents"),
            DIPLOMA_OFFICER=OFFICER,
        )
        return Cli(env, self.folder)


@pytest.fixture
async def house(
    server: WorkflowEnvironment, signer: PaperSigner, tmp_path: Path
) -> AsyncIterator[House]:
    async with housed(server.client, signer, tmp_path) as ready:
        yield ready


@asynccontextmanager
async def housed(client: Client, signer: PaperSigner, folder: Path) -> AsyncIterator[House]:
    keys = trial_keys(folder)
    url = f"sqlite:///{folder}/register.db"
    migrate(url, keys.sealer)
    async with opened(url, keys.sealer) as register:
        store = BlobStore(str(folder / "documents"), keys.sealer)
        yield House(folder, client, register, store, keys, signer)
    keys.close()


# --- erasing --------------------------------------------------------------------------------


async def test_of_an_erased_case_only_what_is_nobodys_is_left(house: House) -> None:
    number = await house.has("one", CaseStatus.ISSUED)
    other = await house.has("other")
    before = datetime.now(UTC)
    done = await house.erased(number)
    assert (done.basis, done.officer, done.contents) == (
        ErasureBasis.RETENTION_ENDED,
        OFFICER,
        2,
    )
    assert done.destroyed_at is not None
    assert before <= done.destroyed_at <= datetime.now(UTC)
    assert done == await house.register.erasure(number)

    left = await the_case(house.register, number)
    assert (left.view, left.documents) == ({}, ())
    assert left.case.erased_at == done.destroyed_at
    assert left.case.status is CaseStatus.ISSUED
    assert house.files(number) == []
    with pytest.raises(KeyDestroyed):
        house.keys.sealer.seal(number, "anywhere", b"anything")
    assert (await the_case(house.register, other)).view
    assert len(house.files(other)) == 2


async def test_yesterdays_copies_give_nothing_with_todays_ring(
    house: House, tmp_path: Path
) -> None:
    number = await house.has("one", federal_row=FEDERAL_ROW)
    hashes = [needed.sha256 for needed in await house.register.stored_hashes()]
    copy = tmp_path / "yesterday"
    copy.mkdir()
    shutil.copytree(house.folder / "documents", copy / "documents")
    for file in house.folder.glob("register.db*"):
        shutil.copy(file, copy)
    async with opened(f"sqlite:///{copy}/register.db", house.keys.sealer) as old:
        assert PERSONAL[0] in str((await the_case(old, number)).view)
        assert len(await old.federal_rows()) == 1
    asked = await house.asked(number, overruled=[Obstacle.NOT_EXPORTED])
    await house.eraser().erase(asked)

    today = trial_keys(house.folder)
    async with opened(f"sqlite:///{copy}/register.db", today.sealer) as old:
        assert (await the_case(old, number)).view == {}
        assert await old.federal_rows() == []
    store = BlobStore(str(copy / "documents"), today.sealer)
    for sha256 in hashes:
        with pytest.raises(KeyDestroyed):
            store.get(number, sha256)
    today.close()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[1])
async def test_an_erasure_killed_at_any_step_is_completed_by_beginning_again(
    step: tuple[str, str], after: bool, house: House
) -> None:
    number = await house.has("one")
    with pytest.raises(Killed):
        await house.eraser(step, after=after).erase(await house.asked(number))
    begun = await house.register.erasure(number)

    done = await house.erased(number)
    assert (done.contents, done.officer) == (2, OFFICER)
    assert begun is None or done.begun_at == begun.begun_at
    assert house.files(number) == []
    assert (await the_case(house.register, number)).view == {}
    assert verify(
        await kept_act(house.register, house.store, number), house.signer.certificates
    ).valid


async def test_repeating_an_erasure_changes_nothing(house: House) -> None:
    number = await house.has("one")
    done = await house.erased(number)
    act = await kept_act(house.register, house.store, number)
    again = await house.eraser().erase(
        await wanted(house.register, PROFILE, number, "another", ErasureBasis.CONSENT_WITHDRAWN)
    )
    assert again == done
    assert await kept_act(house.register, house.store, number) == act
    assert len(house.files(SERVICE)) == 1


async def test_two_who_erase_at_once_leave_one_act(house: House) -> None:
    number = await house.has("one")
    asked = await house.asked(number)
    first, second = await asyncio.gather(*(house.eraser().erase(asked) for _ in range(2)))
    assert first == second == await house.register.erasure(number)


@pytest.mark.parametrize("id_of", [workflow_id, certificate_workflow_id])
async def test_a_case_that_still_listens_is_not_erased(id_of: Any, house: House) -> None:
    number = await house.has("one")
    handle = await house.client.start_workflow(
        DUPLICATE_REQUEST, id=id_of(number), task_queue="nobody's"
    )
    with pytest.raises(TurnedDown, match=f"{id_of(number)} still listens"):
        await house.erased(number)
    assert await house.register.erasure(number) is None
    assert house.store.get(number, house.store.put(number, SCAN)) == SCAN
    await handle.terminate()
    assert (await house.erased(number)).act_sha256


async def test_a_case_the_engine_has_in_clear_is_not_erased(house: House) -> None:
    number = await house.has("one")
    plain = await Client.connect(house.client.service_client.config.target_host)
    handle = await plain.start_workflow(
        DUPLICATE_REQUEST, PERSONAL[0], id=workflow_id(number), task_queue="nobody's"
    )
    await handle.terminate()

    async def is_refused() -> bool:
        try:
            await house.erased(number)
        except TurnedDown as refusal:
            return "in clear" in str(refusal) and PERSONAL[0] not in str(refusal)
        return False

    await until(is_refused)
    assert await house.register.erasure(number) is None


async def test_contents_kept_before_stores_were_sealed_go_unless_another_case_has_them(
    house: House,
) -> None:
    number, other = await house.has("one"), await house.has("other")
    sha256 = house.store.put(number, SCAN)
    old = house.folder / "documents" / sha256[:2] / sha256[2:]
    old.parent.mkdir()
    old.write_bytes(SCAN)
    await house.erased(number)
    assert old.exists()
    await house.erased(other)
    assert not old.exists()


# --- what may be erased ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "facts", "named"),
    [
        (CaseStatus.IN_REVIEW, {}, "not ended"),
        (CaseStatus.CLOSED, {"ended_at": datetime.now(UTC)}, "is kept until"),
        (
            CaseStatus.CLOSED,
            {"charges": (RegisteredCharge(invoice_id="1", amount=500, paid=500),)},
            "paid that is to go back",
        ),
        (CaseStatus.ISSUED, {"federal_row": FEDERAL_ROW}, "never exported"),
    ],
)
async def test_what_is_to_be_kept_is_not_erased(
    status: CaseStatus, facts: dict[str, Any], named: str, house: House
) -> None:
    number = await house.has("one", status, **facts)
    with pytest.raises(TurnedDown, match=named):
        await house.asked(number)
    with pytest.raises(TurnedDown, match=named):
        await house.asked(number, basis=ErasureBasis.RETENTION_ENDED)


async def test_an_officer_may_know_of_a_withdrawn_consent(house: House) -> None:
    number = await house.has("one", ended_at=datetime.now(UTC))
    asked = await house.asked(number, basis=ErasureBasis.CONSENT_WITHDRAWN)
    assert asked.basis is ErasureBasis.CONSENT_WITHDRAWN
    await house.register.withdraw_consent(number, NOW)
    with pytest.raises(TurnedDown, match="is kept until"):
        await house.asked(number, basis=ErasureBasis.RETENTION_ENDED)
    assert (await house.asked(number)).basis is ErasureBasis.CONSENT_WITHDRAWN


async def test_a_case_nobody_knows_is_no_case(house: House) -> None:
    number = control_number(valid_application(submission_id="unknown"))
    with pytest.raises(NoSuchCase):
        await house.asked(number)


# --- the commands ---------------------------------------------------------------------------


async def test_due_tells_why_and_what_forbids_it(house: House) -> None:
    free = await house.has("free")
    forbidden = await house.has("forbidden", CaseStatus.ISSUED, federal_row=FEDERAL_ROW)
    withdrawn = await house.has("withdrawn", CaseStatus.IN_REVIEW)
    await house.register.withdraw_consent(withdrawn, NOW)
    interrupted = await house.has("interrupted")
    with pytest.raises(Killed):
        await house.eraser(STEPS[3], after=True).erase(await house.asked(interrupted))
    erased = await house.has("erased")
    await house.erased(erased)
    young = await house.has("young", ended_at=datetime.now(UTC))

    found = (await house.cli()("retention", "due", "--json")).document()
    told = {row["control_number"]: (row["basis"], row["obstacles"], row["begun"]) for row in found}
    assert told == {
        free: ("retention_ended", [], False),
        forbidden: ("retention_ended", ["not_exported"], False),
        withdrawn: ("consent_withdrawn", ["not_ended"], False),
        interrupted: ("retention_ended", [], True),
    }
    table = (await house.cli()("retention", "due")).out
    for words in (free, "14.06.2019", "never exported", "retention ended, interrupted", "4 cases"):
        assert words in table
    assert erased not in table
    assert young not in table


async def test_a_case_is_erased_by_command_and_its_act_given_as_often_as_wanted(
    house: House,
) -> None:
    number, diploma = await house.has("one", federal_row=FEDERAL_ROW), house.cli()
    kept = await diploma("retention", "erase", number, "--json")
    assert (kept.code, kept.out) == (1, "")
    assert "never exported" in kept.err

    act = house.folder / "act.pdf"
    erase = ("retention", "erase", number, "--unexported")
    done = await diploma(*erase, "--act", str(act), "--json")
    assert done.code == 0, done.err
    told = done.document()
    assert (told["basis"], told["officer"], told["contents"]) == ("retention_ended", OFFICER, 2)
    again = await diploma(*erase, "--officer", "another")
    assert again.code == 0
    assert "is erased" in again.out

    fetched = await diploma("retention", "act", number)
    assert fetched.code == 0
    named = house.folder / f"act-of-destruction-{number}.pdf"
    assert named.read_bytes() == act.read_bytes()
    found = verify(act.read_bytes(), PaperSigner(trial_key(house.folder / TRIAL_KEY)).certificates)
    assert found.valid
    assert found.paper is not None
    assert (found.paper.control_number, found.paper.template) == (
        number,
        PaperTemplate.ACT_OF_DESTRUCTION,
    )
    for ended in (kept, done, again, fetched):
        assert not any(word in ended.out + ended.err for word in PERSONAL)


async def test_all_that_is_due_is_erased_and_the_rest_named(house: House) -> None:
    free = [await house.has(f"free-{place}") for place in range(2)]
    interrupted = await house.has("interrupted")
    with pytest.raises(Killed):
        await house.eraser(STEPS[4]).erase(await house.asked(interrupted))
    forbidden = await house.has("forbidden", CaseStatus.ISSUED, federal_row=FEDERAL_ROW)
    listening = await house.has("listening")
    handle = await house.client.start_workflow(
        DUPLICATE_REQUEST, id=workflow_id(listening), task_queue="nobody's"
    )
    acts = house.folder / "acts"
    acts.mkdir()
    sweep = ("retention", "erase", "--due", "--acts", str(acts), "--json")
    ended = await house.cli()(*sweep)
    assert ended.code == 0, ended.err
    swept = ended.document()
    assert {row["control_number"] for row in swept["erased"]} == {*free, interrupted}
    assert {row["control_number"] for row in swept["left"]} == {forbidden, listening}
    assert swept["failed"] == []
    assert {file.name for file in acts.iterdir()} == {
        f"act-of-destruction-{number}.pdf" for number in (*free, interrupted)
    }

    await handle.terminate()
    said = await house.cli()("retention", "erase", "--due")
    assert said.code == 0
    assert f"{forbidden} cannot be erased" in said.out
    assert "Erased: 1, left: 1, failed: 0." in said.out


async def test_keys_of_messages_sent_nowhere_go_after_a_day(house: House) -> None:
    ring = house.keys.ring
    typed = ring.new_typed_key()
    swept = (await house.cli()("retention", "erase", "--due", "--json")).document()
    assert swept["unsent_keys"] == 0
    assert ring.key(typed.key_id) == typed
    with sqlite3.connect(house.folder / "keys.db") as database:
        database.execute("UPDATE case_keys SET created_at = '2020-01-01 00:00:00' WHERE typed")
    swept = (await house.cli()("retention", "erase", "--due", "--json")).document()
    assert swept["unsent_keys"] == 1


async def test_the_journal_lists_what_was_destroyed(house: House) -> None:
    number = await house.has("one")
    await house.erased(number)
    file = house.folder / "journal.csv"
    ended = await house.cli()("retention", "journal", "--csv", str(file), "--json")
    assert [row["control_number"] for row in ended.document()] == [number]
    header, row = csv.reader(file.read_text("utf-8-sig").splitlines(), delimiter=";")
    told = dict(zip(header, row, strict=True))
    assert told["Номер заявления"] == number
    assert told["Причина уничтожения"] == "истёк срок хранения персональных данных"
    assert "паспорта" in told["Категории персональных данных"]
    assert "МСК" in told["Дата уничтожения"]
    assert number in (await house.cli()("retention", "journal")).out


async def test_nothing_is_destroyed_while_the_engine_cannot_be_asked(house: House) -> None:
    number = await house.has("one")
    ended = await house.cli().but(TEMPORAL_ADDRESS="127.0.0.1:1")("retention", "erase", number)
    assert ended.code == 3
    assert await house.register.erasure(number) is None


async def test_an_act_there_is_none_of_is_said_so(house: House) -> None:
    number, diploma = await house.has("one"), house.cli()
    not_erased = await diploma("retention", "act", number)
    assert (not_erased.code, not_erased.err) == (1, f"{number} was not erased\n")
    with pytest.raises(Killed):
        await house.eraser(STEPS[4]).erase(await house.asked(number))
    interrupted = await diploma("retention", "act", number)
    assert interrupted.code == 1
    assert "interrupted; erase it again" in interrupted.err
    await house.erased(number)
    for file in house.files(SERVICE):
        file.unlink()
    lost = await diploma("retention", "act", number)
    assert lost.code == 1
    assert "is lost" in lost.err
    unknown = control_number(valid_application(submission_id="unknown"))
    for command in (("erase", unknown), ("act", unknown)):
        assert (await diploma("retention", *command)).code == 4


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("erase",), "--officer"),
        (("erase", "--officer", "o"), "--due"),
        (("erase", "--officer", "Соколова", "--due"), "Latin letters"),
        (("erase", NUMBER, "--officer", "o", "--due"), "--due takes"),
        (("erase", "--officer", "o", "--due", "--unexported"), "--due takes"),
        (("erase", NUMBER, "--officer", "o", "--acts", "x"), "--acts goes with"),
        (("erase", "--officer", "o", "--due", "--acts", "/none"), "no such folder"),
        (("erase", NUMBER, "--officer", "o", "--act", "/none/x.pdf"), "no such folder"),
        (("erase", NUMBER, "--officer", "o", "--act", "-"), "name a file"),
        (("erase", NUMBER, "--officer", "o", "--basis", "none"), "--basis"),
        (("erase", "7K3M", "--officer", "o"), "13 letters and digits"),
        (("act", "7K3M"), "13 letters and digits"),
        (("journal", "--csv", "-", "--json"), "one of"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_command_line_says_what_is_right(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], named: str
) -> None:
    ended = called(capsys, "retention", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert named in ended.err


# --- a case that was carried by the service itself ------------------------------------------


async def test_a_withdrawn_case_is_erased_from_the_engine_too(
    diploma: Cli, client: Client, stack_parts: EmbeddedStack, tmp_path: Path
) -> None:
    slow = {"verification": [{"after_days": 200}]}
    number = await diploma.submits(diploma.case_file("to-be-erased", simulation=slow))
    handle = client.get_workflow_handle(workflow_id(number))

    async def is_withdrawn() -> bool:  # refused until the case is on record
        return (await diploma("withdraw", number, "--consent")).code == 0

    async def is_due() -> bool:
        found = (await diploma("retention", "due", "--json")).document()
        return [number, []] in [[row["control_number"], row["obstacles"]] for row in found]

    async def is_closed() -> bool:
        return (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED

    await until(is_withdrawn)
    await until(is_due)
    erase = ("retention", "erase", number, "--officer", OFFICER, "--json")
    early = await diploma(*erase)
    assert (early.code, early.out) == (1, "")
    assert "still listens" in early.err
    await until(is_closed)

    history = await handle.fetch_history()
    copy = tmp_path / "register.db"
    with (
        closing(sqlite3.connect(stack_parts.register_url.removeprefix("sqlite:///"))) as now,
        closing(sqlite3.connect(copy)) as yesterday,
    ):
        now.backup(yesterday)
    done = await diploma(*erase)
    assert done.code == 0, done.err
    assert done.document()["basis"] == "consent_withdrawn"

    with closing(Keys(load_settings(**key_settings(stack_parts.folder)))) as today:
        codec = today.codec.for_case(number)
        for payload in history.events[0].workflow_execution_started_event_attributes.input.payloads:
            with pytest.raises(KeyDestroyed):
                await codec.decode([payload])
        async with opened(f"sqlite:///{copy}", today.sealer) as register:
            old = await the_case(register, number)
            assert (old.view, old.case.erased_at) == ({}, None)
    assert await diploma("retention", "erase", number, "--officer", "other", "--json") == done

    act = tmp_path / "act.pdf"
    assert (await diploma("retention", "act", number, "--out", str(act))).code == 0
    checked = await diploma("verify", str(act))
    assert checked.code == 0, checked.out
    assert "Акт об уничтожении персональных данных" in checked.out
    shown = await diploma("status", number, "--json")
    assert shown.code == 0, shown.err
    assert shown.document()["act_sha256"] == done.document()["act_sha256"]
    assert "was erased on" in (await diploma("status", number)).out
