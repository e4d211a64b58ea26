"""Figures of retention and time: lifetimes, retention that rises with age, forecasts of survival, sensitivity."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from clvhelpers.formulas import Sensitivity, lifetime_from_churn, median_lifetime, survival_from_churn
from clvhelpers.plots.look import BLUE, COLOURS, GREY, ORANGE, SKY, Picture, canvas, money_axis, percent_axis, title
from clvhelpers.text import money, number, percent


def lifetimes(churn: float, period: str = "month") -> Picture:
    """How many customers leave at the end of each period under one churn rate, with the mean and the median.

    >>> lifetimes(0.05).alt[:79]
    'How long customers stay when 5.0% leave each month. 62% leave before the mean o'
    """
    mean, median = lifetime_from_churn(churn), median_lifetime(churn)
    ages = np.arange(1, int(4 * mean) + 2)
    before = 1 - survival_from_churn(churn, np.ceil(mean) - 1)
    finding = f"{percent(before, 0)} leave before the mean of {number(mean, 1)} {period}s is over"
    with canvas() as (figure, axes):
        axes.bar(ages, churn * survival_from_churn(churn, ages - 1), color=SKY, width=0.9)
        for place, colour, style, name in (
            (median, BLUE, "-", "half have left"),
            (mean, ORANGE, "--", "mean, 1 / churn"),
        ):
            axes.axvline(
                place, color=colour, linestyle=style, linewidth=2, label=f"{name}: {number(place, 1)} {period}s"
            )
        axes.set_xlabel(f"{period}s until a customer leaves")
        axes.set_ylabel("share of all customers")
        percent_axis(axes.yaxis)
        axes.legend()
        title(axes, finding)
    alt = f"How long customers stay when {percent(churn)} leave each {period}. {finding}; half by {number(median, 1)}."
    return Picture(figure, alt)


def retention_by_age(retention: Mapping[str, Sequence[float]], period: str = "year") -> Picture:
    """The share that renews at each age, a line a group: from the first renewal on.

    >>> retention_by_age({"Regular": [0.63, 0.74, 0.82]}).alt
    'Retention by year. Retention rises with age: Regular from 63% to 82%.'
    """
    moves = [f"{name} from {percent(rates[0], 0)} to {percent(rates[-1], 0)}" for name, rates in retention.items()]
    rises = all(rates[-1] > rates[0] for rates in retention.values())
    finding = f"Retention {'rises' if rises else 'changes'} with age: {', '.join(moves)}"
    with canvas() as (figure, axes):
        for colour, (name, rates) in zip(COLOURS, retention.items(), strict=False):
            axes.plot(range(1, len(rates) + 1), rates, color=colour, marker="o", label=name)
        axes.set_xlabel(f"{period} since sign-up")
        axes.set_ylabel("share of customers who renew")
        percent_axis(axes.yaxis)
        axes.legend()
        title(axes, finding)
    return Picture(figure, f"Retention by {period}. {finding}.")


def survival_forecast(
    seen: Sequence[float], forecasts: Mapping[str, Sequence[float]], known: int, period: str = "year"
) -> Picture:
    """What share is still there: as it was seen, and by forecasts made after `known` periods.

    `seen` and every forecast begin with 1 at age 0, and have one share a period; `seen` may end earlier.

    >>> survival_forecast([1, 0.6, 0.5], {"one rate": [1, 0.6, 0.36]}, known=1).alt[:70]
    'Share still there by year, and forecasts made at year 1. After 2 years'
    """
    last = len(seen) - 1
    said = [f"{name} says {percent(shares[last], 0)}" for name, shares in forecasts.items()]
    finding = f"After {last} {period}s {percent(seen[last], 0)} are still there; {', '.join(said)}"
    with canvas() as (figure, axes):
        axes.axvspan(0, known, color=GREY, alpha=0.12, linewidth=0)
        for colour, style, (name, shares) in zip((BLUE, ORANGE), ("-", "--"), forecasts.items(), strict=False):
            axes.plot(range(len(shares)), shares, color=colour, linestyle=style, linewidth=2, label=name)
        axes.plot(range(last + 1), seen, "o", color="black", markersize=4, label="what happened")
        axes.set_xlabel(f"{period}s since sign-up (grey: what the forecasts have seen)")
        axes.set_ylabel("share of customers still there")
        percent_axis(axes.yaxis)
        axes.set_ylim(0, 1.02)
        axes.set_xlim(left=0)
        axes.legend()
        title(axes, finding)
    return Picture(figure, f"Share still there by {period}, and forecasts made at {period} {known}. {finding}.")


def sensitivity_bars(found: Sensitivity) -> Picture:
    """A bar for each input, from the value with less of it to the value with more, the strongest on top.

    >>> from clvhelpers.formulas import sensitivity
    >>> sensitivity_bars(sensitivity(7, 0.05, 0.008, timing="start")).alt[:60]
    'Value per customer when one input changes by 10%. 10% less c'
    """
    rows = found.frame.iloc[::-1]
    by = percent(found.change, 0)
    with canvas(figsize=(5.8, 2.6)) as (figure, axes):
        for place, row in enumerate(rows.to_dict("records")):
            _bar(axes, place, row, found)
        axes.axvline(found.value, color=GREY, linewidth=1)
        axes.set_yticks(range(len(rows)), rows["input"])
        axes.grid(axis="y", visible=False)
        money_axis(axes.xaxis, found.currency)
        axes.set_xlabel(f"value per customer; now {money(found.value, found.currency)}")
        axes.margins(x=0.12)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        title(axes, _strongest(found))
    return Picture(
        figure, f"Value per customer when one input changes by {by}. {_strongest(found)}. {found.sentence()}"
    )


def _bar(axes: Axes, place: int, row: Mapping[Any, Any], found: Sensitivity) -> None:
    for end, colour, words in (("lower", SKY, "less"), ("higher", BLUE, "more")):
        value = row[f"value_{end}"]
        label = f"{percent(found.change, 0)} {words}" if place == 0 else None
        axes.barh(place, value - found.value, left=found.value, color=colour, height=0.6, label=label)
        left = value < found.value
        axes.annotate(
            money(value, found.currency, decimals=0),
            (value, place),
            xytext=(-4 if left else 4, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
        )


def _strongest(found: Sensitivity) -> str:
    at_less = dict(zip(found.frame["input"], found.frame["value_lower"].astype(float), strict=True))
    gain, small = (money(at_less[name] - found.value, found.currency) for name in ("churn", "discount rate"))
    by = percent(found.change, 0)
    return f"{by} less churn brings {gain}, {by} less discount rate {small}"
