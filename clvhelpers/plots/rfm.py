"""Figures of lesson 07: what groups brought, and what they bring next."""

import numpy as np
import pandas as pd

from clvhelpers.plots.look import BLUE, INK, ORANGE, Picture, canvas, money_axis, title
from clvhelpers.text import money, percent


def before_and_after(worth: pd.DataFrame, before: str = "so far", after: str = "next period") -> Picture:
    """Each group's share of the money of before and of after, and in the title the group that the past flatters most.

    `worth` has a row for each group, by name, with `customers` and the mean money a customer in the columns
    `before` and `after`.

    >>> worth = pd.DataFrame({"customers": [10, 90], "so far": [80.0, 1.0], "next period": [40.0, 1.0]})
    >>> print(before_and_after(worth.set_axis(["At Risk", "Others"])).alt[:71])
    Bars for each group. At Risk: 90% of the money so far, 82% of the next.
    """
    totals = worth[[before, after]].mul(worth["customers"], axis="index")
    shares = totals / totals.sum()
    with canvas(figsize=(5.8, 4.2)) as (figure, axes):
        places = np.arange(len(shares))
        for i, (column, colour) in enumerate([(before, ORANGE), (after, BLUE)]):
            bars = axes.barh(
                places + 0.4 * i - 0.2, shares[column], 0.37, color=colour, label=f"Share of money {column}"
            )
            axes.bar_label(bars, labels=[percent(share, 0) for share in shares[column]], padding=3, fontsize=9)
        axes.set_yticks(places, shares.index)
        axes.invert_yaxis()
        axes.grid(False)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.set_xlim(right=1.12 * float(shares.to_numpy().max()))
        figure.legend(loc="outside lower center", ncols=2)
        top = shares.iloc[int((shares[before] - shares[after]).argmax())]
        old, new = percent(top[before], 0), percent(top[after], 0)
        finding = f"{top.name}: {old} of the money {before}, {new} of the next"
        title(axes, finding)
    words = "; ".join(f"{group} {percent(row[before])} and {percent(row[after])}" for group, row in shares.iterrows())
    return Picture(figure, f"Bars for each group. {finding}. Shares of the money {before} and {after}: {words}.")


def worth_against_truth(frame: pd.DataFrame, groups: list[str]) -> Picture:
    """What each group was held to be worth, in US dollars a customer, beside the truth.

    `frame` is that of `clv.truth(..., by=group)`; `groups` is their order.

    >>> frame = pd.DataFrame({"group": ["A", "B"], "mean_estimate": [9.0, 2.0], "mean_truth": [6.0, 3.0]})
    >>> worth_against_truth(frame, ["A", "B", "C"]).alt[:58]
    'Two points for each group. A: taken for $9.00, truly $6.00'
    """
    known = frame.set_index(frame.columns[0]).reindex(groups).dropna(subset=["mean_truth"])
    places = np.arange(len(known))
    with canvas(figsize=(5.8, 3.6)) as (figure, axes):
        axes.hlines(places, known["mean_estimate"], known["mean_truth"], color=INK, linewidth=1)
        for column, colour, label in [("mean_estimate", ORANGE, "as estimated"), ("mean_truth", BLUE, "in truth")]:
            axes.plot(known[column], places, "o", color=colour, markersize=8, label=label)
        axes.set_yticks(places, known.index)
        axes.invert_yaxis()
        axes.grid(axis="x")
        money_axis(axes.xaxis)
        axes.set_xlabel("margin of the next 12 months, a customer")
        axes.set_xlim(left=0)
        figure.legend(loc="outside lower center", ncols=2)
        far = known.iloc[int((known["mean_estimate"] - known["mean_truth"]).abs().argmax())]
        finding = f"{far.name}: taken for {money(far['mean_estimate'])}, truly {money(far['mean_truth'])}"
        title(axes, finding)
    words = "; ".join(
        f"{group} {money(row['mean_estimate'])} and {money(row['mean_truth'])}" for group, row in known.iterrows()
    )
    return Picture(figure, f"Two points for each group. {finding}. As estimated and in truth: {words}.")
