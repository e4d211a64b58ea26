"""Rates between years, quarters, months, weeks and days: the one place where a rate changes its period."""

import numpy as np
import pandas as pd

from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.errors import FormulaError
from clvhelpers.formulas.inputs import Inputs, Numbers, Result
from clvhelpers.purchases import PERIODS

DAYS_PER_PERIOD = {**DAYS_PER_UNIT, "Q": DAYS_PER_UNIT["Y"] / 4}
PERIOD_NAMES = {**PERIODS, "Y": "year"}
KINDS = ("effective", "nominal", "churn", "retention")


def convert_rate(rate: Numbers, frm: str, to: str, kind: str = "effective") -> Result:
    """A rate per `frm` as a rate per `to`, for one rate or many.

    Periods are "D", "W", "M", "Q", "Y" (or "day", "week", "month", "quarter", "year"); a year has 365.25 days,
    12 equal months and 365.25 / 7 weeks. `kind` says what the rate is:

    - "effective": a discount or growth rate that compounds, (1 + rate)^n - 1. This is what a yearly discount
      rate means everywhere in this package.
    - "nominal": a quoted rate that is shared out evenly, rate * n: 12% a year, charged monthly, is 1% a month
      (and 12.68% a year in effect).
    - "retention": the share that stays; staying a year is staying 12 months in a row, rate^n.
    - "churn": the share that leaves; 1 - (1 - rate)^n, since who has left can't leave again.

    Errors: FormulaError for an unknown period or kind, a churn or retention outside 0 to 1, an effective rate of
    -1 or less. Source: Brealey, Myers & Allen, Principles of Corporate Finance, chapter 2 (compounding).

    >>> round(convert_rate(0.10, "Y", "M"), 6), round(convert_rate(0.12, "Y", "M", kind="nominal"), 6)
    (0.007974, 0.01)
    >>> round(convert_rate(0.05, "M", "Y", kind="churn"), 4), round(convert_rate(0.8, "year", "month", "retention"), 4)
    (0.4596, 0.9816)
    """
    periods = _periods(frm, to)
    given = Inputs(rate=rate)
    if kind not in KINDS:
        raise FormulaError(f"kind is {kind!r}: expected one of {', '.join(KINDS)}")
    if kind == "churn":
        given.churn("rate")
    elif kind == "retention":
        given.retention("rate")
    else:
        given.refuse("rate", given["rate"] <= -1, "money would lose all its value, or more, in one period")
    given.settle()
    value = given["rate"]
    answers = {
        "effective": lambda: (1 + value) ** periods - 1,
        "nominal": lambda: value * periods,
        "churn": lambda: 1 - (1 - value) ** periods,
        "retention": lambda: value**periods,
    }
    return given.give(answers[kind]())


def lifetime_from_churn(churn: Numbers) -> Result:
    """Mean number of periods a customer is served, the first one included: 1 / churn, for `churn` per period.

    It holds for one churn rate, the same for every customer in every period (a geometric lifetime). Half of
    the customers are gone well before the mean. Error: FormulaError for a churn of 0 or outside 0 to 1.

    >>> lifetime_from_churn(0.2)
    5.0
    """
    given = Inputs(churn=churn)
    given.refuse("churn", given["churn"] == 0, "nobody would ever leave, so the lifetime has no end")
    given.churn()
    given.settle()
    return given.give(1 / given["churn"])


def churn_from_lifetime(periods: Numbers) -> Result:
    """The churn rate per period that gives a mean lifetime of so many periods (1 or more): 1 / periods.

    >>> churn_from_lifetime(5)
    0.2
    """
    given = Inputs(periods=periods)
    given.refuse("periods", given["periods"] < 1, "a customer is served for one period at least, the first")
    given.settle()
    return given.give(1 / given["periods"])


def median_lifetime(churn: Numbers) -> Result:
    """The number of periods after which half of the customers have left: ln 0.5 / ln(1 - churn), not rounded.

    >>> round(median_lifetime(0.2), 2)
    3.11
    """
    given = Inputs(churn=churn)
    given.refuse("churn", given["churn"] == 0, "nobody would ever leave, so half never will have")
    given.refuse("churn", given["churn"] == 1, "everybody leaves in the first period; there is no rate to halve")
    given.churn()
    given.settle()
    return given.give(np.log(0.5) / np.log1p(-given["churn"]))


def survival_from_churn(churn: Numbers, periods: Numbers) -> Result:
    """The share of customers still there after so many periods, if the same share leaves in each: (1 - churn)^periods.

    Errors: FormulaError for a churn outside 0 to 1 or a negative number of periods.

    >>> round(survival_from_churn(0.05, 12), 4)
    0.5404
    """
    given = Inputs(churn=churn, periods=periods)
    given.churn()
    given.not_negative("periods")
    given.settle()
    return given.give((1 - given["churn"]) ** given["periods"])


def retention_by_period(survivors: Numbers) -> pd.DataFrame:
    """What one cohort's numbers of customers, at the start and after each period, say of each period.

    One row a period (1, 2, ...): `period`, `customers` (at its start), `lost`, `retention` (the share that stays),
    `churn` and `survival` (the share of the whole cohort still there at its end). Where nobody is left, retention is
    missing. Errors: FormulaError for fewer than two numbers, negative or rising ones, or a start of 0.

    >>> retention_by_period([1000, 631, 468])[["period", "lost", "retention", "survival"]].round(3).values.tolist()
    [[1.0, 369.0, 0.631, 0.631], [2.0, 163.0, 0.742, 0.468]]
    """
    given = Inputs(survivors=survivors)
    given.not_negative("survivors")
    alive = given["survivors"]
    if alive.ndim != 1 or len(alive) < 2:
        raise FormulaError("survivors needs the customers at the start and after each period, two numbers at the least")
    given.refuse("survivors", np.append(False, np.diff(alive) > 0), "a cohort can't grow; don't add who came back")
    given.refuse("survivors", (alive == 0) & (np.arange(len(alive)) == 0), "a cohort starts with customers")
    given.settle()
    frame = pd.DataFrame({"period": np.arange(1, len(alive)), "customers": alive[:-1], "lost": -np.diff(alive)})
    churn = frame["lost"] / frame["customers"].where(frame["customers"] > 0)
    return frame.assign(retention=1 - churn, churn=churn, survival=alive[1:] / alive[0])


def _periods(frm: str, to: str) -> float:
    """How many periods `frm` one period `to` holds."""
    return DAYS_PER_PERIOD[_period(to)] / DAYS_PER_PERIOD[_period(frm)]


def _period(name: str) -> str:
    codes = {code.lower(): code for code in PERIOD_NAMES} | {long: code for code, long in PERIOD_NAMES.items()}
    code = codes.get(str(name).lower())
    if code is None:
        known = ", ".join(f"{code!r} ({long})" for code, long in PERIOD_NAMES.items())
        raise FormulaError(f"{name!r} is not a period: expected one of {known}")
    return code
