"""Figures about what segments do for each goal."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from clvhelpers.plots.look import BLUE, GREY, ORANGE, Picture, canvas, number_axis, percent_axis
from clvhelpers.segments.goals import ALL
from clvhelpers.segments.separation import NOT_KNOWN
from clvhelpers.text import Format, number, percent

if TYPE_CHECKING:
    from clvhelpers.segments.goals import Goals

COLUMNS = 2


def goal_panels(goals: "Goals") -> Picture:
    """A panel a metric: each segment's value with its interval, and that of all customers as a line."""
    names = goals.frame["metric"].unique().tolist()
    segments = [name for name in goals.frame["segment"].unique() if name != ALL]
    rows = -(-len(names) // COLUMNS)
    size = (5.8, 0.5 + rows * (0.66 + 0.18 * len(segments)))
    with canvas(rows, COLUMNS, figsize=size, sharey=True, squeeze=False) as (figure, grid):
        panels = grid.ravel()
        for axes, name in zip(panels, names, strict=False):
            _panel(axes, goals.frame[goals.frame["metric"] == name])
        for axes in panels[len(names) :]:
            axes.set_visible(False)
        panels[0].set_ylim(len(segments) - 0.5, -0.5)
        apart = _apart(goals.frame)
        finding = f"Segments clearly differ in: {', '.join(apart)}" if apart else "Segments clearly differ in nothing"
        figure.suptitle(finding, x=0.01, ha="left", fontsize=12, fontweight="bold", wrap=True)
    words = "; ".join(_words(goals.frame[goals.frame["metric"] == name]) for name in names)
    return Picture(figure, f"A panel for each metric, with intervals. {finding}. {words}.")


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    parts = rows[rows["segment"] != ALL]
    places = np.arange(len(parts))
    spread = [parts["value"] - parts["low"], parts["high"] - parts["value"]]
    axes.errorbar(parts["value"], places, xerr=spread, fmt="o", color=BLUE, ecolor=GREY, capsize=2, markersize=5)
    axes.axvline(float(rows.loc[rows["segment"] == ALL, "value"].iloc[0]), color=ORANGE, linestyle="--", linewidth=1)
    axes.set_yticks(places, parts["segment"])
    axes.grid(False)
    axes.locator_params(axis="x", nbins=4)
    if rows["unit"].iloc[0] == "share":
        percent_axis(axes.xaxis)
    else:
        number_axis(axes.xaxis)
    axes.set_title(str(rows["metric"].iloc[0]), fontsize=10, fontweight="normal", pad=6)


def _format(unit: str) -> Format:
    if unit == "share":
        return lambda value: percent(value, 0)
    return lambda value: number(value, 1 if abs(value) < 10 else 0)


def _apart(frame: pd.DataFrame) -> list[str]:
    """The metrics in which the intervals of two segments do not overlap."""
    parts = frame[~frame["segment"].isin([ALL, NOT_KNOWN])].groupby("metric", sort=False)
    return [str(name) for name, rows in parts if rows["low"].max() > rows["high"].min()]


def _words(rows: pd.DataFrame) -> str:
    show = _format(rows["unit"].iloc[0])
    values = zip(rows["segment"], rows["value"], strict=True)
    return f"{rows['metric'].iloc[0]}: " + ", ".join(f"{segment} {show(value)}" for segment, value in values)
