"""How a cohort goes on beyond the triangle, where no cohort has been yet: the shape that a fitted model gives."""

from typing import TYPE_CHECKING, Any

import numpy as np

from clvhelpers.cohorts.cells import ROLLING_DAYS
from clvhelpers.cohorts.table import CohortTable
from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.errors import ConfigError

if TYPE_CHECKING:
    from clvhelpers.models import BetaGeoModel, ShiftedBetaGeoModel

    TailModel = BetaGeoModel | ShiftedBetaGeoModel

PERIOD_DAYS = {"D": 1.0, "W": 7.0, "M": DAYS_PER_UNIT["M"], "Q": 3 * DAYS_PER_UNIT["M"]}


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
