"""The papers that go with a notice: made out once, and the same whenever it is sent again."""

import asyncio

from activities.ports import Attachment, IssuedPaper, PaperOffice, Register
from domain.application import Application
from domain.notices import Notice
from domain.paper_orders import PaperOrder
from domain.register import PaperFile


class PaperDesk:
    """Gives every notice its paper; the register remembers which file it was."""

    def __init__(self, register: Register, office: PaperOffice) -> None:
        self._register = register
        self._office = office

    async def attachment(
        self, notice: Notice, order: PaperOrder, application: Application
    ) -> Attachment:
        """The paper that goes with a notice.

        Two workers may make it out at once; the file that is registered first is the paper.

        Raises:
            TemporaryFailure: The store or the register is away; try again.
            PermanentFailure: A person has to look.
        """
        file_key = f"{notice.control_number}/{notice.key}"
        known = await self._register.paper_file(file_key)
        if known is None:
            made = await self._issue(order, application, notice.control_number)
            known = await self._register.keep_paper_file(
                PaperFile(
                    file_key=file_key,
                    control_number=notice.control_number,
                    template=order.template,
                    dated=order.dated,
                    sha256=made.sha256,
                )
            )
            if known.sha256 == made.sha256:
                return Attachment(name=made.file_name, content=made.content)
        kept = await self._issue(order, application, notice.control_number, known.sha256)
        return Attachment(name=kept.file_name, content=kept.content)

    async def _issue(
        self,
        order: PaperOrder,
        application: Application,
        control_number: str,
        known_sha256: str | None = None,
    ) -> IssuedPaper:
        return await asyncio.to_thread(
            self._office.issue, order, application, control_number, known_sha256
        )
