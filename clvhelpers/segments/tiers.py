"""Value tiers: Platinum, Gold, Silver and Bronze, with cut-offs that can be frozen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.errors import ConfigError
from clvhelpers.segments.values import finite
from clvhelpers.text import count, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

TIERS = ("Platinum", "Gold", "Silver", "Bronze")


@dataclass(frozen=True, eq=False)
class Tiers:
    """The answer of `value_tiers`: `labels`, the `cutoffs` to freeze for next time, and `frame` by tier.

    `ties` counts the customers whose value equals a cut-off; they are in the lower tier.
    """

    labels: pd.Series
    cutoffs: tuple[float, float, float]
    frame: pd.DataFrame
    ties: int

    def sentence(self) -> str:
        """What the highest tier is and holds, in words."""
        top = self.frame.iloc[0]
        words = (
            f"{TIERS[0]} is {count(top['customers'], 'customer')}, {percent(top['share_of_customers'], 0)} of all, "
            f"and holds {percent(top['share_of_value'], 0)} of the value."
        )
        return words + f" On a cut-off lie {count(self.ties, 'customer')}, in the lower tier."

    def plot(self) -> "Picture":
        """Each tier's share of the value."""
        from clvhelpers.plots.segments import tier_bars

        return tier_bars(self.frame)


def value_tiers(values: Sequence[float] | pd.Series, cutoffs: Sequence[float] | None = None) -> Tiers:
    """Platinum, Gold, Silver and Bronze by value (predicted CLV, in money).

    A customer is in a tier when the value lies *above* its cut-off, so a tie at a cut-off goes down, for
    all alike. Without `cutoffs` they are the upper quartile, the median and the lower quartile of `values`.
    Quartiles make the shares what they are by construction: to see a tier grow, pass the `cutoffs` of the
    base period again. `frame`: `tier, customers, share_of_customers, threshold, mean, total, share_of_value`.

    >>> tiers = value_tiers([1.0, 1.0, 1.0, 2.0, 5.0, 9.0])
    >>> tiers.labels.tolist(), tiers.ties
    (['Bronze', 'Bronze', 'Bronze', 'Gold', 'Platinum', 'Platinum'], 3)
    """
    worth = finite(values)
    limits = _cutoffs(worth, cutoffs)
    rank = np.sum([worth.to_numpy() > limit for limit in limits], axis=0)
    labels = pd.Series(np.array(TIERS)[3 - rank], index=worth.index, name="tier")
    stats = worth.groupby(labels).agg(["size", "mean", "sum"]).reindex(list(TIERS))
    whole = worth.sum()
    frame = pd.DataFrame(
        {
            "tier": TIERS,
            "customers": stats["size"].fillna(0).astype(int).to_numpy(),
            "share_of_customers": stats["size"].fillna(0).to_numpy() / len(worth),
            "threshold": [*limits, np.nan],
            "mean": stats["mean"].to_numpy(),
            "total": stats["sum"].fillna(0.0).to_numpy(),
            "share_of_value": stats["sum"].fillna(0.0).to_numpy() / whole if whole > 0 else np.nan,
        }
    )
    return Tiers(labels, limits, frame, int(worth.isin(limits).sum()))


def _cutoffs(worth: pd.Series, cutoffs: Sequence[float] | None) -> tuple[float, float, float]:
    if cutoffs is None:
        high, middle, low = (float(worth.quantile(q)) for q in (0.75, 0.50, 0.25))
        return high, middle, low
    if len(cutoffs) != 3 or list(cutoffs) != sorted(cutoffs, reverse=True):
        raise ConfigError(f"cutoffs must be three numbers from high to low (Platinum, Gold, Silver), got {cutoffs}")
    high, middle, low = (float(limit) for limit in cutoffs)
    return high, middle, low
