"""How far what customers will really bring may lie from what is expected: predictive intervals.

Each of many possible futures takes parameters from the posteriors of both models, for they are not known exactly,
and then plays the model's story for each customer: still there or not, a rate, a last purchase, amounts. What comes
about lies in the middle 90% of futures with 90% probability, if the model is right; a simulation in
`benchmarks/coverage.py` shows how often it does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from clvhelpers.errors import ConfigError, DataContractError, FormulaError, NotEnoughDataError
from clvhelpers.models.frames import collapse
from clvhelpers.models.futures import MOST_SIMULATED, Past, draw_parameters, in_own_order, play, play_base
from clvhelpers.models.gamma_gamma import GammaGammaModel
from clvhelpers.models.purchase_model import PurchaseModel
from clvhelpers.models.value import COLUMNS, Terms, customers_with_spend, lifetime_value, terms_of
from clvhelpers.text import percent

Array = np.ndarray
EXACT: Literal["weibull"] = "weibull"  # one more future, as likely as these, lies below the k-th of n with k / (n + 1)


@dataclass(frozen=True, eq=False)
class BaseValue:
    """What a base of customers is worth over the horizon, in money (margin and discount included).

    `mean` and `total` are the model's expectation (of a customer, of all), `median` that of the
    customer in the middle. The intervals hold the mean and total that will really come about, with
    probability `level` if the model is right: they allow for parameters that are not known exactly
    and for chance in what each customer does. `frame` has one row a simulated future, with `total`
    and `mean`.
    """

    mean: float
    median: float
    total: float
    mean_interval: tuple[float, float]
    total_interval: tuple[float, float]
    frame: pd.DataFrame = field(repr=False)
    level: float
    customers: int
    horizon_months: int

    def sentence(self) -> str:
        """The answer in words; money is in the units of the data."""
        low, high = self.total_interval
        return (
            f"The {self.customers:,} customers are expected to bring {self.total:,.0f} in the next "
            f"{self.horizon_months} months, {self.mean:,.2f} each; with {self.level:.0%} probability, if the model is "
            f"right, between {low:,.0f} and {high:,.0f}."
        )


@dataclass(frozen=True, eq=False)
class SegmentValues:
    """What the segments of a base are worth over the horizon, in money (margin and discount included).

    `frame` has one row a segment: `segment`, `customers`, the expected `total` and `mean` of a customer, and the
    ends of the intervals that hold what will really come about with probability `level`: `total_low`, `total_high`,
    `mean_low`, `mean_high`. `futures` has one row a simulated future and the total of each segment in it: all
    segments have the same parameters in one future, so differences of them can be told.
    """

    frame: pd.DataFrame
    futures: pd.DataFrame = field(repr=False)
    level: float
    horizon_months: int

    def difference(self, segment: Any, other: Any) -> "SegmentDifference":
        """How much more a customer of `segment` will bring than one of `other`, on average."""
        names = self.frame["segment"].tolist()
        unknown = [name for name in (segment, other) if name not in names]
        if unknown:
            raise ConfigError(f"there is no segment {unknown[0]!r}: expected one of {', '.join(map(repr, names))}")
        means = self.futures.to_numpy() / self.frame["customers"].to_numpy()
        one, two = names.index(segment), names.index(other)
        futures = means[:, one] - means[:, two]
        low, high = _middle(futures, self.level)
        mean = float(np.subtract(*self.frame["mean"].to_numpy()[[one, two]]))
        return SegmentDifference(segment, other, mean, (low, high), float((futures > 0).mean()), self.level)

    def sentence(self) -> str:
        """Which segment brings most a customer, in words."""
        best = self.frame.nlargest(1, "mean").iloc[0]
        return (
            f"Of {len(self.frame)} segments, customers of {best['segment']} bring most in the next "
            f"{self.horizon_months} months: {best['mean']:,.2f} each; with {percent(self.level, 0)} probability, if "
            f"the model is right, between {best['mean_low']:,.2f} and {best['mean_high']:,.2f}."
        )


@dataclass(frozen=True, eq=False)
class SegmentDifference:
    """How much more a customer of one segment will bring than one of another, on average, with its interval."""

    segment: Any
    other: Any
    mean: float
    interval: tuple[float, float]
    probability_above: float
    level: float

    def sentence(self) -> str:
        """The difference in words."""
        low, high = self.interval
        more = "more" if self.mean >= 0 else "less"
        return (
            f"A customer of {self.segment} is expected to bring {abs(self.mean):,.2f} {more} than one of {self.other}; "
            f"with {percent(self.level, 0)} probability, if the model is right, the difference lies between "
            f"{low:,.2f} and {high:,.2f}, and it is above 0 with {percent(self.probability_above, 0)}."
        )


def base_value(
    model: PurchaseModel,
    spend_model: GammaGammaModel,
    summary: Any,
    horizon_months: int = 12,
    discount_rate: float = 0.10,
    margin: float = 1.0,
    draws: int = 400,
    seed: int = 0,
    level: float = 0.90,
) -> BaseValue:
    """The value of all customers of a summary with predictive intervals; `segment_values` has those of its parts.

    Of more than 5,000 customers a random 5,000 are played: their luck is scaled to the base (it grows with
    the square root of the number), and the rest is expectation under the same parameters.

    Other arguments as in `lifetime_value`, with a horizon that ends; `level` between 0 and 1. One `seed` gives one
    answer.

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> model, spend_model = BetaGeoModel().fit(summary), GammaGammaModel().fit(summary)
    >>> base = base_value(model, spend_model, summary, margin=0.3, draws=100)
    >>> f"{base.total:,.0f}", base.total_interval[0] < base.total < base.total_interval[1]
    ('21,721', True)
    """
    values = lifetime_value(model, spend_model, summary, horizon_months, discount_rate, margin)
    terms = _checked_terms(model, horizon_months, discount_rate, margin, level)
    rows = in_own_order(customers_with_spend(model, summary))
    totals = play_base(model, spend_model, [rows], terms, draws, seed)[:, 0]
    low, high = _middle(totals, level)
    number = len(rows)
    return BaseValue(
        mean=float(values.mean()),
        median=float(values.median()),
        total=float(values.sum()),
        mean_interval=(low / number, high / number),
        total_interval=(low, high),
        frame=pd.DataFrame({"total": totals, "mean": totals / number}).rename_axis("draw"),
        level=level,
        customers=number,
        horizon_months=horizon_months,
    )


def segment_values(
    model: PurchaseModel,
    spend_model: GammaGammaModel,
    summary: pd.DataFrame,
    segments: str | pd.Series | Sequence[Any],
    horizon_months: int = 12,
    discount_rate: float = 0.10,
    margin: float = 1.0,
    *,
    draws: int = 400,
    seed: int = 0,
    level: float = 0.90,
) -> SegmentValues:
    """The value of each segment of a base with predictive intervals, and of their differences.

    `segments` is a column of the summary or one label a row. Other arguments as of `base_value`. Raises
    DataContractError for customers without a segment.

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> models = BetaGeoModel().fit(summary), GammaGammaModel().fit(summary)
    >>> again = summary["frequency"].gt(0).map({True: "again", False: "once"})
    >>> found = segment_values(*models, summary, again, margin=0.3, draws=100)
    >>> found.frame[["segment", "customers", "total"]].round(0).values.tolist()
    [['again', 946, 17601.0], ['once', 1411, 4120.0]]
    >>> difference = found.difference("again", "once")
    >>> round(difference.mean, 2), difference.probability_above
    (15.69, 1.0)
    """
    terms = _checked_terms(model, horizon_months, discount_rate, margin, level)
    labels = _labels(summary, segments)
    values = lifetime_value(model, spend_model, summary, horizon_months, discount_rate, margin)
    rows = customers_with_spend(model, summary)
    names = sorted(pd.unique(labels), key=str)
    parts = [in_own_order(rows[labels == name]) for name in names] or [in_own_order(rows)]
    futures = play_base(model, spend_model, parts, terms, draws, seed)
    low, high = np.array([_middle(column, level) for column in futures.T]).T
    customers = np.array([len(part) for part in parts])
    total = np.array([values.to_numpy()[labels == name].sum() for name in names])
    frame = pd.DataFrame({"segment": names, "customers": customers, "total": total})
    frame = frame.assign(
        total_low=low, total_high=high, mean=total / customers, mean_low=low / customers, mean_high=high / customers
    )
    return SegmentValues(frame, pd.DataFrame(futures, columns=names).rename_axis("draw"), level, horizon_months)


def customer_intervals(
    model: PurchaseModel,
    spend_model: GammaGammaModel,
    summary: Any,
    horizon_months: int = 12,
    discount_rate: float = 0.10,
    margin: float = 1.0,
    *,
    draws: int = 200,
    seed: int = 0,
    level: float = 0.90,
) -> pd.DataFrame:
    """What each customer will really bring, as an interval: `low` and `high` in money, a row for each row of `summary`.

    The terms are those of `lifetime_value`, the possible futures those of `base_value`: parameters that are
    not known exactly, and chance in what one customer does, which is nearly all of it. The profit comes to lie
    in the interval with probability `level`, if the model is right. Both tails are cut alike, unless nothing at
    all is likely enough to be the low end: then the interval begins at 0 and only the upper tail is cut.
    Customers with the same past have the same interval.

    Raises what `base_value` raises.

    >>> from clvhelpers import BetaGeoModel, GammaGammaModel, customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> models = BetaGeoModel().fit(summary), GammaGammaModel().fit(summary)
    >>> found = customer_intervals(*models, summary.nlargest(2, "frequency"), margin=0.3)
    >>> bool((0 < found["low"]).all()), bool((found["low"] < found["high"]).all())
    (True, True)
    """
    terms = _checked_terms(model, horizon_months, discount_rate, margin, level)
    rows = customers_with_spend(model, summary)
    if rows.empty:
        raise NotEnoughDataError("the summary has no customers, so there is nobody to value")
    distinct, place = collapse(rows.fillna({"monetary_value": 0.0}), [*COLUMNS, "kind"])
    pairs, rng = draw_parameters(model, spend_model, draws, seed)
    bounds = []
    for start in range(0, len(distinct), MOST_SIMULATED):
        some = distinct.iloc[start : start + MOST_SIMULATED]
        totals = np.empty((draws, len(some)))
        kinds = [(int(str(kind)), np.flatnonzero(some["kind"] == kind)) for kind in some["kind"].unique()]
        parts = [(kind, which, Past.of(some.iloc[which])) for kind, which in kinds]
        for draw, (parameters, spend) in enumerate(pairs):
            for kind, which, past in parts:
                who, amounts = play(rng, model.equations_of(kind, parameters), spend, past, terms)
                totals[draw, which] = terms.margin * np.bincount(who, amounts, len(which))
        bounds.append(_bounds(totals, level))
    low, high = np.concatenate(bounds, axis=1)[:, place]
    return pd.DataFrame({"low": low, "high": high}, index=rows.index)


def _bounds(totals: Array, level: float) -> Array:
    """The low and the high end for each column; totals are 0 or more, and often 0."""
    low, one_sided, high = np.quantile(totals, [(1 - level) / 2, level, (1 + level) / 2], axis=0, method=EXACT)
    return np.array([low, np.where(low > 0, high, one_sided)])


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise FormulaError(f"level is {level}: expected a probability between 0 and 1, such as 0.90")


def _middle(futures: Array, level: float) -> tuple[float, float]:
    low, high = np.quantile(futures, [(1 - level) / 2, (1 + level) / 2], method=EXACT).tolist()
    return low, high


def _checked_terms(
    model: PurchaseModel, horizon_months: int | None, discount_rate: float, margin: float, level: float
) -> Terms:
    _check_level(level)
    if horizon_months is None:
        raise FormulaError("an interval needs a horizon that ends: give horizon_months, such as 12 or 60")
    return terms_of(model, horizon_months, discount_rate, margin)


def _labels(summary: pd.DataFrame, segments: str | pd.Series | Sequence[Any]) -> Array:
    if isinstance(segments, str):
        if segments not in summary:
            raise DataContractError(f"the summary has no column {segments!r} for the segments")
        segments = summary[segments]
    labels = pd.Series(np.asarray(segments, dtype=object))
    if len(labels) != len(summary):
        raise DataContractError(f"segments has {len(labels)} labels: expected one for each of {len(summary)} customers")
    if labels.isna().any():
        missing = int(labels.isna().sum())
        raise DataContractError(f"{missing:,} customers have no segment: give them one of their own, such as 'none'")
    return labels.to_numpy()
