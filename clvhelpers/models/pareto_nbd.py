"""The Pareto/NBD model: customers who can leave at any moment, not only after a purchase.

Schmittlein, Morrison & Colombo (1987), "Counting your customers: who are they and what will they do next?",
Management Science 33(1), 1-24; derivations: Fader & Hardie (2005), "A note on deriving the Pareto/NBD model", on
brucehardie.com. Its story, for each customer:

- while alive, purchases come at random times at a personal rate (lambda);
- the customer leaves at a random time, at a personal rate (mu);
- across customers, lambda is gamma distributed (r, alpha), and mu is gamma distributed (s, beta).

Published equations have Gauss hypergeometric functions that overflow for busy customers. Here everything rests on
one probability, of somebody who has left silently since the last purchase, written as an integral of positive terms.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import digamma, exprel, gammaln

from clvhelpers.models.frames import mean_of
from clvhelpers.models.priors import Prior
from clvhelpers.models.purchase_model import COLUMNS, PurchaseModel, PurchaseParameters
from clvhelpers.models.quadrature import gauss_nodes, panel_nodes
from clvhelpers.simulate import Repeats, repeat_purchases

Array = np.ndarray
CHUNK = 500  # rows whose integrals are computed at once
NEGLIGIBLE = 45.0  # exp(-45) is below the last digit of 1


@dataclass(frozen=True)
class ParetoNBDParameters(PurchaseParameters):
    """r and alpha of the gamma distributed purchase rate, s and beta of the gamma distributed rate of leaving.

    After x purchases, the last at t_x, and so long as nothing is known of what came then, the purchase rate is
    gamma(r + x, alpha + t_x) and the rate of leaving gamma(s, beta + t_x): by the silence since t_x it is told
    whether the customer has left.

    >>> vignette = ParetoNBDParameters(0.553, 10.578, 0.606, 11.669)  # as published for CDNOW
    >>> vignette.purchases_of_newcomers(np.array([52.0])).round(3)
    array([1.473])
    >>> vignette.probability_alive(np.array([26.0]), np.array([30.86]), np.array([31.0])).round(3)
    array([0.998])
    """

    r: float
    alpha: float
    s: float
    beta: float

    def log_odds_gone(self, x: Array, recency: Array, T: Array) -> Array:
        """ln of left silently within T - t_x, against stayed silently."""
        silence = Silence(self, x, recency, T - recency)
        with np.errstate(divide="ignore"):
            return silence.log_left() - silence.log_stayed

    def purchases_if_alive(self, x: Array, T: Array, times: Array, weights: Any = (1.0,), rough: bool = False) -> Array:
        """(r + x) / (alpha + T) times the expected time that is left, up to each of `times`."""
        rate, whole = (self.r + x) / (self.alpha + T), self.beta + T
        lengths = np.broadcast_to(times, (len(x), np.shape(times)[-1]))
        answer = np.zeros(len(x))
        for place, weight in enumerate(np.asarray(weights, dtype=float)):
            logs = np.log1p(lengths[:, place] / whole)
            answer += weight * whole * logs * exprel((1 - self.s) * logs)
        return rate * answer

    def silent_if_alive(self, x: Array, T: Array, t: Array) -> Array:
        """Left silently within t, or stayed silently."""
        silence = Silence(self, x, T, t)
        with np.errstate(divide="ignore"):
            return np.exp(np.logaddexp(silence.log_left(), silence.log_stayed))

    def probability_of_n(self, n: int, t: Array) -> Array:
        """n purchases in t and stayed, or n purchases by the moment of leaving, at any moment before t."""
        return np.array([self._probability_of_n(n, float(time)) for time in t])

    def _probability_of_n(self, n: int, t: float) -> float:
        if t == 0:
            return float(n == 0)
        stayed = np.exp(self._log_count(n, np.array([t])) - self.s * np.log1p(t / self.beta))
        smaller = min(self.alpha, self.beta)
        u, share = panel_nodes(np.log1p(t / smaller))
        when = smaller * np.expm1(u)
        density = np.log(self.s / self.beta) - (self.s + 1) * np.log1p(when / self.beta)
        left = np.exp(self._log_count(n, when) + density) * (smaller + when)
        return float(stayed[0] + np.einsum("i,i->", share, left))

    def _log_count(self, n: int, t: Array) -> Array:
        """ln of the probability of n purchases in t of a customer who stays: negative binomial."""
        share = n * np.log(t / (self.alpha + t)) if n else 0.0
        return gammaln(self.r + n) - gammaln(self.r) - gammaln(n + 1) + share - self.r * np.log1p(t / self.alpha)

    def discounted_if_alive(self, x: Array, T: Array, rate: float, rough: bool = False) -> Array:
        """Equation 5 of Fader, Hardie & Lee (2005), "RFM and CLV": its confluent hypergeometric function is the
        discounted time that is left, the integral of exp(-rate t) (1 + t / (beta + T))^-s.

        The integral is the trapezoid rule in the logarithm of t, right to ten digits; it begins where next to nothing
        can have happened, by either rate.
        """
        whole = self.beta + T
        log_time = np.arange(np.log(1e-13 * np.minimum(rate * whole, 1.0).min(initial=1.0)), np.log(60.0), 0.25)
        t = np.exp(log_time) / rate
        stays = np.exp(-self.s * np.log1p(t / whole[:, None]) - rate * t)
        return (self.r + x) / (self.alpha + T) * 0.25 * np.einsum("ij,j->i", stays, t)

    def play(self, rng: np.random.Generator, x: Array, T: Array, horizon: float) -> Repeats:
        rate = rng.gamma(self.r + x) / (self.alpha + T)
        leaving = np.maximum(rng.gamma(self.s, size=len(x)) / (self.beta + T), np.finfo(float).tiny)
        stay = np.minimum(rng.exponential(1 / leaving), horizon)
        endless = np.full(len(x), np.iinfo(np.int64).max)
        return repeat_purchases(rng, rate, endless, stay)


class Silence:
    """No purchase for `length`, after x purchases up to the time `since`, when the customer was there.

    P(stayed) = (A / (A + length))^R (B / (B + length))^s with A = alpha + since, B = beta + since, R = r + x, and
    P(left) = (s / B) times the integral over t up to `length` of (1 + t / A)^-R (1 + t / B)^-(s + 1).

    The integral is Gauss's rule with 32 points in u = ln(1 + t / min(A, B)), cut off where the rest is negligible;
    its relative error is below 1e-8 (tests compare it with mpmath at extreme parameters).
    """

    def __init__(self, parameters: ParetoNBDParameters, x: Array, since: Array, length: Array):
        self.R, self.s = parameters.r + x, parameters.s
        self.A, self.B, self.length = parameters.alpha + since, parameters.beta + since, length
        self.log_stayed = -self.R * np.log1p(length / self.A) - self.s * np.log1p(length / self.B)

    def log_left(self) -> Array:
        """ln P(left silently); -inf for no length."""
        answer = np.empty(len(self.R))
        for start in range(0, len(answer), CHUNK):
            rows = slice(start, start + CHUNK)
            answer[rows] = np.log(self._integrand(rows)[0].sum(axis=1))
        return answer + np.log(self.s)

    def log_left_with_slopes(self) -> tuple[Array, Array]:
        """The same, and its derivatives by R, ln A, s and ln B, one column each."""
        answer, slopes = np.empty(len(self.R)), np.zeros((len(self.R), 4))
        for start in range(0, len(answer), CHUNK):
            rows = slice(start, start + CHUNK)
            part, log_a, log_b, share_a, share_b = self._integrand(rows)
            whole = part.sum(axis=1)
            answer[rows] = np.log(whole)
            part /= np.where(whole > 0, whole, 1.0)[:, None]
            by_r, by_a, by_s, by_b = (np.einsum("ij,ij->i", part, each) for each in (log_a, share_a, log_b, share_b))
            slopes[rows, 0] = -by_r
            slopes[rows, 1] = self.R[rows] * by_a
            slopes[rows, 2] = 1 / self.s - by_s
            slopes[rows, 3] = (self.s + 1) * by_b - 1
        return answer + np.log(self.s), slopes

    def _integrand(self, rows: slice) -> tuple[Array, Array, Array, Array, Array]:
        """At each point: the integrand times its weight and 1 / B, ln(1 + t/A), ln(1 + t/B), t/(A + t), t/(B + t)."""
        R, A, B = (values[rows, None] for values in (self.R, self.A, self.B))
        smaller, reach, (point, share) = np.minimum(A, B), self._reach(rows), gauss_nodes()
        u = reach * point
        t = smaller * np.expm1(u)
        other = np.log1p(t / np.maximum(A, B))
        log_a, log_b = np.where(A <= B, u, other), np.where(A <= B, other, u)
        value = np.exp(u - R * log_a - (self.s + 1) * log_b) * (reach * smaller / B) * share
        return value, log_a, log_b, t / (A + t), t / (B + t)

    def _reach(self, rows: slice) -> Array:
        """How far u must go: to the whole length, or to where the integrand is negligible."""
        R, A, B, s1 = self.R[rows], self.A[rows], self.B[rows], self.s + 1
        smaller, larger = np.minimum(A, B), np.maximum(A, B)
        of_smaller, of_larger = np.where(A <= B, R, s1), np.where(A <= B, s1, R)
        at_first = NEGLIGIBLE / (of_smaller + of_larger * smaller / larger)
        in_the_end = (NEGLIGIBLE + of_larger * np.log(larger / smaller)) / (R + s1)
        return np.minimum(np.log1p(self.length[rows] / smaller), np.minimum(at_first, in_the_end))[:, None]


class ParetoNBDLikelihood:
    """ln L = ln G(r+x)/G(r) + r ln alpha - (r+x) ln(alpha+t_x) + s ln(beta / (beta+t_x)) + ln P(silent since t_x)."""

    def __init__(self, rows: pd.DataFrame):
        self.x, self.recency, self.T, self.weight = (rows[name].to_numpy() for name in (*COLUMNS, "weight"))
        self.counts, place = np.unique(self.x, return_inverse=True)
        self.count_weight = np.bincount(place, self.weight)
        self.total = float(self.weight.sum())

    def value(self, log_parameters: Array) -> float:
        silence = self._silence(ParetoNBDParameters(*np.exp(log_parameters)))
        with np.errstate(divide="ignore"):
            return self._value(log_parameters, silence, silence.log_left())

    def __call__(self, log_parameters: Array) -> tuple[float, Array]:
        parameters = ParetoNBDParameters(*np.exp(log_parameters))
        silence = self._silence(parameters)
        with np.errstate(divide="ignore"):
            log_left, slopes = silence.log_left_with_slopes()
        value = self._value(log_parameters, silence, log_left)
        return value, self._gradient(parameters, silence, log_left, slopes)

    def _silence(self, parameters: ParetoNBDParameters) -> Silence:
        return Silence(parameters, self.x, self.recency, self.T - self.recency)

    def _value(self, log_parameters: Array, silence: Silence, log_left: Array) -> float:
        r, s = np.exp(log_parameters[[0, 2]])
        counts = self._sum(self.count_weight, gammaln(r + self.counts)) - self.total * gammaln(r)
        constant = self.total * (r * log_parameters[1] + s * log_parameters[3])
        until_last = silence.R * np.log(silence.A) + s * np.log(silence.B)
        return counts + constant + self._sum(self.weight, np.logaddexp(log_left, silence.log_stayed) - until_last)

    def _gradient(self, parameters: ParetoNBDParameters, silence: Silence, log_left: Array, slopes: Array) -> Array:
        """d ln L / d ln parameter: the slopes of left and stayed, by how likely each is."""
        r, alpha, s, beta = parameters
        R, A, B, length = silence.R, silence.A, silence.B, silence.length
        left = np.exp(log_left - np.logaddexp(log_left, silence.log_stayed))
        stays = [-np.log1p(length / A), R * length / (A + length), -np.log1p(length / B), s * length / (B + length)]
        by_r, by_log_a, by_s, by_log_b = (
            left * slopes[:, column] + (1 - left) * each for column, each in enumerate(stays)
        )
        d_r = self._sum(self.count_weight, digamma(r + self.counts)) + self.total * (np.log(alpha) - digamma(r))
        d_r += self._sum(self.weight, by_r - np.log(A))
        d_alpha = self.total * r / alpha + self._sum(self.weight, (by_log_a - R) / A)
        d_s = self.total * np.log(beta) + self._sum(self.weight, by_s - np.log(B))
        d_beta = self.total * s / beta + self._sum(self.weight, (by_log_b - s) / B)
        return np.array([r, alpha, s, beta]) * (d_r, d_alpha, d_s, d_beta)

    @staticmethod
    def _sum(weights: Array, values: Array) -> float:
        return float(np.einsum("i,i->", weights, values))


class ParetoNBDModel(PurchaseModel):
    """Pareto/NBD: customers who can leave at any moment. Arguments and answers as of PurchaseModel.

    Its beta is often told badly by the data: programs differ by a hundredth at equal likelihood, so compare
    likelihoods. The probability of being alive sinks with time for everybody, also after a single purchase.

    >>> from clvhelpers import customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> model = ParetoNBDModel(unit="W").fit(summary)
    >>> model
    ParetoNBDModel of 2,357 customers: r=0.5533, alpha=10.58, s=0.6062, beta=11.67
    >>> round(model.log_likelihood, 3), round(model.expected_purchases_new_customer(52), 3)
    (-9594.976, 1.473)
    """

    title = "Pareto/NBD"
    parameter_names = ("r", "alpha", "s", "beta")
    times = ("alpha", "beta")
    effects: ClassVar = {"rate": ("alpha", -1), "leaving": ("beta", -1)}
    weak_priors: ClassVar = {"r": Prior(0.5, 3), "alpha": Prior(8, 4), "s": Prior(0.6, 3), "beta": Prior(12, 4)}
    equations = ParetoNBDParameters
    likelihood = ParetoNBDLikelihood

    def _start(self, rows: pd.DataFrame) -> tuple[float, ...]:
        r, length = 0.5, mean_of(rows, "T")
        return r, r * length / mean_of(rows, "frequency"), 0.5, 0.5 * length
