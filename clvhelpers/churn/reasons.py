"""Why customers leave: reasons as competing risks, and counts by reason.

A customer who left for one reason can no longer leave for another. The share that has left for a
reason by some age is the cumulative incidence: at each age those still there, times the share of them
who leave for that reason. 1 - Kaplan-Meier for one reason, with the others taken as "last seen", is
something else: the share that would leave if the other reasons did not exist. It is too high, and the
reasons add up to more than all leavers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.churn.stays import (
    EVERYBODY,
    FEWEST_AT_RISK,
    Array,
    By,
    Stays,
    check_level,
    check_unit,
    read_stays,
)
from clvhelpers.churn.survival import ROUNDING, greenwood_terms, risk_table
from clvhelpers.cohorts import wilson_interval
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture


@dataclass(frozen=True, eq=False)
class Incidence:
    """The share of customers that has left for each reason by each age.

    `frame` has one row a group, reason and age: `group`, `reason`, `time`, `at_risk`, `events` (left for that
    reason), `incidence`, `standard_error`, `low`, `high`. At every age the reasons of a group add up
    to 1 - Kaplan-Meier.
    """

    frame: pd.DataFrame
    unit: str
    level: float
    start: float

    @property
    def groups(self) -> list[str]:
        return self.frame["group"].drop_duplicates().tolist()

    @property
    def reasons(self) -> list[str]:
        """The reasons, the one that took most customers first."""
        return self.frame["reason"].drop_duplicates().tolist()

    def curve(self, reason: str, group: str = EVERYBODY) -> pd.DataFrame:
        """The rows of one reason and group; ConfigError names those that there are."""
        rows = self.frame[(self.frame["reason"] == reason) & (self.frame["group"] == group)]
        if rows.empty:
            raise ConfigError(
                f"nothing is known of reason {reason!r} in group {group!r}; the reasons are "
                f"{', '.join(self.reasons)}, the groups {', '.join(self.groups)}"
            )
        return rows.reset_index(drop=True)

    def last(self, reason: str, group: str = EVERYBODY) -> pd.Series:
        """The last row that rests on enough customers at risk, at a whole age where there is one; else the last."""
        rows = self.curve(reason, group)
        enough = rows[(rows["at_risk"] >= FEWEST_AT_RISK) & (rows["time"] > self.start)]
        whole = enough[enough["time"] % 1 == 0]
        return next(part for part in (whole, enough, rows) if len(part)).iloc[-1]

    def at(self, times: Sequence[float]) -> pd.DataFrame:
        """The shares at the given ages: `group, reason, time, incidence, low, high`; missing where nobody was seen."""
        asked = np.asarray(times, dtype=float)
        lasts = self.frame.groupby(["group", "reason"], sort=False).tail(1)
        gone = lasts.groupby("group")["incidence"].sum() > 1 - ROUNDING  # all have left, so nothing changes any more
        found = []
        for (group, reason), rows in self.frame.groupby(["group", "reason"], sort=False):
            known = rows["time"].to_numpy()
            row = np.searchsorted(known, asked, side="right") - 1
            told = rows[["incidence", "low", "high"]].iloc[np.maximum(row, 0)].reset_index(drop=True)
            told = told.mask(pd.Series((row < 0) | ((asked > known[-1]) & ~gone[str(group)])))
            found.append(told.assign(group=str(group), reason=str(reason), time=asked))
        return pd.concat(found, ignore_index=True)[["group", "reason", "time", "incidence", "low", "high"]]

    def sentence(self) -> str:
        """The share lost to each reason by the last age at which enough customers are seen."""
        parts = []
        for group in self.groups:
            last = [self.last(reason, group) for reason in self.reasons]
            shares = [percent(row["incidence"]) + (" had left" if i == 0 else "") for i, row in enumerate(last)]
            told = ", ".join(
                f"{share} for {row['reason']} ({percent(row['low'])} to {percent(row['high'])})"
                for share, row in zip(shares, last, strict=True)
            )
            who = "By" if group == EVERYBODY else f"{group}: by"
            parts.append(f"{who} {self.unit} {number(last[0]['time'])}, {told}")
        return f"{'. '.join(parts)}. In brackets {percent(self.level, 0)} intervals."

    def plot(self) -> "Picture":
        """The shares stacked along age, a panel for each group."""
        from clvhelpers.plots.leaving import incidence_areas

        return incidence_areas(self)


@dataclass(frozen=True, eq=False)
class ReasonCounts:
    """Leavers by reason. `frame` has one row a group and reason: `group`, `reason`, `leavers`, `share` (of the
    group's leavers), `low`, `high` (Wilson's interval of that share)."""

    frame: pd.DataFrame
    level: float

    def sentence(self) -> str:
        """The most frequent reason of each group."""
        told = []
        for group, rows in self.frame.groupby("group", sort=False):
            top, total = rows.iloc[int(rows["share"].argmax())], int(rows["leavers"].sum())
            who = "" if group == EVERYBODY else f"{group}: "
            told.append(
                f"{who}{top['reason']}, {percent(top['share'], 0)} of {count(total, 'leaver')} "
                f"({percent(top['low'], 0)} to {percent(top['high'], 0)})"
            )
        return f"The most frequent reason for leaving is, with {percent(self.level, 0)} intervals: {'; '.join(told)}."

    def plot(self) -> "Picture":
        """Bars with the shares of the reasons, one bar a group."""
        from clvhelpers.plots.leaving import reason_bars

        return reason_bars(self)


def cumulative_incidence(
    stays: pd.DataFrame,
    by: By = None,
    *,
    reason: str = "reason",
    start: float | None = None,
    level: float = 0.95,
    unit: str = "month",
) -> Incidence:
    """The share of customers lost to each reason by each age, for everyone or each group of `by` (Aalen-Johansen).

    `stays` as for `kaplan_meier`, with the column `reason`: why the customer left, missing for one who is still
    there. The interval is on the scale of log(-log F) (Choudhury 2002, Statistics in Medicine 21,
    1129-1144); before the first leaver it is the exact one for none of those at risk.

    Raises `DataContractError` for a leaver without a reason or a reason without a leaver, `NotEnoughDataError`
    where nobody left, and what `kaplan_meier` raises.
    Sources: Aalen & Johansen (1978), Scandinavian Journal of Statistics 5, 141-150; variance by the delta
    method: Marubini & Valsecchi (1995), Analysing Survival Data, section 10.2.

    >>> stays = pd.DataFrame({"duration": [1, 2, 2, 4, 5], "left": [1, 1, 0, 1, 0]})
    >>> found = cumulative_incidence(stays.assign(reason=["price", "moved", None, "price", None]))
    >>> found.at([5])[["reason", "incidence"]].values.tolist()
    [['price', 0.5], ['moved', 0.2]]
    """
    check_level(level)
    check_unit(unit)
    checked = read_stays(stays, by)
    codes, names = _reasons(stays, reason)
    begun = checked.begun(start)
    kept = codes[checked.duration > begun.start] if begun.start > 0 else codes
    frames = [
        _incidences(begun.of(group), kept[begun.group == i], names, group, level, unit)
        for i, group in enumerate(begun.groups)
    ]
    return Incidence(pd.concat(frames, ignore_index=True), unit, level, begun.start)


def reason_counts(stays: pd.DataFrame, by: By = None, *, reason: str = "reason", level: float = 0.95) -> ReasonCounts:
    """Leavers by reason, for everyone or for each group of `by`, with their share among the group's leavers.

    Raises as `cumulative_incidence`; and `NotEnoughDataError` names a group of which nobody left.

    >>> stays = pd.DataFrame({"duration": [1, 2, 2], "left": [1, 1, 0], "reason": ["price", "price", None]})
    >>> reason_counts(stays).frame[["reason", "leavers", "share"]].values.tolist()
    [['price', 2, 1.0]]
    """
    check_level(level)
    checked = read_stays(stays, by)
    codes, names = _reasons(stays, reason)
    counts = np.array([np.bincount(codes[(checked.group == i) & (codes >= 0)], minlength=len(names))
                       for i in range(len(checked.groups))])  # fmt: skip
    nobody = [name for name, row in zip(checked.groups, counts, strict=True) if not row.sum()]
    if nobody:
        raise NotEnoughDataError(f"nobody of {', '.join(nobody)} left, so there are no shares of reasons: leave it out")
    totals = counts.sum(axis=1, keepdims=True)
    low, high = wilson_interval(counts / totals, totals, level)
    columns = {"leavers": counts, "share": counts / totals, "low": low, "high": high}
    index = pd.MultiIndex.from_product([checked.groups, names], names=["group", "reason"])
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index)
    return ReasonCounts(frame.reset_index(), level)


def _reasons(stays: pd.DataFrame, column: str) -> tuple[npt.NDArray[np.intp], list[str]]:
    """The reason of each row as a place in the list of them (most frequent first), -1 where there is none."""
    if column not in stays:
        raise DataContractError(f"the stays have no column {column}; they have {', '.join(map(str, stays))}")
    told, left = stays[column].notna().to_numpy(), stays["left"].to_numpy().astype(bool)
    problems = []
    if (left & ~told).any():
        problems.append(f"{_rows(left & ~told)} left without a {column}: give one, such as 'unknown'")
    if (told & ~left).any():
        problems.append(f"{_rows(told & ~left)} has a {column} and did not leave: correct left, or remove it")
    if problems:
        raise DataContractError(problems)
    counts = stays[column].astype(str)[told].value_counts()
    names = sorted(counts.index, key=lambda name: (-counts[name], name))
    if not names:
        raise NotEnoughDataError("nobody left, so there is no reason to count: wait until some have")
    return pd.Categorical(stays[column].astype(str).where(told), categories=names).codes.astype(np.intp), names


def _rows(bad: npt.NDArray[np.bool_]) -> str:
    more = int(bad.sum()) - 1
    return f"row {int(np.argmax(bad))}" + (f" (and {number(more)} more)" if more else "")


def _incidences(
    stays: Stays, codes: npt.NDArray[np.intp], names: list[str], group: str, level: float, unit: str
) -> pd.DataFrame:
    table = risk_table(stays, group, unit)
    times, n, d = (table[name].to_numpy(dtype=float) for name in ("time", "at_risk", "events"))
    before = np.append(1.0, np.cumprod(1 - np.divide(d, n, out=np.zeros_like(n), where=n > 0))[:-1])
    parts = []
    for code, name in enumerate(names):
        events = stays.ended(times, codes == code).astype(float)
        incidence = np.cumsum(before * np.divide(events, n, out=np.zeros_like(n), where=n > 0))
        error = np.sqrt(_variance(incidence, before, n, d, events))
        low, high = _interval(incidence, error, n, level)
        columns = {"incidence": incidence, "standard_error": error, "low": low, "high": high}
        parts.append(table[["group", "time", "at_risk"]].assign(reason=name, events=events.astype(int), **columns))
    order = ["group", "reason", "time", "at_risk", "events", "incidence", "standard_error", "low", "high"]
    return pd.concat(parts, ignore_index=True)[order]


def _variance(incidence: Array, before: Array, n: Array, d: Array, events: Array) -> Array:
    """Of F(t): the sum over ages u up to t of the three terms of the delta method, each with F(t) - F(u) taken apart.

    (F(t) - F(u))^2 d / (n (n - d)) + S(u-)^2 e (n - e) / n^3 - 2 (F(t) - F(u)) S(u-) e / n^2
    """
    safe = np.maximum(n, 1)
    death, own = greenwood_terms(n, d), before**2 * events * (safe - events) / safe**3
    cross = before * events / safe**2
    total = incidence**2 * death.cumsum() - 2 * incidence * (incidence * death).cumsum()
    total += (incidence**2 * death).cumsum() + own.cumsum()
    total -= 2 * (incidence * cross.cumsum() - (incidence * cross).cumsum())
    return np.maximum(total, 0)


def _interval(incidence: Array, error: Array, n: Array, level: float) -> tuple[Array, Array]:
    z, tail = NormalDist().inv_cdf(0.5 + level / 2), (1 - level) / 2
    inside = (incidence > 0) & (incidence < 1)
    log = np.log(incidence, out=np.full_like(incidence, -1.0), where=inside)
    width = np.exp(z * error / (np.where(inside, incidence, 1.0) * -log))
    low = pd.Series(np.where(inside, np.exp(log * width), np.where(incidence > 0, np.nan, 0.0))).ffill().fillna(0.0)
    none_left = 1 - tail ** (1 / np.maximum(n, 1))
    none_left[0] = 0.0
    high = np.where(inside, np.exp(log / width), np.where(incidence > 0, 1.0, none_left))
    return low.to_numpy(), high
