"""Who came, who stayed, who came back: the customers of each period by what they did in the one before."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from clvhelpers.cohorts.cells import incomplete_period
from clvhelpers.cohorts.zones import in_zone
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.purchases import (
    PERIODS,
    Day,
    counted,
    one_of,
    period_number,
    periods_of,
    purchase_days,
    with_first_visit,
)
from clvhelpers.text import count, day, percent
from clvhelpers.text import period as period_name

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

ROLES = ("new", "continuing", "returning")


@dataclass(frozen=True, eq=False)
class CustomerFlow:
    """The customers of each complete period, by what they did before.

    `frame` has one row a period: `period`, `customers` (bought in it), of them `new` (first purchase), `continuing`
    (bought in the period before too) and `returning` (bought earlier, but not in the one before); `quiet` (bought
    before that period began, but not in the period before it), `return_rate` (returning / quiet) and `lapsed`
    (bought in the period before, but not in this one).
    """

    frame: pd.DataFrame
    period: str
    end: dt.date

    def sentence(self) -> str:
        """The last period in words, and how many of the customers who were silent came back in it."""
        last, unit = self.frame.iloc[-1], PERIODS[self.period]
        if last["customers"] == 0:
            return f"Nobody bought in {period_name(last['period'])}."
        new, stayed, back = (percent(last[role] / last["customers"]) for role in ROLES)
        text = (
            f"Of {count(int(last['customers']), 'customer')} in {period_name(last['period'])} {new} were new, {stayed} "
            f"had bought in the {unit} before, and {back} came back after at least one {unit} without a purchase."
        )
        if last["quiet"] == 0:
            return f"{text} Nobody had been silent before."
        quiet = count(int(last["quiet"]), "customer")
        return (
            f"{text} Of {quiet} who had been silent {percent(last['return_rate'])} came back: a {unit} without a "
            "purchase is not a customer lost."
        )

    def plot(self) -> "Picture":
        """Customers of each period, new, continuing and returning, as stacked bars."""
        from clvhelpers.plots.cohort_groups import customer_flow

        return customer_flow(self)


def returning_customers(
    transactions: Any,
    end: Day = None,
    period: str = "M",
    *,
    timezone: str | None = None,
    customer_id: str = "customer_id",
    date: str = "date",
    amount: str | None = "amount",
) -> CustomerFlow:
    """New, continuing and returning customers of each period up to `end`; only complete periods count.

    A curve of retention "on" a period can rise again, because customers return: it is no survival curve. Takes
    any log that `cohort_table` takes, and raises what that does.

    >>> from clvhelpers import load_cdnow
    >>> returning_customers(load_cdnow(), end="1997-04-30").frame[["customers", "new", "returning"]].to_numpy().tolist()
    [[781, 781, 0], [981, 857, 0], [948, 719, 61], [267, 0, 96]]
    """
    one_of(period, PERIODS, "period")
    columns = {"customer_id": customer_id, "date": date, "amount": amount}
    days = purchase_days(in_zone(transactions, date, timezone), end, columns)
    incomplete = incomplete_period(days.end, period)
    last = pd.Period(days.end, freq=period) if incomplete is None else incomplete - 1
    visits = with_first_visit(days.frame).filter(~nw.col("visit").is_null())
    active = visits.select(
        "customer_id",
        now=period_number(nw.col("day"), period).cast(nw.Int64),
        first=period_number(nw.col("first"), period).cast(nw.Int64),
    ).unique()
    before = active.select("customer_id", now=nw.col("now") + 1, before=nw.lit(1))
    roles = active.join(before, on=["customer_id", "now"], how="left").with_columns(
        new=nw.when(nw.col("now") == nw.col("first")).then(1).otherwise(0),
        continuing=nw.when(nw.col("before") == 1).then(1).otherwise(0),
    )
    sums = counted(roles.group_by("now").agg(nw.len().alias("customers"), nw.col("new", "continuing").sum()))
    sums = sums[sums["now"] <= last.ordinal]
    if sums.empty:
        raise NotEnoughDataError(f"no complete {PERIODS[period]} with a purchase up to {day(days.end)}: one is needed")
    return CustomerFlow(_flow(sums, last, period), period, last.end_time.date())


def _flow(sums: pd.DataFrame, last: pd.Period, period: str) -> pd.DataFrame:
    """Every period, also the empty ones, and what follows from the three counts."""
    numbers = range(sums["now"].min(), last.ordinal + 1)
    flow = sums.set_index("now").reindex(numbers, fill_value=0)
    flow["returning"] = flow["customers"] - flow["new"] - flow["continuing"]
    known = flow["new"].cumsum().shift(fill_value=0)
    flow["quiet"] = known - flow["customers"].shift(fill_value=0)
    flow["return_rate"] = flow["returning"] / flow["quiet"].where(flow["quiet"] > 0)
    flow["lapsed"] = flow["customers"].shift(fill_value=0) - flow["continuing"]
    flow.insert(0, "period", periods_of(numbers, period))
    return flow[["period", "customers", *ROLES, "quiet", "return_rate", "lapsed"]].reset_index(drop=True)
