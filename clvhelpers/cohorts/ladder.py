"""The chain ladder: how a triangle of cumulative numbers goes on, with Mack's standard error.

Each age has a factor, the average growth from one age to the next over the cohorts that have seen both, weighted by
size. A young cohort is carried to the last age by the factors that it has not seen yet. Source: Mack (1993),
Distribution-free calculation of the standard error of chain ladder reserve estimates, ASTIN Bulletin 23(2), 213-225.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clvhelpers.errors import DataContractError, NotEnoughDataError
from clvhelpers.text import count, number, plain

FEWEST = 3
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class ChainLadder:
    """A completed triangle of cumulative numbers.

    `frame` has one row a cohort, in the triangle's order: `latest` (what was seen), `age` (of that), `ultimate`
    (expected at the last age of the triangle), `reserve` (ultimate - latest) and its `standard_error`. `factors` has
    one row an age that has a next one: `factor` and `sigma` (root of the variance for one unit). `completed` is the
    triangle with expected numbers in the place of those not seen. `total` is the sum of the reserves.
    """

    frame: pd.DataFrame
    factors: pd.DataFrame
    completed: pd.DataFrame
    total: float
    total_standard_error: float

    def sentence(self) -> str:
        """The total still to come by the last age, with its error."""
        last = self.completed.columns[-1]
        share = f" ({number(100 * self.total_standard_error / abs(self.total))}% of it)" if self.total else ""
        return (
            f"Up to age {last} the {number(len(self.frame))} cohorts are expected to add {number(self.total)} to the "
            f"{number(self.frame['latest'].sum())} seen, with a standard error of {number(self.total_standard_error)}"
            f"{share}."
        )


def chain_ladder(triangle: pd.DataFrame) -> ChainLadder:
    """Complete a triangle of cumulative numbers: one row a cohort, one column an age, missing where not seen yet.

    Numbers may grow (orders, revenue) or shrink (survivors). They must be above 0; a cohort that reached 0 for good
    stays 0. The standard errors (Mack's) hold the noise of the process and that of the factors. They assume that
    cohorts are independent and that age alone explains growth: no season, no trend.

    Raises DataContractError for a gap in a row or for numbers of 0 or less, NotEnoughDataError for fewer than three
    ages or cohorts, where an age before the last was reached by one cohort only, and where nothing changes with age.

    >>> triangle = pd.DataFrame([[100.0, 150.0, 165.0], [110.0, 160.0, None], [90.0, None, None]])
    >>> found = chain_ladder(triangle)
    >>> found.frame["ultimate"].round(1).to_list(), found.factors["factor"].round(3).to_list()
    ([165.0, 176.0, 146.1], [1.476, 1.1])
    """
    values = _checked(triangle)
    factors, sigma2 = _development(values)
    if not sigma2.any() and np.isin(factors, (0, 1)).all():
        raise NotEnoughDataError(
            "no cohort changes after its first ages (nobody comes back, nobody leaves, or everybody left at once): "
            "there is no growth to carry on, and no error to go with it; wait for more ages"
        )
    completed = _complete(values, factors)
    latest = (~np.isnan(values)).sum(axis=1) - 1
    variance, total_variance = _mack(values, completed, factors, sigma2, latest)
    seen = values[np.arange(len(values)), latest]
    frame = pd.DataFrame(
        {
            "latest": seen,
            "age": triangle.columns.to_numpy()[latest],
            "ultimate": completed[:, -1],
            "reserve": completed[:, -1] - seen,
            "standard_error": np.sqrt(variance),
        },
        index=triangle.index,
    )
    steps = pd.DataFrame({"factor": factors, "sigma": np.sqrt(sigma2)}, index=triangle.columns[:-1])
    filled = pd.DataFrame(completed, index=triangle.index, columns=triangle.columns)
    return ChainLadder(frame, steps, filled, float(frame["reserve"].sum()), float(np.sqrt(total_variance)))


def _checked(triangle: pd.DataFrame) -> Array:
    """The numbers, if they make a triangle."""
    values = triangle.to_numpy(dtype=float, na_value=np.nan)
    if min(values.shape) < FEWEST:
        raise NotEnoughDataError(
            f"the triangle has {count(values.shape[0], 'cohort')} and {count(values.shape[1], 'age')}: growth and its "
            f"error need at least {FEWEST} of each, so that two cohorts have seen the same step"
        )
    seen = ~np.isnan(values)
    cohorts, ages = list(triangle.index), list(triangle.columns)
    problems = [f"cohort {cohorts[row]} has no number at its first age" for row in np.flatnonzero(~seen[:, 0])]
    gaps = (~seen[:, :-1] & seen[:, 1:]).any(axis=1)
    problems += [f"cohort {cohorts[row]} has a gap between its ages" for row in np.flatnonzero(gaps)]
    grows_later = np.fliplr(np.maximum.accumulate(np.fliplr(np.nan_to_num(values)), axis=1)) > 0
    bad = seen & ((values < 0) | ((values == 0) & grows_later))
    problems += [
        f"cohort {cohorts[row]} has {plain(values[row, age])} at age {ages[age]}: a number that "
        "grows by a factor must be above 0 (take orders, or the additive method)"
        for row, age in np.argwhere(bad)
    ]
    if problems:
        raise DataContractError(problems)
    if (seen.sum(axis=0)[1:-1] < 2).any():
        raise NotEnoughDataError(
            "an age before the last was reached by one cohort only: leave out the oldest ages until each but the last "
            "has two cohorts"
        )
    return values


def _development(values: Array) -> tuple[Array, Array]:
    """The factor of each age, and the variance for one unit around it."""
    steps = values.shape[1] - 1
    factors, sigma2 = np.ones(steps), np.zeros(steps)
    for age in range(steps):
        both = ~np.isnan(values[:, age + 1]) & (values[:, age] > 0)
        now, then = values[both, age], values[both, age + 1]
        if not both.any():
            continue
        factors[age] = then.sum() / now.sum()
        if both.sum() > 1:
            sigma2[age] = (now * (then / now - factors[age]) ** 2).sum() / (both.sum() - 1)
        else:
            sigma2[age] = _last_sigma2(sigma2[:age])
    return factors, sigma2


def _last_sigma2(before: Array) -> float:
    """Mack's rule for the step that one cohort has seen: it goes on falling as before."""
    one, two = before[-1], before[-2] if len(before) > 1 else before[-1]
    return float(min(one**2 / two if two > 0 else 0.0, one, two))


def _complete(values: Array, factors: Array) -> Array:
    completed = values.copy()
    for age, factor in enumerate(factors):
        missing = np.isnan(completed[:, age + 1])
        completed[missing, age + 1] = completed[missing, age] * factor
    return completed


def _mack(values: Array, completed: Array, factors: Array, sigma2: Array, latest: Array) -> tuple[Array, float]:
    """The variance of each reserve, and that of their sum, whose parts share the factors."""
    known = np.array([np.nansum(np.where(np.isnan(values[:, k + 1]), 0, values[:, k])) for k in range(len(factors))])
    known[known == 0] = np.inf
    by_age = np.append(np.cumsum((sigma2 / factors**2 / known)[::-1])[::-1], 0.0)  # from each age to the last
    ultimate = completed[:, -1]
    own = np.zeros(len(values))
    for row, age in enumerate(latest):
        if ultimate[row] > 0:
            own[row] = (sigma2[age:] / factors[age:] ** 2 / completed[row, age:-1]).sum()
    variance = ultimate**2 * (own + by_age[latest])
    covariance = np.outer(ultimate, ultimate) * by_age[np.maximum.outer(latest, latest)]
    np.fill_diagonal(covariance, 0)
    return variance, float(variance.sum() + covariance.sum())
