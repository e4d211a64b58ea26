"""How long customers stay, when many of them are still there: the Kaplan-Meier curve.

A customer who still stays has not stayed "36 months" but "36 months so far". Leaving such customers
out, or counting them as if they had left, makes every customer look short-lived. The curve uses them
for as long as they were seen: S(t) is the product, over the ages up to t at which someone left, of
1 - leavers / customers at risk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.churn.stays import EVERYBODY, Array, By, Stays, check_level, check_unit, long_time, read_stays
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

ROUNDING = 1e-12  # a product of fractions that is a half may miss it by the last digit


@dataclass(frozen=True, eq=False)
class Survival:
    """The share of customers still there at each age, for one group or several.

    `frame` has one row a group and age at which something happens, from `start` on: `group`, `time`, `at_risk`
    (under observation just before), `events` (left), `censored` (last seen, still there), `entered` (came
    under observation), `survival`, `standard_error` (Greenwood's), `low`, `high`. Between two rows the curve
    is flat. `unit` is what times are in; `start` is above 0 where nobody was seen from their first day: then
    the curve is of those who stayed that long.
    """

    frame: pd.DataFrame
    unit: str
    level: float
    start: float

    @property
    def groups(self) -> list[str]:
        """The names of the groups, in order; one, "all customers", where none were asked for."""
        return self.frame["group"].drop_duplicates().tolist()

    def curve(self, group: str) -> pd.DataFrame:
        """The rows of one group; ConfigError names the groups that there are."""
        rows = self.frame[self.frame["group"] == group]
        if rows.empty:
            raise ConfigError(f"nobody is in the group {group!r}; the groups are {', '.join(self.groups)}")
        return rows.reset_index(drop=True)

    def curves(self) -> dict[str, pd.DataFrame]:
        """The rows of each group, by its name."""
        return {str(name): rows for name, rows in self.frame.groupby("group", sort=False)}

    def at(self, times: Sequence[float]) -> pd.DataFrame:
        """The curve at the given ages: `group, time, at_risk, survival, low, high`.

        Missing where nobody was seen for so long: a curve is never drawn on beyond its last customer.
        """
        return pd.concat([_read_off(rows, times).assign(group=name) for name, rows in self.curves().items()])[
            ["group", "time", "at_risk", "survival", "low", "high"]
        ].reset_index(drop=True)

    def median(self) -> pd.DataFrame:
        """The age by which half have left, with its interval: `group, median, low, high`.

        Missing where the curve (or an end of its interval) does not come down to a half while customers are seen.
        Source of the interval: Brookmeyer & Crowley (1982), Biometrics 38, 29-41.
        """
        rows = [
            (name, *(_first_at_half(rows, column) for column in ("survival", "low", "high")))
            for name, rows in self.curves().items()
        ]
        return pd.DataFrame(rows, columns=["group", "median", "low", "high"])

    def sentence(self) -> str:
        """Who was watched, how many left, and when half of them had."""
        parts = [self._group_sentence(median) for median in self.median().to_dict("records")]
        if self.start > 0:
            parts.append(f"The curves are of customers who stayed {long_time(self.start, self.unit)}, as none "
                         "was seen from the first day in every group.")  # fmt: skip
        parts.append(f"In brackets {percent(self.level, 0)} intervals.")
        return " ".join(parts)

    def plot(self, until: float | None = None) -> "Picture":
        """The curves as steps with their bands, and the customers at risk under the axis."""
        from clvhelpers.plots.survival import survival_curves

        return survival_curves(self, until)

    def _group_sentence(self, median: dict[Any, Any]) -> str:
        name = median["group"]
        rows = self.curve(name)
        seen, events = int((rows["events"] + rows["censored"]).sum()), int(rows["events"].sum())
        who = "" if name == EVERYBODY else f"{name}: "
        longest = long_time(float(rows["time"].iloc[-1]), self.unit)
        if not events:
            low = percent(rows["low"].iloc[-1])
            return (
                f"{who}none of {count(seen, 'stay')} ended in up to {longest}, so all that can be said is that at "
                f"least {low} stay that long."
            )
        ended = f"{who}{number(events)} of {count(seen, 'stay')} ended"
        if np.isnan(median["median"]):
            last = rows.iloc[-1]
            return f"{ended}; after {longest} {percent(last['survival'])} were still there, so no median is known yet."
        low, high = ("unknown" if np.isnan(median[end]) else number(median[end], 1) for end in ("low", "high"))
        return f"{ended}; half are over after {long_time(median['median'], self.unit)} ({low} to {high})."


def kaplan_meier(
    stays: pd.DataFrame, by: By = None, *, start: float | None = None, level: float = 0.95, unit: str = "month"
) -> Survival:
    """The Kaplan-Meier curve of stays, for everyone or for each group of the column or columns `by`.

    `stays` has a row a stay with `duration` and `left`, as `customer_spells` makes it; a column `entry`
    (left truncation: customers who were there before the window) is used where there is one. `unit` names
    the unit of `duration`. With entries the curve begins at the earliest age from which every group is seen,
    or at `start`, and is of those who stayed that long.

    The interval is Greenwood's on the scale of log(-log S), which stays between 0 and 1. Before the first
    leaver it is the exact one for none of the customers at risk; where the curve is 0 its upper end is the
    one before.

    Raises `DataContractError` for stays that can't be, `NotEnoughDataError` for no stay at all or an age in
    the middle at which nobody was under observation, `ConfigError` for an unknown unit, level or start.
    Sources: Kaplan & Meier (1958), JASA 53, 457-481; Kalbfleisch & Prentice (1980), section 1.3.

    >>> stays = pd.DataFrame({"duration": [1, 2, 2, 3, 5], "left": [1, 1, 0, 1, 0]})
    >>> kaplan_meier(stays).frame[["time", "at_risk", "events", "survival"]].round(3).to_numpy().tolist()
    [[0.0, 5.0, 0.0, 1.0], [1.0, 5.0, 1.0, 0.8], [2.0, 4.0, 1.0, 0.6], [3.0, 2.0, 1.0, 0.3], [5.0, 1.0, 0.0, 0.3]]
    """
    check_level(level)
    check_unit(unit)
    checked = read_stays(stays, by).begun(start)
    frames = [_estimate(checked.of(name), name, level, unit) for name in checked.groups]
    return Survival(pd.concat(frames, ignore_index=True), unit, level, checked.start)


def _estimate(stays: Stays, name: str, level: float, unit: str) -> pd.DataFrame:
    table = risk_table(stays, name, unit)
    n, d = table["at_risk"].to_numpy(dtype=float), table["events"].to_numpy(dtype=float)
    survival = np.cumprod(1 - np.divide(d, n, out=np.zeros_like(n), where=n > 0))
    greenwood = np.cumsum(greenwood_terms(n, d))
    low, high = _log_log_interval(survival, greenwood, n, level)
    error = np.where(survival > 0, survival * np.sqrt(greenwood), np.nan)
    return table.assign(survival=survival, standard_error=error, low=low, high=high)


def risk_table(stays: Stays, name: str, unit: str) -> pd.DataFrame:
    """`group, time, at_risk, events, censored, entered` of the stays of one group."""
    times = stays.times()
    at_risk = stays.at_risk(times)
    events, censored = stays.ended(times, stays.left), stays.ended(times, ~stays.left)
    entered = np.bincount(np.searchsorted(times, stays.late_entries), minlength=len(times))
    nobody = (at_risk - events - censored + entered == 0) | ((events == at_risk) & (events > 0))
    if nobody[:-1].any():
        gap = int(np.flatnonzero(nobody[:-1])[-1])
        raise NotEnoughDataError(
            f"{name}: all who were under observation at {long_time(times[gap], unit)} are gone by then, and others are "
            f"seen only at higher ages, so no curve leads across; begin it later, with start={times[gap + 1]:g}, or "
            "take a window in which more customers of that age are seen"
        )
    columns = {"time": times, "at_risk": at_risk, "events": events, "censored": censored, "entered": entered}
    return pd.DataFrame(columns).assign(group=name)[["group", *columns]]


def greenwood_terms(n: Array, d: Array) -> Array:
    """d / (n (n - d)) at each age; 0 where all at risk left, as the curve is 0 from there on."""
    return np.divide(d, n * (n - d), out=np.zeros_like(n), where=n > d)


def _log_log_interval(survival: Array, greenwood: Array, n: Array, level: float) -> tuple[Array, Array]:
    z, tail = NormalDist().inv_cdf(0.5 + level / 2), (1 - level) / 2
    inside = (survival > 0) & (survival < 1)
    log = np.log(survival, out=np.full_like(survival, -1.0), where=inside)
    width = np.exp(z * np.sqrt(greenwood) / -log)
    low = np.where(inside, np.exp(log * width), 0.0)
    high = np.where(inside, np.exp(log / width), np.nan)
    none_left = survival == 1
    low = np.where(none_left, tail ** (1 / np.maximum(n, 1)), low)
    low[0] = survival[0] if none_left[0] else low[0]
    high = np.where(none_left, 1.0, high)
    return low, pd.Series(high).ffill().fillna(1.0).to_numpy()


def _read_off(rows: pd.DataFrame, times: Sequence[float]) -> pd.DataFrame:
    """The rows that hold at the given ages; at risk are those just before."""
    asked, known = np.asarray(times, dtype=float), rows["time"].to_numpy()
    row = np.searchsorted(known, asked, side="right") - 1
    following = np.searchsorted(known, asked, side="left")
    unseen = (row < 0) | ((asked > known[-1]) & (rows["survival"].iloc[-1] > 0))
    found = rows[["survival", "low", "high"]].iloc[np.maximum(row, 0)].reset_index(drop=True)
    found = found.mask(pd.Series(unseen))
    at_risk = np.append(rows["at_risk"].to_numpy(), 0)[following]
    return found.assign(time=asked, at_risk=at_risk)


def _first_at_half(rows: pd.DataFrame, column: str) -> float:
    down = rows[column].to_numpy() <= 0.5 + ROUNDING
    return float(rows["time"].iloc[int(np.argmax(down))]) if down.any() else np.nan
