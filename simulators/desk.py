"""The desk of a holder or cashier: when an errand is answered and with what, made up from hashes."""

import hashlib
import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from domain.application import DeliveryMethod
from domain.clock import MOSCOW, SECONDS_PER_DAY, ProcedureClock
from domain.errands import ErrandAnswer, ErrandKind
from domain.messages import (
    HandOver,
    HolderReply,
    HolderVerdict,
    ParcelEvent,
    ParcelReport,
    PaymentReceived,
    ProductionRecord,
)
from simulators.scenario import HolderFault, Step
from simulators.state import KeptInvoice, PlacedErrand, State

_KEY = re.compile(
    r"(?P<control_number>[0-9A-Z-]{1,20})"
    r"\.(?P<kind>verification|production|hand_over|delivery)"
    r"\.(?P<round>[1-9][0-9]{0,5})(?:-[1-9][0-9]{0,2})?"
)


class Desk:
    """Answers when an answer is due; the same errand always gets the same one."""

    def __init__(self, state: State, day_seconds: float = SECONDS_PER_DAY) -> None:
        if day_seconds <= 0:
            raise ValueError("a day has to last some seconds")
        self._state = state
        self._day_seconds = day_seconds

    def due_at(self, errand: PlacedErrand) -> float:
        """When the errand will be answered, in seconds since the epoch."""
        return errand.arrived + self._step(errand).after_days * self._day_seconds

    def answer(self, errand: PlacedErrand) -> ErrandAnswer:
        """The answer, dated with the procedure's day on which it was due."""
        if errand.answer is not None:
            return errand.answer
        answer = self._made_up(errand)
        self._state.keep_answer(errand.key, answer)
        return answer

    def next_fault(self, errand: PlacedErrand) -> HolderFault | None:
        """The fault whose turn it is; it counts as played from now on."""
        faults = self._step(errand).faults
        if errand.faults_played >= len(faults):
            return None
        self._state.count_fault(errand.key)
        return faults[errand.faults_played]

    def payment(self, kept: KeptInvoice, now: float) -> PaymentReceived | None:
        """The payment of an invoice, made when the scenario says so."""
        after_days = self._state.scenario(kept.control_number).payment.after_days
        if kept.payment is not None or after_days is None:
            return kept.payment
        if now < kept.created + after_days * self._day_seconds:
            return None
        invoice = kept.invoice
        payment = PaymentReceived(
            payment_id=f"pay-{_digits(invoice.invoice_id, 'payment', 12)}",
            invoice_id=invoice.invoice_id,
            amount=invoice.amount,
        )
        self._state.pay(payment)
        return payment

    def _step(self, errand: PlacedErrand) -> Step:
        scenario = self._state.scenario(errand.control_number)
        match errand.kind:
            case ErrandKind.VERIFICATION:
                return scenario.verification_in(errand.asked)
            case ErrandKind.PRODUCTION:
                return scenario.production
            case ErrandKind.HAND_OVER:
                return scenario.hand_over
            case ErrandKind.DELIVERY:
                return scenario.hand_over.delivery()

    def _day(self, errand: PlacedErrand) -> date:
        origin = datetime.fromtimestamp(self._state.origin(errand.control_number), UTC)
        clock = ProcedureClock(origin=origin, day_seconds=self._day_seconds)
        due = clock.procedure_time(datetime.fromtimestamp(self.due_at(errand), UTC))
        return due.astimezone(ZoneInfo(MOSCOW)).date()

    def _made_up(self, errand: PlacedErrand) -> ErrandAnswer:
        scenario, number = self._state.scenario(errand.control_number), errand.control_number
        match errand.kind:
            case ErrandKind.VERIFICATION:
                step = scenario.verification_in(errand.asked)
                plain = HolderVerdict.OBJECTIONS if step.objections else HolderVerdict.CONFIRMED
                return ErrandAnswer(
                    reply=HolderReply(
                        reply_id=errand.key,
                        verdict=step.verdict or plain,
                        objections=step.objections,
                        new_holder_inn=step.new_holder_inn,
                        closure_protocol=step.closure_protocol,
                        copy_reference=step.copy_reference,
                    )
                )
            case ErrandKind.PRODUCTION:
                return ErrandAnswer(
                    production=ProductionRecord(
                        series=f"1177{_digits(number, 'series', 2)}",
                        number=_digits(number, "number", 7),
                        registration_number=_digits(number, "registration", 9),
                        issued_on=self._day(errand),
                    )
                )
            case ErrandKind.HAND_OVER:
                method = self._method(errand)
                if scenario.hand_over.tracked and method is DeliveryMethod.POST:
                    return self._parcel(errand, ParcelEvent.SENT)
                return self._hand_over(errand, method)
            case ErrandKind.DELIVERY:
                if scenario.hand_over.returned and not self._state.parcel_came_back(number):
                    return self._parcel(errand, ParcelEvent.RETURNED)
                return self._hand_over(errand, DeliveryMethod.POST)

    def _method(self, errand: PlacedErrand) -> DeliveryMethod:
        """As the scenario wants it at first; after a return, as the applicant wants it now."""
        if self._state.parcel_came_back(errand.control_number):
            return errand.delivery
        return self._state.scenario(errand.control_number).hand_over.method or errand.delivery

    def _hand_over(self, errand: PlacedErrand, method: DeliveryMethod) -> ErrandAnswer:
        return ErrandAnswer(
            hand_over=HandOver(
                method=method,
                handed_over_on=self._day(errand),
                reference=_reference(method, errand.control_number),
            )
        )

    def _parcel(self, errand: PlacedErrand, event: ParcelEvent) -> ErrandAnswer:
        return ErrandAnswer(
            parcel=ParcelReport(
                tracking=_reference(DeliveryMethod.POST, errand.control_number),
                event=event,
                reported_on=self._day(errand),
            )
        )


def errand_of(key: str, arrived: float) -> PlacedErrand | None:
    """The errand a letter names by its key; None when the key is no key."""
    parts = _KEY.fullmatch(key)
    if parts is None:
        return None
    return PlacedErrand.model_validate(
        {"key": key, "arrived": arrived, "by_letter": True, **parts.groupdict()}
    )


def _reference(method: DeliveryMethod, control_number: str) -> str:
    match method:
        case DeliveryMethod.POST:
            return _digits(control_number, "parcel", 14)
        case DeliveryMethod.PICKUP:
            return f"АПП-{_digits(control_number, 'act', 6)}"
        case DeliveryMethod.ELECTRONIC:
            return f"duplicate-{control_number}.pdf"


def _digits(seed: str, purpose: str, count: int) -> str:
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return str(int.from_bytes(digest) % 10**count).zfill(count)
