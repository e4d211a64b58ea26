"""What every comparison of arms starts from: for each arm, how many units and the sums of what they did.

A frame of an experiment has one row a unit (a customer who was assigned), with a column `arm` and a column
for each outcome. The sums are made where the data lie (pandas, Polars, DuckDB or Spark); all that follows
works on them, so ten million units cost one pass over the columns that matter. Who has only counts gives those.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt

from clvhelpers.errors import ConfigError, ExperimentError
from clvhelpers.purchases import Frame, as_frame, rows_of
from clvhelpers.text import count, number

Array = npt.NDArray[np.float64]
FAR = 10.0  # standard deviations from 0 to an arm's mean, above which digits would be lost


@dataclass(frozen=True)
class ArmCounts:
    """Of each arm, how many units and how many of them with the outcome (retained, bought, left); control first."""

    successes: dict[str, int]
    units: dict[str, int]

    @property
    def arms(self) -> list[str]:
        """The arms, control first."""
        return list(self.units)

    @property
    def control(self) -> str:
        return self.arms[0]

    def rate(self, arm: str) -> float:
        """The share of an arm's units with the outcome."""
        return self.successes[arm] / self.units[arm]


@dataclass(frozen=True, eq=False)
class ArmSums:
    """Units, means and central moments of each arm; control first.

    `units` and `means` (shape: columns) and `covariances` (columns x columns, with n - 1 below) are by arm.
    They are missing for an arm of one unit, and where they were not wanted.
    """

    columns: tuple[str, ...]
    units: dict[str, int]
    means: dict[str, Array]
    covariances: dict[str, Array]

    @property
    def arms(self) -> list[str]:
        """The arms, control first."""
        return list(self.units)

    @property
    def control(self) -> str:
        return self.arms[0]

    def mean(self, arm: str, column: str) -> float:
        """The mean of a column over the units of an arm."""
        return float(self.means[arm][self.columns.index(column)])

    def covariance(self, arm: str, first: str, second: str) -> float:
        """The covariance of two columns (the variance of one, given twice) over the units of an arm."""
        return float(self.covariances[arm][self.columns.index(first), self.columns.index(second)])


def arm_counts(data: Any, outcome: str | None = None, *, arm: str = "arm", control: str = "control") -> ArmCounts:
    """Counts for comparing rates: from a frame with a 0/1 or true/false column `outcome`, or given by hand.

    By hand a mapping of each arm to (units with the outcome, units). Counts made before are taken as they are.
    Raises `ExperimentError` with every problem: missing arm labels, an empty arm, fewer than two arms, no arm
    called `control`, more successes than units, an outcome that is neither 0 nor 1.

    >>> counts = arm_counts({"gate_30": (20034, 44700), "gate_40": (20119, 45489)}, control="gate_30")
    >>> f"{counts.rate('gate_40') - counts.rate('gate_30'):.6f}"
    '-0.005905'
    """
    if isinstance(data, ArmCounts):
        return data
    if isinstance(data, Mapping):
        return _given(data, control)
    if outcome is None:
        raise ConfigError("outcome is missing: name the column that says who has the outcome")
    sums = arm_sums(data, [outcome], arm=arm, control=control)
    ones = {name: round(sums.mean(name, outcome) * n) for name, n in sums.units.items()}
    for name, n in sums.units.items():
        share = sums.mean(name, outcome)
        if n > 1 and not np.isclose(sums.covariance(name, outcome, outcome), share * (1 - share) * n / (n - 1)):
            raise ExperimentError(f"{outcome!r} holds other values than 0 and 1 in the arm {name}: a rate needs 0 or 1")
    return ArmCounts(ones, sums.units)


def _given(data: Mapping[str, tuple[int, int]], control: str) -> ArmCounts:
    problems = [
        f"arm {name}: {number(ones)} of {number(n)} units have the outcome, which can't be"
        for name, (ones, n) in data.items()
        if n and not 0 <= ones <= n
    ]
    order = order_of_arms({name: n for name, (_, n) in data.items()}, control, problems)
    return ArmCounts({name: int(data[name][0]) for name in order}, {name: int(data[name][1]) for name in order})


def arm_sums(
    data: Any,
    columns: Sequence[str],
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    arm: str = "arm",
    control: str = "control",
) -> ArmSums:
    """Units, means, variances and covariances of numeric `columns` for each arm of a frame of any engine.

    The covariances are those of `pairs` of columns, or of all pairs, which takes longer. One pass, and a second one
    around each arm's own means where those are so far from 0 that squares would cancel. Sums made before are taken as
    they are. Raises `ExperimentError` with every problem: a column that is not there or not numbers, missing or
    infinite values (a customer who bought nothing has a 0), missing arm labels, fewer than two arms, no arm `control`;
    and `ConfigError` for `pairs` that are not of `columns`.

    >>> import pandas as pd
    >>> sums = arm_sums(pd.DataFrame({"arm": ["control", "control", "offer"], "spend": [1.0, 3.0, 5.0]}), ["spend"])
    >>> sums.units, sums.mean("offer", "spend"), sums.covariance("control", "spend", "spend")
    ({'control': 2, 'offer': 1}, 5.0, 2.0)
    """
    wanted = list(combinations(columns, 2)) if pairs is None else list(pairs)
    strange = sorted({name for pair in wanted for name in pair} - set(columns))
    if strange:
        raise ConfigError(f"pairs names {', '.join(strange)}, and columns are {', '.join(columns)}: name those")
    if isinstance(data, ArmSums):
        _check_made(data, columns, wanted)
        return data
    frame = as_frame(data, "the experiment")
    schema = _checked_schema(frame, [arm, *columns], columns)
    rows = frame.select(nw.col(arm).alias("arm"), *(nw.col(name).cast(nw.Float64) for name in columns))
    places = [(place, place) for place in range(len(columns))]
    places += [(columns.index(first), columns.index(second)) for first, second in wanted]
    flags = [place for place, name in enumerate(columns) if schema[name] == nw.Boolean]
    sums = _sums(rows, columns, places, flags=flags)
    order = _checked_arms(sums, control, [] if _all_usable(sums, len(columns)) else _unusable(rows, columns))
    centres = {name: np.zeros(len(columns)) for name in order}
    if any(_is_far(sums[name], len(columns)) for name in order):
        centres = {name: _off(sums[name], len(columns)) for name in order}
        sums = _sums(rows, columns, places, centres)
    off = {name: _off(sums[name], len(columns)) for name in order}
    units = {name: int(sums[name]["n"]) for name in order}
    covariances = {name: _covariance(sums[name], places, off[name], units[name]) for name in order}
    return ArmSums(tuple(columns), units, {name: centres[name] + off[name] for name in order}, covariances)


def _check_made(sums: ArmSums, columns: Sequence[str], pairs: Sequence[tuple[str, str]]) -> None:
    missing = [name for name in columns if name not in sums.columns]
    if missing:
        raise ExperimentError(f"the sums hold {', '.join(sums.columns)}, not {', '.join(missing)}: make them with it")
    arm = max(sums.units, key=lambda name: sums.units[name])
    lacking = [f"{first} and {second}" for first, second in pairs if math.isnan(sums.covariance(arm, first, second))]
    if lacking and sums.units[arm] > 1:
        raise ExperimentError(f"the sums hold no covariance of {', '.join(lacking)}: name the two in `pairs`")


def _checked_schema(frame: Frame, needed: Sequence[str], numeric: Sequence[str]) -> nw.Schema:
    schema = frame.collect_schema()
    problems = [
        f"no column {name!r}: the frame has {', '.join(map(repr, schema))}" for name in needed if name not in schema
    ]
    problems += [
        f"column {name!r} holds {schema[name]}, not numbers or true and false"
        for name in numeric
        if name in schema and not (schema[name].is_numeric() or schema[name] == nw.Boolean)
    ]
    if problems:
        raise ExperimentError(problems)
    return schema


def _sums(
    rows: Frame,
    columns: Sequence[str],
    places: list[tuple[int, int]],
    centres: Mapping[Any, Array] | None = None,
    flags: Sequence[int] = (),
) -> dict[Any, dict[str, Any]]:
    """Of each arm its units, and of what the columns are off its centre how many there are, the sums and the products.

    Without `centres` they are 0, and columns of `flags`, all 0 or 1, are their own squares.
    """
    off = {f"off_{i}": nw.col(name) - _own(centres, i) if centres else nw.col(name) for i, name in enumerate(columns)}
    multiplied = [(i, j) for i, j in places if i != j or i not in flags]
    made = {f"product_{i}_{j}": nw.col(f"off_{i}") * nw.col(f"off_{j}") for i, j in multiplied}
    by_arm = rows.select("arm", **off).with_columns(**made).group_by("arm")
    counts = [nw.col(f"off_{i}").count().alias(f"good_{i}") for i in range(len(columns))]
    found = rows_of(by_arm.agg(nw.len().alias("n"), nw.col(*off, *made).sum(), *counts))
    return {row["arm"]: row | {f"product_{i}_{i}": row[f"off_{i}"] for i in flags} for row in found}


def _own(centres: Mapping[Any, Array], column: int) -> nw.Expr:
    """The centre of a column in the arm of each row."""
    at = nw.lit(0.0)
    for arm, own in centres.items():
        at = nw.when(nw.col("arm") == arm).then(nw.lit(float(own[column]))).otherwise(at)
    return at


def _all_usable(sums: dict[Any, dict[str, Any]], columns: int) -> bool:
    """Whether no value is missing or infinite."""
    return all(
        row[f"good_{i}"] == row["n"] and math.isfinite(row[f"product_{i}_{i}"])
        for row in sums.values()
        for i in range(columns)
    )


def _unusable(rows: Frame, columns: Sequence[str]) -> list[str]:
    """Of each column with missing or infinite values, how many there are."""
    usable = [
        nw.col(name).is_finite().fill_null(False).cast(nw.Int64).sum().alias(f"good_{i}")
        for i, name in enumerate(columns)
    ]
    (found,) = rows_of(rows.select(nw.len().alias("n"), *usable))
    bad = {name: found["n"] - found[f"good_{i}"] for i, name in enumerate(columns)}
    return [
        f"{name!r} is missing or infinite for {count(n, 'unit')}: a customer who did nothing has a 0, and one who "
        "was not followed for long enough does not belong in the comparison"
        for name, n in bad.items()
        if n
    ]


def _checked_arms(sums: dict[Any, dict[str, Any]], control: str, problems: list[str]) -> list[str]:
    """The arms in order, where there are no problems with them, nor others."""
    units = {name: row["n"] for name, row in sums.items()}
    unlabelled = [n for name, n in units.items() if name is None or name != name]
    if unlabelled:
        problems.insert(
            0,
            f"{count(sum(unlabelled), 'unit')} without an arm: find out from the assignment log which arm they were "
            "in, for leaving them out would undo the randomisation",
        )
    return order_of_arms({name: n for name, n in units.items() if name is not None and name == name}, control, problems)


def order_of_arms(units: Mapping[str, int], control: str, problems: list[str]) -> list[str]:
    """The arms, control first and the others by name; or every problem at once."""
    empty = [str(name) for name, n in units.items() if n <= 0]
    if empty:
        problems.append(f"nobody is in the arm {', '.join(empty)}: an arm needs units, look at how it was assigned")
    if len(units) < 2:
        problems.append(f"only the arm {', '.join(map(str, units)) or '(none)'} is there: a comparison needs two")
    if control not in units:
        problems.append(f"no arm is called {control!r}: name the control, one of {', '.join(map(str, units))}")
    if problems:
        raise ExperimentError(problems)
    return [control, *sorted((name for name in units if name != control), key=str)]


def _off(row: dict[str, Any], columns: int) -> Array:
    """How far an arm's mean of each column is from the centre of the sums."""
    return np.array([row[f"off_{i}"] for i in range(columns)]) / int(row["n"])


def _is_far(row: dict[str, Any], columns: int) -> bool:
    """Whether an arm's mean of a column is so far from 0 that its variance would lose digits."""
    squares = _off(row, columns) ** 2
    variances = np.array([row[f"product_{i}_{i}"] for i in range(columns)]) / int(row["n"]) - squares
    return bool((squares > FAR**2 * np.maximum(variances, 0)).any())


def _covariance(row: dict[str, Any], places: list[tuple[int, int]], off: Array, n: int) -> Array:
    found = np.full((len(off), len(off)), np.nan)
    if n > 1:
        for i, j in places:
            found[i, j] = found[j, i] = (row[f"product_{i}_{j}"] - n * off[i] * off[j]) / (n - 1)
    return found
