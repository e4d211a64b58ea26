"""Figures of the key metrics: what moved revenue, and where it went."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.plots.look import BLUE, GREEN, GREY, ORANGE, RED, Picture, canvas, title
from clvhelpers.text import money, percent

if TYPE_CHECKING:
    from clvhelpers.metrics import KeyMetrics


def what_moved(metrics: "KeyMetrics") -> Picture:
    """The change of revenue between two periods, and of the three numbers whose product it is."""
    from clvhelpers.metrics import COUNTS

    rows = metrics.frame.set_index("metric").loc[[*COUNTS, "revenue"]]
    changes = rows["change"].fillna(0.0)
    known = bool(rows["change"].notna().all())
    colours = [GREEN if change >= 0 else RED for change in changes[:-1]] + [BLUE if known else GREY]
    with canvas(figsize=(5.8, 2.8)) as (figure, axes):
        bars = axes.barh(list(rows.index), changes, 0.6, color=colours)
        axes.bar_label(bars, labels=[percent(change, 1, signed=True) for change in rows["change"]], padding=4)
        axes.axvline(0, color=GREY, linewidth=1)
        axes.invert_yaxis()
        axes.grid(False)
        axes.margins(x=0.25)
        axes.xaxis.set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.spines[["bottom", "left"]].set_visible(False)
        finding = _moved_finding(rows["change"]) if known else "The log does not cover the period before"
        title(axes, finding)
    words = "; ".join(f"{name} {percent(change, 1, signed=True)}" for name, change in rows["change"].items())
    return Picture(figure, f"Bars of the change against the period before. {finding}. {words}.")


def _moved_finding(changes: pd.Series) -> str:
    """The part that moved revenue most: by the logarithms of the ratios, which add up where percentages don't."""
    parts = np.log1p(changes.iloc[:-1])
    most = str(parts.abs().idxmax())
    total = changes.iloc[-1]
    verb = "grew" if total >= 0 else "fell"
    cause = "more" if changes[most] >= 0 else "fewer"
    if most == "average order value":
        cause = "larger" if changes[most] >= 0 else "smaller"
    named = {"customers": "customers", "orders per customer": "orders from each", "average order value": "orders"}
    return f"Revenue {verb} by {percent(abs(total), 0)}, most of all through {cause} {named[most]}"


def causes(amounts: pd.Series, currency: str = "USD") -> Picture:
    """What several causes add to a sum that is too high, the largest first."""
    shown = amounts.sort_values(ascending=False)
    whole = shown.sum()
    with canvas(figsize=(5.8, 0.9 + 0.42 * len(shown))) as (figure, axes):
        bars = axes.barh([str(name) for name in shown.index], shown, 0.6, color=[RED] + [ORANGE] * (len(shown) - 1))
        axes.bar_label(bars, labels=[money(value, currency) for value in shown], padding=4)
        axes.invert_yaxis()
        axes.grid(False)
        axes.margins(x=0.2)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        share = percent(shown.iloc[0] / whole, 0)
        finding = f"Of the {money(whole, currency)} too much, {share} come from {shown.index[0]}"
        title(axes, finding)
    words = "; ".join(f"{name} {money(value, currency)}" for name, value in shown.items())
    return Picture(figure, f"Bars of what each cause adds to the sum. {finding}. {words}.")


def steps(amounts: pd.Series, currency: str = "USD") -> Picture:
    """From the first amount to the last, which is the sum of all before it; steps that are missing are left out.

    `amounts` by name: the first is a level, the last too, those between go up or down.
    """
    shown = amounts.dropna()
    changes = shown.iloc[1:-1].to_numpy()
    after = shown.iloc[0] + np.cumsum(changes)
    bottoms = [0.0, *np.minimum(after, after - changes), 0.0]
    heights = [shown.iloc[0], *np.abs(changes), shown.iloc[-1]]
    colours = [BLUE, *(RED if change < 0 else ORANGE for change in changes), GREEN if shown.iloc[-1] >= 0 else RED]
    with canvas(figsize=(5.8, 3.5)) as (figure, axes):
        places = np.arange(len(shown))
        bars = axes.bar(places, heights, 0.7, bottom=bottoms, color=colours)
        axes.bar_label(bars, labels=[money(value, currency, 0) for value in shown], padding=3, fontsize=9)
        axes.set_xticks(places, [str(name).replace(" ", "\n") for name in shown.index])
        axes.yaxis.set_visible(False)
        axes.grid(False)
        axes.spines["left"].set_visible(False)
        axes.axhline(0, color=GREY, linewidth=1)
        axes.margins(y=0.12)
        finding = _left_finding(shown, currency)
        title(axes, finding)
    words = "; ".join(f"{name} {money(value, currency, 0)}" for name, value in shown.items())
    return Picture(figure, f"Columns from one amount to another. {finding}. {words}.")


def _left_finding(shown: pd.Series, currency: str) -> str:
    first, last = str(shown.index[0]), str(shown.index[-1])
    if shown.iloc[0] <= 0:
        return f"From {money(shown.iloc[0], currency)} of {first} to {money(shown.iloc[-1], currency)} of {last}"
    return (
        f"Of {money(100, currency, 0)} in {first}, {money(100 * shown.iloc[-1] / shown.iloc[0], currency, 0)} is left"
    )
