"""The true value of each customer: expected, given what nobody sees, and as one future brought it."""

import numpy as np
import pandas as pd

from clvhelpers.simulate.harbor.clock import HORIZONS, SALE_DISCOUNT, Clock
from clvhelpers.simulate.harbor.orders import CONTACT_COST, CONTACTS_PER_ORDER, CONTACTS_PER_RETURN
from clvhelpers.simulate.harbor.people import margin_share, return_shares
from clvhelpers.simulate.harbor.purchases import expected_purchases

LINES_PER_ORDER = 1.7
GROSS_MARGIN = 0.42
"""What is left of revenue in the worlds that have no goods, "fits" and "mixed"."""


def per_order(people: pd.DataFrame, mix: np.ndarray) -> pd.DataFrame:
    """What an order leaves on average: `margin`, `margin_in_sale`, and `service_cost`, in USD."""
    sent_back = LINES_PER_ORDER * (mix * return_shares(people)).sum(axis=1)
    contacts = people["service_need"] * (CONTACTS_PER_ORDER + CONTACTS_PER_RETURN * sent_back)
    return pd.DataFrame(
        {
            "margin": people["mean_spend"] * margin_share(people, mix, 0.0),
            "margin_in_sale": people["mean_spend"] * margin_share(people, mix, SALE_DISCOUNT),
            "service_cost": CONTACT_COST * contacts,
        }
    )


def expectations(people: pd.DataFrame, clock: Clock, order: pd.DataFrame) -> pd.DataFrame:
    """Expected purchases, margin and cost to serve of each customer over each horizon after the end."""
    columns: dict[str, np.ndarray] = {}
    for name, days in HORIZONS.items():
        bought = expected_purchases(people, clock, days)
        columns[f"expected_purchases_{name}"] = bought.usual + bought.sale
        columns[f"expected_value_{name}"] = bought.usual * order["margin"] + bought.sale * order["margin_in_sale"]
        columns[f"expected_service_cost_{name}"] = (bought.usual + bought.sale) * order["service_cost"]
    return pd.DataFrame(columns, index=people.index)


def truth_table(people: pd.DataFrame, world: str, expected: pd.DataFrame, realised: pd.DataFrame) -> pd.DataFrame:
    """One row a customer of `world`: latent rates, `alive`, expectations, and what one future brought, rounded."""
    latent = ["purchase_rate", "dropout_probability", "mean_spend", "sale_response", "satisfaction"]
    latent += ["return_factor", "service_need", "alive"]
    table = people.reindex(columns=["customer_id", "kind_of_customer", *latent])
    table = pd.concat([table, expected, realised], axis=1)
    table.insert(1, "world", world)
    chances = ["purchase_rate", "dropout_probability"]
    table = table.round(dict.fromkeys(table.select_dtypes("float"), 6) | dict.fromkeys(chances, 10))
    return table.astype({"realised_purchases_12m": np.int64})
