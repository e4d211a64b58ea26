"""Figures of staying in an experiment: the curve of each arm, and the difference in retention by age."""

from typing import TYPE_CHECKING

import numpy as np

from clvhelpers.churn.stays import long_time
from clvhelpers.errors import ConfigError
from clvhelpers.experiments.words import decimals_for, points
from clvhelpers.plots.experiments_rates import difference_points
from clvhelpers.plots.look import Picture
from clvhelpers.plots.survival import survival_curves
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.experiments.stays import StayComparison


def arm_curves(result: "StayComparison") -> Picture:
    """The curve of each arm with its band to the horizon; the title says how much longer an arm stays.

    >>> import pandas as pd
    >>> from clvhelpers.experiments.stays import compare_stays
    >>> stays = pd.DataFrame({"duration": [1, 2, 4, 6, 3, 5, 6, 6], "left": [1, 1, 1, 0, 1, 1, 0, 0],
    ...                       "arm": ["control"] * 4 + ["offer"] * 4})
    >>> arm_curves(compare_stays(stays)).alt.split(". ")[1]
    'Of the first 6 months offer stays 1.8 months longer than control (-0.5 to 4.0)'
    """
    rows = result.frame
    far = rows.iloc[int(rows["difference"].abs().to_numpy().argmax())]
    more = "longer" if far["difference"] >= 0 else "shorter"
    interval = "" if np.isnan(far["low"]) else f" ({number(far['low'], 1)} to {number(far['high'], 1)})"
    length = long_time(result.horizon - result.curves.start, result.unit)
    window = f"the first {length}" if result.curves.start == 0 else length
    finding = (
        f"Of {window} {far['arm']} stays {number(abs(far['difference']), 1)} {result.unit}s {more} than "
        f"{result.control}{interval}"
    )
    return survival_curves(result.curves, result.horizon, finding)


def retention_differences(result: "StayComparison") -> Picture:
    """The difference of each arm from the control in the share still there, at each age asked for.

    >>> import pandas as pd
    >>> from clvhelpers.experiments.stays import compare_stays
    >>> stays = pd.DataFrame({"duration": [1, 2, 4, 6, 3, 5, 6, 6], "left": [1, 1, 1, 0, 1, 1, 0, 0],
    ...                       "arm": ["control"] * 4 + ["offer"] * 4})
    >>> print(retention_differences(compare_stays(stays, ages=[3])).alt[-50:])
    t 3 months: +25 points (-46 points to +74 points).
    """
    if result.retention.empty:
        raise ConfigError("no ages were asked for: give compare_stays some, such as ages=[1, 3, 6]")
    frame = result.retention
    decimals = max(decimals_for(width) for width in (frame["high"] - frame["low"]) / 2)
    names = [f"{row['arm']} at {long_time(row['age'], result.unit)}" for row in frame.to_dict("records")]
    axis = f"Still there, points above or below {result.control} ({percent(result.curves.level, 0)} interval)"
    return difference_points(frame.assign(label=names), _finding(result), axis, decimals)


def _finding(result: "StayComparison") -> str:
    """The difference that is furthest from 0, among those whose interval leaves it out."""
    frame, control = result.retention, result.control
    sure = frame[(frame["low"] > 0) | (frame["high"] < 0)]
    if sure.empty:
        return f"As many may be still there as in {control}, by chance alone"
    far = sure.iloc[int(sure["difference"].abs().to_numpy().argmax())]
    gap = points(abs(far["difference"]), decimals_for((far["high"] - far["low"]) / 2))
    more = "more" if far["difference"] > 0 else "fewer"
    return f"At {long_time(far['age'], result.unit)} {gap} {more} of {far['arm']} than of {control} are still there"
