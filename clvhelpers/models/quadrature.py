"""Integrals as sums: points and weights for the averages that the models need."""

from functools import cache

import numpy as np
from scipy.special import expit, log_expit

Array = np.ndarray
FINE, COARSE = 0.35, 0.7  # steps of the integral over a beta distribution: errors below 1e-7, and below 1e-4
LEAST = -500.0  # ln of the smallest p: one over it is still a number
EVEN = 3.0  # steps are even so far around the centre, and more where a function bends far from it
ENDLESS_STEP = 0.3


def beta_nodes(a: float, b: Array, step: float, bend: float = 0.0) -> tuple[Array, Array]:
    """Points p and their shares of beta(a, b) distributions, one row a `b`; for functions smooth in log p.

    `bend` is how small ln p is where such a function still bends. The trapezoid rule in s, where logit p = centre +
    scale (s + sinh(s) / stretch): even steps from where the density bends to where the function does, and beyond, far
    out in the tails, few points (Takahasi & Mori 1974, Publications of RIMS 9, have the idea).
    """
    scale = np.minimum(1.0, np.sqrt(1 / a + 1 / b))[:, None]
    centre = (np.log1p(a) - np.log1p(b))[:, None]
    even = EVEN + min(max(float(centre.max()) - bend, 0.0), 40 / a) / float(scale.min())
    left, right = (even + np.log1p(40 / min(least, 1.0) / scale.min()) for least in (a, b.min()))
    s = np.arange(-left, right + step, step)
    logit = centre + scale * (s + np.exp(-even) * 2 * np.sinh(s))
    log_share = a * log_expit(logit) + b[:, None] * log_expit(-logit) + np.log1p(np.exp(-even) * 2 * np.cosh(s))
    share = np.exp(log_share - log_share.max(axis=1, keepdims=True))
    kept = (share > 1e-30).any(axis=0)
    share = share[:, kept] / share.sum(axis=1, keepdims=True)
    return expit(np.maximum(logit[:, kept], LEAST)), share


def endless_times(rate: float) -> tuple[Array, Array]:
    """Times and weights with which expected purchases by each time sum to the discounted ones of all times.

    The sum of exp(-rate t) over purchases is the integral of rate exp(-rate t) E(t) dt, with E(t) the expected
    purchases by t: the trapezoid rule in the logarithm of t. Its error is below 1e-8 where E(t) grows no faster
    than t.

    >>> times, weights = endless_times(0.002)
    >>> round(float((weights * times).sum() * 0.002), 8)  # one purchase a period for ever is worth 1 / rate
    1.0
    """
    log_time = np.arange(np.log(1e-6), np.log(60), ENDLESS_STEP)
    scaled = np.exp(log_time)
    return scaled / rate, ENDLESS_STEP * scaled * np.exp(-scaled)


@cache
def gauss_nodes(points: int = 32) -> tuple[Array, Array]:
    """Gauss's points between 0 and 1, and their weights, which sum to 1."""
    point, weight = np.polynomial.legendre.leggauss(points)
    return (point + 1) / 2, weight / 2


def panel_nodes(end: float, panels: int = 64) -> tuple[Array, Array]:
    """Points between 0 and `end` and their weights, for a function that may bend sharply anywhere between them."""
    point, weight = gauss_nodes(16)
    starts = np.arange(panels)[:, None]
    return ((starts + point) * end / panels).ravel(), np.tile(weight * end / panels, panels)
