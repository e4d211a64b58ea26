"""Sums over all payments to come where no closed form is known: the first ones one by one, the rest as an integral."""

from collections.abc import Callable

import numpy as np

Array = np.ndarray
ONE_BY_ONE = 1000
NOTHING = 1e-17  # of the sum so far
LONGEST = 45.0  # exp(-45) is less than that
PIECE, MOST_PIECES = 0.25, 20_000
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


def endless_sum(
    log_term: Callable[[Array], Array], first: int, discount: float, power: float, straight: float
) -> float:
    """The sum of term(t) / term(first) / (1 + discount)^(t - first) over t = first, first + 1, ...

    `log_term` takes ln t and gives ln of something that falls smoothly with age, as a survival does. From ln t of
    `straight` on it falls as t^-power: without a discount the sum has an end only for a `power` above 1, which the
    caller makes sure of. The rest after the first 1,000 terms follows from Euler and Maclaurin's formula with one
    correction (Abramowitz & Stegun 1964, 23.1.30), its integral over ln t by Gauss's rule in short pieces. Relative
    errors stay below 1e-9.

    >>> round(endless_sum(lambda log_t: -2 * log_t, 1, 0.0, 2.0, 0.0), 11), round(np.pi**2 / 6, 11)
    (1.64493406685, 1.64493406685)
    """
    fall = float(np.log1p(discount))
    with np.errstate(divide="ignore"):  # ln 0 is minus infinity, and that is meant
        ages = np.log(first + np.arange(ONE_BY_ONE + 2.0))
    start = float(log_term(ages[:1])[0])

    def log_worth(log_t: Array) -> Array:
        kept = log_term(log_t) - start
        return kept - fall * (np.exp(log_t) - first) if fall else kept

    terms = np.exp(log_worth(ages))
    total, (before, here, after) = float(terms[:-2].sum()), terms[-3:]
    age = float(ages[-2])
    if here * np.exp(age) < NOTHING * total:
        return total
    total += here / 2 - (after - before) / 24
    if fall:
        return total + _integral(log_worth, age, float(np.log(np.exp(age) + LONGEST / fall)))
    end = max(straight, age)
    beyond = np.exp(log_worth(np.array([end])) + end)[0] / (power - 1)
    return float(total + _integral(log_worth, age, end) + beyond)


def _integral(log_worth: Callable[[Array], Array], start: float, end: float) -> float:
    """Of exp(log_worth(ln t)) over t, from ln t of `start` to `end`."""
    pieces = min(int((end - start) / PIECE) + 1, MOST_PIECES)
    half = (end - start) / pieces / 2
    middles = start + half * (2 * np.arange(pieces) + 1)
    log_t = (middles[:, None] + half * NODES).ravel()
    return float(half * np.einsum("i,i->", np.tile(WEIGHTS, pieces), np.exp(log_worth(log_t) + log_t)))
