"""The sums of each arm: the same on every engine, exact far from 0, and bad input named."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers.errors import ConfigError, ExperimentError
from clvhelpers.experiments import arm_counts, arm_sums, compare_means


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    random = np.random.default_rng(12)
    before = random.gamma(2, 10, 300)
    return pd.DataFrame(
        {
            "arm": random.choice(["control", "b", "a"], 300),
            "before": before,
            "after": 1e9 + before + random.normal(size=300),
            "kept": random.random(300) < 0.4,
        }
    )


@pytest.mark.parametrize("engine", ["pandas", "polars", "lazy", "duckdb"])
def test_sums_are_those_of_pandas_on_every_engine_also_far_from_zero(frame: pd.DataFrame, engine: str) -> None:
    native = {
        "pandas": lambda: frame,
        "polars": lambda: pl.from_pandas(frame),
        "lazy": lambda: pl.from_pandas(frame).lazy(),
        "duckdb": lambda: duckdb.from_df(frame),
    }[engine]()
    sums = arm_sums(native, ["before", "after"])
    assert sums.arms == ["control", "a", "b"]
    for arm, rows in frame.groupby("arm"):
        assert sums.units[str(arm)] == len(rows)
        np.testing.assert_allclose(sums.means[str(arm)], rows[["before", "after"]].mean())
        np.testing.assert_allclose(sums.covariances[str(arm)], rows[["before", "after"]].cov(), rtol=1e-6)


def test_only_the_wanted_covariances_are_made_and_the_others_never_used(frame: pd.DataFrame) -> None:
    columns = ["before", "after", "kept"]
    every, some = arm_sums(frame, columns), arm_sums(frame, columns, pairs=[("after", "before")])
    for arm in every.arms:
        assert some.mean(arm, "kept") == every.mean(arm, "kept")
        for first, second in [("before", "before"), ("kept", "kept"), ("before", "after"), ("after", "before")]:
            assert some.covariance(arm, first, second) == every.covariance(arm, first, second)
    assert compare_means(some, "after", "before", measured_at="before").frame.equals(
        compare_means(every, "after", "before", measured_at="before").frame
    )
    with pytest.raises(ExperimentError, match="no covariance of kept and before: name the two in `pairs`"):
        compare_means(some, "kept", "before", measured_at="before")
    with pytest.raises(ConfigError, match="pairs names spend, and columns are before, after, kept"):
        arm_sums(frame, columns, pairs=[("before", "spend")])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("engine", [pl.from_pandas, duckdb.from_df, lambda frame: frame])
def test_a_value_that_is_no_number_is_refused_on_every_engine(frame: pd.DataFrame, engine: Any, bad: float) -> None:
    broken = frame.assign(before=frame["before"].where(frame.index != 7, bad))
    with pytest.raises(ExperimentError, match="'before' is missing or infinite for 1 unit"):
        arm_sums(engine(broken), ["kept", "before"])


def test_first_rows_unlike_the_others_cost_no_digits() -> None:
    random = np.random.default_rng(4)
    spend = np.concatenate([random.normal(0, 1, 2000), random.normal(1e7, 1, 18000)])
    frame = pd.DataFrame({"arm": np.repeat(["control", "offer"], [2000, 18000]), "spend": spend, "same": 0.1})
    sums = arm_sums(frame, ["spend", "same"])
    for arm, rows in frame.groupby("arm"):
        assert sums.mean(str(arm), "spend") == pytest.approx(rows["spend"].mean(), abs=1e-6)
        assert sums.covariance(str(arm), "spend", "spend") == pytest.approx(rows["spend"].var(), rel=1e-6)
        assert sums.covariance(str(arm), "same", "same") == pytest.approx(0, abs=1e-30)


def test_counts_are_the_same_from_a_frame_and_by_hand(frame: pd.DataFrame) -> None:
    by_hand = {str(arm): (int(rows["kept"].sum()), len(rows)) for arm, rows in frame.groupby("arm")}
    counts = arm_counts(frame, "kept")
    assert counts == arm_counts(by_hand)
    assert arm_counts(counts) is counts
    assert counts.control == "control"


def test_every_problem_of_a_frame_is_named_at_once(frame: pd.DataFrame) -> None:
    broken = frame.assign(before=frame["before"].mask(frame.index < 2), arm=frame["arm"].mask(frame.index == 5))
    with pytest.raises(ExperimentError) as caught:
        arm_sums(broken, ["before"], control="c")
    assert [problem[:40] for problem in caught.value.problems] == [
        "1 unit without an arm: find out from the",
        "'before' is missing or infinite for 2 un",
        "no arm is called 'c': name the control, ",
    ]


def test_impossible_counts_and_columns_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(ExperimentError, match="5 of 4 units"):
        arm_counts({"control": (5, 4), "offer": (1, 4)})
    with pytest.raises(ExperimentError, match="nobody is in the arm offer"):
        arm_counts({"control": (1, 4), "offer": (0, 0)})
    with pytest.raises(ExperimentError, match="only the arm control is there"):
        arm_counts({"control": (1, 4)})
    with pytest.raises(ExperimentError, match="other values than 0 and 1"):
        arm_counts(frame, "before")
    with pytest.raises(ExperimentError, match="no column 'spend'"):
        arm_sums(frame, ["spend"])
    with pytest.raises(ExperimentError, match="not numbers"):
        arm_sums(frame, ["arm"])
    with pytest.raises(ConfigError, match="outcome is missing"):
        arm_counts(frame)
    with pytest.raises(ExperimentError, match="the sums hold before, not after"):
        arm_sums(arm_sums(frame, ["before"]), ["after"])
