"""What a posterior says about the next customer: not one number, but all that the data leave possible."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.errors import FormulaError
from clvhelpers.models.posterior import Posterior
from clvhelpers.models.purchase_model import PurchaseModel
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

MOST_DRAWS = 300


@dataclass(frozen=True, eq=False)
class NewcomerBelief:
    """Expected repeat purchases of a newcomer under each draw of a posterior (`draws`), and under the fit (`fitted`).

    `customers`: how many customers the model learned from. `length`: how long the newcomer is watched, in the
    model's unit.
    """

    draws: pd.Series = field(repr=False)
    fitted: float
    customers: int
    length: float

    def interval(self, level: float = 0.90) -> tuple[float, float]:
        """The middle `level` of the draws."""
        low, high = self.draws.quantile([(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def probability_above(self, least: float) -> float:
        """The probability, given the model and the data, that the expectation is above `least`."""
        return float((self.draws > least).mean())

    def sentence(self) -> str:
        """The expectation and its interval in words."""
        low, high = self.interval()
        return (
            f"From {number(self.customers)} customers: {number(self.fitted, 2)} repeat purchases expected of a "
            f"newcomer; with {percent(0.90, 0)} probability, given the model, between {number(low, 2)} and "
            f"{number(high, 2)}."
        )


def newcomer_belief(model: PurchaseModel, posterior: Posterior, length: float) -> NewcomerBelief:
    """Ask each draw of a fitted model's posterior what a newcomer will buy in `length` (in the model's unit).

    Of more than 300 draws the first 300 are asked. Raises `FormulaError` for a `length` that is not above 0.

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> model = BetaGeoModel("W").fit(customer_summary(load_cdnow(), end="1997-09-30"))
    >>> belief = newcomer_belief(model, model.posterior(draws=300), length=52)
    >>> print(belief.sentence())
    From 2,357 customers: 1.44 repeat purchases expected of a newcomer; with 90% probability, given the model, \
between 1.33 and 1.58.
    """
    if not length > 0:
        raise FormulaError(f"length is {length}: expected a time above 0, in the model's unit")
    some = posterior.frame.head(MOST_DRAWS)
    times = np.array([float(length)])
    asked = [float(model.equations_of(parameters=row).purchases_of_newcomers(times)[0]) for row in some.to_numpy()]
    return NewcomerBelief(
        pd.Series(asked, some.index, name="expected_purchases"),
        float(model.expected_purchases_new_customer(float(length))),
        model.customers,
        float(length),
    )


def plot_beliefs(*beliefs: NewcomerBelief) -> "Picture":
    """The draws of several beliefs on one axis, to compare how sure they are."""
    from clvhelpers.plots.baselines import newcomer_beliefs

    return newcomer_beliefs(beliefs)
