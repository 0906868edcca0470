"""The embedded stack: server, worker, and everybody outside, in one process and its child."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import Client

from adapters.codec_tokens import new_token
from adapters.file_locks import claimed
from adapters.profiles import load_profile
from adapters.register.database import SqlRegister
from adapters.register.schema import migrate
from adapters.smtp_settings import MailSecurity
from domain.clock import SECONDS_PER_DAY
from domain.errands import ErrandAnswer
from simulators.clerk import LetterClerk
from simulators.outside import Outside
from simulators.phone import PhoneOwner
from starters import cases, codes
from starters.codec_site import codec_site
from starters.server import HOST, CannotStart, EmbeddedServer, free_ports, port_is_free
from starters.verification_site import verification_site
from workers.keys import Keys
from workers.main import CaseWorker
from workers.settings import Settings, load_settings
from workflows.contracts import Acknowledgement, Update

ENGINE, KEYS = "temporal.db", "keys.db"
"""Databases of the engine and of the key ring, in the folder of a stack."""
LOCK = "stack.lock"
"""File that a running stack holds locked, in its folder."""


@dataclass(frozen=True)
class Ports:
    """Where the parts of a stack listen on loopback."""

    temporal: int = 7233
    ui: int | None = 8233
    outside: int = 8070
    smtp: int = 1025
    site: int = 8071
    codec: int = 8072

    @classmethod
    def free(cls, *, ui: bool = True) -> "Ports":
        """Ports nobody uses, so that a demo never meets a stack that is up."""
        temporal, web, *others = free_ports(6)
        return cls(temporal, web if ui else None, *others)


@contextmanager
def claimed_folder(folder: Path) -> Iterator[None]:
    """Have the folder of a stack, made if need be, to oneself.

    Raises:
        CannotStart: Another stack runs in it, or it cannot be used.
    """
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(claimed(folder / LOCK))
        except BlockingIOError:
            raise CannotStart(
                f"another stack runs in {folder}: stop it, or choose another folder"
            ) from None
        except OSError as error:
            raise CannotStart(f"{folder} cannot be used as a folder: {error.strerror}") from None
        yield


class EmbeddedStack:
    """Everything a newcomer needs, on this machine; an async context manager.

    All state lies in `folder`; another stack on the same folder goes on with its cases.
    """

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        *,
        day_seconds: float = SECONDS_PER_DAY,
        in_memory: bool = False,
        server_args: tuple[str, ...] = (),
        **worker_options: Any,
    ) -> None:
        """Describe the stack.

        Args:
            folder: For the database, mails and logs.
            ports: Where to listen.
            day_seconds: Real seconds a calendar day lasts.
            in_memory: True keeps the engine's own data in memory only.
            server_args: Passed on to the Temporal server, for tests.
            worker_options: Passed on to the worker, for tests.
        """
        self.folder = folder
        self.ports = ports
        self.day_seconds = day_seconds
        self.keyring_url = f"sqlite:///{folder.absolute() / KEYS}"
        self.keys = Keys(load_settings(secrets_folder=folder, keyring_url=self.keyring_url))
        self.codec_url = f"http://{HOST}:{ports.codec}"
        self.access_log = folder / "access.log"
        self._token = new_token()
        self.server = EmbeddedServer(
            port=ports.temporal,
            ui_port=ports.ui,
            log_file=folder / "logs" / "temporal.log",
            codec=self.keys.codec,
            codec_endpoint=f"{self.codec_url}/as/{self._token}",
            metrics_address=load_settings().metrics_address,
            database=None if in_memory else folder / ENGINE,
            executable=load_settings().temporal_cli,
            extra_args=server_args,
        )
        self.outside = Outside(
            folder=folder,
            host=HOST,
            http_port=ports.outside,
            smtp_port=ports.smtp,
            day_seconds=day_seconds,
        )
        self.register_url = f"sqlite:///{folder.absolute() / 'register.db'}"
        self.register = SqlRegister(self.register_url, self.keys.sealer, missing_ok=True)
        self.verification_url = f"http://{HOST}:{ports.site}/verify"
        self.store_url = str(folder.absolute() / "documents")
        self._worker_options = worker_options
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Client:
        for port in (self.ports.outside, self.ports.smtp, self.ports.site, self.ports.codec):
            if not port_is_free(port):
                raise CannotStart(
                    f"port {port} is in use: stop what runs there or choose another port"
                )
        self.folder.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as started:
            started.callback(self.keys.close)
            await asyncio.to_thread(self._prepare_keys)
            client = await started.enter_async_context(self.server)
            await started.enter_async_context(self.outside)
            await asyncio.to_thread(migrate, self.register_url, self.keys.sealer)
            started.push_async_callback(self.register.close)
            await started.enter_async_context(
                verification_site(self.settings(), self.register, HOST, self.ports.site)
            )
            await started.enter_async_context(
                codec_site(self.settings(), self.keys, HOST, self.ports.codec, self._token)
            )
            await started.enter_async_context(LetterClerk(self.outside, _Registry(client).deliver))
            applicants = _Applicants(client, self.register)
            await started.enter_async_context(PhoneOwner(self.outside, applicants.enter))
            await started.enter_async_context(self.worker(client))
            self._stack = started.pop_all()
        return client

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def _prepare_keys(self) -> None:
        began_plain = (self.folder / ENGINE).exists() and self.keys.ring.is_missing
        if began_plain and not load_settings().accept_plaintext:
            raise CannotStart(
                f"{self.folder} holds cases from before 0.4.0, when nothing was sealed: set "
                "DIPLOMA_ACCEPT_PLAINTEXT=true until they have ended, or choose another folder"
            )
        self.keys.create()

    def worker(self, client: Client) -> CaseWorker:
        """A worker that talks to this stack's outside."""
        return CaseWorker(client, self.settings(), self.keys, **self._worker_options)

    def settings(self) -> Settings:
        """Those of the environment, but for what belongs to this stack."""
        settings = load_settings(
            day_seconds=self.day_seconds,
            holders_base_url=self.outside.base_url,
            payments_base_url=self.outside.base_url,
            sms_base_url=self.outside.base_url,
            register_url=self.register_url,
            secrets_folder=self.folder,
            keyring_url=self.keyring_url,
            verification_url=self.verification_url,
            store_url=self.store_url,
            access_log=self.access_log,
            codec_origins=tuple(
                f"http://{host}:{self.ports.ui}" for host in (HOST, "localhost") if self.ports.ui
            ),
            credentials_file=None,
        )
        smtp = settings.smtp.model_copy(
            update={
                "host": HOST,
                "port": self.outside.smtp_port,
                "security": MailSecurity.NONE,
                "username": None,
                "password": None,
                "timeout_seconds": 10,
            }
        )
        return settings.model_copy(update={"smtp": smtp})


class _Registry:
    """Staff who enter what holders answered by letter."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def deliver(self, number: str, answer: ErrandAnswer) -> None:
        """Enter an answer; one the case turns down was overtaken by another."""
        with suppress(cases.TurnedDown, cases.NoSuchCase):
            await self._enter(number, answer)

    async def _enter(self, number: str, answer: ErrandAnswer) -> None:
        if answer.reply is not None:
            await cases.update(
                self._client, number, Update.RECORD_HOLDER_REPLY, answer.reply, Acknowledgement
            )
        for record in (answer.production, answer.parcel, answer.hand_over):
            if record is not None:
                await cases.answer_for_holder(self._client, number, record)


class _Applicants:
    """People who type in the codes they were sent."""

    def __init__(self, client: Client, register: SqlRegister) -> None:
        self._client = client
        self._register = register
        self._policy = load_profile(load_settings().profile).confirmation

    async def enter(self, number: str, code: str) -> None:
        """Enter a code; whatever comes of it, it is not entered again."""
        with suppress(cases.TurnedDown, cases.NoSuchCase):
            await codes.enter(self._client, self._register, self._policy, number, code)
