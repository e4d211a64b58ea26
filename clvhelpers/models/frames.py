"""Customer summaries of any engine, checked, as the few columns that a model needs."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from clvhelpers.customers import summary_frame, to_pandas
from clvhelpers.errors import DataContractError, NotEnoughDataError
from clvhelpers.text import number

EXAMPLES = 3
TOLERANCE = 1e-9

Weights = str | Sequence[float] | np.ndarray | pd.Series | None
Problem = tuple[Any, str]  # which rows, and what is wrong with them


def read_rows(summary: Any, columns: Sequence[str], labels: Sequence[str] = ()) -> pd.DataFrame:
    """The columns as numbers in pandas and the labels as they are, one row a customer.

    The index is that of a pandas summary; for another engine it is `customer_id`, where there is one.
    """
    names = [*columns, *labels]
    frame = summary_frame(summary, names)
    named = not frame.implementation.is_pandas() and "customer_id" in frame.collect_schema()
    rows = to_pandas(frame.select(*(["customer_id"] if named else []), *names))
    return _numbers(rows.set_index("customer_id") if named else rows, labels)


def count_rows(
    summary: Any, columns: Sequence[str], weights: Weights = None, labels: Sequence[str] = ()
) -> pd.DataFrame:
    """The columns, with the number of customers of a row as `weight`; a database counts equal rows where they lie.

    `weights` counts a row more than once: the name of a column, or one number a row. Rows of weight 0 are left out.
    """
    keys = [*columns, *labels]
    frame = summary_frame(summary, [*keys, weights] if isinstance(weights, str) else keys)
    if isinstance(frame, nw.LazyFrame) and weights is None:
        return _numbers(to_pandas(frame.group_by(*keys).agg(weight=nw.len())).sort_values(keys), labels)
    rows = read_rows(summary, [*columns, weights] if isinstance(weights, str) else columns, labels)
    if isinstance(weights, str):
        weights = rows.pop(weights)
    counted = rows.assign(weight=_row_weights(weights, rows))
    return counted[counted["weight"] > 0]


def collapse(rows: pd.DataFrame, keys: Sequence[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """The distinct keys in order, and for each row the place of its key among them."""
    place = np.zeros(len(rows), dtype=np.int64)
    for key in keys:
        codes, values = pd.factorize(rows[key].to_numpy(), sort=True)
        place, distinct = pd.factorize(place * len(values) + codes, sort=True)
    first = np.empty(len(distinct), dtype=np.int64)
    first[place[::-1]] = np.arange(len(rows))[::-1]
    return rows[list(keys)].iloc[first].reset_index(drop=True), place


def merge_rows(rows: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """Rows with equal keys as one: the sum of their weights, the weighted mean of everything else."""
    distinct, place = collapse(keys, keys.columns.tolist())
    weight = np.bincount(place, rows["weight"], len(distinct))
    means = {name: np.bincount(place, rows[name] * rows["weight"], len(distinct)) / weight for name in rows}
    return pd.DataFrame(means | {"weight": weight})


def merge_nearby(rows: pd.DataFrame, steps: int) -> pd.DataFrame:
    """Rows with the same x and nearly the same recency and T (to 1/`steps` of the longest T) as one."""
    width = rows["T"].max() / steps
    near = {name: np.floor(rows[name] / width) for name in ("recency", "T")}
    return merge_rows(rows, rows[["frequency", *near, *({"kind"} & {*rows.columns})]].assign(**near))


def mean_of(rows: pd.DataFrame, column: str) -> float:
    """The weighted mean of a column."""
    return float(np.average(rows[column].to_numpy(), weights=rows["weight"].to_numpy()))


def refuse(rows: pd.DataFrame, problems: Sequence[Problem]) -> None:
    """Raise one DataContractError that counts and shows the rows of every problem, if there are any."""
    found = [_describe(rows, bad, text) for bad, text in problems if bad.any()]
    if found:
        raise DataContractError(found)


def check_purchases(rows: pd.DataFrame) -> None:
    """Refuse rows of frequency, recency and T that no customer can have."""
    x, recency, T = rows["frequency"], rows["recency"], rows["T"]
    columns = rows[["frequency", "recency", "T"]]
    refuse(
        rows,
        [
            (~np.isfinite(columns).all(axis=1), "with a missing or infinite frequency, recency or T"),
            ((columns < 0).any(axis=1), "with a negative frequency, recency or T"),
            (
                np.isfinite(x) & (x % 1 != 0),
                "with a fractional frequency, which counts repeat purchases (days with a purchase after the first)",
            ),
            (
                recency > T * (1 + TOLERANCE) + TOLERANCE,
                "with recency above T: recency is the time from the first to the last purchase, not since the last",
            ),
            (
                (x == 0) & (recency > 0),
                "with no repeat purchase but a recency above 0: there, first and last purchase are the same",
            ),
            (
                (x > 0) & (recency == 0),
                "with repeat purchases but a recency of 0: purchases of one day count as one (see customer_summary)",
            ),
        ],
    )


def check_enough(rows: pd.DataFrame, customers: int, repeaters: int, model: str) -> None:
    """Refuse a base with too few customers or repeat buyers for a fit that means anything."""
    have = rows["weight"].sum()
    have_repeaters = rows.loc[rows["frequency"] > 0, "weight"].sum()
    problems = []
    if have < customers:
        problems.append(f"{model} needs at least {customers} customers and the summary has {number(have)}")
    if have_repeaters < repeaters:
        problems.append(
            f"{model} needs at least {repeaters} customers with a repeat purchase and the summary has "
            f"{number(have_repeaters)}: without them nothing shows how often people come back; wait for more data, "
            "or look at averages instead"
        )
    if problems:
        raise NotEnoughDataError(problems)


def _numbers(rows: pd.DataFrame, labels: Sequence[str] = ()) -> pd.DataFrame:
    numbers: dict[str, Any] = {}
    problems = []
    for name in rows.columns:
        if name in labels:
            numbers[name] = rows[name]
            continue
        try:
            numbers[name] = rows[name].to_numpy(dtype=float, na_value=np.nan)
        except (TypeError, ValueError):
            problems.append(f"column {name!r} of the summary holds {rows[name].dtype}, not numbers")
        else:
            if pd.api.types.is_string_dtype(rows[name]):
                problems.append(f"column {name!r} of the summary holds text, not numbers")
            elif rows[name].dtype.kind in "mM":
                problems.append(f"column {name!r} of the summary holds dates or spans of time, not numbers")
    if problems:
        raise DataContractError(problems)
    return pd.DataFrame(numbers, index=rows.index, copy=False)


def _row_weights(weights: Any, rows: pd.DataFrame) -> np.ndarray:
    if weights is None:
        return np.ones(len(rows))
    values = np.asarray(weights, dtype=float)
    if values.shape != (len(rows),):
        raise DataContractError(
            f"weights has the shape {values.shape}: expected one weight for each of {len(rows)} rows"
        )
    if not np.isfinite(values).all() or (values < 0).any() or not values.any():
        raise DataContractError("weights must be numbers of 0 or more, and not all 0")
    return values


def _describe(rows: pd.DataFrame, bad: pd.Series, text: str) -> str:
    columns = [name for name in rows.columns if name not in ("weight", "kind")]
    examples = "; ".join(
        f"row {label}: " + ", ".join(f"{name} {value:g}" for name, value in zip(columns, values, strict=True))
        for label, values in zip(rows.index[bad][:EXAMPLES], rows.loc[bad, columns].to_numpy()[:EXAMPLES], strict=True)
    )
    count = int(bad.sum())
    return f"{count:,} row{'s' if count > 1 else ''} {text} ({examples})"
