"""When each customer has earned back what it cost to win, and who has not.

Margin is what an order leaves after the cost of its goods, less what came back. Ages are in months of 365.25/12
days since the customer's first day in the log.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.purchases import Day, as_frame, purchase_days
from clvhelpers.text import count, day, money, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

MONTH, YEAR = DAYS_PER_UNIT["M"], DAYS_PER_UNIT["Y"]
LONG_TERM, SILENT = 12.0, 6.0
"""Months from first to last purchase that make a long-term customer; months without one that make an inactive one."""
GROUPS = (
    "major, long-term",
    "major, short-term",
    "minor, long-term",
    "minor, short-term",
    "still earning back",
    "inactive and unprofitable",
)
NEARLY = 1e-9


@dataclass(frozen=True, eq=False)
class Payback:
    """The answer of `customer_payback`. `frame`, one row a customer in the order of `customer_id`:

    `first_date`; `months_watched` to `end`; `months_active`, first to last purchase; `months_silent`, last purchase
    to `end`; `acquisition_cost`; `margin` so far; `profit`, margin less that cost; `payback_months`, the age from
    which the margin has covered the cost ever since, missing where it has not so far; `group`, one of `GROUPS`.
    `flows` has the margin of each customer and day: `place` of the customer in `frame`, `age` in months, `margin`.
    With a discount rate, which is per year, all margins are discounted to the customer's first day.
    """

    frame: pd.DataFrame
    flows: pd.DataFrame
    end: pd.Timestamp
    discount_rate: float
    currency: str

    def mature(self, months: float) -> pd.DataFrame:
        """The rows of customers who were watched for at least so many months. Error: none was."""
        found = self.frame[self.frame["months_watched"] >= months]
        if found.empty:
            raise NotEnoughDataError(
                f"nobody was watched for {number(months)} months: the oldest customer was for "
                f"{number(self.frame['months_watched'].max(), 1)}; ask about fewer"
            )
        return found

    def share_paid_back(self, months: float) -> float:
        """Of the customers watched for so many months, the share that had earned its cost back by that age."""
        return float((self.mature(months)["payback_months"] <= months).mean())

    def groups(self) -> pd.DataFrame:
        """A row for each of `GROUPS`: `group`, `customers`, `share`; sums `acquisition_cost`, `margin`, `profit`."""
        named = {name: (name, "sum") for name in ("acquisition_cost", "margin", "profit")}
        table = (
            self.frame.groupby("group").agg(customers=("group", "size"), **named).reindex(list(GROUPS), fill_value=0)
        )
        table.insert(1, "share", table["customers"] / len(self.frame))
        return table.rename_axis("group").reset_index()

    def curve(self, months: int, by: pd.Series | None = None) -> pd.DataFrame:
        """What a customer has brought by each age, of those watched for all of `months`; one row a group and age.

        `group` ("all", or the labels of `by`, a Series by `customer_id`), `age` from 0 (the first day) to `months`,
        `customers`, and means of a customer: `margin` so far, `acquisition_cost`, and `balance`, their difference.
        Raises `DataContractError` for customers whom `by` does not know, `NotEnoughDataError` where all are too young.
        """
        rows = self.mature(months)
        label = pd.Series("all", rows.index) if by is None else _labels(by, rows["customer_id"])
        flows = self.flows[self.flows["age"] <= months]
        group = label.reindex(flows["place"]).to_numpy()
        flows = flows.assign(group=group, age=np.ceil(flows["age"]).astype(int)).dropna(subset="group")
        sums = flows.groupby(["group", "age"])["margin"].sum()
        cells = pd.MultiIndex.from_product([sorted(label.unique()), range(months + 1)], names=["group", "age"])
        table = sums.reindex(cells, fill_value=0.0).groupby("group").cumsum().reset_index()
        facts = rows.groupby(label.rename("group"))["acquisition_cost"].agg(["size", "mean"]).loc[table["group"]]
        table.insert(2, "customers", facts["size"].to_numpy())
        table["margin"] /= table["customers"]
        table["acquisition_cost"] = facts["mean"].to_numpy()
        return table.assign(balance=table["margin"] - table["acquisition_cost"])

    def sentence(self) -> str:
        """How many have earned their cost back, how fast, and who is not likely to, in words."""
        paid = self.frame["payback_months"].dropna()
        lost = self.frame[self.frame["group"] == GROUPS[-1]]
        share, customers = percent(len(paid) / len(self.frame)), count(len(self.frame), "customer")
        words = f"By {day(self.end)} {share} of {customers} have earned their cost back"
        if len(paid):
            half = paid.median()
            words += f", half of these {f'within {number(half, 1)} months' if half else 'on their first day'}"
        loss = money(-lost["profit"].sum(), self.currency)
        silent = f"silent for {number(SILENT)} months or more"
        return f"{words}. Short of the cost and {silent}: {count(len(lost), 'customer')}, by {loss} in all."

    def plot(self, months: int = 12, by: pd.Series | None = None) -> "Picture":
        """Margin less acquisition cost of a customer, by age, for each group of `curve`."""
        from clvhelpers.plots.acquisition import payback_curves

        return payback_curves(self.curve(months, by), self.currency)


def customer_payback(
    transactions: Any,
    acquisition_cost: pd.Series | float,
    end: Day = None,
    *,
    gross_margin: float | None = None,
    discount_rate: float = 0.0,
    customer_id: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    cost: str = "cost",
    currency: str = "USD",
) -> Payback:
    """Set each customer's margin against what it cost to win, day by day.

    `transactions` is a log of pandas, Polars or Spark, or a DuckDB relation, one row an order or order line. Margin is
    `amount` less the column `cost` (of goods), or `gross_margin` (a share) of `amount` if that is given.
    `acquisition_cost` is money: a Series by customer, or one number for all. `discount_rate` is per year. `end` is
    the last day watched (default: the last date in the log).

    A return can undo a payback: the age counts from which the margin covered the cost to the end. Of customers who have
    paid back, those whose profit is above the mean of all of these are *major*, the others *minor*; with 12 months or
    more from first to last purchase they are *long-term*. Of the others, those silent for 6 months are *inactive*.

    Raises `DataContractError` for a log or costs that can't be used, `ConfigError` for a rate out of range.

    >>> from clvhelpers import load_cdnow
    >>> payback = customer_payback(load_cdnow(), 12.0, "1998-06-30", gross_margin=0.3)
    >>> round(payback.share_paid_back(months=12), 3), payback.groups()["customers"].tolist()
    (0.501, [205, 126, 192, 715, 37, 1082])
    """
    _check_rates(gross_margin, discount_rate)
    margins = _with_margin(as_frame(transactions, "the transaction log"), amount, cost, gross_margin)
    columns: dict[str, str | None] = {"customer_id": customer_id, "date": date, "amount": "clv_margin"}
    days = purchase_days(margins.to_native(), end, columns)
    rows = days.frame.select("customer_id", "day", "money", "visit")
    rows = (rows.collect() if isinstance(rows, nw.LazyFrame) else rows).to_pandas()
    rows = rows.sort_values(["customer_id", "day"], ignore_index=True)
    rows["day"], rows["visit"] = pd.to_datetime(rows["day"]), pd.to_datetime(rows["visit"])
    last = pd.Timestamp(days.end)
    rows["age"] = (rows["day"] - rows.groupby("customer_id")["day"].transform("min")).dt.days / MONTH
    rows["margin"] = rows["money"] / (1 + discount_rate) ** (rows["age"] * MONTH / YEAR)
    frame = _customers(rows, last, acquisition_cost)
    flows = pd.DataFrame({"place": _places(rows), "age": rows["age"], "margin": rows["margin"]})
    return Payback(frame, flows, last, discount_rate, currency)


def _check_rates(gross_margin: float | None, discount_rate: float) -> None:
    problems = []
    if gross_margin is not None and not 0 < gross_margin <= 1:
        problems.append(f"gross_margin is {gross_margin}: give the share of revenue that is kept, above 0 and up to 1")
    if not 0 <= discount_rate <= 1:
        problems.append(f"discount_rate is {discount_rate}: give a rate per year from 0 to 1, such as 0.1 for 10%")
    if problems:
        raise ConfigError(problems)


def _with_margin(log: Any, amount: str, cost: str, gross_margin: float | None) -> Any:
    """The log with its margin as `clv_margin`."""
    names = log.collect_schema().names()
    lacking = [name for name in ([amount] if gross_margin is not None else [amount, cost]) if name not in names]
    if lacking:
        wanted = "" if lacking == [amount] else "; without the cost of goods, state a gross_margin, such as 0.4"
        raise DataContractError(
            f"the log has no {' and no '.join(map(repr, lacking))} for the margin: it has "
            f"{', '.join(map(repr, names))}{wanted}"
        )
    paid = nw.col(amount).cast(nw.Float64)
    kept = paid - nw.col(cost).cast(nw.Float64) if gross_margin is None else paid * gross_margin
    return log.with_columns(clv_margin=kept)


def _customers(rows: pd.DataFrame, end: pd.Timestamp, acquisition_cost: pd.Series | float) -> pd.DataFrame:
    """One row a customer, from rows by customer and day."""
    by = rows.groupby("customer_id")
    frame = by.agg(first_date=("day", "min"), last=("visit", "max"), margin=("margin", "sum")).reset_index()
    last = frame.pop("last").fillna(frame["first_date"])
    frame["months_watched"] = (end - frame["first_date"]).dt.days / MONTH
    frame["months_active"] = (last - frame["first_date"]).dt.days.clip(lower=0) / MONTH
    frame["months_silent"] = (end - last).dt.days / MONTH
    frame["acquisition_cost"] = _costs(acquisition_cost, frame["customer_id"])
    frame["profit"] = frame["margin"] - frame["acquisition_cost"]
    frame["payback_months"] = _payback_ages(rows, frame["acquisition_cost"].to_numpy())
    frame["group"] = _groups(frame)
    order = ["customer_id", "first_date", "months_watched", "months_active", "months_silent", "acquisition_cost"]
    return frame[[*order, "margin", "profit", "payback_months", "group"]]


def _costs(acquisition_cost: pd.Series | float, customers: pd.Series) -> np.ndarray:
    """A cost of 0 or more for each customer, or an error that counts those without."""
    if isinstance(acquisition_cost, pd.Series):
        if acquisition_cost.index.has_duplicates:
            raise DataContractError("acquisition_cost has a customer twice: give one number for each")
        costs = acquisition_cost.reindex(customers).to_numpy(dtype=float)
    else:
        costs = np.full(len(customers), float(acquisition_cost))
    wrong = ~(costs >= 0) | np.isinf(costs)
    if wrong.any():
        names = ", ".join(map(str, customers[wrong].head(5)))
        raise DataContractError(
            f"{count(int(wrong.sum()), 'customer')} without an acquisition cost of 0 or more ({names}): give a Series "
            "with customer_id as its index, or one number for all"
        )
    return costs


def _places(rows: pd.DataFrame) -> np.ndarray:
    """The place of each row's customer among all, in the order of `customer_id`, which the rows are in."""
    return pd.factorize(rows["customer_id"])[0]


def _payback_ages(rows: pd.DataFrame, costs: np.ndarray) -> np.ndarray:
    """The age from which each customer's margin covers the cost to the end; NaN where it does not yet."""
    who = _places(rows)
    short = rows["margin"].groupby(who).cumsum().to_numpy() < costs[who] - NEARLY * (1 + costs[who])
    place = np.arange(len(rows))
    number = np.bincount(who, minlength=len(costs))
    last = np.cumsum(number) - 1
    after = last - number + 1
    np.maximum.at(after, who[short], place[short] + 1)
    age = rows["age"].to_numpy()
    return np.where(after <= last, age[np.minimum(after, last)], np.nan)


def _groups(frame: pd.DataFrame) -> np.ndarray:
    paid = frame["payback_months"].notna()
    major = frame["profit"] >= frame.loc[paid, "profit"].mean()
    long = frame["months_active"] >= LONG_TERM
    silent = frame["months_silent"] >= SILENT
    return np.select(
        [paid & major & long, paid & major, paid & long, paid, ~silent],
        list(GROUPS[:5]),
        GROUPS[5],
    )


def _labels(by: pd.Series, customers: pd.Series) -> pd.Series:
    labels = pd.Series(by[~by.index.duplicated()].reindex(customers).to_numpy(), customers.index)
    unknown = int(labels.isna().sum())
    if unknown:
        raise DataContractError(
            f"`by` has no label for {count(unknown, 'customer')}: give a Series with customer_id as its index"
        )
    return labels
