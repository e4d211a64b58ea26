"""From purchase days to the cells of a triangle: counted where the data lie, then marked as seen or not yet."""

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import narwhals as nw
import pandas as pd

from clvhelpers.errors import NotEnoughDataError
from clvhelpers.purchases import (
    PurchaseDays,
    counted,
    day_number,
    period_number,
    periods_of,
    settle,
    with_first_visit,
)
from clvhelpers.text import day

ROLLING_DAYS = {"D": 1, "W": 7, "M": 30, "Q": 90}


def incomplete_period(end: dt.date, period: str) -> pd.Period | None:
    last = pd.Period(end, freq=period)
    return last if last.end_time.date() > end else None


def cells_of(days: PurchaseDays, cut: dt.date, period: str, mode: str, kind: str) -> tuple[pd.DataFrame, float | None]:
    """Every cohort at every age, seen or not (`n_on` bought at just that age), and the money that belongs to none."""
    frame = days.frame.filter(nw.col("day") <= days.at(cut)) if cut < days.end else days.frame
    sums = {"orders": nw.col("visit").count(), **days.revenue()}
    rows = _by_calendar(frame, period, sums) if mode == "calendar" else _by_window(frame, period, sums)
    with _settled(rows) as kept:
        activity = _of_cohorts(kept, list(sums)) if mode == "calendar" else kept
        activity = activity.with_columns(n_active=nw.when(nw.col("orders") > 0).then(1).otherwise(0))
        counts = counted(activity.group_by("cohort", "age").agg(nw.col("n_active", *sums).sum()))
        outside = counts["age"] < 0
        unassigned = float(counts.loc[outside, "revenue"].sum()) if days.has_money else None
        counts = counts[~outside].set_index(["cohort", "age"])
        if counts.empty:
            raise NotEnoughDataError(f"no purchase up to {day(cut)}: a cohort needs at least one")
        cells = counts.reindex(_grid(counts, cut, period, mode), fill_value=0).reset_index()
        cells.insert(2, "n0", cells.groupby("cohort")["n_active"].transform("first"))
        cells["n_on"] = cells["n_active"]
        if kind != "on":
            cells["n_active"] = _reached(cells, activity, kind)
    cells["cohort"] = periods_of(cells["cohort"], period)
    return cells, unassigned


@contextmanager
def _settled(rows: Any) -> Iterator[Any]:
    """The rows of a lazy engine, worked out once for all that ask within the block, and then forgotten."""
    name = f"clv_{uuid.uuid4().hex}"
    kept = settle(rows, name)
    try:
        yield kept
    finally:
        if kept.implementation.is_duckdb():
            kept.to_native().query("clv_rows", f"DROP TABLE {name}")
        elif kept.implementation.is_pyspark():
            kept.to_native().unpersist()


def _by_calendar(frame: Any, period: str, sums: dict[str, nw.Expr]) -> Any:
    """One row a customer and calendar period."""
    now = period_number(nw.col("day"), period).cast(nw.Int64)
    return frame.with_columns(now=now).group_by("customer_id", "now").agg(**sums)


def _of_cohorts(rows: Any, sums: list[str]) -> Any:
    """One row a customer, cohort and age; what belongs to no cell has age -1."""
    first = rows.filter(nw.col("orders") > 0).group_by("customer_id").agg(cohort=nw.col("now").min())
    return rows.join(first, on="customer_id", how="left").select(
        "customer_id",
        *sums,
        nw.col("cohort").fill_null(0),
        age=nw.when((nw.col("now") >= nw.col("cohort")).fill_null(False))
        .then(nw.col("now") - nw.col("cohort"))
        .otherwise(-1),
    )


def _by_window(frame: Any, period: str, sums: dict[str, nw.Expr]) -> Any:
    """One row a customer, cohort and age in windows from the first purchase; what belongs to no cell has age -1."""
    inside = (nw.col("day") >= nw.col("first")).fill_null(False)
    age = (day_number(nw.col("day")) - day_number(nw.col("first"))) // ROLLING_DAYS[period]
    return (
        with_first_visit(frame)
        .with_columns(
            cohort=nw.when(inside).then(period_number(nw.col("first"), period)).otherwise(0).cast(nw.Int64),
            age=nw.when(inside).then(age).otherwise(-1).cast(nw.Int64),
        )
        .group_by("customer_id", "cohort", "age")
        .agg(**sums)
    )


def _grid(counts: pd.DataFrame, cut: dt.date, period: str, mode: str) -> pd.MultiIndex:
    """Every cohort from the first to the last, also the empty ones, at every age that time allows."""
    cohorts = counts.index.get_level_values("cohort")
    first = pd.Period(ordinal=cohorts.min(), freq=period)
    oldest = (
        pd.Period(cut, freq=period).ordinal - first.ordinal
        if mode == "calendar"
        else (cut - first.start_time.date()).days // ROLLING_DAYS[period]
    )
    return pd.MultiIndex.from_product(
        [range(first.ordinal, cohorts.max() + 1), range(oldest + 1)], names=["cohort", "age"]
    )


def _reached(cells: pd.DataFrame, activity: Any, kind: str) -> pd.Series:
    """How many are active at an age or later, or have come back by an age; age 0 is the whole cohort."""
    buying = activity.filter(nw.col("orders") > 0)
    returning = buying if kind == "on_or_after" else buying.filter(nw.col("age") > 0)
    turning_point = nw.col("age").max() if kind == "on_or_after" else nw.col("age").min()
    turned = counted(
        returning.group_by("customer_id", "cohort")
        .agg(age=turning_point)
        .group_by("cohort", "age")
        .agg(customers=nw.len())
    )
    here = cells[["cohort", "age"]].merge(turned, how="left")["customers"].fillna(0).astype("int64")
    if kind == "on_or_after":
        return here[::-1].groupby(cells["cohort"]).cumsum()
    return here.groupby(cells["cohort"]).cumsum().where(cells["age"] > 0, cells["n0"])


def hide_unobserved(cells: pd.DataFrame, cut: dt.date, period: str, mode: str, keep: bool) -> pd.DataFrame:
    """Blank what was not seen (or not wholly, unless it is kept) and add the shares."""
    started, over = _time_of(cells, period, mode)
    mature = over <= pd.Timestamp(cut)
    seen = (started <= pd.Timestamp(cut)) if keep else mature
    frame = cells.copy()
    sums = [name for name in ("n_active", "orders", "revenue") if name in frame]
    frame[sums] = frame[sums].astype(float).where(seen)
    n0 = frame["n0"].where(frame["n0"] > 0)
    if "revenue" in frame:
        frame["cumulative_revenue_per_customer"] = frame.groupby("cohort")["revenue"].cumsum() / n0
    frame["retention"] = frame["n_active"] / n0
    frame["mature"] = mature
    return frame[frame["age"] <= frame.loc[seen, "age"].max()].reset_index(drop=True)


def _time_of(cells: pd.DataFrame, period: str, mode: str) -> tuple[pd.Series, pd.Series]:
    """The first day on which a cell can hold a purchase, and the last one for any of its customers."""
    cohort = cells["cohort"].dt
    if mode == "calendar":
        at = (cells["cohort"] + cells["age"]).dt
        return at.start_time, at.end_time.dt.normalize()
    length = ROLLING_DAYS[period]
    return (
        cohort.start_time + pd.to_timedelta(length * cells["age"], unit="D"),
        cohort.end_time.dt.normalize() + pd.to_timedelta(length * (cells["age"] + 1) - 1, unit="D"),
    )
