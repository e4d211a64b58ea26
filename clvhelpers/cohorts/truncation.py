"""A log that begins long after the shop did: its first cohort is made of customers who had bought before."""

import numpy as np
import pandas as pd

from clvhelpers.errors import NotEnoughDataError
from clvhelpers.text import period as period_name

OUTLIER_AGES, OUTLIER_ERRORS, OUTLIER_RATIO = 6, 3.0, 1.25


def without(frame: pd.DataFrame, first: pd.Period) -> pd.DataFrame:
    rest = frame[frame["cohort"] != first]
    if rest.empty:
        raise NotEnoughDataError(f"{first} is the only cohort, so it can't be left out")
    return rest[rest["age"] <= rest.loc[rest["n_active"].notna(), "age"].max()].reset_index(drop=True)


def stands_out(frame: pd.DataFrame) -> bool:
    """Does the first cohort stay far more often than the others of the same ages?

    Retention on each of the first ages that both have seen (an older cohort has had more time to come back "or
    after"): more than 1.25 times the others', and more than 3
    standard errors away, with customers (not customer-periods) as the sample, which is cautious.
    """
    cells = frame[frame["mature"] & frame["age"].between(1, OUTLIER_AGES) & (frame["n0"] > 0)]
    is_first = cells["cohort"] == frame["cohort"].min()
    first, others = cells[is_first], cells[~is_first]
    first = first[first["age"].isin(others["age"])]
    if first.empty:
        return False
    share, rest = (part["n_on"].sum() / part["n0"].sum() for part in (first, others))
    pooled = cells["n_on"].sum() / cells["n0"].sum()
    sizes = [part.groupby("cohort")["n0"].first().sum() for part in (first, others)]
    error = np.sqrt(pooled * (1 - pooled) * sum(1 / size for size in sizes))
    return bool(share > OUTLIER_RATIO * rest and share - rest > OUTLIER_ERRORS * error)


def left_truncation_note(cohort: pd.Period, dropped: bool) -> str:
    if dropped:
        return f"The first cohort, {period_name(cohort)}, is left out: it may hold customers from before the log began."
    return (
        f"The first cohort, {period_name(cohort)}, stays far more often than the others: it probably holds customers "
        "from before the log began, and averages with it are too high."
    )
