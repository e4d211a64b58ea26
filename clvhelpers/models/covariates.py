"""Static covariates: customers of another channel or plan buy or leave more or less readily, by a factor.

Fader & Hardie (2007), "Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models", note 019 on
brucehardie.com, has the idea. Each level of a covariate but the most common one (the baseline) has a factor for
each effect that the model knows: `rate[channel=web]` is 1.3 where customers of the web buy 1.3 times as often as
those of the baseline. Customers with the same levels are of one kind, and each kind has a model of its own whose
parameters follow from the common ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.models.likelihood import Likelihood

Array = np.ndarray
MOST_LEVELS = 30
RESERVED = ("customer_id", "frequency", "recency", "T", "monetary_value", "weight")

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
