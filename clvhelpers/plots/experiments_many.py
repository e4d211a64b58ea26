"""Figures of many comparisons: p-values and what looking often makes of them, cells, segments, and effects by age."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, MaxNLocator

from clvhelpers.errors import ConfigError
from clvhelpers.experiments.words import shown_p
from clvhelpers.plots.effects import effect_points
from clvhelpers.plots.look import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    INK,
    ORANGE,
    Picture,
    canvas,
    number_axis,
    percent_axis,
    title,
)
from clvhelpers.plots.survival import MOST_DOTS, dots_height, few_enough
from clvhelpers.text import count, number, percent, period

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from clvhelpers.experiments.factorial import FactorialEffects
    from clvhelpers.experiments.many import ManyComparisons
    from clvhelpers.experiments.novelty import Novelty
    from clvhelpers.experiments.segment_luck import CostOfSegments
    from clvhelpers.experiments.subgroups import SegmentEffects

LEAST_P = 1e-4  # smaller ones are drawn at the edge
P_TICKS = (1e-4, 0.001, 0.01, 0.05, 0.2, 1)


def p_value_points(result: "ManyComparisons") -> Picture:
    """Each p-value and beside it what the adjustment makes of it, the smallest on top, with alpha as a line.

    >>> from clvhelpers.experiments import compare_many
    >>> print(p_value_points(compare_many({"blue": 0.01})).alt)
    Pairs of points. 1 of 1 are found by Holm, 1 without it. blue: p 0.010, adjusted p 0.010.
    """
    rows = result.frame.sort_values("p_value", kind="stable")
    if len(rows) > MOST_DOTS:
        raise ConfigError(f"{len(rows)} comparisons are too many for one figure: read .frame")
    places = np.arange(len(rows))
    alone = int((rows["p_value"] <= result.alpha).sum())
    found = int(rows["rejected"].sum())
    finding = f"{number(found)} of {number(len(rows))} are found by {result.method.title()}, {number(alone)} without it"
    with canvas(figsize=(5.8, dots_height(rows) + 0.3)) as (figure, axes):
        axes.axvline(result.alpha, color=INK, linewidth=1, linestyle="--")
        raw, adjusted = (rows[name].clip(lower=LEAST_P) for name in ("p_value", "adjusted"))
        axes.hlines(places, raw, adjusted, color=GREY, linewidth=1)
        axes.plot(raw, places, "o", color=GREY, markerfacecolor="white", label="by itself")
        axes.plot(adjusted, places, "o", color=BLUE, label="adjusted")
        axes.set_yticks(places, rows["name"])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xscale("log")
        axes.set_xlim(LEAST_P / 1.4, 1.4)
        axes.xaxis.set_major_locator(FixedLocator(P_TICKS))
        axes.xaxis.set_minor_locator(FixedLocator([]))
        axes.xaxis.set_major_formatter(lambda value, _: _p(value))
        axes.grid(axis="x")
        axes.grid(False, axis="y")
        axes.set_xlabel(f"p-value; the line is {percent(result.alpha, 0)}")
        figure.legend(loc="outside lower center", ncols=2)
        title(axes, finding)
    words = "; ".join(
        f"{row['name']}: {shown_p(row['p_value'])}, adjusted {shown_p(row['adjusted'])}"
        for row in rows.to_dict("records")
    )
    return Picture(figure, f"Pairs of points. {finding}. {words}.")


def _p(value: float) -> str:
    return f"≤ {number(LEAST_P, 4)}" if value <= LEAST_P else f"{number(value, 3)}".rstrip("0").rstrip(".")


def interaction_lines(result: "FactorialEffects", across: str, lines: str) -> Picture:
    """Means by the levels of one factor, a line with intervals for each level of another.

    >>> from clvhelpers.experiments import factorial_effects
    >>> frame = pd.DataFrame({"price": ["low", "low", "high", "high"] * 3, "message": ["a", "b"] * 6})
    >>> frame["spend"] = [10.0, 12, 14, 20, 11, 13, 15, 21, 12, 14, 16, 22]
    >>> found = factorial_effects(frame, ["price", "message"], "spend", unit=None, base={"price": "low"})
    >>> print(interaction_lines(found, "price", "message").alt[:85])
    Lines with intervals. What price does depends on message. message a: 11.00 at low, 15
    """
    means = result.means_by([across, lines])
    levels, groups = means[across].unique(), means[lines].unique()
    few_enough(list(groups))
    tests = dict(zip(result.interactions["factors"], result.interactions["p_value"], strict=True))
    pair = f"{across} x {lines}" if f"{across} x {lines}" in tests else f"{lines} x {across}"
    finding = (
        f"What {across} does depends on {lines}"
        if tests[pair] < 1 - result.level
        else f"No interaction of {across} and {lines} shows"
    )
    with canvas() as (figure, axes):
        for place, (name, colour) in enumerate(zip(groups, COLOURS, strict=False)):
            own = means[means[lines] == name].set_index(across).loc[levels]
            at = np.arange(len(levels)) + 0.04 * (place - (len(groups) - 1) / 2)
            errors = [own["mean"] - own["low"], own["high"] - own["mean"]]
            axes.errorbar(at, own["mean"], errors, fmt="o-", color=colour, capsize=3, label=f"{lines} {name}")
        axes.set_xticks(np.arange(len(levels)), levels)
        axes.set_xlim(-0.4, len(levels) - 0.6)
        axes.set_xlabel(across)
        axes.set_ylabel(f"Mean of {result.outcome}" if not result.rate else f"Share with {result.outcome}")
        axes.yaxis.set_major_formatter(lambda mean, _: result.shown(mean))
        figure.legend(loc="outside lower center", ncols=min(len(groups), 3))
        title(axes, finding)
    return Picture(figure, f"Lines with intervals. {finding}. {_cell_words(means, across, lines, result.shown)}")


def _cell_words(means: pd.DataFrame, across: str, lines: str, shown: Callable[[float], str]) -> str:
    told = [
        f"{lines} {name}: " + ", ".join(f"{shown(row['mean'])} at {row[across]}" for row in own.to_dict("records"))
        for name, own in means.groupby(lines, sort=False)
    ]
    return "; ".join(told) + "."


def segment_points(result: "SegmentEffects", arm: str) -> Picture:
    """The effect in each segment and over all, with intervals; the title is the test that they differ.

    >>> from clvhelpers.experiments import segment_effects
    >>> random = np.random.default_rng(6)
    >>> frame = pd.DataFrame({"arm": ["control", "offer"] * 400, "country": ["DE", "DE", "FR", "FR"] * 200})
    >>> frame["spend"] = random.normal(20, 5, 800) + 3 * ((frame["arm"] == "offer") & (frame["country"] == "FR"))
    >>> found = segment_effects(frame, "country", "spend", measured_at="before", unit=None)
    >>> print(segment_points(found, "offer").alt[:89])
    Points with intervals. The effect of offer differs between segments of country. over all:
    """
    from clvhelpers.experiments.welch import shown_as
    from clvhelpers.experiments.words import points

    rows = result.frame[result.frame["arm"] == arm].sort_values("difference", ascending=False)
    if len(rows) > MOST_DOTS:
        raise ConfigError(f"{len(rows)} segments are too many for one figure: read .frame")
    whole = result.overall[result.overall["arm"] == arm].assign(segment="over all")
    shown = pd.concat([whole, rows]).rename(columns={"segment": "label", "difference": "estimate"})
    test = result.interaction.set_index("arm").loc[arm]
    differs = "differs" if test["p_value"] < 1 - result.level else "does not differ"
    more = "" if test["p_value"] < 1 - result.level else " by more than chance"
    finding = f"The effect of {arm} {differs} between segments of {result.segment}{more}"
    unit = "in points" if result.rate else "of means"
    words = points if result.rate else lambda value: shown_as(value, result.currency)
    columns = ["label", "estimate", "low", "high"]
    return effect_points(
        shown[columns].reset_index(drop=True).astype({"label": str}), finding, f"Difference {unit} from control", words
    )


def lucky_segments(result: "CostOfSegments") -> Picture:
    """The share of tests without an effect in which a segment wins, by how many are looked at and how.

    >>> from clvhelpers.experiments.segment_luck import cost_of_segments
    >>> print(lucky_segments(cost_of_segments(10, runs=500)).alt[:83])
    Lines of the share of tests without any effect in which one is found, by segments l
    """
    frame, ways = result.frame, {"alone": "each by itself", "holm": "Holm", "interaction": "interaction test"}
    with canvas() as (figure, axes):
        axes.axhline(result.alpha, color=GREY, linewidth=1, linestyle="--")
        for (column, label), colour in zip(ways.items(), (ORANGE, BLUE, GREEN), strict=True):
            axes.plot(frame["segments"], frame[column], "o-", color=colour, markersize=4, label=label)
        axes.set_ylim(0, 1.15 * float(frame["alone"].max()))
        percent_axis(axes.yaxis)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set_xlabel("Segments looked at")
        axes.set_ylabel("Tests with a false alarm")
        figure.legend(loc="outside lower center", ncols=3)
        last = result.last
        looked = count(int(last["segments"]), "useless segment")
        finding = f"With {looked} at least one wins in {percent(last['alone'], 0)} of tests"
        title(axes, finding)
    told = "; ".join(f"{label} {percent(last[column])}" for column, label in ways.items())
    return Picture(
        figure,
        f"Lines of the share of tests without any effect in which one is found, by segments looked at. {finding}. "
        f"At the end: {told}. The dashed line is {percent(result.alpha, 0)}.",
    )


def effect_by_age(result: "Novelty", arm: str) -> Picture:
    """The effect by age with its band, and a thin line for each cohort, as many as there are colours.

    >>> from clvhelpers.experiments import novelty
    >>> random = np.random.default_rng(6)
    >>> units = pd.DataFrame({"customer_id": range(400), "arm": ["control", "offer"] * 200})
    >>> long = units.assign(exposed_at=pd.Timestamp("2026-01-05")).merge(pd.DataFrame({"age": range(7)}), how="cross")
    >>> long["spend"] = random.normal(5, 1, 2800) + (long["arm"] == "offer") * (2 - 0.25 * long["age"])
    >>> print(effect_by_age(novelty(long, "spend"), "offer").alt[:71])
    Line with a band, and a line for each cohort. The effect of offer fades
    """
    rows = result.frame[result.frame["arm"] == arm]
    own = result.cohorts[result.cohorts["arm"] == arm]
    finding = result.finding(arm)
    scale, unit = (100, "points") if result.rate else (1, result.currency)
    with canvas(figsize=(5.8, 4.0)) as (figure, axes):
        axes.axhline(0, color=GREY, linewidth=1, linestyle="--")
        axes.fill_between(rows["age"], scale * rows["low"], scale * rows["high"], color=INK, alpha=0.12, linewidth=0)
        axes.plot(rows["age"], scale * rows["difference"], "o-", color=INK, linewidth=2, label="all seen at that age")
        _cohort_lines(axes, own, scale)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        number_axis(axes.yaxis)
        axes.set_xlabel(f"{result.step.capitalize()}s since exposure")
        axes.set_ylabel(f"{arm} minus control" + (f", {unit}" if unit else ""))
        figure.legend(loc="outside lower center", ncols=2)
        title(axes, finding)
    return Picture(figure, f"Line with a band, and a line for each cohort. {result.sentence()}")


def _cohort_lines(axes: "Axes", rows: pd.DataFrame, scale: float) -> None:
    """A line for each cohort; of too many to tell apart all in one colour."""
    groups = [(period(cohort), rows[rows["cohort"] == cohort]) for cohort in rows["cohort"].unique()]
    few = 1 < len(groups) <= len(COLOURS)
    for place, (cohort, own) in enumerate(groups if len(groups) > 1 else []):
        label = f"exposed {cohort}" if few else ("one cohort" if not place else None)
        colour = COLOURS[place] if few else ORANGE
        axes.plot(own["age"], scale * own["difference"], color=colour, linewidth=1, alpha=0.8, label=label)
