"""What a base of customers with a contract may really bring: many possible futures, played one by one.

Each future takes parameters from the posterior of the model, for they are not known exactly, and lets customers renew
or leave by chance. Customers who have paid equally often are alike to the model, so their number is played and not
each of them: of n who come to a renewal, a binomial number renews.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.errors import FormulaError
from clvhelpers.formulas.rates import PERIOD_NAMES
from clvhelpers.models.contract_terms import ByCustomer, read_terms
from clvhelpers.text import count, number

if TYPE_CHECKING:
    from clvhelpers.models.contractual import ContractualModel

Array = np.ndarray
ANSWERS = ("customers", "payments", "value")


@dataclass(frozen=True, eq=False)
class ContractFutures:
    """Possible futures of a base of `base` customers over so many `periods`.

    `frame` has one row a future: `customers`, who make the last payment of the horizon; `payments`, all made in it;
    `value`, the discounted profit. `expected` has the model's expectation of each.
    """

    expected: Mapping[str, float]
    frame: pd.DataFrame = field(repr=False)
    base: int
    periods: int
    unit: str

    def interval(self, level: float = 0.90) -> pd.DataFrame:
        """What will really come about lies between `low` and `high` with probability `level`, if the model is right."""
        if not 0 < level < 1:
            raise FormulaError(f"level is {level}: expected a probability between 0 and 1, such as 0.90")
        ends = self.frame.quantile([(1 - level) / 2, (1 + level) / 2]).T.set_axis(["low", "high"], axis="columns")
        return ends.assign(expected=pd.Series(self.expected))[["expected", "low", "high"]]

    def sentence(self, level: float = 0.90) -> str:
        """The answer in words; money is in the unit of the prices."""
        answer = self.interval(level)
        expected, low, high = map(number, answer.loc["value"].to_numpy(dtype=float))
        _, few, many = map(number, answer.loc["customers"].to_numpy(dtype=float))
        return (
            f"The {count(self.base, 'customer')} are expected to bring {expected} in "
            f"{count(self.periods, PERIOD_NAMES[self.unit])}; with {level:.0%} probability, if the model is right, "
            f"between {low} and {high}. {few} to {many} of them will make the last payment of that time."
        )


@dataclass(frozen=True, eq=False)
class _Base:
    """Customers who are alike in kind, payments made and profit a payment, as rows with their number."""

    number: Array
    profit: Array
    kind: Array  # of a row
    paid: Array  # of a row


def simulate_payments(
    model: "ContractualModel",
    given: Mapping[str, ByCustomer],
    customers: pd.DataFrame | None,
    discount_rate: float,
    periods: int,
    first_payment: bool,
    draws: int,
    seed: int,
) -> ContractFutures:
    """Possible futures of a base of customers; see `ContractualModel.simulate_payments`."""
    from clvhelpers.models.contractual import horizon

    ahead = horizon(periods)
    if not ahead:
        raise FormulaError(f"periods is {periods}: possible futures need a horizon that ends, of 1 period or more")
    terms = read_terms(model, given, customers)
    columns = np.broadcast_arrays(terms.kind, terms.paid, terms.profit, terms.cost)
    rows = pd.DataFrame(dict(zip(("kind", "paid", "profit", "cost"), map(np.ravel, columns), strict=True)))
    groups = rows.groupby(["kind", "paid", "profit"]).size().reset_index(name="number")
    base = _Base(*(groups[name].to_numpy() for name in ("number", "profit", "kind", "paid")))
    worth = (1 + model.discount(discount_rate)) ** -np.arange(ahead, dtype=float)
    worth, cost = (worth if first_payment else np.append(0.0, worth[1:])), float(rows["cost"].sum())
    of_posterior, of_chance = np.random.SeedSequence(seed).generate_state(2)
    rng = np.random.default_rng(of_chance)
    parameters = model.posterior(draws, int(of_posterior)).frame.to_numpy()
    futures = np.array([_play(model.at(row), base, worth, rng) for row in parameters]) - [0, 0, cost]
    expected = np.array(_play(model, base, worth, None)) - [0, 0, cost]
    frame = pd.DataFrame(futures, columns=list(ANSWERS)).rename_axis("draw")
    return ContractFutures(dict(zip(ANSWERS, expected.tolist(), strict=True)), frame, len(rows), ahead, model.unit)


def _play(model: "ContractualModel", base: _Base, worth: Array, rng: np.random.Generator | None) -> list[float]:
    """Customers at the end, payments and value: of one future, or without `rng` what is expected."""
    rates = _renewing(model, base, len(worth))
    alive, payments, value = base.number, 0.0, 0.0
    for rate, worth_now in zip(rates, worth, strict=True):
        alive = alive * rate if rng is None else rng.binomial(alive, rate)
        payments += float(alive.sum()) if worth_now else 0.0
        value += worth_now * float(np.einsum("i,i->", alive, base.profit))
    return [float(alive.sum()), payments, value]


def _renewing(model: "ContractualModel", base: _Base, periods: int) -> Array:
    """The share who make each of the next payments, of those who made the one before: payments x rows of the base."""
    rates = np.empty((periods, len(base.number)))
    for kind in np.unique(base.kind):
        these = base.kind == kind
        paid, place = np.unique(base.paid[these], return_inverse=True)
        rates[:, these] = model.equations_of(int(kind)).pays_now(paid + np.arange(periods)[:, None])[:, place]
    return np.minimum(rates, 1.0)
