"""Waiting for the applicant, and looking at what was corrected (R5)."""

from activities.case import AssessedCorrection, CaseActivities, CorrectionToAssess
from domain.application import DocumentKind
from domain.deficiencies import Deficiency, ReasonKind, verdict
from domain.examination import BALANCE_DUE
from domain.fees import total_due
from domain.messages import Correction
from domain.notices import NoticeEvent
from domain.statuses import CaseStatus
from workflows.case import Case
from workflows.cashier import Cashier
from workflows.companion import CertificateDesk
from workflows.contact import ContactDesk
from workflows.intake import Intake, hashes
from workflows.ladder import Ladder
from workflows.review import Review
from workflows.steps import short_step


class Corrections:
    """Takes an application that was turned down back onto its way."""

    def __init__(
        self,
        case: Case,
        ladder: Ladder,
        cashier: Cashier,
        contact: ContactDesk,
        certificate: CertificateDesk,
        review: Review,
        intake: Intake,
    ) -> None:
        self._case = case
        self._ladder = ladder
        self._cashier = cashier
        self._contact = contact
        self._certificate = certificate
        self._review = review
        self._intake = intake

    def accept(self) -> None:
        """Register the application (принято); corrections nobody needs are left to a person."""
        state = self._case.state
        state.accepted = True
        while state.corrections:
            state.corrections.pop()
            self._case.park("correction_submitted", "nothing was wrong: look whether it matters")
        self._case.enter(CaseStatus.ACCEPTED, NoticeEvent.ACCEPTED)
        self._certificate.want_first()

    async def wait(self) -> None:
        """Returned or refused: the applicant has a term to correct, then the case closes (R5)."""
        state = self._case.state
        await self._cashier.wait_or_payment(
            lambda: bool(state.corrections) or self._is_mended() or self._ladder.response_expired()
        )
        if state.corrections or self._is_mended():
            await self._assess()
        elif self._ladder.response_expired():
            await self._close()

    async def _close(self) -> None:
        """The term is over; only a payment in time that nobody told of can still save it."""
        if self._case.state.kept_in_register:
            await self._cashier.look_for_late_payments()
            if self._case.state.corrections or self._is_mended():
                await self._assess()
                return
        await self._cashier.refund()
        self._case.enter(CaseStatus.CLOSED, NoticeEvent.CLOSED)

    async def wait_for_passport(self) -> None:
        """Suspended until staff say that the passport is mended; corrections are kept (R5)."""
        state = self._case.state
        await self._ladder.wait(lambda: state.lifted or bool(state.corrections))
        if state.corrections:
            await self._assess()
        elif state.lifted:
            await self._resume()

    async def _resume(self) -> None:
        """The passport is mended: look at what else was changed meanwhile, then go on."""
        state = self._case.state
        found: tuple[Deficiency, ...] = ()
        if state.changed_while_suspended:
            state.reasons = tuple(
                reason for reason in state.reasons if reason.kind is not ReasonKind.PASSPORT
            )
            found = await self._assessed(Correction())
        state.lifted, state.changed_while_suspended, state.reasons = False, False, ()
        state.check_round += 1
        self._case.end_pause()
        following, state.suspended_from = state.suspended_from, None
        if found:
            state.reasons = found
            await self._cashier.invoice()
            self._case.turn_down(found)
        elif following is CaseStatus.IN_REVIEW:
            self._case.enter(following, NoticeEvent.RESUMED)
        else:
            self.accept()

    def _is_mended(self) -> bool:
        """True when something other than a correction has mended a reason."""
        return self._cashier.payment_mends() or self._contact.mends()

    async def _assess(self) -> None:
        """Look at the oldest correction, or at what mends without one; always answer (R5)."""
        state = self._case.state
        pending = state.corrections[0] if state.corrections else None
        correction = pending.correction if pending else Correction()
        if _changes_more_than_payment(correction):
            state.agreed = None  # what the holder agreed to is another application now
            suspended = state.status is CaseStatus.SUSPENDED
            state.changed_while_suspended = suspended and state.kept_in_register
        found = await self._assessed(correction)
        if pending:
            state.corrections.pop(0)
            if pending.awaited:
                state.answered[pending.ticket] = found
        self._case.note("correction", f"{len(found)} reasons still open")
        if state.status is CaseStatus.SUSPENDED:
            self._case.tell(NoticeEvent.CORRECTION_INSUFFICIENT)
        elif found:
            await self._still_wrong(found)
        elif state.corrections:
            state.reasons = ()
        else:
            self._go_on()

    async def _assessed(self, correction: Correction) -> tuple[Deficiency, ...]:
        """Apply a correction; the application, the fee and the holder are those after it.

        Returns:
            What is still wrong, with the data and with the scans.
        """
        state, setup = self._case.state, self._case.state.the_setup()
        base = state.application.model_dump(mode="json") if state.application else state.draft
        assessed = await short_step(
            CaseActivities.assess_correction,
            CorrectionToAssess(
                base=base,
                correction=correction,
                open_reasons=self._open_reasons(),
                today=self._case.now().date(),
                fee_paid=self._cashier.check_is_paid(),
                paid=state.paid,
                in_instalments=state.in_instalments,
                share_first=setup.archive_share_first,
                tariff=setup.tariff,
                archive_takes_pdf_only=state.kept_in_register,
                awaits_code=state.kept_in_register and not state.contact_confirmed,
                confirmed_phone=state.code_phone if state.contact_confirmed else None,
            ),
            "apply the correction and see what is still wrong",
        )
        outcome, before = assessed.assessment, state.application
        state.application, state.draft = outcome.application or state.application, outcome.draft
        self._contact.look_again()
        self._take_over(assessed)
        if before is not None and state.application is not None:
            self._intake.recognise(before.documents)
            replaced = hashes(before.documents) - hashes(state.application.documents)
            state.superseded += tuple(sorted(replaced))
        return outcome.deficiencies + await self._intake.faults()

    def _open_reasons(self) -> tuple[Deficiency, ...]:
        """What is open but for a balance that was paid: no field of the application mends it."""
        paid = not self._cashier.outstanding()
        return tuple(
            reason
            for reason in self._case.state.reasons
            if not (paid and reason.code == BALANCE_DUE)
        )

    def _take_over(self, assessed: AssessedCorrection) -> None:
        """What else a correction changes: the fee, the region and its zone, the holder."""
        state, before = self._case.state, self._case.state.the_setup()
        changes: dict[str, object] = {"fees": assessed.fees}
        if assessed.region:
            changes |= {"region": assessed.region, "zone": assessed.zone}
        state.setup = before.model_copy(update=changes)
        if total_due(assessed.fees) != total_due(before.fees) and self._needs_a_person():
            self._case.park("fee", "a correction changed it: settle the difference by hand")
        if assessed.stop is not None:
            state.closure_protocol, state.liquidated = None, False
            state.agreed = None
            self._case.go_to(assessed.stop)

    def _needs_a_person(self) -> bool:
        """True when a changed fee cannot be settled by a further invoice."""
        state = self._case.state
        if not state.kept_in_register:
            return state.accepted
        return not self._cashier.outstanding() if state.paid else state.accepted

    async def _still_wrong(self, deficiencies: tuple[Deficiency, ...]) -> None:
        """A correction that does not mend everything gets a fresh answer, never silence (R5)."""
        self._case.state.reasons = deficiencies
        if self._case.state.kept_in_register:
            await self._cashier.invoice()
        following = verdict(deficiencies)
        if following is not None and following is not self._case.state.status:
            self._case.enter(following, None)
        self._case.tell(NoticeEvent.CORRECTION_INSUFFICIENT)

    def _go_on(self) -> None:
        """Everything asked for is mended: the clocks run again, and the case goes on (R4)."""
        state = self._case.state
        state.reasons, state.response = (), None
        self._case.end_pause()
        if state.agreed is not None and state.status is CaseStatus.RETURNED:
            self._review.begin_production(state.agreed)
            return
        state.check_round += 1
        if state.accepted:
            self._review.begin()
        else:
            self.accept()


def _changes_more_than_payment(correction: Correction) -> bool:
    """True unless the correction brings nothing but a receipt."""
    kinds = {document.kind for document in correction.documents}
    return bool(correction.changes) or bool(kinds - {DocumentKind.PAYMENT_PROOF})
