"""The BG/NBD model: how often customers buy and when they have left, where nobody says goodbye.

Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way", Marketing Science 24(2),
275-284; the equation numbers below are of that paper. Its story, for each customer:

- while alive, purchases come at random times at a personal rate (lambda);
- after each repeat purchase the customer leaves for good with a personal probability (p);
- across customers, lambda is gamma distributed (r, alpha), and p is beta distributed (a, b).

A customer is known by x repeat purchases, the time t_x of the last of them, and the time T
watched. Everything is computed with logarithms, so that it holds for x and T of 10,000 and more.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import betainc, expit, gammaln

from clvhelpers.models.frames import mean_of
from clvhelpers.models.gamma_ratios import log_beta_ratio
from clvhelpers.models.priors import Prior
from clvhelpers.models.purchase_model import COLUMNS, PurchaseModel, PurchaseParameters
from clvhelpers.models.quadrature import COARSE, FINE, beta_nodes
from clvhelpers.simulate import Repeats, repeat_purchases

Array = np.ndarray
CHUNK = 500  # rows whose integrals are computed at once


@dataclass(frozen=True)
class BetaGeoParameters(PurchaseParameters):
    """r and alpha of the gamma distributed rate, a and b of the beta distributed chance to leave.

    `first_chances` says how often a customer could leave before any repeat purchase: never here, once in the
    modified model. All equations go by the number of chances so far, x + first_chances.

    >>> tutorial = BetaGeoParameters(0.243, 4.414, 0.793, 2.426)  # the paper's table 2, and its customer
    >>> x, recency, T = np.array([2.0]), np.array([30.43]), np.array([38.86])
    >>> expected = tutorial.probability_alive(x, recency, T) * tutorial.purchases_if_alive(x, T, np.array([39.0]))
    >>> expected.round(3)
    array([1.226])
    """

    r: float
    alpha: float
    a: float
    b: float
    first_chances: ClassVar[int] = 0

    def log_odds_gone(self, x: Array, recency: Array, T: Array) -> Array:
        """ln of a / (b + chances - 1) ((alpha + T) / (alpha + t_x))^(r + x)."""
        chances = x + self.first_chances
        silence = (self.r + x) * np.log1p((T - recency) / (self.alpha + recency))
        odds = np.log(self.a) - np.log(self.b + np.maximum(chances - 1, 0)) + silence
        return np.where(chances > 0, odds, -np.inf)

    def purchases_if_alive(self, x: Array, T: Array, times: Array, weights: Any = (1.0,), rough: bool = False) -> Array:
        """Given p, a customer with lambda ~ gamma(r + x, alpha + T) is expected to buy
        (1 - (1 + p t / (alpha + T))^-(r + x)) / p times; this is averaged over p ~ beta(a, b + chances).

        The paper has the same average as a Gauss hypergeometric function, which overflows for large x and is
        0 / 0 at a = 1; a sum of positive terms can do neither.
        """
        scaled = np.broadcast_to(times, (len(x), np.shape(times)[-1])) / (self.alpha + T)[:, None]
        distinct, place = np.unique(x, return_inverse=True)
        bend = -np.log(np.max(scaled * np.maximum(self.r + x, 1.0)[:, None], initial=1.0))
        p, share = beta_nodes(self.a, self.b + self.first_chances + distinct, COARSE if rough else FINE, float(bend))
        answer = np.empty(len(x))
        for start in range(0, len(x), CHUNK):
            rows = slice(start, start + CHUNK)
            nodes = p[place[rows]][:, None, :]
            bought = -np.expm1(-(self.r + x[rows])[:, None, None] * np.log1p(scaled[rows][:, :, None] * nodes))
            answer[rows] = np.einsum("ijk,ik,j->i", bought, (share / p)[place[rows]], np.asarray(weights))
        return answer

    def silent_if_alive(self, x: Array, T: Array, t: Array) -> Array:
        """A customer who does not buy can't leave, so this is the chance of no purchase at the personal rate."""
        return np.exp(-(self.r + x) * np.log1p(t / (self.alpha + T)))

    def probability_of_n(self, n: int, t: Array) -> Array:
        """Equation 8: still alive after n purchases, or left with the n-th.

        Its sum over fewer purchases is a negative binomial distribution function, so an incomplete beta.
        """
        r, alpha, a, b = self
        chances = n + self.first_chances
        with np.errstate(divide="ignore"):
            log_share = np.log(t / (alpha + t)) if n else np.zeros_like(t)
        log_count = gammaln(r + n) - gammaln(r) - gammaln(n + 1) + n * log_share - r * np.log1p(t / alpha)
        stays = np.exp(log_beta_ratio(a, b, chances) + log_count)
        if chances == 0:
            return stays
        at_least_n = betainc(n, r, t / (alpha + t)) if n else np.ones_like(t)
        return stays + a / (a + b + chances - 1) * np.exp(log_beta_ratio(a, b, chances - 1)) * at_least_n

    def play(self, rng: np.random.Generator, x: Array, T: Array, horizon: float) -> Repeats:
        rate = rng.gamma(self.r + x) / (self.alpha + T)
        leaves = np.maximum(rng.beta(self.a, self.b + self.first_chances + x), np.finfo(float).tiny)
        return repeat_purchases(rng, rate, rng.geometric(leaves), np.full(len(x), horizon))


class BetaGeoLikelihood:
    """Equation 6 and its gradient, summed over rows with weights.

    ln L = ln G(r+x)/G(r) + ln B(a,b+c)/B(a,b) + r ln alpha - (r+x) ln(alpha+T) + ln(1 + odds gone), with c the
    chances to leave so far. x and c are whole, so G(r+x)/G(r) is the product of r+k over k below x, and
    B(a,b+c)/B(a,b) that of (b+k)/(a+b+k) over k below c: the sum over customers is one over k, weighted with how many
    customers have more than k. Sums use einsum: on long vectors the threads behind `@` cost more than they save.
    """

    equations: ClassVar[type[BetaGeoParameters]] = BetaGeoParameters

    def __init__(self, rows: pd.DataFrame):
        self.x, self.recency, self.T, self.weight = (rows[name].to_numpy() for name in (*COLUMNS, "weight"))
        self.total = self.weight.sum()
        first = self.equations.first_chances
        self.above = np.cumsum(np.bincount(self.x.astype(np.int64), self.weight)[::-1])[-2::-1]  # x above 0, 1, 2, ...
        self.risked = np.append(np.full(first, self.total), self.above)
        self.spared = np.maximum(self.x + first - 1, 0.0)  # chances not taken before the last

    def __call__(self, log_parameters: Array) -> tuple[float, Array]:
        parameters = self.equations(*np.exp(log_parameters))
        log_odds, watched = self._of_rows(parameters)
        value = self._value(parameters, log_odds, watched)
        return value, self._gradient(parameters, self.weight * expit(log_odds), watched)

    def value(self, log_parameters: Array) -> float:
        parameters = self.equations(*np.exp(log_parameters))
        return self._value(parameters, *self._of_rows(parameters))

    def _of_rows(self, parameters: BetaGeoParameters) -> tuple[Array, Array]:
        log_odds = parameters.log_odds_gone(self.x, self.recency, self.T)
        return log_odds, np.log(parameters.alpha + self.T)

    def _value(self, parameters: BetaGeoParameters, log_odds: Array, watched: Array) -> float:
        r, alpha, a, b = parameters
        return (
            self._sum(self.above, np.log(r + np.arange(len(self.above))))
            - self._sum(self.risked, np.log1p(a / (b + np.arange(len(self.risked)))))
            + self.total * r * np.log(alpha)
            - self._sum(self.weight, (r + self.x) * watched)
            + self._sum(self.weight, np.maximum(log_odds, 0) + np.log1p(np.exp(-np.abs(log_odds))))
        )

    def _gradient(self, parameters: BetaGeoParameters, gone: Array, watched: Array) -> Array:
        """d ln L / d ln parameter; `gone` is each row's weight times its probability of having left."""
        r, alpha, a, b = parameters
        rate, last = r + self.x, alpha + self.recency
        stays = b + np.arange(len(self.risked))
        d_r = (
            self._sum(self.above, 1 / (r + np.arange(len(self.above))))
            + self.total * np.log(alpha)
            - self._sum(self.weight, watched)
            + self._sum(gone, watched - np.log(last))
        )
        d_alpha = (
            self.total * r / alpha
            - self._sum(self.weight, rate / (alpha + self.T))
            + self._sum(gone, rate * (1 / (alpha + self.T) - 1 / last))
        )
        d_a = gone.sum() / a - self._sum(self.risked, 1 / (a + stays))
        d_b = self._sum(self.risked, a / (stays * (a + stays))) - self._sum(gone, 1 / (b + self.spared))
        return np.array([r, alpha, a, b]) * (d_r, d_alpha, d_a, d_b)

    @staticmethod
    def _sum(weights: Array, values: Array) -> float:
        return float(np.einsum("i,i->", weights, values))


class BetaGeoModel(PurchaseModel):
    """BG/NBD: customers who can leave after each repeat purchase. Arguments and answers as of PurchaseModel.

    In this model a customer can only leave after a repeat purchase, so the probability of being alive is exactly 1
    for everybody with none, however long ago they bought. That is an assumption and not a finding:
    it says that a one-time buyer is either new or slow. The forecast is low for them all the same,
    as their rate is estimated to be low. In ModifiedBetaGeoModel they can leave at once.

    >>> from clvhelpers import customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> model = BetaGeoModel(unit="W").fit(summary)
    >>> model
    BetaGeoModel of 2,357 customers: r=0.2426, alpha=4.414, a=0.7929, b=2.426
    >>> {name: round(error, 3) for name, error in model.standard_errors.items()}
    {'r': 0.013, 'alpha': 0.378, 'a': 0.186, 'b': 0.705}
    >>> round(model.expected_purchases(summary, t=39).sum(), 1)  # the 39 weeks that follow, all customers
    np.float64(1653.4)
    """

    title = "BG/NBD"
    parameter_names = ("r", "alpha", "a", "b")
    times = ("alpha",)
    effects: ClassVar = {"rate": ("alpha", -1), "leaving": ("a", 1)}
    weak_priors: ClassVar = {"r": Prior(0.5, 3), "alpha": Prior(8, 4), "a": Prior(0.8, 3), "b": Prior(2.5, 3)}
    equations = BetaGeoParameters
    likelihood = BetaGeoLikelihood

    def _start(self, rows: pd.DataFrame) -> tuple[float, ...]:
        r = 0.5
        return r, r * mean_of(rows, "T") / mean_of(rows, "frequency"), 0.8, 2.5
