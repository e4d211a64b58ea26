"""How the value of a customer answers to each of its inputs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.errors import FormulaError
from clvhelpers.formulas.value import Timing, retention_value
from clvhelpers.text import money, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

INPUTS = ("margin", "churn", "discount rate")


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """A value and what becomes of it when one input changes and the others stand still.

    `frame`: one row an input, the strongest first: `input`, `now`, `lower` and `higher` (the input with the `change`),
    `value_lower` and `value_higher` (money), `spread` (the distance between them), `elasticity` (per cent of value for
    each per cent of the input, for small changes).
    """

    frame: pd.DataFrame
    value: float
    change: float
    currency: str = "USD"

    def sentence(self) -> str:
        """Which input matters most and which least, in money."""
        first, last = self.frame.iloc[0], self.frame.iloc[-1]
        moves = (
            f"{row['input']} moves it from {money(low, self.currency)} to {money(high, self.currency)}"
            for row in (first, last)
            for low, high in [sorted((row["value_lower"], row["value_higher"]))]
        )
        by = percent(self.change, 0)
        return f"A customer is worth {money(self.value, self.currency)}. {by} less or more: {'; '.join(moves)}."

    def plot(self) -> "Picture":
        """A bar for each input, from the value with less of it to the value with more; see `plots.retention`."""
        from clvhelpers.plots.retention import sensitivity_bars

        return sensitivity_bars(self)


def sensitivity(
    margin_per_period: float,
    churn: float,
    discount: float,
    *,
    timing: Timing,
    change: float = 0.10,
    currency: str = "USD",
) -> Sensitivity:
    """The margin multiple in money, with each input lower and higher by the share `change` of itself.

    `margin_per_period` is money; `churn` and `discount` are per the same period. Churn and not retention, since a
    tenth of churn is what a company can hope to move, and a tenth of retention is often beyond 100%. Errors:
    FormulaError where `retention_value` has none, a change is not between 0 and 1, or more churn would be above 1.

    >>> shown = sensitivity(7.0, 0.05, 0.008, timing="start")
    >>> print(shown.sentence())
    A customer is worth $121.66. 10% less or more: margin moves it from $109.49 to $133.82; discount rate moves it \
from $120.10 to $123.26.
    >>> shown.frame[["input", "elasticity"]].round(2).values.tolist()
    [['margin', 1.0], ['churn', -0.86], ['discount rate', -0.13]]
    """
    if not 0 < change < 1:
        raise FormulaError(f"change is {change}: expected a share between 0 and 1, such as 0.1 for 10%")
    now = dict(zip(INPUTS, (margin_per_period, churn, discount), strict=True))
    value = _value(now, timing)
    rows = []
    for name in INPUTS:
        lower, higher = now[name] * (1 - change), now[name] * (1 + change)
        ends = [_value({**now, name: one}, timing) for one in (lower, higher)]
        rows.append([name, now[name], lower, higher, *ends, abs(ends[1] - ends[0]), _elasticity(now, name, timing)])
    columns = ["input", "now", "lower", "higher", "value_lower", "value_higher", "spread", "elasticity"]
    frame = pd.DataFrame(rows, columns=columns).sort_values("spread", ascending=False, kind="stable")
    return Sensitivity(frame.reset_index(drop=True), value, change, currency)


def _value(inputs: dict[str, float], timing: Timing) -> float:
    churn = inputs["churn"]
    if churn > 1:
        raise FormulaError(f"churn with the change is {number(churn, 2)}: more customers would leave than there are")
    return float(retention_value(inputs["margin"], 1 - churn, inputs["discount rate"], timing=timing))


def _elasticity(now: dict[str, float], name: str, timing: Timing, step: float = 1e-5) -> float:
    """d ln value / d ln input."""
    ends = [_value({**now, name: now[name] * (1 + shift)}, timing) for shift in (-step, step)]
    return float((np.log(ends[1]) - np.log(ends[0])) / (2 * step))
