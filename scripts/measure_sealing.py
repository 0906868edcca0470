"""What sealing costs: the same cases with all of it and with none, in turn, in one run.

`python scripts/measure_sealing.py [cases] [rounds]` prints for each round how many cases a second
of computing carries, by worker, starter, simulators and server together, and the ratio; noise of
the machine hits both sides alike. The first round warms up and is not counted.
"""

import asyncio
import resource
import statistics
import sys
import tempfile
from pathlib import Path

from adapters.register.database import SqlRegister
from adapters.sealing.sealer import CaseSealer
from domain.base import JsonObject
from domain.statuses import CaseStatus
from starters import cases, display
from starters.console import read_case
from starters.demo import EXAMPLES
from starters.server import EmbeddedServer
from starters.stack import EmbeddedStack, Ports
from workers import logs

DAY_SECONDS = 1.0
"""Long enough that no term is broken: reminders of late cases would be measured, too."""
LOOK_EVERY = 0.2


class Unsealed(CaseSealer):
    """Seals nothing."""

    def seal(self, control_number: str, place: str, plain: bytes) -> bytes:  # noqa: ARG002
        """What it was given."""
        return plain

    def open(self, control_number: str, place: str, sealed: bytes) -> bytes:  # noqa: ARG002
        """What it was given."""
        return sealed


def stack_of(folder: Path, *, sealed: bool) -> EmbeddedStack:
    """A stack on files, with all sealing or with none."""
    stack = EmbeddedStack(folder, Ports.free(ui=False), day_seconds=DAY_SECONDS)
    if not sealed:
        stack.keys.sealer = Unsealed(stack.keys.ring)
        stack.register = SqlRegister(stack.register_url, stack.keys.sealer, missing_ok=True)
        stack.server = EmbeddedServer(
            port=stack.ports.temporal,
            ui_port=None,
            log_file=folder / "logs" / "temporal.log",
            codec=None,
            database=folder / "temporal.db",
        )
    return stack


def computed() -> float:
    """Seconds of computing so far, by us and by servers that have stopped."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


async def cases_a_second(application: JsonObject, count: int, *, sealed: bool) -> float:
    """How many cases go all the way with a second of computing, when all come at once."""
    began = computed()
    with tempfile.TemporaryDirectory() as folder:
        stack = stack_of(Path(folder), sealed=sealed)
        async with stack as client:
            await asyncio.gather(
                *(
                    cases.submit(
                        client, stack.register, {**application, "submission_id": f"m{serial}"}
                    )
                    for serial in range(count)
                )
            )
            while len(await cases.rows(client, status=CaseStatus.ISSUED)) < count:  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(LOOK_EVERY)
    return count / (computed() - began)


async def measure(count: int, rounds: int) -> None:
    """Print a line for every round, and the median of their ratios."""
    application = read_case(EXAMPLES / "1-straight.json").application
    ratios = []
    for turn in range(rounds + 1):
        first_sealed = turn % 2 == 0
        speed = {}
        for sealed in (first_sealed, not first_sealed):
            speed[sealed] = await cases_a_second(application, count, sealed=sealed)
        ratio = speed[True] / speed[False]
        display.out.print(
            f"sealed {speed[True]:.2f} cases/s, unsealed {speed[False]:.2f}, ratio {ratio:.3f}"
        )
        ratios += [ratio] if turn else []
    display.out.print(f"median ratio of {rounds} rounds: {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    logs.configure("json", "ERROR")
    numbers = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(measure(*(numbers + [30, 3][len(numbers) :])))
