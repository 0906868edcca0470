"""People outside who wait for something to arrive and deal with each thing in its time."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Generic, Self, TypeVar

RETRY_SECONDS = 1.0

Thing = TypeVar("Thing")


class Watcher(ABC, Generic[Thing]):
    """Deals with things while the context is entered; those left open are taken up next time."""

    def __init__(self, arrived: asyncio.Event) -> None:
        self._arrived = arrived
        self._at_work: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._at_work = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._at_work is not None:
            self._at_work.cancel()
            with suppress(asyncio.CancelledError):
                await self._at_work

    @abstractmethod
    def _open(self) -> Mapping[str, Thing]:
        """What is still to be dealt with, by its key, oldest first."""

    @abstractmethod
    async def _attend_to(self, thing: Thing) -> None:
        """Deal with one thing, however long that takes."""

    async def _succeeds(self, act: Awaitable[None]) -> bool:
        """Await it; when it fails, pause and return False, so that it is tried again."""
        try:
            await act
        except Exception:  # noqa: BLE001 - whatever it is, it is not done yet
            await asyncio.sleep(RETRY_SECONDS)
            return False
        return True

    async def _work(self) -> None:
        taken_up: set[str] = set()
        async with asyncio.TaskGroup() as things:
            while True:
                self._arrived.clear()
                for key, thing in self._open().items():
                    if key not in taken_up:
                        taken_up.add(key)
                        things.create_task(self._attend_to(thing))
                await self._arrived.wait()
