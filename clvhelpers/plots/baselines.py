"""Figures of forecasts side by side: what each finds, whom each overrates, and how sure a model can be."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.errors import NotEnoughDataError
from clvhelpers.models.baselines import Comparison
from clvhelpers.models.ranking import caught
from clvhelpers.plots.look import COLOURS, GREY, INK, Picture, canvas, percent_axis, title
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.models.newcomers import NewcomerBelief

POINTS = np.linspace(0, 1, 101)
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P")


def gains_of_forecasts(found: Comparison, names: Sequence[str] = ()) -> Picture:
    """The share of the purchases made by the customers whom each forecast puts first, up to all of them.

    `names` chooses some of the forecasts (default: all); many of them make the lines hard to tell apart.
    """
    shown = found.forecasts[list(names) or found.forecasts.columns.tolist()]
    actual = found.window.purchases.to_numpy(dtype=float)
    shares = dict(zip(found.frame["forecast"], found.frame["found"], strict=True))
    told = {name: float(shares[name]) for name in shown}
    with canvas(figsize=(6.4, 4.2)) as (figure, axes):
        axes.plot(POINTS, caught(actual, actual, POINTS), color=GREY, linewidth=1, label="if you knew what comes")
        for place, (name, one) in enumerate(shown.items()):
            colour, dash = COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]
            axes.plot(POINTS, caught(one.to_numpy(), actual, POINTS), color=colour, linestyle=dash, label=str(name))
        axes.axvline(found.share, color=INK, linewidth=1, linestyle=":")
        axes.set_xlabel("Customers, those with the highest forecast first")
        axes.set_ylabel("Share of the purchases that came")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        for axis in (axes.xaxis, axes.yaxis):
            percent_axis(axis)
        axes.legend(loc="lower right", fontsize=9)
        best = max(told, key=lambda name: told[name])
        title(
            axes,
            f"The best {percent(found.share, 0)} by {best} made {percent(told[best], 0)} of the purchases",
        )
    held = ", ".join(f"{name} {percent(share)}" for name, share in told.items())
    (most,) = caught(actual, actual, np.array([found.share]))
    words = (
        "Lines of the share of all purchases in the held-out window, by the share of customers taken from the highest "
        f"forecast down. The best {percent(found.share, 0)} made: {held}; whoever knew what comes would find "
        f"{percent(most)}."
    )
    return Picture(figure, words)


def bias_by_group(by: pd.DataFrame, forecasts: Sequence[str]) -> Picture:
    """How far each forecast is off in each group: `by` is what `Comparison.by` gives. Raises where no group is left."""
    if by.empty:
        raise NotEnoughDataError("no group has enough purchases to compare a forecast with")
    rows = by.sort_values(forecasts[0], kind="stable", ignore_index=True)
    places = np.arange(len(rows))
    with canvas(figsize=(6.4, 1.6 + 0.42 * len(rows))) as (figure, axes):
        axes.axvline(0, color=INK, linewidth=1)
        for place, name in enumerate(forecasts):
            height = places + (place - (len(forecasts) - 1) / 2) * 0.16
            marker = MARKERS[place % len(MARKERS)]
            axes.plot(rows[name], height, marker, color=COLOURS[place % len(COLOURS)], markersize=6, label=name)
        axes.set_yticks(places, rows["group"].astype(str))
        axes.grid(axis="x")
        percent_axis(axes.xaxis, signed=True)
        axes.set_xlabel("Forecast purchases against those that came")
        figure.legend(loc="outside lower center", ncols=min(4, len(forecasts)))
        worst = max(rows.to_dict("records"), key=lambda row: abs(row[forecasts[0]]))
        off = percent(float(worst[forecasts[0]]), 0, signed=True)
        title(axes, f"{forecasts[0]} is off by {off} for {worst['group']}")
    told = "; ".join(
        f"{row['group']}: {', '.join(f'{name} {percent(row[name], 0, signed=True)}' for name in forecasts)}"
        for row in rows.to_dict("records")
    )
    return Picture(figure, f"Dots of the error of each forecast by group of customers. {told}.")


def newcomer_beliefs(beliefs: Sequence["NewcomerBelief"]) -> Picture:
    """The draws of each belief as a heap, with its 90% interval below it."""
    every = np.concatenate([one.draws.to_numpy() for one in beliefs])
    edges = np.histogram_bin_edges(every, bins=60, range=tuple(np.quantile(every, [0.0, 0.995])))
    with canvas() as (figure, axes):
        for place, one in enumerate(beliefs):
            colour = COLOURS[place % len(COLOURS)]
            label = f"{number(one.customers)} customers"
            axes.hist(one.draws, bins=edges, color=colour, alpha=0.55, density=True, label=label)
            low, high = one.interval()
            height = -0.04 * (place + 1) * axes.get_ylim()[1]
            axes.plot([low, high], [height, height], color=colour, linewidth=4, solid_capstyle="butt")
        axes.set_xlabel(f"Expected repeat purchases of a newcomer in {number(beliefs[0].length)} weeks")
        axes.set_ylabel("How likely, given the data")
        axes.set_yticks([])
        axes.xaxis.set_major_formatter(lambda value, _: number(value, 1))
        axes.legend()
        widths = [np.ptp(one.interval()) for one in beliefs]
        times = number(max(widths) / min(widths), 1)
        finding = f"The widest of these intervals is {times} times as wide as the narrowest"
        title(axes, finding)
    told = "; ".join(one.sentence().rstrip(".") for one in beliefs)
    return Picture(figure, f"Heaps of what the draws of a posterior expect of a newcomer. {finding}. {told}.")
