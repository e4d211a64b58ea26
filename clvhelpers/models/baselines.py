"""Forecasts of purchases without a story of the customer: the rules, and the machine, that a model has to beat.

Each learns from one window and forecasts the purchases of the customers of a later one (see `windows`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.errors import DataContractError, LeakageError, NotEnoughDataError
from clvhelpers.models.ranking import caught
from clvhelpers.models.windows import Window, check_order
from clvhelpers.segments import rfm_groups, rfm_scores
from clvhelpers.segments.rfm import money_edges, typical_gap
from clvhelpers.text import count, day, percent
from clvhelpers.threads import one_thread

if TYPE_CHECKING:
    from clvhelpers.company import Company
    from clvhelpers.plots.look import Picture

FEWEST_CUSTOMERS, FEWEST_PURCHASES = 200, 100
FEATURES = ("frequency", "recency", "T", "silence", "gap", "monetary_value", "total")
AFTERWARDS = "holdout"
DIGITS = 9  # sums of floating-point numbers may differ in the last digits between machines
THIRDS = ("came first", "came later", "came last")


def average_forecast(learn: Window, test: Window) -> pd.Series:
    """Everybody buys what a customer bought on average in the window that was learned from.

    >>> learn, test = _example()
    >>> average_forecast(learn, test).head(2).round(2).tolist()
    [0.61, 0.61]
    """
    check_order(learn.end, test.cut)
    each = float(learn.purchases.mean()) * test.weeks / learn.weeks
    return pd.Series(each, test.frame.index, name="average")


def pace_forecast(test: Window) -> pd.Series:
    """Everybody goes on at the pace so far: repeat purchases / T.

    >>> pace_forecast(_example()[1]).sum().round()
    np.float64(1800.0)
    """
    pace = (test.frame["frequency"] / test.frame["T"]).where(test.frame["T"] > 0, 0.0)
    return (pace * test.weeks).rename("same pace")


def group_forecast(learn: Window, test: Window) -> pd.Series:
    """Everybody buys what the customers of the same RFM group bought in the window that was learned from.

    Limits of recency and money are those of `learn`. A group with nobody to learn from gets the average of all.

    >>> learn, test = _example()
    >>> group_forecast(learn, test).nunique()
    5
    """
    check_order(learn.end, test.cut)
    gap = typical_gap(learn.frame)
    scores = rfm_scores(learn.frame.reset_index(), gap=gap)
    edges = money_edges(scores) if "M" in scores else None
    later = rfm_scores(test.frame.reset_index(), gap=gap, money_edges=edges)
    bought = pd.Series(learn.purchases.to_numpy()).groupby(rfm_groups(scores).labels).mean()
    each = rfm_groups(later).labels.map(bought).astype(float).fillna(float(learn.purchases.mean()))
    return pd.Series(each.to_numpy() * test.weeks / learn.weeks, test.frame.index, name="RFM groups")


@dataclass(frozen=True, eq=False)
class PurchaseLearner:
    """A machine that has learned from one window how the past goes with purchases; `forecast` uses it on a later one.

    `features` are the columns it looks at, `learned_from` the window, `model` the trees of scikit-learn.
    """

    features: tuple[str, ...]
    learned_from: Window = field(repr=False)
    model: Any = field(repr=False)

    def forecast(self, test: Window) -> pd.Series:
        """Expected purchases of each customer of a later window; LeakageError for one that is not later."""
        check_order(self.learned_from.end, test.cut)
        return self.predict(test.frame, test.weeks)

    def predict(self, summary: pd.DataFrame, weeks: float) -> pd.Series:
        """Expected purchases in the `weeks` after a customer summary (in weeks) that ends when the learning did."""
        with one_thread():
            found = self.model.predict(_features(summary, self.features)) * weeks / self.learned_from.weeks
        return pd.Series(found.round(DIGITS), summary.index, name="machine")

    def sentence(self) -> str:
        """What it learned from, in words."""
        window = self.learned_from
        return (
            f"The machine learned from {count(len(window.frame), 'customer')} of {day(window.cut)} and what they "
            f"bought by {day(window.end)}; it looks at {count(len(self.features), 'feature')}."
        )


def fit_purchase_learner(learn: Window, features: Sequence[str] = (), seed: int = 0) -> PurchaseLearner:
    """Learn purchases from features: gradient boosting for counts (Poisson loss), 100 small trees.

    `features` are numeric columns of the window's frame, or `silence` (T - recency) and `gap` (recency / frequency);
    by default all of `FEATURES` that it has. The same data and `seed` give the same machine.

    Raises `LeakageError` for a feature that happened after the cut, `DataContractError` for one that is not there,
    `NotEnoughDataError` below 200 customers or 100 purchases to learn from.

    >>> learn, test = _example()
    >>> machine = fit_purchase_learner(learn)
    >>> machine.forecast(test).sum().round(-1)
    np.float64(1550.0)
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    chosen = tuple(features) or _known(learn.frame)
    _check_features(learn, chosen)
    if len(learn.frame) < FEWEST_CUSTOMERS or learn.purchases.sum() < FEWEST_PURCHASES:
        people, bought = count(len(learn.frame), "customer"), count(int(learn.purchases.sum()), "purchase")
        raise NotEnoughDataError(
            f"{people} with {bought} to learn from: a machine needs at least {FEWEST_CUSTOMERS} and "
            f"{FEWEST_PURCHASES}; take a longer window or a rule"
        )
    trees = HistGradientBoostingRegressor(
        loss="poisson",
        max_iter=100,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=50,
        early_stopping=False,
        random_state=seed,
    )
    with one_thread():
        trees.fit(_features(learn.frame, chosen), learn.purchases.to_numpy(dtype=float))
    return PurchaseLearner(chosen, learn, trees)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Forecasts of one window, each against what came. `frame` has one row a forecast, in the order given.

    Columns: `forecast`, `predicted` (purchases in all), `error` (predicted / actual - 1), `rmse` (root mean squared
    error of a customer), `found` (the share of all purchases made by the `share` of the customers whom the forecast
    puts first; of customers with one forecast at the edge, each counts in part). `actual`: purchases in all.
    """

    frame: pd.DataFrame
    forecasts: pd.DataFrame = field(repr=False)
    window: Window = field(repr=False)
    share: float

    @property
    def actual(self) -> float:
        return float(self.window.purchases.sum())

    def by(self, labels: pd.Series, fewest: int = 30) -> pd.DataFrame:
        """The `error` of each forecast in each group of customers: `group, customers, actual` and a column a forecast.

        `labels` has customer_id as its index. Groups with fewer than `fewest` purchases are left out: there is
        nothing to compare with.
        """
        groups = labels.reindex(self.window.frame.index).fillna("not known").rename("group")
        sums = self.forecasts.assign(actual=self.window.purchases).groupby(groups).sum()
        sums.insert(0, "customers", groups.value_counts().reindex(sums.index))
        sums = sums[sums["actual"] >= fewest].copy()
        for name in self.forecasts:
            sums[name] = sums[name] / sums["actual"] - 1
        return sums[["customers", "actual", *self.forecasts]].reset_index()

    def sentence(self) -> str:
        """The forecast that is closest customer by customer, and the one that finds most, in words."""
        closest, finds = self.frame.nsmallest(1, "rmse").iloc[0], self.frame.nlargest(1, "found").iloc[0]
        return (
            f"Of {count(len(self.frame), 'forecast')}, {closest['forecast']} is closest to single customers (it is off "
            f"by {percent(closest['error'], 0, signed=True)} in all), and {finds['forecast']} finds most: its best "
            f"{percent(self.share, 0)} of the customers made {percent(finds['found'], 0)} of the purchases."
        )

    def plot(self, names: Sequence[str] = ()) -> "Picture":
        """The share of the purchases that forecasts find, from the best customers down; `names` chooses some."""
        from clvhelpers.plots.baselines import gains_of_forecasts

        return gains_of_forecasts(self, names)


def compare_forecasts(window: Window, forecasts: Sequence[pd.Series], share: float = 0.10) -> Comparison:
    """Set forecasts of a window's customers (Series with a name and customer_id as index) against what came.

    Raises `DataContractError` for a forecast that lacks a customer or a number, `NotEnoughDataError` where nobody
    bought.

    >>> learn, test = _example()
    >>> both = compare_forecasts(test, [average_forecast(learn, test), pace_forecast(test)])
    >>> both.frame.round(2).to_dict("records")[1]
    {'forecast': 'same pace', 'predicted': 1800.26, 'error': 0.56, 'rmse': 1.32, 'found': 0.47}
    """
    actual = window.purchases.astype(float)
    if not actual.sum():
        raise NotEnoughDataError(f"nobody bought between {day(window.cut)} and {day(window.end)}: nothing to compare")
    table = pd.concat([_checked(one, window) for one in forecasts], axis="columns")
    rows = [
        {
            "forecast": name,
            "predicted": float(one.sum()),
            "error": float(one.sum() / actual.sum() - 1),
            "rmse": float(np.sqrt(((one - actual) ** 2).mean())),
            "found": float(caught(one.to_numpy(), actual.to_numpy(), np.array([share]))[0]),
        }
        for name, one in table.items()
    ]
    return Comparison(pd.DataFrame(rows), table, window, share)


def customer_kinds(company: "Company", window: Window) -> pd.Series:
    """A label for each customer of a window, to look for bias: the channel where it is known, else when they came.

    Without a channel there are three kinds of much the same size, by the day of the first purchase.

    >>> from clvhelpers import open_company
    >>> customer_kinds(open_company("cdnow"), _example()[1]).value_counts().to_dict()
    {'came first': 810, 'came last': 783, 'came later': 764}
    """
    from clvhelpers.segments import customer_traits

    traits = customer_traits(company)
    if "channel" in traits and traits["channel"].nunique() > 1:
        return traits["channel"].reindex(window.frame.index).fillna("not known").rename("kind")
    return arrivals(window)


def arrivals(window: Window) -> pd.Series:
    """A label for each customer of a window: three kinds of much the same size, by the day of the first purchase.

    >>> arrivals(_example()[1]).head(3).tolist()
    ['came first', 'came first', 'came first']
    """
    first = window.frame["first_date"]
    place = np.searchsorted(first.quantile([1 / 3, 2 / 3]).to_numpy(), first.to_numpy(), side="left")
    return pd.Series(np.take(np.array(THIRDS, dtype=object), place), window.frame.index, name="kind")


def _known(frame: pd.DataFrame) -> tuple[str, ...]:
    return tuple(name for name in FEATURES if name in frame or name in ("silence", "gap"))


def _check_features(learn: Window, features: Sequence[str]) -> None:
    late = [name for name in features if name.startswith(AFTERWARDS)]
    if late:
        raise LeakageError(
            [
                f"{name!r} happened after {day(learn.cut)}: it is what the forecast is about, and nobody knows it on "
                "the day of a forecast; leave it out"
                for name in late
            ]
        )
    missing = [name for name in features if name not in _known(learn.frame) and name not in learn.frame]
    if missing:
        raise DataContractError(
            f"the window has no {', '.join(map(repr, missing))}: it has {', '.join(_known(learn.frame))}"
        )


def _features(frame: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    made: Mapping[str, pd.Series] = {
        "silence": frame["T"] - frame["recency"],
        "gap": (frame["recency"] / frame["frequency"]).where(frame["frequency"] > 0),
    }
    return pd.DataFrame({name: made.get(name, frame.get(name)) for name in features}).astype(float)


def _checked(forecast: pd.Series, window: Window) -> pd.Series:
    found = forecast.reindex(window.frame.index).astype(float)
    lacking = int((~np.isfinite(found)).sum())
    if forecast.name is None or lacking:
        problem = f"lacks a number for {count(lacking, 'customer')}" if lacking else "has no name"
        raise DataContractError(
            f"the forecast {forecast.name!r} {problem}: expected a Series with a name, customer_id as its index and a "
            "number for each customer of the window"
        )
    return found


def _example() -> tuple[Window, Window]:
    """The windows of CDNOW, for the examples above."""
    from clvhelpers.datasets import load_cdnow
    from clvhelpers.models.windows import two_windows

    return two_windows(load_cdnow(), "1998-06-30", months=6)
