"""Clusters of customers, with what tells whether they are more than cuts through a cloud.

A clustering always gives an answer, whatever the data. So each comes with four questions: do clusters stand
apart (silhouette), do they come again when other customers of the same kind are drawn (stability), is each
large enough to act on, and do they differ in what customers do afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from clvhelpers.customers import summary_frame, to_pandas
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.purchases import one_of
from clvhelpers.segments import points as grouping
from clvhelpers.segments.naming import cluster_names, name_order
from clvhelpers.segments.points import METHODS, Method, Points, Scale
from clvhelpers.segments.separation import explained_share
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

STRUCTURE_FLOOR, STABILITY_FLOOR, SHARE_FLOOR = 0.5, 0.8, 0.05
RESAMPLES = 20
MOST_CLUSTERS = 20
_WAYS: dict[Method, str] = {"kmeans": "K-means", "ward": "Ward's method"}


def rfm_features(summary: Any) -> pd.DataFrame:
    """Recency, frequency and money as features to cluster by, from the frame of `customer_summary` of any engine.

    By customer: `time_since_last` (since the last purchase day, in the summary's unit), `orders` (purchase
    days) and, where there is money, `total` (all money less refunds; where refunds are larger, it is below 0
    and `cluster_customers` says what to do).

    >>> from clvhelpers import customer_summary, load_cdnow
    >>> rfm_features(customer_summary(load_cdnow(), end="1998-06-30")).columns.tolist()
    ['time_since_last', 'orders', 'total']
    """
    found = summary_frame(summary, ["customer_id", "T", "recency", "orders"])
    money = ["total"] if "total" in found.collect_schema() else []
    since = (nw.col("T") - nw.col("recency")).alias("time_since_last")
    frame = to_pandas(found.select("customer_id", since, "orders", *money))
    return frame.sort_values("customer_id").set_index("customer_id")


@dataclass(frozen=True, eq=False)
class Clusters:
    """The answer of `cluster_customers`: `labels` by customer, `frame` with a row a cluster, and what it is worth.

    `centres` are the means of the clusters on the `scale` of the features; `assign` uses them.
    """

    labels: pd.Series
    frame: pd.DataFrame
    silhouette: float
    calinski_harabasz: float
    method: Method
    centres: pd.DataFrame
    scale: Scale

    @property
    def has_structure(self) -> bool:
        """Whether clusters stand apart: a silhouette of 0.5 or more (Kaufman & Rousseeuw 1990, chapter 2)."""
        return self.silhouette >= STRUCTURE_FLOOR

    def assign(self, features: pd.DataFrame) -> pd.Series:
        """Put other customers, or the same ones later, to the nearest of these centres, which stay as they are.

        `features` are like those of `cluster_customers`, in the same units. Raises `DataContractError` for
        values that can't be used and `ConfigError` for columns that are not there.
        """
        missing = [name for name in self.scale.columns if name not in features]
        if missing:
            raise ConfigError(f"the features lack {missing}; these clusters need {list(self.scale.columns)}")
        chosen = features[list(self.scale.columns)]
        grouping.check_values(chosen, self.scale.log)
        names = self.centres.index.to_numpy()
        return pd.Series(names[grouping.nearest(self.scale.apply(chosen), self.centres.to_numpy())], features.index)

    def sentence(self) -> str:
        """The largest cluster, and whether clusters stand apart, in words."""
        top = self.frame.iloc[int(self.frame["customers"].argmax())]
        return (
            f"{_WAYS[self.method]} makes {count(len(self.frame), 'cluster')}; the largest is "
            f"{top['cluster']!r} with {count(top['customers'], 'customer')}, {percent(top['share'], 0)} of all. "
            f"{structure_words(self.silhouette)}"
        )

    def plot(self) -> "Picture":
        """What each cluster has more or less of than the average customer."""
        from clvhelpers.plots.clusters import cluster_profile

        return cluster_profile(self)


def structure_words(silhouette: float) -> str:
    """What a silhouette says, in words.

    >>> structure_words(0.71)
    'The silhouette is 0.71: the clusters stand apart (0.50 or more).'
    """
    shown, floor = number(silhouette, 2), number(STRUCTURE_FLOOR, 2)
    if silhouette >= STRUCTURE_FLOOR:
        return f"The silhouette is {shown}: the clusters stand apart ({floor} or more)."
    return (
        f"The silhouette is {shown}: no strong structure (below {floor}), so they are cuts through a cloud "
        "and not kinds of people."
    )


def cluster_customers(
    features: pd.DataFrame,
    k: int,
    *,
    method: Method = "kmeans",
    log: bool = True,
    words: Mapping[str, tuple[str, str]] | None = None,
    seed: int = 0,
) -> Clusters:
    """Split customers into `k` clusters by their features, and name each by a rule.

    `features` has a row a customer and numeric columns of 0 or more, such as `rfm_features`. They are taken as
    log(1 + x), because money and orders are skewed and a few large customers would make clusters of their own,
    and each in standard deviations, so that no unit outweighs another; `log=False` takes them as they are.
    `method` is "kmeans" or "ward" (Ward 1963, JASA 58(301); beyond 2,000 customers the tree is made of 2,000
    drawn at random, and the others go to the nearest centre). Names come from `cluster_names`: no number, so
    they are the same in every run and for any order of the rows. `words` gives a low and a high word by feature.

    `frame`: `cluster, customers, share` and the median of each feature in its own unit, sorted by the last
    feature. `silhouette` is from 2,500 customers drawn at random where there are more.

    Raises `NotEnoughDataError` where all customers are equal, where fewer than `k` differ and where a cluster
    would be one customer; `DataContractError` for features that can't be used.

    >>> features = pd.DataFrame({"orders": [1, 1, 2, 40, 50, 45], "total": [20.0, 25, 30, 900, 1000, 950]})
    >>> found = cluster_customers(features, 2)
    >>> found.labels.tolist()[::5], found.has_structure
    (['Few orders, low spend', 'Many orders, high spend'], True)
    """
    one_of(method, METHODS, "method")
    found, scale = grouping.as_points(features, log)
    _check_number(k, found, "k")
    rows = grouping.split(found, [k], method, seed)[k]
    sizes = np.bincount(rows, found.counts, k).astype(int)
    if sizes.min() <= 1:
        raise NotEnoughDataError(_alone(features, rows[found.place], int(sizes.argmin()), k))
    centres = pd.DataFrame(grouping.centres_of(found, rows, k), columns=features.columns)
    names, order = cluster_names(centres, words), name_order(centres)
    labels = pd.Series(np.array(names, dtype=object)[rows[found.place]], features.index, name="cluster")
    return Clusters(
        labels,
        _cluster_frame(features, labels, [names[place] for place in order]),
        round(grouping.silhouettes(found, {k: rows}, seed)[k], 6),
        round(grouping.calinski_harabasz(found, rows), 6),
        method,
        centres.set_axis(pd.Index(names, name="cluster")).iloc[order],
        scale,
    )


def _cluster_frame(features: pd.DataFrame, labels: pd.Series, names: list[str]) -> pd.DataFrame:
    sizes = labels.value_counts().reindex(names)
    frame = pd.DataFrame({"cluster": names, "customers": sizes.to_numpy(), "share": sizes.to_numpy() / len(labels)})
    medians = features.groupby(labels).median().reindex(names)
    return frame.join(medians.reset_index(drop=True))


def _alone(features: pd.DataFrame, labels: np.ndarray, cluster: int, k: int) -> str:
    who = features[labels == cluster]
    if who.empty:
        return f"only {k - 1} of {k} clusters have customers in them: take fewer clusters"
    values = ", ".join(f"{name} {value:g}" for name, value in who.iloc[0].items())
    return (
        f"with k = {k} one cluster is a single customer, {who.index[0]!r} ({values}), which is no segment: take fewer "
        "clusters, keep log=True, or look after that customer by hand and leave them out"
    )


@dataclass(frozen=True, eq=False)
class ClusterChoice:
    """The answer of `choose_clusters`: `frame` with a row a number of clusters; `k` is the one to take, or None."""

    frame: pd.DataFrame
    k: int | None
    method: Method

    def sentence(self) -> str:
        """Which numbers of clusters may be used, which fits best, and whether the data ask for any."""
        good = self.frame.loc[self.frame["acceptable"], "k"].tolist()
        tried = f"{self.frame['k'].min()} to {self.frame['k'].max()} clusters"
        floors = f"stability of {number(STABILITY_FLOOR, 1)} and {percent(SHARE_FLOOR, 0)} of customers in the smallest"
        if self.k is None:
            return f"Of {tried} by {_WAYS[self.method]} none reaches a {floors}: don't cluster these customers so."
        best = float(self.frame.loc[self.frame["k"] == self.k, "silhouette"].iloc[0])
        words = f"Of {tried} by {_WAYS[self.method]}, {_listed(good)} reach{'es' if len(good) == 1 else ''} a {floors}"
        words += f"; {self.k} have the highest silhouette." if len(good) > 1 else "."
        more = " How many to use is your choice, not the data's." if best < STRUCTURE_FLOOR and len(good) > 1 else ""
        return f"{words} {structure_words(best)}{more}"

    def plot(self) -> "Picture":
        """Silhouette, stability and smallest share by the number of clusters, with their floors."""
        from clvhelpers.plots.clusters import cluster_choice

        return cluster_choice(self)


def choose_clusters(
    features: pd.DataFrame,
    ks: Sequence[int] = range(2, 9),
    *,
    method: Method = "kmeans",
    log: bool = True,
    future: pd.Series | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ClusterChoice:
    """How many clusters? Each number in `ks`, with what speaks for and against it.

    `frame`: `k, silhouette, calinski_harabasz` (Calinski & Harabasz 1974, Communications in Statistics 3(1)),
    `stability` and `lowest_stability` (mean and lowest adjusted Rand index, Hubert & Arabie 1985, between these
    clusters and those of `resamples` resampled customer bases), `smallest, smallest_share`, with `future`
    (money by customer in a time after the features) `explained`, the share of its variance between clusters
    (`explained_share`), then `acceptable`: stability of 0.8 or more and 5 % of customers in each cluster. `k` of
    the result is the acceptable one with the highest silhouette. Neither index alone is a reason: both can
    be highest where a few large customers are split off (reference: Online Retail, raw features, k = 2 has
    silhouette 0.886 and stability 0.518).

    Raises as `cluster_customers` does; a number that makes a cluster of one is not acceptable, and no error.

    >>> orders = [1, 2, 3, 2, 1, 30, 35, 41, 33, 37]
    >>> choose_clusters(pd.DataFrame({"orders": orders}), [2, 3], resamples=5).k
    2
    """
    one_of(method, METHODS, "method")
    found, _ = grouping.as_points(features, log)
    wanted = _check_numbers(ks, found, resamples)
    worth = None if future is None else _aligned(future, features)
    splits = grouping.split(found, wanted, method, seed)
    again = grouping.stability(found, splits, method, resamples, seed)
    silhouettes = grouping.silhouettes(found, splits, seed)
    rows = []
    for k, rows_of in splits.items():
        smallest = int(np.bincount(rows_of, found.counts, k).min())
        row = {"k": k, "silhouette": silhouettes[k], "calinski_harabasz": grouping.calinski_harabasz(found, rows_of)}
        row |= {"stability": again[k].mean(), "lowest_stability": again[k].min()}
        row |= {"smallest": smallest, "smallest_share": smallest / len(features)}
        if worth is not None:
            row["explained"] = explained_share(pd.Series(rows_of[found.place]), worth)
        rows.append(row)
    frame = pd.DataFrame(rows).round(6)
    frame["acceptable"] = (
        (frame["stability"] >= STABILITY_FLOOR) & (frame["smallest_share"] >= SHARE_FLOOR) & (frame["smallest"] > 1)
    )
    good = frame[frame["acceptable"] & frame["silhouette"].notna()]
    best = None if good.empty else int(good["k"].iloc[int(good["silhouette"].argmax())])
    return ClusterChoice(frame, best, method)


def cluster_agreement(labels: pd.Series, others: pd.Series) -> float:
    """The adjusted Rand index of two ways to split the same customers: 1 the same, 0 no more than by chance.

    Hubert & Arabie (1985), Journal of Classification 2. Names of the clusters play no part; both are by customer.

    >>> cluster_agreement(pd.Series(["a", "a", "b", "b"]), pd.Series(["x", "x", "y", "y"]))
    1.0
    """
    from sklearn.metrics import adjusted_rand_score

    if len(labels) != len(others) or set(labels.index) != set(others.index):
        raise ConfigError("the two are not about the same customers: give labels with the same index")
    return float(adjusted_rand_score(labels, others.reindex(labels.index)))


def _aligned(future: pd.Series, features: pd.DataFrame) -> pd.Series:
    worth = future.reindex(features.index).astype(float)
    missing = int(worth.isna().sum())
    if missing:
        raise ConfigError(f"{count(missing, 'customer')} without future value: give 0 to those who bring nothing")
    return worth


def _check_number(k: int, found: Points, name: str) -> None:
    customers, kinds = int(found.counts.sum()), len(found.rows)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 2 <= k <= MOST_CLUSTERS:
        raise ConfigError(f"{name} is {k!r}: give a whole number of clusters from 2 to {MOST_CLUSTERS}")
    if customers < k or kinds < k:
        raise NotEnoughDataError(
            f"{name} is {k}, and there are {count(customers, 'customer')} of whom {kinds} differ: "
            "take fewer clusters, or more customers"
        )


def _check_numbers(ks: Sequence[int], found: Points, resamples: int) -> list[int]:
    if resamples < 2:
        raise ConfigError(f"resamples is {resamples}: at least 2 are needed to say how stable clusters are")
    wanted = sorted({*ks})
    if not wanted:
        raise ConfigError("ks is empty: give the numbers of clusters to try, such as range(2, 9)")
    for k in wanted:
        _check_number(k, found, "a number in ks")
    return wanted


def _listed(numbers: list[int]) -> str:
    texts = [str(one) for one in numbers]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
