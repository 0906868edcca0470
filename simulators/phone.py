"""The owner of the applicant's telephone: reads text messages and enters one-time codes."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping

from simulators.outside import Outside
from simulators.state import KeptSms
from simulators.watching import Watcher

CODE = re.compile(r"Код [^:]+: ([0-9]{4,10})\.")
"""How templates/sms/code.j2 words a one-time code."""

Enter = Callable[[str, str], Awaitable[None]]
"""Enters a code in the case with a control number; any exception means: again later."""


class PhoneOwner(Watcher[KeptSms]):
    """Enters codes while the context is entered; those left unread are taken up next time.

    Acts only for cases with a registered scenario. A code is entered at least once: when killed
    between entering and noting it down, the owner enters the same code again.
    """

    def __init__(self, outside: Outside, enter: Enter) -> None:
        super().__init__(outside.api.sms_arrived)
        self._outside = outside
        self._enter = enter

    def _open(self) -> Mapping[str, KeptSms]:
        return {sms.message_id: sms for sms in self._outside.state.unread_sms()}

    async def _attend_to(self, sms: KeptSms) -> None:
        state = self._outside.state
        code = CODE.search(sms.text)
        if code is not None:
            after_days = state.scenario(sms.control_number).phone.confirm_after_days
            if after_days is None:
                return
            await asyncio.sleep(sms.at + after_days * self._outside.day_seconds - time.time())
            while not await self._succeeds(self._enter(sms.control_number, code[1])):
                pass
        state.mark_read(sms.message_id)
