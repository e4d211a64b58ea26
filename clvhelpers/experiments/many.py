"""Several comparisons at once: who looks at twenty finds one, so the p-values pay for the looking."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments.words import shown_p
from clvhelpers.purchases import one_of
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Array = npt.NDArray[np.float64]

PROMISES = {
    "holm": "the chance of even one false discovery among all of them is at most {alpha}, however they hang together",
    "benjamini-hochberg": "of what is called a discovery at most {alpha} is false on average; single ones may well "
    "be, and it needs comparisons that are independent or move together",
    "bonferroni": "the chance of even one false discovery among all of them is at most {alpha}; Holm promises the same "
    "and finds at least as much",
}


@dataclass(frozen=True, eq=False)
class ManyComparisons:
    """Comparisons with p-values that allow for their number.

    `frame` has one row a comparison, in the order given: `name`, `p_value`, `adjusted` (to be held against `alpha`),
    `rejected` (a difference is found), and the other columns of the comparisons, such as `difference, low, high`:
    those intervals are each for itself and not adjusted.
    """

    frame: pd.DataFrame
    method: str
    alpha: float

    @property
    def promise(self) -> str:
        """What the method promises, in words."""
        return PROMISES[self.method].format(alpha=percent(self.alpha, 0))

    def sentence(self) -> str:
        """How many are found, which, how many would have been without the adjustment, and what is promised."""
        found = self.frame[self.frame["rejected"]]
        alone = int((self.frame["p_value"] <= self.alpha).sum())
        names = [f"{row['name']} ({shown_p(row['adjusted'])})" for row in found.to_dict("records")]
        which = f": {', '.join(names)}" if names else ""
        return (
            f"Of {count(len(self.frame), 'comparison')} {number(len(found))} differ{'s' if len(found) == 1 else ''} by "
            f"more than chance after the adjustment by {self.method.title()}{which}; without it {number(alone)} would, "
            f"and {number(self.alpha * len(self.frame), 1)} are to be expected where nothing works at all. "
            f"The promise: {self.promise}."
        )

    def plot(self) -> "Picture":
        """Each p-value and what the adjustment makes of it, against alpha."""
        from clvhelpers.plots.experiments_many import p_value_points

        return p_value_points(self)


def compare_many(comparisons: Any, method: str = "holm", *, alpha: float = 0.05) -> ManyComparisons:
    """Adjust the p-values of several comparisons for their number.

    `comparisons` is a comparison of several arms (whatever has a `.frame` with `arm` and `p_value`, as from
    `compare_rates` or `compare_means`), or a mapping of each name to a p-value or to such a comparison (several
    outcomes). Give all that were looked at, not those that look good. `method`: "holm" (the default, for a decision),
    "benjamini-hochberg" (for a list of candidates to test again) or "bonferroni".

    Raises `ExperimentError` with every p-value that is missing or not between 0 and 1, `NotEnoughDataError` for none.
    Sources: Holm (1979), Scandinavian Journal of Statistics 6, 65-70; Benjamini & Hochberg (1995), Journal of the
    Royal Statistical Society B 57, 289-300.

    >>> found = compare_many({"blue": 0.01, "green": 0.04, "red": 0.03}, alpha=0.05)
    >>> found.frame["adjusted"].to_list(), found.frame["rejected"].to_list()
    ([0.03, 0.06, 0.06], [True, False, False])
    """
    one_of(method, PROMISES, "method")
    if not 0 < alpha < 1:
        raise ConfigError(f"alpha is {alpha}: expected a share between 0 and 1, such as 0.05")
    frame = _as_rows(comparisons)
    _check(frame)
    adjusted = adjusted_p_values(frame["p_value"], method)
    rest = [name for name in frame.columns if name not in ("name", "p_value")]
    named = frame[["name", "p_value"]].assign(adjusted=adjusted, rejected=adjusted <= alpha)
    return ManyComparisons(pd.concat([named, frame[rest]], axis=1), method, alpha)


def adjusted_p_values(p_values: "pd.Series[float]", method: str) -> Array:
    """The p-values after the adjustment for their number, in their order.

    >>> adjusted_p_values(pd.Series([0.01, 0.04, 0.03]), "benjamini-hochberg").round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    one_of(method, PROMISES, "method")
    raw = p_values.to_numpy(float)
    order = np.argsort(raw)
    n, rank = len(raw), np.arange(1, len(raw) + 1)
    adjusted = np.empty(n)
    if method == "bonferroni":
        adjusted[order] = n * raw[order]
    elif method == "holm":
        adjusted[order] = np.maximum.accumulate((n + 1 - rank) * raw[order])
    else:
        adjusted[order] = np.minimum.accumulate((n / rank * raw[order])[::-1])[::-1]
    return np.minimum(adjusted, 1.0)


def _as_rows(comparisons: Any) -> pd.DataFrame:
    """One row a comparison, with its `name` and `p_value`."""
    if not isinstance(comparisons, Mapping):
        return _of_arms(comparisons, "")
    rows = [
        pd.DataFrame({"name": [str(name)], "p_value": [value]})
        if isinstance(value, Real) or value is None
        else _of_arms(value, f"{name}: ")
        for name, value in comparisons.items()
    ]
    if not rows:
        raise NotEnoughDataError("no comparison is given: give every one that was looked at")
    return pd.concat(rows, ignore_index=True)


def _of_arms(comparison: Any, prefix: str) -> pd.DataFrame:
    frame = getattr(comparison, "frame", None)
    if not isinstance(frame, pd.DataFrame) or not {"arm", "p_value"} <= set(frame.columns):
        raise ConfigError(
            f"{prefix}a {type(comparison).__name__} has no p-values: give a mapping of names to p-values, or a "
            "comparison whose .frame has the columns 'arm' and 'p_value'"
        )
    if frame.empty:
        raise NotEnoughDataError(f"{prefix}no arm is compared with control: a comparison needs two arms")
    return (
        frame.reset_index(drop=True)
        .rename(columns={"arm": "name"})
        .assign(name=prefix + frame["arm"].astype(str).to_numpy())
    )


def _check(frame: pd.DataFrame) -> None:
    problems = [
        f"{row['name']}: the p-value is {row['p_value']}, expected a number between 0 and 1; what can't be compared "
        "has no place among the comparisons"
        for row in frame.to_dict("records")
        if row["p_value"] is None or not 0 <= row["p_value"] <= 1
    ]
    twice = frame["name"][frame["name"].duplicated()].unique()
    problems += [f"{name} is there twice: each comparison needs its own name" for name in twice]
    if problems:
        raise ExperimentError(problems)
