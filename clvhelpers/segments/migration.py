"""Who moved between groups from one period to another, beside who would have if nothing had changed.

Much of what moves between two periods is luck: whoever bought by chance more often than usual is in a high
group before and back in the usual one after. A matrix of moves says nothing by itself; only its difference
to the one expected of customers who have not changed does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import betainc

from clvhelpers.cohorts import wilson_interval
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

ABSENT = "absent"
NOT_YET = "not yet a customer"
LEVEL = 0.95  # of intervals; and that no cell stands out by chance, all cells taken together


@dataclass(frozen=True, eq=False)
class Migration:
    """The answer of `migration`: how many of each group (rows) are in which group afterwards (columns).

    `counts` are customers; a customer who left the base is in the column "absent", and one who came in the row
    "not yet a customer". `shares` are `counts` by row, and each row with customers adds up to 1. `expected` are the
    shares if nothing had changed, or None. `frame` has a row for each cell: `before, after, customers, share`,
    its 95 % interval `low, high` (Wilson's), and with an expectation `expected`, `excess` and `beyond_chance`: whether
    a count is so far from the expected one that luck would make any such cell in 1 of 20 matrices at most. The
    error of the model's own parameters is not in it, so take a difference that is just large enough with care.
    """

    counts: pd.DataFrame
    shares: pd.DataFrame
    expected: pd.DataFrame | None
    frame: pd.DataFrame

    @property
    def moved(self) -> float:
        """The share of the customers of before who are in another group afterwards, or absent."""
        known = self.counts.drop(index=NOT_YET, errors="ignore")
        return 1 - _stayed(known, known) / float(known.to_numpy().sum())

    @property
    def moved_expected(self) -> float | None:
        """The same if nothing had changed; None without an expectation."""
        if self.expected is None:
            return None
        known = self.counts.drop(index=NOT_YET, errors="ignore")
        hoped = self.expected.reindex(known.index).mul(known.sum(axis="columns"), axis="index")
        return 1 - _stayed(known, hoped) / float(known.to_numpy().sum())

    def sentence(self) -> str:
        """How many moved, how many would have anyway, and the largest move that is more than luck."""
        customers = int(self.counts.drop(index=NOT_YET, errors="ignore").to_numpy().sum())
        words = f"{percent(self.moved)} of {count(customers, 'customer')} are in another group than before, or absent"
        if self.expected is None or self.moved_expected is None:
            return words + "; how many would be if nothing had changed, only an expectation can tell."
        words += f"; {percent(self.moved_expected)} would be if nothing had changed."
        real = self.frame[self.frame["beyond_chance"]]
        if real.empty:
            return words + " No move between two groups differs from that by more than chance."
        weight = (real["excess"].abs() * self.counts.sum(axis="columns").reindex(real["before"]).to_numpy()).argmax()
        top = real.iloc[int(weight)]
        return (
            f"{words} The largest difference: of {top['before']}, {percent(top['share'])} are {top['after']}, "
            f"where {percent(top['expected'])} were expected."
        )

    def plot(self) -> "Picture":
        """The matrix of shares, with the expected ones below."""
        from clvhelpers.plots.migration import migration_matrix

        return migration_matrix(self)


def migration(
    before: pd.Series,
    after: pd.Series,
    states: Sequence[str] | None = None,
    expected: pd.DataFrame | None = None,
) -> Migration:
    """Count the customers of each group of before by their group afterwards; nobody is lost.

    `before` and `after` hold a group for each customer, by customer id. Who is only in `before` is "absent"
    afterwards; who is only in `after` was "not yet a customer". Make both with the same fixed cut-offs, or the
    groups keep their sizes by construction. `states` is the order of the groups, best first (default: as they
    come). `expected` are shares by row (groups of before) and column, each row adding up to 1; `order_migration` and
    `rfm_migration` make groups and expectation in one.

    Raises `DataContractError` where a customer comes twice or has no group, `ConfigError` for a group that is not
    in `states` or an expectation that doesn't fit, `NotEnoughDataError` where nobody was there before.

    >>> before = pd.Series(["high", "high", "low"], index=["a", "b", "c"])
    >>> after = pd.Series(["high", "low", "low"], index=["a", "c", "d"])
    >>> moves = migration(before, after)
    >>> moves.shares.loc["high"].to_dict(), moves.counts.loc["not yet a customer"].to_dict()
    ({'high': 0.5, 'low': 0.0, 'absent': 0.5}, {'high': 0, 'low': 1, 'absent': 0})
    """
    _check_labels(before, after)
    order = _states(before, after, states)
    both = pd.DataFrame({"before": before, "after": after})
    both["before"] = both["before"].fillna(NOT_YET)
    both["after"] = both["after"].fillna(ABSENT)
    gone = ABSENT not in order and ((both["after"] == ABSENT).any() or ABSENT in getattr(expected, "columns", ()))
    columns = [*order, *([ABSENT] if gone else [])]
    rows = [*order, *([NOT_YET] if (both["before"] == NOT_YET).any() else [])]
    counts = pd.crosstab(both["before"], both["after"]).reindex(index=rows, columns=columns, fill_value=0)
    sizes = counts.sum(axis="columns")
    shares = counts.div(sizes.where(sizes > 0), axis="index")
    hoped = None if expected is None else _checked(expected, counts)
    return Migration(counts, shares, hoped, _cells(counts, shares, hoped))


def _cells(counts: pd.DataFrame, shares: pd.DataFrame, expected: pd.DataFrame | None) -> pd.DataFrame:
    cells = pd.MultiIndex.from_product([counts.index, counts.columns], names=["before", "after"])
    frame = cells.to_frame(index=False).assign(customers=counts.to_numpy().ravel())
    sizes = counts.sum(axis="columns").reindex(frame["before"]).to_numpy()
    frame["share"] = shares.to_numpy().ravel()
    some = sizes > 0
    low, high = wilson_interval(frame["share"].fillna(0.0), np.where(some, sizes, 1), LEVEL)
    frame["low"], frame["high"] = np.where(some, low, np.nan), np.where(some, high, np.nan)
    if expected is not None:
        frame["expected"] = expected.to_numpy().ravel()
        frame["excess"] = frame["share"] - frame["expected"]
        frame["beyond_chance"] = _is_news(frame["customers"].to_numpy(), sizes, frame["expected"].to_numpy())
    return frame


def _is_news(found: np.ndarray, sizes: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Which counts are too far from the expected share for luck: exact binomial tails, shared out over all cells."""
    told = (sizes > 0) & ~np.isnan(expected)
    hoped = np.where(told, expected, 0.5)
    at_least = np.where(found > 0, betainc(np.maximum(found, 1), sizes - found + 1, hoped), 1.0)
    at_most = np.where(found < sizes, betainc(np.maximum(sizes - found, 1), found + 1, 1 - hoped), 1.0)
    return told & (np.minimum(at_least, at_most) < (1 - LEVEL) / 2 / max(int(told.sum()), 1))


def _stayed(counts: pd.DataFrame, weights: pd.DataFrame) -> float:
    both = [state for state in counts.index if state in weights.columns]
    return float(sum(np.nan_to_num(weights.loc[state, state]) for state in both))


def _check_labels(before: pd.Series, after: pd.Series) -> None:
    problems = []
    for name, labels in (("before", before), ("after", after)):
        twice, missing = int(labels.index.duplicated().sum()), int(labels.isna().sum())
        if twice:
            example = labels.index[labels.index.duplicated()][0]
            problems.append(f"{name} has {count(twice, 'customer')} more than once, such as {example!r}")
        if missing:
            example = labels.index[labels.isna()][0]
            problems.append(f"{name} has no group for {count(missing, 'customer')}, such as {example!r}")
        if NOT_YET in set(labels):
            problems.append(f"{name} has a group called {NOT_YET!r}: leave such customers out")
    if problems:
        raise DataContractError(problems)
    if before.empty:
        raise NotEnoughDataError("before has no customer: there is nobody who could have moved")


def _states(before: pd.Series, after: pd.Series, states: Sequence[str] | None) -> list[str]:
    found = list(dict.fromkeys([*before, *after]))
    if states is None:
        return [state for state in found if state != ABSENT] + [ABSENT] * (ABSENT in found)
    unknown = [state for state in found if state not in states and state != ABSENT]
    if unknown or len(set(states)) < len(states):
        raise ConfigError(f"states must name each group once, and all of them; got {list(states)}, found {found}")
    return list(states) + [ABSENT] * (ABSENT in found and ABSENT not in states)


def _checked(expected: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """The expectation with the rows and columns of the counts; a row of customers of before must have one."""
    sums, sizes = expected.sum(axis="columns"), counts.sum(axis="columns")
    problems = [
        f"the expectation has a {kind} {state!r}, which is no group here"
        for kind, names, known in (("row", expected.index, counts.index), ("column", expected.columns, counts.columns))
        for state in names.difference(known)
    ]
    problems += [
        f"the expectation has no row for {state!r}, where customers were before"
        for state in sizes.index[sizes > 0].difference([*expected.index, NOT_YET])
    ]
    problems += [
        f"row {state!r} of the expectation adds up to {number(total, 4)}; it must be 1"
        for state, total in sums.items()
        if not np.isclose(total, 1, atol=1e-6)
    ]
    if problems:
        raise ConfigError(problems)
    known = expected.reindex(columns=counts.columns, fill_value=0.0)
    return known.reindex(index=counts.index)
