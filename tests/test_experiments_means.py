"""Means and ratios of arms: right on known truth, the same on every engine, and bad input named."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError, PostTreatmentCovariateError
from clvhelpers.experiments import ArmSums, arm_sums, bootstrap_difference, compare_means, compare_ratios
from clvhelpers.experiments.welch import fieller

EFFECTS = {"control": 0.0, "coupon": 1.0, "letter": -2.0}


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    """Customers whose spend before explains most of their spend after, and what each arm truly adds."""
    random, n = np.random.default_rng(7), 3000
    arm = random.choice(list(EFFECTS), n)
    before = random.gamma(1, 20, n)
    visits = random.poisson(before / 10)
    orders = visits + random.poisson(1, n)
    spend = 3 + 0.7 * before + 2 * visits + random.gamma(2, 2, n) + pd.Series(arm).map(EFFECTS).to_numpy()
    return pd.DataFrame({"arm": arm, "before": before, "visits": visits, "orders": orders, "spend": spend})


ENGINES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "polars": lambda frame: pl.from_pandas(frame).lazy(),
    "duckdb": duckdb.from_df,
    "sums": lambda frame: arm_sums(frame, ["orders", "visits", "spend", "before"]),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_and_sums_made_before_give_what_pandas_gives(customers: pd.DataFrame, engine: str) -> None:
    native = ENGINES[engine](customers)
    for compare in (
        lambda data: compare_means(data, "spend", ["before", "visits"], measured_at="before"),
        lambda data: compare_ratios(data, "spend", "orders"),
    ):
        pd.testing.assert_frame_equal(compare(native).frame, compare(customers).frame)


def test_several_covariates_are_the_regression_on_them(customers: pd.DataFrame) -> None:
    found = compare_means(customers, "spend", ["before", "visits"], measured_at="before")
    columns = np.column_stack([customers[["before", "visits"]], np.ones(len(customers))])
    slopes, *_ = np.linalg.lstsq(columns, customers["spend"], rcond=None)
    assert list(found.theta.values()) == pytest.approx(slopes[:2])
    assert found.correlation == pytest.approx(np.corrcoef(columns @ slopes, customers["spend"])[0, 1])
    means = (customers["spend"] - columns[:, :2] @ slopes[:2]).groupby(customers["arm"]).mean()
    assert found.frame["arm"].to_list() == ["coupon", "letter"]
    assert found.frame["difference"].to_list() == pytest.approx((means - means["control"]).iloc[1:].to_list())
    one = compare_means(customers, "spend", "before", measured_at="before")
    assert (found.frame["variance_ratio"] < one.frame["variance_ratio"]).all()


def test_covariates_of_negative_slope_and_other_units_change_nothing_but_the_slope(customers: pd.DataFrame) -> None:
    turned = customers.assign(before=1e6 - 1000 * customers["before"])
    first, second = (compare_means(frame, "spend", "before", measured_at="before") for frame in (customers, turned))
    assert second.correlation == pytest.approx(-first.correlation)
    assert second.theta["before"] == pytest.approx(-first.theta["before"] / 1000)
    pd.testing.assert_frame_equal(first.frame, second.frame)


def sums_of(random: np.random.Generator, columns: Mapping[str, Any]) -> ArmSums:
    """Customers put into two arms of equal size by chance."""
    values = np.array(list(columns.values()))
    order = random.permutation(values.shape[1])
    arms = dict(zip(("control", "coupon"), np.array_split(values[:, order], 2, axis=1), strict=True))
    return ArmSums(
        tuple(columns),
        {name: own.shape[1] for name, own in arms.items()},
        {name: own.mean(axis=1) for name, own in arms.items()},
        {name: np.cov(own) for name, own in arms.items()},
    )


def within(share: float, runs: int) -> Any:
    """Give or take 3.3 standard errors of so many runs."""
    return pytest.approx(share, abs=3.3 * math.sqrt(share * (1 - share) / runs))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Adjusted and raw, of means and of relative lifts, where the coupon adds 1 to a mean of 21."""
    hits, runs = [], 250
    for seed in range(runs):
        random = np.random.default_rng(seed)
        before = random.gamma(1, 20, 400)
        sums = sums_of(random, {"spend": 7 + 0.7 * before + random.gamma(2, 4, 400) - 1, "before": before})
        sums.means["coupon"][0] += 1
        row = compare_means(sums, "spend", "before", measured_at="before").frame.iloc[0]
        raw = compare_means(sums, "spend").frame.iloc[0]
        lift = 1 / (7 + 0.7 * 20 + 8 - 1)
        ends = [(row, "", 1.0), (row, "raw_", 1.0), (row, "relative_", lift), (raw, "relative_", lift)]
        hits.append([one[f"{name}low"] <= true <= one[f"{name}high"] for one, name, true in ends])
    assert np.mean(hits, axis=0).tolist() == [within(0.95, runs)] * 4


def test_orders_of_the_same_customers_don_t_cry_wolf() -> None:
    """Orders of a customer are alike: a test over orders finds differences where none is, over customers in 5 %."""
    found, naive, runs = [], [], 250
    for seed in range(runs):
        random = np.random.default_rng(seed)
        orders, price = 1 + random.negative_binomial(2, 0.2, 400), random.gamma(4, 10, 400)
        sums = sums_of(random, {"revenue": orders * price, "orders": orders, "squares": orders * price**2})
        row = compare_ratios(sums, "revenue", "orders").frame.iloc[0]
        found.append(row["low"] <= 0 <= row["high"])
        lines = {arm: 200 * sums.mean(arm, "orders") for arm in sums.arms}
        squares = {arm: sums.mean(arm, "squares") / sums.mean(arm, "orders") for arm in sums.arms}
        means = {"control": row["control_ratio"], "coupon": row["ratio"]}
        error = math.sqrt(sum((squares[arm] - means[arm] ** 2) / lines[arm] for arm in sums.arms))
        naive.append(abs(row["difference"]) < 1.96 * error)
    assert np.mean(found) == within(0.95, runs)
    assert np.mean(naive) < 0.7


def test_ratio_over_one_for_each_customer_is_a_mean(customers: pd.DataFrame) -> None:
    ratio = compare_ratios(customers.assign(one=1), "spend", "one").frame
    mean = compare_means(customers, "spend").frame
    for name in ("difference", "standard_error", "low", "high", "p_value", "relative_low", "relative_high"):
        assert ratio[name].to_list() == pytest.approx(mean[name].to_list())


def test_relative_lift_has_no_ends_where_control_may_be_nothing() -> None:
    frame = pd.DataFrame({"arm": ["control", "coupon"] * 100, "gain": np.tile([-9.0, 4, 10, 3, 1, 5, -1, 0], 25)})
    found = compare_means(frame.assign(gain=frame["gain"] - 0.2), "gain")
    assert found.frame[["relative_low", "relative_high"]].to_numpy().tolist() == [[-math.inf, math.inf]]
    assert "a relative lift can't be told" in found.sentence()
    low, high = fieller((11.0, 2.1), (10.0, 2.2), 2.0, covariance=2.0)
    for ratio in (low, high):  # at both ends the arm is 2 standard errors from so many times control
        variance = 2.1 - 2 * ratio * 2.0 + ratio**2 * 2.2
        assert abs(11 - ratio * 10) == pytest.approx(2 * math.sqrt(variance))


def test_sentences_and_pictures_tell_the_difference(customers: pd.DataFrame) -> None:
    found = compare_means(customers, "spend", "before", measured_at="before", currency="GBP")
    first = found.frame.iloc[0]
    assert f"£{first['mean']:.2f} against £{first['control_mean']:.2f} with control" in found.sentence()
    assert f"leaves {100 * first['variance_ratio']:.0f}% of the variance" in found.sentence()
    assert "letter, raw" in found.plot().alt
    ratio = compare_ratios(customers, "spend", "orders")
    assert f"orders per customer, is {ratio.frame['denominator'][1]:.2f} against" in ratio.sentence()
    assert "spend / orders" in ratio.plot().alt


def test_covariates_from_after_exposure_are_refused(customers: pd.DataFrame) -> None:
    dated = customers.assign(exposed_at=pd.Timestamp("2026-03-01"))
    with pytest.raises(PostTreatmentCovariateError, match="'visits' was measured after the exposure of 3,000"):
        compare_means(dated, "spend", "visits", measured_at="2026-03-02")
    with pytest.raises(PostTreatmentCovariateError, match="as you say"):
        compare_means(arm_sums(customers, ["spend", "visits"]), "spend", "visits", measured_at="after")
    with pytest.raises(ConfigError, match="when were 'visits' measured"):
        compare_means(customers, "spend", "visits")


def test_what_cannot_be_compared_is_said_in_words(customers: pd.DataFrame) -> None:
    nothing = customers.assign(spend=customers["spend"].mask(customers["arm"] == "coupon", 0.1))
    with pytest.raises(NotEnoughDataError, match=r"'spend' is 0\.1 for each of 993 in coupon: without differences"):
        compare_means(nothing, "spend")
    with pytest.raises(NotEnoughDataError, match="coupon has 1 unit"):
        compare_means(customers.drop(customers.index[customers["arm"] == "coupon"][1:]), "spend")
    with pytest.raises(ConfigError, match="'flat' has the same value for every unit"):
        compare_means(customers.assign(flat=0.1), "spend", "flat", measured_at="before")
    twice = customers.assign(twice=3 * customers["before"] + 1)
    with pytest.raises(ConfigError, match="'before', 'twice' say the same twice"):
        compare_means(twice, "spend", ["before", "twice"], measured_at="before")
    with pytest.raises(ConfigError, match="'spend' is named twice"):
        compare_means(customers, "spend", "spend", measured_at="before")
    with pytest.raises(ConfigError, match="level is 95"):
        compare_means(customers, "spend", level=95)
    with pytest.raises(ExperimentError, match="'spend' is missing or infinite for 1 unit"):
        compare_means(customers.assign(spend=customers["spend"].mask(customers.index == 0)), "spend")


def test_ratios_without_a_denominator_are_refused(customers: pd.DataFrame) -> None:
    with pytest.raises(NotEnoughDataError, match=r"'orders' is 0\.000 a unit in letter"):
        compare_ratios(
            customers.assign(orders=customers["orders"].mask(customers["arm"] == "letter", 0)), "spend", "orders"
        )
    with pytest.raises(NotEnoughDataError, match="standard error of at most 10% of it"):
        compare_ratios(customers.assign(orders=(customers.index % 100 == 0)), "spend", "orders")
    with pytest.raises(
        NotEnoughDataError, match="spend / orders is the same for every unit in control, coupon, letter"
    ):
        compare_ratios(customers.assign(spend=1.1 * customers["orders"]), "spend", "orders")
    with pytest.raises(ConfigError, match="a ratio needs two columns"):
        compare_ratios(customers, "spend", "spend")


@pytest.fixture(scope="module")
def spenders() -> pd.DataFrame:
    """Most buy nothing, few buy much; the offer has no effect."""
    random = np.random.default_rng(3)
    spend = np.where(random.random(4000) < 0.2, random.lognormal(3, 1.5, 4000).round(), 0.0)
    return pd.DataFrame({"arm": ["control", "offer"] * 2000, "spend": spend})


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_bootstrap_is_the_same_again_and_on_every_engine(spenders: pd.DataFrame, engine: str) -> None:
    first = bootstrap_difference(spenders, "spend", seed=4, draws=400)
    pd.testing.assert_frame_equal(
        bootstrap_difference(ENGINES[engine](spenders), "spend", seed=4, draws=400).frame, first.frame
    )
    other = bootstrap_difference(spenders, "spend", seed=5, draws=400).frame
    assert other["low"][0] != first.frame["low"][0]


def test_tails_of_each_arm(spenders: pd.DataFrame) -> None:
    found = bootstrap_difference(spenders, "spend", seed=4, draws=200, currency="USD")
    for row in found.tails.to_dict("records"):
        own = spenders.loc[spenders["arm"] == row["arm"], "spend"]
        assert row["top_share"] == pytest.approx(own.nlargest(20).sum() / own.sum())
        assert row["skewness"] == pytest.approx(own.skew() * 1998 / math.sqrt(2000 * 1999))
        assert row["needed"] == math.ceil(355 * row["skewness"] ** 2)
    assert "The means rest on few customers" in found.sentence()
    assert "offer, t-test" in found.plot().alt
    even = bootstrap_difference(spenders.assign(spend=np.arange(4000) % 7), "spend", seed=4, draws=200)
    assert not even.rests_on_few
    assert "rest on few" not in even.sentence()


def test_bootstrap_agrees_with_the_t_test_where_that_holds_whichever_way_it_draws() -> None:
    random = np.random.default_rng(6)
    frame = pd.DataFrame({"arm": ["control", "offer"] * 600, "spend": random.normal(50, 10, 1200)})
    for values in (frame, frame.assign(spend=frame["spend"].round(-1))):
        row = bootstrap_difference(values, "spend", seed=1, draws=4000).frame.iloc[0]
        assert row[["low", "high"]].to_list() == pytest.approx(row[["welch_low", "welch_high"]].to_list(), abs=0.1)
    few = bootstrap_difference(frame.assign(spend=frame["spend"].round(-1)), "spend", seed=1, draws=200)
    assert few.frame["difference"][0] == pytest.approx(
        compare_means(frame.assign(spend=frame["spend"].round(-1)), "spend").frame["difference"][0]
    )


def test_bootstrap_refuses_what_cannot_be_drawn_from(spenders: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="draws is 100"):
        bootstrap_difference(spenders, "spend", seed=1, draws=100)
    with pytest.raises(NotEnoughDataError, match="control has 5 units"):
        bootstrap_difference(spenders.head(10), "spend", seed=1)
    with pytest.raises(NotEnoughDataError, match="without differences between units"):
        bootstrap_difference(spenders.assign(spend=0), "spend", seed=1)
