"""Rates of arms: how often the intervals hold, counts of none and all, and what is said in words."""

import math

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import binom

from clvhelpers.cohorts.interval import wilson_interval
from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments import arm_counts, compare_rates
from clvhelpers.experiments.rates import combined_interval, fieller_interval
from tests.figures import title_of

CELLS = [  # units and true rates of an arm and the control, and how often a 95% interval held in 40,000 simulations
    ((100, 100), (0.05, 0.15), 0.957, 0.170),
    ((200, 2000), (0.05, 0.15), 0.952, 0.070),
    ((5000, 500), (0.30, 0.10), 0.950, 0.059),
    ((40, 40), (0.90, 0.98), 0.979, 0.246),
]
RATIOS = [((500, 500), (0.04, 0.02), 0.954), ((200, 200), (0.10, 0.05), 0.954)]


def tables(n: tuple[int, int], p: tuple[float, float]) -> tuple[list[tuple[int, int]], np.ndarray]:
    """Counts of an arm and the control, and the chance of each: all tables but those too rare to matter."""
    chances = [binom.pmf(range(size + 1), size, share) for size, share in zip(n, p, strict=True)]
    kept = [np.flatnonzero(chance > 1e-6) for chance in chances]
    pairs = [(int(one), int(other)) for one in kept[0] for other in kept[1]]
    return pairs, np.outer(chances[0][kept[0]], chances[1][kept[1]]).ravel()


@pytest.mark.parametrize(("n", "p", "coverage", "width"), CELLS)
def test_newcombes_interval_holds_as_often_as_it_says(
    n: tuple[int, int], p: tuple[float, float], coverage: float, width: float
) -> None:
    """Exact, over all tables; the simulated shares have a standard error of a thousandth."""
    pairs, chance = tables(n, p)
    ones, others = np.array(pairs).T / np.array(n)[:, None]
    arm, control = ((share, *wilson_interval(share, size)) for share, size in zip((ones, others), n, strict=True))
    low, high = combined_interval(arm, control)
    assert chance[(low <= p[0] - p[1]) & (p[0] - p[1] <= high)].sum() == pytest.approx(coverage, abs=0.003)
    assert chance @ (high - low) == pytest.approx(width, abs=0.001)


@pytest.mark.parametrize(("n", "p", "coverage"), RATIOS)
def test_fiellers_interval_holds_as_often_as_it_says(
    n: tuple[int, int], p: tuple[float, float], coverage: float
) -> None:
    pairs, chance = tables(n, p)
    found = 0.0
    for (one, other), part in zip(pairs, chance, strict=True):
        arm, control = ((k / size, k * (size - k) / size**3) for k, size in zip((one, other), n, strict=True))
        low, high = fieller_interval(arm, control)
        found += part * (low <= p[0] / p[1] <= high)
    assert found == pytest.approx(coverage, abs=0.003)


def test_counts_and_frames_of_any_engine_give_the_same() -> None:
    by_hand = {"control": (20, 50), "b": (30, 60), "a": (10, 40)}
    rows = [(arm, int(i < ones)) for arm, (ones, n) in by_hand.items() for i in range(n)]
    frame = pd.DataFrame(rows, columns=["group", "kept"])
    expected = compare_rates(by_hand, "kept").frame
    assert expected["arm"].to_list() == ["a", "b"]
    for data in (frame, pl.from_pandas(frame).lazy(), duckdb.from_df(frame)):
        pd.testing.assert_frame_equal(compare_rates(data, "kept", arm="group").frame, expected)
    pd.testing.assert_frame_equal(compare_rates(arm_counts(by_hand)).frame, expected)


def test_nobody_in_the_control_leaves_no_relative_lift() -> None:
    found = compare_rates({"control": (0, 20), "offer": (5, 40)})
    row = found.frame.iloc[0]
    assert row[["relative", "relative_low", "relative_high"]].isna().all()
    assert row["low"] < 0 < row["difference"] < row["high"]
    assert "Nobody in control has the outcome, so there is no rate" in found.sentence()
    with pytest.raises(NotEnoughDataError, match="nobody in control has the outcome"):
        found.plot(relative=True)


@pytest.mark.parametrize(
    ("offer", "control", "told"),
    [
        ((0, 30), (12, 30), "none of 30 units in offer have the outcome"),
        ((60, 60), (9, 50), "all of 60 units in offer have the outcome"),
        ((40, 40), (20, 20), "all of 40 units in offer and all of 20 units in control have the outcome"),
    ],
)
def test_all_or_none_have_a_difference_with_an_interval_but_no_relative_one(
    offer: tuple[int, int], control: tuple[int, int], told: str
) -> None:
    found = compare_rates({"control": control, "offer": offer})
    row = found.frame.iloc[0]
    assert -1 <= row["low"] <= row["difference"] <= row["high"] <= 1
    assert row["low"] < row["high"]
    assert 0 <= row["p_value"] <= 1
    assert math.isnan(row["relative_low"])
    assert told in found.sentence()


def test_nobody_at_all_is_no_evidence_of_anything() -> None:
    row = compare_rates({"control": (0, 50), "offer": (0, 60)}).frame.iloc[0]
    assert (row["difference"], row["p_value"], row["method"]) == (0, 1, "Fisher's exact test")
    assert row["low"] < 0 < row["high"]


def test_a_relative_lift_without_ends_says_so_in_numbers_words_and_figure() -> None:
    found = compare_rates({"control": (3, 50), "offer": (15, 60)}, "Kept")
    row = found.frame.iloc[0]
    assert (row["relative_low"], row["relative_high"]) == (-math.inf, math.inf)
    assert "(an interval without ends: too few in control have the outcome)" in found.sentence()
    assert "no lower end to no upper end" in found.plot(relative=True).alt


def test_exact_where_fewer_than_five_are_expected_and_only_there() -> None:
    # 10 of 200 with the outcome: 5 expected in each arm
    assert compare_rates({"control": (2, 100), "offer": (8, 100)}).frame.loc[0, "method"] == "z-test"
    small = compare_rates({"control": (2, 100), "offer": (7, 100)})
    assert small.frame.loc[0, "method"] == "Fisher's exact test"
    assert "fewer than 5 units of one kind were expected in an arm, the p-value is exact" in small.sentence()
    others = compare_rates({"control": (98, 100), "offer": (93, 100)})
    assert others.frame.loc[0, "p_value"] == pytest.approx(small.frame.loc[0, "p_value"])


def test_the_sentence_says_what_was_found() -> None:
    sure = compare_rates({"control": (200, 1000), "offer": (260, 1000)}, "Kept").sentence()
    assert sure.startswith(
        "Kept: 26.0% of 1,000 in offer against 20.0% of 1,000 in control, a difference of 6.0 points"
    )
    assert "That is more than chance." in sure
    chance = compare_rates({"control": (200, 1000), "a": (210, 1000), "b": (190, 1000)}).sentence()
    assert chance.count("That may be chance") == 2
    assert "2 comparisons, and their p-values are not corrected" in chance
    undecided = compare_rates({"control": (0, 12), "offer": (5, 14)})
    assert undecided.frame.loc[0, "low"] > 0
    assert undecided.frame.loc[0, "p_value"] > 0.04
    assert ("disagree" in undecided.sentence()) == (undecided.frame.loc[0, "p_value"] >= 0.05)


def test_a_higher_level_gives_a_wider_interval() -> None:
    counts = {"control": (200, 1000), "offer": (260, 1000)}
    wide, narrow = (compare_rates(counts, level=level).frame.iloc[0] for level in (0.99, 0.8))
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]
    assert wide["relative_low"] < narrow["relative_low"]
    with pytest.raises(ConfigError, match="level is 95"):
        compare_rates(counts, level=95)


def test_impossible_data_are_refused() -> None:
    with pytest.raises(ExperimentError, match="nobody is in the arm offer"):
        compare_rates({"control": (1, 4), "offer": (0, 0)})
    unlabelled = pd.DataFrame({"arm": ["control", "offer", None], "kept": [1, 0, 1]})
    with pytest.raises(ExperimentError, match="1 unit without an arm"):
        compare_rates(unlabelled, "kept")


def test_the_figure_has_each_arm_and_its_interval() -> None:
    found = compare_rates({"control": (200, 1000), "a": (210, 1000), "b": (260, 1000)}, "Kept")
    shown = found.plot()
    assert title_of(shown) == "Kept: b is 6.0 points above control"
    (dots,) = (line for line in shown.figure.axes[0].get_lines() if line.get_marker() == "o")
    assert dots.get_xdata() == pytest.approx(found.frame["difference"].to_list())
    assert "a: +1.0 points (-2.5 points to +4.5 points); b: +6.0 points" in shown.alt
    assert "by chance alone" in title_of(compare_rates({"control": (20, 100), "a": (21, 100)}).plot())
    assert shown.png().startswith(b"\x89PNG")
