"""The clerk of a holder reached only by letter: reads, waits, answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from domain.errands import ErrandAnswer
from simulators.outside import Outside
from simulators.state import PlacedErrand
from simulators.watching import Watcher

Deliver = Callable[[str, ErrandAnswer], Awaitable[None]]
"""Brings an answer to the case with a control number; any exception means: again later."""


class LetterClerk(Watcher[PlacedErrand]):
    """Answers letters while the context is entered; those left open are taken up next time.

    An answer is delivered at least once. When killed between delivering and noting it down,
    the clerk delivers the same answer again.
    """

    def __init__(self, outside: Outside, deliver: Deliver) -> None:
        super().__init__(outside.mail.letter_arrived)
        self._outside = outside
        self._deliver = deliver

    def _open(self) -> Mapping[str, PlacedErrand]:
        return {letter.key: letter for letter in self._outside.state.open_letters()}

    async def _attend_to(self, letter: PlacedErrand) -> None:
        desk, state = self._outside.desk, self._outside.state
        await asyncio.sleep(desk.due_at(letter) - time.time())
        answer = desk.answer(letter)
        while not self._is_recalled(letter):
            if await self._succeeds(self._deliver(letter.control_number, answer)):
                state.mark_delivered(letter.key)
                return

    def _is_recalled(self, letter: PlacedErrand) -> bool:
        kept = self._outside.state.errand(letter.key)
        return kept is None or kept.recalled
