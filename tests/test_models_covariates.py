"""Covariates: known factors on buying and leaving are found, kinds of customers differ, and what is refused."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers import (
    BetaGeoBetaBinomModel,
    BetaGeoModel,
    GammaGammaModel,
    ParetoNBDModel,
    Prior,
    base_value,
    segment_values,
)
from clvhelpers.errors import ClvError, ConfigError, DataContractError
from tests import stories

RATE, LEAVING = 1.8, 2.5  # of customers of the web, against those of the shop
WORLDS = {
    BetaGeoModel: (
        stories.beta_geo,
        {"r": 0.5, "alpha": 6.0, "a": 0.6, "b": 2.4},
        lambda web: {"alpha": 6.0 / np.where(web, RATE, 1), "a": 0.6 * np.where(web, LEAVING, 1)},
    ),
    ParetoNBDModel: (
        stories.pareto,
        {"r": 0.55, "alpha": 10.0, "s": 0.6, "beta": 30.0},
        lambda web: {"alpha": 10.0 / np.where(web, RATE, 1), "beta": 30.0 / np.where(web, LEAVING, 1)},
    ),
    BetaGeoBetaBinomModel: (
        stories.donors,
        {"alpha": 1.2, "beta": 2.5, "gamma": 0.5, "delta": 2.8},
        lambda web: {"beta": 2.5 / np.where(web, RATE, 1), "gamma": 0.5 * np.where(web, LEAVING, 1)},
    ),
}
WEB, SHOP = {"channel": "web"}, {"channel": "shop"}


def customers_of_two_channels(kind, number, seed=0):
    story, truth, of_channel = WORLDS[kind]
    web = np.random.default_rng(seed).random(number) < 0.4
    world = story(truth | of_channel(web), number, seed=seed)
    rng = np.random.default_rng(seed + 1)
    nu = rng.gamma(4.0, 1 / 60.0, number)
    x = world["frequency"].to_numpy()
    money = np.where(x > 0, rng.gamma(6.0 * np.maximum(x, 1), 1 / nu) / np.maximum(x, 1), np.nan)
    return world.assign(channel=np.where(web, "web", "shop"), monetary_value=money, customer_id=np.arange(number))


@pytest.fixture(scope="module")
def found():
    worlds = {kind: customers_of_two_channels(kind, 8_000) for kind in WORLDS}
    return {kind: (world, kind(covariates=["channel"]).fit(world)) for kind, world in worlds.items()}


@pytest.fixture(scope="module")
def small():
    return customers_of_two_channels(BetaGeoModel, 1_000, seed=3)


@pytest.fixture(scope="module")
def model(small):
    return BetaGeoModel(covariates=["channel"]).fit(small)


@pytest.fixture(scope="module")
def spend(small):
    return GammaGammaModel().fit(small)


@pytest.mark.parametrize("kind", WORLDS, ids=lambda kind: kind.title)
def test_known_factors_are_found(found, kind):
    _, fitted = found[kind]
    truth = WORLDS[kind][1] | {"rate[channel=web]": RATE, "leaving[channel=web]": LEAVING}
    assert list(fitted.parameters) == list(truth)  # the shop, with most customers, is the baseline
    for name, true in truth.items():
        assert abs(fitted.parameters[name] - true) < 3.5 * fitted.standard_errors[name]
    assert fitted.standard_errors["rate[channel=web]"] < 0.25
    if kind is BetaGeoModel:
        plain = kind().fit(found[kind][0])
        assert fitted.log_likelihood > plain.log_likelihood + 50
        assert fitted.aic < plain.aic


@pytest.mark.parametrize("kind", WORLDS, ids=lambda kind: kind.title)
def test_the_forecast_of_each_kind_comes_true(found, kind):
    world, fitted = found[kind]
    expected = fitted.expected_purchases(world, 5 if kind.discrete else 52).groupby(world["channel"]).sum()
    actual = world.groupby("channel")["later"].sum()
    assert expected.to_numpy() == pytest.approx(actual.to_numpy(), rel=0.12)


def test_a_kind_is_a_model_of_its_own(small, model):
    web, shop = model.for_customers(**WEB), model.for_customers(**SHOP)
    assert shop.parameters == pytest.approx({name: model.parameters[name] for name in shop.parameters})
    assert web.parameters["alpha"] == pytest.approx(shop.parameters["alpha"] / model.parameters["rate[channel=web]"])
    assert web.parameters["a"] == pytest.approx(shop.parameters["a"] * model.parameters["leaving[channel=web]"])
    assert web.expected_purchases_new_customer(4) > shop.expected_purchases_new_customer(4)
    for name, one in {"web": web, "shop": shop}.items():
        some = small[small["channel"] == name]
        ours = model.expected_purchases(small, 10)[some.index]
        pd.testing.assert_series_equal(ours, one.expected_purchases(some, 10), rtol=1e-7)
    with pytest.raises(ClvError, match="given and not fitted"):
        web.standard_errors  # noqa: B018


def test_the_same_customers_in_another_channel_are_expected_to_do_something_else(small, model):
    bought = small[small["frequency"] > 2]
    alive = [model.expected_probability_alive(bought.assign(channel=name)) for name in ("web", "shop")]
    assert (alive[0] < alive[1]).all()


@pytest.mark.parametrize(
    "engine",
    [pl.from_pandas, lambda frame: pl.from_pandas(frame).lazy(), lambda frame: duckdb.from_df(frame)],
    ids=["polars", "polars, lazy", "duckdb"],
)
def test_every_engine_gives_the_same_fit_and_answers(small, model, engine):
    frame = engine(small)
    assert BetaGeoModel(covariates=["channel"]).fit(frame).parameters == pytest.approx(model.parameters, rel=1e-9)
    ours = model.expected_purchases(frame, 10).sort_index()
    assert ours.to_numpy() == pytest.approx(model.expected_purchases(small, 10).to_numpy(), rel=1e-9)


def test_values_of_a_base_and_its_segments_know_the_kinds(small, model, spend):
    values = model.expected_customer_lifetime_value(small, spend)
    base = base_value(model, spend, small, draws=60)
    assert base.total == pytest.approx(values.sum())
    assert base.total_interval[0] < base.total < base.total_interval[1]
    parts = segment_values(model, spend, small, "channel", draws=60).frame.set_index("segment")
    assert parts["total"].to_dict() == pytest.approx(values.groupby(small["channel"]).sum().to_dict())
    assert ((parts["total_low"] < parts["total"]) & (parts["total"] < parts["total_high"])).all()
    web = model.for_customers(**WEB).expected_new_customer_lifetime_value(spend)
    assert web != model.for_customers(**SHOP).expected_new_customer_lifetime_value(spend)


def test_two_covariates_and_one_level(small):
    rows = small.assign(plan=np.where(small.index % 3 == 0, "gold", "basic"), country="DE")
    fitted = BetaGeoModel(covariates=["channel", "plan"]).fit(rows)
    assert {"rate[channel=web]", "leaving[channel=web]", "rate[plan=gold]", "leaving[plan=gold]"} < {*fitted.parameters}
    assert abs(np.log(fitted.parameters["rate[plan=gold]"])) < 0.4  # it does nothing
    assert fitted.for_customers(channel="web", plan="gold").expected_purchases_new_customer(4) > 0
    alone = BetaGeoModel(covariates=["country"]).fit(rows)
    assert alone.parameters == pytest.approx(BetaGeoModel().fit(rows).parameters, rel=1e-6)


def test_numbers_and_truth_values_are_levels_too(small, model):
    rows = small.assign(web=small["channel"] == "web", year=np.where(small["channel"] == "web", 2025, 2024))
    for column, level in (("web", True), ("year", 2025)):
        fitted = BetaGeoModel(covariates=[column]).fit(rows)
        assert [*fitted.parameters.values()] == pytest.approx([*model.parameters.values()], rel=1e-6)
        assert fitted.for_customers(**{column: level}).parameters["r"] == pytest.approx(model.parameters["r"])


def test_a_factor_can_have_a_prior(small, model):
    prior = {"rate[channel=web]": Prior(1.0, 1.02)}
    believed = BetaGeoModel(covariates=["channel"], priors=prior).fit(small)
    assert believed.parameters["rate[channel=web]"] == pytest.approx(1.0, abs=0.05)
    assert believed.log_likelihood < model.log_likelihood
    with pytest.raises(ConfigError, match=r"rate\[channel=moon\]"):
        BetaGeoModel(covariates=["channel"], priors={"rate[channel=moon]": Prior(1.0, 2.0)}).fit(small)


def test_what_the_fit_has_not_seen_is_refused(small, model):
    strange = small.assign(channel=np.where(small.index < 3, "fax", small["channel"]))
    with pytest.raises(DataContractError, match=r"3 rows with a channel .* not seen \('fax'\): it knows 'shop', 'web'"):
        model.expected_purchases(strange, 10)
    with pytest.raises(DataContractError, match="1 row with a channel that the fit has not seen"):
        model.expected_probability_alive(small.assign(channel=small["channel"].where(small.index != 5)))
    with pytest.raises(DataContractError, match="no column 'channel'"):
        model.expected_purchases(small.drop(columns="channel"), 10)


def test_levels_that_can_not_be_learnt_are_refused(small):
    rows = small.assign(channel=small["channel"].where(small.index >= 7), city=[f"city {n % 31}" for n in small.index])
    with pytest.raises(DataContractError) as refusal:
        BetaGeoModel(covariates=["channel", "city"]).fit(rows)
    assert refusal.value.problems[0].startswith("7 rows without a channel: give them a level of their own")
    assert refusal.value.problems[1].startswith("city has 31 levels, and 30 at most can be told apart")


def test_wrong_use_is_refused(small, model, spend):
    with pytest.raises(ConfigError, match=r"covariates is 'channel': expected a list .* such as \['channel'\]"):
        BetaGeoModel(covariates="channel")
    with pytest.raises(ConfigError, match="covariates has 'channel' twice"):
        BetaGeoModel(covariates=["channel", "channel"])
    with pytest.raises(ConfigError, match="covariates has 'T', which the model has a use for"):
        BetaGeoModel(covariates=["T"])
    for wrong in ({}, {"chanel": "web"}, {"channel": "web", "plan": "gold"}):
        with pytest.raises(ConfigError, match=r"expected one for each of \['channel'\]"):
            model.for_customers(**wrong)
    with pytest.raises(DataContractError, match=r"not seen \('fax'\)"):
        model.for_customers(channel="fax")
    with pytest.raises(ClvError, match="has not been fitted yet"):
        BetaGeoModel(covariates=["channel"]).for_customers(channel="web")
    for question in (
        lambda: model.expected_purchases_new_customer(10),
        lambda: model.probability_of_n_purchases(1, 10),
        lambda: model.expected_new_customer_lifetime_value(spend),
    ):
        with pytest.raises(ConfigError, match=r"depends on channel: ask model\.for_customers\(channel="):
            question()


def test_parameters_are_not_given_to_a_model_with_covariates():
    with pytest.raises(ConfigError, match="given parameters say nothing of channel: make a model without covariates"):
        BetaGeoModel(covariates=["channel"]).with_parameters(r=0.2, alpha=4.0, a=0.8, b=2.4)
