"""How far segments differ in what customers bring afterwards: the test that a segment must pass to be of use.

The value must come from after the time at which customers were put into segments. Segments made from
the period in which they are compared differ in it by construction, which proves nothing.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.text import count, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

NOT_KNOWN = "not known"
Z_95 = 1.959963984540054


@dataclass(frozen=True, eq=False)
class Separation:
    """The answer of `compare_segmentations`: `frame` with a row a segmentation, best first; `possible`, see there."""

    frame: pd.DataFrame
    share: float
    possible: float
    customers: int

    def sentence(self) -> str:
        """What the best and the worst segmentation find, beside chance and perfect knowledge."""
        best, worst = self.frame.iloc[0], self.frame.iloc[-1]
        words = (
            f"The {percent(self.share, 0)} of customers in the best {best['segmentation']} segments hold "
            f"{percent(best['captured'], 0)} of what comes afterwards"
        )
        if len(self.frame) > 1:
            words += f", those in the best {worst['segmentation']} segments {percent(worst['captured'], 0)}"
        return (
            f"{words}; chance would give {percent(self.share, 0)}, and knowing the future {percent(self.possible, 0)}."
        )

    def plot(self) -> "Picture":
        """What each segmentation finds, beside chance and perfect knowledge."""
        from clvhelpers.plots.clusters import separation_bars

        return separation_bars(self)


def explained_share(labels: pd.Series, future: pd.Series) -> float:
    """The share of the variance of `future` that lies between segments, less what chance alone would give.

    1 - (1 - R²)(n - 1)/(n - segments), the epsilon squared of Kelley (1935), PNAS 21(9): 0 on average for
    segments that mean nothing, whatever their number, and 1 where all in a segment bring the same.

    >>> labels = pd.Series(["a", "a", "b", "b"])
    >>> explained_share(labels, pd.Series([1.0, 1.0, 5.0, 5.0]))
    1.0
    """
    values = future.to_numpy(dtype=float)
    codes = pd.factorize(labels)[0]
    n, kinds, whole = len(values), int(codes.max()) + 1, float(((values - values.mean()) ** 2).sum())
    if kinds < 2 or n <= kinds or whole == 0:
        return 0.0
    means = np.bincount(codes, values) / np.bincount(codes)
    within = float(((values - means[codes]) ** 2).sum())
    return 1 - within / whole * (n - 1) / (n - kinds)


def compare_segmentations(
    segmentations: pd.DataFrame, future: pd.Series, *, share: float = 0.2, seed: int = 0
) -> Separation:
    """Compare ways to segment the same customers by how far each tells apart what they bring afterwards.

    `segmentations` has a row a customer and a column a segmentation; a missing label is a segment of its own,
    "not known". `future` is money (or orders) by customer in a time after the segments were made, 0 for none.

    `frame`: `segmentation, segments, explained, captured, low, high, best_segment, best_mean, worst_segment,
    worst_mean`, by falling `captured`. `captured` is the plain measure: the share of all future value held by
    the `share` of customers who are in the best segments (of the last segment that still fits, a part at random).
    Which segments are best is learned on one half of the customers and tried on the other, and the other way
    round, so that many small segments can't win by luck. `low` and `high` are its 95 % interval (of a ratio
    of means, given the segments chosen). Chance gives `share`; `possible` is what the truly best would hold.

    Raises `DataContractError` for customers without future value or ids that occur twice,
    `NotEnoughDataError` where nothing comes afterwards.

    >>> who = pd.DataFrame({"channel": ["ad", "mail"] * 50, "coin": ["h", "h", "t", "t"] * 25})
    >>> found = compare_segmentations(who, pd.Series([1.0, 9.0] * 50), share=0.5)
    >>> found.frame["segmentation"].tolist(), found.frame["captured"].round(1).tolist(), found.possible
    (['channel', 'coin'], [0.9, 0.5], 0.9)
    """
    if not 0 < share < 1:
        raise ConfigError(f"share is {share}: give a fraction of the customers between 0 and 1, such as 0.2")
    worth = _future(segmentations, future)
    half = _halves(segmentations.index, seed)
    rows = [_row(str(name), _labels(segmentations[name]), worth, share, half) for name in segmentations]
    frame = pd.DataFrame(rows).sort_values(["captured", "segmentation"], ascending=[False, True], ignore_index=True)
    ranked = np.sort(worth.to_numpy())[::-1]
    possible = float(_weights(len(ranked), share) @ ranked / ranked.sum())
    return Separation(frame, share, possible, len(worth))


def _future(segmentations: pd.DataFrame, future: pd.Series) -> pd.Series:
    if segmentations.empty:
        raise NotEnoughDataError("there are no customers, or no segmentations, to compare")
    problems = []
    for what, index in (("segmentations", segmentations.index), ("future", future.index)):
        if not index.is_unique:
            again = index[index.duplicated()][0]
            problems.append(f"customer {again!r} occurs more than once in {what}: give one row a customer")
    if problems:
        raise DataContractError(problems)
    worth = future.reindex(segmentations.index).astype(float)
    missing = worth.index[~np.isfinite(worth)]
    if len(missing):
        raise DataContractError(
            f"{count(len(missing), 'customer')} without future value (the first: {missing[0]!r}): "
            "give 0 to those who bring nothing"
        )
    if worth.sum() <= 0:
        raise NotEnoughDataError("nothing comes afterwards from these customers, so there is no value to tell apart")
    return worth


def _labels(labels: pd.Series) -> pd.Series:
    return labels.astype(object).where(labels.notna(), NOT_KNOWN)


def _halves(index: pd.Index, seed: int) -> np.ndarray:
    """Which half each customer is in; drawn in the order of the ids, so that the order of rows plays no part."""
    drawn = np.empty(len(index), dtype=bool)
    drawn[np.argsort(index.to_numpy())] = np.random.default_rng(seed).permutation(np.arange(len(index)) % 2 == 0)
    return drawn


def _row(name: str, labels: pd.Series, worth: pd.Series, share: float, half: np.ndarray) -> dict[str, object]:
    means = worth.groupby(labels).mean().sort_values()
    chosen = np.zeros(len(worth))
    for fold in (half, ~half):
        chosen[fold] = _chosen(labels[fold], worth[~fold].groupby(labels[~fold]).mean(), worth.mean(), share)
    captured = float(chosen @ worth / worth.sum())
    error = float(np.std((chosen - captured) * worth / worth.mean()) / np.sqrt(len(worth)))
    return {
        "segmentation": name,
        "segments": len(means),
        "explained": explained_share(labels, worth),
        "captured": captured,
        "low": captured - Z_95 * error,
        "high": captured + Z_95 * error,
        "best_segment": str(means.index[-1]),
        "best_mean": float(means.iloc[-1]),
        "worst_segment": str(means.index[0]),
        "worst_mean": float(means.iloc[0]),
    }


def _chosen(labels: pd.Series, learned: pd.Series, otherwise: float, share: float) -> np.ndarray:
    """How much of each customer is chosen: all of the best segments, a part of the one where the room ends."""
    promise = labels.map(learned).astype(float).fillna(otherwise)
    sizes = promise.groupby(promise).size().sort_index(ascending=False)
    before = sizes.cumsum() - sizes
    room = (share * len(labels) - before).clip(0, sizes) / sizes
    return promise.map(room).to_numpy(dtype=float)


def _weights(customers: int, share: float) -> np.ndarray:
    """1 for each of the first `share` of customers in a ranked list, a part for the one where it ends."""
    return np.clip(share * customers - np.arange(customers), 0, 1)
