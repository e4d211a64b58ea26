"""Before the test: the smallest difference of rates that so many units can be expected to show."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from clvhelpers.experiments.power import (
    CONTROL,
    RATE_METHODS,
    Rates,
    check_chances,
    check_rates,
    checked_units,
    raise_problems,
    shared_out,
    sharing_words,
    short_percent,
)
from clvhelpers.experiments.words import points
from clvhelpers.purchases import one_of
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

WAYS = ("rise", "fall")


@dataclass(frozen=True, eq=False)
class DetectableDifference:
    """The smallest differences that a test of given size can be expected to find.

    `frame` has one row for each arm but the control: `arm`, `control_units`, `units`, `difference` (of either sign,
    with the variance of the baseline in both arms), `relative` (of the baseline), and by the formula `rise` and `fall`,
    which differ as the variance is that of the new rate. What no rate between 0 and 1 reaches is missing.
    `alpha` is that of the whole test.
    """

    frame: pd.DataFrame
    baseline: float
    power: float
    alpha: float
    method: str

    def sentence(self) -> str:
        """The differences in percentage points, and what a smaller one means."""
        parts = [
            f"for {row['arm']} ({number(row['control_units'])} units in control, {number(row['units'])} in "
            f"{row['arm']}) {rise_and_fall(row)}{self._either(row)}"
            for row in self.frame.to_dict("records")
        ]
        return (
            f"With a power of {short_percent(self.power)}, two-sided at {short_percent(self.alpha)}, and a baseline of "
            f"{percent(self.baseline)}, the smallest change that can be expected to be found is {'; '.join(parts)} "
            f"({RATE_METHODS[self.method]}). A smaller one would most likely be missed, so finding nothing does not "
            f"show that there is none.{sharing_words(len(self.frame), self.alpha)}"
        )

    def _either(self, row: Mapping[Any, Any]) -> str:
        if math.isnan(row["difference"]):
            return ""
        return f", about {points(row['difference'], 2)} or {percent(row['relative'])} of the baseline"

    def plot(self) -> "Picture":
        """The smallest rise and fall by the units, were the test smaller or larger."""
        from clvhelpers.plots.experiments_design import detectable_curve

        return detectable_curve(self)


def detectable_rate_difference(
    baseline: float,
    units: float | Mapping[str, float],
    power: float = 0.8,
    alpha: float = 0.05,
    method: str = "power.prop.test",
    *,
    control: str = CONTROL,
) -> DetectableDifference:
    """The smallest difference of rates that `units` customers an arm can show (the minimum detectable effect).

    `baseline` is the rate of control, `units` one number for each of two arms, or {"control": 8000, "offer": 2000}.
    Methods and errors as for `sample_size_for_rates`.

    >>> found = detectable_rate_difference(0.190201, {"gate_30": 44700, "gate_40": 45489}, control="gate_30")
    >>> f"{found.frame.loc[0, 'difference']:.6f}"
    '0.007323'
    """
    one_of(method, RATE_METHODS, "method")
    problems: list[str] = []
    check_rates({"baseline": baseline}, problems)
    check_chances(power, alpha, problems)
    by_arm = checked_units(units, control, problems)
    raise_problems(problems)
    first, *others = by_arm
    each = shared_out(alpha, len(by_arm))
    rows = [{"arm": arm, **detectable(baseline, (by_arm[first], by_arm[arm]), power, each, method)} for arm in others]
    return DetectableDifference(pd.DataFrame(rows), baseline, power, alpha, method)


def detectable(
    baseline: float, units: tuple[float, float], power: float, alpha: float, method: str
) -> dict[str, float]:
    """The columns of `DetectableDifference.frame` for one comparison, of `units` in control and in the arm."""
    spread = math.sqrt(baseline * (1 - baseline) * (1 / units[0] + 1 / units[1]))
    difference = float(ndtri(1 - alpha / 2) + ndtri(power)) * spread
    if difference >= min(baseline, 1 - baseline):
        difference = math.nan
    return {
        "control_units": units[0],
        "units": units[1],
        "difference": difference,
        "relative": difference / baseline,
        "rise": _smallest(baseline, 1 - baseline, 1, units, power, alpha, method),
        "fall": _smallest(baseline, baseline, -1, units, power, alpha, method),
    }


def _smallest(
    baseline: float, room: float, sign: int, units: tuple[float, float], power: float, alpha: float, method: str
) -> float:
    from scipy.optimize import brentq

    n, m = (np.asarray(float(one)) for one in units)

    def short_of(size: float) -> float:
        return float(Rates(baseline, baseline + sign * size, method).power(n, m, alpha)) - power

    edges = 1e-9 * room, (1 - 1e-9) * room
    return float(brentq(short_of, *edges, xtol=1e-13)) if short_of(edges[1]) > 0 else math.nan


def rise_and_fall(row: Mapping[Any, Any]) -> str:
    """A rise and a fall in words, or that none would do."""
    told = [f"a {way} of {points(row[way], 2)}" for way in WAYS if math.isfinite(row[way])]
    if not told:
        return "neither a rise nor a fall, however large"
    missing = [f", but no {way}, however large" for way in WAYS if not math.isfinite(row[way])]
    return " or ".join(told) + "".join(missing)
