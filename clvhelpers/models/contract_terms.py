"""What customers with a contract are worth in money: the terms of their plans, and the value of payments to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.errors import FormulaError
from clvhelpers.formulas.inputs import Inputs

if TYPE_CHECKING:
    from clvhelpers.models.contractual import ContractualModel

Array = np.ndarray
ByCustomer = float | str | Sequence[float] | np.ndarray | pd.Series | Mapping[Any, float]
"""A number for all customers, one for each, the name of a column of `customers`, or one for each plan."""
PLAN = "plan"


@dataclass(frozen=True, eq=False)
class ContractTerms:
    """What is known of each customer: payments made, the profit of one payment, money still to be spent, the kind."""

    inputs: Inputs
    paid: Array
    profit: Array
    cost: Array
    kind: Array


def read_terms(
    model: "ContractualModel", given: Mapping[str, ByCustomer], customers: pd.DataFrame | None
) -> ContractTerms:
    """The terms `paid`, `price`, `margin` and `acquisition_cost` of each customer, checked.

    Acquisition costs are those of customers who have yet to make their first payment; of others they are spent.
    """
    plans = [value for value in given.values() if isinstance(value, Mapping)]
    if customers is None and plans:
        index = pd.Index(list(plans[0]), name=PLAN)
        customers = pd.DataFrame({PLAN: index}, index=index)
    values: dict[str, Any] = dict(given) if customers is None else _of_customers(given, customers)
    inputs = Inputs(**values)
    inputs.refuse("paid", (inputs["paid"] < 0) | (inputs["paid"] % 1 != 0), "it counts payments made: 0, 1, 2, ...")
    inputs.not_negative("price", "acquisition_cost")
    inputs.share_of_revenue("margin")
    inputs.settle()
    paid = inputs["paid"]
    kind = model.kinds_of(customers, paid.size).reshape(paid.shape)
    cost = np.where(paid == 0, inputs["acquisition_cost"], 0.0)
    return ContractTerms(inputs, paid, inputs["price"] * inputs["margin"], cost, kind)


def contract_value(
    model: "ContractualModel",
    given: Mapping[str, ByCustomer],
    customers: pd.DataFrame | None,
    discount_rate: float,
    periods: int | None,
    first_payment: bool,
) -> Any:
    """Expected discounted profit of customers with a contract from now on; see `ContractualModel`."""
    from clvhelpers.models.contractual import horizon

    terms = read_terms(model, given, customers)
    discount, ahead = model.discount(discount_rate), horizon(periods)
    payments = np.empty(terms.paid.shape)
    for kind in np.unique(terms.kind):
        these = terms.kind == kind
        payments[these] = model.equations_of(int(kind)).still_to_come(terms.paid[these], discount, ahead, first_payment)
    value = terms.inputs.give(payments * terms.profit - terms.cost)
    return value.rename("clv") if isinstance(value, pd.Series) else value


def _of_customers(given: Mapping[str, ByCustomer], customers: pd.DataFrame) -> dict[str, Any]:
    """Every term as a Series with the index of `customers`."""
    values, problems = {}, []
    for name, value in given.items():
        if isinstance(value, pd.Series):
            values[name] = value
        elif isinstance(value, str) and value not in customers:
            problems.append(f"{name} is {value!r}: customers has no such column, only {', '.join(map(str, customers))}")
        elif isinstance(value, str):
            values[name] = customers[value]
        elif isinstance(value, Mapping):
            problems += _unknown_plans(name, value, customers)
            values[name] = customers[PLAN].map(dict(value)) if PLAN in customers else pd.Series(dtype=float)
        elif np.ndim(value) and len(value) != len(customers):  # type: ignore[arg-type]
            problems.append(f"{name} has {len(value):,} numbers: expected one for each of {len(customers):,} customers")  # type: ignore[arg-type]
        else:
            values[name] = pd.Series(np.broadcast_to(np.asarray(value), len(customers)), customers.index)
    if problems:
        raise FormulaError(problems)
    return values


def _unknown_plans(name: str, by_plan: Mapping[Any, float], customers: pd.DataFrame) -> list[str]:
    if PLAN not in customers:
        return [f"{name} is given by plan, and customers has no column {PLAN!r}"]
    unknown = customers[PLAN][~customers[PLAN].isin(list(by_plan))].drop_duplicates().tolist()
    if not unknown:
        return []
    shown, known = ", ".join(map(repr, unknown[:3])), ", ".join(map(repr, by_plan))
    return [f"{name} has no entry for the plan {shown}: it has {known}"]
