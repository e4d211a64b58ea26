"""Cohorts by channel, by category or by any other column: a table for each group of customers."""

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from clvhelpers.cohorts.table import CohortTable, check_options, retention_at, table_of
from clvhelpers.cohorts.zones import in_zone
from clvhelpers.errors import ConfigError, DataContractError, LeftTruncationWarning, NotEnoughDataError
from clvhelpers.purchases import Day, Frame, PurchaseDays, as_frame, purchase_days, rows_of
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

MOST_GROUPS = 12
NOT_STATED = "not stated"


@dataclass(frozen=True, eq=False)
class CohortGroups:
    """A cohort table for each group of customers.

    `tables` has the `CohortTable` of each group by name; `by` is the column. Each customer belongs to one group
    for good. `too_young` says of groups without a table why; `ungrouped_revenue` is money of customers who never
    bought.
    """

    by: str
    tables: dict[str, CohortTable]
    too_young: dict[str, str]
    ungrouped_revenue: float | None

    @property
    def frame(self) -> pd.DataFrame:
        """The frames of all tables below each other, with the group as the first column, named as `by`."""
        return self._together({name: table.frame for name, table in self.tables.items()})

    def average(self, how: str = "pooled", level: float = 0.95) -> pd.DataFrame:
        """`CohortTable.average` of each group, with the group as the first column, named as `by`."""
        return self._together({name: table.average(how, level) for name, table in self.tables.items()})

    def sentence(self) -> str:
        """Retention of each group at one age, the highest first, with its definition."""
        any_table = next(iter(self.tables.values()))
        age = self._told_age()
        notes = [f"Customers are grouped by {self.by} of the first purchase; retention is {any_table.definition}."]
        if age is None:
            notes.append(f"In no two groups is a cohort old enough for {any_table.step} 1 yet.")
        else:
            average = self.average()
            rows = average[average["age"] == age].sort_values("retention", ascending=False, kind="stable")
            told = [
                f"{row[self.by]} {percent(row['retention'])} ({percent(row['low'])} to {percent(row['high'])}; "
                f"{count(row['customers'], 'customer')})"
                for row in rows.to_dict("records")
            ]
            notes.append(
                f"At {any_table.step} {age} it was: {', '.join(told)}; in brackets {percent(0.95, 0)} intervals."
            )
        notes += [f"There is no table for {name}: {reason}." for name, reason in self.too_young.items()]
        return " ".join(notes)

    def plot(self) -> "Picture":
        """Average retention by age, a line a group."""
        from clvhelpers.plots.cohort_groups import retention_by_group

        return retention_by_group(self)

    def _told_age(self) -> int | None:
        """The oldest of a few ages that at least two groups have reached."""
        reached = [
            [age for age, share in retention_at(table).items() if share is not None] for table in self.tables.values()
        ]
        ages = [age for ages in reached for age in ages]
        return max((age for age in ages if ages.count(age) > 1), default=None)

    def _together(self, frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
        return pd.concat(frames, names=[self.by]).reset_index(level=0).reset_index(drop=True)


def cohorts_by(
    transactions: Any,
    by: str,
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
) -> CohortGroups:
    """The cohort triangles of each group of customers; options are those of `cohort_table`.

    `by` is a column of the log, such as a channel or a category. A customer's group is what it holds at their
    first purchase; where that has several values (an order of two categories), the one with the most money, then
    the first in alphabetical order. All later purchases count, whatever they hold, so that groups add up to the
    whole. Rows without a value are the group "not stated".

    Raises DataContractError where there is no such column, ConfigError for more than 12 groups,
    NotEnoughDataError where no group has a complete period.

    >>> from clvhelpers import load_cdnow
    >>> log = load_cdnow().assign(price=lambda log: (log["amount"] > 20).map({True: "high", False: "low"}))
    >>> found = cohorts_by(log, "price", end="1998-06-30")
    >>> {name: round(retention_at(table, [3])[3], 3) for name, table in found.tables.items()}
    {'high': 0.106, 'low': 0.081}
    """
    check_options(period, mode, kind)
    if isinstance(transactions, PurchaseDays):
        raise DataContractError("purchase days have no column to group by: give the log itself (log.transactions)")
    columns = {"customer_id": customer_id, "date": date, "amount": amount}
    transactions = in_zone(transactions, date, timezone)
    days = purchase_days(transactions, end, columns).kept()
    names = _group_names(as_frame(transactions, "the transaction log"), by, columns, days)
    frame = days.frame.join(names, on="customer_id", how="left")
    groups = _listed(names, by)
    tables, too_young = {}, {}
    for group in groups:
        part = replace(days, frame=frame.filter(nw.col("group") == group))
        try:
            tables[group] = table_of(part, period, mode, kind, keep_incomplete, drop_left_truncated)
        except NotEnoughDataError as problem:
            too_young[group] = str(problem)
    if not tables:
        raise NotEnoughDataError([f"{by} {group}: {reason}" for group, reason in too_young.items()])
    _warn_of_old_customers(by, tables)
    return CohortGroups(by, tables, too_young, _money_without_group(frame) if days.has_money else None)


def _listed(names: Any, by: str) -> list[str]:
    """The groups by name, if they are few enough to be told apart."""
    groups = sorted(row["group"] for row in rows_of(names.select("group").unique()))
    if len(groups) > MOST_GROUPS:
        raise ConfigError(
            f"by={by!r} has {len(groups):,} groups: at most {MOST_GROUPS} can be told apart; take a coarser column, "
            "such as a channel or a category"
        )
    return groups


def _group_names(log: Frame, by: str, columns: dict[str, str | None], days: PurchaseDays) -> Any:
    """One row a customer who bought: `customer_id, group`."""
    schema = log.collect_schema()
    if by not in schema:
        raise DataContractError(f"no column {by!r} to group by: the log has {', '.join(map(repr, schema.names()))}")
    customer, date, amount = (columns[name] or "" for name in ("customer_id", "date", "amount"))
    rows: Any = log.filter(nw.col(amount) >= 0) if days.has_money else log
    if "kind" in schema:
        rows = rows.filter(nw.col("kind") != "refund")
    rows = rows.select(
        nw.col(customer).alias("customer_id"),
        nw.col(date).alias("date"),
        nw.col(by).cast(nw.String).fill_null(NOT_STATED).alias("group"),
        (nw.col(amount) if days.has_money else nw.lit(0.0)).cast(nw.Float64).alias("money"),
    )
    first = rows.group_by("customer_id").agg(nw.col("date").min().alias("first"))
    rows = rows.join(first, on="customer_id", how="left").filter(nw.col("date") == nw.col("first"))
    money = rows.group_by("customer_id", "group").agg(nw.col("money").sum())
    top = money.group_by("customer_id").agg(nw.col("money").max().alias("top"))
    chosen = money.join(top, on="customer_id", how="left").filter(nw.col("money") >= nw.col("top"))
    return chosen.group_by("customer_id").agg(nw.col("group").min())


def _money_without_group(frame: Any) -> float:
    rest = rows_of(frame.filter(nw.col("group").is_null()).select(nw.col("money").sum()))
    return float(rest[0]["money"] or 0.0) if rest else 0.0


def _warn_of_old_customers(by: str, tables: dict[str, CohortTable]) -> None:
    old = [name for name, table in tables.items() if table.left_truncated is not None and not table.dropped]
    if old:
        warnings.warn(
            f"In {number(len(old))} of {number(len(tables))} groups by {by} ({', '.join(old)}) the first cohort stays "
            "far more often than the others: it probably holds customers from before the log began. "
            "drop_left_truncated=True leaves it out.",
            LeftTruncationWarning,
            stacklevel=3,
        )
