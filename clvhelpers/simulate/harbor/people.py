"""Who the customers of Harbor & Pine are, and how that bears on what they do.

Of the columns that an analyst sees, household size, both attitudes, the newsletter and the channel
matter, and age for what is bought. Country and gender do not matter at all.
"""

import numpy as np
import pandas as pd

from clvhelpers.simulate.harbor.clock import Clock
from clvhelpers.simulate.harbor.marketing import CHANNELS
from clvhelpers.simulate.harbor.purchases import SMALLEST_DROPOUT

CATEGORIES = ("clothing", "electronics", "books")
COST_SHARE = np.array([0.46, 0.72, 0.60])
"""Cost of goods as a share of the list price, by category."""
RETURNED = np.array([0.20, 0.08, 0.03])
"""How often a line is sent back by the usual customer, by category."""
RESOLD = 0.90
"""The share of its cost that a returned line keeps."""
AGES = ("18-24", "25-34", "35-49", "50-64", "65+")
TASTES = np.array([[5, 3, 1], [4, 3, 1.5], [3.5, 3, 2], [3, 2, 3], [2, 1.5, 4]])
"""How much the age groups buy of each category, relative to one another."""

PACE, SPREAD = 0.065, 0.7
"""Mean and gamma shape of purchases a week, before what is known of a customer."""
BASKET = 80.0
"""US dollars of the usual order, before what is known of a customer."""


def describe(rng: np.random.Generator, arrivals: pd.DataFrame) -> pd.DataFrame:
    """The arrivals with the columns an analyst sees: demographics, attitudes, newsletter."""
    number = len(arrivals)
    digits = len(str(number))
    return arrivals.assign(
        customer_id=[f"H{place:0{digits}d}" for place in range(1, number + 1)],
        country=rng.choice(["US", "CA", "GB"], number, p=[0.72, 0.18, 0.10]),
        age_group=rng.choice(AGES, number, p=[0.14, 0.27, 0.31, 0.20, 0.08]),
        gender=rng.choice(["female", "male", "not stated"], number, p=[0.53, 0.41, 0.06]),
        household_size=1 + rng.binomial(5, 0.3, number),
        style_attitude=1 + rng.binomial(4, 0.5, number),
        price_attitude=1 + rng.binomial(4, 0.55, number),
        newsletter=rng.random(number) < np.where(arrivals["channel"] == "email", 1.0, 0.35),
    )


def latent(rng: np.random.Generator, people: pd.DataFrame, clock: Clock) -> pd.DataFrame:
    """What nobody sees: the rates by which each customer buys, leaves, spends, returns and asks for help."""
    number, years = len(people), people["day"].to_numpy() / 365.25
    channel = pd.DataFrame({name: vars(one) for name, one in CHANNELS.items()}).T.loc[people["channel"]]
    size, style, price = (people[name].to_numpy() for name in ("household_size", "style_attitude", "price_attitude"))
    satisfaction = rng.normal(0, 1, number)
    fading = channel["fading"].to_numpy() * years
    rate = rng.gamma(SPREAD, PACE / SPREAD, number) * channel["pace"].to_numpy() * np.exp(-fading)
    rate *= (1 + 0.08 * (size - 2.5)) * np.where(people["newsletter"], 1.2, 1.0)
    share = rng.beta(1.3, 5.5, number)
    odds = np.log(share / (1 - share)) + channel["leaving"].to_numpy() + fading - 0.5 * satisfaction
    odds += 0.4 * clock.sale[people["day"]]
    basket = BASKET * 2.74 / rng.gamma(3.74, 1.0, number) * channel["basket"].to_numpy() * (rate / PACE) ** 0.2
    basket *= (1 + 0.08 * (style - 3)) * (1 - 0.06 * (price - 3))
    return pd.DataFrame(
        {
            "purchase_rate": rate,
            "dropout_probability": np.clip(1 / (1 + np.exp(-odds)), SMALLEST_DROPOUT, 1),
            "mean_spend": np.clip(basket, 8, 900),
            "sale_response": 1.3 + 0.3 * (price - 1),
            "satisfaction": satisfaction,
            "return_factor": np.minimum(rng.gamma(2.0, 0.5, number), 4.0),
            "service_need": rng.gamma(0.6, 1 / 0.6, number),
        }
    )


def tastes(rng: np.random.Generator, people: pd.DataFrame) -> np.ndarray:
    """Each customer's share of clothing, electronics and books among the lines, one row a customer."""
    usual = TASTES[[AGES.index(age) for age in people["age_group"]]]
    draws = rng.gamma(usual)
    return draws / draws.sum(axis=1, keepdims=True)


def return_shares(people: pd.DataFrame) -> np.ndarray:
    """How often each customer sends a line of each category back."""
    return np.minimum(people["return_factor"].to_numpy()[:, None] * RETURNED, 0.8)


def margin_share(people: pd.DataFrame, mix: np.ndarray, discount: float) -> np.ndarray:
    """The part of an order's list price that is left on average after discount, returns and goods."""
    back = return_shares(people)
    return (mix * ((1 - back) * (1 - discount) - COST_SHARE * (1 - RESOLD * back))).sum(axis=1)


def referrers(rng: np.random.Generator, people: pd.DataFrame) -> list[str | None]:
    """Who brought each customer of the channel referral: an earlier one, the happier the likelier."""
    eager, ids = np.exp(0.8 * people["satisfaction"].to_numpy()), people["customer_id"].to_numpy()
    weight, before = np.cumsum(eager), np.searchsorted(people["day"], people["day"], side="left")
    found: list[str | None] = [None] * len(people)
    for place in np.flatnonzero((people["channel"] == "referral") & (before > 0)):
        found[place] = ids[np.searchsorted(weight, rng.random() * weight[before[place] - 1])]
    return found
