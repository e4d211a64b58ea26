"""Two smaller companies beside Harbor & Pine: one as the models want it, one with kinds of customers they don't know.

In both every day is like every other, and what an order is worth has nothing to do with how often one comes.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from clvhelpers.errors import FormulaError
from clvhelpers.purchases import one_of
from clvhelpers.simulate.harbor.clock import DAYS, HORIZONS, START, steady
from clvhelpers.simulate.harbor.purchases import SMALLEST_DROPOUT, repeat_days, still_alive
from clvhelpers.simulate.harbor.truth import GROSS_MARGIN, expectations, truth_table


class Kind(NamedTuple):
    """A kind of customer: its share, and the parameters of the BG/NBD and Gamma-Gamma models that it follows.

    Purchases a week are gamma(shape, rate), dropout probabilities beta(a, b), mean order values p x v / gamma(q).
    """

    share: float
    purchase: tuple[float, float]
    dropout: tuple[float, float]
    spend: tuple[float, float, float]


WORLDS = {
    "fits": {"one kind": Kind(1.0, (0.7, 10.8), (1.3, 5.5), (6.25, 3.74, 29.8))},
    "mixed": {
        "regular": Kind(0.25, (6.0, 40.0), (1.5, 40.0), (6.25, 8.0, 67.0)),
        "now and then": Kind(0.35, (2.0, 60.0), (1.0, 6.0), (6.25, 8.0, 90.0)),
        "bargain hunter": Kind(0.25, (4.0, 20.0), (4.0, 5.0), (6.25, 8.0, 39.0)),
        "gift": Kind(0.15, (1.0, 400.0), (5.0, 5.0), (6.25, 8.0, 123.0)),
    },
}


class World(NamedTuple):
    """`orders`: `customer_id`, `date`, `amount`, one row an order; `truth` as in `truth_table`."""

    orders: pd.DataFrame
    truth: pd.DataFrame


def world(name: str, customers: int, seed: int) -> World:
    """The world "fits" or "mixed" with so many customers, who come evenly over the three years.

    Raises ConfigError for another name and FormulaError for fewer than one customer.

    >>> world("fits", customers=50, seed=1).truth.iloc[0][["customer_id", "kind_of_customer"]].tolist()
    ['F01', 'one kind']
    """
    if one_of(name, WORLDS, "world") and customers < 1:
        raise FormulaError(f"customers is {customers}: a company needs at least 1")
    rng, clock, until = np.random.default_rng(seed), steady(), DAYS + HORIZONS["12m"]
    people = _people(rng, name, customers)
    first_day = np.sort(rng.integers(0, DAYS, customers))
    repeats = repeat_days(rng, people, first_day, clock, until)
    people["alive"] = still_alive(repeats, customers, DAYS)
    who, day = np.r_[np.arange(customers), repeats.customer], np.r_[first_day, repeats.time]
    steadiness, mean = people["steadiness"].to_numpy()[who], people["mean_spend"].to_numpy()[who]
    amount = np.maximum(rng.gamma(steadiness, mean / steadiness).round(2), 0.01)
    future = day >= DAYS
    realised = pd.DataFrame(
        {
            "realised_purchases_12m": np.bincount(who[future], minlength=customers),
            "realised_value_12m": GROSS_MARGIN * np.bincount(who[future], amount[future], minlength=customers),
        }
    )
    each = pd.DataFrame({"margin": GROSS_MARGIN * people["mean_spend"], "margin_in_sale": 0.0, "service_cost": 0.0})
    date = START + pd.to_timedelta(day, unit="D")
    log = pd.DataFrame({"customer_id": people["customer_id"].to_numpy()[who], "date": date, "amount": amount})
    seen = log[~future].sort_values(["date", "customer_id"], kind="stable", ignore_index=True)
    return World(seen, truth_table(people, name, expectations(people, clock, each), realised))


def _people(rng: np.random.Generator, name: str, customers: int) -> pd.DataFrame:
    """The latent rates of each customer, and the kind it is of."""
    kinds = WORLDS[name]
    place = rng.choice(len(kinds), customers, p=[kind.share for kind in kinds.values()])
    purchase, dropout, spend = (np.array([kind[part] for kind in kinds.values()])[place].T for part in (1, 2, 3))
    digits = len(str(customers))
    return pd.DataFrame(
        {
            "customer_id": [f"{name[0].upper()}{number:0{digits}d}" for number in range(1, customers + 1)],
            "kind_of_customer": np.array(list(kinds))[place],
            "purchase_rate": rng.gamma(purchase[0], 1 / purchase[1]),
            "dropout_probability": np.maximum(rng.beta(*dropout), SMALLEST_DROPOUT),
            "mean_spend": spend[0] * spend[2] / rng.gamma(spend[1], 1.0),
            "steadiness": spend[0],
            "sale_response": 1.0,
        }
    )
