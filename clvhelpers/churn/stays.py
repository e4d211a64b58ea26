"""What every estimate of staying starts from: one row a stay, checked, as arrays.

A frame of stays has the columns `duration` (age at which the stay ended or was last seen, 0 or more),
`left` (True where it ended, False where it still ran) and, where customers were there before the
window began, `entry` (age at which we began to see them; 0 for those seen from their first day).
`customer_spells` makes one. At age t those are at risk for whom entry < t <= duration.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.text import number

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]
By = str | Sequence[str] | None

EVERYBODY = "all customers"
FEWEST_AT_RISK = 10  # with fewer, a curve rests on a handful of customers
UNITS = ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True, eq=False)
class Stays:
    """Stays as arrays of one length; `entry` is minus infinity for those seen from the start of the curve.

    `group` holds the place of each stay's group in `groups`.
    """

    duration: Array
    left: Flags
    entry: Array
    group: npt.NDArray[np.intp]
    groups: tuple[str, ...]
    start: float

    def of(self, name: str) -> "Stays":
        """The stays of one group."""
        return self.where(self.group == self.groups.index(name))

    def begun(self, start: float | None) -> "Stays":
        """The stays as a curve sees them that begins at age `start`.

        By default that is the earliest age at which every group is under observation. Stays that ended by then
        tell nothing about later and are left out. Raises `ConfigError` for an age that can't be,
        `NotEnoughDataError` where a group has no stay beyond it.
        """
        begin = self._start(start)
        entry = np.where(self.entry <= begin, -np.inf, self.entry)
        stays = Stays(self.duration, self.left, entry, self.group, self.groups, begin)
        stays = stays.where(self.duration > begin) if begin > 0 else stays
        empty = [name for i, name in enumerate(self.groups) if not (stays.group == i).any()]
        if empty:
            raise NotEnoughDataError(
                f"{_listed(empty)}: no stay goes on beyond {number(begin, 2)}; choose an earlier start"
            )
        return stays

    def where(self, rows: Flags) -> "Stays":
        return Stays(self.duration[rows], self.left[rows], self.entry[rows], self.group[rows], self.groups, self.start)

    def at_risk(self, times: Array) -> npt.NDArray[np.int64]:
        """How many stays are under observation just before each of `times`."""
        entered = np.searchsorted(np.sort(self.late_entries), times, side="left")
        ended = np.searchsorted(self._sorted, times, side="left")
        return len(self.duration) - len(self.late_entries) + entered - ended

    def ended(self, times: Array, rows: Flags) -> npt.NDArray[np.int64]:
        """How many of the chosen rows end at each of `times` (sorted)."""
        by_then = np.searchsorted(np.sort(self.duration[rows]), times, side="right")
        return np.diff(by_then, prepend=0)

    def times(self) -> Array:
        """Every age at which someone's stay ends, is last seen, or comes under observation; and the start."""
        ends = self._sorted[np.append(True, np.diff(self._sorted) > 0)]
        others = np.append(np.unique(self.late_entries), self.start)
        return ends if np.isin(others, ends[:1]).all() else np.union1d(ends, others)

    def _start(self, start: float | None) -> float:
        earliest = float(pd.Series(np.maximum(self.entry, 0)).groupby(self.group).min().max())
        if start is None:
            return earliest
        if not np.isfinite(start) or start < 0:
            raise ConfigError(f"start is {start}: expected an age of 0 or more at which the curve begins")
        if start < earliest:
            raise ConfigError(
                f"start is {start}, but before {number(earliest, 2)} not every group is under observation: start there"
            )
        return float(start)

    @cached_property
    def late_entries(self) -> Array:
        """The ages at which those came under observation who were not seen from the start."""
        return self.entry[np.isfinite(self.entry)]

    @cached_property
    def _sorted(self) -> Array:
        return np.sort(self.duration)


def read_stays(frame: pd.DataFrame, by: By = None) -> Stays:
    """Check a frame of stays and group it by the column or columns `by`.

    Raises `DataContractError` with every problem found, `NotEnoughDataError` where there is no stay.
    """
    columns = [] if by is None else [by] if isinstance(by, str) else list(by)
    _check_columns(frame, columns)
    duration, left, entry = _checked_columns(frame)
    group, groups = _grouped(frame, columns)
    return Stays(duration, left, np.where(entry > 0, entry, -np.inf), group, groups, 0.0)


def check_pandas(frame: object, what: str, mend: str) -> None:
    """One row a stay or spell is small, so it is a pandas frame."""
    if not isinstance(frame, pd.DataFrame):
        kind = f"{type(frame).__module__.partition('.')[0]}'s {type(frame).__name__}"
        raise DataContractError(f"the {what} must be a pandas frame with a row for each, not {kind}: {mend}")


def check_level(level: float) -> None:
    """A level of confidence is a share between 0 and 1."""
    if not 0 < level < 1:
        raise ConfigError(f"level is {level}: expected a share between 0 and 1, such as 0.95")


def check_unit(unit: str) -> None:
    """`unit` is what one unit of `duration` is, in the singular."""
    if unit not in UNITS:
        raise ConfigError(f"unit is {unit!r}: expected what one unit of duration is, one of {', '.join(UNITS)}")


def long_time(value: float, unit: str) -> str:
    """A length of time in words: "1 month", "3.5 months".

    >>> long_time(1, "month"), long_time(3.46, "month"), long_time(12, "month")
    ('1 month', '3.5 months', '12 months')
    """
    shown = number(value, 0 if abs(value - round(value)) < 0.05 else 1)
    return f"{shown} {unit}" + ("" if shown == "1" else "s")


def _check_columns(frame: pd.DataFrame, by: list[str]) -> None:
    check_pandas(frame, "stays", "customer_spells makes one")
    missing = [name for name in ("duration", "left", *by) if name not in frame]
    if missing:
        raise DataContractError(
            f"the stays have no column {_listed(missing)}; they have {_listed(frame.columns)}. A stay needs duration "
            "(age at its end, or when last seen) and left (True or False): customer_spells makes both"
        )
    if frame.empty:
        raise NotEnoughDataError("there is no stay in the frame: at least one customer is needed")


def _checked_columns(frame: pd.DataFrame) -> tuple[Array, Flags, Array]:
    problems: list[str] = []
    duration = _numbers(frame, "duration", problems)
    left = _numbers(frame, "left", problems)
    entry = _numbers(frame, "entry", problems) if "entry" in frame else np.zeros(len(frame))
    mend_left = "write True (or 1) for a customer who left and False (or 0) for one who was still there"
    rules = [
        ("duration", ~np.isfinite(duration), "it must be a number; for a stay that runs it is its age at the end"),
        ("duration", duration < 0, "a customer can't stay for less than no time; is the end before the start?"),
        ("left", ~np.isin(left, (0, 1)), mend_left),
        ("entry", ~np.isfinite(entry), "it must be a number: the age when first seen, 0 if from the start"),
        ("entry", entry < 0, "nobody is seen before their stay begins; give 0 for a customer seen from the start"),
        ("entry", (entry > 0) & (entry >= duration), "the stay ended by then, so it was never seen; leave it out"),
    ]
    told = {problem.partition(":")[0] for problem in problems}
    problems += [_problem(frame, name, bad, mend) for name, bad, mend in rules if bad.any() and name not in told]
    if problems:
        raise DataContractError(problems)
    return duration, left.astype(bool), entry


def _numbers(frame: pd.DataFrame, name: str, problems: list[str]) -> Array:
    try:
        return frame[name].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        problems.append(f"{name}: the column holds {frame[name].dtype} and not numbers; convert it first")
        return np.zeros(len(frame))


def _problem(frame: pd.DataFrame, name: str, bad: Flags, mend: str) -> str:
    place = int(np.argmax(bad))
    who = f" (customer {frame['customer_id'].iloc[place]})" if "customer_id" in frame else ""
    more = int(bad.sum()) - 1
    also = f" (and {number(more)} more)" if more else ""
    return f"{name} is {frame[name].iloc[place]} in row {place}{who}{also}: {mend}"


def _grouped(frame: pd.DataFrame, by: list[str]) -> tuple[npt.NDArray[np.intp], tuple[str, ...]]:
    """The group of each row and the names of the groups, sorted, or in the order of a categorical."""
    if not by:
        return np.zeros(len(frame), dtype=np.intp), (EVERYBODY,)
    problems = [problem for name in by for problem in _group_problems(frame, name)]
    if problems:
        raise DataContractError(problems)
    if len(by) == 1:
        kinds = frame[by[0]].astype("category").cat
        return kinds.codes.to_numpy().astype(np.intp), tuple(str(name) for name in kinds.categories)
    codes, keys = frame.groupby(by, observed=True).ngroup(), frame.groupby(by, observed=True).size().index
    return codes.to_numpy().astype(np.intp), tuple(" / ".join(map(str, key)) for key in keys)


def _group_problems(frame: pd.DataFrame, name: str) -> list[str]:
    values, problems = frame[name], []
    if values.isna().any():
        problems.append(_problem(frame, name, values.isna().to_numpy(), "give each stay a group, such as 'unknown'"))
    if isinstance(values.dtype, pd.CategoricalDtype):
        unused = [str(kind) for kind in values.cat.categories if not (values == kind).any()]
        if unused:
            problems.append(
                f"{name}: nobody has {_listed(unused)}, so nothing can be said about it; "
                f"frame[{name!r}].cat.remove_unused_categories() takes it off the list"
            )
    return problems


def _listed(names: object) -> str:
    return ", ".join(str(name) for name in names)  # type: ignore[attr-defined]
