"""The figures of staying and leaving show the numbers that they were given, and say them."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from clvhelpers.churn import (
    cumulative_incidence,
    hazard_table,
    kaplan_meier,
    log_rank,
    reason_counts,
    restricted_mean,
)
from clvhelpers.errors import ConfigError
from clvhelpers.plots.survival import age_ticks
from tests.figures import title_of


@pytest.fixture(scope="module")
def stays() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    plan = rng.choice(["Basic", "Premium"], 400)
    life = rng.exponential(np.where(plan == "Basic", 8, 16))
    left = life <= 24
    reason = pd.Series(rng.choice(["price", "moved", "rival"], 400, p=[0.5, 0.3, 0.2])).where(left)
    return pd.DataFrame({"duration": np.minimum(np.ceil(life), 24), "left": left, "reason": reason, "plan": plan})


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_steps_bands_and_customers_at_risk(stays: pd.DataFrame) -> None:
    curves = kaplan_meier(stays, "plan")
    shown = curves.plot()
    axes, table = shown.figure.axes
    assert [line.get_label() for line in axes.get_lines()] == ["Basic", "Premium"]
    for line, name in zip(axes.get_lines(), curves.groups, strict=True):
        np.testing.assert_allclose(line.get_ydata(), curves.curve(name)["survival"])
    assert len(axes.collections) == 2
    assert axes.get_xticks().tolist() == [0, 6, 12, 18, 24]
    at_risk = curves.at([0, 6, 12, 18, 24])["at_risk"]
    assert texts(table) == [str(count) for count in at_risk]
    assert title_of(shown).startswith("After 18 months ")  # fewer than 10 of Basic later
    assert title_of(shown) in shown.alt
    assert "at risk)" in shown.alt
    assert shown.png().startswith(b"\x89PNG")


def test_a_curve_can_be_cut(stays: pd.DataFrame) -> None:
    shown = kaplan_meier(stays).plot(until=12)
    assert shown.figure.axes[0].get_xlim() == (0, 12)
    assert title_of(shown).startswith("After 12 months ")
    with pytest.raises(ConfigError, match="until is 0"):
        kaplan_meier(stays).plot(until=0)


def test_too_many_groups_for_one_figure(stays: pd.DataFrame) -> None:
    many = stays.assign(plan=np.arange(len(stays)) % 7)
    with pytest.raises(ConfigError, match="7 groups can't be told apart in one figure: choose 6 or fewer"):
        kaplan_meier(many, "plan").plot()
    with pytest.raises(ConfigError, match="31 groups are too many"):
        hazard_table(stays.assign(plan=np.arange(len(stays)) % 31), "plan").plot()


def test_restricted_means_and_the_area_between(stays: pd.DataFrame) -> None:
    means = restricted_mean(kaplan_meier(stays, "plan"), 12)
    points = means.plot()
    assert points.figure.axes[0].get_lines()[0].get_xdata() == pytest.approx(means.frame["mean"].to_list())
    assert title_of(points).startswith("Premium stays longest: ")
    difference = means.difference("Premium", "Basic")
    shown = difference.plot()
    one, other = (line.get_data() for line in shown.figure.axes[0].get_lines())
    area = np.sum(np.diff(one[0]) * (np.asarray(one[1]) - np.asarray(other[1]))[:-1])
    assert area == pytest.approx(difference.difference)
    assert f"Premium stays {difference.difference:.1f} months longer than Basic" in title_of(shown)


def test_leavers_beside_those_expected(stays: pd.DataFrame) -> None:
    test = log_rank(stays, "plan")
    shown = test.plot()
    bars = [bar.get_width() for bar in shown.figure.axes[0].patches]
    assert bars == pytest.approx([*test.frame["events"], *test.frame["expected"]])
    assert "expected if all groups left alike" in title_of(shown)


def test_churn_rates_along_age_and_by_group(stays: pd.DataFrame) -> None:
    by_age = hazard_table(stays, "plan", [0, 6, 12, 24])
    shown = by_age.plot()
    levels = [segment[0][1] for part in shown.figure.axes[0].collections[::2] for segment in part.get_segments()]
    assert levels == pytest.approx(by_age.frame["hazard"].to_list())
    assert "in months 1 to 6 to" in title_of(shown)
    points = hazard_table(stays, "plan").plot()
    assert texts(points.figure.axes[0]) == [
        f"{100 * rate:.1f}%" for rate in hazard_table(stays, "plan").frame["hazard"]
    ]
    assert "leave each month" in title_of(points)


def test_reasons_stacked(stays: pd.DataFrame) -> None:
    found = cumulative_incidence(stays)
    shown = found.plot()
    assert [area.get_label() for area in shown.figure.axes[0].collections] == found.reasons
    assert "left for price by month" in title_of(shown)
    panels = cumulative_incidence(stays, "plan").plot()
    assert [axes.get_title() for axes in panels.figure.axes] == ["Basic", "Premium"]
    assert "of Basic left for price" in panels.alt


def test_reasons_as_bars(stays: pd.DataFrame) -> None:
    found = reason_counts(stays, "plan")
    shown = found.plot()
    widths = [bar.get_width() for bar in shown.figure.axes[0].patches]
    expected = found.frame.pivot(index="reason", columns="group", values="share").loc[["price", "moved", "rival"]]
    assert widths == pytest.approx(expected.to_numpy().ravel().tolist())
    assert "leave for price" in title_of(shown)


def test_hostile_names_are_drawn_as_they_are() -> None:
    stays = pd.DataFrame({"duration": [1, 2, 3, 4], "left": 1, "plan": ["$x^2$", "$x^2$", "<b>", "<b>"], "reason": "$"})
    for shown in (
        kaplan_meier(stays, "plan").plot(),
        log_rank(stays, "plan").plot(),
        cumulative_incidence(stays, "plan").plot(),
        reason_counts(stays, "plan").plot(),
    ):
        assert shown.png().startswith(b"\x89PNG")
        assert "$x^2$" in shown.alt


@pytest.mark.parametrize(
    ("start", "end", "ticks"),
    [(0, 36, [0, 6, 12, 18, 24, 30, 36]), (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 1022, None), (7, 30, None)],
)
def test_ticks_at_ages_that_people_count_in(start: float, end: float, ticks: list[float] | None) -> None:
    found = age_ticks(start, end)
    assert ticks is None or found == ticks
    assert 2 <= len(found) <= 8
    assert start <= min(found) <= max(found) <= end
