"""Makes the pictures of README and docs: `python scripts/screenshots.py`; needs Chromium."""

import argparse
import asyncio
import base64
import io
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from PIL import Image
from rich.console import Console, RenderableType
from rich.terminal_theme import DIMMED_MONOKAI
from temporalio.client import Client

from domain.base import JsonObject
from domain.clock import SECONDS_PER_DAY
from domain.messages import (
    Claim,
    HolderReply,
    HolderVerdict,
    Objection,
    WithdrawalRequested,
)
from domain.statuses import CaseStatus
from simulators.client import play
from simulators.scenario import Scenario, VerificationStep
from starters import cases
from starters.demo import EXAMPLES, DemoReport, examples, final_table, live_table
from starters.files import read_object
from starters.stack import EmbeddedStack, Ports
from workers import logs
from workflows.contracts import Acknowledgement, Signal, Update, workflow_id

ROOT = Path(__file__).resolve().parent.parent
LARGEST_PICTURE = 300_000
"""Bytes; a README should open quickly."""
COLOURS = 256
"""All a palette holds; with half of them, the few red words of a long table turn brown."""
PATIENCE = 60.0
"""Seconds any one thing may take before the script gives up."""
LOOK_EVERY = 0.2
COLUMNS_KEY = "namespace-workflow-table-columns"
"""Where the Web UI keeps in the browser which columns its list has."""
TEXT_IN_FRAMES = (
    "[...document.querySelectorAll('iframe')]"
    ".map(frame => frame.contentDocument?.body?.innerText).join()"
)
"""What a case says of itself is Markdown, which the Web UI draws in frames, each when it is ready."""
OFFICER = "officer-17"
COLUMNS = (
    "Workflow ID",
    "CaseStatus",
    "StageDueAt",
    "Overdue",
    "Region",
    "Assignee",
    "RefusalReasons",
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


class GaveUp(Exception):
    """Something did not come in time; the text says what."""


class Browser:
    """One page of a headless Chromium, driven by its DevTools protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Run one command and return its result; events are ignored."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer = await self._socket.receive_json(timeout=PATIENCE)
            if answer.get("id") != number:
                continue
            if "error" in answer:
                raise GaveUp(f"{method}: {answer['error'].get('message')}")
            result: dict[str, Any] = answer["result"]
            return result

    async def size(self, width: int, height: int) -> None:
        """Make the page so large, in CSS pixels."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def evaluate(self, script: str) -> Any:
        """The value of an expression of the page."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    async def open(self, url: str, awaited: str) -> None:
        """Open a page and wait until a text stands on it."""
        await self.call("Page.navigate", url=url)
        await self.wait(f"document.body && document.body.innerText.includes({awaited!r})")

    async def wait(self, condition: str) -> None:
        """Wait until an expression of the page is true, then until it has stopped moving."""
        await eventually(lambda: self.evaluate(condition), f"the page never fulfilled {condition}")
        await asyncio.sleep(2)

    async def picture(self, file: Path) -> None:
        """Write what the page shows as a PNG file."""
        shot = await self.call("Page.captureScreenshot", format="png")
        _write(file, base64.b64decode(shot["data"]))


@asynccontextmanager
async def browser(executable: str) -> AsyncIterator[Browser]:
    """Start Chromium with a fresh profile and one page."""
    with tempfile.TemporaryDirectory() as profile:
        process = await asyncio.create_subprocess_exec(
            executable,
            *FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        told = Path(profile) / "DevToolsActivePort"
        try:
            await eventually(lambda: asyncio.to_thread(_port, told), "Chromium does not start")
            port = _port(told)
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
                    pages = await response.json()
                page = next(page for page in pages if page["type"] == "page")
                async with session.ws_connect(
                    page["webSocketDebuggerUrl"], max_msg_size=0
                ) as socket:
                    opened = Browser(socket)
                    await opened.call("Page.enable")
                    yield opened
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            await asyncio.sleep(0.5)  # its helpers still write into the profile


def _port(told: Path) -> str | None:
    """Where Chromium listens; None until it has said so."""
    with suppress(OSError, IndexError):
        return told.read_text().split()[0]
    return None


def _write(file: Path, content: bytes) -> None:
    drawn = Image.open(io.BytesIO(content)).convert("RGB").quantize(COLOURS)
    packed = io.BytesIO()
    drawn.save(packed, "png", optimize=True)
    content = packed.getvalue()
    if len(content) > LARGEST_PICTURE:
        raise GaveUp(f"{file.name} would have {len(content)} bytes")
    file.write_bytes(content)
    print(f"{file.name}: {len(content) // 1024} KB")


async def eventually(condition: Callable[[], Awaitable[Any]], otherwise: str) -> None:
    """Wait for a condition.

    Raises:
        GaveUp: It did not come true in time.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not await condition():
        if asyncio.get_running_loop().time() > deadline:
            raise GaveUp(otherwise)
        await asyncio.sleep(LOOK_EVERY)


# --- the terminal ---------------------------------------------------------------------------


async def play_demo(client: Client, stack: EmbeddedStack) -> tuple[RenderableType, RenderableType]:
    """Play all examples; the live table at its most varied, and the final one."""
    players = examples()
    runs = asyncio.gather(*(player.play(client, stack) for player in players))
    liveliest, variety = live_table(players), 0
    while not runs.done():
        await asyncio.wait([runs], timeout=LOOK_EVERY)
        views = [player.view for player in players if player.view]
        seen = len({(view.status, view.overdue) for view in views})
        if seen > variety:
            liveliest, variety = live_table(players), seen
    await runs
    report = DemoReport(
        cases=tuple(result for player in players if (result := player.result())),
        mails_folder=str(stack.folder / "mail"),
    )
    return liveliest, final_table(report)


def as_svg(content: RenderableType, columns: int) -> str:
    """What a terminal shows, as SVG that needs nothing from elsewhere."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(
            record=True, width=columns, file=nowhere, force_terminal=True, highlight=False
        )
        console.print(content)
    drawn = console.export_svg(title="diploma demo", theme=DIMMED_MONOKAI)
    return re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)


async def picture_of_terminal(page: Browser, svg: str, file: Path) -> None:
    """Draw an SVG as a PNG file of its own proportions."""
    width, height = (float(side) for side in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0])
    await page.size(round(width), round(height))
    encoded = base64.b64encode(f"<body style='margin:0'>{svg}</body>".encode()).decode()
    await page.call("Page.navigate", url=f"data:text/html;charset=utf-8;base64,{encoded}")
    await page.wait("document.querySelector('svg') !== null")
    await page.picture(file)


# --- the Temporal Web UI --------------------------------------------------------------------


async def late_case(client: Client, stack: EmbeddedStack) -> None:
    """A case whose holder never answers, until it is overdue."""
    scenario = Scenario(verification=(VerificationStep(after_days=3650),))
    number = await submit(client, "5-late-holder", "late", stack, scenario)

    async def overdue() -> bool:
        return (await cases.view(client, number)).overdue

    await eventually(overdue, "the late case is not overdue")


async def cases_of_today(client: Client, stack: EmbeddedStack) -> str:
    """Cases in several statuses with the dates of today; the number of one in review."""
    withdrawn = await submit(client, "4-withdrawn", "withdrawn", stack)
    await cases.signal(client, withdrawn, Signal.WITHDRAW_REQUESTED, WithdrawalRequested())
    for example in ("2-incomplete", "6-by-letter", "7-pays-online"):
        await submit(client, example, example, stack)
    for example, code, field in (
        ("3-wrong-name", "NAME_MISMATCH", "applicant.name_on_diploma"),
        ("8-passport-error", "PASSPORT_ERROR", "applicant.passport"),
    ):
        number = await submit(client, example, example, stack)
        objections = (Objection(code=code, field=field),)
        await answer(
            client, number, HolderReply(verdict=HolderVerdict.OBJECTIONS, objections=objections)
        )
    making = await submit(client, "1-straight", "in-production", stack)
    await answer(client, making, HolderReply(verdict=HolderVerdict.CONFIRMED))
    waiting = await submit(client, "1-straight", "in-review", stack)
    await in_review(client, waiting)
    claim = Claim(officer=OFFICER)
    await cases.update(client, waiting, Update.CLAIM, claim, Acknowledgement)
    return waiting


async def answer(client: Client, number: str, reply: HolderReply) -> None:
    """Answer the document check for the holder."""
    await in_review(client, number)
    await cases.update(client, number, Update.RECORD_HOLDER_REPLY, reply, Acknowledgement)


async def submit(
    client: Client,
    example: str,
    submission: str,
    stack: EmbeddedStack,
    scenario: Scenario | None = None,
) -> str:
    """Submit an example as another submission; its control number."""
    application: JsonObject = read_object(EXAMPLES / f"{example}.json")
    application.pop("simulation", None)
    application["submission_id"] = f"picture-{submission}"
    submitted = await cases.submit(client, stack.register, application)
    if scenario is not None:
        await play(stack.outside.base_url, submitted.control_number, scenario)
    return submitted.control_number


async def in_review(client: Client, number: str) -> None:
    """Wait until a case is with its holder."""

    async def reached() -> bool:
        return (await cases.view(client, number)).status is CaseStatus.IN_REVIEW

    await eventually(reached, f"{number} never came to its holder")


async def picture_of_list(page: Browser, address: str, file: Path) -> None:
    """The list of cases with their search attributes as columns."""
    url = f"{address}/namespaces/default/workflows"
    await page.size(2080, 766)  # the longest reasons beside each other, and whole rows
    await page.open(url, "duplicate/")
    columns = json.dumps({"default": [{"label": label} for label in COLUMNS]})
    await page.evaluate(f"localStorage.setItem('{COLUMNS_KEY}', {json.dumps(columns)})")
    await page.open(url, "REFUSED")
    await page.picture(file)


async def picture_of_case(page: Browser, address: str, number: str, file: Path) -> None:
    """What one case waits for, in the words the case itself has set."""
    identity = quote(workflow_id(number), safe="")
    await page.size(1440, 760)
    await page.call("Page.navigate", url=f"{address}/namespaces/default/workflows/{identity}")
    await page.wait("location.pathname.endsWith('/timeline')")
    run = str(await page.evaluate("location.pathname")).rpartition("/")[0]
    await page.open(f"{address}{run}/user-metadata", "Current Details")
    for words in (number, OFFICER):  # the summary, and the last line of the current details
        await page.wait(f"{TEXT_IN_FRAMES}.includes({words!r})")
    await page.picture(file)


async def pictures(chromium: str, output: Path) -> None:
    """Make all pictures."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, ports = Path(temporary), Ports.free()
        logs.configure("json", "INFO", folder / "logs" / "worker.log")
        print("playing the examples ...")
        fast = EmbeddedStack(folder, ports, day_seconds=1)
        async with fast as client:
            live, final = await play_demo(client, fast)
            await late_case(client, fast)
        print("preparing cases with the dates of today ...")
        real = EmbeddedStack(folder, ports, day_seconds=SECONDS_PER_DAY)
        async with real as client, browser(chromium) as page:
            number = await cases_of_today(client, real)
            address = str(real.server.ui_address)
            await picture_of_list(page, address, output / "ui-list.png")
            await picture_of_case(page, address, number, output / "ui-case.png")
            await picture_of_terminal(page, as_svg(live, 120), output / "demo-live.png")
            await picture_of_terminal(page, as_svg(final, 160), output / "demo-final.png")


def main() -> None:
    """Read the options and make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument(
        "--chromium", default=os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
    )
    chosen = parser.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(pictures(chosen.chromium, chosen.output))
    except (GaveUp, OSError) as error:
        sys.exit(f"no pictures: {error}")


if __name__ == "__main__":
    main()
