"""CUPED and ratios against published numbers, statsmodels and tea-tasting."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import tea_tasting as tt
from scipy import stats

from clvhelpers.experiments import MeanComparison, bootstrap_difference, compare_means, compare_rates, compare_ratios


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    """Reference numbers 4.6: 20,000 customers, true effect 0.5."""
    rng, n = np.random.default_rng(2024), 20_000
    before, noise, treated = rng.gamma(2, 10, n), rng.normal(0, 12, n), rng.integers(0, 2, n)
    spend = 5 + 0.8 * before + noise + 0.5 * treated
    return pd.DataFrame({"arm": np.where(treated, "offer", "control"), "before": before, "spend": spend})


@pytest.fixture(scope="module")
def found(customers: pd.DataFrame) -> MeanComparison:
    return compare_means(customers, "spend", "before", measured_at="before")


def test_cuped(found: MeanComparison) -> None:
    row = found.frame.iloc[0]
    assert found.theta["before"] == pytest.approx(0.790341, abs=5e-7)
    assert found.correlation == pytest.approx(0.680683, abs=5e-7)
    assert (row["raw_difference"], row["raw_p_value"]) == pytest.approx((0.231944, 0.3134), abs=5e-5)
    assert (row["difference"], row["p_value"]) == pytest.approx((0.400569, 0.017457), abs=5e-7)
    assert row["variance_ratio"] == pytest.approx(0.536548, abs=5e-7)
    assert row["variance_ratio"] == pytest.approx(1 - found.correlation**2, abs=2e-4)  # 0.536671


def test_standard_errors_are_those_of_welch(customers: pd.DataFrame, found: MeanComparison) -> None:
    """Published as 0.230058 and 0.168516, which are half the t interval over 1.96; Welch's are White's HC2."""
    row = found.frame.iloc[0]
    treated = sm.add_constant((customers["arm"] == "offer").astype(float))
    adjusted = customers["spend"] - found.theta["before"] * customers["before"]
    for values, prefix, published in [(customers["spend"], "raw_", 0.230058), (adjusted, "", 0.168516)]:
        assert (row[f"{prefix}high"] - row[f"{prefix}low"]) / 2 / 1.96 == pytest.approx(published, abs=5e-7)
        white = sm.OLS(values, treated).fit(cov_type="HC2").bse["arm"]
        assert row[f"{prefix}standard_error"] == pytest.approx(white, rel=1e-9)


def test_regression_on_the_covariate_says_nearly_the_same(customers: pd.DataFrame, found: MeanComparison) -> None:
    """Analysis of covariance, and Lin (2013), Annals of Applied Statistics 7, 295-318: with interaction."""
    treated, off = (customers["arm"] == "offer").astype(float), customers["before"] - customers["before"].mean()
    plain = sm.OLS(customers["spend"], np.column_stack([treated, off, np.ones(len(off))])).fit(cov_type="HC2")
    columns = np.column_stack([treated, off, treated * off, np.ones(len(off))])
    lin = sm.OLS(customers["spend"], columns).fit(cov_type="HC2")
    assert (plain.params.iloc[0], plain.bse.iloc[0]) == pytest.approx((0.400592, 0.168514), abs=5e-7)
    assert (lin.params.iloc[0], lin.bse.iloc[0]) == pytest.approx((0.400603, 0.168516), abs=5e-7)
    ours = found.frame.iloc[0][["difference", "standard_error"]].to_list()
    assert ours == pytest.approx([plain.params.iloc[0], plain.bse.iloc[0]], abs=3e-5)


def tea_tasting(customers: pd.DataFrame, metric: tt.metrics.MetricBase[Any]) -> dict[str, float]:
    arms = customers.assign(variant=(customers["arm"] == "offer").astype(int))
    found: Any = tt.Experiment(metric=metric).analyze(arms)
    return dict(found["metric"]._asdict())


@pytest.mark.parametrize(("covariate", "prefix"), [("before", ""), (None, "raw_")])
def test_tea_tasting_agrees(customers: pd.DataFrame, found: MeanComparison, covariate: str | None, prefix: str) -> None:
    theirs, row = tea_tasting(customers, tt.Mean("spend", covariate)), found.frame.iloc[0]
    names = {"difference": "effect_size", "low": "effect_size_ci_lower", "high": "effect_size_ci_upper"}
    for ours, other in (names | {"p_value": "pvalue"}).items():
        assert row[prefix + ours] == pytest.approx(theirs[other], rel=1e-9)
    if covariate:
        assert row["control_mean"] == pytest.approx(theirs["control"], rel=1e-9)
        # theirs is by the logarithm of the ratio, ours is Fieller's
        ends = [theirs["rel_effect_size_ci_lower"], theirs["rel_effect_size_ci_upper"]]
        assert row[["relative_low", "relative_high"]].to_list() == pytest.approx(ends, abs=2e-5)


def test_tea_tasting_agrees_on_ratios(customers: pd.DataFrame) -> None:
    orders = 1 + np.random.default_rng(1).poisson(customers["before"] / 10)
    own = customers.assign(orders=orders)
    row, theirs = (
        compare_ratios(own, "spend", "orders").frame.iloc[0],
        tea_tasting(own, tt.RatioOfMeans("spend", "orders")),
    )
    names = {"control_ratio": "control", "ratio": "treatment", "difference": "effect_size", "p_value": "pvalue"}
    ends = {"low": "effect_size_ci_lower", "high": "effect_size_ci_upper"}
    for ours, other in (names | ends).items():
        assert row[ours] == pytest.approx(theirs[other], rel=1e-9)


def test_tea_tasting_is_no_guide_to_differences_of_rates() -> None:
    """Its interval (pooled variance, with correction for continuity) is too wide: published coverage .997 and width
    .107 at 200 and 2,000 customers of .05 and .15, where Newcombe's has .952 and .070."""
    random, runs = np.random.default_rng(5), 25
    rates, sizes = {"control": 0.05, "offer": 0.15}, {"control": 200, "offer": 2000}
    arms = np.repeat(list(sizes), list(sizes.values()))
    theirs, ours = [], []
    for _ in range(runs):
        kept = {arm: random.binomial(sizes[arm], rate) for arm, rate in rates.items()}
        outcome = np.concatenate([np.arange(n) < kept[arm] for arm, n in sizes.items()]).astype(int)
        told = tea_tasting(pd.DataFrame({"arm": arms, "outcome": outcome}), tt.Proportion("outcome"))
        theirs.append([told["effect_size_ci_lower"], told["effect_size_ci_upper"]])
        counts = {arm: (kept[arm], sizes[arm]) for arm in sizes}
        ours.append(compare_rates(counts).frame.iloc[0][["low", "high"]].to_list())
    widths = {name: np.mean(np.diff(ends, axis=1)) for name, ends in (("theirs", theirs), ("ours", ours))}
    assert widths == pytest.approx({"theirs": 0.107, "ours": 0.070}, abs=0.002)


def test_bootstrap_is_that_of_scipy() -> None:
    """BCa of two samples, with many draws of each: ends are the same but for the draws."""
    random = np.random.default_rng(1)
    arms = {"control": random.lognormal(1, 1, 400).round(2), "offer": random.lognormal(1.1, 1, 60).round(2)}
    frame = pd.DataFrame({"arm": np.repeat(list(arms), [400, 60]), "spend": np.concatenate(list(arms.values()))})
    row = bootstrap_difference(frame, "spend", seed=2, draws=20_000).frame.iloc[0]
    theirs = stats.bootstrap(
        (arms["offer"], arms["control"]),
        lambda first, second, axis: first.mean(axis=axis) - second.mean(axis=axis),
        n_resamples=20_000,
        method="BCa",
        rng=3,
    ).confidence_interval
    assert (row["low"], row["high"]) == pytest.approx((theirs.low, theirs.high), abs=0.05)
    shift = row["welch_low"] - theirs.low, row["welch_high"] - theirs.high
    assert min(map(abs, shift)) > 0.1, "the test can tell BCa from the normal interval"
