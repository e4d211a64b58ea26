"""The list of all customers with their real ids, made only where the client file asks for it.

It is the one place of a report that tells of single customers. `customers.csv` is UTF-8 with a byte order
mark, without which Excel garbles names; in it a text that a spreadsheet would take for a formula begins with
an apostrophe.
"""

import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from clvhelpers.errors import ClvWarning
from clvhelpers.models import customer_intervals
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.forecast import DRAWS, LEVEL
from clvhelpers.reporting.pages import TIER_ACTIONS
from clvhelpers.text import Format, Table, money, number, percent, table

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class CustomerList:
    """A row for each customer, and why columns that look ahead are not there, if they are not."""

    table: Table
    missing: str | None

    def write_csv(self, path: Path) -> None:
        """Write the list to a CSV file in which no text is a formula."""
        frame = self.table.frame.copy()
        for name in frame.select_dtypes(exclude=["number", "datetime"]):
            frame[name] = frame[name].map(without_formula)
        frame.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n", date_format="%Y-%m-%d")


def without_formula(value: Any) -> Any:
    """A text that a spreadsheet reads as text; what is no text is left alone.

    >>> without_formula("=1+1"), without_formula("C-1"), without_formula(-5)
    ("'=1+1", 'C-1', -5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def customer_list(analysis: Analysis) -> CustomerList:
    """All customers by id, with what they did and, where the prediction may be used, what is expected of them."""
    frame, formats = _past(analysis)
    if analysis.groups is not None and analysis.scores is not None:
        frame["rfm_score"] = analysis.scores["code"].astype(int)
        frame["segment"] = analysis.groups.labels
    missing = _add_future(frame, formats, analysis)
    actions = _actions(analysis)
    if actions is not None:
        frame["action"] = actions
    return CustomerList(table(frame, "Customers", **formats), missing)


def _past(analysis: Analysis) -> tuple[pd.DataFrame, dict[str, Format]]:
    summary = analysis.summary
    frame = pd.DataFrame(
        {
            "customer_id": summary["customer_id"],
            "first_order": summary["first_date"],
            "last_order": summary["last_date"],
            "orders": summary["orders"],
        }
    )
    formats: dict[str, Format] = {"orders": number}
    if analysis.has_money:
        frame["revenue"] = summary["total"].round(2)
        formats["revenue"] = partial(money, currency=analysis.config.currency)
    return frame, formats


def _add_future(frame: pd.DataFrame, formats: dict[str, Format], analysis: Analysis) -> str | None:
    """Put the columns that look ahead into `frame`, as far as they can be had; why not all of them, in words."""
    forecast = analysis.forecast
    if forecast.model is None or forecast.expected_orders is None:
        return "The prediction may not be used, so nothing here looks ahead; why, is told on the sheet Cover."
    frame["probability_alive"] = forecast.model.expected_probability_alive(analysis.summary).round(4)
    formats["probability_alive"] = percent
    if forecast.value is None or analysis.tiers is None:
        return "There is no predicted value in money; why, is told on the sheet Cover."
    terms = analysis.config.economics.model_dump()
    terms["margin"] = terms.pop("gross_margin")
    models = forecast.model, forecast.value.spend_model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClvWarning)  # the same as for the value of the base, which the report tells
        bounds = customer_intervals(
            *models, analysis.summary, **terms, draws=DRAWS, seed=analysis.config.seed, level=LEVEL
        )
    for name, value in {"clv": forecast.value.clv, "clv_low": bounds["low"], "clv_high": bounds["high"]}.items():
        frame[name] = value.round(2)
        formats[name] = partial(money, currency=analysis.config.currency)
    frame["tier"] = analysis.tiers.labels
    return None


def _actions(analysis: Analysis) -> pd.Series | None:
    """What to do with each customer: the action of the group, or of the tier where there are no groups."""
    if analysis.groups is not None:
        by_group = analysis.groups.frame.set_index("group")["action"]
        return analysis.groups.labels.map(by_group)
    return None if analysis.tiers is None else analysis.tiers.labels.map(TIER_ACTIONS)
