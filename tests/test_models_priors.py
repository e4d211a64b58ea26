"""Priors: small bases get sane answers, large ones hardly notice, units don't matter, and what is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest

from clvhelpers import (
    BetaGeoBetaBinomModel,
    BetaGeoModel,
    ModifiedBetaGeoModel,
    ParetoNBDModel,
    Prior,
)
from clvhelpers.errors import BoundaryWarning, ConfigError, FormulaError, NotEnoughDataError
from clvhelpers.models.priors import WithPriors
from tests import stories

CONTINUOUS = [BetaGeoModel, ModifiedBetaGeoModel, ParetoNBDModel]
titles = {"ids": lambda kind: kind.title}


def few_customers(number, repeaters, T=40.0):
    """`repeaters` of them came back once, at different times."""
    x = np.where(np.arange(number) < repeaters, 1.0, 0.0)
    return pd.DataFrame({"frequency": x, "recency": x * np.linspace(3, 30, number), "T": T})


@pytest.mark.parametrize("kind", CONTINUOUS, **titles)
def test_fifty_customers_get_a_sane_answer_with_a_wide_interval(kind):
    """Where one-time buyers are 38 of 50 and nobody came twice, maximum likelihood goes to the edge, and says so."""
    base = few_customers(50, 12)
    with pytest.warns(BoundaryWarning, match="hardly say what"):
        alone = kind().fit(base)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        believed = kind(priors="weak").fit(base)
        posterior = believed.posterior(400)
    assert np.isnan([*alone.standard_errors.values()]).any()
    assert all(
        prior.median / 30 < believed.parameters[name] < 30 * prior.median for name, prior in kind.weak_priors.items()
    )
    assert np.isfinite([*believed.standard_errors.values()]).all()
    assert 0.2 < believed.expected_purchases(base, 40.0).sum() < 12
    interval = posterior.interval(0.90)
    assert (interval["high"] / interval["low"] > 2.5).any()
    assert posterior.effective_sample_size > 100
    assert believed.log_likelihood < alone.log_likelihood + 1e-6


@pytest.mark.parametrize(
    ("kind", "story", "truth"),
    [
        (BetaGeoModel, stories.beta_geo, {"r": 0.25, "alpha": 4.5, "a": 0.8, "b": 2.4}),
        (ParetoNBDModel, stories.pareto, {"r": 0.55, "alpha": 10.0, "s": 0.6, "beta": 12.0}),
        (BetaGeoBetaBinomModel, stories.donors, {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.8}),
    ],
)
def test_many_customers_hardly_notice_a_prior(kind, story, truth):
    world = story(truth, 20_000 if kind.discrete else 10_000, seed=5)
    alone, believed = kind().fit(world), kind(priors="weak").fit(world)
    for name in truth:
        assert abs(believed.parameters[name] - alone.parameters[name]) < 0.25 * alone.standard_errors[name]
    assert believed.log_likelihood == pytest.approx(alone.log_likelihood, abs=0.1)
    assert believed.log_likelihood <= alone.log_likelihood


@pytest.mark.parametrize("kind", CONTINUOUS, **titles)
def test_days_and_weeks_give_the_same_belief(kind):
    weeks = few_customers(60, 15)
    days = weeks.assign(recency=weeks["recency"] * 7, T=weeks["T"] * 7)
    weekly, daily = kind("W", priors="weak").fit(weeks), kind("D", priors="weak").fit(days)
    for name, value in weekly.parameters.items():
        assert daily.parameters[name] == pytest.approx(value * (7 if name in kind.times else 1), rel=1e-5)
    assert daily.expected_purchases(days, 70).sum() == pytest.approx(weekly.expected_purchases(weeks, 10).sum())
    assert daily.expected_purchases_new_customer(70) == pytest.approx(weekly.expected_purchases_new_customer(10))


def test_a_dozen_customers_with_one_repeater_are_enough_for_weak_priors():
    """Of 12 customers 1 came back: what all may do is told, and not more than they have shown."""
    base = few_customers(12, 1)
    for kind in CONTINUOUS:
        with pytest.raises(NotEnoughDataError, match="needs at least 30 customers and the summary has 12"):
            kind().fit(base)
        model = kind(priors="weak").fit(base)
        assert 0.05 < model.expected_purchases(base, 40.0).sum() < 3
        assert np.isfinite([*model.standard_errors.values()]).all()
        with pytest.raises(NotEnoughDataError) as refusal:
            kind(priors="weak").fit(few_customers(9, 0))
        assert len(refusal.value.problems) == 2
        assert "at least 10 customers" in str(refusal.value)
        assert "at least 1 customers with a repeat purchase" in str(refusal.value)


def test_one_prior_holds_one_parameter():
    base = few_customers(200, 40)
    with pytest.warns(BoundaryWarning, match="r, alpha"):  # of which no belief was given
        tight = BetaGeoModel(priors={"a": Prior(0.5, 1.01), "b": Prior(2.0, 1.01)}).fit(base)
    assert (tight.parameters["a"], tight.parameters["b"]) == pytest.approx((0.5, 2.0), rel=0.03)
    assert tight.standard_errors["a"] < 0.01
    assert tight.unfitted().priors == tight.priors


def test_the_gradient_with_priors_is_the_slope():
    base = few_customers(50, 12).assign(weight=1.0)
    objective = WithPriors(BetaGeoModel.likelihood(base), BetaGeoModel.parameter_names, BetaGeoModel.weak_priors)
    at = np.log([0.1, 20.0, 1.5, 1.0])
    slopes = [(objective.value(at + step) - objective.value(at - step)) / 2e-5 for step in 1e-5 * np.eye(4)]
    value, gradient = objective(at)
    assert gradient == pytest.approx(slopes, rel=1e-6, abs=1e-6)
    assert value == pytest.approx(objective.value(at))


@pytest.mark.parametrize(("median", "factor", "words"), [
    (0, 3, "the median of a prior is 0: expected a number above 0"),
    (-1.0, 3, "the median of a prior is -1.0"),
    (np.nan, 3, "the median of a prior is nan"),
    (np.inf, 3, "the median of a prior is inf"),
    (1.0, 1, "the factor of a prior is 1: expected a number above 1, such as 3"),
    (1.0, 0.5, "the factor of a prior is 0.5"),
])  # fmt: skip
def test_a_prior_without_a_meaning_is_refused(median, factor, words):
    with pytest.raises(FormulaError, match=words):
        Prior(median, factor)


@pytest.mark.parametrize(
    ("priors", "words"),
    [
        ("strong", "priors is 'strong': expected \"weak\", or a Prior by name of parameter"),
        (
            {"r": Prior(1, 2), "s": Prior(1, 2)},
            "a prior is given for 's', which the BetaGeoModel does not have: .* r, alp",
        ),
        ({"r": 0.5}, r"the prior of r is 0\.5: expected Prior\(median, factor\)"),
        ([Prior(1, 2)], 'priors is .*: expected "weak", or a Prior by name of parameter'),
        ({1: Prior(1, 2)}, "a prior is given for 1, which the BetaGeoModel does not have"),
    ],
)
def test_wrong_priors_are_refused(priors, words):
    with pytest.raises(ConfigError, match=words):
        BetaGeoModel(priors=priors)
