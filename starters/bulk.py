"""Many applications at once (R12): each is submitted or refused, and every one is accounted for."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import TypeAdapter, ValidationError, model_validator
from temporalio.client import Client

from activities.ports import Register
from domain.base import Frozen, JsonObject
from domain.deficiencies import Deficiency, ReasonKind
from domain.messages import Identifier
from domain.numbers import control_number
from starters import cases
from starters.console import Case, examined, play_scenario, read_case
from starters.files import BadFile, shown
from starters.intake import keep
from starters.table_files import TableRow, read_applications

NOT_READABLE = "NOT_READABLE"
"""The code of a file or line in which no application could be looked for faults."""
MEND_IT = "mend it and give the command again"
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)


class Entry(NamedTuple):
    """One application to submit."""

    place: str
    """Where it stands: the name of its file, or its line in the table."""
    read: Callable[[], Case]


class Refusal(Frozen):
    """An application that was not submitted, and why; nothing in it is personal (R13)."""

    place: str
    submission_id: str = ""
    deficiencies: tuple[Deficiency, ...]


class Outcome(StrEnum):
    """What became of an application."""

    SUBMITTED = "submitted"
    WILL_BE_TURNED_DOWN = "will_be_turned_down"
    """Submitted, with deficiencies that its case will ask the applicant to mend."""
    SUBMITTED_BEFORE = "submitted_before"
    REFUSED = "refused"


class Summary(Frozen):
    """What became of all applications of a run; the counts add up."""

    read: int
    submitted: int
    """New cases, those that will be turned down included."""
    will_be_turned_down: int
    submitted_before: int
    """By an earlier run, by somebody else, or twice in this one."""
    refused: int
    not_reached: int
    """More than none only when the run was interrupted or stopped by an error."""
    refusals: tuple[Refusal, ...]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        ends = self.submitted + self.submitted_before + self.refused + self.not_reached
        if ends != self.read or len(self.refusals) != self.refused:
            raise ValueError(f"{self.read} applications were read, {ends} are accounted for")
        return self


def entries_of(source: Path) -> list[Entry]:
    """The applications of a folder, one in each *.json file, or of a CSV table, one in each line.

    Raises:
        BadFile: There is none, or the table as a whole is not usable.
    """
    with suppress(OSError):  # of a name no system takes; as a table it is told what is wrong
        if source.is_dir():
            return _entries_in(source)
    return [
        Entry(f"line {row.line}", partial(_application_in, row))
        for row in read_applications(source)
    ]


def _entries_in(folder: Path) -> list[Entry]:
    files = sorted(folder.glob("*.json"))
    if not files:
        raise BadFile(f"{shown(folder)}: the folder holds no *.json files")
    return [Entry(shown(file), partial(read_case, file)) for file in files]


def _application_in(row: TableRow) -> Case:
    if row.fault:
        raise BadFile(row.fault)
    return Case(row.application)


class Run:
    """One run over many applications; knows at any moment what became of how many."""

    def __init__(self, entries: list[Entry]) -> None:
        self._read = len(entries)
        self._waiting = deque(enumerate(entries))
        self._outcomes = Counter[Outcome]()
        self._refusals: dict[int, Refusal] = {}
        self._stopping = False

    def summary(self) -> Summary:
        """What became of all of them so far."""
        count = self._outcomes
        return Summary(
            read=self._read,
            submitted=count[Outcome.SUBMITTED] + count[Outcome.WILL_BE_TURNED_DOWN],
            will_be_turned_down=count[Outcome.WILL_BE_TURNED_DOWN],
            submitted_before=count[Outcome.SUBMITTED_BEFORE],
            refused=count[Outcome.REFUSED],
            not_reached=len(self._waiting),
            refusals=tuple(refusal for _, refusal in sorted(self._refusals.items())),
        )

    async def submit_all(
        self, client: Client, register: Register, at_once: int, tell: Callable[[int], None]
    ) -> None:
        """Submit what is waiting; when cancelled, or after an error, only what was begun ends.

        Args:
            client: Connected.
            register: Asked for the cases of earlier runs.
            at_once: How many are in flight at most.
            tell: Called after each application with how many are done.

        Raises:
            RPCError: The server went away.
            NoWorker: No worker has ever prepared the namespace.
            TemporaryFailure: The register is away.
        """
        workers = [asyncio.create_task(self._work(client, register, tell)) for _ in range(at_once)]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            self._stopping = True
            ends = await asyncio.gather(*workers, return_exceptions=True)
        for error in filter(None, ends):
            raise error

    async def _work(self, client: Client, register: Register, tell: Callable[[int], None]) -> None:
        while self._waiting and not self._stopping:
            place, entry = self._waiting.popleft()
            try:
                outcome = await self._submit(client, register, place, entry)
            except BaseException:
                self._waiting.appendleft((place, entry))
                raise
            self._outcomes[outcome] += 1
            tell(self._outcomes.total())

    async def _submit(
        self, client: Client, register: Register, place: int, entry: Entry
    ) -> Outcome:
        application: JsonObject = {}
        try:
            application, scans, scenario = entry.read()
            found = examined(application)
            if not any(item.kind is ReasonKind.FORM for item in found):
                if scenario is not None:
                    await play_scenario(application, scenario)
                await keep(scans, control_number(application))
                _, is_new = await cases.begin(client, register, application)
                if not is_new:
                    return Outcome.SUBMITTED_BEFORE
                return Outcome.WILL_BE_TURNED_DOWN if found else Outcome.SUBMITTED
        except BadFile as error:
            found = (_not_readable(str(error).removeprefix(f"{entry.place}: ")),)
        self._refusals[place] = Refusal(
            place=entry.place, submission_id=_submission_id(application), deficiencies=found
        )
        return Outcome.REFUSED


def _not_readable(fault: str) -> Deficiency:
    return Deficiency(
        code=NOT_READABLE, field="", message=fault, remedy=MEND_IT, kind=ReasonKind.FORM
    )


def _submission_id(application: JsonObject) -> str:
    """The portal's number of an application; empty for what is none and may be anything (R13)."""
    try:
        return _IDENTIFIER.validate_python(application.get("submission_id"))
    except ValidationError:
        return ""


REPORT_COLUMNS = ("place", "submission_id", "code", "field", "message", "remedy")


def report_rows(refusals: tuple[Refusal, ...]) -> Iterator[tuple[str, ...]]:
    """One line for each application that was refused, with everything that is wrong with it."""
    for refusal in refusals:
        faults = refusal.deficiencies
        yield (
            refusal.place,
            refusal.submission_id,
            "; ".join(item.code for item in faults),
            "; ".join(item.field for item in faults),
            " ".join(item.message for item in faults),
            " ".join(item.remedy for item in faults),
        )
