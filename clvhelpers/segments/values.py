"""What tiers and concentration share: a value for each customer, checked."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from clvhelpers.errors import DataContractError, NotEnoughDataError


def finite(values: Sequence[float] | pd.Series) -> pd.Series:
    """The values as floats, none of them missing or infinite; refuses what is not that, or empty.

    >>> finite([1, 2]).tolist()
    [1.0, 2.0]
    """
    worth = pd.Series(values, dtype=float)
    if worth.empty:
        raise NotEnoughDataError("there is no customer to look at")
    missing = int((~np.isfinite(worth)).sum())
    if missing:
        raise DataContractError(f"{missing} of {len(worth)} values are missing or infinite; give a number for each")
    return worth
