"""The figure that all comparisons of arms share: effects as points with their intervals, and the line of no effect."""

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from clvhelpers.plots.look import BLUE, GREY, Picture, canvas, title
from clvhelpers.plots.survival import dots_height

MARGIN = 0.12  # of the width of what is known, on both sides
LONGEST_LINE = 22  # of a label, in characters; the rest goes on a line below
LEGIBLE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}  # also on the line of no effect

Shown = Callable[[float], str]


def effect_points(rows: pd.DataFrame, finding: str, axis: str, shown: Shown, ticks: Shown | None = None) -> Picture:
    """One point with its interval for each row of `rows`: `label, estimate, low, high`, from the top down.

    `finding` is the title, `axis` says what is measured and in which unit, `shown` writes a value in words, `ticks`
    those along the axis (by default the same). An end that is infinite is drawn as an arrow to the edge, and a missing
    interval is a point alone. The dashed line is no effect at all.

    >>> rows = pd.DataFrame({"label": ["offer"], "estimate": [0.05], "low": [0.01], "high": [0.09]})
    >>> effect_points(rows, "The offer keeps more", "Difference in points", lambda x: f"{100 * x:.0f} points").alt
    'Points with intervals. The offer keeps more. offer: 5 points (1 points to 9 points).'
    """
    known = np.append(rows[["estimate", "low", "high"]].replace([np.inf, -np.inf], np.nan).to_numpy().ravel(), 0.0)
    span = (np.nanmax(known) - np.nanmin(known)) or 1.0
    edges = np.nanmin(known) - MARGIN * span, np.nanmax(known) + MARGIN * span
    places = np.arange(len(rows))[::-1]
    with canvas(figsize=(5.8, 0.2 + dots_height(rows))) as (figure, axes):
        axes.axvline(0, color=GREY, linewidth=1, linestyle="--")
        axes.hlines(
            places, rows["low"].clip(lower=edges[0]), rows["high"].clip(upper=edges[1]), color=BLUE, linewidth=2
        )
        for end, edge, arrow in zip(("low", "high"), edges, "<>", strict=True):
            endless = places[np.isinf(rows[end])]
            axes.plot(np.full(len(endless), edge), endless, arrow, color=BLUE, clip_on=False)
        axes.plot(rows["estimate"], places, "o", color=BLUE, markersize=7)
        for place, estimate in zip(places, rows["estimate"], strict=True):
            axes.annotate(
                shown(estimate), (estimate, place), (0, 7), textcoords="offset points", ha="center", bbox=LEGIBLE
            )
        axes.set_yticks(places, [textwrap.fill(str(label), LONGEST_LINE) for label in rows["label"]])
        axes.set_ylim(-0.6, len(rows) - 0.3)
        axes.set_xlim(*edges)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda value, _: (ticks or shown)(value))
        axes.grid(axis="x")
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(textwrap.fill(axis, 2 * LONGEST_LINE))
        title(axes, finding)
    columns = (rows["label"], rows["estimate"], rows["low"], rows["high"])
    words = [f"{label}: {shown(at)} ({_ends(low, high, shown)})" for label, at, low, high in zip(*columns, strict=True)]
    return Picture(figure, f"Points with intervals. {finding}. {'; '.join(words)}.")


def furthest(rows: pd.DataFrame, column: str = "difference") -> dict[Any, Any] | None:
    """The row of the effect (`column, low, high`) that is furthest from none, of those whose interval leaves none out.

    None where every interval holds it.

    >>> rows = pd.DataFrame({"difference": [0.1, -0.3, 0.5], "low": [0.05, -0.4, -0.1], "high": [0.15, -0.2, 1.1]})
    >>> furthest(rows)["difference"], furthest(rows.tail(1))
    (-0.3, None)
    """
    sure = rows[(rows["low"] > 0) | (rows["high"] < 0)]
    return None if sure.empty else sure.iloc[int(sure[column].abs().to_numpy().argmax())].to_dict()


def _ends(low: float, high: float, shown: Shown) -> str:
    if np.isnan(low) and np.isnan(high):
        return "no interval"
    return f"{'no lower end' if np.isinf(low) else shown(low)} to {'no upper end' if np.isinf(high) else shown(high)}"
