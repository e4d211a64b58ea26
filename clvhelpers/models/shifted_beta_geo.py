"""The shifted beta-geometric model: how long customers stay who tell you when they leave.

Fader & Hardie (2007), "How to project customer retention", Journal of Interactive Marketing 21(1). Its story: at
each renewal a customer leaves with a personal, constant probability; these are beta(alpha, beta) distributed. Those
likely to leave go first, so retention rises with age though nobody changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from clvhelpers.errors import ConvergenceError, FormulaError
from clvhelpers.formulas.rates import PERIOD_NAMES
from clvhelpers.models.contract_parameters import ContractParameters
from clvhelpers.models.contractual import ContractualModel
from clvhelpers.models.covariates import Effects
from clvhelpers.models.gamma_ratios import log_beta_ratio
from clvhelpers.models.priors import Prior
from clvhelpers.text import plain

Array = np.ndarray
ALIKE = 1e5  # alpha + beta above this: customers all alike, or even more likely to leave with time


@dataclass(frozen=True)
class ShiftedBetaGeoParameters(ContractParameters):
    """alpha and beta of the beta distributed probability to leave at a renewal; its mean is alpha / (alpha + beta)."""

    alpha: float
    beta: float

    def log_retention(self, t: Array) -> Array:
        """ln of (beta + t - 1) / (alpha + beta + t - 1)."""
        return -np.log1p(self.alpha / (self.beta + t - 1))

    def slopes(self, t: Array) -> Array:
        past = self.beta + t - 1
        share = self.alpha / (self.alpha + past)
        return np.array([-share, share * self.beta / past])

    def log_survival(self, t: Array) -> Array:
        """ln of B(alpha, beta + t) / B(alpha, beta)."""
        return log_beta_ratio(self.alpha, self.beta, t)

    def endless_payments(self, renewals: Array, discount: float) -> Array:
        """Without a discount (alpha + beta - 1) / (alpha - 1), for beta larger by the renewals; alpha must exceed 1."""
        if discount == 0 and self.alpha <= 1:
            raise FormulaError(
                f"alpha is {plain(self.alpha, '.3g')}, and at 1 or less some customers stay so long that the mean "
                "lifetime has no end; give a discount_rate above 0, or periods"
            )
        return discounted_lifetime(self.alpha, self.beta + renewals, discount)


class ShiftedBetaGeoModel(ContractualModel):
    """sBG: retention, survival, lifetime and value of customers with a contract, from two numbers.

    `unit` is the time between two renewals: "D", "W", "M", "Q" or "Y". After a fit: `parameters` (alpha, beta),
    `standard_errors`, `covariance`, `log_likelihood`, `aic`, `customers`, `posterior()`, `interval()`. With
    `priors="weak"` (or a Prior by name) a small base has an answer too. `covariates` are columns with a label a
    customer, such as a plan: `leaving[plan=pro]` multiplies the alpha of the most common plan.

    >>> regular = [1000, 631, 468, 382, 326, 289, 262, 241]  # Fader & Hardie 2007, table 1: year 0 to 7
    >>> model = ShiftedBetaGeoModel(unit="Y").fit_survivors(regular)
    >>> model
    ShiftedBetaGeoModel of 1,000 customers: alpha=0.7041, beta=1.182
    >>> model.expected_retention_rate([1, 2, 7]).round(3).tolist()
    [0.627, 0.756, 0.911]
    >>> round(model.survival(12), 3), round(model.expected_lifetime(discount_rate=0.10), 2)
    (0.17, 3.69)
    """

    short_name = "sBG"
    fewest_renewals = 2
    equations = ShiftedBetaGeoParameters
    parameter_names = ("alpha", "beta")
    effects: ClassVar[Effects] = {"leaving": ("alpha", 1)}
    times = ("beta",)
    weak_priors: ClassVar[Mapping[str, Prior]] = {"alpha": Prior(1.0, 3.0), "beta": Prior(2.0, 5.0)}

    def _check_fit(self) -> None:
        alpha, beta = self.equations_of()
        if alpha + beta > ALIKE:
            raise ConvergenceError(
                "retention does not rise with age in these data, so customers are all alike or more likely to leave "
                "with time, and this model has nothing to add to one constant churn of "
                f"{plain(alpha / (alpha + beta), '.4f')} a {PERIOD_NAMES[self.unit]}: use "
                "formulas.lifetime_from_churn, or BetaDiscreteWeibullModel where their risk rises"
            )


def discounted_lifetime(alpha: npt.ArrayLike, beta: npt.ArrayLike, discount: float) -> Array:
    """Sum of S(t) / (1 + discount)^t over t = 0, 1, ...: 2F1(1, beta; alpha + beta; 1 / (1 + discount)).

    `discount` is per period. Gauss's continued fraction, whose terms are all between 0 and 1; power series and
    their transformations, as in scipy's hyp2f1, go wrong near whole alpha at small discounts. For arrays too.

    >>> discounted_lifetime([0.668088, 0.704077], [3.806095, 1.182043], 0.10).round(4).tolist()
    [5.9223, 3.6949]
    """
    b, c = np.asarray(beta, dtype=float), np.asarray(alpha, dtype=float) + np.asarray(beta, dtype=float)
    if discount == 0:
        return (c - 1) / (c - b - 1)
    z = 1 / (1 + discount)
    tail = np.ones(np.broadcast(b, c).shape)
    for j in range(int(12 / np.sqrt(1 - z)) + 10, -1, -1):
        tail = 1 - (j + 1) * (c - b + j) / ((c + 2 * j) * (c + 2 * j + 1)) * z / tail
        share = (b + j) * (c - 1 + j) / ((c - 1 + 2 * j) * (c + 2 * j)) if j else b / c
        tail = 1 - share * z / tail
    return 1 / tail
