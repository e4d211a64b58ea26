"""Figures of money in experiments: differences of means and of ratios."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from clvhelpers.plots.effects import effect_points
from clvhelpers.plots.look import Picture

if TYPE_CHECKING:
    from clvhelpers.experiments.heavy_tail import BootstrapDifference
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


def bootstrap_differences(result: "BootstrapDifference") -> Picture:
    """The difference of each arm from control with its BCa interval, and beneath with that of the t-test.

    >>> import numpy as np
    >>> from clvhelpers.experiments import bootstrap_difference
    >>> frame = pd.DataFrame({"arm": ["control", "offer"] * 50, "spend": np.arange(100.0)})
    >>> print(bootstrap_differences(bootstrap_difference(frame, "spend", seed=1)).alt[:75])
    Points with intervals. offer: spend per customer 1.00 higher, within chance
    """
    columns = ["label", "estimate", "low", "high"]
    ends = {"bootstrap": ["low", "high"], "t-test": ["welch_low", "welch_high"]}
    parts = [result.frame[["arm", "difference", *names]].set_axis(columns, axis=1) for names in ends.values()]
    rows = pd.concat([part.assign(label=part["label"] + f", {name}") for name, part in zip(ends, parts, strict=True)])
    finding = effect_finding(result.frame, f"{result.outcome} per customer", result.shown)
    axis = f"Difference of {result.outcome} from control"
    return effect_points(rows.sort_index(kind="stable"), finding, axis, result.shown)


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
