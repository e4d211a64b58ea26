"""Is there a season in a triangle? What each calendar period holds beside what the ages of its cohorts explain."""

import numpy as np
import pandas as pd

from clvhelpers.cohorts.table import CohortTable

RATIO, ERRORS = 1.3, 3.0


def seasonal_periods(table: CohortTable) -> pd.DataFrame:
    """Calendar periods in which returning customers buy far more than their age explains: one row each.

    `period`, `orders` (after age 0), `expected` (customers of each cohort times the average orders a customer at
    that age) and `ratio`: at least 1.3, and more than 3 standard errors above 1. With fewer than three cohorts an
    age and a calendar period are hard to tell apart, and little is found. Rolling tables have no calendar: none.

    >>> from clvhelpers import cohort_table, load_cdnow
    >>> found = seasonal_periods(cohort_table(load_cdnow(), end="1998-06-30"))
    >>> found.astype({"period": str}).round(2).to_numpy().tolist()
    [['1998-03', 270.0, 203.34, 1.33]]
    """
    cells = table.frame[table.frame["mature"] & (table.frame["age"] > 0) & (table.frame["n0"] > 0)]
    if table.mode != "calendar":
        cells = cells.head(0)
    by_age = cells.groupby("age")[["orders", "n0"]].sum()
    cells = cells.assign(expected=cells["n0"] * cells["age"].map(by_age["orders"] / by_age["n0"]))
    ordinals = [cohort.ordinal + age for cohort, age in zip(cells["cohort"], cells["age"], strict=True)]
    when = pd.PeriodIndex.from_ordinals(ordinals, freq=table.period)  # type: ignore[attr-defined]  # not in the stubs
    sums = cells[["orders", "expected"]].groupby(when).sum().rename_axis("period").reset_index()
    sums["ratio"] = sums["orders"] / sums["expected"].where(sums["expected"] > 0)
    above = sums["orders"] - sums["expected"] > ERRORS * np.sqrt(sums["expected"])
    return sums[above & (sums["ratio"] >= RATIO)].reset_index(drop=True)
