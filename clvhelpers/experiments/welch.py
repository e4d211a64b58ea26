"""Two estimates from independent arms compared: Welch's interval of their difference, Fieller's of their ratio.

Means of money, adjusted or not, and ratios of two means differ in their estimates and variances only; what follows
from those is here, once.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.special import stdtr, stdtrit

from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.experiments.arms import ArmSums
from clvhelpers.experiments.words import shown_p
from clvhelpers.text import count, money, number, percent, plain

FEWEST_UNITS = 30  # below, the mean of money is far from normal and no interval from it holds


@dataclass(frozen=True)
class Estimate:
    """What one arm says: a value, its variance, and from how many units.

    `common` is the part of the variance that all arms share and that cancels in a difference.
    """

    value: float
    variance: float
    units: int
    common: float = 0.0


def compared(arm: Estimate, control: Estimate, level: float) -> dict[str, float]:
    """`difference, standard_error, low, high, p_value` of arm minus control, and the lift relative to control.

    The t distribution has the degrees of freedom of Welch and Satterthwaite. Where the control may well be 0 or
    is below it, the interval of the relative lift has no ends.
    Sources: Welch (1947), Biometrika 34, 28-35; Fieller (1954), Journal of the Royal Statistical Society B 16, 175-185.

    >>> found = compared(Estimate(22.0, 0.04, 900), Estimate(20.0, 0.05, 1000), 0.95)
    >>> [round(found[name], 3) for name in ("difference", "standard_error", "low", "high")]
    [2.0, 0.3, 1.412, 2.588]
    >>> [round(found[name], 3) for name in ("relative", "relative_low", "relative_high")]
    [0.1, 0.069, 0.132]
    """
    error = math.sqrt(arm.variance + control.variance)
    freedom = error**4 / sum(one.variance**2 / (one.units - 1) for one in (arm, control))
    both = [(one.value, one.variance + one.common) for one in (arm, control)]
    low, high = fieller(both[0], both[1], float(stdtrit(freedom, 0.5 + level / 2)), control.common)
    return estimated(arm.value - control.value, error, level, freedom) | {
        "relative": arm.value / control.value - 1 if control.value > 0 else math.nan,
        "relative_low": low - 1,
        "relative_high": high - 1,
    }


def estimated(difference: float, error: float, level: float, freedom: float = math.inf) -> dict[str, float]:
    """A difference with its standard error, interval and two-sided p-value: normal, or of t with `freedom` degrees.

    >>> found = estimated(2.0, 1.0, 0.95)
    >>> [round(found[name], 3) for name in ("low", "high", "p_value")]
    [0.04, 3.96, 0.046]
    """
    half = float(stdtrit(freedom, 0.5 + level / 2)) * error
    return {
        "difference": difference,
        "standard_error": error,
        "low": difference - half,
        "high": difference + half,
        "p_value": 2 * float(stdtr(freedom, -abs(difference) / error)) if error else math.nan,
    }


def fieller(
    first: tuple[float, float], second: tuple[float, float], quantile: float, covariance: float = 0.0
) -> tuple[float, float]:
    """Every ratio r for which first - r x second is within `quantile` standard errors of 0.

    `first` and `second` are each (estimate, variance).
    Where these have a gap or no end (the second is within chance of 0, or below), nothing is known: -inf to inf.

    >>> fieller((2.0, 1.0), (1.0, 0.3), 1.96)
    (-inf, inf)
    """
    square, constant = (value**2 - quantile**2 * variance for value, variance in (second, first))
    if square <= 0 or second[0] < 0:
        return -math.inf, math.inf
    middle = first[0] * second[0] - quantile**2 * covariance
    root = math.sqrt(max(middle**2 - square * constant, 0.0))
    return (middle - root) / square, (middle + root) / square


def shown_as(value: float, currency: str | None) -> str:
    """A value in words, as money where a currency is given."""
    return number(value, 2) if currency is None else money(value, currency)


def difference_words(
    row: Mapping[Any, Any],
    what: str,
    values: tuple[float, float],
    control: str,
    shown: Callable[[float], str],
    level: float,
) -> str:
    """A row of `compared` in words; `values` are those of the arm and of control."""
    chance = "within chance" if row["low"] <= 0 <= row["high"] else "more than chance"
    return (
        f"With {row['arm']}, {what} is {shown(values[0])} against {shown(values[1])} with {control}: a difference of "
        f"{shown(row['difference'])} ({percent(level, 0)} interval {shown(row['low'])} to {shown(row['high'])}, "
        f"{shown_p(row['p_value'])}), which is {chance}. {_relative_words(row)}"
    )


def _relative_words(row: Mapping[Any, Any]) -> str:
    if math.isinf(row["relative_low"]):
        return "Control is too near 0, or below it: a relative lift can't be told."
    ends = f"{percent(row['relative_low'], signed=True)} to {percent(row['relative_high'], signed=True)}"
    return f"Relative to control that is {percent(row['relative'], signed=True)} ({ends})."


def check_size(sums: ArmSums) -> None:
    """Refuse arms that are too small for any mean."""
    small = {name: n for name, n in sums.units.items() if n < FEWEST_UNITS}
    if small:
        told = ", ".join(f"{name} has {count(n, 'unit')}" for name, n in small.items())
        raise NotEnoughDataError(
            f"{told}: a mean needs {FEWEST_UNITS} in each arm at the least (money, with its few large spenders, "
            "hundreds); let the experiment run on"
        )


def check_outcome(sums: ArmSums, outcome: str) -> None:
    """Refuse an outcome that all units of an arm have alike."""
    alike = [name for name in sums.arms if _is_constant(sums, name, outcome)]
    if alike:
        each = [f"{plain(sums.mean(name, outcome))} for each of {number(sums.units[name])} in {name}" for name in alike]
        raise NotEnoughDataError(
            f"{outcome!r} is {', '.join(each)}: without differences between units chance can't be told from effect. "
            "Look whether the column was filled, and whether the units had the time to do something"
        )


def check_spread(sums: ArmSums, names: Sequence[str]) -> None:
    """Refuse covariates that have the same value for every unit of each arm."""
    alike = [name for name in names if all(_is_constant(sums, arm, name) for arm in sums.arms)]
    if alike:
        raise ConfigError(
            f"{', '.join(map(repr, alike))} has the same value for every unit of an arm, so it explains nothing: "
            "leave it out, or look whether the column was filled"
        )


def _is_constant(sums: ArmSums, arm: str, column: str) -> bool:
    """Whether the variance is no more than the rounding of sums leaves."""
    mean = sums.mean(arm, column)
    others = max(abs(sums.mean(name, column) - mean) for name in sums.arms)
    return sums.covariance(arm, column, column) <= 1e-24 * mean**2 + 1e-12 * others**2
