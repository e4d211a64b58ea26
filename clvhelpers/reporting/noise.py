"""How far a figure moves by chance: standard errors, and the noise of a change between two reports.

Two reports of a client share most of their customers, so they are not two samples. Taking them for
independent would overstate the noise of a change many times over. Here the later log holds the earlier one:

* A share at a fixed age (retention at month 3) is settled for every customer who had reached that age by the
  earlier report. With n1 customers then and n2 now, p2 - p1 = (n2 - n1) / n2 x (p_new - p1), whose variance
  if nothing changed is p (1 - p) (1 / n1 - 1 / n2), and not p (1 - p) (1 / n1 + 1 / n2).
* A ratio over customers (revenue / orders) changes by a sum over customers: what each one adds to the later
  ratio less what the same one added to the earlier. The sum of their squares is its variance, with the orders of
  a customer, early and late, free to be alike.
* Counts of new customers in two windows of equal length do not overlap at all.

Each noise is a function of the probability (two-sided) with which it may be exceeded though nothing changed.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np
import pandas as pd
from scipy.special import bdtrik, ndtri, stdtrit

from clvhelpers.cohorts import CohortTable

Array = np.ndarray
Noise = Callable[[float], float]
FEWEST_BUYERS = 20
FEWEST_COHORTS = 4
FEWEST_EXPECTED = 5
FEWEST_WINDOWS = 8
Z_90 = 1.6448536269514722


def proportion_error(share: float, n: int) -> float:
    """Standard error of a share of `n` customers who have nothing to do with each other.

    >>> proportion_error(0.5, 100)
    0.05
    """
    return sqrt(share * (1 - share) / n)


def mean_error(values: Array) -> float:
    """Standard error of a mean over customers; 0 for a single one.

    >>> mean_error(np.array([1.0, 3.0]))
    1.0
    """
    return float(np.std(values, ddof=1)) / sqrt(len(values)) if len(values) > 1 else 0.0


def ratio_error(totals: Array, counts: Array) -> float:
    """Standard error of sum(totals) / sum(counts) with a customer as the unit (linearised, so large samples).

    >>> round(ratio_error(np.array([10.0, 30.0, 20.0]), np.array([1, 3, 2])), 6)  # everybody's ratio is 10
    0.0
    """
    ratio, n = totals.sum() / counts.sum(), len(totals)
    return sqrt(n / max(n - 1, 1) * float(np.sum((totals - ratio * counts) ** 2))) / float(counts.sum())


def top_share_error(values: Array, top: float = 0.1) -> float | None:
    """Standard error of the share of a total that the best tenth of customers make; None without a total above 0.

    From the influence of each customer on that share, ((x - q)+ + top q - share x) / mean, where q is the value
    that the best tenth lie above. Source: Langel & Tillé (2013), Journal of the Royal Statistical Society A 176(2).

    >>> top_share_error(np.ones(50))
    0.0
    """
    mean = values.mean()
    if mean <= 0:
        return None
    edge = np.quantile(values, 1 - top)
    above = np.maximum(values - edge, 0.0) + top * edge
    return mean_error((above - above.mean() / mean * values) / mean)


def interval_error(interval: tuple[float, float]) -> float:
    """The standard error that a 90 % range stands for, if it is about normal.

    >>> round(interval_error((10.0, 13.29)), 2)
    1.0
    """
    return (interval[1] - interval[0]) / (2 * Z_90)


def cells_at(months: CohortTable, figure: str) -> pd.DataFrame:
    """The complete cells of monthly cohorts behind a figure such as `month_3`."""
    frame, age = months.frame, int(figure.removeprefix("month_"))
    return frame[(frame["age"] == age) & frame["mature"] & (frame["n0"] > 0)]


def spread_of_cohorts(cells: pd.DataFrame) -> float:
    """How many times the binomial variance cohorts differ by, at least 1 (Pearson's chi-square by its degrees).

    Customers of a month share a season, so they are not independent. `cells` has `n0` and `n_active` of each
    cohort at one age.

    >>> spread_of_cohorts(pd.DataFrame({"n0": [100, 100], "n_active": [10, 30]}))
    12.5
    """
    n, x = cells["n0"].to_numpy(), cells["n_active"].to_numpy()
    share = x.sum() / n.sum()
    if len(cells) < 2 or not 0 < share < 1:
        return 1.0
    chi_square = float(np.sum((x - n * share) ** 2 / (n * share * (1 - share))))
    return max(1.0, chi_square / (len(cells) - 1))


def new_customers_noise(counts: Array) -> Noise:
    """Noise of the change from one window to the next in the number of new customers.

    `counts` are those of windows of equal length, oldest first; the change is that of the last two. By chance
    alone (Poisson), the later count is binomial(both counts, 1/2) given their sum, which is exact. New customers
    come in waves, so where six changes or more from window to window went before, their mean square counts if
    it says more. It has 2/3 of a degree of freedom for each change, as neighbours share a window.

    >>> new_customers_noise(np.array([100, 110]))(0.05)
    28.0
    >>> new_customers_noise(np.array([50, 150, 60, 140, 50, 150, 60, 140, 100]))(0.05) > 200
    True
    """
    both = int(counts[-2:].sum())
    usual = np.diff(counts[:-1]).astype(float)

    def noise(probability: float) -> float:
        chance = float(2 * np.ceil(bdtrik(1 - probability / 2, both, 0.5)) - both) if both else 0.0
        if len(counts) < FEWEST_WINDOWS:
            return chance
        quantile = stdtrit(2 * len(usual) // 3, 1 - probability / 2)
        return max(chance, float(quantile * np.sqrt(np.mean(usual**2))))

    return noise


def ratio_noise(totals: tuple[Array, Array], counts: tuple[Array, Array]) -> Noise | None:
    """Noise of the change in sum(totals) / sum(counts), such as the average order; None with too few buyers.

    Each pair is one number a customer at the earlier and at the later report, both cumulative; the customers are
    those of the later report, with 0 before their first order.

    >>> orders = np.ones(100), np.full(100, 2.0)
    >>> money = 10 * orders[0], 20 + np.tile([-1.0, 1.0], 50)
    >>> round(ratio_noise(money, orders)(0.05), 3)
    0.1
    """
    early, late = counts[0].sum(), counts[1].sum()
    buyers = int(np.sum(counts[1] > counts[0]))
    if buyers < FEWEST_BUYERS or early <= 0:
        return None
    ratio = totals[1].sum() / late
    moved = (totals[1] - ratio * counts[1]) / late - (totals[0] - ratio * counts[0]) / early
    error = sqrt(buyers / (buyers - 1) * float(np.sum(moved**2)))
    return lambda probability: float(error * stdtrit(buyers - 1, 1 - probability / 2))


def retention_noise(cells: pd.DataFrame, is_new: Array) -> Noise | None:
    """Noise of the change in a pooled retention at one age, for `cells` of cohorts of which some are new.

    The variance above, times how much more the earlier cohorts differ than customers on their own would; None
    where those are too few to tell (4 are needed), or fewer than 5 active or inactive customers are expected
    among the new ones.

    >>> cells = pd.DataFrame({"n0": [100] * 6, "n_active": [20, 22, 18, 21, 19, 20]})
    >>> round(retention_noise(cells, np.array([False] * 5 + [True]))(0.05), 3)
    0.02
    """
    old, new = cells[~is_new], cells[is_new]
    n_old, n_new, n = old["n0"].sum(), new["n0"].sum(), cells["n0"].sum()
    share = cells["n_active"].sum() / n
    if len(old) < FEWEST_COHORTS or n_new * min(share, 1 - share) < FEWEST_EXPECTED:
        return None
    error = sqrt(spread_of_cohorts(old) * share * (1 - share) * (1 / n_old - 1 / n))
    return lambda probability: float(error * stdtrit(len(old) - 1, 1 - probability / 2))


def independent_noise(*errors: float) -> Noise:
    """Noise of a difference of two estimates whose errors are taken as independent.

    For estimates from shared customers this is an upper bound.

    >>> round(independent_noise(3.0, 4.0)(0.05), 1)
    9.8
    """
    error = sqrt(sum(one**2 for one in errors))
    return lambda probability: float(error * ndtri(1 - probability / 2))
