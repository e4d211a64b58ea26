"""Who was treated was chosen, but there are periods of before: the change of the treated against the change of others.

Whatever is different between the groups and stays so drops out, seen or not. What does not drop out is a difference
that would have grown or shrunk anyhow: the groups have to run parallel without the treatment. Nobody can see that
after the treatment; whether they did so before can be tested, and is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.experiments.chosen import LEAST_UNITS, difference_of_means, interval_words, shown, treated_rows
from clvhelpers.experiments.welch import estimated
from clvhelpers.experiments.words import repeated, shown_p
from clvhelpers.text import count

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Array = npt.NDArray[np.float64]
PARALLEL = 0.05  # p-value below which the groups did not run parallel


@dataclass(frozen=True, eq=False)
class DifferenceInDifferences:
    """The change of the treated over that of the others.

    `frame` has one row: `treated_units, other_units, treated_before, treated_after, other_before, other_after` (means
    a period), `difference` (of the changes, a period), `standard_error, low, high, p_value`. `periods` has for each
    `period` the mean of the `treated` and of the `others`, and the `gap` between them over that of the last period
    before, with `low, high`. `trend_p` tests that all gaps of before are 0 (missing with one period of before);
    `drift` is the slope of the gap a period before the treatment, with `drift_low, drift_high`.
    """

    frame: pd.DataFrame
    periods: pd.DataFrame
    trend_p: float
    drift: float
    drift_low: float
    drift_high: float
    before: tuple[str, ...]
    after: tuple[str, ...]
    outcome: str
    level: float
    currency: str | None

    @property
    def parallel(self) -> bool | None:
        """Whether nothing speaks against parallel lines before the treatment; None where nobody can know."""
        return None if np.isnan(self.trend_p) else self.trend_p >= PARALLEL

    def shown(self, value: float) -> str:
        """An effect in words."""
        return shown(value, False, self.currency)

    def sentence(self) -> str:
        """The effect and what it assumes; without the effect where the groups did not run parallel before."""
        if self.parallel is False:
            return (
                f"Nobody was randomised, and the groups did not run parallel before the treatment "
                f"({shown_p(self.trend_p)}; the gap between them moved by {self._drift()}). So a difference of "
                "differences would count as effect what was under way already, and no effect is stated: it takes "
                "others who moved like the treated before, or a randomised test."
            )
        row = self.frame.iloc[0]
        return (
            f"Nobody was randomised. {self.outcome} of the treated changed by "
            f"{interval_words(row, False, self.currency, self.level)} a period more than that of the others. This is "
            "the effect on the treated if both would have changed alike without the treatment, which nobody can see. "
            f"{self._trend_words()}"
        )

    def _drift(self) -> str:
        ends = f"{self.shown(self.drift_low)} to {self.shown(self.drift_high)}"
        return f"{self.shown(self.drift)} a period, {ends}"

    def _trend_words(self) -> str:
        if self.parallel is None:
            return "With one period of before it can't even be tested there: give more of them."
        worst = max(self.drift_low, self.drift_high, key=abs)
        ahead = abs(worst) * (len(self.before) + len(self.after)) / 2
        return (
            f"In the {count(len(self.before), 'period')} before they ran parallel as far as these can tell "
            f"({shown_p(self.trend_p)}; the gap moved by {self._drift()}). A drift at the far end of that, going on, "
            f"would by itself make a difference of {self.shown(ahead)}."
        )

    def plot(self) -> "Picture":
        """Both groups by period: did they run parallel before?"""
        from clvhelpers.plots.experiments_observational import group_lines

        return group_lines(self)

    def plot_gaps(self) -> "Picture":
        """The gap between the groups by period over that of the last one before, with intervals."""
        from clvhelpers.plots.experiments_observational import gap_points

        return gap_points(self)


def difference_in_differences(
    frame: Any,
    *,
    treated: str,
    before: Sequence[str],
    after: Sequence[str],
    outcome: str = "the outcome",
    level: float = 0.95,
    currency: str | None = None,
) -> DifferenceInDifferences:
    """The effect on the treated, as what they changed by beyond the change of the others.

    `frame` of any engine has one row a unit, `treated` (0 or 1), and the outcome of each period in a column of its own:
    `before` and `after` name these in the order of time. `outcome` is what to call it. All treated began at the same
    time. Each unit counts once (its mean after minus its mean before), so errors are clustered by unit whatever its
    periods have in common; the two groups may differ in spread (Welch). The test of the periods before is Wald's,
    that the gap between the groups was the same in all of them.

    Raises `ConfigError` for a period that is named twice or none at all; `ExperimentError` for missing values and a
    `treated` that is not 0 and 1; `NotEnoughDataError` for fewer than 30 units in a group.
    Sources: Bertrand, Duflo & Mullainathan (2004), Quarterly Journal of Economics 119(1), 249-275 (errors); Roth
    (2022), American Economic Review: Insights 4(3), 305-322 (what a test of before can miss).

    >>> random = np.random.default_rng(3)
    >>> warmth, called = random.normal(size=2000), np.tile([0, 1], 1000)
    >>> months = {f"m{i}": 100 - 20 * called + 10 * warmth + random.normal(0, 5, 2000) for i in range(3)}
    >>> accounts = pd.DataFrame({"called": called, **months, "m3": months["m2"] + 2 + 6 * called})
    >>> found = difference_in_differences(accounts, treated="called", before=["m0", "m1", "m2"], after=["m3"])
    >>> round(float(found.frame["difference"].iloc[0]), 1), found.parallel
    (5.8, True)
    """
    check_level(level)
    _check_periods(treated, before, after)
    rows = treated_rows(frame, treated, [*before, *after])
    groups = {group: rows.loc[rows[treated] == group, [*before, *after]].to_numpy() for group in (1, 0)}
    few = [f"only {count(len(own), 'unit')} with {treated} {value}" for value, own in groups.items()]
    few = [told for told, own in zip(few, groups.values(), strict=True) if len(own) < LEAST_UNITS]
    if few:
        raise NotEnoughDataError([f"{told}: it takes {LEAST_UNITS} or more in each group" for told in few])
    known = len(before)
    quantile = NormalDist().inv_cdf((1 + level) / 2)
    drift, error = _drift(groups, known)
    return DifferenceInDifferences(
        _effect(groups, known, level),
        _periods(groups, [*before, *after], known, quantile),
        _trend_p(groups, known),
        drift,
        drift - quantile * error,
        drift + quantile * error,
        tuple(before),
        tuple(after),
        outcome,
        level,
        currency,
    )


def _check_periods(treated: str, before: Sequence[str], after: Sequence[str]) -> None:
    names = [treated, *before, *after]
    twice = repeated(names)
    problems = [f"{twice} is named twice: each period has a column of its own"] if twice else []
    for name, periods in (("before", before), ("after", after)):
        if isinstance(periods, str) or not len(periods):
            problems.append(f"{name} is {periods!r}: expected a list of columns, in the order of time")
    if problems:
        raise ConfigError(problems)


def _gap(groups: dict[int, Array], weights: Array) -> tuple[float, float]:
    """The treated minus the others in a weighted sum of the periods, and its error: a number a unit, so clustered."""
    return difference_of_means(groups[1] @ weights, groups[0] @ weights)


def _effect(groups: dict[int, Array], known: int, level: float) -> pd.DataFrame:
    later = groups[1].shape[1] - known
    difference, error = _gap(groups, np.repeat([-1 / known, 1 / later], [known, later]))
    freedom = min(len(own) for own in groups.values()) - 1
    row: dict[str, float] = {"treated_units": len(groups[1]), "other_units": len(groups[0])}
    for name, group in (("treated", 1), ("other", 0)):
        row |= {
            f"{name}_before": groups[group][:, :known].mean(),
            f"{name}_after": groups[group][:, known:].mean(),
        }
    return pd.DataFrame([row | estimated(difference, error, level, freedom)])


def _periods(groups: dict[int, Array], names: list[str], known: int, quantile: float) -> pd.DataFrame:
    rows = []
    for place, name in enumerate(names):
        weights = np.eye(len(names))[place] - np.eye(len(names))[known - 1]
        gap, error = _gap(groups, weights)
        rows.append({"period": name, "gap": gap, "low": gap - quantile * error, "high": gap + quantile * error})
    means = {"treated": groups[1].mean(axis=0), "others": groups[0].mean(axis=0)}
    return pd.DataFrame(rows).assign(**means)[["period", "treated", "others", "gap", "low", "high"]]


def _trend_p(groups: dict[int, Array], known: int) -> float:
    """Wald's test that the gap was the same in all periods of before."""
    from scipy.stats import chi2

    if known < 2:
        return np.nan
    changes = {group: np.diff(own[:, :known], axis=1) for group, own in groups.items()}
    gaps = changes[1].mean(axis=0) - changes[0].mean(axis=0)
    spread = sum(np.atleast_2d(np.cov(own, rowvar=False)) / len(own) for own in changes.values())
    return float(chi2.sf(gaps @ np.linalg.lstsq(spread, gaps, rcond=None)[0], known - 1))


def _drift(groups: dict[int, Array], known: int) -> tuple[float, float]:
    """The slope of the gap over the periods of before by least squares, and its error."""
    if known < 2:
        return np.nan, np.nan
    time = np.arange(known) - (known - 1) / 2
    return _gap(groups, np.append(time / (time**2).sum(), np.zeros(groups[1].shape[1] - known)))
