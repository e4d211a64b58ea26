"""Looking early: bounds and intervals keep their promise, orders and figures hold, and what can't be is named."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm

from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments import (
    confidence_sequence,
    cost_of_peeking,
    false_alarm_rate,
    looks_without_effect,
    sequential_bounds,
)
from clvhelpers.experiments.boundaries import crossing, most_units
from clvhelpers.plots.look import Picture

LOOKS = [{"control": (40 * k, 200 * k), "offer": (50 * k, 200 * k)} for k in range(1, 11)]


def test_crossing_is_what_the_multivariate_normal_says() -> None:
    bounds, drift = np.array([2.8, 2.3, 2.0]), 1.7
    looks = np.arange(1, 4)
    correlation = np.sqrt(np.minimum.outer(looks, looks) / np.maximum.outer(looks, looks))
    inside = multivariate_normal.cdf(
        bounds, drift * np.sqrt(looks / 3), correlation, abseps=1e-7, lower_limit=-bounds, rng=np.random.default_rng(12)
    )
    assert crossing(bounds, drift).sum() == pytest.approx(1 - inside, abs=1e-5)
    assert crossing(np.array([np.inf, np.inf, 1.959964])) == pytest.approx([0, 0, 0.05], abs=1e-7)


@pytest.mark.parametrize("method", ["pocock", "obrien-fleming"])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_bounds_spend_alpha_and_no_more(method: str, alpha: float) -> None:
    found = sequential_bounds(6, method, alpha)
    assert found.frame["spent"].is_monotonic_increasing
    assert found.frame["spent"].iloc[-1] == pytest.approx(alpha, abs=1e-6)
    assert found.naive > 2 * alpha
    drift = np.sqrt(found.most_units) * (norm.ppf(1 - alpha / 2) + norm.ppf(0.8))
    assert crossing(found.frame["bound"].to_numpy(), drift).sum() == pytest.approx(0.8, abs=1e-4)


def test_one_look_is_the_usual_test() -> None:
    for method in ("pocock", "obrien-fleming"):
        found = sequential_bounds(1, method)
        assert found.frame["bound"].to_list() == pytest.approx([1.959964], abs=1e-6)
        assert found.most_units == most_units(np.array([1.96]), 0.8, 0.05) == 1
        assert found.naive == pytest.approx(0.05)
        assert "single look" in found.sentence()


def test_pocock_ends_early_and_obrien_fleming_costs_little() -> None:
    pocock, obrien = sequential_bounds(5, "pocock"), sequential_bounds(5)
    assert pocock.frame["bound"].iloc[0] < obrien.frame["bound"].iloc[0]
    assert 1 < obrien.most_units < 1.05 < pocock.most_units
    assert "2.413 each time" in pocock.sentence()
    assert obrien.first_beyond([4.0, 3.3]) == 2
    assert obrien.first_beyond([4.0, -3.3]) == 2
    assert obrien.first_beyond([]) is None
    with pytest.raises(ConfigError, match="6 looks, but 5 were planned"):
        obrien.first_beyond([0] * 6)


def test_confidence_sequence_of_counts_is_that_of_their_differences() -> None:
    found = confidence_sequence(LOOKS, planned_units=4000)
    rows = pd.DataFrame(
        {
            "units": [400 * k for k in range(1, 11)],
            "difference": 0.05,
            "standard_error": [np.sqrt((0.2 * 0.8 + 0.25 * 0.75) / (200 * k)) for k in range(1, 11)],
        }
    )
    same = confidence_sequence(rows, planned_units=4000)
    pd.testing.assert_frame_equal(found.frame, same.frame)
    assert "5.00 points" in found.sentence()
    assert "is 0.05 (" in same.sentence()
    assert found.first_beyond is not None
    assert confidence_sequence(LOOKS[:1], 4000).first_beyond is None
    assert confidence_sequence(LOOKS[0], 4000).frame.equals(confidence_sequence(LOOKS[:1], 4000).frame)


def test_p_value_of_a_sequence_is_below_alpha_where_its_interval_leaves_out_0() -> None:
    for level in (0.9, 0.95, 0.99):
        frame = confidence_sequence(LOOKS, 4000, level=level).frame
        outside = (frame["low"] > 0).cummax()
        assert ((frame["p_value"] < 1 - level) == outside).all()
        assert frame["p_value"].is_monotonic_decreasing


def test_sequence_covers_the_truth_at_every_look_though_the_usual_interval_does_not() -> None:
    random = np.random.default_rng(12)
    runs, units = 4000, 100 * np.arange(1, 31)
    first, second = (random.binomial(100, rate, (runs, 30)).cumsum(axis=1) / units for rate in (0.3, 0.35))
    error = np.sqrt((first * (1 - first) + second * (1 - second)) / units)
    off = np.abs(second - first - 0.05) / error
    looks = pd.DataFrame({"units": 2 * units, "difference": 0.05, "standard_error": 1.0})
    frame = confidence_sequence(looks, planned_units=6000).frame
    ever = {end: (off > (frame[end] - 0.05).to_numpy()).any(axis=1).mean() for end in ("high", "fixed_high")}
    assert 0.005 < ever["high"] < 0.05
    assert ever["fixed_high"] == pytest.approx(false_alarm_rate(30), abs=0.03)


def test_cost_of_peeking_tells_the_ways_apart() -> None:
    cost = cost_of_peeking(5, runs=4000)
    frame = cost.frame.set_index("way")
    every, once = frame.loc["a look each time, same bound"], frame.loc["one look at the end"]
    assert every["low"] > 0.10
    assert every["exact"] == pytest.approx(false_alarm_rate(5), abs=1e-6)
    assert once["low"] < 0.05 < once["high"]
    assert once["power"] == pytest.approx(0.8, abs=0.03)
    assert once["share_of_units"] == 1
    for name in ("Pocock", "O'Brien-Fleming"):
        assert frame.loc[name, "exact"] == pytest.approx(0.05, abs=1e-6)
        assert frame.loc[name, "share_of_units"] < 0.85
    assert frame.loc["confidence sequence", "exact"] < 0.05
    assert every["found"] > once["found"] > 1
    assert cost.frame.equals(cost_of_peeking(5, runs=4000).frame)
    assert not cost.frame.equals(cost_of_peeking(5, runs=4000, seed=1).frame)


def test_looks_without_effect_raise_false_alarms_as_often_as_theory_says() -> None:
    z = looks_without_effect(np.repeat([0, 1], [300, 103]), looks=4, runs=4000, seed=3)
    assert z.shape == (4000, 4)
    assert list(z) == [1, 2, 3, 4]
    assert z.mean().to_numpy() == pytest.approx(np.zeros(4), abs=0.06)
    assert (z.abs() > 1.959964).any(axis=1).mean() == pytest.approx(false_alarm_rate(4), abs=0.02)
    assert z.corr().loc[1, 4] == pytest.approx(0.5, abs=0.05)  # the root of the share that both looks have seen
    again = looks_without_effect(np.repeat([0, 1], [300, 103]), looks=4, runs=4000, seed=4)
    assert not again.equals(z)


def test_cost_of_peeking_with_given_units_rounds_up_to_whole_parts() -> None:
    assert cost_of_peeking(10, units=101, runs=100).units == 110


@pytest.mark.parametrize(
    "make",
    [
        lambda: sequential_bounds(1),
        lambda: confidence_sequence(LOOKS, 4000),
        lambda: confidence_sequence(LOOKS[0], 4000),
        lambda: cost_of_peeking(3, 0.02, 0.01, units=30, runs=100),
    ],
)
def test_every_answer_has_a_sentence_and_a_figure_that_draws(make: Callable[[], Any]) -> None:
    answer = make()
    picture = answer.plot()
    assert isinstance(picture, Picture)
    assert picture.png()
    for words in (answer.sentence(), picture.alt):
        assert words.endswith(".")
        assert "nan" not in words


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: sequential_bounds(0), ConfigError, "looks is 0: expected a whole number from 1 to 200"),
    (lambda: sequential_bounds(3, "peto"), ConfigError, "method is 'peto'"),
    (lambda: sequential_bounds(3, alpha=0.9), ConfigError, "alpha is 0.9"),
    (lambda: sequential_bounds(3, power=0.01), ConfigError, "power is 0.01"),
    (lambda: false_alarm_rate(3, 0), ConfigError, "bound is 0"),
    (lambda: cost_of_peeking(1), ConfigError, "looks is 1: expected a whole number from 2"),
    (lambda: cost_of_peeking(10, 0.2, 0.2, 5, runs=3), ConfigError, "3 problems"),
    (lambda: looks_without_effect([0, 1] * 9, looks=300, runs=5), ConfigError, "2 problems"),
    (
        lambda: looks_without_effect([0, 1] * 9, looks=10),
        ConfigError,
        "outcome has 18 customers: expected at least two",
    ),
    (lambda: looks_without_effect([0, 1, 2] * 9, looks=2), ExperimentError, "other values than 0 and 1"),
    (lambda: confidence_sequence(LOOKS, 0), ConfigError, "planned_units is 0"),
    (lambda: confidence_sequence(LOOKS, 100, level=95), ConfigError, "level is 95"),
    (lambda: confidence_sequence([], 100), NotEnoughDataError, "no look is given"),
    (lambda: confidence_sequence(LOOKS[::-1], 100), ExperimentError, "look 2: 3,600 units after 4,000"),
    (
        lambda: confidence_sequence({"control": (1, 9), "a": (1, 9), "b": (1, 9)}, 100),
        ExperimentError,
        r"look 1: 3 arms \(control, a, b\); compare one with control at a time",
    ),
    (
        lambda: confidence_sequence([{"control": (0, 9), "a": (0, 9)}, LOOKS[0]], 100),
        NotEnoughDataError,
        "look 1: the metric has no variance",
    ),
    (
        lambda: confidence_sequence([LOOKS[0], {"control": (1600, 1600), "a": (1600, 1600)}], 100),
        NotEnoughDataError,
        "look 2: the metric has no variance",
    ),
    (lambda: confidence_sequence(pd.DataFrame({"units": [1]}), 100), ExperimentError, "no column 'difference', 'stand"),
    (
        lambda: confidence_sequence(
            pd.DataFrame({"units": [1, 2], "difference": [0, np.nan], "standard_error": 1}), 100
        ),
        ExperimentError,
        "look 2: a value is missing or infinite",
    ),
]


@pytest.mark.parametrize(("ask", "error", "told"), REFUSED)
def test_what_cannot_be_is_named(ask: Callable[[], Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        ask()
