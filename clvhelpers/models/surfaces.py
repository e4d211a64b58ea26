"""What a model thinks of every past a customer may have, and of one customer day by day."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.errors import ConfigError, DataContractError, FormulaError, NotEnoughDataError
from clvhelpers.models.purchase_model import PurchaseModel
from clvhelpers.purchases import Day, as_day, day_number, purchase_days, rows_of
from clvhelpers.text import count, day, number, percent

MOST_PURCHASES, STEPS = 20, 40
WORD_OF_UNIT = {"D": "day", "W": "week", "M": "month", "Y": "year"}
SURE = 0.9995  # shown as 100%


@dataclass(frozen=True, eq=False)
class RecencyFrequencyMatrix:
    """What a model expects of each past, for customers known for `T`, in the `t` to come (both in `unit`).

    `frame` has a row for each past that there can be: `frequency`, `recency`, `silence` (T - recency, so the time
    since the last purchase), `probability_alive` and `expected_purchases`.
    """

    T: float
    t: float
    unit: str
    model: str
    frame: pd.DataFrame = field(repr=False)

    def plot(self, value: str = "expected_purchases") -> Any:
        """A heat map of "expected_purchases" or "probability_alive"."""
        from clvhelpers.plots.surfaces import recency_frequency

        return recency_frequency(self, value)


@dataclass(frozen=True, eq=False)
class AliveHistory:
    """One customer's probability of being alive, day by day, from what was known of them on that day.

    `frame` has a row for each day from the first purchase on: `date`, `purchase` (whether they bought on it),
    `frequency`, `recency`, `T` (at the end of that day, in `unit`) and `probability_alive`.
    """

    unit: str
    model: str
    frame: pd.DataFrame = field(repr=False)

    @property
    def purchases(self) -> pd.Series:
        """The days with a purchase."""
        return self.frame.loc[self.frame["purchase"], "date"]

    def lowest(self) -> pd.Series | None:
        """The row of the day before a purchase on which the customer seemed most likely gone; None without return."""
        before = self.frame["purchase"].shift(-1, fill_value=False)
        rows = self.frame[before & (self.frame["frequency"] > 0)]
        return None if rows.empty else rows.iloc[int(rows["probability_alive"].argmin())]

    def finding(self) -> str:
        """What the last day says, and how far that could be trusted before."""
        last = self.frame.iloc[-1]
        silence = count(round((last["T"] - last["recency"]) * DAYS_PER_UNIT[self.unit]), "day")
        if not last["frequency"]:
            if last["probability_alive"] > SURE:
                return f"{self.model} can't tell: before a second purchase it takes nobody for gone"
            return f"After {silence} without a second purchase: {percent(last['probability_alive'], 0)} still there"
        now = f"After {silence} of silence: {percent(last['probability_alive'], 0)} still there"
        lowest = self.lowest()
        return now if lowest is None else f"{now}; once {percent(lowest['probability_alive'], 0)}, and came back"

    def sentence(self) -> str:
        """The history in words."""
        last = self.frame.iloc[-1]
        told = (
            f"Up to {day(last['date'])} the customer bought on {count(len(self.purchases), 'day')}, last on "
            f"{day(self.purchases.iloc[-1])}; {self.model} holds them for alive with "
            f"{percent(last['probability_alive'])}."
        )
        lowest = self.lowest()
        if lowest is None:
            return told
        return (
            f"{told} The lowest before a purchase was {percent(lowest['probability_alive'])} on {day(lowest['date'])}."
        )

    def plot(self) -> Any:
        """The line of the probability, with the purchases marked."""
        from clvhelpers.plots.surfaces import alive

        return alive(self)


def recency_frequency_matrix(
    model: PurchaseModel, T: float, t: float, *, most: int = MOST_PURCHASES, steps: int = STEPS
) -> RecencyFrequencyMatrix:
    """Every past of a customer first seen `T` ago, with 0 to `most` repeat purchases and `steps` times of the last.

    `T` and `t` are in the model's unit. A customer without a repeat purchase has recency 0; a model of opportunities
    to buy (BG/BB) has one step for each of them, and no more purchases than fit before the last. Raises FormulaError
    for a T, t, most or steps of no sense, ConfigError for a model that answers for each kind of customers apart.

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> model = BetaGeoModel("W").fit(customer_summary(load_cdnow(), end="1997-09-30"))
    >>> found = recency_frequency_matrix(model, T=39, t=39, most=10, steps=3).frame
    >>> found[found["frequency"] == 10][["silence", "probability_alive", "expected_purchases"]].round(3).values.tolist()
    [[26.0, 0.001, 0.009], [13.0, 0.273, 1.985], [0.0, 0.935, 6.787]]
    """
    model.only_kind()
    _check_grid(model, T, t, most, steps)
    times = np.linspace(0, T, (int(T) if model.discrete else steps) + 1)
    frequency, recency = (grid.ravel() for grid in np.meshgrid(np.arange(most + 1), times, indexing="ij"))
    least = frequency if model.discrete else np.where(frequency > 0, times[1], 0.0)
    possible = (recency >= least) & ((frequency > 0) | (recency == 0))
    rows = pd.DataFrame({"frequency": frequency, "recency": recency, "T": float(T)})[possible].reset_index(drop=True)
    frame = rows.drop(columns="T").assign(
        silence=T - rows["recency"],
        probability_alive=model.expected_probability_alive(rows),
        expected_purchases=model.expected_purchases(rows, t),
    )
    return RecencyFrequencyMatrix(float(T), float(t), model.unit, model.title, frame)


def alive_history(
    model: PurchaseModel,
    purchases: Any,
    end: Day = None,
    *,
    customer_id: str = "customer_id",
    date: str = "date",
    amount: str | None = None,
) -> AliveHistory:
    """The probability that one customer is alive, on each day from the first purchase to `end`.

    `purchases` are the rows of one customer in a log (any engine), or the days they bought on. Each day's answer
    knows the customer's purchases up to that day and none that came later; the model's parameters are what they are,
    so for the answer that could have been given then, fit the model to what was known then. `end` (default: the
    last date) is counted whole. Where the log has amounts (a column `amount`, or the one named), refunds are no
    purchases.

    Raises DataContractError for a log of several customers, NotEnoughDataError where nothing was bought, ConfigError
    for a model of opportunities to buy, which knows no days.

    >>> from clvhelpers import BetaGeoModel
    >>> model = BetaGeoModel("W").with_parameters(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> history = alive_history(model, ["2026-01-01", "2026-02-05", "2026-03-12"], end="2026-06-30")
    >>> print(history.sentence())
    Up to 2026-06-30 the customer bought on 3 days, last on 2026-03-12; BG/NBD holds them for alive with 45.3%. The \
lowest before a purchase was 64.6% on 2026-03-11.
    """
    model.only_kind()
    if model.discrete:
        raise ConfigError(f"{model.title} counts opportunities to buy and not days: take a model of time, as BG/NBD")
    bought, last = _days_bought(purchases, end, {"customer_id": customer_id, "date": date, "amount": amount})
    days = np.arange(bought[0], last + 1)
    place = np.searchsorted(bought, days, side="right") - 1
    length = DAYS_PER_UNIT[model.unit]
    rows = pd.DataFrame(
        {"frequency": place, "recency": (bought[place] - bought[0]) / length, "T": (days - bought[0]) / length}
    )
    frame = rows.assign(probability_alive=model.expected_probability_alive(rows))
    frame.insert(0, "date", [pd.Timestamp(dt.date.fromordinal(int(one))) for one in days])
    frame.insert(1, "purchase", bought[place] == days)
    return AliveHistory(model.unit, model.title, frame)


def _check_grid(model: PurchaseModel, T: float, t: float, most: int, steps: int) -> None:
    problems = [
        f"{name} is {value}: expected a length above 0, in the model's unit ({WORD_OF_UNIT[model.unit]}s)"
        for name, value in (("T", T), ("t", t))
        if not np.isfinite(value) or value <= 0
    ]
    problems += [
        f"{name} is {value}: expected a whole number of 1 or more"
        for name, value in (("most", most), ("steps", steps))
        if value < 1 or value % 1
    ]
    if model.discrete and np.isfinite(T) and T % 1:
        problems.append(f"T is {number(T, 2)}: {model.title} counts opportunities to buy, so expected a whole number")
    if problems:
        raise FormulaError("; ".join(problems))


def _days_bought(purchases: Any, end: Day, columns: dict[str, str | None]) -> tuple[np.ndarray, int]:
    """The days with a purchase in order, and the last day, as ordinals."""
    log = purchases if hasattr(purchases, "columns") else _log_of_days(purchases, columns)
    if columns["amount"] is None and "amount" in log.columns:
        columns = {**columns, "amount": "amount"}
    days = purchase_days(log, end, columns)
    visits = days.frame.filter(~nw.col("visit").is_null())
    rows = pd.DataFrame(rows_of(visits.select("customer_id", day=day_number(nw.col("visit")))))
    if rows.empty:
        raise NotEnoughDataError("the customer has no purchase up to the end, so there is no history")
    customers = rows["customer_id"].nunique()
    if customers > 1:
        raise DataContractError(
            f"the log has purchases of {customers} customers: give the rows of one, such as "
            f"log[log[{columns['customer_id']!r}] == {rows['customer_id'].min()!r}]"
        )
    return np.sort(rows["day"].to_numpy()), days.end.toordinal()


def _log_of_days(days: Iterable[Any], columns: dict[str, str | None]) -> pd.DataFrame:
    dates = [as_day(one, "a day of purchases") for one in days]
    return pd.DataFrame({columns["customer_id"]: 1, columns["date"]: pd.to_datetime(pd.Series(dates, dtype=object))})
