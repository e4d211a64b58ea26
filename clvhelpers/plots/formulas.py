"""Figures of the formulas: payments adding up to a value, and value against retention."""

import numpy as np
import pandas as pd

from clvhelpers.formulas import retention_value
from clvhelpers.formulas.value import Timing
from clvhelpers.plots.look import BLUE, GREY, ORANGE, Picture, canvas, percent_axis, title
from clvhelpers.text import money, percent


def payments(table: pd.DataFrame, endless: float, currency: str = "USD") -> Picture:
    """The present value of each payment as a bar, the running total as a line, the closed form as a level.

    `table` comes from `formulas.cash_flow_table`; `endless` is the value that the closed form gives (money, above 0).

    >>> from clvhelpers import formulas
    >>> payments(formulas.cash_flow_table(100, 0.8, 0.1, timing="start", periods=12), 366.67).alt[:69]
    'Present value of each payment and their running total. The first 5 of'
    """
    early = min(5, len(table))
    share = table["cumulative"].iloc[early - 1] / endless
    finding = f"The first {early} of endless payments bring {percent(share, 0)} of the value"
    with canvas() as (figure, axes):
        axes.bar(table["payment"], table["present_value"], color=BLUE, label="this payment, in today's money")
        axes.plot(table["payment"], table["cumulative"], color=ORANGE, marker="o", label="all payments so far")
        axes.axhline(endless, color=GREY, linestyle="--", label=f"closed form: {money(endless, currency)}")
        axes.set_xlabel("payment")
        axes.set_ylabel(f"value per customer acquired ({currency})")
        axes.set_xticks(table["payment"])
        axes.set_ylim(top=1.08 * endless)
        figure.legend(loc="outside lower center", ncols=2)
        title(axes, finding)
    first, last = (money(table["present_value"].iloc[end], currency) for end in (0, -1))
    alt = (
        f"Present value of each payment and their running total. {finding}: payment 1 is worth "
        f"{first}, payment {len(table)} {last}, and all of them {money(endless, currency)}."
    )
    return Picture(figure, alt)


def value_by_retention(
    margin_per_period: float, retention: float, discount: float, *, timing: Timing, currency: str = "USD"
) -> Picture:
    """Value per customer for every retention rate, and what a point more is worth at `retention` and halfway to it.

    Above 99% there is no point more; then 99% is marked. `margin_per_period` is money; the rates are per period.

    >>> value_by_retention(100, 0.8, 0.1, timing="start").alt
    'Value per customer against retention. One point more is worth $12.64 at 80% and $2.28 at 40%.'
    """
    rates = np.linspace(0, max(0.95, retention), 200)
    marked = np.array([min(retention, 0.99), retention / 2])
    value = retention_value(margin_per_period, marked, discount, timing=timing)
    point = retention_value(margin_per_period, marked + 0.01, discount, timing=timing) - value
    worth = " and ".join(
        f"{money(more, currency)} at {percent(rate, 0)}" for more, rate in zip(point, marked, strict=True)
    )
    finding = f"One point more is worth {worth}"
    with canvas() as (figure, axes):
        axes.plot(rates, retention_value(margin_per_period, rates, discount, timing=timing), color=BLUE, linewidth=2)
        axes.scatter(marked, value, color=ORANGE, s=48, zorder=3)
        for rate, worth_there in zip(marked, value, strict=True):
            label = f"{percent(rate, 0)}: {money(worth_there, currency)}"
            axes.annotate(label, (rate, worth_there), xytext=(-8, 8), textcoords="offset points", ha="right")
        percent_axis(axes.xaxis)
        axes.set_xlabel("retention from one period to the next")
        axes.set_ylabel(f"value per customer ({currency})")
        axes.set_ylim(bottom=0)
        title(axes, finding)
    return Picture(figure, f"Value per customer against retention. {finding}.")
