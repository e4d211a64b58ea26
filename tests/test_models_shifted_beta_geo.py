"""sBG: its gradient, its truth on simulated customers, what it predicts, and what it refuses."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln

from clvhelpers import ShiftedBetaGeoModel, churn, load_lumen
from clvhelpers.errors import (
    BoundaryWarning,
    ClvError,
    ConfigError,
    ConvergenceError,
    DataContractError,
    FormulaError,
    NotEnoughDataError,
)
from clvhelpers.models.life_table import RenewalLikelihood, count_renewals
from clvhelpers.models.shifted_beta_geo import discounted_lifetime

REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]


def lifetimes(rng, alpha, beta, customers):
    """Customers who came at different times and were watched for 1 to 18 periods."""
    leaves = rng.geometric(rng.beta(alpha, beta, customers))
    watched = rng.integers(1, 19, customers)
    return pd.DataFrame({"duration": np.minimum(leaves, watched), "left": leaves <= watched})


@pytest.fixture(scope="module")
def model():
    return ShiftedBetaGeoModel("Y").fit_survivors(REGULAR)


def test_intervals_cover_the_truth():
    rng, inside = np.random.default_rng(4), []
    for _ in range(80):
        fit = ShiftedBetaGeoModel().fit(lifetimes(rng, 1.2, 12.0, 1500))
        inside.append([abs(np.log(fit.parameters[name] / true)) for name, true in (("alpha", 1.2), ("beta", 12.0))])
        inside[-1] = [miss < 1.645 * error for miss, error in zip(inside[-1], fit._fitted.log_errors(), strict=True)]
    covered = np.mean(inside, axis=0)
    assert ((covered > 0.81) & (covered < 0.98)).all()


def test_forecast_beyond_the_data_is_the_share_that_stays():
    rng = np.random.default_rng(5)
    leaves = rng.geometric(rng.beta(0.8, 6.0, 50_000))
    fit = ShiftedBetaGeoModel().fit_survivors([(leaves > age).sum() for age in range(7)])
    assert fit.survival([12, 24]) == pytest.approx([(leaves > 12).mean(), (leaves > 24).mean()], rel=0.03)


def test_survivors_and_rows_and_weights_give_one_fit(model):
    lost = -np.diff(REGULAR)
    rows = pd.DataFrame({"duration": [*range(1, 8), 7], "left": [True] * 7 + [False], "n": [*lost, REGULAR[-1]]})
    weighted = ShiftedBetaGeoModel("Y").fit(rows, weights="n")
    long = rows.loc[rows.index.repeat(rows["n"])].sample(frac=1, random_state=3)
    newcomers = pd.DataFrame({"duration": [0] * 5, "left": [False] * 5})
    for fit in (weighted, ShiftedBetaGeoModel("Y").fit(pd.concat([long, newcomers], ignore_index=True))):
        assert fit.parameters == pytest.approx(model.parameters, rel=1e-7)
        assert fit.log_likelihood == pytest.approx(model.log_likelihood)
        assert fit.standard_errors == pytest.approx(model.standard_errors, rel=1e-4)


def test_customers_watched_from_some_age_on_do_not_mislead():
    """A base whose young leavers nobody wrote down gives the same parameters once `entry` says so."""
    rng = np.random.default_rng(6)
    leaves, entry = rng.geometric(rng.beta(1.0, 8.0, 20_000)), rng.integers(0, 8, 20_000) + 0.4
    there = leaves > entry
    rows = pd.DataFrame({"duration": np.minimum(leaves, 14), "left": leaves <= 14, "entry": entry})[there]
    seen = ShiftedBetaGeoModel().fit(rows)
    for name, true in (("alpha", 1.0), ("beta", 8.0)):
        assert abs(seen.parameters[name] - true) < 4 * seen.standard_errors[name]
    with pytest.warns(BoundaryWarning), pytest.raises(ConvergenceError):
        ShiftedBetaGeoModel().fit(rows.drop(columns="entry"))


def test_stays_from_spells_are_taken_as_they_are():
    spells = churn.customer_spells(load_lumen("spells"), end="2025-12-31", returners="first")
    whole = spells.assign(duration=np.floor(spells["duration"]))
    fits = [ShiftedBetaGeoModel().fit(frame).parameters for frame in (spells, whole)]
    assert fits[0] == fits[1]


@pytest.mark.parametrize("engine", [pl.from_pandas, duckdb.from_df])
def test_every_engine_gives_one_fit(engine):
    rows = lifetimes(np.random.default_rng(2), 0.9, 5.0, 400)
    ours, theirs = (ShiftedBetaGeoModel().fit(frame) for frame in (rows, engine(rows)))
    assert theirs.parameters == pytest.approx(ours.parameters, rel=1e-9)
    assert theirs.customers == 400


def test_the_gradient_is_the_slope_of_the_likelihood():
    rows = lifetimes(np.random.default_rng(1), 0.7, 3.0, 300).assign(weight=1.0, entry=0.0).astype(float)
    objective = RenewalLikelihood(count_renewals(rows), ShiftedBetaGeoModel.equations)
    at, step = np.log([0.9, 2.2]), 1e-6
    slopes = [
        (objective.value(at + shift) - objective.value(at - shift)) / (2 * step) for shift in step * np.eye(len(at))
    ]
    assert objective(at)[1] == pytest.approx(slopes, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 50), st.floats(0.05, 200), st.floats(0.002, 0.5))
def test_the_sum_of_discounted_survival(alpha, beta, discount):
    age = np.arange(int(36 / np.log1p(discount)))
    summed = np.exp(betaln(alpha, beta + age) - betaln(alpha, beta) - age * np.log1p(discount)).sum()
    assert float(discounted_lifetime(alpha, beta, discount)) == pytest.approx(summed, rel=1e-8)


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.18), (2.0, 0.3), (100.0, 1.0)])
def test_where_usual_hypergeometric_functions_fail(alpha, beta):
    """scipy 1.17's hyp2f1(1, beta, alpha + beta, 1 / 1.001) is -30.5 for the first, and infinite for the others."""
    age = np.arange(40_000)
    summed = np.exp(betaln(alpha, beta + age) - betaln(alpha, beta) - age * np.log1p(0.001)).sum()
    assert float(discounted_lifetime(alpha, beta, 0.001)) == pytest.approx(summed, rel=1e-9)


@pytest.mark.parametrize(
    ("alpha", "beta", "discount", "exact"),  # mpmath 1.4.1's hyp2f1 with 40 digits
    [
        (1e-6, 1e-6, 0.01, 50.999769244665548),
        (1e-6, 1e6, 1e-4, 10000.999900970675),
        (1e6, 1e-6 + 10_000, 0.1, 1.0090826603773017),
        (1e6, 1e6, 1e-4, 1.9998010394931804),
        (0.704077, 1.182043 + 10_000, 1e-4, 6844.6869740675929),
        (1.0, 1.18, 0.001, 7.8520148589298757),
    ],
)
def test_lifetimes_at_extreme_parameters(alpha, beta, discount, exact):
    assert float(discounted_lifetime(alpha, beta, discount)) == pytest.approx(exact, rel=1e-9)


def test_lifetimes_agree_with_each_other(model):
    whole, first = model.expected_lifetime(0.10), model.expected_lifetime(0.10, periods=1)
    assert first == 1
    assert whole == pytest.approx(1 + model.expected_residual_lifetime(1, 0.10) / 1.1)
    assert model.expected_lifetime(0.10, periods=400) == pytest.approx(whole, rel=1e-9)
    assert model.expected_lifetime(0.0, periods=8) == pytest.approx(model.survival(np.arange(8)).sum())
    assert np.all(np.diff(model.expected_residual_lifetime(np.arange(1, 9))) > 0)
    paid = pd.Series([3.0, 1.0, 3.0], index=["a", "b", "c"])
    of_each = model.expected_residual_lifetime(paid)
    assert of_each.index.equals(paid.index)
    assert of_each.tolist() == [model.expected_residual_lifetime(int(one)) for one in paid]


def test_a_yearly_discount_rate_is_converted_once():
    monthly = ShiftedBetaGeoModel("M").fit_survivors(REGULAR)
    yearly = ShiftedBetaGeoModel("Y").fit_survivors(REGULAR)
    assert monthly.expected_lifetime(1.01**12 - 1) == pytest.approx(yearly.expected_lifetime(0.01))


def test_without_discounting_the_lifetime_may_have_no_end(model):
    with pytest.raises(FormulaError, match=r"alpha is 0\.704, and at 1 or less"):
        model.expected_lifetime(0.0)
    steady = ShiftedBetaGeoModel().fit_survivors([1000, 900, 815, 745, 684])
    alpha, beta = steady.parameters.values()
    assert steady.expected_lifetime(0.0) == pytest.approx((alpha + beta - 1) / (alpha - 1))


def test_the_curve_is_that_of_the_methods(model):
    curve = model.retention_curve(12)
    assert curve["survival"].to_numpy() == pytest.approx(curve["retention"].cumprod().to_numpy())
    assert (curve["retention"] + curve["churn"]).eq(1).all()
    assert curve["retention"].is_monotonic_increasing


def test_the_posterior_is_as_wide_as_the_standard_errors(model):
    spread = model.posterior(draws=2000).frame.std()
    assert spread.to_dict() == pytest.approx(model.standard_errors, rel=0.15)


@pytest.mark.parametrize(
    ("survivors", "says"),
    [
        ([500, 500, 500], "nobody left in 2 months"),
        ([500, 0], "everybody left at the first"),
        ([500, 0, 0], "everybody left at the first"),
        ([500, 400], "only one was seen, where 20.0% left"),
        ([500], "two at the least"),
        ([0, 0, 0], "nobody has had to renew yet"),
        ([1.0, 0.869, 0.743], "numbers of customers, not shares"),
    ],
)
def test_too_little_is_refused(survivors, says):
    with pytest.raises(NotEnoughDataError, match=says):
        ShiftedBetaGeoModel().fit_survivors(survivors)


def test_survivors_that_cannot_be_are_refused():
    with pytest.raises(DataContractError) as caught:
        ShiftedBetaGeoModel().fit_survivors([100, -3, 50, np.nan])
    assert len(caught.value.problems) == 2
    assert "rise from -3 to 50 at renewal 2" in str(caught.value)


def test_rows_that_cannot_be_are_all_told():
    rows = pd.DataFrame(
        {"duration": [3, -1, 0.5, np.nan, 0, 2], "left": [1, 0, 2, 1, 1, 1], "entry": [0, 0, 0, 0, 0, 2]}
    )
    rows.loc[6] = [2.5, 1, 0]
    with pytest.raises(DataContractError) as caught:
        ShiftedBetaGeoModel().fit(rows)
    assert len(caught.value.problems) == 6


@pytest.mark.parametrize("survivors", [[1000, 950, 850, 600, 200], [1000, 500, 200, 0]])
def test_retention_that_falls_with_age_is_refused(survivors):
    with pytest.warns(BoundaryWarning), pytest.raises(ConvergenceError, match="retention does not rise with age"):
        ShiftedBetaGeoModel().fit_survivors(survivors)


def test_all_or_nothing_is_warned_about():
    with pytest.warns(BoundaryWarning, match="hardly say what alpha, beta are") as caught:
        ShiftedBetaGeoModel().fit_survivors([1000, 700, 700, 700])
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda model: model.survival(-1), "t must be a whole number of 0 or more"),
        (lambda model: model.expected_retention_rate([1, 1.5]), "t must be a whole number of 1 or more"),
        (lambda model: model.expected_residual_lifetime(0), "paid must be"),
        (lambda model: model.expected_lifetime(-0.1), "expected 0 or more, per year"),
        (lambda model: model.expected_lifetime(periods=2.5), "periods must be"),
        (lambda model: model.retention_curve(0), "periods must be"),
    ],
)
def test_questions_without_meaning_are_refused(model, ask, says):
    with pytest.raises(FormulaError, match=says):
        ask(model)


def test_unit_and_order_of_calls():
    with pytest.raises(ConfigError, match="unit is 'H'"):
        ShiftedBetaGeoModel("H")
    with pytest.raises(ClvError, match="has not been fitted yet"):
        ShiftedBetaGeoModel().survival(1)
