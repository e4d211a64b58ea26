"""Standard errors of the figures of one report, for its readers: `uncertainty` in `metrics.json`."""

from math import sqrt
from typing import TYPE_CHECKING

from pydantic import Field

from clvhelpers.cohorts import CohortTable
from clvhelpers.reporting.history import MONTHS
from clvhelpers.reporting.noise import (
    cells_at,
    interval_error,
    mean_error,
    proportion_error,
    ratio_error,
    spread_of_cohorts,
    top_share_error,
)
from clvhelpers.reporting.part import Part

if TYPE_CHECKING:
    from clvhelpers.reporting.analysis import Analysis


class Precision(Part):
    standard_error: float = Field(description="of the figure, in its own unit")
    customers: int = Field(description="customers behind it, who are the units that count as independent")


def precision_of(analysis: "Analysis") -> dict[str, Precision]:
    """The standard error of each rate and mean that a report has, by the figure's key in `metrics.json`.

    The repeat rate is a binomial share; orders per customer and the average order have the customer as unit, whose
    orders are alike; retention counts that customers of one cohort are alike too; that of a predicted value is
    read from its 90 % range, so it covers the chance of the future and not only the fit.
    """
    summary, shares, value = analysis.summary, analysis.concentration, analysis.forecast.value
    customers = len(summary)
    orders = summary["orders"].to_numpy(dtype=float)
    errors: dict[str, float | None] = {
        "repeat_rate": proportion_error(float((orders > 1).mean()), customers),
        "orders_per_customer": mean_error(orders),
    }
    if shares is not None:
        totals = summary["total"].to_numpy()
        errors["average_order_value"] = ratio_error(totals, orders)
        errors["top_10_share"] = top_share_error(totals)
    if value is not None:
        errors["clv_mean"] = interval_error(value.base.mean_interval)
        errors["clv_total"] = interval_error(value.base.total_interval)
    known = {name: Precision(standard_error=e, customers=customers) for name, e in errors.items() if e is not None}
    return known | ({} if analysis.months is None else _of_retention(analysis.months))


def _of_retention(months: CohortTable) -> dict[str, Precision]:
    found = {}
    for name in MONTHS:
        cells = cells_at(months, name)
        if len(cells):
            customers = int(cells["n0"].sum())
            error = proportion_error(float(cells["n_active"].sum()) / customers, customers)
            found[name] = Precision(standard_error=sqrt(spread_of_cohorts(cells)) * error, customers=customers)
    return found
