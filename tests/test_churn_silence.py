"""Silence as a probability, against customers of whom it is known whether they are still there."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers import customer_summary, datasets
from clvhelpers.churn.silence import Silence, judge_silence, rhythm_limits, silence_limit
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.models import BetaGeoModel
from clvhelpers.simulate import Simulated, non_contractual


@pytest.fixture(scope="module")
def shop() -> Simulated:
    return non_contractual(customers=6000, weeks=104, seed=4, purchase=(1.2, 5.0), dropout=(1.0, 5.0), future_weeks=0)


@pytest.fixture(scope="module")
def summary(shop: Simulated) -> pd.DataFrame:
    return customer_summary(shop.transactions, end=shop.end)


@pytest.fixture(scope="module")
def model(summary: pd.DataFrame) -> BetaGeoModel:
    return BetaGeoModel("W").fit(summary)


@pytest.fixture(scope="module")
def alive(shop: Simulated) -> pd.Series:
    return shop.truth.set_index("customer_id")["alive"]


@pytest.fixture(scope="module")
def found(model: BetaGeoModel, summary: pd.DataFrame, alive: pd.Series) -> Silence:
    return judge_silence(model, summary, rule_days=90, level=0.9, truth=alive)


class TestLimit:
    @pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
    def test_at_the_limit_the_probability_is_the_level(
        self, model: BetaGeoModel, summary: pd.DataFrame, level: float
    ) -> None:
        limit = silence_limit(model, summary, level)
        later = summary.assign(T=summary["recency"] + limit / 7)[limit > 0]
        assert np.allclose(1 - model.expected_probability_alive(later), level)

    def test_who_bought_once_is_never_silent_for_long_enough(self, model: BetaGeoModel, summary: pd.DataFrame) -> None:
        limit = silence_limit(model, summary)
        assert (limit.isna() == (summary["frequency"] == 0)).all()

    def test_it_is_in_days_whatever_the_unit_of_the_model(self, shop: Simulated, summary: pd.DataFrame) -> None:
        in_days = customer_summary(shop.transactions, end=shop.end, unit="D")
        weekly = silence_limit(BetaGeoModel("W").fit(summary), summary)
        daily = silence_limit(BetaGeoModel("D").fit(in_days), in_days)
        assert np.allclose(weekly, daily, rtol=0.01, equal_nan=True)

    def test_faster_customers_are_gone_sooner(self, model: BetaGeoModel) -> None:
        limits = rhythm_limits(model, [7, 14, 30, 60, 90])
        assert limits.frame["limit_days"].is_monotonic_increasing
        assert limits.frame["purchases"].tolist() == [52, 26, 12, 6, 4]
        assert "every 7 days" in limits.sentence()
        at_limit = limits.curves.groupby("gap_days")["probability_alive"]
        assert (at_limit.min() <= 0.1).all()

    def test_wrong_parameters_are_told(self, model: BetaGeoModel, summary: pd.DataFrame) -> None:
        with pytest.raises(ConfigError, match="level is 90"):
            silence_limit(model, summary, 90)
        with pytest.raises(ConfigError, match="expected days above 0"):
            rhythm_limits(model, [30, 0])
        with pytest.raises(ConfigError, match="rule_days is 0"):
            judge_silence(model, summary, rule_days=0)
        once = summary[summary["frequency"] == 0]
        with pytest.raises(NotEnoughDataError, match="has a repeat purchase: without a rhythm, silence tells nothing"):
            judge_silence(model, once)


class TestAgainstTheTruth:
    def test_of_those_called_gone_no_more_are_there_than_promised(self, found: Silence) -> None:
        marks = found.marks.set_index("verdict")
        assert marks.loc["model", "wrongly_gone"] < 0.1 < marks.loc["rule", "wrongly_gone"]
        assert marks.loc["model", "ranking"] > marks.loc["rule", "ranking"]
        assert "are in truth still there" in found.sentence()

    def test_probabilities_hold(self, found: Silence) -> None:
        assert found.calibration.error < 2 * found.calibration.error_by_chance
        rhythms = found.rhythms[found.rhythms["customers"] > 200]
        assert (rhythms["model"] - rhythms["truth"]).abs().max() < 0.04
        assert (rhythms["rule"] - rhythms["truth"]).abs().max() > 0.1

    def test_counts_are_those_of_the_summary(self, found: Silence, summary: pd.DataFrame, alive: pd.Series) -> None:
        once = summary["frequency"] == 0
        assert found.bought_once == once.sum()
        assert found.rhythms["customers"].sum() == (~once).sum()
        silent = ((summary["T"] - summary["recency"]) * 7).round(6).to_numpy()
        assert np.allclose(found.frame["silent_days"], silent)
        called = ((silent > 90) & ~once.to_numpy()).sum()
        assert found.marks.set_index("verdict").loc["rule", "called_gone"] == called

    def test_a_company_of_the_course_is_marked_by_name_and_gives_nobody_away(self) -> None:
        orders = datasets.load_harbor_and_pine("orders")
        bought = orders[orders["kind"] == "purchase"]
        summary = customer_summary(bought, end="2025-12-31")
        found = judge_silence(BetaGeoModel("W").fit(summary), summary, truth="harbor_and_pine")
        assert found.marks is not None
        assert "alive" not in found.frame
        with pytest.raises(ConfigError, match="truth is 'cdnow'"):
            judge_silence(BetaGeoModel("W").fit(summary), summary, truth="cdnow")

    def test_without_the_truth_there_is_no_mark(self, model: BetaGeoModel, summary: pd.DataFrame) -> None:
        found = judge_silence(model, summary)
        assert found.marks is None
        assert found.calibration is None
        assert found.rhythms["truth"].isna().all()
        assert found.sentence().endswith("this model can't tell.")

    def test_customers_the_truth_does_not_know_are_counted(
        self, model: BetaGeoModel, summary: pd.DataFrame, alive: pd.Series
    ) -> None:
        some = summary[summary["frequency"] > 0]["customer_id"].iloc[:3]
        with pytest.raises(DataContractError, match="says nothing about 3 customers"):
            judge_silence(model, summary, truth=alive.drop(some))


@pytest.mark.parametrize("make", [pl.from_pandas, duckdb.from_df], ids=["polars", "duckdb"])
def test_same_answer_on_every_engine(
    make: Any, shop: Simulated, model: BetaGeoModel, found: Silence, alive: pd.Series
) -> None:
    other = judge_silence(model, customer_summary(make(shop.transactions), end=shop.end), truth=alive)
    pd.testing.assert_frame_equal(
        other.frame.sort_index(), found.frame.sort_index(), check_index_type=False, check_names=False, rtol=1e-9
    )
    pd.testing.assert_frame_equal(other.marks, found.marks)
