"""Figures of leaving: churn rates by age and group, and the reasons."""

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from clvhelpers.churn.hazards import span_name
from clvhelpers.churn.stays import EVERYBODY
from clvhelpers.plots.look import COLOURS, GREY, INK, ORANGE, PURPLE, SKY, Picture, canvas, percent_axis, title
from clvhelpers.plots.survival import age_ticks, dots, dots_height, few_enough, name_lines
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.churn.hazards import Hazards
    from clvhelpers.churn.reasons import Incidence, ReasonCounts

PALE = (ORANGE, SKY, PURPLE)  # on these colours dark letters are read better
MOST_PANELS = 3  # side by side
REASON_COLOURS = (*COLOURS[:4], GREY, *COLOURS[4:])


def hazard_points(result: "Hazards") -> Picture:
    """Churn rates with their intervals: along age, a line for each group, or one point a group.

    >>> from clvhelpers.churn import hazard_table
    >>> stays = pd.DataFrame({"duration": [1, 2, 2, 3, 5], "left": [1, 1, 0, 1, 0]})
    >>> print(hazard_points(hazard_table(stays)).alt[:54])
    Churn rates with intervals. 23.1% leave each month. 23
    """
    by_age = len(result.frame[["age_from", "age_to"]].drop_duplicates()) > 1
    finding = _hazard_finding(result)
    size = (5.8, 3.6 + 0.15 * len(result.groups)) if by_age else (5.8, dots_height(result.frame))
    with canvas(figsize=size) as (figure, axes):
        if by_age:
            few_enough(result.groups)
            _hazards_by_age(axes, result)
            name_lines(figure, axes, result.groups)
        else:
            dots(axes, result.frame, "hazard", [percent(rate) for rate in result.frame["hazard"]])
            percent_axis(axes.xaxis)
            axes.set_xlabel(f"Churn rate a {result.unit}")
        title(axes, finding)
    return Picture(figure, f"Churn rates with intervals. {finding}. {result.sentence()}")


def incidence_areas(result: "Incidence") -> Picture:
    """Who has left for which reason by each age, stacked; a panel for each group.

    >>> from clvhelpers.churn import cumulative_incidence
    >>> stays = pd.DataFrame({"duration": [1, 2, 2, 4, 5], "left": [1, 1, 0, 1, 0]})
    >>> found = cumulative_incidence(stays.assign(reason=["price", "moved", None, "price", None]))
    >>> print(incidence_areas(found).alt[:65])
    Areas of those who left, by reason and age. 50% left for price by
    """
    few_enough(result.groups)
    columns = min(MOST_PANELS, len(result.groups))
    rows = -(-len(result.groups) // columns)
    end = float(result.frame["time"].max())
    options = {"sharex": True, "sharey": True, "squeeze": False}
    with canvas(rows, columns, figsize=(5.8, 1.4 + 2.4 * rows), **options) as (figure, panels):
        for axes, group in zip(panels.flat, result.groups, strict=False):
            _stack(axes, result, group)
            axes.set_xlim(result.start, end)
            if columns > 1:
                axes.set_title(group, fontsize=10, fontweight="normal", loc="center", pad=4)
        for axes in panels.flat[len(result.groups) :]:
            axes.set_visible(False)
        panels[0, 0].set_xticks(age_ticks(result.start, end)[::columns])
        panels[0, 0].set_ylim(0, 1)
        percent_axis(panels[0, 0].yaxis)
        panels[-1, (len(result.groups) - 1) % columns // 2].set_xlabel(f"{result.unit.capitalize()}s since the start")
        panels[0, 0].set_ylabel("Share that has left")
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=2)
        finding = _incidence_finding(result)
        title(panels[0, 0], finding) if columns == 1 else figure.suptitle(
            textwrap.fill(finding, 48), x=0.02, ha="left", fontsize=12, fontweight="bold"
        )
    return Picture(figure, f"Areas of those who left, by reason and age. {finding}. {result.sentence()}")


def reason_bars(result: "ReasonCounts") -> Picture:
    """The shares of the reasons among the leavers of each group, as one bar a group.

    >>> from clvhelpers.churn import reason_counts
    >>> stays = pd.DataFrame({"duration": [1, 2, 2], "left": [1, 1, 0], "reason": ["price", "moved", None]})
    >>> print(reason_bars(reason_counts(stays)).alt[:63])
    Bars of the reasons of leavers. 50% leave for moved. moved 50%,
    """
    shares = result.frame.pivot(index="group", columns="reason", values="share")
    shares = shares.loc[result.frame["group"].drop_duplicates(), result.frame["reason"].drop_duplicates()]
    few_enough(list(shares.columns))
    with canvas(figsize=(5.8, 1.5 + 0.45 * len(shares))) as (figure, axes):
        left = np.zeros(len(shares))
        for (reason, share), colour in zip(shares.items(), REASON_COLOURS, strict=False):
            bars = axes.barh(range(len(shares)), share, 0.7, left=left, color=colour, label=reason, edgecolor="white")
            labels = [percent(one, 0) if one >= 0.06 else "" for one in share]
            ink = INK if colour in PALE else "white"
            axes.bar_label(bars, labels=labels, label_type="center", color=ink, fontsize=9, fontweight="bold")
            left += share.to_numpy()
        axes.set_yticks(range(len(shares)), shares.index)
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.grid(False)
        axes.xaxis.set_visible(False)
        axes.spines[["bottom", "left"]].set_visible(False)
        axes.tick_params(length=0)
        figure.legend(loc="outside lower center", ncols=2)
        finding = _reason_finding(shares)
        title(axes, finding)
    words = "; ".join(
        (f"{group}: " if group != EVERYBODY else "")
        + ", ".join(f"{name} {percent(one, 0)}" for name, one in row.items())
        for group, row in shares.iterrows()
    )
    return Picture(figure, f"Bars of the reasons of leavers. {finding}. {words}.")


def _hazards_by_age(axes: Axes, result: "Hazards") -> None:
    """A line over each span at its rate; the intervals stand side by side so that none hides another."""
    count = len(result.groups)
    for place, (name, colour) in enumerate(zip(result.groups, COLOURS, strict=False)):
        rows = result.frame[result.frame["group"] == name]
        width = rows["age_to"] - rows["age_from"]
        middle = rows["age_from"] + width * (place + 1) / (count + 1)
        axes.hlines(rows["hazard"], rows["age_from"], rows["age_to"], color=colour, linewidth=2, label=name)
        axes.vlines(middle, rows["low"], rows["high"], color=colour, linewidth=1.5, alpha=0.6)
    axes.set_ylim(bottom=0)
    oldest = float(result.frame["age_to"].max())
    axes.set_xlim(0, oldest)
    axes.set_xticks(age_ticks(0, oldest))
    percent_axis(axes.yaxis)
    axes.set_ylabel(f"Churn rate a {result.unit}")
    axes.set_xlabel(f"{result.unit.capitalize()}s since the start")


def _hazard_finding(result: "Hazards") -> str:
    known = result.frame.dropna(subset="hazard")
    if len(known) == 1:
        return f"{percent(known['hazard'].iloc[0])} leave each {result.unit}"
    spans = known.drop_duplicates(["age_from", "age_to"])
    if len(spans) > 1:
        first = known[known["age_from"] == known["age_from"].min()]
        last = known[known["age_from"] == known["age_from"].max()]
        early, late = (rows["leavers"].sum() / rows["exposure"].sum() for rows in (first, last))
        verb = "falls" if late < early else "rises"
        when = [span_name(rows["age_from"].iloc[0], rows["age_to"].iloc[0], result.unit) for rows in (first, last)]
        return f"Churn {verb} from {percent(early)} a {result.unit} in {when[0]} to {percent(late)} in {when[1]}"
    top, low = (known.iloc[int(place)] for place in (known["hazard"].argmax(), known["hazard"].argmin()))
    rates = [f"{percent(row['hazard'])} of {row['group']}" for row in (top, low)]
    return f"{rates[0]} leave each {result.unit}, {rates[1]}"


def _stack(axes: Axes, result: "Incidence", group: str) -> None:
    curves = [result.curve(reason, group) for reason in result.reasons]
    levels = [rows["incidence"].to_numpy() for rows in curves]
    axes.stackplot(
        curves[0]["time"], *levels, step="post", labels=result.reasons, colors=REASON_COLOURS, alpha=0.85, linewidth=0
    )


def _incidence_finding(result: "Incidence") -> str:
    ends = [result.last(reason, group) for group in result.groups for reason in result.reasons]
    most = max(ends, key=lambda row: row["incidence"])
    who = "" if most["group"] == EVERYBODY else f" of {most['group']}"
    share, when = percent(most["incidence"], 0), f"{result.unit} {number(most['time'])}"
    return f"{share}{who} left for {most['reason']} by {when}, more than for any other reason"


def _reason_finding(shares: pd.DataFrame) -> str:
    reason = shares.max().idxmax()
    low, high = shares[reason].min(), shares[reason].max()
    if percent(low, 0) == percent(high, 0):
        return f"{percent(high, 0)} leave for {reason}"
    return f"{percent(low, 0)} to {percent(high, 0)} of leavers, by group, leave for {reason}"
