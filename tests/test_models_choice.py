"""The choice between models: BG/NBD stays unless the data speak clearly for another."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoModel, choose_model, load_cdnow, split_holdout
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.models.beta_geo import BetaGeoParameters
from clvhelpers.models.choice import _choose
from clvhelpers.models.modified_beta_geo import ModifiedBetaGeoParameters
from clvhelpers.models.pareto_nbd import ParetoNBDParameters
from tests.played import played_split

PAIR = ("BG/NBD", "MBG/NBD")


@pytest.fixture(scope="module")
def cdnow():
    return choose_model(split_holdout(load_cdnow(), "1997-09-30"))


@pytest.fixture(scope="module")
def split():
    return played_split(BetaGeoParameters(1.2, 6.0, 0.8, 2.5), 600, 52.0, 91.0, seed=1)


def test_cdnow_keeps_the_best_known_model(cdnow):
    assert cdnow.trusted
    assert cdnow.model.title == "BG/NBD"
    assert repr(cdnow.model) == "BetaGeoModel, not fitted"
    frame = cdnow.frame.set_index("model")
    assert frame["log_likelihood"].round(2).to_list() == [-9582.43, -9582.14, -9594.98]
    assert frame["predicted"].round().to_list() == [1653, 1577, 1666]
    assert frame["actual"].eq(1882).all()
    assert frame["chosen"].to_list() == [True, False, False]
    assert cdnow.validation is cdnow.validations["BG/NBD"]
    assert cdnow.calibrated.parameters["r"] == pytest.approx(0.2426, abs=1e-4)
    picture = cdnow.plot()
    assert "BG/NBD 1,653 (-12%), chosen; MBG/NBD 1,577" in picture.alt
    assert picture.png().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("equations", "title"),
    [
        (ParetoNBDParameters(1.5, 8.0, 1.2, 20.0), "Pareto/NBD"),
        (ModifiedBetaGeoParameters(1.5, 8.0, 0.8, 1.5), "MBG/NBD"),
        (BetaGeoParameters(1.2, 6.0, 0.8, 2.5), "BG/NBD"),
    ],
)
def test_the_model_that_made_the_data_is_chosen(equations, title):
    choice = choose_model(played_split(equations, 1_200, 52.0, 91.0, seed=0))
    assert choice.model.title == title
    assert choice.trusted
    assert choice.sentence().startswith(f"{title} is used: ")
    better = "explains the past clearly better than BG/NBD" in choice.sentence()
    assert better == (title != "BG/NBD")


@pytest.mark.parametrize(
    ("gain", "error", "rmse", "title"),
    [
        (1.9, 0.0, 1.0, "BG/NBD"),  # not clearly better
        (2.1, 0.0, 1.0, "MBG/NBD"),
        (2.1, -0.14, 1.009, "MBG/NBD"),  # a tie on the holdout
        (50.0, -0.16, 1.0, "BG/NBD"),  # its total is further off
        (50.0, 0.0, 1.02, "BG/NBD"),  # and its customers are
    ],
)
def test_what_is_clear_and_what_is_no_worse(cdnow, gain, error, rmse, title):
    known = replace(cdnow.validation, error=0.1, rmse=1.0)
    checks = {"BG/NBD": known, "MBG/NBD": replace(known, error=error, rmse=rmse)}
    chosen, because = _choose({"BG/NBD": -100.0, "MBG/NBD": -100.0 + gain}, checks, ())
    assert chosen == title
    assert ("which explained the past better, forecast it worse" in because) == (gain == 50.0)


def test_when_none_is_trusted_it_says_so(split):
    choice = choose_model(split.assign(holdout_frequency=split["holdout_frequency"] * 4), candidates=PAIR)
    assert not choice.trusted
    assert choice.model.title == "BG/NBD"
    assert choice.sentence().startswith(
        "No model of purchases may be used: BG/NBD failed its check: its total is off by 7"
    )
    nobody = choose_model(split.assign(holdout_frequency=0), candidates=PAIR)
    assert nobody.sentence() == (
        "No model of purchases may be used: BG/NBD, MBG/NBD failed the check on the held-out period: only 0 purchases "
        "were held out, and fewer than 30 can't tell."
    )


def test_another_is_taken_where_only_it_is_trusted(split):
    """The holdout is made so that BG/NBD is 30% too high, and MBG/NBD, which expects less, is not."""
    plain = choose_model(split, candidates=PAIR).frame["predicted"]
    high, low = plain.max(), plain.min()
    first = PAIR[int(plain.argmax())]
    scale = high / 1.27 / split["holdout_frequency"].sum()
    kept = np.random.default_rng(0).binomial(split["holdout_frequency"], scale)
    choice = choose_model(split.assign(holdout_frequency=kept), candidates=(first, *[c for c in PAIR if c != first]))
    errors = choice.frame["error"]
    assert low < high
    assert errors[0] > 0.25 > errors[1]
    assert choice.trusted
    assert choice.model.title != first
    assert f"{first} failed its check (its total is off by" in choice.sentence()


def test_a_model_that_can_not_be_fitted_is_a_row(split, monkeypatch):
    from clvhelpers.errors import ConvergenceError
    from clvhelpers.models import ModifiedBetaGeoModel

    def fail(self, rows, weights=None):
        raise ConvergenceError("no maximum was found")

    monkeypatch.setattr(ModifiedBetaGeoModel, "fit", fail)
    choice = choose_model(split, candidates=PAIR)
    row = choice.frame.set_index("model").loc["MBG/NBD"]
    assert (row["reason"], row["trusted"], np.isnan(row["predicted"])) == ("no maximum was found", False, True)
    assert choice.sentence().endswith("; MBG/NBD could not be fitted.")
    assert choice.plot().alt.count("MBG/NBD") == 0
    with pytest.raises(ConvergenceError, match="MBG/NBD can't be fitted: no maximum was found"):
        choose_model(split, candidates=["MBG/NBD"])


def test_too_few_customers_is_said_once():
    with pytest.raises(NotEnoughDataError) as refusal:
        choose_model(played_split(BetaGeoParameters(0.24, 4.4, 0.8, 2.4), 25, 52.0, 91.0))
    assert "needs at least 30 customers and the summary has 25" in str(refusal.value)
    assert "MBG/NBD" not in str(refusal.value)


def test_a_large_base_is_compared_on_a_sample(split):
    choice = choose_model(split, candidates=PAIR, most_customers=400, seed=5)
    assert (choice.customers, choice.of_customers) == (400, 600)
    assert "The models were compared on 400 customers picked at random from 600." in choice.sentence()
    assert choice.validation.predicted == BetaGeoModel().validate(split).predicted
    again = choose_model(split, candidates=PAIR, most_customers=400, seed=5)
    pd.testing.assert_frame_equal(choice.frame, again.frame)
    few = choose_model(split, candidates=PAIR, most_customers=40, seed=5)
    assert few.customers == 600  # in 40 of them too few bought to tell anything


def test_what_can_not_be_compared_is_refused(split):
    with pytest.raises(ConfigError, match="candidates is \\['NBD'\\]: expected some of 'BG/NBD', 'MBG/NBD'"):
        choose_model(split, candidates="NBD")
    with pytest.raises(ConfigError, match="BG/BB counts opportunities to buy"):
        choose_model(split, candidates=["BG/NBD", "BG/BB"])
    with pytest.raises(ConfigError, match="expected some of"):
        choose_model(split, candidates=[])
