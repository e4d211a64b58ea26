"""Guardrails: what must not get worse while something else gets better.

That a difference is "not significant" does not say that there is none: a small test would let any harm pass. So harm
is ruled out and not looked for. A margin is set beforehand, the largest harm that one would accept, and the whole
interval must lie on the good side of it (non-inferiority).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from clvhelpers.errors import ConfigError
from clvhelpers.experiments.effect import row_of
from clvhelpers.text import plain

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Better = Literal["higher", "lower"]


@dataclass(frozen=True, eq=False)
class Guardrail:
    """A difference with its interval, and the harm that may not be exceeded, both in the unit of the difference.

    `state` is "passes" (harm beyond the margin is ruled out), "fails" (it is shown) or "open" (neither: too few data).
    """

    name: str
    difference: float
    low: float
    high: float
    margin: float
    better: Better

    @property
    def state(self) -> Literal["passes", "fails", "open"]:
        worst, best = (self.low, self.high) if self.better == "higher" else (-self.high, -self.low)
        return "passes" if worst > -self.margin else "fails" if best < -self.margin else "open"

    @property
    def passed(self) -> bool:
        """Whether harm beyond the margin is ruled out."""
        return self.state == "passes"

    @property
    def frame(self) -> pd.DataFrame:
        """One row: `name, difference, low, high, margin, better, state`."""
        names = ("name", "difference", "low", "high", "margin", "better", "state")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def sentence(self) -> str:
        """Whether it passes, and from which numbers."""
        harm = "a fall" if self.better == "higher" else "a rise"
        told = {
            "passes": f"passes: {harm} of more than {plain(self.margin)} is ruled out",
            "fails": f"fails: {harm} of more than {plain(self.margin)} is shown",
            "open": f"is open: {harm} of more than {plain(self.margin)} is neither shown nor ruled out, so more data "
            "are needed before it can pass",
        }[self.state]
        span = f"{plain(self.low)} to {plain(self.high)}"
        return f"{self.name} {told} (difference {plain(self.difference)}, interval {span})."

    def plot(self) -> "Picture":
        """The difference with its interval and the margin."""
        from clvhelpers.plots.experiments_decision import guardrail_point

        return guardrail_point(self)


def guardrail(
    effect: Any, *, margin: float, better: Better, name: str = "The guardrail", arm: str | None = None
) -> Guardrail:
    """Does a metric that must not get worse stay within `margin`, the largest harm accepted?

    `effect` is a comparison (`compare_rates`, `compare_means`, ...) or (difference, low, high), arm minus control;
    `margin` is above 0 and in the same unit (0.01 is a point of a rate). `better` says which way is good: "higher" for
    orders or satisfaction, "lower" for refunds or complaints. The interval's own level is kept: a 95% one makes a test
    at 2.5% on the side of harm, as is the custom. Source: ICH E9 (1998), Statistical Principles for Clinical Trials,
    section 3.3.2.

    >>> guardrail((-0.002, -0.006, 0.002), margin=0.01, better="higher", name="Day-1 activity").state
    'passes'
    >>> print(guardrail((0.004, -0.003, 0.011), margin=0.01, better="lower", name="Refund rate").sentence())
    Refund rate is open: a rise of more than 0.01 is neither shown nor ruled out, so more data are needed before it \
can pass (difference 0.004, interval -0.003 to 0.011).
    """
    difference, low, high = _interval(effect, arm)
    problems = []
    if better not in ("higher", "lower"):
        problems.append(f'better is {better!r}: expected "higher" or "lower", which way the metric should go')
    if not (np.isfinite(margin) and margin > 0):
        problems.append(f"margin is {margin}: expected the largest harm accepted, above 0, in the metric's unit")
    if np.isnan([difference, low, high]).any() or not low <= difference <= high:
        problems.append(f"the effect is {difference} ({low} to {high}): expected a difference within its interval")
    if problems:
        raise ConfigError(problems)
    return Guardrail(name, difference, low, high, float(margin), better)


def _interval(effect: Any, arm: str | None) -> tuple[float, float, float]:
    if isinstance(effect, Sequence):
        if len(effect) != 3:
            raise ConfigError("the effect must be a comparison, or (difference, low, high)")
        return float(effect[0]), float(effect[1]), float(effect[2])
    row = row_of(effect, arm)
    return float(row["difference"]), float(row["low"]), float(row["high"])
