"""`diploma up`: the embedded stack in the foreground, with its state under one folder."""

import asyncio
import json
import signal
from pathlib import Path

from domain.clock import SECONDS_PER_DAY
from starters import display
from starters.server import CannotStart
from starters.stack import EmbeddedStack, Ports, claimed_folder
from workers import logs

DEFAULT_FOLDER = Path("var")
SPEED_FILE = "stack.json"
"""Remembers how fast the folder's days pass, so that its cases go on at their own pace."""


async def stay_up(folder: Path, ports: Ports, day_seconds: float | None) -> None:
    """Run server, worker, mail sink and simulated holders until told to stop.

    Raises:
        CannotStart: A port is in use, the folder cannot be used or the server does not start.
    """
    with claimed_folder(folder):
        await _stay_up(folder, ports, _prepare(folder, day_seconds))


async def _stay_up(folder: Path, ports: Ports, day_seconds: float) -> None:
    stack = EmbeddedStack(folder, ports, day_seconds=day_seconds)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    async with stack:
        show_addresses(stack)
        if ports != Ports() or folder != DEFAULT_FOLDER:
            show_exports(stack)
        display.out.print("Ready. Stop with Ctrl-C; everything is kept.")
        await told.wait()
        display.out.print("Stopping; running steps are finished first.")


def show_addresses(stack: EmbeddedStack) -> None:
    """Print where everything of a stack is found."""
    rows = {
        "Temporal": stack.server.address,
        "Web UI": stack.server.ui_address or "none",
        "holders and payments": stack.outside.base_url,
        "mail server": f"127.0.0.1:{stack.outside.smtp_port}",
        "text messages": f"{stack.outside.base_url}/sms/messages",
        "papers are checked at": stack.verification_url,
        "codec server": stack.codec_url,
        "register": str(stack.folder / "register.db"),
        "documents": stack.store_url,
        "mails": str(stack.folder / "mail"),
        "logs": str(stack.folder / "logs"),
        "a day lasts": f"{stack.day_seconds:g} s",
    }
    for name, value in rows.items():
        display.out.print(f"  {name:22} {value}", markup=False, soft_wrap=True)


def _prepare(folder: Path, day_seconds: float | None) -> float:
    """Send the log to the folder; returns how long a day lasts."""
    try:
        logs.configure("json", "INFO", folder / "logs" / "worker.log")
        return _speed(folder / SPEED_FILE, day_seconds)
    except OSError as error:
        raise CannotStart(f"{folder} cannot be used as a folder: {error.strerror}") from None


def show_exports(stack: EmbeddedStack) -> None:
    """Print what leads other commands to a stack."""
    display.out.print("Other commands find this stack after:")
    for line in exports(stack):
        display.out.print(f"  export {line}", markup=False, soft_wrap=True)


def exports(stack: EmbeddedStack) -> list[str]:
    """Variables that lead other commands to a stack on ports of its own."""
    return [
        f"TEMPORAL_ADDRESS={stack.server.address}",
        f"DIPLOMA_HOLDERS_BASE_URL={stack.outside.base_url}",
        f"DIPLOMA_PAYMENTS_BASE_URL={stack.outside.base_url}",
        f"DIPLOMA_SMS_BASE_URL={stack.outside.base_url}",
        f"DIPLOMA_REGISTER_URL={stack.register_url}",
        f"DIPLOMA_SECRETS_FOLDER={stack.folder.absolute()}",
        f"DIPLOMA_KEYRING_URL={stack.keyring_url}",
        f"DIPLOMA_VERIFICATION_URL={stack.verification_url}",
        f"DIPLOMA_STORE_URL={stack.store_url}",
        f"DIPLOMA_ACCESS_LOG={stack.access_log.absolute()}",
    ]


def _speed(file: Path, wanted: float | None) -> float:
    """The pace asked for, else the one the folder had, else real days."""
    if wanted is None and file.exists():
        try:
            return float(json.loads(file.read_text())["day_seconds"])
        except (ValueError, KeyError, TypeError):
            raise CannotStart(f"{file} is not readable; give --day-seconds anew") from None
    speed = SECONDS_PER_DAY if wanted is None else wanted
    file.write_text(json.dumps({"day_seconds": speed}))
    return speed
