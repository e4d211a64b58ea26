"""What all models share: maximum likelihood and standard errors; draws of the posterior are in `posterior`.

A model gives its log-likelihood and gradient as a function of the logarithms of its parameters,
which are all above 0. Large data are first fitted on merged rows, then finished on the exact ones.
"""

import warnings
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd

from clvhelpers.errors import BoundaryWarning, ClvError, ConfigError, ConvergenceError
from clvhelpers.models.likelihood import Likelihood
from clvhelpers.models.posterior import Peak, Posterior, draw_posterior
from clvhelpers.models.priors import Prior, WithPriors, check_priors

Array = np.ndarray

MERGE_ABOVE = 1_000  # rows; below, exact rows are quick enough
RANGE = 11.0  # a parameter further than a factor of exp(11) from its start is on its way to no end
WIDE = 2.0  # a standard error of a logarithm above this says "anything within a factor of 7"
HOPELESS = 10.0  # and above this, nothing at all
ROUNDING = 1e-13  # of a log-likelihood, relative
SETTLED = 1e-7  # log-likelihood that one more step could still gain
UNSETTLED = 1e-4  # so much to gain, and it is no maximum


@dataclass(frozen=True, eq=False)
class Fit:
    """A maximum of a likelihood: where it is, how high, and how sharp (`information`, of the logarithms).

    Parameters that were given, and not fitted, have no information.
    """

    names: tuple[str, ...]
    log_parameters: Array
    log_likelihood: float = np.nan
    information: Array | None = None
    customers: float = 0.0

    @property
    def parameters(self) -> Array:
        return np.exp(self.log_parameters)

    @property
    def known_information(self) -> Array:
        if self.information is None:
            raise ClvError(
                "these parameters were given and not fitted, so nothing is known of their errors: call .fit()"
            )
        return self.information

    def log_errors(self) -> Array:
        """Standard errors of the logarithms of the parameters."""
        return np.sqrt(np.diag(self._log_covariance()))

    def covariance(self) -> Array:
        """Covariance of the parameters, by the delta method; missing for those that the data don't tell."""
        told = np.where(self.log_errors() < HOPELESS, self.parameters, np.nan)
        return self._log_covariance() * np.outer(told, told)

    def _log_covariance(self) -> Array:
        """The inverse of the information, with a large number for directions in which there is none."""
        sizes, directions = np.linalg.eigh(self.known_information)
        return np.einsum("ij,j,kj->ik", directions, 1 / np.maximum(sizes, 1e-4), directions)


class FittedModel:
    """A model with its fit; the methods that every model of this package has.

    `priors` are beliefs about parameters, by name: Prior(median, factor), or "weak" for `weak_priors`, which only
    keep a small base from absurd answers. Without any, the fit is one of maximum likelihood.
    """

    parameter_names: ClassVar[tuple[str, ...]]
    weak_priors: ClassVar[Mapping[str, Prior]] = {}
    _fit: Fit | None = None
    _objective: Likelihood | None = None

    def __init__(self, priors: Mapping[str, Prior] | Literal["weak"] | None = None):
        if isinstance(priors, str) and priors != "weak":
            raise ConfigError(f'priors is {priors!r}: expected "weak", or a Prior by name of parameter')
        chosen = self._weak_priors() if isinstance(priors, str) else priors or {}
        self.priors = check_priors(chosen, self.parameter_names, type(self).__name__)

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters of maximum likelihood (with priors: the most probable ones), by name."""
        return dict(zip(self._fitted.names, self._fitted.parameters.tolist(), strict=True))

    @property
    def standard_errors(self) -> dict[str, float]:
        """One standard error of each parameter; NaN where the data can't tell (see BoundaryWarning)."""
        errors = np.sqrt(np.diag(self._fitted.covariance()))
        return dict(zip(self._fitted.names, errors.tolist(), strict=True))

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance matrix of the parameters."""
        names = self._fitted.names
        return pd.DataFrame(self._fitted.covariance(), index=names, columns=names)

    @property
    def log_likelihood(self) -> float:
        """The log-likelihood at the parameters, with all constants that the published ones have, and no prior."""
        return self._fitted.log_likelihood

    @property
    def aic(self) -> float:
        """Akaike's information criterion, 2 x parameters - 2 x log-likelihood: less is better, on the same data."""
        return 2 * len(self._fitted.names) - 2 * self.log_likelihood

    @property
    def customers(self) -> int:
        """How many customers the model was fitted to (the sum of their weights, rounded)."""
        return round(self._fitted.customers)

    def with_parameters(self, **parameters: float) -> Self:
        """A copy with these parameters instead of fitted ones: published ones, or those of another time.

        It predicts, and has no standard errors and no posterior. Raises ConfigError for parameters that are missing,
        unknown, or not above 0.
        """
        _check_parameters(parameters, self.parameter_names, type(self).__name__)
        given = copy(self)
        given._objective = None
        given._fit = Fit(self.parameter_names, np.log([parameters[name] for name in self.parameter_names]))
        return given

    def posterior(self, draws: int = 1000, seed: int = 0) -> Posterior:
        """Draws of the parameters from their posterior distribution, with flat priors on the logarithms or the model's.

        Draws come from a t distribution around the maximum with the curvature found there, and are
        drawn again with the weights that make them draws of the posterior (importance resampling:
        Rubin 1987, Journal of the American Statistical Association 82). Where
        the data leave a direction open (see BoundaryWarning) draws stay within some factors of e of the
        fit. One `seed` gives one answer.
        """
        fit = self._fitted
        information = fit.known_information
        assert self._objective is not None
        peak = Peak(self._objective, fit.log_parameters, information)
        return draw_posterior(peak, fit.names, draws, seed, self._possible)

    def _weak_priors(self) -> Mapping[str, Prior]:
        return self.weak_priors

    def _possible(self, parameters: Array) -> Array:
        """Which rows of parameters a posterior draw may have."""
        return np.isfinite(parameters).all(axis=1)

    @property
    def _fitted(self) -> Fit:
        if self._fit is None:
            raise ClvError(f"the {type(self).__name__} has not been fitted yet: call .fit(summary) first")
        return self._fit

    def _estimate(
        self,
        exact: Likelihood,
        merged: Likelihood | None,
        start: Sequence[float],
        names: tuple[str, ...] | None = None,
    ) -> Self:
        """Fit on the merged rows if there are any, finish on the exact ones, and keep what was found."""
        self._fit = self._objective = None  # after a fit that fails there is no answer, and not the one before
        names = names or self.parameter_names
        believed, quick = exact, merged
        if self.priors:
            believed = WithPriors(exact, names, self.priors)
            quick = merged and WithPriors(merged, names, self.priors)
        fit = maximise(believed, quick, np.log(start), names)
        if self.priors:
            fit = replace(fit, log_likelihood=exact.value(fit.log_parameters))
        self._fit, self._objective = fit, quick or believed
        return self

    def __repr__(self) -> str:
        if self._fit is None:
            return f"{type(self).__name__}, not fitted"
        values = ", ".join(f"{name}={value:.4g}" for name, value in self.parameters.items())
        whose = "with given parameters" if self._fit.information is None else f"of {self.customers:,} customers"
        return f"{type(self).__name__} {whose}: {values}"


def _check_parameters(given: Mapping[str, float], names: Sequence[str], model: str) -> None:
    problems = [f"{name} is missing" for name in names if name not in given]
    problems += [f"{name} is no parameter of it" for name in given if name not in names]
    problems += [
        f"{name} is {value}: expected a number above 0" for name, value in given.items() if not 0 < value < np.inf
    ]
    if problems:
        raise ConfigError([f"{model} with given parameters ({', '.join(names)}): {problem}" for problem in problems])


def maximise(exact: Likelihood, merged: Likelihood | None, start: Array, names: tuple[str, ...]) -> Fit:
    """The maximum of the exact log-likelihood; raises ConvergenceError where none was found."""
    quick = merged or exact
    found = _newton(quick, start, None)
    if merged is not None:
        found = _newton(exact, found, information(merged, found))
    value, gradient = exact(found)
    curvature = information(exact, found)
    gain = _step(curvature, gradient) @ gradient
    if not np.isfinite(value) or not np.isfinite(curvature).all() or abs(gain) > UNSETTLED:
        raise ConvergenceError(
            f"no maximum of the likelihood was found (after {', '.join(names)} = {np.exp(found).round(4).tolist()}): "
            "the data may not follow this model at all; look at their histogram, or use a larger base"
        )
    fit = Fit(names, found, float(value), curvature, exact.total)
    _warn_at_boundary(fit, start)
    return fit


def information(objective: Likelihood, at: Array, step: float = 1e-4) -> Array:
    """Minus the second derivatives of the log-likelihood: central differences of its exact gradient."""
    shifts = step * np.eye(len(at))
    rows = [(objective(at - shift)[1] - objective(at + shift)[1]) / (2 * step) for shift in shifts]
    return (np.array(rows) + np.array(rows).T) / 2


def _newton(objective: Likelihood, at: Array, curvature: Array | None, steps: int = 100) -> Array:
    """Newton's steps uphill from `at`, each halved until it climbs; a given `curvature` is kept throughout.

    Second derivatives find the top in some 6 steps where a search by gradients alone stops early: the
    likelihoods of these models are flat along ridges. Far out on one that has no top it ends where a step climbs
    less than the last digit of the likelihood.
    """
    value, gradient = objective(at)
    for _ in range(steps):
        step = _step(information(objective, at) if curvature is None else curvature, gradient)
        gain = step @ gradient
        if gain < SETTLED * 1e-6:
            break
        digit = ROUNDING * abs(value)
        least = value - digit
        ahead, ahead_gradient = objective(at + step)
        while not ahead >= least and np.abs(step).max() > 1e-9:
            step = step / 2
            ahead, ahead_gradient = objective(at + step)
        if not ahead >= least:
            break
        climbed = ahead - value
        at, value, gradient = at + step, ahead, ahead_gradient
        if gain < UNSETTLED and climbed <= digit:
            break
    return at


def _step(curvature: Array, gradient: Array) -> Array:
    """curvature^-1 gradient, with directions that the data say nothing about left almost still."""
    sizes, directions = np.linalg.eigh(curvature)
    steep = np.maximum(np.abs(sizes), 1e-8 * max(np.abs(sizes).max(), 1e-300))
    step = directions @ ((directions.T @ gradient) / steep)
    return step / max(1.0, float(np.abs(step).max()))


def _warn_at_boundary(fit: Fit, start: Array) -> None:
    far = np.abs(fit.log_parameters - start) > RANGE
    vague = [name for name, bad in zip(fit.names, far | (fit.log_errors() > WIDE), strict=True) if bad]
    if vague:
        warnings.warn(
            f"the data hardly say what {', '.join(vague)} {'is' if len(vague) == 1 else 'are'}: customers may be all "
            "alike in it, or too few. Totals may still hold; compare a held-out period before using them",
            BoundaryWarning,
            stacklevel=5,
        )
