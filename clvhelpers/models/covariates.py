"""Static covariates: customers of another channel or plan buy or leave more or less readily, by a factor.

Fader & Hardie (2007), "Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models", note 019 on
brucehardie.com, has the idea. Each level of a covariate but the most common one (the baseline) has a factor for
each effect that the model knows: `rate[channel=web]` is 1.3 where customers of the web buy 1.3 times as often as
those of the baseline. Customers with the same levels are of one kind, and each kind has a model of its own whose
parameters follow from the common ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd

from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.formulas.rates import DAYS_PER_PERIOD
from clvhelpers.models.fitting import FittedModel
from clvhelpers.models.likelihood import Likelihood
from clvhelpers.models.priors import Prior

Array = np.ndarray
MOST_LEVELS = 30
RESERVED = ("customer_id", "frequency", "recency", "T", "monetary_value", "weight", "duration", "left", "entry")

# an effect: which parameter it multiplies (+1) or divides (-1)
Effects = Mapping[str, tuple[str, int]]


@dataclass(frozen=True, eq=False)
class Kinds:
    """The kinds of customers that some covariates make: `levels` of each, the first one being the baseline."""

    parameter_names: tuple[str, ...]
    effects: Effects
    levels: Mapping[str, tuple[Any, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """The common parameters, and the factors."""
        return (*self.parameter_names, *(f"{effect}[{column}={level}]" for column, level, effect in self._factors))

    @property
    def _factors(self) -> list[tuple[str, Any, str]]:
        return [
            (column, level, effect)
            for column, all_ in self.levels.items()
            for level in all_[1:]
            for effect in self.effects
        ]

    @property
    def all(self) -> list[tuple[Any, ...]]:
        """Every combination of levels; the place of one is the code that `codes` gives."""
        return list(product(*self.levels.values()))

    def codes(self, labels: pd.DataFrame) -> Array:
        """The kind of each row; a level that the fit has not seen is refused, by name and with the rows' number."""
        code = np.zeros(len(labels), dtype=np.int64)
        problems = []
        for column, levels in self.levels.items():
            place = pd.Index(levels).get_indexer(pd.Index(labels[column]))
            unknown = labels[column][place < 0]
            if len(unknown):
                shown = ", ".join(map(repr, unknown.drop_duplicates().head(3)))
                problems.append(
                    f"{len(unknown):,} row{'s' if len(unknown) > 1 else ''} with a {column} that the fit has not seen "
                    f"({shown}): it knows {', '.join(map(repr, levels))}"
                )
            code = code * len(levels) + place
        if problems:
            raise DataContractError(problems)
        return code

    def matrix(self, code: int) -> Array:
        """What turns the logarithms of parameters and factors into those of the parameters of one kind."""
        kind = dict(zip(self.levels, self.all[code], strict=True))
        matrix = np.eye(len(self.parameter_names), len(self.names))
        for place, (column, level, effect) in enumerate(self._factors, start=len(self.parameter_names)):
            if kind[column] == level:
                parameter, sign = self.effects[effect]
                matrix[self.parameter_names.index(parameter), place] = sign
        return matrix


def check_covariates(covariates: Sequence[str]) -> tuple[str, ...]:
    """The columns that a model is given as covariates, once it is sure that they can be."""
    if isinstance(covariates, str):
        raise ConfigError(f"covariates is {covariates!r}: expected a list of columns, such as [{covariates!r}]")
    columns = tuple(covariates)
    problems = [f"covariates has {name!r} twice" for name in sorted({*columns}) if columns.count(name) > 1]
    problems += [
        f"covariates has {name!r}, which the model has a use for: expected a label a customer, such as a channel"
        for name in columns
        if name in RESERVED
    ]
    if problems:
        raise ConfigError(problems)
    return columns


def learn_kinds(parameter_names: tuple[str, ...], effects: Effects, labels: pd.DataFrame, weight: Array) -> Kinds:
    """The levels of each covariate, the most common first; refuses missing ones and too many."""
    levels, problems = {}, []
    for column in labels:
        missing = int(labels[column].isna().sum())
        if missing:
            problems.append(
                f"{missing:,} row{'s' if missing > 1 else ''} without a {column}: give them a level of their own, such "
                "as 'unknown'"
            )
        customers = pd.Series(weight).groupby(labels[column].to_numpy()).sum()
        if len(customers) > MOST_LEVELS:
            problems.append(
                f"{column} has {len(customers):,} levels, and {MOST_LEVELS} at most can be told apart: put them into "
                "groups first"
            )
        levels[str(column)] = tuple(customers.sort_values(ascending=False, kind="stable").index)
    if problems:
        raise DataContractError(problems)
    return Kinds(parameter_names, effects, levels)


class OfKinds:
    """The sum of the log-likelihoods of several kinds of customers; `parts` are pairs of a matrix and a likelihood."""

    def __init__(self, parts: Sequence[tuple[Array, Likelihood]]):
        self.parts = parts
        self.total = sum(likelihood.total for _, likelihood in parts)

    def __call__(self, log_parameters: Array) -> tuple[float, Array]:
        value, gradient = 0.0, np.zeros(len(log_parameters))
        for matrix, likelihood in self.parts:
            more, slope = likelihood(matrix @ log_parameters)
            value, gradient = value + more, gradient + slope @ matrix
        return value, gradient

    def value(self, log_parameters: Array) -> float:
        return sum(likelihood.value(matrix @ log_parameters) for matrix, likelihood in self.parts)


class ModelOfKinds(FittedModel):
    """A model whose customers may be of several kinds, by the levels of its covariates."""

    equations: ClassVar[type[Any]]
    effects: ClassVar[Effects]
    times: ClassVar[tuple[str, ...]] = ()  # parameters that are times
    units: ClassVar[Iterable[str]]
    prior_unit: ClassVar[str]  # the one for which weak priors are written

    def __init__(
        self,
        unit: str,
        *,
        priors: Mapping[str, Prior] | Literal["weak"] | None = None,
        covariates: Sequence[str] = (),
    ):
        if unit not in self.units:
            raise ConfigError(f"unit is {unit!r}: expected one of {', '.join(map(repr, self.units))}")
        self.unit = unit
        self.covariates = check_covariates(covariates)
        self._kinds = Kinds(self.parameter_names, self.effects, {})
        super().__init__(priors)

    def for_customers(self, **labels: Any) -> Self:
        """The model of one kind of customers, without covariates: `model.for_customers(channel="web")`.

        It predicts, and has no standard errors: those of the factors are in the model itself.
        """
        if set(labels) != set(self.covariates):
            raise ConfigError(
                f"labels are given for {sorted(labels)}: expected one for each of {list(self.covariates)}"
            )
        found = self.equations_of(int(self._kinds.codes(pd.DataFrame(labels, index=[0]))[0]))
        return type(self)(self.unit).with_parameters(**dict(zip(self.parameter_names, found, strict=True)))

    def with_parameters(self, **parameters: float) -> Self:
        """As of every fitted model; a model with covariates is refused, for its factors are no parameters of it."""
        if self.covariates:
            raise ConfigError(
                f"given parameters say nothing of {', '.join(self.covariates)}: make a model without covariates for "
                "each kind of customers"
            )
        return super().with_parameters(**parameters)

    def unfitted(self) -> Self:
        """A new model of the same kind, with the same unit, priors and covariates."""
        return type(self)(self.unit, priors=self.priors, covariates=self.covariates)

    def equations_of(self, kind: int = 0, parameters: Array | None = None) -> Any:
        """The equations for one kind of customers, under the fitted parameters or those of a draw of the posterior."""
        found = self._fitted.parameters if parameters is None else parameters
        if not self.covariates:
            return self.equations(*map(float, found))
        return self.equations(*np.exp(self._kinds.matrix(kind) @ np.log(found)).tolist())

    def only_kind(self) -> Any:
        """The equations, if customers are all of one kind."""
        if self.covariates:
            raise ConfigError(
                f"the answer depends on {', '.join(self.covariates)}: ask model.for_customers("
                f"{', '.join(f'{name}=…' for name in self.covariates)})"
            )
        return self.equations_of()

    def _learn_kinds(self, counted: pd.DataFrame) -> tuple[Kinds, pd.DataFrame]:
        """The kinds of customers of counted rows, and these rows with a `kind` instead of labels."""
        labels = counted[list(self.covariates)]
        kinds = learn_kinds(self.parameter_names, self.effects, labels, counted["weight"].to_numpy())
        return kinds, counted.drop(columns=list(self.covariates)).assign(kind=kinds.codes(labels))

    def _weak_priors(self) -> Mapping[str, Prior]:
        scale = DAYS_PER_PERIOD[self.prior_unit] / DAYS_PER_PERIOD[self.unit]
        return {
            name: Prior(prior.median * (scale if name in self.times else 1.0), prior.factor)
            for name, prior in self.weak_priors.items()
        }
