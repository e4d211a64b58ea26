"""Figures of a model's forecast: in all and week by week, by number of purchases, and on a held-out period."""

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from clvhelpers.models.validation import Validation
from clvhelpers.plots.look import BLUE, GREY, INK, ORANGE, Picture, canvas, date_axis, number_axis, title
from clvhelpers.text import day, number, percent

ACTUAL, EXPECTED, NAIVE = INK, BLUE, ORANGE


def tracking(path: pd.DataFrame, calibration_end: str | dt.date) -> Picture:
    """Cumulative repeat purchases, actual and expected, with a line where the held-out period begins.

    `path` comes from `models.tracking_path`, `calibration_end` is the last day the model was fitted to.

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> from clvhelpers.models import tracking_path
    >>> model = BetaGeoModel().fit(customer_summary(load_cdnow(), end="1997-09-30"))
    >>> print(tracking(tracking_path(model, load_cdnow(), "1997-09-30"), "1997-09-30").alt[-85:])
    By 1998-06-30 there were 4,339 repeat purchases and the model expected 4,161 (-4.1%).
    """
    cut = pd.Timestamp(calibration_end)
    last = path.iloc[-1]
    gap = last["cumulative_expected"] / last["cumulative_actual"] - 1 if last["cumulative_actual"] else np.nan
    with canvas() as (figure, axes):
        axes.plot(path["date"], path["cumulative_actual"], color=ACTUAL, linewidth=2, label="Actual")
        axes.plot(path["date"], path["cumulative_expected"], color=EXPECTED, linewidth=2, linestyle="--", label="Model")
        axes.axvline(cut, color=GREY, linewidth=1, linestyle=":")
        axes.annotate(" held out", (cut, 0.02), xycoords=("data", "axes fraction"), color=GREY)
        date_axis(axes.xaxis)
        _count_axis(axes, "Repeat purchases so far")
        axes.legend(loc="upper left")
        title(axes, _tracking_finding(gap))
    words = (
        f"Lines of cumulative repeat purchases by week, actual and expected, from {day(path['date'].iloc[0])} on; "
        f"the model was fitted up to {day(cut)}. By {day(last['date'])} there were "
        f"{number(last['cumulative_actual'])} repeat purchases and the model expected "
        f"{number(last['cumulative_expected'])}{_signed(gap)}."
    )
    return Picture(figure, words)


def weekly_tracking(path: pd.DataFrame, calibration_end: str | dt.date) -> Picture:
    """Repeat purchases of each week, actual and expected, with the held-out weeks shaded.

    `path` comes from `models.tracking_path`, `calibration_end` is the last day the model was fitted to.

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> from clvhelpers.models import tracking_path
    >>> model = BetaGeoModel().fit(customer_summary(load_cdnow(), end="1997-09-30"))
    >>> print(weekly_tracking(tracking_path(model, load_cdnow(), "1997-09-30"), "1997-09-30").alt[-102:])
    In the 39 weeks held out there were 48.3 repeat purchases a week and the model expected 42.7 (-11.4%).
    """
    cut, end = pd.Timestamp(calibration_end), path["date"].iloc[-1]
    held = path[path["date"] > cut]
    told = path if held.empty else held
    actual, expected = (float(told[name].mean()) for name in ("actual", "expected"))
    gap = expected / actual - 1 if actual else np.nan
    with canvas() as (figure, axes):
        if not held.empty:
            axes.axvspan(cut, end, color=GREY, alpha=0.12, linewidth=0)
            axes.annotate(" held out", (cut, 0.02), xycoords=("data", "axes fraction"), color=INK)
        axes.plot(path["date"], path["actual"], color=ACTUAL, linewidth=1.2, label="Actual")
        axes.plot(path["date"], path["expected"], color=EXPECTED, linewidth=2, linestyle="--", label="Model")
        date_axis(axes.xaxis)
        _count_axis(axes, "Repeat purchases in a week")
        figure.legend(loc="outside lower center", ncols=2)
        title(axes, _weekly_finding(actual, expected, not held.empty))
    span = f"In the {number(len(held))} weeks held out" if len(held) else f"In all {number(len(path))} weeks"
    words = (
        f"Lines of repeat purchases in each week, actual and expected, from {day(path['date'].iloc[0])} on; the model "
        f"was fitted up to {day(cut)}. {span} there were {number(actual, 1)} repeat purchases a week and the model "
        f"expected {number(expected, 1)}{_signed(gap)}."
    )
    return Picture(figure, words)


def frequency_histogram(table: pd.DataFrame) -> Picture:
    """Customers by number of repeat purchases, actual beside expected; `table` from `models.frequency_table`.

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> from clvhelpers.models import frequency_table
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> print(frequency_histogram(frequency_table(BetaGeoModel().fit(summary), summary)).alt[:96])
    Bars of customers by number of repeat purchases, actual and expected: 0: 1,411 and 1,408; 1: 439
    """
    wrong = (table["expected"] - table["actual"]).abs().sum() / 2 / table["actual"].sum()
    with canvas() as (figure, axes):
        _pairs(axes, table, {"actual": ("Actual", ACTUAL), "expected": ("Model", EXPECTED)})
        axes.set_xlabel("Repeat purchases so far")
        _count_axis(axes, "Customers")
        title(axes, f"The model and the facts differ on {percent(wrong)} of the customers")
    counts = zip(table["frequency"], table["actual"], table["expected"], strict=True)
    bars = "; ".join(f"{name}: {number(actual)} and {number(expected)}" for name, actual, expected in counts)
    return Picture(figure, f"Bars of customers by number of repeat purchases, actual and expected: {bars}.")


def holdout_by_frequency(check: Validation) -> Picture:
    """Mean purchases in the held-out period by number of earlier ones: actual, model and naive rule.

    >>> from clvhelpers import BetaGeoModel, load_cdnow, split_holdout
    >>> check = BetaGeoModel().validate(split_holdout(load_cdnow(), "1997-09-30"))
    >>> print(holdout_by_frequency(check).alt[-75:])
    In all, 1,882 purchases were made, 1,653 expected (-12.1%) and 2,930 naive.
    """
    frame = check.frame
    with canvas() as (figure, axes):
        series = {
            "actual": ("Actual", ACTUAL),
            "predicted": ("Model", EXPECTED),
            "naive": ("Same pace as so far", NAIVE),
        }
        _pairs(axes, frame, series)
        axes.set_xlabel("Repeat purchases before the held-out period")
        number_axis(axes.yaxis)
        axes.set_ylabel(f"Purchases each in the {number(check.weeks)} weeks")
        title(axes, _holdout_finding(check))
    bars = "; ".join(
        f"{row['frequency']}: {', '.join(number(row[name], 2) for name in series)}" for row in frame.to_dict("records")
    )
    words = (
        f"Bars of mean purchases in the {number(check.weeks)} weeks held out, by number of earlier repeat purchases "
        f"(actual, model, naive rule): {bars}. In all, {number(check.actual)} purchases were made, "
        f"{number(check.predicted)} expected{_signed(check.error)} and {number(check.naive)} naive."
    )
    return Picture(figure, words)


def _pairs(axes: Axes, table: pd.DataFrame, series: dict[str, tuple[str, str]]) -> None:
    """Bars side by side, one group a row of the table."""
    width = 0.8 / len(series)
    for place, (column, (label, colour)) in enumerate(series.items()):
        shift = (place - (len(series) - 1) / 2) * width
        axes.bar(np.arange(len(table)) + shift, table[column], width * 0.92, color=colour, label=label)
    axes.set_xticks(range(len(table)), table["frequency"].tolist())
    axes.legend()


def _count_axis(axes: Axes, label: str) -> None:
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)
    number_axis(axes.yaxis)


def _holdout_finding(check: Validation) -> str:
    if not check.actual:
        return "Nobody bought in the held-out period"
    model, naive = (percent(error, 0, signed=True) for error in (check.error, check.naive_error))
    return f"On the held-out weeks the model is off by {model}, the naive rule by {naive}"


def _tracking_finding(gap: float) -> str:
    if np.isnan(gap):
        return "Nobody has come back yet"
    return (
        f"By the end the model expects {percent(abs(gap))} {'fewer' if gap < 0 else 'more'} repeat purchases than came"
    )


def _weekly_finding(actual: float, expected: float, held_out: bool) -> str:
    when = "In the weeks held out" if held_out else "In all weeks"
    if not actual:
        return f"{when} nobody came back, and {number(expected, 1)} repeat purchases a week were expected"
    return f"{when} {number(actual)} repeat purchases came a week, and {number(expected)} were expected"


def _signed(error: float) -> str:
    return "" if np.isnan(error) else f" ({percent(error, signed=True)})"
