"""What a customer costs, and when it comes back."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clvhelpers.errors import FormulaError
from clvhelpers.formulas import (
    affordable_cac,
    break_even_retention,
    cash_flow_table,
    clv_to_cac,
    customer_acquisition_cost,
    marginal_cac,
    payback_of_cash_flows,
    payback_period,
    payback_sentence,
    retention_value,
    return_on_acquisition,
)

TIMING = st.sampled_from(["start", "end", "arrears"])


def by_counting(cac: float, margin: float, retention: float, discount: float, growth: float, timing: Any) -> float:
    """Payback counted payment by payment; infinity after 2,000 of them."""
    table = cash_flow_table(margin, retention, discount, timing=timing, periods=2000, growth=growth)
    earned = np.append(0.0, table["cumulative"])
    full = int(np.searchsorted(earned, cac)) - 1
    return full + (cac - earned[full]) / table["present_value"][full] if full < 2000 else math.inf


def test_average_and_marginal_cost_of_a_customer() -> None:
    assert customer_acquisition_cost(50_000, 1_000) == 50
    assert customer_acquisition_cost(80_000, 1_200) == pytest.approx(66.67, abs=0.01)
    assert marginal_cac(50_000, 1_000, 80_000, 1_200) == 150


def test_ratio_return_and_what_may_be_paid() -> None:
    assert clv_to_cac(300, 100) == 3
    assert return_on_acquisition(300, 100) == 2
    np.testing.assert_allclose(affordable_cac([500, 2000], 3), [166.667, 666.667], atol=0.001)  # syllabus, lesson 03


def test_payback_as_most_people_quote_it() -> None:
    assert payback_period(120, 50, timing="start") == pytest.approx(2.4)
    assert payback_period(120, 50, timing="start", whole=True) == 3
    assert payback_period(150, 50, timing="start", whole=True) == 3
    assert payback_period(0, 50, timing="start") == 0


@given(st.floats(1, 500), st.floats(1, 100), st.floats(0.3, 1), st.floats(0, 0.3), st.floats(-0.1, 0.1), TIMING)
def test_payback_is_what_counting_finds(
    cac: float, margin: float, retention: float, discount: float, growth: float, timing: Any
) -> None:
    lower, expected, upper = (
        by_counting(cac * share, margin, retention, discount, growth, timing) for share in (1 - 1e-6, 1, 1 + 1e-6)
    )
    assume(math.isinf(lower) == math.isinf(upper))  # or rounding decides whether the sum ever gets there
    found = payback_period(cac, margin, timing=timing, retention=retention, discount=discount, growth=growth)
    if math.isinf(expected):
        assert found > 2000  # the sum is reached after the end of the count, or never
    else:
        assert found == pytest.approx(expected, rel=1e-4)


def test_leaving_and_discounting_make_payback_longer_or_endless() -> None:
    plain = payback_period(200, 50, timing="arrears")
    leaving = payback_period(200, 50, timing="arrears", retention=0.9)
    both = payback_period(200, 50, timing="arrears", retention=0.9, discount=0.05)
    assert plain < leaving < both < math.inf
    assert payback_period(200, 50, timing="arrears", retention=0.7) == math.inf
    assert payback_period(200, 50, timing="arrears", retention=0.0) == math.inf
    assert payback_period(50, 50, timing="start", retention=0.0) == 1
    assert payback_period(200, 0, timing="arrears") == math.inf


def test_payback_of_many_customers_at_once() -> None:
    found = payback_period([120, 120, 120], [50, 10, -5], timing="start", retention=0.8)
    assert found[0] == pytest.approx(by_counting(120, 50, 0.8, 0, 0, "start"))
    assert list(found[1:]) == [math.inf, math.inf]


def test_payback_of_cash_flows_by_customer() -> None:
    flows = [[-100, 60, 60, 60], [-100, 20, 20, 20], [0, 0, 0, 0], [-100, 50, 50, 50]]
    assert list(payback_of_cash_flows(flows)) == [2, math.inf, 0, 2]
    assert list(payback_of_cash_flows(flows, discount=0.1)) == [2, math.inf, 0, 3]
    assert payback_of_cash_flows([-100, 100]) == 1


def test_payback_in_words() -> None:
    assert payback_sentence(2.4, "months") == "The acquisition cost is earned back in 2.4 months."
    assert payback_sentence(math.inf, "months") == "The acquisition cost never comes back."


@given(st.floats(10, 1000), st.floats(1, 300), st.floats(0.01, 0.3), st.floats(0, 20), TIMING)
def test_at_the_break_even_retention_the_customer_is_worth_nothing_more(
    cost: float, margin: float, discount: float, keep: float, timing: Any
) -> None:
    rate = break_even_retention(cost, margin, discount, timing=timing, retention_cost=keep)

    def left(retention: float) -> float:
        return retention_value(margin, retention, discount, timing=timing, retention_cost=keep, acquisition_cost=cost)

    if math.isinf(rate):
        assert left(0.999999) < 0.01
    elif rate > 0:
        assert left(rate) == pytest.approx(0, abs=1e-6 * (cost + margin + keep) / discount)
    else:
        assert left(0) >= -1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: customer_acquisition_cost(100, 0), "new_customers is 0: nobody was won"),
        (lambda: customer_acquisition_cost(-1, 5), "spend is -1: it can't be below 0"),
        (lambda: clv_to_cac(100, 0), "cac is 0: customers who cost nothing have no ratio"),
        (lambda: marginal_cac(100, 10, 90, 12), "spend_after is 90: it must be above spend_before"),
        (lambda: marginal_cac(100, 10, 150, 10), "customers_after is 10: the extra money won nobody"),
        (lambda: affordable_cac(-1), "clv is -1: a customer that loses money is worth no acquisition cost"),
        (lambda: payback_period(-1, 5, timing="start"), "cac is -1: it can't be below 0"),
        (lambda: payback_period(10, 5, timing="soon"), "timing is 'soon'"),
        (lambda: payback_of_cash_flows(5), "cash_flows must be a row of money"),
        (lambda: break_even_retention(0, 5, 0.1, timing="end"), "acquisition_cost is 0: a customer who costs nothing"),
    ],
)
def test_what_has_no_meaning_is_refused(call: Any, message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        call()
