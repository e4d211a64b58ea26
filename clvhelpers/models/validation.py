"""Whether a model may be trusted: its forecast of a period that it has not seen, next to a naive rule."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.models.calibration import Calibration, calibration
from clvhelpers.models.frames import read_rows, refuse
from clvhelpers.models.purchase_model import COLUMNS, PurchaseModel
from clvhelpers.models.ranking import best_tenth, gains
from clvhelpers.purchases import Day, as_day, counted, day_number, purchase_days
from clvhelpers.text import number, percent

LARGEST_ERROR = 0.25
FEWEST_PURCHASES = 30
TIE = 0.01  # of an RMSE: where customers are all alike no model can do better than their average, only as well
LAST_GROUP = 7
FIFTH = 0.2
FORECASTS = {"predicted": "", "naive": "naive_", "average": "average_"}


@dataclass(frozen=True, eq=False)
class Validation:
    """A forecast of a held-out period against what came, and the verdict `trusted` with its `reason`.

    `weeks`: length of the holdout. `predicted`, `actual`, `naive`, `average`: purchases of all customers in it.
    `error`, `naive_error`, `average_error`: predicted / actual - 1 (NaN if nobody bought). `rmse`, `naive_rmse`,
    `average_rmse`: root mean squared error of a customer's purchases. `frame`: a row for each number of repeat
    purchases before the holdout (`frequency`, the last group open), with `customers` and the mean `predicted`,
    `actual` and `naive` purchases of one of them.

    The naive rule lets everybody go on at the rate so far (frequency / T); the plain average gives everybody the
    rate of all (the sum of frequency / the sum of T). Both know as much as the model, and neither knows of leaving.

    `trusted` if the total is within 25% and the customers' errors (RMSE) are smaller than those of the naive rule,
    and no larger than those of the plain average (within 1% is a tie). A holdout with fewer than 30 purchases can't
    tell, and is not trusted.

    `gains`: the share of the purchases that the best per cents of the customers made, as the model ranks them, the
    naive rule, chance and hindsight. `top_decile_overlap`: how many of the model's best tenth truly belong to it,
    and `chance_overlap` how many anybody's would (see `models.ranking`). `active` has the calibration of P(active),
    and `calibration` its frame. `path`, if a log was given, has a row a week as from `tracking_path`, of the weeks
    held out.
    """

    weeks: float
    predicted: float
    actual: float
    naive: float
    error: float
    naive_error: float
    rmse: float
    naive_rmse: float
    trusted: bool
    reason: str
    frame: pd.DataFrame = field(repr=False)
    average: float
    average_error: float
    average_rmse: float
    gains: pd.DataFrame = field(repr=False)
    top_decile_overlap: float
    chance_overlap: float
    active: Calibration
    path: pd.DataFrame | None = field(default=None, repr=False)

    @property
    def calibration(self) -> pd.DataFrame:
        """P(active) in groups of customers: expected and actual share."""
        return self.active.frame

    def sentence(self) -> str:
        """The comparison and the verdict in words."""
        verdict = "The model may be used" if self.trusted else "Do not use the model's forecast"
        if not self.actual:
            return f"{verdict}: {self.reason}."
        return (
            f"In the {number(self.weeks)} weeks held out, the model expected {number(self.predicted)} purchases and "
            f"there were {number(self.actual)} ({percent(self.error, 0, signed=True)}); the naive rule said "
            f"{number(self.naive)} ({percent(self.naive_error, 0, signed=True)}). {verdict}: {self.reason}."
        )

    def ranking_sentence(self) -> str:
        """How well the model finds the best customers, in words."""
        if not self.actual:
            return "Nobody bought in the held-out period, so nobody was best."
        fifth = self.gains[self.gains["share_of_customers"] == FIFTH].iloc[0]
        model, naive, hindsight = (percent(fifth[name], 0) for name in ("model", "naive", "hindsight"))
        return (
            f"The {percent(FIFTH, 0)} of customers whom the model puts first made {model} of the purchases held out "
            f"(naive rule: {naive}; in hindsight, the best {percent(FIFTH, 0)} made {hindsight}). Of its best tenth "
            f"{percent(self.top_decile_overlap, 0)} turned out to be among the best; chance would find "
            f"{percent(self.chance_overlap, 0)}."
        )

    def calibration_sentence(self) -> str:
        """Whether the probabilities of buying again hold, in words."""
        return self.active.sentence()

    def path_sentence(self) -> str:
        """How close the model was week by week, and whether it drifts off, in words."""
        if self.path is None:
            raise ConfigError("the check knows no weeks: give validate() the transactions and the calibration_end")
        actual, expected = (self.path[name] for name in ("actual", "expected"))
        weekly, off = actual.mean(), (expected - actual).abs().mean()
        half = len(self.path) // 2
        totals = [(expected[some].sum(), actual[some].sum()) for some in (slice(half), slice(half, None))]
        early, late = (percent(said / came - 1 if came else None, 0, signed=True) for said, came in totals)
        return (
            f"Week by week the model was off by {number(off)} purchases on average, where there were {number(weekly)} "
            f"a week: {early} in all in the first half of the weeks held out, and {late} in the second."
        )

    def plot(self) -> Any:
        """Expected and actual purchases by the number of earlier ones."""
        from clvhelpers.plots.prediction import holdout_by_frequency

        return holdout_by_frequency(self)


def validate(
    model: PurchaseModel,
    holdout_summary: Any,
    *,
    refit: bool = True,
    transactions: Any = None,
    calibration_end: Day = None,
) -> Validation:
    """Fit a fresh model of the same kind to the calibration part of a summary, and try it on the rest.

    `holdout_summary` comes from `split_holdout`: the columns of a summary at the end of calibration,
    plus `holdout_frequency` and `holdout_T`. A fresh fit, so that the model can't have seen the
    holdout, whatever it was fitted to before (it need not be fitted at all, and is left alone). With
    `refit=False` the model is tried as it is: for parameters that were given, or fitted to the calibration. With
    the log's `transactions` and the `calibration_end` at which it was split, the weeks held out are checked too.

    >>> from clvhelpers import BetaGeoModel, load_cdnow, split_holdout
    >>> check = validate(BetaGeoModel("W"), split_holdout(load_cdnow(), "1997-09-30"))
    >>> print(check.sentence())
    In the 39 weeks held out, the model expected 1,653 purchases and there were 1,882 (-12%); the naive rule said \
2,930 (+56%). The model may be used: its total is within 25% of what came, and customer by customer it is closer \
than the naive rule and the plain average.
    >>> print(check.ranking_sentence())
    The 20% of customers whom the model puts first made 63% of the purchases held out (naive rule: 64%; in hindsight, \
the best 20% made 89%). Of its best tenth 62% turned out to be among the best; chance would find 16%.
    >>> print(check.calibration_sentence())
    By the model 26% of the customers would buy again, and 29% did; group by group its probabilities are off by \
5.3 points on average, more than chance explains: read a single probability as a rough one.
    >>> weeks = {"transactions": load_cdnow(), "calibration_end": "1997-09-30"}
    >>> print(validate(BetaGeoModel("W"), split_holdout(load_cdnow(), "1997-09-30"), **weeks).path_sentence())
    Week by week the model was off by 10 purchases on average, where there were 48 a week: -9% in all in the first \
half of the weeks held out, and -14% in the second.
    """
    rows = read_rows(holdout_summary, [*COLUMNS, "holdout_frequency", "holdout_T"], model.covariates)
    _check(rows.drop(columns=list(model.covariates)))
    tried = model.unfitted().fit(rows) if refit else model
    rows = _with_forecasts(tried, rows)
    totals = rows[["actual", *FORECASTS]].sum()
    errors = totals / totals["actual"] - 1 if totals["actual"] else totals * np.nan
    rmse = {name: float(np.sqrt(((rows[name] - rows["actual"]) ** 2).mean())) for name in FORECASTS}
    trusted, reason = _verdict(totals["actual"], errors["predicted"], rmse)
    overlap, chance = best_tenth(rows["predicted"].to_numpy(), rows["actual"].to_numpy())
    return Validation(
        weeks=float(rows["holdout_T"].iloc[0]) * DAYS_PER_UNIT[model.unit] / DAYS_PER_UNIT["W"],
        actual=float(totals["actual"]),
        **{name: float(totals[name]) for name in FORECASTS},
        **{FORECASTS[name] + "error": float(errors[name]) for name in FORECASTS},
        **{FORECASTS[name] + "rmse": rmse[name] for name in FORECASTS},
        trusted=trusted,
        reason=reason,
        frame=_by_frequency(rows),
        gains=gains(rows[["predicted", "naive"]].rename(columns={"predicted": "model"}), rows["actual"]),
        top_decile_overlap=overlap,
        chance_overlap=chance,
        active=calibration(tried, rows),
        path=None if transactions is None else _held_out(tried, transactions, calibration_end, rows),
    )


def _with_forecasts(model: PurchaseModel, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with what the model, the naive rule and the plain average forecast, and what came."""
    length = rows["holdout_T"]
    return rows.assign(
        predicted=model.expected_purchases(rows, length),
        actual=rows["holdout_frequency"],
        naive=(rows["frequency"] / rows["T"]).where(rows["T"] > 0, 0.0) * length,
        average=rows["frequency"].sum() / rows["T"].sum() * length,
    )


def _held_out(model: PurchaseModel, transactions: Any, calibration_end: Day, rows: pd.DataFrame) -> pd.DataFrame:
    """The weeks of the path after the calibration, as many as were held out."""
    cut = as_day(calibration_end, "calibration_end")
    if cut is None:
        raise ConfigError("calibration_end is missing: give the last day of the calibration beside the transactions")
    days = round(float(rows["holdout_T"].iloc[0]) * DAYS_PER_UNIT[model.unit])
    path = tracking_path(model, transactions, cut, cut + dt.timedelta(days=days))
    return path[path["date"] > pd.Timestamp(cut)].reset_index(drop=True)


def tracking_path(
    model: PurchaseModel, transactions: Any, calibration_end: Day, end: Day = None, **columns: str
) -> pd.DataFrame:
    """Repeat purchases week by week, expected and actual, of all who first bought by `calibration_end`.

    One row a week, counted back from `end` (default: the last date in the log): `date` (its last
    day), `actual`, `expected`, and both cumulative from the first purchase in the log. The model
    should be fitted to the calibration only. `columns` names the log's own `customer_id`, `date` and
    `amount`.

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> log = load_cdnow()
    >>> model = BetaGeoModel().fit(customer_summary(log, end="1997-09-30"))
    >>> tracking_path(model, log, "1997-09-30").tail(1)[["cumulative_actual", "cumulative_expected"]].round().values
    array([[4339., 4161.]])
    """
    cut = as_day(calibration_end, "calibration_end")
    if cut is None:
        raise ConfigError("calibration_end is missing: give the last day that the model was fitted to")
    newcomers, repeats, last = _daily_counts(transactions, cut, end, columns)
    first = newcomers.index.to_numpy()
    ends = np.arange(last, first.min(), -7)[::-1]
    lengths = np.maximum(ends[:, None] - first[None, :], 0)
    distinct, place = np.unique(lengths, return_inverse=True)
    each = np.asarray(model.expected_purchases_new_customer(distinct / DAYS_PER_UNIT[model.unit]))
    expected = np.einsum("ij,j->i", each[place].reshape(lengths.shape), newcomers.to_numpy(dtype=float))
    bought = np.cumsum(np.bincount(repeats.index - first.min(), repeats, last - first.min() + 1))
    actual = bought[ends - first.min()]
    return pd.DataFrame(
        {
            "date": [pd.Timestamp(dt.date.fromordinal(int(day))) for day in ends],
            "actual": np.diff(actual, prepend=0.0),
            "expected": np.diff(expected, prepend=0.0),
            "cumulative_actual": actual,
            "cumulative_expected": expected,
        }
    )


def frequency_table(model: PurchaseModel, summary: Any, last: int = LAST_GROUP) -> pd.DataFrame:
    """How many customers made 0, 1, 2 ... `last` or more repeat purchases, and how many the model expects.

    Columns `frequency` (text, such as "7+"), `actual`, `expected`. On the data that the model was
    fitted to this shows whether its shape is right, and not how well it forecasts.

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> frequency_table(BetaGeoModel().fit(summary), summary, last=2).round(0).values.tolist()
    [['0', 1411, 1408.0], ['1', 439, 460.0], ['2+', 507, 489.0]]
    """
    rows = read_rows(summary, COLUMNS)
    periods = rows["T"].value_counts()
    times, customers = periods.index.to_numpy(), periods.to_numpy(dtype=float)
    expected = [
        float(np.einsum("i,i->", np.asarray(model.probability_of_n_purchases(n, times)), customers))
        for n in range(last)
    ]
    actual = np.bincount(rows["frequency"].clip(upper=last).astype(int), minlength=last + 1)
    return pd.DataFrame(
        {"frequency": _group_names(last), "actual": actual, "expected": [*expected, len(rows) - sum(expected)]}
    )


def _check(rows: pd.DataFrame) -> None:
    later, length = rows["holdout_frequency"], rows["holdout_T"]
    refuse(
        rows,
        [
            (~np.isfinite(later) | (later < 0) | (later % 1 != 0), "with a holdout_frequency that is no whole number"),
            (~np.isfinite(length) | (length <= 0), "with a holdout_T that is no length above 0"),
        ],
    )
    if length.nunique() > 1:
        raise DataContractError(
            f"holdout_T has {length.nunique()} different values: the held-out period must be the same for all "
            "customers, as split_holdout() makes it"
        )


def _verdict(actual: float, error: float, rmse: dict[str, float]) -> tuple[bool, str]:
    if actual < FEWEST_PURCHASES:
        return False, f"only {number(actual)} purchases were held out, and fewer than {FEWEST_PURCHASES} can't tell"
    if abs(error) > LARGEST_ERROR:
        off, most = percent(abs(error), 0), percent(LARGEST_ERROR, 0)
        return False, f"its total is off by {off}, and more than {most} is too much"
    if rmse["predicted"] >= rmse["naive"]:
        return False, "customer by customer, the naive rule is at least as close"
    if rmse["predicted"] > rmse["average"] * (1 + TIE):
        return False, "customer by customer, a plain average of all is closer"
    beaten = " and the plain average" if rmse["predicted"] < rmse["average"] else " and as close as a plain average"
    return (
        True,
        f"its total is within {percent(LARGEST_ERROR, 0)} of what came, and customer by customer it is closer than "
        f"the naive rule{beaten}",
    )


def _by_frequency(rows: pd.DataFrame) -> pd.DataFrame:
    groups = rows.groupby(rows["frequency"].clip(upper=LAST_GROUP))
    frame = groups[["predicted", "actual", "naive"]].mean()
    frame.insert(0, "customers", groups.size())
    names = _group_names(LAST_GROUP)
    frame.insert(0, "frequency", [names[int(group)] for group in frame.index])
    return frame.reset_index(drop=True)


def _group_names(last: int) -> list[str]:
    return [*map(str, range(last)), f"{last}+"]


def _daily_counts(
    transactions: Any, cut: dt.date, end: Day, columns: dict[str, str]
) -> tuple[pd.Series, pd.Series, int]:
    """New customers by day, their repeat purchases by day (days as ordinals), and the last day."""
    names: dict[str, str | None] = {"customer_id": "customer_id", "date": "date", "amount": "amount"}
    days = purchase_days(transactions, end, {**names, **columns})
    known = days.first_visits.filter(nw.col("first") <= days.at(cut))
    visits = days.frame.filter(~nw.col("visit").is_null()).join(known, on="customer_id", how="semi")
    new, every = (_by_day(frame, name) for frame, name in ((known, "first"), (visits, "visit")))
    return new, every.sub(new, fill_value=0), days.end.toordinal()


def _by_day(frame: Any, name: str) -> pd.Series:
    """How many rows each day has, in the order of the days."""
    counts = counted(frame.select(day=day_number(nw.col(name))).group_by("day").agg(rows=nw.len()))
    return counts.set_index("day")["rows"].sort_index()
