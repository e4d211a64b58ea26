"""The figures of lesson 02 show the numbers that they were given, and say them."""

import numpy as np
import pytest

from clvhelpers.formulas import cash_flow_table, retention_value
from clvhelpers.plots.formulas import payments, value_by_retention
from tests.figures import title_of


def test_bars_are_the_payments_and_the_line_their_running_total() -> None:
    table = cash_flow_table(50, 0.7, 0.2, timing="end", periods=8)
    endless = retention_value(50, 0.7, 0.2, timing="end")
    shown = payments(table, endless, currency="EUR")
    axes = shown.figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx(table["present_value"].tolist())
    total, level = axes.get_lines()
    np.testing.assert_allclose(total.get_ydata(), table["cumulative"])
    assert set(level.get_ydata()) == {endless}
    assert "payment 1 is worth €29.17, payment 8 €0.67, and all of them €70.00" in shown.alt
    assert "(EUR)" in axes.get_ylabel()


def test_the_title_says_what_share_the_first_payments_bring() -> None:
    table = cash_flow_table(100, 0.5, 0.0, timing="start", periods=3)
    assert title_of(payments(table, 200)) == "The first 3 of endless payments bring 88% of the value"


@pytest.mark.parametrize("retention", [0.0, 0.3, 0.8, 0.99, 1.0])
def test_the_curve_passes_through_the_marked_points(retention: float) -> None:
    shown = value_by_retention(100, retention, 0.1, timing="start")
    axes = shown.figure.axes[0]
    rates, values = axes.get_lines()[0].get_data()
    marked = np.asarray(axes.collections[0].get_offsets())
    np.testing.assert_allclose(np.interp(marked[:, 0], rates, values), marked[:, 1], rtol=0.01)
    rate = min(retention, 0.99)
    assert marked[0].tolist() == pytest.approx([rate, retention_value(100, rate, 0.1, timing="start")])
    assert shown.png().startswith(b"\x89PNG")


def test_what_a_point_is_worth_stands_in_the_title_and_the_alternative_text() -> None:
    shown = value_by_retention(100, 0.8, 0.1, timing="start")
    assert "One point more is worth $12.64 at 80%" in shown.alt  # 379.31 less 366.67
    assert title_of(shown) in shown.alt
