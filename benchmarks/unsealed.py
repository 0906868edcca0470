"""The product with nothing sealed, only to see what sealing costs: its worker, and its sealer."""

import asyncio
import signal

from adapters.sealing.sealer import CaseSealer
from workers import logs
from workers.keys import Keys
from workers.main import CaseWorker
from workers.settings import Settings, load_settings
from workers.temporal import connect


class NoSealer(CaseSealer):
    """Seals nothing."""

    def seal(self, control_number: str, place: str, plain: bytes) -> bytes:  # noqa: ARG002
        """What it was given."""
        return plain

    def open(self, control_number: str, place: str, sealed: bytes) -> bytes:  # noqa: ARG002
        """What it was given."""
        return sealed


def unsealed(settings: Settings) -> Keys:
    """Keys nobody uses."""
    keys = Keys(settings)
    keys.sealer = NoSealer(keys.ring)
    return keys


async def work() -> None:
    """Work until SIGTERM."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    settings = load_settings()
    logs.configure(settings.log_format, settings.log_level)
    async with CaseWorker(await connect(None), settings, unsealed(settings)):
        await told.wait()


if __name__ == "__main__":
    asyncio.run(work())
