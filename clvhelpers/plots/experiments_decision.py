"""Figures of a decision: what a lift is worth against its cost, the net value of a roll-out, and a guardrail."""

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from clvhelpers.churn.stays import long_time
from clvhelpers.experiments.decision import chance
from clvhelpers.experiments.lift import more_or_less
from clvhelpers.plots.effects import effect_points
from clvhelpers.plots.look import BLUE, GREY, ORANGE, RED, Picture, canvas, title
from clvhelpers.text import count, money, percent, plain

if TYPE_CHECKING:
    from clvhelpers.experiments.decision import Decision
    from clvhelpers.experiments.guardrails import Guardrail
    from clvhelpers.experiments.lift import ClvLift

FEW_CENTS = 100  # money above which cents on an axis are noise
WIDTH = 4.0  # standard deviations on both sides of the expected net value


def lift_points(result: "ClvLift", cost: float | None = None) -> Picture:
    """The rows of each arm as points with intervals, and the cost of treating a customer as a line.

    >>> from clvhelpers.experiments.lift import clv_lift
    >>> survivors = {"control": [1000, 758, 625, 540], "offer": [1000, 787, 661, 578]}
    >>> lift = clv_lift(survivors, margin=10, discount_rate=0.10, horizon=36)
    >>> print(lift_points(lift, cost=2.5).alt[:95])
    Points with intervals. A customer of offer brings $5.87 more in 36 months, $1.01 more in the fi
    """
    rows = result.frame[result.frame["problem"] == ""]
    several = len(result.arms) > 1
    labels = [f"{arm}: {row}" if several else row for arm, row in zip(rows["arm"], rows["row"], strict=True)]
    points = pd.DataFrame({"label": labels, "estimate": rows["lift"], "low": rows["low"], "high": rows["high"]})

    def shown(value: float) -> str:
        return money(value, result.currency)

    finding = _lift_finding(result, cost)
    picture = effect_points(points, finding, f"More than {result.control}, before the cost", shown)
    if cost is None:
        return picture
    _mark(picture.figure.axes[0], cost, f"cost {shown(cost)}")
    return Picture(picture.figure, f"{picture.alt} A line marks the cost of {shown(cost)} a customer.")


def net_value(result: "Decision") -> Picture:
    """How likely each net value of the roll-out is, with the part below zero in colour.

    >>> from clvhelpers.experiments.decision import decide
    >>> print(net_value(decide(0.664, 0.125, cost=0.50, customers=100_000)).alt[:96])
    Curve of the probability of each net value of the roll-out. Ship: a loss has a probability of 9%
    """
    row, currency = result.numbers, result.terms.currency
    spread = float(row["standard_error"]) * result.terms.customers
    mean = float(row["net"])
    net = np.linspace(min(mean - WIDTH * spread, -0.2 * spread), max(mean + WIDTH * spread, 0.2 * spread), 801)
    density = np.array([NormalDist(mean, spread).pdf(value) for value in net])
    below = chance(1 - row["probability"])
    finding = (
        f"{result.verdict.capitalize()}: a loss has a probability of {below}, and "
        f"{money(mean, currency)} is expected from {count(result.terms.customers, 'customer')}"
    )
    with canvas() as (figure, axes):
        axes.fill_between(net, density, where=net >= 0, color=BLUE, alpha=0.3, linewidth=0)
        axes.fill_between(net, density, where=net <= 0, color=RED, alpha=0.6, linewidth=0)
        axes.plot(net, density, color=BLUE, linewidth=2)
        axes.axvline(0, color=GREY, linewidth=1, linestyle="--")
        axes.annotate(f"loss {below}", (0, 0.97), (-6, 0), ("data", "axes fraction"), "offset points",
                      ha="right", va="top", color=RED)  # fmt: skip
        axes.annotate(f"gain {chance(row['probability'])}", (0, 0.97), (6, 0), ("data", "axes fraction"),
                      "offset points", ha="left", va="top", color=BLUE)  # fmt: skip
        axes.set_yticks([])
        axes.set_ylim(bottom=0, top=1.15 * density.max())
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda value, _: money(value, currency, 0 if spread > FEW_CENTS else None))
        axes.set_xlabel(f"Net value of the roll-out ({result.row})" if len(result.frame) > 1 else "Net value")
        title(axes, finding)
    ends = f"{money(row['low'], currency)} to {money(row['high'], currency)}"
    words = f"The {percent(result.terms.level, 0)} interval is {ends}."
    return Picture(figure, f"Curve of the probability of each net value of the roll-out. {finding}. {words}")


def guardrail_point(result: "Guardrail") -> Picture:
    """The difference with its interval, and the margin of harm as a line.

    >>> from clvhelpers.experiments.guardrails import guardrail
    >>> print(guardrail_point(guardrail((-0.002, -0.006, 0.002), margin=0.01, better="higher", name="Orders")).alt)
    Points with intervals. Orders passes: such harm is ruled out. Orders: -0.002 (-0.006 to 0.002). A line \
marks the margin, -0.01.
    """
    point = pd.DataFrame(
        {"label": [result.name], "estimate": [result.difference], "low": [result.low], "high": [result.high]}
    )
    told = {
        "passes": "passes: such harm is ruled out",
        "fails": "fails: harm is shown",
        "open": "is open: too few data",
    }
    picture = effect_points(point, f"{result.name} {told[result.state]}", "Difference from control", plain)
    edge = -result.margin if result.better == "higher" else result.margin
    _mark(picture.figure.axes[0], edge, "margin")
    return Picture(picture.figure, f"{picture.alt} A line marks the margin, {plain(edge)}.")


def _mark(axes: Axes, at: float, words: str) -> None:
    """A line across the points, within the axes, with its words at the foot."""
    low, high = axes.get_xlim()
    room = 0.12 * (high - low)
    axes.set_xlim(min(low, at - room), max(high, at + room))
    axes.axvline(at, color=ORANGE, linewidth=2, zorder=1)
    axes.set_ylim(bottom=-0.9)
    axes.annotate(words, (at, 0), (4, 4), ("data", "axes fraction"), "offset points", color=ORANGE)


def _lift_finding(result: "ClvLift", cost: float | None) -> str:
    first = result.arms[0]
    rows = result.of(first)
    seen = more_or_less(rows["window"]["lift"], result.currency)
    first_periods = f"the first {long_time(result.window, result.unit).removeprefix('1 ')}"
    told = f"A customer of {first} brings {seen} in {first_periods}"
    if not rows["common tail"]["problem"]:
        lift = more_or_less(rows["common tail"]["lift"], result.currency)
        whole = long_time(result.horizon, result.unit)
        told = f"A customer of {first} brings {lift} in {whole}, {seen} in {first_periods}"
    return told if cost is None else f"{told}; it costs {money(cost, result.currency)}"
