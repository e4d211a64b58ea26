"""A number for each goal that a company can have with a segment: win, sell, own, please, keep, earn.

Each number has its unit, what it was divided by, and an interval; where the data do not allow one, it is
not there, and the answer says what would be needed.

| goal | metric | numerator / denominator | interval (95 %) |
|---|---|---|---|
| acquisition | acquisition rate | first purchases in the time / customers won before it | Garwood's, of a count |
| penetration | share that bought | bought in the time / customers won by its end | Wilson |
| penetration | market penetration | bought in the time / people in the market | Wilson |
| share of wallet | share of wallet | spent here / spent in all shops, in whole years, by those asked | of a ratio |
| satisfaction | mean score; net promoter score | last answer of each / customers who answered | of a mean |
| churn | churn (`spells`) | not there at the end / there the day before the start | Wilson |
| churn | lapse (no `spells`) | did not buy in it / bought in as long a time before | Wilson |
| profit | profit per customer | margin less cost to serve / customers won by the end | of a mean |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.cohorts.interval import wilson_interval
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.purchases import Day, as_day
from clvhelpers.segments.activity import Span, customers_in, running_on, yearly_spend
from clvhelpers.segments.separation import NOT_KNOWN, Z_95
from clvhelpers.text import count, day

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

GOALS = ("acquisition", "penetration", "share of wallet", "satisfaction", "churn", "profit")
ALL = "all customers"
PROMOTER, DETRACTOR = 9, 6
COLUMNS = ["segment", "goal", "metric", "value", "low", "high", "unit", "numerator", "denominator", "per"]
_NEEDS = {
    "service": ["customer_id", "month", "cost"],
    "satisfaction": ["customer_id", "date", "score"],
    "outside_spend": ["customer_id", "year", "category_spend"],
    "spells": ["customer_id", "start_date", "end_date"],
}


@dataclass(frozen=True)
class _Metric:
    """A metric of one goal: `parts` has `top` and `bottom` by customer; `kind` says how its interval is made.

    `sizes` are denominators by segment, where they are not made of customers.
    """

    goal: str
    name: str
    unit: str
    per: str
    kind: str
    parts: pd.DataFrame
    sizes: Mapping[str, float] | None = None


@dataclass(frozen=True, eq=False)
class Goals:
    """The answer of `segment_goals`: `frame` with a row a segment and metric, `missing` with a sentence a goal."""

    frame: pd.DataFrame
    missing: Mapping[str, str]
    span: Span

    def wide(self, column: str = "value") -> pd.DataFrame:
        """One row a segment and one column a metric, in the order of the goals."""
        names = self.frame["metric"].unique().tolist()
        rows = self.frame["segment"].unique().tolist()
        return self.frame.pivot(index="segment", columns="metric", values=column).loc[rows, names]

    def sentence(self) -> str:
        """Where segments differ for sure in profit or, without it, in the last metric; and what is missing."""
        metric = self.frame["metric"].iloc[-1]
        rows = self.frame[self.frame["metric"] == metric].dropna(subset="value")
        rows = rows[~rows["segment"].isin([ALL, NOT_KNOWN])]
        words = f"From {day(self.span.start)} to {day(self.span.end)}"
        if len(rows) < 2:
            words += f" {metric} is known for {count(len(rows), 'segment')}: nothing to compare."
        else:
            best, worst = rows.iloc[int(rows["value"].argmax())], rows.iloc[int(rows["value"].argmin())]
            apart = "their intervals do not overlap" if best["low"] > worst["high"] else "their intervals overlap"
            words += f" {metric} is highest for {best['segment']} and lowest for {worst['segment']}, and {apart}."
        return " ".join([words, *self.missing.values()])

    def plot(self) -> "Picture":
        """Each metric by segment, with its interval and the value of all customers."""
        from clvhelpers.plots.goals import goal_panels

        return goal_panels(self)


@dataclass(frozen=True, eq=False)
class GoalTables:
    """What is known beside the orders, each a pandas frame or None; columns are those of Harbor & Pine and Lumen.

    `service`: `customer_id, month, cost`; `satisfaction`: `customer_id, date, score` (0 to 10);
    `outside_spend`: `customer_id, year, category_spend` (with all shops, ours included); `spells`:
    `customer_id, start_date, end_date` (missing while it runs). `market`: people in the market by segment.
    """

    service: pd.DataFrame | None = None
    satisfaction: pd.DataFrame | None = None
    outside_spend: pd.DataFrame | None = None
    spells: pd.DataFrame | None = None
    market: Mapping[str, float] = field(default_factory=dict)


def segment_goals(
    segments: pd.Series,
    transactions: Any,
    start: Day,
    end: Day,
    *,
    tables: GoalTables | None = None,
    gross_margin: float | None = None,
) -> Goals:
    """What each segment does for each goal in the time from `start` to `end`, both included: the table of this module.

    `segments` is a label by `customer_id`, made before `start` if it is to mean anything; who has none is in the
    segment "not known". `transactions` is a clean log of any engine, with `customer_id`, `date` and, for money,
    `amount`; with `cost` the profit is exact, else `gross_margin` (a share of revenue) makes it.

    `frame`: `segment, goal, metric, value, low, high, unit, numerator, denominator, per` (words for the
    denominator), with a segment "all customers". A value without a denominator is missing. Acquisition cost is
    not in the profit. Intervals of means are mean ± 1.96 standard errors and want some 30 customers.

    Raises `DataContractError` for tables without the columns they need, `ConfigError` for a time that ends before
    it starts or a market smaller than its customers, `NotEnoughDataError` where the log has nothing by `end`.

    >>> from clvhelpers import load_cdnow
    >>> log = load_cdnow()
    >>> half = pd.Series("odd", index=pd.Index(log["customer_id"].unique(), name="customer_id"))
    >>> half[half.index.str[-1].isin(list("02468"))] = "even"
    >>> goals = segment_goals(half, log, "1998-01-01", "1998-06-30", gross_margin=0.4)
    >>> goals.wide().round(3).loc["even"].to_dict()
    {'acquisition rate': 0.0, 'share that bought': 0.205, 'lapse': 0.503, 'profit per customer': 7.124}
    """
    known = tables or GoalTables()
    _check(segments, known, gross_margin)
    span = _span(start, end)
    people, first = customers_in(transactions, span)
    everybody = people.index.union(segments.index)
    labels = segments.reindex(everybody).astype(object)
    labels = labels.where(labels.notna(), NOT_KNOWN)
    missing: dict[str, str] = {}
    metrics = [
        _acquisition(people),
        *_penetration(people, known, labels, missing),
        *_wallet(transactions, known, span, missing),
        *_satisfaction(known, span, missing),
        *_churn(people, known, span, first, missing),
        *_profit(people, known, span, gross_margin, missing),
    ]
    rows = [row for metric in metrics for row in _rows(metric, labels)]
    return Goals(pd.DataFrame(rows, columns=COLUMNS), missing, span)


def _acquisition(people: pd.DataFrame) -> _Metric:
    parts = pd.DataFrame({"top": people["new"], "bottom": ~people["new"]})
    return _Metric("acquisition", "acquisition rate", "new for each old customer", "customers before", "count", parts)


def _penetration(people: pd.DataFrame, known: GoalTables, labels: pd.Series, missing: dict[str, str]) -> list[_Metric]:
    parts = pd.DataFrame({"top": people["bought"], "bottom": True})
    found = [_Metric("penetration", "share that bought", "share", "customers", "share", parts)]
    if not known.market:
        missing["penetration"] = (
            "Market penetration needs the number of people in the market, by segment: no table has it."
        )
        return found
    buyers = people["bought"].groupby(labels.reindex(people.index)).sum()
    small = [str(name) for name, size in known.market.items() if not size >= max(1, buyers.get(name, 0))]
    if small:
        raise ConfigError([f"the market of segment {name!r} must be at least its buyers, and 1" for name in small])
    whole = sum(known.market.values()) if set(labels) <= set(known.market) else np.nan
    sizes = {**known.market, ALL: whole}
    per = "people in the market"
    return [*found, _Metric("penetration", "market penetration", "share", per, "share", parts, sizes)]


def _wallet(transactions: Any, known: GoalTables, span: Span, missing: dict[str, str]) -> list[_Metric]:
    goal = "share of wallet"
    if known.outside_spend is None:
        missing[goal] = "Share of wallet needs what customers spend with other shops: a survey, and there is none."
        return []
    asked = known.outside_spend[known.outside_spend["year"].isin(span.whole_years())]
    if asked.empty:
        missing[goal] = "Share of wallet needs a survey of a whole year within the time, and there is none."
        return []
    spent = yearly_spend(transactions, span)
    if spent is None:
        missing[goal] = "Share of wallet needs amounts, and the log has none."
        return []
    keys = pd.MultiIndex.from_frame(asked[["customer_id", "year"]])
    parts = pd.DataFrame({"top": spent.reindex(keys).fillna(0.0).to_numpy(), "bottom": asked["category_spend"]})
    parts = parts.astype(float).groupby(asked["customer_id"]).sum()
    return [_Metric(goal, goal, "share", "money spent in all shops by those asked", "ratio", parts)]


def _satisfaction(known: GoalTables, span: Span, missing: dict[str, str]) -> list[_Metric]:
    goal = "satisfaction"
    if known.satisfaction is None:
        missing[goal] = "Satisfaction needs answers of customers, and there are none."
        return []
    dates = pd.to_datetime(known.satisfaction["date"])
    inside = known.satisfaction[(dates >= span.start) & (dates < span.after)]
    if inside.empty:
        missing[goal] = "Nobody was asked about satisfaction in this time."
        return []
    last = inside.sort_values(["date", "score"], kind="stable").groupby("customer_id")["score"].last().astype(float)
    promoters = (last >= PROMOTER).astype(float) - (last <= DETRACTOR)
    per = "customers who answered"
    return [
        _Metric(goal, "mean score", "points from 0 to 10", per, "mean", _of_each(last)),
        _Metric(goal, "net promoter score", "points from -100 to 100", per, "mean", _of_each(100 * promoters)),
    ]


def _churn(
    people: pd.DataFrame, known: GoalTables, span: Span, first: pd.Timestamp, missing: dict[str, str]
) -> list[_Metric]:
    if known.spells is not None:
        there = running_on(known.spells, span.start - pd.Timedelta(days=1))
        still = running_on(known.spells, span.end)
        parts = pd.DataFrame({"top": ~there.isin(still), "bottom": True}, index=there)
        return [_Metric("churn", "churn", "share", "customers there the day before", "share", parts)]
    missing["churn"] = (
        "Churn can't be seen where nobody gives notice: lapse is who bought in as long a time before and not in this "
        "one, and some of them come back."
    )
    if first > span.before:
        missing["churn"] = f"Lapse needs orders from {day(span.before)} on, and the log begins on {day(first)}."
        return []
    parts = pd.DataFrame({"top": people["earlier"] & ~people["bought"], "bottom": people["earlier"]})
    return [_Metric("churn", "lapse", "share", "customers who bought in the time before", "share", parts)]


def _profit(
    people: pd.DataFrame, known: GoalTables, span: Span, gross_margin: float | None, missing: dict[str, str]
) -> list[_Metric]:
    if "cost" in people:
        margin = people["money"] - people["cost"]
    elif "money" in people and gross_margin is not None:
        margin = gross_margin * people["money"]
    else:
        missing["profit"] = "Profit needs amounts, and the cost of goods or a gross margin."
        return []
    if known.service is None:
        missing["profit"] = "Profit is before the cost to serve, which no table has."
    else:
        months = pd.to_datetime(known.service["month"])
        inside = known.service[(months >= span.start) & (months < span.after)]
        spent = inside.groupby("customer_id")["cost"].sum()
        margin = margin - spent.reindex(margin.index).fillna(0.0)
    return [_Metric("profit", "profit per customer", "money", "customers", "mean", _of_each(margin))]


def _of_each(values: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"top": values, "bottom": True})


def _rows(metric: _Metric, labels: pd.Series) -> list[dict[str, Any]]:
    own = labels.reindex(metric.parts.index)
    groups = dict(iter(metric.parts.astype(float).groupby(own.where(own.notna(), NOT_KNOWN))))
    empty = metric.parts.iloc[:0].astype(float)
    named = [(str(name), groups.get(name, empty)) for name in sorted(labels.unique(), key=str)]
    rows = []
    for name, parts in [*named, (ALL, metric.parts.astype(float))]:
        top, bottom = parts["top"].sum(), parts["bottom"].sum()
        if metric.sizes is not None:
            bottom = metric.sizes.get(name, np.nan)
        value, low, high = _estimate(metric.kind, parts, top, bottom)
        words = {"goal": metric.goal, "metric": metric.name, "unit": metric.unit, "per": metric.per}
        numbers = {"value": value, "low": low, "high": high, "numerator": top, "denominator": bottom}
        rows.append({"segment": name, **words, **numbers})
    return rows


def _estimate(kind: str, parts: pd.DataFrame, top: float, bottom: float) -> tuple[float, float, float]:
    from clvhelpers.churn.hazards import rate_interval

    if not bottom > 0:
        return np.nan, np.nan, np.nan
    value = top / bottom
    if kind == "share":
        low, high = wilson_interval(value, bottom)
        return value, float(low), float(high)
    if kind == "count":
        low, high = rate_interval(np.array([top]), np.array([bottom]))
        return value, float(low[0]), float(high[0])
    counted = parts[parts["bottom"] > 0]
    n = len(counted)
    if n < 2:
        return value, np.nan, np.nan
    rest = counted["top"] - value * counted["bottom"]  # of a mean and of a ratio alike: its linear form
    error = float(np.sqrt((rest**2).sum() / (n - 1) * n)) / bottom
    return value, value - Z_95 * error, value + Z_95 * error


def _span(start: Day, end: Day) -> Span:
    first, last = as_day(start, "start"), as_day(end, "end")
    if first is None or last is None or first > last:
        raise ConfigError(f"the time from {first} to {last} has no day: give a start and an end, in this order")
    return Span(pd.Timestamp(first), pd.Timestamp(last))


def _check(segments: pd.Series, known: GoalTables, gross_margin: float | None) -> None:
    problems = []
    for name, needed in _NEEDS.items():
        table = getattr(known, name)
        lacking = [] if table is None else [column for column in needed if column not in table]
        if lacking:
            problems.append(f"the table {name} lacks {lacking}; it needs {needed}")
    if not segments.index.is_unique:
        again = segments.index[segments.index.duplicated()][0]
        problems.append(f"customer {again!r} has more than one segment: give one label a customer")
    if problems:
        raise DataContractError(problems)
    if segments.empty:
        raise NotEnoughDataError("there is no customer with a segment; give a label by customer_id")
    if gross_margin is not None and not 0 <= gross_margin <= 1:
        raise ConfigError(f"gross_margin is {gross_margin}: give a share of revenue, such as 0.4 for 40 %")
