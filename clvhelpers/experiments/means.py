"""Did customers bring more? The difference of two means, sharpened by what was known before (CUPED).

Most of the spread of spend is between customers who spend much and customers who spend little, and that was known
before the experiment began. Taking out what the time before explains leaves the same difference on average, with a
smaller standard error: the same answer from fewer customers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.errors import ConfigError
from clvhelpers.experiments.arms import ArmSums, arm_sums
from clvhelpers.experiments.units import MeasuredAt, When, refuse_post_treatment
from clvhelpers.experiments.welch import (
    Estimate,
    check_outcome,
    check_size,
    check_spread,
    compared,
    difference_words,
    shown_as,
)
from clvhelpers.experiments.words import repeated
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Array = npt.NDArray[np.float64]
COLLINEAR = 1e-10  # of a covariate's variance left when the others are known


@dataclass(frozen=True, eq=False)
class MeanComparison:
    """Means of each arm against those of control.

    `frame` has one row for each arm but the control: `arm, control_units, units, control_mean, mean, difference` (arm
    minus control), `standard_error, low, high, p_value, relative` (difference / control_mean), `relative_low,
    relative_high` (infinite where the control may be 0). With covariates all of these are adjusted to the covariates'
    mean over all units, `raw_difference` to `raw_p_value` are without them, and `variance_ratio` is adjusted against
    raw variance. `theta` is by how much the outcome rises with each covariate, `correlation` that of the outcome
    with what the covariates say (missing without any).
    """

    frame: pd.DataFrame
    outcome: str
    control: str
    theta: dict[str, float]
    correlation: float
    level: float
    currency: str | None

    def shown(self, value: float) -> str:
        """A value in words, as money where the outcome is money."""
        return shown_as(value, self.currency)

    def sentence(self) -> str:
        """Each arm in words, and what the covariates changed."""
        return " ".join(self._arm_words(row) for row in self.frame.to_dict("records"))

    def _arm_words(self, row: dict[Any, Any]) -> str:
        values = row["mean"], row["control_mean"]
        told = difference_words(row, f"{self.outcome} per customer", values, self.control, self.shown, self.level)
        if not self.theta:
            return told
        return (
            f"{told} All this is adjusted for {', '.join(self.theta)} (correlation {number(self.correlation, 2)}), "
            f"which leaves {percent(row['variance_ratio'], 0)} of the variance; without it the difference is "
            f"{self.shown(row['raw_difference'])} ({self.shown(row['raw_low'])} to {self.shown(row['raw_high'])})."
        )

    def plot(self) -> "Picture":
        """The difference of each arm with its interval, adjusted and raw."""
        from clvhelpers.plots.experiments_means import mean_differences

        return mean_differences(self)


def compare_means(
    data: Any,
    outcome: str,
    covariate: str | Sequence[str] | None = None,
    *,
    measured_at: MeasuredAt = None,
    exposed_at: When = "exposed_at",
    arm: str = "arm",
    control: str = "control",
    level: float = 0.95,
    currency: str | None = None,
) -> MeanComparison:
    """Mean of `outcome` (a number a unit, 0 for who did nothing) of each arm against control, by Welch's t.

    `data` is a frame of any engine with one row a unit, or `ArmSums` of all columns that matter. `covariate` names
    columns of the time before exposure, best the outcome itself in the same length of time; each unit's outcome is
    then lowered by theta x (covariate - its mean), theta from all units together. When they were measured has to be
    said with `measured_at` (see `refuse_post_treatment`).

    Raises `PostTreatmentCovariateError` for a covariate from after exposure; `NotEnoughDataError` for an arm of fewer
    than 30 units or without any spread; `ConfigError` for covariates without spread or that say the same twice;
    `ExperimentError` for data that can't be.
    Source: Deng, Xu, Kohavi & Walker (2013), "Improving the sensitivity of online controlled experiments by utilizing
    pre-experiment data", WSDM '13, 123-132.

    >>> random = np.random.default_rng(1)
    >>> before, arm = random.gamma(2, 10, 2000), np.tile(["control", "offer"], 1000)
    >>> spend = before + random.normal(0, 5, 2000) + (arm == "offer")
    >>> customers = pd.DataFrame({"arm": arm, "before": before, "spend": spend})
    >>> print(compare_means(customers, "spend", "before", measured_at="before", currency="EUR").sentence())
    With offer, spend per customer is €20.65 against €20.19 with control: a difference of €0.46 (95% interval €0.03 to \
€0.89, p 0.038), which is more than chance. Relative to control that is +2.3% (+0.1% to +4.5%). All this is adjusted \
for before (correlation 0.94), which leaves 11% of the variance; without it the difference is -€0.22 (-€1.54 to €1.10).
    """
    names = [covariate] if isinstance(covariate, str) else list(covariate or [])
    check_level(level)
    _check_names([outcome, *names])
    if names:
        refuse_post_treatment(data, names, measured_at, exposed_at)
    sums = arm_sums(data, [outcome, *names], arm=arm, control=control)
    check_size(sums)
    check_outcome(sums, outcome)
    raw = _rows(sums, outcome, [], np.zeros(0), level)
    if not names:
        return MeanComparison(pd.DataFrame(raw), outcome, control, {}, np.nan, level, currency)
    rows, theta, correlation = _sharpened(sums, outcome, names, raw, level)
    return MeanComparison(pd.DataFrame(rows), outcome, control, theta, correlation, level, currency)


def _sharpened(
    sums: ArmSums, outcome: str, names: list[str], raw: list[dict[str, Any]], level: float
) -> tuple[list[dict[str, Any]], dict[str, float], float]:
    """The rows adjusted for covariates with the raw ones beside, theta of each, and their correlation."""
    whole = _over_all_units(sums, [outcome, *names])
    theta = _theta(sums, whole, names)
    rows = [
        row
        | {f"raw_{name}": without[name] for name in ("difference", "standard_error", "low", "high", "p_value")}
        | {"variance_ratio": (row["standard_error"] / without["standard_error"]) ** 2}
        for row, without in zip(_rows(sums, outcome, names, theta, level), raw, strict=True)
    ]
    correlation = float(np.sqrt(theta @ whole[1:, 0] / whole[0, 0]))
    sign = float(np.sign(theta[0])) if len(theta) == 1 else 1.0
    return rows, dict(zip(names, theta.tolist(), strict=True)), sign * correlation


def _check_names(named: list[str]) -> None:
    twice = repeated(named)
    if twice:
        raise ConfigError(
            f"{twice} is named twice: a covariate is another column than the outcome (such as "
            "the same sum over the time before) and than the other covariates"
        )


def _over_all_units(sums: ArmSums, names: Sequence[str]) -> Array:
    """The covariances of columns over the units of all arms together."""
    places = [sums.columns.index(name) for name in names]
    n = np.array(list(sums.units.values()), dtype=float)
    means = np.array([sums.means[name][places] for name in sums.arms])
    off = means - n @ means / n.sum()
    within = sum((sums.units[name] - 1) * sums.covariances[name][np.ix_(places, places)] for name in sums.arms)
    return np.asarray((within + (off.T * n) @ off) / (n.sum() - 1))


def _theta(sums: ArmSums, whole: Array, names: list[str]) -> Array:
    """The slopes of the outcome (first in `whole`) on the covariates."""
    check_spread(sums, names)
    spread = np.sqrt(np.diag(whole)[1:])
    alike = whole[1:, 1:] / np.outer(spread, spread)
    if np.linalg.eigvalsh(alike)[0] < COLLINEAR:
        raise ConfigError(
            f"{', '.join(map(repr, names))} say the same twice (one follows from the others): leave one of them out"
        )
    return np.asarray(np.linalg.solve(alike, whole[1:, 0] / spread) / spread)


def _adjusted(sums: ArmSums, arm: str, outcome: str, names: list[str], theta: Array) -> Estimate:
    """The mean of an arm as it would be if its covariates had the mean of all units."""
    places = [sums.columns.index(name) for name in (outcome, *names)]
    n = np.array(list(sums.units.values()), dtype=float)
    everybody = n @ np.array([sums.means[name][places] for name in sums.arms]) / n.sum()
    weights = np.append(1.0, -theta)
    off = sums.means[arm][places] - np.append(0.0, everybody[1:])
    variance = weights @ sums.covariances[arm][np.ix_(places, places)] @ weights
    whole = _over_all_units(sums, names) if names else np.zeros((0, 0))
    units = sums.units[arm]
    return Estimate(float(weights @ off), float(variance) / units, units, float(theta @ whole @ theta) / n.sum())


def _rows(sums: ArmSums, outcome: str, names: list[str], theta: Array, level: float) -> list[dict[str, Any]]:
    estimates = {name: _adjusted(sums, name, outcome, names, theta) for name in sums.arms}
    base = estimates.pop(sums.control)
    return [
        {"arm": name, "control_units": base.units, "units": one.units, "control_mean": base.value, "mean": one.value}
        | compared(one, base, level)
        for name, one in estimates.items()
    ]
