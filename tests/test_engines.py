"""The same numbers from pandas, Polars and DuckDB; `test_spark.py` does the same for Spark."""

from collections.abc import Callable
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pytest

import clvhelpers as clv

LOG = pd.DataFrame(
    [
        # customer, date, amount, kind
        ("anna", "2025-12-31 23:59", 10.0, "purchase"),
        ("anna", "2026-01-05 09:00", 20.0, "purchase"),
        ("anna", "2026-01-05 17:00", 5.0, "purchase"),  # the same day: one purchase of 25
        ("anna", "2026-03-31 15:30", 40.0, "purchase"),
        ("bob", "2026-01-10 10:00", 30.0, "purchase"),
        ("bob", "2026-01-10 10:00", -30.0, "netted"),  # cancelled on its day: no purchase
        ("bob", "2026-02-01 08:00", 12.5, "purchase"),
        ("bob", "2026-02-20 08:00", -2.5, "refund"),
        ("carl", "2026-01-02 12:00", 0.0, "purchase"),  # a free order counts
        ("dora", "2026-02-02 12:00", -8.0, "refund"),  # only a refund: no customer
        ("emil", "2026-05-01 12:00", 9.0, "purchase"),
        ("anna", "2026-04-01 00:00", 7.0, "purchase"),
        ("bob", "2026-06-30 10:00", 5.0, "purchase"),
    ],
    columns=["customer_id", "date", "amount", "kind"],
).assign(date=lambda log: pd.to_datetime(log["date"]))

ENGINES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "polars": pl.from_pandas,
    "polars lazy": lambda log: pl.from_pandas(log).lazy(),
    "duckdb": duckdb.from_df,
}
TASKS: dict[str, Callable[[Any], Any]] = {
    "summary": lambda log: clv.customer_summary(log, end="2026-06-30"),
    "summary in months": lambda log: clv.customer_summary(log, unit="M"),
    "summary of dates": lambda log: clv.customer_summary(log, amount=None),
    "split": lambda log: clv.split_holdout(log, "2026-03-31"),
}
SMALL_TASKS: dict[str, Callable[[Any], pd.DataFrame]] = {
    "cohorts": lambda log: clv.cohort_table(log).frame,
    "rolling weeks": lambda log: clv.cohort_table(log, period="W", mode="rolling", kind="cumulative").frame,
    "quarters": lambda log: clv.cohort_table(log, period="Q", kind="on_or_after").frame,
    "orders by day": lambda log: clv.orders_over_time(log, "D"),
    "orders by week": lambda log: clv.orders_over_time(log, "W", end="2026-06-10"),
}


def as_pandas(result: Any) -> pd.DataFrame:
    """A summary as pandas; the rows of a lazy one come in no order."""
    frame = nw.from_native(result)
    return (frame.sort("customer_id").collect() if isinstance(frame, nw.LazyFrame) else frame).to_pandas()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("task", TASKS)
def test_customers_are_equal_on_each_engine_and_stay_in_it(task: str, engine: str) -> None:
    log = ENGINES[engine](LOG)
    found = TASKS[task](log)
    assert type(found) is type(log)
    pd.testing.assert_frame_equal(as_pandas(found), TASKS[task](LOG))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("task", SMALL_TASKS)
def test_cohorts_and_orders_are_equal_on_each_engine(task: str, engine: str) -> None:
    pd.testing.assert_frame_equal(SMALL_TASKS[task](ENGINES[engine](LOG)), SMALL_TASKS[task](LOG))


def test_cdnow_is_equal_on_each_engine() -> None:
    log = clv.load_cdnow()
    expected = clv.split_holdout(log, "1997-09-30")
    for to_engine in ENGINES.values():
        pd.testing.assert_frame_equal(as_pandas(clv.split_holdout(to_engine(log), "1997-09-30")), expected)


@pytest.mark.parametrize(("engine", "end"), [("polars", None), *((engine, "2026-03-31") for engine in ENGINES)])
def test_purchase_days_of_a_clean_log_stand_for_its_transactions(engine: str, end: str | None) -> None:
    log = clv.clean_transactions(ENGINES[engine](LOG.drop(columns="kind")), clv.Rules(zero_amount="keep"))
    days = log.purchase_days
    assert days is log.purchase_days
    found, expected = (as_pandas(clv.customer_summary(given, end)) for given in (days, log.transactions))
    pd.testing.assert_frame_equal(found, expected)
    found, expected = (as_pandas(clv.split_holdout(given, "2026-01-31", end)) for given in (days, log.transactions))
    pd.testing.assert_frame_equal(found, expected)
    tasks: tuple[Callable[[Any], pd.DataFrame], ...] = (
        lambda given: clv.orders_over_time(given, "W", end),
        lambda given: clv.cohort_table(given, end).frame,
        lambda given: clv.cohort_table(given, end, "W", "rolling", "cumulative", keep_incomplete=True).frame,
    )
    for task in tasks:
        pd.testing.assert_frame_equal(task(days), task(log.transactions))


def test_purchase_days_of_a_clean_log_are_worked_out_once() -> None:
    days = clv.clean_transactions(duckdb.from_df(LOG.drop(columns="kind"))).purchase_days
    plan = days.frame.to_native().explain()
    assert "Scan" in plan
    assert "Group By" not in plan


def test_refunds_leave_the_rows_in_their_order() -> None:
    number = 50_000
    rows = pl.DataFrame({"customer_id": [f"{row % 997}" for row in range(number)]}).with_columns(
        date=pl.datetime(2026, 1, 1) + pl.duration(hours=pl.int_range(number) % 4000),
        amount=pl.when(pl.int_range(number) % 50 == 7).then(-3.0).otherwise(pl.int_range(number) + 1.0),
        order_id=(pl.int_range(number) // 3).cast(pl.String),
    )
    log = clv.clean_transactions(rows, clv.Rules(cancelled_pairs="keep"))
    assert log.transactions["order_id"].equals(rows["order_id"])
    assert set(log.transactions["kind"]) == {"purchase", "netted", "refund"}
