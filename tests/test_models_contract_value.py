"""Customers with a contract in money: expected value, what the data tell of it, and what may really come about."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers import ShiftedBetaGeoModel
from clvhelpers.errors import ClvError, ConfigError, DataContractError, FormulaError, NotEnoughDataError
from clvhelpers.models import Prior
from clvhelpers.models.beta_discrete_weibull import BetaDiscreteWeibullModel

REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]  # Fader & Hardie 2007, table 1
MODELS = [ShiftedBetaGeoModel, BetaDiscreteWeibullModel]
PRICES = {"basic": 10.0, "pro": 20.0}


def members(rng, customers, effect=0.6):
    """Customers of two plans and two channels; those of `pro` have `effect` times the alpha of the others."""
    labels = pd.DataFrame({"plan": rng.choice(list(PRICES), customers, p=[0.6, 0.4])})
    labels["channel"] = rng.choice(["ads", "web"], customers, p=[0.7, 0.3])
    leaves = rng.geometric(rng.beta(1.2 * np.where(labels["plan"] == "pro", effect, 1.0), 12.0))
    watched = rng.integers(1, 25, customers)
    return labels.assign(duration=np.minimum(leaves, watched), left=leaves <= watched)


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return request.param("Y").fit_survivors(REGULAR)


@pytest.fixture(scope="module")
def simple():
    return ShiftedBetaGeoModel("Y").fit_survivors(REGULAR)


@pytest.fixture(scope="module")
def base():
    return members(np.random.default_rng(5), 10_000)


@pytest.fixture(scope="module")
def by_plan(base):
    return ShiftedBetaGeoModel(covariates=["plan", "channel"]).fit(base)


def test_value_is_price_times_lifetime(model):
    new = model.expected_customer_lifetime_value(price=50, margin=0.4, discount_rate=0.12, acquisition_cost=30)
    assert new == pytest.approx(50 * 0.4 * model.expected_lifetime(0.12) - 30)
    some = model.expected_customer_lifetime_value(price=50, discount_rate=0.12, periods=5)
    assert some == pytest.approx(50 * model.expected_lifetime(0.12, periods=5))
    paid = pd.Series([1, 4, 1], index=["a", "b", "c"])
    old = model.expected_customer_lifetime_value(paid, price=50, discount_rate=0.12, acquisition_cost=30)
    assert old.tolist() == pytest.approx((50 * model.expected_residual_lifetime(paid, 0.12)).tolist())
    assert old.index.equals(paid.index)


def test_value_is_the_sum_of_its_payments(model):
    """Written out payment by payment, for customers who pay for the first time now and for those who renew."""
    k = np.arange(6)
    worth = 0.5 * 9.99 * 1.1**-k
    new = (model.survival(k) * worth).sum()
    renewing = (model.survival(3 + k) / model.survival(2) * worth).sum()
    found = model.expected_customer_lifetime_value([0, 3], price=9.99, margin=0.5, periods=6)
    assert found == pytest.approx([new, renewing])
    later = model.expected_customer_lifetime_value([0, 3], price=9.99, margin=0.5, periods=6, first_payment=False)
    assert found - later == pytest.approx(0.5 * 9.99 * np.array([1.0, model.expected_retention_rate(3)]))


def test_a_yearly_discount_rate_is_converted_once(simple):
    monthly = ShiftedBetaGeoModel("M").fit_survivors(REGULAR)
    values = [
        one.expected_customer_lifetime_value(2, price=1.0, discount_rate=rate)
        for one, rate in ((monthly, 1.01**12 - 1), (simple, 0.01))
    ]
    assert values[0] == pytest.approx(values[1])


def test_prices_of_plans(simple):
    customers = pd.DataFrame({"plan": ["pro", "basic", "pro"], "n": [0, 2, 5]}, index=["x", "y", "z"])
    by_mapping = simple.expected_customer_lifetime_value("n", price=PRICES, acquisition_cost=7, customers=customers)
    prices = pd.Series([20.0, 10.0, 20.0], customers.index)
    by_series = simple.expected_customer_lifetime_value(customers["n"], price=prices, acquisition_cost=7)
    by_array = simple.expected_customer_lifetime_value([0, 2, 5], price=[20, 10, 20], acquisition_cost=[7, 0, 0])
    pd.testing.assert_series_equal(by_mapping, by_series)
    assert by_array == pytest.approx(by_series.to_numpy())
    of_plans = simple.expected_customer_lifetime_value(price=PRICES, margin={"pro": 0.5, "basic": 0.9})
    lifetime = simple.expected_lifetime()
    assert of_plans.to_dict() == pytest.approx({"basic": 10 * 0.9 * lifetime, "pro": 20 * 0.5 * lifetime})


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"price": -1}, "price is -1"),
        ({"price": 1, "margin": 1.4}, "margin is 1.4"),
        ({"price": 1, "paid": [0, 1.5]}, r"paid\[1\] is 1.5: it counts payments"),
        ({"price": 1, "acquisition_cost": -3}, "acquisition_cost is -3"),
        ({"price": 1, "discount_rate": -0.1}, "expected 0 or more, per year"),
        ({"price": 1, "periods": 2.5}, "periods must be"),
        ({"price": 1, "discount_rate": 0.0}, "alpha is 0.704, and at 1 or less"),
        ({"price": {"basic": 1}, "customers": pd.DataFrame({"plan": ["pro"]})}, "no entry for the plan 'pro'"),
        ({"price": {"basic": 1}, "customers": pd.DataFrame({"n": [1]})}, "no column 'plan'"),
        ({"price": "fee", "customers": pd.DataFrame({"n": [1]})}, "no such column, only n"),
        ({"price": [1, 2, 3], "customers": pd.DataFrame({"n": [1]})}, "price has 3 numbers"),
        ({"price": pd.Series([1.0], ["a"]), "paid": pd.Series([1], ["b"])}, "the index is not that of"),
    ],
)
def test_terms_that_cannot_be_are_refused(simple, terms, says):
    with pytest.raises(FormulaError, match=says):
        simple.expected_customer_lifetime_value(**terms)


def test_intervals_are_those_of_the_draws(model):
    found = model.interval(lambda one: one.survival([5, 12]), level=0.80, draws=60, seed=3)
    draws = model.posterior(60, 3).frame
    each = [type(model)("Y").with_parameters(**row).survival([5, 12]) for row in draws.to_dict("records")]
    assert found["low"].tolist() == pytest.approx(np.quantile(each, 0.1, axis=0))
    assert found["high"].tolist() == pytest.approx(np.quantile(each, 0.9, axis=0))
    assert found["estimate"].tolist() == pytest.approx(model.survival([5, 12]))
    ages = pd.Series([1, 5], index=["young", "old"])
    worth = model.interval(lambda one: one.expected_residual_lifetime(ages), draws=20)
    assert worth.index.tolist() == ["young", "old"]


def test_draws_lie_around_the_truth_as_they_should():
    """The share of draws below what is true, or came about, is as likely to be one number as another.

    Then it is 0.5 on average, and its distance from there 0.25. Asked of the share who stay two years, and of the
    payments of a new cohort.
    """
    rng, below = np.random.default_rng(11), []
    truth = ShiftedBetaGeoModel().with_parameters(alpha=1.2, beta=12.0).survival(24)
    for _ in range(25):
        fit = ShiftedBetaGeoModel().fit(members(rng, 800, effect=1.0))
        drawn = [fit.at(row).survival(24) for row in fit.posterior(40).frame.to_numpy()]
        futures = fit.simulate_payments(np.zeros(400), price=1.0, periods=6, draws=40).frame["payments"]
        payments = np.minimum(rng.geometric(rng.beta(1.2, 12.0, 400)), 6).sum()
        below.append([np.less(drawn, truth).mean(), np.less(futures, payments).mean()])
    assert np.mean(below, axis=0) == pytest.approx([0.5, 0.5], abs=0.17)  # three standard errors
    assert np.abs(np.array(below) - 0.5).mean(axis=0) == pytest.approx([0.25, 0.25], abs=0.1)


def test_futures_have_the_expected_mean(model):
    paid = np.repeat([0, 1, 6], 200)
    terms = {"price": 20.0, "margin": 0.5, "periods": 8, "acquisition_cost": 4.0}
    futures = model.simulate_payments(paid, **terms, draws=200)
    assert futures.expected["value"] == pytest.approx(model.expected_customer_lifetime_value(paid, **terms).sum())
    assert futures.expected["payments"] == pytest.approx(
        model.expected_customer_lifetime_value(paid, price=1.0, periods=8, discount_rate=0.0).sum()
    )
    spread = futures.frame.std() / np.sqrt(len(futures.frame))
    assert (abs(futures.frame.mean() - pd.Series(futures.expected)) < 4 * spread + 0.005 * futures.frame.mean()).all()
    assert futures.sentence().startswith("The 600 customers are expected to bring")
    short = [model.simulate_payments(paid, **terms, draws=20, seed=seed).frame for seed in (1, 1, 2)]
    pd.testing.assert_frame_equal(short[0], short[1])
    assert not short[0].equals(short[2])


def test_one_new_customer_for_each_price(simple):
    """A single `paid` stands for as many customers as there are prices, and so does a single cost."""
    terms = {"price": np.array([10.0, 30.0]), "acquisition_cost": 5.0, "periods": 4}
    futures = simple.simulate_payments(**terms, draws=20)
    assert futures.base == 2
    assert futures.expected["value"] == pytest.approx(simple.expected_customer_lifetime_value(**terms).sum())
    without = simple.simulate_payments(**terms, draws=20, first_payment=False)
    assert futures.expected["value"] - without.expected["value"] == pytest.approx(40.0)
    assert futures.expected["payments"] - without.expected["payments"] == pytest.approx(2.0)


def test_a_small_base_has_the_wider_futures(simple):
    widths = []
    for customers in (50, 5000):
        found = simple.simulate_payments(np.zeros(customers), price=1.0, periods=5, draws=200).interval()
        widths.append((found["high"] - found["low"])["value"] / customers)
    assert widths[0] > 3 * widths[1]


def test_futures_that_cannot_be_are_refused(simple):
    with pytest.raises(FormulaError, match="need a horizon that ends"):
        simple.simulate_payments(price=1.0, periods=None)
    with pytest.raises(FormulaError, match="level is 90"):
        simple.interval(lambda one: one.survival(3), level=90)
    with pytest.raises(ClvError, match="given and not fitted"):
        ShiftedBetaGeoModel().with_parameters(alpha=1.0, beta=9.0).simulate_payments(price=1.0, periods=3)


def test_the_effect_of_a_plan_is_found(by_plan, base):
    for name, true in (("leaving[plan=pro]", 0.6), ("leaving[channel=web]", 1.0), ("alpha", 1.2), ("beta", 12.0)):
        assert abs(by_plan.parameters[name] - true) < 3 * by_plan.standard_errors[name]
    alone = ShiftedBetaGeoModel().fit(base[base["plan"] == "pro"])
    of_pro = by_plan.for_customers(plan="pro", channel="ads")
    assert of_pro.survival([6, 24]) == pytest.approx(alone.survival([6, 24]), abs=0.015)
    low, high = by_plan.interval(lambda one: one.for_customers(plan="pro", channel="ads").survival(24), draws=200).iloc[
        0, 1:
    ]
    assert low < ShiftedBetaGeoModel().with_parameters(alpha=0.72, beta=12.0).survival(24) < high


def test_customers_of_each_kind_are_valued_as_their_kind(by_plan, base):
    some = base.assign(paid=base["duration"] + 1).head(40)
    terms = {"price": PRICES, "periods": 12, "discount_rate": 0.0}
    values = by_plan.expected_customer_lifetime_value("paid", customers=some, **terms)
    for plan, channel in (("basic", "ads"), ("pro", "web")):
        these = some[(some["plan"] == plan) & (some["channel"] == channel)]
        kind = by_plan.for_customers(plan=plan, channel=channel)
        alone = kind.expected_customer_lifetime_value(these["paid"], **terms | {"price": PRICES[plan]})
        pd.testing.assert_series_equal(values[these.index], alone)
    futures = by_plan.simulate_payments("paid", customers=some, draws=50, **terms)
    assert futures.expected["value"] == pytest.approx(values.sum())


def test_covariates_are_the_same_on_another_engine(by_plan, base):
    other = ShiftedBetaGeoModel(covariates=["plan", "channel"]).fit(pl.from_pandas(base))
    assert other.parameters == pytest.approx(by_plan.parameters, rel=1e-9)
    assert other.customers == 10_000


def test_questions_to_a_model_with_covariates(by_plan):
    with pytest.raises(ConfigError, match="the answer depends on plan, channel"):
        by_plan.survival(3)
    with pytest.raises(ConfigError, match="customers is not given"):
        by_plan.expected_customer_lifetime_value(price=1.0)
    with pytest.raises(DataContractError, match="no column 'channel'"):
        by_plan.expected_customer_lifetime_value(price=PRICES)
    with pytest.raises(DataContractError, match="a plan that the fit has not seen"):
        by_plan.for_customers(plan="team", channel="web")
    with pytest.raises(ConfigError, match="have no plan or channel"):
        by_plan.fit_survivors(REGULAR)
    with pytest.raises(ConfigError, match="labels are given for"):
        by_plan.for_customers(plan="pro")


@pytest.mark.parametrize("kind", MODELS)
def test_a_small_base_with_priors_has_a_sane_answer_with_a_wide_interval(kind):
    few = [50, 48, 47, 46]
    with pytest.raises(NotEnoughDataError, match="at least 10 customers who left, and 4 did"):
        kind().fit_survivors(few)
    fit = kind(priors="weak").fit_survivors(few)
    months = fit.interval(lambda one: one.survival([3, 24]), draws=150)
    assert abs(months["estimate"][0] - 0.92) < 0.02
    assert (months["low"] > 0.25).all()
    width = months["high"] - months["low"]
    assert width[0] > 0.08
    assert width[1] > 0.3
    many = kind(priors="weak").fit_survivors([200 * number for number in few])
    narrow = many.interval(lambda one: one.survival(3), draws=150)
    assert (narrow["high"] - narrow["low"])[0] < width[0] / 5


def test_a_belief_pulls_and_is_forgotten():
    strong = {"alpha": Prior(3.0, 1.1), "beta": Prior(30.0, 1.1)}
    believing = ShiftedBetaGeoModel("Y", priors=strong)
    assert believing.fit_survivors([20, 19, 19]).survival(1) == pytest.approx(30 / 33, abs=0.01)
    data = [100_000 * number for number in REGULAR]
    free = ShiftedBetaGeoModel("Y").fit_survivors(data)
    assert believing.fit_survivors(data).survival(5) == pytest.approx(free.survival(5), rel=2e-3)


def test_weak_priors_are_of_years_in_every_unit():
    medians = {unit: ShiftedBetaGeoModel(unit, priors="weak").priors["beta"].median for unit in "DMY"}
    assert medians == pytest.approx({"D": 730.5, "M": 24.0, "Y": 2.0})
