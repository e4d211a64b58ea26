"""Figures about revenue and orders in time."""

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from clvhelpers.plots.look import BLUE, GREY, ORANGE, Picture, canvas, money_axis, number_axis, title
from clvhelpers.text import Format, money, number, percent, period


def revenue_over_time(periods: pd.DataFrame, currency: str = "USD") -> Picture:
    """Revenue of each period of `orders_over_time`; an incomplete period is drawn pale and left out of the finding."""
    show = partial(money, currency=currency, decimals=0)
    with canvas(figsize=(5.8, 3.3)) as (figure, axes):
        places = np.arange(len(periods))
        colours = [BLUE if complete else GREY for complete in periods["complete"]]
        axes.bar(places, periods["revenue"], 0.8, color=colours)
        _time_axis(axes, periods)
        money_axis(axes.yaxis, currency)
        finding = _course(periods, show)
        title(axes, finding)
    rows = zip(periods["period"], periods["revenue"], strict=True)
    words = "; ".join(f"{period(when)} {show(value)}" for when, value in rows)
    partial_words = "" if periods["complete"].all() else " Grey columns are periods that the data do not cover whole."
    return Picture(figure, f"Columns of revenue by period. {finding}.{partial_words} {words}.")


def orders_over_time(periods: pd.DataFrame) -> Picture:
    """Orders of each period of `orders_over_time`, those of new customers apart from those of known ones.

    Missing numbers are not drawn; orders that can't be told apart, because the new customers are missing, are grey.
    """
    new = periods["new_customers"]
    undivided = periods["orders"].where(new.isna())
    with canvas(figsize=(5.8, 3.5)) as (figure, axes):
        places = np.arange(len(periods))
        axes.bar(places, new, 0.8, color=ORANGE, label="first orders")
        axes.bar(places, periods["orders"] - new, 0.8, bottom=new, color=BLUE, label="repeat orders")
        if undivided.notna().any():
            axes.bar(places, undivided, 0.8, color=GREY, label="first or repeat orders")
        _time_axis(axes, periods)
        number_axis(axes.yaxis)
        figure.legend(loc="outside lower center", ncols=2 if undivided.isna().all() else 3)
        finding = _repeat_share(periods)
        title(axes, finding)
    rows = zip(periods["period"], periods["orders"], new, strict=True)
    words = "; ".join(f"{period(when)} {number(all_)}, of which {number(first)} first" for when, all_, first in rows)
    return Picture(figure, f"Columns of orders by period. {finding}. {words}.")


def _repeat_share(periods: pd.DataFrame) -> str:
    known = periods.dropna(subset=["orders", "new_customers"])
    if not known["orders"].sum():
        return "Too few orders to show how many were repeat orders"
    share = 1 - known["new_customers"].sum() / known["orders"].sum()
    which = "all orders" if len(known) == len(periods) else "the orders told apart here"
    return f"{percent(share, 0)} of {which} were repeat orders"


def _course(periods: pd.DataFrame, show: Format) -> str:
    hidden = periods["revenue"].isna()
    whole = periods[periods["complete"] & ~hidden]
    name = "Revenue of the periods shown" if hidden.any() else "Revenue"
    if hidden.any() and len(whole) < 2:
        return "Too few customers to show revenue over time"
    if len(whole) < 2:
        return f"{name}: {show(periods['revenue'].sum())} in all"
    best, last = whole.iloc[int(whole["revenue"].argmax())], whole.iloc[-1]
    if best["period"] == last["period"]:
        return f"{name} was highest in {period(last['period'], long=True)}, at {show(last['revenue'])}"
    return (
        f"{name} peaked at {show(best['revenue'])} in {period(best['period'], long=True)} and was "
        f"{show(last['revenue'])} in {period(last['period'], long=True)}"
    )


def _time_axis(axes: Axes, periods: pd.DataFrame) -> None:
    step = -(-len(periods) // 5)
    axes.set_xticks(np.arange(0, len(periods), step), [period(when) for when in periods["period"][::step]])
