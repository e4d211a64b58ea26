"""The BG/BB model: purchases at fixed opportunities, at each of which a customer buys or not.

Fader, Hardie & Shang (2010), "Customer-base analysis in a discrete-time noncontractual setting", Marketing Science
29(6), 1086-1108; the equation numbers below are of that paper. For what can be bought once a period: a yearly
donation, a conference, a season ticket. Its story, for each customer:

- at each opportunity, while alive, the customer buys with a personal probability (p);
- before each opportunity the customer leaves for good with a personal probability (theta);
- across customers, p is beta distributed (alpha, beta), and theta is beta distributed (gamma, delta).

A customer is known by x purchases at the n opportunities after the first purchase (`frequency` and `T`), and the
opportunity of the last of them (`recency`).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import betaln, digamma, gammaln, logsumexp

from clvhelpers.models.frames import check_purchases, mean_of, refuse
from clvhelpers.models.priors import Prior
from clvhelpers.models.purchase_model import COLUMNS, PurchaseModel, PurchaseParameters
from clvhelpers.models.shifted_beta_geo import discounted_lifetime
from clvhelpers.simulate import Repeats

Array = np.ndarray


@dataclass(frozen=True)
class BetaGeoBetaBinomParameters(PurchaseParameters):
    """alpha and beta of the beta distributed chance to buy, gamma and delta of that to leave.

    >>> donors = BetaGeoBetaBinomParameters(1.204, 0.750, 0.657, 2.783)  # as published for donations
    >>> donors.purchases_of_newcomers(np.array([10.0])).round(2)
    array([3.18])
    """

    alpha: float
    beta: float
    gamma: float
    delta: float

    def log_odds_gone(self, x: Array, recency: Array, T: Array) -> Array:
        """Equation 11: left before one of the opportunities since the last purchase, against not bought at any."""
        return LastPurchase(x, recency, T).log_left(self) - self.log_there(x, T)

    def purchases_if_alive(self, x: Array, T: Array, times: Array, weights: Any = (1.0,), rough: bool = False) -> Array:
        """Equation 13: chance to buy, times the expected number of opportunities that are still met."""
        ends = np.broadcast_to(times, (len(x), np.shape(times)[-1])).astype(np.int64)
        opportunity = np.arange(1, ends.max(initial=0) + 1)
        lasting, place = np.unique(T, return_inverse=True)
        start = self.delta + lasting[:, None]
        stays = np.exp(betaln(self.gamma, start + opportunity) - betaln(self.gamma, start))
        met = np.concatenate([np.zeros((len(lasting), 1)), np.cumsum(stays, axis=1)], axis=1)
        return self._buys(x, T) * np.einsum("ij,j->i", met[place[:, None], ends], np.asarray(weights, dtype=float))

    def silent_if_alive(self, x: Array, T: Array, t: Array) -> Array:
        """Left before one of the next t opportunities, or not bought at any of them."""
        known = self.log_there(x, T)
        there = self.log_there(x, T + t)
        return np.exp(np.logaddexp(LastPurchase(x, T, T + t).log_left(self), there) - known)

    def probability_of_n(self, n: int, t: Array) -> Array:
        """Equation 7: n purchases at t opportunities and there, or n by the opportunity before which they left."""
        return np.array([self._probability_of_n(n, int(opportunities)) for opportunities in t])

    def _probability_of_n(self, n: int, t: int) -> float:
        if n > t:
            return 0.0
        alpha, beta, gamma, delta = self
        met = np.arange(n, t + 1)
        choose = gammaln(met + 1) - gammaln(n + 1) - gammaln(met - n + 1)
        bought = choose + betaln(alpha + n, beta + met - n) - betaln(alpha, beta)
        leaves = betaln(gamma + 1, delta + met) - betaln(gamma, delta)
        leaves[-1] = betaln(gamma, delta + t) - betaln(gamma, delta)  # met them all: still there
        return float(np.exp(logsumexp(bought + leaves)))

    def discounted_if_alive(self, x: Array, T: Array, rate: float, rough: bool = False) -> Array:
        """Equation 14: its Gauss hypergeometric function is the discounted number of opportunities still met."""
        return self._buys(x, T) * (discounted_lifetime(self.gamma, self.delta + T, float(np.expm1(rate))) - 1)

    def play(self, rng: np.random.Generator, x: Array, T: Array, horizon: float) -> Repeats:
        leaves = np.maximum(rng.beta(self.gamma, self.delta + T), np.finfo(float).tiny)
        met = np.minimum(rng.geometric(leaves) - 1, int(horizon))
        who = np.repeat(np.arange(len(x)), met)
        time = np.arange(len(who)) - np.repeat(np.cumsum(met) - met, met) + 1
        bought = rng.random(len(who)) < rng.beta(self.alpha + x, self.beta + T - x)[who]
        return Repeats(who[bought], time[bought].astype(float), np.zeros(int(bought.sum()), dtype=bool))

    def log_there(self, x: Array, T: Array) -> Array:
        """ln of the chance of these purchases and of being there at T, but for the constants of both beta functions."""
        return betaln(self.alpha + x, self.beta + T - x) + betaln(self.gamma, self.delta + T)

    def _buys(self, x: Array, T: Array) -> Array:
        return (self.alpha + x) / (self.alpha + self.beta + T)


class LastPurchase:
    """Customers whose last of x purchases was at an opportunity, and those after it, at each of which they may have
    been gone: every `place` of these is an element of long arrays, `met` the number of opportunities met until then.
    """

    def __init__(self, x: Array, recency: Array, T: Array):
        silent = (T - recency).astype(np.int64)
        self.customers = len(x)
        self.place = np.repeat(np.arange(len(x)), silent)
        self.first = np.cumsum(silent) - silent
        self.silent = silent > 0
        self.x = x[self.place]
        self.met = recency[self.place] + np.arange(len(self.place)) - self.first[self.place]

    def terms(self, parameters: BetaGeoBetaBinomParameters) -> Array:
        """ln of the chance of these purchases and of leaving then, but for the constants of both beta functions."""
        alpha, beta, gamma, delta = parameters
        return betaln(alpha + self.x, beta + self.met - self.x) + betaln(gamma + 1, delta + self.met)

    def log_left(self, parameters: BetaGeoBetaBinomParameters) -> Array:
        """ln of the sum of the terms of each customer; -inf where the last purchase was at the last opportunity."""
        return self.summed(self.terms(parameters))

    def summed(self, terms: Array) -> Array:
        """ln of the sum of exp(terms) of each customer."""
        largest = np.full(self.customers, -np.inf)
        if not len(terms):
            return largest
        largest[self.silent] = np.maximum.reduceat(terms, self.first[self.silent])
        sums = np.bincount(self.place, np.exp(terms - largest[self.place]), self.customers)
        with np.errstate(divide="ignore"):
            return np.where(self.silent, np.log(sums) + np.where(self.silent, largest, 0.0), -np.inf)


class BetaGeoBetaBinomLikelihood:
    """Equation 9 and its gradient, summed over rows with weights.

    L = B(alpha+x, beta+n-x) B(gamma, delta+n) + the sum over the opportunities i met, from t_x to n-1, of
    B(alpha+x, beta+i-x) B(gamma+1, delta+i); all of it over B(alpha, beta) B(gamma, delta).
    """

    def __init__(self, rows: pd.DataFrame):
        self.x, self.recency, self.T, self.weight = (rows[name].to_numpy() for name in (*COLUMNS, "weight"))
        self.silence = LastPurchase(self.x, self.recency, self.T)
        self.total = float(self.weight.sum())

    def value(self, log_parameters: Array) -> float:
        parameters = BetaGeoBetaBinomParameters(*np.exp(log_parameters))
        there, left = parameters.log_there(self.x, self.T), self.silence.log_left(parameters)
        return self._value(parameters, np.logaddexp(there, left))

    def __call__(self, log_parameters: Array) -> tuple[float, Array]:
        parameters = BetaGeoBetaBinomParameters(*np.exp(log_parameters))
        there, terms = parameters.log_there(self.x, self.T), self.silence.terms(parameters)
        both = np.logaddexp(there, self.silence.summed(terms))
        share = np.exp(terms - both[self.silence.place]) * self.weight[self.silence.place]
        still = np.exp(there - both) * self.weight
        slopes = self._slopes(parameters, self.x, self.T, 0.0, still)
        slopes += self._slopes(parameters, self.silence.x, self.silence.met, 1.0, share)
        slopes -= self.total * np.array(_slopes_of_constants(*parameters))
        return self._value(parameters, both), np.exp(log_parameters) * slopes

    def _value(self, parameters: BetaGeoBetaBinomParameters, each: Array) -> float:
        alpha, beta, gamma, delta = parameters
        constants = betaln(alpha, beta) + betaln(gamma, delta)
        return float(np.einsum("i,i->", self.weight, each)) - self.total * float(constants)

    @staticmethod
    def _slopes(parameters: BetaGeoBetaBinomParameters, x: Array, met: Array, leaves: float, share: Array) -> Array:
        """The sum of the derivatives of ln B(alpha+x, beta+met-x) B(gamma+leaves, delta+met), by share."""
        alpha, beta, gamma, delta = parameters
        buys, stays = digamma(alpha + beta + met), digamma(gamma + leaves + delta + met)
        each = [
            digamma(alpha + x) - buys,
            digamma(beta + met - x) - buys,
            digamma(gamma + leaves) - stays,
            digamma(delta + met) - stays,
        ]
        return np.array([np.einsum("i,i->", share, slope) for slope in each])


def _slopes_of_constants(alpha: float, beta: float, gamma: float, delta: float) -> tuple[float, float, float, float]:
    """The derivatives of ln B(alpha, beta) B(gamma, delta)."""
    buys, stays = digamma(alpha + beta), digamma(gamma + delta)
    return digamma(alpha) - buys, digamma(beta) - buys, digamma(gamma) - stays, digamma(delta) - stays


class BetaGeoBetaBinomModel(PurchaseModel):
    """BG/BB: customers who buy or not at each of a number of opportunities. Arguments and answers as of PurchaseModel.

    `unit` is the time between two opportunities; `T` counts those since the first purchase, `recency` is the one of
    the last purchase (0 without a repeat purchase), `frequency` the purchases at them, and `t` counts opportunities.

    >>> summary = pd.DataFrame({"frequency": [6, 5, 4, 0], "recency": [6, 6, 5, 0], "T": 6})
    >>> model = BetaGeoBetaBinomModel(unit="Y").with_parameters(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783)
    >>> model.expected_purchases(summary, t=5).round(2).tolist()
    [3.75, 3.23, 2.03, 0.07]
    """

    title = "BG/BB"
    parameter_names = ("alpha", "beta", "gamma", "delta")
    effects: ClassVar = {"rate": ("beta", -1), "leaving": ("gamma", 1)}
    weak_priors: ClassVar = {"alpha": Prior(1, 3), "beta": Prior(1, 3), "gamma": Prior(0.7, 3), "delta": Prior(3, 3)}
    discrete = True
    merge_steps = None
    equations = BetaGeoBetaBinomParameters
    likelihood = BetaGeoBetaBinomLikelihood

    def _start(self, rows: pd.DataFrame) -> tuple[float, ...]:
        share = mean_of(rows, "frequency") / max(mean_of(rows, "T"), 1.0)
        return 1.0, max(1 / max(share, 1e-3) - 1, 0.1), 0.7, 3.0

    def _check(self, rows: pd.DataFrame) -> None:
        check_purchases(rows)
        whole = (rows[["recency", "T"]] % 1 == 0).all(axis=1)
        refuse(
            rows,
            [
                (~whole, "with a recency or T that is no whole number: they count opportunities to buy"),
                (rows["frequency"] > rows["recency"], "with more purchases than opportunities up to the last of them"),
            ],
        )
