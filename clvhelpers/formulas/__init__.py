"""The closed-form arithmetic of customer value, for one customer or many.

Every function takes numbers, arrays or Series (which broadcast) and gives the same kind back.
Margin and timing are always said, never assumed; an input for which a formula has no meaning
is refused with a FormulaError that says what it would mean.

- `rates`: a rate from one period to another, lifetimes
- `value`: what a customer is worth
- `acquisition`: what a customer costs, and when that comes back
- `sensitivity`: how a value answers to each of its inputs
- `choice`: which formula suits a business and its data
"""

from clvhelpers.formulas.acquisition import (
    affordable_cac,
    break_even_retention,
    clv_to_cac,
    customer_acquisition_cost,
    marginal_cac,
    payback_of_cash_flows,
    payback_period,
    payback_sentence,
    return_on_acquisition,
)
from clvhelpers.formulas.choice import Choice, choose_formula
from clvhelpers.formulas.rates import (
    churn_from_lifetime,
    convert_rate,
    lifetime_from_churn,
    median_lifetime,
    retention_by_period,
    survival_from_churn,
)
from clvhelpers.formulas.sensitivity import Sensitivity, sensitivity
from clvhelpers.formulas.value import (
    average_revenue_value,
    cash_flow_table,
    margin_multiple,
    net_present_value,
    retention_slope,
    retention_value,
    simple_value,
    subscription_value,
    transaction_value,
)

__all__ = [
    "Choice",
    "Sensitivity",
    "affordable_cac",
    "average_revenue_value",
    "break_even_retention",
    "cash_flow_table",
    "choose_formula",
    "churn_from_lifetime",
    "clv_to_cac",
    "convert_rate",
    "customer_acquisition_cost",
    "lifetime_from_churn",
    "margin_multiple",
    "marginal_cac",
    "median_lifetime",
    "net_present_value",
    "payback_of_cash_flows",
    "payback_period",
    "payback_sentence",
    "retention_by_period",
    "retention_slope",
    "retention_value",
    "return_on_acquisition",
    "sensitivity",
    "simple_value",
    "subscription_value",
    "survival_from_churn",
    "transaction_value",
]
