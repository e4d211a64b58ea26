"""How a cohort goes on beyond the triangle, where no cohort has been yet: the shape that a fitted model gives."""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from clvhelpers.cohorts.cells import ROLLING_DAYS
from clvhelpers.cohorts.table import CohortTable
from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.errors import ConfigError

if TYPE_CHECKING:
    from clvhelpers.models import BetaGeoModel, ShiftedBetaGeoModel

    TailModel: TypeAlias = BetaGeoModel | ShiftedBetaGeoModel

PERIOD_DAYS = {"D": 1.0, "W": 7.0, "M": DAYS_PER_UNIT["M"], "Q": 3 * DAYS_PER_UNIT["M"]}


def lifetimes(table: CohortTable) -> pd.DataFrame:
    """How long customers with a contract stayed, for `ShiftedBetaGeoModel`: `duration`, `left`, `customers`.

    Takes a calendar table of payments of kind "on_or_after", where a cohort never grows: who pays no more at an age has
    left there (`left` 1), who still pays in the last complete period is still there (`left` 0). Customers who will
    be back after the end count as gone until they are. Raises ConfigError for another kind of table.

    >>> from clvhelpers import ShiftedBetaGeoModel, cohort_table
    >>> paid = [(f"{n}", month) for n in range(60) for month in range(1, 2 + n % 6)]
    >>> log = pd.DataFrame(paid, columns=["customer_id", "month"])
    >>> log["date"] = pd.to_datetime("2026-" + log["month"].astype(str) + "-01", format="%Y-%m-%d")
    >>> table = cohort_table(log, end="2026-04-30", kind="on_or_after", amount=None)
    >>> lifetimes(table).to_numpy().tolist()
    [[1, 1, 10], [2, 1, 10], [3, 1, 10], [3, 0, 30]]
    """
    if (table.mode, table.kind) != ("calendar", "on_or_after"):
        raise ConfigError(
            f"the table is {table.mode!r} of kind {table.kind!r}: lifetimes are read from a calendar table of kind "
            "'on_or_after', where nobody is counted as gone who is seen again"
        )
    cells = table.frame[table.frame["mature"] & (table.frame["n0"] > 0)]
    lost = cells.assign(customers=-cells.groupby("cohort")["n_active"].diff()).dropna(subset="customers")
    lost = lost.groupby("age")["customers"].sum().reset_index(name="customers").assign(left=1)
    kept = cells.groupby("cohort").tail(1).groupby("age")["n_active"].sum().reset_index(name="customers").assign(left=0)
    rows = pd.concat([lost, kept]).rename(columns={"age": "duration"})
    rows = rows[rows["customers"] > 0][["duration", "left", "customers"]]
    return rows.astype("int64").sort_values(["duration", "left"], ascending=[True, False], ignore_index=True)


def growth_beyond(model: "TailModel", table: CohortTable, value: str, last: int, to_age: int) -> float:
    """By what factor a cumulative number (or the survivors) of a cohort grows from age `last` to `to_age`."""
    ages = np.arange(to_age + 1)
    kind = type(model).__name__
    if hasattr(model, "expected_purchases_new_customer"):
        if value == "n_active":
            raise ConfigError(
                f"{kind} has no survivors that anyone sees: for value='n_active' the tail must be a ShiftedBetaGeoModel"
            )
        size = 1 + np.asarray(model.expected_purchases_new_customer(_time(table, ages, model)))
    elif hasattr(model, "survival"):
        if (model.unit, table.mode) != (table.period, "calendar"):
            raise ConfigError(
                f"the renewals of the tail are counted by {model.unit!r} and the table's ages by {table.period!r} "
                f"({table.mode}): both must be the same calendar periods"
            )
        alive = np.asarray(model.survival(ages))
        size = alive if value == "n_active" else np.cumsum(alive)
    else:
        raise ConfigError(
            f"tail is a {kind}: expected a fitted BetaGeoModel (customers who leave without a word) or "
            "ShiftedBetaGeoModel (contracts)"
        )
    return float(size[to_age] / size[last])


def _time(table: CohortTable, ages: Any, model: Any) -> Any:
    """How long the average customer has been watched by the end of each age, in the model's unit."""
    days = (
        (ages + 0.5) * PERIOD_DAYS[table.period]
        if table.mode == "calendar"
        else (ages + 1) * ROLLING_DAYS[table.period]
    )
    return days / DAYS_PER_UNIT[model.unit]
