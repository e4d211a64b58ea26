"""Figures of looking early: bounds by look, intervals that hold at any look, and what looking costs."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy.special import ndtri

from clvhelpers.experiments.power import Array, short_percent
from clvhelpers.plots.look import BLUE, GREEN, GREY, ORANGE, RED, Picture, canvas, number_axis, percent_axis, title
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.experiments.peeking import ConfidenceSequence, SequentialBounds
    from clvhelpers.experiments.peeking_cost import CostOfPeeking


def bounds_by_look(result: "SequentialBounds") -> Picture:
    """The bounds on z at each look, on both sides, and the bound of a single look.

    >>> from clvhelpers.experiments.peeking import sequential_bounds
    >>> print(bounds_by_look(sequential_bounds(3)).alt)  # doctest: +ELLIPSIS
    Lines of the bounds on z by look. With 3 looks z must be beyond 3.471 at the first, 2.004 at the last. Bounds: ...
    """
    looks, bounds = result.frame["look"].to_numpy(), result.frame["bound"].to_numpy()
    single = float(ndtri(1 - result.alpha / 2))
    with canvas() as (figure, axes):
        for side in (1, -1):
            axes.plot(looks, side * bounds, "o-", color=BLUE, linewidth=2, label="stop beyond" if side > 0 else None)
            axes.axhline(side * single, color=GREY, linestyle="--", linewidth=1,
                         label="bound of a single look" if side > 0 else None)  # fmt: skip
            if len(looks) <= 8:  # more would not fit side by side
                for look, bound in zip(looks, bounds, strict=True):
                    axes.annotate(number(side * bound, 2), (look, side * bound), (0, 8 if side > 0 else -15),
                                  textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
        axes.fill_between(looks, -bounds, bounds, color=BLUE, alpha=0.1, linewidth=0)
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
        axes.set_xlim(0.5, looks[-1] + 0.5)
        axes.set_ylim(-1.4 * bounds.max(), 1.4 * bounds.max())
        axes.set_xlabel("Look")
        axes.set_ylabel("z")
        figure.legend(loc="outside lower center", ncols=2)
        finding = f"With {count(len(looks), 'look')} z must be beyond {_first_and_last(result)}"
        title(axes, finding)
    return Picture(figure, f"Lines of the bounds on z by look. {finding}. Bounds: {result.bounds_in_words()}.")


def _first_and_last(result: "SequentialBounds") -> str:
    first, *_, last = [number(bound, 3) for bound in result.frame["bound"]] * 2
    return result.bounds_in_words() if first == last else f"{first} at the first, {last} at the last"


def sequence_band(result: "ConfidenceSequence") -> Picture:
    """The difference by units, in the band that holds at every look, and the narrower one that holds at one look only.

    >>> from clvhelpers.experiments.peeking import confidence_sequence
    >>> looks = [{"control": (40 * k, 200 * k), "offer": (50 * k, 200 * k)} for k in (1, 2, 3, 4)]
    >>> print(sequence_band(confidence_sequence(looks, planned_units=1600)).alt[:86])
    Line of the difference by units, in two bands. After 1,600 units the interval holds 0.
    """
    rows, stop = result.frame, result.first_beyond
    with canvas() as (figure, axes):
        axes.axhline(0, color=GREY, linewidth=1, linestyle="--")
        if len(rows) == 1:
            _single_look(axes, rows.iloc[0])
        else:
            for low, high, colour, label in [
                ("low", "high", BLUE, f"holds at every look ({percent(result.level, 0)})"),
                ("fixed_low", "fixed_high", ORANGE, "usual interval, one look only"),
            ]:
                axes.fill_between(
                    rows["units"], rows[low], rows[high], color=colour, alpha=0.2, linewidth=0, label=label
                )
            axes.plot(rows["units"], rows["difference"], "-", color=BLUE, linewidth=2, label="difference")
        _mark_stop(axes, result)
        shown = rows["units"] >= rows["units"].max() / 10  # the first looks are so wide that they hide the rest
        reach = float(np.abs(rows.loc[shown, ["low", "high"]]).to_numpy().max())
        axes.set_ylim(-1.1 * reach, 1.1 * reach)
        axes.yaxis.set_major_formatter(lambda value, _: result.shown(value))
        number_axis(axes.xaxis)
        axes.set_xlabel("Units of both arms")
        axes.set_ylabel("Difference, arm minus control")
        figure.legend(loc="outside lower center", ncols=2)
        units = number(rows["units"].iloc[-1] if stop is None else rows["units"].iloc[stop - 1])
        finding = f"After {units} units the interval {'holds 0' if stop is None else 'leaves out 0: the test may end'}"
        title(axes, finding)
    return Picture(figure, f"Line of the difference by units, in two bands. {finding}. {result.sentence()}")


def _single_look(axes: Axes, row: pd.Series) -> None:
    for low, high, colour, width, label in [
        ("low", "high", BLUE, 3, "holds at every look"),
        ("fixed_low", "fixed_high", ORANGE, 7, "usual interval, one look only"),
    ]:
        axes.vlines(row["units"], row[low], row[high], color=colour, linewidth=width, label=label)
    axes.plot(row["units"], row["difference"], "o", color="black", label="difference")


def _mark_stop(axes: Axes, result: "ConfidenceSequence") -> None:
    if result.first_beyond is not None:
        row = result.frame.iloc[result.first_beyond - 1]
        axes.plot(row["units"], row["difference"], "D", color=GREEN, markersize=7, label="may end here")


def ways_of_looking(result: "CostOfPeeking") -> Picture:
    """False alarms of each way in tests without an effect, and in those with one the power and the units used.

    >>> from clvhelpers.experiments.peeking_cost import cost_of_peeking
    >>> print(ways_of_looking(cost_of_peeking(5, runs=500)).alt[:62])
    Bars of false alarms, power and units used, by way of looking.
    """
    frame = result.frame
    every = frame.iloc[int(frame["false_alarms"].argmax())]
    with canvas(columns=3, figsize=(7.4, 3.6), sharey=True) as (figure, parts):
        _bars(parts[0], frame["false_alarms"].to_numpy(), frame["exact"].to_numpy() > 1.1 * result.alpha)
        parts[0].axvline(result.alpha, color=GREY, linestyle="--", linewidth=1)
        parts[0].set_xlabel(f"False alarms (dashed: {short_percent(result.alpha)})")
        for axes, column, label in [
            (parts[1], "power", "Power"),
            (parts[2], "share_of_units", "Units used, of planned"),
        ]:
            _bars(axes, frame[column].to_numpy(), np.zeros(len(frame), dtype=bool))
            axes.set_xlabel(label)
        parts[0].set_yticks(range(len(frame)), [str(way).replace(", ", ",\n") for way in frame["way"]])
        parts[0].invert_yaxis()
        finding = (
            f"{result.looks} looks with the bound of one raise {percent(every['false_alarms'])} false alarms, "
            f"not {short_percent(result.alpha)}"
        )
        figure.suptitle(finding, x=0.01, ha="left", fontsize=12, fontweight="bold")
    told = "; ".join(
        f"{row['way']}: {percent(row['false_alarms'])}, {percent(row['power'])}, {percent(row['share_of_units'])}"
        for row in frame.to_dict("records")
    )
    return Picture(figure, f"Bars of false alarms, power and units used, by way of looking. {finding}. {told}.")


def _bars(axes: Axes, values: Array, broken: npt.NDArray[np.bool_]) -> None:
    bars = axes.barh(range(len(values)), values, height=0.6, color=np.where(broken, RED, BLUE))
    axes.bar_label(bars, labels=[percent(value) for value in values], padding=3, fontsize=9)
    axes.set_xlim(0, 1.35 * float(values.max()) or 1)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    percent_axis(axes.xaxis)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
