"""How long customers stay on average within a horizon: the area under the curve of survival.

The plain mean needs the end of the curve, which nobody has seen while customers still stay. The mean
within the first 12 or 36 months needs only what was seen, and it is in months, which turn into money.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.churn.stays import EVERYBODY, FEWEST_AT_RISK, long_time
from clvhelpers.churn.survival import Survival, greenwood_terms
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture


@dataclass(frozen=True, eq=False)
class RestrictedMeans:
    """The mean time that customers stay until `horizon`, for each group.

    `frame` has one row a group: `group`, `mean` (in `unit`s, counted from the start of the curve), `standard_error`,
    `low`, `high`, `at_risk` (customers under observation at the horizon). A group of whom none left by the
    horizon stays all of it; its standard error and interval are missing, as nothing tells them.
    """

    frame: pd.DataFrame
    horizon: float
    curves: Survival
    level: float

    @property
    def unit(self) -> str:
        return self.curves.unit

    def by_group(self, column: str) -> dict[str, float]:
        """One column of `frame`, by the name of the group."""
        return dict(zip(self.frame["group"], self.frame[column].astype(float), strict=True))

    def difference(self, first: str, second: str) -> "MeanDifference":
        """How much longer customers of the group `first` stay than those of `second` within the horizon.

        Raises ConfigError for a group that is not there, NotEnoughDataError where one of them has no standard error.
        """
        for name in (first, second):
            self.curves.curve(name)
        errors = self.by_group("standard_error")
        unsure = [name for name in (first, second) if np.isnan(errors[name])]
        if unsure:
            raise NotEnoughDataError(
                f"none of {', '.join(unsure)} left within {long_time(self.horizon, self.unit)}, so the difference has "
                "no standard error: take a later horizon, or wait until some have left"
            )
        return _difference(self, first, second)

    def sentence(self) -> str:
        """The mean of each group in words."""
        parts = []
        for row in self.frame.to_dict("records"):
            who = "" if row["group"] == EVERYBODY else f"{row['group']} "
            interval = f"{number(row['low'], 1)} to {number(row['high'], 1)}"
            told = "nobody left" if np.isnan(row["low"]) else interval
            few = f"; only {number(row['at_risk'])} seen for so long" if row["at_risk"] < FEWEST_AT_RISK else ""
            parts.append(f"{who}{long_time(row['mean'], self.unit)} ({told}{few})")
        return (
            f"Of {_span(self)} customers stay on average, with {percent(self.level, 0)} intervals: {'; '.join(parts)}."
        )

    def plot(self) -> "Picture":
        """The mean of each group as a point with its interval."""
        from clvhelpers.plots.survival import mean_points

        return mean_points(self)


@dataclass(frozen=True, eq=False)
class MeanDifference:
    """Mean time in group `first` less that in group `second`, within the horizon of `means`."""

    first: str
    second: str
    difference: float
    standard_error: float
    low: float
    high: float
    p_value: float
    means: RestrictedMeans

    @property
    def frame(self) -> pd.DataFrame:
        """One row: `first, second, difference, standard_error, low, high, p_value`."""
        names = ("first", "second", "difference", "standard_error", "low", "high", "p_value")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def sentence(self) -> str:
        """The difference in words, and what it does not say."""
        unit = self.means.unit
        longer = "longer" if self.difference >= 0 else "shorter"
        ends = sorted((self.low, self.high)) if self.difference >= 0 else sorted((-self.low, -self.high))
        return (
            f"Of {_span(self.means)} a customer of {self.first} stays {long_time(abs(self.difference), unit)} "
            f"{longer} on average than one of {self.second} ({percent(self.means.level, 0)} interval "
            f"{number(ends[0], 1)} to {number(ends[1], 1)}). Where customers chose their group, this says how the "
            "groups differ and not what moving a customer would do."
        )

    def plot(self) -> "Picture":
        """Both curves to the horizon and the area between them."""
        from clvhelpers.plots.survival import area_between

        return area_between(self)


def restricted_mean(curves: Survival, horizon: float) -> RestrictedMeans:
    """The area under each curve up to age `horizon`, with the standard error that belongs to it.

    The variance is the sum, over ages t up to the horizon, of (area from t to the horizon)^2 d / (n (n - d)); a
    term where all at risk left counts 0. Intervals are normal, of the curves' own level.

    Raises `NotEnoughDataError` where a group was not seen for so long (the message names the longest horizon
    that works), `ConfigError` for a horizon that is not after the start of the curve.
    Source: Klein & Moeschberger (2003), Survival Analysis, 2nd ed., section 4.5.

    >>> from clvhelpers.churn import kaplan_meier
    >>> curve = kaplan_meier(pd.DataFrame({"duration": [1, 2, 2, 3, 5], "left": [1, 1, 0, 1, 0]}))
    >>> restricted_mean(curve, 4).frame[["mean", "standard_error"]].round(3).to_numpy().tolist()
    [[2.7, 0.507]]
    """
    _check_horizon(curves, horizon)
    rows = [{"group": name} | _area(one, horizon) for name, one in curves.curves().items()]
    frame = pd.DataFrame(rows)
    z = NormalDist().inv_cdf(0.5 + curves.level / 2)
    half = z * frame["standard_error"]
    frame = frame.assign(low=(frame["mean"] - half).clip(lower=0), high=frame["mean"] + half)
    columns = ["group", "mean", "standard_error", "low", "high", "at_risk"]
    return RestrictedMeans(frame[columns], float(horizon), curves, curves.level)


def _check_horizon(curves: Survival, horizon: float) -> None:
    if not np.isfinite(horizon) or horizon <= curves.start:
        raise ConfigError(f"horizon is {horizon}: expected an age after the start of the curves, {curves.start:g}")
    lasts = {name: rows.iloc[-1] for name, rows in curves.curves().items()}
    short = {name: row["time"] for name, row in lasts.items() if row["time"] < horizon and row["survival"] > 0}
    if short:
        told = ", ".join(f"{name} for {long_time(time, curves.unit)}" for name, time in short.items())
        raise NotEnoughDataError(
            f"nobody was seen for {long_time(horizon, curves.unit)}: {told} at most. Take a horizon of "
            f"{min(short.values()):g} or less, or wait for more data"
        )


def _area(rows: pd.DataFrame, horizon: float) -> dict[str, float]:
    rows = rows[rows["time"] <= horizon]
    survival = rows["survival"].to_numpy()
    steps = np.diff(np.append(rows["time"].to_numpy(dtype=float), horizon)) * survival
    remaining = np.cumsum(steps[::-1])[::-1]
    n, d = rows["at_risk"].to_numpy(dtype=float), rows["events"].to_numpy(dtype=float)
    variance = float(np.sum(remaining**2 * greenwood_terms(n, d)))
    last = rows.iloc[-1]
    after = last["at_risk"] - last["events"] - last["censored"] + last["entered"]
    still = last["at_risk"] if last["time"] == horizon else after
    error = np.sqrt(variance) if d.sum() > 0 else np.nan
    return {"mean": float(steps.sum()), "standard_error": error, "at_risk": int(still)}


def _difference(means: RestrictedMeans, first: str, second: str) -> MeanDifference:
    mean, errors = means.by_group("mean"), means.by_group("standard_error")
    difference = mean[first] - mean[second]
    error = float(np.hypot(errors[first], errors[second]))
    if error == 0:
        raise NotEnoughDataError(
            f"{first} and {second} left all at once, at one age each, so the difference has no standard error: "
            "more customers are needed"
        )
    half = NormalDist().inv_cdf(0.5 + means.level / 2) * error
    p_value = 2 * NormalDist().cdf(-abs(difference) / error)
    return MeanDifference(first, second, difference, error, difference - half, difference + half, p_value, means)


def _span(means: RestrictedMeans) -> str:
    """ "the first 12 months", or "the 12 months after month 3"."""
    start, unit = means.curves.start, means.unit
    if start == 0:
        return f"the first {long_time(means.horizon, unit)}"
    return f"the {long_time(means.horizon - start, unit)} after {unit} {number(start, 1)}"
