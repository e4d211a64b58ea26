"""Three answers to what an effect on retention is worth, which differ in what they take to happen after the window.

A customer pays a margin m now (t = 0) and at each renewal t = 1, 2, ... that they make, and d is what money is worth
a period earlier. With S(t) the share of an arm still there after t renewals, K the last renewal seen and H payments:

- window only: the sum of m d^t (S1(t) - S0(t)) over t = 0..K, from the Kaplan-Meier curves.
- common tail: that, and m (S1(K) - S0(K)) times the discounted payments K+1..H-1 of somebody who is there after
  renewal K, by one shifted beta-geometric model of both arms together.
- separate tails: the sum over t = 0..H-1 with the curves of one such model for each arm.

All standard errors are by one way. The share h who leave at each renewal is estimated from those who come to it, the
estimates are uncorrelated and each has the variance h (1 - h) / n; so a row's variance is the sum of those, each times
the square of how fast the row moves with it. For the window this is Greenwood's formula with its covariances; for
the models the speed is found through the score equation, so it holds where the model does not (a sandwich).
Sources: Greenwood (1926); Andersen, Borgan, Gill & Keiding (1993), Statistical Models Based on Counting Processes,
section IV.3; White (1982), Econometrica 50, 1-25.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.errors import BoundaryWarning, ConvergenceError, NotEnoughDataError
from clvhelpers.experiments.renewals import Renewals
from clvhelpers.models.fitting import maximise
from clvhelpers.models.life_table import LifeTable, RenewalLikelihood, check_enough
from clvhelpers.models.shifted_beta_geo import ALIKE, ShiftedBetaGeoModel, ShiftedBetaGeoParameters

Array = npt.NDArray[np.float64]
ROWS = ("window", "common tail", "separate tails")


@dataclass(frozen=True)
class Money:
    """What turns retention into money: margin per period, discount per period, and the number of payments."""

    margin: float
    discount: float
    horizon: int

    def worth(self, first: int, last: int) -> Array:
        """Today's worth of one customer's payments at times first..last."""
        return self.margin * np.exp(-np.log1p(self.discount) * np.arange(first, last + 1))


@dataclass(frozen=True, eq=False)
class Moving:
    """A number, and how fast it moves with the hazards of control and of the arm."""

    value: float
    by_control: Array
    by_arm: Array

    def __add__(self, other: "Moving") -> "Moving":
        return Moving(self.value + other.value, self.by_control + other.by_control, self.by_arm + other.by_arm)

    def __mul__(self, other: "Moving") -> "Moving":
        return Moving(
            self.value * other.value,
            self.value * other.by_control + other.value * self.by_control,
            self.value * other.by_arm + other.value * self.by_arm,
        )

    def standard_error(self, control: Renewals, arm: Renewals) -> float:
        variances = [each.hazards * (1 - each.hazards) / each.at_risk for each in (control, arm)]
        return float(np.sqrt(variances[0] @ self.by_control**2 + variances[1] @ self.by_arm**2))


@dataclass(frozen=True)
class OneChurn:
    """What a shifted beta-geometric model becomes where customers are all alike: one churn, at every renewal."""

    churn: float

    def log_retention(self, t: Array) -> Array:
        return np.full(len(t), np.log1p(-self.churn))

    def slopes(self, t: Array) -> Array:
        """By the logarithm of the churn."""
        return np.full((1, len(t)), -self.churn / (1 - self.churn))


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model of some arms' renewals, and how its log-parameters move with their hazards."""

    equations: ShiftedBetaGeoParameters | OneChurn
    log_covariance: Array

    def moved_by(self, arm: Renewals) -> Array:
        """Of the log-parameters, a row each, by the hazards of one of the arms in the fit.

        More leaving at a renewal moves the score there, and leaves fewer to come to the later ones.
        """
        t = np.arange(1.0, len(arm.lost) + 1)
        slopes, stay = self.equations.slopes(t), np.exp(self.equations.log_retention(t))
        leaving = -slopes * stay / (1 - stay)
        score = arm.lost * leaving + (arm.at_risk - arm.lost) * slopes
        later = np.cumsum(score[:, ::-1], axis=1)[:, ::-1] - score
        return np.asarray(self.log_covariance @ (arm.at_risk * (leaving - slopes) - later / (1 - arm.hazards)))

    def payments(self, given: int, worth: Array) -> tuple[float, Array]:
        """Discounted payments after renewal `given` of somebody there then; and how they move with the log-parameters.

        `worth` is of each payment, from the next one on.
        """
        t = np.arange(given + 1.0, given + len(worth) + 1)
        expected = worth * np.exp(np.cumsum(self.equations.log_retention(t)))
        return float(expected.sum()), np.cumsum(self.equations.slopes(t), axis=1) @ expected


def fit_renewals(renewals: Renewals, unit: str) -> Fitted:
    """The model of one arm, or of two as one; one constant churn where nothing shows that retention rises with age.

    Raises `NotEnoughDataError` for fewer than two renewals.
    """
    t = np.arange(1.0, len(renewals.lost) + 1)
    table = LifeTable(t, renewals.lost, renewals.at_risk - renewals.lost, float(renewals.at_risk[0]))
    check_enough(table, unit, "the model of the tail", fewest_renewals=ShiftedBetaGeoModel.fewest_renewals)
    start = np.log([1.0, (1 - table.churn) / table.churn])
    try:
        with warnings.catch_warnings(action="ignore", category=BoundaryWarning):  # one churn is the answer to it
            likelihood = RenewalLikelihood(table, ShiftedBetaGeoParameters)
            fit = maximise(likelihood, None, start, ShiftedBetaGeoModel.parameter_names)
    except ConvergenceError:
        return _one_churn(renewals)
    covariance = fit.covariance() / np.outer(fit.parameters, fit.parameters)
    if fit.parameters.sum() > ALIKE or not np.isfinite(covariance).all():
        return _one_churn(renewals)
    return Fitted(ShiftedBetaGeoParameters(*fit.parameters.tolist()), covariance)


def _one_churn(renewals: Renewals) -> Fitted:
    churn = float(renewals.lost.sum() / renewals.at_risk.sum())
    return Fitted(OneChurn(churn), np.array([[(1 - churn) / renewals.lost.sum()]]))


def window_only(control: Renewals, arm: Renewals, money: Money) -> Moving:
    """Row A: what was seen."""
    worth = money.worth(0, len(arm.lost))
    values = [(worth @ each.survival, _sums_after(each, worth)) for each in (control, arm)]
    return Moving(float(values[1][0] - values[0][0]), -values[0][1], values[1][1])


def common_tail(control: Renewals, arm: Renewals, money: Money, both: Fitted) -> Moving:
    """Row B: and the extra survivors then behave like the others."""
    window = len(arm.lost)
    tail, slope = both.payments(window, money.worth(window + 1, money.horizon - 1))
    remaining = Moving(tail, slope @ both.moved_by(control), slope @ both.moved_by(arm))
    last = [(each.survival[-1], -each.survival[-1] / (1 - each.hazards)) for each in (control, arm)]
    extra = Moving(float(last[1][0] - last[0][0]), -last[0][1], last[1][1])
    return window_only(control, arm, money) + extra * remaining


def separate_tails(control: Renewals, arm: Renewals, money: Money, of_control: Fitted, of_arm: Fitted) -> Moving:
    """Row C: and the arms go on to differ as their own models say."""
    worth = money.worth(1, money.horizon - 1)
    (first, first_slope), (second, second_slope) = of_control.payments(0, worth), of_arm.payments(0, worth)
    return Moving(second - first, -(first_slope @ of_control.moved_by(control)), second_slope @ of_arm.moved_by(arm))


def lift_rows(control: Renewals, arm: Renewals, money: Money, unit: str) -> pd.DataFrame:
    """The three rows: `row, lift, standard_error, alike, problem`.

    `alike` says that a tail is of one constant churn; where a model does not apply there is no number but a `problem`.
    """
    makers: dict[str, tuple[list[Renewals], Callable[..., Moving]]] = {
        "window": ([], window_only),
        "common tail": ([control + arm], common_tail),
        "separate tails": ([control, arm], separate_tails),
    }
    rows: list[dict[str, object]] = []
    for name, (modelled, make) in makers.items():
        row: dict[str, object] = {"row": name, "lift": np.nan, "standard_error": np.nan, "alike": False, "problem": ""}
        try:
            fits = [fit_renewals(each, unit) for each in modelled]
        except NotEnoughDataError as error:
            rows.append(row | {"problem": str(error)})
            continue
        found = make(control, arm, money, *fits)
        row |= {"lift": found.value, "standard_error": found.standard_error(control, arm)}
        rows.append(row | {"alike": any(isinstance(fit.equations, OneChurn) for fit in fits)})
    return pd.DataFrame(rows)


def _sums_after(arm: Renewals, worth: Array) -> Array:
    """How the sum of worth x survival moves with each hazard: all from there on gets smaller."""
    return -np.cumsum((worth * arm.survival)[::-1])[::-1][1:] / (1 - arm.hazards)
