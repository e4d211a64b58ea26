"""The parameters of a model of contracts, with the equations that it must have and those that follow from them.

Lifetimes with discounting: Fader & Hardie (2010), "Customer-base valuation in a contractual setting: the perils of
ignoring heterogeneity", Marketing Science 29(1).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from clvhelpers.models.likelihood import Parameters

Array = np.ndarray


@dataclass(frozen=True)
class ContractParameters(Parameters, ABC):
    """The parameters of one model, and its equations. Arrays of t count renewals: 1, 2, ... (0 is the start)."""

    @abstractmethod
    def log_retention(self, t: Array) -> Array:
        """ln of the share who renew, of those who come to renewal t (1, 2, ...)."""

    @abstractmethod
    def slopes(self, t: Array) -> Array:
        """Derivatives of `log_retention` by the logarithm of each parameter, a row each."""

    @abstractmethod
    def log_survival(self, t: Array) -> Array:
        """ln of the share still there after t renewals (0, 1, ...)."""

    @abstractmethod
    def endless_payments(self, renewals: Array, discount: float) -> Array:
        """Expected payments of those who have come through so many `renewals` (rising), the one then made included.

        There is no last one; `discount` is per period. Raises FormulaError where the sum has no end.
        """

    def payments(self, renewals: Array, discount: float, periods: int | None) -> Array:
        """`endless_payments`, or the first `periods` of them."""
        if periods is None:
            return self.endless_payments(renewals, discount)
        worth = np.exp(-np.log1p(discount) * np.arange(periods))
        first = int(renewals[0])
        alive = self.log_survival(np.arange(first, int(renewals[-1]) + periods + 1.0))
        starts = (renewals - first).astype(int)
        return np.array([np.einsum("i,i->", np.exp(alive[n : n + periods] - alive[n]), worth) for n in starts])

    def still_to_come(
        self, paid: Array, discount: float, periods: int | None = None, first_payment: bool = True
    ) -> Array:
        """Expected discounted payments from the one that is due now on, of customers who have paid 0, 1, ... times."""
        made, place = np.unique(paid, return_inverse=True)
        now = self.pays_now(made)
        each = now * self.payments(made, discount, periods) - (0.0 if first_payment else now)
        return each[place].reshape(np.shape(paid))

    def pays_now(self, paid: Array) -> Array:
        """The share who make the payment that is due now: everybody the first, after that those who renew."""
        return np.where(paid == 0, 1.0, np.exp(self.log_retention(np.maximum(paid, 1.0))))
