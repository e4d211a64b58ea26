"""BG/NBD: its gradient, its extremes, its truth on simulated customers, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import gammaln, log_expit

from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
from clvhelpers.errors import (
    BoundaryWarning,
    ClvError,
    ConfigError,
    DataContractError,
    FormulaError,
    NotEnoughDataError,
)
from clvhelpers.models import purchase_model
from clvhelpers.models.beta_geo import BetaGeoLikelihood, BetaGeoParameters
from clvhelpers.simulate import non_contractual

TRUTH = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


@pytest.fixture(scope="module")
def company():
    return non_contractual(customers=20_000, weeks=60, seed=5, future_weeks=52)


@pytest.fixture(scope="module")
def summary(company):
    return customer_summary(company.transactions, end=company.end)


@pytest.fixture(scope="module")
def model(summary):
    return BetaGeoModel("W").fit(summary)


@pytest.fixture(scope="module")
def cdnow():
    return customer_summary(load_cdnow(), end="1997-09-30")


def customers(*rows):
    return pd.DataFrame(rows, columns=["frequency", "recency", "T"], dtype=float)


def test_the_truth_of_simulated_customers_is_found(model):
    for name, true in TRUTH.items():
        assert abs(model.parameters[name] - true) < 4 * model.standard_errors[name]
    assert model.standard_errors["r"] < 0.01


def test_the_forecast_of_simulated_customers_comes_true(company, summary, model):
    expected = model.expected_purchases(summary, 52)
    actual = company.future.groupby("customer_id").size().reindex(summary["customer_id"], fill_value=0)
    assert actual.sum() == pytest.approx(expected.sum(), rel=0.06)
    ours = expected.groupby(pd.qcut(expected, 5)).mean().to_numpy()
    theirs = pd.Series(actual.to_numpy()).groupby(pd.qcut(expected, 5).to_numpy()).mean().to_numpy()
    assert ours == pytest.approx(theirs, rel=0.25, abs=0.03)


def test_who_is_alive_is_told_as_often_as_it_is_said(company, summary, model):
    said = model.expected_probability_alive(summary)
    true = company.truth.set_index("customer_id")["alive"].reindex(summary["customer_id"]).to_numpy()
    repeaters = (summary["frequency"] > 0).to_numpy()
    assert said[~repeaters].eq(1).all()
    assert true[~repeaters].all()
    assert true[repeaters].mean() == pytest.approx(said[repeaters].mean(), abs=0.02)
    doubtful = repeaters & (said < 0.3).to_numpy()
    assert true[doubtful].mean() == pytest.approx(said[doubtful].mean(), abs=0.04)


def test_the_gradient_is_the_slope_of_the_likelihood(cdnow):
    likelihood = BetaGeoLikelihood(cdnow[["frequency", "recency", "T"]].assign(weight=1.0))
    for at in np.log([[0.24, 4.4, 0.8, 2.4], [3.0, 50.0, 0.05, 30.0], [0.01, 0.3, 5.0, 0.2]]):
        steps = 1e-5 * np.eye(4)
        slope = [(likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-5 for step in steps]
        assert likelihood(at)[1] == pytest.approx(slope, rel=1e-6, abs=1e-3)


@pytest.mark.parametrize("a", [0.3, 1.0, 0.793, 40.0])
@pytest.mark.parametrize(
    ("x", "T", "t"), [(0, 0, 1e-3), (0, 10, 39), (2, 38.86, 39), (132, 200, 52), (10_000, 10_000, 1e4)]
)
def test_expected_purchases_at_extremes_equal_an_integral(a, x, T, t):
    """The same mean over p, by scipy's adaptive integration over the logit of p."""
    r, alpha, b = 0.243, 4.414, 2.426
    beta = gammaln(a) + gammaln(b + x) - gammaln(a + b + x)

    def integrand(logit):
        p = np.exp(log_expit(logit))
        weight = np.exp(a * log_expit(logit) + (b + x) * log_expit(-logit) - beta)
        return weight * -np.expm1(-(r + x) * np.log1p(p * t / (alpha + T))) / p

    middle = np.log(a / (b + x))
    reach = 40 / min(a, 1)
    marks = [middle - 2, middle, middle + 2]
    expected = quad(integrand, middle - reach, middle + 25, points=marks, limit=2_000, epsabs=0, epsrel=1e-10)[0]
    parameters = BetaGeoParameters(r, alpha, a, b)
    found = parameters.purchases_if_alive(np.array([float(x)]), np.array([float(T)]), np.array([float(t)]))
    assert found[0] == pytest.approx(expected, rel=1e-8)


def test_ten_thousand_purchases_in_ten_thousand_days_are_no_trouble(model):
    busy = customers((10_000, 9_999, 10_000), (10_000, 5_000, 10_000), (1, 1e-3, 10_000), (0, 0, 10_000), (0, 0, 0))
    expected = model.expected_purchases(busy, 10_000)
    assert np.isfinite(expected).all()
    assert expected[0] > 1_000
    assert expected[1] == pytest.approx(0, abs=1e-9)
    likelihood = BetaGeoLikelihood(busy.assign(weight=1.0))
    value, gradient = likelihood(np.log([0.2, 4.0, 0.8, 2.4]))
    assert np.isfinite([value, *gradient]).all()


def test_probabilities_of_purchase_numbers_sum_to_one_and_to_the_expectation(model):
    numbers = np.arange(600)
    chance = [model.probability_of_n_purchases(int(n), 52.0) for n in numbers]
    assert sum(chance) == pytest.approx(1)
    assert np.dot(numbers, chance) == pytest.approx(model.expected_purchases_new_customer(52.0), rel=1e-6)
    assert BetaGeoParameters(**TRUTH).probability_of_n(3, np.zeros(1)) == 0


def test_the_unit_changes_alpha_and_nothing_else(cdnow):
    weekly = BetaGeoModel("W").fit(cdnow)
    days = cdnow.assign(recency=cdnow["recency"] * 7, T=cdnow["T"] * 7)
    daily = BetaGeoModel("D").fit(days)
    assert daily.parameters["alpha"] == pytest.approx(7 * weekly.parameters["alpha"], rel=1e-5)
    assert daily.parameters["a"] == pytest.approx(weekly.parameters["a"], rel=1e-5)
    ours, theirs = daily.expected_purchases(days, 273), weekly.expected_purchases(cdnow, 39)
    assert ours.to_numpy() == pytest.approx(theirs.to_numpy(), rel=1e-5)


def test_merging_rows_first_leaves_the_answer_alone(summary, model, monkeypatch):
    assert len(summary[["frequency", "recency", "T"]].drop_duplicates()) > purchase_model.MERGE_ABOVE
    monkeypatch.setattr(purchase_model, "MERGE_ABOVE", 10**9)
    exact = BetaGeoModel("W").fit(summary)
    assert exact.parameters == pytest.approx(model.parameters, rel=1e-7)
    assert exact.log_likelihood == pytest.approx(model.log_likelihood, abs=1e-6)


def test_weights_count_rows(cdnow):
    rows = cdnow[["frequency", "recency", "T"]]
    counted = rows.value_counts().rename("customers").reset_index()
    plain = BetaGeoModel().fit(rows)
    for weights in ("customers", counted["customers"], counted["customers"].tolist()):
        weighted = BetaGeoModel().fit(counted, weights=weights)
        assert weighted.parameters == pytest.approx(plain.parameters, rel=1e-8)
        assert weighted.customers == plain.customers == 2357


def test_posterior_draws_agree_with_the_fit_and_hold_the_truth(model):
    posterior = model.posterior(draws=1000, seed=3)
    assert posterior.frame.shape == (1000, 4)
    assert posterior.effective_sample_size > 500
    errors = pd.Series(model.standard_errors)
    assert ((posterior.frame.mean() - pd.Series(model.parameters)).abs() < 0.3 * errors).all()
    assert (posterior.frame.std() / errors).between(0.85, 1.2).all()
    interval = posterior.interval(level=0.998)
    assert all(interval.loc[name, "low"] < true < interval.loc[name, "high"] for name, true in TRUTH.items())
    pd.testing.assert_frame_equal(posterior.frame, model.posterior(draws=1000, seed=3).frame)
    assert not posterior.frame.equals(model.posterior(draws=1000, seed=4).frame)
    assert posterior.sentence().startswith("With 90% probability, given the model: r 0.2")


def test_posterior_intervals_cover_the_truth_as_often_as_they_say():
    inside = []
    for seed in range(24):
        company = non_contractual(customers=500, weeks=60, seed=1_000 + seed, future_weeks=0)
        fitted = BetaGeoModel().fit(customer_summary(company.transactions, end=company.end))
        interval = fitted.posterior(draws=100, seed=seed).interval(level=0.90)
        inside.append([interval.loc[name, "low"] < true < interval.loc[name, "high"] for name, true in TRUTH.items()])
    assert (np.mean(inside, axis=0) > 0.76).all()
    assert 0.84 < np.mean(inside) < 0.97


def test_customers_all_alike_give_a_warning_and_no_standard_error():
    rng = np.random.default_rng(0)
    x = rng.poisson(3, 500)
    recency = np.where(x > 0, 100 * rng.random(500) ** (1 / np.maximum(x, 1)), 0)
    alike = pd.DataFrame({"frequency": x, "recency": recency, "T": 100.0})
    with pytest.warns(BoundaryWarning, match="hardly say what .*a, b"):
        fitted = BetaGeoModel("D").fit(alike)
    assert np.isnan(fitted.standard_errors["a"])
    assert fitted.expected_purchases(alike, 100).sum() == pytest.approx(1_500, rel=0.1)


def test_impossible_rows_are_all_named():
    rows = customers(
        (1, 5, 4), (-1, 0, 9), (1.5, 2, 9), (0, 3, 9), (2, 0, 9), (np.nan, 1, 9), (1, 1, np.inf), *[(1, 2, 3)] * 50
    )
    with pytest.raises(DataContractError) as refusal:
        BetaGeoModel().fit(rows)
    assert len(refusal.value.problems) == 6
    assert refusal.value.problems[0].startswith("2 rows with a missing or infinite frequency, recency or T (row")
    assert "1 row with recency above T" in str(refusal.value)
    assert "frequency 1, recency 5, T 4" in str(refusal.value)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(0, 0, 10)] * 100, "needs at least 10 customers with a repeat purchase and the summary has 0"),
        ([(1, 2, 10)] * 3, "needs at least 30 customers and the summary has 3"),
        ([], "the summary has 0"),
    ],
)
def test_too_little_data_is_refused_with_what_is_needed(rows, words):
    with pytest.raises(NotEnoughDataError, match=words):
        BetaGeoModel().fit(customers(*rows))


def test_wrong_use_is_refused(model, cdnow):
    with pytest.raises(ConfigError, match="unit is 'week': expected one of 'D', 'W', 'M', 'Y'"):
        BetaGeoModel("week")
    for question in ("parameters", "standard_errors", "log_likelihood", "customers", "covariance"):
        with pytest.raises(ClvError, match="has not been fitted yet"):
            getattr(BetaGeoModel(), question)
    with pytest.raises(ClvError, match="has not been fitted yet"):
        BetaGeoModel().expected_probability_alive(cdnow)
    with pytest.raises(FormulaError, match="t must be a time of 0 or more"):
        model.expected_purchases(cdnow, -1)
    with pytest.raises(FormulaError, match="expected one number, or one for each of 2357 rows"):
        model.expected_purchases(cdnow, [1, 2])
    with pytest.raises(FormulaError, match=r"n is 1\.5"):
        model.probability_of_n_purchases(1.5, 10)
    with pytest.raises(FormulaError, match="draws is 0"):
        model.posterior(draws=0)


def test_a_time_for_each_customer_is_used(model, cdnow):
    times = np.where(cdnow["frequency"] > 0, 10.0, 0.0)
    expected = model.expected_purchases(cdnow, times)
    assert expected[times == 0].eq(0).all()
    pd.testing.assert_series_equal(expected[times > 0], model.expected_purchases(cdnow, 10)[times > 0])
