"""Collect what payloads of cases have in common, as a dictionary for those sealed later.

`python scripts/collect_words.py adapters/sealing/words-3.json` plays some examples and writes the
most telling payload of each shape, without anything that leads to a person. A dictionary in use
is never changed: what was deflated with it could not be read any more. A new one gets a new
number, and a version of its own in `adapters/sealing/seal.py`.
"""

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from temporalio.api.common.v1 import Payload

from starters.demo import examples
from starters.stack import EmbeddedStack, Ports
from workers import logs
from workflows.contracts import workflow_id

PLAYED = ("by-letter", "pays-online", "two-invoices", "electronic", "by-code")
"""Not the straight case, by which others measure us: it may profit no more than any."""
DAY_SECONDS = 1.0
SHORTEST = 8
"""Letters of a value worth keeping; one that begins with a digit is a date or a number."""
MOST_BYTES = 28_000
"""Of 32,768 that deflate can look back; the payload itself stands behind."""
OF_SHAPES = 22_000
"""Most bytes of whole payloads; the rest is for values that come again and again."""
OF_PEOPLE = frozenset(
    {
        *("surname", "given_name", "patronymic", "number", "series", "snils", "inn", "email"),
        *("phone", "birth_date", "address", "reference", "recipient", "applicant_name"),
        *("subject_name", "salutation", "paper_id", "key", "current_name"),
        *("control_number", "submission_id", "invoice_id", "payment_id", "sha256", "pay_url"),
    }
)


async def collect() -> bytes:
    """Play and choose."""
    with tempfile.TemporaryDirectory() as folder:
        stack = EmbeddedStack(Path(folder), Ports.free(ui=False), day_seconds=DAY_SECONDS)
        async with stack as client:
            players = [player for player in examples() if player.file.stem.endswith(PLAYED)]
            await asyncio.gather(*(player.play(client, stack) for player in players))
            found: list[Payload] = []
            for player in players:
                history = await client.get_workflow_handle(
                    workflow_id(player.number)
                ).fetch_history()
                sealed = [one for event in history.events for one in _payloads(event)]
                found += await stack.keys.codec.decode(sealed)
    return _chosen(found)


def _payloads(event: Any) -> Iterator[Payload]:
    attributes = getattr(event, event.WhichOneof("attributes"))
    for name in ("input", "result"):
        if hasattr(attributes, name):
            yield from getattr(attributes, name).payloads


def _chosen(payloads: list[Payload]) -> bytes:
    """The longest of each shape; what is best found stands last."""
    by_shape: dict[str, str] = {}
    often = Counter[str]()
    for payload in payloads:
        content = json.loads(payload.data)
        shape = json.dumps(_shape(content))
        unnamed = _unnamed(content)
        often.update(set(_values(unnamed)))
        by_shape[shape] = max(by_shape.get(shape, ""), _text(unnamed), key=len)
    shapes = "".join(sorted(by_shape.values(), key=len)).encode()[-OF_SHAPES:]
    again = [value for value, times in often.items() if times > 1 and value.encode() not in shapes]
    again.sort(key=lambda value: often[value] * len(value.encode()))
    return ("".join(again).encode() + shapes)[-MOST_BYTES:]


def _text(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _values(content: Any, name: str = "") -> Iterator[str]:
    """All values with their names, but for those too short to matter."""
    match content:
        case dict():
            for key, value in content.items():
                yield from _values(value, key)
        case list():
            for value in content:
                yield from _values(value, name)
        case str() if len(content) >= SHORTEST and not content[0].isdigit():
            yield f"{_text(name)}:{_text(content)}"


def _shape(content: Any) -> Any:
    return sorted(content) if isinstance(content, dict) else type(content).__name__


def _unnamed(content: Any, name: str = "") -> Any:
    """The same without values that may lead to a person."""
    match content:
        case dict():
            return {key: _unnamed(value, key) for key, value in content.items()}
        case list():
            return [_unnamed(value, name) for value in content]
        case str() if name in OF_PEOPLE:
            return ""
        case _:
            return content


if __name__ == "__main__":
    logs.configure("json", "ERROR")
    Path(sys.argv[1]).write_bytes(asyncio.run(collect()))
