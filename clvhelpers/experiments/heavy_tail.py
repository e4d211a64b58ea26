"""A few customers spend most of the money: what that does to a comparison, and an interval that minds it.

The t-test of two means leans on means of many customers being nearly normal. Where one customer in a hundred brings
half of the money, the mean rests on those few, and its normal interval misses the truth more often than it says, on one
side above all. The bootstrap draws customers anew and needs no normal curve; BCa moves its ends by the bias and
the skew that it finds. It can't know the large spenders who happened not to be drawn at all.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.errors import ConfigError
from clvhelpers.experiments.arms import arm_sums
from clvhelpers.experiments.welch import Estimate, check_outcome, check_size, compared, shown_as
from clvhelpers.purchases import as_frame, rows_of
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Array = npt.NDArray[np.float64]
TOP = 0.01  # the share of customers whose share of the money is told
NORMAL_ENOUGH = 355  # times the squared skewness: the units that a mean's normal interval needs (Kohavi et al. 2014)
FEWEST_DRAWS = 200
CELLS = 2_000_000  # numbers that are in memory at once
FEW_DISTINCT = 10  # units for each distinct value from which counts are faster to draw than units


@dataclass(frozen=True, eq=False)
class BootstrapDifference:
    """Differences of means with intervals that need no normal curve.

    `frame` has one row for each arm but the control: `arm, control_units, units, control_mean, mean, difference` (arm
    minus control), `low, high` (BCa), `welch_low, welch_high` (of the t-test, to compare). `tails` has one row for each
    arm, the control first: `arm, units, skewness, needed` (the units from which its mean is nearly normal: 355 x
    skewness^2) and `top_share` (the part of the sum that the top 1 % of its customers bring).
    """

    frame: pd.DataFrame
    tails: pd.DataFrame
    outcome: str
    control: str
    draws: int
    level: float
    currency: str | None

    @property
    def rests_on_few(self) -> bool:
        """Whether an arm has fewer customers than its skew needs for the normal interval of its mean."""
        return bool((self.tails["units"] < self.tails["needed"]).any())

    def shown(self, value: float) -> str:
        """A value in words, as money where the outcome is money."""
        return shown_as(value, self.currency)

    def sentence(self) -> str:
        """Each arm in words, and how much rests on few customers."""
        parts = [self._arm_words(row) for row in self.frame.to_dict("records")]
        most = self.tails.iloc[int(self.tails["top_share"].fillna(-1).argmax())]
        told = f"The top 1% of customers bring up to {percent(most['top_share'], 0)} of {self.outcome} ({most['arm']})."
        if not self.rests_on_few:
            return " ".join([*parts, told])
        short = self.tails.iloc[int((self.tails["needed"] - self.tails["units"]).argmax())]
        warning = (
            f"The means rest on few customers: with such a skew a t-test needs some {number(short['needed'])} in an "
            f"arm, and {short['arm']} has {number(short['units'])}. Look at who the largest are, and compare the rate "
            "of buyers too."
        )
        return " ".join([*parts, told, warning])

    def _arm_words(self, row: Mapping[Any, Any]) -> str:
        chance = "within chance" if row["low"] <= 0 <= row["high"] else "more than chance"
        return (
            f"With {row['arm']}, {self.outcome} per customer is {self.shown(row['mean'])} against "
            f"{self.shown(row['control_mean'])} with {self.control}: a difference of {self.shown(row['difference'])} ("
            f"{percent(self.level, 0)} interval {self.shown(row['low'])} to {self.shown(row['high'])}, bootstrap BCa, "
            f"{number(self.draws)} draws), which is {chance}."
        )

    def plot(self) -> "Picture":
        """The difference of each arm with its interval, by the bootstrap and by the t-test."""
        from clvhelpers.plots.experiments_means import bootstrap_differences

        return bootstrap_differences(self)


@dataclass(frozen=True, eq=False)
class _Values:
    """The distinct values of an arm and how many units have each."""

    value: Array
    count: Array

    @property
    def n(self) -> int:
        return int(self.count.sum())

    @property
    def mean(self) -> float:
        return float(self.count @ self.value / self.n)

    def moment(self, power: int) -> float:
        return float(self.count @ (self.value - self.mean) ** power / self.n)


def bootstrap_difference(
    frame: Any,
    outcome: str,
    *,
    seed: int,
    draws: int = 2000,
    arm: str = "arm",
    control: str = "control",
    level: float = 0.95,
    currency: str | None = None,
) -> BootstrapDifference:
    """Difference of the means of `outcome` of each arm and control, with BCa intervals from `draws` of the units.

    `frame` has one row a unit, of any engine; the same seed gives the same interval. Each draw takes as many units of
    each arm as there are, with replacement, as counts of its distinct values, so memory stays bounded.

    Raises what `arm_sums` raises; `NotEnoughDataError` for an arm of fewer than 30 units or without any spread;
    `ConfigError` for fewer than 200 draws.
    Sources: Efron (1987), "Better bootstrap confidence intervals", Journal of the American Statistical Association 82,
    171-185; Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 14; Kohavi, Deng, Longbotham & Xu
    (2014), "Seven rules of thumb for web site experimenters", KDD '14, rule 7.

    >>> random = np.random.default_rng(1)
    >>> customers = pd.DataFrame({"arm": ["control", "offer"] * 500, "spend": random.lognormal(1, 1.5, 1000).round(2)})
    >>> found = bootstrap_difference(customers, "spend", seed=1)
    >>> found.frame.round(2).loc[0, ["difference", "low", "high"]].to_list()
    [0.25, -4.79, 2.89]
    >>> print(found.sentence().partition("chance. ")[2])
    The top 1% of customers bring up to 30% of spend (control). The means rest on few customers: with such a skew a \
t-test needs some 119,231 in an arm, and control has 500. Look at who the largest are, and compare the rate of buyers \
too.
    """
    check_level(level)
    if draws < FEWEST_DRAWS:
        raise ConfigError(f"draws is {draws}: the ends of an interval need {FEWEST_DRAWS} at the least, better 2000")
    sums = arm_sums(frame, [outcome], arm=arm, control=control)
    check_size(sums)
    check_outcome(sums, outcome)
    values = _values(frame, outcome, arm, sums.arms)
    random = np.random.default_rng(seed)
    drawn = {name: _drawn_means(own, draws, random) for name, own in values.items()}
    rows = []
    for name in sums.arms[1:]:
        low, high = _bca(values[name], values[control], drawn[name] - drawn[control], level)
        rows.append(_row(name, values[name], values[control], level) | {"low": low, "high": high})
    columns = ["arm", "control_units", "units", "control_mean", "mean", "difference", "low", "high"]
    table = pd.DataFrame(rows)[[*columns, "welch_low", "welch_high"]]
    tails = pd.DataFrame([_tail(name, own) for name, own in values.items()])
    return BootstrapDifference(table, tails, outcome, control, draws, level, currency)


def _values(frame: Any, outcome: str, arm: str, arms: list[str]) -> dict[str, _Values]:
    rows = as_frame(frame, "the experiment").select(
        nw.col(arm).alias("arm"), nw.col(outcome).cast(nw.Float64).alias("value"), nw.lit(1).alias("n")
    )
    counted = pd.DataFrame(rows_of(rows.group_by("arm", "value").agg(nw.col("n").sum())))
    counted = counted.sort_values("value")
    return {
        name: _Values(own["value"].to_numpy(dtype=float), own["n"].to_numpy(dtype=float))
        for name, own in ((name, counted[counted["arm"] == name]) for name in arms)
    }


def _drawn_means(values: _Values, draws: int, random: np.random.Generator) -> Array:
    """The mean of each of `draws` samples with replacement of as many units.

    Counts of distinct values are drawn where these are few (many customers with 0), else the units themselves.
    """
    if len(values.value) * FEW_DISTINCT < values.n:
        shares = values.count / values.n
        parts = [
            random.multinomial(values.n, shares, size=some) @ values.value / values.n
            for some in _chunks(draws, len(values.value))
        ]
    else:
        units = np.repeat(values.value, values.count.astype(int))
        parts = [
            units[random.integers(0, values.n, size=(some, values.n), dtype=np.int32)].mean(axis=1)
            for some in _chunks(draws, values.n)
        ]
    return np.concatenate(parts)


def _chunks(draws: int, width: int) -> Iterator[int]:
    """Numbers of draws that together need bounded memory."""
    most = max(CELLS // width, 1)
    while draws > 0:
        yield min(most, draws)
        draws -= most


def _bca(first: _Values, second: _Values, differences: Array, level: float) -> tuple[float, float]:
    """Ends of the bias-corrected and accelerated interval of first.mean - second.mean.

    The jackknife of each arm gives the acceleration: a unit left out moves the difference by (value - mean) / (n - 1).
    """
    normal, centre = NormalDist(), first.mean - second.mean
    below = (np.sum(differences < centre) + np.sum(differences == centre) / 2) / len(differences)
    bias = normal.inv_cdf(min(max(below, 1 / len(differences)), 1 - 1 / len(differences)))
    sides = [(first, 1.0), (second, -1.0)]
    cubes = sum(sign * own.moment(3) / own.n**2 for own, sign in sides)
    squares = sum(own.moment(2) / own.n for own, _ in sides)
    acceleration = cubes / (6 * squares**1.5)
    ends = [bias + normal.inv_cdf(share) for share in ((1 - level) / 2, (1 + level) / 2)]
    tails = [normal.cdf(bias + end / (1 - acceleration * end)) for end in ends]
    low, high = np.quantile(differences, tails)
    return float(low), float(high)


def _row(name: str, own: _Values, base: _Values, level: float) -> dict[str, Any]:
    first, second = (Estimate(one.mean, one.moment(2) / (one.n - 1), one.n) for one in (own, base))
    welch = compared(first, second, level)
    return {
        "arm": name,
        "control_units": base.n,
        "units": own.n,
        "control_mean": base.mean,
        "mean": own.mean,
        "difference": welch["difference"],
        "welch_low": welch["low"],
        "welch_high": welch["high"],
    }


def _tail(name: str, own: _Values) -> dict[str, Any]:
    """How skewed an arm is, how many units that needs, and what its largest 1 % bring."""
    skewness = own.moment(3) / own.moment(2) ** 1.5
    needed = math.ceil(NORMAL_ENOUGH * skewness**2)
    return {"arm": name, "units": own.n, "skewness": skewness, "needed": needed, "top_share": top_share(own, TOP)}


def top_share(values: _Values, top: float) -> float:
    """The share of the sum that the largest `top` of the units have; missing where the sum is not above 0."""
    total = values.count @ values.value
    if total <= 0:
        return math.nan
    largest = values.count[::-1]
    taken = np.clip(top * values.n - (np.cumsum(largest) - largest), 0, largest)
    return float(taken @ values.value[::-1] / total)
