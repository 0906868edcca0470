"""The codec server, served in the foreground or within the stack (R13)."""

import asyncio
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from adapters.access_log import AccessLog
from adapters.codec_server import CodecServer, served
from adapters.codec_tokens import Role, TokenFile, grant_for
from adapters.sealing.keyring import SERVICE
from starters import display
from starters.server import CannotStart
from workers.keys import Keys, opened_keys
from workers.settings import Settings

TOKENS = "codec-tokens.toml"
"""File in the folder of secrets, when the settings name no other."""
UI_OFFICER = "embedded-ui"
"""Who the access log says it was when the embedded UI asked: it cannot tell people apart."""
NAMESPACE = "default"


def token_file(settings: Settings) -> TokenFile:
    """The file of tokens of the settings."""
    return TokenFile(settings.codec_tokens or settings.secrets_folder / TOKENS)


@asynccontextmanager
async def codec_site(
    settings: Settings,
    keys: Keys,
    host: str,
    port: int,
    token: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[None]:
    """Serve while the context is entered.

    Args:
        settings: Name tokens, origins and the access log.
        keys: Those of the settings.
        host: Address to listen on.
        port: Likewise.
        token: Of an embedded UI, which begins its requests with /as/<token>; made anew at each
            start (`adapters.codec_tokens.new_token`) and kept nowhere.
        tls: For https.

    Raises:
        CannotStart: The port cannot be used.
    """
    server = CodecServer(
        keys.codec,
        token_file(settings),
        AccessLog(settings.access_log, keys.ring),
        settings.codec_origins,
        grant_for(token, UI_OFFICER, [Role.WRITER], [NAMESPACE]) if token else None,
    )
    async with AsyncExitStack() as started:
        try:
            await started.enter_async_context(served(server, host, port, tls))
        except OSError as error:
            raise CannotStart(f"{host}:{port} cannot be listened on: {error.strerror}") from None
        yield


async def stay_up(
    settings: Settings, host: str, port: int, tls_files: tuple[Path, Path] | None = None
) -> None:
    """Serve until told to stop.

    Args:
        settings: As for `codec_site`.
        host: Address to listen on.
        port: Likewise.
        tls_files: Certificate and key in PEM, for https.

    Raises:
        CannotStart: The port, or a file for TLS, cannot be used.
        TemporaryFailure: The key ring is away.
        BadKeys: Key ring or tokens cannot be used before a person mends them.
    """
    tls = _tls(*tls_files) if tls_files else None
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    with opened_keys(settings) as keys:
        keys.ring.known(SERVICE)
        entitled = len(token_file(settings).valid())
        async with codec_site(settings, keys, host, port, tls=tls):
            scheme = "https" if tls else "http"
            display.out.print(
                f"Ready on {scheme}://{host}:{port}; tokens: {entitled}. Stop with Ctrl-C.",
                soft_wrap=True,
            )
            await told.wait()


def _tls(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # A passphrase would be asked for on the terminal; an empty one fails at once.
        context.load_cert_chain(certificate, key, password="")
    except OSError:  # also of the library: its texts are for its authors
        raise CannotStart(
            "--certificate and --key: not a certificate in PEM and its key without a passphrase"
        ) from None
    return context
