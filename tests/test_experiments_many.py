"""Many comparisons and novelty: what is adjusted, what fades, and bad input named."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments import compare_many, compare_rates, novelty
from clvhelpers.experiments.many import adjusted_p_values

RATES = {"control": (300, 1000), "blue": (345, 1000), "green": (310, 1000), "red": (338, 1000)}


def test_a_comparison_of_several_arms_is_taken_as_it_is() -> None:
    rates = compare_rates(RATES)
    many = compare_many(rates)
    assert many.frame["name"].to_list() == ["blue", "green", "red"]
    assert many.frame["p_value"].to_list() == rates.frame["p_value"].to_list()
    assert many.frame["difference"].to_list() == rates.frame["difference"].to_list()
    assert many.frame["rejected"].to_list() == [False, False, False]
    assert (rates.frame["p_value"] < 0.05).sum() == 1
    assert "Of 3 comparisons 0 differ by more than chance after the adjustment by Holm; without it 1" in many.sentence()


def test_several_outcomes_are_counted_together() -> None:
    one, other = compare_rates(RATES), compare_rates({"control": (50, 1000), "blue": (90, 1000)})
    many = compare_many({"day 1": one, "day 7": other, "by hand": 0.5})
    assert many.frame["name"].to_list() == ["day 1: blue", "day 1: green", "day 1: red", "day 7: blue", "by hand"]
    assert many.frame.loc[3, "adjusted"] == pytest.approx(5 * many.frame.loc[3, "p_value"])
    assert many.frame["rejected"].to_list() == [False, False, False, True, False]
    assert "day 7: blue (p 0.002)" in many.sentence()


def test_methods_keep_what_they_promise() -> None:
    """800 families of 8 true nulls and 2 effects: Holm's family error and the false share of what is found."""
    random = np.random.default_rng(13)
    z = random.normal(size=(800, 10)) + np.array([0] * 8 + [3.5] * 2)
    from scipy.special import ndtr

    p_values = pd.DataFrame(2 * ndtr(-np.abs(z)))
    holm = np.array([adjusted_p_values(row, "holm") for _, row in p_values.iterrows()]) <= 0.05
    shares = np.array([adjusted_p_values(row, "benjamini-hochberg") for _, row in p_values.iterrows()]) <= 0.05
    assert holm[:, :8].any(axis=1).mean() < 0.06
    assert shares[:, :8].any(axis=1).mean() > 0.07  # which is not what it promises
    assert (shares[:, :8].sum(axis=1) / np.maximum(shares.sum(axis=1), 1)).mean() < 0.055
    assert (p_values.iloc[:, :8] <= 0.05).any(axis=1).mean() > 0.3
    assert (shares >= holm).all()


def test_what_is_no_p_value_is_named() -> None:
    with pytest.raises(ExperimentError) as caught:
        compare_many({"a": 1.2, "b": float("nan"), "c": None, "d": 0.1})
    assert [problem[:17] for problem in caught.value.problems] == [
        "a: the p-value is",
        "b: the p-value is",
        "c: the p-value is",
    ]
    with pytest.raises(ConfigError, match="'fdr': expected one of 'holm'"):
        compare_many({"a": 0.1}, "fdr")
    with pytest.raises(ConfigError, match="alpha is 5"):
        compare_many({"a": 0.1}, alpha=5)
    with pytest.raises(ConfigError, match="a list has no p-values"):
        compare_many([0.1, 0.2])
    with pytest.raises(NotEnoughDataError, match="no comparison is given"):
        compare_many({})
    with pytest.raises(ExperimentError, match="day 1: blue is there twice"):
        compare_many({"day 1": compare_rates(RATES), "day 1: blue": 0.3})


def test_figure_of_p_values_has_all_of_them() -> None:
    assert compare_many({"a": 1e-9, "b": 0.4}).plot().alt == (
        "Pairs of points. 1 of 2 are found by Holm, 1 without it. a: p below 0.001, adjusted "
        "p below 0.001; b: p 0.400, adjusted p 0.400."
    )
    with pytest.raises(ConfigError, match="31 comparisons are too many"):
        compare_many({str(i): 0.5 for i in range(31)}).plot()


def followed(fading: float = 0.0, by_week: float = 0.0, units: int = 1200) -> pd.DataFrame:
    """Units exposed over four weeks, seen for each day to the end of the fifth; an effect of 1 on the first day.

    It falls by `fading` a day of age and is smaller by `by_week` for each week of exposure.
    """
    random = np.random.default_rng(units)
    days = random.integers(0, 28, units)
    one = pd.DataFrame(
        {
            "customer_id": range(units),
            "arm": random.choice(["control", "offer"], units),
            "exposed_at": pd.Timestamp("2026-01-05") + pd.to_timedelta(days, "D"),
            "own": random.normal(5, 1, units),  # so that the days of a unit hang together
            "effect": 1 - by_week * (days // 7),
            "last": 34 - days,
        }
    )
    long = one.merge(pd.DataFrame({"age": range(35)}), how="cross").query("age <= last").reset_index(drop=True)
    effect = (long["effect"] - fading * long["age"]) * (long["arm"] == "offer")
    return long.assign(spend=long["own"] + random.normal(0, 1.5, len(long)) + effect).drop(columns=["own", "effect"])


def test_an_effect_that_fades_is_told_with_its_trend() -> None:
    found = novelty(followed(fading=0.03), "spend")
    trend = found.trend.iloc[0]
    assert trend["low"] < -0.03 < trend["high"]
    assert trend["high"] < 0
    assert found.sentence().startswith(
        "The effect of offer fades (spend): within units and cohorts it changes by -0.03"
    )
    assert found.cohort_tests["p_value"][0] > 0.05
    assert found.plot().alt.startswith("Line with a band, and a line for each cohort. The effect of offer fades")


def test_a_mix_of_cohorts_is_not_read_as_fading() -> None:
    """The later exposed react more, so the effect by age falls, though it fades for nobody."""
    found = novelty(followed(by_week=-0.5), "spend", currency="EUR")
    by_age = found.frame.set_index("age")
    assert by_age.loc[0, "low"] > by_age.loc[30, "high"]
    assert (by_age.loc[0, "cohorts"], by_age.loc[30, "cohorts"]) == (4, 1)
    assert found.trend["low"][0] < 0 < found.trend["high"][0]
    assert found.cohort_tests["p_value"][0] < 0.001
    assert found.equal_age["difference"].round().to_list() == [1, 2, 2, 2]
    sentence = found.sentence()
    assert "neither fades nor grows by more than chance" in sentence
    assert "for those exposed in 2026-01-26/2026-02-01" in sentence
    assert "At age 0 it is €1." in sentence
    assert "Late ages are seen only of early cohorts" in sentence


def test_trend_holds_its_level_though_days_of_a_unit_hang_together() -> None:
    """120 cohorts without a trend are 120 tests: about 6 of them are below 0.05."""
    random = np.random.default_rng(4)
    units = pd.DataFrame({"customer_id": range(120 * 80), "arm": ["control", "offer"] * 60 * 80})
    units["exposed_at"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.repeat(np.arange(120), 80), "D")
    units["own"], units["drift"] = random.normal(size=(2, len(units)))
    long = units.merge(pd.DataFrame({"age": range(3)}), how="cross")
    long["spend"] = 1 + long["own"] + long["drift"] * long["age"] + random.normal(size=len(long))
    from clvhelpers.experiments.novelty import _by_cohort, _long_rows, _slopes, _unit_rows

    columns = {"unit": "customer_id", "arm": "arm", "exposed_at": "exposed_at", "age": "age"}
    slopes = _by_cohort(_slopes(_unit_rows(_long_rows(long, "spend", columns, "D"))), "control", 0.95, 30)
    assert len(slopes) == 120
    assert 1 <= (slopes["p_value"] < 0.05).sum() <= 12


@pytest.mark.parametrize("engine", ["lazy", "duckdb"])
def test_novelty_is_the_same_on_every_engine(engine: str) -> None:
    long = followed(fading=0.02, units=400).query("age < 5")
    long = long.assign(spend=(long["spend"] > 5).astype(int))
    native = {
        "lazy": lambda: pl.from_pandas(long).lazy(),
        "duckdb": lambda: duckdb.from_df(long),
    }[engine]()
    ours, theirs = novelty(long, "spend"), novelty(native, "spend")
    assert ours.rate
    for name in ("frame", "cohorts", "trend", "equal_age"):
        pd.testing.assert_frame_equal(getattr(ours, name), getattr(theirs, name), check_dtype=False)


def test_histories_that_can_not_be_are_refused_with_every_problem() -> None:
    long = followed(units=200)
    first = long["customer_id"] == 0
    broken = long.assign(
        age=long["age"].where(long["customer_id"] != 3, long["age"] - 2),
        arm=long["arm"].where(~first | (long["age"] > 0), "neither"),
        exposed_at=long["exposed_at"].where((long["customer_id"] != 1) | (long["age"] > 0), pd.Timestamp("2026-01-01")),
    )
    with pytest.raises(ExperimentError) as caught:
        novelty(pd.concat([broken, broken[broken["customer_id"] == 5]]), "spend")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "1 unit before their exposure (an age below 0)",
        "1 unit in two arms",
        "1 unit with two dates of exposure",
        "1 unit with two rows at one age",
    ]


def test_unequal_follow_up_wrong_types_and_too_little_are_refused() -> None:
    long = followed(units=200)
    with pytest.raises(ExperimentError, match="in 4 cohorts the arms were not followed equally long"):
        novelty(long[(long["arm"] == "control") | (long["age"] < 4)], "spend")
    with pytest.raises(ExperimentError, match="'spend' is missing or infinite for 1 row"):
        novelty(long.assign(spend=long["spend"].mask(long.index == 7)), "spend")
    with pytest.raises(ExperimentError, match="'exposed_at' is missing for 1 row"):
        novelty(long.assign(exposed_at=long["exposed_at"].mask(long.index == 7)), "spend")
    with pytest.raises(ExperimentError, match=r"not dates: parse it first(.|\n)*not whole numbers"):
        novelty(long.assign(exposed_at="2026", age=0.5), "spend")
    with pytest.raises(NotEnoughDataError, match="no cohort has 60 units in each arm"):
        novelty(long, "spend", smallest=60)
    with pytest.raises(NotEnoughDataError, match="every unit was seen at one age only"):
        novelty(long[long["age"] == 0], "spend")
    with pytest.raises(ExperimentError, match="no arm is called 'b'"):
        novelty(long, "spend", control="b")
    with pytest.raises(ConfigError, match="cohort is 'year'"):
        novelty(long, "spend", cohort="year")
    with pytest.raises(ConfigError, match="arm is 'b': expected one of 'offer'"):
        novelty(followed(), "spend").plot("b")
