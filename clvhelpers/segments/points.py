"""Customers as points, and the two ways to split them: k-means and Ward's hierarchical clusters.

Equal customers are one point with a count, in a fixed order, so neither the order of the rows nor an
id can change a cluster, and equal customers are always together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from clvhelpers.errors import DataContractError, NotEnoughDataError
from clvhelpers.text import count
from clvhelpers.threads import one_thread

Method = Literal["kmeans", "ward"]
METHODS = ("kmeans", "ward")
STARTS = 5
ROWS_OF_A_TREE = 2000
ROWS_OF_A_RESAMPLE = 5000
ROWS_OF_A_SILHOUETTE = 2500
DIGITS = 10


@dataclass(frozen=True, eq=False)
class Scale:
    """How features become comparable: the logarithm of 1 + x (if `log`), less `mean`, over `sd`."""

    columns: tuple[str, ...]
    log: bool
    mean: np.ndarray
    sd: np.ndarray

    def apply(self, features: pd.DataFrame) -> np.ndarray:
        """The rows as multiples of a standard deviation from the mean."""
        return np.round((_levels(features[list(self.columns)], self.log) - self.mean) / self.sd, DIGITS)


@dataclass(frozen=True, eq=False)
class Points:
    """`rows` are the different customers, `counts` how many are alike, `place` the row of each customer."""

    rows: np.ndarray
    counts: np.ndarray
    place: np.ndarray

    def repeated(self, limit: int, rng: np.random.Generator) -> np.ndarray:
        """A row number for each customer, or for `limit` of them, drawn at random."""
        every = np.repeat(np.arange(len(self.rows)), self.counts)
        return every if len(every) <= limit else np.sort(rng.choice(every, limit, replace=False))


def as_points(features: pd.DataFrame, log: bool) -> tuple[Points, Scale]:
    """Check features, make them comparable, and merge equal customers."""
    _check(features, log)
    levels = _levels(features, log)
    scale = Scale(tuple(map(str, features.columns)), log, levels.mean(axis=0), levels.std(axis=0))
    rows, place, counts = np.unique(scale.apply(features), axis=0, return_inverse=True, return_counts=True)
    return Points(rows, counts, place.reshape(-1)), scale


def split(
    points: Points, ks: Sequence[int], method: Method, seed: int, counts: np.ndarray | None = None
) -> dict[int, np.ndarray]:
    """The cluster of each row of `points` for each number of clusters; `counts` in place of those of the points."""
    weights = points.counts if counts is None else counts
    if method == "kmeans":
        return {k: nearest(points.rows, _kmeans(points.rows, weights, k, seed)) for k in ks}
    return _ward(Points(points.rows, weights, points.place), ks, seed)


def centres_of(points: Points, labels: np.ndarray, k: int) -> np.ndarray:
    """The mean of each cluster."""
    return np.array(
        [np.average(points.rows[labels == c], axis=0, weights=points.counts[labels == c]) for c in range(k)]
    )


def nearest(rows: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The number of the nearest centre, for each row."""
    distances = ((rows[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    return distances.argmin(axis=1)


def _kmeans(rows: np.ndarray, counts: np.ndarray, k: int, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    drawn = counts > 0
    with one_thread():
        model = KMeans(min(k, int(drawn.sum())), n_init=STARTS, random_state=seed).fit(
            rows[drawn], sample_weight=counts[drawn]
        )
    return model.cluster_centers_


def _ward(points: Points, ks: Sequence[int], seed: int) -> dict[int, np.ndarray]:
    """Ward's tree of all customers, or of some drawn at random with the others put to the nearest centre."""
    from scipy.cluster.hierarchy import cut_tree, linkage

    chosen = points.repeated(ROWS_OF_A_TREE, np.random.default_rng(seed))
    tree = linkage(points.rows[chosen], method="ward")
    cuts = cut_tree(tree, [min(k, len(chosen)) for k in ks])
    found = {}
    for k, labels in zip(ks, cuts.T, strict=True):
        centres = np.array([points.rows[chosen][labels == c].mean(axis=0) for c in np.unique(labels)])
        found[k] = nearest(points.rows, centres)
        if len(chosen) == points.counts.sum():
            found[k][chosen] = labels
    return found


def stability(points: Points, splits: dict[int, np.ndarray], method: Method, resamples: int, seed: int) -> pd.DataFrame:
    """How far clusters of resampled customers agree with those of all: the adjusted Rand index, one row a resample.

    Each resample draws as many customers with replacement (5,000 where there are more), is split anew, and every
    customer is put to the nearest of its centres; 1 means the same clusters, 0 no more agreement than by chance.
    """
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(seed)
    shares, customers = points.counts / points.counts.sum(), min(int(points.counts.sum()), ROWS_OF_A_RESAMPLE)
    rows = []
    for _ in range(resamples):
        drawn = rng.multinomial(customers, shares)
        again = split(points, [*splits], method, int(rng.integers(2**31)), drawn)
        everybody = points.place
        rows.append({k: adjusted_rand_score(splits[k][everybody], again[k][everybody]) for k in splits})
    return pd.DataFrame(rows)


def silhouettes(points: Points, splits: dict[int, np.ndarray], seed: int) -> dict[int, float]:
    """The mean silhouette of each split, over all customers or over some drawn at random."""
    from sklearn.metrics import silhouette_score

    chosen = points.repeated(ROWS_OF_A_SILHOUETTE, np.random.default_rng(seed))
    found = {}
    for k, labels in splits.items():
        kinds = len(np.unique(labels[chosen]))
        found[k] = float(silhouette_score(points.rows[chosen], labels[chosen])) if 1 < kinds < len(chosen) else np.nan
    return found


def calinski_harabasz(points: Points, labels: np.ndarray) -> float:
    """Between-cluster over within-cluster variance, each per degree of freedom; no meaning for equal members."""
    from sklearn.metrics import calinski_harabasz_score

    return float(calinski_harabasz_score(points.rows[points.place], labels[points.place]))


def _levels(features: pd.DataFrame, log: bool) -> np.ndarray:
    values = features.to_numpy(dtype=float)
    return np.log1p(values) if log else values


def _check(features: pd.DataFrame, log: bool) -> None:
    if features.empty:
        raise NotEnoughDataError("there are no customers, or no features, to cluster; give a row a customer")
    kinds = [f"column {name!r} holds {features[name].dtype}, not numbers: leave it out, or code it as 0 and 1"
             for name in features if not pd.api.types.is_numeric_dtype(features[name])]  # fmt: skip
    if kinds:
        raise DataContractError(kinds)
    check_values(features, log)
    alike = [str(name) for name in features if features[name].nunique() == 1]
    if len(alike) == features.shape[1]:
        raise NotEnoughDataError(
            f"all {count(len(features), 'customer')} are equal in {', '.join(alike)}: there is nothing to tell them "
            "apart by; give other features"
        )
    if alike:
        raise DataContractError(
            [f"column {name!r} is the same for all customers and tells nobody apart: leave it out" for name in alike]
        )


def check_values(features: pd.DataFrame, log: bool) -> None:
    """Raise `DataContractError` with each column whose values can't be used."""
    problems = [problem for name in features for problem in _column_problems(features[name].astype(float), log)]
    if problems:
        raise DataContractError(problems)


def _column_problems(values: pd.Series, log: bool) -> list[str]:
    missing, negative = int((~np.isfinite(values)).sum()), int((values < 0).sum())
    problems = []
    if missing:
        problems.append(
            f"column {values.name!r} has {count(missing, 'value')} missing or infinite: fill them with a value that "
            "means something (0 orders is 0), or leave those customers out and say so"
        )
    if negative and log:
        lowest, who = values.min(), values.index[int(values.argmin())]
        problems.append(
            f"column {values.name!r} has {count(negative, 'value')} below 0 (customer {who!r}: {lowest:g}), "
            "and a logarithm needs 0 or more: give log=False, or set them to 0 with .clip(lower=0) and say so"
        )
    return problems
