"""The cohort table: what each cohort did at each age, and the definition of retention that was used."""

import datetime as dt
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from clvhelpers.cohorts.cells import ROLLING_DAYS, cells_of, hide_unobserved, incomplete_period
from clvhelpers.cohorts.interval import wilson_interval
from clvhelpers.cohorts.truncation import left_truncation_note, stands_out, without
from clvhelpers.cohorts.zones import in_zone
from clvhelpers.errors import LeftTruncationWarning, NotEnoughDataError
from clvhelpers.purchases import PERIODS, Day, PurchaseDays, one_of, purchase_days
from clvhelpers.text import day, number, percent
from clvhelpers.text import period as period_name

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

KINDS = ("on", "on_or_after", "cumulative")
VALUES = ("retention", "n_active", "orders", "revenue", "cumulative_revenue_per_customer")
TOLD_AGES = (1, 3, 6, 12)


@dataclass(frozen=True, eq=False)
class CohortTable:
    """What each cohort did at each age, with the definition of retention that was used.

    `frame` has one row a cohort and age: `cohort` (a pandas Period), `age`, `n0` (customers of the
    cohort), `n_active`, `retention` (n_active / n0), `orders` (purchase days) and, with money, `revenue`
    (less refunds) and `cumulative_revenue_per_customer`, then `mature`. Cells not observed yet are
    missing; a cell that is kept though it is not complete has `mature` False.

    `end` is the last day that counts. `unassigned_revenue` is money up to then that belongs to no cell:
    of customers without a purchase, and refunds of a period (rolling: of a day) before the first purchase.
    `incomplete` is the period that was not over. `left_truncated` is the first cohort where it looks like
    old customers, `dropped` whether it was left out.
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
            notes.append(left_truncation_note(self.left_truncated, self.dropped))
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
    timezone: str | None = None,
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

    Time stamps that carry a zone need `timezone`, such as "Europe/London": they are turned into its local time
    before a day is cut off, as a late order belongs to another day, and at the end of a month to another cohort.

    >>> from clvhelpers import load_cdnow
    >>> table = cohort_table(load_cdnow(), end="1998-06-30")
    >>> table.triangle("n_active").loc["1997-01", :3].astype(int).to_list()
    [781, 124, 95, 70]
    """
    check_options(period, mode, kind)
    columns = {"customer_id": customer_id, "date": date, "amount": amount}
    days = purchase_days(in_zone(transactions, date, timezone), end, columns)
    table = table_of(days, period, mode, kind, keep_incomplete, drop_left_truncated)
    if table.left_truncated is not None and not table.dropped:
        warnings.warn(left_truncation_note(table.left_truncated, dropped=False), LeftTruncationWarning, stacklevel=2)
    return table


def check_options(period: str, mode: str, kind: str) -> None:
    """Refuse a period, mode or kind that does not exist."""
    one_of(period, PERIODS, "period")
    one_of(mode, ("calendar", "rolling"), "mode")
    one_of(kind, KINDS, "kind")


def table_of(days: PurchaseDays, period: str, mode: str, kind: str, keep_incomplete: bool, drop: bool) -> CohortTable:
    """The cohort table of purchase days; `drop` leaves the first cohort out. Warns of nothing."""
    incomplete = incomplete_period(days.end, period) if mode == "calendar" else None
    cut = days.end if incomplete is None or keep_incomplete else (incomplete - 1).end_time.date()
    if cut < days.first:
        raise NotEnoughDataError(
            f"the log runs from {day(days.first)} to {day(days.end)}, which is no complete {PERIODS[period]}: "
            "take a shorter period, or keep the incomplete ones"
        )
    cells, unassigned = cells_of(days, cut, period, mode, kind)
    frame = hide_unobserved(cells, cut, period, mode, keep_incomplete)
    first = frame["cohort"].min()
    outlier = first if drop or stands_out(frame) else None
    frame = frame.drop(columns="n_on")
    if drop:
        frame = without(frame, first)
    return CohortTable(frame, period, mode, kind, cut, unassigned, incomplete, outlier, dropped=drop)


def retention_at(table: CohortTable, ages: Iterable[int] = TOLD_AGES) -> dict[int, float | None]:
    """Pooled retention at the given ages; None where no cohort is old enough.

    >>> from clvhelpers import load_cdnow
    >>> found = retention_at(cohort_table(load_cdnow(), end="1998-06-30"), [1, 24])
    >>> round(found[1], 3), found[24]
    (0.146, None)
    """
    shares = table.average().set_index("age")["retention"]
    return {age: float(shares[age]) if age in shares.index else None for age in ages}
