"""Units, means and variances of each cell of an experiment (arm and segment, price and message, arm and age).

As `arm_sums` does for arms: made where the data lie, and small whatever the number of units. All effects of the
modules beside this one are differences between such cells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from clvhelpers.errors import ExperimentError
from clvhelpers.experiments.rates import compare_rates
from clvhelpers.experiments.welch import Estimate, compared
from clvhelpers.experiments.words import decimals_for
from clvhelpers.purchases import Frame, as_frame, rows_of
from clvhelpers.text import count, money, number

MOMENTS = ("units", "mean", "variance")


@dataclass(frozen=True, eq=False)
class Cells:
    """One row a cell in `frame`: the columns of `by`, then `units`, `mean`, `variance` (n - 1 below).

    `rate` says that the outcome is 0 or 1 for every unit, so that differences are in points.
    """

    frame: pd.DataFrame
    by: tuple[str, ...]
    rate: bool


def effect_words(row: Mapping[Any, Any], rate: bool, currency: str | None = None) -> str:
    """The difference of a row with its interval, with the decimals that the interval leaves any meaning.

    >>> effect_words({"difference": 0.0123, "low": 0.0, "high": 0.025}, True)
    '1.2 points (0.0 to 2.5)'
    >>> effect_words({"difference": -2.5, "low": -3.0, "high": -2.0}, False, "EUR")
    '-€2.50 (-€3.00 to -€2.00)'
    """
    scale = 100 if rate else 1
    decimals = decimals_for(scale / 100 * (row["high"] - row["low"]) / 2)
    if currency is not None and not rate:
        shown, low, high = (money(row[name], currency, decimals) for name in ("difference", "low", "high"))
    else:
        shown, low, high = (number(scale * row[name], decimals) for name in ("difference", "low", "high"))
    return f"{shown}{' points' if rate else ''} ({low} to {high})"


def checked_rows(data: Any, columns: Sequence[str], outcome: str) -> Frame:
    """The columns that matter of a frame of any engine, the outcome as numbers; or every problem with them."""
    frame = as_frame(data, "the experiment")
    schema = frame.collect_schema()
    have = ", ".join(map(repr, schema))
    needed = dict.fromkeys([*columns, outcome])
    problems = [f"no column {name!r}: the frame has {have}" for name in needed if name not in schema]
    if outcome in schema and not (schema[outcome].is_numeric() or schema[outcome] == nw.Boolean):
        problems.append(f"column {outcome!r} holds {schema[outcome]}, not numbers or true and false")
    if problems:
        raise ExperimentError(problems)
    return frame.select(*dict.fromkeys(columns), nw.col(outcome).cast(nw.Float64))


def cells_of(rows: Frame, by: Sequence[str], outcome: str, called: Mapping[str, str] | None = None) -> Cells:
    """Units, mean and variance of the outcome in each cell of `by`, in two passes: the mean of all first.

    Raises `ExperimentError` for missing labels and for outcomes that are missing or infinite; `called` has the names
    that the user knows for columns that were renamed.

    >>> frame = pd.DataFrame({"arm": ["a", "a", "b", "b"], "spend": [1.0, 3.0, 5.0, 5.0]})
    >>> cells_of(checked_rows(frame, ["arm"], "spend"), ["arm"], "spend").frame.to_dict("list")
    {'arm': ['a', 'b'], 'units': [2, 2], 'mean': [2.0, 5.0], 'variance': [2.0, 0.0]}
    """
    value = nw.col(outcome)
    good = value.is_finite().fill_null(False)
    known = rows.filter(good)
    whole = rows_of(known.select(centre=value.mean(), odd=((value * (value - 1)) ** 2).sum()))[0]
    centre = float(whole["centre"] or 0)
    off = value - centre
    parts = {"cell_one": nw.lit(1), "cell_good": good.cast(nw.Int64), "cell_off": off, "cell_square": off * off}
    found = rows.select(*by, **parts).group_by(*by).agg(*(nw.col(name).sum() for name in parts))
    table = pd.DataFrame(rows_of(found), columns=[*by, *parts])
    _check_cells(table, by, outcome, called or {})
    return Cells(_moments(table, by, centre), tuple(by), whole["odd"] == 0)


def _moments(table: pd.DataFrame, by: Sequence[str], centre: float) -> pd.DataFrame:
    table = table.sort_values(list(by), key=_sortable, ignore_index=True)
    units, off = table["cell_one"].astype(int), table["cell_off"].astype(float)
    spread = (table["cell_square"] - off**2 / units).clip(lower=0)
    # what is left of equal values is the rounding of their squares, which is no spread
    spread = spread.where(spread > 1e-12 * table["cell_square"], 0.0)
    variance = np.where(units > 1, spread / (units - 1).clip(lower=1), np.nan)
    return table[list(by)].assign(units=units, mean=centre + off / units, variance=variance)


def _sortable(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Labels of mixed kinds are put in order as texts."""
    return column if pd.api.types.infer_dtype(column) not in ("mixed", "mixed-integer") else column.astype(str)


def _check_cells(table: pd.DataFrame, by: Sequence[str], outcome: str, called: Mapping[str, str]) -> None:
    problems = []
    if table.empty:
        problems.append("the frame has no rows: an experiment needs one row a unit")
    for name in by:
        missing = int(table.loc[table[name].isna(), "cell_one"].sum())
        if missing:
            problems.append(
                f"{called.get(name, name)!r} is missing for {count(missing, 'row')}: find out what it was (or call it "
                "'unknown', if it was unknown before the exposure), for leaving units out would undo the randomisation"
            )
    bad = int((table["cell_one"] - table["cell_good"]).sum())
    if bad:
        problems.append(
            f"{called.get(outcome, outcome)!r} is missing or infinite for {count(bad, 'row')}: a customer "
            "who did nothing has a 0, and one who was not followed for long enough does not belong in the comparison"
        )
    if problems:
        raise ExperimentError(problems)


def check_one_row_a_unit(rows: Frame, unit: str, cells: Sequence[str]) -> None:
    """Raises `ExperimentError` where a unit has more than one row, and says which is in two cells."""
    repeats = rows.select(unit, one=nw.lit(1)).group_by(unit).agg(nw.col("one").sum()).filter(nw.col("one") > 1)
    found = rows_of(repeats.select(units=nw.col("one").count(), first=nw.col(unit).min()))[0]
    if not found["units"]:
        return
    own = rows.filter(nw.col(unit) == found["first"]).select(*cells)
    inside = {", ".join(f"{name} {row[name]}" for name in cells) for row in rows_of(own)}
    where = " and ".join(sorted(inside)) if len(inside) > 1 else f"{inside.pop()}, twice"
    raise ExperimentError(
        f"{count(int(found['units']), 'unit')} with more than one row, such as {found['first']!r} (in {where}): a unit "
        "is in one cell, once. Sum a unit's rows first; one that was in two cells has seen both, so look at how the "
        "cells were assigned"
    )


def differences(cells: Cells, arm: str, control: str, level: float) -> pd.DataFrame:
    """Each arm minus control within each cell of the other columns: one row a cell and arm.

    Columns: the others, `arm, control_units, units, control_mean, mean, difference, standard_error` (not pooled),
    `low, high, p_value`: of a rate as `compare_rates` has them, else Welch's. Cells without a control, or where
    nothing varies in either arm, are left out.
    """
    rest = [name for name in cells.by if name != arm]
    is_control = cells.frame[arm] == control
    base = cells.frame[is_control].drop(columns=arm).rename(columns={name: f"control_{name}" for name in MOMENTS})
    both = cells.frame[~is_control].rename(columns={arm: "arm"}).merge(base, on=rest)
    both["standard_error"] = np.sqrt(
        both["variance"] / both["units"] + both["control_variance"] / both["control_units"]
    )
    both = (
        both[both["standard_error"] > 0]
        .reset_index(drop=True)
        .assign(difference=lambda r: r["mean"] - r["control_mean"])
    )
    tested = (_rate_intervals if cells.rate else _welch)(both, level)
    columns = ["control_units", "units", "control_mean", "mean", "difference", "standard_error"]
    return pd.concat([both[[*rest, "arm", *columns]], tested], axis=1)


def _rate_intervals(both: pd.DataFrame, level: float) -> pd.DataFrame:
    found = []
    for row in both.to_dict("records"):
        counts = {
            name: (round(row[f"{prefix}mean"] * row[f"{prefix}units"]), row[f"{prefix}units"])
            for name, prefix in (("control", "control_"), ("arm", ""))
        }
        found.append(compare_rates(counts, level=level).frame)
    columns = ["low", "high", "p_value"]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns, dtype=float)


def _welch(both: pd.DataFrame, level: float) -> pd.DataFrame:
    columns = ["low", "high", "p_value"]
    found = [
        compared(
            Estimate(row["mean"], row["variance"] / row["units"], row["units"]),
            Estimate(row["control_mean"], row["control_variance"] / row["control_units"], row["control_units"]),
            level,
        )
        for row in both.to_dict("records")
    ]
    return pd.DataFrame(found, columns=columns, dtype=float)


def check_arms(labels: Sequence[Any], control: str) -> None:
    """Raises `ExperimentError` where there are fewer than two arms or no control."""
    have = ", ".join(map(str, labels))
    if control not in labels:
        raise ExperimentError(f"no arm is called {control!r}: name the control, one of {have}")
    if len(labels) < 2:
        raise ExperimentError(f"only the arm {have} is there: a comparison needs two")
