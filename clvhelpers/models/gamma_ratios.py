"""Ratios of gamma functions that keep their digits where differences of `gammaln` or `betaln` lose them.

lnGamma of 1e6 is some 1e7, so a difference of two of them that should be 1e-6 keeps few digits. Here the large parts
are taken out by hand: the first STEPS factors of each gamma function one by one, and the rest by Stirling's series, of
which only differences are written. Relative errors stay below 1e-11 for arguments from 1e-6 up, and are mostly 1e-15
(Abramowitz & Stegun 1964, Handbook of Mathematical Functions, 6.1.15, 6.1.41, 6.3.5 and 6.3.18).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = np.ndarray
STEPS = 10
STEPS_FROM_0 = np.arange(float(STEPS))
STIRLING = (-1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)  # of 1/x^3, 1/x^5 ... in lnGamma, after 1/(12 x)
DIGAMMA = (-1 / 12, 1 / 120, -1 / 252, 1 / 240, -1 / 132)  # of 1/x^2, 1/x^4, 1/x^6 ... in digamma


def log_beta_ratio(gamma: npt.ArrayLike, delta: npt.ArrayLike, more: npt.ArrayLike) -> Array:
    """ln B(gamma, delta + more) - ln B(gamma, delta), for gamma and delta above 0 and `more` of 0 or above.

    >>> round(float(log_beta_ratio(1.0, 3.0, 1.0)), 15) == round(float(np.log(3 / 4)), 15)
    True
    >>> round(1e12 * float(log_beta_ratio(1e-6, 1e6, 1.0)), 6)  # with scipy's betaln it is -67
    -1.0
    """
    gamma, delta, more = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (gamma, delta, more)))
    low = np.add.outer(STEPS_FROM_0, delta)
    factors = np.log1p(gamma / low * (more / (gamma + low + more)))
    x, whole = delta + STEPS, gamma + delta + STEPS
    ratio = (x - 0.5) * np.log1p(gamma / x * (more / (whole + more))) - factors.sum(axis=0)
    ratio -= more * np.log1p(gamma / (x + more)) + gamma * np.log1p(more / whole)
    ratio -= gamma / (12 * x * whole) * (more / (x + more)) * ((2 * x + more + gamma) / (whole + more))
    rest = _series(np.array([x + more, x, whole + more, whole]), 3, STIRLING)
    return ratio + (rest[0] - rest[1] - rest[2] + rest[3])


def digamma_step(x: npt.ArrayLike, more: npt.ArrayLike) -> Array:
    """digamma(x + more) - digamma(x), for x above 0 and `more` of 0 or above.

    >>> round(float(digamma_step(2.0, 1.0)), 12), round(1e11 * float(digamma_step(1e8, 1e-3)), 6)
    (0.5, 1.0)
    """
    x, more = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(more, dtype=float))
    low, y = np.add.outer(STEPS_FROM_0, x), x + STEPS
    difference = (more / (low + more) / low).sum(axis=0) + np.log1p(more / y)
    rest = _series(np.array([y + more, y]), 2, DIGAMMA)
    return difference + more / (y + more) / (2 * y) + (rest[0] - rest[1])


def _series(x: Array, lowest: int, shares: Sequence[float]) -> Array:
    """The sum of shares[k] / x^(lowest + 2 k)."""
    one_over = 1 / x
    square, total = one_over * one_over, np.zeros(np.shape(x))
    for share in reversed(shares):
        total = total * square + share
    return total * one_over**lowest
