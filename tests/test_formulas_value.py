"""What a customer is worth by each closed form, against the sum that it stands for."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvhelpers.errors import FormulaError
from clvhelpers.formulas import (
    average_revenue_value,
    cash_flow_table,
    margin_multiple,
    net_present_value,
    retention_slope,
    retention_value,
    simple_value,
    subscription_value,
    transaction_value,
)

TIMING = st.sampled_from(["start", "end", "arrears"])
RETENTION = st.floats(0, 0.97)
DISCOUNT = st.floats(0.001, 0.5)
MONEY = st.floats(0, 1e4)


def in_full(margin: float, retention: float, discount: float, timing: str, growth: float, periods: int) -> float:
    """The present value written out as people would on paper, payment by payment."""
    total = 0.0
    for payment in range(periods):
        time = payment if timing == "start" else payment + 1
        still_there = retention ** (payment + 1 if timing == "end" else payment)
        total += margin * (1 + growth) ** payment * still_there * (1 + discount) ** -time
    return total


def test_simple_subscription_and_transaction_value() -> None:
    assert simple_value(500, 5, margin=1) == 2500  # syllabus, lesson 02
    assert subscription_value(20, 0.05, margin=0.6) == pytest.approx(20 * 0.6 * 20)
    assert transaction_value(40, 6, 3, margin=0.5) == 360
    customer_for_customer = subscription_value([20, 10], [0.05, 0.2], margin=[0.6, 1])
    np.testing.assert_allclose(customer_for_customer, [240, 50])


def test_subscription_value_is_the_undiscounted_multiple_paid_from_now() -> None:
    assert subscription_value(100, 0.2, margin=1) == pytest.approx(100 * margin_multiple(0.8, 0, timing="start"))


@given(st.floats(0, 0.95), MONEY)
def test_the_double_counting_formula_is_short_by_one_margin(retention: float, revenue: float) -> None:
    right = subscription_value(revenue, 1 - retention, margin=1)
    wrong = average_revenue_value(revenue, retention, 1 / (1 - retention), margin=1)
    assert right - wrong == pytest.approx(revenue, abs=1e-6)


@given(RETENTION, DISCOUNT, TIMING)
def test_the_multiple_is_the_sum_it_stands_for(retention: float, discount: float, timing: Any) -> None:
    multiple = margin_multiple(retention, discount, timing=timing)
    assert multiple == pytest.approx(in_full(1, retention, discount, timing, 0, 3000), abs=1e-9)


@given(RETENTION, st.floats(0, 0.5), st.floats(-0.5, 0.5), TIMING, st.integers(0, 60))
def test_a_horizon_is_the_sum_of_so_many_payments(
    retention: float, discount: float, growth: float, timing: Any, periods: int
) -> None:
    multiple = margin_multiple(retention, discount, timing=timing, growth=growth, periods=periods)
    assert multiple == pytest.approx(in_full(1, retention, discount, timing, growth, periods), rel=1e-9)


@pytest.mark.parametrize("gap", [0, 1e-15, 1e-12, 1e-9, -1e-12])
def test_a_horizon_is_exact_where_margins_neither_grow_nor_shrink(gap: float) -> None:
    assert margin_multiple(1 - abs(gap), -gap * (gap < 0), timing="start", periods=12) == pytest.approx(12, rel=1e-7)


@given(RETENTION, RETENTION, DISCOUNT, TIMING)
def test_value_rises_with_retention(low: float, high: float, discount: float, timing: Any) -> None:
    low, high = sorted([low, high])
    assert margin_multiple(low, discount, timing=timing) <= margin_multiple(high, discount, timing=timing)


@given(RETENTION, DISCOUNT, DISCOUNT, TIMING)
def test_value_falls_with_the_discount_rate(retention: float, low: float, high: float, timing: Any) -> None:
    low, high = sorted([low, high])
    assert margin_multiple(retention, low, timing=timing) >= margin_multiple(retention, high, timing=timing)


@given(RETENTION, DISCOUNT)
def test_paid_now_is_one_margin_more_than_paid_later(retention: float, discount: float) -> None:
    start = margin_multiple(retention, discount, timing="start")
    assert start == pytest.approx(1 + margin_multiple(retention, discount, timing="end"))
    assert start == pytest.approx((1 + discount) * margin_multiple(retention, discount, timing="arrears"))


@given(st.floats(0, 0.95), DISCOUNT, TIMING, st.floats(-0.2, 0.05), MONEY, st.floats(0, 50), st.floats(0, 50), MONEY)
def test_the_value_with_costs_is_what_the_table_adds_up_to(
    retention: float, discount: float, timing: Any, growth: float, margin: float, serve: float, keep: float, win: float
) -> None:
    costs = {"service_cost": serve, "retention_cost": keep, "acquisition_cost": win}
    table = cash_flow_table(margin, retention, discount, timing=timing, periods=40, growth=growth, **costs)
    value = retention_value(margin, retention, discount, timing=timing, periods=40, growth=growth, **costs)
    assert table["cumulative"].iloc[-1] == pytest.approx(value, rel=1e-9, abs=1e-6)


def test_simulated_customers_earn_what_the_formula_says() -> None:
    rng = np.random.default_rng(3)
    payments = rng.geometric(1 - 0.8, 400_000)  # the first one is sure, then each with probability 0.8
    q = 1 / 1.1
    worth = 100 * (1 - q**payments) / (1 - q)
    assert worth.mean() == pytest.approx(retention_value(100, 0.8, 0.1, timing="start"), rel=0.005)


def test_a_retention_cost_is_spent_before_knowing_who_stays() -> None:
    value = retention_value(100, 0.5, 0.0, timing="end", retention_cost=10, periods=2)
    assert value == pytest.approx((0.5 + 0.25) * 100 - (1 + 0.5) * 10)


def test_the_slope_is_the_derivative() -> None:
    step = 1e-6
    up, down = (retention_value(100, r, 0.1, timing="end") for r in (0.8 + step, 0.8 - step))
    assert retention_slope(100, 0.8, 0.1) == pytest.approx((up - down) / (2 * step), rel=1e-6)


def test_net_present_value_of_a_table() -> None:
    assert net_present_value([-100, 60, 60], 0.1) == pytest.approx(-100 + 60 / 1.1 + 60 / 1.21)
    assert net_present_value([60, 60], 0.1, first=1) == pytest.approx(60 / 1.1 + 60 / 1.21)
    np.testing.assert_allclose(net_present_value([[100, 0], [0, 110]], 0.1), [100, 100])
    table = cash_flow_table(100, 0.8, 0.1, timing="end", periods=400)
    assert net_present_value(table["margin"], 0.1, first=1) == pytest.approx(800 / 3)


def test_a_table_of_customers_keeps_its_index() -> None:
    plans = pd.DataFrame({"margin": [10.0, 20.0], "retention": [0.9, 0.8]}, index=["basic", "plus"])
    value = retention_value(plans["margin"], plans["retention"], 0.1, timing="start")
    pd.testing.assert_series_equal(value, pd.Series({"basic": 55.0, "plus": 73.3333333}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"retention": 1.2}, "retention is 1.2: more customers would stay than there were; give a fraction"),
        ({"retention": -0.1}, "retention is -0.1: fewer than none can't stay"),
        ({"retention": 1.0, "discount": 0.0}, "it is not below 1 \\+ discount, so the value is infinite"),
        ({"discount": -0.2}, "retention is 0.8: it is not below 1 \\+ discount"),
        ({"discount": -1.0}, "discount is -1: money would lose all its value"),
        ({"discount": 10}, "discount is 10: money would lose over half its value in one period; give 0.1 for 10%"),
        ({"growth": 0.4}, "retention x \\(1 \\+ growth\\) is not below 1 \\+ discount, .* growth can't last for ever"),
        ({"growth": -2}, "growth is -2: a margin can't shrink by more than all of it"),
        ({"retention": [0.8, 1.1, 2]}, r"retention\[1\] is 1.1 \(and 1 more\): more customers would stay"),
        ({"periods": -1}, "periods is -1: it can't be below 0"),
        ({"periods": 2.5}, r"periods is 2\.5: it is a number of payments, so a whole one"),
        ({"timing": "middle"}, "timing is 'middle': expected one of 'start': the first margin comes now"),
        ({"retention": [0.8, 0.7], "discount": [0.1, 0.2, 0.3]}, r"lengths .* retention \(2,\), discount \(3,\)"),
    ],
)
def test_impossible_rates_are_refused_with_what_they_would_mean(arguments: dict[str, Any], message: str) -> None:
    rates = {"retention": 0.8, "discount": 0.1, "timing": "start"} | arguments
    with pytest.raises(FormulaError, match=message):
        margin_multiple(**rates)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(FormulaError) as error:
        retention_value(100, 1.3, 5, timing="start", retention_cost=-1)
    assert [problem.split()[0] for problem in error.value.problems] == ["retention_cost", "retention", "discount"]


def test_growth_that_outruns_discount_is_fine_with_a_horizon() -> None:
    assert margin_multiple(0.95, 0.05, timing="start", growth=0.2, periods=3) == pytest.approx(
        in_full(1, 0.95, 0.05, "start", 0.2, 3)
    )


def test_other_impossible_inputs() -> None:
    with pytest.raises(FormulaError, match="churn is 0: nobody would ever leave, so the lifetime and the value"):
        subscription_value(20, 0, margin=0.5)
    with pytest.raises(FormulaError, match="margin is 35: a margin is the share of revenue that is kept"):
        simple_value(500, 5, margin=35)
    with pytest.raises(FormulaError, match="orders_per_year is -6: it can't be below 0"):
        transaction_value(40, -6, 3, margin=0.5)
    with pytest.raises(FormulaError, match="cash_flows must be a row of money"):
        net_present_value(100, 0.1)
    with pytest.raises(FormulaError, match="discount: the index is not that of retention"):
        margin_multiple(pd.Series([0.8]), pd.Series([0.1], index=["x"]), timing="end")
