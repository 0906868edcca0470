"""Commands for the codec server, and for who may use it (R13)."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from adapters.codec_tokens import Role, grant_for, new_token
from adapters.transport import is_loopback
from domain.messages import IDENTIFIER_FORM
from starters import display
from starters.console import BAD_INPUT, FAILED, Json, Stop, say
from workers.settings import load_settings

app = typer.Typer(
    name="codec", help="The codec server: lets entitled staff read in Temporal's UI and CLI."
)

Officer = Annotated[str, typer.Option("--officer", help="Who it is for, as in officer-7.")]


@app.command()
def token(
    officer: Officer,
    roles: Annotated[
        list[Role] | None,
        typer.Option("--role", help="reader (the default), or writer to seal messages as well."),
    ] = None,
    namespaces: Annotated[
        list[str] | None, typer.Option("--namespace", help="Of the engine; `default` if none.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How long it is good.")] = 90,
    as_json: Json = False,
) -> None:
    """Make a token for an officer and print it, once: only its hash is kept."""
    from starters.codec_site import NAMESPACE, token_file  # noqa: PLC0415 - loads slowly

    expires = datetime.now(UTC).date() + timedelta(days=days)
    made = new_token()
    try:
        grant = grant_for(made, officer, roles or [Role.READER], namespaces or [NAMESPACE], expires)
    except ValidationError:
        raise Stop(BAD_INPUT, f"--officer and --namespace take {IDENTIFIER_FORM}") from None
    token_file(load_settings()).add(grant)
    document = {"token": made, **grant.model_dump(mode="json", exclude={"sha256"})}
    say(document, made, as_json=as_json)
    if not as_json:
        display.err.print(f"Not shown again. Good until {expires:%d.%m.%Y}.", markup=False)


@app.command()
def revoke(officer: Officer, as_json: Json = False) -> None:
    """Take away all tokens of an officer, at once."""
    from starters.codec_site import token_file  # noqa: PLC0415 - loads slowly

    revoked = token_file(load_settings()).revoke(officer)
    if not revoked:
        raise Stop(FAILED, "this officer has no token")
    say({"ok": True, "revoked": revoked}, f"Revoked: {revoked}.", as_json=as_json)


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8072,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="PEM file, for https.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="PEM file, of the certificate.")] = None,
    behind_tls: Annotated[
        bool, typer.Option("--behind-tls", help="A proxy in front of it speaks https.")
    ] = False,
) -> None:
    """Serve until stopped with Ctrl-C; who has a token sees clear text in UI and CLI."""
    from starters import codec_site  # noqa: PLC0415 - other commands start faster without
    from workers import logs  # noqa: PLC0415 - likewise

    tls_files = (certificate, key) if certificate and key else None
    if tls_files is None and (certificate or key):
        raise Stop(BAD_INPUT, "--certificate and --key go together")
    if not (tls_files or behind_tls or is_loopback(host)):
        raise Stop(
            BAD_INPUT,
            f"--host {host}: tokens and what they open would be readable on their way; give "
            "--certificate and --key, or --behind-tls where a proxy speaks https",
        )
    settings = load_settings()
    logs.configure(settings.log_format, settings.log_level)
    asyncio.run(codec_site.stay_up(settings, host, port, tls_files))
