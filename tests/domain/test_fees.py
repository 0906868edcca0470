from hypothesis import given
from hypothesis import strategies as st

from adapters.profiles import load_profile
from domain.fees import FeeCode, Tariff, itemise, total, total_due

TARIFF = load_profile().tariff
FREE = Tariff(state_duty=0, expedited=0, intermediary_min=0, intermediary_max=0)


def test_an_expedited_case_in_moscow_with_an_intermediary_costs_2600() -> None:
    fees = itemise(TARIFF, "77", expedited=True, intermediary=800)
    assert [(fee.code, fee.amount) for fee in fees] == [
        (FeeCode.STATE_DUTY, 1500),
        (FeeCode.EXPEDITED, 300),
        (FeeCode.INTERMEDIARY, 800),
    ]
    assert total(fees) == 2600


def test_the_intermediary_is_shown_but_not_collected() -> None:
    fees = itemise(TARIFF, "77", expedited=True, intermediary=800)
    assert total_due(fees) == 1800
    assert [fee.code for fee in fees if not fee.collected_by_us] == [FeeCode.INTERMEDIARY]


def test_state_duty_depends_on_the_region() -> None:
    duties = {
        region: total(itemise(TARIFF, region, expedited=False)) for region in ("54", "78", "77")
    }
    assert duties == {"54": 500, "78": 1000, "77": 1500}


def test_a_zero_tariff_gives_an_empty_invoice() -> None:
    assert itemise(FREE, "77", expedited=True) == ()
    assert total(()) == total_due(()) == 0


def test_every_line_has_a_russian_name() -> None:
    for fee in itemise(TARIFF, "77", expedited=True, intermediary=200):
        assert fee.label
        assert not fee.label.isascii()


@given(st.integers(0, 5000), st.integers(0, 5000), st.none() | st.integers(1, 5000), st.booleans())
def test_the_total_is_the_sum_of_the_lines(
    duty: int, speed: int, intermediary: int | None, expedited: bool
) -> None:
    tariff = Tariff(state_duty=duty, expedited=speed, intermediary_min=0, intermediary_max=5000)
    fees = itemise(tariff, "54", expedited=expedited, intermediary=intermediary)
    assert total(fees) == duty + expedited * speed + (intermediary or 0)
    assert all(fee.amount for fee in fees)
