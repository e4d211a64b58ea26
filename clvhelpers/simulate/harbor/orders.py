"""The orders of Harbor & Pine line by line, what is sent back, what help is asked for, and what people say."""

import numpy as np
import pandas as pd

from clvhelpers.simulate.harbor.clock import DAYS, SALE_DISCOUNT, START
from clvhelpers.simulate.harbor.people import CATEGORIES, COST_SHARE, RESOLD, return_shares

STEADINESS = 6.25
"""Shape of the gamma distribution of a customer's order values around their mean."""
CONTACT_COST = 6.50
CONTACTS_PER_ORDER, CONTACTS_PER_RETURN = 0.10, 0.50
HOURS = np.array([1, 1, 2, 3, 4, 5, 5, 4, 4, 4, 4, 5, 6, 7, 7, 5, 2]) / 69
"""How orders spread over the hours from 7 to 23; nobody orders in the night."""
SECOND = np.timedelta64(1, "s")


def lines(
    rng: np.random.Generator, people: pd.DataFrame, mix: np.ndarray, who: np.ndarray, day: np.ndarray, sale: np.ndarray
) -> pd.DataFrame:
    """One row a line bought: `order` (place of the order), `who`, `date`, what it was and what it brought."""
    value = rng.gamma(STEADINESS, people["mean_spend"].to_numpy()[who] / STEADINESS)
    moment = _moments(rng, day)
    order = np.repeat(np.arange(len(who)), 1 + rng.binomial(2, 0.35, len(who)))
    part = rng.gamma(2.0, 1.0, len(order))
    part /= np.bincount(order, part)[order]
    category = (rng.random(len(order))[:, None] > np.cumsum(mix[who[order]], axis=1)[:, :-1]).sum(axis=1)
    quantity = 1 + np.minimum(rng.poisson(0.25, len(order)), 3)
    unit_price = np.maximum((value[order] * part / quantity).round(2), 0.50)
    listed = unit_price * quantity
    discount = (listed * SALE_DISCOUNT * sale[order]).round(2)
    return pd.DataFrame(
        {
            "order": order,
            "who": who[order],
            "date": moment[order],
            "category": np.array(CATEGORIES)[category],
            "quantity": quantity,
            "unit_price": unit_price,
            "discount": discount,
            "amount": (listed - discount).round(2),
            "cost": (listed * COST_SHARE[category] * rng.normal(1, 0.03, len(order))).round(2),
            "kind": "purchase",
            "promotion": sale[order],
        }
    )


def returns(rng: np.random.Generator, people: pd.DataFrame, bought: pd.DataFrame) -> pd.DataFrame:
    """The lines that are sent back, 3 to 20 days later: money and quantity with a minus, most of the cost too."""
    place = [CATEGORIES.index(name) for name in bought["category"]]
    share = return_shares(people)[bought["who"], place]
    back = bought[rng.random(len(bought)) < share].reset_index(drop=True)
    day = (back["date"].dt.normalize() - START).dt.days.to_numpy() + rng.integers(3, 21, len(back))
    minus = {name: -back[name] for name in ("quantity", "discount", "amount")}
    return back.assign(date=_moments(rng, day), cost=(-RESOLD * back["cost"]).round(2), kind="return", **minus)


def service(rng: np.random.Generator, people: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    """One row an order: `order`, `who`, `date` of asking for help, and how many `contacts` it took, 0 for most."""
    orders = log[log["kind"] == "purchase"].groupby("order", as_index=False)[["who", "date", "order_id"]].first()
    sent_back = log.loc[log["kind"] == "return", "order"].value_counts().reindex(orders["order"], fill_value=0)
    usual = CONTACTS_PER_ORDER + CONTACTS_PER_RETURN * sent_back.to_numpy()
    contacts = rng.poisson(people["service_need"].to_numpy()[orders["who"]] * usual)
    return orders.assign(contacts=contacts, date=orders["date"] + pd.Timedelta(days=2))


def satisfaction(rng: np.random.Generator, people: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    """Answers of 0 to 10 to one order in eight: how content the customer is at heart, and whether a line went back."""
    orders = log[log["kind"] == "purchase"].groupby("order", as_index=False)[["who", "date", "order_id"]].first()
    asked = orders[rng.random(len(orders)) < 0.125].reset_index(drop=True)
    sent_back = asked["order"].isin(log.loc[log["kind"] == "return", "order"])
    mood = 7.6 + 1.4 * people["satisfaction"].to_numpy()[asked["who"]] - 1.8 * sent_back
    score = np.clip((mood + rng.normal(0, 1.2, len(asked))).round(), 0, 10).astype(np.int64)
    day = asked["date"].dt.normalize() + pd.to_timedelta(rng.integers(1, 6, len(asked)), unit="D")
    return asked.assign(date=day, score=score)


def outside_spend(rng: np.random.Generator, people: pd.DataFrame, log: pd.DataFrame, asked: int) -> pd.DataFrame:
    """What a sample of customers spends in a year on these goods with all shops, ours included."""
    paid = log.assign(year=log["date"].dt.year).groupby(["who", "year"])["amount"].sum()
    parts = []
    for year in (START.year + 1, START.year + 2):
        known = np.flatnonzero(people["day"] < (pd.Timestamp(year, 1, 1) - START).days)
        who = np.sort(rng.choice(known, min(asked, len(known)), replace=False))
        ours = paid.reindex(pd.MultiIndex.from_product([who, [year]]), fill_value=0.0).to_numpy().clip(min=0)
        elsewhere = rng.gamma(1.5, 400.0, len(who))
        parts.append(pd.DataFrame({"who": who, "year": year, "category_spend": (ours + elsewhere).round(2)}))
    return pd.concat(parts, ignore_index=True)


def _moments(rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    hour = 7 + rng.choice(len(HOURS), len(day), p=HOURS)
    second = rng.integers(0, 3600, len(day))
    return START.to_datetime64().astype("datetime64[s]") + (day * 86_400 + hour * 3600 + second) * SECOND


def in_the_log(frame: pd.DataFrame) -> pd.Series:
    """Which rows happened by the end of the last day."""
    return frame["date"] < START + pd.Timedelta(days=DAYS)
