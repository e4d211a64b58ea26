"""What no model answers: impossible rows, too little to learn from, and questions after a fit that failed."""

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoBetaBinomModel, BetaGeoModel, GammaGammaModel, ModifiedBetaGeoModel, ParetoNBDModel
from clvhelpers.errors import (
    ClvError,
    ConvergenceError,
    DataContractError,
    FormulaError,
    NotEnoughDataError,
)
from clvhelpers.models import fitting
from tests import stories

CONTINUOUS = [BetaGeoModel, ModifiedBetaGeoModel, ParetoNBDModel]
MODELS = [*CONTINUOUS, BetaGeoBetaBinomModel]
every_model = pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.title)
PARAMETERS = {kind: dict.fromkeys(kind.parameter_names, 1.5) for kind in MODELS}


def good_rows(number=60):
    """Whole numbers, so that they are a summary for every model."""
    place = np.arange(number)
    x = np.where(place % 3 == 0, 0, 1 + place % 2)
    return pd.DataFrame({"frequency": x, "recency": np.where(x > 0, x + place % 4, 0), "T": 8 + place % 3}, dtype=float)


def with_bad(count, **values):
    """Good rows, of which the first `count` have these values."""
    rows = good_rows()
    for column, value in values.items():
        rows.loc[rows.index[:count], column] = value
    return rows


IMPOSSIBLE = {
    "missing frequency": (with_bad(2, frequency=np.nan), "2 rows with a missing or infinite frequency, recency or T"),
    "missing recency": (with_bad(3, recency=np.nan), "3 rows with a missing or infinite"),
    "infinite T": (with_bad(1, T=np.inf), r"1 row with a missing or infinite .*\(row 0: frequency 0, .* T inf\)"),
    "all infinite": (with_bad(1, frequency=np.inf, recency=np.inf, T=np.inf), "1 row with a missing or infinite"),
    "negative frequency": (with_bad(4, frequency=-1), "4 rows with a negative frequency, recency or T"),
    "negative recency": (with_bad(2, recency=-3), "2 rows with a negative"),
    "negative T": (with_bad(1, T=-1), "1 row with a negative"),
    "recency above T": (with_bad(2, frequency=1, recency=30), "2 rows with recency above T: recency is the time from"),
    "half a purchase": (with_bad(5, frequency=0.5, recency=2), "5 rows with a fractional frequency"),
    "recency of nobody": (with_bad(2, frequency=0, recency=2), "2 rows with no repeat purchase but a recency above 0"),
    "no time": (with_bad(2, frequency=2, recency=0), "2 rows with repeat purchases but a recency of 0"),
    "text": (good_rows().assign(T=good_rows()["T"].astype(str)), "column 'T' of the summary holds text, not numbers"),
    "dates": (
        good_rows().assign(recency=pd.Timestamp("2025-01-01")),
        "column 'recency' of the summary holds dates or spans of time, not numbers",
    ),
    "no column": (good_rows().drop(columns="recency"), "no column 'recency'"),
}


@every_model
@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_impossible_rows_are_counted_in_a_fit_and_in_a_question(kind, what):
    rows, words = IMPOSSIBLE[what]
    with pytest.raises(DataContractError, match=words):
        kind().fit(rows)
    model = kind().with_parameters(**PARAMETERS[kind])
    for question in (
        model.expected_probability_alive,
        model.expected_discounted_purchases,
        lambda rows: model.expected_purchases(rows, 4),
        lambda rows: model.expected_probability_active(rows, 4),
    ):
        with pytest.raises(DataContractError, match=words):
            question(rows)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (with_bad(2, T=9.5), "2 rows with a recency or T that is no whole number: they count opportunities"),
        (with_bad(2, frequency=1, recency=1.5), "2 rows with a recency or T that is no whole number"),
        (with_bad(3, frequency=5, recency=2), "3 rows with more purchases than opportunities up to the last of them"),
    ],
)
def test_opportunities_are_whole_and_take_one_purchase(rows, words):
    with pytest.raises(DataContractError, match=words):
        BetaGeoBetaBinomModel().fit(rows)
    model = BetaGeoBetaBinomModel().with_parameters(**PARAMETERS[BetaGeoBetaBinomModel])
    for t in (0.5, [1.5] * 60):
        with pytest.raises(FormulaError, match="t must be a whole number of opportunities"):
            model.expected_purchases(good_rows(), t)


@every_model
@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (good_rows(3), "needs at least 30 customers and the summary has 3"),
        (good_rows(0), "needs at least 30 customers and the summary has 0"),
        (
            with_bad(60, frequency=0, recency=0),
            "at least 10 customers with a repeat purchase and the summary has 0: .* wait",
        ),
        (with_bad(54, frequency=0, recency=0), "at least 10 customers with a repeat purchase and the summary has 4"),
    ],
)
def test_too_little_is_refused_with_what_is_needed(kind, rows, words):
    with pytest.raises(NotEnoughDataError, match=words):
        kind().fit(rows)


def questions_of(model, rows):
    return [
        lambda: model.parameters,
        lambda: model.standard_errors,
        lambda: model.log_likelihood,
        lambda: model.customers,
        lambda: model.posterior(10),
        lambda: model.expected_purchases(rows, 4),
        lambda: model.expected_probability_alive(rows),
        lambda: model.expected_probability_active(rows, 4),
        lambda: model.expected_discounted_purchases(rows),
        lambda: model.expected_purchases_new_customer(4),
        lambda: model.probability_of_n_purchases(1, 4),
    ]


@every_model
@pytest.mark.parametrize("failing", ["few", "impossible", "no maximum"])
def test_after_a_fit_that_fails_there_is_no_number(kind, failing, monkeypatch):
    """Also where an earlier fit had succeeded: its numbers are of other customers."""
    rows = good_rows()
    model = kind().with_parameters(**PARAMETERS[kind])
    bad = {"few": rows.head(3), "impossible": with_bad(1, T=np.nan), "no maximum": rows}[failing]
    if failing == "no maximum":
        monkeypatch.setattr(fitting, "_newton", lambda objective, at, curvature, steps=100: at)
    with pytest.raises(ConvergenceError if failing == "no maximum" else ClvError) as refusal:
        model.fit(bad)
    if failing == "no maximum":
        assert "no maximum of the likelihood was found" in str(refusal.value)
        assert "use a larger base" in str(refusal.value)
    for question in questions_of(model, rows):
        with pytest.raises(ClvError, match=r"has not been fitted yet: call \.fit"):
            question()
    assert repr(model) == f"{kind.__name__}, not fitted"


def amounts(number=40, **first):
    rng = np.random.default_rng(0)
    x = 1.0 + np.arange(number) % 5
    rows = pd.DataFrame({"frequency": x, "monetary_value": rng.gamma(6 * x, 1 / rng.gamma(4.0, 1 / 10, number)) / x})
    for column, value in first.items():
        rows.loc[rows.index[:2], column] = value
    return rows


def endless(number=2_000):
    """Amounts of customers whose means have no mean: q is 0.6."""
    rng = np.random.default_rng(0)
    x = 1.0 + np.arange(number) % 5
    return pd.DataFrame({"frequency": x, "monetary_value": rng.gamma(6 * x, 1 / rng.gamma(0.6, 1 / 10, number)) / x})


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        (amounts(monetary_value=np.nan), DataContractError, "2 rows with repeat purchases but no monetary_value"),
        (amounts(monetary_value=np.inf), DataContractError, "2 rows with repeat purchases but no monetary_value"),
        (amounts(monetary_value=-5.0), DataContractError, "2 rows with repeat purchases but a negative monetary_value"),
        (amounts(monetary_value=0.0), DataContractError, "2 rows .* of 0 or less: .* value them by hand"),
        (amounts(frequency=1.5), DataContractError, "2 rows with a frequency that is no whole number"),
        (amounts(frequency=np.nan), DataContractError, "2 rows with a frequency that is no whole number"),
        (amounts(9), NotEnoughDataError, "at least 10 customers with a repeat purchase and the summary has 9"),
        (amounts(3), NotEnoughDataError, "the summary has 3: .* look at averages instead"),
        (endless(), ConvergenceError, "the fitted q is 0.*does not exist: .* set wholesale customers apart"),
    ],
)
def test_spend_that_has_no_answer_is_refused_also_after_a_good_fit(rows, error, words):
    model = GammaGammaModel().fit(amounts(300))
    assert model.expected_customer_spend(amounts()).gt(0).all()
    with pytest.raises(error, match=words):
        model.fit(rows)
    with pytest.raises(ClvError, match="has not been fitted yet"):
        model.expected_customer_spend(amounts())


def test_given_parameters_of_spend_need_a_mean_too():
    """Elsewhere q of 0.79 prints an expected spend of -285.7."""
    with pytest.raises(ClvError, match=r"q is 0\.79"):
        GammaGammaModel().with_parameters(p=6.0, q=0.79, v=10.0).expected_customer_spend(amounts(frequency=0.0))


@every_model
def test_given_parameters_must_be_all_there_and_above_0(kind):
    name, *others = kind.parameter_names
    with pytest.raises(ClvError) as refusal:
        kind().with_parameters(**{name: -1.0, others[0]: np.nan, "zeta": 1.0})
    assert len(refusal.value.problems) == 5
    for words in (
        f"{others[1]} is missing",
        "zeta is no parameter of it",
        f"{name} is -1.0: expected a number above 0",
    ):
        assert words in str(refusal.value)


ALIKE = {
    BetaGeoModel: (stories.beta_geo, {"r": 1e6, "alpha": 1e7, "a": 2e5, "b": 8e5}),
    ParetoNBDModel: (stories.pareto, {"r": 1e6, "alpha": 1e7, "s": 1e6, "beta": 3e7}),
}


@pytest.mark.parametrize("kind", ALIKE, ids=lambda kind: kind.title)
def test_customers_all_alike_get_a_fit_as_good_as_the_truth(kind):
    """Nobody differs, so that parameters run to the edge: never the start, and what is expected of all holds."""
    story, truth = ALIKE[kind]
    rows = story(truth, 1_500, seed=1)
    model = kind().fit(rows)
    likelihood = kind.likelihood(rows.assign(weight=1.0))
    assert model.log_likelihood > likelihood.value(np.log([*truth.values()])) - 1e-3
    assert model.parameters["r"] > 20
    assert model.expected_purchases(rows, 52).sum() == pytest.approx(rows["later"].sum(), rel=0.3)
