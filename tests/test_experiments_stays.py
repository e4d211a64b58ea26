"""Staying by arm: by hand, how often the interval holds, and stays that can't be compared."""

import warnings

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import binom

from clvhelpers import datasets
from clvhelpers.churn import kaplan_meier
from clvhelpers.errors import ConfigError, DataContractError, ExperimentError, FollowUpWarning, NotEnoughDataError
from clvhelpers.experiments import compare_rates, compare_stays
from clvhelpers.experiments.rates import combined_interval
from tests.figures import title_of


def simulated(
    rng: np.random.Generator, units: int, lives: dict[str, float], watched: tuple[float, float] = (4, 12)
) -> pd.DataFrame:
    """Lives with a constant churn rate; `lives` has the mean life of each arm in months."""
    arm = np.repeat(list(lives), units)
    life = rng.exponential(np.repeat(list(lives.values()), units))
    until = rng.uniform(*watched, len(arm))
    return pd.DataFrame({"arm": arm, "duration": np.minimum(life, until), "left": life <= until})


@pytest.fixture(scope="module")
def stays() -> pd.DataFrame:
    return simulated(np.random.default_rng(5), 400, {"control": 8, "offer": 14, "a letter": 8})


def test_without_censoring_it_is_the_comparison_of_rates() -> None:
    life = {"control": [1, 2, 2, 3, 5, 7, 8, 9], "offer": [2, 4, 6, 8, 8, 9]}
    rows = pd.DataFrame(
        [(arm, age, True) for arm, ages in life.items() for age in ages], columns=["arm", "duration", "left"]
    )
    found = compare_stays(rows, ages=[4], scale="plain")
    counts = {arm: (sum(age > 4 for age in ages), len(ages)) for arm, ages in life.items()}
    rates = compare_rates(counts).frame.iloc[0]
    row = found.retention.iloc[0]
    for name in ("control_rate", "rate", "difference"):
        assert row[name] == pytest.approx(rates[name])
    variances = [ones / n * (1 - ones / n) / n for ones, n in counts.values()]
    assert row["standard_error"] == pytest.approx(np.sqrt(sum(variances)))
    assert found.horizon == 9
    assert found.frame.loc[0, "difference"] == pytest.approx(np.mean(life["offer"]) - np.mean(life["control"]))


def test_each_arm_stands_against_the_control_and_known_lives_come_out(stays: pd.DataFrame) -> None:
    found = compare_stays(stays, horizon=10, ages=[3, 6], level=0.999)
    assert found.curves.groups == ["control", "a letter", "offer"]
    assert found.frame["arm"].to_list() == ["a letter", "offer"]
    truth = {arm: life * (1 - np.exp(-10 / life)) for arm, life in {"control": 8, "offer": 14, "a letter": 8}.items()}
    for row in found.frame.to_dict("records"):
        assert row["low"] < truth[row["arm"]] - truth["control"] < row["high"]
    p_values = found.frame.set_index("arm")["p_value"]
    assert p_values["offer"] < 0.001
    assert p_values["a letter"] > 0.001
    assert found.retention[["age", "arm"]].to_numpy().tolist() == [
        [3, "a letter"],
        [3, "offer"],
        [6, "a letter"],
        [6, "offer"],
    ]
    offer = found.retention.query("arm == 'offer' and age == 6").iloc[0]
    assert offer["low"] < np.exp(-6 / 14) - np.exp(-6 / 8) < offer["high"]


def test_the_interval_of_retention_at_an_age_holds_as_often_as_it_says() -> None:
    """Exact, for all that 20 units an arm may do of whom 87% and 70% stay two months: a curve for each number."""
    n, stay = 20, (0.87, 0.70)
    leavers = np.repeat(np.arange(n + 1), n)
    left = np.tile(np.arange(n), n + 1) < leavers
    rows = pd.DataFrame({"leavers": leavers, "duration": np.where(left, 1, 3), "left": left})
    known = kaplan_meier(rows, "leavers").at([2])[["survival", "low", "high"]].to_numpy().T
    low, high = combined_interval(tuple(known[:, :, None]), tuple(known[:, None, :]))
    chance = np.outer(*(binom.pmf(range(n + 1), n, 1 - share) for share in stay))
    held = chance[(low <= stay[0] - stay[1]) & (stay[0] - stay[1] <= high)].sum()
    assert held == pytest.approx(0.95, abs=0.02)


def test_frames_of_any_engine_and_late_entries(stays: pd.DataFrame) -> None:
    late = stays.assign(entry=np.where(np.arange(len(stays)) % 3, 0, stays["duration"] / 2)).rename(
        columns={"arm": "group"}
    )
    expected = compare_stays(late, arm="group", horizon=6, ages=[3])
    assert expected.frame.loc[0, "mean"] != compare_stays(stays, horizon=6).frame.loc[0, "mean"]
    for data in (pl.from_pandas(late), duckdb.from_df(late)):
        found = compare_stays(data, arm="group", horizon=6, ages=[3])
        pd.testing.assert_frame_equal(found.frame, expected.frame)
        pd.testing.assert_frame_equal(found.retention, expected.retention)


def test_the_sentence_says_all_parts_and_the_scale(stays: pd.DataFrame) -> None:
    told = compare_stays(stays.query("arm != 'a letter'"), horizon=10, ages=[6]).sentence()
    for part in (
        "Of the first 10 months units of offer stay ",
        " on average, a difference of ",
        " months (95% interval ",
        "Over all ages the arms do not leave alike (log-rank test: chi-squared ",
        "At 6 months ",
        "which use those still there too (test on the scale of log(-log S)",
    ):
        assert part in told
    plain = compare_stays(stays.query("arm != 'offer'"), ages=[6], scale="plain").sentence()
    assert "the arms may leave alike" in plain
    assert "from the plain standard error" in plain


def test_where_nobody_of_an_arm_left_there_is_no_made_up_interval() -> None:
    rows = pd.DataFrame(
        {"arm": ["control"] * 6 + ["offer"] * 6, "duration": [1, 2, 3, 6, 6, 6] + [6] * 6, "left": [1, 1, 1] + [0] * 9}
    )
    found = compare_stays(rows, ages=[4])
    assert found.frame[["standard_error", "low", "high", "p_value"]].isna().all(axis=None)
    assert "without an interval, as in one of them nobody left by then" in found.sentence()
    row = found.retention.iloc[0]
    assert row["rate"] == 1
    assert row["low"] < row["difference"] < row["high"]
    assert np.isnan(row["p_value"])
    assert "no p-value" in found.sentence()
    assert title_of(found.plot()) == "Of the first 6 months offer stays 2.0 months longer than control"


def test_arms_watched_for_unequal_times_are_warned_of_with_the_time_they_share() -> None:
    rng = np.random.default_rng(2)
    late = pd.concat([simulated(rng, 150, {"control": 10}, (8, 12)), simulated(rng, 150, {"offer": 10}, (3, 6))])
    shared = late.groupby("arm")["duration"].max().min()
    with pytest.warns(FollowUpWarning, match="control .* months, offer .* months") as caught:
        found = compare_stays(late)
    assert f"All arms were seen for {shared:.1f} months at most" in str(caught[0].message)
    assert found.horizon == shared
    assert found.follow_up in found.sentence()
    with pytest.raises(NotEnoughDataError, match=f"Take a horizon of {shared:g} or less"):
        compare_stays(late, horizon=9)
    with pytest.raises(NotEnoughDataError, match=f"take ages of {shared:g} or less"):
        compare_stays(late, ages=[3, 9])


def test_equal_follow_up_is_not_warned_of_where_leaving_differs_in_the_last_month() -> None:
    """All are watched for 6 months; who left in month 6 was watched to the end."""
    rows = pd.DataFrame(
        {"arm": ["control"] * 200 + ["offer"] * 200, "duration": 6, "left": [1] * 90 + [0] * 110 + [1] * 10 + [0] * 190}
    )
    with warnings.catch_warnings(action="error"):
        assert compare_stays(rows.assign(duration=np.where(np.arange(400) % 7 == 0, 3, 6))).follow_up == ""


def test_stays_that_cant_be_compared(stays: pd.DataFrame) -> None:
    with pytest.raises(DataContractError, match="can't stay for less than no time"):
        compare_stays(stays.assign(duration=stays["duration"].where(stays.index > 0, -1)))
    with pytest.raises(ExperimentError) as caught:
        compare_stays(stays.query("arm == 'offer'").assign(arm=lambda rows: rows["arm"].where(rows.index != 400)))
    assert [problem[:40] for problem in caught.value.problems] == [
        "1 unit without an arm: find out from the",
        "nobody is in the arm 'control': name the",
        "only the arm offer is there: a compariso",
    ]
    with pytest.raises(ExperimentError, match="no column 'left' in the stays"):
        compare_stays(stays.drop(columns="left"))
    with pytest.raises(NotEnoughDataError, match="nobody left, in any group"):
        compare_stays(stays.assign(left=False))
    for wrong, message in (
        ({"scale": "log"}, "scale is 'log'"),
        ({"ages": [0]}, "ages are"),
        ({"level": 95}, "level is 95"),
        ({"unit": "moon"}, "unit is 'moon'"),
        ({"horizon": -1}, "horizon is -1"),
    ):
        with pytest.raises(ConfigError, match=message):
            compare_stays(stays, **wrong)  # type: ignore[arg-type]


def test_figures_of_curves_and_of_retention(stays: pd.DataFrame) -> None:
    found = compare_stays(stays, horizon=10, ages=[3, 6])
    shown = found.plot()
    assert title_of(shown).startswith("Of the first 10 months offer stays ")
    assert [line.get_label() for line in shown.figure.axes[0].get_lines()] == found.curves.groups
    retention = found.plot_retention()
    (dots,) = (line for line in retention.figure.axes[0].get_lines() if line.get_marker() == "o")
    assert dots.get_xdata() == pytest.approx(found.retention["difference"].to_list())
    assert title_of(retention).startswith("At 6 months ")
    assert title_of(retention) in retention.alt
    with pytest.raises(ConfigError, match="no ages were asked for"):
        compare_stays(stays).plot_retention()
    alike = compare_stays(stays.query("arm != 'offer'"), ages=[6]).plot_retention()
    assert title_of(alike) == "As many may be still there as in control, by chance alone"


@pytest.mark.parametrize("name", ["first_renewal", "permanent"])
def test_what_is_true_of_a_simulated_experiment_lies_in_its_intervals(name: str) -> None:
    experiment = datasets.load_experiment(name)
    found = compare_stays(experiment.frame, ages=[1, 6])
    for row in found.retention.to_dict("records"):
        assert row["low"] < experiment.truth[f"rate_difference_{row['age']}"] < row["high"]
    renewed = compare_rates(experiment.frame, "renewed").frame.iloc[0]
    assert renewed["difference"] == pytest.approx(found.retention["difference"].iloc[0])
    assert (renewed["low"], renewed["high"]) == pytest.approx(tuple(found.retention.loc[0, ["low", "high"]]), abs=1e-3)
