"""What customers are expected to be worth: those of today, and one about to be won.

Intervals around it are in `intervals`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.errors import FormulaError
from clvhelpers.models.gamma_gamma import GammaGammaModel, check_spend, expected_spend
from clvhelpers.models.purchase_model import PurchaseModel, PurchaseParameters

Array = np.ndarray
COLUMNS = ("frequency", "recency", "T", "monetary_value")


@dataclass(frozen=True)
class Terms:
    """The periods ahead in a model's unit: when each ends, what money is then worth, and the margin.

    A period is a month, or one opportunity of a model that knows nothing shorter. An endless horizon has no
    periods; `rate` is the continuous discount rate per unit, and `late` what a purchase loses by counting at the
    end of its period, as in a horizon that ends.
    """

    ends: Array
    discounts: Array
    margin: float
    rate: float
    late: float

    @property
    def endless(self) -> bool:
        return not len(self.ends)

    @property
    def steps(self) -> Array:
        """Weights of expected purchases by each period's end that sum to discounted purchases.

        Sum of d_m (E_m - E_(m-1)) is the sum of (d_m - d_(m+1)) E_m, with d = 0 after the last period.
        """
        return self.discounts - np.append(self.discounts[1:], 0.0)

    def purchases(self, equations: PurchaseParameters, x: Array, T: Array, rough: bool = False) -> Array:
        """Expected discounted purchases of customers known to be alive."""
        if self.endless:
            return self.late * equations.discounted_if_alive(x, T, self.rate, rough)
        return equations.purchases_if_alive(x, T, self.ends, self.steps, rough)


def lifetime_value(
    model: PurchaseModel,
    spend_model: GammaGammaModel,
    summary: Any,
    horizon_months: int | None = 12,
    discount_rate: float = 0.10,
    margin: float = 1.0,
) -> pd.Series:
    """Expected profit of each customer in the months after their T: margin x spend x discounted purchases.

    `discount_rate` is per year and compounds (0.10 is 10%), `margin` a fraction of revenue. A month
    has 365.25 / 12 days. Purchases of a month count as made on its last day: an amount comes half a
    month earlier on average, so this is careful by some 0.4% at 10% a year. A model of opportunities counts those
    within the horizon, each at its own time. `horizon_months=None` has no end, and needs a discount rate above 0.
    What was paid to win these customers is spent, and is not in it. Formula: Fader,
    Hardie & Lee (2005), "RFM and CLV", Journal of Marketing Research 42(4), equation 2.

    Raises FormulaError for a horizon, discount or margin that has no meaning.

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> model, spend_model = BetaGeoModel().fit(summary), GammaGammaModel().fit(summary)
    >>> value = lifetime_value(model, spend_model, summary, horizon_months=12, margin=0.3)
    >>> value.round(2).head(3).tolist()
    [11.02, 2.56, 1.41]
    >>> lifetime_value(model, spend_model, summary, horizon_months=None, margin=0.3).round(2).head(3).tolist()
    [46.94, 13.77, 6.47]
    """
    terms = terms_of(model, horizon_months, discount_rate, margin)
    rows = customers_with_spend(model, summary)
    spend = expected_spend(
        spend_model.gamma_gamma_parameters, rows["frequency"].to_numpy(), rows["monetary_value"].to_numpy()
    )
    return pd.Series(margin * spend * _discounted(model, rows, terms), rows.index, name="clv")


def discounted_purchases(model: PurchaseModel, summary: Any, discount_rate: float = 0.10) -> pd.Series:
    """Expected purchases of each customer after T, for ever, each discounted at its own time (DERT).

    >>> from clvhelpers.models import ParetoNBDModel
    >>> model = ParetoNBDModel("W").with_parameters(r=0.553, alpha=10.578, s=0.606, beta=11.669)
    >>> customer = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    >>> discounted_purchases(model, customer, discount_rate=0.10).round(2).tolist()
    [8.17]
    """
    terms = terms_of(model, None, discount_rate, margin=1.0)
    rows = model.customers_of(summary)
    return pd.Series(_discounted(model, rows, terms) / terms.late, rows.index, name="discounted_purchases")


def new_customer_value(
    model: PurchaseModel,
    spend_model: GammaGammaModel,
    horizon_months: int | None = 12,
    discount_rate: float = 0.10,
    margin: float = 1.0,
    *,
    first_purchase: bool = True,
    acquisition_cost: float = 0.0,
) -> float:
    """Expected profit of somebody at the first purchase: its margin, those of later purchases, less the cost to win.

    `first_purchase` counts the one that makes them a customer (not discounted); `acquisition_cost` is money per
    customer. Other arguments as of `lifetime_value`. Spend is that of customers nothing is known about.

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> models = BetaGeoModel().fit(summary), GammaGammaModel().fit(summary)
    >>> round(new_customer_value(*models, margin=0.3, acquisition_cost=20), 2)
    5.18
    """
    if not 0 <= acquisition_cost < np.inf:
        raise FormulaError(f"acquisition_cost is {acquisition_cost}: expected money per customer, 0 or more")
    terms = terms_of(model, horizon_months, discount_rate, margin)
    nobody = pd.DataFrame({"frequency": [0.0], "recency": [0.0], "T": [0.0], "kind": [0]})
    model.only_kind()
    nothing = np.zeros(1)
    spend = float(expected_spend(spend_model.gamma_gamma_parameters, nothing, nothing)[0])
    purchases = float(_discounted(model, nobody, terms)[0]) + first_purchase
    return margin * spend * purchases - acquisition_cost


def _discounted(model: PurchaseModel, rows: pd.DataFrame, terms: Terms) -> Array:
    """Expected discounted purchases of each row."""
    purchases = model.of_each(rows, ["frequency", "T"], lambda it, some: terms.purchases(it, some[0], some[1]))
    return model.probability_alive_of(rows) * purchases


def customers_with_spend(model: PurchaseModel, summary: Any) -> pd.DataFrame:
    """The rows of a summary with their monetary value, checked for both models."""
    rows = model.customers_of(summary, COLUMNS)
    check_spend(rows)
    return rows


def terms_of(model: PurchaseModel, horizon_months: int | None, discount_rate: float, margin: float) -> Terms:
    """The terms in the unit of a model, once it is sure that they have a meaning."""
    problems = []
    if horizon_months is not None and (horizon_months < 1 or horizon_months % 1):
        problems.append(f"horizon_months is {horizon_months}: expected a whole number of months, 1 or more, or None")
    if not 0 <= discount_rate <= 1:
        problems.append(f"discount_rate is {discount_rate}: expected a rate per year from 0 to 1; 10% is 0.10")
    if horizon_months is None and discount_rate == 0:
        problems.append("without a discount an endless horizon has no end: give a discount_rate above 0, or a horizon")
    if not 0 < margin <= 1:
        problems.append(f"margin is {margin}: expected a share of revenue above 0, and 1 at most; 30% is 0.30")
    month = DAYS_PER_UNIT["M"] / DAYS_PER_UNIT[model.unit]
    period = 1.0 if model.discrete else month
    periods = 0 if horizon_months is None else int(horizon_months * month / period + 1e-9)
    if horizon_months and not periods:
        problems.append(f"horizon_months is {horizon_months}, in which there is no opportunity of unit {model.unit!r}")
    if problems:
        raise FormulaError(problems)
    rate = float(np.log1p(discount_rate)) * DAYS_PER_UNIT[model.unit] / DAYS_PER_UNIT["Y"]
    count = np.arange(1, periods + 1)
    late = 1.0 if model.discrete or not rate else rate * period / float(np.expm1(rate * period))
    return Terms(count * period, np.exp(-rate * period * count), margin, rate, late)
