"""Do probabilities hold? Of those who should buy again with 30%, 30% should."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from clvhelpers.models.frames import collapse
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.models.purchase_model import PurchaseModel

Array = np.ndarray

MOST_GROUPS, FEWEST_IN_GROUP = 10, 50
LEVEL = 0.05  # a misfit that a right model shows less often than this is no chance
LARGEST_MISFIT = 0.05  # between expected and actual shares: hardly a decision hangs on five points
STEP = 1e-4  # of the logarithm of a parameter, for its effect on a probability


@dataclass(frozen=True, eq=False)
class Calibration:
    """P(active), the probability to buy at least once in the holdout, against the share of those who did.

    `frame` has a row for each group of customers, lowest probability first: `customers`, `expected` and `actual`
    share. `error` is the mean gap between the two, weighted by customers (the expected calibration error).
    `p_value` is the chance that a right model does as badly, with the errors of its parameters allowed for.
    `expected` and `actual` are the shares of all `customers`.
    """

    customers: int
    expected: float
    actual: float
    error: float
    p_value: float
    frame: pd.DataFrame = field(repr=False)

    @property
    def by_chance(self) -> bool:
        """Whether chance explains the gaps."""
        return self.p_value >= LEVEL

    @property
    def passed(self) -> bool:
        """Whether the probabilities may be used as they are: their gaps are chance, or small."""
        return self.by_chance or self.error <= LARGEST_MISFIT

    def sentence(self) -> str:
        """The gap and what to make of it, in words."""
        if self.by_chance:
            verdict = "no more than chance explains, so the probabilities hold"
        elif self.passed:
            verdict = "more than chance explains, but small enough to use the probabilities"
        else:
            verdict = "more than chance explains: read a single probability as a rough one"
        return (
            f"By the model {percent(self.expected, 0)} of the customers would buy again, and {percent(self.actual, 0)} "
            f"did; group by group its probabilities are off by {number(100 * self.error, 1)} points on average, "
            f"{verdict}."
        )


def calibration(model: "PurchaseModel", rows: pd.DataFrame) -> Calibration:
    """Compare a fitted model's P(active) with who bought: `rows` of a holdout, as `validate` reads them.

    The test is that of Hosmer & Lemeshow (1980), "Goodness of fit tests for the multiple logistic regression
    model", Communications in Statistics A9, for new data: chi-squared of as many degrees as groups. Beside the
    chance of each customer, the variance here has the errors of the parameters, which move all groups together.
    """
    at = np.array([*model.parameters.values()])
    shifted = [at * np.exp(STEP * unit) for unit in np.eye(len(at))] if _has_errors(model) else []
    probabilities = _active(model, [at, *shifted], rows)
    probability = next(probabilities)
    active = (rows["holdout_frequency"] > 0).to_numpy(dtype=float)
    group = _groups(probability)
    sizes = np.bincount(group)
    expected, actual = (np.bincount(group, values) for values in (probability, active))
    variance = np.diag(np.bincount(group, probability * (1 - probability)))
    if shifted:
        effects = (np.array([np.bincount(group, other) for other in probabilities]) - expected) / STEP
        covariance = np.nan_to_num(model.covariance.to_numpy() / np.outer(at, at))
        variance = variance + np.einsum("ik,ij,jl->kl", effects, covariance, effects)  # delta method
    gap = actual - expected
    return Calibration(
        customers=len(rows),
        expected=float(probability.mean()),
        actual=float(active.mean()),
        error=float(np.abs(gap).sum() / len(rows)),
        p_value=float(chdtrc(len(sizes), max(gap @ np.linalg.pinv(variance, hermitian=True) @ gap, 0.0))),
        frame=pd.DataFrame({"customers": sizes, "expected": expected / sizes, "actual": actual / sizes}),
    )


def _groups(probability: Array) -> Array:
    """The group of each customer: about equally many in each, and equal probabilities together."""
    count = int(np.clip(len(probability) // FEWEST_IN_GROUP, 1, MOST_GROUPS))
    _, place, sizes = np.unique(probability, return_inverse=True, return_counts=True)
    middle = np.cumsum(sizes) - sizes / 2
    tenth = np.floor(count * middle / len(probability)).astype(int)
    return np.unique(tenth, return_inverse=True)[1][place]


def _has_errors(model: "PurchaseModel") -> bool:
    """Whether the parameters were fitted; of those that were given nobody knows the errors."""
    return not np.isnan(model.log_likelihood)


def _active(model: "PurchaseModel", settings: list[Array], rows: pd.DataFrame) -> Iterator[Array]:
    """P(active) of each row under each setting of the parameters, one after the other: a large base has many rows."""
    keys = ["kind", "frequency", "recency", "T", "t"]
    distinct, place = collapse(model.customers_of(rows).assign(t=rows["holdout_T"]), keys)
    for parameters in settings:
        found = np.empty(len(distinct))
        for kind in sorted({*distinct["kind"]}):
            some = (distinct["kind"] == kind).to_numpy()
            x, recency, T, t = (distinct[name].to_numpy()[some] for name in keys[1:])
            it = model.equations_of(kind, parameters)
            found[some] = it.probability_alive(x, recency, T) * (1 - it.silent_if_alive(x, T, t))
        yield found[place]
