"""`diploma demo`: the example cases live from submission to their ends, with accelerated days."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from rich.console import RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text
from temporalio.client import Client

from domain.application import DeliveryMethod
from domain.base import Frozen, JsonObject
from domain.messages import Correction, SuspensionLifted, WithdrawalRequested
from domain.numbers import control_number
from domain.register import PaperState
from domain.statuses import CaseStatus
from domain.terms import Rung
from simulators.client import play
from simulators.scenario import ApplicantStep, Scenario
from starters import cases, display
from starters.console import read_case
from starters.files import read_object
from starters.intake import ScanFile, keep, take_in
from starters.stack import LOCK, EmbeddedStack, Ports, claimed_folder
from starters.up import show_addresses, show_exports
from workers import logs
from workflows.contracts import CaseView, CorrectionAnswer, Signal, Update

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
FOLDER = Path("var") / "demo"
LOOK_EVERY = 0.4
"""Seconds between two looks at a case."""
STAGGER = 0.15
"""Seconds between two submissions; a day is short, and one may last longer than a registration."""
PATIENCE = 110.0
"""Seconds after which the demo stops waiting and says which cases did not end."""
HAPPY_PATH = (
    CaseStatus.SUBMITTED,
    CaseStatus.ACCEPTED,
    CaseStatus.IN_REVIEW,
    CaseStatus.IN_PRODUCTION,
    CaseStatus.READY,
    CaseStatus.ISSUED,
)


HANDED_OVER = {
    DeliveryMethod.POST: "delivered by post",
    DeliveryMethod.PICKUP: "collected",
    DeliveryMethod.ELECTRONIC: "sent as a file",
}


class DemoCase(Frozen):
    """How one example ended."""

    example: str
    control_number: str
    route: str
    outcome: CaseStatus
    expected: CaseStatus
    stages: tuple[str, ...]
    overdue_once: bool
    due_dates_told: tuple[date, ...]
    remarks: tuple[str, ...]
    """What else happened: money, parcels, papers."""
    mails_sent: int


class DemoReport(Frozen):
    """How all examples ended."""

    cases: tuple[DemoCase, ...]
    mails_folder: str

    @property
    def as_expected(self) -> bool:
        """True when every case ended as its file says."""
        return all(case.outcome is case.expected for case in self.cases)


@dataclass
class Player:
    """Plays the applicant of one example and watches the case."""

    file: Path
    application: JsonObject
    scans: tuple[ScanFile, ...]
    scenario: Scenario
    number: str = ""
    view: CaseView | None = None
    dues: list[date] = field(default_factory=list)

    async def play(self, client: Client, stack: EmbeddedStack, wait: float = 0) -> None:
        """Submit after some seconds, act as the applicant would, and watch until the end."""
        await asyncio.sleep(wait)
        number = control_number(self.application)
        await play(stack.outside.base_url, number, self.scenario)
        await keep(self.scans, number, stack.settings())
        self.number = (await cases.submit(client, stack.register, self.application)).control_number
        acts = asyncio.create_task(self._act(client, stack))
        try:
            while not (self.view and _is_over(self.view)):
                await asyncio.sleep(LOOK_EVERY)
                await self._look(client)
        finally:
            acts.cancel()

    async def _look(self, client: Client) -> None:
        with suppress(cases.NoWorker):  # a busy machine; the next look will do
            self.view = await cases.view(client, self.number)
        if self.view is None:
            return
        due = self.view.stage.due_on if self.view.stage else None
        if due and due not in self.dues:
            self.dues.append(due)

    async def _act(self, client: Client, stack: EmbeddedStack) -> None:
        for step in self.scenario.applicant:
            while self.view is None or self.view.status is not step.when:  # noqa: ASYNC110 - the
                # case is looked at from outside, nothing in here could set an event
                await asyncio.sleep(LOOK_EVERY / 2)
            await asyncio.sleep(step.after_days * stack.day_seconds)
            await self._insist(client, stack, step)
            await self._look(client)

    async def _insist(self, client: Client, stack: EmbeddedStack, step: ApplicantStep) -> None:
        while True:
            with suppress(cases.NoWorker):  # a busy machine, or a worker that has just died
                return await self._take(client, stack, step)

    async def _take(self, client: Client, stack: EmbeddedStack, step: ApplicantStep) -> None:
        if step.correct:
            file = self.file.parent / step.correct
            content, scans = take_in(read_object(file), file)
            correction = Correction.model_validate(content)
            await keep(scans, self.number, stack.settings())
            await cases.update(
                client,
                self.number,
                Update.SUBMIT_CORRECTION,
                correction,
                CorrectionAnswer,
                occasion=self.scenario.applicant.index(step),
            )
        if step.withdraw:
            await cases.signal(
                client, self.number, Signal.WITHDRAW_REQUESTED, WithdrawalRequested()
            )
        if step.lift:
            await cases.signal(client, self.number, Signal.SUSPENSION_LIFTED, SuspensionLifted())

    def result(self) -> DemoCase | None:
        """How the case ended; None when it was never looked at."""
        if self.view is None:
            return None
        return DemoCase(
            example=self.file.stem,
            control_number=self.number,
            route=self.view.route,
            outcome=self.view.status,
            expected=self.scenario.outcome,
            stages=tuple(
                entry.event for entry in self.view.timeline if entry.event in CaseStatus.__members__
            ),
            overdue_once=any(
                entry.event == Rung.BREACH and not entry.detail.startswith("response")
                for entry in self.view.timeline
            ),
            due_dates_told=tuple(self.dues),
            remarks=tuple(_remarks(self.view)),
            mails_sent=self.view.mails.sent,
        )


def _is_over(view: CaseView) -> bool:
    """True when nothing is left to see: mails are sent, and no certificate outlived its case."""
    certificate = view.temporary_certificate
    in_force = certificate is not None and certificate.state is PaperState.IN_FORCE
    return view.status.is_final and not view.mails.waiting and not in_force


def _remarks(view: CaseView) -> Iterator[str]:
    """What happened beside the stages, in few words."""
    if view.fees and len(view.fees.invoices) > 1:
        yield f"{len(view.fees.invoices)} invoices"
    if view.fees and view.fees.paid:
        yield f"paid {view.fees.paid} online"
    if view.fees and view.fees.refunded:
        yield f"refunded {view.fees.refunded}"
    if any(entry.event == "contact_confirmed" for entry in view.timeline):
        yield "confirmed by code"
    if view.parcels_returned:
        yield "parcel came back"
    if view.hand_over:
        yield HANDED_OVER[view.hand_over.method]
    if view.temporary_certificate:
        yield f"temporary certificate {view.temporary_certificate.state}"


async def play_examples(*, keep: bool, day_seconds: float, quiet: bool) -> DemoReport:
    """Run every example on a fresh stack and report.

    Args:
        keep: True leaves everything up until Ctrl-C.
        day_seconds: Real seconds a calendar day lasts.
        quiet: True prints nothing, for `--json`.
    """
    with claimed_folder(FOLDER):
        return await _play_examples(keep=keep, day_seconds=day_seconds, quiet=quiet)


async def _play_examples(*, keep: bool, day_seconds: float, quiet: bool) -> DemoReport:
    _empty(FOLDER)
    logs.configure("json", "INFO", FOLDER / "logs" / "worker.log")
    stack = EmbeddedStack(FOLDER, Ports.free(), day_seconds=day_seconds, in_memory=True)
    if not quiet:
        display.out.print("Starting Temporal, a worker, a mail server and simulated holders ...")
    async with stack as client:
        players = examples()
        if not quiet:
            display.out.print(
                f"{len(players)} cases from examples/; a day lasts {day_seconds:g} s. "
                f"Temporal UI: {stack.server.ui_address}",
                soft_wrap=True,
            )
        await _watch(players, client, stack, quiet=quiet)
        report = DemoReport(
            cases=tuple(result for player in players if (result := player.result())),
            mails_folder=str(stack.folder / "mail"),
        )
        if not quiet:
            display.out.print(final_table(report))
            display.out.print(f"Mails, as .eml files: {report.mails_folder}", soft_wrap=True)
        if keep:
            show_addresses(stack)
            show_exports(stack)
            display.out.print("Everything stays up. Stop with Ctrl-C.")
            await asyncio.Event().wait()
    return report


def _empty(folder: Path) -> None:
    """Remove what former demos left; the lock stays, for it is held."""
    for left in folder.iterdir():
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        elif left.name != LOCK:
            left.unlink()


def examples() -> list[Player]:
    """A player for each case in examples/."""
    files = sorted(EXAMPLES.glob("*.json"), key=lambda file: int(file.stem.partition("-")[0]))
    return [player_of(file) for file in files]


async def _watch(
    players: list[Player], client: Client, stack: EmbeddedStack, *, quiet: bool
) -> None:
    """Let all cases run, showing them live where somebody looks on."""
    runs = asyncio.gather(
        *(player.play(client, stack, STAGGER * place) for place, player in enumerate(players))
    )
    show = not quiet and display.out.is_terminal
    with Live(console=display.out, auto_refresh=False, transient=True) as live:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not runs.done() and asyncio.get_running_loop().time() < deadline:
            if show:
                live.update(live_table(players), refresh=True)
            await asyncio.wait([runs], timeout=LOOK_EVERY)
    if not runs.done():
        runs.cancel()
        return
    await runs


def player_of(file: Path) -> Player:
    """The player of an example file."""
    application, scans, asked = read_case(file)
    scenario = Scenario.model_validate(asked or {})
    return Player(file=file, application=application, scans=scans, scenario=scenario)


def live_table(players: list[Player]) -> Table:
    """Where the cases stand right now."""
    columns = display.columns_of(
        ("case", "control number", "way", "status", "waits for", "by", "mails"),
        first_to_go=("control number", "waits for"),
    )
    return display.table_of(None, columns, (_now(player) for player in players))


def _now(player: Player) -> dict[str, RenderableType]:
    view = player.view
    stage = view.stage if view else None
    return {
        "case": player.file.stem,
        "control number": player.number,
        "way": _way(view.status) if view else "",
        "status": display.status_text(view.status, overdue=view.overdue) if view else "",
        "waits for": stage.awaited if stage else "",
        "by": f"{stage.due_on:%d.%m.%Y}" if stage and stage.due_on else "",
        "mails": str(view.mails.sent) if view else "",
    }


def _way(status: CaseStatus) -> Text:
    """How far along the happy path; a case that left it shows where it stands aside."""
    if status in HAPPY_PATH:
        done = HAPPY_PATH.index(status) + 1
        return Text("●" * done + "○" * (len(HAPPY_PATH) - done), "green")
    return Text("●●◌◌◌◌" if status.awaits_applicant else "■", display.COLOURS.get(status, ""))


def final_table(report: DemoReport) -> Table:
    """How the cases ended."""
    columns = display.columns_of(
        ("case", "control number", "route", "outcome", "stages", "besides", "mails"),
        first_to_go=("route", "stages", "besides"),
    )
    return display.table_of("How the cases ended", columns, map(_then, report.cases))


def _then(case: DemoCase) -> dict[str, RenderableType]:
    outcome = display.status_text(case.outcome)
    if case.outcome is not case.expected:
        outcome.append(f" (expected {case.expected})", "bold red")
    if case.overdue_once:
        outcome.append(" was overdue", "red")
    return {
        "case": case.example,
        "control number": case.control_number,
        "route": case.route,
        "outcome": outcome,
        "stages": " → ".join(case.stages),
        "besides": ", ".join(case.remarks),
        "mails": str(case.mails_sent),
    }
