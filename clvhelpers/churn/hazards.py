"""How fast customers leave: leavers per month of customers watched, by age and by group.

The hazard answers what the curve hides: is the danger in the first months, or does it stay? It needs
no one to be seen from beginning to end, so customers of before the window and changes of plan fit in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from clvhelpers.churn.stays import EVERYBODY, Array, By, Stays, check_level, check_unit, read_stays
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture


@dataclass(frozen=True, eq=False)
class Hazards:
    """Churn rates of groups and ages.

    `frame` has one row a group and span of ages: `group`, `age_from`, `age_to`, `customers` (seen in that span),
    `exposure` (time that they were seen in it, in `unit`s), `leavers`, `hazard` (leavers / exposure, a rate per
    customer and `unit`), `low`, `high`. Where nobody was seen the rate is missing.
    """

    frame: pd.DataFrame
    unit: str
    level: float

    @property
    def groups(self) -> list[str]:
        return self.frame["group"].drop_duplicates().tolist()

    def sentence(self) -> str:
        """The lowest and the highest rate in words."""
        known = self.frame.dropna(subset="hazard")
        rows = [known.iloc[int(known["hazard"].argmax())], known.iloc[int(known["hazard"].argmin())]]
        if len(known) == 1:
            return f"{self._rate(rows[0])}: {self._based_on(rows[0])}. {self._brackets()}"
        names = ("Customers leave fastest", "slowest")
        told = [
            f"{name} {self._where(row)}, {self._rate(row)}, {self._based_on(row)}"
            for name, row in zip(names, rows, strict=True)
        ]
        return f"{'; '.join(told)}. {self._brackets()}"

    def plot(self) -> "Picture":
        """The rates as points with their intervals: along age where there are spans of it, else by group."""
        from clvhelpers.plots.leaving import hazard_points

        return hazard_points(self)

    def _rate(self, row: pd.Series) -> str:
        interval = f"{percent(row['low'])} to {percent(row['high'])}"
        return f"{percent(row['hazard'])} a {self.unit} ({interval})"

    def _based_on(self, row: pd.Series) -> str:
        return f"{count(int(row['leavers']), 'leaver')} in {number(row['exposure'])} customer-{self.unit}s"

    def _where(self, row: pd.Series) -> str:
        who = "" if row["group"] == EVERYBODY else f"in {row['group']}"
        spans = self.frame[["age_from", "age_to"]].drop_duplicates()
        when = "" if len(spans) == 1 else f"in {span_name(row['age_from'], row['age_to'], self.unit)}"
        return " ".join(part for part in (who, when) if part)

    def _brackets(self) -> str:
        return f"In brackets {percent(self.level, 0)} intervals."


def hazard_table(
    stays: pd.DataFrame,
    by: By = None,
    ages: Sequence[float] | None = None,
    *,
    level: float = 0.95,
    unit: str = "month",
) -> Hazards:
    """Leavers per customer and `unit`, for each group of `by` and each span between two of `ages`.

    `ages` such as `[0, 3, 12, 36]` makes spans above 0 up to 3, above 3 up to 12 and so on; without it, all ages
    are one span.
    `stays` as for `kaplan_meier`; to compare plans by who was on them when, take `plan_spells`. The interval
    is exact for a count (Garwood 1936, Biometrika 28, 437-442), so that no leaver gives an upper end too.

    Raises `ConfigError` for ages that do not rise or leave out some that were seen, and what
    `kaplan_meier` raises for stays.

    >>> stays = pd.DataFrame({"duration": [1, 2, 2, 3, 5], "left": [1, 1, 0, 1, 0]})
    >>> hazard_table(stays, ages=[0, 2, 5]).frame[["exposure", "leavers", "hazard"]].round(3).to_numpy().tolist()
    [[9.0, 2.0, 0.222], [4.0, 1.0, 0.25]]
    """
    check_level(level)
    check_unit(unit)
    checked = read_stays(stays, by)
    edges = _edges(checked, ages)
    frame = pd.concat([_rates(checked.of(name), name, edges) for name in checked.groups], ignore_index=True)
    if frame["exposure"].sum() == 0:
        raise NotEnoughDataError("every stay has length 0, so nobody was watched for any time: there is no rate")
    low, high = rate_interval(frame["leavers"].to_numpy(dtype=float), frame["exposure"].to_numpy(), level)
    return Hazards(frame.assign(low=low, high=high), unit, level)


def rate_interval(events: Array, exposure: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Garwood's exact interval for a rate: that of a Poisson count, divided by the time watched.

    >>> low, high = rate_interval(np.array([10.0]), np.array([100.0]))
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.048], [0.1839])
    """
    tail = (1 - level) / 2
    time = np.where(exposure > 0, exposure, np.nan)
    low = np.where(events > 0, gammaincinv(np.maximum(events, 1), tail), 0.0)
    return low / time, gammaincinv(events + 1, 1 - tail) / time


def span_name(low: float, high: float, unit: str) -> str:
    """Ages above `low` up to `high` in words: "month 1", "months 4 to 12".

    >>> span_name(0, 1, "month"), span_name(3, 12, "month"), span_name(0.5, 2, "year")
    ('month 1', 'months 4 to 12', 'years 0.5 to 2')
    """
    if low % 1 or high % 1:
        return f"{unit}s {low:g} to {high:g}"
    return f"{unit} {high:g}" if high - low == 1 else f"{unit}s {low + 1:g} to {high:g}"


def _edges(stays: Stays, ages: Sequence[float] | None) -> Array:
    oldest = float(stays.duration.max())
    if ages is None:
        return np.array([0.0, max(oldest, np.finfo(float).tiny)])
    edges = np.asarray(ages, dtype=float)
    if edges.ndim != 1 or len(edges) < 2 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise ConfigError(f"ages is {ages}: expected two ages or more that rise, such as [0, 3, 12, 36]")
    if edges[0] > 0 or edges[-1] < oldest:
        raise ConfigError(
            f"ages run from {edges[0]:g} to {edges[-1]:g}, but customers were seen from 0 to {oldest:g}: begin at 0 "
            f"and end at {np.ceil(oldest):g} or later, so that nobody is left out"
        )
    return edges


def _rates(stays: Stays, name: str, edges: Array) -> pd.DataFrame:
    lows, highs = edges[:-1], edges[1:]
    entry = np.maximum(stays.entry, 0.0)
    seen = [np.minimum(stays.duration, high) - np.maximum(entry, low) for low, high in zip(lows, highs, strict=True)]
    span = np.clip(np.searchsorted(edges, stays.duration[stays.left], side="left") - 1, 0, None)
    leavers = np.bincount(span, minlength=len(lows))
    exposure = np.array([time[time > 0].sum() for time in seen])
    return pd.DataFrame(
        {
            "group": name,
            "age_from": lows,
            "age_to": highs,
            "customers": [int((time > 0).sum()) for time in seen],
            "exposure": exposure,
            "leavers": leavers,
            "hazard": np.divide(leavers, exposure, out=np.full(len(lows), np.nan), where=exposure > 0),
        }
    )
