"""The probability to be treated given what was known before, the weights that follow from it, and their errors."""

import warnings

import numpy as np
import numpy.typing as npt

from clvhelpers.errors import ConvergenceError, NotEnoughDataError
from clvhelpers.experiments.chosen import Chosen, On

Array = npt.NDArray[np.float64]
Treated = npt.NDArray[np.bool_]
TOLD = 1e-3  # deviance of a unit below which the covariates tell who was treated


def propensity(units: Chosen) -> Array:
    """Each unit's probability to be treated, by a logistic regression on the covariates; a number a unit.

    Raises `NotEnoughDataError` where the covariates tell exactly who was treated, for then nobody can be compared.
    """
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    silent = warnings.catch_warnings(action="ignore", category=PerfectSeparationWarning)
    with silent, np.errstate(over="ignore"):  # where the groups come apart; refused below, in our words
        fit = GLM(units.treated.astype(float), with_constant(units), family=Binomial()).fit()
        p, deviance = np.asarray(fit.fittedvalues), float(fit.deviance)
    if deviance < TOLD * len(units.treated):
        raise NotEnoughDataError(
            f"{', '.join(map(str, units.covariates))} tell exactly who was treated: no unit has a like one in the "
            "other group, and no method can compare them; it takes customers of whom some were treated and some not"
        )
    if not fit.converged:
        raise ConvergenceError("the logistic regression of who was treated found no end: leave covariates out")
    return p


def with_constant(units: Chosen) -> Array:
    """The covariates that vary, in units of their spread, with a column of ones before them."""
    varies = units.covariates.columns[units.covariates.nunique() > 1]
    used = Chosen(units.outcome, units.treated, units.covariates[varies])
    return np.column_stack([np.ones(len(units.outcome)), used.design()])


def weights(p: Array, treated: Treated, on: On) -> Array:
    """What each unit counts, for the effect on the treated or on all.

    >>> p, treated = np.array([0.5, 0.8, 0.5, 0.8]), np.array([True, True, False, False])
    >>> weights(p, treated, "treated").round(2).tolist(), weights(p, treated, "all").round(2).tolist()
    ([1.0, 1.0, 1.0, 4.0], [2.0, 1.25, 2.0, 5.0])
    """
    return np.where(treated, 1.0 if on == "treated" else 1 / p, (p if on == "treated" else 1.0) / (1 - p))


def weighted_difference(units: Chosen, p: Array, on: On) -> tuple[float, float]:
    """Weighted mean of the treated minus that of the others, and its standard error.

    The error is the sandwich of the estimating equations of the propensity and of both means, so it knows that the
    propensity was estimated. Source: Stefanski & Boos (2002), American Statistician 56, 29-38.
    """
    columns, weight = with_constant(units), weights(p, units.treated, on)
    information = columns.T @ (columns * (p * (1 - p))[:, None])
    scores = columns * (units.treated - p)[:, None]
    grows = weight - (on == "all")  # of the weight of the others, with the log odds of being treated; of the treated, -
    slope = np.where(units.treated, 0.0 if on == "treated" else -grows, grows)
    means, influences = {}, {}
    for group in (True, False):
        own = units.treated == group
        total = weight[own].sum()
        means[group] = float(weight[own] @ units.outcome[own] / total)
        off = np.where(own, units.outcome - means[group], 0.0)
        through = np.linalg.lstsq(information, columns.T @ (slope * off), rcond=None)[0]
        influences[group] = (weight * off + scores @ through) / total
    return means[True] - means[False], float(np.sqrt(np.sum((influences[True] - influences[False]) ** 2)))
