"""When customers buy, and how often they are expected to: the heart of all three worlds.

A customer alive buys on day d with the intensity `purchase_rate` / 7 x pace of d, times their
`sale_response` while a sale is on, and leaves after each repeat purchase with `dropout_probability`.
Counted in usual days that a customer has lived through, U, this is the BG/NBD process, so
with rate λ and probability p a customer alive makes (exp(-pλU₁) - exp(-pλU₂)) / p purchases between
U₁ and U₂ on average, whatever the season.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from clvhelpers.simulate.harbor.clock import Clock
from clvhelpers.simulate.shop import Repeats, first_of_each

SMALLEST_DROPOUT = 1e-6


class Expected(NamedTuple):
    """Purchases expected of each customer outside and within the sales."""

    usual: np.ndarray
    sale: np.ndarray


def expected_purchases(people: pd.DataFrame, clock: Clock, days: int) -> Expected:
    """What each customer buys on average in `days` after the end, by the formula above; 0 for one who has left."""
    busy, sale = clock.runs(days)
    rate, dropout = (people[name].to_numpy() for name in ("purchase_rate", "dropout_probability"))
    lived = np.where(sale, people["sale_response"].to_numpy()[:, None], 1.0) * busy
    passed = np.cumsum(np.insert(lived, 0, 0, axis=1), axis=1)
    still = np.exp(-(rate * dropout / 7)[:, None] * passed)
    bought = -np.diff(still, axis=1) / dropout[:, None] * people["alive"].to_numpy()[:, None]
    return Expected(bought[:, ~sale].sum(axis=1), bought[:, sale].sum(axis=1))


def repeat_days(
    rng: np.random.Generator, people: pd.DataFrame, first_day: np.ndarray, clock: Clock, until: int
) -> Repeats:
    """The days of all repeat purchases before day `until`, and whether each was the customer's last ever.

    Candidates come at the busiest day's intensity, and each is kept with the share that its own day has of it.
    """
    rate, response = people["purchase_rate"].to_numpy() / 7, people["sale_response"].to_numpy()
    busiest = np.maximum(clock.pace[:until].max(), (clock.pace * clock.sale)[:until].max() * response)
    who = np.repeat(np.arange(len(people)), rng.poisson(rate * busiest * np.maximum(until - 1 - first_day, 0)))
    day = first_day[who] + 1 + rng.integers(0, np.maximum(until - 1 - first_day, 1)[who])
    intensity = clock.pace[day] * np.where(clock.sale[day], response[who], 1.0)
    kept = rng.random(len(who)) * busiest[who] < intensity
    lifetime = rng.geometric(people["dropout_probability"].to_numpy())
    return first_of_each(who[kept], day[kept], lifetime)


def still_alive(repeats: Repeats, customers: int, day: int) -> np.ndarray:
    """Whether each customer is alive at the start of `day`: nobody leaves but after a repeat purchase."""
    left = repeats.customer[repeats.last & (repeats.time < day)]
    return ~np.isin(np.arange(customers), left)
