"""Figures of staying: curves with the customers at risk, what lies between two curves, and log-rank."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clvhelpers.churn.stays import EVERYBODY, FEWEST_AT_RISK, Array, long_time
from clvhelpers.errors import ConfigError
from clvhelpers.plots.look import BLUE, COLOURS, GREY, ORANGE, Picture, canvas, percent_axis, title
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.churn.logrank import LogRank
    from clvhelpers.churn.restricted_mean import MeanDifference, RestrictedMeans
    from clvhelpers.churn.survival import Survival

STEPS = (1, 2, 3, 6, 12, 24, 60, 90, 180, 365)  # months or years, weeks, days
MOST_TICKS, MOST_DOTS = 8, 30
SHORT_NAME, FEW_GROUPS = 16, 4


def survival_curves(result: "Survival", until: float | None = None, finding: str = "") -> Picture:
    """Each curve as steps with its band, and under the axis how many stays are at risk at each age.

    `until` cuts the axis at an age, and `finding` is the title in place of how many are still there. Raises ConfigError
    for more groups than can be told apart.

    >>> from clvhelpers.churn import kaplan_meier
    >>> stays = pd.DataFrame({"duration": [1, 2, 2, 3, 5], "left": [1, 1, 0, 1, 0]})
    >>> print(survival_curves(kaplan_meier(stays)).alt[:77])
    Curve of the share still there by age. After 1 month 80% are still there. All
    """
    few_enough(result.groups)
    end = _end(result, until)
    ticks = age_ticks(result.start, end)
    groups = result.groups
    heights = [3.6, 0.25 + 0.2 * len(groups)]
    with canvas(rows=2, figsize=(5.8, sum(heights) + 0.4 + 0.15 * (len(groups) - 1)), height_ratios=heights) as (
        figure,
        both,
    ):
        axes, table = both
        for name, colour in zip(groups, COLOURS, strict=False):
            _draw_curve(axes, result.curve(name), colour, name, end)
        _share_axis(axes, "Share still there")
        name_lines(figure, axes, groups)
        _at_risk_table(table, result, ticks)
        for part in both:
            part.set_xlim(result.start, end)
        axes.set_xticks(ticks)
        axes.set_xlabel(f"{result.unit.capitalize()}s since the start")
        finding = finding or _finding(result, ticks)
        title(axes, finding)
    return Picture(figure, f"Curve of the share still there by age. {finding}. {_curve_words(result, ticks)}")


def area_between(result: "MeanDifference") -> Picture:
    """Two curves up to the horizon; the area between them is the time that one group stays longer.

    >>> from clvhelpers.churn import kaplan_meier, restricted_mean
    >>> stays = pd.DataFrame({"duration": [1, 2, 4, 3, 5, 6], "left": [1, 1, 0, 1, 1, 0], "plan": list("aaabbb")})
    >>> means = restricted_mean(kaplan_meier(stays, "plan"), 4)
    >>> print(area_between(means.difference("b", "a")).alt[:78])
    Two curves of the share still there by age. Of the first 4 months a customer o
    """
    means, unit = result.means, result.means.unit
    start, end = means.curves.start, means.horizon
    curves = {name: means.curves.curve(name) for name in (result.first, result.second)}
    grid = np.unique(np.concatenate([[start, end], *(rows["time"][rows["time"] <= end] for rows in curves.values())]))
    with canvas() as (figure, axes):
        levels = {name: _level_at(rows, grid) for name, rows in curves.items()}
        axes.fill_between(grid, *levels.values(), step="post", color=GREY, alpha=0.25, linewidth=0)
        for (name, level), colour in zip(levels.items(), (BLUE, ORANGE), strict=True):
            axes.step(grid, level, where="post", color=colour, linewidth=2, label=name)
        _share_axis(axes, "Share still there")
        axes.set_xticks(age_ticks(start, end))
        axes.set_xlim(start, end)
        axes.set_xlabel(f"{unit.capitalize()}s since the start")
        figure.legend(loc="outside lower center", ncols=2)
        more = "longer" if result.difference >= 0 else "shorter"
        span = long_time(end - start, unit)
        finding = (
            f"Of {span} {result.first} stays {long_time(abs(result.difference), unit)} {more} than {result.second}"
        )
        title(axes, finding)
    return Picture(figure, f"Two curves of the share still there by age. {result.sentence()}")


def mean_points(result: "RestrictedMeans") -> Picture:
    """The mean time within the horizon of each group, as a point with its interval.

    >>> from clvhelpers.churn import kaplan_meier, restricted_mean
    >>> stays = pd.DataFrame({"duration": [1, 2, 2, 3, 5, 6], "left": [1, 1, 0, 1, 1, 0], "plan": list("aaabbb")})
    >>> print(mean_points(restricted_mean(kaplan_meier(stays, "plan"), 2)).alt[:46])
    Points with intervals. b stays longest: 2 of 2
    """
    frame = result.frame
    best = frame.iloc[int(frame["mean"].argmax())]
    who = "A customer" if best["group"] == EVERYBODY else f"{best['group']}"
    how = " stays" if len(frame) == 1 else " stays longest:"
    whole = long_time(result.horizon - result.curves.start, result.unit)
    finding = f"{who}{how} {number(best['mean'], 1).removesuffix('.0')} of {whole}"
    with canvas(figsize=(5.8, dots_height(frame))) as (figure, axes):
        dots(axes, frame, "mean", [number(mean, 1) for mean in frame["mean"]])
        axes.set_xlabel(f"Mean {result.unit}s, of {whole}")
        title(axes, finding)
    return Picture(figure, f"Points with intervals. {finding}. {result.sentence()}")


def observed_and_expected(result: "LogRank") -> Picture:
    """Leavers of each group, and how many there would be if all groups left alike.

    >>> from clvhelpers.churn import log_rank
    >>> stays = pd.DataFrame({"duration": [1, 2, 3, 4, 5, 6], "left": 1, "plan": list("aaabbb")})
    >>> print(observed_and_expected(log_rank(stays, "plan")).alt[:72])
    Bars of leavers by group. a: 3 left, 1 expected if all groups left alike
    """
    frame = result.frame
    places, half = np.arange(len(frame)), 0.4
    with canvas(figsize=(5.8, 1.3 + 0.55 * len(frame))) as (figure, axes):
        for column, label, colour, shift in [("events", "left", BLUE, -0.2), ("expected", "expected", GREY, 0.2)]:
            bars = axes.barh(places + shift, frame[column], half * 0.92, color=colour, label=label)
            axes.bar_label(bars, labels=[number(value) for value in frame[column]], padding=3, fontsize=9)
        axes.set_yticks(places, frame["group"])
        axes.invert_yaxis()
        axes.grid(False)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.margins(x=0.12)
        figure.legend(loc="outside lower center", ncols=2)
        far = frame.iloc[int(np.abs(np.log(frame["ratio"].clip(lower=1e-9))).argmax())]
        left, expected = number(far["events"]), number(far["expected"])
        finding = f"{far['group']}: {left} left, {expected} expected if all groups left alike"
        title(axes, finding)
    words = "; ".join(
        f"{row['group']} {number(row['events'])} and {number(row['expected'])}" for row in frame.to_dict("records")
    )
    return Picture(figure, f"Bars of leavers by group. {finding}. Left and expected: {words}. {result.sentence()}")


def few_enough(groups: list[str]) -> None:
    """A figure tells as many groups apart as there are colours."""
    if len(groups) > len(COLOURS):
        raise ConfigError(
            f"{len(groups)} groups can't be told apart in one figure: choose {len(COLOURS)} or fewer, or read .frame"
        )


def name_lines(figure: Figure, axes: Axes, groups: list[str]) -> None:
    """Which line is whose: in the corner that falling curves leave free, or below where that takes more room."""
    if len(groups) == 1:
        return
    longest = max(len(name) for name in groups)
    if longest <= SHORT_NAME and len(groups) <= FEW_GROUPS:
        axes.legend(loc="upper right")
    else:
        figure.legend(loc="outside lower center", ncols=1 if longest > 2 * SHORT_NAME else 2)


def age_ticks(start: float, end: float) -> list[float]:
    """Ages to mark on an axis, at whole multiples of a step that people count in.

    >>> age_ticks(0, 36), age_ticks(0, 5), age_ticks(2.5, 12)
    ([0, 6, 12, 18, 24, 30, 36], [0, 1, 2, 3, 4, 5], [4, 6, 8, 10, 12])
    """
    length = end - start
    step = next((step for step in STEPS if length / step <= MOST_TICKS - 1), None)
    if step is None or length < 2:
        return [float(f"{tick:.6g}") for tick in np.linspace(start, end, 6)]
    return list(range(int(-(-start // step) * step), int(end) + 1, step))


def dots(axes: Axes, frame: pd.DataFrame, value: str, labels: list[str]) -> None:
    """A row for each group: a point, its interval `low` to `high` and a label; the axis begins at 0."""
    if len(frame) > MOST_DOTS:
        raise ConfigError(
            f"{len(frame)} groups are too many for one figure: choose {MOST_DOTS} or fewer, or read .frame"
        )
    places = np.arange(len(frame))
    low, high = (frame[end].fillna(frame[value]) for end in ("low", "high"))
    axes.hlines(places, low, high, color=BLUE, linewidth=2, alpha=0.5)
    axes.plot(frame[value], places, "o", color=BLUE)
    for place, at, label in zip(places, high, labels, strict=True):
        axes.annotate(label, (at, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(places, frame["group"])
    axes.set_ylim(len(frame) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.set_xlim(0, 1.15 * float(high.max()) or 1)
    axes.grid(axis="x")
    axes.grid(False, axis="y")


def dots_height(frame: pd.DataFrame) -> float:
    """How high a figure of `dots` is, in inches."""
    return 1.4 + 0.32 * len(frame)


def _end(result: "Survival", until: float | None) -> float:
    last = float(result.frame["time"].max())
    if until is None:
        return max(last, result.start + 1e-9)
    if not np.isfinite(until) or until <= result.start:
        raise ConfigError(f"until is {until}: expected an age after {result.start:g}, where the curve begins")
    return min(float(until), last)


def _draw_curve(axes: Axes, rows: pd.DataFrame, colour: str, name: str, end: float) -> None:
    rows = rows[rows["time"] <= end]
    axes.fill_between(rows["time"], rows["low"], rows["high"], step="post", color=colour, alpha=0.15, linewidth=0)
    axes.step(rows["time"], rows["survival"], where="post", color=colour, linewidth=2, label=name)


def _share_axis(axes: Axes, label: str) -> None:
    axes.set_ylim(0, 1.02)
    percent_axis(axes.yaxis)
    axes.set_ylabel(label)


def _at_risk_table(table: Axes, result: "Survival", ticks: list[float]) -> None:
    """A row of numbers for each group."""
    known = result.at(ticks)
    for row, name in enumerate(result.groups):
        for age, at_risk in known.loc[known["group"] == name, ["time", "at_risk"]].to_numpy():
            table.text(age, row, number(at_risk), ha="center", va="center", fontsize=9)
    alone = result.groups == [EVERYBODY]
    names = [name if len(name) <= SHORT_NAME else f"{name[: SHORT_NAME - 1]}…" for name in result.groups]
    table.set_yticks(range(len(names)), ["At risk"] if alone else names)
    table.set_ylim(len(result.groups) - 0.5, -0.5)
    table.xaxis.set_visible(False)
    table.tick_params(axis="y", length=0, pad=20)
    table.grid(False)
    table.spines[["left", "bottom"]].set_visible(False)
    if not alone:
        table.set_title("At risk", fontsize=9, fontweight="normal", loc="left", pad=2, x=0)


def _level_at(rows: pd.DataFrame, grid: Array) -> Array:
    place = np.searchsorted(rows["time"].to_numpy(), grid, side="right") - 1
    return rows["survival"].to_numpy()[np.maximum(place, 0)]


def _told_age(result: "Survival", ticks: list[float]) -> float:
    """The latest marked age at which each group still has enough customers at risk."""
    known = result.at([tick for tick in ticks if tick > result.start] or ticks)
    least = known.groupby("time")["at_risk"].min()
    enough = least[least >= FEWEST_AT_RISK]
    return float(enough.index[-1] if len(enough) else least.index[0])


def _finding(result: "Survival", ticks: list[float]) -> str:
    age = _told_age(result, ticks)
    known = result.at([age]).sort_values("survival", kind="stable", ascending=False)
    after = f"After {long_time(age, result.unit)}"
    best, worst = (known.iloc[place] for place in (0, -1))
    if len(known) == 1:
        return f"{after} {percent(best['survival'], 0)} are still there"
    shares = [f"{percent(row['survival'], 0)} of {row['group']}" for row in (best, worst)]
    return f"{after} {shares[0]} are still there, and {shares[1]}"


def _curve_words(result: "Survival", ticks: list[float]) -> str:
    known = result.at(ticks).dropna(subset="survival")
    told = []
    for name, rows in known.groupby("group", sort=False):
        points = [
            f"{percent(row['survival'], 0)} at {row['time']:g} ({number(row['at_risk'])} at risk)"
            for row in rows.to_dict("records")
        ]
        told.append(f"{name}: {', '.join(points)}")
    words = "; ".join(told)
    return f"{words[0].upper()}{words[1:]}. Ages in {result.unit}s; the bands are {percent(result.level, 0)} intervals."
