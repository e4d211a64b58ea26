"""What a likelihood of this package can do; the models' own, and those made of them, all look like this."""

from typing import Protocol

import numpy as np
import pandas as pd

Array = np.ndarray


class Likelihood(Protocol):
    """A log-likelihood of log-parameters, with its gradient or (`value`) without; `total` customers are in it."""

    total: float

    def __call__(self, log_parameters: Array, /) -> tuple[float, Array]: ...

    def value(self, log_parameters: Array, /) -> float: ...


class LikelihoodOfRows(Likelihood, Protocol):
    """A likelihood made of rows of customers with a `weight`."""

    def __init__(self, rows: pd.DataFrame): ...
