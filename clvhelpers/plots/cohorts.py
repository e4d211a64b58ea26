"""Figures of cohorts: the triangle as a heatmap and the average as a curve."""

from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from clvhelpers.cohorts import ROLLING_DAYS, TOLD_AGES, CohortTable
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.plots.look import BLUE, INK, SEQUENTIAL, Picture, canvas, percent_axis, title
from clvhelpers.text import day, number, percent, period

HIDDEN = "#DDDDDD"
MOST_WORDED, MOST_INCHES = 24, 8  # in a larger triangle numbers in the cells would be too small to read
DOES = {"on": "buy in {age}", "on_or_after": "buy in {age} or later", "cumulative": "have come back by {age}"}


def cohort_heatmap(table: CohortTable) -> Picture:
    """Retention of each cohort (rows) at each age (columns).

    The first column holds the number of customers. Cells not observed yet are blank, cells that are kept though
    they are not complete are hatched, and empty cohorts have no colour. Cohorts that a report hides, because they
    are of few customers, are grey.

    >>> from clvhelpers import load_cdnow
    >>> from clvhelpers.cohorts import cohort_table
    >>> print(cohort_heatmap(cohort_table(load_cdnow(), end="1998-06-30")).alt[:87])
    Heatmap of retention for 3 cohorts, 1997-01 to 1997-03, at month 0 to 17. Of 100 custom
    """
    triangle = table.triangle()
    later = triangle.drop(columns=0)
    height = min(max(2.2, 1.1 + 0.27 * len(triangle)), MOST_INCHES)
    with canvas(figsize=(7.2, height)) as (figure, axes):
        top = later.max(axis=None) if later.notna().any(axis=None) else 1.0
        image = axes.pcolormesh(later, cmap=SEQUENTIAL, vmin=0, vmax=top or 1.0, edgecolors="white", linewidth=0.5)
        _label_axes(axes, triangle, _age_label(table))
        if max(triangle.shape) <= MOST_WORDED:
            _write_sizes(axes, table)
            _write_cells(axes, later, image)
        _hatch_immature(axes, table)
        _cover_hidden(axes, table)
        bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02)
        percent_axis(bar.ax.yaxis)
        bar.outline.set_visible(False)
        title(axes, _first_and_latest(table, later))
    return Picture(figure, _heatmap_words(table, later))


def retention_curve(table: CohortTable, how: str = "pooled", level: float = 0.95) -> Picture:
    """Average retention by age from 1 on, with Wilson's band; age 0 is the whole cohort by definition.

    Raises `NotEnoughDataError` where no cohort is old enough.

    >>> from clvhelpers import load_cdnow
    >>> from clvhelpers.cohorts import cohort_table
    >>> print(retention_curve(cohort_table(load_cdnow(), end="1998-06-30")).alt[:58])
    Line of average retention (pooled) at month 1 to 17: 14.6%
    """
    average = table.average(how, level)
    average = average[average["age"] > 0]
    if average.empty:
        raise NotEnoughDataError(f"no cohort is old enough for {table.step} 1: a later end date is needed")
    with canvas() as (figure, axes):
        axes.fill_between(average["age"], average["low"], average["high"], color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(average["age"], average["retention"], color=BLUE, marker="o", markersize=4)
        axes.set_ylim(bottom=0)
        percent_axis(axes.yaxis)
        axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True))
        axes.set_xlabel(_age_label(table))
        axes.set_ylabel(f"Retention, with {percent(level, 0)} interval")
        title(axes, _finding(table))
    return Picture(figure, _curve_words(table, average, how, level))


def _age_label(table: CohortTable) -> str:
    if table.mode == "rolling":
        return f"Windows of {ROLLING_DAYS[table.period]} days from the first purchase"
    return f"{table.step.capitalize()}s since the {table.step} of the first purchase"


def _label_axes(axes: Axes, triangle: pd.DataFrame, ages_label: str) -> None:
    every = -(-len(triangle.columns) // MOST_WORDED)
    ages = range(0, len(triangle.columns), every)
    axes.set_xticks([age - 0.5 for age in ages], [str(age) if age else "n" for age in ages])
    every = -(-len(triangle) // MOST_WORDED)
    rows = range(0, len(triangle), every)
    axes.set_yticks([row + 0.5 for row in rows], [_cohort_name(triangle.index[row]) for row in rows])
    axes.set_xlim(-1, len(triangle.columns) - 1)
    axes.set_ylim(len(triangle), 0)
    axes.set_xlabel(f"{ages_label} (n: customers)")
    axes.set_ylabel("First purchase in")
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _cohort_name(cohort: pd.Period) -> str:
    return day(cohort.start_time) if cohort.freqstr.startswith("W") else period(cohort)


def _write_sizes(axes: Axes, table: CohortTable) -> None:
    sizes = table.frame.groupby("cohort")["n0"].first()
    for row, customers in enumerate(sizes):
        axes.text(-0.5, row + 0.5, number(customers), ha="center", va="center", fontsize=7.5, color=INK)


def _write_cells(axes: Axes, later: pd.DataFrame, image: Any) -> None:
    for row, (_, shares) in enumerate(later.iterrows()):
        for column, share in enumerate(shares):
            if pd.notna(share):
                dark = image.norm(share) < 0.55
                words = number(100 * share)
                colour = "white" if dark else INK
                axes.text(column + 0.5, row + 0.5, words, ha="center", va="center", fontsize=7.5, color=colour)


def _hatch_immature(axes: Axes, table: CohortTable) -> None:
    frame = table.frame
    first = frame["cohort"].min().ordinal
    kept = frame[~frame["mature"] & frame["retention"].notna() & (frame["age"] > 0)]
    for cohort, age in zip(kept["cohort"], kept["age"], strict=True):
        corner = (age - 1, cohort.ordinal - first)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, hatch="//", edgecolor="#FFFFFF99", linewidth=0))


def _hidden(table: CohortTable) -> pd.DataFrame:
    """The cells after age 0 that a report hides."""
    frame = table.frame
    return frame[frame["hidden"] & (frame["age"] > 0)] if "hidden" in frame else frame.head(0)


def _cover_hidden(axes: Axes, table: CohortTable) -> None:
    first = table.frame["cohort"].min().ordinal
    for cohort, age in zip(_hidden(table)["cohort"], _hidden(table)["age"], strict=True):
        corner = (age - 1, cohort.ordinal - first)
        axes.add_patch(Rectangle(corner, 1, 1, facecolor=HIDDEN, edgecolor="white", linewidth=0.5))


def _told(table: CohortTable) -> list[tuple[int, float]]:
    average = table.average().set_index("age")["retention"]
    return [(age, float(average[age])) for age in TOLD_AGES if age in average.index]


def _finding(table: CohortTable) -> str:
    told = _told(table)
    if not told and not _hidden(table).empty:
        return f"No cohort that may be shown is old enough for {table.step} 1 yet"
    if not told:
        return f"No cohort is old enough for {table.step} 1 yet"
    ends = [told[0]] if len(told) == 1 else [told[0], told[-1]]
    words = [f"{number(100 * share)} {DOES[table.kind].format(age=f'{table.step} {age}')}" for age, share in ends]
    return f"Of 100 customers {' and '.join(words)}"


def _first_and_latest(table: CohortTable, later: pd.DataFrame) -> str:
    """How the oldest and the youngest cohort that can be compared did at their age 1."""
    shares = later[1].dropna() if 1 in later else pd.Series(dtype=float)
    if shares.empty:
        return _finding(table)
    told = [f"{percent(shares.iloc[place], 0)} of cohort {_cohort_name(shares.index[place])}" for place in (0, -1)]
    does = DOES[table.kind].format(age=f"{table.step} 1")
    return f"{' and '.join(told[: len(shares)])} {does}"


def _heatmap_words(table: CohortTable, later: pd.DataFrame) -> str:
    cohorts = later.index
    text = (
        f"Heatmap of retention for {number(len(cohorts))} cohorts, {_cohort_name(cohorts[0])} to "
        f"{_cohort_name(cohorts[-1])}, at {table.step} 0 to {len(later.columns)}. {_finding(table)}."
    )
    if not _hidden(table).empty:
        text += " Grey cohorts are of too few customers to be shown."
    cells = table.frame[(table.frame["age"] > 0) & table.frame["retention"].notna()]
    if cells.empty:
        return text
    ordered = cells.sort_values("retention", kind="stable")
    low, high = (_cell_words(table, ordered.iloc[place]) for place in (0, -1))
    which = "The lowest cell" if _hidden(table).empty else "Of the others the lowest cell"
    return f"{text} {which} is {low}, the highest {high}. Retention is {table.definition}."


def _cell_words(table: CohortTable, cell: Any) -> str:
    return f"{percent(cell['retention'])} (cohort {_cohort_name(cell['cohort'])}, {table.step} {cell['age']})"


def _curve_words(table: CohortTable, average: pd.DataFrame, how: str, level: float) -> str:
    points = [
        f"{percent(row['retention'])} at {table.step} {row['age']} ({percent(row['low'])} to {percent(row['high'])})"
        for row in average.to_dict("records")
        if row["age"] in TOLD_AGES
    ]
    return (
        f"Line of average retention ({how}) at {table.step} 1 to {average['age'].max()}: {', '.join(points)}; "
        f"in brackets {percent(level, 0)} intervals. Retention is {table.definition}."
    )
