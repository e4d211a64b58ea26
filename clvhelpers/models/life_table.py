"""Who left and who stayed at each renewal: all that a model of contracts asks of its data, and the checks of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.errors import DataContractError, NotEnoughDataError
from clvhelpers.models.frames import refuse
from clvhelpers.text import count, number, plain

if TYPE_CHECKING:
    from clvhelpers.models.contract_parameters import ContractParameters

Array = np.ndarray
FEWEST_LOST = 10
MOST_PERIODS = 1_000_000
TINY = 1e-300  # keeps the logarithm of a churn that has no digits left from being infinite


@dataclass(frozen=True, eq=False)
class LifeTable:
    """For each renewal `t` (1, 2, ...) at which somebody was watched: how many were `lost`, and how many `renewed`.

    `customers` met one renewal at the least while they were watched.
    """

    t: Array
    lost: Array
    renewed: Array
    customers: float

    @property
    def churn(self) -> float:
        """The share who left, of all renewals together; half a leaving is added, so that it is never 0 or 1."""
        return float((self.lost.sum() + 0.5) / (self.lost.sum() + self.renewed.sum() + 1))


def count_renewals(rows: pd.DataFrame) -> LifeTable:
    """The life table of rows with `duration`, `left`, `entry` and `weight`.

    A row has met the renewals after `entry` up to `duration`, and was lost at the last one where `left` is 1. Those
    who met none while they were watched tell nothing and are left out.
    """
    whole = rows.assign(duration=rows["duration"] // 1, entry=rows["entry"] // 1)
    whole = whole[whole["duration"] > whole["entry"]]
    start, end = whole["entry"].to_numpy(dtype=int), whole["duration"].to_numpy(dtype=int)
    weight, left = whole["weight"].to_numpy(), whole["left"].to_numpy() == 1
    size = int(end.max(initial=0)) + 2
    change = np.bincount(start + 1, weight, size) - np.bincount(end + 1, weight, size)
    lost = np.bincount(end[left], weight[left], size)
    seen = np.bincount(start + 1, minlength=size) - np.bincount(end + 1, minlength=size)
    met = np.flatnonzero(np.cumsum(seen) > 0)
    renewed = np.maximum(np.cumsum(change) - lost, 0.0)[met]
    return LifeTable(met.astype(float), lost[met], renewed, float(weight.sum()))


class RenewalLikelihood:
    """The log-likelihood of a life table: each renewal is a draw of its own, of leaving or staying.

    The product of a customer's retention rates up to the last one (and of the churn there) is the probability of its
    lifetime, so this is equation 5 of the appendix of Fader & Hardie (2007) for any model; renewals before a customer
    was watched are simply not in the table.
    """

    def __init__(self, table: LifeTable, equations: "type[ContractParameters]"):
        self.table, self.total, self.equations = table, table.customers, equations

    def value(self, log_parameters: Array) -> float:
        return self._value(self.equations(*np.exp(log_parameters)).log_retention(self.table.t))

    def __call__(self, log_parameters: Array) -> tuple[float, Array]:
        equations = self.equations(*np.exp(log_parameters))
        stay = equations.log_retention(self.table.t)
        odds = np.exp(stay) / np.maximum(-np.expm1(stay), TINY)
        pull = self.table.renewed - self.table.lost * odds
        return self._value(stay), np.einsum("i,ji->j", pull, equations.slopes(self.table.t))

    def _value(self, stay: Array) -> float:
        leave = np.log(np.maximum(-np.expm1(stay), TINY))
        return float(np.einsum("i,i->", self.table.renewed, stay) + np.einsum("i,i->", self.table.lost, leave))


def check_rows(rows: pd.DataFrame) -> None:
    """Refuse rows of duration, left and entry that no customer can have."""
    duration, left, entry = rows["duration"], rows["left"], rows["entry"]
    known = pd.Series(np.isfinite(rows[["duration", "left", "entry"]].to_numpy()).all(axis=1), rows.index)
    refuse(
        rows,
        [
            (~known, "with a missing or infinite duration, left or entry"),
            (known & ((duration < 0) | (entry < 0)), "with a negative duration or entry: it ends before it starts"),
            (
                known & (duration > MOST_PERIODS),
                f"with a duration above {number(MOST_PERIODS)} periods: count renewals, not seconds",
            ),
            (known & ~left.isin([0, 1]), "where left is neither 0 (still there) nor 1 (left)"),
            (
                known & (left == 1) & (duration % 1 != 0),
                "with a leaving between two renewals: durations of those who left count whole periods",
            ),
            (
                known & (left == 1) & (duration == 0),
                "with a leaving after 0 periods: the first renewal comes after one period (duration 1)",
            ),
            (
                known & ((entry > duration) | ((left == 1) & (entry == duration) & (entry > 0))),
                "who left before they were watched: entry is the age at which that began, below duration",
            ),
        ],
    )


def rows_of_survivors(alive: Array) -> pd.DataFrame:
    """A cohort's numbers at the start and after each renewal as rows of duration, left, entry and weight."""
    _check_survivors(alive)
    ages = np.arange(1.0, len(alive))
    lost = pd.DataFrame({"duration": ages, "left": 1.0, "weight": -np.diff(alive)})
    kept = pd.DataFrame({"duration": ages[-1:], "left": 0.0, "weight": alive[-1:]})
    return pd.concat([lost, kept], ignore_index=True).assign(entry=0.0).query("weight > 0")


def _check_survivors(alive: Array) -> None:
    problems = []
    if alive.ndim != 1 or len(alive) < 2:
        raise NotEnoughDataError("survivors needs the customers at the start and after each renewal, two at the least")
    if not np.isfinite(alive).all() or (alive < 0).any():
        problems.append("survivors must be numbers of 0 or more, none missing; leave off periods not observed yet")
    rises = np.flatnonzero(np.diff(alive) > 0)
    if len(rises):
        place = int(rises[0])
        problems.append(
            f"survivors rise from {number(alive[place])} to {number(alive[place + 1])} at renewal {place + 1}: they "
            "count the customers of one cohort who never left; don't mix cohorts or add those who came back"
        )
    if problems:
        raise DataContractError(problems)


def check_enough(table: LifeTable, period: str, model: str, fewest_renewals: int) -> None:
    """Refuse a table that says nothing of how customers differ; `period` is the time between renewals, as a noun.

    With `fewest_renewals` of 0 one renewal is enough, and it need not have lost anybody.
    """
    if not len(table.t):
        raise NotEnoughDataError(f"no customer was watched for a whole {period}, so nobody has had to renew yet")
    if not fewest_renewals:
        return
    lost = table.lost.sum()
    if lost == 0:
        raise NotEnoughDataError(
            f"nobody left in {count(int(table.t[-1]), period)}, so nothing shows how long customers stay; wait for "
            "more data, or state a churn rate and use formulas.lifetime_from_churn"
        )
    if len(table.t) == 1:
        share = lost / table.customers
        seen = "everybody left at the first" if share == 1 else f"only one was seen, where {plain(share, '.1%')} left"
        raise NotEnoughDataError(
            f"of the renewals, {seen}: that tells the mean probability to leave and not how customers differ; "
            f"{count(fewest_renewals, period)} are the least, six or more are better"
        )
    if len(table.t) < fewest_renewals:
        raise NotEnoughDataError(
            f"{model} needs at least {fewest_renewals} renewals and {len(table.t)} were seen: with fewer, nothing "
            "tells customers who differ from customers who change; wait for more data"
        )
    if lost < FEWEST_LOST:
        raise NotEnoughDataError(
            f"{model} needs at least {FEWEST_LOST} customers who left, and {plain(lost)} did; wait for more data, or "
            "take larger groups (and give numbers of customers, not shares)"
        )
