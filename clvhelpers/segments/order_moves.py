"""Moves between groups by number of orders, beside those to expect of customers who have not changed.

The NBD model: each customer buys at random, at a rate of their own, for ever. What it expects of the next period
is worked out exactly.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import betainc, digamma, gammaln

from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.models.fitting import Fit, maximise
from clvhelpers.segments.migration import Migration, migration

ORDER_EDGES = (0, 1, 2, 4, 7)
FEWEST = 30  # customers, to fit two parameters


def order_migration(before: pd.Series, after: pd.Series, edges: Sequence[int] = ORDER_EDGES) -> Migration:
    """Moves between groups by number of orders, beside those of an NBD base in which nothing changed.

    `before` and `after` hold the number of orders of each customer, by customer id, in two periods of equal
    length; customers of both whole periods, with 0 where they did not order. `edges` are the lowest numbers of
    each group: 0, 1, 2-3, 4-6, 7 and more. Who has j orders in the first period is expected to have NBD(r + j,
    alpha + 1) in the next one, with r and alpha fitted to the first.

    Raises `DataContractError` for counts that can't be or customers in only one of the two, `ConfigError` for
    wrong edges, `NotEnoughDataError` below 30 customers or where all ordered equally often: luck can't then be told
    from habit.

    Source: Ehrenberg (1972), Repeat-Buying; Morrison and Schmittlein (1988), JBES 6(2), 145-159.

    >>> rng = np.random.default_rng(1)
    >>> rate = rng.gamma(0.8, 2 / 0.8, 2000)
    >>> moves = order_migration(pd.Series(rng.poisson(rate)), pd.Series(rng.poisson(rate)))
    >>> f"{moves.moved:.3f} {moves.moved_expected:.3f}"
    '0.534 0.519'
    """
    x, later = _counts(before, "before"), _counts(after, "after")
    strangers = before.index.symmetric_difference(after.index)
    if len(strangers):
        raise DataContractError(
            f"{len(strangers)} customers are in only one of before and after, such as {strangers[0]!r}: give customers "
            "of both whole periods, with 0 where they did not order"
        )
    r, alpha = fit_nbd(x).parameters
    expected = expected_by_orders(r, alpha, x, edges)
    return migration(_order_groups(x, edges), _order_groups(later, edges), _order_names(edges), expected)


def fit_nbd(counts: pd.Series) -> Fit:
    """The NBD model of the number of orders of each customer in one period: gamma rates, shape r and rate alpha.

    Raises `NotEnoughDataError` below 30 customers or where all counts are equal, `ConvergenceError` where no
    maximum is found; warns with BoundaryWarning where customers do not differ by more than luck.

    >>> fit = fit_nbd(pd.Series(np.random.default_rng(2).poisson(np.random.default_rng(3).gamma(0.8, 2.5, 20_000))))
    >>> fit.parameters.round(1).tolist()
    [0.8, 0.4]
    """
    if len(counts) < FEWEST:
        raise NotEnoughDataError(f"there are {len(counts)} customers; telling luck from habit takes {FEWEST} or more")
    if counts.nunique() == 1:
        raise NotEnoughDataError(
            f"all {len(counts)} customers ordered equally often ({counts.iloc[0]}): nothing tells luck from habit"
        )
    numbers, weights = np.unique(counts, return_counts=True)
    mean, variance = float(counts.mean()), float(counts.var())
    r = mean**2 / max(variance - mean, 0.05 * mean)
    return maximise(_NBD(numbers, weights), None, np.log([r, r / mean]), ("r", "alpha"))


class _NBD:
    """Log-likelihood of counts: Gamma(r + x) / (Gamma(r) x!) (alpha / (alpha + 1))^r (1 / (alpha + 1))^x."""

    def __init__(self, numbers: np.ndarray, weights: np.ndarray):
        self.numbers, self.weights = numbers, weights
        self.total = float(weights.sum())

    def value(self, log_parameters: np.ndarray) -> float:
        r, alpha = np.exp(log_parameters)
        x = self.numbers
        each = gammaln(r + x) - gammaln(r) - gammaln(x + 1) - r * np.log1p(1 / alpha) - x * np.log1p(alpha)
        return float((self.weights * each).sum())

    def __call__(self, log_parameters: np.ndarray) -> tuple[float, np.ndarray]:
        r, alpha = np.exp(log_parameters)
        x = self.numbers
        by_r = r * (digamma(r + x) - digamma(r) - np.log1p(1 / alpha))
        by_alpha = r / (alpha + 1) - x * alpha / (alpha + 1)
        slopes = [float((self.weights * by).sum()) for by in (by_r, by_alpha)]
        return self.value(log_parameters), np.array(slopes)


def expected_by_orders(r: float, alpha: float, counts: pd.Series, edges: Sequence[int] = ORDER_EDGES) -> pd.DataFrame:
    """The share of each group by number of orders that will be in each group in the next period of equal length.

    Rows are the groups that have customers, columns all groups. Under the NBD model who has j orders will have
    NBD(r + j, alpha + 1); a row is the mean over the customers in it.

    >>> moves = expected_by_orders(0.8, 0.4, pd.Series([0, 0, 1, 5]))
    >>> moves.shape, moves.sum(axis="columns").round(6).tolist()
    ((3, 5), [1.0, 1.0, 1.0])
    """
    names = _order_names(edges)
    numbers, place = np.unique(counts, return_inverse=True)
    chance = 1 - 1 / (alpha + 2)
    below = [betainc(r + j, np.array(edges[1:], dtype=float), chance) for j in numbers]
    by_number = np.diff(np.pad(below, ((0, 0), (1, 1)), constant_values=(0, 1)), axis=1)
    groups = _order_groups(counts, edges)
    means = pd.DataFrame(by_number[place], columns=names).groupby(groups.to_numpy()).mean()
    return means.reindex([name for name in names if name in means.index])


def _order_groups(counts: pd.Series, edges: Sequence[int]) -> pd.Series:
    names = np.array(_order_names(edges), dtype=object)
    return pd.Series(names[np.searchsorted(edges, counts, side="right") - 1], counts.index)


def _order_names(edges: Sequence[int]) -> list[str]:
    whole = all(float(edge).is_integer() for edge in edges)
    if len(edges) < 2 or edges[0] != 0 or not whole or list(edges) != sorted({*edges}):
        raise ConfigError(f"edges must be two or more rising whole numbers of orders that start at 0, got {edges}")
    ends = [*(int(edge) - 1 for edge in edges[1:]), None]
    names = [_range(low, high) for low, high in zip(edges, ends, strict=True)]
    return [f"{name} order" if name == "1" else f"{name} orders" for name in names]


def _range(low: int, high: int | None) -> str:
    if high is None:
        return f"{low}+"
    return f"{low}" if high == low else f"{low}-{high}"


def _counts(values: pd.Series, name: str) -> pd.Series:
    counts = pd.to_numeric(values, errors="coerce")
    wrong = counts.isna() | (counts < 0) | (counts % 1 != 0)
    if wrong.any():
        raise DataContractError(
            f"{name} has {int(wrong.sum())} values that are no number of orders, such as {values[wrong].iloc[0]!r} of "
            f"{values.index[wrong][0]!r}: expected 0, 1, 2 ..."
        )
    return counts.astype(int)
