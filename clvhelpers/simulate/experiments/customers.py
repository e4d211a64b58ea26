"""Tests on the customers of the two companies, in the weeks after their logs end.

What was known before is read off the tables of the company; what came after is drawn from each customer's true rates.
"""

import numpy as np
import pandas as pd

from clvhelpers.datasets import Experiment
from clvhelpers.simulate.experiments.units import Array, chance, days, logistic, split

END = pd.Timestamp("2025-12-31")
HOLD_OUT, WEEKS, MORE_ORDERS = 0.30, 8, 0.30
SPREAD, BULK_SHARE, BULK_FACTOR = 0.9, 1 / 150, 12.0  # of the value of an order
UNSUBSCRIBE, UNSUBSCRIBE_MORE = 0.004, 0.005
MARGIN, EMAIL_COST = 0.40, 0.20  # of revenue; US dollars an e-mail with its voucher
BEFORE_DAYS = 182

RENT_PER_HOUR, RENT_LIFT, STAY_LIFT = 0.5, 0.15, 0.02
LOSES_HALF, LOSES_SLOPE, LOSES_MOST = 25.0, 0.15, 0.45  # hours a month; a share of those who view most


def email(customers: pd.DataFrame, orders: pd.DataFrame, truth: pd.DataFrame, seed: int = 66) -> Experiment:
    """An e-mail with a voucher to 70% of Harbor & Pine's customers; it makes orders 30% more frequent for 8 weeks.

    `customers` and `orders` are the tables of the company, `truth` its rates a customer. The value of an order has a
    heavy tail. The true effects are expected over the customers in the frame.
    """
    rng = np.random.default_rng(seed)
    people = _bought_before(customers, orders)
    latent = truth[truth["world"] == "broken"].set_index("customer_id").loc[people["customer_id"]]
    treated = split(rng, len(people), 1 - HOLD_OUT)
    usual = WEEKS * (latent["purchase_rate"] * latent["alive"]).to_numpy()
    mean_value = latent["mean_spend"].to_numpy() * (1 + BULK_SHARE * (BULK_FACTOR - 1))
    bought = rng.poisson(usual * (1 + MORE_ORDERS * treated))
    unsubscribing = UNSUBSCRIBE + UNSUBSCRIBE_MORE * treated
    people.insert(1, "arm", np.where(treated, "email", "control"))
    people.insert(2, "exposed_at", pd.Timestamp("2026-01-12").as_unit("us"))
    people = people.assign(
        orders=bought,
        revenue=_order_values(rng, bought, latent["mean_spend"].to_numpy()).round(2),
        unsubscribed=chance(rng, unsubscribing),
        opened=chance(rng, treated * logistic(np.log(usual + 0.05) + 1.0)),
        visits_after=rng.poisson(0.4 + 2 * bought + 0.8 * treated),
    )
    gain = MORE_ORDERS * float((usual * mean_value).mean())
    known = {
        "revenue_control": float((usual * mean_value).mean()),
        "revenue": gain,
        "orders": MORE_ORDERS * float(usual.mean()),
        "unsubscribed": UNSUBSCRIBE_MORE,
        "margin_rate": MARGIN,
        "margin": MARGIN * gain,
        "cost_per_customer": EMAIL_COST,
    }
    return Experiment("email", people, known)


def _bought_before(customers: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """What the log says of each customer in the half year before its end."""
    late = orders[orders["date"] > END + pd.Timedelta(days=1) - pd.Timedelta(days=BEFORE_DAYS)]
    by_customer = late.groupby("customer_id")
    placed = late[late["kind"] == "purchase"].groupby("customer_id")["order_id"].nunique()
    people = customers[["customer_id", "channel", "country", "newsletter"]].copy()
    people["orders_before"] = people["customer_id"].map(placed).fillna(0).astype(int)
    people["revenue_before"] = people["customer_id"].map(by_customer["amount"].sum()).fillna(0.0).round(2)
    return people


def _order_values(rng: np.random.Generator, bought: Array, mean_spend: Array) -> Array:
    """What each customer spends on so many orders; one order in 150 is a bulk order."""
    who = np.repeat(np.arange(len(bought)), bought)
    value = mean_spend[who] * np.exp(SPREAD * rng.standard_normal(len(who)) - SPREAD**2 / 2)
    value *= np.where(rng.random(len(who)) < BULK_SHARE, BULK_FACTOR, 1.0)
    return np.bincount(who, weights=value, minlength=len(bought))


def broken_split(customers: pd.DataFrame, usage: pd.DataFrame, truth: pd.DataFrame, seed: int = 65) -> Experiment:
    """An offer to half of Lumen's customers, shown on a page that redirects: many who view much are never logged.

    `customers` and `usage` are the tables of the company, `truth` its rates a customer. True effects are expected over
    all customers who were assigned, logged or not.
    """
    rng = np.random.default_rng(seed)
    people = _viewed_before(customers, usage, truth)
    hours, stays = people["hours_before"].to_numpy(), (1 - people.pop("cancel_probability").to_numpy()) ** 3
    treated = split(rng, len(people))
    rent = RENT_PER_HOUR * hours
    lost = treated & (rng.random(len(people)) < LOSES_MOST * logistic(LOSES_SLOPE * (hours - LOSES_HALF)))
    people.insert(1, "arm", np.where(treated, "offer", "control"))
    people.insert(2, "exposed_at", days(rng, "2026-01-05", "2026-01-18", len(people)))
    retained = chance(rng, stays + STAY_LIFT * 4 * stays * (1 - stays) * treated)
    spent = rng.gamma(2.0, rent * (1 + RENT_LIFT * treated) / 2)
    people = people.assign(
        retained=retained, rentals=spent.round(2), sessions_after=rng.poisson(2 + 0.5 * hours + treated)
    )
    known = {
        "rentals": float(RENT_LIFT * rent.mean()),
        "retained": float((STAY_LIFT * 4 * stays * (1 - stays)).mean()),
        "assigned_control": float((~treated).sum()),
        "assigned_offer": float(treated.sum()),
        "lost_offer": float(lost.sum()),
    }
    return Experiment("broken_split", people[~lost].reset_index(drop=True), known)


def _viewed_before(customers: pd.DataFrame, usage: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Who is a customer on the last day, with hours a month in the last quarter."""
    late = usage[usage["month"] >= "2025-10-01"].groupby("customer_id")["hours"].mean().round(1)
    here = truth.loc[truth["alive"], ["customer_id", "plan_now", "cancel_probability"]]
    people = here.rename(columns={"plan_now": "plan"}).merge(customers[["customer_id", "channel", "age_group"]])
    people["hours_before"] = people["customer_id"].map(late).fillna(0.0).clip(lower=0.1)
    return people[["customer_id", "plan", "channel", "age_group", "hours_before", "cancel_probability"]]
