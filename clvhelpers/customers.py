"""One row a customer: how often, how recently, for how long and for how much they bought.

The columns are those of Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way",
Marketing Science 24(2), which the models of this package and of other libraries take:

* `frequency`: repeat purchases, so purchase days after the first one
* `recency`: time from the first to the last purchase
* `T`: time from the first purchase to the end of observation
* `monetary_value`: mean value of the repeat purchases; missing where there are none

`purchases.py` says what a purchase is. The end day belongs to the period before it, whatever the
time stamp: an order at 15:30 on the last day of the calibration counts in the calibration.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import pandas as pd
from narwhals.typing import IntoFrameT

from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.purchases import (
    PERIODS,
    Day,
    Frame,
    PurchaseDays,
    as_day,
    as_frame,
    counted,
    day_number,
    one_of,
    period_number,
    periods_of,
    purchase_days,
    with_first_visit,
)

DAYS_PER_UNIT = {"D": 1, "W": 7, "M": 365.25 / 12, "Y": 365.25}


def customer_summary(
    transactions: IntoFrameT,
    end: Day = None,
    unit: str = "W",
    *,
    customer_id: str = "customer_id",
    date: str = "date",
    amount: str | None = "amount",
) -> IntoFrameT:
    """One row for each customer with a purchase up to `end`, as a frame of the engine that was given.

    Takes a pandas, Polars or Spark frame or a DuckDB relation, one row an order or order line, and
    gives `customer_id, frequency, recency, T, monetary_value, first_date, last_date, orders, total`,
    sorted by customer (but a lazy frame, as of DuckDB or Spark, has no order). `recency` and `T` are exact
    and in `unit` ("D", "W", "M" of 365.25/12 days or "Y"). `orders` counts purchase days with the first;
    `total` is all money, less refunds. Without an amount there are no money columns.

    `end` (default: the last date in the log) is counted whole; later rows are ignored. A customer
    who only has refunds has no row: `clean_transactions` counts those.

    Raises `DataContractError` for rows or columns that can't be used, `ConfigError` for a wrong
    `unit` or `end` and `NotEnoughDataError` where the log is empty or starts after `end`.

    >>> from clvhelpers import load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> len(summary), int(summary["frequency"].sum()), f"{summary['monetary_value'].mean():.2f}"
    (2357, 2457, '35.08')
    """
    one_of(unit, DAYS_PER_UNIT, "unit")
    days = purchase_days(transactions, end, {"customer_id": customer_id, "date": date, "amount": amount})
    return _finish(_by_customer(days, days.end), days, days.end, unit).to_native()


def split_holdout(
    transactions: IntoFrameT,
    calibration_end: str | dt.date,
    end: Day = None,
    unit: str = "W",
    *,
    customer_id: str = "customer_id",
    date: str = "date",
    amount: str | None = "amount",
) -> IntoFrameT:
    """The customer summary at `calibration_end`, and what the same customers did from then to `end`.

    Adds `holdout_frequency` (purchase days in the holdout), `holdout_T` (its length in `unit`) and
    `holdout_total` (its money, less refunds). Customers who first bought in the holdout have no row.
    An order on the day of `calibration_end` is in the calibration and one on the day of `end` in the
    holdout, whatever the hour. With no purchase in the holdout the counts are 0; give `end` then,
    for the last date in the log is no longer the end of the holdout.

    >>> from clvhelpers import load_cdnow
    >>> split = split_holdout(load_cdnow(), "1997-09-30")
    >>> int(split["frequency"].sum()), int(split["holdout_frequency"].sum()), float(split["holdout_T"].iloc[0])
    (2457, 1882, 39.0)
    """
    one_of(unit, DAYS_PER_UNIT, "unit")
    days = purchase_days(transactions, end, {"customer_id": customer_id, "date": date, "amount": amount})
    cut = _holdout_cut(calibration_end, days)
    holdout = {"holdout_frequency": nw.col("later").count()}
    if days.has_money:
        holdout["holdout_total"] = nw.col("later_money").sum()
    summary = _finish(_by_customer(days, cut, **holdout), days, cut, unit)
    length = (days.end - cut).days / DAYS_PER_UNIT[unit]
    return summary.with_columns(holdout_T=nw.lit(length)).to_native()


def orders_over_time(
    transactions: Any,
    period: str = "M",
    end: Day = None,
    *,
    customer_id: str = "customer_id",
    date: str = "date",
    amount: str | None = "amount",
) -> pd.DataFrame:
    """Each period from the first to that of `end`: `period, orders, customers, new_customers, revenue, complete`.

    `orders` are purchase days, `customers` those with one, `new_customers` those with their first; without
    amounts there is no `revenue`, which is less refunds. Periods without an order are there with zeros.
    `complete` is False for a last period that is not over at `end`; whether the log began at the start of
    the first period, it can't tell.

    >>> from clvhelpers import load_cdnow
    >>> orders_over_time(load_cdnow(), end="1998-06-30")[["period", "orders", "new_customers"]].tail(1)
         period  orders  new_customers
    17  1998-06     168              0
    """
    one_of(period, PERIODS, "period")
    days = purchase_days(transactions, end, {"customer_id": customer_id, "date": date, "amount": amount})
    sums = ["orders", "customers", *(["revenue"] if days.has_money else [])]
    found = counted(
        days.frame.with_columns(period=period_number(nw.col("day"), period))
        .group_by("customer_id", "period")
        .agg(orders=nw.col("visit").count(), **days.revenue())
        .with_columns(customers=nw.when(nw.col("orders") > 0).then(1).otherwise(0))
        .group_by("period")
        .agg(nw.col(*sums).sum())
    ).set_index("period")
    new = days.first_visits.select(period=period_number(nw.col("first"), period)).group_by("period")
    newcomers = counted(new.agg(new_customers=nw.len())).set_index("period")["new_customers"]
    last = pd.Period(days.end, freq=period)
    every = found.reindex(range(int(found.index.min()), last.ordinal + 1), fill_value=0)
    every.insert(2, "new_customers", newcomers.reindex(every.index, fill_value=0))
    every.insert(0, "period", periods_of(every.index, period))
    complete = every["period"].dt.end_time.dt.normalize() <= pd.Timestamp(days.end)
    return every.assign(complete=complete).reset_index(drop=True)


def summary_frame(summary: Any, columns: Sequence[str]) -> Frame:
    """A customer summary of any engine, once it is sure that it has the columns."""
    frame = as_frame(summary, "the summary")
    known = frame.collect_schema().names()
    missing = [name for name in columns if name not in known]
    if missing:
        raise DataContractError(
            f"the summary has no column {', '.join(map(repr, missing))}: it has {', '.join(map(repr, known))}; "
            "customer_summary(transactions) makes the columns that are needed"
        )
    return frame


def to_pandas(frame: Frame) -> pd.DataFrame:
    """A narwhals frame as pandas, fetched from wherever it lies; one of pandas keeps its index."""
    if isinstance(frame, nw.LazyFrame):
        return frame.collect(backend="pandas").to_native()
    return frame.to_pandas()


def _holdout_cut(calibration_end: str | dt.date, days: PurchaseDays) -> dt.date:
    cut = as_day(calibration_end, "calibration_end")
    if cut is None or cut >= days.end:
        raise ConfigError(
            f"calibration_end is {cut} and end is {days.end}: the holdout between them has no day; give an earlier "
            "calibration_end, or an end if nobody bought after it"
        )
    if cut < days.first:
        raise ConfigError(f"calibration_end is {cut}, before the first transaction on {days.first}: nothing to fit on")
    return cut


def _by_customer(days: PurchaseDays, cut: dt.date, **extra: nw.Expr) -> Any:
    """The second of the two aggregations: counts, dates and sums of each customer up to `cut`."""
    known = nw.col("day") <= days.at(cut) if cut < days.end else nw.lit(True)
    frame = days.frame.with_columns(
        visit=nw.when(known).then(nw.col("visit")),
        later=nw.when(~known).then(nw.col("visit")),
    )
    sums = {}
    if days.has_money:
        frame = frame.with_columns(
            visit_spend=nw.when(~nw.col("visit").is_null()).then(nw.col("spend")).otherwise(0.0),
            known_money=nw.when(known).then(nw.col("money")).otherwise(0.0),
            later_money=nw.when(~known).then(nw.col("money")).otherwise(0.0),
        )
        frame, first_spend = _first_spend(frame, days.at(dt.date.max))
        sums = {"spend": nw.col("visit_spend").sum(), "total": nw.col("known_money").sum(), "first_spend": first_spend}
    return (
        frame.group_by("customer_id")
        .agg(
            orders=nw.col("visit").count(),
            first_date=nw.col("visit").min(),
            last_date=nw.col("visit").max(),
            **sums,
            **extra,
        )
        .filter(nw.col("orders") > 0)
    )


def _first_spend(frame: Any, end_of_time: nw.Expr) -> tuple[Any, nw.Expr]:
    """What a customer spent on the first purchase day, as an aggregate.

    Engines that can pick the first by an order do so, with days without a purchase moved to the end of time.
    narwhals can't do that in Spark yet, where the first day is put beside each row by a window.
    """
    if frame.implementation.is_spark_like():
        first = with_first_visit(frame)
        spend = nw.when(nw.col("visit") == nw.col("first")).then(nw.col("visit_spend")).otherwise(0.0)
        return first.with_columns(first_visit_spend=spend), nw.col("first_visit_spend").sum()
    no_visit = nw.col("visit").is_null()
    keyed = frame.with_columns(visit_key=nw.when(no_visit).then(end_of_time).otherwise(nw.col("visit")))
    return keyed, nw.col("visit_spend").first(order_by="visit_key")


def _finish(customers: Any, days: PurchaseDays, cut: dt.date, unit: str) -> Any:
    """Counts into frequency, dates into times and sums into a mean, in the order of the contract."""
    length = float(DAYS_PER_UNIT[unit])
    counts = [name for name in ("orders", "holdout_frequency") if name in customers.collect_schema()]
    customers = customers.with_columns(
        nw.col(*counts).cast(nw.Int64),
        first_day=day_number(nw.col("first_date")),
        last_day=day_number(nw.col("last_date")),
    ).with_columns(
        nw.col("first_date", "last_date").cast(nw.Datetime("us")),
        frequency=nw.col("orders") - 1,
        recency=(nw.col("last_day") - nw.col("first_day")) / length,
        T=(cut.toordinal() - nw.col("first_day")) / length,
    )
    names = ["customer_id", "frequency", "recency", "T", "first_date", "last_date", *counts]
    if days.has_money:
        repeat_spend = nw.col("spend") - nw.col("first_spend")
        mean = nw.when(nw.col("frequency") > 0).then(repeat_spend / nw.col("frequency"))
        customers = customers.with_columns(monetary_value=mean)
        names = [*names[:4], "monetary_value", *names[4:7], "total", *names[7:]]
    names += ["holdout_total"] if "holdout_total" in customers.collect_schema() else []
    summary = customers.select(*names)
    return nw.maybe_reset_index(summary.sort("customer_id")) if isinstance(summary, nw.DataFrame) else summary
