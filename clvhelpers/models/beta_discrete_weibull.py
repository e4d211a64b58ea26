"""The beta-discrete-Weibull model: customers with a contract who differ, and whose own risk changes with time.

Fader, Hardie, Liu, Davin & Steenburgh (2018), "'How to project customer retention' revisited: the role of duration
dependence", Journal of Interactive Marketing 43. Its story: a customer comes through t renewals with probability
(1 - theta)^(t^c), where theta is personal and beta(gamma, delta) distributed and c is everybody's. For c above 1 a
person's own risk rises with time, below 1 it falls; for c of 1 it stays, which is the shifted beta-geometric model.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.special import chdtrc

from clvhelpers.errors import BoundaryWarning, ClvError, FormulaError
from clvhelpers.models.contract_parameters import ContractParameters
from clvhelpers.models.contractual import ContractualModel
from clvhelpers.models.covariates import Effects
from clvhelpers.models.endless import endless_sum
from clvhelpers.models.fitting import maximise
from clvhelpers.models.gamma_ratios import digamma_step, log_beta_ratio
from clvhelpers.models.priors import Prior
from clvhelpers.models.shifted_beta_geo import ShiftedBetaGeoModel
from clvhelpers.text import plain

Array = np.ndarray
FAR = 300.0  # a logarithm of t^c from which on survival is a power of t, to all digits


@dataclass(frozen=True)
class BetaDiscreteWeibullParameters(ContractParameters):
    """gamma and delta of the beta distributed theta, and c, the power of time."""

    gamma: float
    delta: float
    c: float

    def log_retention(self, t: Array) -> Array:
        """ln of B(gamma, delta + t^c) / B(gamma, delta + (t - 1)^c)."""
        before, more = self._powers(t)
        return log_beta_ratio(self.gamma, self.delta + before, more)

    def slopes(self, t: Array) -> Array:
        before, more = self._powers(t)
        low, high = self.delta + before, self.delta + before + more
        by_gamma = -digamma_step(self.gamma + low, more)
        by_delta = digamma_step(low, more) + by_gamma
        was, now = (x * np.log(np.maximum(age, 1.0)) for x, age in ((before, t - 1), (before + more, t)))
        by_c = digamma_step(low, self.gamma) * was - digamma_step(high, self.gamma) * now
        return np.array([self.gamma * by_gamma, self.delta * by_delta, self.c * by_c])

    def log_survival(self, t: Array) -> Array:
        """ln of B(gamma, delta + t^c) / B(gamma, delta)."""
        with np.errstate(divide="ignore"):  # ln 0 is minus infinity, and 0^c is 0
            return self._log_survival_by(np.log(t))

    def _log_survival_by(self, log_t: Array) -> Array:
        log_power = self.c * log_t
        beyond = self.gamma * np.maximum(log_power - FAR, 0.0)
        return log_beta_ratio(self.gamma, self.delta, np.exp(np.minimum(log_power, FAR))) - beyond

    def endless_payments(self, renewals: Array, discount: float) -> Array:
        """The sum for the most renewals, and from there back: V(n) = S(n)/S(n) + ... + S(m)/S(n) z^(m-n) V(m)."""
        power = self.gamma * self.c
        if discount == 0 and power <= 1:
            raise FormulaError(
                f"gamma times c is {plain(power, '.3g')}, and at 1 or less some customers stay so long that the mean "
                "lifetime has no end; give a discount_rate above 0, or periods"
            )
        straight = np.log(1e16 * (1 + self.gamma) * (1 + self.gamma + self.delta)) / self.c
        worth = np.empty(len(renewals))
        later, value = None, 0.0
        for place in range(len(renewals) - 1, -1, -1):
            now = int(renewals[place])
            if later is None:
                value = endless_sum(self._log_survival_by, now, discount, power, straight)
            else:
                ages = np.arange(now, later + 1.0)
                terms = self.log_survival(ages) - np.log1p(discount) * (ages - now)
                terms = np.exp(terms - terms[0])
                value = float(terms[:-1].sum() + terms[-1] * value)
            worth[place], later = value, now
        return worth

    def _powers(self, t: Array) -> tuple[Array, Array]:
        """(t - 1)^c, and what t^c has more; the ratio of both is kept where they are too large for a float."""
        past = np.maximum(t - 1, 1.0)
        before = np.exp(np.minimum(self.c * np.log(past), FAR))
        more = before * np.expm1(np.minimum(self.c * np.log1p(1 / past), FAR))
        return np.where(t > 1, before, 0.0), np.where(t > 1, more, 1.0)


@dataclass(frozen=True)
class DurationDependence:
    """Whether customers change with time, or only differ from each other.

    `c` is the model's, `interval` holds it with probability `level`; `likelihood_ratio` is twice what the
    log-likelihood gains over that of a model with c = 1 (sBG), and `p_value` the probability of so much or more where
    c is 1 in truth.
    """

    c: float
    interval: tuple[float, float]
    level: float
    likelihood_ratio: float
    p_value: float

    def sentence(self) -> str:
        """The answer in words."""
        low, high = self.interval
        found = "these data don't show that a customer's own risk to leave changes: customers may only differ"
        if self.p_value < 1 - self.level:
            found = f"a customer's own risk to leave {'rises' if self.c > 1 else 'falls'} with time"
        return (
            f"c is {plain(self.c, '.2f')} ({plain(low, '.2f')} to {plain(high, '.2f')} with {self.level:.0%} "
            f"probability): {found} (likelihood ratio against c = 1: {plain(self.likelihood_ratio, '.2f')}, "
            f"p = {plain(self.p_value, '.2g')})."
        )


class BetaDiscreteWeibullModel(ContractualModel):
    """BdW: as sBG, but a customer's own risk may rise (c above 1) or fall (below 1) with time.

    `parameters` are gamma, delta (of the beta distribution, sBG's alpha and beta) and c. It also fits customers who
    are all alike, and those more likely to leave with time, where sBG has no answer; there gamma and delta may be
    open, of which a BoundaryWarning tells. Three renewals are the least that tells the parameters apart. `priors` and
    `covariates` as for ShiftedBetaGeoModel; a covariate multiplies gamma.

    >>> high_end = [1000, 869, 743, 653, 593, 551, 517, 491]  # Fader & Hardie 2007, table 1: year 0 to 7
    >>> model = BetaDiscreteWeibullModel(unit="Y").fit_survivors(high_end)
    >>> model
    BetaDiscreteWeibullModel of 1,000 customers: gamma=0.2143, delta=1.427, c=1.724
    >>> round(model.survival(12), 3), round(model.expected_lifetime(discount_rate=0.10), 2)
    (0.404, 6.09)
    >>> dependence = model.duration_dependence()
    >>> round(dependence.likelihood_ratio, 2), round(dependence.p_value, 5)
    (11.69, 0.00063)
    """

    short_name = "BdW"
    fewest_renewals = 3
    equations = BetaDiscreteWeibullParameters
    parameter_names = ("gamma", "delta", "c")
    effects: ClassVar[Effects] = {"leaving": ("gamma", 1)}
    times = ("delta",)
    weak_priors: ClassVar[Mapping[str, Prior]] = {
        "gamma": Prior(1.0, 3.0),
        "delta": Prior(2.0, 5.0),
        "c": Prior(1.0, 1.5),
    }

    def duration_dependence(self, level: float = 0.90) -> DurationDependence:
        """Do customers change, or only differ? The interval of c, and a likelihood ratio test against sBG (c = 1).

        Customers who differ in risk make retention rise with age though nobody changes, so a rising curve alone says
        nothing of c: only its shape does, and that needs some renewals and many customers. Raises ClvError for a
        model with priors, of which such a test knows nothing.
        """
        if self.priors:
            raise ClvError("a likelihood ratio knows of no priors: fit the model without them, or compare posteriors")
        gain = 2 * max(self.log_likelihood - self._unchanging(), 0.0)
        draws = self.posterior().frame["c"]
        low, high = draws.quantile([(1 - level) / 2, (1 + level) / 2]).tolist()
        return DurationDependence(self.parameters["c"], (low, high), level, gain, float(chdtrc(1, gain)))

    def _unchanging(self) -> float:
        """The highest log-likelihood of sBG on the same data, even where its customers come out all alike."""
        self._fitted.known_information  # noqa: B018  a model that was not fitted has no data to compare on
        simple = ShiftedBetaGeoModel(self.unit, covariates=self.covariates)
        simple._tables = self._tables
        kinds = replace(self._kinds, parameter_names=simple.parameter_names, effects=simple.effects)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BoundaryWarning)  # customers who are all alike are an answer here
            return maximise(simple._of_tables(kinds), None, np.log(simple._start(kinds)), kinds.names).log_likelihood
