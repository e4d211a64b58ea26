"""What is believed of a parameter before the data are seen: for bases too small to tell by themselves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clvhelpers.errors import ConfigError, FormulaError
from clvhelpers.models.likelihood import Likelihood

Array = np.ndarray


@dataclass(frozen=True)
class Prior:
    """A lognormal prior: as likely above `median` as below, and within a `factor` of it with 68% probability.

    Its density is that of the logarithm of the parameter, so it is the same belief in days and in weeks.

    >>> Prior(median=0.5, factor=3).at(np.log([1.5, 4.5]))[0].round(4).tolist()
    [-0.5, -2.0]
    """

    median: float
    factor: float

    def __post_init__(self) -> None:
        problems = []
        if not 0 < self.median < np.inf:
            problems.append(f"the median of a prior is {self.median}: expected a number above 0")
        if not 1 < self.factor < np.inf:
            problems.append(f"the factor of a prior is {self.factor}: expected a number above 1, such as 3")
        if problems:
            raise FormulaError(problems)

    def at(self, log_parameter: Array) -> tuple[Array, Array]:
        """The logarithm of the density, 0 at the median, and its slope."""
        away = (log_parameter - np.log(self.median)) / np.log(self.factor)
        return -(away**2) / 2, -away / np.log(self.factor)


class WithPriors:
    """A log-likelihood with the logarithms of the priors added."""

    def __init__(self, likelihood: Likelihood, names: Sequence[str], priors: Mapping[str, Prior]):
        unknown = _unknown(priors, names, "fit")
        if unknown:
            raise ConfigError(unknown)
        self.likelihood, self.total = likelihood, likelihood.total
        self.priors = [(names.index(name), prior) for name, prior in priors.items()]

    def __call__(self, log_parameters: Array) -> tuple[float, Array]:
        value, gradient = self.likelihood(log_parameters)
        gradient = gradient.copy()
        for place, prior in self.priors:
            density, slope = prior.at(log_parameters[place])
            value += float(density)
            gradient[place] += slope
        return value, gradient

    def value(self, log_parameters: Array) -> float:
        return self.likelihood.value(log_parameters) + sum(
            float(prior.at(log_parameters[place])[0]) for place, prior in self.priors
        )


def check_priors(priors: Mapping[str, Prior], names: Sequence[str], model: str) -> dict[str, Prior]:
    """The priors of a model, once it is sure that it has these parameters; a fit knows the factors of covariates."""
    if not isinstance(priors, Mapping):
        raise ConfigError(f'priors is {priors!r}: expected "weak", or a Prior by name of parameter')
    problems = _unknown([name for name in priors if "[" not in str(name)], names, model)
    problems += [
        f"the prior of {name} is {prior!r}: expected Prior(median, factor)"
        for name, prior in priors.items()
        if not isinstance(prior, Prior)
    ]
    if problems:
        raise ConfigError(problems)
    return dict(priors)


def _unknown(priors: Iterable[str], names: Sequence[str], model: str) -> list[str]:
    return [
        f"a prior is given for {name!r}, which the {model} does not have: its parameters are {', '.join(names)}"
        for name in priors
        if name not in names
    ]
