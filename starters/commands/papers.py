"""Commands for papers in anybody's hands: check a file, serve the page that checks print-outs."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from activities.ports import TemporaryFailure
from domain.base import Frozen
from domain.paper_checks import TEMPLATE_LABELS, Registered, Standing, registered
from domain.papers import PaperIdentity, Verification
from starters import display, records
from starters.console import FAILED, Json, Stop, print_json
from starters.files import BadFile, shown
from workers.settings import load_settings

app = typer.Typer()

STANDING_LINES = {
    Standing.IN_FORCE: "in force",
    Standing.PREPARED: "prepared, not issued yet",
    Standing.REPLACED: "replaced by another paper",
    Standing.EXPIRED: "expired",
    Standing.ANNULLED: "annulled",
    Standing.STATELESS: "none: a paper of this kind tells what was so on its day",
    Standing.UNREGISTERED: "the register does not know this paper",
    Standing.UNKNOWN: "unknown: the register cannot be asked",
}


class Checked(Frozen):
    """Everything known of a file that is said to be a paper of ours."""

    signature: Verification
    record: Registered | None
    """None for a file that is no paper of ours."""

    @property
    def good(self) -> bool:
        """True when the signature holds and nothing stands against relying on the paper."""
        return self.signature.valid and bool(self.record and self.record.standing.good)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.pdf", help="The paper as it was sent.")],
    as_json: Json = False,
) -> None:
    """Check a paper: is it ours and unchanged, and is it in force?"""
    from adapters.papers.verification import LARGEST_FILE, verify  # noqa: PLC0415 - loads slowly
    from workers.papers import known_certificates  # noqa: PLC0415 - likewise

    content = _read(file, LARGEST_FILE + 1)
    found = verify(content, *known_certificates(load_settings()))
    record = asyncio.run(_registered(found.paper)) if found.valid else None
    checked = Checked(signature=found, record=record)
    if as_json:
        print_json(_document(checked))
    else:
        for name, line in _lines(checked):
            display.out.print(f"  {name:12} {line}", markup=False, soft_wrap=True)
    if not checked.good:
        raise Stop(FAILED, "")


@app.command()
def verify_site(
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8071,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve the page where anyone checks a print-out by its code; stop with Ctrl-C."""
    from starters import verification_site  # noqa: PLC0415 - other commands start faster without

    asyncio.run(verification_site.stay_up(load_settings(), host, port))


def _read(file: Path, most: int) -> bytes:
    """The content of a file, no more than `most` bytes.

    Raises:
        BadFile: It is no regular file, or cannot be read.
    """
    try:
        if not file.is_file():
            raise BadFile(f"{shown(file)}: there is no such file")
        with file.open("rb") as opened:
            return opened.read(most)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not usable"
        raise BadFile(f"{shown(file)}: cannot be read ({reason})") from None


async def _registered(paper: PaperIdentity | None) -> Registered:
    """What the register says of a paper; a register that is away is no reason to say nothing."""
    from adapters.register.errors import BadRegister  # noqa: PLC0415 - other commands need it not

    if paper is None:
        return Registered(standing=Standing.UNREGISTERED)
    try:
        async with records.register() as register:
            papers = await register.paper_states(paper.control_number)
    except (TemporaryFailure, BadRegister) as failure:
        display.err.print(str(failure), markup=False, soft_wrap=True)
        return Registered(standing=Standing.UNKNOWN)
    return registered(paper.paper_id, paper.template, papers)


def _document(checked: Checked) -> dict[str, object]:
    signature = checked.signature
    return {
        "ok": checked.good,
        "valid": signature.valid,
        "reason": signature.reason,
        **signature.model_dump(mode="json"),
        "level": _level(signature),
        "register": checked.record and checked.record.model_dump(mode="json"),
    }


def _lines(checked: Checked) -> list[tuple[str, str]]:
    signature, record = checked.signature, checked.record
    lines = [("signature", f"{'valid' if signature.valid else 'NOT VALID'}. {signature.reason}")]
    if signature.signer:
        trial = "; a key made up for trials, it proves nothing" if signature.trial else ""
        lines.append(("signed by", signature.signer + trial))
    if signature.signed_at:
        lines.append(("signed at", f"{signature.signed_at:%d.%m.%Y %H:%M %Z}"))
        stamp = signature.stamped_at
        stamped = f", stamped {stamp:%d.%m.%Y %H:%M %Z}" if stamp else ", no stamp of time"
        lines.append(("level", f"PAdES {_level(signature)}{stamped}"))
    if signature.paper:
        paper = signature.paper
        lines.append(("paper", f"{TEMPLATE_LABELS[paper.template]} {paper.number}".rstrip()))
        lines.append(("case", f"{paper.control_number}, dated {paper.dated:%d.%m.%Y}"))
    if record:
        until = record.valid_until
        last_day = f" until {until:%d.%m.%Y}" if until and record.standing.good else ""
        lines.append(("state", STANDING_LINES[record.standing] + last_day))
    return lines


def _level(signature: Verification) -> str | None:
    if signature.signed_at is None:
        return None
    return "B-T" if signature.stamped_at else "B-B"
