"""One arm's difference from control, taken out of any comparison of this package."""

from statistics import NormalDist
from typing import Any

import pandas as pd

from clvhelpers.errors import ConfigError

NEEDED = ("arm", "difference", "low", "high")


def row_of(comparison: Any, arm: str | None = None) -> pd.Series:
    """The row of `comparison.frame` of one arm, which may be left out where there is only one.

    >>> from types import SimpleNamespace
    >>> rows = pd.DataFrame({"arm": ["offer"], "difference": [2.0], "low": [1.0], "high": [3.0]})
    >>> float(row_of(SimpleNamespace(frame=rows))["difference"])
    2.0
    """
    frame = getattr(comparison, "frame", None)
    if not isinstance(frame, pd.DataFrame) or not set(NEEDED) <= set(frame.columns):
        raise ConfigError(
            f"a {type(comparison).__name__} is no comparison of arms: expected one of compare_means or compare_rates, "
            "or the numbers themselves"
        )
    arms = frame["arm"].tolist()
    if arm is None and len(arms) != 1:
        raise ConfigError(f"arm is not given: name one of {', '.join(map(str, arms))}")
    if arm is not None and arm not in arms:
        raise ConfigError(f"no arm is called {arm!r}: the arms are {', '.join(map(str, arms))}")
    return frame[frame["arm"] == arm].iloc[0] if arm is not None else frame.iloc[0]


def difference_and_error(comparison: Any, arm: str | None = None) -> tuple[float, float]:
    """The difference and its standard error; of a rate, whose interval is not symmetric, half its width in errors."""
    row = row_of(comparison, arm)
    if "standard_error" in row:
        return float(row["difference"]), float(row["standard_error"])
    errors = 2 * NormalDist().inv_cdf(0.5 + comparison.level / 2)
    return float(row["difference"]), float(row["high"] - row["low"]) / errors
