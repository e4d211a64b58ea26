"""Does a forecast find the best customers? What its best per cents of the customers turned out to buy."""

import numpy as np
import pandas as pd

Array = np.ndarray

SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)
TENTH = 0.1


def gains(forecasts: pd.DataFrame, actual: pd.Series) -> pd.DataFrame:
    """Share of the purchases made by the best customers, as each column of `forecasts` ranks them.

    A row for each share of the customers (`share_of_customers`, from the best 5% to all): a column for each
    forecast, `random` for customers picked blindly and `hindsight` for the best that any ranking could do. Customers
    with equal forecasts stand for each other: of a group that is only partly among the best, the same part of its
    purchases counts. Missing where nobody bought.

    >>> forecasts, actual = pd.DataFrame({"model": [9.0, 5.0, 5.0, 1.0]}), pd.Series([3, 2, 0, 1])
    >>> gains(forecasts, actual).query("share_of_customers in (0.2, 0.5)").round(2).to_numpy().tolist()
    [[0.2, 0.4, 0.2, 0.4], [0.5, 0.67, 0.5, 0.83]]
    """
    bought = actual.to_numpy(dtype=float)
    shares = np.array(SHARES)
    found = {name: caught(forecasts[name].to_numpy(), bought, shares) for name in forecasts}
    hindsight = caught(bought, bought, shares)
    return pd.DataFrame({"share_of_customers": shares, **found, "random": shares, "hindsight": hindsight})


def best_tenth(forecast: Array, actual: Array) -> tuple[float, float]:
    """The share of the forecast's best tenth who are truly among the best, and what blind choice would find.

    The truly best tenth is everybody who bought at least as much as the customer on its limit, so that ties count
    as best: perfect foresight finds 1. Where fewer than a tenth bought at all, the truly best are those who bought,
    and the forecast names as many. Customers with the forecast of the one on the limit count in part. Missing
    where nobody bought.

    >>> actual = np.array([4, 2, 1, *[0] * 17])
    >>> best_tenth(actual, actual), best_tenth(-actual, actual)
    ((1.0, 0.1), (0.0, 0.1))
    """
    size = int(min(max(round(TENTH * len(actual)), 1), (actual > 0).sum()))
    if not size:
        return np.nan, np.nan
    best = actual >= np.sort(actual)[-size]
    return float(_counted(forecast, best.astype(float), np.array([size]))[0] / size), float(best.mean())


def caught(forecast: Array, bought: Array, shares: Array) -> Array:
    """The share of all that was `bought` by each of the `shares` of the customers, those with the best forecast.

    >>> caught(np.array([3.0, 1, 1, 0]), np.array([4.0, 4, 0, 0]), np.array([0.25, 0.5, 0.75])).tolist()
    [0.5, 0.75, 1.0]
    """
    total = bought.sum()
    if not total:
        return np.full(len(shares), np.nan)
    return _counted(forecast, bought, shares * len(bought)) / total


def _counted(forecast: Array, amount: Array, customers: Array) -> Array:
    """The sum of `amount` of the first so many customers, best forecast first, ties in equal parts."""
    _, place = np.unique(-forecast, return_inverse=True)
    sizes, sums = np.bincount(place), np.bincount(place, amount)
    return np.interp(customers, np.cumsum([0, *sizes]), np.cumsum([0, *sums]))
