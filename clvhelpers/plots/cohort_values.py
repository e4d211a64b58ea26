"""Figures of what cohorts bring: cumulative value by age, and young cohorts carried to the age of the oldest."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize

from clvhelpers.cohorts.projection import WORDS, CohortProjection
from clvhelpers.cohorts.value import FEWEST_COHORTS, CohortValue
from clvhelpers.plots.look import BLUE, INK, ORANGE, SKY, Picture, canvas, number_axis, title
from clvhelpers.text import count, money, number, percent
from clvhelpers.text import period as period_name

MOST_NAMES, MOST_TICKS, MOST_LINES = 8, 5, 12
LIGHTEST = 0.92  # the end of the colours is too light for a line on white


def value_by_cohort(value: CohortValue) -> Picture:
    """Cumulative value per acquired customer by age, a line a cohort, dark for the oldest and light for the youngest.

    With more than 12 cohorts a line pools neighbours, up to the age that all of them have reached.

    >>> from clvhelpers import cohort_table, load_cdnow
    >>> from clvhelpers.cohorts import cohort_value
    >>> value_by_cohort(cohort_value(cohort_table(load_cdnow(), end="1998-06-30"), 0.4)).alt.partition(".")[0]
    'Lines of cumulative value per customer by age for 3 cohorts, 1997-01 to 1997-03'
    """
    lines, pooled = _lines(value)
    colours = mpl.colormaps["viridis"](np.linspace(0, LIGHTEST, len(lines)))
    names = [period_name(cohort) for cohort in lines.index]
    finding = _value_finding(value)
    with canvas() as (figure, axes):
        for colour, (_, line) in zip(colours, lines.iterrows(), strict=True):
            axes.plot(line.index, line, color=colour, linewidth=1.3)
        axes.axvline(value.compared_at, color=INK, linewidth=0.8, linestyle=":")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True))
        number_axis(axes.yaxis)
        axes.set_xlabel(f"{value.step.capitalize()}s since the first purchase (dotted: where halves are compared)")
        axes.set_ylabel(f"Value per customer so far ({value.currency})")
        scale = ScalarMappable(Normalize(0, len(names)), ListedColormap(colours))
        every = -(-len(names) // MOST_NAMES)
        shown = range(0, len(names), every)
        bar = figure.colorbar(scale, ax=axes, ticks=[place + 0.5 for place in shown], pad=0.02)
        bar.ax.set_yticklabels([names[place] for place in shown])
        bar.ax.invert_yaxis()
        bar.set_label("First purchase in" if pooled == 1 else f"First of {pooled} cohorts")
        bar.outline.set_visible(False)
        title(axes, finding)
    cohorts = value.triangle().index
    return Picture(
        figure,
        f"Lines of cumulative value per customer by age for {count(len(cohorts), 'cohort')}, "
        f"{period_name(cohorts[0])} to {period_name(cohorts[-1])}. {finding}. {value.sentence()}",
    )


def _lines(value: CohortValue) -> tuple[pd.DataFrame, int]:
    """A row a line, named by its first cohort, and how many neighbours each pools."""
    triangle = value.triangle()
    sizes = value.frame.groupby("cohort")["n0"].first()
    pooled = -(-len(triangle) // MOST_LINES)
    group = triangle.index[np.arange(len(triangle)) // pooled * pooled]
    money_of = triangle.mul(sizes, axis=0).groupby(group).sum(skipna=False)
    return money_of.div(sizes.groupby(group).sum(), axis=0), pooled


def _value_finding(value: CohortValue) -> str:
    halves = value.halves()
    at = f"By {value.step} {value.compared_at}"
    if len(halves) < FEWEST_COHORTS:
        return f"{at} a customer has brought {money(halves['value'].iloc[0], value.currency)}"
    old, young = (money(halves["value"][half], value.currency) for half in ("older", "younger"))
    return f"{at} a customer of the older cohorts had brought {old}, of the younger {young}"


def projected_cohorts(projection: CohortProjection) -> Picture:
    """What each cohort has come to and what is expected at the last age, with one standard error either way.

    Where the number shrinks with age (customers still active), the light part is what is expected to be lost.

    >>> from clvhelpers import cohort_table, load_cdnow
    >>> from clvhelpers.cohorts import project_cohorts
    >>> projected_cohorts(project_cohorts(cohort_table(load_cdnow(), end="1997-07-31"), "orders")).alt.partition(".")[0]
    'Bars of orders by cohort, seen and expected by month 6'
    """
    frame, shown = projection.frame, projection.shown
    seen, expected = frame["so_far"], frame["expected"]
    grows = expected.sum() >= seen.sum()
    solid, light = (seen, expected) if grows else (expected, seen)
    words = ("seen so far", "expected to come") if grows else ("expected to be left", "expected to leave")
    what = f"{frame['so_far'].size} cohorts: {shown(seen.sum())}{WORDS[projection.value]} so far"
    finding = f"{what}, {shown(expected.sum())} expected by {projection.step} {projection.to_age}"
    with canvas() as (figure, axes):
        places = np.arange(len(frame))
        axes.bar(places, light, width=0.85, color=SKY, label=words[1])
        axes.bar(places, solid, width=0.85, color=BLUE, label=words[0])
        errors = frame["standard_error"].fillna(0)
        some = (errors > 0).to_numpy()
        if some.any():
            bars = {"fmt": "none", "ecolor": ORANGE, "elinewidth": 1.4, "label": "± one standard error"}
            axes.errorbar(places[some], expected[some], yerr=errors[some], **bars)
        every = -(-len(frame) // MOST_TICKS)
        axes.set_xticks(places[::every], [period_name(cohort) for cohort in frame["cohort"][::every]])
        number_axis(axes.yaxis)
        axes.set_xlabel("First purchase in")
        axes.set_ylabel(
            f"Revenue ({projection.currency})"
            if projection.value == "revenue"
            else WORDS[projection.value].strip().capitalize()
        )
        figure.legend(loc="outside lower center", ncols=3)
        title(axes, finding)
    error = projection.total_standard_error
    share = f", with a standard error of {percent(error / expected.sum())}" if error and expected.sum() else ""
    noun = "revenue" if projection.value == "revenue" else WORDS[projection.value].strip()
    return Picture(
        figure,
        f"Bars of {noun} by cohort, seen and expected by {projection.step} {projection.to_age}. The "
        f"{number(len(frame))} cohorts have {shown(seen.sum())} so far and are expected to come to "
        f"{shown(expected.sum())}{share}.",
    )
