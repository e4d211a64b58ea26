"""Before the test: power by playing the test many times, as a check of the formula and of the plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from clvhelpers.cohorts.interval import wilson_interval
from clvhelpers.experiments.power import (
    CONTROL,
    Array,
    Rates,
    check_chances,
    check_rates,
    checked_units,
    raise_problems,
    shared_out,
    sharing_words,
    short_percent,
)
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SimulatedPower:
    """In which share of simulated tests the difference was found.

    `frame` has one row for each arm but the control: `arm`, `control_units`, `units`, `power` with the interval `low`
    to `high` (95%, of the simulation), and `formula`, the power by that of R's power.prop.test.
    """

    frame: pd.DataFrame
    baseline: float
    target: float
    alpha: float
    runs: int

    def sentence(self) -> str:
        """Power by simulation beside that of the formula."""
        parts = [
            f"{percent(row['power'])} of them for {row['arm']} ({percent(row['low'])} to {percent(row['high'])}; "
            f"the formula says {percent(row['formula'])})"
            for row in self.frame.to_dict("records")
        ]
        return (
            f"Played {number(self.runs)} times with {percent(self.baseline)} in control and {percent(self.target)} in "
            f"the arm, the test finds a difference, two-sided at {short_percent(self.alpha)}, in {' and '.join(parts)}."
            f"{sharing_words(len(self.frame), self.alpha)}"
        )

    def plot(self) -> "Picture":
        """Power of each arm by simulation, with its interval, beside the formula."""
        from clvhelpers.plots.experiments_design import simulated_and_formula

        return simulated_and_formula(self)


def simulated_power(
    baseline: float,
    target: float,
    units: float | Mapping[str, float],
    alpha: float = 0.05,
    *,
    control: str = CONTROL,
    runs: int = 20_000,
    seed: int = 12,
) -> SimulatedPower:
    """Play a test of two rates `runs` times, each time with the pooled z-test, and count how often p < alpha.

    `units` as for `detectable_rate_difference`. Raises `ConfigError` with every argument that can't be.

    >>> simulated_power(0.20, 0.25, 1030).frame["power"].round(2).to_list()  # what Evan Miller's formula asks for
    [0.78]
    """
    problems: list[str] = []
    check_rates({"baseline": baseline, "target": target}, problems)
    check_chances(0.999, alpha, problems)
    by_arm = checked_units(units, control, problems)
    if runs < 100:
        problems.append(f"runs is {runs}: expected 100 or more")
    raise_problems(problems)
    random = np.random.default_rng(seed)
    first, *others = by_arm
    n, each = by_arm[first], shared_out(alpha, len(by_arm))
    in_control = random.binomial(n, baseline, runs)
    rows = []
    for arm in others:
        m = by_arm[arm]
        z = pooled_z(in_control, random.binomial(m, target, runs), n, m)
        found = float(np.mean(np.abs(z) > ndtri(1 - each / 2)))
        low, high = wilson_interval(found, runs)
        formula = float(Rates(baseline, target, "power.prop.test").power(np.array(float(n)), np.array(float(m)), each))
        rows.append({"arm": arm, "control_units": n, "units": m, "power": found,
                     "low": float(low), "high": float(high), "formula": formula})  # fmt: skip
    return SimulatedPower(pd.DataFrame(rows), baseline, target, alpha, runs)


def pooled_z(ones: Counts, others: Counts, n: npt.ArrayLike, m: npt.ArrayLike) -> Array:
    """z of the difference of two rates with the pooled variance; 0 where all or none of both arms have the outcome."""
    n, m = np.asarray(n, dtype=float), np.asarray(m, dtype=float)
    pooled = (ones + others) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    difference = others / m - ones / n
    return np.divide(difference, error, out=np.zeros_like(difference), where=error > 0)
