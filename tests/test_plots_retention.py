"""The figures of lesson 04 show the numbers that they were given, and say them."""

import numpy as np
import pytest

from clvhelpers.formulas import sensitivity
from clvhelpers.plots.retention import lifetimes, retention_by_age, sensitivity_bars, survival_forecast
from tests.figures import title_of


def test_lifetimes_have_their_mean_and_median_marked():
    shown = lifetimes(0.2, "year")
    axes = shown.figure.axes[0]
    assert [bar.get_height() for bar in axes.patches[:3]] == pytest.approx([0.2, 0.16, 0.128])
    assert [line.get_xdata()[0] for line in axes.get_lines()] == pytest.approx([np.log(0.5) / np.log(0.8), 5.0])
    assert title_of(shown) == "59% leave before the mean of 5.0 years is over"


@pytest.mark.parametrize(("rates", "word"), [([0.6, 0.7], "rises"), ([0.7, 0.6], "changes")])
def test_a_rise_is_claimed_only_where_there_is_one(rates, word):
    shown = retention_by_age({"A": rates}, "month")
    assert title_of(shown).startswith(f"Retention {word} with age: A from {rates[0]:.0%} to {rates[1]:.0%}")
    assert shown.figure.axes[0].get_lines()[0].get_ydata().tolist() == rates


def test_forecasts_stand_beside_what_happened():
    shown = survival_forecast([1, 0.8, 0.7, 0.65], {"model": [1, 0.8, 0.7, 0.64], "one rate": [1, 0.8, 0.64, 0.51]}, 1)
    axes = shown.figure.axes[0]
    assert axes.get_lines()[-1].get_ydata().tolist() == [1, 0.8, 0.7, 0.65]
    assert title_of(shown) == "After 3 years 65% are still there; model says 64%, one rate says 51%"


def test_bars_go_from_the_value_to_each_end():
    found = sensitivity(100, 0.2, 0.1, timing="start")
    shown = sensitivity_bars(found)
    ends = {round(bar.get_x() + bar.get_width(), 6) for bar in shown.figure.axes[0].patches}
    assert ends == {round(one, 6) for name in ("value_lower", "value_higher") for one in found.frame[name]}
    assert [label.get_text() for label in shown.figure.axes[0].get_yticklabels()] == found.frame["input"].tolist()[::-1]
    assert shown.png().startswith(b"\x89PNG")
