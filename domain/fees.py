"""Fees (тариф): itemised, the total computed and never written down (R7)."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.base import Frozen

Roubles = Annotated[int, Field(ge=0)]


class FeeCode(StrEnum):
    """What a fee is for."""

    STATE_DUTY = "STATE_DUTY"
    EXPEDITED = "EXPEDITED"
    INTERMEDIARY = "INTERMEDIARY"


class Tariff(Frozen):
    """Fees of a profile in whole roubles; the figures live in the profile file (R7)."""

    state_duty: Roubles
    state_duty_by_region: dict[str, Roubles] = Field(default_factory=dict)
    expedited: Roubles
    archive_share_first: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Part of the state duty paid for the archive's copy, before the duplicate (R7)."""
    intermediary_min: Roubles
    intermediary_max: Roubles


class Fee(Frozen):
    """One line of an invoice, in whole roubles."""

    code: FeeCode
    label: str
    amount: int
    collected_by_us: bool = True
    """False for an intermediary's own charge, which is shown only."""


FEE_LABELS = {
    FeeCode.STATE_DUTY: "Государственная пошлина",
    FeeCode.EXPEDITED: "Ускоренное изготовление",
    FeeCode.INTERMEDIARY: "Услуги посредника",
}


def itemise(
    tariff: Tariff, region: str, *, expedited: bool, intermediary: int | None = None
) -> tuple[Fee, ...]:
    """Lines of the invoice for a region; a line of nothing is left out (R7)."""
    amounts = {
        FeeCode.STATE_DUTY: tariff.state_duty_by_region.get(region, tariff.state_duty),
        FeeCode.EXPEDITED: tariff.expedited if expedited else 0,
        FeeCode.INTERMEDIARY: intermediary or 0,
    }
    return tuple(
        Fee(
            code=code,
            label=FEE_LABELS[code],
            amount=amount,
            collected_by_us=code is not FeeCode.INTERMEDIARY,
        )
        for code, amount in amounts.items()
        if amount
    )


def instalments(
    fees: tuple[Fee, ...], *, from_archive: bool, share_first: float
) -> tuple[tuple[Fee, ...], ...]:
    """The fees we collect, by invoice (R7).

    An archive makes its copy for the first part of the state duty; the rest of it, and all
    else, is paid for the duplicate. The parts add up to the whole rouble.
    """
    ours = tuple(fee for fee in fees if fee.collected_by_us)
    if not from_archive or not ours:
        return (ours,)
    duty = next((fee for fee in ours if fee.code is FeeCode.STATE_DUTY), None)
    if duty is None or round(duty.amount * share_first) in {0, duty.amount}:
        return (ours,)
    first = duty.model_copy(update={"amount": round(duty.amount * share_first)})
    rest = duty.model_copy(update={"amount": duty.amount - first.amount})
    return (first,), (rest, *(fee for fee in ours if fee is not duty))


def total(fees: tuple[Fee, ...]) -> int:
    """What everything costs the applicant, in roubles."""
    return sum(fee.amount for fee in fees)


def total_due(fees: tuple[Fee, ...]) -> int:
    """What the applicant owes to the service itself, in roubles."""
    return sum(fee.amount for fee in fees if fee.collected_by_us)
