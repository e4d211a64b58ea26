"""Customers played by a model's own equations: the holdout summary of a base whose story is known."""

import numpy as np
import pandas as pd

from clvhelpers.models.purchase_model import PurchaseParameters


def played_split(equations: PurchaseParameters, customers: int, cut: float, end: float, seed: int = 0) -> pd.DataFrame:
    """Everybody first buys at time 0; the summary at `cut` and what came from then to `end`."""
    rng = np.random.default_rng(seed)
    new = np.zeros(customers)
    who, time, _ = equations.play(rng, new, new, end)
    stays = rng.random(customers) < equations.probability_alive(new, new, new)  # who did not leave at once
    who, time = who[stays[who]], time[stays[who]]
    early = time <= cut
    recency = np.zeros(customers)
    np.maximum.at(recency, who[early], time[early])
    before, after = (np.bincount(who[some], minlength=customers) for some in (early, ~early))
    return pd.DataFrame(
        {"frequency": before, "recency": recency, "T": cut, "holdout_frequency": after, "holdout_T": end - cut}
    )
