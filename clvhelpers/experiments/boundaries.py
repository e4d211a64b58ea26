"""Exact chances of looking several times: when the z of growing data first leaves its bounds, and which bounds to set.

After look k of K equally spaced ones z is a sum of k independent normal steps, over the root of k. The density of the
sum of tests that have not stopped is carried from look to look by numerical integration: Armitage, McPherson &
Rowe (1969), Journal of the Royal Statistical Society A 132, 235-244; Jennison & Turnbull (2000), Group Sequential
Methods with Applications to Clinical Trials, chapter 19.
"""

import math
from functools import cache

import numpy as np
from scipy.special import ndtr, ndtri

from clvhelpers.experiments.power import Array

FAR = 8.0  # standard errors, beyond which nothing happens
PANEL = 4.0  # standard deviations of a step; with 12 nodes each the error is below 1e-11
NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)


def crossing(bounds: Array, drift: float = 0.0) -> Array:
    """The chance to be first at or beyond the bounds on |z| at each look; `drift` is the mean of z at the last look.

    >>> round(float(crossing(np.full(5, 1.959964)).sum()), 3)
    0.142
    """
    looks = len(bounds)
    step = drift / math.sqrt(looks)
    limits = np.minimum(bounds, FAR + abs(drift)) * np.sqrt(np.arange(1, looks + 1))
    sums, mass = np.zeros(1), np.ones(1)  # before the first look all sums are 0
    chances = np.empty(looks)
    for look, limit in enumerate(limits):
        chances[look] = mass @ (ndtr(sums + step - limit) + ndtr(-limit - sums - step))
        nodes, weights = _rule(limit)
        mass = weights * (_density(nodes[:, None] - sums - step) @ mass)
        sums = nodes
    return chances


def _rule(limit: float) -> tuple[Array, Array]:
    """Nodes and weights of integration from -limit to limit: Gauss-Legendre on panels of equal width."""
    edges = np.linspace(-limit, limit, math.ceil(2 * limit / PANEL) + 1)
    half = limit / (len(edges) - 1)
    nodes = (edges[:-1] + half)[:, None] + half * NODES
    return nodes.ravel(), np.tile(half * WEIGHTS, len(edges) - 1)


def _density(z: Array) -> Array:
    return np.asarray(np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi))


def pocock(constant: float, looks: int) -> Array:
    """The same bound at each look."""
    return np.full(looks, constant)


def obrien_fleming(constant: float, looks: int) -> Array:
    """Bounds that fall with the root of the share of the data, to `constant` at the last look."""
    return constant * np.sqrt(looks / np.arange(1, looks + 1))


SHAPES = {"pocock": pocock, "obrien-fleming": obrien_fleming}


@cache
def group_sequential(looks: int, method: str, alpha: float) -> tuple[float, ...]:
    """The bounds on |z| of a shape that raise a false alarm in a share `alpha` of tests."""
    from scipy.optimize import brentq

    shape = SHAPES[method]
    single, all_apart = (float(ndtri(1 - alpha / (2 * tests))) for tests in (1, looks))
    if looks == 1:
        return (single,)
    constant = brentq(lambda c: crossing(shape(c, looks)).sum() - alpha, single, all_apart, xtol=1e-7)
    return tuple(shape(float(constant), looks))


def most_units(bounds: Array, power: float, alpha: float) -> float:
    """How many times the units of a test with one look are needed for the same power, if it never stops early."""
    from scipy.optimize import brentq

    one_look = float(ndtri(1 - alpha / 2) + ndtri(power))
    if len(bounds) == 1:
        return 1.0
    drift = brentq(lambda d: crossing(bounds, d).sum() - power, one_look / 2, 3 * one_look, xtol=1e-6)
    return (float(drift) / one_look) ** 2


def sequence_bound(units: Array, planned_units: float, alpha: float) -> Array:
    """How many standard errors wide an always-valid interval is on each side, after so many units.

    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), Time-uniform central limit theory and asymptotic confidence
    sequences, Annals of Statistics 52 (arXiv 2103.06476), equation 9; narrowest about `planned_units`.

    >>> sequence_bound(np.array([5000, 90189]), 5000, 0.05).round(3).tolist()
    [3.035, 3.322]
    """
    ratio = mixture(units, planned_units, alpha)
    return np.asarray(np.sqrt(2 * (ratio + 1) / ratio * (np.log(ratio + 1) / 2 - math.log(alpha))))


def mixture(units: Array, planned_units: float, alpha: float) -> Array:
    """Units times rho squared, where rho makes the sequence narrowest about `planned_units` (same source)."""
    wide = -2 * math.log(alpha)
    return np.asarray(units, dtype=float) * (wide + math.log(wide + 1)) / planned_units
