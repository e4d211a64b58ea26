"""The report's look ahead: the model, its check on held-out orders, and what it makes the base worth."""

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from clvhelpers.cleaning import CleanLog
from clvhelpers.customers import DAYS_PER_UNIT, split_holdout
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.models import (
    BaseValue,
    BetaGeoModel,
    GammaGammaModel,
    base_value,
    choose_model,
    spend_frequency_correlation,
    tracking_path,
)
from clvhelpers.models.checks import LARGEST_CORRELATION
from clvhelpers.models.purchase_model import PurchaseModel
from clvhelpers.models.validation import Validation
from clvhelpers.reporting.config import ClientConfig
from clvhelpers.reporting.notes import Notes
from clvhelpers.text import number

SHORTEST_CHECK_WEEKS = 4
COMPARED = 5_000  # customers on whom the models are compared; the chosen one is checked on all
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
    """How models fitted up to `calibration_end` did after it.

    `model` is the chosen one, not fitted to anything, and `choice` says in words why it was chosen; `verdict` and
    `path` (week by week) are of that model.
    """

    model: PurchaseModel
    choice: str
    verdict: Validation
    path: pd.DataFrame
    calibration_end: date


@dataclass(frozen=True, eq=False)
class Forecast:
    """Everything that looks ahead; what does not apply, or may not be trusted, is None.

    `model` is the one that was chosen, fitted to all orders. `expected_orders` are those of today's customers over the
    horizon.
    """

    model: PurchaseModel | None
    check: Check | None = None
    expected_orders: float | None = None
    value: Value | None = None

    @property
    def parameters(self) -> dict[str, float]:
        """The fitted parameters of the models in use; those of the spend model are called p, q and v."""
        parameters = {} if self.model is None else dict(self.model.parameters)
        return parameters if self.value is None else parameters | self.value.spend_model.parameters


def holdout_days(history_days: int, horizon_months: int) -> int:
    """How many days to hold out for the check: as long as the horizon, but at most half of the history.

    Rounded to whole weeks. Less than four weeks are no check, which raises `NotEnoughDataError`.

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


def look_ahead(config: ClientConfig, log: CleanLog, summary: pd.DataFrame, notes: Notes) -> Forecast:
    """Choose a model on held-out orders, fit it to all and, only if it passed its check, predict orders and value."""
    of_check = Notes()
    check = of_check.attempt("Check of the prediction", lambda: check_orders(config, log))
    chosen = BetaGeoModel(unit="W") if check is None else check.model
    model = notes.attempt("Prediction", lambda: chosen.unfitted().fit(summary))
    if model is None:
        return Forecast(None)
    for text in of_check.texts:
        notes.add(text)
    if check is None or not check.verdict.trusted:
        why = "the model could not be checked on orders that it had not seen" if check is None else check.verdict.reason
        notes.add(f"Predicted value: {why}. What customers have done so far is shown in its place.")
        return Forecast(model, check)
    weeks = config.economics.horizon_months * DAYS_PER_UNIT["M"] / DAYS_PER_UNIT["W"]
    orders = float(model.expected_purchases(summary, weeks).sum())
    if "total" not in summary:
        return Forecast(model, check, orders)
    value = notes.attempt("Predicted value", lambda: value_base(model, summary, config))
    if value is not None:
        _note_correlation(summary, notes)
    return Forecast(model, check, orders, value)


def _note_correlation(summary: pd.DataFrame, notes: Notes) -> None:
    correlation = spend_frequency_correlation(summary)
    if abs(correlation) > LARGEST_CORRELATION:
        notes.add(
            f"Predicted value: an order of a frequent customer is {'larger' if correlation > 0 else 'smaller'} than "
            f"that of others (correlation {number(correlation, 2)}). The model of spend does not know this, so the "
            "value of the most frequent customers is off."
        )


def check_orders(config: ClientConfig, log: CleanLog) -> Check:
    """Fit models on the first part of the history, predict the last part, compare, and choose one."""
    days = holdout_days((log.as_of - log.first_date).days, config.economics.horizon_months)
    cut = log.as_of - timedelta(days=days)
    needed = "frequency, recency, T, holdout_frequency, holdout_T"
    by_customer = split_holdout(log.purchase_days, cut, log.as_of, unit="W")
    split = by_customer.query("split", f"SELECT {needed} FROM split ORDER BY customer_id").df()
    choice = choose_model(split, unit="W", most_customers=COMPARED, seed=config.seed)
    path = tracking_path(choice.calibrated, log.purchase_days, cut, log.as_of)
    return Check(choice.model, choice.sentence(), choice.validation, path, cut)


def value_base(model: PurchaseModel, summary: pd.DataFrame, config: ClientConfig) -> Value:
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
