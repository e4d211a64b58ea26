"""Figures of rates in an experiment: differences in points, relative lifts, and the share that came back by day."""

import math
from typing import TYPE_CHECKING, Any

from clvhelpers.errors import NotEnoughDataError
from clvhelpers.experiments.words import points
from clvhelpers.plots.effects import effect_points
from clvhelpers.plots.look import Picture
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.experiments.rates import RateComparison


def rate_differences(result: "RateComparison") -> Picture:
    """Each arm's difference from the control in percentage points, with its interval.

    >>> from clvhelpers.experiments.rates import compare_rates
    >>> picture = rate_differences(compare_rates({"control": (20, 100), "offer": (40, 100)}, "Kept"))
    >>> picture.alt
    'Points with intervals. Kept: offer is 20 points above control. offer: +20 points (+7 points to +32 points).'
    """
    frame = result.frame
    decimals = max(result.decimals(row) for row in frame.to_dict("records"))
    rows = frame.assign(label=frame["arm"], estimate=frame["difference"])[["label", "estimate", "low", "high"]]
    axis = f"Difference from {result.counts.control} in percentage points ({percent(result.level, 0)} interval)"
    return effect_points(
        rows, _finding(result), axis, lambda value: _points(value, decimals), lambda value: _signed(value, decimals)
    )


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


def _signed(value: float, decimals: int) -> str:
    return ("+" if value > 0 else "") + number(100 * value, decimals)


def _points(value: float, decimals: int) -> str:
    return f"{_signed(value, decimals)} points"


def _finding(result: "RateComparison") -> str:
    """The arm that is furthest from the control, among those whose interval leaves out no difference."""
    control, frame = result.counts.control, result.frame
    sure = frame[(frame["low"] > 0) | (frame["high"] < 0)]
    if sure.empty:
        who = frame["arm"].iloc[0] if len(frame) == 1 else "every arm"
        return f"{result.outcome}: {who} may differ from {control} by chance alone"
    far: dict[Any, Any] = sure.loc[sure["difference"].abs().idxmax()].to_dict()
    side = "above" if far["difference"] > 0 else "below"
    return f"{result.outcome}: {far['arm']} is {points(abs(far['difference']), result.decimals(far))} {side} {control}"
