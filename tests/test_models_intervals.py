"""Values of segments and their differences: they add up, agree with each other, and refuse what has no meaning."""

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoModel, GammaGammaModel, base_value, segment_values
from clvhelpers.errors import ClvError, DataContractError, FormulaError, NotEnoughDataError
from clvhelpers.models import customer_intervals
from tests import stories


@pytest.fixture(scope="module")
def summary():
    world = stories.beta_geo({"r": 0.4, "alpha": 6.0, "a": 0.8, "b": 2.4}, 500, seed=2)
    rng = np.random.default_rng(0)
    x = np.maximum(world["frequency"], 1)
    money = np.where(world["frequency"] > 0, rng.gamma(6 * x, 1 / rng.gamma(4.0, 1 / 60, len(x))) / x, np.nan)
    region = rng.choice(["north", "south", "west"], len(x), p=[0.5, 0.3, 0.2])
    return world.assign(monetary_value=money, region=region)


@pytest.fixture(scope="module")
def models(summary):
    return BetaGeoModel().fit(summary), GammaGammaModel().fit(summary)


@pytest.fixture(scope="module")
def values(summary, models):
    return segment_values(*models, summary, "region", margin=0.4, draws=100, seed=4)


def test_segments_add_up_to_the_base(summary, models, values):
    base = base_value(*models, summary, margin=0.4, draws=100, seed=4)
    assert values.frame["customers"].sum() == base.customers == len(summary)
    assert values.frame["total"].sum() == pytest.approx(base.total)
    together = values.futures.sum(axis=1)
    assert together.mean() == pytest.approx(base.frame["total"].mean(), rel=0.04)
    assert together.std() == pytest.approx(base.frame["total"].std(), rel=0.3)
    assert together.mean() == pytest.approx(base.total, rel=0.05)


def test_an_interval_is_the_middle_of_the_futures(values):
    frame = values.frame.set_index("segment")
    low, high = values.futures.quantile(0.05), values.futures.quantile(0.95)
    assert frame["total_low"].to_numpy() == pytest.approx(low.to_numpy(), rel=0.1)
    assert frame["total_high"].to_numpy() == pytest.approx(high.to_numpy(), rel=0.1)
    for end in ("total", "total_low", "total_high"):
        assert (frame[end] / frame["customers"]).to_numpy() == pytest.approx(
            frame[end.replace("total", "mean")].to_numpy()
        )
    assert ((frame["total_low"] < frame["total"]) & (frame["total"] < frame["total_high"])).all()


def test_a_difference_turned_round_is_the_negative(values):
    one, other = values.difference("north", "west"), values.difference("west", "north")
    assert one.mean == pytest.approx(-other.mean)
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))
    assert one.probability_above + other.probability_above == pytest.approx(1)
    assert one.interval[0] < one.mean < one.interval[1]
    assert one.sentence().startswith("A customer of north is expected to bring ")
    frame = values.frame.set_index("segment")
    assert one.mean == pytest.approx(frame.loc["north", "mean"] - frame.loc["west", "mean"])


def test_what_segments_share_does_not_widen_their_difference(summary, models):
    """Halves of one base differ by luck alone; that parameters are not known exactly moves both alike."""
    halves = np.where(np.arange(len(summary)) % 2 == 0, "even", "odd")
    found = segment_values(*models, summary, halves, draws=100)
    means = found.futures / found.frame.set_index("segment")["customers"]
    assert means["even"].corr(means["odd"]) > 0.1
    low, high = found.difference("even", "odd").interval
    assert high - low < 1.2 * np.hypot(*(means.quantile(0.95) - means.quantile(0.05)))


def test_one_seed_gives_one_answer_however_segments_are_given(summary, models, values):
    shuffled = summary.sample(frac=1, random_state=1)
    for frame, segments in ((summary, summary["region"].tolist()), (shuffled, shuffled["region"].astype("category"))):
        again = segment_values(*models, frame, segments, margin=0.4, draws=100, seed=4)
        pd.testing.assert_frame_equal(again.frame, values.frame)
    other = segment_values(*models, summary, "region", margin=0.4, draws=100, seed=5)
    assert not other.futures.equals(values.futures)
    assert other.frame["total"].to_numpy() == pytest.approx(values.frame["total"].to_numpy())


def test_one_segment_is_the_base(summary, models):
    alone = segment_values(*models, summary, ["all"] * len(summary), draws=50, seed=4).frame.iloc[0]
    base = base_value(*models, summary, draws=50, seed=4)
    assert (alone["total_low"], alone["total_high"]) == pytest.approx(base.total_interval)


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        ("city", "the summary has no column 'city' for the segments"),
        (["a", "b"], "segments has 2 labels: expected one for each of 500 customers"),
        ([None] * 7 + ["a"] * 493, "7 customers have no segment: give them one of their own, such as 'none'"),
        ([np.nan] + ["a"] * 499, "1 customer"),
        ([], "segments has 0 labels"),
    ],
)
def test_segments_that_are_not_there_are_refused(summary, models, segments, words):
    with pytest.raises(DataContractError, match=words):
        segment_values(*models, summary, segments)


def test_an_unknown_segment_has_no_difference(values):
    with pytest.raises(ClvError, match="east"):
        values.difference("north", "east")


@pytest.mark.parametrize("ask", [base_value, customer_intervals, lambda *some, **terms: segment_values(
    *some, "region", **terms
)], ids=["base", "customers", "segments"])  # fmt: skip
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"horizon_months": None}, "an interval needs a horizon that ends: give horizon_months, such as 12 or 60"),
        ({"horizon_months": 0}, "horizon_months is 0"),
        ({"level": 0.0}, "level is 0.0"),
        ({"draws": 0}, "draws is 0"),
    ],
)
def test_terms_without_a_meaning_are_refused(summary, models, ask, wrong, words):
    with pytest.raises(FormulaError, match=words):
        ask(*models, summary.head(40), **wrong)


def test_nobody_and_given_parameters_have_no_interval(summary, models):
    with pytest.raises(NotEnoughDataError, match="no customers"):
        segment_values(*models, summary.head(0), "region")
    given = models[0].with_parameters(**models[0].parameters)
    for ask in (base_value, customer_intervals):
        with pytest.raises(ClvError, match="given and not fitted"):
            ask(given, models[1], summary)
