"""The worker dies at every task of every route, and before and after the effect of every step."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from inspect import getmembers, isclass, isfunction
from pathlib import Path
from pkgutil import iter_modules
from shutil import copytree

import older
import pytest
from mortality import MortalStack, Played, Points, play, played, points_of, workflows_of
from temporalio import activity
from temporalio.client import Client

import activities
from adapters.profiles import DEFAULT_PROFILE
from domain.messages import CalendarPublished
from domain.statuses import CaseStatus
from simulators.scenario import ApplicantStep, Scenario
from starters import cases, demo
from starters.demo import Player, examples
from starters.stack import EmbeddedStack, Ports
from workflows.contracts import Signal

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1000)]  # the first test waits for all deaths
DAY_SECONDS = 10.0
"""Long enough for a few deaths a day; some routes take thirty days."""
OUR_TERM, PATIENT_TERM = "returned_after_hours = 24", "returned_after_hours = 240"
"""Of a code, in the profile."""
PATIENCE = 720.0
"""Seconds after which a case counts as lost."""
LOOK_EVERY = 1.5
"""Seconds between two looks at a case, each of which costs a new worker a replay."""


@dataclass
class Unpaid(Player):
    """An applicant who never pays and gives up, while a year of the calendar is published."""

    async def _take(self, client: Client, stack: EmbeddedStack, step: ApplicantStep) -> None:
        if not step.withdraw:
            news = CalendarPublished(years=(datetime.now(UTC).year,))
            await cases.signal(client, self.number, Signal.CALENDAR_PUBLISHED, news)
        await super()._take(client, stack, step)


def players() -> list[Player]:
    """Those of the demo, and one whose case takes the steps that theirs do not."""
    pays = next(player for player in examples() if player.scenario.payment.after_days)
    unpaid = Unpaid(
        file=pays.file.with_stem("unpaid"),
        application={**pays.application, "submission_id": "unpaid"},
        scans=pays.scans,
        scenario=Scenario(
            applicant=(
                ApplicantStep(when=CaseStatus.RETURNED),
                ApplicantStep(when=CaseStatus.RETURNED, after_days=2, withdraw=True),
            ),
            outcome=CaseStatus.WITHDRAWN,
        ),
    )
    return [*examples(), unpaid]


ROUTES = [player.file.stem for player in players()]
OLDER = "steps of older cases"


def steps() -> Iterator[str]:
    """Names of all activities there are; the worker registers every one of them."""
    for found in iter_modules(activities.__path__, "activities."):
        for _, kind in getmembers(import_module(found.name), isclass):
            for _, function in getmembers(kind, isfunction):
                defined = activity._Definition.from_callable(function)
                if defined is not None and defined.name is not None:
                    yield defined.name


@dataclass(frozen=True)
class Stories:
    """Cases whose workers died all the time, beside the same ones left in peace."""

    undisturbed: dict[str, Played | None]
    disturbed: dict[str, Played | None]
    points: dict[str, Points]
    older_took_effect_once: bool

    def survived(self, story: str) -> bool:
        """True when a case ended in spite of all, or the steps of older cases did their work."""
        return self.older_took_effect_once if story == OLDER else bool(self.disturbed[story])


@pytest.fixture(scope="module")
async def stories(tmp_path_factory: pytest.TempPathFactory) -> Stories:
    """All routes at once: played in peace, and with workers that die."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "LOOK_EVERY", LOOK_EVERY)
        patch.setenv("DIPLOMA_PROFILE", str(patient(tmp_path_factory.mktemp("profile"))))
        return await played_twice(tmp_path_factory)


def patient(folder: Path) -> Path:
    """Our profile, but for a code that is waited for longer than a few deaths of workers take."""
    profile = copytree(DEFAULT_PROFILE, folder, dirs_exist_ok=True)
    rules = (profile / "procedure.toml").read_text(encoding="utf-8")
    assert OUR_TERM in rules
    rules = rules.replace(OUR_TERM, PATIENT_TERM)
    (profile / "procedure.toml").write_text(rules, encoding="utf-8")
    return profile


async def played_twice(tmp_path_factory: pytest.TempPathFactory) -> Stories:
    calm = EmbeddedStack(
        tmp_path_factory.mktemp("calm"),
        Ports.free(ui=False),
        day_seconds=DAY_SECONDS,
        in_memory=True,
    )
    mortal = MortalStack(tmp_path_factory.mktemp("mortal"), day_seconds=DAY_SECONDS)
    async with calm as calm_client, mortal as mortal_client:
        undisturbed, stories = await asyncio.gather(
            in_peace(calm, calm_client), among_deaths(mortal, mortal_client)
        )
    return replace(stories, undisturbed=undisturbed)


async def in_peace(stack: EmbeddedStack, client: Client) -> dict[str, Played | None]:
    playing = players()
    await play(stack, client, playing, PATIENCE)
    return {player.file.stem: await result_of(stack, player) for player in playing}


async def among_deaths(stack: MortalStack, client: Client) -> Stories:
    playing = players()
    await play(stack, client, playing, PATIENCE)
    await older.take_steps(client)
    names = {player.file.stem: workflows_of(player.number) for player in playing}
    names[OLDER] = tuple(map(older.name_of, older.STEPS))
    return Stories(
        undisturbed={},
        disturbed={player.file.stem: await result_of(stack, player) for player in playing},
        points={story: await points_of(stack, client, ids) for story, ids in names.items()},
        older_took_effect_once=await older.took_effect_once(stack),
    )


async def result_of(stack: EmbeddedStack, player: Player) -> Played | None:
    """How a case ended; None when it did not."""
    ended = player.view is not None and player.view.status.is_final
    return await played(stack, player) if ended else None


@pytest.mark.parametrize("route", ROUTES)
async def test_a_route_survives_a_death_at_every_task(
    stories: Stories, route: str, record_property: Callable[[str, object], None]
) -> None:
    disturbed, points = stories.disturbed[route], stories.points[route]
    record_property("points", [points.died_at_tasks if disturbed else 0, points.tasks])
    assert points.died_at_tasks == points.tasks
    undisturbed = stories.undisturbed[route]
    assert disturbed is not None
    assert undisturbed is not None
    assert disturbed.outcome == disturbed.expected
    assert disturbed.register_equals_engine
    assert disturbed.most_mails <= 2
    differences = disturbed.differences_to(undisturbed)
    assert differences == {}, str(differences)


@pytest.mark.parametrize("step", sorted(set(steps())))
async def test_an_activity_survives_a_death_before_and_after_its_effect(
    stories: Stories, step: str, record_property: Callable[[str, object], None]
) -> None:
    taken = [story for story, points in stories.points.items() if step in points.steps]
    survived = [stories.points[story] for story in taken if stories.survived(story)]
    before = sum(step in points.died_before for points in survived)
    after = sum(step in points.died_after for points in survived)
    record_property("before", [before, len(taken)])
    record_property("after", [after, len(taken)])
    assert taken
    assert before == after == len(taken)
