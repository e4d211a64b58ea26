"""How unevenly a total is spread over customers: shares of the best, the Gini coefficient, the whale curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.segments.values import finite
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture


@dataclass(frozen=True, eq=False)
class Concentration:
    """The answer of `concentration`. Shares are fractions of the total; None where they have no meaning.

    `share_for_80` is the smallest share of customers that makes 80 % of the total. `frame` is the curve:
    `share_of_customers` (best first) and `share_of_value`.
    """

    gini: float | None
    top_1_share: float | None
    top_10_share: float | None
    top_20_share: float | None
    share_for_80: float | None
    customers: int
    total: float
    negatives: int
    negative_total: float
    frame: pd.DataFrame

    def sentence(self) -> str:
        """What the best customers make of the total, in words."""
        if self.top_10_share is None:
            return f"The values of {count(self.customers, 'customer')} do not add up to more than 0: no shares to give."
        words = (
            f"The best {percent(0.1, 0)} of customers make {percent(self.top_10_share)} of the total, the best "
            f"{percent(0.2, 0)} {percent(self.top_20_share)}; {percent(self.share_for_80)} of customers make "
            f"{percent(0.8, 0)} of it."
        )
        if self.negatives:
            words += (
                f" {count(self.negatives, 'customer')} below zero, together at "
                f"{number(self.negative_total, 2)}, and so no Gini coefficient."
            )
        return words

    def plot(self) -> "Picture":
        """The share of the total by share of customers, best first."""
        from clvhelpers.plots.segments import concentration_curve

        return concentration_curve(self)


def concentration(values: Sequence[float] | pd.Series) -> Concentration:
    """How unevenly a total (revenue, or margin, in money) is spread over customers.

    The best 10 % of n customers are the best n // 10, and at least one. The Gini coefficient is
    sum((2 i - n - 1) x_i) / (n sum(x)) over the values in rising order; it needs values of 0 or more, so
    with negative ones (more refunded than bought) it is None and they are counted.
    An observed Gini over a short time is larger than that of the customers' true rates: chance adds to it.

    >>> result = concentration([0, 0, 10, 90])
    >>> round(result.gini, 3), result.top_10_share, result.share_for_80
    (0.7, 0.9, 0.25)
    """
    worth = np.sort(finite(values).to_numpy())[::-1]
    n, whole = len(worth), float(worth.sum())
    below = worth[worth < 0]
    running = np.cumsum(worth)
    top_1 = top_10 = top_20 = for_80 = gini = None
    curve = pd.DataFrame({"share_of_customers": np.arange(n + 1) / n, "share_of_value": np.nan})
    if whole > 0:
        curve["share_of_value"] = np.append(0.0, running / whole)
        top_1, top_10, top_20 = (float(running[max(1, n * share // 100) - 1] / whole) for share in (1, 10, 20))
        for_80 = float((np.argmax(running >= 0.8 * whole) + 1) / n)
        weights = n + 1 - 2 * np.arange(1, n + 1)
        gini = None if len(below) else float(np.sum(weights * worth) / (n * whole))
    return Concentration(gini, top_1, top_10, top_20, for_80, n, whole, len(below), float(below.sum()), curve)
