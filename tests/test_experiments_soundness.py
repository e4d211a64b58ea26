"""Soundness: sizes of arms, units, what was known before exposure, and A/A splits; each kind of bad input is named."""

import datetime as dt
from collections.abc import Callable
from math import comb
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers.errors import (
    ConfigError,
    ExperimentError,
    NotEnoughDataError,
    PostTreatmentCovariateError,
    SampleRatioWarning,
)
from clvhelpers.experiments.arms import ArmSums, arm_sums
from clvhelpers.experiments.balance import balance, joint_test
from clvhelpers.experiments.resplit import aa_check
from clvhelpers.experiments.sample_ratio import sample_ratio
from clvhelpers.experiments.units import check_units, refuse_post_treatment
from tests.figures import title_of

ENGINES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "duckdb": duckdb.from_df,
}
engines = pytest.mark.parametrize("engine", ENGINES)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """4,000 units assigned by chance; of those of the offer a fifth of the tablets is lost."""
    rng = np.random.default_rng(4)
    n = 4000
    units = pd.DataFrame(
        {
            "customer_id": [f"c{i:04}" for i in range(n)],
            "arm": rng.choice(["control", "offer"], n),
            "device": rng.choice(["phone", "tablet", None], n, p=[0.6, 0.3, 0.1]),
            "exposed_at": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 30 * 24, n), unit="h"),
            "orders": rng.poisson(2, n),
            "spend": rng.gamma(1, 30, n),
        }
    )
    lost = (units["arm"] == "offer") & (units["device"] == "tablet") & (rng.random(n) < 0.3)
    return units[~lost].reset_index(drop=True)


# sizes of the arms


@engines
def test_sizes_by_group_and_of_the_mature_on_every_engine(frame: pd.DataFrame, engine: str) -> None:
    with pytest.warns(SampleRatioWarning, match="The split is broken"):
        found = sample_ratio(
            ENGINES[engine](frame), by="device", exposed_at="exposed_at", end="2026-02-05", follow_up=14
        )
    checks = found.frame.set_index("check")
    groups = ["device: (missing)", "device: phone", "device: tablet"]
    assert checks.index.to_list()[:2] == ["all units", "mature units"]
    assert sorted(checks.index[2:]) == groups
    mature = frame[frame["exposed_at"] < "2026-01-23"]  # 14 days and more before the last day
    assert checks.loc["mature units", "units"] == len(mature)
    assert checks.loc["device: (missing)", "units"] == frame["device"].isna().sum()
    assert checks.loc["all units", "adjusted_p_value"] == checks.loc["all units", "p_value"]
    smallest = checks.loc[groups, "p_value"].min()
    assert checks.loc["device: tablet", "adjusted_p_value"] == pytest.approx(3 * smallest)  # Holm
    assert (found.worst_group, found.verdict, found.passed) == ("device: tablet", "failed", False)
    assert "most uneven group is device: tablet" in found.sentence()
    shown = found.plot()
    assert title_of(shown).startswith("Of device tablet ")
    assert title_of(shown) in shown.alt


def test_chi_squared_and_multinomial_are_those_of_scipy() -> None:
    from scipy.stats import chisquare, multinomial

    shares = {"control": 0.6, "a": 0.3, "b": 0.1}
    counts = {"control": 640, "a": 290, "b": 130}
    found = sample_ratio(counts, {"control": 6, "a": 3, "b": 1})
    expected = chisquare(list(counts.values()), 1060 * np.array(list(shares.values())))
    assert (found.frame["statistic"][0], found.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    small = sample_ratio({"control": 4, "a": 7, "b": 1}, shares)
    splits = [(i, j, 12 - i - j) for i in range(13) for j in range(13 - i)]
    chances = multinomial(12, list(shares.values())).pmf(splits)
    seen = multinomial(12, list(shares.values())).pmf([4, 7, 1])
    assert small.frame["method"][0] == "exact"
    assert small.p_value == pytest.approx(chances[chances <= seen * (1 + 1e-9)].sum())


def test_the_exact_test_fails_no_oftener_than_promised() -> None:
    with pytest.warns(SampleRatioWarning):
        p_values = np.array([sample_ratio({"a": k, "b": 24 - k}, method="exact").p_value for k in range(25)])
    chance = np.array([comb(24, k) for k in range(25)]) / 2**24
    for alpha in (0.001, 0.01, 0.05):
        assert alpha / 8 < chance[p_values <= alpha].sum() <= alpha


def test_counts_of_other_results_are_taken_and_nobody_in_an_arm_fails(frame: pd.DataFrame) -> None:
    by_hand = frame["arm"].value_counts().to_dict()
    sums = arm_sums(frame, ["spend"])
    assert sample_ratio(sums).p_value == sample_ratio(by_hand).p_value
    with pytest.warns(SampleRatioWarning):
        found = sample_ratio({"control": (10, 50), "offer": (0, 0)})
    assert found.frame["statistic"][0] == pytest.approx(50)  # 25 planned in each


def test_splits_that_cannot_be_checked_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(ExperimentError, match="2 units without an arm"):
        sample_ratio(frame.assign(arm=frame["arm"].mask(frame.index < 2)))
    with pytest.raises(ExperimentError) as caught:
        sample_ratio({"control": 10, "b": 9}, {"a": 1})
    assert len(caught.value.problems) == 3
    with pytest.raises(ExperimentError, match="nobody is in any arm"):
        sample_ratio({"control": 0, "offer": 0})
    with pytest.raises(ExperimentError, match="no column 'browser'"):
        sample_ratio(frame, by="browser")
    with pytest.raises(ConfigError, match="follow_up is missing"):
        sample_ratio(frame, exposed_at="exposed_at", end="2026-02-01")
    with pytest.raises(ConfigError, match="expected a number above 0"):
        sample_ratio({"control": 10, "offer": 9}, {"control": 1, "offer": 0})
    with pytest.raises(ConfigError, match="method is 'g'"):
        sample_ratio({"control": 10, "offer": 9}, method="g")
    with pytest.raises(ConfigError, match="counts have no columns"):
        sample_ratio({"control": 10, "offer": 9}, by="device")
    with pytest.raises(ConfigError, match="too many to find anything"):
        sample_ratio(frame, by="customer_id")
    with pytest.raises(NotEnoughDataError, match="no unit was followed for 90 days"):
        sample_ratio(frame, exposed_at="exposed_at", end="2026-02-01", follow_up=90)
    with pytest.raises(NotEnoughDataError, match="too many splits for the exact test"):
        sample_ratio({"a": 40000, "b": 41000, "c": 3}, {"a": 10000, "b": 10000, "c": 1})
    with pytest.raises(PostTreatmentCovariateError):
        sample_ratio(frame, by="device", measured_at="after")


# units


@engines
def test_every_problem_of_the_units_is_named_at_once(engine: str) -> None:
    days = pd.to_datetime(["2026-01-05"] * 7)
    units = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "b", "c", "d", None],
            "arm": ["control", "offer", "offer", "offer", None, "control", "control"],
            "exposed_at": days.where([True] * 5 + [False] + [True]),
            "bought_at": pd.to_datetime(["2026-01-04"] + [None] * 5 + ["2026-01-09"]),
            "stay": [1.0, 2, -1, 3, 4, 5, 6],
        }
    )
    log = pd.DataFrame({"customer_id": ["d", "d", "e"], "arm": ["control", "offer", "offer"]})
    with pytest.raises(ExperimentError) as caught:
        check_units(
            ENGINES[engine](units),
            exposed_at="exposed_at",
            outcome_at="bought_at",
            durations=["stay"],
            end="2026-01-10",
            window=7,
            pre_period_until="2026-01-06",
            assignments=ENGINES[engine](log),
        )
    assert [problem[:46] for problem in caught.value.problems] == [
        "1 row without 'customer_id': nobody knows whos",
        "1 unit without an arm: find out from the assig",
        "1 unit in two arms or more (a): such a unit sa",
        "1 unit with more than one row (b): rows of one",
        "1 unit changed arm over time by the log of ass",
        "1 unit with 'stay' below 0 (b): a duration run",
        "1 unit without a date of exposure (d): give th",
        "1 unit with an outcome before exposure (a): th",
        "6 units followed for less than the window of 7",
        "6 units with a pre-period that goes on after e",
    ]


@engines
def test_sound_units_pass_and_say_what_was_checked(frame: pd.DataFrame, engine: str) -> None:
    found = check_units(
        ENGINES[engine](frame),
        exposed_at="exposed_at",
        durations=["spend"],
        end=dt.date(2026, 2, 15),
        pre_period_until="2026-01-01",
    )
    assert found.sentence().startswith(f"{len(frame):,} units checked and in order: every unit has an id and an arm; ")
    assert found.frame["check"].to_list()[-1] == "every arm was followed for as long"


def test_follow_up_that_differs_between_arms_is_named(frame: pd.DataFrame) -> None:
    later = frame["exposed_at"] + pd.to_timedelta(np.where(frame["arm"] == "offer", 3, 0), unit="D")
    with pytest.raises(ExperimentError, match=r"followed for unlike times \(mean days: control 2.*, offer 2"):
        check_units(frame.assign(exposed_at=later), exposed_at="exposed_at", end="2026-02-10")
    with pytest.raises(ExperimentError, match=r"exposed after the last observed day \(2026-01-10; c"):
        check_units(frame, exposed_at="exposed_at", end="2026-01-10", window=0)


def test_checks_that_lack_what_they_need_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="exposed_at is missing"):
        check_units(frame, end="2026-02-10")
    with pytest.raises(ConfigError, match="end is missing"):
        check_units(frame, exposed_at="exposed_at", window=7)
    with pytest.raises(ExperimentError, match="'device' holds String, not dates"):
        check_units(pl.from_pandas(frame), exposed_at="device")
    with pytest.raises(ExperimentError, match="no column 'user'"):
        check_units(frame, unit="user")
    zoned = frame.assign(exposed_at=frame["exposed_at"].dt.tz_localize("UTC"))
    with pytest.raises(ExperimentError, match="has the time zone UTC"):
        check_units(zoned, exposed_at="exposed_at")


# what was measured after exposure


@engines
def test_what_was_measured_after_exposure_is_refused(frame: pd.DataFrame, engine: str) -> None:
    stamped = frame.assign(seen_at=frame["exposed_at"] + pd.to_timedelta(np.where(frame.index == 7, 1, 0), unit="h"))
    native = ENGINES[engine](stamped)
    refuse_post_treatment(native, ["orders"], "exposed_at")
    refuse_post_treatment(native, ["orders"], dt.date(2026, 1, 1))
    refuse_post_treatment(native, ["orders", "spend"], {"orders": "before", "spend": dt.datetime(2026, 1, 1)})
    with pytest.raises(PostTreatmentCovariateError, match=f"'spend' .* exposure of 1 of {len(frame):,} units"):
        refuse_post_treatment(native, ["orders", "spend"], {"orders": "exposed_at", "spend": "seen_at"})
    with pytest.raises(PostTreatmentCovariateError, match=f"{len(frame):,} of {len(frame):,} units"):
        refuse_post_treatment(native, ["orders"], "2026-01-03", "2026-01-02")


def test_a_covariate_of_which_nobody_says_when_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="when were 'orders' measured"):
        refuse_post_treatment(frame, ["orders", "spend"], {"spend": "before"})
    with pytest.raises(PostTreatmentCovariateError, match="as you say"):
        refuse_post_treatment(None, ["orders"], "after")
    with pytest.raises(ExperimentError, match="no column 'soon', and it is no day"):
        refuse_post_treatment(frame, ["orders"], "soon")
    unknown = frame.assign(exposed_at=frame["exposed_at"].mask(frame.index == 1), seen_at=pd.Timestamp("2025-12-01"))
    unknown.loc[2, "seen_at"] = pd.NaT
    with pytest.raises(ExperimentError) as caught:
        refuse_post_treatment(unknown, ["orders"], "seen_at")
    assert not isinstance(caught.value, PostTreatmentCovariateError)
    assert [problem[:30] for problem in caught.value.problems] == [
        "1 unit without the date at whi",
        "1 unit without a date of expos",
    ]


# balance


@engines
def test_balance_finds_the_lost_tablets_on_every_engine(frame: pd.DataFrame, engine: str) -> None:
    found = balance(ENGINES[engine](frame), ["orders", "spend", "device"], measured_at="before")
    assert found.tests["covariate"].to_list() == ["orders", "spend", "device", "all together"]
    tests = found.tests.set_index("covariate")
    assert tests["degrees_of_freedom"].to_list() == [1, 1, 2, 4]
    assert (tests.loc[["orders", "spend"], "p_value"] > 0.01).all()
    table = pd.crosstab(frame["device"].fillna("?"), frame["arm"])
    expected = np.outer(table.sum(axis=1), table.sum()) / len(frame)
    pearson = ((table - expected) ** 2 / expected).to_numpy().sum()
    assert tests.loc["device", "statistic"] == pytest.approx(pearson * (len(frame) - 1) / len(frame))
    assert (found.verdict, found.passed) == ("failed", False)
    assert "The largest difference is in device: phone: " in found.sentence()
    shown = found.plot()
    assert title_of(shown).endswith("in device: phone")
    assert "orders " in shown.alt


def test_standardised_differences_are_those_of_their_definition(frame: pd.DataFrame) -> None:
    found = balance(frame, ["spend"], control="offer", measured_at="before").frame.iloc[0]
    arms = frame.groupby("arm")["spend"]
    deviation = np.sqrt(arms.var().mean())
    difference = arms.mean()["control"] - arms.mean()["offer"]
    assert found["difference"] == pytest.approx(difference)
    assert found["standardised_difference"] == pytest.approx(difference / deviation)


def test_the_joint_test_fails_as_rarely_as_promised_with_columns_that_are_sums_of_others() -> None:
    rng = np.random.default_rng(8)
    p_values = []
    for _ in range(250):
        known = rng.gamma(1, size=(120, 2))
        known = np.column_stack([known, known.sum(axis=1)])
        arms = dict(zip(["control", "a", "b"], np.split(known, [40, 80]), strict=True))
        sums = ArmSums(
            ("x", "y", "both"),
            dict.fromkeys(arms, 40),
            {name: rows.mean(axis=0) for name, rows in arms.items()},
            {name: np.cov(rows.T) for name, rows in arms.items()},
        )
        found = joint_test(sums, ["x", "y", "both"])
        assert found["degrees_of_freedom"] == 4
        p_values.append(found["p_value"])
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.035)
    assert np.mean(np.array(p_values) < 0.5) == pytest.approx(0.5, abs=0.08)


def test_covariates_that_cannot_be_compared_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="when were 'orders' measured"):
        balance(frame, ["orders"])
    with pytest.raises(PostTreatmentCovariateError):
        balance(frame, ["orders"], measured_at="2026-01-15")
    with pytest.raises(ConfigError, match="covariates is empty"):
        balance(frame, [], measured_at="before")
    with pytest.raises(ConfigError, match="'customer_id' has more than 50 labels"):
        balance(frame, ["customer_id"], measured_at="before")
    with pytest.raises(ExperimentError, match="no column 'age'"):
        balance(frame, ["age"], measured_at="before")
    with pytest.raises(ExperimentError, match="'same' is the same for all units of an arm"):
        balance(frame.assign(same=1), ["same"], measured_at="before")
    with pytest.raises(NotEnoughDataError, match="an arm needs 10 units"):
        balance(frame.groupby("arm").head(5), ["orders"], measured_at="before")


# A/A


def test_splits_of_customers_are_even_and_those_of_their_rows_are_not(frame: pd.DataFrame) -> None:
    from scipy.stats import kstest, ttest_ind

    even = aa_check(pl.from_pandas(frame), "spend", splits=400, seed=1)
    assert even.passed
    assert even.uniform_p_value == pytest.approx(kstest(even.p_values, "uniform").pvalue, abs=0.01)
    second = np.random.default_rng(1).random((1, len(frame)))[0] < 0.5
    by_scipy = ttest_ind(frame["spend"][second], frame["spend"][~second], equal_var=False).pvalue
    assert even.p_values[0] == pytest.approx(by_scipy, abs=1e-4)
    assert "where 5% are promised: the comparison holds" in even.sentence()
    rows = frame.loc[frame.index.repeat(1 + frame["orders"] * 3)]
    uneven = aa_check(rows, "spend", unit="customer_id", splits=400, seed=1)
    assert not uneven.passed
    assert uneven.frame["low"][1] > 0.2
    assert "its p-values can't be believed" in uneven.sentence()
    shown = uneven.plot()
    assert title_of(shown).endswith("where 5% are promised")
    assert shown.figure.axes[0].patches[0].get_height() == uneven.frame["below"][1]


def test_splits_that_tell_nothing_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(NotEnoughDataError, match="'same' is 1 for every unit"):
        aa_check(frame.assign(same=1), "same", seed=1)
    with pytest.raises(NotEnoughDataError, match="9 units: splits of fewer than 100"):
        aa_check(frame.head(9), "spend", seed=1)
    with pytest.raises(ExperimentError, match="missing or infinite in 1 row"):
        aa_check(frame.assign(spend=frame["spend"].mask(frame.index == 3)), "spend", seed=1)
    with pytest.raises(ExperimentError, match="'device' holds"):
        aa_check(frame, "device", seed=1)
    with pytest.raises(ExperimentError, match="no column 'user'"):
        aa_check(frame, "spend", unit="user", seed=1)
    with pytest.raises(ConfigError) as caught:
        aa_check(frame, "spend", share=1, splits=3, seed=1)
    assert len(caught.value.problems) == 2
