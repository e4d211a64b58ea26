"""Figures of what a model thinks of every past, and of one customer day by day."""

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.ticker import MaxNLocator

from clvhelpers.errors import ConfigError
from clvhelpers.plots.look import BLUE, ORANGE, SEQUENTIAL, Picture, canvas, date_axis, number_axis, percent_axis, title
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.models.surfaces import AliveHistory, RecencyFrequencyMatrix

VALUES = {"expected_purchases": "Expected purchases", "probability_alive": "Probability of being alive"}
WORDS = {"D": "day", "W": "week", "M": "month", "Y": "year"}


def recency_frequency(matrix: "RecencyFrequencyMatrix", value: str = "expected_purchases") -> Picture:
    """A heat map of every past: purchases across, silence since the last one up; blank where there is no such past.

    `value` is "expected_purchases" or "probability_alive". Along a white line it is the same.

    >>> from clvhelpers import BetaGeoModel
    >>> from clvhelpers.models import recency_frequency_matrix
    >>> model = BetaGeoModel("W").with_parameters(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> print(recency_frequency(recency_frequency_matrix(model, T=39, t=39), "probability_alive").alt[:149])
    Heat map of the probability of being alive of customers known for 39 weeks, by repeat purchases (0 to 20) and \
weeks since the last one. 10 repeat pur
    """
    if value not in VALUES:
        raise ConfigError(f"value is {value!r}: expected one of {', '.join(map(repr, VALUES))}")
    grid = matrix.frame.pivot(index="silence", columns="frequency", values=value)
    unit, most = WORDS[matrix.unit], int(grid.columns[-1])
    top = 1.0 if value == "probability_alive" else float(grid.to_numpy()[grid.notna()].max())
    finding = _lost_by_silence(matrix, value)
    with canvas(figsize=(5.8, 4.2)) as (figure, axes):
        image = axes.pcolormesh(grid.columns, grid.index, grid, cmap=SEQUENTIAL, vmin=0, vmax=top)
        if min(grid.shape) > 2:
            axes.contour(grid.columns, grid.index, grid, levels=5, colors="white", linewidths=0.8)
        axes.grid(False)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set_xlabel("Repeat purchases so far")
        number_axis(axes.yaxis)
        axes.set_ylabel(f"{unit.capitalize()}s since the last purchase")
        bar = figure.colorbar(image, ax=axes, pad=0.02)
        bar.outline.set_visible(False)
        number_axis(bar.ax.yaxis)
        if value == "probability_alive":
            percent_axis(bar.ax.yaxis)
        bar.set_label(f"{VALUES[value]}{_in_time(matrix, value)}")
        title(axes, finding)
    return Picture(
        figure,
        f"Heat map of the {VALUES[value].lower()}{_in_time(matrix, value)} of customers known for "
        f"{_length(matrix.T, unit)}, by repeat purchases (0 to {most}) and {unit}s since the last one. {finding}. "
        f"{_by_purchases(matrix, value)}",
    )


def alive(history: "AliveHistory") -> Picture:
    """The probability that one customer is alive on each day, with a dot at each purchase.

    >>> from clvhelpers import BetaGeoModel
    >>> from clvhelpers.models import alive_history
    >>> model = BetaGeoModel("W").with_parameters(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> print(alive(alive_history(model, ["2026-01-01", "2026-02-05"], end="2026-02-19")).alt)
    Line of one customer's probability of being alive by day, each from what was known on that day, with dots at \
purchases. After 14 days of silence: 71% still there. Up to 2026-02-19 the customer bought on 2 days, last on \
2026-02-05; BG/NBD holds them for alive with 70.7%.
    """
    frame = history.frame
    with canvas() as (figure, axes):
        axes.plot(frame["date"], frame["probability_alive"], color=BLUE, linewidth=2)
        bought = frame[frame["purchase"]]
        axes.plot(
            bought["date"],
            bought["probability_alive"],
            "o",
            color=ORANGE,
            markersize=6,
            label="Purchase",
            clip_on=False,
        )
        axes.set_ylim(0, 1.02)
        percent_axis(axes.yaxis)
        axes.set_ylabel("Probability of being alive")
        date_axis(axes.xaxis)
        figure.legend(loc="outside lower center")
        title(axes, history.finding())
    words = (
        "Line of one customer's probability of being alive by day, each from what was known on that day, with dots at "
        f"purchases. {history.finding()}. {history.sentence()}"
    )
    return Picture(figure, words)


def _in_time(matrix: "RecencyFrequencyMatrix", value: str) -> str:
    return f" in the next {_length(matrix.t, WORDS[matrix.unit])}" if value == "expected_purchases" else ""


def _length(time: float, unit: str) -> str:
    return count(int(time), unit) if time % 1 == 0 else f"{number(time, 1)} {unit}s"


def _shown(figure: float, value: str) -> str:
    return percent(figure, 0) if value == "probability_alive" else number(figure, 1)


def _half_silent(frame: pd.DataFrame, T: float) -> float:
    """The silence of the grid that is nearest to half of T."""
    silences = frame["silence"].unique()
    return float(min(silences, key=lambda silence: abs(silence - T / 2)))


def _lost_by_silence(matrix: "RecencyFrequencyMatrix", value: str) -> str:
    """The same number of purchases, just now and half of T ago."""
    frame, half = matrix.frame, _half_silent(matrix.frame, matrix.T)
    later = frame[(frame["silence"] == half) & (frame["frequency"] > 0)]
    middle = int(later["frequency"].median())
    (now,) = frame.loc[(frame["silence"] == 0) & (frame["frequency"] == middle), value]
    (old,) = later.loc[later["frequency"] == middle, value]
    what = "still there" if value == "probability_alive" else "expected"
    return (
        f"{count(middle, 'repeat purchase')}: {_shown(now, value)} {what} if the last was just now, "
        f"{_shown(old, value)} if {_length(half, WORDS[matrix.unit])} ago"
    )


def _by_purchases(matrix: "RecencyFrequencyMatrix", value: str) -> str:
    """The same silence, after few and after many purchases."""
    half = _half_silent(matrix.frame, matrix.T)
    rows = matrix.frame[(matrix.frame["silence"] == half) & (matrix.frame["frequency"] > 0)]
    some = rows.iloc[sorted({0, len(rows) // 4, len(rows) // 2, len(rows) - 1})]
    told = ", ".join(f"{_shown(row[value], value)} with {row['frequency']:.0f}" for row in some.to_dict("records"))
    return f"After {_length(half, WORDS[matrix.unit])} of silence: {told}."
