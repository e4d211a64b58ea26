"""Gamma-Gamma: its gradient, its truth on simulated customers, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from clvhelpers import GammaGammaModel, customer_summary, spend_frequency_correlation
from clvhelpers.errors import ClvError, ConfigError, ConvergenceError, DataContractError, NotEnoughDataError
from clvhelpers.models import gamma_gamma
from clvhelpers.simulate import non_contractual

TRUTH = {"p": 6.25, "q": 3.74, "v": 15.44}


@pytest.fixture(scope="module")
def company():
    return non_contractual(customers=20_000, weeks=60, seed=8, future_weeks=0)


@pytest.fixture(scope="module")
def summary(company):
    return customer_summary(company.transactions, end=company.end)


@pytest.fixture(scope="module")
def model(summary):
    return GammaGammaModel().fit(summary)


def repeaters(money, frequency=3):
    return pd.DataFrame({"frequency": frequency, "monetary_value": money})


def test_the_truth_of_simulated_customers_is_found(model):
    for name, true in TRUTH.items():
        assert abs(model.parameters[name] - true) < 4 * model.standard_errors[name]


def test_expected_spend_is_the_true_mean_of_customers_with_that_expectation(company, summary, model):
    said = model.expected_customer_spend(summary)
    true = company.truth.set_index("customer_id")["mean_spend"].reindex(summary["customer_id"]).to_numpy()
    groups = pd.qcut(said[summary["frequency"] > 0], 5)
    true = pd.Series(true, said.index).loc[groups.index]
    ours = said.loc[groups.index].groupby(groups, observed=True).mean()
    assert true.groupby(groups, observed=True).mean().to_numpy() == pytest.approx(ours.to_numpy(), rel=0.05)


def test_one_time_buyers_are_expected_to_spend_what_all_do(summary, model):
    p, q, v = model.gamma_gamma_parameters
    once = summary["frequency"] == 0
    assert model.expected_customer_spend(summary)[once].to_numpy() == pytest.approx(p * v / (q - 1))


def test_more_purchases_count_more(model):
    spend = model.expected_customer_spend(repeaters(200.0, frequency=[1, 5, 10_000]))
    assert spend.is_monotonic_increasing
    assert spend.iloc[-1] == pytest.approx(200, rel=0.001)


def test_the_gradient_is_the_slope_of_the_likelihood(summary):
    rows = summary.loc[summary["frequency"] > 0, ["frequency", "monetary_value"]]
    likelihood = gamma_gamma._Likelihood(rows.assign(weight=1.0))
    for at in np.log([[6.0, 4.0, 15.0], [0.1, 20.0, 3.0]]):
        slope = [(likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-5 for step in 1e-5 * np.eye(3)]
        assert likelihood(at)[1] == pytest.approx(slope, rel=1e-6, abs=1e-2)
        assert likelihood.value(at) == likelihood(at)[0]


def test_merging_rows_first_leaves_the_answer_alone(summary, model, monkeypatch):
    assert (summary["frequency"] > 0).sum() > gamma_gamma.MERGE_ABOVE
    monkeypatch.setattr(gamma_gamma, "MERGE_ABOVE", 10**9)
    assert GammaGammaModel().fit(summary).parameters == pytest.approx(model.parameters, rel=1e-6)


def test_zero_for_one_time_buyers_is_as_good_as_missing(summary, model):
    filled = GammaGammaModel().fit(summary.fillna({"monetary_value": 0.0}))
    assert filled.parameters == model.parameters


def test_a_mean_that_does_not_exist_is_refused():
    """q of 0.79 would give a negative expected spend, without a word, in other libraries."""
    rng = np.random.default_rng(0)
    nu = rng.gamma(0.6, 1 / 10, 2_000)
    wild = repeaters(rng.gamma(6 * 3, 1 / nu) / 3, frequency=rng.integers(1, 9, 2_000))
    with pytest.raises(
        ConvergenceError, match=r"the fitted q is 0\.[56]\d+, and at 1 or less the mean .* does not exist"
    ):
        GammaGammaModel().fit(wild)


def test_given_parameters_without_a_mean_are_refused():
    with pytest.raises(ConfigError, match=r"q is 0\.79: expected a number above 1"):
        GammaGammaModel().with_parameters(p=4.0, q=0.79, v=15.0)


def test_posterior_draws_all_have_a_mean():
    rng = np.random.default_rng(1)
    nu = rng.gamma(1.15, 1 / 10, 60)
    model = GammaGammaModel().fit(repeaters(rng.gamma(6 * 3, 1 / nu) / 3))
    assert model.parameters["q"] - 3 * model.standard_errors["q"] < 1
    assert (model.posterior(500).frame["q"] > 1).all()


def test_unusable_amounts_are_counted():
    money = np.full(60, 20.0)
    money[:3], money[3:5], money[5] = -5, 0, np.nan
    with pytest.raises(DataContractError) as refusal:
        GammaGammaModel().fit(repeaters(money))
    assert refusal.value.problems[0].startswith("1 row with repeat purchases but no monetary_value")
    assert refusal.value.problems[1].startswith("3 rows with repeat purchases but a negative monetary_value")
    with pytest.raises(DataContractError, match="2 rows with repeat purchases but a monetary_value of 0 or less"):
        GammaGammaModel().fit(repeaters(money[3:]).dropna())


def test_a_free_repeat_purchase_can_still_be_valued(model):
    assert 0 < model.expected_customer_spend(repeaters([0.0]))[0] < 35


def test_too_few_repeat_buyers_are_refused():
    with pytest.raises(NotEnoughDataError, match="at least 10 customers with a repeat purchase and the summary has 9"):
        GammaGammaModel().fit(repeaters(np.linspace(10, 50, 9)))


def test_a_question_before_the_fit_is_refused(summary):
    with pytest.raises(ClvError, match="has not been fitted yet"):
        GammaGammaModel().expected_customer_spend(summary)


def test_spend_that_goes_with_frequency_is_seen(summary):
    assert abs(spend_frequency_correlation(summary)) < 0.05
    tied = summary.assign(monetary_value=summary["monetary_value"] * (1 + summary["frequency"]))
    assert spend_frequency_correlation(tied) > 0.4
