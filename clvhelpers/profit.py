"""What is left of each customer's money: several sources joined into one view, one row a customer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from clvhelpers.customers import to_pandas
from clvhelpers.errors import DataContractError, NotEnoughDataError
from clvhelpers.purchases import as_frame
from clvhelpers.text import count, money, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

STEPS = ("sales", "returns", "goods", "service", "acquisition")
LEFT = "profit"
EXAMPLES = 5


@dataclass(frozen=True, eq=False)
class CustomerProfit:
    """The answer of `customer_profit`, in the money of the log.

    `frame`: a row a customer, `customer_id`, `sales` (paid for purchases), `returns`, `goods`, `service`,
    `acquisition` (what went out, 0 or below, and missing where nobody told), `profit` (their sum). `steps`: the
    sums of each, in this order. `notes`: what is not in it, and what was assumed.
    """

    frame: pd.DataFrame
    steps: pd.Series
    notes: tuple[str, ...]

    @property
    def at_a_loss(self) -> float:
        """The share of customers with a profit below 0."""
        return float((self.frame[LEFT] < 0).mean())

    def sentence(self, currency: str = "USD") -> str:
        """What is left of sales, and of how many customers nothing is."""
        sales, left = self.steps["sales"], self.steps[LEFT]
        share = f" ({percent(left / sales)})" if sales else ""
        words = (
            f"Of {money(sales, currency)} in sales to {count(len(self.frame), 'customer')} {money(left, currency)} is "
            f"left{share}; {percent(self.at_a_loss)} of the customers brought less than they cost."
        )
        return " ".join([words, *self.notes])

    def plot(self, currency: str = "USD") -> "Picture":
        """From sales to profit, step by step."""
        from clvhelpers.plots.metrics import steps

        return steps(self.steps, currency)


def customer_profit(
    transactions: Any,
    *,
    gross_margin: float | None = None,
    service: pd.Series | None = None,
    acquisition: pd.Series | None = None,
) -> CustomerProfit:
    """Sales, returns, cost of goods, cost to serve and cost of acquisition of each customer, and what is left.

    `transactions` (pandas, Polars, Spark or DuckDB) has `customer_id`, `amount` (negative for a return) and, where
    it is known, `cost` (of the goods, negative where they came back). Without `cost` it is taken from `gross_margin`,
    a share of net sales. `service` and `acquisition` are positive amounts by customer_id, summed by you to one a
    customer; whoever has none there costs 0. Each source is summed by customer *before* it is joined, so no row of
    one is repeated for the rows of another.

    Raises `DataContractError` for customers that the log does not know, listed twice or without an amount, and
    `NotEnoughDataError` where there are no amounts, or neither costs nor a margin.

    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [50.0, -10.0, 20.0], "cost": [30.0, -6.0, 9.0]})
    >>> found = customer_profit(log, service=pd.Series({"b": 13.0}))
    >>> found.frame[["customer_id", "sales", "goods", "service", "profit"]].values.tolist()
    [['a', 50.0, -24.0, 0.0, 16.0], ['b', 20.0, -9.0, -13.0, -2.0]]
    """
    rows = as_frame(transactions, "the transaction log")
    _check(rows.collect_schema().names(), gross_margin)
    has_cost = "cost" in rows.collect_schema().names()
    view = _by_customer(rows, has_cost)
    notes = []
    if not has_cost:
        view["goods"] = -(1 - float(gross_margin or 0)) * (view["sales"] + view["returns"])
        notes.append(f"The cost of goods is taken from a gross margin of {percent(gross_margin)}: the log has none.")
    for name, given in {"service": service, "acquisition": acquisition}.items():
        view[name] = np.nan if given is None else 0.0 - _known(given, view.index, name)
        if given is None:
            notes.append(f"The cost {'to serve' if name == 'service' else 'of acquisition'} is not in it.")
    view = view[list(STEPS)].round(6)
    view[LEFT] = view.sum(axis=1).round(6)
    steps = view.sum(min_count=1).round(2)
    return CustomerProfit(view.reset_index(), steps, tuple(notes))


def _check(names: list[str], gross_margin: float | None) -> None:
    missing = [name for name in ("customer_id", "amount") if name not in names]
    problems = [f"the log has no column {name}: nothing can be said about profit without it" for name in missing]
    if "cost" not in names and gross_margin is None:
        problems.append("the log has no column cost and no gross_margin is given: what is left of sales is not known")
    if problems:
        raise NotEnoughDataError(problems)


def _by_customer(rows: Any, has_cost: bool) -> pd.DataFrame:
    """Sums of each customer, worked out where the log lies."""
    amount = nw.col("amount")
    parts = {"sales": nw.when(amount > 0).then(amount).otherwise(0.0)}
    parts["returns"] = nw.when(amount < 0).then(amount).otherwise(0.0)
    if has_cost:
        parts["goods"] = -nw.col("cost").fill_null(0.0)
    parts["missing"] = nw.when(amount.is_null() | nw.col("customer_id").is_null()).then(1).otherwise(0)
    sums = {name: nw.col(name).sum() for name in parts}
    view = to_pandas(rows.with_columns(**parts).group_by("customer_id").agg(**sums))
    bad = int(view.pop("missing").sum())
    if bad:
        raise DataContractError(
            f"{number(bad)} rows have no customer or no amount: clean_transactions() sets them aside"
        )
    return view.set_index("customer_id").sort_index()


def _known(given: Any, customers: pd.Index, name: str) -> pd.Series:
    """Amounts for each customer of the log, 0 where none is given."""
    if not isinstance(given, pd.Series):
        kind = "Mapping" if isinstance(given, Mapping) else type(given).__name__
        raise DataContractError(f"{name} is a {kind}: give a pandas Series of amounts with customer_id as its index")
    tests = {
        "not in the log": customers.get_indexer(given.index) < 0,
        "listed more than once: sum them by customer first": given.index.duplicated(),
        "without an amount of 0 or more": ~(given.fillna(-1).to_numpy() >= 0),
    }
    problems = [
        f"{name}: {number(bad.sum())} customers {why} ({', '.join(map(str, given.index[bad][:EXAMPLES]))})"
        for why, bad in tests.items()
        if bad.any()
    ]
    if problems:
        raise DataContractError(problems)
    return given.reindex(customers).fillna(0.0).astype(float)
