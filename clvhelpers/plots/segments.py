"""Figures about who is who: groups, tiers and concentration."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.plots.look import BLUE, GREY, ORANGE, Picture, canvas, title
from clvhelpers.text import Format, number, percent

if TYPE_CHECKING:
    from clvhelpers.segments import Concentration


def group_bars(frame: pd.DataFrame) -> Picture:
    """Share of customers and, where there is money, of revenue for each group of `rfm_groups(...).frame`."""
    series = {"Share of customers": (frame["share_of_customers"], BLUE)}
    if "share_of_revenue" in frame:
        series["Share of revenue"] = (frame["share_of_revenue"], ORANGE)
    with canvas(figsize=(5.8, 4.4)) as (figure, axes):
        places, height = np.arange(len(frame)), 0.8 / len(series)
        for i, (label, (shares, colour)) in enumerate(series.items()):
            bars = axes.barh(places + (i + 0.5) * height - 0.4, shares, height * 0.92, color=colour, label=label)
            axes.bar_label(bars, labels=[percent(share, 0) for share in shares], padding=3, fontsize=9)
        axes.set_yticks(places, frame["group"])
        axes.invert_yaxis()
        axes.grid(False)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.set_xlim(right=1.12 * max(float(shares.max()) for shares, _ in series.values()))
        figure.legend(loc="outside lower center", ncols=2)
        finding = _group_finding(frame)
        title(axes, finding)
    words = [
        f"{group}: " + ", ".join(f"{percent(shares.iloc[i])} {label.lower()}" for label, (shares, _) in series.items())
        for i, group in enumerate(frame["group"])
    ]
    return Picture(figure, f"Bars for each group. {finding}. {'; '.join(words)}.")


def _group_finding(frame: pd.DataFrame) -> str:
    column = "share_of_revenue" if "share_of_revenue" in frame and frame["share_of_revenue"].notna().any() else None
    if column is None:
        top = frame.iloc[int(frame["customers"].argmax())]
        return f"{top['group']} is the largest group: {percent(top['share_of_customers'], 0)} of customers"
    top = frame.iloc[int(frame[column].argmax())]
    share = percent(top["share_of_customers"], 0)
    return f"{top['group']}: {share} of customers, {percent(top[column], 0)} of revenue"


def tier_bars(frame: pd.DataFrame, show: Format = number) -> Picture:
    """The total value of each tier of `value_tiers(...).frame`; `show` writes a value, such as `money`."""
    with canvas(figsize=(5.8, 2.9)) as (figure, axes):
        bars = axes.barh(frame["tier"], frame["total"], 0.65, color=BLUE)
        labels = [
            f"{show(total)} ({percent(share, 0)})"
            for total, share in zip(frame["total"], frame["share_of_value"], strict=True)
        ]
        axes.bar_label(bars, labels=labels, padding=3, fontsize=9)
        axes.invert_yaxis()
        axes.grid(False)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.margins(x=0.25)
        top = frame.iloc[0]
        finding = (
            f"{top['tier']}, {percent(top['share_of_customers'], 0)} of customers, "
            f"holds {percent(top['share_of_value'], 0)} of the value"
        )
        title(axes, finding)
    words = "; ".join(f"{name} {label}" for name, label in zip(frame["tier"], labels, strict=True))
    return Picture(figure, f"Bars with the total value of each tier. {finding}. {words}.")


def concentration_curve(result: "Concentration", what: str = "revenue") -> Picture:
    """Cumulative share of the total against the share of customers, best customers first."""
    points = result.frame
    step = max(1, len(points) // 1000)
    thin = pd.concat([points.iloc[:-1:step], points.iloc[-1:]])
    with canvas(figsize=(5.8, 3.8)) as (figure, axes):
        axes.plot(thin["share_of_customers"], thin["share_of_value"], color=BLUE, linewidth=2)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
        axes.annotate("if all were equal", (0.72, 0.70), color=GREY, fontsize=9, va="top")
        marks = [(0.1, result.top_10_share), (0.2, result.top_20_share)]
        for share, value in marks:
            if value is not None:
                axes.plot(share, value, "o", color=ORANGE)
                label = f"best {percent(share, 0)}: {percent(value, 0)}"
                axes.annotate(label, (share, value), xytext=(10, -4), textcoords="offset points", fontsize=9)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda share, _: percent(share, 0))
        axes.set_xlabel("share of customers, best first")
        axes.set_ylabel(f"share of {what}")
        finding = f"{percent(result.share_for_80, 0)} of customers make {percent(0.8, 0)} of {what}"
        title(axes, finding)
    return Picture(figure, f"Curve of the cumulative share of {what} by share of customers. {result.sentence()}")
