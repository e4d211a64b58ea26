"""Figures of staying in an experiment: the curve of each arm, differences in retention by age, and hazard ratios."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator

from clvhelpers.churn.stays import long_time
from clvhelpers.errors import ConfigError
from clvhelpers.experiments.hazard import shown_ratio
from clvhelpers.experiments.words import decimals_for, points
from clvhelpers.plots.effects import effect_points, furthest
from clvhelpers.plots.experiments_rates import difference_points
from clvhelpers.plots.look import Picture
from clvhelpers.plots.survival import survival_curves
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.experiments.hazard import HazardRatio
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
    far, control = furthest(result.retention), result.control
    if far is None:
        return f"As many may be still there as in {control}, by chance alone"
    gap = points(abs(far["difference"]), decimals_for((far["high"] - far["low"]) / 2))
    more = "more" if far["difference"] > 0 else "fewer"
    return f"At {long_time(far['age'], result.unit)} {gap} {more} of {far['arm']} than of {control} are still there"


def hazard_ratios(result: "HazardRatio") -> Picture:
    """The ratio of each arm with its interval on a scale of logs; the dashed line is 1, no difference.

    >>> import pandas as pd
    >>> from clvhelpers.experiments.hazard import hazard_ratio
    >>> stays = pd.DataFrame({"duration": [1, 2, 4, 6, 3, 5, 6, 6], "left": [1, 1, 1, 0, 1, 1, 0, 0],
    ...                       "arm": ["control"] * 4 + ["offer"] * 4})
    >>> hazard_ratios(hazard_ratio(stays)).alt.partition(". ")[2]
    'Chance alone could explain 0.401 times the rate of control. offer: 0.401 (0.0649 to 2.47).'
    """
    logs = result.frame[["arm", "low", "high"]].rename(columns={"arm": "label"})
    logs = logs.assign(estimate=result.frame["log_hazard_ratio"], low=np.log(logs["low"]), high=np.log(logs["high"]))
    adjusted = ", adjusted" if result.covariates else ""
    axis = f"Rate of leaving, times that of {result.control}{adjusted} ({percent(result.level, 0)} interval)"
    picture = effect_points(logs, _ratio_finding(result, logs), axis, lambda log: shown_ratio(np.exp(log)))
    axes = picture.figure.axes[0]
    axes.xaxis.set_major_locator(FixedLocator(_ratio_ticks(*axes.get_xlim())))
    return picture


def _ratio_finding(result: "HazardRatio", logs: pd.DataFrame) -> str:
    """The ratio that is furthest from 1, among those whose interval leaves it out; or that a ratio does not hold."""
    control = result.control
    if result.changing:
        return f"How fast those of {' and '.join(result.changing)} leave, relative to {control}, changes with time"
    far = furthest(logs, "estimate")
    if far is not None:
        return f"Those of {far['label']} leave at {shown_ratio(np.exp(far['estimate']))} times the rate of {control}"
    ratios = result.frame["hazard_ratio"]
    what = f"{shown_ratio(ratios.iloc[0])} times" if len(ratios) == 1 else "every difference from"
    return f"Chance alone could explain {what} the rate of {control}"


def _ratio_ticks(low: float, high: float) -> list[float]:
    """Where the log of a round ratio is, between two logs; 1 is always one of them."""
    near = high - low < np.log(6)
    locator = MaxNLocator(5, steps=[1, 2, 5, 10]) if near else LogLocator(subs=(1, 2, 5) if high - low < 5 else (1,))
    ratios = np.union1d(locator.tick_values(np.exp(low), np.exp(high)), 1.0)
    return [log for log in np.log(ratios[ratios > 0]) if low <= log <= high]
