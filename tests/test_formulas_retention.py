"""Survival under one rate, retention from a cohort's numbers, and how a value answers to its inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvhelpers.errors import FormulaError
from clvhelpers.formulas import (
    convert_rate,
    lifetime_from_churn,
    median_lifetime,
    retention_by_period,
    retention_value,
    sensitivity,
    survival_from_churn,
)


def test_half_are_there_at_the_median_and_the_mean_is_the_area_below_the_curve():
    assert survival_from_churn(0.05, median_lifetime(0.05)) == pytest.approx(0.5)
    assert survival_from_churn(0.05, np.arange(2000.0)).sum() == pytest.approx(lifetime_from_churn(0.05))
    assert 1 - survival_from_churn(0.05, 12) == pytest.approx(convert_rate(0.05, "M", "Y", kind="churn"))
    with pytest.raises(FormulaError, match="periods is -1: it can't be below 0"):
        survival_from_churn(0.05, -1)


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=20))
def test_retention_multiplies_to_survival_and_losses_add_up(numbers):
    alive = sorted(numbers, reverse=True)
    table = retention_by_period(alive)
    assert table["retention"].cumprod().to_numpy() == pytest.approx(table["survival"].to_numpy())
    assert table["lost"].sum() == alive[0] - alive[-1]
    assert (table["retention"] + table["churn"]).to_numpy() == pytest.approx(1)


def test_when_nobody_is_left_there_is_no_rate():
    table = retention_by_period([10, 0, 0])
    assert table["survival"].tolist() == [0, 0]
    assert np.isnan(table["retention"].iloc[1])


@pytest.mark.parametrize(
    ("survivors", "says"),
    [
        ([10], "two numbers at the least"),
        (10, "two numbers at the least"),
        ([10, 12, 5], r"survivors\[1\] is 12: a cohort can't grow"),
        ([0, 0], r"survivors\[0\] is 0: a cohort starts with customers"),
        ([10, -1], r"survivors\[1\] is -1: it can't be below 0"),
    ],
)
def test_numbers_that_are_no_cohort_are_refused(survivors, says):
    with pytest.raises(FormulaError, match=says):
        retention_by_period(survivors)


@settings(max_examples=50)
@given(st.floats(0.001, 0.5), st.floats(0.001, 0.5), st.sampled_from(["start", "end", "arrears"]))
def test_elasticities_are_those_of_the_formula(churn, discount, timing):
    frame = sensitivity(7.0, churn, discount, timing=timing).frame.set_index("input")
    assert frame.loc["margin", "elasticity"] == pytest.approx(1)
    slope = -churn / (churn + discount) - (churn / (1 - churn) if timing == "end" else 0)
    assert frame.loc["churn", "elasticity"] == pytest.approx(slope, rel=1e-4)
    start = discount / (1 + discount) if timing == "start" else 0
    assert frame.loc["discount rate", "elasticity"] == pytest.approx(start - discount / (churn + discount), abs=1e-5)


def test_values_are_those_of_the_inputs_shown():
    found = sensitivity(100, 0.2, 0.1, timing="start", change=0.05)
    assert found.value == pytest.approx(366.666667)
    row = found.frame.set_index("input").loc["churn"]
    assert (row["lower"], row["higher"]) == pytest.approx((0.19, 0.21))
    assert row["value_lower"] == pytest.approx(379.31, abs=0.005)  # one point more of retention: reference 379.31
    assert row["value_higher"] == pytest.approx(retention_value(100, 0.79, 0.1, timing="start"))
    assert found.frame["spread"].is_monotonic_decreasing
    assert "A customer is worth $366.67. 5% less or more:" in found.sentence()


def test_changes_that_cannot_be_are_refused():
    with pytest.raises(FormulaError, match="change is 10"):
        sensitivity(100, 0.2, 0.1, timing="start", change=10)
    with pytest.raises(FormulaError, match=r"churn with the change is 1.06"):
        sensitivity(100, 0.96, 0.1, timing="start")
