"""Figures about revenue and orders in time."""

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from clvhelpers.plots.look import BLUE, GREY, ORANGE, Picture, canvas, title
from clvhelpers.text import Format, money, number, percent


def revenue_over_time(months: pd.DataFrame, currency: str = "USD") -> Picture:
    """Revenue of each period of `orders_over_time`; an incomplete period is drawn pale and left out of the finding."""
    return _columns(months, "revenue", "Revenue", partial(money, currency=currency, decimals=0), BLUE)


def orders_over_time(months: pd.DataFrame) -> Picture:
    """Orders of each period of `orders_over_time`, those of new customers apart from those of known ones."""
    new = months["new_customers"]
    with canvas(figsize=(6.4, 3.4)) as (figure, axes):
        places = np.arange(len(months))
        axes.bar(places, new, 0.8, color=ORANGE, label="first orders")
        axes.bar(places, months["orders"] - new, 0.8, bottom=new, color=BLUE, label="repeat orders")
        _time_axis(axes, months)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)
        share = 1 - new.sum() / months["orders"].sum()
        finding = f"{percent(share, 0)} of all orders were repeat orders"
        title(axes, finding)
    rows = zip(months["period"], months["orders"], new, strict=True)
    words = "; ".join(f"{period} {number(orders)}, of which {number(first)} first" for period, orders, first in rows)
    return Picture(figure, f"Columns of orders by period. {finding}. {words}.")


def _columns(months: pd.DataFrame, column: str, name: str, show: Format, colour: str) -> Picture:
    with canvas(figsize=(6.4, 3.2)) as (figure, axes):
        places = np.arange(len(months))
        colours = [colour if complete else GREY for complete in months["complete"]]
        axes.bar(places, months[column], 0.8, color=colours)
        _time_axis(axes, months)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
        finding = _course(months, column, name, show)
        title(axes, finding)
    words = "; ".join(f"{period} {show(value)}" for period, value in zip(months["period"], months[column], strict=True))
    partial_words = "" if months["complete"].all() else " Grey columns are periods that the data do not cover whole."
    return Picture(figure, f"Columns of {name.lower()} by period. {finding}.{partial_words} {words}.")


def _course(months: pd.DataFrame, column: str, name: str, show: Format) -> str:
    whole = months[months["complete"]]
    if len(whole) < 2:
        return f"{name}: {show(months[column].sum())} in all"
    best, last = whole.iloc[int(whole[column].argmax())], whole.iloc[-1]
    if best["period"] == last["period"]:
        return f"{name} is at its highest in the last whole period: {show(last[column])}"
    return f"{name} peaked at {show(best[column])} in {best['period']}; {show(last[column])} in {last['period']}"


def _time_axis(axes: Axes, months: pd.DataFrame) -> None:
    step = -(-len(months) // 9)
    axes.set_xticks(np.arange(0, len(months), step), [str(period) for period in months["period"][::step]])
    axes.tick_params(axis="x", labelrotation=0 if len(months) <= 6 else 45)
