"""Of each arm of an experiment, who came to each renewal and who left there: all that a lift in value asks of its data.

Time is counted in whole periods since a unit's start, which is also its first payment: a unit that left at duration 3
paid at times 0, 1 and 2 and not at 3. The counts are made where the data lie, so ten million stays cost one pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt

from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments.arms import order_of_arms
from clvhelpers.purchases import Frame, as_frame, rows_of
from clvhelpers.text import count, number

Array = npt.NDArray[np.float64]
FEWEST_LEFT = 10  # of an arm: with fewer, a normal distribution does not describe what chance does to its curve
LONGEST = 10_000  # periods


@dataclass(frozen=True, eq=False)
class Renewals:
    """One arm, at renewals 1, 2, ...: how many units came to it (`at_risk`), and how many of those left (`lost`)."""

    at_risk: Array
    lost: Array

    @property
    def hazards(self) -> Array:
        """The share who left at each renewal of those who came to it."""
        return self.lost / self.at_risk

    @property
    def survival(self) -> Array:
        """The share still there after 0, 1, 2, ... renewals, by Kaplan and Meier."""
        return np.append(1.0, np.cumprod(1 - self.hazards))

    def until(self, window: int) -> "Renewals":
        """The first `window` renewals."""
        return Renewals(self.at_risk[:window], self.lost[:window])

    def __add__(self, other: "Renewals") -> "Renewals":
        """Both arms as one, over the renewals that both have."""
        last = min(len(self.lost), len(other.lost))
        return Renewals(self.at_risk[:last] + other.at_risk[:last], self.lost[:last] + other.lost[:last])


def read_renewals(
    data: Any, *, window: int | None, arm: str, control: str, unit: str = "period"
) -> tuple[dict[str, Renewals], int]:
    """The renewals of each arm within the window, control first; and the window.

    `data` is a mapping of each arm to its survivors (units at the start and after each renewal), or a frame of any
    engine with one row a unit: `duration` in periods, `left` and the arm. Without a `window` it is the last period
    that every unit who stayed was followed to. Raises `ExperimentError` for data that can't be, with every problem,
    and `NotEnoughDataError` for a window beyond what was followed, or in which too few left, or everybody.
    """
    if window is not None and (window != int(window) or window < 1):
        raise ConfigError(f"window is {window}: expected a whole number of periods, 1 or more")
    arms, followed = _given(data, control, window) if isinstance(data, Mapping) else _counted(data, arm, control)
    chosen = followed if window is None else int(window)
    if chosen < 1:
        raise NotEnoughDataError(
            f"some units were followed for less than one {unit}, so the default window is empty: give window, the "
            "number of renewals to look at; those followed for less count for as long as they were seen"
        )
    _check_window(arms, chosen, unit)
    within = {name: each.until(chosen) for name, each in arms.items()}
    _check_leavers(within, chosen, unit)
    return within, chosen


def _given(data: Mapping[str, Sequence[float]], control: str, window: int | None) -> tuple[dict[str, Renewals], int]:
    """From survivors by hand."""
    alive = {name: np.asarray(row, dtype=float) for name, row in data.items()}
    problems = [f"arm {name}: {problem}" for name, row in alive.items() for problem in _survivor_problems(row)]
    order = order_of_arms({name: int(row[0]) if row.size else 0 for name, row in alive.items()}, control, problems)
    lengths = {name: len(row) - 1 for name, row in alive.items()}
    shortest = min(lengths.values())
    if window is None and len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} for {length}" for name, length in lengths.items())
        raise ExperimentError(
            f"the arms were followed for unequal times ({told} periods): a difference needs both, so give "
            f"window={shortest}, or the missing periods"
        )
    return {name: Renewals(alive[name][:-1], -np.diff(alive[name])) for name in order}, shortest


def _survivor_problems(alive: Array) -> list[str]:
    if alive.ndim != 1 or len(alive) < 2:
        return ["give the units at the start and after each renewal, two numbers at the least"]
    if not np.isfinite(alive).all() or (alive < 0).any() or (alive % 1 != 0).any():
        return ["survivors are whole numbers of 0 or more, none missing: counts of units and not shares"]
    rises = np.flatnonzero(np.diff(alive) > 0)
    if len(rises):
        at = int(rises[0])
        return [
            f"survivors rise from {number(alive[at])} to {number(alive[at + 1])} at renewal {at + 1}; they count those "
            "of the units at the start who never left"
        ]
    return []


def _counted(data: Any, arm: str, control: str) -> tuple[dict[str, Renewals], int]:
    """From a frame of stays, and the last renewal to which all who stayed were followed."""
    frame = as_frame(data, "the stays")
    _check_columns(frame, arm)
    duration = nw.col("duration").cast(nw.Float64)
    rows = frame.select(nw.col(arm).alias("arm"), duration, left=nw.col("left").cast(nw.Float64))
    order = _check_rows(rows, control)
    whole = rows.with_columns(time=nw.col("duration").floor(), n=nw.lit(1))
    found = rows_of(whole.group_by("arm", "time", "left").agg(nw.col("n").sum()))
    stayed = [int(row["time"]) for row in found if not row["left"]]
    longest = max(int(row["time"]) for row in found)
    return {name: _table([row for row in found if row["arm"] == name]) for name in order}, min(stayed, default=longest)


def _table(found: list[dict[str, Any]]) -> Renewals:
    """At risk at renewal t are those whose stay lasted t periods or longer, ended or not."""
    size = max(int(row["time"]) for row in found) + 1
    seen, lost = np.zeros(size), np.zeros(size)
    for row in found:
        units = int(row["n"])  # DuckDB adds whole numbers up to a Decimal
        seen[int(row["time"])] += units
        lost[int(row["time"])] += units * row["left"]
    return Renewals(np.cumsum(seen[::-1])[::-1][1:], lost[1:])


def _check_columns(frame: Frame, arm: str) -> None:
    schema = frame.collect_schema()
    have = ", ".join(map(repr, schema))
    problems = [
        f"no column {name!r}: the stays have {have}" for name in ("duration", "left", arm) if name not in schema
    ]
    problems += [
        f"column {name!r} holds {schema[name]}, not {expected}"
        for name, expected in (("duration", "a number of periods"), ("left", "true and false (or 1 and 0)"))
        if name in schema and not (schema[name].is_numeric() or schema[name] == nw.Boolean)
    ]
    if problems:
        raise ExperimentError(problems)


def _check_rows(rows: Frame, control: str) -> list[str]:
    """The arms, control first; or every rule that some units break."""
    duration, left = nw.col("duration"), nw.col("left")
    known = duration.is_finite().fill_null(False)
    whole = duration == duration.floor()
    rules = {
        "a missing or infinite duration: for who still stays it is the age when last seen": ~known,
        "a negative duration: does the stay end before it starts?": known & (duration < 0),
        f"a duration above {number(LONGEST)}: count periods": known & (duration > LONGEST),
        "a value of left that is neither 0 nor 1": ~left.is_in([0.0, 1.0]).fill_null(False),
        "a leaving at duration 0: the first renewal, where a unit can leave, comes after one period (1)": known
        & (duration == 0)
        & (left == 1).fill_null(False),
        "a leaving between two renewals: count whole periods, so that who left in the third period has 3": known
        & (duration > 0)
        & ~whole
        & (left == 1).fill_null(False),
    }
    flags = {f"bad_{i}": rule.cast(nw.Int64) for i, rule in enumerate(rules.values())}
    by_arm = rows.select("arm", n=nw.lit(1), **flags).group_by("arm")
    facts = rows_of(by_arm.agg(nw.col("n").sum(), *(nw.col(name).sum() for name in flags)))
    problems = [
        f"{count(bad, 'unit')} with {rule}"
        for i, rule in enumerate(rules)
        if (bad := sum(row[f"bad_{i}"] for row in facts))
    ]
    unlabelled = sum(row["n"] for row in facts if row["arm"] is None or row["arm"] != row["arm"])
    if unlabelled:
        problems.append(f"{count(unlabelled, 'unit')} without an arm: find it in the log of the assignment")
    named = {row["arm"]: row["n"] for row in facts if row["arm"] is not None and row["arm"] == row["arm"]}
    return order_of_arms(named, control, problems)


def _check_window(arms: Mapping[str, Renewals], window: int, unit: str) -> None:
    short = {name: int((each.at_risk > 0).sum()) for name, each in arms.items()}
    gone = [name for name, each in arms.items() if _all_left(each.until(window))]
    if gone:
        raise NotEnoughDataError(
            f"everybody in the arm {', '.join(gone)} had left by {unit} {window}, so nothing shows what those who stay "
            "are worth after it: take a shorter window, in which some stay"
        )
    if min(short.values()) < window:
        told = ", ".join(f"{name} to {unit} {last}" for name, last in short.items())
        raise NotEnoughDataError(
            f"the window of {count(window, unit)} is beyond what was followed ({told}): take "
            f"window={min(short.values())} or less, or wait"
        )


def _all_left(arm: Renewals) -> bool:
    return bool(((arm.at_risk > 0) & (arm.lost == arm.at_risk)).any())


def _check_leavers(arms: Mapping[str, Renewals], window: int, unit: str) -> None:
    few = {name: int(each.lost.sum()) for name, each in arms.items() if each.lost.sum() < FEWEST_LEFT}
    if few:
        told = ", ".join(f"{'nobody' if not left else number(left)} of {name}" for name, left in few.items())
        raise NotEnoughDataError(
            f"{told} left within {count(window, unit)}: an interval needs at least {FEWEST_LEFT} who left in each arm, "
            "so wait for more, or take a longer window"
        )
