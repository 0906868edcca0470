"""Record how the examples run today, as histories that every later version must replay.

Run after a change of the workflow that is merged, under the oldest and the newest Python:
`python scripts/record_histories.py 0.2.0`.
Recorded files are never changed or removed; they are the proof that running cases survive. They
are written in clear, so that no ring has to be kept with them: everybody in them is made up.
"""

import asyncio
import gzip
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from starters.demo import examples
from starters.stack import EmbeddedStack, Ports
from workflows.contracts import workflow_id

HISTORIES = Path(__file__).resolve().parent.parent / "tests" / "replay" / "histories"
DAY_SECONDS = 0.5
PYTHON = f"py{sys.version_info.major}{sys.version_info.minor}"
"""A case begun under one Python goes on under another, so the order of steps must not differ."""


async def record(version: str) -> None:
    """Run all examples and write their histories."""
    with tempfile.TemporaryDirectory() as folder:
        stack = EmbeddedStack(
            Path(folder), Ports.free(ui=False), day_seconds=DAY_SECONDS, in_memory=True
        )
        async with stack as client:
            players = examples()
            await asyncio.gather(*(player.play(client, stack) for player in players))
            for player in players:
                handle = client.get_workflow_handle(workflow_id(player.number))
                history = await handle.fetch_history()
                for event in history.events:
                    await open_all(event, stack.keys.codec)
                file = HISTORIES / f"{version}-{PYTHON}-{player.file.stem}.json.gz"
                file.write_bytes(gzip.compress(history.to_json().encode(), mtime=0))
                print(f"{file.name}: {len(history.events)} events")


async def open_all(event: Message, codec: PayloadCodec) -> None:
    """Put what is sealed in an event into clear."""
    for payload in payloads_of(event):
        if payload.metadata.get("encoding", b"").startswith(b"binary/encrypted"):
            payload.CopyFrom((await codec.decode([payload]))[0])


def payloads_of(message: Message) -> Iterator[Payload]:
    """Every payload in a message, however deep."""
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            inner = list(value.values())
        else:
            inner = [value] if isinstance(value, Message) else list(value)
        for one in inner:
            if isinstance(one, Message):
                yield from payloads_of(one)


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1]))
