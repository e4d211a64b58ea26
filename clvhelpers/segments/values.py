"""What the modules of this package share: a value and a label for each customer, checked."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from clvhelpers.errors import DataContractError, NotEnoughDataError
from clvhelpers.text import count

UNKNOWN = "unknown"


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


def owners(by: pd.Series, index: pd.Index) -> pd.Series:
    """What `by` says of each customer of `index`, "unknown" where it says nothing, so that nobody is lost.

    Raises `DataContractError` where the two are not about the same customers.

    >>> owners(pd.Series(["web", None], index=["a", "b"]), pd.Index(["b", "a"])).tolist()
    ['unknown', 'web']
    """
    strangers = index.symmetric_difference(by.index)
    repeated = int(index.duplicated().sum()) + int(by.index.duplicated().sum())
    if len(strangers) or repeated:
        raise DataContractError(
            f"values and `by` must have one row for each of the same customers, by their index: "
            f"{count(len(strangers), 'customer')} in only one of them, {count(repeated, 'repeated row')}"
        )
    return by.reindex(index).astype("object").where(lambda value: value.notna(), UNKNOWN)
