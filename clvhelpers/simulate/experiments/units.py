"""What all simulated experiments share: the drawing of units."""

import numpy as np
import pandas as pd

Array = np.ndarray


def ids(letters: str, number: int) -> list[str]:
    """Names of units: letters and five digits."""
    return [f"{letters}{place:05d}" for place in range(1, number + 1)]


def split(rng: np.random.Generator, number: int, share: float = 0.5) -> Array:
    """Who is treated: exactly `share` of the units, in random order."""
    return rng.permutation(np.arange(number) < round(share * number))


def days(rng: np.random.Generator, first: str, last: str, number: int) -> pd.DatetimeIndex:
    """Days drawn evenly from `first` to `last`, both included."""
    every = pd.date_range(first, last, unit="us")
    return every[rng.integers(0, len(every), number)]


def chance(rng: np.random.Generator, probability: Array) -> Array:
    """1 with each unit's probability, else 0."""
    return (rng.random(len(probability)) < probability).astype(int)


def logistic(score: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-score)))
