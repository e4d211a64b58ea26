"""Did an order bring more? Ratios of two sums, such as revenue per order, where the customer was randomised.

The unit that was assigned to an arm is the customer, and the orders of one customer resemble each other. A test
that takes the order as the unit (dividing in each row, or a t-test over orders) counts them as if each told
something new, and finds effects that are not there. The ratio of the two means over customers, with the
variance of that ratio, does not.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.experiments.arms import ArmSums, arm_sums
from clvhelpers.experiments.welch import Estimate, check_size, compared, difference_words, shown_as
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

LARGEST_VARIATION = 0.1  # of the mean denominator, for the variance of a ratio to hold (Cochran, section 6.5)
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class RatioComparison:
    """The ratio of two sums in each arm against that of control.

    `frame` has one row for each arm but the control: `arm, control_units, units, control_ratio, ratio, difference` (arm
    minus control), `standard_error, low, high, p_value, relative` (difference / control_ratio), `relative_low,
    relative_high`, and per unit `control_denominator, denominator`: a ratio may rise because its denominator fell.
    """

    frame: pd.DataFrame
    numerator: str
    denominator: str
    control: str
    level: float
    currency: str | None

    def shown(self, value: float) -> str:
        """A value in words, as money where the numerator is money."""
        return shown_as(value, self.currency)

    def sentence(self) -> str:
        """Each arm in words, and what became of the denominator."""
        return " ".join(self._arm_words(row) for row in self.frame.to_dict("records"))

    def _arm_words(self, row: dict[Any, Any]) -> str:
        values, what = (row["ratio"], row["control_ratio"]), f"{self.numerator} / {self.denominator}"
        return (
            f"{difference_words(row, what, values, self.control, self.shown, self.level)} The denominator, "
            f"{self.denominator} per customer, is {number(row['denominator'], 2)} against "
            f"{number(row['control_denominator'], 2)}."
        )

    def plot(self) -> "Picture":
        """The difference of each arm with its interval."""
        from clvhelpers.plots.experiments_means import ratio_differences

        return ratio_differences(self)


def compare_ratios(
    data: Any,
    numerator: str,
    denominator: str,
    *,
    arm: str = "arm",
    control: str = "control",
    level: float = 0.95,
    currency: str | None = None,
) -> RatioComparison:
    """Sum of `numerator` over sum of `denominator` of each arm against control, with the delta method's variance.

    `data` is a frame of any engine with one row a unit that was assigned (a customer, with the sum of its revenue and
    the number of its orders, 0 and 0 for who did not order), or `ArmSums` of both columns.

    Raises `NotEnoughDataError` for an arm of fewer than 30 units, one whose denominator is too near 0 (its standard
    error above a tenth of it) or one without spread; `ExperimentError` for data that can't be.
    Sources: Cochran (1977), Sampling Techniques, 3rd ed., sections 6.3 and 6.5; Deng, Knoblich & Lu (2018), "Applying
    the delta method in metric analytics", KDD '18, 233-242.

    >>> import numpy as np
    >>> random = np.random.default_rng(1)
    >>> orders, price = random.poisson(2, 2000), random.gamma(9, 2, 2000)
    >>> arm = np.tile(["control", "offer"], 1000)
    >>> customers = pd.DataFrame({"arm": arm, "orders": orders, "revenue": orders * (price + (arm == "offer"))})
    >>> print(compare_ratios(customers, "revenue", "orders", currency="EUR").sentence())
    With offer, revenue / orders is €18.77 against €17.71 with control: a difference of €1.06 (95% interval €0.42 to \
€1.70, p 0.001), which is more than chance. Relative to control that is +6.0% (+2.3% to +9.8%). The denominator, \
orders per customer, is 1.98 against 2.01.
    """
    check_level(level)
    if numerator == denominator:
        raise ConfigError(f"numerator and denominator are both {numerator!r}: a ratio needs two columns")
    sums = arm_sums(data, [numerator, denominator], arm=arm, control=control)
    check_size(sums)
    _check_denominator(sums, denominator)
    ratios = {name: _ratio(sums, name, numerator, denominator) for name in sums.arms}
    _check_spread(ratios, f"{numerator} / {denominator}")
    base = ratios[control]
    rows = [
        {"arm": name, "control_units": base.units, "units": one.units, "control_ratio": base.value, "ratio": one.value}
        | compared(one, base, level)
        | {"control_denominator": sums.mean(control, denominator), "denominator": sums.mean(name, denominator)}
        for name, one in ratios.items()
        if name != control
    ]
    return RatioComparison(pd.DataFrame(rows), numerator, denominator, control, level, currency)


def _check_denominator(sums: ArmSums, denominator: str) -> None:
    problems = []
    for name, n in sums.units.items():
        mean, error = sums.mean(name, denominator), math.sqrt(sums.covariance(name, denominator, denominator) / n)
        if mean <= 0 or error > LARGEST_VARIATION * mean:
            problems.append(
                f"{denominator!r} is {number(mean, 3)} a unit in {name}, with a standard error of {number(error, 3)}; "
                f"a ratio needs a denominator above 0 with a standard error of at most {percent(LARGEST_VARIATION, 0)} "
                "of it. Wait for more units, or compare the means of numerator and denominator"
            )
    if problems:
        raise NotEnoughDataError(problems)


def _ratio(sums: ArmSums, arm: str, numerator: str, denominator: str) -> Estimate:
    """The variance is that of numerator - ratio x denominator, over the mean denominator squared."""
    n, below = sums.units[arm], sums.mean(arm, denominator)
    ratio = sums.mean(arm, numerator) / below
    parts = sums.covariance(arm, numerator, numerator), ratio**2 * sums.covariance(arm, denominator, denominator)
    variance = sum(parts) - 2 * ratio * sums.covariance(arm, numerator, denominator)
    return Estimate(ratio, 0.0 if variance <= ROUNDING * sum(parts) else variance / (n * below**2), n)


def _check_spread(ratios: dict[str, Estimate], what: str) -> None:
    alike = [name for name, one in ratios.items() if one.variance == 0]
    if alike:
        raise NotEnoughDataError(
            f"{what} is the same for every unit in {', '.join(alike)}: without differences between units chance "
            "can't be told from effect. Look whether one column was computed from the other"
        )
