"""Key metrics by hand, on each engine, and what can't be had."""

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clvhelpers as clv
from clvhelpers.errors import ConfigError, DataContractError

LOG = pd.DataFrame(
    [
        # customer, date, amount: the period is 2025, the one before 2024
        ("anna", "2024-01-05", 40.0),
        ("anna", "2024-01-05", 10.0),  # the same day: one order
        ("anna", "2025-03-01", 30.0),
        ("anna", "2025-12-31 23:30", 20.0),
        ("bob", "2024-12-31 23:59", 10.0),
        ("carl", "2025-01-01 00:00", 50.0),
        ("dora", "2023-12-31", 99.0),  # before both
        ("dora", "2025-05-01", 25.0),
        ("dora", "2025-06-01", -5.0),  # a refund: money, no order
    ],
    columns=["customer_id", "date", "amount"],
).assign(date=lambda log: pd.to_datetime(log["date"], format="ISO8601"))
ENGINES: dict[str, Callable[[pd.DataFrame], Any]] = {"polars": pl.from_pandas, "duckdb": duckdb.from_df}


def test_numbers_of_a_case_worked_by_hand() -> None:
    found = clv.key_metrics(LOG, end="2025-12-31")
    now, before = (found.frame.set_index("metric")[name] for name in ("now", "before"))
    assert found.orders == 4
    assert now.tolist() == pytest.approx([3, 4 / 3, 30, 40, 120, 1 / 3, 1 / 2, 1 / 2])
    assert before[:6].tolist() == pytest.approx([2, 1, 30, 30, 60, 0])
    assert np.isnan(before["retention rate"])
    assert found.frame.set_index("metric")["change"]["revenue"] == pytest.approx(1)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("log", [LOG, clv.load_cdnow()], ids=["hand", "cdnow"])
def test_numbers_are_equal_on_each_engine(engine: str, log: pd.DataFrame) -> None:
    expected, found = (clv.key_metrics(one, months=6) for one in (log, ENGINES[engine](log)))
    pd.testing.assert_frame_equal(found.frame, expected.frame)
    assert (found.start, found.end, found.orders, found.covered) == (
        *(expected.start, expected.end),
        *(expected.orders, expected.covered),
    )


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 720), st.integers(1, 900)), min_size=1, max_size=30),
    st.integers(1, 12),
)
def test_value_is_the_product_of_its_parts_and_rates_are_shares(rows: list[tuple[int, int, int]], months: int) -> None:
    log = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    log["date"] = pd.Timestamp("2024-01-10") + pd.to_timedelta(log["date"], unit="D")
    found = clv.key_metrics(log, end="2025-12-31", months=months)
    values = found.frame.set_index("metric")["now"]
    inside = log[log["date"] >= pd.Timestamp(found.start)]
    assert values["revenue"] == pytest.approx(inside["amount"].sum())
    assert values["customers"] == inside["customer_id"].nunique()
    if len(inside):
        product = values["orders per customer"] * values["average order value"]
        assert product == pytest.approx(values["customer value"])
        assert 0 <= values["repeat rate"] <= 1
    if not np.isnan(values["retention rate"]):
        assert values["retention rate"] + values["churn rate"] == pytest.approx(1)


def test_log_that_does_not_cover_the_period_before_gives_no_retention() -> None:
    found = clv.key_metrics(LOG[LOG["date"] >= "2024-02-01"], end="2025-12-31")
    assert not found.covered
    assert np.isnan(found.now("retention rate"))
    assert found.frame["before"].isna().all()
    assert found.sentence().endswith("do not cover the 12 months before: no retention rate.")
    assert "does not cover the period before" in found.plot().alt


def test_log_without_amounts_has_counts_only() -> None:
    found = clv.key_metrics(LOG.query("amount > 0").drop(columns="amount"), end="2025-12-31")
    assert found.now("customers") == 3
    assert np.isnan(found.now("revenue"))
    assert "$" not in found.sentence()


def test_sentence_and_figure_say_what_moved_revenue() -> None:
    found = clv.key_metrics(LOG, end="2025-12-31")
    assert found.sentence("GBP") == (
        "From 2025-01-01 to 2025-12-31: 3 customers with 1.33 orders each of £30.00, so £40.00 a customer and £120.00 "
        "in all. 33.3% bought more than once. Of the customers of the 12 months before, 50.0% bought again."
    )
    assert "Revenue grew by 100%, most of all through more customers" in found.plot().alt


@pytest.mark.parametrize("months", [0, 121, 1.5, True, "12"])
def test_length_that_is_no_number_of_months_is_refused(months: Any) -> None:
    with pytest.raises(ConfigError, match=r"months is .*: give a whole number from 1 to 120"):
        clv.key_metrics(LOG, months=months)


def test_rows_that_can_not_be_used_are_refused() -> None:
    with pytest.raises(DataContractError, match="1 row has no customer"):
        clv.key_metrics(LOG.assign(customer_id=LOG["customer_id"].where(LOG.index > 0)))


def test_table_writes_each_metric_in_its_unit() -> None:
    texts = clv.key_metrics(LOG, end="2025-12-31").table("GBP").texts().set_index("metric")
    assert texts.loc["customers"].tolist() == ["2", "3", "+50.0%"]
    assert texts.loc["orders per customer", "now"] == "1.33"
    assert texts.loc["revenue", "now"] == "£120.00"
    assert texts.loc["churn rate"].tolist() == ["–", "50.0%", "–"]
    assert texts.loc["repeat rate"].tolist() == ["0.0%", "33.3%", "+33.3 points"]
