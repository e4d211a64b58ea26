"""Every model of purchases against customers who live its story: the truth is found, and forecasts come true."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoBetaBinomModel, BetaGeoModel, ModifiedBetaGeoModel, ParetoNBDModel
from tests import stories

STORIES = {
    BetaGeoModel: (stories.beta_geo, {"r": 0.25, "alpha": 4.5, "a": 0.8, "b": 2.4}),
    ModifiedBetaGeoModel: (partial(stories.beta_geo, at_once=True), {"r": 0.55, "alpha": 6.0, "a": 0.9, "b": 1.7}),
    ParetoNBDModel: (stories.pareto, {"r": 0.55, "alpha": 10.0, "s": 0.6, "beta": 12.0}),
    BetaGeoBetaBinomModel: (stories.donors, {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.8}),
}
every_model = pytest.mark.parametrize("kind", STORIES, ids=lambda kind: kind.title)


def ahead(kind):
    """How far the stories tell what comes after T."""
    return 5 if kind.discrete else 52


@pytest.fixture(scope="module")
def found():
    """Of each model: 20,000 customers, and the model fitted to what is known of them."""
    worlds = {kind: story(truth, 20_000, seed=1) for kind, (story, truth) in STORIES.items()}
    return {kind: (world, kind().fit(world)) for kind, world in worlds.items()}


def by_fifths(said, true):
    """The mean of both in fifths of what was said."""
    groups = pd.qcut(said.rank(method="first"), 5)
    return said.groupby(groups, observed=True).mean(), pd.Series(true, said.index).groupby(groups, observed=True).mean()


@every_model
def test_the_truth_is_found(found, kind):
    _, model = found[kind]
    for name, true in STORIES[kind][1].items():
        assert abs(model.parameters[name] - true) < 4 * model.standard_errors[name]
        assert model.standard_errors[name] < 0.25 * true


@every_model
def test_who_is_alive_is_told_as_often_as_it_is_said(found, kind):
    world, model = found[kind]
    said, true = by_fifths(model.expected_probability_alive(world), world["alive"].to_numpy(dtype=float))
    assert true.to_numpy() == pytest.approx(said.to_numpy(), abs=0.03)


@every_model
def test_who_buys_is_told_as_often_as_it_is_said(found, kind):
    world, model = found[kind]
    bought = (world["later"] > 0).to_numpy(dtype=float)
    said, true = by_fifths(model.expected_probability_active(world, ahead(kind)), bought)
    assert true.to_numpy() == pytest.approx(said.to_numpy(), abs=0.03)
    assert said.iloc[-1] > said.iloc[0] + 0.3


@every_model
def test_expected_purchases_come_true_in_groups(found, kind):
    world, model = found[kind]
    said, true = by_fifths(model.expected_purchases(world, ahead(kind)), world["later"].to_numpy())
    assert true.to_numpy() == pytest.approx(said.to_numpy(), rel=0.12, abs=0.03)


@every_model
def test_newcomers_buy_as_often_as_it_is_said(found, kind):
    """Repeat purchases so far, of those with the most common T."""
    world, model = found[kind]
    T = float(world["T"].mode()[0])
    bought = world.loc[world["T"] == T, "frequency"]
    error = bought.std() / np.sqrt(len(bought))
    assert bought.mean() == pytest.approx(model.expected_purchases_new_customer(T), abs=4 * error)
    for n in (0, 1, 2):
        chance = model.probability_of_n_purchases(n, T)
        assert (bought == n).mean() == pytest.approx(chance, abs=4 * np.sqrt(chance / len(bought)))


@every_model
def test_a_future_that_is_played_is_what_is_expected(kind):
    """`play` is what intervals are made of: of customers alive it must bring what the equations expect."""
    x, T = np.repeat([0.0, 3.0], 20_000), np.full(40_000, 12.0)
    equations = kind.equations(**STORIES[kind][1])
    played = equations.play(np.random.default_rng(0), x, T, 20.0)
    bought = np.bincount(played.customer, minlength=len(x))
    expected = equations.purchases_if_alive(x, T, np.array([20.0]))
    silent = equations.silent_if_alive(x, T, np.full(len(x), 20.0))
    for some in (x == 0, x == 3):
        assert bought[some].mean() == pytest.approx(expected[some][0], abs=4 * bought[some].std() / np.sqrt(some.sum()))
        assert (bought[some] == 0).mean() == pytest.approx(silent[some][0], abs=0.015)
    assert played.time.max() <= 20


@every_model
def test_standard_errors_are_as_large_as_estimates_scatter(kind):
    story, truth = STORIES[kind]
    fits = [kind().fit(story(truth, 800, seed=100 + seed)) for seed in range(8)]
    logs = np.log([[*fit.parameters.values()] for fit in fits])
    said = np.mean([[*fit.standard_errors.values()] / np.exp(log) for fit, log in zip(fits, logs, strict=True)], axis=0)
    ratio = logs.std(axis=0, ddof=1) / said
    assert 0.6 < np.median(ratio) < 1.5
