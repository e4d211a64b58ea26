"""The chance that a test finds an effect, by its units: what sample sizes and detectable differences are solved from.

Each question (rates, means, stays) has a `power` for `n` units in control and `m` in the arm, two-sided at `alpha`.
Units may be broken numbers here; whoever answers rounds up.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import nctdtr, ndtr, ndtri, stdtrit

from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.text import percent

Array = npt.NDArray[np.float64]
MOST_UNITS = 1e12
CONTROL, TREATMENT = "control", "treatment"
RATE_METHODS = {
    "power.prop.test": "the formula of R's power.prop.test",
    "cohen-h": "Cohen's h",
    "fleiss": "Fleiss, with the continuity correction that Fisher's exact test needs",
}
STAY_METHODS = {"schoenfeld": "Schoenfeld", "freedman": "Freedman"}


class Question(Protocol):
    """One arm against control."""

    def power(self, n: Array, m: Array, alpha: float) -> Array:
        """The chance of p < alpha with `n` units in control and `m` in the arm."""


@dataclass(frozen=True)
class Rates:
    """A share of `control` among the units of control, and of `arm` among those of the arm."""

    control: float
    arm: float
    method: str

    def power(self, n: Array, m: Array, alpha: float) -> Array:
        """As in R: power.prop.test leaves out the chance of a finding in the wrong direction, Cohen's h does not."""
        p, q = self.control, self.arm
        if self.method == "cohen-h":
            h = abs(2 * math.asin(math.sqrt(p)) - 2 * math.asin(math.sqrt(q)))
            limit, shift = ndtri(1 - alpha / 2), h / np.sqrt(1 / n + 1 / m)
            return np.asarray(ndtr(shift - limit) + ndtr(-shift - limit))
        both = (n * p + m * q) / (n + m)
        if_none = np.sqrt(both * (1 - both) * (1 / n + 1 / m))
        if_so = np.sqrt(p * (1 - p) / n + q * (1 - q) / m)
        correction = (1 / n + 1 / m) / 2 if self.method == "fleiss" else 0.0
        return np.asarray(ndtr((abs(q - p) - correction - ndtri(1 - alpha / 2) * if_none) / if_so))


@dataclass(frozen=True)
class Means:
    """Means that are `effect` standard deviations apart."""

    effect: float

    def power(self, n: Array, m: Array, alpha: float) -> Array:
        """Of the t-test with equal variances, from the non-central t distribution."""
        freedom, shift = n + m - 2, abs(self.effect) / np.sqrt(1 / n + 1 / m)
        limit = stdtrit(freedom, 1 - alpha / 2)
        return np.asarray(1 - nctdtr(freedom, shift, limit) + nctdtr(freedom, shift, -limit))


@dataclass(frozen=True)
class Stays:
    """Units of the arm leave at `hazard_ratio` times the rate of control; by the end these shares will have left."""

    hazard_ratio: float
    left_control: float
    left_arm: float
    method: str

    def power(self, n: Array, m: Array, alpha: float) -> Array:
        """Of the log-rank test, which knows only those who have left."""
        events, split = n * self.left_control + m * self.left_arm, m / n
        if self.method == "freedman":
            size = abs(1 - self.hazard_ratio) * np.sqrt(split) / (1 + split * self.hazard_ratio)
        else:
            size = abs(math.log(self.hazard_ratio)) * np.sqrt(split) / (1 + split)
        return np.asarray(ndtr(size * np.sqrt(events) - ndtri(1 - alpha / 2)))


def power_of_total(question: Question, shares: tuple[float, float], alpha: float) -> Callable[[Any], Array]:
    """Power by the units of the whole test, of which control and the arm have these shares."""
    return lambda total: question.power(
        np.asarray(total, dtype=float) * shares[0], np.asarray(total, dtype=float) * shares[1], alpha
    )


def total_needed(question: Question, shares: tuple[float, float], power: float, alpha: float) -> float:
    """The units of the whole test at which one comparison has the power, unrounded."""
    from scipy.optimize import brentq

    power_at = power_of_total(question, shares, alpha)
    bottom = top = 3 / sum(shares)  # fewer have no variance
    while power_at(top) < power:
        top *= 4
        if top > MOST_UNITS:
            raise NotEnoughDataError(
                f"more than {MOST_UNITS:.0e} units would be needed for so small an effect: name one that would matter"
            )
    if top == bottom:
        return top
    return float(brentq(lambda total: power_at(total) - power, bottom, top, xtol=1e-9, rtol=1e-13))


def shared_out(alpha: float, arms: int) -> float:
    """Alpha of one comparison: shared out equally (Bonferroni), so that no true null is found in 1 - alpha of tests."""
    return alpha / (arms - 1)


def checked_shares(shares: Mapping[str, float] | None, control: str, problems: list[str]) -> dict[str, float]:
    """The share of units in each arm, control first; two equal arms where none are given."""
    if shares is None:
        return {control: 0.5, TREATMENT: 0.5}
    wrong = {name: share for name, share in shares.items() if not (0 < share < 1)}
    problems += [f"shares: {name!r} has {share}, expected a share between 0 and 1" for name, share in wrong.items()]
    if not wrong and not math.isclose(sum(shares.values()), 1, abs_tol=1e-6):
        problems.append(f"shares sum to {sum(shares.values()):g}: expected 1, the units that are in the test")
    return _control_first(shares, control, "shares", problems)


def checked_units(units: float | Mapping[str, float], control: str, problems: list[str]) -> dict[str, int]:
    """The units of each arm, control first; one number is the units of each of two arms."""
    by_arm = dict(units) if isinstance(units, Mapping) else {control: units, TREATMENT: units}
    problems += [
        f"units: {name!r} has {n}, expected a whole number of at least 2"
        for name, n in by_arm.items()
        if not (math.isfinite(n) and n >= 2 and n == int(n))
    ]
    ordered = _control_first(by_arm, control, "units", problems)
    return {name: int(n) for name, n in ordered.items()} if not problems else {}


def _control_first(by_arm: Mapping[str, float], control: str, name: str, problems: list[str]) -> dict[str, float]:
    if control not in by_arm:
        problems.append(f"{name}: no arm is called {control!r}, there are {', '.join(map(repr, by_arm)) or 'none'}")
    if len(by_arm) < 2:
        problems.append(f"{name}: a test needs two arms or more, there are {len(by_arm)}")
    return {**{arm: by_arm[arm] for arm in by_arm if arm == control}, **by_arm}


def check_chances(power: float, alpha: float, problems: list[str]) -> None:
    """Alpha and power as shares, the power above alpha."""
    if not 0 < alpha < 1:
        problems.append(f"alpha is {alpha}: expected a share between 0 and 1, such as 0.05")
    elif not alpha < power < 1:
        problems.append(f"power is {power}: expected a share between alpha ({alpha:g}) and 1, such as 0.8")


def check_rates(rates: Mapping[str, float], problems: list[str]) -> None:
    """Rates as shares, none of them 0 or 1."""
    problems += [
        f"{name} is {rate}: expected a share between 0 and 1, such as 0.2 for 20%"
        for name, rate in rates.items()
        if not 0 < rate < 1
    ]
    if len(rates) == 2 and len(set(rates.values())) == 1:
        problems.append("baseline and target are the same: name the smallest change that would matter")


def raise_problems(problems: list[str]) -> None:
    """All that is wrong with the arguments, at once."""
    if problems:
        raise ConfigError(problems)


def short_percent(share: float) -> str:
    """A share as a percentage without decimals that say nothing.

    >>> short_percent(0.8), short_percent(0.025), short_percent(0.05 / 3)
    ('80%', '2.5%', '1.67%')
    """
    return percent(share, next((d for d in range(2) if math.isclose(round(share, d + 2), share, abs_tol=1e-9)), 2))


def sharing_words(comparisons: int, alpha: float) -> str:
    """How alpha was shared out, where there is more than one comparison."""
    if comparisons == 1:
        return ""
    return (
        f" Each of the {comparisons} comparisons with control is made at {short_percent(alpha / comparisons)}, which "
        f"is {short_percent(alpha)} shared out, so that all of them together raise a false alarm in at most "
        f"{short_percent(alpha)} of tests without any effect; the power is that of each comparison."
    )
