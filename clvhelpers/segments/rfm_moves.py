"""Moves between RFM groups, beside those to expect of customers who have not changed.

The BG/NBD model: each customer buys at random at a rate of their own, and leaves after a purchase with a chance of
their own. What it expects of the next period is simulated, from what each customer has done so far.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from clvhelpers.customers import customer_summary, to_pandas
from clvhelpers.errors import ConfigError
from clvhelpers.models import BetaGeoModel
from clvhelpers.purchases import Day, PurchaseDays, as_day, as_frame, purchase_days
from clvhelpers.segments.groups import rfm_groups
from clvhelpers.segments.maps import default_groups
from clvhelpers.segments.migration import ABSENT, Migration, migration
from clvhelpers.segments.rfm import rfm_scores, typical_gap

LEAST = 0.5  # of a customer, in each cell: what did not happen in a few simulated futures is not impossible


def rfm_migration(
    transactions: Any,
    before: Day,
    after: Day,
    groups: pd.DataFrame | None = None,
    *,
    amount: str | None = "amount",
    draws: int = 20,
    seed: int = 0,
) -> Migration:
    """Moves between RFM groups at two days, beside those of a base in which nothing changed.

    `transactions` is a log of any engine with `customer_id`, `date` and an amount (or `amount=None`). A customer is
    scored on the day `after` by the orders since `before`, and on the day `before` by those of as many days up to
    it: two periods of equal length, so that F can fall as well as rise. The usual gap is that of `before`, for both.
    Without an order in a period a customer is "absent". `groups` is a map such as `default_groups()`, by R and F.

    Expected are the moves when each customer buys on at their own pace and leaves as the BG/NBD model fitted to the
    log up to `before` says: the mean of `draws` simulated futures. What is left over is what the model does not
    know: a season, a promotion, better or worse service. New customers have no expectation.

    Raises `ConfigError` for wrong days or a map that looks at money, and as `BetaGeoModel.fit` does where the log
    up to `before` is too short for a model.

    >>> from clvhelpers import load_cdnow
    >>> moves = rfm_migration(load_cdnow(), "1997-09-30", "1998-06-30")
    >>> f"{moves.shares.loc['Champions', 'Champions']:.3f} {moves.expected.loc['Champions', 'Champions']:.3f}"
    '0.314 0.333'
    """
    first, last = _two_days(before, after)
    table = _without_money(default_groups() if groups is None else groups)
    days = purchase_days(transactions, last, {"customer_id": "customer_id", "date": "date", "amount": amount})
    summary = _summary(transactions, first, amount)
    scale = _Scale(typical_gap(summary) * 7, (last - first).days, table)
    known = pd.Index(summary["customer_id"])
    then = scale.groups(_orders(days, first, scale.days)).reindex(known, fill_value=ABSENT)
    now = scale.groups(_orders(days, last, scale.days))
    gone = pd.Series(ABSENT, index=known.difference(now.index))
    expected = _expected(summary, then, scale, draws, np.random.default_rng(seed))
    return migration(then, pd.concat([now, gone]), list(dict.fromkeys(table["group"])), expected)


@dataclass(frozen=True, eq=False)
class _Scale:
    """What stays fixed between two periods: the usual gap and the length of a period, in days, and the map."""

    gap: float
    days: int
    table: pd.DataFrame

    def groups(self, orders: pd.DataFrame) -> pd.Series:
        """The group of each customer, from `orders` in a period and `since` the last of them, by customer id."""
        rows = orders.reset_index(names="customer_id").assign(recency=0.0)
        rows = rows.assign(frequency=rows["orders"] - 1, T=rows["since"].astype(float))
        return rfm_groups(rfm_scores(rows, gap=self.gap), self.table).labels.set_axis(orders.index)


def _two_days(before: Day, after: Day) -> tuple[dt.date, dt.date]:
    first, last = as_day(before, "before"), as_day(after, "after")
    if first is None or last is None or not first < last:
        raise ConfigError(f"before is {before} and after is {after}: give two days, the earlier one first")
    return first, last


def _without_money(table: pd.DataFrame) -> pd.DataFrame:
    if ((table["m_min"] > 1) | (table["m_max"] < 5)).any():
        raise ConfigError(
            "this map looks at money (M), and what moves to expect there takes a model of spend too: use a map by R "
            "and F, such as default_groups(), or give labels of your own to migration()"
        )
    return table


def _summary(transactions: Any, end: dt.date, amount: str | None) -> pd.DataFrame:
    summary = as_frame(customer_summary(transactions, end, "W", amount=amount), "the summary")
    rows = to_pandas(summary.select("customer_id", "frequency", "recency", "T"))
    return rows.sort_values("customer_id", ignore_index=True)


def _orders(days: PurchaseDays, end: dt.date, length: int) -> pd.DataFrame:
    """Orders of the `length` days up to `end` and days since the last, of customers who have any, by id."""
    start = days.at(end - dt.timedelta(days=length))
    inside = days.frame.filter(nw.col("visit") > start, nw.col("visit") <= days.at(end))
    found = to_pandas(inside.group_by("customer_id").agg(orders=nw.col("visit").count(), last=nw.col("visit").max()))
    since = (pd.Timestamp(end) - pd.to_datetime(found["last"])).dt.days
    return found.assign(since=since).set_index("customer_id")[["orders", "since"]].sort_index()


def _expected(
    summary: pd.DataFrame, then: pd.Series, scale: _Scale, draws: int, rng: np.random.Generator
) -> pd.DataFrame:
    """The mean share of each group of before in each group afterwards, over simulated futures."""
    if draws < 1:
        raise ConfigError(f"draws is {draws}: expected 1 or more simulated futures")
    model = BetaGeoModel("W").fit(summary)
    futures = [scale.groups(_play(model, summary, scale.days, rng)) for _ in range(draws)]
    after = pd.concat([future.reindex(then.index, fill_value=ABSENT) for future in futures])
    before = np.tile(then.to_numpy(), draws)
    counts = pd.crosstab(before, after.to_numpy()) + LEAST
    return counts.div(counts.sum(axis="columns"), axis="index")


def _play(model: BetaGeoModel, summary: pd.DataFrame, days: int, rng: np.random.Generator) -> pd.DataFrame:
    """One possible future: orders in the next `days` and days since the last, of those who have any.

    It is the story of the model with each customer's own past taken in; times are rounded up to days.
    """
    there = summary[rng.random(len(summary)) < model.expected_probability_alive(summary).to_numpy()]
    bought = model.only_kind().play(rng, there["frequency"].to_numpy(), there["T"].to_numpy(), days / 7)
    visits = pd.DataFrame({"customer_id": there["customer_id"].to_numpy()[bought.customer]})
    visits["day"] = np.clip(np.ceil(7 * bought.time).astype(int), 1, days)
    orders = visits.drop_duplicates().groupby("customer_id")["day"].agg(["size", "max"])
    return pd.DataFrame({"orders": orders["size"], "since": days - orders["max"]})
