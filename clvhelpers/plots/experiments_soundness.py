"""Figures of soundness: sizes of arms against the plan, what was known before exposure, and p-values of A/A splits."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from clvhelpers.errors import ConfigError
from clvhelpers.experiments.words import shown_p
from clvhelpers.plots.look import BLUE, GREY, ORANGE, RED, Picture, canvas, number_axis, title
from clvhelpers.plots.survival import MOST_DOTS, dots_height
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.experiments.balance import Balance
    from clvhelpers.experiments.resplit import AACheck
    from clvhelpers.experiments.sample_ratio import SampleRatio

CHANCE = 3.290527  # normal quantile of the 0.1% that fails
BARS = 20
COLOUR = {"passed": BLUE, "look into it": ORANGE, "failed": RED}


def arm_shares(result: "SampleRatio") -> Picture:
    """Units of each arm for every 100 planned: of all units, of the mature ones and of the most uneven group.

    The grey bar is where an arm lies in 99.9% of sound tests.

    >>> from clvhelpers.experiments.sample_ratio import sample_ratio
    >>> print(arm_shares(sample_ratio({"gate_30": 44700, "gate_40": 45489})).alt[:78])
    Points of units for every 100 planned. Of all units gate_30 has 49.56% where 5
    """
    from clvhelpers.experiments.sample_ratio import ALL, MATURE

    checks = [name for name in (ALL, MATURE, result.worst_group) if name in set(result.arms["check"])]
    rows = pd.concat([result.arms[result.arms["check"] == name] for name in checks], ignore_index=True)
    _few_enough(rows)
    verdicts = dict(zip(result.frame["check"], result.frame["verdict"], strict=True))
    planned = rows["expected_units"]
    seen = 100 * rows["units"] / planned
    half = 100 * CHANCE * np.sqrt((1 - rows["expected_share"]) / planned)
    names = rows["arm"].astype(str)
    labels = names if checks == [ALL] else names + ", " + rows["check"]
    places = np.arange(len(rows))
    finding = _farthest(result)
    with canvas(figsize=(5.8, dots_height(rows) + 0.3)) as (figure, axes):
        axes.hlines(places, 100 - half, 100 + half, color=GREY, alpha=0.35, linewidth=9, label="99.9% of sound tests")
        axes.axvline(100, color=GREY, linewidth=1, linestyle="--", label="as planned")
        for place, at, check, units in zip(places, seen, rows["check"], rows["units"], strict=True):
            axes.plot(at, place, "o", color=COLOUR[verdicts[check]], markersize=7)
            axes.annotate(number(units), (at, place), (0, 8), textcoords="offset points", ha="center", fontsize=9)
        _rows_down(axes, labels)
        axes.set_xlabel("Units for every 100 planned")
        figure.legend(loc="outside lower center", ncols=2)
        title(axes, finding)
    return Picture(figure, f"Points of units for every 100 planned. {finding}. {result.sentence()}")


def _farthest(result: "SampleRatio") -> str:
    """The arm that is furthest off its plan, in the check that chance explains least."""
    check = str(result.frame["check"].iloc[int(result.frame["adjusted_p_value"].argmin())])
    rows = result.arms[result.arms["check"] == check]
    off = (rows["share"] - rows["expected_share"]) / np.sqrt(rows["expected_share"])
    row = rows.iloc[int(off.abs().argmax())]
    shares = f"{percent(row['share'], 2)} where {percent(row['expected_share'], 2)} were planned"
    return f"Of {check.replace(': ', ' ')} {row['arm']} has {shares}: {result.verdict}"


def love_plot(result: "Balance") -> Picture:
    """How far the arms were apart before exposure, in standard deviations, for each covariate and label.

    >>> from clvhelpers.experiments.balance import balance
    >>> units = pd.DataFrame({"arm": ["control", "offer"] * 20, "orders": range(40)})
    >>> print(love_plot(balance(units, ["orders"], measured_at="before")).alt[:75])
    Points of differences before exposure. The largest difference of the arms i
    """
    from clvhelpers.experiments.balance import NOTABLE, row_name

    rows = result.frame
    _few_enough(rows)
    arms = list(rows["arm"].drop_duplicates())
    labels = rows.apply(row_name, axis=1)
    labels = labels if len(arms) == 1 else labels + ", " + rows["arm"].astype(str)
    off = rows["standardised_difference"]
    far = int(off.abs().argmax())
    finding = f"The largest difference of the arms is {number(abs(off[far]), 2)} standard deviations, in {labels[far]}"
    with canvas(figsize=(5.8, dots_height(rows) + 0.3)) as (figure, axes):
        axes.axvspan(-NOTABLE, NOTABLE, color=GREY, alpha=0.15, linewidth=0, label=f"less than {NOTABLE}: small")
        axes.axvline(0, color=GREY, linewidth=1, linestyle="--", label="alike")
        axes.scatter(off, np.arange(len(rows)), 45, np.where(off.abs() > NOTABLE, ORANGE, BLUE), zorder=3)
        widest = 1.15 * max(float(off.abs().max()), 1.5 * NOTABLE)
        axes.set_xlim(-widest, widest)
        _rows_down(axes, labels)
        axes.set_xlabel("Arm less control, in standard deviations")
        figure.legend(loc="outside lower center", ncols=2)
        title(axes, finding)
    told = "; ".join(f"{label} {number(value, 2)}" for label, value in zip(labels, off, strict=True))
    return Picture(figure, f"Points of differences before exposure. {finding}. {told}. {result.sentence()}")


def p_value_bars(result: "AACheck") -> Picture:
    """How many splits had p-values in each twentieth; level bars are what a sound comparison gives.

    >>> from clvhelpers.experiments import aa_check
    >>> print(p_value_bars(aa_check(pd.DataFrame({"orders": range(100)}), "orders", seed=1)).alt[:62])
    Bars of p-values of splits by chance. 4.8% of splits by chance
    """
    share = float(result.frame["rate"][result.frame["alpha"] == 0.05].iloc[0])
    verdict = "as promised" if result.passed else "where 5% are promised"
    finding = f"{percent(share)} of splits by chance have p below 0.05, {verdict}"
    counts, edges = np.histogram(result.p_values, BARS, (0, 1))
    level = len(result.p_values) / BARS
    with canvas() as (figure, axes):
        colours = [ORANGE, *[BLUE] * (BARS - 1)]
        axes.bar(edges[:-1], counts, 1 / BARS, align="edge", color=colours, edgecolor="white")
        axes.axhline(level, color=GREY, linewidth=1, linestyle="--", label=f"level: {number(level)} splits each")
        axes.set_xlim(0, 1)
        axes.set_xlabel("p-value of the difference between two halves alike")
        axes.set_ylabel("Splits")
        number_axis(axes.yaxis)
        figure.legend(loc="outside lower center")
        title(axes, finding)
    fewest, most = number(counts.min()), number(counts.max())
    range_words = f"Of {number(len(result.p_values))} splits each twentieth has {fewest} to {most}"
    uniform = f"test of level bars: {shown_p(result.uniform_p_value)}"
    return Picture(figure, f"Bars of p-values of splits by chance. {finding}. {range_words}; {uniform}.")


def _rows_down(axes: Axes, labels: "pd.Series[str]") -> None:
    """A labelled row for each point, from the top down."""
    axes.set_yticks(np.arange(len(labels)), list(labels))
    axes.set_ylim(len(labels) - 0.5, -0.7)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    number_axis(axes.xaxis)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")


def _few_enough(rows: pd.DataFrame) -> None:
    if len(rows) > MOST_DOTS:
        raise ConfigError(f"{len(rows)} rows are too many for one figure: choose {MOST_DOTS} or fewer, or read .frame")
