"""The simulated company is what its docstring says, and its truth is the truth."""

import numpy as np
import pandas as pd
import pytest

from clvhelpers.errors import FormulaError
from clvhelpers.simulate import non_contractual


@pytest.fixture(scope="module")
def company():
    return non_contractual(customers=40_000, weeks=40, acquisition_weeks=13, seed=11, future_weeks=52)


def test_one_seed_gives_one_company():
    one, same, other = (non_contractual(customers=50, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.transactions, same.transactions)
    pd.testing.assert_frame_equal(one.truth, same.truth)
    assert not one.truth.equals(other.truth)


def test_everybody_starts_in_the_acquisition_weeks_and_the_log_ends_at_the_end(company):
    first = company.transactions.groupby("customer_id")["date"].min()
    assert len(first) == 40_000
    assert (first.to_numpy() == company.truth["first_date"].to_numpy()).all()
    assert first.max() < pd.Timestamp("2024-01-01") + pd.Timedelta(weeks=13)
    assert company.transactions["date"].max() <= company.end < company.future["date"].min()
    assert company.end == pd.Timestamp("2024-01-01") + pd.Timedelta(weeks=40)


def test_what_happens_next_is_what_the_truth_expects(company):
    days = (company.future["date"] - company.end).dt.days
    bought = company.future[days <= 26 * 7].groupby("customer_id").size()
    actual = bought.reindex(company.truth["customer_id"], fill_value=0)
    expected = company.expected_purchases(weeks=26)
    standard_error = np.sqrt(((actual - expected) ** 2).sum())
    assert abs(actual.sum() - expected.sum()) < 4 * standard_error
    assert (actual[~company.truth["alive"].to_numpy()] == 0).all()


def test_the_truth_follows_its_distributions(company):
    truth = company.truth
    assert truth["purchase_rate"].mean() == pytest.approx(0.243 / 4.414, rel=0.05)
    assert truth["dropout_probability"].mean() == pytest.approx(0.793 / (0.793 + 2.426), rel=0.02)
    assert truth["mean_spend"].mean() == pytest.approx(6.25 * 15.44 / 2.74, rel=0.03)
    repeats = truth["purchases_so_far"] - 1
    assert truth.loc[repeats == 0, "alive"].all()


def test_amounts_vary_around_each_customers_own_mean(company):
    amounts = company.transactions.merge(company.truth, on="customer_id")
    ratio = amounts["amount"] / amounts["mean_spend"]
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    assert ratio.std() == pytest.approx(1 / np.sqrt(6.25), abs=0.01)
    assert (amounts["amount"] > 0).all()


def test_revenue_so_far_is_the_sum_of_the_log(company):
    assert company.truth["revenue_so_far"].sum() == pytest.approx(company.transactions["amount"].sum())
    assert company.truth["purchases_so_far"].sum() == len(company.transactions)


def test_an_impossible_company_is_refused_with_all_its_problems():
    with pytest.raises(FormulaError) as refusal:
        non_contractual(customers=0, weeks=10, acquisition_weeks=20, future_weeks=-1, spend=(1.0, 0.8, 1.0))
    assert len(refusal.value.problems) == 4
