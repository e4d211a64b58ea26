"""A shop whose customers come, buy at their own pace, and leave without a word."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.errors import FormulaError

WEEKS_PER_YEAR = DAYS_PER_UNIT["Y"] / DAYS_PER_UNIT["W"]


@dataclass(frozen=True, eq=False)
class Simulated:
    """A simulated company: what an analyst sees, what is true, and what happens afterwards.

    `transactions`: `customer_id`, `date`, `amount`, one row a purchase up to `end` (that day included).
    `future`: the same columns for the purchases after `end`, which no analyst has yet.
    `truth`: one row a customer, in the order of `customer_id`:
    `first_date`; `purchase_rate` (purchases a week while alive); `dropout_probability` (after each
    repeat purchase); `mean_spend` (money a purchase, in the long run); `alive` (at `end`);
    `purchases_so_far` (with the first); `revenue_so_far`; `expected_purchases_12m` and
    `expected_future_value_12m`: the exact expectation, given all of the above, for the 12 months
    after `end`, in purchases and in money, undiscounted.
    """

    transactions: pd.DataFrame
    future: pd.DataFrame
    truth: pd.DataFrame
    end: pd.Timestamp

    def expected_purchases(self, weeks: float) -> pd.Series:
        """Each customer's expected number of purchases in the `weeks` after `end`, given the truth."""
        truth = self.truth
        return _expected_purchases(truth, weeks).set_axis(truth["customer_id"]).rename("expected_purchases")


def non_contractual(
    customers: int = 1000,
    weeks: int = 78,
    acquisition_weeks: int = 13,
    seed: int = 0,
    *,
    purchase: tuple[float, float] = (0.243, 4.414),
    dropout: tuple[float, float] = (0.793, 2.426),
    spend: tuple[float, float, float] = (6.25, 3.74, 15.44),
    future_weeks: int = 52,
    start: str = "2024-01-01",
) -> Simulated:
    """A shop whose customers come, buy at their own pace, and leave without a word.

    Everybody's first purchase falls on a day of the first `acquisition_weeks`. From then on a customer
    buys at random times at a personal rate, and after each repeat purchase leaves for good with a
    personal probability. Amounts vary around a personal mean, whatever the rate. The company is
    watched for `weeks`, then for `future_weeks` more. One `seed` always gives one company.

    Rates a week are gamma(shape r, rate alpha), `purchase=(r, alpha)`; dropout probabilities are
    beta(a, b), `dropout=(a, b)`: the BG/NBD model of Fader, Hardie & Lee (2005), Marketing Science
    24(2). Amounts are gamma(p, rate nu) with nu gamma(q, rate v), `spend=(p, q, v)`: the Gamma-Gamma
    model of Fader & Hardie (2013), note 025 on brucehardie.com. Defaults: as fitted to CDNOW.

    Raises FormulaError for sizes or parameters that make no company.

    >>> company = non_contractual(customers=500, weeks=52, seed=7)
    >>> company.transactions.columns.tolist(), len(company.truth), str(company.end.date())
    (['customer_id', 'date', 'amount'], 500, '2024-12-30')
    >>> company.expected_purchases(weeks=26).lt(company.expected_purchases(weeks=52)).mean().round(1)
    np.float64(0.8)
    """
    _check(customers, weeks, acquisition_weeks, future_weeks, (*purchase, *dropout, *spend), spend[1])
    rng = np.random.default_rng(seed)
    truth = _draw_customers(rng, customers, purchase, dropout, spend)
    first_day = rng.integers(0, 7 * acquisition_weeks, customers)
    lifetime = rng.geometric(np.maximum(truth["dropout_probability"], np.finfo(float).tiny))
    who, day, last = _purchase_days(rng, truth["purchase_rate"].to_numpy(), lifetime, first_day, weeks + future_weeks)
    begin, end_day = pd.Timestamp(start), 7 * weeks
    log = _orders(rng, truth.iloc[who], begin + pd.to_timedelta(day, unit="D"), spend[0])
    seen = day <= end_day
    left = np.isin(np.arange(customers), who[seen & last])
    transactions, future = (_by_date(log[rows]) for rows in (seen, ~seen))
    truth.insert(1, "first_date", begin + pd.to_timedelta(first_day, unit="D"))
    return Simulated(transactions, future, _with_value(truth, ~left, transactions), begin + pd.Timedelta(days=end_day))


def _check(
    customers: int, weeks: int, acquisition_weeks: int, future_weeks: int, shapes: tuple[float, ...], q: float
) -> None:
    problems = []
    if customers < 1:
        problems.append(f"customers is {customers}: a company needs at least 1")
    if not 1 <= acquisition_weeks <= weeks:
        problems.append(f"acquisition_weeks is {acquisition_weeks}: it must lie between 1 and weeks ({weeks})")
    if future_weeks < 0:
        problems.append(f"future_weeks is {future_weeks}: it must be 0 or more")
    if min(shapes) <= 0:
        problems.append("every parameter of purchase, dropout and spend must be above 0")
    if q <= 1:
        problems.append(f"q of spend is {q}: it must be above 1, or the mean amount of a customer does not exist")
    if problems:
        raise FormulaError(problems)


def _draw_customers(
    rng: np.random.Generator,
    customers: int,
    purchase: tuple[float, float],
    dropout: tuple[float, float],
    spend: tuple[float, float, float],
) -> pd.DataFrame:
    digits = len(str(customers))
    nu = rng.gamma(spend[1], 1 / spend[2], customers)
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:0{digits}d}" for number in range(1, customers + 1)],
            "purchase_rate": rng.gamma(purchase[0], 1 / purchase[1], customers),
            "dropout_probability": rng.beta(*dropout, customers),
            "mean_spend": spend[0] / nu,
        }
    )


def _purchase_days(
    rng: np.random.Generator, rate: np.ndarray, lifetime: np.ndarray, first_day: np.ndarray, weeks: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Customer, day, and whether it was the last purchase ever, of every purchase.

    Times are rounded up to days, so that T days hold exactly T days of buying.
    """
    repeats = repeat_purchases(rng, rate, lifetime, weeks - first_day / 7)
    day = first_day[repeats.customer] + np.ceil(7 * repeats.time).astype(np.int64)
    return (
        np.concatenate([np.arange(len(rate)), repeats.customer]),
        np.concatenate([first_day, np.minimum(day, 7 * weeks)]),
        np.concatenate([np.zeros(len(rate), dtype=bool), repeats.last]),
    )


def _orders(rng: np.random.Generator, buyers: pd.DataFrame, dates: pd.DatetimeIndex, steadiness: float) -> pd.DataFrame:
    """A purchase of each buyer on each date; amounts are gamma distributed around the buyer's mean."""
    nu = steadiness / buyers["mean_spend"].to_numpy()
    amounts = np.maximum(rng.gamma(steadiness, 1 / nu).round(2), 0.01)
    return pd.DataFrame({"customer_id": buyers["customer_id"].to_numpy(), "date": dates, "amount": amounts})


class Repeats(NamedTuple):
    """Repeat purchases, one element each: the customer's place, the time, and whether it was the last ever."""

    customer: np.ndarray
    time: np.ndarray
    last: np.ndarray


def repeat_purchases(rng: np.random.Generator, rate: np.ndarray, lifetime: np.ndarray, duration: np.ndarray) -> Repeats:
    """Purchases of customers at their `rate` within their `duration`, at most `lifetime` of them.

    Given their number, the times of a Poisson process are sorted uniform draws; of them a customer
    makes the first `lifetime` and then leaves.
    """
    number = rng.poisson(rate * duration)
    who = np.repeat(np.arange(len(rate)), number)
    return first_of_each(who, rng.random(len(who)) * duration[who], lifetime)


def first_of_each(who: np.ndarray, time: np.ndarray, lifetime: np.ndarray) -> Repeats:
    """Of the purchases that each customer would make, the first `lifetime`, after which the customer leaves."""
    order = np.argsort(who + time / (1 + time.max(initial=0)), kind="stable")  # by customer, then time
    who, time = who[order], time[order]
    number = np.bincount(who, minlength=len(lifetime))
    place = np.arange(1, len(who) + 1) - (np.cumsum(number) - number)[who]
    made = place <= lifetime[who]
    return Repeats(who[made], time[made], place[made] == lifetime[who[made]])


def _by_date(log: pd.DataFrame) -> pd.DataFrame:
    return log.sort_values(["date", "customer_id"], kind="stable", ignore_index=True)


def _with_value(truth: pd.DataFrame, alive: np.ndarray, transactions: pd.DataFrame) -> pd.DataFrame:
    amounts = transactions.groupby("customer_id")["amount"].agg(["size", "sum"]).reindex(truth["customer_id"])
    truth = truth.assign(
        alive=alive,
        purchases_so_far=amounts["size"].to_numpy(),
        revenue_so_far=amounts["sum"].to_numpy().round(2),
    )
    expected = _expected_purchases(truth, WEEKS_PER_YEAR)
    return truth.assign(expected_purchases_12m=expected, expected_future_value_12m=expected * truth["mean_spend"])


def _expected_purchases(truth: pd.DataFrame, weeks: float) -> pd.Series:
    """(1 - exp(-rate p t)) / p for a customer alive, 0 for one who has left."""
    p = truth["dropout_probability"].clip(lower=np.finfo(float).tiny)
    return truth["alive"] * -np.expm1(-truth["purchase_rate"] * p * weeks) / p
