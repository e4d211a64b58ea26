"""What customers are worth: by hand, with intervals that are right as often as they say, and refusals."""

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoModel, GammaGammaModel, base_value, customer_summary
from clvhelpers.errors import DataContractError, FormulaError, NotEnoughDataError
from clvhelpers.models import customer_intervals, futures
from clvhelpers.simulate import non_contractual

MONTH = 365.25 / 12


@pytest.fixture(scope="module")
def company():
    return non_contractual(customers=8_000, weeks=60, seed=21, future_weeks=53)


@pytest.fixture(scope="module")
def summary(company):
    return customer_summary(company.transactions, end=company.end)


@pytest.fixture(scope="module")
def models(summary):
    return BetaGeoModel().fit(summary), GammaGammaModel().fit(summary)


def came_true_each(company, margin=1.0, discount_rate=0.10, months=12):
    """The money that each customer really brought, month by month to the end of each, as the definition says."""
    days = (company.future["date"] - company.end).dt.days.to_numpy()
    month = np.ceil(days / MONTH)
    worth = np.where(month <= months, (1 + discount_rate) ** (-month / 12), 0.0)
    return (margin * company.future["amount"] * worth).groupby(company.future["customer_id"]).sum()


def came_true(company, **terms):
    return float(came_true_each(company, **terms).sum())


def test_value_is_margin_times_spend_times_purchases_without_a_discount(summary, models):
    orders, spend = models
    found = orders.expected_customer_lifetime_value(summary, spend, horizon_months=6, discount_rate=0, margin=0.25)
    by_hand = 0.25 * orders.expected_purchases(summary, 6 * MONTH / 7) * spend.expected_customer_spend(summary)
    assert found.to_numpy() == pytest.approx(by_hand.to_numpy(), rel=1e-9)
    assert found.index.equals(summary.index)


def test_value_grows_with_the_horizon_and_falls_with_the_discount(summary, models):
    orders, spend = models

    def total(horizon, discount):
        return orders.expected_customer_lifetime_value(summary, spend, horizon, discount).sum()

    assert total(1, 0.1) < total(6, 0.1) < total(24, 0.1)
    assert total(12, 0.0) > total(12, 0.1) > total(12, 1.0)


def test_the_base_is_worth_the_sum_of_its_customers(summary, models):
    orders, spend = models
    clv = orders.expected_customer_lifetime_value(summary, spend, margin=0.4)
    base = base_value(orders, spend, summary, margin=0.4, draws=100)
    assert (base.total, base.mean, base.median) == pytest.approx((clv.sum(), clv.mean(), clv.median()))
    assert base.total_interval[0] < base.total < base.total_interval[1]
    assert base.mean_interval == pytest.approx([bound / len(summary) for bound in base.total_interval])
    assert base.frame.shape == (100, 2)
    assert base.sentence().startswith("The 8,000 customers are expected to bring ")


def test_one_seed_gives_one_answer_in_any_row_order(summary, models):
    small = summary.head(500)
    one, same, other = (
        base_value(*models, frame, draws=50, seed=seed)
        for frame, seed in [(small, 1), (small.sample(frac=1, random_state=0), 1), (small, 2)]
    )
    pd.testing.assert_frame_equal(one.frame, same.frame)
    assert not one.frame.equals(other.frame)


def test_playing_a_sample_gives_the_same_interval_as_playing_everybody(summary, models, monkeypatch):
    sampled = base_value(*models, summary, draws=150, seed=5)
    monkeypatch.setattr(futures, "MOST_SIMULATED", 10**9)
    everybody = base_value(*models, summary, draws=150, seed=5)
    assert sampled.frame["total"].mean() == pytest.approx(everybody.frame["total"].mean(), rel=0.015)
    assert sampled.frame["total"].std() == pytest.approx(everybody.frame["total"].std(), rel=0.25)


def test_intervals_hold_what_comes_as_often_as_they_say():
    """20 companies, fitted and forecast, against what then happened: 90% intervals hold it 15 to 20 times."""
    inside = []
    for seed in range(20):
        company = non_contractual(customers=500, weeks=52, seed=500 + seed, future_weeks=53)
        summary = customer_summary(company.transactions, end=company.end)
        orders, spend = BetaGeoModel().fit(summary), GammaGammaModel().fit(summary)
        low, high = base_value(orders, spend, summary, margin=0.5, draws=100, seed=seed).total_interval
        inside.append(low <= came_true(company, margin=0.5) <= high)
    assert 15 <= sum(inside) <= 20


def test_the_forecast_of_a_large_base_comes_true(company, summary, models):
    low, high = base_value(*models, summary, draws=200, level=0.98).total_interval
    assert low < came_true(company) < high
    assert high / low < 1.5


class TestIntervalsOfCustomers:
    @pytest.fixture(scope="class")
    @staticmethod
    def found(summary, models):
        return customer_intervals(*models, summary, margin=0.5, draws=200, seed=3)

    def test_they_hold_what_each_customer_brings_as_often_as_they_say(self, company, summary, found):
        """90 % where chance decides; a customer who brings nothing with more than 90 % is at [0, 0], and it holds."""
        came = came_true_each(company, margin=0.5).reindex(summary["customer_id"], fill_value=0.0).to_numpy()
        inside = (found["low"] <= came) & (came <= found["high"])
        silent = found["high"] == 0
        assert 500 < silent.sum() < 1000
        assert inside[silent].mean() > 0.90
        assert 0.88 < inside[~silent].mean() < 0.92
        assert 0.88 < inside.mean() < 0.92

    def test_they_lie_around_the_expectation(self, summary, models, found):
        clv = models[0].expected_customer_lifetime_value(summary, models[1], margin=0.5)
        assert found.index.equals(summary.index)
        assert ((found["low"] <= clv) & (clv <= found["high"]))[found["high"] > 0].mean() > 0.95
        assert found["high"].corr(clv, method="spearman") > 0.8

    def test_equal_customers_have_equal_intervals_in_any_order(self, summary, models, found):
        newcomers = found[summary["frequency"] == 0].groupby(summary["T"])
        assert (newcomers.nunique() == 1).all(axis=None)
        shuffled = summary.sample(frac=1, random_state=0)
        again = customer_intervals(*models, shuffled, margin=0.5, draws=200, seed=3)
        pd.testing.assert_frame_equal(again.sort_index(), found)
        assert not customer_intervals(*models, shuffled, margin=0.5, draws=200, seed=4).sort_index().equals(found)

    def test_a_wider_level_is_wider(self, summary, models):
        some = summary.nlargest(50, "frequency")
        narrow, wide = (customer_intervals(*models, some, draws=100, level=level) for level in (0.5, 0.9))
        assert (wide["low"] <= narrow["low"]).all()
        assert (narrow["high"] <= wide["high"]).all()

    @pytest.mark.parametrize("wrong", [{"horizon_months": 0}, {"level": 1.0}, {"margin": 30}])
    def test_terms_without_a_meaning_are_refused(self, summary, models, wrong):
        with pytest.raises(FormulaError):
            customer_intervals(*models, summary.head(3), **wrong)

    def test_nobody_has_no_interval(self, summary, models):
        with pytest.raises(NotEnoughDataError, match="nobody to value"):
            customer_intervals(*models, summary.head(0))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"horizon_months": 0}, "horizon_months is 0"),
        ({"horizon_months": 1.5}, r"horizon_months is 1\.5: expected a whole number"),
        ({"discount_rate": -0.1}, r"discount_rate is -0\.1: expected a rate per year"),
        ({"discount_rate": 10}, r"discount_rate is 10: expected a rate per year from 0 to 1; 10% is 0\.10"),
        ({"margin": 30}, r"margin is 30: .* 30% is 0\.30"),
        ({"level": 90}, "level is 90"),
    ],
)
def test_terms_without_a_meaning_are_refused(summary, models, wrong, words):
    with pytest.raises(FormulaError, match=words):
        base_value(*models, summary, **wrong)


def test_a_summary_without_money_has_no_value(summary, models):
    with pytest.raises(DataContractError, match="no column 'monetary_value'"):
        base_value(*models, summary.drop(columns="monetary_value"))


def test_nobody_is_worth_nothing_and_is_no_base(summary, models):
    nobody = summary.head(0)
    assert models[0].expected_customer_lifetime_value(nobody, models[1]).empty
    with pytest.raises(NotEnoughDataError, match="the summary has no customers"):
        base_value(*models, nobody)
