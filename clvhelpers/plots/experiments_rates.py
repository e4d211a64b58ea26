"""Figures of rates in an experiment: differences in points, relative lifts, and the share that came back by day."""

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.errors import NotEnoughDataError
from clvhelpers.experiments.words import points
from clvhelpers.plots.effects import effect_points, furthest
from clvhelpers.plots.look import COLOURS, Picture, canvas, percent_axis, title
from clvhelpers.plots.survival import few_enough
from clvhelpers.text import percent

if TYPE_CHECKING:
    from clvhelpers.experiments.rates import RateComparison
    from clvhelpers.experiments.retention import Retention


def rate_differences(result: "RateComparison") -> Picture:
    """Each arm's difference from the control in percentage points, with its interval.

    >>> from clvhelpers.experiments.rates import compare_rates
    >>> picture = rate_differences(compare_rates({"control": (20, 100), "offer": (40, 100)}, "Kept"))
    >>> picture.alt
    'Points with intervals. Kept: offer is 20 points above control. offer: +20 points (+7 points to +32 points).'
    """
    frame = result.frame
    decimals = max(result.decimals(row) for row in frame.to_dict("records"))
    axis = f"Difference from {result.counts.control} in percentage points ({percent(result.level, 0)} interval)"
    return difference_points(frame.rename(columns={"arm": "label"}), _finding(result), axis, decimals)


def relative_lifts(result: "RateComparison") -> Picture:
    """Each arm's rate relative to the control's; raises `NotEnoughDataError` where there is none to divide by.

    >>> from clvhelpers.experiments.rates import compare_rates
    >>> picture = relative_lifts(compare_rates({"control": (3, 50), "offer": (9, 50)}, "Kept"))
    >>> picture.alt.partition("alone. ")[2]
    'offer: +200% (no lower end to no upper end).'
    """
    frame = result.frame.dropna(subset="relative")
    if frame.empty:
        raise NotEnoughDataError(f"nobody in {result.counts.control} has the outcome: plot the differences in points")
    columns = {"arm": "label", "relative": "estimate", "relative_low": "low", "relative_high": "high"}
    rows = frame[list(columns)].rename(columns=columns)
    axis = f"Rate relative to {result.counts.control} ({percent(result.level, 0)} interval)"
    widest = (rows["high"] - rows["low"]).replace(math.inf, math.nan).max()
    return effect_points(rows, _finding(result), axis, lambda value: percent(value, int(widest < 0.2), signed=True))


def retention_points(result: "Retention") -> Picture:
    """The share of each arm that came back in each window, with Wilson's interval.

    >>> from clvhelpers.experiments.retention import retention_by_day
    >>> people = pd.DataFrame({"customer_id": [1, 2], "arm": ["control", "offer"]})
    >>> people["exposed_at"] = pd.Timestamp("2026-01-01")
    >>> visits = pd.DataFrame({"customer_id": [2], "date": [pd.Timestamp("2026-01-02")]})
    >>> print(retention_points(retention_by_day(people, visits, [1])).alt[:81])
    Points with intervals. 100.0% of offer and 0.0% of control came back on day 1. Ca
    """
    windows, arms = (result.frame[name].drop_duplicates().tolist() for name in ("window", "arm"))
    few_enough(arms)
    places, step = np.arange(len(windows)), 0.5 / len(arms)
    with canvas() as (figure, axes):
        for i, (arm, colour) in enumerate(zip(arms, COLOURS, strict=False)):
            rows = result.frame[result.frame["arm"] == arm]
            at = places + (i - (len(arms) - 1) / 2) * step
            errors = [rows["rate"] - rows["low"], rows["high"] - rows["rate"]]
            axes.errorbar(at, rows["rate"], errors, fmt="o", color=colour, markersize=6, linewidth=2, label=arm)
        axes.set_xticks(places, [textwrap.fill(window, 18) for window in windows])
        axes.set_xlim(-0.6, len(windows) - 0.4)
        axes.set_ylim(bottom=0)
        percent_axis(axes.yaxis)
        axes.set_ylabel("Share that came back")
        figure.legend(loc="outside lower center", ncols=min(len(arms), 3))
        finding = _highest_and_lowest(result.frame[result.frame["window"] == windows[-1]])
        title(axes, finding)
    words = "; ".join(
        f"{row['window']} {percent(row['rate'])} of {row['arm']} ({percent(row['low'])} to {percent(row['high'])})"
        for row in result.frame.to_dict("records")
    )
    return Picture(figure, f"Points with intervals. {finding}. Came back {words}. {result.definition}")


def _highest_and_lowest(rows: pd.DataFrame) -> str:
    ordered = rows.sort_values("rate", ascending=False, kind="stable")
    best, worst = (f"{percent(ordered['rate'].iloc[place])} of {ordered['arm'].iloc[place]}" for place in (0, -1))
    return f"{best} and {worst} came back {rows['window'].iloc[0]}"


def difference_points(rows: pd.DataFrame, finding: str, axis: str, decimals: int) -> Picture:
    """Differences of shares (`label, difference, low, high`) in percentage points, as `effect_points` draws them."""
    return effect_points(
        rows.rename(columns={"difference": "estimate"})[["label", "estimate", "low", "high"]],
        finding,
        axis,
        lambda value: points(value, decimals, signed=True),
        lambda value: points(value, decimals, signed=True).removesuffix(" points"),
    )


def _finding(result: "RateComparison") -> str:
    """The arm that is furthest from the control, among those whose interval leaves out no difference."""
    control, frame = result.counts.control, result.frame
    far = furthest(frame)
    if far is None:
        who = frame["arm"].iloc[0] if len(frame) == 1 else "every arm"
        return f"{result.outcome}: {who} may differ from {control} by chance alone"
    side = "above" if far["difference"] > 0 else "below"
    return f"{result.outcome}: {far['arm']} is {points(abs(far['difference']), result.decimals(far))} {side} {control}"
