"""Do groups of customers leave at different rates? The log-rank test, for two groups or more."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from clvhelpers.churn.stays import Array, By, Stays, read_stays
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.purchases import one_of
from clvhelpers.text import count, number

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

WEIGHTS = {
    "log-rank": "every age counts alike",
    "wilcoxon": "each age counts by the customers at risk, so early leaving counts most",
    "tarone-ware": "each age counts by the root of the customers at risk",
    "peto": "each age counts by the share still there",
}
SMALLEST_P = 0.001


@dataclass(frozen=True, eq=False)
class LogRank:
    """The test that all groups leave alike.

    `frame` has one row a group: `group`, `customers`, `events` (left), `expected` (would have left, had all groups
    left alike at each age), `ratio` (events / expected). With `degrees_of_freedom` = groups - 1, `statistic` is a
    draw from chi-squared if the groups are alike; `p_value` is the chance of so large a one.
    """

    frame: pd.DataFrame
    statistic: float
    degrees_of_freedom: int
    p_value: float
    weights: str

    def sentence(self) -> str:
        """The outcome in words, and the group that is furthest from the others."""
        p = f"below {SMALLEST_P}" if self.p_value < SMALLEST_P else number(self.p_value, 3)
        how = f"{self.weights} test: chi-squared {number(self.statistic, 2)}, p {p}"
        if self.p_value >= 0.05:
            return f"The groups leave alike, as far as these customers can tell ({how})."
        far = self.frame.loc[np.abs(np.log(self.frame["ratio"].clip(lower=1e-9))).idxmax()]
        verb = "more" if far["ratio"] > 1 else "fewer"
        return (
            f"The groups do not leave alike ({how}). Furthest from the others is {far['group']}: "
            f"{count(int(far['events']), 'customer')} left, {verb} than the {number(far['expected'], 0)} expected "
            "if all groups left alike. Where customers chose their group this is no proof that the group is the cause."
        )

    def plot(self) -> "Picture":
        """Leavers of each group beside those expected if all groups left alike."""
        from clvhelpers.plots.survival import observed_and_expected

        return observed_and_expected(self)


def log_rank(stays: pd.DataFrame, by: By, *, start: float | None = None, weights: str = "log-rank") -> LogRank:
    """Compare the groups of the column or columns `by` at every age at which someone left.

    `stays` as for `kaplan_meier`, a column `entry` is used where there is one. `weights` other than
    "log-rank" ("wilcoxon", "tarone-ware", "peto") give early ages more say; choose before looking.

    Raises `NotEnoughDataError` for a single group or where nobody left, and what `kaplan_meier` raises.
    Sources: Mantel (1966), Cancer Chemotherapy Reports 50, 163-170; for weights Klein & Moeschberger (2003),
    Survival Analysis, section 7.3.

    >>> stays = pd.DataFrame({"duration": [1, 2, 3, 4, 5, 6], "left": 1, "plan": list("aaabbb")})
    >>> round(log_rank(stays, "plan").statistic, 3)
    5.052
    """
    one_of(weights, WEIGHTS, "weights")
    checked = read_stays(stays, by).begun(start)
    if len(checked.groups) < 2:
        raise NotEnoughDataError(f"all customers are in one group, {checked.groups[0]}: a comparison needs two")
    if not checked.left.any():
        raise NotEnoughDataError("nobody left, in any group: there is nothing to compare until some have")
    return _test(checked, weights)


def _test(stays: Stays, weights: str) -> LogRank:
    times = np.unique(stays.duration[stays.left])
    parts = [stays.of(name) for name in stays.groups]
    at_risk = np.array([part.at_risk(times) for part in parts], dtype=float)
    events = np.array([part.ended(times, part.left) for part in parts], dtype=float)
    n, d = at_risk.sum(axis=0), events.sum(axis=0)
    weight = _weight(weights, n, d)
    share = at_risk / n
    expected = share * d
    gap = ((events - expected) * weight).sum(axis=1)[:-1]
    scale = weight**2 * d * np.divide(n - d, n - 1, out=np.zeros_like(n), where=n > 1)
    covariance = np.diag(share @ scale) - (share * scale) @ share.T
    statistic = float(gap @ np.linalg.pinv(covariance[:-1, :-1], hermitian=True) @ gap)
    sums = expected.sum(axis=1)
    frame = pd.DataFrame(
        {
            "group": stays.groups,
            "customers": [len(part.duration) for part in parts],
            "events": events.sum(axis=1).astype(int),
            "expected": sums,
            "ratio": np.divide(events.sum(axis=1), sums, out=np.full_like(sums, np.nan), where=sums > 0),
        }
    )
    freedom = len(stays.groups) - 1
    return LogRank(frame, statistic, freedom, float(chdtrc(freedom, statistic)), weights)


def _weight(weights: str, n: Array, d: Array) -> Array:
    if weights == "peto":
        return np.cumprod(1 - d / (n + 1))
    powers = {"log-rank": 0.0, "tarone-ware": 0.5, "wilcoxon": 1.0}
    return n ** powers[weights]
