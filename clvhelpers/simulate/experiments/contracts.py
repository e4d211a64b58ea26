"""Price and message, two by two: a half-year contract ends, and the customer renews it or does not.

Effects are in points of the renewal rate, so they add up as a factorial design says, but for the interaction.
"""

import numpy as np
import pandas as pd

from clvhelpers.datasets import Experiment
from clvhelpers.simulate.experiments.newcomers import PLANS, PRICES, SHARES
from clvhelpers.simulate.experiments.units import Array, chance, days, ids

UNITS = 12_000
CONTRACT, REDUCED = 6, 0.90  # months; of the price, where it is reduced
PRICE_EFFECT = {"Basic": 0.08, "Standard": 0.03, "Premium": 0.0}  # points of renewal, with the plain message
MESSAGE_EFFECT, BOTH = 0.03, 0.05  # points of renewal; on top where both are there
ARMS = np.array(["control", "message", "price", "both"])


def price_and_message(seed: int = 63) -> Experiment:
    """Four arms of the same size; the truth is expected over the customers in the frame.

    >>> shown = price_and_message()
    >>> shown.frame["arm"].value_counts().tolist(), round(shown.truth["renewed_interaction"], 2)
    ([3000, 3000, 3000, 3000], 0.05)
    """
    rng = np.random.default_rng(seed)
    cell = rng.permutation(np.arange(UNITS) % 4)
    price, message = cell // 2, cell % 2
    people = _people(rng, cell)
    usual = _usual(people)
    probability = usual + _gain(people, price, message)
    renewed = chance(rng, probability)
    people = people.assign(
        renewed=renewed,
        revenue=(renewed * _worth(people, price)).round(2),
        opened=chance(rng, 0.35 + 0.15 * message),
        visits_after=rng.poisson(1 + 3 * probability + 0.5 * renewed),
    )
    return Experiment("price_and_message", people, _truth(people, usual))


def _people(rng: np.random.Generator, cell: Array) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": ids("IE", UNITS),
            "arm": ARMS[cell],
            "reduced_price": cell // 2,
            "personal_message": cell % 2,
            "exposed_at": np.sort(days(rng, "2025-09-01", "2025-09-30", UNITS)),
            "plan": rng.choice(PLANS, UNITS, p=SHARES),
            "channel": rng.choice(["web", "mobile", "tv"], UNITS, p=[0.45, 0.35, 0.20]),
            "age_group": rng.choice(["18-24", "25-34", "35-49", "50-64", "65+"], UNITS),
            "hours_before": (12 * rng.gamma(1.5, 1 / 1.5, UNITS)).round(1),
        }
    )


def _usual(people: pd.DataFrame) -> Array:
    """The probability to renew at the list price with the plain message."""
    plan = people["plan"].map({"Basic": 0.38, "Standard": 0.44, "Premium": 0.50})
    channel = people["channel"].map({"web": 0.0, "mobile": -0.05, "tv": 0.05})
    return np.asarray(plan + channel + 0.006 * (people["hours_before"].clip(upper=30) - 10))


def _gain(people: pd.DataFrame, price: Array | int, message: Array | int) -> Array:
    effect = people["plan"].map(PRICE_EFFECT).to_numpy()
    return np.asarray(effect * price + MESSAGE_EFFECT * message + BOTH * price * message)


def _worth(people: pd.DataFrame, price: Array | int) -> Array:
    """Revenue of a contract that is renewed."""
    return np.asarray(CONTRACT * people["plan"].map(PRICES).to_numpy() * (1 - (1 - REDUCED) * price))


def _truth(people: pd.DataFrame, usual: Array) -> dict[str, float]:
    truth: dict[str, float] = {}
    renewal = {cell: usual + _gain(people, *cell) for cell in ((0, 0), (0, 1), (1, 0), (1, 1))}
    revenue = {cell: rate * _worth(people, cell[0]) for cell, rate in renewal.items()}
    for outcome, by_cell in (("renewed", renewal), ("revenue", revenue)):
        control, message, price, both = (float(by_cell[cell].mean()) for cell in by_cell)
        truth |= {
            f"{outcome}_control": control,
            f"{outcome}_message": message - control,
            f"{outcome}_price": price - control,
            f"{outcome}_both": both - control,
            f"{outcome}_interaction": both - price - message + control,
            f"{outcome}_message_marginal": (message - control + both - price) / 2,
            f"{outcome}_price_marginal": (price - control + both - message) / 2,
        }
    for plan, effect in PRICE_EFFECT.items():
        truth[f"renewed_price_marginal_{plan}"] = effect + BOTH / 2
    return truth
