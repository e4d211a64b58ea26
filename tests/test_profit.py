"""What is left of each customer's money, by hand and on each engine; joins that repeat no row."""

from collections.abc import Callable
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

import clvhelpers as clv
from clvhelpers.errors import DataContractError, NotEnoughDataError

LOG = pd.DataFrame(
    {
        "customer_id": ["a", "b", "a", "a", "c"],
        "amount": [50.0, 20.0, -10.0, 30.0, 5.0],
        "cost": [30.0, 9.0, -6.0, 18.0, None],
    }
)
SERVICE, ACQUISITION = pd.Series({"b": 13.0, "a": 6.5}), pd.Series({"a": 10.0, "b": 4.0, "c": 9.0})
ENGINES: dict[str, Callable[[pd.DataFrame], Any]] = {"polars": pl.from_pandas, "duckdb": duckdb.from_df}


def test_numbers_of_a_case_worked_by_hand() -> None:
    found = clv.customer_profit(LOG, service=SERVICE, acquisition=ACQUISITION)
    assert found.frame.to_numpy().tolist() == [
        ["a", 80.0, -10.0, -42.0, -6.5, -10.0, 11.5],
        ["b", 20.0, 0.0, -9.0, -13.0, -4.0, -6.0],
        ["c", 5.0, 0.0, 0.0, 0.0, -9.0, -4.0],
    ]
    assert found.steps.to_list() == [105, -10, -51, -19.5, -23, 1.5]
    assert found.steps.index.to_list() == ["sales", "returns", "goods", "service", "acquisition", "profit"]
    assert found.at_a_loss == pytest.approx(2 / 3)
    assert found.notes == ()
    assert found.sentence() == (
        "Of $105.00 in sales to 3 customers $1.50 is left (1.4%); 66.7% of the customers brought less than they cost."
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_numbers_are_equal_on_each_engine(engine: str) -> None:
    expected = clv.customer_profit(LOG, service=SERVICE)
    pd.testing.assert_frame_equal(clv.customer_profit(ENGINES[engine](LOG), service=SERVICE).frame, expected.frame)


def test_margin_stands_in_for_the_cost_of_goods_and_is_named() -> None:
    found = clv.customer_profit(LOG.drop(columns="cost"), gross_margin=0.25)
    assert found.frame["goods"].tolist() == [-52.5, -15.0, -3.75]
    assert found.frame["service"].isna().all()
    assert found.steps[["sales", "profit"]].tolist() == [105.0, 23.75]
    assert found.notes == (
        "The cost of goods is taken from a gross margin of 25.0%: the log has none.",
        "The cost to serve is not in it.",
        "The cost of acquisition is not in it.",
    )
    assert "service" not in found.plot().alt


def test_sums_are_those_of_the_sources_whole() -> None:
    shop = clv.open_company("harbor_and_pine")
    service = clv.load_harbor_and_pine("service").groupby("customer_id")["cost"].sum()
    steps = clv.customer_profit(shop.transactions, service=service).steps
    assert steps["sales"] + steps["returns"] == pytest.approx(shop.transactions["amount"].sum())
    assert steps["goods"] == pytest.approx(-shop.transactions["cost"].sum())
    assert steps["service"] == pytest.approx(-service.sum())
    assert steps.iloc[:-1].sum() == pytest.approx(steps["profit"])


def test_figure_goes_from_sales_to_profit() -> None:
    assert (
        "Of $100 in sales, $1 is left" in clv.customer_profit(LOG, service=SERVICE, acquisition=ACQUISITION).plot().alt
    )
    returned = pd.DataFrame({"customer_id": ["a"], "amount": [-3.0], "cost": [0.0]})
    assert "From $0.00 of sales to -$3.00 of profit" in clv.customer_profit(returned).plot().alt


def test_without_amounts_or_costs_nothing_is_said() -> None:
    with pytest.raises(NotEnoughDataError) as refused:
        clv.customer_profit(LOG[["customer_id"]])
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "the log has no column amount",
        "the log has no column cost and no gross_margin is given",
    ]


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (SERVICE.rename({"b": "x"}), r"service: 1 customers not in the log \(x\)"),
        (pd.Series([1.0, 2.0], index=["a", "a"]), r"service: 1 customers listed more than once"),
        (pd.Series({"a": -1.0}), r"without an amount of 0 or more \(a\)"),
        (pd.Series({"a": None}, dtype=float), r"without an amount of 0 or more \(a\)"),
        ([1.0], "service is a list: give a pandas Series"),
        ({"a": 1.0}, "service is a Mapping"),
    ],
)
def test_costs_that_fit_no_customer_are_refused(service: Any, words: str) -> None:
    with pytest.raises(DataContractError, match=words):
        clv.customer_profit(LOG, service=service)


def test_rows_without_a_customer_or_an_amount_are_refused() -> None:
    with pytest.raises(DataContractError, match="1 rows have no customer or no amount"):
        clv.customer_profit(LOG.assign(amount=[1.0, None, 1.0, 1.0, 1.0]))
