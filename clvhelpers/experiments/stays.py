"""Do customers of one arm stay longer, when many of both are still there? Curves, log-rank, and time in the window.

A share "retained after 6 months" needs units that were seen for 6 months. Kaplan-Meier's curve uses the others too, for
as long as they were seen. The difference of restricted means is the one that turns into money: so many more months
in the first 6, each with its margin.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.churn.logrank import LogRank, log_rank
from clvhelpers.churn.restricted_mean import RestrictedMeans, restricted_mean
from clvhelpers.churn.stays import check_level, check_unit, long_time
from clvhelpers.churn.survival import Survival, kaplan_meier
from clvhelpers.errors import ConfigError, ExperimentError, FollowUpWarning, NotEnoughDataError
from clvhelpers.experiments.rates import combined_interval
from clvhelpers.experiments.words import decimals_for, points, shown_p
from clvhelpers.purchases import as_frame, one_of
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

SCALES = {
    "log-log": "test on the scale of log(-log S), interval from those of both curves",
    "plain": "test and interval from the plain standard error",
}
UNEQUAL = 0.001  # a difference in follow-up is told from this p-value down


@dataclass(frozen=True, eq=False)
class StayComparison:
    """How long units of each arm stay, against those of the control.

    `frame` has one row an arm but the control: `arm, control_mean, mean, difference, standard_error, low, high,
    p_value`, times in `unit`s within `horizon`. `retention` has one row an age asked for and arm: `age, arm,
    control_rate, rate, difference, standard_error, low, high, p_value`, shares with censoring allowed for, by `scale`.
    `curves` (control first), `means` and `test` (log-rank, over all ages and arms) are those of `clvhelpers.churn`.
    `follow_up` says by how much the arms were watched unequally, or is empty. What does not exist (where nobody of an
    arm left) is missing.
    """

    frame: pd.DataFrame
    retention: pd.DataFrame
    curves: Survival
    means: RestrictedMeans
    test: LogRank
    scale: str
    follow_up: str

    @property
    def horizon(self) -> float:
        return self.means.horizon

    @property
    def unit(self) -> str:
        return self.curves.unit

    @property
    def control(self) -> str:
        return self.curves.groups[0]

    def sentence(self) -> str:
        """Time within the horizon of each arm, the log-rank test, retention at the ages asked for."""
        parts = [self._mean_sentence(row) for row in self.frame.to_dict("records")]
        alike = "may leave alike" if self.test.p_value >= 1 - self.curves.level else "do not leave alike"
        parts.append(
            f"Over all ages the arms {alike} (log-rank test: chi-squared {number(self.test.statistic, 2)}, "
            f"{shown_p(self.test.p_value)})."
        )
        parts += [self._retention_sentence(row) for row in self.retention.to_dict("records")]
        if len(self.retention):
            parts.append(f"Retention is read off the curves, which use those still there too ({SCALES[self.scale]}).")
        return " ".join([*parts, self.follow_up]).strip()

    def plot(self) -> "Picture":
        """The curve of each arm to the horizon, with the units at risk."""
        from clvhelpers.plots.experiments_stays import arm_curves

        return arm_curves(self)

    def plot_retention(self) -> "Picture":
        """The difference in retention at each age asked for, with its interval."""
        from clvhelpers.plots.experiments_stays import retention_differences

        return retention_differences(self)

    def _mean_sentence(self, row: dict[Any, Any]) -> str:
        start = self.curves.start
        window = f"the first {long_time(self.horizon, self.unit)}"
        if start > 0:
            window = f"the {long_time(self.horizon - start, self.unit)} after {self.unit} {number(start, 1)}"
        told = (
            f"Of {window} units of {row['arm']} stay {number(row['mean'], 2)} and those of {self.control} "
            f"{number(row['control_mean'], 2)} on average, a difference of {number(row['difference'], 2)} {self.unit}s"
        )
        if np.isnan(row["standard_error"]):
            return f"{told}, without an interval, as in one of them nobody left by then, or all did at one age."
        ends = f"{number(row['low'], 2)} to {number(row['high'], 2)}"
        return f"{told} ({percent(self.curves.level, 0)} interval {ends}; {shown_p(row['p_value'])})."

    def _retention_sentence(self, row: dict[Any, Any]) -> str:
        decimals = decimals_for((row["high"] - row["low"]) / 2)
        ends = f"{number(100 * row['low'], decimals)} to {points(row['high'], decimals)}"
        return (
            f"At {long_time(row['age'], self.unit)} {percent(row['rate'], decimals)} of {row['arm']} are still there "
            f"and {percent(row['control_rate'], decimals)} of {self.control}, a difference of "
            f"{points(row['difference'], decimals)} ({percent(self.curves.level, 0)} interval {ends}; "
            f"{shown_p(row['p_value'])})."
        )


def compare_stays(
    stays: Any,
    *,
    arm: str = "arm",
    control: str = "control",
    horizon: float | None = None,
    ages: Sequence[float] = (),
    scale: str = "log-log",
    level: float = 0.95,
    unit: str = "month",
) -> StayComparison:
    """Compare how long units of each arm stay: curves, log-rank, mean time within the horizon, retention at `ages`.

    `stays` (a frame of any engine) has one row a unit: `arm`, `duration` (from exposure until the unit left or was last
    seen), `left` (true or false) and, where units came under observation later, `entry`. By default `horizon` is the
    longest time for which every arm was seen. `scale` says how retention at an age is tested: "log-log" holds for few
    units and near 0 and 1, "plain" is the difference over its standard error.

    Warns with `FollowUpWarning` where one arm was watched for longer than another (p below 0.001).
    Raises `ExperimentError` for missing arm labels, fewer than two arms or no arm `control`; `DataContractError` for
    stays that can't be, such as a negative duration; `NotEnoughDataError` where nobody left at all, or for a horizon or
    age beyond what every arm was seen for, with the longest that works; `ConfigError` for arguments that can't be.
    Sources: Klein, Logan, Harhoff & Andersen (2007), Statistics in Medicine 26, 4505-4519, for retention at an age; Zou
    & Donner (2008), Statistics in Medicine 27, 1693-1702, for its interval; those of `clvhelpers.churn` for the rest.

    >>> stays = pd.DataFrame({"duration": [1, 2, 4, 6, 6, 3, 5, 6, 6, 6], "left": [1, 1, 1, 1, 0, 1, 1, 0, 0, 0],
    ...                       "arm": ["control"] * 5 + ["offer"] * 5})
    >>> compared = compare_stays(stays, ages=[3])
    >>> compared.frame[["control_mean", "mean", "difference"]].round(2).to_numpy().tolist()
    [[3.8, 5.2, 1.4]]
    >>> compared.retention[["control_rate", "rate", "difference", "standard_error"]].round(3).to_numpy().tolist()
    [[0.6, 0.8, 0.2, 0.283]]
    """
    check_level(level)
    check_unit(unit)
    one_of(scale, SCALES, "scale")
    rows = stays_by_arm(stays, arm, control)
    test = log_rank(rows, "arm")
    curves = kaplan_meier(rows, "arm", level=level, unit=unit)
    longest = _longest(curves)
    means = restricted_mean(curves, longest if horizon is None else horizon)
    frame = pd.DataFrame([_mean_row(means, name) for name in curves.groups[1:]])
    retention = _retention(curves, ages, longest, scale)
    follow_up = _follow_up(rows, unit, longest)
    if follow_up:
        warnings.warn(follow_up, FollowUpWarning, stacklevel=2)
    return StayComparison(frame, retention, curves, means, test, scale, follow_up)


def stays_by_arm(stays: Any, arm: str, control: str, also: Sequence[str] = ()) -> pd.DataFrame:
    """`duration, left, arm`, `entry` where there is one, and the columns `also`; one row a unit, in pandas.

    The arms are a categorical with the control first. Raises `ExperimentError` for columns that are not there, units
    without an arm, fewer than two arms or no arm `control`.

    >>> stays = pd.DataFrame({"group": ["b", "a"], "duration": [1, 2], "left": [1, 0]})
    >>> stays_by_arm(stays, "group", "b")["arm"].cat.categories.to_list()
    ['b', 'a']
    """
    frame = as_frame(stays, "the frame of stays")
    schema = frame.collect_schema()
    missing = [name for name in (arm, "duration", "left", *also) if name not in schema]
    if missing:
        raise ExperimentError(
            f"no column {', '.join(map(repr, missing))} in the stays: they have {', '.join(map(repr, schema))}. A stay "
            "needs an arm, duration (from exposure to the end, or to when last seen) and left (true or false)"
        )
    wanted = frame.select(arm, "duration", "left", *(name for name in ("entry",) if name in schema), *also)
    rows = wanted.lazy().collect().to_pandas().rename(columns={arm: "arm"})
    unlabelled = int(rows["arm"].isna().sum())
    names = [str(name) for name in rows["arm"].dropna().unique()]
    problems = []
    if unlabelled:
        problems.append(
            f"{count(unlabelled, 'unit')} without an arm: find out from the assignment log which arm they were in, for "
            "leaving them out would undo the randomisation"
        )
    if str(control) not in names:
        problems.append(f"nobody is in the arm {control!r}: name the control, one of {', '.join(names) or '(none)'}")
    if len(names) < 2:
        problems.append(f"only the arm {', '.join(names) or '(none)'} is there: a comparison needs two")
    if problems:
        raise ExperimentError(problems)
    order = [str(control), *sorted(name for name in names if name != str(control))]
    return rows.assign(arm=pd.Categorical(rows["arm"].astype(str), order))


def _longest(curves: Survival) -> float:
    """The longest time for which every arm is known: until its last unit was seen, or all were gone."""
    lasts = [rows.iloc[-1] for rows in curves.curves().values()]
    seen = [float(last["time"]) for last in lasts if last["survival"] > 0]
    return min(seen) if seen else max(float(last["time"]) for last in lasts)


def _mean_row(means: RestrictedMeans, arm: str) -> dict[str, Any]:
    control = means.curves.groups[0]
    mean, error = means.by_group("mean"), means.by_group("standard_error")
    difference, spread = mean[arm] - mean[control], float(np.hypot(error[arm], error[control])) or np.nan
    z = NormalDist().inv_cdf(0.5 + means.level / 2)
    return {
        "arm": arm,
        "control_mean": mean[control],
        "mean": mean[arm],
        "difference": difference,
        "standard_error": spread,
        "low": difference - z * spread,
        "high": difference + z * spread,
        "p_value": _two_sided(difference, spread),
    }


def _two_sided(difference: float, error: float) -> float:
    """The p-value of a difference that is normal with this standard error; missing without one."""
    return 2 * NormalDist().cdf(-abs(difference) / error) if error > 0 and np.isfinite(difference) else np.nan


def _retention(curves: Survival, ages: Sequence[float], longest: float, scale: str) -> pd.DataFrame:
    wrong = [age for age in ages if not (np.isfinite(age) and age > curves.start)]
    if wrong:
        raise ConfigError(f"ages are {list(ages)}: expected ages after the start of the curves, {curves.start:g}")
    late = [age for age in ages if age > longest]
    if late:
        raise NotEnoughDataError(
            f"not every arm was seen for {long_time(max(late), curves.unit)}: take ages of {longest:g} or less, or wait"
        )
    rows = [
        {"age": age, "arm": arm}
        | _rate_row(_at(curves, arm, age), _at(curves, curves.groups[0], age), curves.level, scale)
        for age in ages
        for arm in curves.groups[1:]
    ]
    columns = ["age", "arm", "control_rate", "rate", "difference", "standard_error", "low", "high", "p_value"]
    return pd.DataFrame(rows, columns=columns)


def _at(curves: Survival, arm: str, age: float) -> dict[str, float]:
    """The row of an arm's curve that holds at an age."""
    rows = curves.curve(arm)
    found = rows[rows["time"] <= age].iloc[-1]
    return {name: float(found[name]) for name in ("survival", "standard_error", "low", "high")}


def _rate_row(one: dict[str, float], other: dict[str, float], level: float, scale: str) -> dict[str, float]:
    difference = one["survival"] - other["survival"]
    error = float(np.hypot(one["standard_error"], other["standard_error"]))
    if scale == "plain":
        half = NormalDist().inv_cdf(0.5 + level / 2) * error if error > 0 else np.nan
        low, high, p_value = difference - half, difference + half, _two_sided(difference, error)
    else:
        ends = [(part["survival"], part["low"], part["high"]) for part in (one, other)]
        low, high = combined_interval(ends[0], ends[1])
        p_value = _log_log_test(one, other)
    return {
        "control_rate": other["survival"],
        "rate": one["survival"],
        "difference": difference,
        "standard_error": error,
        "low": float(low),
        "high": float(high),
        "p_value": p_value,
    }


def _log_log_test(one: dict[str, float], other: dict[str, float]) -> float:
    """The p-value of log(-log S) being alike; missing where a curve is still 1 or already 0, which has none."""
    if not all(0 < part["survival"] < 1 for part in (one, other)):
        return np.nan
    logs = [np.log(part["survival"]) for part in (one, other)]
    errors = [part["standard_error"] / part["survival"] / -log for part, log in zip((one, other), logs, strict=True)]
    return _two_sided(float(np.log(logs[0] / logs[1])), float(np.hypot(*errors)))


def _follow_up(rows: pd.DataFrame, unit: str, longest: float) -> str:
    """That the arms were watched unequally, if they were: the curves of being watched, of which leaving is the end.

    Who left at the moment at which others were last seen was watched until then, so these come first.
    """
    rows = rows[["duration", "arm"]].assign(left=~rows["left"].astype(bool))  # the end of being watched
    if not rows["left"].any():
        return ""
    in_order = rows.assign(duration=2 * rows["duration"].rank(method="dense") + rows["left"])
    if log_rank(in_order, "arm").p_value >= UNEQUAL:
        return ""
    medians = kaplan_meier(rows, "arm", unit=unit).median()
    told = ", ".join(
        f"{row['group']} {'longer than all' if np.isnan(row['median']) else long_time(row['median'], unit)}"
        for row in medians.to_dict("records")
    )
    return (
        f"The arms were watched for unequal times, more so than by chance (half of the units for at least: {told}): "
        f"find out why, such as an arm that began earlier. All arms were seen for {long_time(longest, unit)} at most, "
        "and nothing is compared beyond that."
    )
