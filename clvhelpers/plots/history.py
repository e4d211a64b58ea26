"""Figures about a client's reports over time."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from clvhelpers.plots.look import BLUE, Picture, canvas
from clvhelpers.text import Format, count, day, money, number, percent

PANELS = (
    ("customers", "Customers"),
    ("revenue", "Revenue so far"),
    ("repeat_rate", "Repeat rate"),
    ("average_order_value", "Average order"),
    ("clv_total", "Predicted value, {level} range"),
)
FEWEST = 2
LEAST_SPAN = 0.1


def key_figures_over_time(reports: Sequence[Mapping[str, Any]], currency: str = "USD") -> Picture | None:
    """A line for each key figure over the reports of a client, oldest first, this one last; None below two reports.

    `reports` are as `reporting.history.key_figures` gives them. A point is missing where a report could not have
    the figure, or had it in another currency; a figure with fewer than two points has no line.

    >>> first = {"as_of": "2026-05-31", "customers": 90, "currency": "EUR"}
    >>> picture = key_figures_over_time([first, {**first, "as_of": "2026-06-30", "customers": 120}], "EUR")
    >>> print(picture.alt.partition(". ")[2])
    Customers rose from 90 to 120 in 2 reports. Customers: 2026-05-31 90; 2026-06-30 120.
    """
    frame = _frame(reports, currency)
    level = percent(0.9, 0)
    panels = [(name, label.format(level=level)) for name, label in PANELS if frame[name].count() >= FEWEST]
    if not panels:
        return None
    rows = -(-len(panels) // 2)
    with canvas(rows, 2, figsize=(7.2, 0.6 + 2.1 * rows), squeeze=False) as (figure, grid):
        for axes, (name, label) in zip(grid.flat, panels, strict=False):
            _line(axes, frame, name, label, _format(name, currency))
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        finding = _finding(frame, *panels[0])
        figure.suptitle(finding, x=0.01, ha="left", fontsize=12, fontweight="bold")
    words = ". ".join(f"{label}: {_values(frame, name, _format(name, currency))}" for name, label in panels)
    return Picture(figure, f"Lines of key figures by report. {finding}. {words}.")


def _frame(reports: Sequence[Mapping[str, Any]], currency: str) -> pd.DataFrame:
    """One row a report, with the ends of the range, and no money of another currency."""
    rows = []
    for report in reports:
        low, high = report.get("clv_total_interval") or (None, None)
        row = {name: report.get(name) for name, _ in PANELS} | {"low": low, "high": high}
        if report["currency"] != currency:
            row |= dict.fromkeys(("revenue", "average_order_value", "clv_total", "low", "high"))
        rows.append(row)
    days = pd.DatetimeIndex([report["as_of"] for report in reports])
    return pd.DataFrame(rows, index=days, dtype=float)


def _format(name: str, currency: str) -> Format:
    if name == "customers":
        return number
    return percent if name == "repeat_rate" else partial(money, currency=currency)


def _line(axes: Axes, frame: pd.DataFrame, name: str, label: str, show: Format) -> None:
    known = frame.dropna(subset=name)
    axes.plot(known.index, known[name], color=BLUE, marker="o", markersize=4)
    if name == "clv_total":
        axes.fill_between(known.index, known["low"], known["high"], color=BLUE, alpha=0.15, linewidth=0)
    axes.set_title(label, fontsize=10, fontweight="normal", pad=6)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
    _no_mountain_of_a_molehill(axes)
    days = known.index[[0, -1]]
    axes.set_xticks(days, [day(when) for when in days])


def _no_mountain_of_a_molehill(axes: Axes) -> None:
    """An axis that spans a tenth of its level or more, so that a small wave does not look like a storm."""
    low, high = axes.get_ylim()
    middle, half = (low + high) / 2, (high - low) / 2
    half = max(1.25 * half, LEAST_SPAN / 2 * abs(middle))
    axes.set_ylim(middle - half, middle + half)


def _finding(frame: pd.DataFrame, name: str, label: str) -> str:
    known = frame[name].dropna()
    first, last = known.iloc[0], known.iloc[-1]
    if first == last:
        return f"{label} stayed at {number(last)} in {count(len(known), 'report')}"
    moved = "rose" if last > first else "fell"
    return f"{label} {moved} from {number(first)} to {number(last)} in {count(len(known), 'report')}"


def _values(frame: pd.DataFrame, name: str, show: Format) -> str:
    texts = []
    for when, row in zip(frame.index, frame.to_dict("records"), strict=True):
        if pd.isna(row[name]):
            continue
        text = f"{day(when)} {show(row[name])}"
        if name == "clv_total" and pd.notna(row["low"]):
            text += f" ({show(row['low'])} to {show(row['high'])})"
        texts.append(text)
    return "; ".join(texts)
