"""Published and textbook figures of the closed forms."""

import math

import pytest

from clvhelpers.formulas import margin_multiple, retention_slope, retention_value, simple_value


def test_the_margin_multiple_of_the_textbooks() -> None:
    # Gupta & Lehmann (2003), Customers as Assets: m r / (1 + i - r), with i 12% and r 90% gives a multiple of 4.09.
    assert margin_multiple(0.90, 0.12, timing="end") == pytest.approx(4.09, abs=0.005)
    # The same table: i 10%, r 80% gives 2.67; i 16%, r 60% gives 1.07.
    assert margin_multiple(0.80, 0.10, timing="end") == pytest.approx(2.67, abs=0.005)
    assert margin_multiple(0.60, 0.16, timing="end") == pytest.approx(1.07, abs=0.005)


def test_a_customer_who_earns_100_a_year_and_stays_with_80_percent() -> None:
    # Hand calculation: 100 x 1.1 / 0.3, 100 x 1.1 / 0.29 and 100 x 0.8 / 0.3.
    assert retention_value(100, 0.80, 0.1, timing="start") == pytest.approx(366.67, abs=0.005)
    assert retention_value(100, 0.81, 0.1, timing="start") == pytest.approx(379.31, abs=0.005)
    assert retention_value(100, 0.80, 0.1, timing="end") == pytest.approx(266.67, abs=0.005)


def test_how_surely_a_measured_retention_gives_a_value() -> None:
    # Hand calculation: dCLV/dr = 100 x 1.1 / 0.09; the standard error of 80% among 5,000 customers by the delta method.
    slope = retention_slope(100, 0.80, 0.1)
    standard_error = math.sqrt(0.8 * 0.2 / 5000)
    assert slope == pytest.approx(1222.2, abs=0.05)
    assert standard_error == pytest.approx(0.005657, abs=1e-6)
    assert slope * standard_error == pytest.approx(6.91, abs=0.005)


def test_a_point_of_retention_in_one_period_only() -> None:
    # The base at the end of the first period is worth 366.67 each, a point of it a period from now 366.67 / 1.1 / 100.
    assert 0.01 * retention_value(100, 0.80, 0.1, timing="start") / 1.1 == pytest.approx(3.33, abs=0.005)


def test_yearly_revenue_times_years() -> None:
    assert simple_value(500, 5, margin=1) == 2500  # $500 a year for 5 years


def test_the_software_customer_of_the_article() -> None:
    # As printed: ($50 x 0.5 x 1.1) / (1 + 0.1 - 0.9) - $100, which the article works out as $175. Its own formula:
    assert retention_value(50 * 0.5 * 1.1, 0.9, 0.1, timing="arrears", acquisition_cost=100) == pytest.approx(37.50)
    # With a year's money ($300), growth each year and $20 a year to keep: 300 / 0.11 - 20 x 1.1 / 0.2 - 100.
    whole = {"growth": 0.1, "retention_cost": 20, "acquisition_cost": 100}
    assert retention_value(300, 0.9, 0.1, timing="arrears", **whole) == pytest.approx(2517.27, abs=0.005)
    assert retention_value(300, 0.9, 0.1, timing="start", **whole) == pytest.approx(2790.00, abs=0.005)
    assert retention_value(300, 0.9, 0.1, timing="end", **whole) == pytest.approx(2244.55, abs=0.005)
