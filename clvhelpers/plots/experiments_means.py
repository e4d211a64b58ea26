"""Figures of money in experiments: differences of means and of ratios, and what few customers bring."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from clvhelpers.plots.effects import effect_points
from clvhelpers.plots.look import Picture

if TYPE_CHECKING:
    from clvhelpers.experiments.means import MeanComparison
    from clvhelpers.experiments.ratios import RatioComparison


def mean_differences(result: "MeanComparison") -> Picture:
    """The difference of each arm from control, adjusted and (with covariates) raw beneath.

    >>> import numpy as np
    >>> from clvhelpers.experiments import compare_means
    >>> frame = pd.DataFrame({"arm": ["control", "offer"] * 50, "spend": np.arange(100.0)})
    >>> print(mean_differences(compare_means(frame, "spend")).alt[:75])
    Points with intervals. offer: spend per customer 1.00 higher, within chance
    """
    columns = ["label", "estimate", "low", "high"]
    frame = result.frame.rename(columns={"arm": "label", "difference": "estimate"})
    if result.theta:
        raw = frame[["label", "raw_difference", "raw_low", "raw_high"]].set_axis(columns, axis=1)
        raw["label"] += ", raw"
        frame["label"] += ", adjusted"
        frame = pd.concat([frame[columns], raw]).sort_index(kind="stable")
    finding = effect_finding(result.frame, f"{result.outcome} per customer", result.shown)
    return effect_points(frame[columns], finding, f"Difference of {result.outcome} from control", result.shown)


def ratio_differences(result: "RatioComparison") -> Picture:
    """The difference of each arm's ratio from that of control.

    >>> import numpy as np
    >>> from clvhelpers.experiments import compare_ratios
    >>> orders, arm = np.tile([1, 1, 2, 2], 50), ["control", "offer"] * 100
    >>> frame = pd.DataFrame({"arm": arm, "orders": orders, "money": 5 * orders + np.arange(200)})
    >>> print(ratio_differences(compare_ratios(frame, "money", "orders")).alt[:71])
    Points with intervals. offer: money / orders 0.67 higher, within chance
    """
    rows = result.frame.rename(columns={"arm": "label", "difference": "estimate"})
    what = f"{result.numerator} / {result.denominator}"
    finding = effect_finding(result.frame, what, result.shown)
    return effect_points(rows, finding, f"Difference of {what} from control", result.shown)


def effect_finding(rows: pd.DataFrame, what: str, shown: Callable[[float], str]) -> str:
    """The largest difference in words, and whether it may be chance.

    >>> row = pd.DataFrame({"arm": ["offer"], "difference": [-1.5], "low": [-2.0], "high": [-1.0]})
    >>> effect_finding(row, "spend", lambda value: f"{value:.1f}")
    'offer: spend 1.5 lower, more than chance'
    """
    most = rows.iloc[int(rows["difference"].abs().argmax())]
    way = "higher" if most["difference"] >= 0 else "lower"
    chance = "within chance" if most["low"] <= 0 <= most["high"] else "more than chance"
    return f"{most['arm']}: {what} {shown(abs(most['difference']))} {way}, {chance}"
