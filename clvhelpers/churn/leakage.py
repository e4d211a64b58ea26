"""What a churn score may not see: anything that is known only after a customer has left.

A model that is given the answer looks perfect in the test and is worthless on the day it is used.
"""

import re
from collections.abc import Sequence

import pandas as pd

from clvhelpers.errors import LeakageError
from clvhelpers.text import day

KNOWN_AFTERWARDS = {
    "alive", "churn", "churned", "cancel", "canceled", "cancelled", "cancellation", "holdout", "realised", "realized",
    "terminated", "termination", "winback",
}  # fmt: skip
WHOLE_NAMES = {"left", "leaver", "end_date", "end_reason", "exit_date", "exit_reason", "leaving_date", "left_date"}
FEWEST_TO_TELL = 10
TRUTH = ("expected_value_", "expected_purchases_", "expected_months_")


def refuse_leakage(frame: pd.DataFrame, cut: pd.Timestamp, label: pd.Series | None = None) -> None:
    """Raise `LeakageError` that names each column of `frame` which could not be known on the day `cut`.

    Refused: a name that speaks of leaving (`end_date`, `end_reason`, `churned`, ...) or of the future
    (`expected_value_12m`, ...), a date after `cut`, and, given the `label` (True: left), a column that is empty
    exactly where, or differs exactly as, the label says (with ten customers or more on each side).

    >>> frame = pd.DataFrame({"hours": [3.0, 9.0], "end_reason": ["competition", None]})
    >>> refuse_leakage(frame, pd.Timestamp("2025-06-30"))
    Traceback (most recent call last):
        ...
    clvhelpers.errors.LeakageError: 'end_reason' is known only after a customer has left: leave it out; if it was \
known on 2025-06-30, give it a name that says so
    """
    problems = [problem for name in frame if (problem := _problem(frame[name], str(name), cut, label))]
    if problems:
        raise LeakageError(problems)


def _problem(values: pd.Series, name: str, cut: pd.Timestamp, label: pd.Series | None) -> str | None:
    if _speaks_of_leaving(name):
        return (
            f"{name!r} is known only after a customer has left: leave it out; if it was known on {day(cut)}, give it "
            "a name that says so"
        )
    if pd.api.types.is_datetime64_any_dtype(values) and (values > cut).any():
        late = int((values > cut).sum())
        return f"{name!r} has {late} dates after {day(cut)}, the last day that is known: leave them out"
    if label is not None and _tells_the_label(values, label):
        return f"{name!r} alone tells exactly who leaves: it must have been written down afterwards, so leave it out"
    return None


def _speaks_of_leaving(name: str) -> bool:
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).lower()
    return plain in WHOLE_NAMES or plain.startswith(TRUTH) or bool(KNOWN_AFTERWARDS & set(plain.split("_")))


def _tells_the_label(values: pd.Series, label: pd.Series) -> bool:
    left = label.to_numpy(dtype=bool)
    if min(left.sum(), (~left).sum()) < FEWEST_TO_TELL:
        return False  # of so few, some column tells them apart by chance
    empty = values.isna().to_numpy()
    if empty.any():
        return bool((empty == left).all() or (empty == ~left).all())
    if pd.api.types.is_numeric_dtype(values):
        of_leavers, of_stayers = values[left], values[~left]
        return bool(of_leavers.min() > of_stayers.max() or of_leavers.max() < of_stayers.min())
    return not set(values[left]) & set(values[~left])


def overlapping_label(label_end: pd.Timestamp, cut: pd.Timestamp) -> Sequence[str]:
    """The problem of a score that learned from days after the cut on which it is judged, if there is one."""
    if label_end <= cut:
        return []
    return [
        f"the score learned who left up to {day(label_end)}, and is to be judged from {day(cut)} on, when nobody knew "
        "that yet: train on an earlier cut or judge on a later one"
    ]
