"""What Harbor & Pine spends on winning customers, month by month and channel by channel, and whom it wins."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clvhelpers.simulate.harbor.clock import DAYS, MONTHS, START, Clock

REFERRAL_REWARD = 20.0
"""US dollars for each customer who came through another: 10 for either."""


@dataclass(frozen=True)
class Channel:
    """A way to win customers.

    `customers` in three years; `spend` in the first month (USD), growing by `growth` a year; twice the spend wins
    2^`elasticity` as many. The customers it wins buy at `pace`, spend `basket` and, on the scale of log odds, leave
    by `leaving` more than others; each year `fading` is added to that and taken from the log of their pace.
    """

    customers: int
    spend: float
    growth: float
    elasticity: float
    pace: float
    basket: float
    leaving: float
    fading: float


CHANNELS = {
    "search": Channel(3600, 2500, 0.15, 0.75, 1.05, 1.00, 0.0, 0.05),
    "social": Channel(3500, 1500, 0.60, 0.50, 0.75, 0.90, 0.3, 0.25),
    "email": Channel(1400, 260, 0.10, 0.45, 1.15, 0.95, -0.1, 0.00),
    "referral": Channel(1500, 0, 0.00, 1.00, 1.30, 1.10, -0.5, 0.00),
    "affiliate": Channel(2000, 1000, 0.35, 0.70, 0.70, 0.85, 0.5, 0.10),
}
SPEND_VARIES = 0.35
"""Standard deviation of the log of a month's spend around its plan: budgets are tried out."""


def budgets(rng: np.random.Generator) -> pd.DataFrame:
    """One row a month and paid channel: `month`, `channel`, `spend` in USD, rounded to 10."""
    months = pd.date_range(START, periods=round(DAYS / 30.44), freq="MS")
    busy = np.sqrt(np.array(MONTHS)[months.month - 1])
    parts = []
    for name, channel in CHANNELS.items():
        plan = channel.spend * (1 + channel.growth) ** (np.arange(len(months)) / 12) * busy
        spend = (plan * rng.lognormal(0, SPEND_VARIES, len(months))).round(-1)
        parts.append(pd.DataFrame({"month": months, "channel": name, "spend": spend}))
    return pd.concat(parts, ignore_index=True)


def won(rng: np.random.Generator, budget: pd.DataFrame, customers: int) -> pd.DataFrame:
    """The budget with `new_customers`: each channel's share falls on its months as spend^elasticity does.

    Referrals have no budget. They grow with the number of customers who can refer, and cost a reward each.
    """
    month = (budget["month"].dt.year - START.year) * 12 + budget["month"].dt.month - 1
    draw = np.zeros(len(budget))
    for name, channel in CHANNELS.items():
        rows = (budget["channel"] == name).to_numpy()
        reach = budget["spend"][rows] ** channel.elasticity if channel.spend else 4.0 + month[rows]
        draw[rows] = channel.customers * reach / reach.sum()
    new = rng.multinomial(customers, draw / draw.sum())
    spend = np.where(budget["channel"] == "referral", REFERRAL_REWARD * new, budget["spend"])
    return budget.assign(spend=spend, new_customers=new)


def first_days(rng: np.random.Generator, marketing: pd.DataFrame, clock: Clock) -> pd.DataFrame:
    """One row a customer in the order of arrival: `day`, `channel`, and `acquisition_cost`.

    Within a month people arrive as the pace of its days has it, in a sale half as many again. Each carries an equal
    part of what the channel cost in the month.
    """
    parts = []
    columns = ["month", "channel", "spend", "new_customers"]
    for month, channel, spend, number in marketing[columns].itertuples(index=False, name=None):
        begin, length = (month - START).days, month.days_in_month
        busy = clock.pace[begin : begin + length] * np.where(clock.sale[begin : begin + length], 1.5, 1.0)
        day = begin + rng.choice(length, number, p=busy / busy.sum())
        cost = round(spend / number, 2) if number else 0.0
        parts.append(pd.DataFrame({"day": day, "channel": channel, "acquisition_cost": cost}))
    return pd.concat(parts).sort_values("day", kind="stable", ignore_index=True)
