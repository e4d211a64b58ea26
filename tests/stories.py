"""Customers who live the stories of the models, event by event: the truth against which fits are held."""

import numpy as np
import pandas as pd

Array = np.ndarray


def beta_geo(
    parameters: dict[str, float], customers: int, seed: int, *, future: float = 52.0, at_once: bool = False
) -> pd.DataFrame:
    """BG/NBD; with `at_once` MBG/NBD, where the first purchase is a chance to leave too. Parameters may be arrays."""
    rng = np.random.default_rng(seed)
    rate = np.maximum(rng.gamma(parameters["r"], 1 / parameters["alpha"] * np.ones(customers)), 1e-12)
    chance = rng.beta(parameters["a"] * np.ones(customers), parameters["b"])
    gone = np.where(at_once & (rng.random(customers) < chance), 0.0, np.inf)
    return _bought(rng, rate, chance, gone, future)


def pareto(parameters: dict[str, float], customers: int, seed: int, *, future: float = 52.0) -> pd.DataFrame:
    """Pareto/NBD."""
    rng = np.random.default_rng(seed)
    rate = np.maximum(rng.gamma(parameters["r"], 1 / parameters["alpha"] * np.ones(customers)), 1e-12)
    leaving = np.maximum(rng.gamma(parameters["s"], 1 / parameters["beta"] * np.ones(customers)), 1e-12)
    return _bought(rng, rate, np.zeros(customers), rng.exponential(1 / leaving), future)


def donors(parameters: dict[str, float], customers: int, seed: int, *, future: int = 5) -> pd.DataFrame:
    """BG/BB: 4 to 8 opportunities so far."""
    rng = np.random.default_rng(seed)
    buys = rng.beta(parameters["alpha"], parameters["beta"] * np.ones(customers))
    leaves = rng.beta(parameters["gamma"] * np.ones(customers), parameters["delta"])
    T = rng.integers(4, 9, customers)
    x, recency, later, alive = np.zeros((4, customers))
    there = np.ones(customers, dtype=bool)
    for opportunity in range(1, int(T.max()) + future + 1):
        there &= rng.random(customers) >= leaves
        bought = there & (rng.random(customers) < buys)
        known = opportunity <= T
        x += bought & known
        recency = np.where(bought & known, opportunity, recency)
        later += bought & ~known & (opportunity <= T + future)
        alive = np.where(opportunity == T, there, alive)
    return pd.DataFrame({"frequency": x, "recency": recency, "T": T, "alive": alive > 0, "later": later})


def _bought(rng: np.random.Generator, rate: Array, chance: Array, gone: Array, future: float) -> pd.DataFrame:
    """Purchase after purchase, until nobody buys any more before T (26 to 78 weeks) and `future` are over."""
    T = rng.integers(26, 79, len(rate)).astype(float)
    clock, x, recency, later = np.zeros((4, len(rate)))
    gone = gone.copy()
    active = np.arange(len(rate))
    while len(active):
        clock[active] += rng.exponential(1 / rate[active])
        active = active[clock[active] < np.minimum(gone[active], T[active] + future)]
        early = active[clock[active] <= T[active]]
        x[early] += 1
        recency[early] = clock[early]
        later[active[clock[active] > T[active]]] += 1
        leaves = active[rng.random(len(active)) < chance[active]]
        gone[leaves] = clock[leaves]
    return pd.DataFrame({"frequency": x, "recency": recency, "T": T, "alive": gone > T, "later": later})
