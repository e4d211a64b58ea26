"""What a customer costs to win, and when that money comes back.

Money is per customer unless said otherwise; rates are per period, all for the same period.
"""

import math

import numpy as np

from clvhelpers.formulas.inputs import Array, Inputs, Numbers, Result
from clvhelpers.formulas.value import Timing, check_timing, discounted, first_worth, geometric_sum, shrinkage

NEVER = math.inf
"""The payback period of money that never comes back."""


def customer_acquisition_cost(spend: Numbers, new_customers: Numbers) -> Result:
    """CAC: the money spent on winning customers / the customers won with it. Error: no customer won.

    Count all of the spend (media, agency, salaries, welcome discounts) and only the customers it won.

    >>> customer_acquisition_cost(50_000, 1_000)
    50.0
    """
    given = Inputs(spend=spend, new_customers=new_customers)
    given.not_negative("spend")
    given.positive("new_customers", "nobody was won, so there is no cost of one")
    given.settle()
    return given.give(given["spend"] / given["new_customers"])


def marginal_cac(
    spend_before: Numbers, customers_before: Numbers, spend_after: Numbers, customers_after: Numbers
) -> Result:
    """The cost of each further customer when spend is raised: extra spend / extra customers.

    It is above the average CAC wherever the easy customers come first, and it is the one to set against CLV when
    a budget is raised. Errors: FormulaError where the second budget is not above the first, or won no more.

    >>> marginal_cac(50_000, 1_000, 80_000, 1_200)
    150.0
    """
    given = Inputs(
        spend_before=spend_before,
        customers_before=customers_before,
        spend_after=spend_after,
        customers_after=customers_after,
    )
    given.not_negative("spend_before", "customers_before")
    spend = given["spend_after"] - given["spend_before"]
    customers = given["customers_after"] - given["customers_before"]
    given.refuse("spend_after", spend <= 0, "it must be above spend_before, for this is the cost of spending more")
    given.refuse("customers_after", customers <= 0, "the extra money won nobody, so there is no cost of one more")
    given.settle()
    return given.give(spend / customers)


def clv_to_cac(clv: Numbers, cac: Numbers) -> Result:
    """CLV : CAC, with CLV the margin before acquisition cost. Error: a CAC of 0, which has no ratio.

    Above 1 a customer earns more than it cost. The usual 3 : 1 is a habit, not a law.

    >>> clv_to_cac(366, 122)
    3.0
    """
    given = _clv_and_cac(clv, cac)
    return given.give(given["clv"] / given["cac"])


def return_on_acquisition(clv: Numbers, cac: Numbers) -> Result:
    """What each dollar spent on winning customers earns beyond itself: (CLV - CAC) / CAC, a fraction.

    >>> return_on_acquisition(366, 122)
    2.0
    """
    given = _clv_and_cac(clv, cac)
    return given.give((given["clv"] - given["cac"]) / given["cac"])


def affordable_cac(clv: Numbers, ratio: Numbers = 1.0) -> Result:
    """The most that may be paid for a customer worth `clv`, so that CLV : CAC is `ratio` or better; CLV / ratio.

    With `ratio` 1 the customer just pays for itself. Error: a negative CLV, or a ratio of 0 or less.

    >>> affordable_cac(500), affordable_cac(2000, ratio=4)
    (500.0, 500.0)
    """
    given = Inputs(clv=clv, ratio=ratio)
    given.refuse("clv", given["clv"] < 0, "a customer that loses money is worth no acquisition cost at all")
    given.positive("ratio", "any price would do")
    given.settle()
    return given.give(given["clv"] / given["ratio"])


def payback_period(
    cac: Numbers,
    margin_per_period: Numbers,
    *,
    timing: Timing,
    retention: Numbers = 1.0,
    discount: Numbers = 0.0,
    growth: Numbers = 0.0,
    whole: bool = False,
) -> Result:
    """How many periods of margin it takes to earn the acquisition cost back; infinity if it never comes back.

    The k-th margin is margin x (1 + growth)^(k - 1), times the share of customers who still pay it and its
    discount factor, both by `timing` as in `margin_multiple`. With `retention` 1 and `discount` 0 this is
    CAC / margin, which most people quote; both make it longer, or endless. The last period counts in part, its
    money coming in evenly; with `whole`, in full. Errors: FormulaError for a negative cost or impossible rates.

    >>> payback_period(120, 50, timing="arrears"), payback_period(120, 50, timing="arrears", whole=True)
    (2.4, 3.0)
    >>> payback_period(120, 50, timing="end", retention=0.6), payback_sentence(float("inf"), "years")
    (inf, 'The acquisition cost never comes back.')
    """
    given = Inputs(cac=cac, margin_per_period=margin_per_period, retention=retention, discount=discount, growth=growth)
    given.not_negative("cac")
    given.retention()
    given.discount()
    given.growth()
    given.settle()
    answer = _periods_to_earn(
        given["cac"], given["margin_per_period"] * first_worth(given, timing), shrinkage(given, given["growth"])
    )
    return given.give(np.ceil(np.round(answer, 9)) if whole else answer)


def payback_of_cash_flows(cash_flows: Numbers, discount: Numbers = 0.0) -> Result:
    """When a row of cash flows has earned itself back: the first period whose running total is not below 0.

    `cash_flows` is money a period from now on (period 0 holds the acquisition cost, so it is negative), one row or
    several, with time along the last axis. Infinity for a row that never gets there, as far as it goes.

    >>> payback_of_cash_flows([[-100, 60, 60], [-100, 20, 20]])
    array([ 2., inf])
    """
    paid = discounted(cash_flows, discount).cumsum(axis=-1) >= 0
    return Inputs().give(np.where(paid.any(axis=-1), paid.argmax(axis=-1), NEVER))


def payback_sentence(periods: float, unit: str) -> str:
    """A payback period in words; `unit` is the plural, such as "months".

    >>> payback_sentence(7.25, "months")
    'The acquisition cost is earned back in 7.2 months.'
    """
    if math.isinf(periods):
        return "The acquisition cost never comes back."
    return f"The acquisition cost is earned back in {periods:.1f} {unit}."


def break_even_retention(
    acquisition_cost: Numbers,
    margin_per_period: Numbers,
    discount: Numbers,
    *,
    timing: Timing,
    retention_cost: Numbers = 0.0,
) -> Result:
    """The retention rate at which a customer is worth exactly what it cost; infinity where no rate is enough.

    Setting `retention_value` to 0 and solving for r, with c the retention cost:
    start (1 + d)(1 - (m - c) / A), end (1 + d)(A + c) / (A + m), arrears (1 + d)(1 + c / A) - m / A.
    0 means that one margin pays for it all. Errors: FormulaError for a cost of 0 or below, impossible rates.

    >>> round(break_even_retention(366.6667, 100, 0.1, timing="start"), 4)
    0.8
    """
    given = Inputs(
        acquisition_cost=acquisition_cost,
        margin_per_period=margin_per_period,
        discount=discount,
        retention_cost=retention_cost,
    )
    given.positive("acquisition_cost", "a customer who costs nothing has nothing to earn back")
    given.not_negative("retention_cost")
    given.discount()
    given.settle()
    check_timing(timing)
    cost, margin, spend = given["acquisition_cost"], given["margin_per_period"], given["retention_cost"]
    grown = 1 + given["discount"]
    with np.errstate(divide="ignore", invalid="ignore"):
        answers = {
            "start": grown * (1 - (margin - spend) / cost),
            "end": grown * (cost + spend) / (cost + margin),
            "arrears": grown * (1 + spend / cost) - margin / cost,
        }
    rate = answers[timing]
    worth_nothing = (margin <= 0) & np.ones_like(rate, dtype=bool)
    return given.give(np.where(worth_nothing | (rate > 1), NEVER, np.maximum(rate, 0)))


def _clv_and_cac(clv: Numbers, cac: Numbers) -> Inputs:
    given = Inputs(clv=clv, cac=cac)
    given.positive("cac", "customers who cost nothing have no ratio to their cost")
    given.settle()
    return given


def _periods_to_earn(cost: Array, first: Array, ratio: Array) -> Array:
    """How many terms of first x ratio^k sum to `cost`, the last one counted in part."""
    cost, first, ratio = np.broadcast_arrays(cost, first, ratio)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = 1 - cost * (1 - ratio) / first
        terms = np.where(ratio == 1, cost / first, np.log(left) / np.log(ratio))
        full = np.floor(np.where(np.isfinite(terms), terms, 0))
        rest = (cost - first * geometric_sum(ratio, full)) / (first * ratio**full)
    one_is_enough = (first > 0) & (cost <= first)
    endless = (first <= 0) | ((left <= 0) & ~one_is_enough)
    return np.where(cost == 0, 0.0, np.where(endless, NEVER, full + rest))
