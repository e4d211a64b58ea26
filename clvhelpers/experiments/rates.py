"""Did a share change: two proportions, their difference with Newcombe's interval, and the relative lift.

An experiment on retention ends in counts: of so many units in each arm, so many stayed. The difference in points is
what money is made of; the relative lift is what is quoted. Each needs its own interval, for a relative lift divides by
a rate that is not known exactly either.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.cohorts.interval import wilson_interval
from clvhelpers.experiments.arms import ArmCounts, arm_counts
from clvhelpers.experiments.welch import fieller
from clvhelpers.experiments.words import decimals_for, points, relative_range, shown_p
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Ends = tuple[Any, Any, Any]  # an estimate with its lower and upper limit
Z_TEST, EXACT = "z-test", "Fisher's exact test"
FEWEST_EXPECTED = 5  # Cochran's rule: below it the normal curve is no stand-in for counts


@dataclass(frozen=True, eq=False)
class RateComparison:
    """Each arm's rate against that of the control.

    `frame` has one row an arm but the control: `arm, control_rate, rate, difference, low, high, p_value, method,
    relative, relative_low, relative_high`; rates, differences and lifts are shares (0.05 is 5 points, or 5%).
    Both ends of the relative interval are infinite where the control's rate can't be told from 0, and what does not
    exist is missing.
    `outcome` names what was counted.
    """

    frame: pd.DataFrame
    counts: ArmCounts
    outcome: str
    level: float

    def sentence(self) -> str:
        """Each arm's rate beside the control's, the difference and what it allows for."""
        parts = [self._arm_sentence(row) for row in self.frame.to_dict("records")]
        if len(self.frame) > 1:
            parts.append(
                f"These are {number(len(self.frame))} comparisons, and their p-values are not corrected for that: "
                "compare_many does so."
            )
        return " ".join(parts)

    def plot(self, *, relative: bool = False) -> "Picture":
        """The difference of each arm in points with its interval, or the relative lift."""
        from clvhelpers.plots.experiments_rates import rate_differences, relative_lifts

        return relative_lifts(self) if relative else rate_differences(self)

    @staticmethod
    def decimals(row: dict[Any, Any]) -> int:
        """The decimals of a percentage that the interval of a row leaves any meaning."""
        return decimals_for((row["high"] - row["low"]) / 2)

    def _arm_sentence(self, row: dict[Any, Any]) -> str:
        arm, control = row["arm"], self.counts.control
        decimals = self.decimals(row)
        rates = [
            f"{percent(rate, decimals)} of {number(self.counts.units[name])} in {name}"
            for name, rate in ((arm, row["rate"]), (control, row["control_rate"]))
        ]
        ends = f"{number(100 * row['low'], decimals)} to {points(row['high'], decimals)}"
        return (
            f"{self.outcome}: {rates[0]} against {rates[1]}, a difference of {points(row['difference'], decimals)} "
            f"({percent(self.level, 0)} interval {ends}; {shown_p(row['p_value'])}, {row['method']}). "
            f"{self._verdict(row)} {self._relative_words(row)}"
        )

    def _verdict(self, row: dict[Any, Any]) -> str:
        few = (
            f"As fewer than {FEWEST_EXPECTED} units of one kind were expected in an arm, the p-value is exact. "
            if row["method"] == EXACT
            else ""
        )
        outside = row["low"] > 0 or row["high"] < 0
        if outside != (row["p_value"] < 1 - self.level):
            return f"{few}Interval and test disagree on whether that is more than chance: take it as undecided."
        return few + ("That is more than chance." if outside else "That may be chance: 0 lies within the interval.")

    def _relative_words(self, row: dict[Any, Any]) -> str:
        arm, control = row["arm"], self.counts.control
        if math.isnan(row["relative"]):
            return f"Nobody in {control} has the outcome, so there is no rate to which {arm} could be relative."
        told = f"Relative to {control} that is {percent(row['relative'], signed=True)}"
        if math.isnan(row["relative_low"]):
            flat = [
                f"{'all' if self.counts.successes[name] else 'none'} of {count(self.counts.units[name], 'unit')} in "
                f"{name}"
                for name in (arm, control)
                if _variance(self.counts, name) == 0
            ]
            return f"{told}, without an interval: {' and '.join(flat)} have the outcome, and one needs both kinds."
        why = f": too few in {control} have the outcome" if math.isinf(row["relative_high"]) else ""
        return f"{told} ({relative_range(row['relative_low'], row['relative_high'])}{why})."


def compare_rates(
    data: Any, outcome: str | None = None, *, arm: str = "arm", control: str = "control", level: float = 0.95
) -> RateComparison:
    """Compare each arm's rate with the control's: difference, p-value and relative lift.

    `data` is a frame of any engine with one row a unit and a 0/1 or true/false column `outcome`, or counts by hand (for
    each arm (with the outcome, units)), for which `outcome` may name what was counted. The interval of the difference
    is Newcombe's (method 10), which holds near 0 and 1; the p-value is of the pooled z-test or, where fewer than 5 are
    expected in a cell, of Fisher's exact test; the interval of the relative lift is Fieller's.

    Raises `ExperimentError` for data that can't be (see `arm_counts`), `ConfigError` for a level that can't be.
    Sources: Newcombe (1998), Statistics in Medicine 17, 873-890; Fieller (1954), JRSS B 16, 175-185; Fisher's test
    where Cochran (1954), Biometrics 10, 417-451, advises it.

    >>> counts = {"gate_30": (8502, 44700), "gate_40": (8279, 45489)}
    >>> compared = compare_rates(counts, "Back on day 7", control="gate_30")
    >>> compared.frame[["difference", "low", "high", "p_value"]].round(4).to_numpy().tolist()
    [[-0.0082, -0.0133, -0.0031, 0.0016]]
    >>> print(compared.sentence())
    Back on day 7: 18.20% of 45,489 in gate_40 against 19.02% of 44,700 in gate_30, a difference of -0.82 points (95% \
interval -1.33 to -0.31 points; p 0.002, z-test). That is more than chance. Relative to gate_30 that is -4.3% (-6.9% \
to -1.7%).
    """
    check_level(level)
    counts = arm_counts(data, outcome, arm=arm, control=control)
    rows = [_compared(counts, name, level) for name in counts.arms[1:]]
    return RateComparison(pd.DataFrame(rows), counts, outcome or "The outcome", level)


def _compared(counts: ArmCounts, arm: str, level: float) -> dict[str, Any]:
    rate, base = counts.rate(arm), counts.rate(counts.control)
    low, high = newcombe_interval(_pair(counts, arm), _pair(counts, counts.control), level)
    p_value, method = _test(counts, arm)
    relative_low, relative_high = _relative_interval(counts, arm, level)
    return {
        "arm": arm,
        "control_rate": base,
        "rate": rate,
        "difference": rate - base,
        "low": low,
        "high": high,
        "p_value": p_value,
        "method": method,
        "relative": rate / base - 1 if base else math.nan,
        "relative_low": relative_low,
        "relative_high": relative_high,
    }


def _pair(counts: ArmCounts, arm: str) -> tuple[int, int]:
    return counts.successes[arm], counts.units[arm]


def newcombe_interval(first: tuple[int, int], second: tuple[int, int], level: float = 0.95) -> tuple[float, float]:
    """The interval of the difference of two shares, each given as (with the outcome, units): first less second.

    Wilson's limits of each share, put together as sides of a right angle.
    Source: Newcombe (1998), Statistics in Medicine 17, 873-890, method 10.

    >>> low, high = newcombe_interval((56, 70), (48, 80))
    >>> f"{low:.4f} {high:.4f}"
    '0.0524 0.3339'
    """
    one, other = first[0] / first[1], second[0] / second[1]
    low, high = combined_interval(
        (one, *wilson_interval(one, first[1], level)), (other, *wilson_interval(other, second[1], level))
    )
    return float(low), float(high)


def combined_interval(first: Ends, second: Ends) -> tuple[Any, Any]:
    """The interval of a difference from the estimate, lower and upper limit of each of two independent quantities.

    Numbers or arrays. Source: Zou & Donner (2008), Statistics in Medicine 27, 1693-1702.

    >>> low, high = combined_interval((8, 5, 12), (4, 1, 8))
    >>> float(low), float(high)
    (-1.0, 9.0)
    """
    (one, low, high), (other, other_low, other_high) = first, second
    difference = one - other
    return difference - np.hypot(one - low, other_high - other), difference + np.hypot(high - one, other - other_low)


def pooled_z(first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float]:
    """z and the two-sided p-value that two shares are one, with the share of both together as the best guess of it.

    Missing where all units or none have the outcome.

    >>> z, p = pooled_z((20119, 45489), (20034, 44700))
    >>> f"{z:.6f} {p:.6f}"
    '-1.784086 0.074410'
    """
    share = (first[0] + second[0]) / (first[1] + second[1])
    if share in (0, 1):
        return math.nan, math.nan
    error = math.sqrt(share * (1 - share) * (1 / first[1] + 1 / second[1]))
    z = (first[0] / first[1] - second[0] / second[1]) / error
    return z, math.erfc(abs(z) / math.sqrt(2))


def _test(counts: ArmCounts, arm: str) -> tuple[float, str]:
    first, second = _pair(counts, arm), _pair(counts, counts.control)
    ones, units = first[0] + second[0], first[1] + second[1]
    if min(ones, units - ones) * min(first[1], second[1]) >= FEWEST_EXPECTED * units:
        return pooled_z(first, second)[1], Z_TEST
    from scipy.stats import fisher_exact

    table = [[ones, units - ones] for ones, units in (first, second)]
    return float(fisher_exact(table).pvalue), EXACT


def _variance(counts: ArmCounts, arm: str) -> float:
    """The variance of an arm's rate; 0 where all or none have the outcome."""
    return counts.rate(arm) * (1 - counts.rate(arm)) / counts.units[arm]


def _relative_interval(counts: ArmCounts, arm: str, level: float) -> tuple[float, float]:
    variance, control_variance = _variance(counts, arm), _variance(counts, counts.control)
    if variance == 0 or control_variance == 0:
        return math.nan, math.nan
    low, high = fieller_interval((counts.rate(arm), variance), (counts.rate(counts.control), control_variance), level)
    return low - 1, high - 1


def fieller_interval(
    first: tuple[float, float], second: tuple[float, float], level: float = 0.95
) -> tuple[float, float]:
    """The interval of a ratio of two independent quantities that can't be below 0, each given as (estimate, variance).

    It holds every ratio r for which first - r * second is within chance of 0. Where the second can't be told from 0 it
    has no ends (they are infinite): one may divide by next to nothing then.
    Source: Fieller (1954), Journal of the Royal Statistical Society B 16, 175-185.

    >>> low, high = fieller_interval((0.04, 0.04 * 0.96 / 500), (0.02, 0.02 * 0.98 / 500))
    >>> f"{low:.3f} {high:.3f}"
    '0.959 5.456'
    >>> fieller_interval((0.04, 0.04 * 0.96 / 50), (0.02, 0.02 * 0.98 / 50))
    (-inf, inf)
    """
    low, high = fieller(first, second, NormalDist().inv_cdf(0.5 + level / 2))
    return (low, high) if math.isinf(low) else (max(low, 0.0), high)
