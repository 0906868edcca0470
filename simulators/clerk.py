"""The clerk of a holder reached only by letter: reads, waits, answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

from domain.errands import ErrandAnswer
from simulators.outside import Outside
from simulators.state import PlacedErrand

RETRY_SECONDS = 1.0

Deliver = Callable[[str, ErrandAnswer], Awaitable[None]]
"""Brings an answer to the case with a control number; any exception means: again later."""


class LetterClerk:
    """Answers letters while the context is entered; those left open are taken up next time.

    An answer is delivered at least once. When killed between delivering and noting it down,
    the clerk delivers the same answer again.
    """

    def __init__(self, outside: Outside, deliver: Deliver) -> None:
        self._outside = outside
        self._deliver = deliver
        self._at_work: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._at_work = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._at_work is not None:
            self._at_work.cancel()
            with suppress(asyncio.CancelledError):
                await self._at_work

    async def _work(self) -> None:
        taken_up: set[str] = set()
        arrived = self._outside.mail.letter_arrived
        async with asyncio.TaskGroup() as letters:
            while True:
                arrived.clear()
                for letter in self._outside.state.open_letters():
                    if letter.key not in taken_up:
                        taken_up.add(letter.key)
                        letters.create_task(self._attend_to(letter))
                await arrived.wait()

    async def _attend_to(self, letter: PlacedErrand) -> None:
        desk, state = self._outside.desk, self._outside.state
        await asyncio.sleep(desk.due_at(letter) - time.time())
        answer = desk.answer(letter)
        while not self._is_recalled(letter):
            try:
                await self._deliver(letter.control_number, answer)
            except Exception:  # noqa: BLE001 - whatever it is, the letter is not answered yet
                await asyncio.sleep(RETRY_SECONDS)
            else:
                state.mark_delivered(letter.key)
                return

    def _is_recalled(self, letter: PlacedErrand) -> bool:
        kept = self._outside.state.errand(letter.key)
        return kept is None or kept.recalled
