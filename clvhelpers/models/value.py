"""What customers are worth in the months to come: for each of them, and for the whole base with an interval."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.errors import FormulaError, NotEnoughDataError
from clvhelpers.formulas import convert_rate
from clvhelpers.models.beta_geo import (
    COARSE,
    FINE,
    BetaGeoModel,
    BetaGeoParameters,
    merge_nearby,
    probability_alive,
    purchases_if_alive,
)
from clvhelpers.models.frames import check_purchases, collapse, merge_rows, read_rows
from clvhelpers.models.gamma_gamma import GammaGammaModel, GammaGammaParameters, check_spend, expected_spend
from clvhelpers.simulate import repeat_purchases

Array = np.ndarray
COLUMNS = ("frequency", "recency", "T", "monetary_value")
MOST_SIMULATED = 5_000
MERGE_STEPS = 20


@dataclass(frozen=True)
class Terms:
    """The months ahead in a model's unit: when each ends, what money is then worth, and the margin."""

    ends: Array
    discounts: Array
    margin: float

    @property
    def steps(self) -> Array:
        """Weights of expected purchases by each month's end that sum to discounted purchases.

        Sum of d_m (E_m - E_(m-1)) is the sum of (d_m - d_(m+1)) E_m, with d = 0 after the last month.
        """
        return self.discounts - np.append(self.discounts[1:], 0.0)


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


def lifetime_value(
    model: BetaGeoModel,
    spend_model: GammaGammaModel,
    summary: Any,
    horizon_months: int = 12,
    discount_rate: float = 0.10,
    margin: float = 1.0,
) -> pd.Series:
    """Expected profit of each customer in the months after their T: margin x spend x discounted purchases.

    `discount_rate` is per year and compounds (0.10 is 10%), `margin` a fraction of revenue. A month
    has 365.25 / 12 days. Purchases of a month count as made on its last day: an amount comes half a
    month earlier on average, so this is careful by some 0.4% at 10% a year. Formula: Fader, Hardie &
    Lee (2005), "RFM and CLV", Journal of Marketing Research 42(4), equation 2, over a finite horizon.

    Raises FormulaError for a horizon, discount or margin that has no meaning.

    >>> from clvhelpers import customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> model, spend_model = BetaGeoModel().fit(summary), GammaGammaModel().fit(summary)
    >>> value = lifetime_value(model, spend_model, summary, horizon_months=12, margin=0.3)
    >>> value.round(2).head(3).tolist()
    [11.02, 2.56, 1.41]
    """
    parameters, spend = model.beta_geo_parameters, spend_model.gamma_gamma_parameters
    return value_under(parameters, spend, summary, horizon_months, discount_rate, margin, unit=model.unit)


def value_under(
    parameters: BetaGeoParameters,
    spend: GammaGammaParameters,
    summary: Any,
    horizon_months: int = 12,
    discount_rate: float = 0.10,
    margin: float = 1.0,
    *,
    unit: str = "W",
) -> pd.Series:
    """`lifetime_value` under parameters that are given: those of another time, or of a what-if.

    Rates of `parameters` are per `unit`, which is that of the summary's recency and T.

    >>> from clvhelpers import customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> parameters, spend = BetaGeoParameters(0.243, 4.414, 0.793, 2.426), GammaGammaParameters(6.25, 3.74, 15.44)
    >>> value_under(parameters, spend, summary, margin=0.3).round(1).head(3).tolist()
    [11.0, 2.6, 1.4]
    """
    terms = _terms(unit, horizon_months, discount_rate, margin)
    rows = _customers(summary)
    return pd.Series(_exactly(rows).expected_value(parameters, spend, terms, FINE), rows.index, name="clv")


def base_value(
    model: BetaGeoModel,
    spend_model: GammaGammaModel,
    summary: Any,
    horizon_months: int = 12,
    discount_rate: float = 0.10,
    margin: float = 1.0,
    draws: int = 400,
    seed: int = 0,
    level: float = 0.90,
) -> BaseValue:
    """The value of all customers of a summary (a base, or a segment of it) with predictive intervals.

    Each of `draws` futures takes parameters from the posteriors of both models and then plays the
    model's story for each customer: still there or not, a rate, a last purchase, amounts. Of more
    than 5,000 customers a random 5,000 are played: their luck is scaled to the base (it grows with
    the square root of the number), and the rest is expectation under the same parameters.

    Other arguments as in `lifetime_value`; `level` between 0 and 1. One `seed` gives one answer.

    >>> from clvhelpers import customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> model, spend_model = BetaGeoModel().fit(summary), GammaGammaModel().fit(summary)
    >>> base = base_value(model, spend_model, summary, margin=0.3, draws=100)
    >>> f"{base.total:,.0f}", base.total_interval[0] < base.total < base.total_interval[1]
    ('21,721', True)
    """
    _check_level(level)
    terms = _terms(model.unit, horizon_months, discount_rate, margin)
    values = lifetime_value(model, spend_model, summary, horizon_months, discount_rate, margin)
    rows = _customers(summary).sort_values(list(COLUMNS), ignore_index=True)
    number = len(rows)
    if not number:
        raise NotEnoughDataError("the summary has no customers, so there is no base to value")
    totals = _simulated_totals(model, spend_model, rows, terms, draws, seed)
    low, high = np.quantile(totals, [(1 - level) / 2, (1 + level) / 2]).tolist()
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


def customer_intervals(
    model: BetaGeoModel,
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
    terms = _terms(model.unit, horizon_months, discount_rate, margin)
    _check_level(level)
    rows = _customers(summary)
    if rows.empty:
        raise NotEnoughDataError("the summary has no customers, so there is nobody to value")
    distinct, place = collapse(rows.fillna({"monetary_value": 0.0}), list(COLUMNS))
    pairs, rng = _draw_parameters(model, spend_model, draws, seed)
    bounds = []
    for start in range(0, len(distinct), MOST_SIMULATED):
        some = distinct.iloc[start : start + MOST_SIMULATED]
        totals = np.empty((draws, len(some)))
        for draw, pair in enumerate(pairs):
            who, amounts = _play(rng, *pair, some, terms)
            totals[draw] = terms.margin * np.bincount(who, amounts, len(some))
        bounds.append(_bounds(totals, level))
    low, high = np.concatenate(bounds, axis=1)[:, place]
    return pd.DataFrame({"low": low, "high": high}, index=rows.index)


def _bounds(totals: Array, level: float) -> Array:
    """The low and the high end for each column; totals are 0 or more, and often 0."""
    low, one_sided, high = np.quantile(totals, [(1 - level) / 2, level, (1 + level) / 2], axis=0)
    return np.array([low, np.where(low > 0, high, one_sided)])


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise FormulaError(f"level is {level}: expected a probability between 0 and 1, such as 0.90")


def _terms(unit: str, horizon_months: int, discount_rate: float, margin: float) -> Terms:
    problems = []
    if horizon_months < 1 or horizon_months % 1:
        problems.append(f"horizon_months is {horizon_months}: expected a whole number of months, 1 or more")
    if not 0 <= discount_rate <= 1:
        problems.append(f"discount_rate is {discount_rate}: expected a rate per year from 0 to 1; 10% is 0.10")
    if not 0 < margin <= 1:
        problems.append(f"margin is {margin}: expected a share of revenue above 0, and 1 at most; 30% is 0.30")
    if problems:
        raise FormulaError(problems)
    months = np.arange(1, int(horizon_months) + 1)
    monthly = convert_rate(discount_rate, "Y", "M")
    return Terms(months * DAYS_PER_UNIT["M"] / DAYS_PER_UNIT[unit], (1 + monthly) ** -months, margin)


def _customers(summary: Any) -> pd.DataFrame:
    rows = read_rows(summary, COLUMNS)
    check_purchases(rows[["frequency", "recency", "T"]])
    check_spend(rows)
    return rows


@dataclass(frozen=True)
class _Base:
    """Customers, or merged rows of them, with the distinct frequency and T on which purchases depend."""

    rows: pd.DataFrame
    distinct: pd.DataFrame
    place: Array

    def expected_value(
        self, parameters: BetaGeoParameters, spend: GammaGammaParameters, terms: Terms, step: float
    ) -> Array:
        x, T = self.distinct["frequency"].to_numpy(), self.distinct["T"].to_numpy()
        purchases = purchases_if_alive(parameters, x, T, terms.ends, terms.steps, step)[self.place]
        alive = probability_alive(parameters, self.rows).to_numpy()
        amount = expected_spend(spend, self.rows["frequency"].to_numpy(), self.rows["monetary_value"].to_numpy())
        return terms.margin * alive * purchases * amount


def _exactly(rows: pd.DataFrame) -> _Base:
    return _Base(rows, *collapse(rows, ["frequency", "T"]))


def _remainder(rows: pd.DataFrame, sample: pd.DataFrame, luck: float) -> _Base:
    """Merged rows whose weighted sum is the base's expectation less `luck` times the sample's.

    Expected spend is linear in the monetary value, so merging loses nothing there.
    """
    base, played = (merge_nearby(part.assign(weight=1.0), MERGE_STEPS) for part in (rows, sample))
    both = pd.concat([base, played.assign(weight=-luck * played["weight"])], ignore_index=True)
    keys = both[["frequency"]].assign(T=np.floor(both["T"] / both["T"].max() * MERGE_STEPS))
    distinct = merge_rows(both[["frequency", "T"]].assign(weight=both["weight"].abs()), keys)
    return _Base(both, distinct, collapse(keys, ["frequency", "T"])[1])


def _simulated_totals(
    model: BetaGeoModel, spend_model: GammaGammaModel, rows: pd.DataFrame, terms: Terms, draws: int, seed: int
) -> Array:
    """One total of the base for each draw of the parameters."""
    pairs, rng = _draw_parameters(model, spend_model, draws, seed)
    if len(rows) <= MOST_SIMULATED:
        return np.array([_simulate(rng, *pair, rows, terms) for pair in pairs])
    sample = rows.iloc[np.sort(rng.choice(len(rows), MOST_SIMULATED, replace=False))]
    luck = float(np.sqrt(len(rows) / len(sample)))
    rest = _remainder(rows, sample, luck)
    weight = rest.rows["weight"].to_numpy()
    return np.array(
        [
            luck * _simulate(rng, *pair, sample, terms)
            + np.einsum("i,i->", weight, rest.expected_value(*pair, terms, COARSE))
            for pair in pairs
        ]
    )


def _draw_parameters(
    model: BetaGeoModel, spend_model: GammaGammaModel, draws: int, seed: int
) -> tuple[list[tuple[BetaGeoParameters, GammaGammaParameters]], np.random.Generator]:
    """The parameters of each possible future, and the generator of what happens in it."""
    first, second, third = np.random.SeedSequence(seed).generate_state(3)
    both = zip(
        model.posterior(draws, int(first)).frame.itertuples(index=False, name=None),
        spend_model.posterior(draws, int(second)).frame.itertuples(index=False, name=None),
        strict=True,
    )
    pairs = [(BetaGeoParameters(*one), GammaGammaParameters(*other)) for one, other in both]
    return pairs, np.random.default_rng(third)


def _simulate(
    rng: np.random.Generator,
    parameters: BetaGeoParameters,
    spend: GammaGammaParameters,
    rows: pd.DataFrame,
    terms: Terms,
) -> float:
    """The total of one possible future."""
    return float(terms.margin * _play(rng, parameters, spend, rows, terms)[1].sum())


def _play(
    rng: np.random.Generator,
    parameters: BetaGeoParameters,
    spend: GammaGammaParameters,
    rows: pd.DataFrame,
    terms: Terms,
) -> tuple[Array, Array]:
    """One possible future: for each purchase in it the place of its customer, and its revenue in money of today.

    It is the model's story with each customer's own past taken in.
    """
    r, alpha, a, b = parameters
    p, q, v = spend
    x, T, mean = (rows[name].to_numpy() for name in ("frequency", "T", "monetary_value"))
    there = rng.random(len(rows)) < probability_alive(parameters, rows).to_numpy()
    x, T, mean = x[there], T[there], mean[there]
    rate = rng.gamma(r + x) / (alpha + T)
    lifetime = rng.geometric(np.maximum(rng.beta(a, b + x), np.finfo(float).tiny))
    bought = repeat_purchases(rng, rate, lifetime, np.full(len(x), terms.ends[-1]))
    nu = rng.gamma(q + p * x) / (v + np.where(x > 0, x * mean, 0.0))
    month = np.searchsorted(terms.ends, bought.time)
    amounts = rng.gamma(p, 1 / nu[bought.customer]) * terms.discounts[np.minimum(month, len(terms.ends) - 1)]
    return np.flatnonzero(there)[bought.customer], amounts
