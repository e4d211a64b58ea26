"""What parameters and likelihoods of this package can do; those of the models all look like this."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import pandas as pd

Array = np.ndarray


@dataclass(frozen=True)
class Parameters:
    """The parameters of a model by name, which can be taken apart as a tuple; a model adds its equations."""

    def __iter__(self) -> Iterator[float]:
        return (getattr(self, field.name) for field in fields(self))


class Likelihood(Protocol):
    """A log-likelihood of log-parameters, with its gradient or (`value`) without; `total` customers are in it."""

    total: float

    def __call__(self, log_parameters: Array, /) -> tuple[float, Array]: ...

    def value(self, log_parameters: Array, /) -> float: ...


class LikelihoodOfRows(Likelihood, Protocol):
    """A likelihood made of rows of customers with a `weight`."""

    def __init__(self, rows: pd.DataFrame): ...
