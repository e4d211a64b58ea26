"""Figures of the first lessons: the past against the future, and the way from revenue to profit."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator

from clvhelpers.plots.look import BLUE, COLOURS, GREEN, GREY, ORANGE, SKY, Picture, canvas, money_axis, title
from clvhelpers.text import money, percent

_LOOKS = {
    "neither": ("in neither", GREY, "."),
    "future_only": ("best from now on only", GREEN, "^"),
    "past_only": ("best so far only", ORANGE, "s"),
    "both": ("best by both", BLUE, "o"),
}
_TICKS = (10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000)


def past_against_future(past: pd.Series, future: pd.Series, top: int, currency: str = "USD") -> Picture:
    """Every customer as a point: money so far against money to come, with the `top` best by each.

    `past` and `future` have one value a customer (money, 0 or more) and the same index; of equal values
    the first counts as better. Both axes are square roots, so that 0 and the many small values show too.

    >>> past_against_future(pd.Series([90, 80, 10]), pd.Series([0, 70, 50]), top=2).alt[:66]
    'Each customer as a point, revenue so far against true future value'
    """
    group = _top_groups(past, future, top)
    counts = group.value_counts().reindex(list(_LOOKS), fill_value=0)
    finding = f"{counts['past_only']:,} of the {top:,} best so far are not among the {top:,} best from now on"
    with canvas(figsize=(5.8, 4.4)) as (figure, axes):
        for name, (label, colour, marker) in _LOOKS.items():
            chosen = group == name
            label = f"{label} ({counts[name]:,})"
            axes.scatter(
                past[chosen], future[chosen], s=24, c=colour, marker=marker, linewidths=0, label=label, clip_on=False
            )
        _square_root_axes(axes, currency)
        axes.set_xlabel("revenue so far")
        axes.set_ylabel("true future value")
        figure.legend(loc="outside lower center", ncols=2, markerscale=1.5)
        title(axes, finding)
    return Picture(figure, f"Each customer as a point, revenue so far against true future value. {finding}.")


def _top_groups(past: pd.Series, future: pd.Series, top: int) -> pd.Series:
    by_past = past.index.isin(past.nlargest(top).index)
    by_future = future.index.isin(future.nlargest(top).index)
    names = np.select([by_past & by_future, by_past, by_future], ["both", "past_only", "future_only"], "neither")
    return pd.Series(names, index=past.index)


def _square_root_axes(axes: Axes, currency: str) -> None:
    functions = (lambda values: np.sqrt(np.clip(values, 0, None)), np.square)
    axes.set_xscale("function", functions=functions)
    axes.set_yscale("function", functions=functions)
    for axis, highest in ((axes.xaxis, axes.dataLim.xmax), (axes.yaxis, axes.dataLim.ymax)):
        ticks = _spread_ticks(highest)
        axis.set_ticks(ticks, [money(tick, currency, decimals=0) for tick in ticks])
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)


def _spread_ticks(highest: float) -> list[int]:
    """Round amounts up to the highest, each far enough from the one before for its label.

    >>> _spread_ticks(4_000)
    [0, 50, 250, 500, 1000, 2500]
    """
    ticks = [0]
    for tick in _TICKS:
        if tick <= highest and tick**0.5 - ticks[-1] ** 0.5 > 0.07 * highest**0.5:
            ticks.append(tick)
    return ticks


def running_revenue(orders: pd.DataFrame, currency: str = "USD") -> Picture:
    """What each customer has spent up to each day: a step a purchase.

    `orders`: one row an order with `customer_id`, `date` and `amount`; a handful of customers.

    >>> orders = pd.DataFrame({"customer_id": ["Ann"], "date": pd.to_datetime(["2024-01-15"]), "amount": [50.0]})
    >>> running_revenue(orders).alt
    'Revenue to date, a line a customer. Ann ends at $50.00 after 1 order.'
    """
    orders = orders.sort_values("date", kind="stable")
    totals = orders.groupby("customer_id", sort=True)["amount"].agg(["sum", "size"])
    ends = [f"{name} ends at {money(row['sum'], currency)}" for name, row in totals.iterrows()]
    until = orders["date"].max() + pd.Timedelta(days=60)
    with canvas() as (figure, axes):
        for colour, (name, own) in zip(COLOURS, orders.groupby("customer_id", sort=True), strict=False):
            dates = [*own["date"], until]
            running = own["amount"].cumsum().tolist()
            axes.step(dates, [*running, running[-1]], where="post", color=colour, linewidth=2)
            axes.annotate(f" {name}", (dates[-1], running[-1]), color=colour, va="center", fontweight="bold")
        axes.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=6))
        money_axis(axes.yaxis, currency)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("revenue to date")
        title(axes, "; ".join(ends))
    counts = ["1 order" if orders == 1 else f"{orders:.0f} orders" for orders in totals["size"]]
    texts = [f"{end} after {count}" for end, count in zip(ends, counts, strict=True)]
    return Picture(figure, f"Revenue to date, a line a customer. {'; '.join(texts)}.")


def revenue_margin_profit(accounts: pd.DataFrame, currency: str = "USD") -> Picture:
    """Revenue, margin and profit side by side for each customer (the index), which may be a loss.

    >>> accounts = pd.DataFrame({"revenue": [50.0], "margin": [20.0], "profit": [-3.0]}, index=["Ann"])
    >>> revenue_margin_profit(accounts).alt
    'Bars a customer: revenue, margin, profit. Most revenue: Ann; most profit: Ann. Ann: $50.00, $20.00, -$3.00.'
    """
    columns = ["revenue", "margin", "profit"]
    finding = f"Most revenue: {accounts['revenue'].idxmax()}; most profit: {accounts['profit'].idxmax()}"
    place = np.arange(len(accounts))
    with canvas() as (figure, axes):
        for offset, (column, colour) in enumerate(zip(columns, (SKY, BLUE, GREEN), strict=True)):
            bars = axes.bar(place + 0.27 * (offset - 1), accounts[column], 0.25, color=colour, label=column)
            axes.bar_label(bars, [money(value, currency, decimals=0) for value in accounts[column]], padding=2)
        axes.axhline(0, color=GREY, linewidth=1)
        axes.set_xticks(place, accounts.index)
        money_axis(axes.yaxis, currency)
        axes.margins(y=0.15)
        axes.legend(ncols=3)
        title(axes, finding)
    texts = [
        f"{name}: {', '.join(money(row[column], currency) for column in columns)}" for name, row in accounts.iterrows()
    ]
    return Picture(figure, f"Bars a customer: {', '.join(columns)}. {finding}. {'; '.join(texts)}.")


def past_and_next(groups: pd.DataFrame, currency: str = "USD") -> Picture:
    """Mean revenue of groups of customers before a day and after it, best group by the past first.

    `groups`: one row a group (the index names it) with `past` and `next`, in money a customer.

    >>> past_and_next(pd.DataFrame({"past": [300.0, 20.0], "next": [150.0, 10.0]}, index=["1st", "2nd"])).alt
    'Bars a group, revenue a customer before and after. 1st: $300.00, then $150.00; 2nd: $20.00, then $10.00.'
    """
    first, share = groups.index[0], groups["next"].iloc[0] / groups["past"].iloc[0]
    place = np.arange(len(groups))
    with canvas() as (figure, axes):
        axes.bar(place - 0.2, groups["past"], 0.38, color=SKY, label="before")
        axes.bar(place + 0.2, groups["next"], 0.38, color=BLUE, label="after")
        axes.set_xticks(place, [str(name).replace(" ", "\n") for name in groups.index])
        money_axis(axes.yaxis, currency)
        axes.set_xlabel("customers grouped by what they spent before")
        axes.set_ylabel("mean revenue a customer")
        axes.legend()
        title(axes, f"The {first} spent {percent(share, 0)} as much afterwards as before")
    texts = [
        f"{name}: {money(row['past'], currency)}, then {money(row['next'], currency)}"
        for name, row in groups.iterrows()
    ]
    return Picture(figure, f"Bars a group, revenue a customer before and after. {'; '.join(texts)}.")
