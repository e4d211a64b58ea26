"""Closed-form values of one customer: from revenue times years to margin, retention and discount.

Money is per customer; a rate is per period, and every rate of one call is for the same period
(`rates.convert_rate` changes the period). `margin` is the share of revenue that is kept;
`margin_per_period` is money.
"""

from typing import Literal

import numpy as np
import pandas as pd

from clvhelpers.errors import FormulaError
from clvhelpers.formulas.inputs import Array, Inputs, Numbers, Result

Timing = Literal["start", "end", "arrears"]
TIMINGS = {
    "start": "the first margin comes now, and then one at the start of each period from whoever stayed",
    "end": "the first margin comes after one period, from whoever stayed",
    "arrears": "every customer earns the first margin, and each margin arrives at the end of its period",
}


def simple_value(revenue: Numbers, years: Numbers, *, margin: Numbers) -> Result:
    """Revenue a year x years x margin: the value of a customer who surely stays so long, money not discounted.

    `revenue` is money a year, `years` how long the customer stays, `margin` the share kept (1 gives revenue).
    Errors: FormulaError for a negative revenue or time, or a margin above 1.

    >>> simple_value(500, 5, margin=1), simple_value(500, 5, margin=0.3)
    (2500.0, 750.0)
    """
    given = Inputs(revenue=revenue, years=years, margin=margin)
    given.not_negative("revenue", "years")
    given.share_of_revenue()
    given.settle()
    return given.give(given["revenue"] * given["years"] * given["margin"])


def subscription_value(revenue: Numbers, churn: Numbers, *, margin: Numbers) -> Result:
    """Revenue per period (ARPU) x margin / churn: the first payment now, churn constant, money not discounted.

    Derivation: a customer pays 1 + r + r^2 + ... = 1 / (1 - r) times, with r = 1 - churn. `churn` is per the same
    period as `revenue`. Errors: FormulaError for a churn of 0 (infinite lifetime) or outside 0 to 1.

    >>> subscription_value(20, 0.05, margin=0.6)
    240.0
    """
    given = Inputs(revenue=revenue, churn=churn, margin=margin)
    given.not_negative("revenue")
    given.refuse("churn", given["churn"] == 0, "nobody would ever leave, so the lifetime and the value are infinite")
    given.churn()
    given.share_of_revenue()
    given.settle()
    return given.give(given["revenue"] * given["margin"] / given["churn"])


def transaction_value(order_value: Numbers, orders_per_year: Numbers, years: Numbers, *, margin: Numbers) -> Result:
    """Average order value x orders a year x lifespan in years x margin, money not discounted.

    It takes the three averages as independent: that big spenders order as often and stay as long as others.
    Errors: FormulaError for a negative input or a margin above 1.

    >>> transaction_value(40, 6, 3, margin=0.5)
    360.0
    """
    given = Inputs(order_value=order_value, orders_per_year=orders_per_year, years=years, margin=margin)
    given.not_negative("order_value", "orders_per_year", "years")
    given.share_of_revenue()
    given.settle()
    return given.give(given["order_value"] * given["orders_per_year"] * given["years"] * given["margin"])


def average_revenue_value(revenue: Numbers, retention: Numbers, lifespan: Numbers, *, margin: Numbers) -> Result:
    """Average revenue x retention x lifespan x margin: in wide use, and wrong, for it counts churn twice.

    The lifespan 1 / (1 - retention) already holds every customer who leaves; a second factor `retention` takes
    them away again and loses one period's margin exactly. Here to be compared with `subscription_value`, which
    is the right one. Errors: FormulaError for a negative input, a retention outside 0 to 1, a margin above 1.

    >>> average_revenue_value(100, 0.8, 5, margin=1), subscription_value(100, 0.2, margin=1)
    (400.0, 500.0)
    """
    given = Inputs(revenue=revenue, retention=retention, lifespan=lifespan, margin=margin)
    given.not_negative("revenue", "lifespan")
    given.retention()
    given.share_of_revenue()
    given.settle()
    return given.give(given["revenue"] * given["retention"] * given["lifespan"] * given["margin"])


def margin_multiple(
    retention: Numbers, discount: Numbers, *, timing: Timing, growth: Numbers = 0.0, periods: Numbers | None = None
) -> Result:
    """What a customer is worth for each dollar of the first margin.

    The margins shrink from one period to the next by q = retention x (1 + growth) / (1 + discount), so they sum to
    first x 1 / (1 - q), or over `periods` payments to first x (1 - q^periods) / (1 - q). The first one is worth
    1 with timing "start" (paid now), retention / (1 + discount) with "end" (paid a period from now by whoever
    stayed), 1 / (1 + discount) with "arrears" (earned by everyone, paid a period from now). Without growth:

    - start: (1 + d) / (1 + d - r)
    - end: r / (1 + d - r)
    - arrears: 1 / (1 + d - r)

    Errors: FormulaError where q >= 1 and `periods` is not given (the sum is infinite), retention outside 0 to 1,
    a discount of -1 or less or above 1. Source: Gupta & Lehmann (2003), Customers as Assets, Journal of
    Interactive Marketing 17(1), 9-24.

    >>> [round(margin_multiple(0.8, 0.1, timing=when), 4) for when in ("start", "end", "arrears")]
    [3.6667, 2.6667, 3.3333]
    >>> round(margin_multiple(0.8, 0.1, timing="start", periods=5), 4)
    2.9206
    """
    given = Inputs(retention=retention, discount=discount, growth=growth, **_count(periods))
    _check_rates(given, endless=periods is None)
    given.settle()
    return given.give(_multiple(given, timing, given["growth"], periods is None))


def retention_value(
    margin_per_period: Numbers,
    retention: Numbers,
    discount: Numbers,
    *,
    timing: Timing,
    growth: Numbers = 0.0,
    service_cost: Numbers = 0.0,
    retention_cost: Numbers = 0.0,
    acquisition_cost: Numbers = 0.0,
    periods: Numbers | None = None,
) -> Result:
    """The margin multiple in money, less what it costs to serve, to keep and to win the customer.

    `margin_per_period` is money in the first period that pays and grows by `growth` each period. `service_cost`
    is paid with each margin and does not grow. `retention_cost` is spent at the start of each period on everyone
    who is still there, whatever the timing of the margin. `acquisition_cost` is spent once, now; leave it at 0
    for the value before acquisition, which is what CLV:CAC compares. `periods` is a number of payments (None: no
    end). The value may come out negative. Errors: as `margin_multiple`, and for a negative cost.

    >>> round(retention_value(100, 0.8, 0.1, timing="start"), 2), round(retention_value(100, 0.8, 0.1, timing="end"), 2)
    (366.67, 266.67)
    >>> round(retention_value(100, 0.8, 0.1, timing="start", retention_cost=10, acquisition_cost=80), 2)
    250.0
    """
    given = Inputs(
        margin_per_period=margin_per_period,
        service_cost=service_cost,
        retention_cost=retention_cost,
        acquisition_cost=acquisition_cost,
        retention=retention,
        discount=discount,
        growth=growth,
        **_count(periods),
    )
    given.not_negative("service_cost", "retention_cost", "acquisition_cost")
    _check_rates(given, endless=periods is None)
    given.settle()
    endless, none = periods is None, np.zeros(())
    money = given["margin_per_period"] * _multiple(given, timing, given["growth"], endless)
    money = money - given["service_cost"] * _multiple(given, timing, none, endless)
    money = money - given["retention_cost"] * _multiple(given, "start", none, endless)
    return given.give(money - given["acquisition_cost"])


def retention_slope(margin_per_period: Numbers, retention: Numbers, discount: Numbers) -> Result:
    """How fast value rises with retention: dCLV/dr = m (1 + d) / (1 + d - r)^2, for timing "start" and "end" alike.

    In money per 1.00 of retention, so a hundredth of it for a point; it is a tangent, and a whole point is worth a
    little more. It also turns a standard error of retention into one of CLV. The change must last for ever: in one
    period only, a point is worth far less. Errors: as `margin_multiple`.

    >>> round(retention_slope(100, 0.8, 0.1), 1)
    1222.2
    """
    given = Inputs(margin_per_period=margin_per_period, retention=retention, discount=discount, growth=0.0)
    _check_rates(given, endless=True)
    given.settle()
    gap = 1 + given["discount"] - given["retention"]
    return given.give(given["margin_per_period"] * (1 + given["discount"]) / gap**2)


def net_present_value(cash_flows: Numbers, discount: Numbers, *, first: float = 0) -> Result:
    """Today's worth of a table of cash flows, one a period: the sum of flow / (1 + discount)^t.

    `cash_flows` is one row of money, or several (a value a row: the last axis is time); `first` is when the first
    one comes, in periods from now (0 now, 1 after one period). `discount` is one rate per period. No assumption
    is made on retention: the flows hold it. Errors: FormulaError for a missing flow or a discount of -1 or less.

    >>> round(net_present_value([-100, 60, 60], 0.1), 2)
    4.13
    """
    return Inputs().give(discounted(cash_flows, discount, first).sum(axis=-1))


def cash_flow_table(
    margin_per_period: float,
    retention: float,
    discount: float,
    *,
    timing: Timing,
    periods: int,
    growth: float = 0.0,
    service_cost: float = 0.0,
    retention_cost: float = 0.0,
    acquisition_cost: float = 0.0,
) -> pd.DataFrame:
    """The value of `retention_value` payment by payment, for one customer: what the closed form adds up.

    One row a payment: `payment` (1, 2, ...), `time` (periods from now), `paying` (share of the customers acquired
    who pay it), `margin`, `service` and `keeping` (expected money; what is spent on keeping is spent at the start
    of the period), `discount_factor` (of the payment), `present_value` and `cumulative`, which starts from the
    acquisition cost and ends at `retention_value(..., periods=periods)`. Errors: as `margin_multiple`.

    >>> cash_flow_table(100, 0.8, 0.1, timing="end", periods=3)["present_value"].round(2).tolist()
    [72.73, 52.89, 38.47]
    """
    given = Inputs(retention=retention, discount=discount, growth=growth, periods=float(periods))
    _check_rates(given, endless=False)
    given.settle()
    check_timing(timing)
    order = np.arange(float(periods))
    time = order + (timing != "start")
    paying = retention ** (order + (timing == "end"))
    margin = margin_per_period * (1 + growth) ** order * paying
    service, keeping = service_cost * paying, retention_cost * retention**order
    factor = _worth_today(time, discount)
    present = (margin - service) * factor - keeping * _worth_today(order, discount)
    return pd.DataFrame(
        {
            "payment": (order + 1).astype(int),
            "time": time.astype(int),
            "paying": paying,
            "margin": margin,
            "service": service,
            "keeping": keeping,
            "discount_factor": factor,
            "present_value": present,
            "cumulative": present.cumsum() - acquisition_cost,
        }
    )


def discounted(cash_flows: Numbers, discount: Numbers, first: float = 0) -> Array:
    """Today's worth of each cash flow of a row, or of several; the first one comes after `first` periods."""
    given = Inputs(discount=discount)
    flows = Inputs(cash_flows=cash_flows)["cash_flows"]
    given.discount()
    if flows.ndim == 0 or given["discount"].ndim:
        raise FormulaError("cash_flows must be a row of money or several, and discount one rate")
    given.settle()
    return flows * _worth_today(first + np.arange(float(flows.shape[-1])), float(given["discount"]))


def _worth_today(time: Array, discount: float) -> Array:
    return (1 + discount) ** -time


def _count(periods: Numbers | None) -> dict[str, Numbers]:
    return {} if periods is None else {"periods": periods}


def _check_rates(given: Inputs, *, endless: bool) -> None:
    """Each rate by itself, and together: an endless sum must have an end value."""
    given.retention()
    given.discount()
    given.growth()
    if endless:
        given.refuse("retention", shrinkage(given, given["growth"]) >= 1, _infinite(given["growth"]))
    else:
        given.not_negative("periods")
        given.refuse("periods", given["periods"] % 1 != 0, "it is a number of payments, so a whole one")


def _multiple(given: Inputs, timing: Timing, growth: Array, endless: bool) -> Array:
    return first_worth(given, timing) * geometric_sum(shrinkage(given, growth), None if endless else given["periods"])


def shrinkage(given: Inputs, growth: Array) -> Array:
    """What each expected, discounted margin is of the one before."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return given["retention"] * (1 + growth) / (1 + given["discount"])


def first_worth(given: Inputs, timing: Timing) -> Array:
    """The worth today of the first margin, for each dollar of it."""
    check_timing(timing)
    if timing == "start":
        return np.ones(())
    return (given["retention"] if timing == "end" else 1.0) / (1 + given["discount"])


def check_timing(timing: str) -> None:
    """Refuse a timing that is none of `TIMINGS`, and say what each of those means."""
    if timing not in TIMINGS:
        known = "; ".join(f"{name!r}: {meaning}" for name, meaning in TIMINGS.items())
        raise FormulaError(f"timing is {timing!r}: expected one of {known}")


def geometric_sum(q: Array, periods: Array | None) -> Array:
    """1 + q + q^2 + ... without end, or of `periods` terms, exact for q near and at 1."""
    if periods is None:
        return 1 / (1 - q)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.expm1(periods * np.log(q)) / (q - 1)
    return np.where(q == 1, periods, np.where(periods == 0, 0.0, total))


def _infinite(growth: Array) -> str:
    if (growth != 0).any():
        return (
            "retention x (1 + growth) is not below 1 + discount, so each margin is worth no less than the one "
            "before and the value is infinite; give periods, for growth can't last for ever"
        )
    return "it is not below 1 + discount, so the value is infinite; give periods, or a higher discount"
