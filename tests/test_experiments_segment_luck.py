"""How often luck picks a segment: against formulas, and what is refused."""

import numpy as np
import pytest

from clvhelpers.errors import ConfigError
from clvhelpers.experiments import CostOfSegments, cost_of_segments

MEAN_OF_THE_LARGEST_OF_20 = 1.86748  # of 20 standard normal numbers: Harter (1961), Biometrika 48, table 1


@pytest.fixture(scope="module")
def luck() -> CostOfSegments:
    return cost_of_segments(20, rate=0.4, units=400, runs=4000)


def test_false_alarms_are_those_of_independent_comparisons(luck: CostOfSegments) -> None:
    frame = luck.frame
    assert frame["segments"].to_list() == list(range(1, 21))
    assert frame["exact"].iloc[[0, 1, 19]].to_numpy() == pytest.approx([0.05, 0.0975, 1 - 0.95**20])
    assert (frame["alone"] - frame["exact"]).abs().max() < 0.025
    assert frame["low"].iloc[-1] < frame["exact"].iloc[-1] < frame["high"].iloc[-1]


def test_sound_ways_keep_what_was_agreed_to(luck: CostOfSegments) -> None:
    assert luck.frame["holm"].between(0.04, 0.06).all()
    assert np.isnan(luck.frame["interaction"].iloc[0])
    assert luck.frame["interaction"].iloc[1:].between(0.04, 0.06).all()
    assert luck.frame["holm"].iloc[0] == luck.frame["alone"].iloc[0]


def test_best_segment_looks_as_good_as_the_largest_of_so_many(luck: CostOfSegments) -> None:
    error = np.sqrt(2 * 0.4 * 0.6 / 400)
    assert luck.last["best"] == pytest.approx(MEAN_OF_THE_LARGEST_OF_20 * error, rel=0.02)
    assert abs(luck.frame["best"].iloc[0]) < 3 * error / np.sqrt(4000)


def test_words_and_figure_say_the_numbers(luck: CostOfSegments) -> None:
    words, alt = luck.sentence(), luck.plot().alt
    assert "20 segments of 400 units an arm" in words
    assert "(by the formula 64.2%)" in words
    assert "about the 5% that were agreed to" in words
    assert f"With 20 useless segments at least one wins in {100 * luck.last['alone']:.0f}% of tests" in alt
    single = cost_of_segments(1, runs=100)
    assert "that the segments differ" not in single.sentence()
    assert "1 useless segment " in single.plot().alt


def test_every_argument_that_cannot_be_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        cost_of_segments(0, rate=1.2, units=3, alpha=0, runs=1)
    assert [problem.partition(" ")[0] for problem in caught.value.problems] == [
        "rate",
        "alpha",
        "segments",
        "units",
        "runs",
    ]
