"""Models take the frame of any engine, and frames made for other libraries."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers import BetaGeoModel, GammaGammaModel, customer_summary, load_cdnow
from clvhelpers.errors import DataContractError
from clvhelpers.models.frames import collapse, count_rows, merge_rows

ENGINES = {
    "polars": pl.from_pandas,
    "polars, lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "duckdb": lambda frame: duckdb.from_df(frame),
}


@pytest.fixture(scope="module")
def summary():
    return customer_summary(load_cdnow(), end="1997-09-30")


@pytest.fixture(scope="module")
def orders(summary):
    return BetaGeoModel().fit(summary)


@pytest.fixture(scope="module")
def spend(summary):
    return GammaGammaModel().fit(summary)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_fit_and_answers(engine, summary, orders, spend):
    frame = ENGINES[engine](summary)
    assert BetaGeoModel().fit(frame).parameters == pytest.approx(orders.parameters, rel=1e-9)
    assert GammaGammaModel().fit(frame).parameters == pytest.approx(spend.parameters, rel=1e-12)
    ours = orders.expected_customer_lifetime_value(frame, spend)
    assert ours.index.name == "customer_id"
    expected = orders.expected_customer_lifetime_value(summary.set_index("customer_id"), spend)
    pd.testing.assert_series_equal(ours.sort_index(), expected.sort_index(), check_index_type=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_are_a_column_on_every_engine(engine, summary, orders):
    columns = ["frequency", "recency", "T"]
    counted = summary[columns].value_counts().rename("customers").reset_index()
    fitted = BetaGeoModel().fit(ENGINES[engine](counted), weights="customers")
    assert fitted.parameters == pytest.approx(orders.parameters, rel=1e-9)
    assert fitted.customers == 2357


def test_a_frame_of_lifetimes_or_pymc_marketing_works(summary, orders, spend):
    """lifetimes has customers in the index, frequency as a float, and 0 for the spend of one-time buyers."""
    theirs = summary.set_index("customer_id")[["frequency", "recency", "T", "monetary_value"]].fillna(0.0)
    theirs["frequency"] = theirs["frequency"].astype(float)
    assert BetaGeoModel().fit(theirs).parameters == orders.parameters
    assert GammaGammaModel().fit(theirs).parameters == spend.parameters
    ours = orders.expected_customer_lifetime_value(summary, spend).to_numpy()
    assert orders.expected_customer_lifetime_value(theirs, spend).to_numpy() == pytest.approx(ours)


def test_the_callers_frame_is_left_alone(summary, orders, spend):
    before = summary.copy(deep=True)
    BetaGeoModel().fit(summary)
    orders.expected_customer_lifetime_value(summary, spend)
    pd.testing.assert_frame_equal(summary, before)


def test_what_is_no_summary_is_refused(summary):
    with pytest.raises(DataContractError, match="the summary is a list: expected a frame of pandas"):
        BetaGeoModel().fit([1, 2, 3])
    with pytest.raises(DataContractError, match="no column 'recency', 'T': it has 'customer_id', 'frequency'"):
        BetaGeoModel().fit(summary[["customer_id", "frequency"]])
    with pytest.raises(DataContractError, match="column 'T' of the summary holds text, not numbers"):
        BetaGeoModel().fit(summary.assign(T=summary["T"].astype(str)))
    with pytest.raises(DataContractError, match="column 'recency' of the summary holds object, not numbers"):
        BetaGeoModel().fit(summary.assign(recency=pd.Series([pd.Timedelta(1), "x"] * 1178 + [0], dtype=object)))


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1, 2], r"weights has the shape \(2,\): expected one weight for each of 2357 rows"),
        (np.full(2357, -1.0), "weights must be numbers of 0 or more"),
        (np.zeros(2357), "and not all 0"),
    ],
)
def test_weights_that_count_nothing_are_refused(summary, weights, words):
    with pytest.raises(DataContractError, match=words):
        BetaGeoModel().fit(summary, weights=weights)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_weight_below_0_is_refused_on_every_engine(engine, summary):
    weighted = ENGINES[engine](summary.assign(customers=np.where(summary.index == 7, -1, 1)))
    with pytest.raises(DataContractError, match="weights must be numbers of 0 or more"):
        BetaGeoModel().fit(weighted, weights="customers")


def test_a_row_of_weight_0_is_as_good_as_absent(summary):
    there = summary.index % 7 > 0
    without = BetaGeoModel().fit(summary[there])
    weighted = BetaGeoModel().fit(summary, weights=there.astype(int))
    assert weighted.parameters == pytest.approx(without.parameters, rel=1e-8)
    assert weighted.customers == there.sum()


def test_collapsed_rows_lead_back_to_every_row():
    rows = pd.DataFrame({"a": [2.0, 1, 2, 1], "b": [0.0, 5, 0, 4]})
    distinct, place = collapse(rows, ["a", "b"])
    assert distinct.to_numpy().tolist() == [[1, 4], [1, 5], [2, 0]]
    assert (distinct.to_numpy()[place] == rows.to_numpy()).all()
    assert count_rows(rows, ["a", "b"])["weight"].sum() == 4


def test_merged_rows_keep_weights_and_means():
    rows = pd.DataFrame({"a": [1.0, 3, 9], "weight": [1.0, 3, 2]})
    merged = merge_rows(rows, pd.DataFrame({"key": [0, 0, 1]}))
    assert merged.to_numpy().tolist() == [[2.5, 4], [9, 2]]
