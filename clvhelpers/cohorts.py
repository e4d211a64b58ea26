"""Cohorts: customers grouped by when they first bought, and what each group did afterwards.

A cohort is the calendar period of the first purchase. A cell of the triangle is one cohort at one
age, and is in one of three states: a value, an observed zero, or not observed yet (missing). Young
cohorts are never counted as zero, and the last period is left out where it is not over.

"Retention" has as many meanings as there are products that print it, so the definition is always
an argument and always in the sentence:

* `mode="calendar"`: ages are calendar periods after the one of the first purchase; `"rolling"`: ages
  are windows of 1, 7, 30 or 90 days from each customer's own first purchase;
* `kind="on"`: bought in that period; `"on_or_after"`: in it or in a later one seen so far;
  `"cumulative"`: has come back by then (age 1 or later).

The tables are made over narwhals where the data lie; only the small result is a pandas frame.
"""

import datetime as dt
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from clvhelpers.errors import ConfigError, LeftTruncationWarning, NotEnoughDataError
from clvhelpers.purchases import (
    PERIODS,
    Day,
    PurchaseDays,
    counted,
    day_number,
    one_of,
    period_number,
    periods_of,
    purchase_days,
    with_first_visit,
)
from clvhelpers.text import day, number, percent
from clvhelpers.text import period as period_name

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

ROLLING_DAYS = {"D": 1, "W": 7, "M": 30, "Q": 90}
KINDS = ("on", "on_or_after", "cumulative")
VALUES = ("retention", "n_active", "orders", "revenue", "cumulative_revenue_per_customer")
TOLD_AGES = (1, 3, 6, 12)
OUTLIER_AGES, OUTLIER_ERRORS, OUTLIER_RATIO = 6, 3.0, 1.25


@dataclass(frozen=True, eq=False)
class CohortTable:
    """What each cohort did at each age, with the definition of retention that was used.

    `frame` has one row a cohort and age: `cohort` (a pandas Period), `age`, `n0` (customers of the
    cohort), `n_active`, `retention` (n_active / n0), `orders` (purchase days) and, with money, `revenue`
    (less refunds) and `cumulative_revenue_per_customer`, then `mature`. Cells not observed yet are
    missing; a cell that is kept though it is not complete has `mature` False.

    `end` is the last day that counts. `unassigned_revenue` is money up to then that belongs to no cell:
    of customers without a purchase, and refunds dated before a first purchase. `incomplete` is the period
    that was not over. `left_truncated` is the first cohort where it looks like old customers, `dropped`
    whether it was left out.
    """

    frame: pd.DataFrame
    period: str
    mode: str
    kind: str
    end: dt.date
    unassigned_revenue: float | None
    incomplete: pd.Period | None
    left_truncated: pd.Period | None
    dropped: bool

    @property
    def definition(self) -> str:
        """What "retention" means in this table, in words."""
        unit = PERIODS[self.period]
        days = ROLLING_DAYS[self.period]
        window, since = (
            (f"calendar {unit}", f"{unit}s counted from the {unit} of the first purchase")
            if self.mode == "calendar"
            else (f"{days}-day window", "windows counted from each customer's own first purchase")
        )
        done = {
            "on": f"bought in that {window}",
            "on_or_after": f"bought in that {window} or later, as far as seen by {day(self.end)}",
            "cumulative": f"came back after the first {window} and by the end of that one",
        }[self.kind]
        return f"the share of a cohort that {done} ({since})"

    @property
    def step(self) -> str:
        """What an age counts: "month" and so on, or "window" in a rolling table."""
        return PERIODS[self.period] if self.mode == "calendar" else "window"

    def triangle(self, value: str = "retention") -> pd.DataFrame:
        """One row a cohort and one column an age; cells not observed yet are missing."""
        one_of(value, [name for name in VALUES if name in self.frame], "value")
        return self.frame.pivot(index="cohort", columns="age", values=value)

    def average(self, how: str = "pooled", level: float = 0.95) -> pd.DataFrame:
        """Retention at each age over the mature cells: `age, retention, low, high, customers, cohorts`.

        `how="pooled"` counts every customer once, `"simple"` every cohort once. `low` and `high` are
        Wilson's interval; for the simple mean with the number of customers that gives its variance.
        Averages at high ages come from the oldest cohorts alone: read `cohorts` beside them.
        """
        one_of(how, ("pooled", "simple"), "how")
        cells = self.frame[self.frame["mature"] & (self.frame["n0"] > 0)]
        ages = cells.assign(inverse=1 / cells["n0"]).groupby("age")
        sums = ages[["n0", "n_active", "inverse"]].sum()
        cohorts = ages.size()
        share, n = (
            (sums["n_active"] / sums["n0"], sums["n0"])
            if how == "pooled"
            else (ages["retention"].mean(), cohorts**2 / sums["inverse"])
        )
        low, high = wilson_interval(share, n, level)
        return pd.DataFrame(
            {"retention": share, "low": low, "high": high, "customers": sums["n0"], "cohorts": cohorts}
        ).reset_index()

    def sentence(self) -> str:
        """What the table says in words; the definition of retention is always among them."""
        average = self.average().set_index("age")
        told = [
            f"{percent(row.retention)} at {self.step} {age} ({percent(row.low)} to {percent(row.high)}; "
            f"{number(row.customers)} customers in {number(row.cohorts)} cohort{'' if row.cohorts == 1 else 's'})"
            for age, row in average[average.index.isin(TOLD_AGES)].iterrows()
        ]
        found = f"It was {', '.join(told)}." if told else f"No cohort is old enough for {self.step} 1 yet."
        notes = [f"Retention here is {self.definition}.", found]
        if told:
            level = percent(0.95, 0)
            notes.append(f"The averages pool all customers of complete cells; in brackets {level} intervals.")
        if self.incomplete is not None:
            late = period_name(self.incomplete)
            notes.append(f"The {PERIODS[self.period]} {late} is not over and counts in no average.")
        if self.left_truncated is not None:
            notes.append(_left_truncation_note(self.left_truncated, self.dropped))
        return " ".join(notes)

    def plot(self) -> "Picture":
        """The triangle of retention as a heatmap."""
        from clvhelpers.plots.cohorts import cohort_heatmap

        return cohort_heatmap(self)


def cohort_table(
    transactions: Any,
    end: Day = None,
    period: str = "M",
    mode: str = "calendar",
    kind: str = "on",
    *,
    keep_incomplete: bool = False,
    drop_left_truncated: bool = False,
    customer_id: str = "customer_id",
    date: str = "date",
    amount: str | None = "amount",
) -> CohortTable:
    """The cohort triangles of a transaction log (any engine that `customer_summary` takes).

    `end` is the last day that counts (default: the last date in the log) and `period` one of "D", "W"
    (from Monday), "M", "Q". A period that is not over at `end` is left out, or with `keep_incomplete`
    kept, flagged and never averaged. Rolling cells are observed when every customer who may belong to
    the cohort has been seen for that long. In a table of kind "cumulative" age 0 is the whole cohort.

    A first cohort that stays far more often than the others is probably made of customers who had
    bought before the log began: that gives a `LeftTruncationWarning`, and `drop_left_truncated` leaves
    the first cohort out.

    >>> from clvhelpers import load_cdnow
    >>> table = cohort_table(load_cdnow(), end="1998-06-30")
    >>> table.triangle("n_active").loc["1997-01", :3].astype(int).to_list()
    [781, 124, 95, 70]
    """
    one_of(period, PERIODS, "period")
    one_of(mode, ("calendar", "rolling"), "mode")
    one_of(kind, KINDS, "kind")
    days = purchase_days(transactions, end, {"customer_id": customer_id, "date": date, "amount": amount})
    incomplete = _incomplete_period(days.end, period) if mode == "calendar" else None
    cut = days.end if incomplete is None or keep_incomplete else (incomplete - 1).end_time.date()
    if cut < days.first:
        raise NotEnoughDataError(
            f"the log runs from {day(days.first)} to {day(days.end)}, which is no complete {PERIODS[period]}: "
            "take a shorter period, or keep the incomplete ones"
        )
    cells, unassigned = _cells(days, cut, period, mode, kind)
    frame = _hide_unobserved(cells, cut, period, mode, keep_incomplete)
    first = frame["cohort"].min()
    outlier = first if drop_left_truncated or _stands_out(frame) else None
    if drop_left_truncated:
        frame = _without(frame, first)
    elif outlier is not None:
        warnings.warn(_left_truncation_note(outlier, dropped=False), LeftTruncationWarning, stacklevel=2)
    return CohortTable(frame, period, mode, kind, cut, unassigned, incomplete, outlier, dropped=drop_left_truncated)


def retention_at(table: CohortTable, ages: Iterable[int] = TOLD_AGES) -> dict[int, float | None]:
    """Pooled retention at the given ages; None where no cohort is old enough.

    >>> from clvhelpers import load_cdnow
    >>> found = retention_at(cohort_table(load_cdnow(), end="1998-06-30"), [1, 24])
    >>> round(found[1], 3), found[24]
    (0.146, None)
    """
    shares = table.average().set_index("age")["retention"]
    return {age: float(shares[age]) if age in shares.index else None for age in ages}


def wilson_interval(share: Any, n: Any, level: float = 0.95) -> tuple[Any, Any]:
    """Wilson's interval for a proportion, which holds near 0 and 1 and for few customers too.

    Source: Wilson (1927), Journal of the American Statistical Association 22, 209-212.

    >>> low, high = wilson_interval(15 / 148, 148)
    >>> f"{low:.4f} {high:.4f}"
    '0.0624 0.1605'
    """
    if not 0 < level < 1:
        raise ConfigError(f"level is {level}: expected a share between 0 and 1, such as 0.95")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def _incomplete_period(end: dt.date, period: str) -> pd.Period | None:
    last = pd.Period(end, freq=period)
    return last if last.end_time.date() > end else None


def _activity(days: PurchaseDays, cut: dt.date, period: str, mode: str) -> Any:
    """One row a customer, cohort and age, in the engine; what belongs to no cell has age -1."""
    frame = days.frame.filter(nw.col("day") <= days.at(cut)) if cut < days.end else days.frame
    frame = with_first_visit(frame)
    cohort = period_number(nw.col("first"), period)
    if mode == "calendar":
        age = period_number(nw.col("day"), period) - cohort
    else:
        age = (day_number(nw.col("day")) - day_number(nw.col("first"))) // ROLLING_DAYS[period]
    inside = (nw.col("day") >= nw.col("first")).fill_null(False)
    return (
        frame.with_columns(
            cohort=nw.when(inside).then(cohort).otherwise(0).cast(nw.Int64),
            age=nw.when(inside).then(age).otherwise(-1).cast(nw.Int64),
        )
        .group_by("customer_id", "cohort", "age")
        .agg(orders=nw.col("visit").count(), **days.revenue())
        .with_columns(n_active=nw.when(nw.col("orders") > 0).then(1).otherwise(0))
    )


def _cells(days: PurchaseDays, cut: dt.date, period: str, mode: str, kind: str) -> tuple[pd.DataFrame, float | None]:
    """Every cohort at every age, observed or not, and the money that belongs to none."""
    activity = _activity(days, cut, period, mode)
    sums = ("n_active", "orders", *(["revenue"] if days.has_money else []))
    counts = counted(activity.group_by("cohort", "age").agg(nw.col(*sums).sum()))
    outside = counts["age"] < 0
    unassigned = float(counts.loc[outside, "revenue"].sum()) if days.has_money else None
    counts = counts[~outside].set_index(["cohort", "age"])
    if counts.empty:
        raise NotEnoughDataError(f"no purchase up to {day(cut)}: a cohort needs at least one")
    cells = counts.reindex(_grid(counts, cut, period, mode), fill_value=0).reset_index()
    cells.insert(2, "n0", cells.groupby("cohort")["n_active"].transform("first"))
    if kind != "on":
        cells["n_active"] = _reached(cells, activity, kind)
    cells["cohort"] = periods_of(cells["cohort"], period)
    return cells, unassigned


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


def _hide_unobserved(cells: pd.DataFrame, cut: dt.date, period: str, mode: str, keep: bool) -> pd.DataFrame:
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


def _without(frame: pd.DataFrame, first: pd.Period) -> pd.DataFrame:
    rest = frame[frame["cohort"] != first]
    if rest.empty:
        raise NotEnoughDataError(f"{first} is the only cohort, so it can't be left out")
    return rest[rest["age"] <= rest.loc[rest["n_active"].notna(), "age"].max()].reset_index(drop=True)


def _stands_out(frame: pd.DataFrame) -> bool:
    """Does the first cohort stay far more often than the others of the same ages?

    Retention over the first ages that both have seen: more than 1.25 times the others', and more than 3
    standard errors away, with customers (not customer-periods) as the sample, which is cautious.
    """
    cells = frame[frame["mature"] & frame["age"].between(1, OUTLIER_AGES) & (frame["n0"] > 0)]
    is_first = cells["cohort"] == frame["cohort"].min()
    first, others = cells[is_first], cells[~is_first]
    first = first[first["age"].isin(others["age"])]
    if first.empty:
        return False
    share, rest = (part["n_active"].sum() / part["n0"].sum() for part in (first, others))
    pooled = cells["n_active"].sum() / cells["n0"].sum()
    sizes = [part.groupby("cohort")["n0"].first().sum() for part in (first, others)]
    error = np.sqrt(pooled * (1 - pooled) * sum(1 / size for size in sizes))
    return bool(share > OUTLIER_RATIO * rest and share - rest > OUTLIER_ERRORS * error)


def _left_truncation_note(cohort: pd.Period, dropped: bool) -> str:
    if dropped:
        return f"The first cohort, {period_name(cohort)}, is left out: it may hold customers from before the log began."
    return (
        f"The first cohort, {period_name(cohort)}, stays far more often than the others: it probably holds customers "
        "from before the log began, and averages with it are too high."
    )
