"""Names for clusters by a rule: what a cluster has more or less of than the average customer.

The number of a cluster changes from run to run, and a name that somebody thought of fits one run only.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

CLEAR = 0.4  # standard deviations from the mean of all customers
MIDDLE = "In the middle"
WORDS = {
    "time_since_last": ("recent", "long silent"),
    "orders": ("few orders", "many orders"),
    "total": ("low spend", "high spend"),
}


def cluster_names(centres: pd.DataFrame, words: Mapping[str, tuple[str, str]] | None = None) -> list[str]:
    """A name for each row of `centres`, the means of clusters in standard deviations from the mean of all.

    Each feature that lies `CLEAR` or more from the mean gives its word: the low or the high one of `words`
    (default: those of `rfm_features`, else "low x" and "high x"). Clusters that then share a name are told
    apart by their rank in the feature in which they differ most. The order of the rows plays no part.

    >>> cluster_names(pd.DataFrame({"time_since_last": [-0.9, 1.1, 0.1], "total": [1.2, -0.1, 0.0]}))
    ['Recent, high spend', 'Long silent', 'In the middle']
    >>> cluster_names(pd.DataFrame({"total": [0.5, 2.0]}))
    ['High spend (lowest total)', 'High spend (highest total)']
    """
    known = WORDS | dict(words or {})
    names = np.array([_name(row, known) for _, row in centres.iterrows()], dtype=object)
    for name in np.unique(names):
        alike = np.flatnonzero(names == name)
        if len(alike) > 1:
            same = centres.iloc[alike]
            feature = str((same.max() - same.min()).idxmax())
            ranks = same[feature].rank(ascending=False, method="first").astype(int)
            said = feature.replace("_", " ")
            names[alike] = [f"{name} ({_place(rank, len(alike), said)})" for rank in ranks]
    return names.tolist()


def _place(rank: int, of: int, feature: str) -> str:
    ends = {1: f"highest {feature}", of: f"lowest {feature}"}
    return ends.get(rank, f"{feature} {rank} of {of}")


def _name(centre: pd.Series, words: Mapping[str, tuple[str, str]]) -> str:
    parts = []
    for feature, z in centre.items():
        plain = str(feature).replace("_", " ")
        low, high = words.get(str(feature), (f"low {plain}", f"high {plain}"))
        if abs(z) >= CLEAR:
            parts.append(low if z < 0 else high)
    joined = ", ".join(parts)
    return joined[:1].upper() + joined[1:] if joined else MIDDLE


def name_order(centres: pd.DataFrame) -> list[int]:
    """The clusters from the highest to the lowest mean of the last feature, then the one before it."""
    values = centres.to_numpy()
    return [int(place) for place in np.lexsort(values.T)[::-1]]
