"""BdW: its numbers at extreme parameters, its gradient, its truth, what it tells of customers who change, refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import betaln

from clvhelpers import ShiftedBetaGeoModel
from clvhelpers.errors import BoundaryWarning, ClvError, FormulaError, NotEnoughDataError
from clvhelpers.models.beta_discrete_weibull import BetaDiscreteWeibullModel, BetaDiscreteWeibullParameters
from clvhelpers.models.gamma_ratios import digamma_step, log_beta_ratio
from clvhelpers.models.life_table import RenewalLikelihood, count_renewals
from clvhelpers.models.shifted_beta_geo import ShiftedBetaGeoParameters

HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]  # Fader & Hardie 2007, table 1
SIZES = st.floats(np.log(1e-6), np.log(1e6)).map(np.exp)


def leavings(rng, gamma, delta, c, customers):
    """The renewal at which each customer leaves: (1 - theta)^(t^c) is the chance to come through t of them."""
    stays = np.log1p(-np.clip(rng.beta(gamma, delta, customers), 1e-15, 1 - 1e-15))
    return np.ceil((np.log(rng.uniform(size=customers)) / stays) ** (1 / c))


def rows(rng, gamma, delta, c, customers):
    leaves, watched = leavings(rng, gamma, delta, c, customers), rng.integers(3, 25, customers)
    return pd.DataFrame({"duration": np.minimum(leaves, watched), "left": leaves <= watched})


@pytest.fixture(scope="module")
def model():
    return BetaDiscreteWeibullModel("Y").fit_survivors(HIGH_END)


@pytest.mark.parametrize(
    ("gamma", "delta", "more", "exact"),  # mpmath 1.4.1 with 80 digits (400 for the last but one)
    [
        (1e-6, 1e-6, 1e-6, -0.28768207245342586),
        (1e-6, 1e6, 1.0, -9.999999999995e-13),
        (1e6, 1e-6, 1.0, -27.631021115929548),
        (1e6, 1e6, 1e-6, -6.9314743055975781e-7),
        (1e6, 1e6, 1e12, -13429218.043416349),
        (1e-6, 1.0, 1e12, -2.8208235958363948e-5),
        (1e6, 1e-6, 1e12, -14815530.862276435),
        (3.0, 1e6, 1e-6, -2.9999970000035e-12),
        (0.7, 1.2, 1e300, -483.49647971466936),
        (0.704077, 1.182043, 1e4, -6.4487452335877984),
    ],
)
def test_ratios_of_beta_functions_keep_their_digits(gamma, delta, more, exact):
    assert float(log_beta_ratio(gamma, delta, more)) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize(
    ("parameters", "t", "exact"),  # ln of the share who renew at t: mpmath 1.4.1 with 80 digits
    [
        ((1e-6, 1e6, 1e-6), 2, -6.931470742123261e-19),
        ((0.5, 1.0, 0.3), 10_000, -1.4319706563536801e-5),
        ((1e6, 1e6, 2.0), 3, -3.4657209028709762),
        ((0.3, 2.0, 2.5), 10_000, -7.5003750237641586e-5),
        ((1e-6, 1e-6, 1.0), 10_000, -1.0001000098509701e-10),
        ((1e-3, 1e6, 1.5), 1, -9.999999995e-10),
    ],
)
def test_retention_at_extreme_parameters(parameters, t, exact):
    found = BetaDiscreteWeibullParameters(*parameters).log_retention(np.array([float(t)]))
    assert found[0] == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(
    ("parameters", "discount", "renewals", "exact"),  # sums by mpmath 1.4.1: 400 terms, an integral, three corrections
    [
        ((0.2143, 1.427, 1.724), 0.1, 0, 6.09204662558235),
        ((0.5, 1.0, 0.3), 0.00797414042890374, 0, 54.4632570514929),
        ((0.5, 1.0, 0.3), 1e-6, 5000, 509346.771133435),
        ((2.0, 5.0, 0.8), 0.0, 0, 12.1612605046547),
        ((0.6, 50.0, 2.0), 0.0, 10_000, 50000.5136251428),
        ((1e-6, 1e6, 1.5), 1e-5, 0, 100000.714403412),
        ((1e4, 1e6, 0.5), 1e-6, 100, 20986.2394504984),
        ((1e5, 1e8, 2.0), 0.0, 0, 28.5320653289799),
    ],
)
def test_endless_lifetimes(parameters, discount, renewals, exact):
    found = BetaDiscreteWeibullParameters(*parameters).endless_payments(np.array([renewals]), discount)
    assert found[0] == pytest.approx(exact, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(SIZES, SIZES, st.floats(np.log(0.02), np.log(20)).map(np.exp), st.integers(1, 10_000))
def test_retention_and_survival_are_one_story(gamma, delta, c, t):
    equations = BetaDiscreteWeibullParameters(gamma, delta, c)
    ages = np.array([t - 1.0, float(t)])
    alive, stay = equations.log_survival(ages), equations.log_retention(ages[1:])
    assert alive[1] <= alive[0] <= 0
    assert stay[0] <= 0
    assert alive[1] - alive[0] == pytest.approx(stay[0], rel=1e-7, abs=1e-11 * (1 - alive[1]))
    assert np.isfinite(equations.slopes(ages[1:])).all()


@settings(max_examples=30, deadline=None)
@given(SIZES, SIZES, st.floats(np.log(1e-4), 0).map(np.exp), st.integers(0, 9_999))
def test_with_c_of_one_it_is_the_other_model(alpha, beta, discount, renewals):
    simple, this = ShiftedBetaGeoParameters(alpha, beta), BetaDiscreteWeibullParameters(alpha, beta, 1.0)
    ages = np.array([renewals + 1.0])
    assert this.log_retention(ages) == pytest.approx(simple.log_retention(ages), rel=1e-9)
    lifetimes = [one.endless_payments(np.array([renewals]), discount)[0] for one in (simple, this)]
    assert lifetimes[0] == pytest.approx(lifetimes[1], rel=1e-8)


def test_differences_of_digamma_keep_their_digits():
    assert float(digamma_step(1e6, 1.0)) == pytest.approx(1e-6, rel=1e-12)
    assert float(digamma_step(1e-6, 3.0)) == pytest.approx(1e6 + 1 / (1 + 1e-6) + 1 / (2 + 1e-6), rel=1e-13)


@pytest.mark.parametrize("at", [(0.5, 2.0, 1.7), (40.0, 900.0, 0.4), (2.0, 0.3, 1.0)])
def test_the_gradient_is_the_slope_of_the_likelihood(at):
    data = rows(np.random.default_rng(1), 0.7, 3.0, 1.3, 300).assign(weight=1.0, entry=0.0).astype(float)
    objective, step = RenewalLikelihood(count_renewals(data), BetaDiscreteWeibullParameters), 1e-6
    here = np.log(at)
    slopes = [
        (objective.value(here + shift) - objective.value(here - shift)) / (2 * step) for shift in step * np.eye(3)
    ]
    assert objective(here)[1] == pytest.approx(slopes, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("survivors", [HIGH_END, HIGH_END[:5], [1000, 631, 468, 382, 326, 289, 262, 241]])
def test_a_search_without_gradients_finds_the_same(survivors):
    lost, t = -np.diff(survivors), np.arange(len(survivors))

    def missing(log_parameters):
        gamma, delta, c = np.exp(log_parameters)
        alive = np.exp(betaln(gamma, delta + t**c) - betaln(gamma, delta))
        return -(lost @ np.log(-np.diff(alive)) + survivors[-1] * np.log(alive[-1]))

    options = {"xatol": 1e-7, "fatol": 1e-10, "maxiter": 2000}
    other = minimize(missing, np.log([0.5, 1.5, 1.2]), method="Nelder-Mead", options=options)
    fit = BetaDiscreteWeibullModel("Y").fit_survivors(survivors)
    assert fit.log_likelihood == pytest.approx(-other.fun, abs=1e-7)
    assert list(fit.parameters.values()) == pytest.approx(np.exp(other.x), rel=1e-3)


@pytest.mark.parametrize("c", [0.6, 1.0, 1.5])
def test_parameters_of_simulated_customers_are_found(c):
    fit = BetaDiscreteWeibullModel().fit(rows(np.random.default_rng(8), 1.2, 9.0, c, 20_000))
    for name, true in (("gamma", 1.2), ("delta", 9.0), ("c", c)):
        assert abs(fit.parameters[name] - true) < 3 * fit.standard_errors[name]
    found = fit.duration_dependence(level=0.99)
    assert found.interval[0] < c < found.interval[1]
    says = {0.6: "own risk to leave falls", 1.0: "customers may only differ", 1.5: "own risk to leave rises"}[c]
    assert says in found.sentence()


def test_customers_who_are_alike_or_leave_with_time_have_an_answer():
    """Where sBG has none: the shape is a discrete Weibull distribution, and gamma and delta stay open."""
    theta, c, t = 0.02, 1.6, np.arange(9)
    survivors = np.round(20_000 * (1 - theta) ** (t**c))
    with pytest.warns(BoundaryWarning, match="hardly say what gamma, delta are"):
        fit = BetaDiscreteWeibullModel().fit_survivors(survivors)
    assert fit.parameters["c"] == pytest.approx(c, abs=0.03)
    assert np.isnan(fit.standard_errors["gamma"])
    assert fit.survival([8, 12]) == pytest.approx((1 - theta) ** (np.array([8, 12]) ** c), rel=0.05)
    assert fit.expected_lifetime(0.0) == pytest.approx(((1 - theta) ** (np.arange(200) ** c)).sum(), rel=0.02)
    assert fit.duration_dependence().p_value < 1e-6


def test_the_likelihood_ratio_is_against_the_other_model(model):
    simple = ShiftedBetaGeoModel("Y").fit_survivors(HIGH_END)
    found = model.duration_dependence()
    assert found.likelihood_ratio == pytest.approx(2 * (model.log_likelihood - simple.log_likelihood), rel=1e-6)
    assert model.aic == pytest.approx(simple.aic + 2 - found.likelihood_ratio, rel=1e-9)
    believing = BetaDiscreteWeibullModel("Y", priors="weak").fit_survivors(HIGH_END)
    with pytest.raises(ClvError, match="knows of no priors"):
        believing.duration_dependence()


def test_lifetimes_agree_with_each_other(model):
    each = np.asarray(model.expected_residual_lifetime(np.arange(1, 30), 0.10))
    alone = [model.expected_residual_lifetime(paid, 0.10) for paid in range(1, 30)]
    assert each == pytest.approx(alone, rel=1e-11)
    assert model.expected_lifetime(0.10) == pytest.approx(1 + each[0] / 1.1)
    assert model.expected_lifetime(0.10, periods=400) == pytest.approx(model.expected_lifetime(0.10), rel=1e-9)


def test_too_little_is_refused(model):
    with pytest.raises(NotEnoughDataError, match="at least 3 renewals and 2 were seen"):
        BetaDiscreteWeibullModel().fit_survivors([1000, 900, 820])
    with pytest.raises(FormulaError, match=r"gamma times c is 0\.369, and at 1 or less"):
        model.expected_lifetime(0.0)
