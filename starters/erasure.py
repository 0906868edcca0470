"""Erasing cases for good (R13): which ones, and the steps, of which each can be repeated."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.ports import ContentDamaged, ContentMissing, DocumentStore, PermanentFailure
from adapters.papers.acts import ActMaker
from adapters.papers.signing import PaperSigner
from adapters.papers.typesetting import PaperTypesetter
from adapters.register.database import SqlRegister
from adapters.sealing.codec import SEALED
from adapters.sealing.keyring import SERVICE, KeyRing
from domain.base import Frozen, Instant
from domain.profile import Profile
from domain.register import RegisteredCase, StoredCase
from domain.retention import Erasure, ErasureBasis, Obstacle, due, kept_until, obstacles
from domain.statuses import CaseStatus
from starters.cases import NoSuchCase, TurnedDown
from workers.papers import signing_key, verification_secret
from workers.settings import PREFIX, BadSettings, Settings
from workflows.contracts import certificate_workflow_id, workflow_id

OBSTACLE_LINES = {
    Obstacle.NOT_ENDED: "it has not ended",
    Obstacle.ERASED: "it is erased already",
    Obstacle.MONEY_OWED: "something was paid that is to go back, and did not",
    Obstacle.NOT_EXPORTED: "its row for the federal register was never exported",
}
"""What forbids to erase a case, for people."""


class Candidate(Frozen):
    """A case that is to be erased by now."""

    control_number: str
    status: CaseStatus
    ended_at: Instant | None
    basis: ErasureBasis
    obstacles: tuple[Obstacle, ...] = ()
    begun: bool = False
    """True when its erasure was interrupted; erasing the case again completes it."""


async def candidates(register: SqlRegister, profile: Profile, now: datetime) -> list[Candidate]:
    """Every case that is to be erased by now, and what forbids it.

    Raises:
        TemporaryFailure: The register or the ring is away.
    """
    erasures = {erasure.control_number: erasure for erasure in await register.erasures()}
    found = []
    for case in await register.cases():
        erasure = erasures.get(case.control_number)
        if erasure is not None and erasure.act_sha256 is None:
            found.append(_candidate(case, erasure.basis, begun=True))
        elif basis := _due(case, profile, now):
            stored = await _stored(register, case.control_number)
            in_the_way = await _obstacles(register, stored)
            found.append(_candidate(case, basis, obstacles=in_the_way))
    return found


def _candidate(case: RegisteredCase, basis: ErasureBasis, **more: Any) -> Candidate:
    return Candidate(
        control_number=case.control_number,
        status=case.status,
        ended_at=case.ended_at,
        basis=basis,
        **more,
    )


async def wanted(
    register: SqlRegister,
    profile: Profile,
    number: str,
    officer: str,
    basis: ErasureBasis | None = None,
    overruled: Iterable[Obstacle] = (),
) -> Erasure:
    """The erasure of a case: the one that was begun before, or else one that may be begun now.

    Args:
        register: Knows the case.
        profile: Says how long cases are kept.
        number: Of the case.
        officer: Who wants it erased.
        basis: Why; None for what the register knows of.
        overruled: Obstacles that are none to the officer.

    Raises:
        NoSuchCase: The register does not know it.
        TurnedDown: It is to be kept; the text says why.
        TemporaryFailure: The register or the ring is away.
    """
    if (begun := await register.erasure(number)) is not None:
        return begun
    stored, now = await _stored(register, number), datetime.now(UTC)
    in_the_way = set(await _obstacles(register, stored)) - set(overruled)
    if in_the_way:
        raise TurnedDown(f"{number} cannot be erased: {told(in_the_way)}")
    reason = basis or _due(stored.case, profile, now) or ErasureBasis.RETENTION_ENDED
    zone = profile.zone_of(stored.case.region)
    last_day = kept_until(stored.case, profile.retention, zone)
    if reason is ErasureBasis.RETENTION_ENDED and last_day and _day(now, zone) <= last_day:
        raise TurnedDown(f"{number} is kept until {last_day:%d.%m.%Y}")
    return Erasure(control_number=number, basis=reason, officer=officer, begun_at=now)


def told(found: Iterable[Obstacle]) -> str:
    """Obstacles for people, in one line."""
    return "; ".join(OBSTACLE_LINES[obstacle] for obstacle in sorted(found))


def _day(now: datetime, zone: str) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


def _due(case: RegisteredCase, profile: Profile, now: datetime) -> ErasureBasis | None:
    zone = profile.zone_of(case.region)
    return due(case, profile.retention, _day(now, zone), zone)


async def _stored(register: SqlRegister, number: str) -> StoredCase:
    stored = await register.find_case(number)
    if stored is None:
        raise NoSuchCase(number)
    return stored


async def _obstacles(register: SqlRegister, stored: StoredCase) -> tuple[Obstacle, ...]:
    unexported = await register.has_unexported_row(stored.case.control_number)
    return obstacles(stored, unexported=unexported)


class Eraser:
    """Erases cases; an interrupted erasure is completed by beginning it again."""

    def __init__(
        self,
        client: Client,
        register: SqlRegister,
        store: DocumentStore,
        ring: KeyRing,
        acts: ActMaker,
    ) -> None:
        self._client = client
        self._register = register
        self._store = store
        self._ring = ring
        self._acts = acts
        self._contents: dict[str, set[str]] | None = None

    async def erase(self, asked: Erasure) -> Erasure:
        """Destroy all that is kept of a case, and the key to all its copies.

        Repeating it changes nothing. In the engine the case must have ended long enough ago
        to hear nothing any more.

        Args:
            asked: See `wanted`.

        Returns:
            The erasure with its act.

        Raises:
            TurnedDown: The engine still needs the case, or has it unsealed; the text says more.
            TemporaryFailure: Somebody is away; try again, and what is left is done.
            RPCError: The engine is away.
        """
        number = asked.control_number
        if asked.act_sha256 is not None:
            await asyncio.to_thread(self._ring.destroy, number)  # a restored ring has it again
            return asked
        await self._refuse_what_the_engine_needs(number)
        contents = await self._contents_of(number)
        begun = await self._register.begin_erasure(
            asked.model_copy(update={"contents": len(contents)})
        )
        await self._delete(number, contents)
        destroyed_at = await asyncio.to_thread(self._ring.destroy, number)
        act = await asyncio.to_thread(self._acts.make, begun, destroyed_at, datetime.now(UTC))
        sha256 = await asyncio.to_thread(self._store.put, SERVICE, act)
        finished = begun.model_copy(update={"destroyed_at": destroyed_at, "act_sha256": sha256})
        await self._register.finish_erasure(finished)
        return await self._register.erasure(number) or finished  # somebody else may have been first

    async def _refuse_what_the_engine_needs(self, number: str) -> None:
        ids = (workflow_id(number), certificate_workflow_id(number))
        for id_ in ids:
            if await self._status(id_) is WorkflowExecutionStatus.RUNNING:
                raise TurnedDown(
                    f"{id_} still listens, as every case does for some days after its end; "
                    "erase it once it is closed in the engine"
                )
        for id_ in ids:
            if await self._began_plain(id_):
                raise TurnedDown(
                    f"the engine has {id_} in clear, from before 0.4.0: no key erases that; "
                    "delete it there, or wait until the engine has forgotten it"
                )

    async def _status(self, id_: str) -> WorkflowExecutionStatus | None:
        """None for what the engine does not know, or knows no more."""
        try:
            return (await self._client.get_workflow_handle(id_).describe()).status
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def _began_plain(self, id_: str) -> bool:
        """True when a run the engine still has was not sealed from its beginning on."""
        async for run in self._client.list_workflows(f'WorkflowId = "{id_}"'):
            handle = self._client.get_workflow_handle(id_, run_id=run.run_id)
            first = await anext(handle.fetch_history_events(page_size=1))
            told = first.workflow_execution_started_event_attributes.input.payloads
            if any(payload.metadata.get("encoding") != SEALED for payload in told):
                return True
        return False

    async def _contents_of(self, number: str) -> set[str]:
        """Hashes the register has of a case; asked once, for an ended case gets no more."""
        if self._contents is None:
            self._contents = defaultdict(set)
            for needed in await self._register.stored_hashes():
                self._contents[needed.control_number].add(needed.sha256)
        return self._contents[number]

    async def _delete(self, number: str, contents: set[str]) -> None:
        """Delete all contents of a case, those that 0.3.0 kept apart from cases one by one."""
        others = {
            needed.sha256
            for needed in await self._register.stored_hashes(contents)
            if needed.control_number != number
        }
        for sha256 in contents:
            await asyncio.to_thread(self._store.delete, number, sha256, shared=sha256 in others)
        await asyncio.to_thread(self._store.delete_case, number)


async def kept_act(register: SqlRegister, store: DocumentStore, number: str) -> bytes:
    """The act of an erased case, as it was signed.

    Raises:
        NoSuchCase: Nobody knows the case.
        TurnedDown: It was not erased, or not to the end, or its act is lost.
        TemporaryFailure: The register or the store is away.
    """
    erasure = await register.erasure(number)
    if erasure is None:
        await _stored(register, number)
        raise TurnedDown(f"{number} was not erased")
    if erasure.act_sha256 is None:
        raise TurnedDown(f"the erasure of {number} was interrupted; erase it again")
    try:
        return await asyncio.to_thread(store.get, SERVICE, erasure.act_sha256)
    except (ContentMissing, ContentDamaged) as lost:
        raise TurnedDown(f"the act of {number} is lost: {lost}; restore the store") from None


def act_maker(settings: Settings) -> ActMaker:
    """What makes acts; takes a second or two when a key has to be made up.

    Raises:
        BadSettings: The operator, the key, its passphrase or the secret cannot be used.
        BadTemplate: A template of a paper is missing or has a fault.
    """
    try:
        return ActMaker(
            PaperTypesetter(contacts=settings.support_email),
            PaperSigner(signing_key(settings), settings.timestamp_url),
            settings.operator,
            settings.verification_url,
            verification_secret(settings),
        )
    except PermanentFailure:
        raise BadSettings(f"{PREFIX}OPERATOR: has a letter that no font has") from None
