"""The report's look ahead: the model, its check on held-out orders, and what it makes the base worth."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from clvhelpers.customers import DAYS_PER_UNIT, split_holdout
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.models import BaseValue, BetaGeoModel, GammaGammaModel, base_value
from clvhelpers.models.validation import Validation, tracking_path
from clvhelpers.reporting.config import ClientConfig

SHORTEST_CHECK_WEEKS = 4
DRAWS = 200
LEVEL = 0.90


@dataclass(frozen=True, eq=False)
class Value:
    """Predicted CLV of each customer, in the order of the summary, and of the base with its interval."""

    clv: pd.Series
    base: BaseValue
    spend_model: GammaGammaModel


@dataclass(frozen=True, eq=False)
class Check:
    """How a model fitted up to `calibration_end` did after it: the verdict, and the path week by week."""

    verdict: Validation
    path: pd.DataFrame
    calibration_end: date


def holdout_days(history_days: int, horizon_months: int) -> int:
    """How many days to hold out for the check: as long as the horizon, but at most half of the history.

    Whole weeks. Less than four weeks are no check, which raises `NotEnoughDataError`.

    >>> holdout_days(545, 12) / 7, holdout_days(3000, 12) / 7
    (39.0, 52.0)
    """
    weeks = round(min(history_days / 2, horizon_months * DAYS_PER_UNIT["M"]) / 7)
    if weeks < SHORTEST_CHECK_WEEKS:
        raise NotEnoughDataError(
            f"the orders span {history_days} days; {2 * 7 * SHORTEST_CHECK_WEEKS} or more are needed to hold out "
            f"{SHORTEST_CHECK_WEEKS} weeks and still fit on as many"
        )
    return weeks * 7


def fit_orders(summary: pd.DataFrame) -> BetaGeoModel:
    """BG/NBD on the whole history."""
    return BetaGeoModel(unit="W").fit(summary)


def check_orders(transactions: Any, first: date, as_of: date, horizon_months: int) -> Check:
    """Fit on the first part of the history, predict the last part, compare."""
    cut = as_of - timedelta(days=holdout_days((as_of - first).days, horizon_months))
    split = split_holdout(transactions, cut, as_of, unit="W").df()
    model = BetaGeoModel(unit="W").fit(split)
    return Check(model.validate(split), tracking_path(model, transactions, cut, as_of), cut)


def expected_orders(model: BetaGeoModel, summary: pd.DataFrame, horizon_months: int) -> float:
    """Orders expected from all of today's customers over the horizon."""
    weeks = horizon_months * DAYS_PER_UNIT["M"] / DAYS_PER_UNIT["W"]
    return float(model.expected_purchases(summary, weeks).sum())


def value_base(model: BetaGeoModel, summary: pd.DataFrame, config: ClientConfig) -> Value:
    """Gamma-Gamma on the spend of repeat customers, then CLV for each customer and for the base.

    Customers whose repeat orders were all free are left out of the fit of spend, which knows only
    positive amounts; their own value is predicted like that of the others.
    """
    spend_model = GammaGammaModel().fit(summary[(summary["frequency"] == 0) | (summary["monetary_value"] > 0)])
    economics = config.economics.model_dump()
    economics["margin"] = economics.pop("gross_margin")
    clv = model.expected_customer_lifetime_value(summary, spend_model, **economics)
    worth = base_value(model, spend_model, summary, **economics, draws=DRAWS, seed=config.seed, level=LEVEL)
    return Value(clv, worth, spend_model)
