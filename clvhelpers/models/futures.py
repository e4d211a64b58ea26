"""Possible futures of a base of customers, played one by one: the story of a model, with each one's past taken in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from clvhelpers.errors import NotEnoughDataError
from clvhelpers.models.frames import collapse, merge_nearby, merge_rows
from clvhelpers.models.gamma_gamma import GammaGammaModel, GammaGammaParameters, expected_spend
from clvhelpers.models.purchase_model import PurchaseModel, PurchaseParameters
from clvhelpers.models.value import COLUMNS, Terms

Array = np.ndarray
MOST_SIMULATED = 5_000
MERGE_STEPS = 20


def in_own_order(rows: pd.DataFrame) -> pd.DataFrame:
    """In an order of their own, so that the order of a summary does not matter."""
    if rows.empty:
        raise NotEnoughDataError("the summary has no customers, so there is no base to value")
    return rows.sort_values([*COLUMNS, "kind"], ignore_index=True)


class Past(NamedTuple):
    """What is known of customers, one element each, as arrays: they are looked at once for each future."""

    frequency: Array
    recency: Array
    T: Array
    mean: Array

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Self:
        return cls(*(rows[name].to_numpy() for name in COLUMNS))


@dataclass(frozen=True)
class _Part:
    """Customers of one kind in one segment: those who are played, and the expectation of the rest.

    The luck of the played is multiplied by `luck`; `rest` has weighted rows whose expectation makes up for those who
    are not played.
    """

    segment: int
    kind: int
    played: Past
    luck: float
    rest: "_Weighted | None"


@dataclass(frozen=True)
class _Weighted:
    """Merged customers with weights, and the distinct frequency and T on which purchases depend."""

    past: Past
    weight: Array
    distinct: tuple[Array, Array]
    place: Array

    def total(self, equations: PurchaseParameters, spend: GammaGammaParameters, terms: Terms) -> float:
        x, recency, T, mean = self.past
        purchases = terms.purchases(equations, *self.distinct, rough=True)[self.place]
        worth = equations.probability_alive(x, recency, T) * expected_spend(spend, x, mean)
        return float(terms.margin * np.einsum("i,i,i->", self.weight, worth, purchases))


def play_base(
    model: PurchaseModel,
    spend_model: GammaGammaModel,
    segments: Sequence[pd.DataFrame],
    terms: Terms,
    draws: int,
    seed: int,
) -> Array:
    """The total of each segment (a column) in each possible future (a row)."""
    pairs, rng = draw_parameters(model, spend_model, draws, seed)
    parts = [part for place, rows in enumerate(segments) for part in _parts(place, rows, rng)]
    totals = np.zeros((draws, len(segments)))
    for draw, (parameters, spend) in enumerate(pairs):
        for part in parts:
            equations = model.equations_of(part.kind, parameters)
            total = part.luck * terms.margin * float(play(rng, equations, spend, part.played, terms)[1].sum())
            if part.rest is not None:
                total += part.rest.total(equations, spend, terms)
            totals[draw, part.segment] += total
    return totals


def _parts(segment: int, rows: pd.DataFrame, rng: np.random.Generator) -> list[_Part]:
    if len(rows) <= MOST_SIMULATED:
        return [_Part(segment, int(str(kind)), Past.of(some), 1.0, None) for kind, some in rows.groupby("kind")]
    sample = rows.iloc[np.sort(rng.choice(len(rows), MOST_SIMULATED, replace=False))]
    luck = float(np.sqrt(len(rows) / len(sample)))
    played = dict(list(sample.groupby("kind")))
    return [
        _Part(segment, int(str(kind)), Past.of(some), luck, _remainder(everybody, some, luck))
        for kind, everybody in rows.groupby("kind")
        for some in [played.get(kind, everybody.head(0))]
    ]


def _remainder(rows: pd.DataFrame, sample: pd.DataFrame, luck: float) -> _Weighted:
    """Merged rows whose weighted sum is the base's expectation less `luck` times the sample's.

    Expected spend is linear in the monetary value, so merging loses nothing there.
    """
    parts = [(rows, 1.0), (sample, -luck)]
    merged = [merge_nearby(some.assign(weight=1.0), MERGE_STEPS).assign(sign=sign) for some, sign in parts if len(some)]
    both = pd.concat(merged, ignore_index=True)
    both["weight"] *= both.pop("sign")
    keys = both[["frequency"]].assign(T=np.floor(both["T"] / both["T"].max() * MERGE_STEPS))
    distinct = merge_rows(both[["frequency", "T"]].assign(weight=both["weight"].abs()), keys)
    x_and_T = distinct["frequency"].to_numpy(), distinct["T"].to_numpy()
    return _Weighted(Past.of(both), both["weight"].to_numpy(), x_and_T, collapse(keys, ["frequency", "T"])[1])


def draw_parameters(
    model: PurchaseModel, spend_model: GammaGammaModel, draws: int, seed: int
) -> tuple[list[tuple[Array, GammaGammaParameters]], np.random.Generator]:
    """The parameters of each possible future, and the generator of what happens in it."""
    first, second, third = np.random.SeedSequence(seed).generate_state(3)
    purchases = model.posterior(draws, int(first)).frame.to_numpy()
    amounts = spend_model.posterior(draws, int(second)).frame.itertuples(index=False, name=None)
    pairs = [(one, GammaGammaParameters(*other)) for one, other in zip(purchases, amounts, strict=True)]
    return pairs, np.random.default_rng(third)


def play(
    rng: np.random.Generator,
    equations: PurchaseParameters,
    spend: GammaGammaParameters,
    past: Past,
    terms: Terms,
) -> tuple[Array, Array]:
    """One possible future: for each purchase in it the place of its customer, and its revenue in money of today.

    It is the model's story with each customer's own past taken in.
    """
    p, q, v = spend
    x, recency, T, mean = past
    there = rng.random(len(x)) < equations.probability_alive(x, recency, T)
    x, T, mean = x[there], T[there], mean[there]
    bought = equations.play(rng, x, T, terms.ends[-1])
    nu = rng.gamma(q + p * x) / (v + np.where(x > 0, x * mean, 0.0))
    period = np.searchsorted(terms.ends, bought.time)
    amounts = rng.gamma(p, 1 / nu[bought.customer]) * terms.discounts[np.minimum(period, len(terms.ends) - 1)]
    return np.flatnonzero(there)[bought.customer], amounts
