"""All models of purchases at parameters from 1e-4 to 1e4 and for 10,000 purchases in 10,000 days, against mpmath."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvhelpers import BetaGeoBetaBinomModel, BetaGeoModel, ModifiedBetaGeoModel, ParetoNBDModel
from clvhelpers.models import purchase_model
from clvhelpers.models.gamma_gamma import GammaGammaParameters, _Likelihood, expected_spend
from tests import exact_models, stories
from tests.exact_models import exact, mp

few = settings(max_examples=15, derandomize=True)
very_few = settings(max_examples=5, derandomize=True)  # where an example takes long


@dataclass(frozen=True)
class Case:
    """A model, its typical parameters, and what it must agree with."""

    model: type
    typical: dict[str, float]
    row: Any  # ln L and P(alive) in many digits
    story: Any  # simulated customers
    steps: int = 1  # the shortest time
    longest: int = 10_000  # and the longest that mpmath is asked about

    def equations(self, exponents, reach=4.0):
        """Parameters from 10^-reach to 10^reach, for exponents between -1 and 1."""
        return self.model.equations(*(10.0 ** (reach * exponent) for exponent in exponents))

    def likelihood(self, rows):
        return self.model.likelihood(rows.assign(weight=1.0))


CASES = {
    "BG/NBD": Case(
        BetaGeoModel,
        {"r": 0.25, "alpha": 4.5, "a": 0.8, "b": 2.4},
        exact_models.beta_geo(),
        stories.beta_geo,
    ),
    "MBG/NBD": Case(
        ModifiedBetaGeoModel,
        {"r": 0.55, "alpha": 6.0, "a": 0.9, "b": 1.7},
        exact_models.beta_geo(chances_at_start=1),
        partial(stories.beta_geo, at_once=True),
    ),
    "Pareto/NBD": Case(
        ParetoNBDModel,
        {"r": 0.55, "alpha": 10.0, "s": 0.6, "beta": 12.0},
        exact_models.pareto,
        stories.pareto,
    ),
    "BG/BB": Case(
        BetaGeoBetaBinomModel,
        {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.8},
        exact_models.beta_geo_beta_binom,
        stories.donors,
        longest=200,
    ),
}
EXPONENTS = st.tuples(*[st.floats(-1, 1)] * 4)
every_model = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
CONTINUOUS = {name: case for name, case in CASES.items() if name != "BG/BB"}


def customers(*rows):
    return pd.DataFrame(rows, columns=["frequency", "recency", "T"], dtype=float)


EXTREMES = {
    False: customers(
        (0, 0, 0), (0, 0, 1), (0, 0, 1e4), (1, 1e-3, 1e4), (1, 0.5, 1), (132, 200, 200), (1e4, 10, 1e4), (1e4, 1e4, 1e4)
    ),
    True: customers((0, 0, 0), (0, 0, 1), (0, 0, 1e4), (1, 1, 1e4), (132, 150, 200), (5e3, 6e3, 1e4), (1e4, 1e4, 1e4)),
}


def columns(rows):
    return [rows[name].to_numpy() for name in ("frequency", "recency", "T")]


@st.composite
def one_customer(draw, longest):
    """x and T at the ends of what is likely and what is possible; a recency early, in the middle and at the end."""
    T = draw(st.sampled_from([1, longest // 50, longest]))
    x = draw(st.sampled_from([0, 1, 132, 10_000]))
    share = draw(st.sampled_from([0.01, 0.5, 1.0]))
    return x, T * share if x else 0.0, float(T)


@every_model
def test_nothing_overflows_and_probabilities_are_probabilities(case):
    rows = EXTREMES[case.model.discrete]
    x, recency, T = columns(rows)
    t = np.resize([0.0, 1, 52, 10_000], len(x))

    @very_few
    @given(EXPONENTS)
    def check(exponents):
        it = case.equations(exponents, reach=6.0)
        value, slopes = case.likelihood(rows)(np.log([*it]))
        chances = [it.probability_alive(x, recency, T), it.silent_if_alive(x, T, t)]
        chances += [it.probability_of_n(n, t) for n in (0, 1, 132, 10_000)]
        amounts = [it.purchases_if_alive(x, T, t[:, None]), it.discounted_if_alive(x, T, 0.002)]
        amounts.append(it.purchases_of_newcomers(t))
        assert np.isfinite([value, *slopes]).all()
        assert all(np.all((chance >= 0) & (chance <= 1 + 1e-8)) for chance in chances)
        assert all(np.isfinite(amount).all() and (amount >= 0).all() for amount in amounts)

    check()


@every_model
def test_the_likelihood_and_who_is_alive_agree_with_mpmath(case):
    @(very_few if case.row is exact_models.pareto else few)
    @given(EXPONENTS, one_customer(case.longest))
    def check(exponents, customer):
        x, recency, T = customer
        if case.model.discrete:
            x, recency = (min(x, int(recency)) if recency >= 1 else 0), float(int(recency)) if x else 0.0
        it = case.equations(exponents)
        ours = case.likelihood(customers((x, recency, T))).value(np.log([*it]))
        alive = it.probability_alive(*columns(customers((x, recency, T))))[0]
        if case.model.discrete:
            recency, T = int(recency), int(T)
        log_likelihood, expected = case.row(x, recency, T, **exact(vars(it)))
        assert ours == pytest.approx(float(log_likelihood), rel=1e-10, abs=1e-9)
        assert alive == pytest.approx(float(expected), rel=1e-9, abs=1e-300)

    check()


@every_model
def test_the_gradient_is_the_slope_of_the_likelihood_at_extremes(case):
    rows = EXTREMES[case.model.discrete]
    if case.model.discrete:
        rows = rows[rows["T"] <= 200]

    @few
    @given(EXPONENTS)
    def check(exponents):
        at = np.log([*case.equations(exponents)])
        likelihood = case.likelihood(rows)
        value, gradient = likelihood(at)
        assert value == pytest.approx(likelihood.value(at), rel=1e-14)
        step = 1e-4
        slopes = [(likelihood.value(at + s) - likelihood.value(at - s)) / (2 * step) for s in step * np.eye(4)]
        assert gradient == pytest.approx(slopes, rel=1e-6, abs=1e-8 * (1 + abs(value)))

    check()


@pytest.mark.parametrize("name", ["BG/NBD", "MBG/NBD", "BG/BB"])
def test_the_gradient_agrees_with_mpmath(name):
    case = CASES[name]
    customer = (3, 5, 9) if case.model.discrete else (132, 3.0, 200.0)
    for exponents in [(-0.2, 0.1, 0.0, 0.3), (1, -1, 1, -1), (-1, 1, -1, 1), (1, 1, 1, 1)]:
        it = case.equations(exponents)
        expected = exact_models.slopes(lambda **p: case.row(*customer, **p)[0], vars(it))
        assert case.likelihood(customers(customer))(np.log([*it]))[1] == pytest.approx(expected, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("a", [1e-4, 0.02, 0.3, 0.999999, 3.0, 80.0])
@pytest.mark.parametrize(("r", "alpha", "b"), [(0.25, 4.5, 2.4), (250.0, 0.01, 0.02), (1e-4, 1e4, 300.0)])
def test_expected_purchases_of_bg_nbd_agree_with_mpmath(r, alpha, a, b):
    """Also of MBG/NBD, whose customers have had one chance to leave more."""
    truth = exact({"r": r, "alpha": alpha, "a": a, "b": b})
    for x, T, t in [(0, 0.0, 52.0), (1, 1.0, 1e-3), (132, 200.0, 52.0), (132, 200.0, 1e4), (10_000, 1e4, 1e3)]:
        expected = float(exact_models.beta_geo_purchases(x, T, t, **truth))
        past = np.array([float(x)]), np.array([T]), np.array([t])
        found = BetaGeoModel.equations(r, alpha, a, b).purchases_if_alive(*past)
        assert found[0] == pytest.approx(expected, rel=1e-7)
        assert BetaGeoModel.equations(r, alpha, a, b).purchases_if_alive(*past, rough=True)[0] == pytest.approx(
            expected, rel=2e-4
        )
        if b > 1:
            assert ModifiedBetaGeoModel.equations(r, alpha, a, b - 1).purchases_if_alive(*past) == pytest.approx(found)


@few
@given(EXPONENTS, st.sampled_from([(0, 0.0, 52.0), (1, 1.0, 1e-3), (132, 200.0, 52.0), (10_000, 1e4, 1e4)]))
def test_expected_and_discounted_purchases_of_pareto_nbd_agree_with_mpmath(exponents, customer):
    it, (x, T, t) = CASES["Pareto/NBD"].equations(exponents), customer
    truth = exact(vars(it) | {"s": it.s * (1 + 1e-13)})  # never 1
    past = np.array([float(x)]), np.array([T])
    expected = exact_models.pareto_purchases(x, T, t, **truth)
    assert it.purchases_if_alive(*past, np.array([t]))[0] == pytest.approx(float(expected), rel=1e-9)
    discounted = exact_models.pareto_discounted(x, T, 0.002, **truth)
    assert it.discounted_if_alive(*past, 0.002)[0] == pytest.approx(float(discounted), rel=1e-9)


@few
@given(EXPONENTS, st.sampled_from([(0, 0, 52), (1, 1, 1), (50, 132, 100), (200, 200, 1)]))
def test_expected_purchases_of_bg_bb_agree_with_mpmath(exponents, customer):
    it, (x, T, t) = CASES["BG/BB"].equations(exponents), customer
    expected = exact_models.beta_geo_beta_binom_purchases(x, T, t, **exact(vars(it)))
    found = it.purchases_if_alive(np.array([float(x)]), np.array([float(T)]), np.array([t]))
    assert found[0] == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize(("x", "T", "a"), [(0, 0.0, 0.3), (2, 38.86, 2.4), (132, 200.0, 0.8)])
def test_discounted_purchases_of_bg_nbd_are_a_double_integral(x, T, a):
    """The integral of rate exp(-rate t) E(t) over t, with E(t) an integral over p itself."""
    rate, typical = 0.0018, CASES["BG/NBD"].typical | {"a": a}
    truth = exact(typical)

    def worth(t):
        return mp.mpf(rate) * mp.exp(-rate * t) * exact_models.beta_geo_purchases(x, T, t, **truth)

    with mp.workdps(16):
        expected = mp.quad(worth, [0, 100, 2_000, 20_000], maxdegree=4)
    found = BetaGeoModel.equations(**typical).discounted_if_alive(np.array([float(x)]), np.array([T]), rate)
    assert found[0] == pytest.approx(float(expected), rel=1e-7)


@pytest.mark.parametrize(("x", "T"), [(0, 0), (3, 6), (100, 132)])
def test_discounted_purchases_of_bg_bb_are_a_sum(x, T):
    it, rate = CASES["BG/BB"].model.equations(**CASES["BG/BB"].typical), 0.1
    past, n = (np.array([float(x)]), np.array([float(T)])), np.arange(401)
    so_far = np.array([it.purchases_if_alive(*past, np.array([t]))[0] for t in n])
    expected = np.diff(so_far) @ np.exp(-rate * n[1:])
    assert it.discounted_if_alive(*past, rate)[0] == pytest.approx(expected, rel=1e-12)


@every_model
@pytest.mark.parametrize("factor", [1.0, 1e-2, 30.0])
def test_numbers_of_purchases_sum_to_one_and_to_the_expectation(case, factor):
    """With all parameters alike larger or smaller, customers differ less or more, at the same average."""
    it = case.model.equations(*(factor * value for value in case.typical.values()))
    t = np.array([0.0, 1.0, 8.0])
    numbers = np.arange(400)
    chance = np.array([it.probability_of_n(int(n), t) for n in numbers])
    assert chance.sum(axis=0) == pytest.approx([1, 1, 1], abs=2e-4 if factor < 1 else 1e-9)
    if factor >= 1:
        assert numbers @ chance == pytest.approx(it.purchases_of_newcomers(t), rel=1e-6, abs=1e-12)
    nobody = np.zeros(3)
    alive = it.probability_alive(nobody, nobody, nobody)
    assert chance[0] == pytest.approx(1 - alive * (1 - it.silent_if_alive(nobody, nobody, t)), rel=1e-9)


@every_model
def test_silence_makes_gone_and_more_time_and_purchases_make_more(case):
    steps = np.arange(1.0, 61.0)
    same = np.ones_like(steps)

    @few
    @given(EXPONENTS, st.integers(1, 30), st.integers(30, 60))
    def check(exponents, x, recency):
        it = case.equations(exponents, reach=3.0)
        alive = it.probability_alive(x * same, recency * same, recency - 1 + steps)
        assert alive[0] == pytest.approx(1) or not case.model.discrete
        assert (np.diff(alive) <= 1e-9 * alive[:-1]).all()
        later = it.purchases_if_alive(x * same, recency * same, steps[:, None])
        assert (np.diff(later) > -1e-8 * later[1:]).all()
        silent = it.silent_if_alive(x * same, recency * same, steps)
        assert (np.diff(silent) <= 1e-9).all()
        assert (1 - silent <= later * (1 + 1e-6) + 1e-9).all()  # who buys at all buys once or more
        more = it.purchases_if_alive(np.arange(31.0), 60.0 * np.ones(31), np.array([10.0]))
        assert (np.diff(more) > -1e-8 * more[1:]).all()

    check()


@pytest.mark.parametrize("case", CONTINUOUS.values(), ids=CONTINUOUS)
def test_days_and_weeks_give_the_same_answers(case):
    weekly = case.model("W").with_parameters(**case.typical)
    scaled = {name: value * (7 if name in case.model.times else 1) for name, value in case.typical.items()}
    daily = case.model("D").with_parameters(**scaled)
    rows = EXTREMES[False]
    days = rows.assign(recency=rows["recency"] * 7, T=rows["T"] * 7)
    pd.testing.assert_series_equal(daily.expected_purchases(days, 70), weekly.expected_purchases(rows, 10), rtol=1e-9)
    for question in ("expected_probability_alive", "expected_discounted_purchases"):
        ours, theirs = getattr(daily, question)(days), getattr(weekly, question)(rows)
        pd.testing.assert_series_equal(ours, theirs, rtol=1e-9)
    assert daily.probability_of_n_purchases(2, 70) == pytest.approx(weekly.probability_of_n_purchases(2, 10))


class TestFitsOfTheSameCustomers:
    @pytest.fixture(scope="class")
    @staticmethod
    def fits():
        return {name: self_fitted(case) for name, case in CASES.items()}

    @pytest.mark.parametrize("name", CASES)
    def test_weights_repeat_and_order_and_index_do_not_matter(self, fits, name):
        rows, fitted = fits[name]
        kept = rows.assign(times=np.arange(len(rows)) % 3)
        repeated = CASES[name].model().fit(kept.loc[kept.index.repeat(kept["times"])])
        weighted = CASES[name].model().fit(kept, weights="times")
        assert weighted.parameters == pytest.approx(repeated.parameters, rel=1e-6)
        assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-12)
        assert weighted.customers == kept["times"].sum()
        shuffled = rows.sample(frac=1, random_state=0).set_axis([f"c{n}" for n in range(len(rows))])
        assert CASES[name].model().fit(shuffled).parameters == fitted.parameters
        answer = fitted.expected_purchases(shuffled, 4)
        assert answer.index.equals(shuffled.index)
        assert sorted(answer) == pytest.approx(sorted(fitted.expected_purchases(rows, 4)), rel=1e-9)

    @pytest.mark.parametrize("name", CONTINUOUS)
    def test_merging_rows_first_leaves_the_answer_alone(self, fits, name, monkeypatch):
        rows, fitted = fits[name]
        monkeypatch.setattr(purchase_model, "MERGE_ABOVE", 100)
        merged = CASES[name].model().fit(rows)
        assert merged.log_likelihood == pytest.approx(fitted.log_likelihood, abs=1e-6)
        assert merged.parameters == pytest.approx(fitted.parameters, rel=1e-3)
        assert merged.standard_errors == pytest.approx(fitted.standard_errors, rel=1e-2)

    @pytest.mark.parametrize("name", CASES)
    def test_customers_of_today_change_nothing(self, fits, name):
        """T of 0: nothing is known of them but in MBG/NBD and the like, where nothing is seen of them either."""
        rows, fitted = fits[name]
        newcomers = pd.concat([rows, customers(*[(0, 0, 0)] * 20)], ignore_index=True)
        again = CASES[name].model().fit(newcomers)
        assert again.log_likelihood == pytest.approx(fitted.log_likelihood, rel=1e-12)
        assert again.parameters == pytest.approx(fitted.parameters, rel=1e-4)


def self_fitted(case):
    rows = case.story(case.typical, 600, seed=4)[["frequency", "recency", "T"]]
    return rows, case.model().fit(rows)


@few
@given(st.tuples(*[st.floats(-1, 1)] * 3), st.sampled_from([(1, 0.01), (1, 1e6), (132, 35.0), (10_000, 1e4)]))
def test_gamma_gamma_agrees_with_mpmath(exponents, customer):
    values = dict(zip(GammaGammaParameters._fields, (10.0 ** (4 * exponent) for exponent in exponents), strict=True))
    rows = pd.DataFrame([customer], columns=["frequency", "monetary_value"], dtype=float).assign(weight=1.0)
    value, gradient = _Likelihood(rows)(np.log([*values.values()]))
    expected = exact_models.gamma_gamma(*customer, **exact(values))
    scale = max(values["p"] * customer[0], values["q"])  # of the terms that cancel
    assert value == pytest.approx(float(expected), rel=1e-9, abs=1e-13 * scale * np.log(scale + 3) + 1e-9)
    slopes = exact_models.slopes(partial(exact_models.gamma_gamma, *customer), values)
    assert gradient == pytest.approx(slopes, rel=1e-7, abs=1e-12 * scale * np.log(scale + 3) + 1e-8)


def test_expected_spend_lies_between_the_own_mean_and_that_of_all():
    spend = GammaGammaParameters(6.25, 3.74, 15.44)
    x, mean = np.array([0.0, 1, 132, 1e4, 1e8]), np.array([np.nan, 1e6, 1e6, 1e6, 1e6])
    found = expected_spend(spend, x, mean)
    assert found[0] == pytest.approx(6.25 * 15.44 / 2.74)
    assert (np.diff(found) > 0).all()
    assert found[-1] == pytest.approx(1e6, rel=1e-6)
