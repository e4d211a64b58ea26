"""What a validation says of the order of the customers, of their probabilities and of the plain average."""

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoBetaBinomModel, BetaGeoModel, ParetoNBDModel
from clvhelpers.models import validate
from clvhelpers.models.beta_geo import BetaGeoParameters
from clvhelpers.models.beta_geo_beta_binom import BetaGeoBetaBinomParameters
from clvhelpers.models.calibration import calibration
from clvhelpers.models.ranking import best_tenth, gains
from tests.played import played_split

TRUE = {"r": 0.24, "alpha": 4.4, "a": 0.79, "b": 2.4}


@pytest.fixture(scope="module")
def split():
    return played_split(BetaGeoParameters(**TRUE), 2_000, cut=52.0, end=91.0, seed=3)


@pytest.fixture(scope="module")
def true():
    return BetaGeoModel().with_parameters(**TRUE)


def test_gains_by_hand():
    """Ten customers bought 20: the best forecast found 8, and the second and third, who tie, 3 and 5."""
    forecast = pd.DataFrame({"model": [9, 5, 5, 4, 3, 2, 1, 0, -1, -2]})
    actual = pd.Series([8, 3, 5, 0, 0, 4, 0, 0, 0, 0])
    found = gains(forecast, actual).set_index("share_of_customers")
    assert found["model"].loc[[0.05, 0.1, 0.2, 0.3, 1.0]].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert found["hindsight"].loc[[0.1, 0.2, 0.3]].tolist() == pytest.approx([0.4, 13 / 20, 17 / 20])
    assert found["random"].tolist() == found.index.tolist()


def test_the_best_tenth_by_hand():
    actual = np.array([9, 7, 7, 1, *[0] * 16])  # a tenth is 2, and the one on the limit has an equal: 3 are best
    assert best_tenth(actual, actual) == (1.0, 3 / 20)
    assert best_tenth(np.array([5, 1, 1, 4, *[0] * 16]), actual)[0] == 0.5
    assert best_tenth(np.array([5, 4, 0, 4, *[0] * 16]), actual)[0] == 0.75  # of a tie, half counts
    assert best_tenth(np.ones(20), actual)[0] == pytest.approx(3 / 20)  # as good as chance
    few = np.array([1, *[0] * 39])
    assert best_tenth(few, few) == (1.0, 1 / 40)  # fewer than a tenth bought
    assert np.isnan(best_tenth(few, np.zeros(40))).all()


def test_nobody_bought_means_no_gains(split):
    check = validate(BetaGeoModel().fit(split), split.assign(holdout_frequency=0), refit=False)
    assert check.gains[["model", "naive", "hindsight"]].isna().all(axis=None)
    assert np.isnan(check.top_decile_overlap)
    assert check.ranking_sentence() == "Nobody bought in the held-out period, so nobody was best."


def test_ranking_finds_what_can_be_found(split, true):
    check = validate(true, split, refit=False)
    shares = check.gains
    assert (shares["model"] <= shares["hindsight"] + 1e-12).all()
    assert (shares["model"][:-1] > shares["random"][:-1]).all()
    assert check.chance_overlap < check.top_decile_overlap < 1
    backwards = split.assign(holdout_frequency=split["holdout_frequency"].to_numpy()[::-1])
    shuffled = validate(true, backwards, refit=False)
    assert shuffled.top_decile_overlap == pytest.approx(shuffled.chance_overlap, abs=0.08)
    assert shuffled.gains["model"][2] == pytest.approx(0.2, abs=0.08)


def test_the_average_by_hand():
    """40 customers with 1 purchase in 10 weeks each, and 10 with none: 0.08 a week for everybody."""
    rows = pd.DataFrame({"frequency": [1] * 40 + [0] * 10, "recency": [5.0] * 40 + [0.0] * 10, "T": 10.0})
    rows = rows.assign(holdout_frequency=[2] * 20 + [0] * 30, holdout_T=5.0)
    model = BetaGeoModel().with_parameters(r=1e4, alpha=1e5, a=1e-5, b=1)  # everybody alike, nobody leaves
    check = validate(model, rows, refit=False)
    assert (check.average, check.naive) == pytest.approx((0.08 * 5 * 50, 0.1 * 5 * 40))
    assert check.average_error == pytest.approx(20 / 40 - 1)
    assert check.average_rmse == pytest.approx(np.sqrt((20 * 1.6**2 + 30 * 0.4**2) / 50))


def test_a_model_no_better_than_the_average_is_not_trusted(split, true):
    """Purchases dealt out anew among the customers: the total is right, and who buys is not."""
    dealt = np.random.default_rng(0).poisson(split["holdout_frequency"].mean(), len(split))
    check = validate(true, split.assign(holdout_frequency=dealt), refit=False)
    assert abs(check.error) < 0.25
    assert (check.trusted, check.reason) == (False, "customer by customer, a plain average of all is closer")


def test_an_average_is_enough_where_all_are_alike():
    """Customers who are all alike and stay: the model can do no better, and is not sent away for it."""
    split = played_split(BetaGeoParameters(1e3, 1e4, 1e-4, 1.0), 1_500, 52.0, 78.0, seed=2)
    alike = BetaGeoModel().with_parameters(r=1e3, alpha=1e4, a=1e-4, b=1.0)
    check = validate(alike, split, refit=False)
    assert check.rmse == pytest.approx(check.average_rmse, rel=0.01)
    assert check.trusted
    assert "the plain average" in check.reason or "as close as a plain average" in check.reason


def test_true_probabilities_hold(split, true):
    check = validate(true, split, refit=False)
    assert check.active.by_chance
    assert "no more than chance explains" in check.calibration_sentence()
    frame = check.calibration
    assert frame["customers"].sum() == len(split)
    active = (split["holdout_frequency"] > 0).mean()
    assert np.average(frame["actual"], weights=frame["customers"]) == pytest.approx(active)
    gaps = (frame["expected"] - frame["actual"]).abs()
    assert check.active.error == pytest.approx(np.average(gaps, weights=frame["customers"]))


def test_chance_is_told_from_bias_as_often_as_it_should(true):
    """Under the truth the p-value is below 20% about one time in five: of 25 samples, at most 11 (p = 0.006)."""
    samples = [played_split(BetaGeoParameters(**TRUE), 300, 52.0, 91.0, seed) for seed in range(25)]
    low = sum(calibration(true, sample).p_value < 0.2 for sample in samples)
    assert 1 <= low <= 11


def test_fitted_parameters_leave_more_to_chance(split):
    fitted = BetaGeoModel().fit(split)
    as_given = BetaGeoModel().with_parameters(**fitted.parameters)
    assert calibration(fitted, split).p_value > calibration(as_given, split).p_value


def test_parameters_of_another_base_are_not_trusted(split):
    """Customers who buy half as often by r and alpha, and leave twice as readily."""
    other = BetaGeoModel().with_parameters(r=TRUE["r"] / 2, alpha=2 * TRUE["alpha"], a=2 * TRUE["a"], b=TRUE["b"])
    check = validate(other, split, refit=False)
    assert not check.trusted
    assert check.error < -0.25


def test_parameters_in_days_are_not_trusted_on_weeks(split):
    days = BetaGeoModel().with_parameters(**{**TRUE, "alpha": 7 * TRUE["alpha"]})
    check = validate(days, split, refit=False)
    assert not check.trusted
    assert not check.active.by_chance
    assert "more than chance explains" in check.calibration_sentence()


def test_a_season_is_not_trusted(split, true):
    """A holdout of which half is Christmas."""
    check = validate(true, split.assign(holdout_frequency=split["holdout_frequency"] * 2), refit=False)
    assert not check.trusted


def test_every_model_of_purchases_can_be_checked():
    donors = played_split(BetaGeoBetaBinomParameters(1.2, 0.75, 0.66, 2.78), 800, 6.0, 10.0)
    check = BetaGeoBetaBinomModel("Y").validate(donors)
    assert check.trusted
    assert check.active.by_chance
    assert check.weeks == pytest.approx(4 * 365.25 / 7, rel=0.01)


def test_covariates_are_known_to_the_check(split):
    channel = np.where(np.arange(len(split)) % 2, "web", "shop")
    check = ParetoNBDModel(covariates=["channel"]).validate(split.assign(channel=channel).head(600))
    assert check.predicted > 0
    assert check.active.customers == 600
