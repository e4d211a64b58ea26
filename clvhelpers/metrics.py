"""The few numbers that a manager asks for first, over a period up to a day and over the one before it."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from clvhelpers.errors import ConfigError
from clvhelpers.purchases import Day, PurchaseDays, purchase_days, rows_of
from clvhelpers.text import Cell, Format, Table, count, day, money, number, percent, plain, table

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

MOST_MONTHS = 120
COUNTS = ("customers", "orders per customer", "average order value")
METRICS = (*COUNTS, "customer value", "revenue", "repeat rate", "retention rate", "churn rate")


@dataclass(frozen=True, eq=False)
class KeyMetrics:
    """The answer of `key_metrics`: `frame` has a row for each metric, with `before`, `now`, and `change`.

    `change` is now / before - 1, but for a rate the difference of the two, since a rate is a share already.
    `start` to `end` is the period of `months` months, `orders` the purchase days in it. Money is missing where the
    log has no amounts, `before` where the log does not cover the period before; `covered` says whether it does.
    """

    start: dt.date
    end: dt.date
    months: int
    orders: int
    covered: bool
    frame: pd.DataFrame

    def now(self, metric: str) -> float:
        """A metric of the period by its name, such as "churn rate"; NaN where it can't be had."""
        return float(self.frame.set_index("metric")["now"][metric])

    def sentence(self, currency: str = "USD") -> str:
        """Who bought, how often and for how much, and how many came back."""
        words = (
            f"From {day(self.start)} to {day(self.end)}: {count(int(self.now('customers')), 'customer')} with "
            f"{number(self.now('orders per customer'), 2)} orders each"
        )
        if not np.isnan(self.now("revenue")):
            words += (
                f" of {money(self.now('average order value'), currency)}, so "
                f"{money(self.now('customer value'), currency)} a customer and "
                f"{money(self.now('revenue'), currency)} in all"
            )
        words += f". {percent(self.now('repeat rate'))} bought more than once."
        if not self.covered:
            return f"{words} The orders do not cover the {self.months} months before: no retention rate."
        kept = self.now("retention rate")
        return f"{words} Of the customers of the {self.months} months before, {percent(kept)} bought again."

    def table(self, currency: str = "USD") -> Table:
        """The metrics of both periods, each in its own unit."""
        looks = [_look(metric, currency) for metric in METRICS]
        changes = [_change_look(metric) for metric in METRICS]
        columns: dict[str, Any] = {"metric": self.frame["metric"]}
        columns |= {name: list(map(Cell, self.frame[name], looks)) for name in ("before", "now")}
        shown = pd.DataFrame({**columns, "change": list(map(Cell, self.frame["change"], changes))})
        caption = f"{self.months} months to {day(self.end)}, and the {self.months} before"
        return table(shown, caption, before=str, now=str, change=str)

    def plot(self) -> "Picture":
        """What moved revenue between the two periods: customers, orders for each, or money an order."""
        from clvhelpers.plots.metrics import what_moved

        return what_moved(self)


def key_metrics(
    transactions: Any,
    end: Day = None,
    months: int = 12,
    *,
    customer_id: str = "customer_id",
    date: str = "date",
    amount: str | None = "amount",
) -> KeyMetrics:
    """Customers, orders, money, repeat, retention and churn rate of the `months` months up to `end` and before.

    Takes a pandas, Polars or Spark frame or a DuckDB relation, one row an order or order line. `end` (default: the
    last date in the log) is counted whole. An order is a purchase day, as everywhere in this package.

    - orders per customer (purchase frequency): orders / customers who ordered in the period
    - average order value: revenue, less refunds, / orders
    - customer value: revenue / customers, so the product of the two
    - repeat rate: the share of the period's customers who ordered on two days or more of it
    - retention rate: the share of the customers of the period *before* who ordered in this one; churn rate: the rest

    Raises `DataContractError` for rows or columns that can't be used, `ConfigError` for wrong `months` or `end`.

    >>> from clvhelpers import load_cdnow
    >>> found = key_metrics(load_cdnow(), end="1998-06-30", months=6)
    >>> found.orders, round(found.now("average order value"), 2), round(found.now("churn rate"), 3)
    (1151, 37.24, 0.48)
    """
    if isinstance(months, bool) or not isinstance(months, int) or not 1 <= months <= MOST_MONTHS:
        raise ConfigError(f"months is {months!r}: give a whole number from 1 to {MOST_MONTHS}")
    days = purchase_days(transactions, end, {"customer_id": customer_id, "date": date, "amount": amount})
    after = pd.Timestamp(days.end) + pd.Timedelta(days=1)
    start, before = ((after - pd.DateOffset(months=times * months)).date() for times in (1, 2))
    covered = days.first <= before
    found = _counts(days, start, before)
    columns = {"before": _metrics(found, "before"), "now": _metrics(found, "now")}
    if not covered:
        columns["before"] = dict.fromkeys(METRICS, float("nan"))
        columns["now"] |= dict.fromkeys(["retention rate", "churn rate"], float("nan"))
    frame = pd.DataFrame(columns, index=pd.Index(METRICS, name="metric")).reset_index()
    ratio = frame["now"] / frame["before"].where(frame["before"] != 0) - 1
    frame["change"] = ratio.where(~frame["metric"].str.endswith("rate"), frame["now"] - frame["before"])
    return KeyMetrics(start, days.end, months, int(found["now_orders"]), covered, frame)


def _counts(days: PurchaseDays, start: dt.date, before: dt.date) -> dict[str, float]:
    """Orders, customers, repeaters and money of both periods, and who ordered in both."""
    when = {
        "now": nw.col("day") >= days.at(start),
        "before": (nw.col("day") >= days.at(before)) & (nw.col("day") < days.at(start)),
    }
    visits = {name: nw.when(test).then(nw.col("visit")) for name, test in when.items()}
    sums = {name: nw.col(name).count() for name in when}
    frame = days.frame.with_columns(**visits)
    if days.has_money:
        money_in = {f"{name}_money": nw.when(test).then(nw.col("money")).otherwise(0.0) for name, test in when.items()}
        frame = frame.with_columns(**money_in)
        sums |= {name: nw.col(name).sum() for name in money_in}
    customers = frame.group_by("customer_id").agg(**sums)
    tests = {f"{name}_customers": nw.col(name) > 0 for name in when}
    tests |= {f"{name}_repeaters": nw.col(name) > 1 for name in when}
    tests["kept"] = (nw.col("before") > 0) & (nw.col("now") > 0)
    flags = {name: nw.when(test).then(1).otherwise(0) for name, test in tests.items()}
    amounts = [f"{name}_money" for name in when] if days.has_money else []
    totals = customers.with_columns(**flags).select(
        **{f"{name}_orders": nw.col(name).sum() for name in when},
        **{name: nw.col(name).sum() for name in [*flags, *amounts]},
    )
    return {name: float(value) for name, value in rows_of(totals)[0].items()}


def _metrics(found: dict[str, float], period: str) -> dict[str, float]:
    customers, orders = found[f"{period}_customers"], found[f"{period}_orders"]
    revenue = round(found.get(f"{period}_money", float("nan")), 6)
    kept = _share(found["kept"], found["before_customers"]) if period == "now" else float("nan")
    values = (customers, _share(orders, customers), _share(revenue, orders), _share(revenue, customers), revenue)
    return dict(zip(METRICS, (*values, _share(found[f"{period}_repeaters"], customers), kept, 1 - kept), strict=True))


def _look(metric: str, currency: str) -> Format:
    """How a metric is written."""
    if metric.endswith("rate"):
        return percent
    if metric == "customers":
        return number
    if metric == "orders per customer":
        return lambda value: number(value, 2)
    return lambda value: money(value, currency)


def _change_look(metric: str) -> Format:
    if metric.endswith("rate"):
        return lambda value: f"{plain(100 * value, '+.1f')} points"
    return lambda value: percent(value, signed=True)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
