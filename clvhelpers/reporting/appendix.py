"""The tables behind the figures of a report, in full, for those who want to calculate with them."""

from collections.abc import Callable
from functools import partial

import pandas as pd

from clvhelpers.cohorts import CohortTable
from clvhelpers.purchases import PERIODS
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.experiment_pages import effects_table
from clvhelpers.reporting.small_groups import few_in_words
from clvhelpers.text import Format, Table, money, number, percent, table

HIDDEN = "not shown"


def tables_behind(analysis: Analysis) -> list[Table]:
    """What the figures of the sections that are made were drawn from; tables that the report shows are not repeated."""
    parts: dict[str, Callable[[Analysis], list[Table]]] = {
        "revenue": _periods,
        "cohorts": _cohorts,
        "concentration": _concentration,
        "prediction": _check,
        "experiment": _experiment,
    }
    return [item for name, made in parts.items() if getattr(analysis.config.sections, name) for item in made(analysis)]


def _periods(analysis: Analysis) -> list[Table]:
    periods, least = analysis.periods, analysis.config.privacy.minimum_group
    frame = pd.DataFrame(
        {
            "Period": periods["period"],
            "Orders": periods["orders"],
            "Customers": few_in_words(periods["customers"], periods["few"], least),
            "New customers": few_in_words(periods["new_customers"], periods["few_new"], least),
        }
    )
    formats: dict[str, Format] = dict.fromkeys(["Orders", "Customers", "New customers"], number)
    if analysis.has_money:
        frame["Revenue"] = periods["revenue"]
        formats["Revenue"] = partial(money, currency=analysis.config.currency)
    frame["Whole period"] = periods["complete"].map({True: "yes", False: "no"})
    step = PERIODS[periods["period"].iloc[0].freqstr[0]]
    return [table(frame, f"All {step}s of the data", **formats)]


def _cohorts(analysis: Analysis) -> list[Table]:
    result = analysis.cohorts
    if result is None:
        return []
    average = result.average()
    names = ["Retention", "95% range, low", "95% range, high", "Customers", "Cohorts"]
    ages = average.set_axis([result.step.capitalize(), *names], axis="columns")
    formats: dict[str, Format] = dict.fromkeys(names[:3], percent) | dict.fromkeys(names[3:], number)
    return [
        _triangle(result),
        table(ages, f"Retention by {result.step}s after the first order, all cohorts together", **formats),
    ]


def _triangle(result: CohortTable) -> Table:
    """A row for each cohort; what was not seen yet is missing, and what is hidden says so."""
    hidden = result.frame.pivot(index="cohort", columns="age", values="hidden")
    cells = result.triangle("retention").astype(object).mask(hidden, HIDDEN).drop(columns=0)
    cells.columns = [f"{result.step.capitalize()} {age}" for age in cells.columns]
    sizes = result.frame.groupby("cohort")["n0"].first()
    sizes = sizes.astype(object).where(sizes.notna(), HIDDEN)
    frame = pd.concat([sizes.rename("Customers"), cells], axis="columns").rename_axis("Cohort").reset_index()
    return table(frame, "Retention by cohort", Customers=number, **dict.fromkeys(cells.columns, percent))


def _concentration(analysis: Analysis) -> list[Table]:
    result = analysis.concentration
    if result is None or result.total <= 0:
        return []
    frame = result.frame.set_axis(["Share of customers, best first", "Share of revenue"], axis="columns")
    return [table(frame, "Concentration curve", **dict.fromkeys(frame.columns, percent))]


def _experiment(analysis: Analysis) -> list[Table]:
    return [] if analysis.experiment is None else [effects_table(analysis.experiment, analysis.config.currency)]


def _check(analysis: Analysis) -> list[Table]:
    check = analysis.forecast.check
    if check is None:
        return []
    groups, least = check.verdict.frame, analysis.config.privacy.minimum_group
    frame = pd.DataFrame(
        {
            "Repeat purchases before": [
                int(name) if name.isdigit() else name.replace("+", " or more") for name in groups["frequency"]
            ],
            "Customers": few_in_words(groups["customers"], groups["few"], least),
            "Actual, each": groups["actual"],
            "Model, each": groups["predicted"],
            "Same pace, each": groups["naive"],
        }
    )
    each = dict.fromkeys(frame.columns[2:], partial(number, decimals=2))
    names = {
        "date": "Week up to",
        "actual": "Actual",
        "expected": "Model",
        "cumulative_actual": "Actual so far",
        "cumulative_expected": "Model so far",
    }
    path = check.path[list(names)].rename(columns=names)
    return [
        table(frame, "Check on held-out orders by number of earlier ones", Customers=number, **each),
        table(path, "Repeat purchases week by week", **dict.fromkeys(path.columns[1:], number)),
    ]
