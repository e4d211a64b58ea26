"""Do the assumptions behind a forecast hold? Each check gives a number, a limit and a sentence.

They are about what a held-out period does not show: a model can pass that check and still rest on sand.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clvhelpers.cohorts.season import RATIO, seasonal_periods
from clvhelpers.cohorts.table import CohortTable, table_of
from clvhelpers.cohorts.truncation import left_truncation_note
from clvhelpers.customers import summary_frame
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.models.frames import read_rows
from clvhelpers.models.gamma_gamma import check_spend
from clvhelpers.models.purchase_model import COLUMNS, PurchaseModel
from clvhelpers.purchases import Day, PurchaseDays, as_day, purchase_days
from clvhelpers.text import count, number, percent, period

FEWEST_REPEATERS = 100  # with so many, the rate of all is known to about 10%
LARGEST_CORRELATION = 0.3  # of spend and frequency: from here on, values of the best customers are off
VAGUE = 1.0  # a standard error of a logarithm: a factor of e, nearly 3, up or down
TOGETHER = 0.95  # correlation from which two parameters are hardly told apart
SHAPES, TIMES = (0.01, 100.0), (0.001, 1000.0)  # a parameter beyond is at an edge; times are set against the longest T
YEAR = 364.0  # days: 52 whole weeks
NORMAL = 1.96  # of a 95% interval


@dataclass(frozen=True, eq=False)
class Findings:
    """What the checks found: `frame` has a row for each one.

    Columns `check`, `number`, `limit`, `passed` (True, False, or None where the check does not apply or needs what
    was not given) and `sentence`.
    """

    frame: pd.DataFrame

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not any(passed is False for passed in self.frame["passed"])

    def sentence(self) -> str:
        """What failed, in words."""
        failed = self.frame[[passed is False for passed in self.frame["passed"]]]
        could = sum(passed is not None for passed in self.frame["passed"])
        if failed.empty:
            return f"Nothing stands against the forecast in {count(could, 'check')}."
        return f"{number(len(failed))} of {count(could, 'check')} failed. {' '.join(failed['sentence'])}"


def check_assumptions(
    model: PurchaseModel,
    summary: Any,
    transactions: Any = None,
    calibration_end: Day = None,
    end: Day = None,
    **columns: str,
) -> Findings:
    """Check what a forecast takes for granted: enough data, known parameters, spend, first cohort, seasons.

    `model` is fitted to `summary`, whose `monetary_value`, if it has any, is checked too. The checks of the first
    cohort and of seasons need the transaction log, with `columns` as its own names of `customer_id`, `date` and
    `amount`; `calibration_end` is the last day before the held-out period (default: half of the log is held out).

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1998-06-30")
    >>> found = check_assumptions(BetaGeoModel().fit(summary), summary, load_cdnow(), "1997-09-30")
    >>> found.frame.loc[found.frame["passed"].eq(False), "check"].tolist()
    ['no season shows', 'holdout spans a year']
    >>> print(found.frame["sentence"].iloc[-1])
    The held-out period has 39 weeks, less than a year: it can't show what is usual in the other 13.
    """
    rows = read_rows(summary, COLUMNS)
    found = [_enough(rows), _told(model), _edges(model, float(rows["T"].max())), _spend(summary)]
    found += _of_log(transactions, calibration_end, end, columns)
    names = ["check", "number", "limit", "passed", "sentence"]
    return Findings(pd.DataFrame(found, columns=names).astype({"passed": object}))


Finding = tuple[str, float, float, bool | None, str]


def _enough(rows: pd.DataFrame) -> Finding:
    repeaters = int((rows["frequency"] > 0).sum())
    passed = repeaters >= FEWEST_REPEATERS
    told = f"{count(repeaters, 'customer')} came back"
    rest = (
        ", enough to tell how often."
        if passed
        else (
            f": with fewer than {number(FEWEST_REPEATERS)}, chance moves the forecast by more than {percent(0.1, 0)}."
        )
    )
    return "enough repeat customers", repeaters, FEWEST_REPEATERS, passed, told + rest


def _told(model: PurchaseModel) -> Finding:
    """Identifiability: the errors of the logarithms of the parameters, and pairs that go together."""
    name = "parameters are told"
    if np.isnan(model.log_likelihood):
        return name, np.nan, VAGUE, None, "The parameters were given and not fitted: nothing is known of their errors."
    at = pd.Series(model.parameters)
    errors = (pd.Series(model.standard_errors) / at).fillna(np.inf)
    worst = str(errors.idxmax())
    if errors.max() <= VAGUE:
        told = f"The data tell every parameter; {worst} least well, to a factor of {number(np.exp(errors.max()), 1)}."
        return name, float(errors.max()), VAGUE, True, told
    vague = errors[errors > VAGUE]
    ranges = [f"{key} ({_factor(error)})" for key, error in vague.items()]
    told = (
        f"The data hardly tell {' and '.join(ranges)}.{_pairs(model)} Totals may still hold; a longer log tells more, "
        'and priors="weak" keep a small one from absurd answers.'
    )
    return name, float(errors.max()), VAGUE, False, told


def _factor(log_error: float) -> str:
    factor = np.exp(log_error)
    return f"{number(factor, 1)} times as much or as little" if factor < 1000 else "anything"


def _pairs(model: PurchaseModel) -> str:
    """Parameters of which the data tell little more than a combination."""
    covariance = model.covariance
    spread = np.sqrt(np.diag(covariance))
    correlation = np.triu(covariance.to_numpy() / np.outer(spread, spread), 1)
    places = np.argwhere(np.abs(np.nan_to_num(correlation)) > TOGETHER)
    names = [f"{covariance.index[one]} and {covariance.index[other]}" for one, other in places]
    return f" Only together are told {', '.join(names)}: if one is larger, so is the other." if names else ""


def _edges(model: PurchaseModel, longest: float) -> Finding:
    """A shape near 0 or far above 1, or a time far from any that was seen, is where a fit runs to without an end."""
    outside = {}
    for key, value in model.parameters.items():
        low, high = (bound * longest for bound in TIMES) if key in model.times else SHAPES
        outside[key] = max(low / value, value / high)
    at_edge = [key for key, ratio in outside.items() if ratio > 1]
    told = "No parameter lies at an edge."
    if at_edge:
        told = (
            f"At an edge: {', '.join(f'{key} = {model.parameters[key]:.3g}' for key in at_edge)}. By the data all "
            "customers are alike in it, or (nearly) none leaves: a sign of too few data, or of another model."
        )
    return "no parameter at an edge", max(outside.values()), 1.0, not at_edge, told


def _spend(summary: Any) -> Finding:
    """Independence of spend and frequency: Pearson's correlation and Spearman's, each with a 95% interval."""
    name = "spend is independent of frequency"
    if "monetary_value" not in summary_frame(summary, COLUMNS).collect_schema():
        return name, np.nan, LARGEST_CORRELATION, None, "There are no amounts, so nothing is said of spend."
    rows = check_spend(read_rows(summary, ("frequency", "monetary_value")))
    if len(rows) < 10 or rows.nunique().min() < 2:
        return (
            name,
            np.nan,
            LARGEST_CORRELATION,
            None,
            "Too few repeat customers differ to tell of spend and frequency.",
        )
    x, money = rows["frequency"], rows["monetary_value"]
    pearson, spearman = float(x.corr(money)), float(x.corr(money, method="spearman"))
    largest = max(pearson, spearman, key=abs)
    low, high = _interval(largest, len(rows))
    passed = abs(largest) <= LARGEST_CORRELATION or low <= 0 <= high
    told = (
        f"Spend and frequency have a correlation of {number(pearson, 2)} (ranks: {number(spearman, 2)}; 95% interval "
        f"of the larger: {number(low, 2)} to {number(high, 2)})"
    )
    rest = (
        ", little enough to model them apart."
        if passed
        else f": orders of frequent customers are {'larger' if largest > 0 else 'smaller'}, and their value is off; "
        "fit groups apart."
    )
    return name, largest, LARGEST_CORRELATION, passed, told + rest


def _interval(correlation: float, customers: int) -> tuple[float, float]:
    """Fisher's interval, with the wider error that Bonett & Wright (2000, Psychometrika 65) give for ranks."""
    error = np.sqrt((1 + correlation**2 / 2) / (customers - 3))
    middle = np.arctanh(min(max(correlation, -1 + 1e-12), 1 - 1e-12))
    return float(np.tanh(middle - NORMAL * error)), float(np.tanh(middle + NORMAL * error))


def _of_log(transactions: Any, calibration_end: Day, end: Day, columns: dict[str, str]) -> list[Finding]:
    names = ("first cohort began in the log", "no season shows", "holdout spans a year")
    limits = (1.0, RATIO, YEAR / 7)
    if transactions is None:
        return [
            (name, np.nan, limit, None, f"Not checked ({name}): give the transaction log.")
            for name, limit in zip(names, limits, strict=True)
        ]
    ours: dict[str, str | None] = {"customer_id": "customer_id", "date": "date", "amount": "amount"}
    days = purchase_days(transactions, end, {**ours, **columns})
    held_out = _whole_year(names[2], days, as_day(calibration_end, "calibration_end"))
    try:
        table = table_of(days, "M", "calendar", "on", keep_incomplete=False, drop=False)
    except NotEnoughDataError as error:
        unknown = [
            (name, np.nan, limit, None, f"Not checked: {error}.") for name, limit in zip(names, limits, strict=True)
        ]
        return [*unknown[:2], held_out]
    return [_first_cohort(names[0], table), _season(names[1], table), held_out]


def _first_cohort(name: str, table: CohortTable) -> Finding:
    if table.left_truncated is None:
        return name, 0.0, 1.0, True, "The first cohort stays as the others do, as if it began in the log."
    return name, 1.0, 1.0, False, left_truncation_note(table.left_truncated, dropped=False)


def _season(name: str, table: CohortTable) -> Finding:
    months = seasonal_periods(table)
    if months.empty:
        return name, 1.0, RATIO, True, "No month stands out beside what the age of the cohorts explains."
    worst = float(months["ratio"].max())
    names = ", ".join(map(period, months["period"][:4])) + (" and others" if len(months) > 4 else "")
    told = (
        f"Returning customers bought far more in {names} than their age explains "
        f"(up to {number(worst, 1)} times): a season or a promotion, of which the model knows nothing."
    )
    return name, worst, RATIO, False, told


def _whole_year(name: str, days: PurchaseDays, cut: dt.date | None) -> Finding:
    history = (days.end - days.first).days
    length = history / 2 if cut is None else (days.end - cut).days
    if not 0 < length < history:
        raise ConfigError(f"calibration_end is {cut}: expected a day between {days.first} and {days.end}")
    weeks, passed = length / 7, length >= YEAR
    told = f"The held-out period has {number(weeks)} weeks"
    rest = (
        ", a whole year with all its seasons."
        if passed
        else f", less than a year: it can't show what is usual in the other {number(YEAR / 7 - weeks)}."
    )
    return name, weeks, YEAR / 7, passed, told + rest
