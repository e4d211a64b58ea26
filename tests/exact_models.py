"""The models' equations in 30 digits with mpmath, written from the papers and slow: what the package is held against.

Each takes the parameters as a dict of floats. `integral` is over ln t, for densities that bend at the times `bends`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from mpmath import MPContext

Number = Any
mp = MPContext()  # its own, for the precision of others is none of its business
mp.dps = 30


def beta_geo(chances_at_start: int = 0) -> Callable[..., tuple[Number, Number]]:
    """ln L and P(alive) of BG/NBD, or of MBG/NBD with one chance to leave at the start."""

    def row(x: int, recency: float, T: float, *, r: Number, alpha: Number, a: Number, b: Number) -> tuple:
        chances, recency, T = x + chances_at_start, mp.mpf(recency), mp.mpf(T)
        bought = mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha)
        stayed = log_beta(a, b + chances) - log_beta(a, b) - (r + x) * mp.log(alpha + T)
        if chances == 0:
            return bought + stayed, mp.mpf(1)
        left = log_beta(a + 1, b + chances - 1) - log_beta(a, b) - (r + x) * mp.log(alpha + recency)
        return bought + log_sum(stayed, left), 1 / (1 + mp.exp(left - stayed))

    return row


def beta_geo_purchases(x: int, T: float, t: float, *, r: Number, alpha: Number, a: Number, b: Number) -> Number:
    """Of a customer alive: the paper's equation 10 without P(alive), at a other than 1."""
    z = t / (alpha + T + t)
    power = (r + x) * mp.log((alpha + T) / (alpha + T + t))
    series = mp.hyp2f1(r + x, b + x, a + b + x - 1, z, maxterms=10**6)
    return (a + b + x - 1) / (a - 1) * (1 - mp.exp(power) * series)


def pareto(x: int, recency: float, T: float, *, r: Number, alpha: Number, s: Number, beta: Number) -> tuple:
    """ln L and P(alive) of Pareto/NBD: bought x times and there at T, or left at a time between recency and T."""
    bought = mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha) + s * mp.log(beta)
    stayed = -(r + x) * mp.log(alpha + T) - s * mp.log(beta + T)
    if recency == T:
        return bought + stayed, mp.mpf(1)
    A, B = alpha + mp.mpf(recency), beta + mp.mpf(recency)

    def left_at(t: Number) -> Number:
        return mp.exp(-(r + x) * mp.log1p(t / A) - (s + 1) * mp.log1p(t / B))

    left = mp.log(integral(left_at, T - mp.mpf(recency), [A / (r + x), A, B / (s + 1), B]))
    left += mp.log(s) - (r + x) * mp.log(A) - (s + 1) * mp.log(B)
    return bought + log_sum(stayed, left), 1 / (1 + mp.exp(left - stayed))


def pareto_purchases(x: int, T: float, t: float, *, r: Number, alpha: Number, s: Number, beta: Number) -> Number:
    """Of a customer alive, at s other than 1."""
    return (r + x) / (alpha + T) * (beta + T) / (s - 1) * (1 - ((beta + T) / (beta + T + t)) ** (s - 1))


def pareto_discounted(x: int, T: float, rate: float, *, r: Number, alpha: Number, s: Number, beta: Number) -> Number:
    """Of a customer alive: the confluent hypergeometric function of Fader, Hardie & Lee (2005), "RFM and CLV"."""
    reach = mp.mpf(rate) * (beta + T)
    return (r + x) / (alpha + T) * (beta + T) * mp.hyperu(1, 2 - s, reach)


def beta_geo_beta_binom(
    x: int, recency: int, T: int, *, alpha: Number, beta: Number, gamma: Number, delta: Number
) -> tuple:
    """ln L and P(alive) of BG/BB, as the sum of its equation 9."""
    constant = log_beta(alpha, beta) + log_beta(gamma, delta)
    there = log_beta(alpha + x, beta + T - x) + log_beta(gamma, delta + T)
    left = [log_beta(alpha + x, beta + met - x) + log_beta(gamma + 1, delta + met) for met in range(recency, T)]
    both = mp.log(mp.fsum(mp.exp(each - there) for each in (there, *left)))
    return there + both - constant, mp.exp(-both)


def beta_geo_beta_binom_purchases(
    x: int, T: int, t: int, *, alpha: Number, beta: Number, gamma: Number, delta: Number
) -> Number:
    """Of a customer alive: the chance to buy times the sum of the chances to be there still."""
    stays = [mp.exp(log_beta(gamma, delta + T + n) - log_beta(gamma, delta + T)) for n in range(1, t + 1)]
    return (alpha + x) / (alpha + beta + T) * mp.fsum(stays)


def gamma_gamma(x: int, mean: float, *, p: Number, q: Number, v: Number) -> Number:
    """ln of the density of a mean of x amounts."""
    mean = mp.mpf(mean)
    constant = mp.loggamma(p * x + q) - mp.loggamma(p * x) - mp.loggamma(q)
    return (
        constant + q * mp.log(v) + (p * x - 1) * mp.log(mean) + p * x * mp.log(x) - (p * x + q) * mp.log(v + x * mean)
    )


def exact(parameters: dict[str, float]) -> dict[str, Number]:
    """The same parameters as numbers of mpmath."""
    return {name: mp.mpf(float(value)) for name, value in parameters.items()}


def slopes(log_likelihood: Callable[..., Number], parameters: dict[str, float]) -> list[float]:
    """Derivatives of a log-likelihood by the logarithm of each parameter: central differences in many digits."""
    step = mp.mpf(10) ** -10
    found = []
    for name, value in exact(parameters).items():
        high, low = (log_likelihood(**exact(parameters) | {name: value * mp.exp(shift)}) for shift in (step, -step))
        found.append(float((high - low) / (2 * step)))
    return found


def integral(density: Callable[[Number], Number], end: Number, bends: Sequence[Number]) -> Number:
    """Of a density over t from 0 to `end`."""
    last = mp.log(end)
    marks = {mp.log(bend) + shift for bend in bends for shift in (-4, 0, 4)}
    ends = [last - 70, *sorted(mark for mark in marks if last - 70 < mark < last), last]
    return mp.quad(lambda log_t: mp.exp(log_t) * density(mp.exp(log_t)), ends)


def log_beta(a: Number, b: Number) -> Number:
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def log_sum(one: Number, other: Number) -> Number:
    return max(one, other) + mp.log1p(mp.exp(-abs(one - other)))
